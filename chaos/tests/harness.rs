//! The harness on trial: it is deterministic, its scenarios keep, it takes strangers' machines, and it
//! notices when they lie.

mod common;

use common::{Idle, Undelete, small_table};
use firedrill_chaos::campaign::case_seed;
use firedrill_chaos::generate;
use firedrill_chaos::property::Property;
use firedrill_chaos::runner::{self, Outcome};
use firedrill_chaos::scenario::{Act, Operation, Scenario, When};
use firedrill_core::amend::{Amend, Options};

fn run(scenario: &Scenario) -> Outcome {
    runner::run(scenario, &Amend::new, true).expect("a generated scenario can be set up")
}

fn deleted_prefix() -> Scenario {
    let mut scenario = small_table(3);
    scenario.amend.plain_prefix = true;
    scenario.operations = vec![Operation {
        when: When::Before,
        act: Act::DeletePrefix { again: false },
    }];
    scenario
}

fn properties(outcome: &Outcome) -> Vec<Property> {
    outcome
        .violations
        .iter()
        .map(|found| found.property)
        .collect()
}

#[test]
fn a_case_has_one_trace_on_any_thread() {
    let hashes = || -> Vec<u64> {
        let cases = (0..60).map(|number| generate::scenario(case_seed(11, number)));
        cases.map(|scenario| run(&scenario).trace.hash()).collect()
    };
    let here = hashes();
    let there = std::thread::spawn(hashes).join().expect("no case panics");
    assert_eq!(here, there);
    let mut distinct = here.clone();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), here.len(), "the hash tells cases apart");
}

#[test]
fn keeping_the_trace_changes_nothing() {
    let scenario = generate::scenario(case_seed(12, 3));
    let kept = run(&scenario);
    let hashed = runner::run(&scenario, &Amend::new, false).expect("it can be set up");
    assert_eq!(kept.trace.hash(), hashed.trace.hash());
    assert_eq!(kept.trace.events().len() as u64, kept.trace.len());
    assert!(hashed.trace.events().is_empty());
}

#[test]
fn a_story_may_tell_of_notes_and_an_error_names_its_line() {
    let mut scenario = deleted_prefix();
    scenario.story = "It ends with\n[expect]\ncatches = nothing\nall the same.".into();
    let text = scenario.to_toml().expect("it can be written");
    let text = format!("catches = [\"AM-01\"]\n{text}\n[expect]\nlives = 2\n");
    assert_eq!(Scenario::from_toml(&text), Ok(scenario));
    let wrong = text.replacen("plain-prefix = true", "plain-prefix = 7", 1);
    let line = wrong.lines().position(|line| line.contains("= 7"));
    let line = line.expect("it is a line of its own") + 1;
    let error = Scenario::from_toml(&wrong).expect_err("7 is no flag");
    let place = format!("line {line},");
    assert!(error.to_string().contains(&place), "{place} {error}");
}

#[test]
fn a_scenario_survives_its_file() {
    for number in 0..300 {
        let scenario = generate::scenario(case_seed(13, number));
        let text = scenario.to_toml().expect("every scenario can be written");
        let read = Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(scenario, read, "{text}");
        if number % 20 == 0 {
            assert_eq!(run(&scenario).trace.hash(), run(&read).trace.hash());
        }
    }
}

#[test]
fn taking_one_act_away_leaves_the_table_and_the_other_acts_alone() {
    let scenario = generate::scenario(case_seed(14, 8));
    assert!(
        scenario.operations.len() > 1,
        "the case has acts to take away"
    );
    let mut smaller = scenario.clone();
    smaller.operations.remove(0);
    let (whole, less) = (run(&scenario), run(&smaller));
    let commits = |outcome: &Outcome| outcome.scene.truth.commits[0].clone();
    assert_eq!(commits(&whole), commits(&less));
}

#[test]
fn a_stranger_that_works_passes() {
    let outcome = runner::run(&deleted_prefix(), &Undelete::new, false).expect("it can be set up");
    assert_eq!(outcome.violations, []);
    assert_eq!(outcome.reports.len(), 2);
}

#[test]
fn a_stranger_that_lies_is_caught() {
    let outcome = runner::run(&deleted_prefix(), &Undelete::liar, false).expect("it can be set up");
    let found = properties(&outcome);
    assert!(found.contains(&Property::A1), "{:?}", outcome.violations);
    assert!(found.contains(&Property::A4), "{:?}", outcome.violations);
}

#[test]
fn a_stranger_that_undeletes_garbage_is_caught() {
    let mut scenario = deleted_prefix();
    let garbage = Act::Overwrite {
        key: "block#1".parse().expect("a selector"),
        with: firedrill_chaos::scenario::Garbage::Longer(4),
    };
    let before = Operation {
        when: When::Before,
        act: garbage,
    };
    scenario.operations.insert(0, before);
    scenario.amend.plain_prefix = false;
    let outcome = runner::run(&scenario, &Undelete::new, false).expect("it can be set up");
    assert!(
        properties(&outcome).contains(&Property::A2),
        "{:?}",
        outcome.violations
    );
}

#[test]
fn a_stranger_that_never_ends_is_caught() {
    let idle = |_: Options| Idle;
    let outcome = runner::run(&deleted_prefix(), &idle, false).expect("it can be set up");
    assert_eq!(properties(&outcome), [Property::Finishes]);
}

#[test]
fn a_lost_answer_is_too_much_for_the_simple_stranger() {
    let mut scenario = deleted_prefix();
    scenario.faults = vec![firedrill_chaos::scenario::Fault {
        operation: firedrill_s3_mock::Operation::DeleteObjects,
        key: None,
        nth: 1,
        times: 1,
        position: firedrill_s3_mock::Position::Before,
        effect: firedrill_s3_mock::Effect::Timeout,
    }];
    let outcome = runner::run(&scenario, &Undelete::new, false).expect("it can be set up");
    assert_eq!(outcome.fired, [1]);
    assert!(
        properties(&outcome).contains(&Property::A4),
        "{:?}",
        outcome.violations
    );
    let real = runner::run(&scenario, &Amend::new, false).expect("it can be set up");
    assert_eq!(real.violations, []);
}
