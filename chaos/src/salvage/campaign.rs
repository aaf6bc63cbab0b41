//! A campaign: case after case on all threads, until the time, the number or the patience is used up.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use firedrill_sim::draw::{Seed, Stream};
use serde::{Deserialize, Serialize};

use crate::campaign::catch;

use super::checkers::{Outcome, judge};
use super::generate;
use super::property::{Property, Violation};

const CASE: Stream = Stream::new("salvage.case");

/// What is to be run.
#[derive(Debug, Clone, Copy)]
pub struct Orders {
    /// The root of all cases.
    pub seed: u64,
    /// So many cases at most.
    pub cases: Option<u64>,
    /// On so many threads.
    pub jobs: usize,
    /// The planted bug that is active.
    pub planted: Option<&'static str>,
    /// Stop at the first case that violates one of these properties; without any at so many failed cases.
    pub until: &'static [Property],
    /// Failed cases after which it stops.
    pub failures_max: usize,
}

/// How often something was, by name.
pub type Counts = BTreeMap<Cow<'static, str>, u64>;

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its number in the campaign.
    pub number: u64,
    /// Its seed.
    pub case: u64,
    /// What was violated.
    pub violations: Vec<Violation>,
}

/// What a campaign did and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Cases run.
    pub cases: u64,
    /// Tasks done.
    pub tasks: u64,
    /// Processes killed.
    pub crashes: u64,
    /// Pages of data files.
    pub pages: u64,
    /// Records written that had to be told.
    pub due: u64,
    /// Records told, by class.
    pub told: Counts,
    /// Records told as corrected.
    pub repaired: u64,
    /// How often damages struck, by class.
    pub damages: Counts,
    /// How often each property was violated, by id.
    pub violated: Counts,
    /// Cases that failed, by number.
    pub failures: Vec<Failure>,
}

/// Progress and the wish to stop, shared with whoever watches.
#[derive(Debug, Default)]
pub struct Control {
    /// Set by the one who wants it to end.
    pub stop: AtomicBool,
    /// Cases so far.
    pub done: AtomicU64,
    /// Failed ones.
    pub failed: AtomicU64,
    next: AtomicU64,
}

/// The seed of a case.
pub fn case_seed(root: u64, number: u64) -> u64 {
    Seed(root).draw(CASE, number, 0)
}

/// Runs cases until it is told to stop or has no more to do.
pub fn run(orders: Orders, control: &Control) -> Tally {
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..orders.jobs.max(1))
            .map(|_| scope.spawn(|| work(orders, control)))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, Tally>| {
            thread.join().expect("a case's panic is caught inside")
        };
        threads.into_iter().map(join).collect()
    });
    let mut total = Tally::default();
    for tally in tallies {
        total.add(tally);
    }
    total
}

fn work(orders: Orders, control: &Control) -> Tally {
    let mut tally = Tally::default();
    while !control.stop.load(Ordering::Relaxed) {
        let number = control.next.fetch_add(1, Ordering::Relaxed);
        if orders.cases.is_some_and(|cases| number >= cases) {
            break;
        }
        let case = case_seed(orders.seed, number);
        let violations = tally.case(case, orders.planted);
        control.done.fetch_add(1, Ordering::Relaxed);
        if violations.is_empty() {
            continue;
        }
        let failed = control.failed.fetch_add(1, Ordering::Relaxed) + 1;
        let mut found = violations.iter().map(|found| found.property);
        let found = found.any(|property| orders.until.contains(&property));
        let enough = orders.until.is_empty() && failed >= orders.failures_max as u64;
        if found || enough {
            control.stop.store(true, Ordering::Relaxed);
        }
        let wanted = found || orders.until.is_empty();
        if wanted && tally.failures.len() < orders.failures_max {
            tally.failures.push(Failure {
                number,
                case,
                violations,
            });
        }
    }
    tally
}

impl Tally {
    pub(crate) fn case(&mut self, case: u64, planted: Option<&'static str>) -> Vec<Violation> {
        self.cases += 1;
        let scenario = generate::scenario(case);
        // The salvage's own panics are caught where it plays; this one is the harness's, or the writer's.
        let caught = catch(|| judge(&scenario, planted));
        let violations = match caught {
            Ok(outcome) => {
                self.note(&outcome);
                outcome.violations
            }
            Err(_) => vec![Violation::of_run(Property::S4, "the harness panics")],
        };
        let mut ids: Vec<_> = violations.iter().map(|found| found.property).collect();
        ids.sort_unstable();
        ids.dedup();
        for property in ids {
            *self.violated.entry(property.id().into()).or_default() += 1;
        }
        violations
    }

    fn note(&mut self, outcome: &Outcome) {
        self.tasks += outcome.tasks;
        self.crashes += u64::from(outcome.crashed);
        self.pages += outcome.disk.database.truth.file_pages.len() as u64;
        self.due += outcome.due;
        for class in &outcome.disk.struck {
            *self.damages.entry((*class).into()).or_default() += 1;
        }
        for line in outcome.told.iter().flat_map(|told| &told.lines) {
            *self.told.entry(line.class.name().into()).or_default() += 1;
            self.repaired += u64::from(line.repaired);
        }
    }

    /// Takes another run's tally in. Failures stay in the order of their numbers.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.tasks += other.tasks;
        self.crashes += other.crashes;
        self.pages += other.pages;
        self.due += other.due;
        self.repaired += other.repaired;
        self.failures.extend(other.failures);
        self.failures.sort_by_key(|failure| failure.number);
        sum(&mut self.told, other.told);
        sum(&mut self.damages, other.damages);
        sum(&mut self.violated, other.violated);
    }
}

fn sum(into: &mut Counts, from: Counts) {
    for (name, count) in from {
        *into.entry(name).or_default() += count;
    }
}
