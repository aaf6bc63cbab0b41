//! Random histories against an oracle that knows only the log of operations.
//!
//! M1: the listing's order. M2: pages cover each entry once, whatever their size. M3: what markers and null
//! versions do to reads, writes and deletes. With the feature `drill`, each planted bug must be noticed by
//! its property.

mod oracle;

use std::sync::Arc;

use bytes::Bytes;
use firedrill_s3_mock::{
    Bucket, Condition, CopySource, Error, GetOptions, ListObjects, ListVersions, ListedEntry,
    ListedKind, PutOptions, Time, Versioning,
};
use oracle::{Expected, Line, Log, Row, id_fits};
use proptest::prelude::*;

/// Prefixes of one another, groups that are keys, and the ends of UTF-8's order.
const KEYS: [&str; 8] = [
    "a",
    "a/",
    "a/1",
    "a/1/x",
    "a/2",
    "ab",
    "b/\u{10ffff}",
    "z\u{e9}/\u{d7ff}",
];

#[derive(Debug, Clone)]
enum Step {
    Put { key: usize, body: u8 },
    PutIfAbsent { key: usize, body: u8 },
    Copy { from: usize, pick: usize, to: usize },
    Delete { key: usize },
    RemoveVersion { key: usize, pick: usize },
    Version(Versioning),
    Wait { ms: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS.len();
    prop_oneof![
        6 => (key(), any::<u8>()).prop_map(|(key, body)| Step::Put { key, body }),
        2 => (key(), any::<u8>()).prop_map(|(key, body)| Step::PutIfAbsent { key, body }),
        2 => (key(), 0..4_usize, key()).prop_map(|(from, pick, to)| Step::Copy { from, pick, to }),
        5 => key().prop_map(|key| Step::Delete { key }),
        2 => (key(), 0..4_usize).prop_map(|(key, pick)| Step::RemoveVersion { key, pick }),
        1 => prop_oneof![
            2 => Just(Versioning::Enabled), 2 => Just(Versioning::Suspended), 1 => Just(Versioning::Off)
        ].prop_map(Step::Version),
        2 => (0..1500_i64).prop_map(|ms| Step::Wait { ms }),
    ]
}

fn history() -> impl Strategy<Value = (bool, Vec<Step>)> {
    (any::<bool>(), prop::collection::vec(step(), 1..40))
}

/// A property that does not hold, and how.
#[derive(Debug)]
struct Violation {
    property: &'static str,
    what: String,
}

fn agree<T: PartialEq + std::fmt::Debug>(
    property: &'static str,
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), Violation> {
    if found == expected {
        return Ok(());
    }
    Err(Violation {
        property,
        what: format!("{what}\n  found    {found:?}\n  expected {expected:?}"),
    })
}

struct World {
    bucket: Bucket,
    log: Log,
    now: Time,
}

impl World {
    fn stored(&mut self, key: &str, id: Option<Arc<str>>, body: Vec<u8>) -> Result<(), Violation> {
        let id = id.map_or_else(|| "null".to_owned(), |id| id.to_string());
        self.new_id("a write's version id", key, &id)?;
        self.log.0.push(Line::Stored {
            key: key.to_owned(),
            id,
            second: self.now.seconds(),
            body,
        });
        Ok(())
    }

    fn new_id(&self, what: &str, key: &str, id: &str) -> Result<(), Violation> {
        let fits = id_fits(id, self.bucket.versioning());
        let fresh = id == "null" || !self.log.ids(key).iter().any(|known| known == id);
        agree("M3", &format!("{what} {id}"), &(fits, fresh), &(true, true))
    }

    fn perform(&mut self, step: &Step) -> Result<(), Violation> {
        let now = self.now;
        match *step {
            Step::Wait { ms } => self.now.0 += ms,
            Step::Version(versioning) => {
                let refused =
                    versioning == Versioning::Off && self.bucket.versioning() != Versioning::Off;
                let answer = self.bucket.set_versioning(versioning);
                agree(
                    "M3",
                    "versioning never goes back to off",
                    &answer.is_err(),
                    &refused,
                )?;
            }
            Step::Put { key, body } => {
                let body = vec![body; usize::from(body % 5)];
                let put =
                    self.bucket
                        .put(now, KEYS[key], body.clone().into(), &PutOptions::default());
                let written = put.expect("a plain put is never refused");
                self.stored(KEYS[key], written.version_id, body)?;
            }
            Step::PutIfAbsent { key, body } => {
                let options = PutOptions {
                    condition: Some(Condition::IfNoneMatchAny),
                    ..Default::default()
                };
                let put = self.bucket.put(now, KEYS[key], vec![body].into(), &options);
                let current = self.log.history(KEYS[key]);
                let absent = current.first().is_none_or(|entry| entry.body.is_none());
                agree(
                    "M3",
                    "If-None-Match: * succeeds where nothing or a marker is current",
                    &put.is_ok(),
                    &absent,
                )?;
                if let Ok(written) = put {
                    self.stored(KEYS[key], written.version_id, vec![body])?;
                }
            }
            Step::Copy { from, pick, to } => self.copy(KEYS[from], pick, KEYS[to])?,
            Step::Delete { key } => self.delete(KEYS[key])?,
            Step::RemoveVersion { key, pick } => self.remove_version(KEYS[key], pick)?,
        }
        Ok(())
    }

    fn copy(&mut self, from: &str, pick: usize, to: &str) -> Result<(), Violation> {
        let ids = self.log.ids(from);
        let Some(id) = ids.get(pick % ids.len().max(1)) else {
            return Ok(());
        };
        let copied = self.bucket.copy(
            self.now,
            &CopySource::version(from, id),
            to,
            &PutOptions::default(),
        );
        let source = self
            .log
            .history(from)
            .into_iter()
            .find(|entry| entry.id == *id);
        match (source.map(|entry| entry.body), copied) {
            (Some(Some(body)), Ok(written)) => self.stored(to, written.version_id, body),
            (Some(None), Err(Error::CopyOfMarker)) | (None, Err(Error::NoSuchVersion)) => Ok(()),
            (source, copied) => agree(
                "M3",
                "a copy",
                &format!("{copied:?}"),
                &format!("of {source:?}"),
            ),
        }
    }

    fn delete(&mut self, key: &str) -> Result<(), Violation> {
        let deleted = self
            .bucket
            .delete(self.now, key, None)
            .expect("a delete is never refused");
        let key = key.to_owned();
        if self.bucket.versioning() == Versioning::Off {
            self.log.0.push(Line::Dropped { key });
            return agree(
                "M3",
                "a delete without versioning makes no marker",
                &deleted.marker,
                &None,
            );
        }
        let id = deleted.marker.unwrap_or_default().to_string();
        self.new_id("a marker's id", &key, &id)?;
        let second = self.now.seconds();
        self.log.0.push(Line::Marked { key, id, second });
        Ok(())
    }

    fn remove_version(&mut self, key: &str, pick: usize) -> Result<(), Violation> {
        let ids = self.log.ids(key);
        let Some(id) = ids.get(pick % ids.len().max(1)) else {
            return Ok(());
        };
        let deleted = self
            .bucket
            .delete(self.now, key, Some(id))
            .expect("never refused");
        let gone = self
            .log
            .history(key)
            .into_iter()
            .find(|entry| entry.id == *id);
        let marker = gone
            .filter(|entry| entry.body.is_none())
            .map(|entry| entry.id.into());
        agree(
            "M3",
            "the id of a removed marker is told",
            &deleted.marker,
            &marker,
        )?;
        self.log.0.push(Line::Removed {
            key: key.to_owned(),
            id: id.clone(),
        });
        Ok(())
    }
}

/// Whether the bucket's listing entry is what the oracle expects, all of it.
fn same(entry: &ListedEntry, expected: &Expected) -> bool {
    let size = match &entry.kind {
        ListedKind::Version { size, .. } => Some(*size),
        ListedKind::Marker => None,
    };
    *entry.key == *expected.key
        && *entry.version_id == *expected.id
        && entry.is_latest == expected.is_latest
        && entry.last_modified == Time(expected.second * 1000)
        && size == expected.body.as_ref().map(|body| body.len() as u64)
}

fn in_order(entries: &[ListedEntry], expected: &[Expected]) -> bool {
    entries.len() == expected.len() && entries.iter().zip(expected).all(|(e, x)| same(e, x))
}

/// Reads all pages. Stops when there are more than could be right.
fn all_pages(bucket: &Bucket, request: &ListVersions, rows_max: usize) -> Vec<(String, String)> {
    let mut request = request.clone();
    let mut seen = Vec::new();
    loop {
        let page = bucket.list_versions(&request);
        let entries = page
            .entries
            .into_iter()
            .map(|entry| (entry.key.to_string(), entry.version_id.to_string()));
        let groups = page
            .common_prefixes
            .into_iter()
            .map(|group| (group, "(group)".to_owned()));
        let mut rows: Vec<_> = entries.chain(groups).collect();
        // S3 answers groups apart from entries; by key they fall into place. Stable: versions stay in order.
        rows.sort_by(|left, right| left.0.as_bytes().cmp(right.0.as_bytes()));
        seen.extend(rows);
        if !page.truncated || seen.len() > rows_max {
            return seen;
        }
        request.key_marker = page.next_key_marker;
        request.version_id_marker = page.next_version_id_marker;
    }
}

fn check_listing(world: &World) -> Result<(), Violation> {
    let expected = world.log.listing();
    let page = world.bucket.list_versions(&ListVersions::default());
    // What is there at all is M3; in which order is M1.
    let mut found_ids: Vec<_> = page
        .entries
        .iter()
        .map(|e| (&*e.key, &*e.version_id))
        .collect();
    let mut expected_ids: Vec<_> = expected.iter().map(|e| (&*e.key, &*e.id)).collect();
    found_ids.sort();
    expected_ids.sort();
    agree(
        "M3",
        "the entries that are there",
        &found_ids,
        &expected_ids,
    )?;
    if !in_order(&page.entries, &expected) {
        let what = format!(
            "the listing\n  found    {:?}\n  expected {expected:?}",
            page.entries
        );
        return Err(Violation {
            property: "M1",
            what,
        });
    }
    Ok(())
}

fn check_pages(world: &World) -> Result<(), Violation> {
    for (prefix, delimiter) in [
        ("", None),
        ("a", None),
        ("", Some("/")),
        ("a/", Some("/")),
        ("a", Some("/1")),
    ] {
        let rows = world.log.rows(prefix, delimiter);
        let expected: Vec<(String, String)> = rows
            .into_iter()
            .map(|row| match row {
                Row::Entry(entry) => (entry.key, entry.id),
                Row::Group(group) => (group, "(group)".to_owned()),
            })
            .collect();
        for max_keys in 1..=(expected.len() as u32 + 1) {
            let request = ListVersions {
                prefix: prefix.to_owned(),
                delimiter: delimiter.map(str::to_owned),
                max_keys,
                ..Default::default()
            };
            let found = all_pages(&world.bucket, &request, expected.len());
            agree(
                "M2",
                &format!("pages of {max_keys}, prefix {prefix:?}, {delimiter:?}"),
                &found,
                &expected,
            )?;
        }
    }
    Ok(())
}

fn check_objects(world: &World) -> Result<(), Violation> {
    let visible = |entry: &Expected| entry.is_latest && entry.body.is_some();
    let expected: Vec<String> = world
        .log
        .listing()
        .into_iter()
        .filter(visible)
        .map(|entry| entry.key)
        .collect();
    for max_keys in 1..=(expected.len() as u32 + 1) {
        let mut request = ListObjects {
            max_keys,
            ..Default::default()
        };
        let mut found = Vec::new();
        loop {
            let page = world.bucket.list_objects(&request);
            found.extend(page.entries.iter().map(|entry| entry.key.to_string()));
            if !page.truncated || found.len() > expected.len() {
                break;
            }
            request.after = page.next;
        }
        agree(
            "M2",
            &format!("objects in pages of {max_keys}"),
            &found,
            &expected,
        )?;
    }
    Ok(())
}

fn check_reads(world: &World) -> Result<(), Violation> {
    let read = |key: &str, id: Option<&str>| {
        let object = world.bucket.get(key, id, &GetOptions::default());
        object.map(|object| object.body)
    };
    for key in KEYS {
        let history = world.log.history(key);
        let current = match history.first() {
            None => Err(Error::NoSuchKey { marker: None }),
            Some(Expected {
                body: Some(body), ..
            }) => Ok(Bytes::from(body.clone())),
            Some(entry) => Err(Error::NoSuchKey {
                marker: Some(entry.id.clone()),
            }),
        };
        agree("M3", &format!("GET {key}"), &read(key, None), &current)?;
        for id in world.log.ids(key) {
            let there = history.iter().find(|entry| entry.id == id);
            let expected = match there.map(|entry| (&entry.body, entry.second)) {
                None => Err(Error::NoSuchVersion),
                Some((Some(body), _)) => Ok(Bytes::from(body.clone())),
                Some((None, second)) => Err(Error::MarkerNotReadable {
                    version_id: id.clone(),
                    last_modified: Time(second * 1000),
                }),
            };
            agree(
                "M3",
                &format!("GET {key}?versionId={id}"),
                &read(key, Some(&id)),
                &expected,
            )?;
        }
    }
    Ok(())
}

fn check((suspended_first, steps): &(bool, Vec<Step>)) -> Result<(), Violation> {
    let start = if *suspended_first {
        Versioning::Off
    } else {
        Versioning::Enabled
    };
    let mut world = World {
        bucket: Bucket::new(start),
        log: Log::default(),
        now: Time(1_700_000_000_000),
    };
    for step in steps {
        world.perform(step)?;
    }
    check_listing(&world)?;
    check_pages(&world)?;
    check_objects(&world)?;
    check_reads(&world)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        rng_seed: proptest::test_runner::RngSeed::Fixed(20),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config(400))]
    #[test]
    fn the_bucket_agrees_with_the_log(history in history()) {
        if let Err(violation) = check(&history) {
            prop_assert!(false, "{}: {}", violation.property, violation.what);
        }
    }
}

/// Looks for a history in which the active bug shows, and answers the properties that noticed it.
#[cfg(feature = "drill")]
fn properties_that_notice(bug: &'static str) -> std::collections::BTreeSet<&'static str> {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::new(config(300));
    let mut noticed = std::collections::BTreeSet::new();
    for _ in 0..300 {
        let history = history()
            .new_tree(&mut runner)
            .expect("a history can always be made")
            .current();
        firedrill_s3_mock::drill::activate(Some(bug));
        let violation = check(&history);
        firedrill_s3_mock::drill::activate(None);
        if let Err(violation) = violation {
            noticed.insert(violation.property);
            check(&history).expect("without the bug the same history is right");
        }
    }
    noticed
}

#[cfg(feature = "drill")]
#[test]
fn each_planted_bug_is_noticed_by_its_property() {
    for (bug, property) in [("MK-01", "M1"), ("MK-02", "M2"), ("MK-03", "M3")] {
        let noticed = properties_that_notice(bug);
        assert!(
            noticed.contains(property),
            "{bug} was noticed by {noticed:?}, not by {property}"
        );
    }
}
