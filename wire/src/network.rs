//! Faults of the network, added to a scenario: what the generator of the pure drill has no use for.
//!
//! | fault | on the wire | in the simulated world |
//! |---|---|---|
//! | refused | nobody listens where the connection is opened, so many times in a row | not sent |
//! | hang | the request arrives, and no answer ever comes | silence until the patience ends |
//! | cut | the connection ends behind the answer's kth byte, whatever was asked for | a body is cut; else not applied |
//! | storm | 503, so many times in a row | the same |
//! | answer lost | it took effect, and the connection ends | the same |
//!
//! Each is a [`Fault`] of the scenario like any other, with an address, so that it runs on every tier, shrinks
//! and can be kept in a file.

use firedrill_chaos::scenario::{Fault, Kind, Scenario, Selector};
use firedrill_s3_mock::{Effect, Operation, Position};
use firedrill_sim::draw::{Seed, Stream};

const NETWORK: Stream = Stream::new("network.fault");

const OPERATIONS: [Operation; 7] = [
    Operation::GetBucketVersioning,
    Operation::ListObjectVersions,
    Operation::GetObject,
    Operation::GetObject,
    Operation::DeleteObjects,
    Operation::CopyObject,
    Operation::PutObject,
];

const KINDS: [Kind; 6] = [
    Kind::Any,
    Kind::Block,
    Kind::Segment,
    Kind::Snapshot,
    Kind::Hint,
    Kind::Index,
];

/// The scenario with one to three faults of the network besides its own. They are drawn from its seed.
#[must_use]
pub fn added(mut scenario: Scenario) -> Scenario {
    let seed = Seed(scenario.seed);
    for nth in 0..seed.between(1, 3, NETWORK, "how many", 0) {
        scenario.faults.push(fault(seed, nth));
    }
    scenario
}

fn fault(seed: Seed, nth: u64) -> Fault {
    let below = |bound: u64, what: &str| seed.below(bound, NETWORK, what, nth);
    let operation = OPERATIONS[below(OPERATIONS.len() as u64, "operation") as usize];
    let after_bytes = [0, 1, 17, 200][below(4, "bytes") as usize];
    let reset = Effect::Reset { after_bytes };
    let (position, effect, times) = match below(5, "class") {
        0 => (Position::Before, Effect::Reset { after_bytes: 0 }, 4),
        1 => (Position::Before, Effect::Timeout, 2),
        2 => (Position::During, reset, 3),
        3 => (Position::Before, Effect::Unavailable, 5),
        _ => (Position::After, Effect::Reset { after_bytes: 0 }, 2),
    };
    let has_key = matches!(
        operation,
        Operation::GetObject | Operation::CopyObject | Operation::PutObject
    );
    let kind = KINDS[below(KINDS.len() as u64, "kind") as usize];
    let key = Selector::new(kind, below(40, "number") as u32);
    Fault {
        operation,
        key: (has_key && below(2, "keyed") == 0).then_some(key),
        nth: 1 + below(3, "nth"),
        times: 1 + below(times, "times"),
        position,
        effect,
    }
}
