//! The project's tasks: `cargo xtask chaos | replay | shrink | test | tidy | bench`.
//!
//! Thin: it spawns cargo with the right package sets, so that nothing is built twice, and links nothing of
//! the workspace itself.

mod tidy;

use std::process::{Command, ExitCode};

const HELP: &str = "\
Runs the project's tasks.

usage: cargo xtask <task> [arguments]

tasks
  chaos    one minute of simulated disasters on all cores; --help lists its arguments
  replay   one case again, by its seed or scenario file: cargo xtask replay CASE [--planted ID]
  shrink   a failing case as small as it gets: cargo xtask shrink CASE [--planted ID] [--out FILE.toml]
  test     everything that must hold: formatting, lints, the architecture's invariants, all tests
  tidy     the architecture's invariants alone
  bench    the criterion benches; further arguments go to criterion

examples
  cargo xtask chaos --minutes 5
  cargo xtask chaos --planted AM-09
  cargo xtask replay chaos/cases/A3-lost-answer-peels-a-version.toml
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next();
    let rest: Vec<String> = arguments.collect();
    match task.as_deref() {
        Some("chaos") => chaos(&rest),
        Some("replay") => chaos(&[vec!["replay".into()], rest].concat()),
        Some("shrink") => chaos(&[vec!["shrink".into()], rest].concat()),
        Some("test") => test(),
        Some("tidy") => report_tidy(),
        Some("bench") => cargo(&["bench", "-p", "firedrill-benches"], &rest),
        Some("help" | "--help" | "-h") => {
            say(HELP);
            ExitCode::SUCCESS
        }
        Some(other) => {
            complain(&format!(
                "there is no task {other}; cargo xtask --help lists them"
            ));
            ExitCode::from(2)
        }
        None => {
            complain(HELP);
            ExitCode::from(2)
        }
    }
}

/// The pure drill: core, mock, world and checkers alone, built in seconds.
fn chaos(arguments: &[String]) -> ExitCode {
    cargo(
        &["run", "--quiet", "--release", "-p", "firedrill-chaos", "--"],
        arguments,
    )
}

fn test() -> ExitCode {
    let steps: [&[&str]; 3] = [
        &["fmt", "--all", "--check"],
        &[
            "clippy",
            "--workspace",
            "--all-targets",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ],
        &["test", "--workspace"],
    ];
    for step in steps {
        complain(&format!("cargo {}", step.join(" ")));
        let code = cargo(step, &[]);
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
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

fn cargo(task: &[&str], arguments: &[String]) -> ExitCode {
    let status = Command::new(env!("CARGO"))
        .args(task)
        .args(arguments)
        .status();
    match status.map(|status| status.code()) {
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
