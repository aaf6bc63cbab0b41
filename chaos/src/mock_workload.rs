//! Random operations on a bucket of their own, whose listings are compared with the log: M1 to M3.
//!
//! Few keys, one second, small pages: most listings end inside a key's history.

use bytes::Bytes;
use firedrill_core::object::{Cursor, Entry, Key, VersionId, Versioning};
use firedrill_s3_mock as mock;
use firedrill_s3_mock::{Bucket, ListVersions, PutOptions, Time};
use firedrill_sim::draw::{Seed, Stream};
use firedrill_sim::object_store;

use crate::oracle::listing::{self, Page, WrongPage};
use crate::oracle::log::{Author, Log, Record, What};
use crate::property::{Property, Violation};

const ACT: Stream = Stream::new("mock.act");
const KEY: Stream = Stream::new("mock.key");
const CLOCK: Stream = Stream::new("mock.clock");
const PAGE: Stream = Stream::new("mock.page");
const VERSION: Stream = Stream::new("mock.version");

/// Keys that are prefixes of one another, or differ behind the first byte of a letter; the last two beyond
/// ASCII change places in UTF-16.
const KEYS: [&str; 7] = ["a", "a/", "a/b", "a\u{e9}", "a\u{ff5e}", "a\u{1f525}", "b"];

/// Runs so many operations, with a whole listing in pages after every few.
pub fn run(seed: Seed, operations: u64) -> Vec<Violation> {
    told(seed, operations).0
}

/// The same with the log as it was when a listing was wrong, or else at the end.
pub fn told(seed: Seed, operations: u64) -> (Vec<Violation>, Log) {
    let mut workload = Workload {
        seed,
        bucket: Bucket::new(mock::Versioning::Off),
        log: Log::default(),
        now: Time(1_767_225_600_000),
    };
    for nth in 0..operations {
        workload.operate(nth);
        let last = nth + 1 == operations;
        if (last || seed.chance(25, PAGE, 0u64, nth))
            && let Err(wrong) = workload.list(nth)
        {
            let violation = Violation {
                property: Property::of_mock(wrong.property),
                key: Some(wrong.key),
                sentence: format!(
                    "after {} operations on a bucket: {}",
                    nth + 1,
                    wrong.sentence
                ),
            };
            return (vec![violation], workload.log);
        }
    }
    (Vec::new(), workload.log)
}

struct Workload {
    seed: Seed,
    bucket: Bucket,
    log: Log,
    now: Time,
}

impl Workload {
    fn operate(&mut self, nth: u64) {
        let step = [0, 0, 0, 400, 1000];
        let choice = self.seed.below(step.len() as u64, CLOCK, 0u64, nth);
        self.now.0 += step[choice as usize];
        let key = Key::from(KEYS[self.seed.below(KEYS.len() as u64, KEY, 0u64, nth) as usize]);
        match self.seed.below(20, ACT, 0u64, nth) {
            0 => self.set_versioning(mock::Versioning::Suspended, Versioning::Suspended),
            1..=3 => self.set_versioning(mock::Versioning::Enabled, Versioning::Enabled),
            4..=6 => self.remove(&key, nth),
            7..=12 => self.delete(&key),
            _ => self.put(&key, nth),
        }
    }

    fn set_versioning(&mut self, state: mock::Versioning, logged: Versioning) {
        if self.bucket.set_versioning(state).is_ok() {
            self.record(&Key::from(""), What::Versioning(logged));
        }
    }

    fn put(&mut self, key: &Key, nth: u64) {
        let body = Bytes::from(nth.to_le_bytes().to_vec());
        let options = PutOptions::default();
        let put = self
            .bucket
            .put(self.now, key.as_str(), body.clone(), &options);
        let written = put.expect("an unconditional put of a short key is never refused");
        let id = written.version_id.as_deref().unwrap_or("null");
        let what = What::Put {
            id: id.into(),
            body,
            etag: written.etag.into(),
        };
        self.record(key, what);
    }

    fn delete(&mut self, key: &Key) {
        let deleted = self.bucket.delete(self.now, key.as_str(), None);
        let deleted = deleted.expect("a deletion is never refused");
        let what = match deleted.marker {
            Some(id) => What::Marked { id: id.into() },
            None => What::Gone,
        };
        self.record(key, what);
    }

    fn remove(&mut self, key: &Key, nth: u64) {
        let held = self.log.history(key);
        if held.is_empty() {
            return;
        }
        let chosen = self.seed.below(held.len() as u64, VERSION, 0u64, nth);
        let id: VersionId = held[chosen as usize].id.clone();
        let deleted = self
            .bucket
            .delete(self.now, key.as_str(), Some(id.as_str()));
        deleted.expect("a deletion is never refused");
        self.record(key, What::Removed { id });
    }

    fn record(&mut self, key: &Key, what: What) {
        self.log.append(Record {
            author: Author::Outsider,
            second: self.now.seconds(),
            key: key.clone(),
            what,
        });
    }

    /// Lists everything, page by page, each page judged on its own.
    fn list(&self, nth: u64) -> Result<(), WrongPage> {
        let size = self.seed.between(1, 4, PAGE, 1u64, nth);
        let prefix = ["", "a", "a/"][self.seed.below(3, PAGE, 2u64, nth) as usize];
        let mut after: Option<Cursor> = None;
        let pages_max = 2 + self
            .log
            .under("")
            .map(|(_, held)| held.len())
            .sum::<usize>();
        for _ in 0..pages_max {
            let (entries, next) = self.page(prefix, after.as_ref(), size as u32);
            let page = Page {
                prefix,
                after: after.as_ref(),
                entries: &entries,
                next: next.as_ref(),
            };
            let whole = || crate::theatre::under(&mut self.bucket.clone(), prefix);
            listing::judge(&self.log, page, whole)?;
            if next.is_none() {
                return Ok(());
            }
            after = next;
        }
        Err(WrongPage {
            property: "M2",
            key: Key::from(prefix),
            sentence: "the listing has more pages than the bucket has entries".into(),
        })
    }

    fn page(
        &self,
        prefix: &str,
        after: Option<&Cursor>,
        size: u32,
    ) -> (Vec<(Key, Entry)>, Option<Cursor>) {
        let version = after.and_then(|cursor| cursor.version.as_ref());
        let page = self.bucket.list_versions(&ListVersions {
            prefix: prefix.to_owned(),
            key_marker: after.map(|cursor| cursor.key.as_str().to_owned()),
            version_id_marker: version.map(|id| id.as_str().to_owned()),
            max_keys: size,
            ..ListVersions::default()
        });
        let next = page.next_key_marker.filter(|_| page.truncated);
        let next = next.map(|key| Cursor {
            key: key.into(),
            version: page.next_version_id_marker.map(VersionId::from),
        });
        (page.entries.iter().map(object_store::entry).collect(), next)
    }
}
