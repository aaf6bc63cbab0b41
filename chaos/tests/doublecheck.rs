//! The double check is on trial: equal runs are equal, and where they are not it names the line.

use firedrill_chaos::doublecheck::{Batch, Difference, Line, different};
use firedrill_core::amend::Amend;

const BATCH: Batch = Batch {
    seed: 21,
    cases: 80,
    planted: None,
};

#[test]
fn threads_and_order_change_no_fingerprint() {
    let first = BATCH.fingerprints(&Amend::new, 1, false);
    let second = BATCH.fingerprints(&Amend::new, 3, true);
    assert_eq!(first.len(), 80);
    assert_eq!(different(&first, &second), Vec::<u64>::new());
    let mut distinct: Vec<_> = first.iter().map(|found| found.trace).collect();
    distinct.sort_unstable();
    distinct.dedup();
    assert_eq!(distinct.len(), 80, "a fingerprint tells cases apart");
}

#[test]
fn a_fingerprint_that_differs_or_is_missing_is_named() {
    let first = BATCH.fingerprints(&Amend::new, 2, false);
    let mut second = first.clone();
    second[7].verdict ^= 1;
    second.pop();
    assert_eq!(different(&first, &second), [7, 79]);
}

fn line(seq: u64, at: u64, cause: u64) -> Line {
    Line {
        seq,
        at,
        host: 1,
        kind: "timer".into(),
        entity: String::new(),
        detail: String::new(),
        cause,
    }
}

#[test]
fn the_first_difference_is_named_with_what_brought_it_about() {
    let here = [line(1, 5, 0), line(2, 9, 1), line(3, 11, 1)];
    let mut there = here.clone();
    assert_eq!(Difference::between(&here, &there), None);
    there[1].at = 10;
    there[2].host = 2;
    let found = Difference::between(&here, &there).expect("they differ");
    assert_eq!(found.fields, ["time"]);
    assert_eq!(found.first.as_ref(), Some(&here[1]));
    assert_eq!(found.second.as_ref(), Some(&there[1]));
    assert_eq!(found.before.as_ref(), Some(&here[0]));
    assert_eq!(found.cause.as_ref(), Some(&here[0]));
    let shorter = Difference::between(&here, &here[..2]).expect("one is longer");
    assert_eq!(shorter.second, None);
    assert!(
        shorter.rows().join("\n").contains("the trace has ended"),
        "{shorter:?}"
    );
}

/// The binary's own run of it: another process, later.
fn doublecheck(arguments: &[&str]) -> (Option<i32>, String) {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_firedrill-chaos"))
        .arg("doublecheck")
        .args(arguments)
        .output()
        .expect("the binary can be started");
    let said = String::from_utf8(output.stdout).expect("it prints text");
    (output.status.code(), said)
}

#[test]
fn the_hostile_check_passes_what_is_deterministic() {
    let (status, said) = doublecheck(&["--hostile", "--cases", "60", "--jobs", "2"]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("60 cases"), "{said}");
}

#[test]
fn the_hostile_check_finds_a_wall_clock_and_names_the_event() {
    let arguments = [
        "--hostile",
        "--cases",
        "60",
        "--jobs",
        "2",
        "--planted",
        "H1-01",
    ];
    let (status, said) = doublecheck(&arguments);
    assert_eq!(status, Some(4), "{said}");
    // The clock is read where a timer is armed; what differs first is when that timer rings.
    for words in [
        "NOT DETERMINISTIC",
        "arm",
        "timer",
        "differs in  time",
        "caused by",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}
