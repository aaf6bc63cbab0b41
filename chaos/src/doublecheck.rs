//! The double check: is a case a function of its scenario alone?
//!
//! ```text
//!   friendly   run ─ run            same thread, same second: what drifts with either stays unseen
//!   hostile    all cases ── pause ── all cases again, in another process: other threads, in the other
//!                                    order, other hash keys and addresses, folder and environment, later
//! ```
//!
//! Compared are a case's trace and its verdict (reports, violations, faults that struck). Where they differ
//! the first line that does is named, with the line that brought it about: that is where the nondeterminism
//! came in, or one step behind it.
//!
//! Deliberately not here: processes and clocks; they are the command's.

use std::num::NonZero;

use firedrill_sim::draw::{fold, hash_bytes};
use firedrill_sim::trace::TraceEvent;
use serde::{Deserialize, Serialize};

use crate::campaign::{self, Attempt, PlantedBug, case_seed};
use crate::generate;
use crate::pool;
use crate::property::Property;
use crate::runner::Subject;

/// A wall clock that is read on the way of a retry's timer, in whole seconds. Two runs within one second
/// agree, so only the hostile check finds it; it is in no other catalogue.
pub const PLANTED: PlantedBug = ("H1-01", &[Property::Deterministic]);

/// How long after the first run the second one begins at least, milliseconds: longer than the coarsest
/// clock that anybody reads by accident ticks.
pub const PAUSE_MS: u64 = 1100;

/// How a check goes, on any tier: the flags of each program's `doublecheck`.
#[derive(Debug, clap::Args)]
pub struct How {
    /// Run the cases again in another process, folder and environment, on other threads, in the other order,
    /// and at least 1.1 s later. Without it: again at once.
    #[arg(long)]
    pub hostile: bool,
    /// Root of all cases.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Threads of the first run; all cores without it.
    #[arg(long)]
    pub jobs: Option<NonZero<usize>>,
    /// Make this planted bug active.
    #[arg(long)]
    pub planted: Option<String>,
    /// The second run's own process: prints what is compared, or one case's trace.
    #[arg(long, hide = true)]
    pub again: bool,
    /// With `again`: the number of the case whose trace is wanted.
    #[arg(long, hide = true)]
    pub trace_of: Option<u64>,
}

/// Cases by root seed and number.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// The root of all cases.
    pub seed: u64,
    /// So many cases, from number 0 on.
    pub cases: u64,
    /// The planted bug that is active.
    pub planted: Option<&'static str>,
}

/// What two runs of one case must have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// The hash of its trace; 0 of a panic.
    pub trace: u64,
    /// The hash of its reports, violations and struck faults, or of the panic's message.
    pub verdict: u64,
}

impl Batch {
    /// Each case's fingerprint, by number, on so many threads. `backwards` begins with the last one.
    pub fn fingerprints<S: Subject>(
        self,
        subject: &S,
        jobs: usize,
        backwards: bool,
    ) -> Vec<Fingerprint> {
        let one = |number| self.fingerprint(subject, number);
        if !backwards {
            return pool::share(jobs, 0..self.cases, one);
        }
        let mut found = pool::share(jobs, (0..self.cases).rev(), one);
        found.reverse();
        found
    }

    /// The cases whose two runs, one right after the other on one thread, differ: the friendly check.
    pub fn differ_at_once<S: Subject>(self, subject: &S, jobs: usize) -> Vec<u64> {
        let one = |number| self.fingerprint(subject, number);
        let differ = pool::share(jobs, 0..self.cases, |number| one(number) != one(number));
        let numbered = (0..).zip(differ);
        let differ = numbered.filter(|(_, differs)| *differs);
        differ.map(|(number, _)| number).collect()
    }

    /// One case's fingerprint.
    pub fn fingerprint<S: Subject>(self, subject: &S, number: u64) -> Fingerprint {
        let scenario = generate::scenario(case_seed(self.seed, number));
        match campaign::attempt(&scenario, subject, self.planted, false) {
            Attempt::Ended(outcome) => {
                let said = (&outcome.reports, &outcome.violations, &outcome.fired);
                let said = serde_json::to_vec(&said).expect("reports can be written as JSON");
                Fingerprint {
                    trace: outcome.trace.hash(),
                    verdict: hash_bytes(&said),
                }
            }
            Attempt::Panicked(message) | Attempt::NotSetUp(message) => Fingerprint {
                trace: 0,
                verdict: fold(1, hash_bytes(message.as_bytes())),
            },
        }
    }

    /// One case's trace, line by line.
    pub fn trace<S: Subject>(self, subject: &S, number: u64) -> Vec<Line> {
        let scenario = generate::scenario(case_seed(self.seed, number));
        match campaign::attempt(&scenario, subject, self.planted, true) {
            Attempt::Ended(outcome) => outcome.trace.events().iter().map(Line::of).collect(),
            Attempt::Panicked(_) | Attempt::NotSetUp(_) => Vec::new(),
        }
    }
}

/// The cases, by number, whose fingerprints differ. A list that is shorter than the other differs there.
pub fn different(first: &[Fingerprint], second: &[Fingerprint]) -> Vec<u64> {
    let count = first.len().max(second.len());
    let differs = |number: &usize| first.get(*number) != second.get(*number);
    (0..count)
        .filter(differs)
        .map(|number| number as u64)
        .collect()
}

/// A line of a trace, as it is handed from one process to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(
    missing_docs,
    reason = "the fields of TraceEvent, which documents them"
)]
pub struct Line {
    pub seq: u64,
    pub at: u64,
    pub host: u32,
    pub kind: String,
    pub entity: String,
    pub detail: String,
    pub cause: u64,
}

/// The first line in which two traces differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The last line that both have in common.
    pub before: Option<Line>,
    /// The line in the first trace, if that has one so far down.
    pub first: Option<Line>,
    /// The line in the second one, likewise.
    pub second: Option<Line>,
    /// What brought it about: the last line before it that both have and that one of them names as cause.
    pub cause: Option<Line>,
    /// In which fields they differ.
    pub fields: Vec<&'static str>,
}

impl Difference {
    /// Looks for it; none if the traces are equal.
    pub fn between(first: &[Line], second: &[Line]) -> Option<Self> {
        let same = first
            .iter()
            .zip(second)
            .take_while(|(one, other)| one == other);
        let at = same.count();
        let (one, other) = (first.get(at), second.get(at));
        let either = one.or(other)?;
        let cause = either.cause.checked_sub(1);
        let cause = cause.and_then(|cause| first[..at].get(cause as usize));
        let fields = match (one, other) {
            (Some(one), Some(other)) => one.differs_in(other),
            _ => vec!["length of the trace"],
        };
        Some(Self {
            before: at.checked_sub(1).map(|last| first[last].clone()),
            first: one.cloned(),
            second: other.cloned(),
            cause: cause.cloned(),
            fields,
        })
    }

    /// It, for a person.
    pub fn rows(&self) -> Vec<String> {
        let side = |line: &Option<Line>| {
            line.as_ref()
                .map_or("the trace has ended".to_owned(), Line::describe)
        };
        let mut rows = Vec::new();
        if let Some(before) = &self.before {
            rows.push(format!("  equal up to {}", before.describe()));
        }
        rows.extend([
            format!("  differs in  {}", self.fields.join(", ")),
            format!("  here        {}", side(&self.first)),
            format!("  there       {}", side(&self.second)),
        ]);
        if let Some(cause) = &self.cause {
            rows.push(format!("  caused by   {}", cause.describe()));
        }
        rows
    }
}

impl Line {
    fn of(event: &TraceEvent) -> Self {
        Self {
            seq: event.seq,
            at: event.at,
            host: event.host,
            kind: event.kind.to_owned(),
            entity: event.entity.clone(),
            detail: event.detail.clone(),
            cause: event.cause,
        }
    }

    fn differs_in(&self, other: &Self) -> Vec<&'static str> {
        let fields = [
            ("time", self.at != other.at),
            ("host", self.host != other.host),
            ("kind", self.kind != other.kind),
            ("entity", self.entity != other.entity),
            ("detail", self.detail != other.detail),
            ("cause", self.cause != other.cause),
        ];
        let differ = fields.into_iter().filter(|(_, differs)| *differs);
        differ.map(|(name, _)| name).collect()
    }

    fn describe(&self) -> String {
        let (seconds, nanos) = (self.at / 1_000_000_000, self.at % 1_000_000_000);
        let mut told = format!(
            "line {}, {seconds}.{nanos:09} s, host {}: {}",
            self.seq, self.host, self.kind
        );
        for part in [&self.entity, &self.detail] {
            if !part.is_empty() {
                told.push(' ');
                told.push_str(part);
            }
        }
        told
    }
}
