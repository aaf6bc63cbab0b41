//! The naive routine fails and is told why; the careful one passes. Both through the public API alone.

use std::process::Command;

fn run(program: &str) -> (Option<i32>, String) {
    let output = Command::new(program).output().expect("it was built");
    let text = String::from_utf8(output.stdout).expect("a report is text");
    (output.status.code(), text)
}

#[test]
fn the_naive_one_fails_and_the_report_names_the_cause() {
    let (status, text) = run(env!("CARGO_BIN_EXE_naive-undelete"));
    assert_eq!(status, Some(1), "{text}");
    // What was published is what a bad sync had written over the key, and without that it passes.
    let story = text
        .split("VIOLATED ")
        .find(|story| story.starts_with("A2"));
    let story = story.expect("it publishes wrong bytes");
    for words in [
        "other bytes than the",
        "overwrite of ",
        " copied as ",
        "the right bytes",
        "without o1 overwrite of ",
        " it passes",
        "to 2 operations, 0 faults",
    ] {
        assert!(story.contains(words), "{words}: {story}");
    }
    let (_, again) = run(env!("CARGO_BIN_EXE_naive-undelete"));
    assert_eq!(text, again, "equal roots give equal findings");
}

#[test]
fn the_careful_one_passes() {
    let (status, text) = run(env!("CARGO_BIN_EXE_careful-undelete"));
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.starts_with("No property was violated in 10000 cases"),
        "{text}"
    );
    assert!(text.contains("crashes, "), "{text}");
}

#[test]
fn a_routine_of_a_reader_fits_into_sixty_lines() {
    let source = include_str!("../bring-your-own/naive_undelete.rs");
    assert!(source.lines().count() <= 60);
}
