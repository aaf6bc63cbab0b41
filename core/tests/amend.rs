//! Amend on tables that the simulated writer made: what comes back, what does not, and what is left alone.

use firedrill_core::amend::{Chosen, Class, Decision, Options, State, Target};
use firedrill_core::object::{Operation, Request, WallTime};
use firedrill_s3_mock::{StorageClass, Versioning};
use firedrill_sim::fixture::{self, Table, keys_with, segment};
use firedrill_sim::fuse::{Change, Flavour, TableSpec};

const FLAVOURS: [Flavour; 2] = [Flavour::V1_2_453, Flavour::V1_2_895];

#[test]
fn an_intact_table_is_not_written_to() {
    for flavour in FLAVOURS {
        let mut table = Table::usual(flavour);
        let (report, writes) = table.run(table.options());
        assert_eq!(report.state, State::Complete, "{report:?}");
        assert_eq!(writes, []);
        let references = table.commits.last().expect("commits").references.len();
        assert_eq!(report.objects.len(), references);
        assert!(report.objects.iter().all(|object| object.done));
    }
}

#[test]
fn a_deleted_table_comes_back_and_stays() {
    for flavour in FLAVOURS {
        let mut table = Table::usual(flavour);
        table.delete_all();
        table.delete_all();
        let report = table.amend();
        assert_eq!(
            (report.state, report.exit_status()),
            (State::Complete, 0),
            "{report:#?}"
        );
        table.assert_back(&[]);
        let (again, writes) = table.run(table.options());
        assert_eq!((again.state, writes), (State::Complete, vec![]));
    }
}

#[test]
fn a_dry_run_changes_nothing_and_tells_the_same_decisions() {
    let mut table = Table::usual(Flavour::V1_2_895);
    table.delete_all();
    let before = table.listing().len();
    let (dry, writes) = table.run(Options {
        apply: false,
        ..table.options()
    });
    assert_eq!(
        (dry.state, writes.len(), table.listing().len()),
        (State::Complete, 0, before)
    );
    let (applied, _) = table.run(table.options());
    let decisions = |report: &firedrill_core::amend::Report| -> Vec<_> {
        report
            .objects
            .iter()
            .map(|object| object.decision.clone())
            .collect()
    };
    assert_eq!(decisions(&dry), decisions(&applied));
    assert_eq!(dry.requests, applied.requests);
}

#[test]
fn overwritten_objects_come_back_from_their_oldest_right_version() {
    for flavour in FLAVOURS {
        let mut table = Table::usual(flavour);
        let written = table.written.clone();
        for (nth, (key, body)) in written.iter().enumerate() {
            match nth % 4 {
                0 => table.put(key.as_str(), vec![b'x'; body.len()]),
                1 => table.put(key.as_str(), vec![b'y'; body.len() + 3]),
                2 => table.delete(key.as_str()),
                _ => {}
            }
        }
        let report = table.amend();
        assert_eq!(report.state, State::Complete, "{report:#?}");
        table.assert_back(&[]);
    }
}

#[test]
fn a_purged_block_is_lost_and_named_and_the_rest_comes_back() {
    let mut table = Table::usual(Flavour::V1_2_453);
    let block = table.keys_of(Class::Block).remove(0);
    table.delete_all();
    table.purge(&block);
    let report = table.amend();
    assert_eq!((report.state, report.exit_status()), (State::Partial, 1));
    assert_eq!(
        keys_with(&report, &Decision::Lost),
        std::slice::from_ref(&block)
    );
    table.assert_back(&[&block]);
}

#[test]
fn below_a_lost_segment_the_summary_counts_what_is_out_of_sight() {
    let mut table = Table::usual(Flavour::V1_2_453);
    let segments = table.commits.last().expect("commits").segments.clone();
    let lost = segments[0].key.as_str().to_owned();
    table.delete_all();
    table.purge(&lost);
    let report = table.amend();
    assert_eq!(
        keys_with(&report, &Decision::Lost),
        std::slice::from_ref(&lost)
    );
    assert_eq!(report.below_lost.len(), 1);
    assert_eq!(report.below_lost[0].blocks, Some(segments[0].blocks));
    assert_eq!(report.below_lost[0].rows, Some(segments[0].rows));
}

#[test]
fn a_lost_snapshot_is_named_with_the_commit_before_it() {
    let mut table = Table::usual(Flavour::V1_2_895);
    let snapshot = table.commits[2].snapshot.as_str().to_owned();
    table.delete_all();
    table.purge(&snapshot);
    let report = table.amend();
    assert_eq!((report.state, report.exit_status()), (State::Partial, 1));
    assert_eq!(keys_with(&report, &Decision::Lost), [snapshot]);
    let before = table.commits[1].snapshot.as_str().to_owned();
    assert!(
        report.notes.iter().any(|note| note.contains(&before)),
        "{:?}",
        report.notes
    );
    let (report, _) = table.run(Options {
        target: Target::Snapshot(before),
        ..table.options()
    });
    assert_eq!(report.state, State::Complete, "{report:#?}");
    table.assert_commit_back(1, &[]);
}

#[test]
fn each_commit_comes_back_as_of_its_own_time() {
    for flavour in FLAVOURS {
        for nth in 0..3 {
            let mut table = Table::usual(flavour);
            table.delete_all();
            // S3's stamps are cut to the second, so the hint's never lies behind the snapshot's by more.
            let moment = table.commits[nth].time.0 + 1_000_000;
            let target = Target::AsOf(WallTime(moment));
            let (report, _) = table.run(Options {
                target,
                ..table.options()
            });
            assert_eq!(report.state, State::Complete, "{report:#?}");
            let commit = report.commit.expect("a commit was chosen");
            assert_eq!(commit.snapshot, table.commits[nth].snapshot);
            assert_eq!(commit.chosen_by, Chosen::AsOf);
            table.assert_commit_back(nth, &[]);
        }
    }
}

#[test]
fn before_the_first_commit_there_is_nothing() {
    let mut table = Table::usual(Flavour::V1_2_453);
    let target = Target::AsOf(WallTime(fixture::FIRST));
    let (report, writes) = table.run(Options {
        target,
        ..table.options()
    });
    assert_eq!(
        (report.state, report.exit_status(), writes.len()),
        (State::Refused, 3, 0)
    );
    assert!(report.refusal.expect("a reason").contains("no commit"));
}

#[test]
fn with_history_every_ancestor_comes_back() {
    let mut table = Table::usual(Flavour::V1_2_895);
    table.commit(&Change::Compact {
        blocks_per_segment: 10,
    });
    table.delete_all();
    let (report, _) = table.run(Options {
        history: true,
        ..table.options()
    });
    assert_eq!(report.state, State::Complete, "{report:#?}");
    for nth in 0..3 {
        for reference in &table.commits[nth].references {
            assert!(
                table.current(reference.key.as_str()).is_some(),
                "{}",
                reference.key
            );
        }
    }
}

#[test]
fn what_a_vacuum_took_stays_deleted() {
    let mut table = Table::usual(Flavour::V1_2_895);
    table.commit(&Change::Compact {
        blocks_per_segment: 10,
    });
    let kept: Vec<_> = table.commits[3]
        .references
        .iter()
        .map(|r| r.key.clone())
        .collect();
    for key in table.keys() {
        if !kept.iter().any(|own| own.as_str() == key) {
            table.delete(&key);
        }
    }
    table.delete(&table.keys_of(Class::Block)[0]);
    let (report, writes) = table.run(Options {
        history: true,
        ..table.options()
    });
    assert_eq!(
        (report.state, writes.len()),
        (State::Complete, 1),
        "{report:#?}"
    );
    table.assert_back(&[]);
}

#[test]
fn an_overwritten_hint_is_put_back() {
    let mut table = Table::usual(Flavour::V1_2_895);
    let hint = table.commits[2].hint.as_str().to_owned();
    table.put(&hint, "not a hint");
    let (report, writes) = table.run(table.options());
    assert_eq!(report.state, State::Complete, "{report:#?}");
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].operation(), Operation::PutObject);
    table.assert_back(&[]);
}

#[test]
fn without_any_hint_the_newest_snapshot_is_found() {
    let mut table = Table::usual(Flavour::V1_2_453);
    let hint = table.commits[2].hint.as_str().to_owned();
    table.delete_all();
    table.purge(&hint);
    let report = table.amend();
    assert_eq!(
        (report.state, report.exit_status()),
        (State::Partial, 1),
        "{report:#?}"
    );
    let commit = report.commit.clone().expect("a commit was chosen");
    assert_eq!(commit.snapshot, table.commits[2].snapshot);
    assert_eq!(commit.chosen_by, Chosen::NewestSnapshot);
    assert_eq!(
        keys_with(&report, &Decision::Lost),
        std::slice::from_ref(&hint)
    );
    table.assert_back(&[&hint]);
}

#[test]
fn where_removing_versions_is_denied_it_copies() {
    let mut table = Table::usual(Flavour::V1_2_895);
    table.delete_all();
    table.store.denies_version_delete = true;
    let report = table.amend();
    assert_eq!(report.state, State::Complete, "{report:#?}");
    table.assert_back(&[]);
    let (_, writes) = table.run(table.options());
    assert_eq!(writes, []);
}

#[test]
fn equal_bytes_under_foreign_tags_are_recognised() {
    let mut table = Table::usual(Flavour::V1_2_895);
    table.store.bucket.foreign_etags = true;
    let keys: Vec<_> = table.written.keys().cloned().collect();
    for key in &keys {
        // Somebody copied the object onto itself: other tag, same bytes.
        let body = table.written[key].clone();
        table.put(key.as_str(), body);
    }
    let (report, writes) = table.run(table.options());
    assert_eq!(
        (report.state, writes),
        (State::Complete, vec![]),
        "{report:#?}"
    );
}

#[test]
fn an_archived_version_is_named_and_left_alone() {
    let mut table = Table::usual(Flavour::V1_2_453);
    let block = table.keys_of(Class::Block).remove(0);
    let version = table
        .listing()
        .into_iter()
        .find(|(key, _, _)| *key == block)
        .expect("listed")
        .1;
    let archive = StorageClass::DeepArchive;
    table
        .store
        .bucket
        .set_storage_class(&block, &version, archive)
        .expect("a version has a class");
    table.delete_all();
    let report = table.amend();
    assert_eq!(
        (report.state, report.exit_status()),
        (State::Partial, 3),
        "{report:#?}"
    );
    assert_eq!(
        keys_with(&report, &Decision::Unknown),
        std::slice::from_ref(&block)
    );
    let object = report
        .objects
        .iter()
        .find(|object| object.key.as_str() == block)
        .expect("named");
    assert!(
        object
            .reason
            .as_ref()
            .expect("a reason")
            .contains("RestoreObject")
    );
    table.assert_back(&[&block]);
}

/// A table in a bucket without versioning.
fn never_versioned() -> Table {
    let mut table = Table::new(Flavour::V1_2_453, Versioning::Off);
    table.commit(&Change::Insert {
        segments: vec![segment(2)],
    });
    table
}

fn switch(table: &mut Table, versioning: Versioning) {
    let switched = table.store.bucket.set_versioning(versioning);
    switched.expect("it is not switched off again");
}

#[test]
fn a_bucket_that_was_never_versioned_is_refused() {
    let mut table = never_versioned();
    let (report, writes) = table.run(table.options());
    assert_eq!(
        (report.state, report.exit_status(), writes.len()),
        (State::Refused, 3, 0)
    );
    assert!(report.refusal.expect("a reason").contains("never enabled"));
}

#[test]
fn null_versions_from_before_versioning_come_back() {
    let mut table = never_versioned();
    switch(&mut table, Versioning::Enabled);
    table.delete_all();
    let report = table.amend();
    assert_eq!(report.state, State::Complete, "{report:#?}");
    table.assert_back(&[]);
}

#[test]
fn a_null_version_destroyed_under_suspension_is_lost() {
    let mut table = never_versioned();
    switch(&mut table, Versioning::Enabled);
    switch(&mut table, Versioning::Suspended);
    let block = table.keys_of(Class::Block).remove(0);
    table.delete(&block);
    let report = table.amend();
    assert_eq!(keys_with(&report, &Decision::Lost), [block]);
    assert_eq!(report.exit_status(), 1);
}

#[test]
fn a_copy_never_replaces_a_null_version() {
    let mut table = Table::usual(Flavour::V1_2_453);
    switch(&mut table, Versioning::Suspended);
    let block = table.keys_of(Class::Block).remove(0);
    table.put(&block, "garbage, but somebody's");
    let before = table.listing();
    let report = table.amend();
    assert_eq!(keys_with(&report, &Decision::Unknown), [block]);
    assert_eq!(report.exit_status(), 3);
    assert_eq!(table.listing(), before);
}

#[test]
fn a_prefix_with_other_tables_names_them() {
    let mut table = Table::usual(Flavour::V1_2_453);
    let options = |prefix: &str| Options::new(prefix);
    let (report, _) = table.run(options("fs/"));
    assert!(report.refusal.expect("a reason").contains("fs/9/16/"));
    table.put("fs/9/17/_ss/x_v4.mpk", "x");
    let (report, _) = table.run(options("fs/9/"));
    let refusal = report.refusal.expect("a reason");
    assert!(
        refusal.contains("fs/9/16/") && refusal.contains("fs/9/17/"),
        "{refusal}"
    );
    let (report, _) = table.run(options("elsewhere/"));
    assert!(report.refusal.expect("a reason").contains("no fuse table"));
}

#[test]
fn ten_thousand_objects_take_few_requests() {
    let spec = TableSpec::new(Flavour::V1_2_453, 1, 2);
    let mut table = Table::of(spec, Versioning::Enabled);
    let segments = (0..10).map(|_| segment(500)).collect();
    table.commit(&Change::Insert { segments });
    table.delete_all();
    let report = table.amend();
    assert_eq!(report.state, State::Complete);
    table.assert_back(&[]);
    let objects = report.objects.len() as u64;
    assert!(objects > 10_000);
    let all: u64 = report.requests.values().sum();
    let metadata = report.requests[&Operation::GetObject];
    let rest = all - metadata;
    assert!(
        rest * 1000 <= objects * 5,
        "{rest} requests for {objects} objects: {:?}",
        report.requests
    );
}

#[test]
fn what_is_deleted_while_it_runs_comes_back_too() {
    let mut table = Table::usual(Flavour::V1_2_895);
    let mut blocks = table.keys_of(Class::Block);
    let (first, second) = (blocks.remove(0), blocks.remove(0));
    table.delete(&first);
    let (report, _) = table.run_with(table.options(), |table, request| {
        if matches!(request, Request::RemoveMarkers { .. }) {
            table.delete(&second);
        }
    });
    assert_eq!(
        report.state,
        State::Partial,
        "deleted again at each round: {report:#?}"
    );
    let mut times = 0;
    let (report, _) = table.run_with(table.options(), |table, request| {
        if matches!(request, Request::RemoveMarkers { .. }) && times == 0 {
            times += 1;
            table.delete(&first);
        }
    });
    assert_eq!(report.state, State::Complete, "{report:#?}");
    table.assert_back(&[]);
}

#[test]
fn a_commit_made_meanwhile_stays_current() {
    let mut table = Table::usual(Flavour::V1_2_895);
    let hint = table.commits[2].hint.as_str().to_owned();
    table.put(&hint, "not a hint");
    let mut commits = 0;
    let (report, _) = table.run_with(table.options(), |table, request| {
        if matches!(request, Request::Put { .. }) && commits == 0 {
            commits += 1;
            table.commit(&Change::Insert {
                segments: vec![segment(1)],
            });
        }
    });
    assert_eq!(report.state, State::Complete, "{report:#?}");
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("stays current")),
        "{:?}",
        report.notes
    );
    table.assert_back(&[]);
}
