//! Which binary a task of the drill is a command of, and how that is built.
//!
//! The pure drill (`firedrill-chaos`) builds in seconds and holds no S3 client; the outer tiers
//! (`firedrill-wire`) hold one. Only what names an outer tier waits for the latter.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{cargo, finish};

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
    if is_outer(task, arguments) {
        return outer(task, arguments);
    }
    let pure = without_tier(arguments);
    let command = (task != "chaos").then(|| task.to_owned());
    let spoken: Vec<String> = command.into_iter().chain(pure).collect();
    cargo(&[&PURE[..], &["--"]].concat(), &spoken)
}

/// Whether it takes the outer tiers' binary. That one plays `des` as well, for faults of the network are its own.
fn is_outer(task: &str, arguments: &[String]) -> bool {
    match tier(arguments) {
        None => task == "compare",
        Some("des") => arguments.iter().any(|word| word == "--network"),
        Some(_) => true,
    }
}

fn outer(task: &str, arguments: &[String]) -> ExitCode {
    // The process tier runs the very binary that people run.
    if names(arguments, "process") {
        let built = cargo(&["build", "--quiet", "-p", "firedrill"], &[]);
        if built != ExitCode::SUCCESS {
            return built;
        }
    }
    let spoken = spoken(task, arguments);
    let words = [&OUTER[..], &["--"]].concat();
    // Another runtime below the driver: with RUSTFLAGS of its own, so in a folder of its own, because a change
    // of RUSTFLAGS builds everything anew.
    if names(arguments, "madsim") {
        let mut command = Command::new(env!("CARGO"));
        command.args(words).args(spoken);
        command.env("RUSTFLAGS", "--cfg madsim");
        command.env("CARGO_TARGET_DIR", folder_of_madsim());
        return finish(&mut command);
    }
    cargo(&words, &spoken)
}

/// `madsim` inside the folder that cargo builds in.
fn folder_of_madsim() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    let target = this.parent().and_then(Path::parent);
    target.map_or_else(|| "target/madsim".into(), |target| target.join("madsim"))
}

/// The words for `firedrill-wire`. Processes have a command of their own, which also replays.
fn spoken(task: &str, arguments: &[String]) -> Vec<String> {
    let processes = tier(arguments) == Some("process") && ["chaos", "replay"].contains(&task);
    let (command, rest) = match processes {
        true => ("process", without_tier(arguments)),
        false => (task, arguments.to_vec()),
    };
    std::iter::once(command.to_owned()).chain(rest).collect()
}

/// What stands behind `--tier`.
fn tier(arguments: &[String]) -> Option<&str> {
    value(arguments, "--tier")
}

/// Whether `--tier` or `--tiers` names this tier.
fn names(arguments: &[String], tier: &str) -> bool {
    let values = ["--tier", "--tiers"].map(|flag| value(arguments, flag));
    let mut tiers = values
        .into_iter()
        .flatten()
        .flat_map(|value| value.split(','));
    tiers.any(|named| named == tier)
}

/// What stands behind a flag, as the next word or behind `=`.
fn value<'a>(arguments: &'a [String], flag: &str) -> Option<&'a str> {
    let behind = |word: &'a String| word.strip_prefix(flag)?.strip_prefix('=');
    match arguments.iter().position(|word| word == flag) {
        Some(at) => arguments.get(at + 1).map(String::as_str),
        None => arguments.iter().find_map(behind),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_what_is_named_as_a_tier_is_one() {
        assert!(names(&words("--tiers des,process --cases 5"), "process"));
        assert!(names(&words("--tier=madsim"), "madsim"));
        let file = words("process-madsim.toml --tier turmoil");
        assert!(!names(&file, "process") && !names(&file, "madsim"));
    }

    #[test]
    fn the_binary_is_the_one_that_knows_the_arguments() {
        let outer = ["--tier des --network", "--tier=turmoil", "--tier process"];
        assert!(outer.iter().all(|text| is_outer("replay", &words(text))));
        let pure = ["case.toml", "case.toml --tier des"];
        assert!(!pure.iter().any(|text| is_outer("replay", &words(text))));
        assert!(is_outer("compare", &words("--cases 5")));
    }
}
