//! The process tier: the binaries that people run, their sockets and their disks, killed with SIGKILL.
//!
//! ```text
//!  firedrill amend --apply ──HTTP──► relay ──HTTP──► firedrill serve --data DIR ──► DIR/log
//!        ▲ SIGKILL                     │ counts requests            ▲ SIGKILL          │ followed
//!        └─────────────────────────────┴────────────────────────────┘                  ▼
//!                                                                        judge, checkers, outcome
//! ```
//!
//! The tier is a [`Theatre`](firedrill_chaos::theatre::Theatre): every life of the machine is a process of its
//! own, and what it did to the bucket is read from the log that the server wrote. So all checkers judge it, and
//! besides: nothing that the server answered is missing from its log, and its folder, opened once more, holds
//! what the log says.
//!
//! A life that a scenario lets crash is struck once: the client or the server is killed at a request that the
//! relay counts to, or at a moment. A server that was killed is started again at once, on the same folder; a
//! client that outlives that and knows everything is judged like any other, and one that ends with
//! something unknown is run again.
//!
//! Invariants: no harness code in the binaries; nothing is killed but what this tier has started; kills are
//! drawn by address, so taking one life away leaves the others' kills what they were. Where a kill strikes a
//! request it is repeatable as far as processes are; where it strikes at a moment it is not.
//!
//! Deliberately not here: what processes cannot play, see [`playable`].

mod backstage;
mod document;
mod ledger;
mod message;
mod programs;
mod relay;
mod strike;
mod theatre;
mod translate;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use firedrill_chaos::campaign::panic_text;
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::runner;
use firedrill_chaos::scenario::{Fault, Hosts, Scenario, When};
use firedrill_chaos::scene::SceneError;
use firedrill_core::amend::Amend;
use firedrill_s3_mock::Effect;
use firedrill_sim::draw::{Seed, Stream};

pub use ledger::Ledger;
pub use programs::find_binary;

use crate::outcome::Outcome;

const LIVES: Stream = Stream::new("process.lives");

/// A fault that takes longer in a scenario would only make the tier slow: what it does to the order of things
/// is for tiers with simulated time.
const SLOW_MS_MAX: u64 = 40;

/// What the tier needs to know besides a scenario.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The production binary `firedrill`.
    pub binary: PathBuf,
}

/// What came of a scenario.
#[derive(Debug)]
pub struct Ended {
    /// What the checkers found and whether anything was lost; Err: it did not come to an end.
    pub run: Result<runner::Outcome, Vec<Violation>>,
    /// What was done to the processes.
    pub ledger: Ledger,
}

/// What processes can play of a scenario, and as which scenario every other tier is to run it to be compared.
///
/// | left out or changed | because |
/// |---|---|
/// | acts during a run | nobody can act between two requests of a process without harness code in it |
/// | two machines at once, Ctrl-C | they would have to be told apart at the relay; the command's own tests have them |
/// | silence | the command's patience is a minute: a reset says as little, at once |
/// | delays above 40 ms, 503 for ever | likewise: eight attempts take 25 s |
/// | crashes | as many as here are drawn from the scenario's seed: each is one kill |
/// | the mock's own workload | it has no processes |
pub fn playable(scenario: &Scenario) -> Scenario {
    let mut playable = scenario.clone();
    playable
        .operations
        .retain(|operation| operation.when == When::Before);
    playable.mock_operations = 0;
    playable.faults.iter_mut().for_each(quicken);
    playable.amend.history &= !playable.amend.plain_prefix;
    let seed = Seed(scenario.seed);
    let lives = match scenario.amend.dry_run {
        true => 0,
        false => seed.between(1, 4, LIVES, "lives", 0),
    };
    let crash = |life| seed.between(1, 20, LIVES, "effect", life);
    playable.hosts = Hosts {
        crash_after: (0..lives).map(crash).collect(),
        interrupt_after: None,
        twin: false,
    };
    playable
}

fn quicken(fault: &mut Fault) {
    match &mut fault.effect {
        Effect::Timeout => fault.effect = Effect::Reset { after_bytes: 0 },
        Effect::Slow { delay_ms } => *delay_ms = (*delay_ms).min(SLOW_MS_MAX),
        _ => {}
    }
    if fault.times == 0 && fault.effect != Effect::Denied {
        fault.times = 2;
    }
}

/// Runs what is [`playable`] of a scenario, with the kills that `seed` draws, and judges it.
pub fn run(scenario: &Scenario, seed: u64, settings: &Settings) -> Ended {
    let playable = playable(scenario);
    let ledger = RefCell::new(Ledger::default());
    let ran = catch_unwind(AssertUnwindSafe(|| {
        runner::run_in(&playable, &Amend::new, false, |opening| {
            theatre::Processes::open(opening, Seed(seed), settings, &ledger)
        })
    }));
    let mut ledger = ledger.into_inner();
    let run = match ran {
        Ok(Ok(mut run)) => {
            let lost = std::mem::take(&mut ledger.lost).into_iter();
            let violated = lost.map(|sentence| Violation::of_run(Property::M3, sentence));
            run.violations.extend(violated);
            Ok(run)
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(panic) => Err(panic_text(panic.as_ref())),
    };
    let panicked = |sentence| vec![Violation::of_run(Property::NoPanic, sentence)];
    Ended {
        run: run.map_err(panicked),
        ledger,
    }
}

/// What a scenario comes to in processes that are killed on the way; none if no client came to its end. What
/// it is compared with must run [`playable`] of the scenario too.
///
/// # Errors
/// What was violated.
pub fn outcome(
    scenario: &Scenario,
    settings: &Settings,
) -> Result<Option<Outcome>, Vec<Violation>> {
    let run = run(scenario, scenario.seed, settings).run?;
    match run.violations.is_empty() {
        true => Ok(Outcome::of(&run)),
        false => Err(run.violations),
    }
}

/// What differs between processes that were killed on the way and the pure drill, one sentence each; a run that
/// violated something is not compared.
///
/// # Errors
/// The scenario cannot be set up.
pub fn differences(scenario: &Scenario, ended: &Ended) -> Result<Vec<String>, SceneError> {
    let Ok(run) = &ended.run else {
        return Ok(Vec::new());
    };
    if !run.violations.is_empty() {
        return Ok(Vec::new());
    }
    let des = crate::outcome::des(&playable(scenario))?;
    Ok(match (des, Outcome::of(run)) {
        (Some(des), Some(process)) => des.differences("des", &process, "process"),
        (None, None) => Vec::new(),
        _ => vec!["a machine came to its end on one tier only".into()],
    })
}
