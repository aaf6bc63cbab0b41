//! What a drill of a routine found: each violated property with the smallest story of it.

use std::fmt;

use crate::campaign::{self, Attempt, Failure, Tally};
use crate::property::Property;
use crate::report::story::{Story, Telling};
use crate::report::{html, text};
use crate::runner::Subject;
use crate::shrink::{self, Counterfactual, Shrunk};

/// Runs that a shrink may take.
const BUDGET: u64 = 3000;

/// What a drill found.
#[derive(Debug)]
pub struct Findings {
    /// All that was counted.
    pub tally: Tally,
    /// One for each property that was violated.
    pub found: Vec<Finding>,
}

/// The smallest case found that violates a property, and why it does.
#[derive(Debug)]
pub struct Finding {
    /// What is violated.
    pub property: Property,
    /// In so many cases.
    pub cases: u64,
    /// What it takes.
    pub shrunk: Shrunk,
    /// Without what it would hold.
    pub counterfactuals: Vec<Counterfactual>,
    /// All of it.
    pub story: Story,
}

impl Findings {
    /// Makes the first failure of each property as small as it gets.
    pub(super) fn of<S: Subject>(subject: &S, tally: Tally) -> Self {
        let mut found = Vec::new();
        for property in Property::ALL {
            let violates = |failure: &&Failure| {
                let mut violations = failure.violations.iter();
                violations.any(|violation| violation.property == property)
            };
            // After a crash the same damage counts as A6 too: that is no story of its own.
            if property == Property::A6 && !found.is_empty() {
                continue;
            }
            if let Some(failure) = tally.failures.iter().find(violates) {
                let cases = tally.failures.iter().filter(violates).count() as u64;
                found.extend(Finding::of(subject, failure, property, cases));
            }
        }
        Self { tally, found }
    }

    /// Whether nothing was violated.
    pub fn is_clean(&self) -> bool {
        self.tally.failures.is_empty()
    }
}

impl Finding {
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
        let attempt = campaign::attempt(&shrunk.scenario, subject, None, true);
        let ended = match &attempt {
            Attempt::Ended(outcome) => Ok(outcome),
            Attempt::Panicked(words) | Attempt::NotSetUp(words) => Err(words.as_str()),
        };
        let story = Story::of(&Telling {
            scenario: &shrunk.scenario,
            ended,
            property,
            planted: None,
            shrunk: Some(&shrunk),
            counterfactuals: Some(&counterfactuals),
            profile: None,
            commands: &[],
        });
        Some(Self {
            property,
            cases,
            counterfactuals,
            story,
            shrunk,
        })
    }

    /// The story as a page for a browser.
    pub fn page(&self) -> String {
        html::page(&self.story)
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tally = &self.tally;
        for Finding {
            property,
            cases,
            story,
            ..
        } in &self.found
        {
            writeln!(f, "{}\n", text::text(story).trim_end())?;
            writeln!(
                f,
                "{cases} of {} cases violate {property}.\n\n",
                tally.cases
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
