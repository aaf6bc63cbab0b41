//! Why something is lost or unknown: the sentence that a person reads must be the right one.

mod play;

use firedrill_core::amend::{Class, Decision, Options, State};
use firedrill_core::object::{Answer, Cause, Entry, Key, Request};
use firedrill_s3_mock::StorageClass;
use firedrill_sim::fixture::Table;
use firedrill_sim::fuse::Flavour;
use play::{Played, bucket, play, reads, refused, table};

const OLD: Flavour = Flavour::V1_2_453;
const NEW: Flavour = Flavour::V1_2_895;

fn honest(table: &mut Table, options: Options) -> Played {
    play(table, options, |_, _| None)
}

#[test]
fn metadata_that_cannot_be_metadata_is_not_read() {
    for (size, is_read) in [(512 << 20, true), ((512 << 20) + 1, false)] {
        let mut table = table(OLD, 1);
        let segment = table.keys_of(Class::Segment).remove(0);
        let options = table.options();
        let played = play(&mut table, options, |table, request| {
            let mut reply = bucket(table, request);
            if let Ok(Answer::Page { entries, .. }) = &mut reply {
                for (key, entry) in entries {
                    if let (true, Entry::Version(version)) = (key.as_str() == segment, entry) {
                        version.size = size;
                    }
                }
            }
            Some(reply)
        });
        let asked = played
            .requests
            .iter()
            .filter(|request| reads(request, &segment));
        assert_eq!(asked.count() > 0, is_read);
        let reason = played.said(&segment).1;
        assert_eq!(
            reason.contains("(larger than metadata can be)"),
            !is_read,
            "{reason}"
        );
    }
}

#[test]
fn metadata_says_why_none_of_its_versions_will_do() {
    let reason = |versions: &[&str], purge: bool| {
        let mut table = table(OLD, 1);
        let segment = table.keys_of(Class::Segment).remove(0);
        if purge {
            table.purge(&segment);
        }
        versions
            .iter()
            .for_each(|body| table.put(&segment, (*body).to_owned()));
        let options = table.options();
        honest(&mut table, options).said(&segment).1.to_owned()
    };
    let shorter = "shorter than its envelope";
    assert_eq!(
        reason(&["x"], true),
        format!("its only surviving version does not read as what its reference names ({shorter})")
    );
    assert_eq!(
        reason(&["x", "y"], true),
        format!(
            "none of its 2 surviving versions reads as what its reference names (the last: {shorter})"
        )
    );
    assert_eq!(
        reason(&[], true),
        "no data version of it is left in the bucket"
    );
    assert_eq!(
        reason(&["PAR1"], true),
        "its form is not understood here (a column-oriented segment), so nothing below it could be looked at"
    );
}

#[test]
fn statistics_that_are_no_statistics_are_lost() {
    for (flavour, class) in [
        (OLD, Class::TableStatistics),
        (NEW, Class::SegmentStatistics),
    ] {
        let mut table = Table::usual(flavour);
        let key = table.keys_of(class).remove(0);
        let size = table.written[&Key::from(key.as_str())].len();
        table.purge(&key);
        table.put(&key, vec![b'x'; size]);
        let report = table.amend();
        let object = report
            .objects
            .iter()
            .find(|object| object.key.as_str() == key);
        assert_eq!(object.map(|object| &object.decision), Some(&Decision::Lost));
        assert_eq!(report.exit_status(), 1);
    }
}

#[test]
fn a_lost_block_says_what_is_left_of_it() {
    let reason = |purge: bool, delete: bool, garbage: bool| {
        let mut table = table(OLD, 1);
        let block = table.keys_of(Class::Block).remove(0);
        if purge {
            table.purge(&block);
        }
        if garbage {
            table.put(&block, "garbage of another length");
        }
        if delete {
            table.delete(&block);
        }
        let options = table.options();
        let played = honest(&mut table, options);
        let (decision, reason) = played.said(&block);
        assert_eq!(*decision, Decision::Lost);
        reason.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        reason(true, false, false),
        "no version of it is left in the bucket"
    );
    assert_eq!(
        reason(true, true, false),
        "only delete markers are left of it: its data versions were purged, or destroyed while versioning was suspended"
    );
    let size = "no surviving version of it has the 60 bytes that the metadata states";
    assert_eq!(reason(true, false, true), size);
    assert_eq!(reason(true, true, true), size);
}

#[test]
fn a_version_that_was_right_and_is_gone_is_lost() {
    let mut table = table(OLD, 1);
    let segment = table.keys_of(Class::Segment).remove(0);
    table.put(&segment, "garbage");
    let options = table.options();
    let (mut read, mut once) = (false, true);
    let played = play(&mut table, options, |table, request| {
        read |= reads(request, &segment);
        let is_copy = matches!(request, Request::Copy { key, .. } if key.as_str() == segment);
        if is_copy && read && std::mem::take(&mut once) {
            table.purge(&segment);
            table.put(&segment, "garbage again");
        }
        None
    });
    assert_eq!(
        played.said(&segment),
        (
            &Decision::Lost,
            "the version that holds the right bytes is gone"
        )
    );
    assert_eq!(played.report.state, State::Partial);
}

#[test]
fn metadata_that_vanishes_before_it_is_read_is_looked_for_in_its_next_version() {
    let mut table = table(OLD, 1);
    let segment = table.keys_of(Class::Segment).remove(0);
    let written = table.written[&Key::from(segment.as_str())].clone();
    table.put(&segment, written);
    let options = table.options();
    let mut once = true;
    let played = play(&mut table, options, |_, request| {
        (reads(request, &segment) && std::mem::take(&mut once)).then(|| refused(Cause::NotFound))
    });
    assert_eq!(played.said(&segment).0, &Decision::Intact);
    assert_eq!(played.report.state, State::Complete);
}

#[test]
fn an_archived_version_whose_twin_vanishes_is_still_archived() {
    let mut table = table(OLD, 1);
    let segment = table.keys_of(Class::Segment).remove(0);
    let written = table.written[&Key::from(segment.as_str())].clone();
    let oldest = table.store.bucket.history(&segment)[0].version_id.clone();
    table.put(&segment, written);
    let moved = table
        .store
        .bucket
        .set_storage_class(&segment, &oldest, StorageClass::Glacier);
    moved.expect("a version can be archived");
    let options = table.options();
    let played = play(&mut table, options, |_, request| {
        reads(request, &segment).then(|| refused(Cause::NotFound))
    });
    let (decision, reason) = played.said(&segment);
    assert_eq!(*decision, Decision::Unknown, "{reason}");
    assert!(
        reason.starts_with("it is archived and cannot be read"),
        "{reason}"
    );
}

#[test]
fn an_archived_version_is_read_through_its_twin() {
    let mut table = table(OLD, 1);
    let segment = table.keys_of(Class::Segment).remove(0);
    let written = table.written[&Key::from(segment.as_str())].clone();
    let oldest = table.store.bucket.history(&segment)[0].version_id.clone();
    table.put(&segment, written);
    table.put(&segment, "garbage");
    let moved = table
        .store
        .bucket
        .set_storage_class(&segment, &oldest, StorageClass::Glacier);
    moved.expect("a version can be archived");
    let options = table.options();
    let played = honest(&mut table, options);
    assert_eq!(played.report.state, State::Complete, "{:#?}", played.report);
    table.assert_back(&[]);
}

#[test]
fn a_hint_that_cannot_be_read_leaves_the_commit_open() {
    let mut table = table(OLD, 1);
    let hint = table.commits[0].hint.as_str().to_owned();
    let options = table.options();
    let played = play(&mut table, options, |_, request| {
        reads(request, &hint).then(|| refused(Cause::Denied("AccessDenied".into())))
    });
    assert_eq!(played.report.state, State::Refused);
    let refusal = played.report.refusal.expect("it is refused");
    assert!(
        refusal.starts_with(&format!(
            "the hint {hint} cannot be read (reading it was denied"
        )),
        "{refusal}"
    );
    assert!(
        refusal.ends_with("so the current commit is not known"),
        "{refusal}"
    );
}
