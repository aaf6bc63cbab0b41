//! The scoreboard of salvage's planted bugs: the same table, out of its own drill.
//!
//! A case is a whole database, written, hurt and salvaged, and takes ten times as long as one of amend's: so there
//! are fewer root seeds.

use std::sync::atomic::Ordering;

use crate::salvage::campaign::{Tally, case_seed};
use crate::salvage::catalogue::Entry;
use crate::salvage::checkers::judge;
use crate::salvage::property::Property;
use crate::salvage::scenario::Scenario;
use crate::salvage::{generate, shrink};

use super::scoreboard::{Caught, Plan, Row, Scoreboard, Stray, Terms};
use super::{Clock, Progress};

/// Root seeds unless it is told otherwise.
pub const SEEDS: u64 = 5;
/// Runs that a shrink may take at most.
pub const SHRINK_BUDGET: u64 = 500;

/// Makes a scoreboard of these bugs.
pub fn run(
    terms: Terms,
    bugs: &[&'static Entry],
    clock: Clock<'_>,
    progress: &Progress,
) -> Scoreboard {
    let row = |bug: &Entry| Row {
        id: bug.id,
        what: bug.what,
        caught_by: bug.caught_by.iter().map(|property| property.id()).collect(),
        trials: Vec::new(),
    };
    let chase = |bug, root| chase(terms, bug, root, clock, progress);
    let control = |root, cases| control(root, cases, progress);
    let plan = Plan {
        mechanism: "salvage",
        terms,
        progress,
    };
    plan.carry_out(bugs, row, chase, control)
}

/// Finds a bug, shrinks what found it, and checks that the bug was to blame.
fn chase(
    terms: Terms,
    bug: &'static Entry,
    root: u64,
    clock: Clock<'_>,
    progress: &Progress,
) -> Option<Caught> {
    let started = clock();
    let found = (0..terms.cases_max).find_map(|number| {
        let case = case_seed(root, number);
        let violated = violated(case, Some(bug.id), progress);
        let wanted = violated
            .into_iter()
            .find(|property| bug.caught_by.contains(property))?;
        Some((number, case, wanted))
    });
    let (number, case, property) = found?;
    let seconds = (clock() - started).as_secs_f64();
    let scenario = generate::scenario(case);
    let budget = terms.shrink_budget;
    let shrunk = shrink::shrink(&scenario, property, Some(bug.id), budget, &mut |_, _| {});
    // What does not fail a second time is as large as it was found.
    let (minimal, shrink_runs) =
        shrunk.map_or((scenario, 0), |shrunk| (shrunk.scenario, shrunk.runs));
    let (operations, faults) = size(&minimal);
    Some(Caught {
        cases: number + 1,
        seconds,
        case,
        property: property.id(),
        operations,
        faults,
        shrink_runs,
        passes_without: judge(&minimal, None).violations.is_empty(),
    })
}

/// Operations, and damages with the crash.
fn size(scenario: &Scenario) -> (usize, usize) {
    let crash = usize::from(scenario.run.crash_after.is_some());
    let operations = scenario.database.operations.len();
    (operations, scenario.damages.len() + crash)
}

fn control(root: u64, cases: u64, progress: &Progress) -> Vec<Stray> {
    let cases = (0..cases).map(|number| case_seed(root, number));
    let strays = cases.map(|case| (case, violated(case, None, progress)));
    let strays = strays.filter(|(_, violated)| !violated.is_empty());
    strays
        .map(|(case, violated)| (case, violated.iter().map(|one| one.id()).collect()))
        .collect()
}

/// What a case violates, each property once, in their order.
fn violated(case: u64, planted: Option<&'static str>, progress: &Progress) -> Vec<Property> {
    let violations = Tally::default().case(case, planted);
    progress.cases.fetch_add(1, Ordering::Relaxed);
    let mut violated: Vec<Property> = violations.iter().map(|found| found.property).collect();
    violated.sort_unstable();
    violated.dedup();
    violated
}
