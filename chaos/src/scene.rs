//! The bucket with its table, and everything that people and programs do to it.
//!
//! Each act goes to the mock and into the log, the log with the ids that the mock gave. Nothing the mock
//! says beyond ids and tags gets into the log.

use bytes::Bytes;
use firedrill_core::object::{ETag, Key, VersionId, Versioning, WallTime};
use firedrill_s3_mock as mock;
use firedrill_s3_mock::{Bucket, CopySource, FaultPlan, PutOptions, StorageClass, Time};
use firedrill_sim::draw::{Entity, Seed, Stream};
use firedrill_sim::object_store::{Change, ObjectStore};

use crate::chronicle::Place;
use crate::oracle::log::{Author as By, Log, Record, What};
use crate::scenario::{Act, Garbage, Scenario, TableSource, Versions};
use crate::truth::{Author, Truth};

const GARBAGE: Stream = Stream::new("scene.garbage");

/// 2026-01-01T00:00:00Z in milliseconds: some moment, so that times look like times.
const WALL_START: i64 = 1_767_225_600_000;

/// The table, the log, and whoever writes the table.
#[derive(Debug)]
pub struct Scene {
    /// What the writer wrote.
    pub truth: Truth,
    /// What happened to the bucket.
    pub log: Log,
    /// Which of its records belong to which line of the trace.
    pub places: Vec<Place>,
    author: Option<Author>,
    seed: Seed,
    acts: u64,
    /// When the machine started, once it has.
    started: Option<Time>,
}

/// A scenario that cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// The sample table is not there, or is not one.
    #[error("sample {folder}: {why}")]
    Sample {
        /// Its folder.
        folder: String,
        /// What is wrong with it.
        why: String,
    },
    /// The machine under test is not made for it.
    #[error("the scenario asks for something that the machine does not do")]
    NotTaken,
    /// The mock refused what a scenario cannot do without.
    #[error("the bucket refused: {0}")]
    Refused(#[from] mock::Error),
}

impl Scene {
    /// Makes the bucket and the table in it, and does what comes before the machine.
    ///
    /// # Errors
    /// The table's source cannot be read.
    pub fn set_up(scenario: &Scenario) -> Result<(Self, ObjectStore), SceneError> {
        let mut bucket = Bucket::new(mock::Versioning::Off);
        bucket.page_size_max = scenario.bucket.page_size_max.max(1);
        bucket.foreign_etags = scenario.bucket.foreign_etags;
        let mut store = ObjectStore {
            bucket,
            faults: FaultPlan::default(),
            denies_version_delete: scenario.bucket.deny_version_delete,
            wall_start: WALL_START,
            wall_frozen: scenario.bucket.step_ms == 0,
        };
        let mut scene = Self {
            truth: Truth::default(),
            log: Log::default(),
            places: Vec::new(),
            author: None,
            seed: Seed(scenario.seed),
            acts: 0,
            started: None,
        };
        let mut clock = Time(WALL_START);
        scene.write_table(scenario, &mut store, &mut clock)?;
        for (number, operation) in scenario.operations.iter().enumerate() {
            if operation.when == crate::scenario::When::Before {
                scene.place(0, Some(number));
                clock.0 += scenario.bucket.step_ms as i64;
                scene.act(&operation.act, &mut store, clock)?;
            }
        }
        store.wall_start = clock.0 + scenario.bucket.step_ms as i64;
        scene.started = Some(Time(store.wall_start));
        Ok((scene, store))
    }

    fn write_table(
        &mut self,
        scenario: &Scenario,
        store: &mut ObjectStore,
        clock: &mut Time,
    ) -> Result<(), SceneError> {
        let table = match &scenario.table {
            TableSource::Generated(table) => table,
            TableSource::Sample { folder } => {
                self.set_versioning(Versioning::Enabled, store, *clock)?;
                return crate::sample::load(folder, self, store, clock);
            }
        };
        self.author = Some(Author::new(table));
        let enable_at = scenario.bucket.commits_before_versioning as usize;
        for (number, commit) in table.commits.iter().enumerate() {
            if number == enable_at && !scenario.bucket.never_versioned {
                self.set_versioning(Versioning::Enabled, store, *clock)?;
            }
            clock.0 += scenario.bucket.step_ms as i64;
            self.act(&Act::Commit(commit.clone()), store, *clock)?;
        }
        if enable_at >= table.commits.len() && !scenario.bucket.never_versioned {
            self.set_versioning(Versioning::Enabled, store, *clock)?;
        }
        Ok(())
    }

    /// Does one thing. What cannot be done as things stand (nothing of that kind is there) is not done.
    ///
    /// # Errors
    /// The bucket refused something that it must do.
    pub fn act(&mut self, act: &Act, store: &mut ObjectStore, now: Time) -> Result<(), SceneError> {
        self.acts += 1;
        match act {
            Act::Suspend if self.log.versioning() == Versioning::Off => {}
            Act::Suspend => self.set_versioning(Versioning::Suspended, store, now)?,
            Act::Enable => self.set_versioning(Versioning::Enabled, store, now)?,
            Act::DeletePrefix { again } => {
                let prefix = self.truth.prefix.clone();
                let there = self.log.under(&prefix);
                let keys: Vec<Key> = there
                    .filter(|(_, held)| *again || held[0].body.is_some())
                    .map(|(key, _)| key.clone())
                    .collect();
                for key in keys {
                    self.delete(&key, store, now)?;
                }
            }
            Act::Vacuum => {
                let keys = self.truth.old_keys();
                for key in keys {
                    if self.log.current(&key).is_some() {
                        self.delete(&key, store, now)?;
                    }
                }
            }
            Act::Ghost => {
                let key = Key::from(format!("{}_b/never_was_v2.parquet", self.truth.prefix));
                self.delete(&key, store, now)?;
            }
            Act::Commit(plan) => self.commit(plan, store, now)?,
            Act::Delete { key }
            | Act::Overwrite { key, .. }
            | Act::Purge { key, .. }
            | Act::CopyBack { key }
            | Act::PutBack { key }
            | Act::Archive { key, .. }
            | Act::Sibling { key, .. } => {
                if let Some(key) = self.truth.select(*key) {
                    self.act_on(&key, act, store, now)?;
                }
            }
        }
        Ok(())
    }

    fn act_on(
        &mut self,
        key: &Key,
        act: &Act,
        store: &mut ObjectStore,
        now: Time,
    ) -> Result<(), SceneError> {
        match act {
            Act::Delete { .. } => self.delete(key, store, now)?,
            Act::Overwrite { with, .. } => {
                let body = self.garbage(key, *with);
                self.put(key, body, store, now)?;
            }
            Act::PutBack { .. } => {
                if let Some(body) = self.right_body(key) {
                    self.put(key, body, store, now)?;
                }
            }
            Act::CopyBack { .. } => self.copy_back(key, store, now)?,
            Act::Purge { versions, .. } => {
                for id in self.versions(key, *versions) {
                    store.bucket.delete(now, key.as_str(), Some(id.as_str()))?;
                    self.log(key, now, What::Removed { id });
                }
            }
            Act::Archive { versions, .. } => {
                for id in self.versions(key, *versions) {
                    let class = StorageClass::Glacier;
                    let moved = store
                        .bucket
                        .set_storage_class(key.as_str(), id.as_str(), class);
                    if moved.is_ok() {
                        self.log(key, now, What::Archived { id });
                    }
                }
            }
            Act::Sibling {
                cut,
                suffix,
                deleted,
                ..
            } => {
                let stem: Vec<char> = key.as_str().chars().collect();
                let kept = stem.len() - (*cut).min(stem.len() / 4);
                let name: String = stem[..kept].iter().collect();
                let sibling = Key::from(format!("{name}{suffix}"));
                if !self.truth.objects.contains_key(&sibling) {
                    let body = self.garbage(key, Garbage::SameLength);
                    self.put(&sibling, body, store, now)?;
                    for _ in 0..*deleted {
                        self.delete(&sibling, store, now)?;
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn commit(
        &mut self,
        plan: &crate::scenario::CommitPlan,
        store: &mut ObjectStore,
        now: Time,
    ) -> Result<(), SceneError> {
        let Some(author) = &mut self.author else {
            return Ok(());
        };
        // Names and bytes of a commit hold its moment. One that is made while a machine runs takes its moment from
        // its number, so that they are the same however long the machine took to get there.
        let moment = match self.started {
            Some(start) => start.0 + self.acts as i64,
            None => now.0,
        };
        // Commits of one millisecond are told apart by their microseconds, as Databend 1.2.453 does.
        let at = WallTime(moment * 1000 + (self.acts % 1000) as i64);
        for (key, body) in author.commit(at, plan, &mut self.truth) {
            self.put(&key, body, store, now)?;
        }
        Ok(())
    }

    /// The bytes that belong under a key.
    fn right_body(&self, key: &Key) -> Option<Bytes> {
        if self.truth.hint.as_ref() == Some(key) {
            return self.truth.newest().map(|commit| commit.hint.clone());
        }
        self.truth.objects.get(key).map(|fact| fact.body.clone())
    }

    fn copy_back(
        &mut self,
        key: &Key,
        store: &mut ObjectStore,
        now: Time,
    ) -> Result<(), SceneError> {
        let Some(right) = self.right_body(key) else {
            return Ok(());
        };
        let history = self.log.history(key);
        let source = history
            .iter()
            .rfind(|held| held.holds(&right) && !held.archived);
        let Some(from) = source.map(|held| held.id.clone()) else {
            return Ok(());
        };
        if from.is_null() && self.log.versioning() != Versioning::Enabled {
            return Ok(());
        }
        let source = CopySource::version(key.as_str(), from.as_str());
        let options = PutOptions::default();
        let written = store.bucket.copy(now, &source, key.as_str(), &options)?;
        let what = What::Copied {
            from,
            id: written
                .version_id
                .map_or_else(|| "null".into(), VersionId::from),
            etag: written.etag.into(),
        };
        self.log(key, now, what);
        Ok(())
    }

    fn versions(&self, key: &Key, which: Versions) -> Vec<VersionId> {
        let right = self.right_body(key);
        let history = self.log.history(key).iter();
        let chosen: Vec<_> = match which {
            Versions::Right => history
                .filter(|held| held.body.is_some() && held.body == right)
                .collect(),
            Versions::Newest => history.filter(|held| held.body.is_some()).take(1).collect(),
            Versions::All => history.collect(),
        };
        chosen.into_iter().map(|held| held.id.clone()).collect()
    }

    fn garbage(&self, key: &Key, with: Garbage) -> Bytes {
        let right = self.right_body(key).unwrap_or_default();
        let entity = Entity::from(key.as_str());
        let noise = |length: usize| {
            let word = |nth: usize| {
                self.seed
                    .draw(GARBAGE, entity, (self.acts << 32) | nth as u64)
            };
            let bytes = (0..length.div_ceil(8)).flat_map(|nth| word(nth).to_le_bytes());
            Bytes::from(bytes.take(length).collect::<Vec<u8>>())
        };
        match with {
            Garbage::SameLength => noise(right.len()),
            Garbage::Longer(by) => noise(right.len() + by.max(1) as usize),
            Garbage::Sibling => match self.truth.sibling(key) {
                Some(body) => body.clone(),
                None => noise(right.len() + 1),
            },
            // Four letters of a hint name nothing; half of one might look like a location.
            Garbage::Truncated if self.truth.hint.as_ref() == Some(key) => {
                right.slice(..right.len().min(4))
            }
            Garbage::Truncated => right.slice(..right.len() / 2),
        }
    }

    /// Puts bytes and logs it.
    pub(crate) fn put(
        &mut self,
        key: &Key,
        body: Bytes,
        store: &mut ObjectStore,
        now: Time,
    ) -> Result<(), SceneError> {
        let options = PutOptions::default();
        let written = store
            .bucket
            .put(now, key.as_str(), body.clone(), &options)?;
        let what = What::Put {
            id: written
                .version_id
                .map_or_else(|| "null".into(), VersionId::from),
            body,
            etag: ETag::from(written.etag),
        };
        self.log(key, now, what);
        Ok(())
    }

    fn delete(&mut self, key: &Key, store: &mut ObjectStore, now: Time) -> Result<(), SceneError> {
        let deleted = store.bucket.delete(now, key.as_str(), None)?;
        let what = match deleted.marker {
            Some(id) => What::Marked { id: id.into() },
            None => What::Gone,
        };
        self.log(key, now, what);
        Ok(())
    }

    pub(crate) fn set_versioning(
        &mut self,
        versioning: Versioning,
        store: &mut ObjectStore,
        now: Time,
    ) -> Result<(), SceneError> {
        let state = match versioning {
            Versioning::Enabled => mock::Versioning::Enabled,
            Versioning::Suspended => mock::Versioning::Suspended,
            Versioning::Off => mock::Versioning::Off,
        };
        store.bucket.set_versioning(state)?;
        self.log(&Key::from(""), now, What::Versioning(versioning));
        Ok(())
    }

    pub(crate) fn log(&mut self, key: &Key, now: Time, what: What) {
        self.log.append(Record {
            author: By::Outsider,
            second: now.seconds(),
            key: key.clone(),
            what,
        });
    }

    /// What is logged from now on belongs to this line of the trace.
    pub fn place(&mut self, seq: u64, operation: Option<usize>) {
        let record = self.log.records().len();
        self.places.push(Place {
            record,
            seq,
            operation,
        });
    }

    /// Logs what a machine's request changed.
    pub fn log_changes(&mut self, host: u32, now: Time, changes: &[Change]) {
        for change in changes {
            let (key, what) = match change.clone() {
                Change::Put {
                    key,
                    version,
                    body,
                    etag,
                } => (
                    key,
                    What::Put {
                        id: version,
                        body,
                        etag,
                    },
                ),
                Change::Copied {
                    key,
                    from,
                    version,
                    etag,
                } => (
                    key,
                    What::Copied {
                        from,
                        id: version,
                        etag,
                    },
                ),
                Change::Removed { key, version } => (key, What::Removed { id: version }),
            };
            self.log.append(Record {
                author: By::Machine(host),
                second: now.seconds(),
                key,
                what,
            });
        }
    }
}
