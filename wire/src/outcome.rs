//! What every tier must agree on about one scenario: the design's *outcome*.
//!
//! ```text
//!  the last report: state, exit status, the decision on each object   +   the current bytes of every key
//! ```
//!
//! The last report is that of the run after the heal (faults off, nobody else acts) that follows one which
//! left nothing to do; of a dry run it is the only one. How many requests there were, how long it took, which
//! ids new versions got, and what earlier runs said under faults may differ from tier to tier, and is not
//! here.

use std::collections::BTreeMap;

use bytes::Bytes;
use firedrill_chaos::runner;
use firedrill_chaos::scenario::Scenario;
use firedrill_chaos::scene::SceneError;
use firedrill_core::amend::{Amend, Options, Report, State};
use firedrill_core::object::{Digest, Key};

/// What a scenario came to, as far as tiers must agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How the last run ended, as its document says (`complete`, `partial`, `refused`, `interrupted`).
    pub state: String,
    /// What the command ends with.
    pub exit_status: u8,
    /// The name of the decision on each object.
    pub decisions: BTreeMap<Key, String>,
    /// What a plain GET finds under each key that has a current version.
    pub current: BTreeMap<Key, Content>,
}

/// A body, as far as it takes to compare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub digest: Digest,
}

impl Content {
    /// Of a body.
    pub fn of(body: &[u8]) -> Self {
        Self {
            size: body.len() as u64,
            digest: Digest::of(body),
        }
    }
}

impl Outcome {
    /// From a report and everything that is current.
    pub fn new(report: &Report, current: impl IntoIterator<Item = (Key, Bytes)>) -> Self {
        let decision = |object: &firedrill_core::amend::ObjectReport| {
            (object.key.clone(), object.decision.name().to_owned())
        };
        Self {
            state: state_name(report.state).to_owned(),
            exit_status: report.exit_status(),
            decisions: report.objects.iter().map(decision).collect(),
            current: contents(current),
        }
    }

    /// Of a run that the runner judged; none if no machine in it came to an end. What is current follows from
    /// the log, with which the runner has compared the bucket.
    pub fn of(run: &runner::Outcome) -> Option<Self> {
        let current = run
            .scene
            .log
            .under("")
            .filter_map(|(key, held)| Some((key.clone(), held.first()?.body.clone()?)));
        Some(Self::new(run.reports.last()?, current))
    }

    /// What differs, one sentence each; `own` and `its` are the names of the two tiers.
    pub fn differences(&self, own: &str, other: &Self, its: &str) -> Vec<String> {
        let mut sentences = Vec::new();
        if (&self.state, self.exit_status) != (&other.state, other.exit_status) {
            sentences.push(format!(
                "it ends {} (exit status {}) on {own} and {} (exit status {}) on {its}",
                self.state, self.exit_status, other.state, other.exit_status
            ));
        }
        for (key, left, right) in unequal(&self.decisions, &other.decisions) {
            sentences.push(format!(
                "{key} is {} on {own} and {} on {its}",
                decision(left),
                decision(right)
            ));
        }
        for (key, left, right) in unequal(&self.current, &other.current) {
            let size = |content: Option<&Content>| match content {
                Some(content) => format!("{} bytes", content.size),
                None => "nothing".to_owned(),
            };
            let (left, right) = (size(left), size(right));
            sentences.push(match left == right {
                true => format!("{key} has other bytes on {own} than on {its}, {left} on both"),
                false => format!("{key} has {left} on {own} and {right} on {its}"),
            });
        }
        sentences
    }
}

/// What the pure drill comes to.
///
/// # Errors
/// The scenario cannot be set up.
pub fn des(scenario: &Scenario) -> Result<Option<Outcome>, SceneError> {
    let run = runner::run(scenario, &|options: Options| Amend::new(options), false)?;
    Ok(Outcome::of(&run))
}

/// The body of each key, as it is compared.
pub fn contents(current: impl IntoIterator<Item = (Key, Bytes)>) -> BTreeMap<Key, Content> {
    let content = |(key, body): (Key, Bytes)| (key, Content::of(&body));
    current.into_iter().map(content).collect()
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Complete => "complete",
        State::Partial => "partial",
        State::Refused => "refused",
        State::Interrupted => "interrupted",
    }
}

fn decision(name: Option<&String>) -> &str {
    name.map_or("not in the report", String::as_str)
}

type Pair<'a, T> = (&'a Key, Option<&'a T>, Option<&'a T>);

fn unequal<'a, T: PartialEq>(
    left: &'a BTreeMap<Key, T>,
    right: &'a BTreeMap<Key, T>,
) -> Vec<Pair<'a, T>> {
    let only_right = right.keys().filter(|key| !left.contains_key(*key));
    let keys = left.keys().chain(only_right);
    let pairs = keys.map(|key| (key, left.get(key), right.get(key)));
    pairs.filter(|(_, left, right)| left != right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let body = Bytes::from_static(b"abc");
        Outcome {
            state: "complete".into(),
            exit_status: 0,
            decisions: BTreeMap::from([(Key::from("t/a"), "intact".to_owned())]),
            current: contents([(Key::from("t/a"), body)]),
        }
    }

    #[test]
    fn each_part_of_an_outcome_is_compared() {
        let whole = outcome();
        assert_eq!(whole.differences("des", &outcome(), "wire"), [""; 0]);
        let mut other = outcome();
        other.state = "partial".into();
        other.exit_status = 1;
        other.decisions.insert("t/b".into(), "lost".into());
        other.current.insert("t/a".into(), Content::of(b"abd"));
        assert_eq!(
            whole.differences("des", &other, "wire"),
            [
                "it ends complete (exit status 0) on des and partial (exit status 1) on wire",
                "t/b is not in the report on des and lost on wire",
                "t/a has other bytes on des than on wire, 3 bytes on both",
            ]
        );
    }
}
