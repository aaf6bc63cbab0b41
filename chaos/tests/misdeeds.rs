//! Machines that do one thing wrong, each of which one checker has to see.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use firedrill_chaos::campaign;
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::runner::{self, Outcome, Subject};
use firedrill_chaos::scenario::{
    Act, BlockPlan, CommitPlan, Fault, Flavour, Garbage, GeneratedTable, Operation, Scenario,
    SegmentPlan, When,
};
use firedrill_core::amend::{Amend, Decision, Effect, Event, Options, Report, State};
use firedrill_core::machine::{Instant, Machine, RequestId};
use firedrill_core::object::{Answer, Condition, ETag, Entry, Key, Request, VersionId};
use firedrill_s3_mock as mock;

/// A small table under these acts, all before the machine starts.
fn after(acts: impl IntoIterator<Item = Act>) -> Scenario {
    let block = BlockPlan {
        size: 16,
        bloom: Some(8),
        inverted: None,
        vector: None,
    };
    let segments = vec![SegmentPlan {
        statistics: false,
        blocks: vec![block; 2],
    }];
    let mut scenario = Scenario::quiet(GeneratedTable {
        flavour: Flavour::V1_2_453,
        compressed: false,
        commits: vec![CommitPlan::Insert { segments }],
    });
    let when = When::Before;
    let operations = acts.into_iter().map(|act| Operation { when, act });
    scenario.operations = operations.collect();
    scenario
}

fn deleted() -> Act {
    Act::DeletePrefix { again: false }
}

fn overwritten(key: &str) -> Act {
    let key = key.parse().expect("a selector");
    let with = Garbage::SameLength;
    Act::Overwrite { key, with }
}

fn run<S: Subject>(scenario: &Scenario, subject: &S) -> Outcome {
    runner::run(scenario, subject, true).expect("it can be set up")
}

fn assert_has(outcome: &Outcome, property: Property, words: &str) {
    let says = |violation: &Violation| {
        violation.property == property && violation.sentence.contains(words)
    };
    assert!(
        outcome.violations.iter().any(says),
        "{:#?}",
        outcome.violations
    );
}

/// Amend, behind somebody who changes what it asks for and says.
struct Behind<F> {
    amend: Amend,
    versions: Versions,
    change: F,
}

/// Every version that a page named, newest first.
type Versions = BTreeMap<Key, Vec<(VersionId, ETag)>>;

fn behind<F>(options: Options, change: F) -> Behind<F> {
    Behind {
        amend: Amend::new(options),
        versions: Versions::new(),
        change,
    }
}

impl<F: FnMut(&Event, &Versions, &mut Vec<Effect>)> Machine for Behind<F> {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, now: Instant, event: Event, out: &mut Vec<Effect>) {
        if let Event::Reply { reply, .. } = &event
            && let Ok(Answer::Page { entries, .. }) = reply
        {
            for (key, entry) in entries {
                if let Entry::Version(version) = entry {
                    let of_key = self.versions.entry(key.clone()).or_default();
                    of_key.push((version.id.clone(), version.etag.clone()));
                }
            }
        }
        self.amend.step(now, event.clone(), out);
        (self.change)(&event, &self.versions, out);
    }
}

fn report_of(out: &mut [Effect]) -> Option<&mut Report> {
    out.iter_mut().find_map(|effect| match effect {
        Effect::Done(report) => Some(&mut **report),
        _ => None,
    })
}

#[test]
fn what_lands_after_a_crash_may_destroy_nothing() {
    let scenario = |crash: u64| {
        let mut scenario = after([deleted()]);
        scenario.hosts.crash_after = vec![crash];
        scenario
    };
    let late_only = |crash: u64| {
        let is_first = AtomicBool::new(true);
        let destroyer = |options: Options| {
            let mut armed = is_first.swap(false, Ordering::Relaxed);
            behind(
                options,
                move |_: &Event, versions: &Versions, out: &mut Vec<Effect>| {
                    for effect in out {
                        if let Effect::Request { request, .. } = effect
                            && let Request::RemoveMarkers { markers } = request
                            && std::mem::take(&mut armed)
                        {
                            let (key, ids) = versions.iter().next().expect("a table has keys");
                            *markers = vec![(key.clone(), ids[0].0.clone())];
                        }
                    }
                },
            )
        };
        let outcome = run(&scenario(crash), &destroyer);
        let lives = &outcome.chronicle.lives;
        let unseen = lives.iter().all(|life| life.violations.is_empty());
        (unseen && !outcome.violations.is_empty()).then_some(outcome)
    };
    let found: Vec<Outcome> = (1..60).filter_map(late_only).collect();
    assert!(!found.is_empty());
    for outcome in &found {
        assert_has(outcome, Property::A3, "deleted for good");
    }
}

#[test]
fn a_plan_that_would_publish_something_else_is_no_plan() {
    for (act, wrong) in [
        (overwritten("block#0"), false),
        (deleted(), false),
        (deleted(), true),
    ] {
        let mut scenario = after([act]);
        scenario.amend.dry_run = true;
        assert_eq!(run(&scenario, &Amend::new).violations, []);
        let planner = |options: Options| {
            behind(
                options,
                move |_: &Event, versions: &Versions, out: &mut Vec<Effect>| {
                    let objects = report_of(out).map(|report| report.objects.iter_mut());
                    for object in objects.into_iter().flatten() {
                        let newest = versions[&object.key][0].0.clone();
                        match &mut object.decision {
                            Decision::CopyVersion { version, .. } => *version = newest,
                            Decision::RemoveMarkers { markers } if wrong => *markers = vec![newest],
                            Decision::RemoveMarkers { markers } => markers.push("another".into()),
                            _ => {}
                        }
                    }
                },
            )
        };
        assert_has(&run(&scenario, &planner), Property::A2, "the plan says");
    }
}

#[test]
fn who_is_told_to_stop_may_not_say_of_what_is_gone_that_it_is_there() {
    let mut scenario = after([deleted()]);
    scenario.hosts.interrupt_after = Some(12);
    let honest = run(&scenario, &Amend::new);
    assert_eq!(honest.violations, []);
    assert_eq!(honest.reports[0].state, State::Interrupted);
    let boaster = |options: Options| {
        behind(options, |_: &Event, _: &Versions, out: &mut Vec<Effect>| {
            if let Some(report) = report_of(out)
                && report.state == State::Interrupted
            {
                for object in &mut report.objects {
                    object.decision = Decision::Intact;
                    object.done = true;
                }
                let counts = BTreeMap::from([("intact", report.objects.len() as u64)]);
                report.counts = counts;
            }
        })
    };
    assert!(!honest.reports[0].objects.is_empty());
    assert_has(
        &run(&scenario, &boaster),
        Property::A4,
        "nothing is current",
    );
}

#[test]
fn even_where_all_is_open_no_hint_is_invented() {
    let mut scenario = after([overwritten("hint#0")]);
    scenario.beyond = true;
    assert_eq!(run(&scenario, &Amend::new).violations, []);
    let inventor = |options: Options| {
        behind(options, |_: &Event, _: &Versions, out: &mut Vec<Effect>| {
            for effect in out {
                if let Effect::Request { request, .. } = effect
                    && let Request::Put { body, .. } = request
                {
                    *body = "invented".into();
                }
            }
        })
    };
    assert_has(
        &run(&scenario, &inventor),
        Property::A2,
        "no commit ever had",
    );
}

#[test]
fn of_two_machines_each_publishes_in_order() {
    let mut scenario = after([deleted()]);
    scenario.hosts.twin = true;
    assert_eq!(run(&scenario, &Amend::new).violations, []);
    campaign::activate(Some("AM-08"));
    let wrong = run(&scenario, &Amend::new);
    campaign::activate(None);
    let of_twins = &wrong.chronicle.lives[0].violations;
    let in_order = |violation: &Violation| violation.property != Property::A8;
    assert!(!of_twins.iter().all(in_order), "{of_twins:#?}");
}

#[test]
fn what_is_copied_twice_in_one_life_was_written_again() {
    let scenario = after([overwritten("block#0")]);
    let copier = |options: Options| {
        let mut copied: Option<(RequestId, Request)> = None;
        behind(
            options,
            move |event: &Event, versions: &Versions, out: &mut Vec<Effect>| {
                if let Event::Reply { id, .. } = event
                    && let Some((_, request)) = copied.take_if(|(of, _)| of == id)
                {
                    let id = RequestId(u64::MAX);
                    out.push(Effect::Request { id, request });
                }
                for effect in out {
                    if let Effect::Request { id, request } = effect
                        && let Request::Copy { key, version, .. } = &*request
                        && *id != RequestId(u64::MAX)
                    {
                        let mut again = request.clone();
                        let mut versions = versions[key].iter();
                        let source = versions.find(|(id, _)| id == version);
                        let (_, etag) = source.expect("a listed version is copied").clone();
                        if let Request::Copy { condition, .. } = &mut again {
                            *condition = Condition::Matches(etag);
                        }
                        copied = Some((*id, again));
                    }
                }
            },
        )
    };
    assert_has(&run(&scenario, &copier), Property::A5, "written to again");
}

#[test]
fn many_faults_excuse_no_other_commit() {
    let mut scenario = after([deleted()]);
    scenario.faults = vec![Fault {
        operation: mock::Operation::DeleteObjects,
        key: None,
        nth: 1,
        times: 6,
        position: mock::Position::Before,
        effect: mock::Effect::Unavailable,
    }];
    assert_eq!(run(&scenario, &Amend::new).violations, []);
    let mistaken = |options: Options| {
        behind(options, |_: &Event, _: &Versions, out: &mut Vec<Effect>| {
            if let Some(report) = report_of(out)
                && let Some(commit) = &mut report.commit
            {
                commit.snapshot = Key::from("another");
            }
        })
    };
    let outcome = run(&scenario, &mistaken);
    let of_first = &outcome.chronicle.lives[0].violations;
    let commit = |violation: &Violation| violation.sentence.starts_with("the commit is");
    assert!(of_first.iter().any(commit), "{of_first:#?}");
}
