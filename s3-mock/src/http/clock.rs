//! Where the server's time comes from.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::Time;

/// A wait.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of time. Any closure that answers a [`Time`] is one, and waits by tokio's timer.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Time;

    /// Lets so much time pass, for faults that wait.
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

impl<F: Fn() -> Time + Send + Sync + 'static> Clock for F {
    fn now(&self) -> Time {
        self()
    }
}

/// A clock that moves on by one millisecond with each look at it, from 2026-01-01 on: many writes share a
/// second, as they do in reality, and every run sees the same times. The default, where it begins later if
/// something in the server's buckets is newer than that.
#[derive(Debug)]
pub struct TickingClock(AtomicI64);

impl TickingClock {
    const BEGIN: Time = Time(1_767_225_600_000);

    /// Begins a second behind `newest`, if that is later than 2026-01-01: times are stored as whole seconds, so
    /// what is newest may be younger than it seems.
    pub(super) fn behind(newest: Option<Time>) -> Self {
        let behind = newest.map_or(Self::BEGIN, |newest| Time(newest.0.saturating_add(1000)));
        Self(AtomicI64::new(behind.max(Self::BEGIN).0))
    }
}

impl Default for TickingClock {
    fn default() -> Self {
        Self::behind(None)
    }
}

impl Clock for TickingClock {
    fn now(&self) -> Time {
        Time(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// The machine's clock, for a binary's main function to hand in.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(
        clippy::disallowed_methods,
        reason = "the one place that reads the clock, for servers that people run"
    )]
    fn now(&self) -> Time {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let milliseconds = since.map_or(0, |since| since.as_millis());
        Time(i64::try_from(milliseconds).unwrap_or(i64::MAX))
    }
}
