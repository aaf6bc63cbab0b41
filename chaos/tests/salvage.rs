//! The drill of salvage: its files, and that it finds nothing where nothing is planted.
//!
//! That each planted bug is caught within 100,000 cases is tried in release; here those are that few cases show.

use firedrill_chaos::salvage::campaign::{self, Control, Orders, Tally};
use firedrill_chaos::salvage::checkers::judge;
use firedrill_chaos::salvage::property::Property;
use firedrill_chaos::salvage::scenario::Scenario;
use firedrill_chaos::salvage::{catalogue, exhaustive, generate};

const JOBS: usize = 2;

fn campaign(planted: Option<&'static str>, until: &'static [Property], cases: u64) -> Tally {
    let orders = Orders {
        seed: 8,
        cases: Some(cases),
        jobs: JOBS,
        planted,
        until,
        failures_max: 8,
    };
    campaign::run(orders, &Control::default())
}

#[test]
fn without_a_planted_bug_nothing_is_violated() {
    let tally = campaign(None, &[], 400);
    let found: Vec<_> = tally
        .failures
        .iter()
        .map(|failure| (format!("{:#018x}", failure.case), &failure.violations))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(tally.cases, 400);
    assert!(tally.damages.len() >= 18, "{:?}", tally.damages);
    assert!(
        tally.told.values().all(|count| *count > 0),
        "{:?}",
        tally.told
    );
    assert!(tally.told.len() >= 4, "{:?}", tally.told);
    assert!(tally.crashes > 0 && tally.repaired > 0);
}

#[test]
fn small_scopes_hold_to_the_end() {
    let scopes = exhaustive::scopes(2999);
    // Of each layout: subsets of pages; rows, a tree's page, a run, a chunk, a transaction.
    assert_eq!(scopes.len(), 2 * 6);
    for scope in scopes {
        let found = exhaustive::exhaust(&scope, None, JOBS);
        assert!(found.runs > 0, "{}", scope.name);
        assert_eq!(found.failures, [], "{}", scope.name);
    }
}

#[test]
fn bugs_that_few_cases_show_are_caught_by_their_properties() {
    for bug in QUICK.map(|id| catalogue::entry(id).expect("it is in the catalogue")) {
        let tally = campaign(Some(bug.id), bug.caught_by, 100);
        let mut wanted = bug.caught_by.iter();
        let is_caught = wanted.any(|property| tally.violated.contains_key(property.id()));
        assert!(is_caught, "{} is not caught: {:?}", bug.id, tally.violated);
    }
}

/// Each is caught within 70 cases of the root seed 8.
const QUICK: [&str; 11] = [
    "SA-05", "SA-06", "SA-07", "SA-10", "SA-12", "SA-13", "SA-14", "SA-18", "SA-21", "SA-24",
    "SA-26",
];

/// Minimal cases that once failed, each with its story as first line.
#[test]
fn what_once_failed_passes() {
    for (name, text) in [
        (
            "chunk-behind-a-gap",
            include_str!("salvage/chunk-behind-a-gap.toml"),
        ),
        (
            "etag-in-a-hurt-tail",
            include_str!("salvage/etag-in-a-hurt-tail.toml"),
        ),
        (
            "leaf-of-before-a-gap",
            include_str!("salvage/leaf-of-before-a-gap.toml"),
        ),
        (
            "newer-in-the-data-file",
            include_str!("salvage/newer-in-the-data-file.toml"),
        ),
        (
            "newer-revision-in-the-data-file",
            include_str!("salvage/newer-revision-in-the-data-file.toml"),
        ),
        (
            "two-contents-from-one-page",
            include_str!("salvage/two-contents-from-one-page.toml"),
        ),
    ] {
        let scenario = Scenario::from_toml(text).expect("it is a scenario");
        let outcome = judge(&scenario, None);
        assert!(
            !outcome.disk.struck.is_empty(),
            "{name}: the damage strikes"
        );
        assert_eq!(outcome.violations, [], "{name}");
    }
}

#[test]
fn a_scenario_survives_its_file() {
    for case in 0..200 {
        let scenario = generate::scenario(case);
        let text = scenario.to_toml().expect("it is plain data");
        assert_eq!(Scenario::from_toml(&text).as_ref(), Ok(&scenario), "{text}");
    }
}
