//! What must hold before something goes on: the steps of `test`, `ci` and `nightly`, in order.
//!
//! A gate ends at the first step that fails, says which one that was, and how long each took.

use std::process::ExitCode;
use std::time::Instant;

use crate::{cargo, complain};

/// Steps, each the words behind `cargo`.
type Gate<'a> = [&'a [&'a str]];

const FORMAT: &[&str] = &["fmt", "--all", "--check"];

const LINTS: &[&str] = &[
    "clippy",
    "--workspace",
    "--all-targets",
    "--quiet",
    "--",
    "-D",
    "warnings",
];

const TESTS: &[&str] = &["test", "--workspace"];

/// What must hold at any time.
pub(crate) const TEST: [&[&str]; 3] = [FORMAT, LINTS, TESTS];

/// What a pull request needs: a few minutes of everything that can be had in a few minutes.
pub(crate) const CI: [&[&str]; 3] = [FORMAT, LINTS, TESTS];

/// The rest.
pub(crate) const NIGHTLY: [&[&str]; 1] = [TESTS];

/// Runs the steps.
#[allow(
    clippy::disallowed_methods,
    reason = "a person waits for these steps and wants to know how long each took"
)]
pub(crate) fn run(gate: &Gate<'_>) -> ExitCode {
    let mut told = Vec::new();
    for step in gate {
        let words = step.join(" ");
        complain(&format!("cargo {words}"));
        let started = Instant::now();
        let code = cargo(step, &[]);
        let seconds = started.elapsed().as_secs();
        if code != ExitCode::SUCCESS {
            complain(&format!("failed after {seconds} s: cargo {words}"));
            return code;
        }
        told.push(format!("{seconds:>6} s  cargo {words}"));
    }
    complain(&format!("\neach step passed\n{}", told.join("\n")));
    ExitCode::SUCCESS
}
