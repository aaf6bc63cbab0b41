//! Amend on a plain prefix, where every key stands for itself and may be written more than once.

mod play;

use firedrill_core::amend::{Decision, Layout, Options, Report, State, Target};
use firedrill_core::object::{Cause, Request, WallTime};
use firedrill_s3_mock::Versioning;
use firedrill_sim::fixture::Table;
use firedrill_sim::fuse::Flavour;
use play::{bucket, play, unclear};

fn plain(table: &Table) -> Options {
    Options {
        layout: Layout::Prefix,
        ..table.options()
    }
}

#[test]
fn a_plain_prefix_comes_back_as_it_was() {
    let mut table = Table::new(Flavour::V1_2_453, Versioning::Enabled);
    table.put("fs/9/16/a", "first");
    table.put("fs/9/16/b", "kept");
    let then = table.now;
    table.now.0 += 5_000;
    table.put("fs/9/16/a", "second");
    table.put("fs/9/16/c", "later");
    table.delete_all();
    let plain = plain(&table);
    let (report, _) = table.run(plain.clone());
    assert_eq!((report.state, report.objects.len()), (State::Complete, 3));
    assert_eq!(table.current("fs/9/16/a").expect("back"), "second");
    table.delete("fs/9/16/c");
    let target = Target::AsOf(WallTime(then.0 * 1000));
    let (report, _) = table.run(Options { target, ..plain });
    assert_eq!((report.state, report.objects.len()), (State::Complete, 2));
    assert_eq!(table.current("fs/9/16/a").expect("back"), "first");
    assert_eq!(table.current("fs/9/16/b").expect("back"), "kept");
    assert_eq!(table.current("fs/9/16/c"), None);
}

#[test]
fn what_is_written_to_a_plain_key_meanwhile_stays_current() {
    let mut table = Table::new(Flavour::V1_2_453, Versioning::Enabled);
    table.put("fs/9/16/a", "old");
    table.put("fs/9/16/b", "old");
    table.delete_all();
    table.put("fs/9/16/b", "old");
    let mut writes = 0;
    let (report, _) = table.run_with(plain(&table), |table, request| {
        if matches!(request, Request::RemoveMarkers { .. }) && writes == 0 {
            writes += 1;
            table.put("fs/9/16/a", "new");
            table.put("fs/9/16/b", "new");
        }
    });
    assert_eq!(report.state, State::Complete, "{report:#?}");
    assert_eq!(table.current("fs/9/16/a").expect("there"), "new");
    assert_eq!(table.current("fs/9/16/b").expect("there"), "new");
}

/// A key whose marker has the id `null`, which only a copy gets rid of.
fn under_a_null_marker() -> Table {
    let mut table = Table::new(Flavour::V1_2_453, Versioning::Enabled);
    table.put("fs/9/16/a", "what was written");
    let suspended = table.store.bucket.set_versioning(Versioning::Suspended);
    suspended.expect("it can be suspended");
    table.delete("fs/9/16/a");
    table
}

/// The key was copied back, and nothing is said of anybody else.
fn assert_copied_by_itself(table: &Table, report: &Report) {
    assert_eq!(report.state, State::Complete, "{report:#?}");
    assert_eq!(
        table.current("fs/9/16/a").expect("back"),
        "what was written"
    );
    let object = &report.objects[0];
    assert!(
        matches!(object.decision, Decision::CopyVersion { .. }) && object.done,
        "{object:?}"
    );
    assert_eq!(object.reason, None);
    assert_eq!(report.notes, Vec::<String>::new());
}

#[test]
fn a_copy_with_the_id_null_is_known_again() {
    let mut table = under_a_null_marker();
    let (report, writes) = table.run(plain(&table));
    assert_eq!(writes.len(), 1);
    assert_copied_by_itself(&table, &report);
}

#[test]
fn a_copy_whose_answer_was_lost_is_known_again() {
    for enabled in [false, true] {
        let mut table = under_a_null_marker();
        if enabled {
            let enabled = table.store.bucket.set_versioning(Versioning::Enabled);
            enabled.expect("it can be enabled");
        }
        let options = plain(&table);
        let played = play(&mut table, options, |table, request| {
            if !matches!(request, Request::Copy { .. }) {
                return None;
            }
            bucket(table, request).expect("the copy is made");
            Some(unclear(Cause::Timeout))
        });
        let copies = played.requests.iter().filter(|request| request.is_write());
        assert_eq!(copies.count(), 1);
        assert_copied_by_itself(&table, &played.report);
    }
}

#[test]
fn other_bytes_in_place_of_the_lost_answers_copy_stay_current() {
    let mut table = under_a_null_marker();
    let options = plain(&table);
    let played = play(&mut table, options, |table, request| {
        if !matches!(request, Request::Copy { .. }) {
            return None;
        }
        // As long as what was written: only reading both tells them apart.
        table.put("fs/9/16/a", "WHAT WAS WRITTEN");
        Some(unclear(Cause::Timeout))
    });
    assert_eq!(
        table.current("fs/9/16/a").expect("theirs"),
        "WHAT WAS WRITTEN"
    );
    let (_, reason) = played.said("fs/9/16/a");
    assert_eq!(reason, "what somebody wrote to it meanwhile stays current");
    assert_eq!(
        played.report.notes,
        ["while this ran, somebody wrote fs/9/16/a: that stays current"]
    );
}
