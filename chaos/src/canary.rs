//! The canary: cases that must fail.
//!
//! A drill that finds nothing is silent in the same way as a drill that no longer looks. So there are cases
//! whose bug is known: one kept as a scenario file, one found by its seed. If one of them passes, it is the
//! harness that is broken. And since each failure is told with the line that replays it, the canaries are
//! where that line is tried: it has to give the same trace.

use firedrill_core::amend::Amend;

use crate::campaign::{self, Attempt, case_seed};
use crate::generate;
use crate::property::Property;
use crate::runner::Outcome;
use crate::scenario::Scenario;

/// The file of the kept canary, from the workspace's root.
pub const FILE: &str = "chaos/cases/A3-lost-answer-peels-a-version.toml";

/// The bug that it dies of, and the property that must notice.
pub const FILE_BUG: (&str, Property) = ("AM-09", Property::A3);

/// The bug that the canary found by seed dies of, and the property that must notice.
pub const SEED_BUG: (&str, Property) = ("AM-05", Property::A1);

/// Cases among which the second one is looked for; the bug strikes in every tenth or so.
const SEEDS_MAX: u64 = 2000;

/// A case that failed as it must.
#[derive(Debug)]
pub struct Death {
    /// The scenario.
    pub scenario: Scenario,
    /// What came of it.
    pub outcome: Outcome,
}

/// Runs a scenario that must violate the property with the bug, and nothing without it.
///
/// # Errors
/// It sings: what went wrong with the harness, in one sentence.
pub fn expect_death(
    scenario: Scenario,
    (bug, property): (&'static str, Property),
) -> Result<Death, String> {
    if violated(&scenario, None, property)?.is_some() {
        return Err(format!("it violates {property} without {bug} as well"));
    }
    match violated(&scenario, Some(bug), property)? {
        Some(outcome) => Ok(Death { scenario, outcome }),
        None => Err(format!(
            "with {bug} it must violate {property}, and it passes"
        )),
    }
}

/// The first case of this root that dies of the bug, with its seed.
///
/// # Errors
/// None of many does.
pub fn first_death(root: u64, bug: (&'static str, Property)) -> Result<(u64, Death), String> {
    for number in 0..SEEDS_MAX {
        let case = case_seed(root, number);
        if let Ok(death) = expect_death(generate::scenario(case), bug) {
            return Ok((case, death));
        }
    }
    Err(format!(
        "of {SEEDS_MAX} cases none violates {} with {}",
        bug.1, bug.0
    ))
}

/// The outcome, if it violates the property.
fn violated(
    scenario: &Scenario,
    planted: Option<&'static str>,
    property: Property,
) -> Result<Option<Outcome>, String> {
    match campaign::attempt(scenario, &Amend::new, planted, true) {
        Attempt::Ended(outcome) => {
            let mut violations = outcome.violations.iter();
            let is_violated = violations.any(|violation| violation.property == property);
            Ok(is_violated.then_some(outcome))
        }
        Attempt::Panicked(message) | Attempt::NotSetUp(message) => Err(message),
    }
}
