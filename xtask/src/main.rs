//! The project's tasks: `cargo xtask <task>`; `--help` lists them.
//!
//! Thin: it spawns cargo with the right package sets and profiles, so that nothing is built twice, and links
//! nothing of the workspace itself.

mod drill;
mod fuzz;
mod gate;
mod mutants;
mod tidy;

use std::process::{Command, ExitCode};

const HELP: &str = "\
Runs the project's tasks.

usage: cargo xtask <task> [arguments]          further arguments go to the task; --help lists its own

the drill
  chaos        one minute of simulated disasters on all cores; --tier turmoil, process or madsim for the outer tiers
  replay       one case again, by its seed or scenario file: cargo xtask replay CASE [--planted ID]
  shrink       a failing case as small as it gets: cargo xtask shrink CASE [--planted ID] [--out FILE.toml]
  merge        the results of many shards as one: cargo xtask merge FILE...
  bless        what the kept cases and the golden snapshots expect, after an intended change: [CASE...] [--check]

the drill on trial
  scoreboard   each planted bug from 20 root seeds; --matrix: with each checker and fault class switched off
  doublecheck  the same cases twice; --hostile: in another process, thread and folder, later
  canary       a case that must fail, and its replay
  exhaustive   small scopes to the end: a crash after every effect, every fate of every three objects
  compare      the same scenarios on several tiers: cargo xtask compare --tiers des,turmoil --cases 500
  mutants      mutation testing of core against the pure drill
  fuzz         what reads broken databases, under libFuzzer: cargo xtask fuzz [TARGET] [--minutes N]

the project
  test         what must hold at any time: formatting, lints, the architecture's invariants, all tests
  tidy         the architecture's invariants alone
  bench        the criterion benches; further arguments go to criterion
  ci           everything that a pull request needs
  nightly      the rest: hours, not minutes

examples
  cargo xtask chaos --minutes 5
  cargo xtask chaos --planted AM-09
  cargo xtask chaos --tier turmoil --cases 200
  cargo xtask replay chaos/cases/A3-lost-answer-peels-a-version.toml
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next();
    let rest: Vec<String> = arguments.collect();
    let Some(task) = task.as_deref() else {
        complain(HELP);
        return ExitCode::from(2);
    };
    if ["test", "ci", "nightly", "tidy"].contains(&task) && !rest.is_empty() {
        complain(&format!("usage: cargo xtask {task}, without arguments"));
        return ExitCode::from(2);
    }
    match task {
        "test" => gate::run(&gate::TEST),
        "ci" => gate::run(&gate::CI),
        "nightly" => gate::run(&gate::NIGHTLY),
        "tidy" => report_tidy(),
        "mutants" => mutants::run(&tidy::root(), &rest),
        "fuzz" => fuzz::run(&tidy::root(), &rest),
        "bench" => cargo(&["bench", "-p", "firedrill-benches"], &rest),
        "help" | "--help" | "-h" => {
            say(HELP);
            ExitCode::SUCCESS
        }
        "bless" => bless(&rest),
        task if drill::TASKS.contains(&task) => drill::run(task, &rest),
        other => {
            complain(&format!(
                "there is no task {other}; cargo xtask --help lists them"
            ));
            ExitCode::from(2)
        }
    }
}

/// What the kept cases expect, and, unless single cases are named, the golden snapshots as well.
fn bless(arguments: &[String]) -> ExitCode {
    const CHECK: &str = "--check";
    let cases = drill::run("bless", arguments);
    if cases != ExitCode::SUCCESS || arguments.iter().any(|word| word != CHECK) {
        return cases;
    }
    let golden = ["test", "--quiet", "-p", "firedrill-golden"];
    let update = match arguments.is_empty() {
        true => "always",
        false => "no",
    };
    finish(
        Command::new(env!("CARGO"))
            .args(golden)
            .env("INSTA_UPDATE", update),
    )
}

fn report_tidy() -> ExitCode {
    let broken = tidy::check();
    for sentence in &broken {
        complain(sentence);
    }
    if broken.is_empty() {
        say("all invariants of the architecture hold\n");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs cargo, and ends as it ended.
fn cargo(task: &[&str], arguments: &[String]) -> ExitCode {
    finish(Command::new(env!("CARGO")).args(task).args(arguments))
}

fn finish(command: &mut Command) -> ExitCode {
    match command.status().map(|status| status.code()) {
        Ok(Some(code)) => ExitCode::from(u8::try_from(code).unwrap_or(101)),
        Ok(None) => ExitCode::from(130),
        Err(error) => {
            complain(&format!("cargo could not be started: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[allow(
    clippy::print_stdout,
    reason = "a command speaks on its standard output"
)]
fn say(text: &str) {
    print!("{text}");
}

#[allow(
    clippy::print_stderr,
    reason = "a command complains on its standard error"
)]
fn complain(text: &str) {
    eprintln!("{text}");
}
