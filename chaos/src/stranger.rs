//! Bring your own: somebody else's undelete, drilled by the same faults, oracle and shrinker.
//!
//! ```text
//!   Routine::start ──► requests ──► the world ──► Routine::answered ──► requests ──► … nothing more: done
//! ```
//!
//! The task is always the same: a folder of a versioned bucket is to be again what it was at a moment. What
//! happened to it since, and what goes wrong meanwhile, is drawn. A routine decides in plain functions; when it
//! has nothing more to ask, it is done, and what is current then is held against what was there.
//!
//! Invariants:
//! - A routine is judged by the log of what happened, never by what it says, except that giving up is honest.
//! - Equal roots give equal findings, whatever the number of threads.
//!
//! Deliberately not here: machines with timers and with a report of their own; see [`runner::Subject`].

mod adapter;
mod disaster;
mod findings;

use firedrill_core::amend::{Options, Target};
use firedrill_core::object::{Cursor, Key, Reply, Request, WallTime};

use crate::campaign::{self, Control, Orders, Source, Tally};
use crate::runner::Subject;
use crate::scenario::Scenario;

pub use adapter::Adapter;
pub use disaster::{is_of_a_folder, scenario};
pub use findings::{Finding, Findings};

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Every key that begins with this, and no other one.
    pub prefix: Key,
    /// Is to hold what it held at this moment; a key that was not there then is none of its business.
    pub as_of: WallTime,
}

impl Task {
    /// The request for one page of the folder's versions, behind this entry.
    pub fn list(&self, after: Option<Cursor>) -> Request {
        let prefix = self.prefix.clone();
        Request::ListVersions { prefix, after }
    }
}

/// An undelete.
pub trait Routine {
    /// What it asks for first.
    fn start(&mut self) -> Vec<Request>;

    /// Takes the answer to one of its requests and asks for more. When everything is answered and nothing
    /// more asked, it is done.
    fn answered(&mut self, request: &Request, reply: Reply) -> Vec<Request>;

    /// What it says when it is done.
    ///
    /// # Errors
    /// It did not succeed, for this reason. That is honest where something hindered it.
    fn verdict(&self) -> Result<(), String> {
        Ok(())
    }
}

/// A drill of the routine that `make` makes.
pub fn drill<R: Routine, F: Fn(Task) -> R + Sync>(make: F) -> Drill<F> {
    Drill {
        stranger: Stranger(make),
        seed: 1,
        cases: 10_000,
        jobs: 2,
    }
}

/// A drill and its settings.
#[derive(Debug, Clone, Copy)]
pub struct Drill<F> {
    stranger: Stranger<F>,
    seed: u64,
    cases: u64,
    jobs: usize,
}

impl<R: Routine, F: Fn(Task) -> R + Sync> Drill<F> {
    /// The root of all cases; 1 unless said otherwise.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// So many cases; 10,000 unless said otherwise.
    #[must_use]
    pub fn cases(self, cases: u64) -> Self {
        Self { cases, ..self }
    }

    /// On so many threads; 2 unless said otherwise.
    #[must_use]
    pub fn jobs(self, jobs: usize) -> Self {
        Self { jobs, ..self }
    }

    /// Runs all cases, and makes the first failure of each property as small as it gets.
    pub fn run(&self) -> Findings {
        Findings::of(&self.stranger, self.tally())
    }

    fn tally(&self) -> Tally {
        let orders = Orders {
            seed: self.seed,
            cases: Some(self.cases),
            jobs: self.jobs,
            planted: None,
            until: &[],
            failures_max: usize::MAX,
        };
        let source = Source {
            generate: scenario,
            ..Source::default()
        };
        campaign::run_of(source, orders, &self.stranger, &Control::default())
    }
}

/// A routine as the runner knows machines.
#[derive(Debug, Clone, Copy)]
pub struct Stranger<F>(pub F);

impl<R: Routine, F: Fn(Task) -> R + Sync> Subject for Stranger<F> {
    type Machine = Adapter<R>;

    fn machine(&self, options: Options) -> Adapter<R> {
        let as_of = match options.target {
            Target::AsOf(moment) => moment,
            _ => WallTime(i64::MAX),
        };
        let prefix = options.prefix.clone();
        Adapter::new((self.0)(Task { prefix, as_of }), options)
    }

    fn takes(&self, scenario: &Scenario) -> bool {
        is_of_a_folder(scenario)
    }

    fn is_silent(&self) -> bool {
        true
    }
}
