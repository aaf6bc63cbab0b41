//! A6: a crash at any effect and another run end like one run.
//!
//! ```text
//!   scenario ─────────► … crash … acts while down … run ──► bucket ─┐
//!      └── no crash ──► acts first, one run ──────────────► bucket ─┴─ every key holds the same bytes
//! ```
//!
//! Compared is what only a crash can make different. Where a fault struck, or somebody acted while a machine
//! ran, the moment decides what is right, and nothing is compared; nor where somebody's act while the host was
//! down may rightly be judged otherwise before the first run than between two (a history, a moment in time).

use firedrill_core::object::Key;

use crate::property::{Property, Violation};
use crate::runner::Outcome;
use crate::scenario::{Act, Hosts, Operation, Scenario, Target, When};
use crate::scene::SceneError;

/// The same scenario without its crashes, if the two can be compared.
pub(crate) fn scenario(scenario: &Scenario) -> Option<Scenario> {
    let hosts = &scenario.hosts;
    let down = scenario.operations.iter();
    let mut down = down.filter(|operation| operation.when == When::WhileDown);
    let acts_down = down.clone().next().is_some();
    // Made at another moment, a commit has other names.
    let commits_down = down.any(|operation| matches!(operation.act, Act::Commit(_)));
    let depends_on_moment = scenario.amend.history
        || scenario.amend.plain_prefix
        || matches!(scenario.amend.target, Target::AsOf { .. });
    let only_crashes = !hosts.crash_after.is_empty()
        && hosts.interrupt_after.is_none()
        && !hosts.twin
        && !scenario.amend.dry_run
        && !scenario.beyond
        && scenario.faults.is_empty();
    let nobody_meanwhile = !scenario
        .operations
        .iter()
        .any(|operation| operation.when.is_during());
    if !only_crashes || !nobody_meanwhile || commits_down || (acts_down && depends_on_moment) {
        return None;
    }
    let first = |operation: &Operation| Operation {
        when: When::Before,
        act: operation.act.clone(),
    };
    Some(Scenario {
        hosts: Hosts::default(),
        mock_operations: 0,
        operations: scenario.operations.iter().map(first).collect(),
        ..scenario.clone()
    })
}

/// Compares a run that crashed with one that did not.
///
/// # Errors
/// The other run cannot be set up.
pub(crate) fn compare(
    scenario: &Scenario,
    crashed: &Outcome,
    run: impl FnOnce(&Scenario) -> Result<Outcome, SceneError>,
) -> Result<Vec<Violation>, SceneError> {
    if crashed.crashes == 0 {
        return Ok(Vec::new());
    }
    let Some(undisturbed) = self::scenario(scenario) else {
        return Ok(Vec::new());
    };
    // What a machine remembers across a restart is nothing that another world may know.
    firedrill_core::drill::forget();
    let undisturbed = run(&undisturbed)?;
    Ok(differences(crashed, &undisturbed))
}

/// The keys that an amend is concerned with and that hold other bytes.
fn differences(crashed: &Outcome, undisturbed: &Outcome) -> Vec<Violation> {
    let differs = |key: &&Key| crashed.scene.log.current(key) != undisturbed.scene.log.current(key);
    let reports = undisturbed.reports.iter();
    let named = reports.flat_map(|report| &report.objects);
    let mut keys: Vec<&Key> = named.map(|object| &object.key).filter(differs).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .map(|key| {
            let sentence = match undisturbed.scene.log.current(key) {
                Some(_) => {
                    "without the crash it would be there; after it, another run leaves it otherwise"
                }
                None => {
                    "without the crash it would not be there; after it, another run leaves it there"
                }
            };
            Violation::at(Property::A6, key, sentence)
        })
        .collect()
}
