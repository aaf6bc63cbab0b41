//! The canaries die, and the line that each leaves replays it, by file and by seed.

use std::process::{Command, Output};

use firedrill_chaos::canary::{FILE_BUG, SEED_BUG, expect_death, first_death};
use firedrill_chaos::generate;
use firedrill_chaos::property::Property;

/// The binary, started where a person would start it.
fn firedrill(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_firedrill-chaos"))
        .args(words)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .expect("the binary can be started")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The number behind "trace hash".
fn hash(line: &str) -> &str {
    let (_, rest) = line.split_once("trace hash ").expect("it names a hash");
    rest.split([',', ' ']).next().unwrap_or_default()
}

#[test]
fn each_canary_dies_and_its_printed_line_gives_the_same_trace() {
    let canary = firedrill(&["canary"]);
    let said = text(&canary);
    assert_eq!(canary.status.code(), Some(1), "{said}");
    let told = said
        .lines()
        .filter_map(|line| line.strip_prefix("canary: cargo xtask "))
        .filter_map(|line| line.split_once(" gives "));
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), 2, "{said}");
    assert!(told[0].0.contains(".toml"), "one is a file: {told:?}");
    assert!(told[1].0.contains(" 0x"), "one is a seed: {told:?}");
    for (line, gives) in told {
        assert!(said.contains(&format!("replay: cargo xtask {line}")));
        let words: Vec<_> = line.split(' ').collect();
        let replay = firedrill(&words);
        let replayed = text(&replay);
        assert_eq!(replay.status.code(), Some(1), "{line}: {replayed}");
        let last = replayed.lines().rfind(|row| row.contains("trace hash "));
        let last = last.expect("a replay tells its trace's hash");
        assert_eq!(hash(last), hash(gives), "{line}");
        // And it is no accident of the bug: without it the case passes.
        let without: Vec<_> = words
            .iter()
            .copied()
            .take_while(|word| *word != "--planted")
            .collect();
        assert_eq!(firedrill(&without).status.code(), Some(0), "{line}");
    }
}

#[test]
fn a_canary_that_passes_is_an_error() {
    // A bug that exists in no code harms nobody.
    let (_, property) = FILE_BUG;
    let scenario = generate::scenario(1);
    let why = expect_death(scenario, ("AM-00", property)).expect_err("nothing is planted");
    assert!(why.contains("passes"), "{why}");
    assert!(first_death(1, ("AM-00", Property::A1)).is_err());
}

#[test]
fn the_canary_found_by_seed_is_found_early() {
    let (case, death) = first_death(1, SEED_BUG).expect("the bug is frequent");
    assert_eq!(death.scenario, generate::scenario(case));
    assert!(!death.outcome.trace.events().is_empty());
}
