//! What a drill of a routine found: each violated property with the smallest story of it.

use std::fmt;

use crate::campaign::{self, Attempt, Failure, Tally};
use crate::property::Property;
use crate::report;
use crate::runner::Subject;
use crate::scenario::{BucketOptions, Scenario};
use crate::shrink::{self, Counterfactual, Shrunk};

/// Runs that a shrink may take.
const BUDGET: u64 = 3000;

/// What a drill found.
#[derive(Debug)]
pub struct Findings {
    /// All that was counted.
    pub tally: Tally,
    /// One for each property that was violated.
    pub stories: Vec<Story>,
}

/// The smallest case found that violates a property, and why it does.
#[derive(Debug)]
pub struct Story {
    /// What is violated.
    pub property: Property,
    /// In so many cases.
    pub cases: u64,
    /// What it takes.
    pub shrunk: Shrunk,
    /// Without what it would hold.
    pub counterfactuals: Vec<Counterfactual>,
    /// All of it, for a person.
    pub text: String,
}

impl Findings {
    /// Makes the first failure of each property as small as it gets.
    pub(super) fn of<S: Subject>(subject: &S, tally: Tally) -> Self {
        let mut stories = Vec::new();
        for property in Property::ALL {
            let violates = |failure: &&Failure| {
                let mut found = failure.violations.iter();
                found.any(|found| found.property == property)
            };
            // After a crash the same damage counts as A6 too: that is no story of its own.
            if property == Property::A6 && !stories.is_empty() {
                continue;
            }
            if let Some(failure) = tally.failures.iter().find(violates) {
                let cases = tally.failures.iter().filter(violates).count() as u64;
                stories.extend(Story::of(subject, failure, property, cases));
            }
        }
        Self { tally, stories }
    }

    /// Whether nothing was violated.
    pub fn is_clean(&self) -> bool {
        self.tally.failures.is_empty()
    }
}

impl Story {
    fn of<S: Subject>(
        subject: &S,
        failure: &Failure,
        property: Property,
        cases: u64,
    ) -> Option<Self> {
        let scenario = super::scenario(failure.case);
        let shrunk =
            shrink::shrink(&scenario, property, subject, None, BUDGET, &mut |_| {}).ok()?;
        let counterfactuals = shrink::counterfactuals(&shrunk.scenario, property, subject, None);
        let text = text(subject, property, &shrunk, &counterfactuals);
        Some(Self {
            property,
            cases,
            shrunk,
            counterfactuals,
            text,
        })
    }
}

fn text<S: Subject>(
    subject: &S,
    property: Property,
    shrunk: &Shrunk,
    counterfactuals: &[Counterfactual],
) -> String {
    let mut rows = match campaign::attempt(&shrunk.scenario, subject, None, false) {
        Attempt::Ended(mut outcome) => {
            outcome
                .violations
                .retain(|found| found.property == property);
            let mut rows = report::violations(&outcome.violations, 2);
            rows.push("It takes no more than this:".to_owned());
            rows.extend(acts(&shrunk.scenario));
            rows.push("What became of the key:".to_owned());
            let keys = outcome
                .violations
                .iter()
                .filter_map(|found| found.key.as_ref());
            rows.extend(
                keys.take(1)
                    .flat_map(|key| report::history(&outcome.scene, key)),
            );
            rows
        }
        Attempt::Panicked(message) => vec![format!("VIOLATED {property}: {message}")],
        Attempt::NotSetUp(why) => vec![why],
    };
    rows.push("Why:".to_owned());
    let causes = counterfactuals.iter();
    rows.extend(causes.map(|found| format!("  {}", found.sentence(property))));
    rows.extend(shrink::counts(shrunk));
    rows.join("\n")
}

/// What people did, what went wrong with requests, and what the hosts suffered.
fn acts(scenario: &Scenario) -> Vec<String> {
    let mut rows = report::describe(scenario);
    rows.retain(|row| row.starts_with("  act") || row.starts_with("  fault"));
    if scenario.bucket.page_size_max < BucketOptions::default().page_size_max {
        let entries = scenario.bucket.page_size_max;
        rows.push(format!("  pages of {entries} entries"));
    }
    let crashes = scenario.hosts.crash_after.iter();
    rows.extend(crashes.map(|after| format!("  crash after effect {after}")));
    let interrupt = scenario.hosts.interrupt_after;
    rows.extend(interrupt.map(|after| format!("  interrupt after effect {after}")));
    if scenario.hosts.twin {
        rows.push("  a second one at the same time".to_owned());
    }
    rows
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        for story in &self.stories {
            writeln!(f, "{}", story.text)?;
            writeln!(
                f,
                "({} of {} cases violate {})\n",
                story.cases, tally.cases, story.property
            )?;
        }
        match self.is_clean() {
            true => write!(f, "No property was violated in {} cases", tally.cases)?,
            false => write!(
                f,
                "{} of {} cases failed",
                tally.failures.len(),
                tally.cases
            )?,
        }
        let struck: u64 = tally.faults.values().sum();
        write!(
            f,
            ": {} runs of the routine, {} crashes, {struck} faults that struck.",
            tally.lives, tally.crashes
        )
    }
}
