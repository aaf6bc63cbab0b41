//! Interesting cases, kept in a folder and run first the next time.
//!
//! A case is interesting when it reaches a *signature* that no other one reached: which faults struck, which
//! decisions the reports held, how the lives ended. The folder holds one scenario file for each signature,
//! named after it, so it needs no index, and two folders are merged by copying one over the other.

use std::collections::BTreeSet;

use firedrill_sim::draw::{fold, hash_bytes};

use crate::runner::Outcome;
use crate::scenario::Scenario;

/// What a run reached, as one number.
pub fn signature(scenario: &Scenario, outcome: &Outcome) -> u64 {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let faults = scenario.faults.iter().zip(&outcome.fired);
    reached.extend(
        faults
            .filter(|(_, fired)| **fired > 0)
            .map(|(fault, _)| fault.class()),
    );
    let mut statuses = BTreeSet::new();
    for report in &outcome.reports {
        let decisions = report.objects.iter().map(|object| object.decision.name());
        reached.extend(decisions);
        statuses.insert(report.exit_status());
    }
    if outcome.crashes > 0 {
        reached.insert("host.crash");
    }
    let names = reached
        .into_iter()
        .fold(0, |hash, name| fold(hash, hash_bytes(name.as_bytes())));
    statuses
        .into_iter()
        .fold(names, |hash, status| fold(hash, u64::from(status)))
}
