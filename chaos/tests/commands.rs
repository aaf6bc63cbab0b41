//! The binary's commands, as a person types them.

use std::path::Path;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill-chaos"));
    command.args(arguments).output().expect("the binary starts")
}

fn case(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("cases")
        .join(name);
    path.display().to_string()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_replay_tells_the_failure_and_a_part_less_lets_it_pass() {
    let case = case("A2-reset-body.toml");
    let failing = run(&["replay", &case, "--planted", "AM-18"]);
    let told = said(&failing);
    assert_eq!(failing.status.code(), Some(1), "{told}");
    assert!(told.starts_with("VIOLATED A2: "), "{told}");
    let passing = run(&["replay", &case, "--planted", "AM-18", "--without", "f1"]);
    assert_eq!(passing.status.code(), Some(0), "{}", said(&passing));
    for wrong in ["f2", "x1", "f0"] {
        let refused = run(&["replay", &case, "--without", wrong]);
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{wrong}: {}",
            said(&refused)
        );
    }
}

#[test]
fn a_replay_looks_into_the_trace() {
    let case = case("A3-lost-answer-peels-a-version.toml");
    let run = |look: &[&str]| run(&[&["replay", &case, "--planted", "AM-09"], look].concat());
    let before = said(&run(&["--at", "0"]));
    assert!(
        before.starts_with("as the machine finds it") && before.contains("delete marker"),
        "{before}"
    );
    let causes = said(&run(&["--only-causes-of", "10"]));
    assert!(
        causes
            .lines()
            .next()
            .is_some_and(|row| row.contains("start")),
        "{causes}"
    );
    assert!(
        causes
            .lines()
            .last()
            .is_some_and(|row| row.trim_start().starts_with("10 ")),
        "{causes}"
    );
    let wrong = run(&["--at", "1000000"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn failures_are_told_small_and_written_as_pages() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let pages = folder.path().join("pages");
    let pages = pages.to_str().expect("it is text");
    let found = run(&["--seed", "1", "--planted", "AM-09", "--html", pages]);
    let told = said(&found);
    assert_eq!(found.status.code(), Some(1), "{told}");
    assert!(
        told.contains("shrunk from") && told.contains("without the planted bug AM-09"),
        "{told}"
    );
    let written: Vec<_> = std::fs::read_dir(pages)
        .expect("the folder is made")
        .collect();
    assert_eq!(written.len(), 1, "{told}");
    let page = written
        .into_iter()
        .next()
        .expect("there is one")
        .expect("it is a file");
    let text = std::fs::read_to_string(page.path()).expect("it is text");
    assert!(text.starts_with("<!DOCTYPE html>") && text.contains("A3 violated"));
    assert!(
        page.file_name().to_string_lossy().starts_with("A3-0x"),
        "{page:?}"
    );

    let file = folder.path().join("one.html");
    let file = file.to_str().expect("it is text");
    let case = case("A2-reset-body.toml");
    let shrunk = run(&["shrink", &case, "--planted", "AM-18", "--html", file]);
    assert_eq!(shrunk.status.code(), Some(1), "{}", said(&shrunk));
    assert!(std::fs::read_to_string(file).is_ok_and(|page| page.contains("A2 violated")));
}

#[test]
fn what_would_run_nothing_is_refused() {
    let no_time = ["--minutes", "--jobs", "--cases"].map(|flag| vec![flag, "0"]);
    let times = ["inf", "NaN", "1e300", "-1"].map(|time| vec!["--minutes", time]);
    let doublecheck = vec!["doublecheck", "--cases", "0"];
    for words in no_time.into_iter().chain(times).chain([doublecheck]) {
        let refused = run(&words);
        assert_eq!(
            refused.status.code(),
            Some(2),
            "{words:?}: {}",
            said(&refused)
        );
    }
}

#[test]
fn what_a_planted_bug_violates_counts_though_it_was_not_what_was_looked_for() {
    let found = run(&["--seed", "1", "--cases", "20", "--planted", "AM-16"]);
    let told = said(&found);
    assert!(told.contains("AM-16 ESCAPED 20 cases"), "{told}");
    assert_eq!(found.status.code(), Some(1), "{told}");
}

#[test]
fn where_nothing_can_be_written_nothing_is_run() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("a file");
    std::fs::write(&file, "kept").expect("it can be written");
    let nowhere = file.join("below").display().to_string();
    for words in [
        ["--out", &nowhere, "--minutes", "9"],
        ["--html", &nowhere, "--minutes", "9"],
        ["scoreboard", "--markdown", &nowhere, "--seeds=1"],
    ] {
        let refused = run(&words);
        assert_eq!(refused.status.code(), Some(2), "{words:?}");
        assert_eq!(said(&refused), "", "{words:?}");
    }
    let refused = run(&["--out", &file.display().to_string(), "--html", &nowhere]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(std::fs::read_to_string(&file).is_ok_and(|text| text == "kept"));
}

#[test]
fn flags_that_would_do_nothing_are_refused() {
    let flags: [&[&str]; 5] = [
        &["--json", "--html", "pages"],
        &["replay", "1", "--trace", "--html", "page.html"],
        &["scoreboard", "--matrix", "--cases", "5"],
        &["scoreboard", "--matrix", "--shrink-budget", "5"],
        &["scoreboard", "--cell-cases", "5"],
    ];
    for words in flags {
        assert_eq!(run(words).status.code(), Some(2), "{words:?}");
    }
}

#[test]
fn a_kept_case_that_cannot_be_read_is_no_case_of_a_real_table() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    std::fs::write(folder.path().join("broken.toml"), "no = case").expect("it can be written");
    let cases = folder.path().display().to_string();
    let refused = run(&[
        "exhaustive",
        "--cases",
        &cases,
        "--small",
        "0",
        "--objects",
        "0",
    ]);
    assert_eq!(refused.status.code(), Some(2), "{}", said(&refused));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("broken.toml"));
}
