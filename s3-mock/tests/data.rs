//! A server with a folder: what it held before it ended is what it holds when it starts again, whatever became
//! of the end of its log.
#![cfg(feature = "http")]

mod folder;

use std::fs;

use firedrill_s3_mock::http::{Data, DataError, Follower, Server};
use firedrill_s3_mock::{Bucket, PutOptions, Said, StorageClass, Time, Versioning};
use folder::{BUCKET, Folder, ask, log_of, records, served};
use proptest::prelude::*;

#[derive(Debug, Clone)]
struct Step {
    method: &'static str,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: String,
}

fn step(method: &'static str, target: &str, headers: &[(&'static str, &str)], body: &str) -> Step {
    let own = |(name, value): &(&'static str, &str)| (*name, (*value).to_owned());
    Step {
        method,
        target: format!("/{BUCKET}{target}"),
        headers: headers.iter().map(own).collect(),
        body: body.to_owned(),
    }
}

const KEYS: [&str; 4] = ["a", "a/b", "a/b%2Fc", "%C3%A9%0A"];

/// A version id as a request names it: of one that is there, `null`, or of none.
const VERSIONS: [&str; 3] = ["newest", "null", "elsewhere"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = || prop::sample::select(&KEYS[..]);
    let version = || prop::sample::select(&VERSIONS[..]);
    let versioning = |state: &str| {
        let xml =
            format!("<VersioningConfiguration><Status>{state}</Status></VersioningConfiguration>");
        step("PUT", "?versioning", &[], &xml)
    };
    let one = prop_oneof![
        6 => (key(), "[a-z]{0,9}").prop_map(|(key, body)| step("PUT", &format!("/{key}"), &[], &body)),
        2 => (key(), "[a-z]{1,9}").prop_map(|(key, body)| {
            let headers = [
                ("content-type", "text/plain"),
                ("x-amz-meta-of", "somebody"),
                ("x-amz-storage-class", "GLACIER"),
            ];
            step("PUT", &format!("/{key}"), &headers, &body)
        }),
        2 => (key(), version()).prop_map(|(key, version)| {
            step("POST", &format!("/{key}?restore&versionId={version}"), &[], "<RestoreRequest><Days>1</Days></RestoreRequest>")
        }),
        1 => key().prop_map(|key| step("PUT", &format!("/{key}"), &[("if-none-match", "*")], "new")),
        2 => (key(), key()).prop_map(|(from, to)| {
            let source = format!("/{BUCKET}/{from}");
            step("PUT", &format!("/{to}"), &[("x-amz-copy-source", &source)], "")
        }),
        4 => key().prop_map(|key| step("DELETE", &format!("/{key}"), &[], "")),
        3 => (key(), version()).prop_map(|(key, version)| {
            step("DELETE", &format!("/{key}?versionId={version}"), &[], "")
        }),
        2 => Just(step("POST", "?delete", &[], "<Delete><Object><Key>a</Key></Object><Object><Key>a/b</Key></Object></Delete>")),
        1 => Just(versioning("Enabled")),
        1 => Just(versioning("Suspended")),
    ];
    prop::collection::vec(one, 1..25)
}

/// Sends a step; the word `newest` stands for the id of the key's newest entry.
fn take(folder: &Folder, server: &firedrill_s3_mock::http::Service, step: &Step) {
    let newest = server.bucket(BUCKET, |bucket| {
        let keys: Vec<String> = bucket.keys().map(str::to_owned).collect();
        let entry = keys.iter().flat_map(|key| bucket.history(key)).next();
        entry.map(|entry| entry.version_id)
    });
    let newest = newest.flatten().unwrap_or_else(|| "none".into());
    let target = step.target.replace("newest", &newest);
    let answer = ask(
        folder,
        server,
        step.method,
        &target,
        &step.headers,
        &step.body,
    );
    assert!(answer.0 < 500, "{step:?}: {answer:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 24,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(8),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_restart_changes_nothing(first in steps(), second in steps()) {
        let folder = Folder::new();
        for steps in [&first, &second] {
            let server = served(&folder);
            for step in steps {
                take(&folder, &server, step);
            }
            let before = server.bucket(BUCKET, |bucket| bucket.clone()).expect("it is there");
            drop(server);
            let data = Data::open(folder.path()).expect("the log is sound");
            prop_assert_eq!(data.notice(), None);
            prop_assert_eq!(data.bucket(BUCKET), Some(&before));
        }
    }
}

#[test]
fn what_is_done_behind_the_api_is_kept_as_well() {
    let folder = Folder::new();
    let server = served(&folder);
    server.bucket(BUCKET, |bucket| {
        bucket.page_size_max = 2;
        bucket.foreign_etags = true;
        let put = bucket.put(Time(5), "k", "body".into(), &PutOptions::default());
        let id = put.expect("a put").version_id.expect("it is versioned");
        let moved = bucket.set_storage_class("k", &id, StorageClass::DeepArchive);
        moved.expect("the version is there");
    });
    drop(server);
    let data = Data::open(folder.path()).expect("the log is sound");
    let bucket = data.bucket(BUCKET).expect("it is there");
    assert_eq!(bucket.page_size_max, 2);
    assert!(bucket.foreign_etags);
    let shown = format!("{:?}", bucket.history("k"));
    assert!(shown.contains("DeepArchive"), "{shown}");
}

#[test]
fn an_upload_goes_on_after_a_restart_and_ends_once() {
    let folder = Folder::new();
    let server = served(&folder);
    let send = |server: &_, method, target: &str, body: &str| {
        ask(
            &folder,
            server,
            method,
            &format!("/{BUCKET}/{target}"),
            &[],
            body,
        )
    };
    let begun = send(&server, "POST", "k?uploads", "");
    assert!(begun.1.contains("upload-1"), "{begun:?}");
    assert_eq!(
        send(&server, "PUT", "k?partNumber=1&uploadId=upload-1", "part").0,
        200
    );
    drop(server);

    let server = served(&folder);
    let parts = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>";
    assert_eq!(send(&server, "POST", "k?uploadId=upload-1", parts).0, 200);
    let second = send(&server, "POST", "l?uploads", "");
    assert!(second.1.contains("upload-2"), "{second:?}");
    assert_eq!(send(&server, "DELETE", "l?uploadId=upload-2", "").0, 204);
    drop(server);

    let server = served(&folder);
    assert_eq!(send(&server, "GET", "k", ""), (200, "part".to_owned()));
    assert_eq!(send(&server, "POST", "k?uploadId=upload-1", parts).0, 404);
    assert_eq!(send(&server, "DELETE", "l?uploadId=upload-2", "").0, 404);
    assert!(
        send(&server, "POST", "l?uploads", "")
            .1
            .contains("upload-3")
    );
}

#[test]
fn buckets_come_and_go_and_those_of_the_folder_stay_as_they_are() {
    let folder = Folder::new();
    let server = served(&folder);
    assert_eq!(ask(&folder, &server, "PUT", "/second", &[], "").0, 200);
    assert_eq!(ask(&folder, &server, "PUT", "/second/k", &[], "x").0, 200);
    assert_eq!(ask(&folder, &server, "PUT", "/third", &[], "").0, 200);
    assert_eq!(ask(&folder, &server, "DELETE", "/third", &[], "").0, 204);
    let before = server.bucket("second", |bucket| bucket.clone());
    let listed = ask(&folder, &server, "GET", "/", &[], "").1;
    drop(server);

    let data = Data::open(folder.path()).expect("the log is sound");
    assert!(!data.is_empty());
    let server = Server::builder()
        .bucket(BUCKET, Versioning::Off)
        .data(data)
        .build();
    assert_eq!(server.bucket_names(), [BUCKET, "second"]);
    let versioning = server.bucket(BUCKET, |bucket| bucket.versioning());
    assert_eq!(
        versioning,
        Some(Versioning::Enabled),
        "as the folder has it"
    );
    assert_eq!(server.bucket("second", |bucket| bucket.clone()), before);
    assert_eq!(ask(&folder, &server, "GET", "/", &[], "").1, listed);
}

#[test]
fn a_bucket_that_was_filled_elsewhere_goes_in_as_one_record() {
    let folder = Folder::new();
    let mut bucket = Bucket::new(Versioning::Enabled);
    for key in ["b", "a", "b"] {
        let put = bucket.put(Time(1), key, key.into(), &PutOptions::default());
        put.map(drop).expect("a put");
    }
    bucket.record_changes();
    let mut data = Data::open(folder.path()).expect("it is new");
    assert!(data.is_empty());
    data.insert(BUCKET, bucket.clone(), Time(0))
        .expect("there is room");
    assert_eq!(data.bucket(BUCKET), Some(&bucket));
    drop(data);
    assert_eq!(records(&log_of(&folder)).len(), 1);
    let data = Data::open(folder.path()).expect("the log is sound");
    assert_eq!(data.bucket(BUCKET), Some(&bucket));
}

#[test]
fn two_servers_cannot_have_one_folder() {
    let folder = Folder::new();
    let server = served(&folder);
    let second = Data::open(folder.path()).map(drop);
    assert!(matches!(second, Err(DataError::InUse { .. })), "{second:?}");
    drop(server);
    Data::open(folder.path())
        .map(drop)
        .expect("it is free again");
}

/// Three objects, one record each behind that of the bucket.
fn three_objects() -> (Folder, Vec<u8>, Vec<Bucket>) {
    let folder = Folder::new();
    let server = served(&folder);
    let mut states = Vec::new();
    for key in ["a", "b", "c"] {
        states.push(
            server
                .bucket(BUCKET, |bucket| bucket.clone())
                .expect("it is there"),
        );
        assert_eq!(
            ask(
                &folder,
                &server,
                "PUT",
                &format!("/{BUCKET}/{key}"),
                &[],
                key
            )
            .0,
            200
        );
    }
    states.push(
        server
            .bucket(BUCKET, |bucket| bucket.clone())
            .expect("it is there"),
    );
    drop(server);
    let log = log_of(&folder);
    assert_eq!(records(&log).len(), 4);
    (folder, log, states)
}

/// Opens the folder with this log: the bucket, and whether something was cut off.
fn open_with(folder: &Folder, log: &[u8]) -> Result<(Option<Bucket>, bool), DataError> {
    fs::write(folder.path().join("log"), log).expect("the folder can be written");
    let data = Data::open(folder.path())?;
    let cut = data.notice().is_some();
    Ok((data.bucket(BUCKET).cloned(), cut))
}

#[test]
fn an_end_that_is_torn_anywhere_is_cut_off_and_told() {
    let (folder, log, states) = three_objects();
    let last = *records(&log).last().expect("there are four");
    for end in last..log.len() {
        let (bucket, cut) = open_with(&folder, &log[..end]).expect("only the end is torn");
        assert_eq!(bucket.as_ref(), Some(&states[2]), "cut at {end}");
        assert_eq!(cut, end > last, "cut at {end}");
        assert_eq!(log_of(&folder), log[..last], "cut at {end}");
    }
    // Behind the cut the log goes on.
    open_with(&folder, &log[..log.len() - 1])
        .map(drop)
        .expect("only the end is torn");
    let server = served(&folder);
    assert_eq!(
        ask(&folder, &server, "PUT", &format!("/{BUCKET}/d"), &[], "d").0,
        200
    );
    drop(server);
    assert_eq!(records(&log_of(&folder)).len(), 4);
    let data = Data::open(folder.path()).expect("the log is sound");
    assert_eq!(data.notice(), None);
}

#[test]
fn a_first_write_that_was_torn_is_an_empty_folder() {
    let (folder, log, _) = three_objects();
    for end in 0..16 {
        let (bucket, cut) = open_with(&folder, &log[..end]).expect("nothing was answered yet");
        assert_eq!((bucket, cut), (None, false), "cut at {end}");
        assert_eq!(log_of(&folder), log[..16], "cut at {end}");
    }
}

#[test]
fn a_flipped_bit_in_the_last_record_is_cut_off_and_one_in_the_middle_is_refused() {
    let (folder, log, states) = three_objects();
    let starts = records(&log);
    for at in starts[2]..log.len() {
        for bit in 0..8 {
            let mut flipped = log.clone();
            flipped[at] ^= 1 << bit;
            let opened = open_with(&folder, &flipped);
            if at >= starts[3] {
                let (bucket, cut) = opened.expect("only the end is wrong");
                assert_eq!(
                    (bucket.as_ref(), cut),
                    (Some(&states[2]), true),
                    "bit {bit} of byte {at}"
                );
                continue;
            }
            let error = opened.expect_err("something sound follows");
            let DataError::Damaged { record, offset, .. } = &error else {
                panic!("bit {bit} of byte {at}: {error}");
            };
            assert_eq!(
                (*record, *offset),
                (3, starts[2] as u64),
                "bit {bit} of byte {at}"
            );
            assert_eq!(log_of(&folder), flipped, "a refusal changes nothing");
        }
    }
}

#[test]
fn a_refusal_says_what_to_do_and_that_works() {
    let (folder, log, states) = three_objects();
    let second = records(&log)[1];
    let mut flipped = log;
    flipped[second + 30] ^= 1;
    let error = open_with(&folder, &flipped).expect_err("something sound follows");
    let sentence = error.to_string();
    let path = folder.path().join("log");
    let advice = format!("truncate --size {second} {}", path.display());
    assert!(sentence.ends_with(&advice), "{sentence}");
    let (bucket, cut) = open_with(&folder, &flipped[..second]).expect("what is left is sound");
    assert_eq!((bucket.as_ref(), cut), (Some(&states[0]), false));
}

#[test]
fn a_record_that_is_gone_or_twice_there_is_noticed() {
    let (folder, log, _) = three_objects();
    let starts = records(&log);
    let without = [&log[..starts[2]], &log[starts[3]..]].concat();
    let error = open_with(&folder, &without).expect_err("the fourth record follows the second");
    assert!(
        matches!(error, DataError::Damaged { record: 3, .. }),
        "{error}"
    );
    let twice = [&log[..], &log[starts[3]..]].concat();
    let error = open_with(&folder, &twice).expect_err("the fourth record follows itself");
    assert!(
        matches!(error, DataError::Damaged { record: 5, .. }),
        "{error}"
    );
}

#[test]
fn other_files_and_later_versions_are_refused() {
    let (folder, log, _) = three_objects();
    let other = open_with(&folder, b"something else altogether").expect_err("it is no log");
    assert!(matches!(other, DataError::NotALog { .. }), "{other}");
    let mut flipped = log;
    flipped[8] ^= 1;
    let other = open_with(&folder, &flipped).expect_err("its head is damaged");
    assert!(matches!(other, DataError::NotALog { .. }), "{other}");
    let later = folder::of_version(2);
    let later = open_with(&folder, &later).expect_err("it is of a later release");
    assert!(
        matches!(later, DataError::Later { version: 2, .. }),
        "{later}"
    );
}

#[test]
fn a_follower_reads_along_while_the_server_writes() {
    let folder = Folder::new();
    let nobody = Follower::new(folder.path()).map(drop);
    assert!(matches!(nobody, Err(DataError::Unusable { .. })));
    let server = served(&folder);
    let mut follower = Follower::new(folder.path()).expect("the server made the log");
    follower.read_on().expect("the log is sound");
    assert_eq!(follower.read_on().expect("the log is sound"), [[]; 0]);
    let put = ask(
        &folder,
        &server,
        "PUT",
        &format!("/{BUCKET}/k"),
        &[],
        "body",
    );
    assert_eq!(put.0, 200);
    let deletion = "<Delete><Object><Key>k</Key></Object></Delete>";
    assert_eq!(
        ask(
            &folder,
            &server,
            "POST",
            &format!("/{BUCKET}?delete"),
            &[],
            deletion
        )
        .0,
        200
    );
    let records = follower.read_on().expect("the log is sound");
    let [put, marker] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!(put[0].0, BUCKET);
    let Said::Stored {
        key: "k",
        version: Some((found, _)),
        ..
    } = put[0].1.says()
    else {
        panic!("{put:?}");
    };
    assert_eq!(&found[..], b"body");
    let marked = marker[0].1.says();
    assert!(
        matches!(
            marked,
            Said::Stored {
                key: "k",
                version: None,
                ..
            }
        ),
        "{marked:?}"
    );
    let log = log_of(&folder);
    fs::write(folder.path().join("log"), &log[..log.len() - 1]).expect("it can be written");
    let shorter = follower.read_on();
    assert!(
        matches!(shorter, Err(DataError::Shorter { .. })),
        "{shorter:?}"
    );
}

#[test]
fn a_clock_that_ticks_by_itself_goes_on_behind_what_is_there() {
    let folder = Folder::new();
    let data = Data::open(folder.path()).expect("the folder can be used");
    let late = Time(4_102_444_800_000);
    let server = Server::builder()
        .bucket(BUCKET, Versioning::Enabled)
        .clock(move || late)
        .data(data)
        .build();
    let put = format!("/{BUCKET}/k");
    assert_eq!(ask(&folder, &server, "PUT", &put, &[], "x").0, 200);
    drop(server);
    let server = served(&folder);
    assert_eq!(ask(&folder, &server, "PUT", &put, &[], "x").0, 200);
    let history = server.bucket(BUCKET, |bucket| bucket.history("k"));
    let times = history.expect("the bucket is there").into_iter();
    let times: Vec<Time> = times.map(|entry| entry.last_modified).collect();
    assert!(times[0] > times[1], "{times:?}");
}
