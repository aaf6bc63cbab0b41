//! The drill of salvage: clean without a planted bug, and each planted bug is caught by its property.

use std::collections::BTreeSet;

use firedrill_chaos::salvage::campaign::{self, Control, Orders, Tally};
use firedrill_chaos::salvage::catalogue::BUGS;
use firedrill_chaos::salvage::generate;
use firedrill_chaos::salvage::property::Property;
use firedrill_chaos::salvage::scenario::Scenario;

/// Cases within which each bug must be caught here; the drill itself has 100,000.
const CASES_MAX: u64 = 20_000;

fn campaign(planted: Option<&'static str>, until: &'static [Property], cases: u64) -> Tally {
    let orders = Orders {
        seed: 20_261_122,
        cases: Some(cases),
        jobs: 2,
        planted,
        until,
        failures_max: 8,
    };
    campaign::run(orders, &Control::default())
}

#[test]
fn without_a_planted_bug_nothing_is_violated() {
    let tally = campaign(None, &[], 2000);
    let found: Vec<_> = tally
        .failures
        .iter()
        .map(|failure| (format!("{:#018x}", failure.case), &failure.violations))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(tally.cases, 2000);
    assert!(tally.damages.len() >= 18, "{:?}", tally.damages);
    assert!(
        tally.told.values().all(|count| *count > 0) && tally.told.len() == 5,
        "{:?}",
        tally.told
    );
    assert!(tally.crashes > 0 && tally.repaired > 0);
}

#[test]
fn each_planted_bug_is_caught_by_its_property() {
    let mut escaped = Vec::new();
    for bug in BUGS {
        let tally = campaign(Some(bug.id), bug.caught_by, CASES_MAX);
        let mut wanted = bug.caught_by.iter();
        if !wanted.any(|property| tally.violated.contains_key(property.id())) {
            escaped.push(bug.id);
        }
    }
    assert!(escaped.is_empty(), "not caught: {escaped:?}");
}

#[test]
fn a_planted_bug_is_in_the_catalogue_or_not_in_core() {
    let mut planted = BTreeSet::new();
    let core = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let mut folders = vec![core];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("core has sources") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).expect("it is text");
            let ids = text
                .match_indices("\"SA-")
                .map(|(at, _)| text[at + 1..at + 6].to_owned());
            planted.extend(ids);
        }
    }
    let known: BTreeSet<String> = BUGS.iter().map(|bug| bug.id.to_owned()).collect();
    assert_eq!(planted, known);
}

#[test]
fn a_scenario_survives_its_file() {
    for case in 0..200 {
        let scenario = generate::scenario(case);
        let text = scenario.to_toml().expect("it is plain data");
        assert_eq!(Scenario::from_toml(&text).as_ref(), Ok(&scenario), "{text}");
    }
}
