//! Small scopes, exhausted as far as a test may take: nothing is violated, and what is planted is found.

use std::path::Path;

use firedrill_chaos::exhaustive::{Found, Scope, drawn, exhaust, fates, small, while_down};
use firedrill_chaos::kept::{self, KeptCase};
use firedrill_chaos::property::Property;
use firedrill_chaos::scenario::{Scenario, TableSource};

/// The kept cases whose tables are generated.
fn kept_cases() -> Vec<Scenario> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let paths = kept::files(&folder).expect("the cases are part of the crate");
    let scenarios = paths.iter().map(|path| {
        let text = std::fs::read_to_string(path).expect("it can be read");
        let case = KeptCase::from_toml(&text);
        case.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
            .scenario
    });
    scenarios
        .filter(|scenario| matches!(scenario.table, TableSource::Generated(_)))
        .collect()
}

fn crashes(scenarios: &[Scenario], planted: Option<&'static str>) -> Found {
    let calm = scenarios.iter().flat_map(|scenario| drawn(scenario, 1));
    let scopes: Vec<Scope> = calm.map(Scope::Crash).collect();
    exhaust(scopes.into_iter(), planted, 2)
}

#[test]
fn a_crash_after_every_effect_of_each_kept_case_harms_nothing() {
    let found = crashes(&kept_cases(), None);
    assert_eq!(found.failures, []);
    assert!(found.crashes > 200, "{} crashes", found.crashes);
    // The last run of each sweep is the one that no crash ended.
    assert!(found.runs > found.crashes, "{found:?}");
}

#[test]
fn somebody_may_act_on_any_object_while_the_host_is_down() {
    let found = crashes(&while_down(), None);
    assert_eq!(found.failures, []);
    assert!(found.crashes > 20 * 20, "{} crashes", found.crashes);
}

#[test]
fn a_crash_after_every_effect_of_small_generated_cases_harms_nothing() {
    let scenarios = small(3, 6);
    assert_eq!(scenarios.len(), 6);
    let found = crashes(&scenarios, None);
    assert_eq!(found.failures, []);
    assert!(found.crashes > 60, "{} crashes", found.crashes);
}

#[test]
fn two_crashes_after_every_pair_of_effects_harm_nothing() {
    let scopes = small(4, 1).into_iter().map(Scope::CrashTwice);
    let found = exhaust(scopes, None, 2);
    assert_eq!(found.failures, []);
    assert!(found.crashes > 2 * 15 * 15, "{} crashes", found.crashes);
}

#[test]
fn every_fate_of_every_two_objects_is_judged_without_a_violation() {
    let found = exhaust(fates(2).map(Scope::Run), None, 2);
    assert_eq!(found.failures, []);
    // Nobody, each one, each two; five fates each; with and without the deletion.
    assert_eq!(found.runs, 2 * (1 + 12 * 5 + 66 * 25));
}

#[test]
fn the_crash_sweep_finds_an_order_that_is_wrong_and_a_plan_of_before() {
    let found = crashes(&kept_cases(), Some("AM-08"));
    assert!(found.violates(Property::A8), "{} runs", found.runs);
    let found = crashes(&while_down(), Some("AM-16"));
    assert!(found.violates(Property::A6), "{} runs", found.runs);
}

#[test]
fn the_fates_find_a_complete_table_without_a_block() {
    let found = exhaust(fates(1).map(Scope::Run), Some("AM-10"), 2);
    assert!(found.violates(Property::A4), "{} runs", found.runs);
    assert!(found.failed < found.runs, "most of it is right");
}

#[test]
fn no_thread_decides_which_failures_are_kept() {
    let [one, three] = [1, 3].map(|jobs| exhaust(fates(2).map(Scope::Run), Some("AM-10"), jobs));
    assert!(one.failures.len() > 1 && one.failed > 100, "{}", one.failed);
    assert_eq!(one, three);
}
