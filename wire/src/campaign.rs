//! Case after case on all threads, on any tier: the same cases as the pure drill's, by the same seeds.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use firedrill_chaos::campaign::case_seed;
use firedrill_chaos::property::Violation;
use firedrill_chaos::runner::Outcome;
use firedrill_chaos::scenario::Scenario;
use serde::Serialize;

/// Which cases.
#[derive(Debug, Clone, Copy)]
pub struct Orders {
    /// The root of all cases.
    pub seed: u64,
    /// So many at most.
    pub cases: Option<u64>,
    /// On so many threads.
    pub jobs: usize,
}

/// Progress and the wish to stop, shared with whoever watches.
#[derive(Debug, Default)]
pub struct Control {
    /// Set by the one who wants it to end.
    pub stop: AtomicBool,
    /// Cases so far.
    pub done: AtomicU64,
    /// Those of them that were not as they should be.
    pub failed: AtomicU64,
    next: AtomicU64,
}

/// One case: its number in the campaign, and its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Case {
    /// From 0 on.
    pub number: u64,
    /// What makes its scenario.
    pub seed: u64,
}

/// Does `work` on case after case until it is told to stop or has no more to do; what came of each, in their
/// order.
pub fn each<T: Send>(
    orders: Orders,
    control: &Control,
    work: impl Fn(Case) -> T + Sync,
) -> Vec<(Case, T)> {
    let one_thread = || {
        let mut done = Vec::new();
        while !control.stop.load(Ordering::Relaxed) {
            let number = control.next.fetch_add(1, Ordering::Relaxed);
            if orders.cases.is_some_and(|cases| number >= cases) {
                break;
            }
            let seed = case_seed(orders.seed, number);
            let case = Case { number, seed };
            done.push((case, work(case)));
            control.done.fetch_add(1, Ordering::Relaxed);
        }
        done
    };
    let mut all: Vec<(Case, T)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..orders.jobs.max(1))
            .map(|_| scope.spawn(one_thread))
            .collect();
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().expect("a case's panic is caught inside")
        };
        threads.into_iter().flat_map(join).collect()
    });
    all.sort_by_key(|(case, _)| *case);
    all
}

/// What a campaign did and found, or one case of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Tally {
    /// Cases run.
    pub cases: u64,
    /// Lives of machines.
    pub lives: u64,
    /// Effects of machines.
    pub effects: u64,
    /// Crashes.
    pub crashes: u64,
    /// How often faults struck, by class.
    pub faults: BTreeMap<String, u64>,
    /// What people and programs did, by name.
    pub operations: BTreeMap<String, u64>,
    /// What the reports decided, by name.
    pub decisions: BTreeMap<String, u64>,
    /// How the reports ended, by exit status.
    pub statuses: BTreeMap<String, u64>,
    /// In how many cases each property was violated, by id.
    pub violated: BTreeMap<String, u64>,
}

impl Tally {
    /// Of one case.
    pub fn of(scenario: &Scenario, run: &Result<Outcome, Vec<Violation>>) -> Self {
        let mut tally = Self {
            cases: 1,
            ..Self::default()
        };
        let violations = match run {
            Err(violations) => violations,
            Ok(outcome) => {
                tally.note(scenario, outcome);
                &outcome.violations
            }
        };
        for found in violations {
            tally.violated.insert(found.property.id().to_owned(), 1);
        }
        tally
    }

    fn note(&mut self, scenario: &Scenario, outcome: &Outcome) {
        self.lives = outcome.lives;
        self.effects = outcome.effects;
        self.crashes = outcome.crashes;
        let count = |into: &mut BTreeMap<String, u64>, name: &str, times: u64| {
            *into.entry(name.to_owned()).or_default() += times;
        };
        for (fault, fired) in scenario.faults.iter().zip(&outcome.fired) {
            count(&mut self.faults, fault.class(), *fired);
        }
        if outcome.crashes > 0 {
            count(&mut self.faults, "host.crash", outcome.crashes);
        }
        for operation in &scenario.operations {
            count(&mut self.operations, operation.act.name(), 1);
        }
        for report in &outcome.reports {
            count(&mut self.statuses, &report.exit_status().to_string(), 1);
            for object in &report.objects {
                count(&mut self.decisions, object.decision.name(), 1);
            }
        }
    }

    /// Another one's counts as well.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.lives += other.lives;
        self.effects += other.effects;
        self.crashes += other.crashes;
        for (into, from) in [
            (&mut self.faults, other.faults),
            (&mut self.operations, other.operations),
            (&mut self.decisions, other.decisions),
            (&mut self.statuses, other.statuses),
            (&mut self.violated, other.violated),
        ] {
            for (name, count) in from {
                *into.entry(name).or_default() += count;
            }
        }
    }
}
