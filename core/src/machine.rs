//! What a recovery machine is: a pure function from events to effects, with state.
//!
//! Effects *start* in the order of the vector and may complete in any order; each reply names its
//! request. The machine owns its window, that is, how many requests are in flight.

pub use std::time::Duration;

/// A moment on the machine's own monotonic clock: nanoseconds since the machine's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Instant(u64);

impl Instant {
    /// The machine's start.
    pub const START: Self = Self(0);

    /// The moment `nanoseconds` after the machine's start.
    pub const fn from_nanos(nanoseconds: u64) -> Self {
        Self(nanoseconds)
    }

    /// Nanoseconds since the machine's start.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }
}

/// Names one request among those that a machine has in flight; unique within one machine's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names one timer that a machine has armed; unique within one machine's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerId(pub u64);

/// A recovery mechanism, without the world around it.
pub trait Machine {
    /// What happened: a reply, a timer, an interrupt.
    type Event;
    /// What to do next: a request, a timer, a report.
    type Effect;

    /// Takes one event and appends what is to be done. Performs nothing itself.
    fn step(&mut self, now: Instant, event: Self::Event, out: &mut Vec<Self::Effect>);
}
