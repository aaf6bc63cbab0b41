//! Cases beyond the budget: more goes wrong than anybody could bear, and the machine has to say so.
//!
//! | what | breaks |
//! |---|---|
//! | storm | the number of attempts: requests fail more often in a row than they are sent |
//! | down | the storage: from some request on, nothing works any more |
//! | counterfeit | the listing: garbage of the right length in the place of originals that are gone |
//! | vanish | the plan: versions go for good while the metadata that names them is being read |
//!
//! As long as that lasts, only lies and damage count. Behind the heal the case is judged like any other.

use firedrill_s3_mock::{Effect, Operation as S3, Position};
use firedrill_sim::draw::{Seed, Stream};

use super::{ANY, before};
use crate::scenario::{Act, Fault, Garbage, Operation, Scenario, Selector, Versions, When};

const BEYOND: Stream = Stream::new("generate.beyond");

/// So many cases of a hundred.
const PERCENT: u64 = 3;

/// A sender that waits half a minute for each answer of a storage that is down would need days.
const PATIENCE_MS: u64 = 2000;

const OPERATIONS: [S3; 7] = [
    S3::GetBucketVersioning,
    S3::ListObjectVersions,
    S3::GetObject,
    S3::DeleteObjects,
    S3::DeleteObjectVersion,
    S3::CopyObject,
    S3::PutObject,
];

/// Breaks the budget of some cases.
pub(super) fn exceed(seed: Seed, scenario: &mut Scenario) {
    if !seed.chance(PERCENT, BEYOND, "beyond", 0) {
        return;
    }
    scenario.beyond = true;
    let draw = Draw { seed };
    match draw.below(4, "what", 0) {
        0 => draw.storm(scenario),
        1 => draw.down(scenario),
        2 => draw.counterfeit(scenario),
        _ => draw.vanish(scenario),
    }
}

struct Draw {
    seed: Seed,
}

impl Draw {
    fn storm(&self, scenario: &mut Scenario) {
        scenario.amend.patience_ms = PATIENCE_MS;
        for nth in 0..1 + self.below(3, "storms", 0) {
            let operation = OPERATIONS[self.below(7, "operation", nth) as usize];
            let is_write = !matches!(
                operation,
                S3::GetBucketVersioning | S3::ListObjectVersions | S3::GetObject
            );
            let after = is_write && self.chance(50, "after", nth);
            // Longer than a request is sent again, or for ever.
            let times = [0, 9, 12, 30][self.below(4, "times", nth) as usize];
            scenario.faults.push(Fault {
                operation,
                key: None,
                nth: 1 + self.below(8, "from", nth),
                times,
                position: if after {
                    Position::After
                } else {
                    Position::Before
                },
                effect: self.effect(nth),
            });
        }
    }

    fn down(&self, scenario: &mut Scenario) {
        scenario.amend.patience_ms = PATIENCE_MS;
        let effect = self.effect(100);
        for (nth, operation) in OPERATIONS.into_iter().enumerate() {
            scenario.faults.push(Fault {
                operation,
                key: None,
                nth: 1 + self.below(10, "down-from", nth as u64),
                times: 0,
                position: Position::Before,
                effect,
            });
        }
    }

    fn counterfeit(&self, scenario: &mut Scenario) {
        for nth in 0..1 + self.below(4, "counterfeits", 0) {
            let key = self.key(nth);
            let with = [Garbage::SameLength, Garbage::SameLength, Garbage::Sibling]
                [self.below(3, "garbage", nth) as usize];
            let versions = Versions::Right;
            let acts = [Act::Overwrite { key, with }, Act::Purge { key, versions }];
            scenario.operations.extend(acts.map(before));
        }
    }

    fn vanish(&self, scenario: &mut Scenario) {
        for nth in 0..1 + self.below(3, "vanished", 0) {
            let key = self.key(nth + 50);
            let versions = [Versions::Right, Versions::Right, Versions::All]
                [self.below(3, "versions", nth) as usize];
            let when = When::AfterReads(1 + self.below(6, "reads", nth));
            let act = Act::Purge { key, versions };
            scenario.operations.push(Operation { when, act });
        }
    }

    fn effect(&self, nth: u64) -> Effect {
        [
            Effect::Unavailable,
            Effect::InternalError,
            Effect::Timeout,
            Effect::Reset { after_bytes: 0 },
        ][self.below(4, "effect", nth) as usize]
    }

    fn key(&self, nth: u64) -> Selector {
        let kind = ANY[self.below(ANY.len() as u64, "kind", nth) as usize];
        Selector::new(kind, self.below(40, "number", nth) as u32)
    }

    fn below(&self, bound: u64, name: &str, nth: u64) -> u64 {
        self.seed.below(bound, BEYOND, name, nth)
    }

    fn chance(&self, percent: u64, name: &str, nth: u64) -> bool {
        self.seed.chance(percent, BEYOND, name, nth)
    }
}
