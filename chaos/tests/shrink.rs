//! The shrinker keeps what it shrinks, leaves nothing that could go, and gives the same answer twice.

mod common;

use common::{Spoilt, Undelete};
use firedrill_chaos::campaign::{self, Control, Orders, PLANTED, PLANTED_CASES_MAX};
use firedrill_chaos::generate;
use firedrill_chaos::property::Property;
use firedrill_chaos::runner::Subject;
use firedrill_chaos::scenario::{Act, Operation, Scenario, Selector, When};
use firedrill_chaos::shrink::{self, BUDGET, ShrinkError, Shrunk, Size};
use firedrill_core::amend::{Amend, Options};

/// A case that fails with this bug, found by a small campaign.
fn failing(bug: &'static str, until: &'static [Property], root: u64) -> (Scenario, Property) {
    let orders = Orders {
        seed: root,
        cases: Some(PLANTED_CASES_MAX),
        jobs: 1,
        planted: Some(bug),
        until,
        failures_max: 1,
    };
    let tally = campaign::run(orders, &Amend::new, &Control::default());
    let failure = tally.failures.first().expect("the bug is caught");
    let mut found = failure.violations.iter();
    let found = found.find(|violation| until.contains(&violation.property));
    let property = found.expect("the campaign stopped for it").property;
    (generate::scenario(failure.case), property)
}

fn shrunk<S: Subject>(
    scenario: &Scenario,
    property: Property,
    subject: &S,
    bug: Option<&'static str>,
) -> Shrunk {
    shrink::shrink(scenario, property, subject, bug, BUDGET, &mut |_| {})
        .expect("the scenario fails")
}

fn is_violated<S: Subject>(
    scenario: &Scenario,
    property: Property,
    subject: &S,
    bug: Option<&'static str>,
) -> bool {
    shrink::violated(scenario, subject, bug).is_ok_and(|found| found.contains(&property))
}

#[test]
fn a_shrunk_scenario_violates_the_same_property_and_nothing_of_it_can_go() {
    // What depends on what the thread did before has no minimal case that fails every time.
    let repeatable = |(_, until): &campaign::PlantedBug| *until != [Property::Deterministic];
    for (bug, until) in PLANTED.into_iter().filter(repeatable) {
        for root in [5, 6] {
            let (scenario, property) = failing(bug, until, root);
            let (bug, subject) = (Some(bug), &Amend::new);
            let small = shrunk(&scenario, property, subject, bug);
            assert!(!small.exhausted, "{bug:?}: {small:?}");
            let scenario = &small.scenario;
            assert!(is_violated(scenario, property, subject, bug), "{bug:?}");
            assert!(small.to.operations <= small.from.operations);
            assert_eq!(small.to, Size::of(scenario));
            for nth in 0..scenario.faults.len() {
                let mut fewer = scenario.clone();
                let fault = fewer.faults.remove(nth);
                let violated = is_violated(&fewer, property, subject, bug);
                assert!(!violated, "{bug:?}: needless {fault:?}");
            }
            for nth in 0..scenario.operations.len() {
                let mut fewer = scenario.clone();
                let operation = fewer.operations.remove(nth);
                let violated = is_violated(&fewer, property, subject, bug);
                assert!(!violated, "{bug:?}: needless {operation:?}");
            }
            // It did not slip into something that the harness judges wrongly.
            let without = shrink::violated(scenario, subject, None);
            assert_eq!(without, Ok(Vec::new()), "{bug:?}: {scenario:#?}");
            let text = scenario.to_toml().expect("it can be written");
            let read = Scenario::from_toml(&text).expect("it can be read");
            assert_eq!(*scenario, read);
        }
    }
}

#[test]
fn a_shrunk_scenario_cannot_be_shrunk_further() {
    let (scenario, property) = failing("AM-01", &[Property::A2], 7);
    let once = shrunk(&scenario, property, &Amend::new, Some("AM-01"));
    let twice = shrunk(&once.scenario, property, &Amend::new, Some("AM-01"));
    assert_eq!(once.scenario, twice.scenario);
}

#[test]
fn equal_scenarios_shrink_equally_on_any_thread() {
    let (scenario, property) = failing("AM-06", &[Property::A3], 8);
    let search = || shrunk(&scenario, property, &Amend::new, Some("AM-06"));
    let here = search();
    let there = std::thread::scope(|scope| scope.spawn(search).join());
    assert_eq!(here, there.expect("no search panics"));
}

fn before(act: Act) -> Operation {
    let when = When::Before;
    Operation { when, act }
}

/// A long story with a ghost and a backup in it.
fn long() -> Scenario {
    let mut scenario = generate::scenario(campaign::case_seed(9, 4));
    scenario.hosts = firedrill_chaos::scenario::Hosts::default();
    let key = |number| Selector::new(firedrill_chaos::scenario::Kind::Any, number);
    let mut operations: Vec<Operation> = (0..36)
        .map(|number| match number % 3 {
            0 => Act::Delete { key: key(number) },
            1 => Act::PutBack { key: key(number) },
            _ => Act::CopyBack { key: key(number) },
        })
        .map(before)
        .collect();
    operations.insert(7, before(Act::Ghost));
    let backup = Act::Sibling {
        key: key(3),
        cut: 0,
        suffix: ".bak".into(),
        deleted: 0,
    };
    operations.insert(29, before(backup));
    scenario.operations = operations;
    scenario
}

#[test]
fn of_many_operations_exactly_the_two_that_it_takes_stay() {
    let spoilt = |options: Options| Spoilt::new(options, false);
    let small = shrunk(&long(), Property::Finishes, &spoilt, None);
    let acts: Vec<&str> = small
        .scenario
        .operations
        .iter()
        .map(|operation| operation.act.name())
        .collect();
    assert_eq!(acts, ["ghost", "sibling"]);
    assert_eq!((small.from.operations, small.to.operations), (38, 2));
    assert_eq!(small.to.faults, 0);
    assert_eq!(small.to.commits, 1);
    let found = shrink::counterfactuals(&small.scenario, Property::Finishes, &spoilt, None);
    let sentences: Vec<String> = found
        .iter()
        .map(|found| found.sentence(Property::Finishes))
        .collect();
    assert_eq!(
        sentences,
        [
            "without the operation ghost it passes",
            "without the operation sibling beside any#0 it passes",
        ]
    );
}

#[test]
fn a_panic_shrinks_like_any_other_violation() {
    let spoilt = |options: Options| Spoilt::new(options, true);
    let small = shrunk(&long(), Property::NoPanic, &spoilt, None);
    assert_eq!(small.to.operations, 2);
}

#[test]
fn the_budget_is_kept_and_its_end_is_told() {
    let spoilt = |options: Options| Spoilt::new(options, false);
    let mut runs = 0;
    let small = shrink::shrink(
        &long(),
        Property::Finishes,
        &spoilt,
        None,
        10,
        &mut |progress| runs = progress.runs,
    )
    .expect("it fails");
    assert!(small.exhausted);
    assert_eq!((small.runs, runs), (10, 10));
    assert!(is_violated(
        &small.scenario,
        Property::Finishes,
        &spoilt,
        None
    ));
    let told = shrink::counts(&small).join("\n");
    assert!(told.contains("might still be taken away"), "{told}");
}

#[test]
fn what_passes_is_refused() {
    let mut scenario = long();
    scenario.operations.clear();
    scenario.faults.clear();
    let refused = shrink::shrink(
        &scenario,
        Property::A1,
        &Amend::new,
        None,
        BUDGET,
        &mut |_| {},
    );
    let error = refused.expect_err("it passes");
    assert_eq!(error, ShrinkError::Passes);
    assert_eq!(
        error.to_string(),
        "the scenario passes: it violates no property, so there is nothing to shrink"
    );
}

#[test]
fn another_property_than_the_violated_one_is_refused() {
    let mut scenario = long();
    scenario.operations = vec![before(Act::DeletePrefix { again: false })];
    scenario.faults.clear();
    scenario.amend = firedrill_chaos::scenario::AmendOptions::default();
    scenario.amend.plain_prefix = true;
    let found = shrink::violated(&scenario, &Undelete::liar, None).expect("it can be set up");
    assert!(found.contains(&Property::A1), "{found:?}");
    let refused = shrink::shrink(
        &scenario,
        Property::M2,
        &Undelete::liar,
        None,
        BUDGET,
        &mut |_| {},
    );
    let sentence = refused.expect_err("M2 holds").to_string();
    assert!(
        sentence.starts_with("the scenario does not violate M2; it violates A1"),
        "{sentence}"
    );
}

#[test]
fn every_property_is_found_by_its_id() {
    for property in Property::ALL {
        assert_eq!(Property::of_id(property.id()), Some(property));
    }
    assert_eq!(Property::of_id("A99"), None);
}
