//! A4: complete means complete; the lost and the unknown are exactly those that the report names, each
//! referenced object once.
//!
//! Who gives up on what could come back tells no lie: that is A1's matter. Who claims that something is in
//! place where other bytes are is A2's.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::amend::{Class, Decision, Report, State};
use firedrill_core::object::Key;

use super::{Run, claims, is_due};
use crate::atlas::{Must, is_metadata};
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    let Some(report) = run.report else { return };
    consistent(run, report, violations);
    if run.is_open() {
        return;
    }
    let refused = report.state == State::Refused;
    match run.atlas.refuse {
        // Whoever may not ask for the versioning state cannot know that it was never enabled.
        Some(_) if !refused && run.circumstances.denied_root => return,
        // Whoever was told to stop may not have come so far.
        Some(_) if run.is_interrupted() => return,
        Some(why) if !refused => {
            let sentence = format!("it must refuse ({why}), and ended {:?}", report.state);
            violations.push(Violation::of_run(Property::A4, sentence));
            return;
        }
        _ if refused => return,
        _ => {}
    }
    if run.is_interrupted() {
        return;
    }
    commit(run, report, violations);
    closure(run, report, violations);
    decisions(run, violations);
    below_lost(run, report, violations);
}

/// The report against itself.
fn consistent(run: &Run<'_>, report: &Report, violations: &mut Vec<Violation>) {
    let mut violated = |sentence: String| {
        violations.push(Violation::of_run(Property::A4, sentence));
    };
    // A report's keys ascend as a rule, and then none is there twice.
    if !report.objects.is_sorted_by(|one, next| one.key < next.key) {
        let mut keys: Vec<&Key> = report.objects.iter().map(|object| &object.key).collect();
        keys.sort();
        for pair in keys.windows(2).filter(|pair| pair[0] == pair[1]) {
            violated(format!("{} is in the report twice", pair[0]));
        }
    }
    for object in &report.objects {
        if object.done && !claims(&object.decision) {
            violated(format!(
                "{} is {} and done",
                object.key,
                object.decision.name()
            ));
        }
    }
    let missing = |object: &&firedrill_core::amend::ObjectReport| {
        object.required && !claims(&object.decision)
    };
    let partial = report.objects.iter().any(|object| missing(&object));
    match report.state {
        State::Complete if partial => {
            violated("it says complete, and something required is lost or unknown".into());
        }
        State::Partial if !partial => {
            violated("it says partial, and nothing required is lost or unknown".into());
        }
        State::Interrupted if !run.circumstances.interrupted => {
            violated("it says interrupted, and nobody interrupted it".into());
        }
        State::Refused if report.refusal.is_none() => {
            violated("it refused without a reason".into());
        }
        _ => {}
    }
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    // Neighbours share their fate as a rule.
    for alike in report
        .objects
        .chunk_by(|one, next| one.decision.name() == next.decision.name())
    {
        *counts.entry(alike[0].decision.name()).or_default() += alike.len() as u64;
    }
    let wrong = |name: &str, count: u64| counts.get(name).copied().unwrap_or(0) != count;
    let said = report.counts.iter();
    if said.clone().any(|(name, count)| wrong(name, *count))
        || counts
            .iter()
            .any(|(name, _)| !report.counts.contains_key(name))
    {
        violated(format!(
            "counts say {:?}, the objects {counts:?}",
            report.counts
        ));
    }
}

fn commit(run: &Run<'_>, report: &Report, violations: &mut Vec<Violation>) {
    let chosen = report.commit.as_ref().map(|commit| &commit.snapshot);
    if chosen != run.atlas.snapshot.as_ref() && (chosen.is_some() || !run.may_give_up()) {
        let sentence = format!(
            "the commit is {:?}, chosen was {chosen:?}",
            run.atlas.snapshot
        );
        violations.push(Violation::of_run(Property::A4, sentence));
    }
}

/// Each referenced object is there, and nothing else.
fn closure(run: &Run<'_>, report: &Report, violations: &mut Vec<Violation>) {
    let sights = run.in_sight();
    for (key, sight) in &sights {
        if sight.must && sight.said.is_none() && !run.denied_root() {
            let class = sight.expected.class;
            let sentence = format!("the {class:?} is referenced and not in the report");
            violations.push(Violation::at(Property::A4, key, sentence));
        }
    }
    let may_name = |key: &Key| sights.get(key).is_some_and(|sight| sight.may);
    for object in &report.objects {
        let key = &object.key;
        if !may_name(key) && !is_open_ancestor(run, key) {
            let sentence = "it is in the report, and what survives does not reference it";
            violations.push(Violation::at(Property::A4, key, sentence));
        }
    }
}

/// Where something could not be read, whether a vacuum took an ancestor away can be open.
fn is_open_ancestor(run: &Run<'_>, key: &Key) -> bool {
    let unknown = run
        .said(key)
        .is_some_and(|object| object.decision == Decision::Unknown);
    unknown && run.may_be_unknown(key) && run.atlas.ancestors.contains(key)
}

fn decisions(run: &Run<'_>, violations: &mut Vec<Violation>) {
    for (key, expected, object) in run.answers() {
        if object.required != expected.required || object.class != expected.class {
            let sentence = format!(
                "it is a {:?} (required: {}), reported as {:?} ({})",
                expected.class, expected.required, object.class, object.required
            );
            violations.push(Violation::at(Property::A4, key, sentence));
        }
        if run.is_anothers(key) {
            continue;
        }
        let said = object.decision.name();
        let is_gone = || run.log.current(key).is_none();
        let wrong = match (&object.decision, expected.must) {
            (_, Must::Free(_)) => None,
            (Decision::Lost, Must::Stay | Must::Recover | Must::Refuse) => {
                Some("its bytes are there".to_owned())
            }
            (Decision::Unknown, must)
                if is_due(must) && !run.may_be_unknown(key) && run.is_right(key, expected) =>
            {
                Some("the right bytes are current".to_owned())
            }
            (Decision::Unknown, Must::Lose) if !run.may_be_unknown(key) => {
                Some("no version has the right bytes".to_owned())
            }
            (decision, Must::Lose)
                if claims(decision) && !run.claims_other(key, expected, object) =>
            {
                Some("no version has the right bytes".to_owned())
            }
            (decision, Must::Refuse) if claims(decision) => {
                Some("its bytes cannot be brought back as things stand".to_owned())
            }
            (Decision::Intact, Must::Recover) if !run.claims_other(key, expected, object) => {
                Some("it was not current".to_owned())
            }
            (decision, Must::Stay | Must::Recover)
                if claims(decision) && run.goes_to_its_end() && is_gone() =>
            {
                Some("the key is gone".to_owned())
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            let sentence = format!("the report says {said}, and {wrong}");
            violations.push(Violation::at(Property::A4, key, sentence));
        }
    }
}

/// What hangs below a lost segment is counted from its commit.
fn below_lost(run: &Run<'_>, report: &Report, violations: &mut Vec<Violation>) {
    let dark = |lost: &[Decision]| -> BTreeSet<&Key> {
        let objects = report.objects.iter();
        objects
            .filter(|object| is_metadata(object.class) && lost.contains(&object.decision))
            .map(|object| &object.key)
            .collect()
    };
    let named: BTreeSet<&Key> = report.below_lost.iter().map(|below| &below.key).collect();
    let (lost, dark) = (
        dark(&[Decision::Lost]),
        dark(&[Decision::Lost, Decision::Unknown]),
    );
    let mut differ = lost.difference(&named).chain(named.difference(&dark));
    let silent = differ.find(|key| !run.is_anothers(key));
    if let Some(key) = silent {
        let sentence = "what is lost or unknown and holds others, and `below_lost`, differ";
        violations.push(Violation::at(Property::A4, key, sentence));
    }
    let segments: Vec<&Key> = dark
        .iter()
        .copied()
        .filter(|key| run.atlas.blocks.contains_key(*key))
        .collect();
    if let [only] = segments.as_slice()
        && let Some(below) = report.below_lost.iter().find(|below| below.key == **only)
        && let Some(blocks) = below.blocks
        && blocks != run.atlas.blocks[*only]
    {
        let sentence = format!(
            "{} blocks hang below it, the report says {blocks}",
            run.atlas.blocks[*only]
        );
        violations.push(Violation::at(Property::A4, only, sentence));
    }
}

impl Run<'_> {
    /// Whether the table's root could not be read, so that nothing below it can be named.
    fn denied_root(&self) -> bool {
        self.circumstances.denied_root
            || (self.may_give_up() && {
                let said = |class| {
                    self.atlas
                        .objects
                        .iter()
                        .any(|(key, expected)| expected.class == class && self.said(key).is_none())
                };
                said(Class::Hint) || said(Class::Snapshot)
            })
    }
}
