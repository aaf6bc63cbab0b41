//! Reports of each kind, and what a person reads of them.

use std::collections::BTreeMap;

use firedrill_core::amend::{Cost, Verified};
use firedrill_core::object::{Key, Operation, VersionId, WallTime};

use super::*;

fn object(key: &str, class: Class, decision: Decision, done: bool) -> ObjectReport {
    let reason = match decision {
        Decision::Lost => Some("no version of 7 bytes".to_owned()),
        Decision::Unknown => Some("access denied (AccessDenied)".to_owned()),
        _ => None,
    };
    ObjectReport {
        key: Key::from(key),
        class,
        required: class.is_required(),
        decision,
        done,
        verified: Verified::Unverified,
        reason,
    }
}

fn report(state: State, applied: bool, objects: Vec<ObjectReport>) -> Report {
    Report {
        state,
        applied,
        prefix: Key::from("fs/9/16/"),
        refusal: None,
        commit: Some(Commit {
            snapshot: Key::from("fs/9/16/_ss/aa_v4.mpk"),
            timestamp: WallTime::parse_rfc3339("2026-11-21T03:26:07.123456Z"),
            hint_version: Some(VersionId::from("v8")),
            chosen_by: Chosen::Hint,
            alternatives: Vec::new(),
        }),
        counts: BTreeMap::new(),
        requests: BTreeMap::from([
            (Operation::GetObject, 5),
            (Operation::ListObjectVersions, 2),
        ]),
        cost: Cost {
            bytes_read: 1536,
            bytes_copied: 0,
        },
        objects,
        below_lost: Vec::new(),
        notes: Vec::new(),
    }
}

fn marked() -> Decision {
    Decision::RemoveMarkers {
        markers: vec![VersionId::from("m")],
    }
}

#[test]
fn a_dry_run_over_what_can_come_back() {
    let objects = vec![
        object("fs/9/16/_b/1", Class::Block, marked(), false),
        object("fs/9/16/_i_b_v2/1", Class::BloomIndex, marked(), false),
        object("fs/9/16/_sg/1", Class::Segment, Decision::Intact, true),
    ];
    let text = render(&report(State::Complete, false, objects), Layout::Fuse);
    assert_eq!(
        text,
        "\
Restorable: the table can come back, 2 objects can be restored.
Commit of 2026-11-21T03:26:07.123456Z: fs/9/16/_ss/aa_v4.mpk (the newest that the hint names)

  decision          objects  required    in place
  intact                  1         1           1
  remove-markers          2         1           0
  all                     3

Requests, with those of --apply: ListObjectVersions 2, GetObject 5. 1.5 KiB read, 0 bytes to copy inside the bucket.

Nothing was changed. Run again with --apply to restore.
"
    );
}

#[test]
fn every_required_loss_is_named_and_other_lists_are_cut() {
    let mut objects = Vec::new();
    for i in 0..25 {
        objects.push(object(
            &format!("fs/9/16/_b/{i}"),
            Class::Block,
            Decision::Lost,
            false,
        ));
        objects.push(object(
            &format!("fs/9/16/_i_b_v2/{i}"),
            Class::BloomIndex,
            Decision::Lost,
            false,
        ));
    }
    objects.push(object("fs/9/16/_sg/1", Class::Segment, marked(), true));
    objects.push(object(
        "fs/9/16/_sg/2",
        Class::Segment,
        Decision::Unknown,
        false,
    ));
    let mut report = report(State::Partial, true, objects);
    report.below_lost.push(BelowLost {
        key: Key::from("fs/9/16/_sg/2"),
        blocks: Some(3),
        rows: None,
    });
    let text = render(&report, Layout::Fuse);
    let first = text.lines().next().expect("a line");
    assert_eq!(
        first,
        "Partial: 25 objects that the table needs are lost, 1 could not be judged; 1 object restored."
    );
    let line = "(block): no version of 7 bytes";
    assert_eq!(text.matches(line).count(), 25, "{text}");
    assert_eq!(text.matches("(bloom index): no version").count(), 20);
    assert!(text.contains("  … and 5 more; --json or --report lists all\n"));
    assert!(text.contains("fs/9/16/_sg/2 (segment): access denied (AccessDenied)\n"));
    assert!(text.contains("  fs/9/16/_sg/2: 3 blocks, an unknown number of rows\n"));
    assert!(text.contains("What could be restored is restored."));
}

#[test]
fn the_verdict_and_the_next_step_fit_the_end() {
    let intact = || vec![object("k", Class::Block, Decision::Intact, true)];
    let lost = || vec![object("k", Class::Block, Decision::Lost, false)];
    let unknown = || vec![object("k", Class::Block, Decision::Unknown, false)];
    let index_lost = || {
        vec![
            object("i", Class::BloomIndex, Decision::Lost, false),
            object("k", Class::Block, marked(), true),
        ]
    };
    let half = || {
        vec![
            object("k", Class::Block, marked(), true),
            object("l", Class::Block, marked(), false),
        ]
    };
    for (state, applied, objects, verdict, next) in [
        (
            State::Complete,
            false,
            intact(),
            "Complete: nothing that the table needs is missing.",
            "Nothing was changed, and nothing has to be.",
        ),
        (
            State::Complete,
            true,
            intact(),
            "Complete: nothing that the table needs is missing.",
            "Nothing is left to do.",
        ),
        (
            State::Complete,
            true,
            index_lost(),
            "Complete: the table is back, 1 object restored (1 object that it can do without lost).",
            "Nothing is left to do.",
        ),
        (
            State::Partial,
            false,
            lost(),
            "Partial: 1 object that the table needs is lost; nothing else has to be restored.",
            "Nothing was changed. --as-of",
        ),
        (
            State::Partial,
            true,
            unknown(),
            "Partial: 1 object that the table needs could not be judged; nothing else had to be restored.",
            "Mend what keeps",
        ),
        (
            State::Interrupted,
            true,
            half(),
            "Interrupted while restoring 2 objects: what was done stays, and 1 was seen to be in place.",
            "Run the same command again",
        ),
    ] {
        let text = render(&report(state, applied, objects), Layout::Fuse);
        assert_eq!(text.lines().next(), Some(verdict));
        let last = text.lines().last().expect("a line");
        assert!(last.starts_with(next), "{last}");
    }
}

#[test]
fn a_plain_prefix_is_not_called_a_table() {
    let objects = vec![object("k", Class::Object, marked(), true)];
    let mut report = report(State::Complete, true, objects);
    report.commit = None;
    let text = render(&report, Layout::Prefix);
    assert!(text.starts_with("Complete: the prefix is back, 1 object restored.\n\n"));
}

#[test]
fn keys_cannot_command_the_terminal() {
    let objects = vec![object("a\u{1b}[2J\n", Class::Block, Decision::Lost, false)];
    let text = render(&report(State::Partial, true, objects), Layout::Fuse);
    assert!(text.contains("a\\u{1b}[2J\\n (block)"), "{text}");
}

#[test]
fn bytes_in_units() {
    for (count, expected) in [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1_048_575, "1023.9 KiB"),
        (1_048_576, "1.0 MiB"),
        (u64::MAX, "16383.9 PiB"),
    ] {
        assert_eq!(bytes(count), expected);
    }
}
