//! The process tier: what it finds, and that it finds nothing where nothing is wrong.
//!
//! It runs the binary `firedrill`, which a test of the whole workspace builds; alone, build it first.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use firedrill_chaos::{generate, runner};
use firedrill_core::amend::Amend;
use firedrill_wire::outcome;
use firedrill_wire::process::{Settings, differences, find_binary, playable, run};

/// The binary, or none, and one line that says so.
#[allow(clippy::print_stdout, reason = "a test that is skipped says so")]
fn binary() -> Option<PathBuf> {
    let this = std::env::current_exe().expect("a test knows its own file");
    let found = find_binary(&this);
    if found.is_none() {
        println!("skipped: there is no firedrill near {}", this.display());
    }
    found
}

/// A program that does something before it becomes the binary.
fn instead_of(binary: &Path, folder: &Path, first: &str) -> Settings {
    let path = folder.join("firedrill");
    let script = format!("#!/bin/sh\n{first}\nexec {} \"$@\"\n", binary.display());
    std::fs::write(&path, script).expect("the folder can be written");
    let executable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&path, executable).expect("the file is ours");
    Settings { binary: path }
}

/// What is found in the first cases, until something is.
fn first_found(settings: &Settings, cases: u64) -> Vec<String> {
    for case in 0..cases {
        let ended = run(&generate::scenario(case), case, settings);
        let violations = match ended.run {
            Ok(run) => run.violations,
            Err(violations) => violations,
        };
        if !violations.is_empty() {
            let tell = |found: &firedrill_chaos::property::Violation| {
                format!("{}: {}", found.property, found.sentence)
            };
            return violations.iter().map(tell).collect();
        }
    }
    Vec::new()
}

#[test]
fn what_processes_can_play_violates_nothing_in_the_pure_drill() {
    for case in 0..60 {
        let scenario = playable(&generate::scenario(case));
        assert_eq!(playable(&scenario), scenario, "case {case}");
        let run = runner::run(&scenario, &Amend::new, false).expect("it can be set up");
        assert_eq!(run.violations, [], "case {case}");
        let outcome = outcome::des(&scenario).expect("it can be set up");
        assert!(outcome.is_some(), "case {case}");
    }
}

#[test]
fn killed_processes_come_to_what_the_pure_drill_comes_to() {
    let Some(binary) = binary() else { return };
    let settings = Settings { binary };
    let (mut kills, mut answers) = (0, 0);
    for case in 0..8 {
        let scenario = generate::scenario(case);
        let ended = run(&scenario, case, &settings);
        let found = ended.run.as_ref().expect("it comes to its end");
        assert_eq!(
            found.violations,
            [],
            "case {case}: {:?}",
            ended.ledger.kills
        );
        let different = differences(&scenario, &ended).expect("it can be set up");
        assert_eq!(different, [""; 0], "case {case}");
        kills += ended.ledger.client_kills + ended.ledger.server_kills;
        answers += ended.ledger.answers;
    }
    assert!(kills >= 4, "{kills} kills");
    assert!(answers >= 10, "{answers} answers to writes");
}

/// A disk that forgets the last write whenever the server starts again.
#[test]
fn a_server_that_loses_what_it_answered_is_noticed() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let forget = "if [ \"$1\" = serve ]; then
    for word in \"$@\"; do [ \"$before\" = --data ] && data=$word; before=$word; done
    size=$(/usr/bin/wc -c < \"$data/log\")
    [ -e \"$data/seeded\" ] || echo \"$size\" > \"$data/seeded\"
    read -r seeded < \"$data/seeded\"
    if [ \"$size\" -gt \"$seeded\" ]; then /usr/bin/truncate --size -1 \"$data/log\"; fi
fi";
    let found = first_found(&instead_of(&binary, folder.path(), forget), 12);
    let told = found
        .iter()
        .any(|sentence| sentence.contains("is shorter than"));
    assert!(told, "{found:?}");
}

/// A client that changes nothing, whatever it is asked for.
#[test]
fn a_client_that_does_not_do_what_it_was_asked_for_is_noticed() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let only_plan = "if [ \"$1\" = amend ]; then
    for word in \"$@\"; do shift; [ \"$word\" = --apply ] || set -- \"$@\" \"$word\"; done
fi";
    let found = first_found(&instead_of(&binary, folder.path(), only_plan), 12);
    assert!(!found.is_empty(), "twelve cases found nothing");
    let of_the_client = found.iter().any(|sentence| sentence.starts_with('A'));
    assert!(of_the_client, "{found:?}");
}

/// A client that dies of something else than the drill.
#[test]
fn a_client_that_ends_strangely_is_noticed() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = instead_of(&binary, folder.path(), "[ \"$1\" = amend ] && exit 101");
    let found = first_found(&settings, 1);
    let told = found.iter().any(|sentence| sentence.contains("101"));
    assert!(told, "{found:?}");
}
