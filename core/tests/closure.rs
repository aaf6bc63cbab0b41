//! What belongs to a table and what does not: other tables' metadata, indexes of unknown kinds, and where the
//! history of a table ends.

mod play;

use firedrill_core::amend::{Chosen, Class, Decision, Layout, Options, State, Target};
use firedrill_core::object::{Cause, Key, WallTime};
use firedrill_s3_mock::Versioning;
use firedrill_sim::fixture::{FIRST, Table, segment};
use firedrill_sim::fuse::{BlockSpec, Change, Flavour, InvertedSpec, SegmentSpec, TableSpec};
use play::{Played, play, reads, refused, table};

const OLD: Flavour = Flavour::V1_2_453;
const NEW: Flavour = Flavour::V1_2_895;

fn honest(table: &mut Table, options: Options) -> Played {
    play(table, options, |_, _| None)
}

/// Puts a snapshot of these segments and table statistics in the place of the table's own.
fn with_snapshot(table: &mut Table, segments: &str, statistics: &str, blocks: u64) {
    let snapshot = table.commits[0].snapshot.as_str().to_owned();
    let name = snapshot.rsplit('/').next().expect("a key has a name");
    let id = name
        .trim_start_matches('h')
        .split('_')
        .next()
        .expect("a uuid");
    let body = format!(
        r#"{{"snapshot_id":"{id}","summary":{{"row_count":100,"block_count":{blocks}}},"segments":{segments},"table_statistics_location":{statistics}}}"#
    );
    table.purge(&snapshot);
    table.put(&snapshot, body);
}

#[test]
fn metadata_in_another_tables_prefix_is_named_and_left_alone() {
    let mut table = table(OLD, 1);
    let (segment, statistics) = ("9/17/_sg/a_v4.mpk", "9/17/_ts/a_ts_v2.json");
    with_snapshot(
        &mut table,
        &format!(r#"[["{segment}",4]]"#),
        &format!(r#""{statistics}""#),
        7,
    );
    let options = table.options();
    let played = honest(&mut table, options);
    let why = "it lies outside this table's prefix: amend the table that it belongs to";
    for (key, class) in [
        (segment, Class::Segment),
        (statistics, Class::TableStatistics),
    ] {
        assert_eq!(played.said(key), (&Decision::Unknown, why));
        let mut objects = played.report.objects.iter();
        let object = objects.find(|object| object.key.as_str() == key);
        assert_eq!(object.map(|object| object.class), Some(class));
    }
    let below: Vec<_> = played
        .report
        .below_lost
        .iter()
        .map(|lost| (lost.key.as_str(), lost.blocks, lost.rows))
        .collect();
    assert_eq!(below, [(segment, Some(7), Some(100))]);
}

#[test]
fn a_segment_named_twice_is_counted_once() {
    let mut table = table(OLD, 1);
    let segment = table.keys_of(Class::Segment).remove(0);
    let location = segment.trim_start_matches("fs/").to_owned();
    table.purge(&segment);
    with_snapshot(
        &mut table,
        &format!(r#"[["{location}",4],["{location}",4]]"#),
        "null",
        7,
    );
    let options = table.options();
    let played = honest(&mut table, options);
    assert_eq!(played.report.below_lost.len(), 1);
    let times = played
        .report
        .objects
        .iter()
        .filter(|object| object.key.as_str() == segment);
    assert_eq!(times.count(), 1);
}

fn block(bloom: Option<u64>, vector: Option<u64>) -> BlockSpec {
    BlockSpec {
        rows: 10,
        size: 60,
        bloom,
        inverted: Vec::new(),
        vector,
    }
}

#[test]
fn indexes_that_are_known_are_not_called_unknown() {
    for (bloom, vector) in [
        (Some(500), None),
        (None, Some(700)),
        (Some(500), Some(700)),
        (None, None),
    ] {
        let mut table = Table::new(NEW, Versioning::Enabled);
        table.commit(&Change::Insert {
            segments: vec![SegmentSpec {
                blocks: vec![block(bloom, vector); 2],
                statistics: false,
            }],
        });
        table.delete_all();
        let options = table.options();
        let played = honest(&mut table, options);
        assert_eq!(played.report.state, State::Complete);
        assert_eq!(played.report.notes, Vec::<String>::new());
        let indexes = usize::from(bloom.is_some()) + usize::from(vector.is_some());
        assert_eq!(played.report.objects.len(), 3 + 2 * (1 + indexes));
    }
}

#[test]
fn indexes_of_an_unknown_kind_are_counted_in_bytes() {
    let mut table = table(OLD, 1);
    let segment = table.keys_of(Class::Segment).remove(0);
    let block = table.keys_of(Class::Block).remove(0);
    let location = block.trim_start_matches("fs/");
    let body = format!(
        r#"{{"blocks":[{{"row_count":10,"file_size":60,"location":["{location}",2]}}],"summary":{{"row_count":10,"block_count":1,"index_size":33}}}}"#
    );
    table.purge(&segment);
    table.put(&segment, body);
    let options = table.options();
    let played = honest(&mut table, options);
    let note = "33 bytes of indexes are of a kind that is not known here and were not looked at";
    assert_eq!(played.report.notes, [note]);
    assert_eq!(played.report.state, State::Complete);
}

#[test]
fn a_plain_prefix_says_what_it_cannot_do() {
    let refusal = |target: Target, prefix: &str| {
        let mut table = table(OLD, 1);
        let options = Options {
            layout: Layout::Prefix,
            target,
            ..Options::new(prefix)
        };
        honest(&mut table, options).report.refusal
    };
    let named = refusal(Target::Snapshot("x".into()), "fs/");
    assert_eq!(
        named.as_deref(),
        Some("a plain prefix has no snapshots: leave --snapshot out, or use --as-of")
    );
    let empty = refusal(Target::Current, "elsewhere/");
    assert_eq!(
        empty.as_deref(),
        Some("no object was ever stored under elsewhere/")
    );
    assert_eq!(refusal(Target::Current, "fs/"), None);
}

#[test]
fn an_inverted_index_is_found_by_its_name_and_by_its_key() {
    for is_hint_there in [true, false] {
        let spec = TableSpec {
            inverted_indexes: vec!["words".into()],
            ..TableSpec::new(NEW, 9, 16)
        };
        let mut table = Table::of(spec, Versioning::Enabled);
        let with_index = BlockSpec {
            inverted: vec![InvertedSpec {
                index: 0,
                size: 300,
            }],
            ..block(None, None)
        };
        table.commit(&Change::Insert {
            segments: vec![SegmentSpec {
                blocks: vec![with_index],
                statistics: false,
            }],
        });
        table.delete_all();
        if !is_hint_there {
            let hint = table.commits[0].hint.as_str().to_owned();
            erase(&mut table, &hint);
        }
        let options = table.options();
        let played = honest(&mut table, options);
        assert_eq!(played.report.notes, Vec::<String>::new());
        let index = table.keys_of(Class::InvertedIndex).remove(0);
        assert_eq!(played.said(&index).0.name(), "remove-markers");
        assert!(table.current(&index).is_some());
        // Its size is stated, for it is the block's only one.
        table.purge(&index);
        table.put(&index, "garbage");
        let options = table.options();
        let why = "no surviving version of it has the 300 bytes that the metadata states";
        assert_eq!(
            honest(&mut table, options).said(&index),
            (&Decision::Lost, why)
        );
    }
}

#[test]
fn several_snapshots_that_none_follows_are_alternatives() {
    let mut table = Table::usual(OLD);
    let (hint, middle) = (
        table.commits[0].hint.clone(),
        table.commits[1].snapshot.clone(),
    );
    erase(&mut table, hint.as_str());
    erase(&mut table, middle.as_str());
    let options = table.options();
    let commit = honest(&mut table, options)
        .report
        .commit
        .expect("it was found");
    assert_eq!(commit.chosen_by, Chosen::NewestSnapshot);
    assert_eq!(commit.snapshot, table.commits[2].snapshot);
    assert_eq!(commit.alternatives, [table.commits[0].snapshot.clone()]);
}

#[test]
fn a_hint_that_somebody_put_back_later_was_not_there_at_the_moment() {
    let mut table = Table::usual(OLD);
    let hint = table.commits[0].hint.as_str().to_owned();
    let first = table.commits[0]
        .puts
        .iter()
        .find(|put| put.key.as_str() == hint);
    let body = first.expect("every commit writes the hint").body.clone();
    table.now.0 += 60_000;
    table.put(&hint, body);
    let as_of = Options {
        target: Target::AsOf(WallTime(table.commits[1].time.0 + 2_000_000)),
        ..Options::new(table.prefix.clone())
    };
    let commit = honest(&mut table, as_of)
        .report
        .commit
        .expect("it was found");
    assert_eq!(commit.snapshot, table.commits[1].snapshot);
}

#[test]
fn of_two_commits_of_one_moment_the_other_is_named() {
    let mut table = Table::new(OLD, Versioning::Enabled);
    let insert = Change::Insert {
        segments: vec![segment(1)],
    };
    for _ in 0..3 {
        table.commit(&insert);
    }
    table.now.0 = table.commits[2].time.0 / 1000 - 10_000;
    table.commit(&insert);
    let (third, fourth) = (&table.commits[2], &table.commits[3]);
    assert_eq!(third.time, fourth.time);
    let as_of = Options {
        target: Target::AsOf(third.time),
        ..Options::new(table.prefix.clone())
    };
    let wanted = (fourth.snapshot.clone(), vec![third.snapshot.clone()]);
    let commit = honest(&mut table, as_of)
        .report
        .commit
        .expect("it was found");
    assert_eq!((commit.snapshot, commit.alternatives), wanted);
    assert!(commit.hint_version.is_some() && commit.timestamp.is_some());
}

#[test]
fn a_lost_snapshot_is_told_with_the_one_before_it() {
    let mut table = Table::usual(OLD);
    let lost = table.commits[2].snapshot.as_str().to_owned();
    table.purge(&lost);
    let options = table.options();
    let played = honest(&mut table, options);
    let before = &table.commits[1];
    let note = format!(
        "the snapshot of the commit before it is readable: --snapshot {}, made {}",
        before.snapshot,
        before.time.to_rfc3339()
    );
    assert_eq!(played.report.notes, [note]);
    assert_eq!(played.report.below_lost.len(), 1);
    assert_eq!(played.report.below_lost[0].key.as_str(), lost);
}

/// Takes every entry of a key away, markers too.
fn erase(table: &mut Table, key: &str) {
    for entry in table.store.bucket.history(key) {
        let gone = table
            .store
            .bucket
            .delete(table.now, key, Some(&*entry.version_id));
        gone.expect("a version can be deleted");
    }
}

#[test]
fn a_table_is_known_by_its_hint_or_by_its_snapshots() {
    for flavour in [OLD, NEW] {
        let mut without_hint = Table::usual(flavour);
        let hint = without_hint.commits[0].hint.as_str().to_owned();
        erase(&mut without_hint, &hint);
        let options = without_hint.options();
        let report = honest(&mut without_hint, options).report;
        let commit = report.commit.expect("it was found");
        assert_eq!(commit.chosen_by, Chosen::NewestSnapshot);
        assert_eq!(commit.snapshot, without_hint.commits[2].snapshot);
        let lost = report
            .objects
            .iter()
            .find(|object| object.class == Class::Hint);
        let lost = lost.expect("the hint that the table would have is named");
        assert_eq!(
            (lost.key.as_str(), &lost.decision),
            (&*hint, &Decision::Lost)
        );

        let mut without_snapshots = Table::usual(flavour);
        for commit in without_snapshots.commits.clone() {
            erase(&mut without_snapshots, commit.snapshot.as_str());
        }
        let options = without_snapshots.options();
        let played = honest(&mut without_snapshots, options);
        assert_eq!(played.report.state, State::Partial);
        let newest = without_snapshots.commits[2].snapshot.as_str();
        assert_eq!(
            played.said(newest),
            (
                &Decision::Lost,
                "no data version of it is left in the bucket"
            )
        );
    }
}

#[test]
fn a_commit_of_the_same_second_and_a_later_moment_is_not_meant() {
    let mut table = Table::new(OLD, Versioning::Enabled);
    let insert = Change::Insert {
        segments: vec![segment(1)],
    };
    table.commit(&insert);
    table.now.0 = FIRST / 1000 + 10_500;
    table.commit(&insert);
    // Made at 20.5 s and listed as of 20 s.
    for (moment, number) in [(20_200_000, 0), (20_500_000, 1)] {
        let as_of = Options {
            target: Target::AsOf(WallTime(FIRST + moment)),
            ..Options::new(table.prefix.clone())
        };
        let commit = honest(&mut table, as_of)
            .report
            .commit
            .expect("it was found");
        assert_eq!(commit.snapshot, table.commits[number].snapshot);
        assert_eq!(
            (commit.chosen_by, commit.alternatives),
            (Chosen::AsOf, vec![])
        );
    }
}

/// Two commits of which the second references nothing of the first.
fn overwritten() -> Table {
    let mut table = Table::of(TableSpec::new(OLD, 9, 16), Versioning::Enabled);
    let segments = vec![segment(1)];
    table.commit(&Change::Insert {
        segments: segments.clone(),
    });
    table.commit(&Change::Overwrite { segments });
    table
}

/// What only the first commit references.
fn first_alone(table: &Table) -> Vec<String> {
    let newer: Vec<&Key> = table.commits[1]
        .references
        .iter()
        .map(|reference| &reference.key)
        .collect();
    let older = table.commits[0]
        .references
        .iter()
        .map(|reference| &reference.key);
    let alone = older.filter(|key| !newer.contains(key));
    alone.map(|key| key.as_str().to_owned()).collect()
}

fn with_history(table: &mut Table) -> Played {
    let options = Options {
        history: true,
        ..table.options()
    };
    honest(table, options)
}

#[test]
fn an_ancestor_that_is_gone_with_all_its_own_was_vacuumed() {
    for leave_markers in [false, true] {
        let mut table = overwritten();
        for key in first_alone(&table) {
            erase(&mut table, &key);
            if leave_markers && key.contains("_sg/") {
                table.delete(&key);
            }
        }
        let played = with_history(&mut table);
        assert_eq!(played.report.state, State::Complete, "{:#?}", played.report);
        let note = &played.report.notes[0];
        let first = &table.commits[0].snapshot;
        assert!(
            note.starts_with(&format!("the history ends before {first}:")),
            "{note}"
        );
    }
}

#[test]
fn an_ancestor_whose_segments_are_left_was_destroyed() {
    let mut table = overwritten();
    let first = table.commits[0].snapshot.as_str().to_owned();
    erase(&mut table, &first);
    let played = with_history(&mut table);
    assert_eq!(played.report.state, State::Partial);
    let (decision, reason) = played.said(&first);
    assert_eq!(*decision, Decision::Lost);
    assert!(
        reason.ends_with("it was destroyed, not vacuumed"),
        "{reason}"
    );
    assert!(
        played
            .report
            .below_lost
            .iter()
            .any(|lost| lost.key.as_str() == first)
    );
}

#[test]
fn an_ancestor_that_alone_was_deleted_comes_back() {
    for spared in 0..4 {
        let mut table = overwritten();
        let alone = first_alone(&table);
        let snapshot = table.commits[0].snapshot.as_str();
        let mut others = alone.iter().filter(|key| *key != snapshot);
        let Some(spared) = others.nth(spared).cloned() else {
            continue;
        };
        for key in alone.iter().filter(|key| **key != spared) {
            table.delete(key);
        }
        let played = with_history(&mut table);
        assert_eq!(played.report.state, State::Complete);
        for key in &alone {
            assert!(table.current(key).is_some(), "{key} with {spared} spared");
        }
    }
}

#[test]
fn what_a_vacuum_took_is_counted() {
    let mut table = overwritten();
    for key in first_alone(&table) {
        table.delete(&key);
    }
    let played = with_history(&mut table);
    assert_eq!(played.report.state, State::Complete);
    let note = &played.report.notes[0];
    assert!(
        note.starts_with("older snapshots (1) and what only they reference are deleted"),
        "{note}"
    );
    assert!(
        first_alone(&table)
            .iter()
            .all(|key| table.current(key).is_none())
    );
}

#[test]
fn where_a_segment_cannot_be_read_it_is_open_what_a_vacuum_took() {
    let mut table = overwritten();
    let alone = first_alone(&table);
    for key in &alone {
        table.delete(key);
    }
    let segment = alone.iter().find(|key| key.contains("_sg/"));
    let segment = segment.expect("a commit has a segment").clone();
    let options = Options {
        history: true,
        ..table.options()
    };
    let played = play(&mut table, options, |_, request| {
        reads(request, &segment).then(|| refused(Cause::Denied("AccessDenied".into())))
    });
    let first = table.commits[0].snapshot.as_str();
    let (decision, reason) = played.said(first);
    assert_eq!(*decision, Decision::Unknown);
    assert!(reason.starts_with("a segment could not be read, so it is open whether a vacuum"));
    assert!(
        played
            .report
            .below_lost
            .iter()
            .any(|lost| lost.key.as_str() == first)
    );
    assert!(played.requests.iter().all(|request| !request.is_write()));
}
