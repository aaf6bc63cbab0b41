//! `firedrill`: brings lost data back.
//!
//! Thin on purpose: [`args`] reads the command line, [`amend`], [`sql`], [`salvage`], [`serve`] and [`man`] are the
//! commands, [`render`] and [`salvage`] word what came of them. What recovers data is in `firedrill-core`, what speaks to
//! buckets and files in `firedrill-driver`. Only this file looks at the clock and the environment, and draws random
//! numbers.

mod address;
mod amend;
mod args;
mod connect;
mod explain;
mod man;
mod moment;
mod output;
mod progress;
mod render;
mod salvage;
mod serve;
mod signals;
mod sql;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use firedrill_core::machine::Instant;

use crate::args::{Args, Command};

/// What a command gets from the world besides its arguments.
struct World<N, J> {
    /// Time since the start, monotonic.
    now: N,
    /// A random delay between nothing and its argument.
    jitter: J,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let world = World {
        now: monotonic_clock(),
        jitter,
    };
    let status = match args.command {
        Command::Amend(amend) => amend::amend(amend, world).await,
        Command::Sql(sql) => sql::sql(sql, world, state_folder()).await,
        Command::Salvage(salvage) => salvage::salvage(salvage, world.now).await,
        Command::Serve(serve) => serve::serve(serve).await,
        Command::Completions { shell } => man::completions(shell),
        Command::Man { command } => man::man(command.as_deref()),
    };
    ExitCode::from(status)
}

#[allow(
    clippy::disallowed_methods,
    reason = "a main function reads the clock, once for all"
)]
fn monotonic_clock() -> impl Fn() -> Instant {
    let start = std::time::Instant::now();
    move || {
        let elapsed = start.elapsed().as_nanos();
        Instant::from_nanos(u64::try_from(elapsed).unwrap_or(u64::MAX))
    }
}

/// Where this user's programs keep what is worth keeping and no data: "$XDG_STATE_HOME defines the base directory
/// … If $XDG_STATE_HOME is either not set or empty, a default equal to $HOME/.local/state should be used" (XDG Base
/// Directory Specification).
#[allow(
    clippy::disallowed_methods,
    reason = "a main function reads the environment, once for all"
)]
fn state_folder() -> Option<PathBuf> {
    let named = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let state = named("XDG_STATE_HOME").map(PathBuf::from);
    let default = || named("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state
        .or_else(default)
        .map(|folder| folder.join("firedrill"))
}

fn jitter(longest: Duration) -> Duration {
    longest.mul_f64(fastrand::f64())
}
