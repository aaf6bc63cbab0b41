//! The amend machine: plan, apply, verify.

use crate::machine::{Duration, Instant, Machine, RequestId, TimerId};
use crate::object::{Reply, Request};

use super::{Options, Report};

/// What happens to an amend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It begins. Comes once, first.
    Start,
    /// A request was answered, failed, or outlived the runtime's patience. Comes once for each request.
    Reply {
        /// The request.
        id: RequestId,
        /// What came of it.
        reply: Reply,
    },
    /// A timer ran out.
    Timer {
        /// The timer.
        id: TimerId,
    },
    /// Somebody wants it to stop: it sends nothing more, waits for what is in flight, and reports.
    Interrupt,
}

/// What an amend wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a request; exactly one reply is to come.
    Request {
        /// Its name.
        id: RequestId,
        /// The request.
        request: Request,
    },
    /// Wake the machine after `delay`, lengthened by up to a half at random (the jitter that keeps many
    /// clients from coming back at once).
    Timer {
        /// Its name.
        id: TimerId,
        /// How long at least.
        delay: Duration,
    },
    /// How far it is.
    Progress(Progress),
    /// The end: nothing follows.
    Done(Box<Report>),
}

/// How far an amend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Steps done in this phase.
    pub done: u64,
    /// Steps in this phase, where that is known.
    pub total: Option<u64>,
}

/// The phases of an amend, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Lists all versions (steps: entries).
    List,
    /// Finds the commit and reads its metadata (steps: objects).
    Read,
    /// Reads what the listing alone cannot decide (steps: objects).
    Compare,
    /// Publishes, bottom-up (steps: objects).
    Apply,
    /// Lists again (steps: entries).
    Verify,
}

/// The machine. It keeps no journal: whatever happened before a restart stands in the bucket, and a new
/// machine reads it there.
#[derive(Debug)]
pub struct Amend {
    options: Options,
}

impl Amend {
    /// A machine at its start.
    pub fn new(options: Options) -> Self {
        Self { options }
    }
}

impl Machine for Amend {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, _now: Instant, _event: Event, _out: &mut Vec<Effect>) {
        let _ = &self.options;
    }
}
