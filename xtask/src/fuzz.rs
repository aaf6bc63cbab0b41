//! Fuzzing of what reads broken databases: `fuzz/src/lib.rs` says what is fuzzed and from what.
//!
//! Seeds are written anew, then one target after the other runs for as long as it was told, from all that earlier
//! runs kept in `fuzz/corpus`. Without sanitizers (`-s none`), because a stable compiler has none, and core no
//! unsafe code that they would watch.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::{complain, finish};

/// `fuzz/fuzz_targets`, the small ones first.
const TARGETS: [&str; 6] = [
    "page",
    "blittable",
    "table_value",
    "stream",
    "journal",
    "salvage",
];

const MINUTES: u64 = 10;

/// An input that takes longer is a finding: real ones take milliseconds.
const SECONDS_MAX: u64 = 20;

const USAGE: &str = "usage: cargo xtask fuzz [TARGET] [--minutes N]";

/// Runs a target or all of them; ends at the first that finds something, as it ended.
pub(crate) fn run(root: &Path, arguments: &[String]) -> ExitCode {
    let Some((targets, minutes)) = understood(arguments) else {
        complain(&format!("{USAGE}\ntargets: {}", TARGETS.join(", ")));
        return ExitCode::from(2);
    };
    if !is_installed(root) {
        complain("is cargo-fuzz there? cargo install cargo-fuzz --locked");
        return ExitCode::FAILURE;
    }
    let seeded = finish(&mut cargo(
        root,
        "run --quiet --manifest-path fuzz/Cargo.toml --example seeds",
    ));
    if seeded != ExitCode::SUCCESS {
        return seeded;
    }
    for target in targets {
        complain(&format!("\nfuzz {target}, {minutes} minutes"));
        let mut fuzz = cargo(root, &format!("fuzz run -s none {target} --"));
        fuzz.arg(format!("-max_total_time={}", 60 * minutes));
        fuzz.arg(format!("-timeout={SECONDS_MAX}"));
        fuzz.args(["-print_final_stats=1", "-verbosity=0"]);
        let ended = finish(&mut fuzz);
        if ended != ExitCode::SUCCESS {
            return ended;
        }
    }
    ExitCode::SUCCESS
}

/// The targets, and how many minutes each; none where the words say something else.
fn understood(arguments: &[String]) -> Option<(Vec<&'static str>, u64)> {
    let (mut targets, mut minutes) = (Vec::new(), MINUTES);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--minutes" => minutes = words.next()?.parse().ok().filter(|minutes| *minutes > 0)?,
            name => targets.push(*TARGETS.iter().find(|target| **target == name)?),
        }
    }
    match targets.len() {
        0 => Some((TARGETS.to_vec(), minutes)),
        1 => Some((targets, minutes)),
        _ => None,
    }
}

fn is_installed(root: &Path) -> bool {
    let asked = cargo(root, "fuzz --version").output();
    asked.is_ok_and(|answer| answer.status.success())
}

fn cargo(root: &Path, words: &str) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args(words.split(' '));
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn one_target_or_all_for_some_minutes() {
        assert_eq!(understood(&[]), Some((TARGETS.to_vec(), MINUTES)));
        let one = understood(&words("journal --minutes 2"));
        assert_eq!(one, Some((vec!["journal"], 2)));
        for wrong in [
            "disk",
            "page journal",
            "--minutes",
            "--minutes 0",
            "--minutes x",
            "--hours 1",
        ] {
            assert_eq!(understood(&words(wrong)), None, "{wrong}");
        }
    }

    #[test]
    fn every_target_that_is_there_is_run() {
        let folder = crate::tidy::root().join("fuzz/fuzz_targets");
        let files = std::fs::read_dir(folder).expect("it is there");
        let mut names: Vec<String> = files
            .map(|file| file.expect("it can be listed").path())
            .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
            .collect();
        names.sort();
        let mut run = TARGETS.to_vec();
        run.sort_unstable();
        assert_eq!(names, run);
    }
}
