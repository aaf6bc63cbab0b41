//! How the machine goes about its requests: the window, sending again, looking before acting again, giving up.

mod play;

use firedrill_core::amend::{Amend, Class, Decision, Effect, Event, Options, State};
use firedrill_core::machine::{Duration, Instant, Machine};
use firedrill_core::object::{Answer, Cause, Operation, Request};
use firedrill_sim::fixture::Table;
use firedrill_sim::fuse::Flavour;
use play::{Played, broken, bucket, busy, keys_of, play, reads, refused, table, unclear, writes};

const OLD: Flavour = Flavour::V1_2_453;

fn honest(table: &mut Table, options: Options) -> Played {
    play(table, options, |_, _| None)
}

/// A small table, and its only block, which was deleted.
fn without_its_block() -> (Table, String) {
    let mut table = table(OLD, 1);
    let block = table.keys_of(Class::Block).remove(0);
    table.delete(&block);
    (table, block)
}

#[test]
fn the_window_is_used_and_never_exceeded() {
    for window in [0, 1, 3, 16] {
        let mut table = table(OLD, 20);
        table.delete_all();
        let options = Options {
            window,
            ..table.options()
        };
        let played = honest(&mut table, options);
        assert_eq!(played.in_flight_max, window.max(1));
        assert_eq!(played.report.state, State::Complete);
    }
}

#[test]
fn what_fails_for_a_while_is_sent_eight_times_at_growing_distances() {
    let mut table = table(OLD, 1);
    let segment = table.keys_of(Class::Segment).remove(0);
    let options = table.options();
    for passing in [
        busy(),
        Cause::Timeout,
        Cause::Connection("reset".into()),
        Cause::BodyCut,
    ] {
        let mut left = 7;
        let played = play(&mut table, options.clone(), |_, request| {
            if !reads(request, &segment) || left == 0 {
                return None;
            }
            left -= 1;
            Some(unclear(passing.clone()))
        });
        let milliseconds = [100, 200, 400, 800, 1600, 3200, 6400];
        assert_eq!(played.timers, milliseconds.map(Duration::from_millis));
        assert_eq!(played.report.state, State::Complete);
    }

    let played = play(&mut table, options, |_, request| {
        reads(request, &segment).then(|| refused(busy()))
    });
    let asked = played.requests.iter();
    assert_eq!(asked.filter(|request| reads(request, &segment)).count(), 8);
    assert_eq!(played.timers.len(), 7);
    let why = "it could not be read (unavailable (503 SlowDown)), so nothing below it could be looked at: run again later";
    assert_eq!(played.said(&segment), (&Decision::Unknown, why));
}

#[test]
fn what_no_repetition_mends_is_sent_once() {
    let reasons = [
        (
            Cause::Denied("AccessDenied".into()),
            "reading it was denied (AccessDenied), so nothing below it could be looked at: allow s3:GetObjectVersion, then run again",
        ),
        (
            broken(),
            "it could not be read (ServiceIsOnFire), so nothing below it could be looked at",
        ),
        (
            Cause::Archived,
            "it is archived and cannot be read: restore it from the archive (RestoreObject with its version id), then run again",
        ),
    ];
    for (cause, wanted) in reasons {
        let mut table = table(OLD, 1);
        let segment = table.keys_of(Class::Segment).remove(0);
        let options = table.options();
        let played = play(&mut table, options, |_, request| {
            reads(request, &segment).then(|| refused(cause.clone()))
        });
        let asked = played.requests.iter();
        assert_eq!(asked.filter(|request| reads(request, &segment)).count(), 1);
        assert!(played.timers.is_empty());
        let (decision, reason) = played.said(&segment);
        assert_eq!(*decision, Decision::Unknown);
        let words: Vec<_> = reason.split_whitespace().collect();
        assert_eq!(words.join(" "), wanted);
        assert_eq!(
            (played.report.state, played.report.exit_status()),
            (State::Partial, 3)
        );
    }
}

/// Makes the first write of a key end like this, and answers what was asked for from then on.
fn after_a_write_that_ended(cause: &Cause, determinate: bool, copies: bool) -> Vec<Operation> {
    let mut table = table(OLD, 1);
    let block = table.keys_of(Class::Block).remove(0);
    if copies {
        table.put(&block, "garbage of another length");
    } else {
        table.delete(&block);
    }
    let options = table.options();
    let mut first = true;
    let played = play(&mut table, options, |_, request| {
        if !writes(request, &block) || !std::mem::take(&mut first) {
            return None;
        }
        Some(match determinate {
            true => refused(cause.clone()),
            false => unclear(cause.clone()),
        })
    });
    assert_eq!(played.report.state, State::Complete, "{:#?}", played.report);
    table.assert_back(&[]);
    let at = played.requests.iter().position(Request::is_write);
    let at = at.expect("there is something to write");
    played.operations().split_off(at)
}

#[test]
fn a_write_that_may_have_happened_is_looked_after_and_not_repeated() {
    use Operation::{CopyObject, DeleteObjects, ListObjectVersions};
    for cause in [busy(), Cause::Timeout, Cause::Connection("reset".into())] {
        let copied = after_a_write_that_ended(&cause, false, true);
        assert_eq!(
            copied,
            [
                CopyObject,
                ListObjectVersions,
                CopyObject,
                ListObjectVersions
            ]
        );
        let removed = after_a_write_that_ended(&cause, false, false);
        assert_eq!(
            removed,
            [
                DeleteObjects,
                ListObjectVersions,
                DeleteObjects,
                ListObjectVersions
            ]
        );
    }
}

#[test]
fn a_write_that_did_not_happen_is_sent_again_without_a_look() {
    use Operation::{CopyObject, ListObjectVersions};
    let sent = after_a_write_that_ended(&busy(), true, true);
    assert_eq!(sent, [CopyObject, CopyObject, ListObjectVersions]);
}

#[test]
fn a_write_that_failed_for_good_is_given_up() {
    for copies in [true, false] {
        let mut table = table(OLD, 1);
        let block = table.keys_of(Class::Block).remove(0);
        if copies {
            table.put(&block, "garbage of another length");
        } else {
            table.delete(&block);
            table.delete(&block);
        }
        let options = table.options();
        let played = play(&mut table, options, |_, request| {
            writes(request, &block).then(|| refused(broken()))
        });
        let sent = played.requests.iter();
        assert_eq!(sent.filter(|request| writes(request, &block)).count(), 1);
        let why = "writing it failed: ServiceIsOnFire; run again later";
        assert_eq!(played.said(&block), (&Decision::Unknown, why));
        assert_eq!(played.report.exit_status(), 3);
    }
}

#[test]
fn a_key_is_written_six_times_and_then_given_up() {
    let mut table = table(OLD, 1);
    let block = table.keys_of(Class::Block).remove(0);
    table.put(&block, "garbage of another length");
    let options = table.options();
    let played = play(&mut table, options, |_, request| {
        writes(request, &block).then(|| refused(Cause::PreconditionFailed))
    });
    assert_eq!(played.count(Operation::CopyObject), 6);
    let why = "it was written several times and is still not current; run again later";
    assert_eq!(played.said(&block), (&Decision::Unknown, why));
}

#[test]
fn what_somebody_undoes_is_done_three_times_more() {
    let (mut table, block) = without_its_block();
    let options = table.options();
    let mut written = false;
    let played = play(&mut table, options, |table, request| {
        match request {
            Request::ListVersions { .. } if written => table.delete(&block),
            _ => written |= request.is_write(),
        }
        None
    });
    assert_eq!(played.count(Operation::DeleteObjects), 4);
    let why = "after three rounds somebody still undoes it; run again later";
    assert_eq!(played.said(&block), (&Decision::Unknown, why));
}

#[test]
fn what_could_not_be_listed_again_is_unknown() {
    let (mut table, block) = without_its_block();
    let options = table.options();
    let mut written = false;
    let played = play(&mut table, options.clone(), |_, request| {
        written |= request.is_write();
        let lists = matches!(request, Request::ListVersions { .. });
        (lists && written).then(|| refused(broken()))
    });
    assert_eq!(played.count(Operation::DeleteObjects), 1);
    let why = "it was written, but listing it again failed: ServiceIsOnFire; run again later";
    assert_eq!(played.said(&block), (&Decision::Unknown, why));

    table.delete(&block);
    let mut written = false;
    let played = play(&mut table, options, |_, request| {
        if request.is_write() {
            written = true;
            return Some(unclear(Cause::Timeout));
        }
        let lists = matches!(request, Request::ListVersions { .. });
        (lists && written).then(|| refused(broken()))
    });
    let why = "what became of writing it could not be looked up: ServiceIsOnFire; run again later";
    assert_eq!(played.said(&block), (&Decision::Unknown, why));
}

#[test]
fn a_look_lists_its_range_and_no_more() {
    let mut table = table(OLD, 4);
    let block = table.keys_of(Class::Block).remove(1);
    table.delete(&block);
    table.store.bucket.page_size_max = 1;
    let options = table.options();
    let (mut first, mut asked, mut written) = (true, Vec::new(), 0);
    let played = play(&mut table, options, |_, request| {
        written += u64::from(request.is_write());
        if let Request::ListVersions { after, .. } = request
            && written == 1
        {
            asked.push(after.clone());
        }
        (writes(request, &block) && std::mem::take(&mut first)).then(|| unclear(Cause::Timeout))
    });
    assert_eq!(played.report.state, State::Complete);
    // The marker, the version, and the page behind them.
    assert_eq!(asked.len(), 3);
    let before = asked[0].as_ref().expect("another key stands before");
    assert!(before.key.as_str() < block.as_str() && before.version.is_none());
    assert_eq!(
        asked[1].as_ref().map(|cursor| cursor.key.as_str()),
        Some(&*block)
    );
}

#[test]
fn a_look_at_one_key_leaves_its_neighbour_as_it_was() {
    let mut table = table(OLD, 2);
    let blocks = table.keys_of(Class::Block);
    blocks.iter().for_each(|block| table.delete(block));
    let options = table.options();
    let mut first = true;
    let played = play(&mut table, options, |_, request| {
        if keys_of(request).len() != 2 || !std::mem::take(&mut first) {
            return None;
        }
        let denied = Err(Cause::Denied("AccessDenied".into()));
        Some(Ok(Answer::Removed(vec![denied, Err(busy())])))
    });
    assert_eq!(played.report.state, State::Complete, "{:#?}", played.report);
    assert_eq!(played.count(Operation::CopyObject), 1);
    table.assert_back(&[]);
}

#[test]
fn two_writes_that_end_unclear_are_looked_after_each() {
    let mut table = table(OLD, 2);
    let blocks = table.keys_of(Class::Block);
    for block in &blocks {
        table.put(block, "garbage of another length");
    }
    let options = table.options();
    let played = play(&mut table, options, |table, request| {
        let copies = matches!(request, Request::Copy { .. });
        copies
            .then(|| bucket(table, request))
            .map(|_| unclear(Cause::Timeout))
    });
    assert_eq!(played.report.state, State::Complete, "{:#?}", played.report);
    assert_eq!(played.count(Operation::CopyObject), 2);
    table.assert_back(&[]);
}

#[test]
fn a_body_of_another_length_is_a_body_cut_short() {
    for longer in [false, true] {
        let mut table = table(OLD, 1);
        let segment = table.keys_of(Class::Segment).remove(0);
        let options = table.options();
        let mut wrong = 2;
        let played = play(&mut table, options, |table, request| {
            if !reads(request, &segment) || wrong == 0 {
                return None;
            }
            wrong -= 1;
            let Ok(Answer::Body(body)) = bucket(table, request) else {
                panic!("the segment can be read");
            };
            let other = if longer {
                [&body[..], b"x"].concat()
            } else {
                body[..body.len() - 1].to_vec()
            };
            Some(Ok(Answer::Body(other.into())))
        });
        assert_eq!(
            (played.report.state, played.timers.len()),
            (State::Complete, 2)
        );
        assert_eq!(played.report.cost.bytes_read, played.bytes);
    }
}

#[test]
fn markers_go_in_batches_and_those_of_one_key_in_one() {
    for (deletions, batches) in [(1, vec![1000, 1]), (3, vec![999, 999, 999, 6])] {
        let mut table = Table::new(OLD, firedrill_s3_mock::Versioning::Enabled);
        for nth in 0..1001 {
            let key = format!("fs/9/16/{nth:04}");
            table.put(&key, "body");
            (0..deletions).for_each(|_| table.delete(&key));
        }
        let options = Options {
            layout: firedrill_core::amend::Layout::Prefix,
            ..table.options()
        };
        let played = honest(&mut table, options);
        assert_eq!(played.report.state, State::Complete);
        let removals: Vec<_> = played.requests.iter().map(keys_of).collect();
        let sizes: Vec<_> = removals
            .iter()
            .map(Vec::len)
            .filter(|size| *size > 0)
            .collect();
        assert_eq!(sizes, batches);
        let mut distinct: Vec<_> = removals
            .into_iter()
            .flat_map(|mut keys| {
                keys.dedup();
                keys
            })
            .collect();
        distinct.dedup();
        assert_eq!(distinct.len(), 1001, "no key is in two batches");
    }
}

#[test]
fn more_markers_than_one_request_holds_are_removed_in_two() {
    let mut table = table(OLD, 1);
    let block = table.keys_of(Class::Block).remove(0);
    (0..1003).for_each(|_| table.delete(&block));
    let options = table.options();
    let played = honest(&mut table, options);
    assert_eq!(played.report.state, State::Complete, "{:#?}", played.report);
    let sizes = played.requests.iter().map(|request| keys_of(request).len());
    let sizes: Vec<_> = sizes.filter(|size| *size > 0).collect();
    assert_eq!(sizes, [1000, 3]);
}

#[test]
fn who_is_told_to_stop_sends_nothing_more_and_waits_for_what_is_under_way() {
    let deleted = || {
        let mut table = table(OLD, 6);
        table.delete_all();
        table
    };
    let mut table = deleted();
    let options = table.options();
    let whole = honest(&mut table, options).requests.len();
    for stop_after in 1..whole {
        let mut table = deleted();
        let mut machine = Amend::new(Options {
            window: 3,
            ..table.options()
        });
        let mut events = std::collections::VecDeque::from([Event::Start]);
        let (mut sent, mut stopped, mut in_flight) = (0, false, 0);
        let report = 'played: loop {
            let event = events.pop_front().expect("it waits for what is in flight");
            in_flight -= i32::from(matches!(event, Event::Reply { .. }));
            let mut out = Vec::new();
            machine.step(Instant::START, event, &mut out);
            for effect in out {
                match effect {
                    Effect::Request { id, request } => {
                        assert!(!stopped, "a request followed the interrupt");
                        sent += 1;
                        in_flight += 1;
                        let fails = sent % 3 == 0 && !request.is_write();
                        let reply = match fails {
                            true => refused(busy()),
                            false => bucket(&mut table, &request),
                        };
                        events.push_back(Event::Reply { id, reply });
                    }
                    Effect::Timer { id, .. } => {
                        assert!(!stopped, "a timer followed the interrupt");
                        events.push_back(Event::Timer { id });
                    }
                    Effect::Progress(_) => {}
                    Effect::Done(report) => break 'played report,
                }
            }
            if sent >= stop_after && !stopped {
                stopped = true;
                events.push_front(Event::Interrupt);
            }
        };
        if stopped {
            assert_eq!(
                (report.state, report.exit_status()),
                (State::Interrupted, 130)
            );
        }
        assert_eq!(in_flight, 0, "it ended with requests under way");
    }
}
