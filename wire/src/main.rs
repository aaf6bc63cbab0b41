//! `firedrill-wire`: the drill's outer tiers.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a binary's own files: they print, read the clock and know the machine's cores"
)]

mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The drill's cases with the driver, an S3 client and an S3 server in them.
///
/// Exit status: 0 nothing found · 1 a safety property violated, or tiers differ · 2 usage · 3 a machine did
/// not finish · 4 not deterministic · 101 a panic.
#[derive(Debug, Parser)]
#[command(name = "firedrill-wire", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs case after case. Without arguments: for one minute, on all cores.
    Chaos(command::chaos::Chaos),
    /// Runs one case again and says what happened.
    Replay(command::replay::Replay),
    /// Runs the same scenarios on several tiers, and says where they come to something else.
    Compare(command::compare::Compare),
    /// Runs cases twice, and says where the second run differs.
    Doublecheck(command::doublecheck::Doublecheck),
    /// Runs the binaries themselves, and kills them.
    #[cfg(not(madsim))]
    Process(command::process::Process),
}

/// A case makes and drops thousands of small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Chaos(arguments) => command::chaos::run(&arguments),
        Command::Replay(arguments) => command::replay::run(&arguments),
        Command::Compare(arguments) => command::compare::run(&arguments),
        Command::Doublecheck(arguments) => command::doublecheck::run(&arguments),
        #[cfg(not(madsim))]
        Command::Process(arguments) => command::process::run(&arguments),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("firedrill-wire: {error:#}");
            ExitCode::from(2)
        }
    }
}
