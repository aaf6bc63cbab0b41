//! Swarm profiles: each case enables a random subset of what can happen.
//!
//! With everything enabled at once, rare combinations drown in common ones: a case that overwrites every
//! key never shows what a lone marker does. So each case first draws which operations and faults exist.

use firedrill_sim::draw::{Seed, Stream};
use serde::Serialize;

const PROFILE: Stream = Stream::new("swarm.profile");

/// What can happen in a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// Names of the operations that exist.
    pub operations: Vec<&'static str>,
    /// Names of the fault classes that exist.
    pub faults: Vec<&'static str>,
}

/// Every operation class that can be switched on, with how many cases of a hundred have it.
pub const OPERATIONS: [(&str, u64); 16] = [
    ("op.delete-prefix", 55),
    ("op.delete-twice", 25),
    ("op.delete-some", 35),
    ("op.overwrite", 35),
    ("op.purge-version", 25),
    ("op.suspend-versioning", 18),
    ("op.pre-versioning", 15),
    ("op.partial-manual-restore", 20),
    ("op.siblings", 25),
    ("op.vacuum", 20),
    ("op.commit-during-amend", 15),
    ("op.write-during-amend", 18),
    ("s3.archived", 15),
    ("s3.deny-version-delete", 12),
    ("s3.foreign-etag", 25),
    ("s3.same-second", 40),
];

/// Every fault class that can be switched on, likewise.
pub const FAULTS: [(&str, u64); 9] = [
    ("s3.page-boundary", 25),
    ("s3.unavailable", 22),
    ("s3.ack-lost", 20),
    ("s3.reset-body", 18),
    ("s3.slow", 18),
    ("s3.denied", 15),
    ("s3.storm", 6),
    ("host.crash", 22),
    ("host.interrupt", 6),
];

impl Profile {
    /// The profile of a case.
    pub fn draw(seed: Seed) -> Self {
        // A quarter of the cases meets no faults, so that what is exact is also checked exactly.
        let calm = seed.chance(25, PROFILE, "calm", 0);
        let choose = |rows: &[(&'static str, u64)]| -> Vec<&'static str> {
            rows.iter()
                .filter(|(name, percent)| seed.chance(*percent, PROFILE, *name, 0))
                .map(|(name, _)| *name)
                .collect()
        };
        let mut faults = choose(&FAULTS);
        if calm {
            faults.retain(|name| *name == "s3.page-boundary");
        }
        // A crash in an otherwise faultless world, because only there can its end be told beforehand (A6).
        if seed.chance(50, PROFILE, "lone-crash", 0) && faults.contains(&"host.crash") {
            faults.retain(|name| matches!(*name, "s3.page-boundary" | "host.crash"));
        }
        Self {
            operations: choose(&OPERATIONS),
            faults,
        }
    }

    /// The same, without this class of operations or faults.
    #[must_use]
    pub fn without(mut self, class: &str) -> Self {
        self.operations.retain(|name| *name != class);
        self.faults.retain(|name| *name != class);
        self
    }

    /// Whether a crash is the only thing that goes wrong, so that what must become of it can be told.
    pub fn is_lone_crash(&self) -> bool {
        let harmless = |name: &&str| matches!(*name, "s3.page-boundary" | "host.crash");
        self.meets("host.crash") && self.faults.iter().all(harmless)
    }

    /// Whether this operation class exists.
    pub fn does(&self, operation: &str) -> bool {
        self.operations.contains(&operation)
    }

    /// Whether this fault class exists.
    pub fn meets(&self, fault: &str) -> bool {
        self.faults.contains(&fault)
    }
}
