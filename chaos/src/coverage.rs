//! Coverage: what an ensemble of cases reached, of all that a drill is to reach.
//!
//! | catalogue | a member counts when | closed by |
//! |---|---|---|
//! | probes | core's code came past it | the enum `Probe` |
//! | operation classes | somebody did it, in a case that ran | `swarm::OPERATIONS` |
//! | fault classes | it struck | `swarm::FAULTS` |
//!
//! Invariants: a class counts by what happened, never by what was drawn, and what is a trait of the bucket (a
//! past before versioning, foreign ETags, one second for much, removals denied) happens in every case that has
//! such a bucket: that amend came to feel it, the probes say. What was never reached is a set difference against
//! the closed catalogue.
//!
//! Beside it, how often nothing exact was judged, and why: a harness that frees too much proves nothing.

use firedrill_core::amend::State;
use firedrill_core::drill::Probe;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::campaign::Counts;
use crate::runner::Outcome;
use crate::scenario::{Act, Scenario, When};
use crate::swarm;

/// Probes that a summary names: a run of a few cases misses dozens.
const UNREACHED_TOLD: usize = 5;

/// What the cases of an ensemble reached.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Cases that reached each probe, by its name.
    #[serde(serialize_with = "all_probes", deserialize_with = "reached")]
    pub probes: Counts,
    /// Cases in which each operation or fault class happened, by its name.
    #[serde(serialize_with = "all_classes", deserialize_with = "reached")]
    pub classes: Counts,
    /// Lives of machines that were judged for lies and damage only, by reason.
    pub open: Counts,
    /// Objects that were, in lives that were else judged exactly, by reason.
    pub open_objects: Counts,
}

impl Coverage {
    /// Takes one case in.
    pub fn note(&mut self, scenario: &Scenario, outcome: &Outcome) {
        for probe in outcome.probes.iter() {
            *self.probes.entry(probe.name().into()).or_default() += 1;
        }
        for class in happened(scenario, outcome) {
            *self.classes.entry(class.into()).or_default() += 1;
        }
        for reason in &outcome.open_objects {
            *self.open_objects.entry((*reason).into()).or_default() += 1;
        }
        for reason in &outcome.open {
            *self.open.entry((*reason).into()).or_default() += 1;
        }
    }

    /// Takes another ensemble's in.
    pub fn add(&mut self, other: &Self) {
        let pairs = [
            (&mut self.probes, &other.probes),
            (&mut self.classes, &other.classes),
            (&mut self.open, &other.open),
            (&mut self.open_objects, &other.open_objects),
        ];
        for (into, from) in pairs {
            for (name, count) in from {
                *into.entry(name.clone()).or_default() += count;
            }
        }
    }

    /// Probes that no case reached.
    pub fn probes_unreached(&self) -> Vec<Probe> {
        let probes = Probe::ALL.iter().copied();
        probes
            .filter(|probe| !self.probes.contains_key(probe.name()))
            .collect()
    }

    /// Operation and fault classes that never happened.
    pub fn classes_missing(&self) -> Vec<&'static str> {
        classes()
            .filter(|class| !self.classes.contains_key(*class))
            .collect()
    }

    /// Whether everything that a drill is to reach was reached (H4 and H5).
    pub fn is_complete(&self) -> bool {
        self.probes_unreached().is_empty() && self.classes_missing().is_empty()
    }

    /// It, for a person: counts, and the names of what is missing.
    pub fn rows(&self) -> Vec<String> {
        let (probes, classes_in_all) = (Probe::ALL.len(), classes().count());
        let (unreached, missing) = (self.probes_unreached(), self.classes_missing());
        let mut rows = vec![
            format!(
                "  probes              {} of {probes} reached",
                probes - unreached.len()
            ),
            format!(
                "  classes             {} of {classes_in_all} happened",
                classes_in_all - missing.len()
            ),
        ];
        let more = unreached.len().saturating_sub(UNREACHED_TOLD);
        for probe in unreached.into_iter().take(UNREACHED_TOLD) {
            rows.push(format!(
                "    never reached: {} ({})",
                probe.name(),
                probe.sentence()
            ));
        }
        if more > 0 {
            rows.push(format!("    … and {more} more (--json names all)"));
        }
        for class in missing {
            rows.push(format!("    never happened: {class}"));
        }
        for (what, open) in [
            ("lives left open  ", &self.open),
            ("objects left open", &self.open_objects),
        ] {
            if open.is_empty() {
                continue;
            }
            rows.push(format!("  {what}   {}", open.values().sum::<u64>()));
            let mut reasons: Vec<_> = open.iter().collect();
            reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let told = reasons
                .iter()
                .map(|(reason, count)| format!("    {count:>7}  {reason}"));
            rows.extend(told);
        }
        rows
    }
}

/// In a document a probe that was never reached stands with 0, so that whoever reads it misses none.
fn all_probes<S: Serializer>(counts: &Counts, serializer: S) -> Result<S::Ok, S::Error> {
    whole(Probe::ALL.iter().map(|probe| probe.name()), counts).serialize(serializer)
}

fn all_classes<S: Serializer>(counts: &Counts, serializer: S) -> Result<S::Ok, S::Error> {
    whole(classes(), counts).serialize(serializer)
}

fn whole(names: impl Iterator<Item = &'static str>, counts: &Counts) -> Counts {
    let zeros = names.map(|name| (name.into(), 0));
    let mut whole: Counts = zeros.collect();
    whole.extend(counts.clone());
    whole
}

fn reached<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Counts, D::Error> {
    let mut counts = Counts::deserialize(deserializer)?;
    counts.retain(|_, count| *count > 0);
    Ok(counts)
}

/// Every class of operation and fault that a drill is to see.
pub fn classes() -> impl Iterator<Item = &'static str> {
    let operations = swarm::OPERATIONS.iter().map(|(name, _)| *name);
    operations.chain(swarm::FAULTS.iter().map(|(name, _)| *name))
}

/// The classes that happened in a case.
fn happened(scenario: &Scenario, outcome: &Outcome) -> Vec<&'static str> {
    let mut classes = Vec::new();
    let mut add = |class: &'static str| {
        if !classes.contains(&class) {
            classes.push(class);
        }
    };
    let before = scenario.operations.iter();
    let before = before.filter(|operation| operation.when == When::Before);
    for operation in before {
        class_before(&operation.act).map(&mut add);
    }
    for act in &outcome.acts {
        add(class_during(act));
    }
    let bucket = &scenario.bucket;
    let mut reports = outcome.reports.iter();
    let was_interrupted = reports.any(|report| report.state == State::Interrupted);
    let options = [
        ("op.pre-versioning", bucket.commits_before_versioning > 0),
        ("s3.deny-version-delete", bucket.deny_version_delete),
        ("s3.foreign-etag", bucket.foreign_etags),
        ("s3.same-second", bucket.step_ms < 1000),
        (
            "s3.page-boundary",
            outcome.probes.contains(Probe::PageEndsWithinKey),
        ),
        ("host.crash", outcome.crashes > 0),
        ("host.interrupt", was_interrupted),
    ];
    let met = options.into_iter().filter(|(_, met)| *met);
    met.for_each(|(class, _)| add(class));
    for (fault, fired) in scenario.faults.iter().zip(&outcome.fired) {
        if *fired > 0 {
            let endless = fault.times == 0 && fault.class() == "s3.unavailable";
            add(if endless { "s3.storm" } else { fault.class() });
        }
    }
    classes
}

fn class_before(act: &Act) -> Option<&'static str> {
    Some(match act {
        Act::DeletePrefix { again: false } => "op.delete-prefix",
        Act::DeletePrefix { again: true } => "op.delete-twice",
        Act::Delete { .. } => "op.delete-some",
        Act::Overwrite { .. } => "op.overwrite",
        Act::Purge { .. } => "op.purge-version",
        Act::Suspend => "op.suspend-versioning",
        Act::CopyBack { .. } | Act::PutBack { .. } => "op.partial-manual-restore",
        Act::Sibling { .. } => "op.siblings",
        Act::Vacuum => "op.vacuum",
        Act::Archive { .. } => "s3.archived",
        Act::Commit(_) | Act::Enable | Act::Ghost => return None,
    })
}

fn class_during(act: &Act) -> &'static str {
    match act {
        Act::Commit(_) => "op.commit-during-amend",
        _ => "op.write-during-amend",
    }
}
