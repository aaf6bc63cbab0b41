//! One scenario on one tier, to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};

use firedrill_chaos::campaign;
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::runner::{self, Outcome, Subject};
use firedrill_chaos::scenario::Scenario;

#[cfg(madsim)]
use crate::madsim::Madsim;
use crate::stage::Wire;
#[cfg(not(madsim))]
use crate::turmoil::Turmoil;

/// Where a scenario can be run within this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// The discrete-event world.
    Des,
    /// The driver over simulated TCP.
    #[cfg(not(madsim))]
    Turmoil,
    /// The driver under random task scheduling.
    #[cfg(madsim)]
    Madsim,
}

impl Tier {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Des, Self::OUTER];

    /// The one besides the pure drill's.
    #[cfg(not(madsim))]
    pub const OUTER: Self = Self::Turmoil;
    /// The one besides the pure drill's.
    #[cfg(madsim)]
    pub const OUTER: Self = Self::Madsim;

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Des => "des",
            #[cfg(not(madsim))]
            Self::Turmoil => "turmoil",
            #[cfg(madsim)]
            Self::Madsim => "madsim",
        }
    }

    /// The one of this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    /// Runs one scenario, and takes a panic, or a scenario that cannot be set up, for a violation.
    pub fn run<S>(
        self,
        scenario: &Scenario,
        subject: &S,
        planted: Option<&'static str>,
        keep_trace: bool,
    ) -> Result<Outcome, Vec<Violation>>
    where
        S: Subject,
        S::Machine: 'static,
    {
        campaign::activate(planted);
        let caught = catch_unwind(AssertUnwindSafe(|| match self {
            Self::Des => runner::run(scenario, subject, keep_trace),
            #[cfg(not(madsim))]
            Self::Turmoil => runner::run_in(scenario, subject, keep_trace, |opening| {
                Wire::<S, Turmoil>::open(subject, opening)
            }),
            #[cfg(madsim)]
            Self::Madsim => runner::run_in(scenario, subject, keep_trace, |opening| {
                Wire::<S, Madsim>::open(subject, opening)
            }),
        }));
        campaign::activate(None);
        let sentence = match caught {
            Ok(Ok(outcome)) => return Ok(outcome),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => campaign::panic_text(panic.as_ref()),
        };
        Err(vec![Violation::of_run(Property::NoPanic, sentence)])
    }
}
