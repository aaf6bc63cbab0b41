//! A table in a bucket, disasters for it, and an amend that runs to its end without any delay.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file is a crate that uses its own part"
)]

use std::collections::{BTreeMap, VecDeque};

use crate::draw::{Seed, Stream};
use crate::fuse::{BlockSpec, Change, Commit, Flavour, SegmentSpec, TableSpec, TableWriter};
use crate::object_store::ObjectStore;
use bytes::Bytes;
use firedrill_core::amend::{Amend, Decision, Effect, Event, Options, Report};
use firedrill_core::machine::{Instant, Machine};
use firedrill_core::object::{Key, Reply, Request, WallTime};
use firedrill_s3_mock::{
    Bucket, FaultPlan, ListVersions, ListedKind, PutOptions, Time, Versioning,
};

/// Microseconds since 1970 of the first commit.
pub const FIRST: i64 = 1_700_000_000_000_000;

/// A fuse table in a bucket of its own.
pub struct Table {
    /// The bucket.
    pub store: ObjectStore,
    /// What was committed, in order.
    pub commits: Vec<Commit>,
    /// The table's prefix.
    pub prefix: Key,
    writer: TableWriter,
    /// What the writer last wrote to each key.
    pub written: BTreeMap<Key, Bytes>,
    /// What the bucket's clock shows.
    pub now: Time,
}

/// Amends what a bucket holds, at once.
pub fn amend(bucket: Bucket, options: Options) -> Report {
    let mut store = store(bucket);
    drive(options, |request| {
        let now = store.wall(0);
        store.perform(now, &request, None, &mut Vec::new())
    })
}

/// Drives a machine to its end; every request is answered at once.
fn drive(options: Options, mut perform: impl FnMut(Request) -> Reply) -> Report {
    let mut machine = Amend::new(options);
    let mut queue = VecDeque::from([Event::Start]);
    let mut out = Vec::new();
    for _ in 0..1_000_000 {
        let waits = "a machine that is not done waits for something";
        machine.step(Instant::START, queue.pop_front().expect(waits), &mut out);
        for effect in out.drain(..) {
            match effect {
                Effect::Request { id, request } => {
                    let reply = perform(request);
                    queue.push_back(Event::Reply { id, reply });
                }
                Effect::Timer { id, .. } => queue.push_back(Event::Timer { id }),
                Effect::Progress(_) => {}
                Effect::Done(report) => return *report,
            }
        }
    }
    panic!("the machine does not end");
}

fn store(bucket: Bucket) -> ObjectStore {
    ObjectStore {
        bucket,
        faults: FaultPlan::new(Vec::new()),
        denies_version_delete: false,
        wall_start: FIRST / 1000,
        wall_frozen: false,
    }
}

/// A segment of this many small blocks, each with a bloom index.
pub fn segment(blocks: u64) -> SegmentSpec {
    let block = |nth| BlockSpec {
        rows: 10 + nth,
        size: 60 + nth,
        bloom: Some(20 + nth),
        inverted: Vec::new(),
        vector: None,
    };
    SegmentSpec {
        blocks: (0..blocks).map(block).collect(),
        statistics: true,
    }
}

impl Table {
    /// An empty table in an empty bucket.
    pub fn new(flavour: Flavour, versioning: Versioning) -> Self {
        Self::of(
            TableSpec {
                root: "fs".into(),
                ..TableSpec::new(flavour, 9, 16)
            },
            versioning,
        )
    }

    /// An empty table by its specification.
    pub fn of(spec: TableSpec, versioning: Versioning) -> Self {
        let seed = Seed(7);
        let prefix = spec.prefix();
        let draw = move |stream: &str, nth: u64| {
            let entity = stream
                .bytes()
                .fold(0, |sum: u64, byte| sum * 31 + u64::from(byte));
            seed.draw(Stream::new("test.writer"), entity, nth)
        };
        Self {
            store: store(Bucket::new(versioning)),
            commits: Vec::new(),
            writer: TableWriter::new(spec, draw),
            prefix,
            written: BTreeMap::new(),
            now: Time(FIRST / 1000),
        }
    }

    /// Three commits: two inserts and an analyze, ten seconds apart.
    pub fn usual(flavour: Flavour) -> Self {
        let mut table = Self::new(flavour, Versioning::Enabled);
        table.commit(&Change::Insert {
            segments: vec![segment(3), segment(2)],
        });
        table.commit(&Change::Insert {
            segments: vec![segment(1)],
        });
        table.commit(&Change::Analyze);
        table
    }

    /// The next commit, ten seconds after the last.
    pub fn commit(&mut self, change: &Change) {
        self.now.0 += 10_000;
        let commit = self.writer.commit(WallTime(self.now.0 * 1000), change);
        for put in &commit.puts {
            self.put(put.key.as_str(), put.body.clone());
            self.written.insert(put.key.clone(), put.body.clone());
        }
        self.commits.push(commit);
    }

    /// Somebody overwrites a key.
    ///
    /// # Panics
    /// If the bucket refuses, which it does not.
    pub fn put(&mut self, key: &str, body: impl Into<Bytes>) {
        self.now.0 += 1;
        let put = self
            .store
            .bucket
            .put(self.now, key, body.into(), &PutOptions::default());
        put.expect("a put without a condition succeeds");
    }

    /// Somebody deletes a key: a marker.
    pub fn delete(&mut self, key: &str) {
        self.now.0 += 1;
        self.store
            .bucket
            .delete(self.now, key, None)
            .expect("a delete succeeds");
    }

    /// Somebody deletes the whole folder.
    pub fn delete_all(&mut self) {
        for key in self.keys() {
            self.delete(&key);
        }
    }

    /// Really deletes every data version of a key.
    pub fn purge(&mut self, key: &str) {
        for (listed, version, kind) in self.listing() {
            if listed == key && matches!(kind, ListedKind::Version { .. }) {
                let purged = self.store.bucket.delete(self.now, key, Some(&version));
                purged.expect("a version can be deleted");
            }
        }
    }

    /// Every key that has any entry.
    pub fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.listing().into_iter().map(|(key, _, _)| key).collect();
        keys.dedup();
        keys
    }

    /// Every entry: key, version id, kind; in listing order.
    pub fn listing(&self) -> Vec<(String, String, ListedKind)> {
        let mut request = ListVersions::default();
        let mut entries = Vec::new();
        loop {
            let page = self.store.bucket.list_versions(&request);
            entries.extend(
                page.entries
                    .into_iter()
                    .map(|e| (e.key.to_string(), e.version_id.to_string(), e.kind)),
            );
            if !page.truncated {
                return entries;
            }
            request.key_marker = page.next_key_marker;
            request.version_id_marker = page.next_version_id_marker;
        }
    }

    /// What a GET finds.
    pub fn current(&self, key: &str) -> Option<Bytes> {
        let got = self.store.bucket.get(key, None, &Default::default());
        got.ok().map(|object| object.body)
    }

    /// An amend of this table that applies.
    pub fn options(&self) -> Options {
        Options {
            apply: true,
            ..Options::new(self.prefix.clone())
        }
    }

    /// Amends the table.
    pub fn amend(&mut self) -> Report {
        let options = self.options();
        self.run(options).0
    }

    /// Runs an amend to its end, and answers the writes that it made.
    pub fn run(&mut self, options: Options) -> (Report, Vec<Request>) {
        self.run_with(options, |_, _| {})
    }

    /// The same, with somebody who acts just before each request arrives.
    pub fn run_with(
        &mut self,
        options: Options,
        mut meanwhile: impl FnMut(&mut Self, &Request),
    ) -> (Report, Vec<Request>) {
        let mut writes = Vec::new();
        let report = drive(options, |request| {
            self.now.0 += 1;
            meanwhile(self, &request);
            let mut changes = Vec::new();
            let reply = self.store.perform(self.now, &request, None, &mut changes);
            if request.is_write() {
                writes.push(request);
            }
            reply
        });
        (report, writes)
    }

    /// Everything that the last commit references, but for these keys, is current as it was written.
    pub fn assert_back(&self, missing: &[&str]) {
        self.assert_commit_back(self.commits.len() - 1, missing);
    }

    /// The same of an earlier commit.
    pub fn assert_commit_back(&self, nth: usize, missing: &[&str]) {
        let commit = &self.commits[nth];
        for reference in &commit.references {
            let key = reference.key.as_str();
            if missing.contains(&key) {
                assert_eq!(self.current(key), None, "{key}");
                continue;
            }
            let written = match nth == self.commits.len() - 1 || reference.key != commit.hint {
                true => self.written[&reference.key].clone(),
                false => {
                    let put = commit.puts.iter().find(|put| put.key == commit.hint);
                    put.expect("every commit writes the hint").body.clone()
                }
            };
            assert_eq!(self.current(key), Some(written), "{key}");
        }
    }

    /// Keys of a class that the last commit references.
    pub fn keys_of(&self, class: firedrill_core::amend::Class) -> Vec<String> {
        let commit = self.commits.last().expect("a table has commits");
        let references = commit
            .references
            .iter()
            .filter(|reference| reference.class == class);
        references
            .map(|reference| reference.key.as_str().to_owned())
            .collect()
    }
}

/// Keys of the report with this decision.
pub fn keys_with(report: &Report, decision: &Decision) -> Vec<String> {
    let objects = report
        .objects
        .iter()
        .filter(|object| object.decision.name() == decision.name());
    objects
        .map(|object| object.key.as_str().to_owned())
        .collect()
}
