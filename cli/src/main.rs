//! `firedrill`: brings lost data back.
//!
//! Thin on purpose: [`args`] reads the command line, [`amend`], [`salvage`] and [`serve`] are the commands,
//! [`render`] and [`salvage`] word what came of them. What recovers data is in `firedrill-core`, what speaks to
//! buckets and files in `firedrill-driver`. Only this file looks at the clock and draws random numbers.

mod address;
mod amend;
mod args;
mod connect;
mod moment;
mod output;
mod progress;
mod render;
mod salvage;
mod serve;
mod signals;

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
        Command::Salvage(salvage) => salvage::salvage(salvage, world.now).await,
        Command::Serve(serve) => serve::serve(serve).await,
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

fn jitter(longest: Duration) -> Duration {
    longest.mul_f64(fastrand::f64())
}
