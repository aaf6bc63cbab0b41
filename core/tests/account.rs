//! What the machine says: progress, costs, refusals, and what somebody did meanwhile.

mod play;

use firedrill_core::amend::{Class, Decision, Options, Phase, Progress, State, Verified};
use firedrill_core::object::{Cause, Key, Operation, Request};
use firedrill_s3_mock::Versioning;
use firedrill_sim::fixture::{Table, segment};
use firedrill_sim::fuse::{Change, Flavour, TableSpec};
use play::{Played, broken, bucket, busy, keys_of, play, reads, refused, table, writes};

const OLD: Flavour = Flavour::V1_2_453;
const NEW: Flavour = Flavour::V1_2_895;

fn honest(table: &mut Table, options: Options) -> Played {
    play(table, options, |_, _| None)
}

fn steps(played: &Played, phase: Phase) -> Vec<(u64, Option<u64>)> {
    let of_phase = |step: &&Progress| step.phase == phase;
    let steps = played.progress.iter().filter(of_phase);
    steps.map(|step| (step.done, step.total)).collect()
}

#[test]
fn progress_counts_every_step() {
    let mut table = table(OLD, 3);
    table.store.bucket.page_size_max = 3;
    table.delete_all();
    let entries = table.listing().len() as u64;
    let options = table.options();
    let played = honest(&mut table, options);
    let objects = played.report.objects.len() as u64;
    let pages = |entries: u64| -> Vec<_> {
        let ends = (1..=entries.div_ceil(3)).map(|page| (page * 3).min(entries));
        ends.map(|done| (done, None)).collect()
    };
    assert_eq!(steps(&played, Phase::List), pages(entries));
    assert_eq!(steps(&played, Phase::Verify), pages(entries - objects));
    // The hint and the snapshot one after the other, then the segments together.
    let read = [
        (1, Some(2)),
        (2, Some(5)),
        (3, Some(5)),
        (4, Some(5)),
        (5, Some(5)),
    ];
    let steps_read = steps(&played, Phase::Read);
    assert_eq!(steps_read.len(), 5);
    for ((done, total), (nth, most)) in steps_read.iter().zip(read) {
        assert_eq!(*done, nth);
        assert!(*total >= Some(*done) && *total <= most, "{total:?}");
    }
    assert_eq!(steps_read.last(), Some(&(5, Some(5))));
    let applied = steps(&played, Phase::Apply);
    assert!(applied.iter().all(|(_, total)| *total == Some(objects)));
    assert!(applied.is_sorted(), "{applied:?}");
    assert_eq!(applied.first().map(|(done, _)| *done), Some(0));
    assert_eq!(applied.last().map(|(done, _)| *done), Some(objects));
    let distinct: std::collections::BTreeSet<_> = applied.iter().map(|(done, _)| *done).collect();
    // Blocks with their indexes, segments, the snapshot, the hint.
    assert_eq!(distinct.into_iter().collect::<Vec<_>>(), [0, 6, 9, 10, 11]);
}

#[test]
fn comparisons_count_as_progress_when_they_are_made() {
    let mut table = table(OLD, 2);
    table.store.bucket.foreign_etags = true;
    let blocks = table.keys_of(Class::Block);
    for block in &blocks {
        let written = table.written[&Key::from(block.as_str())].clone();
        table.put(block, written);
        // With a tag of its own now.
    }
    let options = table.options();
    let played = honest(&mut table, options);
    assert_eq!(
        (played.report.state, played.count(Operation::CopyObject)),
        (State::Complete, 0)
    );
    let total = played.report.objects.len() as u64;
    let compared = steps(&played, Phase::Compare);
    assert_eq!(compared, [(total - 2, Some(total)); 4]);
    assert_eq!(played.report.cost.bytes_read, played.bytes);
}

#[test]
fn what_cannot_be_compared_is_unknown() {
    for (cause, words) in [
        (
            broken(),
            "two of its versions could not be compared: ServiceIsOnFire; run again later",
        ),
        (
            busy(),
            "two of its versions could not be compared: unavailable (503 SlowDown); run again later",
        ),
    ] {
        let mut table = table(OLD, 1);
        table.store.bucket.foreign_etags = true;
        let block = table.keys_of(Class::Block).remove(0);
        let written = table.written[&Key::from(block.as_str())].clone();
        table.put(&block, written);
        let options = table.options();
        let played = play(&mut table, options, |_, request| {
            matches!(request, Request::Digest { .. }).then(|| refused(cause.clone()))
        });
        assert_eq!(played.said(&block), (&Decision::Unknown, words));
    }
}

#[test]
fn a_version_that_vanishes_before_it_is_compared_is_forgotten() {
    let mut table = table(OLD, 1);
    table.store.bucket.foreign_etags = true;
    let block = table.keys_of(Class::Block).remove(0);
    let written = table.written[&Key::from(block.as_str())].clone();
    table.put(&block, written.clone());
    table.put(&block, written);
    let top = table.store.bucket.history(&block)[0].version_id.to_string();
    let options = table.options();
    let mut once = true;
    let played = play(&mut table, options, |table, request| {
        if matches!(request, Request::Digest { .. }) && std::mem::take(&mut once) {
            let gone = table.store.bucket.delete(table.now, &block, Some(&top));
            gone.expect("a version can be deleted");
        }
        None
    });
    assert_eq!(played.said(&block).0, &Decision::Intact);
    assert_eq!(played.report.state, State::Complete);
    let digests = played.requests.iter();
    let digests = digests.filter(|request| matches!(request, Request::Digest { .. }));
    assert_eq!(
        digests.count(),
        3,
        "each of the three versions is read once"
    );
}

/// A table after a disaster in which every kind of write is needed.
fn mixed(page_size: u32) -> Table {
    let mut table = table(OLD, 3);
    let blocks = table.keys_of(Class::Block);
    table.put(&blocks[0], "garbage of another length");
    table.put(&blocks[1], "more garbage");
    let hint = table.commits[0].hint.clone();
    table.put(hint.as_str(), "no hint");
    table.purge(&blocks[2]);
    table.delete_all();
    for block in &blocks {
        table.delete(block);
    }
    table.store.bucket.page_size_max = page_size;
    table
}

#[test]
fn a_dry_run_tells_what_the_apply_then_costs() {
    for page_size in [3, 1000] {
        let mut table = mixed(page_size);
        let dry = Options {
            apply: false,
            ..table.options()
        };
        let planned = honest(&mut table, dry).report;
        let options = table.options();
        let played = honest(&mut table, options);
        assert_eq!(planned.requests, played.report.requests);
        assert_eq!(planned.cost, played.report.cost);
        let counted: u64 = planned.counts.values().sum();
        assert_eq!(counted, planned.objects.len() as u64);
        assert_eq!(planned.counts["copy-version"], 3);
        let sent: u64 = played.report.requests.values().sum();
        assert_eq!(sent, played.requests.len() as u64);
        assert_eq!(played.report.cost.bytes_read, played.bytes);
        let sizes = played.requests.iter().map(|request| match request {
            Request::Copy { size, .. } => *size,
            Request::Put { body, .. } => body.len() as u64,
            _ => 0,
        });
        assert_eq!(played.report.cost.bytes_copied, sizes.sum::<u64>());
        assert_eq!(played.report.requests[&Operation::CopyObject], 2);
        assert_eq!(played.report.requests[&Operation::PutObject], 1);
        assert_eq!(
            (played.report.state, planned.state),
            (State::Partial, State::Partial)
        );
    }
}

#[test]
fn a_dry_run_that_finds_nothing_to_do_plans_nothing() {
    let mut table = table(OLD, 1);
    let dry = Options {
        apply: false,
        ..table.options()
    };
    let played = honest(&mut table, dry);
    let sent: u64 = played.report.requests.values().sum();
    assert_eq!(sent, played.requests.len() as u64);
    assert!(played.report.requests.values().all(|count| *count > 0));
}

#[test]
fn what_is_lost_or_unknown_is_not_verified() {
    let mut table = table(OLD, 1);
    let segment = table.keys_of(Class::Segment).remove(0);
    table.put(&segment, "garbage");
    let options = table.options();
    let played = play(&mut table, options, |_, request| {
        writes(request, &segment).then(|| refused(broken()))
    });
    for object in &played.report.objects {
        let is_metadata = matches!(object.class, Class::Hint | Class::Snapshot);
        let verified = if is_metadata {
            Verified::Content
        } else {
            Verified::Unverified
        };
        assert_eq!(object.verified, verified, "{object:?}");
    }
}

#[test]
fn the_exit_status_tells_lost_from_unknown() {
    let mut table = table(OLD, 2);
    let segment = table.keys_of(Class::Segment).remove(0);
    let bloom = table.keys_of(Class::BloomIndex).remove(1);
    table.purge(&bloom);
    let options = table.options();
    let played = play(&mut table, options.clone(), |_, request| {
        reads(request, &segment).then(|| refused(broken()))
    });
    let lost = played
        .report
        .objects
        .iter()
        .filter(|object| object.decision == Decision::Lost);
    assert!(lost.count() <= 1);
    assert_eq!(played.report.exit_status(), 3);
    assert_eq!(
        honest(&mut table, options).report.exit_status(),
        0,
        "only an index is lost"
    );
}

#[test]
fn snapshots_come_back_from_the_oldest_to_the_chosen_one_and_the_hint_last() {
    for flavour in [OLD, NEW] {
        let mut table = Table::usual(flavour);
        table.delete_all();
        let options = Options {
            history: true,
            ..table.options()
        };
        let played = honest(&mut table, options);
        assert_eq!(played.report.state, State::Complete, "{:#?}", played.report);
        let batch_of = |key: &Key| {
            let batches = played.requests.iter().map(keys_of);
            let mut batches = batches.filter(|keys| !keys.is_empty());
            batches
                .position(|keys| keys.contains(key))
                .expect("it was published")
        };
        let commits = &table.commits;
        let snapshots: Vec<_> = commits
            .iter()
            .map(|commit| batch_of(&commit.snapshot))
            .collect();
        assert_eq!(snapshots[0], snapshots[1]);
        assert!(snapshots[1] < snapshots[2]);
        assert!(snapshots[2] < batch_of(&commits[2].hint));
        for segment in table.keys_of(Class::Segment) {
            assert!(batch_of(&Key::from(segment)) < snapshots[0]);
        }
    }
}

#[test]
fn a_bucket_that_does_not_answer_is_told_from_one_that_refuses() {
    let versioning = |request: &Request| matches!(request, Request::GetVersioning);
    let listing = |request: &Request| matches!(request, Request::ListVersions { .. });
    type Asked = fn(&Request) -> bool;
    let unreachable = "the bucket could not be reached: unavailable (503 SlowDown); check the endpoint and try again, nothing was changed";
    let absent =
        "there is no such bucket at this endpoint: check its name, the endpoint and the region";
    let cases: [(Asked, Cause, &str); 7] = [
        (versioning, busy(), unreachable),
        (versioning, Cause::NoSuchBucket, absent),
        (listing, busy(), unreachable),
        (listing, Cause::NoSuchBucket, absent),
        (listing, Cause::NotFound, absent),
        (
            listing,
            Cause::Denied("AccessDenied".into()),
            "listing the versions under fs/9/16/ was denied (AccessDenied): allow s3:ListBucketVersions, or use other credentials; nothing was changed",
        ),
        (
            listing,
            broken(),
            "the versions under fs/9/16/ could not be listed: ServiceIsOnFire",
        ),
    ];
    for (asked, cause, wanted) in cases {
        let mut table = table(OLD, 1);
        table.delete_all();
        let options = table.options();
        let played = play(&mut table, options, |_, request| {
            asked(request).then(|| refused(cause.clone()))
        });
        let report = &played.report;
        assert_eq!(
            (report.state, report.exit_status()),
            (State::Refused, 3),
            "{cause}"
        );
        let words: Vec<_> = report
            .refusal
            .as_deref()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        assert_eq!(words.join(" "), wanted);
        assert_eq!(report.objects, []);
        assert!(played.requests.iter().all(|request| !request.is_write()));
        let sent: u64 = report.requests.values().sum();
        assert_eq!(sent, played.requests.len() as u64);
    }
}

#[test]
fn who_may_not_ask_for_versioning_is_careful_and_says_so() {
    for cause in [Cause::Denied("AccessDenied".into()), broken()] {
        let mut table = table(OLD, 1);
        table.delete_all();
        let options = table.options();
        let played = play(&mut table, options, |_, request| {
            matches!(request, Request::GetVersioning).then(|| refused(cause.clone()))
        });
        assert_eq!(played.report.state, State::Complete);
        let words: Vec<_> = played.report.notes[0].split_whitespace().collect();
        assert_eq!(
            words.join(" "),
            format!(
                "whether versioning is enabled could not be asked ({cause}); where that matters it is taken to be suspended"
            )
        );
    }
}

#[test]
fn a_prefix_above_tables_names_up_to_five_of_them() {
    let named = |tables: u64| {
        let mut table = Table::of(TableSpec::new(OLD, 0, 0), Versioning::Enabled);
        for nth in 1..=tables {
            table.put(&format!("fs/9/{nth}/_ss/x_v4.mpk"), "x");
            table.put(&format!("fs/9/{nth}/last_snapshot_location_hint"), "x");
            table.put(&format!("fs/9/{nth}/_b/x"), "x");
        }
        let played = honest(&mut table, Options::new("fs/9/"));
        let refusal = played.report.refusal.expect("it is refused");
        refusal.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        named(0),
        "no fuse table is under fs/9/, nor any version or marker of one: name the prefix that ends in <db_id>/<table_id>/, or use --layout prefix for plain objects"
    );
    assert_eq!(
        named(1),
        "fs/9/ is not a table's own prefix, but fs/9/1/ below it is one: name that"
    );
    assert_eq!(
        named(5),
        "there are 5 tables under fs/9/: name one of fs/9/1/, fs/9/2/, fs/9/3/, fs/9/4/, fs/9/5/"
    );
    assert_eq!(
        named(6),
        "there are 6 tables under fs/9/: name one of fs/9/1/, fs/9/2/, fs/9/3/, fs/9/4/, fs/9/5/, …"
    );
}

#[test]
fn garbage_that_somebody_puts_on_the_hint_meanwhile_goes_again() {
    let mut table = table(OLD, 1);
    table.delete_all();
    let hint = table.commits[0].hint.clone();
    let options = table.options();
    let mut once = true;
    let played = play(&mut table, options, |table, request| {
        if writes(request, hint.as_str()) && std::mem::take(&mut once) {
            let reply = bucket(table, request);
            table.put(hint.as_str(), "no hint at all");
            return Some(reply);
        }
        None
    });
    assert_eq!(played.report.state, State::Complete, "{:#?}", played.report);
    table.assert_back(&[]);
    assert_eq!(played.count(Operation::PutObject), 1);
    assert_eq!(played.report.notes, Vec::<String>::new());
}

#[test]
fn the_right_hint_that_somebody_puts_back_meanwhile_is_no_commit() {
    let mut table = table(OLD, 1);
    table.delete_all();
    let hint = table.commits[0].hint.clone();
    let body = table.written[&hint].clone();
    let options = table.options();
    let mut once = true;
    let played = play(&mut table, options, |table, request| {
        if request.is_write() && std::mem::take(&mut once) {
            table.put(hint.as_str(), body.clone());
        }
        None
    });
    assert_eq!(played.report.state, State::Complete);
    assert_eq!(played.report.notes, Vec::<String>::new());
    table.assert_back(&[]);
}

#[test]
fn a_commit_made_meanwhile_stays_and_the_report_says_so_once() {
    let mut table = Table::usual(OLD);
    table.delete_all();
    let hint = table.commits[0].hint.clone();
    let options = table.options();
    let mut once = true;
    let played = play(&mut table, options, |table, request| {
        if request.is_write() && std::mem::take(&mut once) {
            table.commit(&Change::Insert {
                segments: vec![segment(1)],
            });
        }
        None
    });
    let (_, reason) = played.said(hint.as_str());
    assert_eq!(reason, "what somebody wrote to it meanwhile stays current");
    let note = format!("while this ran, somebody wrote {hint}: that stays current");
    assert_eq!(played.report.notes, [note]);
    assert_eq!(
        table.current(hint.as_str()),
        Some(table.written[&hint].clone())
    );
}

#[test]
fn what_somebody_put_on_the_hint_and_cannot_be_read_leaves_it_unknown() {
    for (cause, state) in [
        (broken(), State::Partial),
        (Cause::NotFound, State::Complete),
    ] {
        let mut table = table(OLD, 1);
        table.delete_all();
        let hint = table.commits[0].hint.clone();
        let options = table.options();
        let (mut once, mut gone) = (true, false);
        let played = play(&mut table, options, |table, request| {
            if writes(request, hint.as_str()) && std::mem::take(&mut once) {
                let reply = bucket(table, request);
                table.put(hint.as_str(), "no hint at all");
                return Some(reply);
            }
            if !once && reads(request, hint.as_str()) {
                if cause == Cause::NotFound && !std::mem::replace(&mut gone, true) {
                    let top = table.store.bucket.history(hint.as_str())[0]
                        .version_id
                        .clone();
                    let gone = table
                        .store
                        .bucket
                        .delete(table.now, hint.as_str(), Some(&*top));
                    gone.expect("a version can be deleted");
                }
                return Some(refused(cause.clone()));
            }
            None
        });
        assert_eq!(played.report.state, state, "{:#?}", played.report);
        if state == State::Partial {
            let why =
                "somebody wrote it meanwhile, and what they wrote could not be read; run again";
            assert_eq!(played.said(hint.as_str()), (&Decision::Unknown, why));
        } else {
            table.assert_back(&[]);
        }
    }
}
