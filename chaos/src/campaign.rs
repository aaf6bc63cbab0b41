//! A campaign: case after case on all threads, until the time, the number or the patience is used up.
//!
//! A case's seed is a function of the root seed and its number, so it does not depend on who runs it or in
//! which order.

use std::any::Any;
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use firedrill_sim::draw::{Seed, Stream};
use serde::{Deserialize, Serialize};

pub use crate::catalogue::{PLANTED, PLANTED_CASES_MAX, PlantedBug};
use crate::corpus;
use crate::coverage::Coverage;
use crate::generate;
use crate::property::{Property, Violation};
use crate::runner::{self, Outcome, Subject};
use crate::scenario::Scenario;
use crate::scene::SceneError;
use crate::shard::Shard;

const CASE: Stream = Stream::new("campaign.case");

/// One case of so many is run twice, and its two traces compared.
const DOUBLE_EVERY: u64 = 64;

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

/// Which cases are run: what a number means, and which numbers are this run's.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// From a case's seed to its scenario.
    pub generate: fn(u64) -> Scenario,
    /// This run's part of all cases.
    pub shard: Shard,
    /// Note which case first reached each signature, for a corpus.
    pub signatures: bool,
}

impl Default for Source {
    /// All cases of the generator.
    fn default() -> Self {
        Self {
            generate: generate::scenario,
            shard: Shard::WHOLE,
            signatures: false,
        }
    }
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
    /// Lives of machines.
    pub lives: u64,
    /// Effects of machines.
    pub effects: u64,
    /// Crashes.
    pub crashes: u64,
    /// Cases that were run twice.
    pub doubled: u64,
    /// How often faults struck, by class.
    pub faults: Counts,
    /// What people and programs did, by name.
    pub operations: Counts,
    /// What was reached of all that is to be reached.
    pub coverage: Coverage,
    /// What the reports decided, by name.
    pub decisions: Counts,
    /// How the reports ended, by exit status.
    pub statuses: BTreeMap<u8, u64>,
    /// How often each property was violated, by id.
    pub violated: Counts,
    /// Cases that failed, by number.
    pub failures: Vec<Failure>,
    /// The first case that reached each signature, where that was to be noted.
    #[serde(skip)]
    pub reached: BTreeMap<u64, u64>,
}

/// A time in minutes, as people type it: more than none, and no more than a clock can count.
pub fn minutes(text: &str) -> Result<Duration, String> {
    let minutes: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    let time = Duration::try_from_secs_f64(minutes * 60.0).map_err(|error| error.to_string())?;
    match time.is_zero() {
        true => Err("nothing can be done in no time".into()),
        false => Ok(time),
    }
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
pub fn run<S: Subject>(orders: Orders, subject: &S, control: &Control) -> Tally {
    run_of(Source::default(), orders, subject, control)
}

/// Likewise, of other cases than all of the generator.
pub fn run_of<S: Subject>(source: Source, orders: Orders, subject: &S, control: &Control) -> Tally {
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..orders.jobs.max(1))
            .map(|_| scope.spawn(|| work(source, orders, subject, control)))
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

fn work<S: Subject>(source: Source, orders: Orders, subject: &S, control: &Control) -> Tally {
    let mut tally = Tally::default();
    while !control.stop.load(Ordering::Relaxed) {
        let nth = control.next.fetch_add(1, Ordering::Relaxed);
        let number = source.shard.case(nth);
        if orders.cases.is_some_and(|cases| number >= cases) {
            break;
        }
        let case = case_seed(orders.seed, number);
        let scenario = (source.generate)(case);
        let violations = tally.case(&scenario, subject, orders, number, source.signatures);
        control.done.fetch_add(1, Ordering::Relaxed);
        if violations.is_empty() {
            continue;
        }
        let failed = control.failed.fetch_add(1, Ordering::Relaxed) + 1;
        let found = violations
            .iter()
            .any(|found| orders.until.contains(&found.property));
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

/// Makes a planted bug active on this thread, in core and in the mock.
pub fn activate(planted: Option<&'static str>) {
    firedrill_core::drill::activate(planted);
    firedrill_s3_mock::drill::activate(planted);
}

/// How a run came to its end.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one at a time, taken apart at once"
)]
pub enum Attempt {
    /// It was judged.
    Ended(Outcome),
    /// It panicked, with this message.
    Panicked(String),
    /// The scenario could not be set up, for this reason.
    NotSetUp(String),
}

thread_local! {
    static IN_A_CASE: Cell<bool> = const { Cell::new(false) };
}

/// Has a case's panic print nothing: it is caught, and reported with the line that replays it. Any other panic is
/// told as before.
pub fn silence_panics() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !IN_A_CASE.get() {
            told(panic);
        }
    }));
}

/// Does a part of a case, and catches a panic.
pub(crate) fn catch<T>(part: impl FnOnce() -> T) -> std::thread::Result<T> {
    let outside = IN_A_CASE.replace(true);
    let caught = catch_unwind(AssertUnwindSafe(part));
    IN_A_CASE.set(outside);
    caught
}

/// Runs one scenario, and catches a panic.
pub fn attempt<S: Subject>(
    scenario: &Scenario,
    subject: &S,
    planted: Option<&'static str>,
    keep_trace: bool,
) -> Attempt {
    attempt_by(planted, || runner::run(scenario, subject, keep_trace))
}

fn attempt_by(
    planted: Option<&'static str>,
    run: impl FnOnce() -> Result<Outcome, SceneError>,
) -> Attempt {
    activate(planted);
    let caught = catch(run);
    activate(None);
    match caught {
        Ok(Ok(outcome)) => Attempt::Ended(outcome),
        Ok(Err(error)) => Attempt::NotSetUp(error.to_string()),
        Err(panic) => Attempt::Panicked(panic_text(panic.as_ref())),
    }
}

/// What a caught panic says.
pub fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without a message").to_owned()
}

/// Runs one scenario, and takes a panic for a violation.
pub fn run_caught<S: Subject>(
    scenario: &Scenario,
    subject: &S,
    planted: Option<&'static str>,
    keep_trace: bool,
) -> Result<Outcome, Vec<Violation>> {
    ended(attempt(scenario, subject, planted, keep_trace))
}

fn ended(attempt: Attempt) -> Result<Outcome, Vec<Violation>> {
    match attempt {
        Attempt::Ended(outcome) => Ok(outcome),
        Attempt::Panicked(sentence) | Attempt::NotSetUp(sentence) => {
            Err(vec![Violation::of_run(Property::NoPanic, sentence)])
        }
    }
}

/// What the case of this number violates, as a campaign sees it.
pub(crate) fn violations_of<S: Subject>(
    scenario: &Scenario,
    subject: &S,
    planted: Option<&'static str>,
    number: u64,
) -> Vec<Violation> {
    let twice = number.is_multiple_of(DOUBLE_EVERY);
    try_case(scenario, subject, planted, twice, &mut |_| {})
}

/// What a case violates. `twice` also compares its trace with that of a second run.
fn try_case<S: Subject>(
    scenario: &Scenario,
    subject: &S,
    planted: Option<&'static str>,
    twice: bool,
    note: &mut dyn FnMut(&Outcome),
) -> Vec<Violation> {
    let run = match twice {
        true => run_caught(scenario, subject, planted, false),
        false => ended(attempt_by(planted, || {
            runner::run_uncompared(scenario, subject)
        })),
    };
    let outcome = match run {
        Err(violations) => return violations,
        Ok(outcome) => outcome,
    };
    note(&outcome);
    let mut violations = outcome.violations;
    if twice {
        let again = run_caught(scenario, subject, planted, false);
        let again = again.map(|outcome| outcome.trace.hash()).ok();
        if again != Some(outcome.trace.hash()) {
            let sentence = "a second run of the same scenario has another trace";
            violations.push(Violation::of_run(Property::Deterministic, sentence));
        }
    }
    violations
}

impl Tally {
    fn case<S: Subject>(
        &mut self,
        scenario: &Scenario,
        subject: &S,
        orders: Orders,
        number: u64,
        signatures: bool,
    ) -> Vec<Violation> {
        self.cases += 1;
        let twice = number.is_multiple_of(DOUBLE_EVERY);
        self.doubled += u64::from(twice);
        let mut note = |outcome: &Outcome| {
            self.note(scenario, outcome);
            if signatures {
                for signature in corpus::signatures(scenario, outcome) {
                    let first = self.reached.entry(signature).or_insert(number);
                    *first = number.min(*first);
                }
            }
        };
        let violations = try_case(scenario, subject, orders.planted, twice, &mut note);
        let mut ids: Vec<_> = violations.iter().map(|found| found.property).collect();
        ids.dedup();
        for property in ids {
            *self.violated.entry(property.id().into()).or_default() += 1;
        }
        violations
    }

    fn note(&mut self, scenario: &Scenario, outcome: &Outcome) {
        self.lives += outcome.lives;
        self.effects += outcome.effects;
        self.crashes += outcome.crashes;
        self.coverage.note(scenario, outcome);
        for (fault, fired) in scenario.faults.iter().zip(&outcome.fired) {
            *self.faults.entry(fault.class().into()).or_default() += fired;
        }
        if outcome.crashes > 0 {
            *self.faults.entry("host.crash".into()).or_default() += outcome.crashes;
        }
        for operation in &scenario.operations {
            *self
                .operations
                .entry(operation.act.name().into())
                .or_default() += 1;
        }
        for report in &outcome.reports {
            *self.statuses.entry(report.exit_status()).or_default() += 1;
            for (decision, count) in &report.counts {
                *self.decisions.entry((*decision).into()).or_default() += count;
            }
        }
    }

    /// Takes another run's tally in. Failures stay in the order of their numbers.
    pub fn add(&mut self, other: Self) {
        self.cases += other.cases;
        self.lives += other.lives;
        self.effects += other.effects;
        self.crashes += other.crashes;
        self.doubled += other.doubled;
        self.coverage.add(&other.coverage);
        self.failures.extend(other.failures);
        self.failures.sort_by_key(|failure| failure.number);
        for (signature, number) in other.reached {
            let first = self.reached.entry(signature).or_insert(number);
            *first = number.min(*first);
        }
        sum(&mut self.faults, other.faults);
        sum(&mut self.operations, other.operations);
        sum(&mut self.decisions, other.decisions);
        sum(&mut self.statuses, other.statuses);
        sum(&mut self.violated, other.violated);
    }
}

fn sum<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_longer_than_nothing_and_ends() {
        assert_eq!(minutes("0.5"), Ok(Duration::from_secs(30)));
        for wrong in ["0", "-1", "inf", "NaN", "1e300", "soon"] {
            assert!(minutes(wrong).is_err(), "{wrong}");
        }
    }
}
