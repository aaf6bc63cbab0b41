//! The shrinker: a failing scenario becomes the smallest one that still violates the same property.
//!
//! ```text
//!   faults ─► operations ─► topology ─► values ─┐     ddmin over every list, then each value towards its
//!     ▲                                         │     simplest; again until a whole pass changes nothing
//!     └───────────── changed? ──────────────────┘
//! ```
//!
//! Invariants:
//! - A candidate counts only if it violates the very property that is shrunk: a smaller scenario with another
//!   bug is another story. Panics and machines that do not end are properties like the others.
//! - What comes out within the budget is 1-minimal: without any one of its faults or operations the property
//!   holds.
//! - The search draws nothing and reads no clock: equal input gives equal output, after equally many runs.
//! - Every step makes the scenario smaller in a fixed order, so the search ends without the budget as well.
//!
//! Deliberately not here: what the simplest value of a field is (`values`), and words for people
//! (`counterfactual`, `tell`).

mod counterfactual;
pub(crate) mod ddmin;
mod tell;
mod values;

use std::collections::BTreeSet;
use std::fmt;

use firedrill_sim::draw;

use crate::campaign::{self, Attempt};
use crate::property::Property;
use crate::runner::Subject;
use crate::scenario::{Act, CommitPlan, Scenario, SegmentPlan, TableSource, Target};

pub use counterfactual::{Counterfactual, counterfactuals};
pub(crate) use counterfactual::{name_fault, name_operation};
pub use tell::{comment, counts, story};

/// Runs that a shrink may take unless it is told otherwise.
pub const BUDGET: u64 = 5000;

/// The smallest scenario found, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// Violates the same property as the one that came in.
    pub scenario: Scenario,
    /// Runs taken.
    pub runs: u64,
    /// How large it was.
    pub from: Size,
    /// How large it is.
    pub to: Size,
    /// The budget ended before a whole pass changed nothing: something might still be taken away.
    pub exhausted: bool,
}

/// What a scenario consists of, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Things that people and programs do.
    pub operations: usize,
    /// Faults of requests.
    pub faults: usize,
    /// Crashes, an interrupt, a second machine.
    pub plights: usize,
    /// Commits of the table before anything happens.
    pub commits: usize,
    /// Blocks that these commits write.
    pub blocks: usize,
}

/// How far a search is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Runs so far.
    pub runs: u64,
    /// The smallest so far.
    pub size: Size,
}

/// A scenario that cannot be shrunk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShrinkError {
    /// Nothing is wrong with it.
    #[error("the scenario passes: it violates no property, so there is nothing to shrink")]
    Passes,
    /// Something else is wrong with it.
    #[error("the scenario does not violate {wanted}; it violates {}", ids(.found))]
    OtherProperty {
        /// What was to be shrunk.
        wanted: Property,
        /// What it violates.
        found: Vec<Property>,
    },
    /// It does not run at all.
    #[error("the scenario cannot be set up: {0}")]
    NotSetUp(String),
}

/// Makes a scenario as small as it gets while it violates this property.
///
/// # Errors
/// It does not violate it in the first place.
pub fn shrink<S: Subject>(
    scenario: &Scenario,
    property: Property,
    subject: &S,
    planted: Option<&'static str>,
    budget: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<Shrunk, ShrinkError> {
    let found = violated(scenario, subject, planted)?;
    let is_violated = match property {
        Property::Deterministic => !is_repeatable(scenario, subject, planted),
        _ => found.contains(&property),
    };
    if !is_violated {
        return Err(match found.is_empty() {
            true => ShrinkError::Passes,
            false => ShrinkError::OtherProperty {
                wanted: property,
                found,
            },
        });
    }
    let mut search = Search {
        property,
        subject,
        planted,
        budget,
        runs: 1,
        current: scenario.clone(),
        rejected: BTreeSet::new(),
        exhausted: false,
        progress,
    };
    search.exhaust();
    Ok(Shrunk {
        from: Size::of(scenario),
        to: Size::of(&search.current),
        runs: search.runs,
        exhausted: search.exhausted,
        scenario: search.current,
    })
}

/// Which properties a scenario violates, each once and the worst first.
///
/// # Errors
/// It cannot be set up.
pub fn violated<S: Subject>(
    scenario: &Scenario,
    subject: &S,
    planted: Option<&'static str>,
) -> Result<Vec<Property>, ShrinkError> {
    match campaign::attempt(scenario, subject, planted, false) {
        Attempt::Ended(outcome) => {
            let found = outcome.violations.iter();
            let mut found: Vec<_> = found.map(|violation| violation.property).collect();
            found.dedup();
            Ok(found)
        }
        Attempt::Panicked(_) => Ok(vec![Property::NoPanic]),
        Attempt::NotSetUp(why) => Err(ShrinkError::NotSetUp(why)),
    }
}

/// Whether a scenario violates nothing, and has the same trace twice.
pub fn passes<S: Subject>(scenario: &Scenario, subject: &S, planted: Option<&'static str>) -> bool {
    violated(scenario, subject, planted).is_ok_and(|found| found.is_empty())
        && is_repeatable(scenario, subject, planted)
}

/// Whether a scenario violates this one. One that cannot be set up violates nothing.
fn violates<S: Subject>(
    scenario: &Scenario,
    property: Property,
    subject: &S,
    planted: Option<&'static str>,
) -> bool {
    if property == Property::Deterministic {
        return !is_repeatable(scenario, subject, planted);
    }
    violated(scenario, subject, planted).is_ok_and(|found| found.contains(&property))
}

/// Whether two runs have one trace.
fn is_repeatable<S: Subject>(
    scenario: &Scenario,
    subject: &S,
    planted: Option<&'static str>,
) -> bool {
    let hash = || match campaign::attempt(scenario, subject, planted, false) {
        Attempt::Ended(outcome) => Some(outcome.trace.hash()),
        _ => None,
    };
    hash() == hash()
}

/// A search on its way.
struct Search<'a, S: Subject> {
    property: Property,
    subject: &'a S,
    planted: Option<&'static str>,
    budget: u64,
    runs: u64,
    current: Scenario,
    /// Fingerprints of what did not violate the property: a later pass asks for much of it again.
    rejected: BTreeSet<u64>,
    exhausted: bool,
    progress: &'a mut dyn FnMut(Progress),
}

impl<S: Subject> Search<'_, S> {
    /// Passes until one changes nothing.
    fn exhaust(&mut self) {
        loop {
            let before = self.current.clone();
            self.list(0, |scenario| Some(&mut scenario.faults));
            self.list(0, |scenario| Some(&mut scenario.operations));
            self.topology();
            self.values();
            if self.exhausted || self.current == before {
                return;
            }
        }
    }

    /// Takes a candidate if it violates the property.
    fn attempt(&mut self, candidate: Scenario) -> bool {
        if candidate == self.current {
            return false;
        }
        let fingerprint = fingerprint(&candidate);
        if self.rejected.contains(&fingerprint) {
            return false;
        }
        if self.runs >= self.budget {
            self.exhausted = true;
            return false;
        }
        self.runs += 1;
        let counts = violates(&candidate, self.property, self.subject, self.planted);
        if counts {
            self.current = candidate;
        } else {
            self.rejected.insert(fingerprint);
        }
        (self.progress)(Progress {
            runs: self.runs,
            size: Size::of(&self.current),
        });
        counts
    }

    /// Shortens one list of the scenario to no less than `least`.
    fn list<T: Clone>(
        &mut self,
        least: usize,
        place: impl for<'s> Fn(&'s mut Scenario) -> Option<&'s mut Vec<T>>,
    ) {
        let mut base = self.current.clone();
        let Some(items) = place(&mut base).cloned() else {
            return;
        };
        ddmin::ddmin(items.len(), least, |kept| {
            let mut candidate = base.clone();
            if let Some(list) = place(&mut candidate) {
                *list = kept.iter().map(|at| items[*at].clone()).collect();
            }
            self.attempt(candidate)
        });
    }

    fn topology(&mut self) {
        self.list(0, |scenario| Some(&mut scenario.hosts.crash_after));
        self.edit(|scenario| scenario.hosts.interrupt_after = None);
        self.edit(|scenario| scenario.hosts.twin = false);
        self.commits();
        // Every commit is either the table's or an operation.
        let plans = plans(&mut self.current).len();
        for plan in 0..plans {
            self.list(0, |scenario| segments(scenario, plan));
            let mut base = self.current.clone();
            let count = segments(&mut base, plan).map_or(0, |segments| segments.len());
            for nth in 0..count {
                self.list(1, |scenario| {
                    let segment = segments(scenario, plan)?.get_mut(nth)?;
                    Some(&mut segment.blocks)
                });
            }
        }
    }

    /// A commit less also shifts what counts commits: tried with the numbers as they are, and moved along.
    fn commits(&mut self) {
        let TableSource::Generated(table) = &self.current.table else {
            return;
        };
        let (base, items) = (self.current.clone(), table.commits.clone());
        ddmin::ddmin(items.len(), 1, |kept| {
            let mut plain = base.clone();
            if let TableSource::Generated(table) = &mut plain.table {
                table.commits = kept.iter().map(|at| items[*at].clone()).collect();
            }
            let gone = |before: usize| before - kept.iter().filter(|at| **at < before).count();
            let mut moved = plain.clone();
            if let Target::AsOf { commit, .. } | Target::Snapshot { commit } =
                &mut moved.amend.target
            {
                *commit -= gone(*commit);
            }
            let before = &mut moved.bucket.commits_before_versioning;
            *before -= gone(*before as usize) as u32;
            self.attempt(moved) || self.attempt(plain)
        });
    }

    fn values(&mut self) {
        for (_, simplest) in values::KNOBS {
            self.edit(simplest);
        }
        for nth in 0..self.current.faults.len() {
            for simplest in values::OF_A_FAULT {
                self.edit(|scenario| simplest(&mut scenario.faults[nth]));
            }
        }
        for nth in 0..self.current.operations.len() {
            for simplest in values::OF_AN_OPERATION {
                self.edit(|scenario| simplest(&mut scenario.operations[nth]));
            }
        }
        for nth in 0..plans(&mut self.current).len() {
            for simplest in values::OF_A_COMMIT {
                self.edit(|scenario| {
                    if let Some(plan) = plans(scenario).into_iter().nth(nth) {
                        simplest(plan);
                    }
                });
            }
        }
        for nth in 0..values::numbers(&mut self.current.clone()).len() {
            self.number(nth);
        }
    }

    /// Lowers one number: to the least it may be, or else by halves of what is left, or else by one.
    fn number(&mut self, nth: usize) {
        loop {
            let number = values::numbers(&mut self.current.clone())[nth];
            let room = number.now.saturating_sub(number.least);
            if room == 0 {
                return;
            }
            let lowered = [room, room.div_ceil(2), 1].into_iter().any(|step| {
                let mut candidate = self.current.clone();
                values::set_number(&mut candidate, nth, number.now - step);
                self.attempt(candidate)
            });
            if !lowered {
                return;
            }
        }
    }

    fn edit(&mut self, edit: impl Fn(&mut Scenario)) {
        let mut candidate = self.current.clone();
        edit(&mut candidate);
        self.attempt(candidate);
    }
}

/// Every commit's plan: those of the table, then those among the operations.
fn plans(scenario: &mut Scenario) -> Vec<&mut CommitPlan> {
    let table = match &mut scenario.table {
        TableSource::Generated(table) => table.commits.as_mut_slice(),
        TableSource::Sample { .. } => &mut [],
    };
    let later = scenario.operations.iter_mut();
    let later = later.filter_map(|operation| match &mut operation.act {
        Act::Commit(plan) => Some(plan),
        _ => None,
    });
    table.iter_mut().chain(later).collect()
}

/// The segments that a commit writes, if it is of the sort that does.
fn segments(scenario: &mut Scenario, plan: usize) -> Option<&mut Vec<SegmentPlan>> {
    match plans(scenario).into_iter().nth(plan)? {
        CommitPlan::Insert { segments } | CommitPlan::Overwrite { segments } => Some(segments),
        _ => None,
    }
}

fn fingerprint(scenario: &Scenario) -> u64 {
    let text = serde_json::to_vec(scenario).expect("a scenario is plain data");
    draw::hash_bytes(&text)
}

fn ids(properties: &[Property]) -> String {
    let ids: Vec<&str> = properties.iter().map(|property| property.id()).collect();
    ids.join(", ")
}

impl Size {
    /// A scenario's.
    pub fn of(scenario: &Scenario) -> Self {
        let hosts = &scenario.hosts;
        let crashes = hosts.crash_after.len();
        let commits = match &scenario.table {
            TableSource::Generated(table) => table.commits.as_slice(),
            TableSource::Sample { .. } => &[],
        };
        let blocks = |plan: &CommitPlan| match plan {
            CommitPlan::Insert { segments } | CommitPlan::Overwrite { segments } => {
                segments.iter().map(|segment| segment.blocks.len()).sum()
            }
            CommitPlan::RewriteBlock { with, .. } => usize::from(with.is_some()),
            CommitPlan::Analyze | CommitPlan::Compact { .. } => 0,
        };
        Self {
            operations: scenario.operations.len(),
            faults: scenario.faults.len(),
            plights: crashes
                + usize::from(hosts.interrupt_after.is_some())
                + usize::from(hosts.twin),
            commits: commits.len(),
            blocks: commits.iter().map(blocks).sum(),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |count: usize, one: &str| match count {
            1 => format!("1 {one}"),
            _ => format!("{count} {one}s"),
        };
        write!(
            f,
            "{}, {}, {}, {} with {}",
            number(self.operations, "operation"),
            number(self.faults, "fault"),
            match self.plights {
                1 => "1 plight of a host".into(),
                count => format!("{count} plights of hosts"),
            },
            number(self.commits, "commit"),
            number(self.blocks, "block"),
        )
    }
}
