//! Which binary a task of the drill is a command of, and how that is built.
//!
//! The pure drill (`firedrill-chaos`) builds in seconds and holds no S3 client; the outer tiers
//! (`firedrill-wire`) hold one. Only what names an outer tier waits for the latter.

use std::process::ExitCode;

use crate::cargo;

/// The tasks that are commands of the drill's binaries.
pub(crate) const TASKS: [&str; 10] = [
    "chaos",
    "replay",
    "shrink",
    "merge",
    "bless",
    "scoreboard",
    "doublecheck",
    "canary",
    "exhaustive",
    "compare",
];

const PURE: [&str; 5] = ["run", "--quiet", "--release", "-p", "firedrill-chaos"];

const OUTER: [&str; 6] = [
    "run",
    "--quiet",
    "--profile",
    "wire",
    "-p",
    "firedrill-wire",
];

/// Runs the task's binary, and ends as it ended.
pub(crate) fn run(task: &str, arguments: &[String]) -> ExitCode {
    let tier = tier(arguments);
    let pure = match tier {
        Some("des") => without_tier(arguments),
        None if task != "compare" => arguments.to_vec(),
        _ => return outer(task, arguments),
    };
    let command = (task != "chaos").then(|| task.to_owned());
    let spoken: Vec<String> = command.into_iter().chain(pure).collect();
    cargo(&[&PURE[..], &["--"]].concat(), &spoken)
}

fn outer(task: &str, arguments: &[String]) -> ExitCode {
    // The process tier runs the very binary that people run.
    if arguments.iter().any(|word| word.contains("process")) {
        let built = cargo(&["build", "--quiet", "-p", "firedrill"], &[]);
        if built != ExitCode::SUCCESS {
            return built;
        }
    }
    let spoken = match tier(arguments) {
        // Its own command: what it counts is kills, not cases, and a replay tells them.
        Some("process") if ["chaos", "replay"].contains(&task) => spoken("process", &without_tier(arguments)),
        _ => spoken(task, arguments),
    };
    cargo(&[&OUTER[..], &["--"]].concat(), &spoken)
}

fn spoken(command: &str, arguments: &[String]) -> Vec<String> {
    let command = std::iter::once(command.to_owned());
    command.chain(arguments.iter().cloned()).collect()
}

/// What stands behind `--tier`.
fn tier(arguments: &[String]) -> Option<&str> {
    let at = arguments.iter().position(|word| word == "--tier");
    match at {
        Some(at) => arguments.get(at + 1).map(String::as_str),
        None => arguments
            .iter()
            .find_map(|word| word.strip_prefix("--tier=")),
    }
}

fn without_tier(arguments: &[String]) -> Vec<String> {
    let mut rest = Vec::new();
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--tier" {
            words.next();
        } else if !word.starts_with("--tier=") {
            rest.push(word.clone());
        }
    }
    rest
}
