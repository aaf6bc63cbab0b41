//! Beyond the budget nothing is expected, and lies are still lies.

mod common;

use common::{Undelete, small_table};
use firedrill_chaos::campaign::{self, case_seed};
use firedrill_chaos::generate;
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::runner::{self, Outcome, Subject};
use firedrill_chaos::scenario::{Act, Garbage, Operation, Scenario, Versions, When};
use firedrill_core::amend::{Amend, Decision, Effect, Event, Options, State, Verified};
use firedrill_core::drill::Probe;
use firedrill_core::machine::{Instant, Machine};

/// A small table, beyond the budget.
fn table() -> Scenario {
    let mut scenario = small_table(2);
    scenario.beyond = true;
    scenario
}

fn before(act: Act) -> Operation {
    let when = When::Before;
    Operation { when, act }
}

fn deleted() -> Operation {
    before(Act::DeletePrefix { again: false })
}

fn run<S: Subject>(scenario: &Scenario, subject: &S) -> Outcome {
    runner::run(scenario, subject, false).expect("it can be set up")
}

fn has(outcome: &Outcome, property: Property, words: &str) -> bool {
    let says = |violation: &Violation| {
        violation.property == property && violation.sentence.contains(words)
    };
    outcome.violations.iter().any(says)
}

#[test]
fn a_few_cases_of_a_hundred_exceed_the_budget_in_each_way() {
    let scenarios = (0..4000).map(|number| generate::scenario(case_seed(8, number)));
    let beyond: Vec<Scenario> = scenarios.filter(|scenario| scenario.beyond).collect();
    assert!((60..200).contains(&beyond.len()), "{}", beyond.len());
    let some = |met: fn(&Scenario) -> bool| beyond.iter().any(met);
    assert!(some(|case| case
        .faults
        .iter()
        .any(|fault| fault.times >= 9)));
    assert!(some(|case| case
        .faults
        .iter()
        .filter(|fault| fault.times == 0)
        .count()
        >= 7));
    assert!(some(|case| {
        let mut acts = case.operations.iter();
        acts.any(|operation| matches!(operation.when, When::AfterReads(_)))
    }));
}

#[test]
fn whoever_says_done_over_an_empty_key_lies() {
    let mut scenario = table();
    scenario.amend.plain_prefix = true;
    scenario.operations = vec![deleted()];
    let honest = run(&scenario, &Undelete::new);
    assert_eq!(honest.violations, []);
    let liar = run(&scenario, &Undelete::liar);
    assert!(
        has(&liar, Property::A4, "nothing is current"),
        "{:?}",
        liar.violations
    );
}

#[test]
fn whoever_calls_lost_what_survives_lies() {
    let mut scenario = table();
    scenario.bucket.commits_before_versioning = 1;
    scenario.operations = vec![deleted()];
    assert_eq!(run(&scenario, &Amend::new).violations, []);
    // AM-13 takes no notice of null versions.
    campaign::activate(Some("AM-13"));
    let blind = run(&scenario, &Amend::new);
    campaign::activate(None);
    assert!(
        has(&blind, Property::A4, "a version holds"),
        "{:?}",
        blind.violations
    );
}

/// Says of everything that it was read, and is what it should be.
struct Embellished(Amend);

impl Machine for Embellished {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, now: Instant, event: Event, out: &mut Vec<Effect>) {
        self.0.step(now, event, out);
        for effect in out {
            if let Effect::Done(report) = effect {
                report.state = State::Complete;
                for object in &mut report.objects {
                    object.decision = Decision::Intact;
                    object.done = true;
                    object.verified = Verified::Content;
                }
            }
        }
    }
}

#[test]
fn whoever_says_that_it_read_garbage_lies() {
    let key = "snapshot#0".parse().expect("a selector");
    let versions = Versions::Right;
    let with = Garbage::SameLength;
    let mut scenario = table();
    scenario.operations = vec![
        before(Act::Overwrite { key, with }),
        before(Act::Purge { key, versions }),
    ];
    assert_eq!(run(&scenario, &Amend::new).violations, []);
    let embellished = |options: Options| Embellished(Amend::new(options));
    let liar = run(&scenario, &embellished);
    assert!(
        has(&liar, Property::A2, "was never such an object"),
        "{:?}",
        liar.violations
    );
}

#[test]
fn what_vanishes_while_it_is_read_is_met() {
    let key = "segment#0".parse().expect("a selector");
    let versions = Versions::All;
    let mut scenario = table();
    scenario.operations = vec![Operation {
        // The hint, the snapshot, then the segment.
        when: When::AfterReads(3),
        act: Act::Purge { key, versions },
    }];
    let outcome = run(&scenario, &Amend::new);
    assert!(outcome.probes.contains(Probe::MetadataVanished));
    assert_eq!(outcome.violations, []);
    let last = outcome.reports.last().expect("it ends");
    assert_eq!(last.state, State::Partial);
}

#[test]
fn behind_the_heal_a_case_is_judged_exactly() {
    // While the storage is down anything may be said; afterwards the table has to come back.
    let mut scenario = table();
    scenario.amend.patience_ms = 2000;
    scenario.operations = vec![deleted()];
    scenario.faults = vec![firedrill_chaos::scenario::Fault {
        operation: firedrill_s3_mock::Operation::DeleteObjects,
        key: None,
        nth: 1,
        times: 0,
        position: firedrill_s3_mock::Position::Before,
        effect: firedrill_s3_mock::Effect::Unavailable,
    }];
    let outcome = run(&scenario, &Amend::new);
    assert_eq!(outcome.violations, []);
    let states: Vec<State> = outcome.reports.iter().map(|report| report.state).collect();
    assert_eq!(states, [State::Partial, State::Complete, State::Complete]);
    campaign::activate(Some("AM-08"));
    let wrong = run(&scenario, &Amend::new);
    campaign::activate(None);
    assert!(
        has(&wrong, Property::A8, "was published before"),
        "{:?}",
        wrong.violations
    );
}
