//! The harness on trial: how much of what is planted the drill finds, how soon, and by what alone.
//!
//! ```text
//!   catalogue × root seeds ──► hunt ──► shrink ──► control            scoreboard, of amend and of salvage
//!   catalogue × one checker or one class switched off ──► hunt        matrix
//! ```
//!
//! Invariants:
//! - A hunt is a campaign of one thread: the same cases as `chaos --seed ROOT`, in their order.
//! - Nothing here reads a clock: who wants times brings one.
//! - Numbers come from runs. A bug that is not found is shown as not found.
//!
//! Deliberately not here: which bugs there are (`catalogue`).

pub mod hunt;
pub mod matrix;
pub mod salvage;
pub mod scoreboard;

pub mod html;
pub mod markdown;

mod statistics;

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use firedrill_sim::draw::{Seed, Stream};

const ROOT: Stream = Stream::new("trial.root");

/// A clock that somebody brought: the time since some moment.
pub type Clock<'a> = &'a (dyn Fn() -> Duration + Sync);

/// How far a trial is, shared with whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    /// Hunts and controls that ended.
    pub done: AtomicU64,
    /// Cases run.
    pub cases: AtomicU64,
}

/// The root seeds of a trial.
pub fn roots(seed: u64, count: u64) -> Vec<u64> {
    // Short enough to be typed.
    let root = |nth| Seed(seed).draw(ROOT, nth, 0) % 1_000_000_000;
    (0..count).map(root).collect()
}
