//! One planted bug, one root seed: case after case, until a wanted property is violated.

use std::sync::atomic::Ordering;

use crate::campaign;
use crate::generate;
use crate::property::Property;
use crate::runner::Subject;
use crate::scenario::Scenario;

use super::Progress;

/// What to look for, and where.
#[derive(Debug, Clone, Copy)]
pub struct Hunt<'a> {
    /// The bug that is active; none: nothing should be found.
    pub planted: Option<&'static str>,
    /// The properties of which a violation counts; empty: any.
    pub wanted: &'a [Property],
    /// The root of the cases.
    pub root: u64,
    /// Cases at most.
    pub cases_max: u64,
    /// A class of operations or faults that does not exist.
    pub without: Option<&'static str>,
}

/// A case in which it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Find {
    /// Its number, from 1 on: so many cases it took.
    pub number: u64,
    /// Its seed.
    pub case: u64,
    /// What it violates, each property once, in the order of [`Property::ALL`].
    pub violated: Vec<Property>,
}

impl Hunt<'_> {
    /// The first find.
    pub fn first<S: Subject>(&self, subject: &S, progress: &Progress) -> Option<Find> {
        (0..self.cases_max).find_map(|number| self.try_case(number, subject, progress))
    }

    /// Every find within the cases.
    pub fn all<S: Subject>(&self, subject: &S, progress: &Progress) -> Vec<Find> {
        (0..self.cases_max)
            .filter_map(|number| self.try_case(number, subject, progress))
            .collect()
    }

    /// The scenario of one of its cases.
    pub fn scenario(&self, case: u64) -> Scenario {
        match self.without {
            None => generate::scenario(case),
            Some(class) => generate::scenario_without(case, class),
        }
    }

    fn try_case<S: Subject>(&self, number: u64, subject: &S, progress: &Progress) -> Option<Find> {
        let case = campaign::case_seed(self.root, number);
        let scenario = self.scenario(case);
        let violations = campaign::violations_of(&scenario, subject, self.planted, number);
        progress.cases.fetch_add(1, Ordering::Relaxed);
        let mut violated: Vec<Property> = violations.iter().map(|found| found.property).collect();
        violated.dedup();
        let counts = |property| self.wanted.is_empty() || self.wanted.contains(property);
        violated.iter().any(counts).then_some(Find {
            number: number + 1,
            case,
            violated,
        })
    }
}
