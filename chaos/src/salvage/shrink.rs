//! The shrinker: a failing scenario becomes a smaller one that violates the same property.
//!
//! ```text
//!   damages ─► operations ─► the run, the looks ─► numbers ─┐    ddmin over both lists, then what is plainer,
//!     ▲                                                     │    then every number by halves; again until a
//!     └─────────────────────── changed? ────────────────────┘    whole pass changes nothing
//! ```
//!
//! Invariants: as in [`crate::shrink`]: only the very property counts, equal input gives equal output, and within
//! the budget no single damage or operation can be taken away from what comes out.

use std::collections::BTreeSet;

use firedrill_sim::draw;
use serde_json::Value;

use super::checkers::judge;
use super::property::Property;
use super::scenario::{Run, Scenario};
use crate::shrink::ddmin::ddmin;

/// Runs that a shrink may take unless it is told otherwise.
pub const BUDGET: u64 = 2000;

/// The smallest scenario found, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// Violates the same property as the one that came in.
    pub scenario: Scenario,
    /// Runs taken.
    pub runs: u64,
    /// The budget ended before a whole pass changed nothing.
    pub exhausted: bool,
}

/// Makes a scenario as small as it gets while it violates this property; none if it does not.
pub fn shrink(
    scenario: &Scenario,
    property: Property,
    planted: Option<&'static str>,
    budget: u64,
    progress: &mut dyn FnMut(u64, &Scenario),
) -> Option<Shrunk> {
    let mut search = Search {
        property,
        planted,
        budget,
        runs: 1,
        current: scenario.clone(),
        rejected: BTreeSet::new(),
        exhausted: false,
        progress,
    };
    if !search.violates(scenario) {
        return None;
    }
    loop {
        let before = search.current.clone();
        search.damages();
        search.operations();
        search.plainer();
        search.numbers();
        if search.exhausted || search.current == before {
            break;
        }
    }
    Some(Shrunk {
        scenario: search.current,
        runs: search.runs,
        exhausted: search.exhausted,
    })
}

struct Search<'a> {
    property: Property,
    planted: Option<&'static str>,
    budget: u64,
    runs: u64,
    current: Scenario,
    rejected: BTreeSet<u64>,
    exhausted: bool,
    progress: &'a mut dyn FnMut(u64, &Scenario),
}

impl Search<'_> {
    fn violates(&self, scenario: &Scenario) -> bool {
        let outcome = judge(scenario, self.planted);
        let mut found = outcome.violations.iter();
        found.any(|violation| violation.property == self.property)
    }

    fn attempt(&mut self, candidate: Scenario) -> bool {
        let text = serde_json::to_vec(&candidate).expect("a scenario is plain data");
        let fingerprint = draw::hash_bytes(&text);
        if candidate == self.current || self.rejected.contains(&fingerprint) {
            return false;
        }
        if self.runs >= self.budget {
            self.exhausted = true;
            return false;
        }
        self.runs += 1;
        let counts = self.violates(&candidate);
        if counts {
            self.current = candidate;
        } else {
            self.rejected.insert(fingerprint);
        }
        (self.progress)(self.runs, &self.current);
        counts
    }

    fn damages(&mut self) {
        let base = self.current.clone();
        ddmin(base.damages.len(), 0, |kept| {
            let damages = kept.iter().map(|at| base.damages[*at].clone()).collect();
            self.attempt(Scenario {
                damages,
                ..base.clone()
            })
        });
    }

    fn operations(&mut self) {
        let base = self.current.clone();
        ddmin(base.database.operations.len(), 0, |kept| {
            let mut candidate = base.clone();
            let operations = kept.iter().map(|at| base.database.operations[*at].clone());
            candidate.database.operations = operations.collect();
            self.attempt(candidate)
        });
    }

    fn plainer(&mut self) {
        let edits: [fn(&mut Scenario); 9] = [
            |scenario| scenario.run = Run::default(),
            |scenario| scenario.run.crash_after = None,
            |scenario| scenario.run.order = 0,
            |scenario| scenario.database.compression = None,
            |scenario| scenario.database.collections.truncate(1),
            |scenario| scenario.database.section_pages = 1,
            |scenario| scenario.database.empty_pages = 0,
            |scenario| scenario.database.journal.stored = true,
            |scenario| scenario.database.journal.differences = false,
        ];
        for edit in edits {
            let mut candidate = self.current.clone();
            edit(&mut candidate);
            self.attempt(candidate);
        }
    }

    /// Lowers each number of operations and damages: to nothing, or by halves, or by one.
    fn numbers(&mut self) {
        let mut nth = 0;
        while let Some(now) = with_number(&self.current, nth, None).1 {
            let lowered = [0, now / 2, now.saturating_sub(1)].into_iter().any(|less| {
                let candidate = with_number(&self.current, nth, Some(less)).0;
                less < now && candidate.is_some_and(|candidate| self.attempt(candidate))
            });
            if !lowered {
                nth += 1;
            }
        }
    }
}

/// The nth number of a scenario's operations and damages, and the scenario with another one in its place.
fn with_number(
    base: &Scenario,
    nth: usize,
    number: Option<u64>,
) -> (Option<Scenario>, Option<u64>) {
    let mut left = nth;
    let mut both = serde_json::json!([base.database.operations, base.damages]);
    let Some(found) = find(&mut both, &mut left) else {
        return (None, None);
    };
    let before = found.as_u64();
    if let Some(number) = number {
        *found = number.into();
    }
    let read = serde_json::from_value(both).ok();
    let scenario = read.map(|(operations, damages)| {
        let mut scenario = base.clone();
        scenario.database.operations = operations;
        scenario.damages = damages;
        scenario
    });
    (scenario, before)
}

/// The number that so many others precede; seeds are left out, for one is as good as another.
fn find<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    match value {
        Value::Number(_) if *left == 0 => Some(value),
        Value::Number(_) => {
            *left -= 1;
            None
        }
        Value::Array(items) => items.iter_mut().find_map(|item| find(item, left)),
        Value::Object(members) => members
            .iter_mut()
            .filter(|(name, _)| *name != "seed")
            .find_map(|(_, member)| find(member, left)),
        _ => None,
    }
}
