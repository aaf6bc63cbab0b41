//! Every planted bug is caught by the property that the catalogue names, and without one there is nothing
//! to catch.

use firedrill_chaos::campaign::{self, Control, Orders, PLANTED, Tally};
use firedrill_chaos::mock_workload;
use firedrill_chaos::property::Property;
use firedrill_core::amend::Amend;
use firedrill_sim::draw::Seed;

/// Cases within which each bug must be caught here; the drill itself has 100,000.
const CASES_MAX: u64 = 20_000;

fn campaign(planted: Option<&'static str>, until: &'static [Property], cases: u64) -> Tally {
    let orders = Orders {
        seed: 20_261_121,
        cases: Some(cases),
        jobs: 2,
        planted,
        until,
        failures_max: 8,
    };
    // A planted bug may well panic; the case is then reported as failed.
    campaign::run(orders, &Amend::new, &Control::default())
}

#[test]
fn each_planted_bug_is_caught_by_its_property() {
    let mut escaped = Vec::new();
    for (bug, wanted) in PLANTED {
        let tally = campaign(Some(bug), wanted, CASES_MAX);
        let caught = wanted
            .iter()
            .any(|property| tally.violated.contains_key(property.id()));
        if !caught {
            escaped.push(bug);
        }
    }
    assert!(escaped.is_empty(), "not caught: {escaped:?}");
}

#[test]
fn without_a_planted_bug_nothing_is_violated() {
    let tally = campaign(None, &[], 4000);
    assert_eq!(tally.cases, 4000);
    let found: Vec<_> = tally
        .failures
        .iter()
        .map(|failure| (format!("{:#018x}", failure.case), &failure.violations))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert!(
        tally.faults.values().all(|count| *count > 0),
        "{:?}",
        tally.faults
    );
    assert!(tally.faults.len() >= 6, "{:?}", tally.faults);
    assert!(tally.decisions.len() == 5, "{:?}", tally.decisions);
}

#[test]
fn the_mock_and_the_log_agree_on_every_page() {
    for seed in 0..400 {
        assert_eq!(mock_workload::run(Seed(seed), 60), []);
    }
}

#[test]
fn the_log_notices_each_planted_bug_of_the_mock() {
    for (bug, property) in [
        ("MK-01", Property::M1),
        ("MK-02", Property::M2),
        ("MK-03", Property::M3),
    ] {
        campaign::activate(Some(bug));
        let mut found = (0..400).flat_map(|seed| mock_workload::run(Seed(seed), 60));
        let caught = found.any(|violation| violation.property == property);
        campaign::activate(None);
        assert!(caught, "{bug}");
    }
}
