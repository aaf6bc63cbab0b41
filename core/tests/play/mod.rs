//! Plays an amend by hand: every request can be answered otherwise than the bucket would, and everything that
//! the machine asked for is kept.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate that uses its own part"
)]

use std::collections::VecDeque;

use firedrill_core::amend::{Amend, Decision, Effect, Event, Options, Progress, Report};
use firedrill_core::machine::{Duration, Instant, Machine};
use firedrill_core::object::{Answer, Cause, Failure, Key, Operation, Reply, Request};
use firedrill_s3_mock::Versioning;
use firedrill_sim::fixture::{Table, segment};
use firedrill_sim::fuse::{Change, Flavour};

/// What a machine did until it ended.
pub struct Played {
    pub report: Report,
    /// In the order in which they were sent.
    pub requests: Vec<Request>,
    pub timers: Vec<Duration>,
    pub progress: Vec<Progress>,
    /// Most requests that were in flight at once.
    pub in_flight_max: usize,
    /// Bytes of bodies that arrived, whole or not.
    pub bytes: u64,
}

/// Runs an amend to its end. `meddle` sees each request before the bucket does; what it answers is the reply.
pub fn play(
    table: &mut Table,
    options: Options,
    mut meddle: impl FnMut(&mut Table, &Request) -> Option<Reply>,
) -> Played {
    let mut machine = Amend::new(options);
    let mut events = VecDeque::from([Event::Start]);
    let (mut requests, mut timers, mut progress) = (Vec::new(), Vec::new(), Vec::new());
    let (mut in_flight, mut in_flight_max, mut bytes) = (0, 0, 0);
    for _ in 0..100_000 {
        let event = events.pop_front();
        let event = event.expect("a machine that is not done waits for something");
        if let Event::Reply { reply, .. } = &event {
            in_flight -= 1;
            bytes += arrived(reply);
        }
        let mut out = Vec::new();
        machine.step(Instant::START, event, &mut out);
        for effect in out {
            match effect {
                Effect::Request { id, request } => {
                    in_flight += 1;
                    in_flight_max = in_flight_max.max(in_flight);
                    table.now.0 += 1;
                    let reply = meddle(table, &request).unwrap_or_else(|| bucket(table, &request));
                    requests.push(request);
                    events.push_back(Event::Reply { id, reply });
                }
                Effect::Timer { id, delay } => {
                    timers.push(delay);
                    events.push_back(Event::Timer { id });
                }
                Effect::Progress(step) => progress.push(step),
                Effect::Done(report) => {
                    let report = *report;
                    return Played {
                        report,
                        requests,
                        timers,
                        progress,
                        in_flight_max,
                        bytes,
                    };
                }
            }
        }
    }
    panic!("the machine does not end");
}

/// What the bucket itself answers.
pub fn bucket(table: &mut Table, request: &Request) -> Reply {
    let now = table.now;
    table.store.perform(now, request, None, &mut Vec::new())
}

fn arrived(reply: &Reply) -> u64 {
    match reply {
        Ok(Answer::Body(body)) => body.len() as u64,
        Ok(Answer::Digest { size, .. }) => *size,
        _ => 0,
    }
}

/// It did not happen, for this reason.
pub fn refused(cause: Cause) -> Reply {
    Err(Failure::Determinate(cause))
}

/// It may have happened.
pub fn unclear(cause: Cause) -> Reply {
    Err(Failure::Indeterminate(cause))
}

/// Throttling, which passes.
pub fn busy() -> Cause {
    Cause::Unavailable("503 SlowDown".into())
}

/// Something that no repetition mends.
pub fn broken() -> Cause {
    Cause::Other("ServiceIsOnFire".into())
}

impl Played {
    /// How often this operation was asked for.
    pub fn count(&self, operation: Operation) -> usize {
        let operations = self.operations();
        operations.iter().filter(|of| **of == operation).count()
    }

    /// The operations in their order.
    pub fn operations(&self) -> Vec<Operation> {
        self.requests.iter().map(Request::operation).collect()
    }

    /// What was decided about a key, and why.
    pub fn said(&self, key: &str) -> (&Decision, &str) {
        let object = self
            .report
            .objects
            .iter()
            .find(|object| object.key.as_str() == key);
        let object = object.unwrap_or_else(|| panic!("{key} is not in {:#?}", self.report));
        (&object.decision, object.reason.as_deref().unwrap_or(""))
    }
}

/// A table of one commit with so many segments of one block each.
pub fn table(flavour: Flavour, segments: usize) -> Table {
    let mut table = Table::new(flavour, Versioning::Enabled);
    table.commit(&Change::Insert {
        segments: vec![segment(1); segments],
    });
    table
}

/// Whether a request reads this key.
pub fn reads(request: &Request, of: &str) -> bool {
    matches!(request, Request::Read { key, .. } if key.as_str() == of)
}

/// Whether a request writes this key.
pub fn writes(request: &Request, of: &str) -> bool {
    match request {
        Request::Copy { key, .. } | Request::Put { key, .. } => key.as_str() == of,
        Request::RemoveMarkers { markers } => markers.iter().any(|(key, _)| key.as_str() == of),
        _ => false,
    }
}

/// The keys of a request for the removal of markers, each as often as it has one there.
pub fn keys_of(request: &Request) -> Vec<Key> {
    match request {
        Request::RemoveMarkers { markers } => markers.iter().map(|(key, _)| key.clone()).collect(),
        _ => Vec::new(),
    }
}
