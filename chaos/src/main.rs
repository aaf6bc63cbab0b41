//! `firedrill-chaos`: runs the drill, replays a case, shrinks one.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a binary's own files: they print, read the clock and know the machine's cores"
)]

mod command;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tries amend on thousands of simulated disasters. Without arguments: for one minute, on all cores.
///
/// Exit status: 0 nothing found · 1 a safety property violated · 2 usage · 3 a machine did not finish ·
/// 4 not deterministic · 5 a gap in the coverage · 101 a panic.
#[derive(Debug, Parser)]
#[command(
    name = "firedrill-chaos",
    version,
    args_conflicts_with_subcommands = true,
    after_help = command::drill::EXAMPLES
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    drill: command::drill::Drill,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one case again and says what happened.
    Replay(command::replay::Replay),
    /// Makes a failing case as small as it gets, and says without what it would pass.
    Shrink(command::shrink::Shrink),
    /// Runs cases that must fail: ends with status 1, or the harness is broken.
    Canary(command::canary::Canary),
    /// Runs the same cases twice, and says where two runs of one case differ.
    Doublecheck(command::doublecheck::Doublecheck),
    /// Makes one result out of the results of many shards.
    Merge(command::merge::Merge),
    /// Rewrites what the kept cases expect, after an intended change.
    Bless(command::bless::Bless),
    /// Tries the drill itself: how much of what is planted it finds, how soon, and by what alone.
    Scoreboard(command::scoreboard::Arguments),
    /// Crashes small cases after every effect, and hurts every few objects of a small table.
    Exhaustive(command::exhaustive::Exhaustive),
}

/// A case makes and drops thousands of small values; the system's allocator took a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.command {
        Some(Command::Replay(arguments)) => command::replay::run(arguments),
        Some(Command::Shrink(arguments)) => command::shrink::run(arguments),
        Some(Command::Canary(arguments)) => command::canary::run(arguments),
        Some(Command::Doublecheck(arguments)) => command::doublecheck::run(arguments),
        Some(Command::Merge(arguments)) => command::merge::run(arguments),
        Some(Command::Bless(arguments)) => command::bless::run(arguments),
        Some(Command::Scoreboard(arguments)) => command::scoreboard::run(arguments),
        Some(Command::Exhaustive(arguments)) => command::exhaustive::run(arguments),
        None => command::drill::run(&arguments.drill),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("firedrill-chaos: {error:#}");
            ExitCode::from(2)
        }
    }
}
