//! What the server holds: buckets and uploads that are not completed, behind one lock; and apart from them
//! faults and counts, which are no part of what it keeps.
//!
//! ```text
//!  look()   ─► read only
//!  change() ─► what changed is in the log, if there is one, when the lock is let go
//! ```
//!
//! Whoever has the state mutably has it by [`Shared::change`], so nothing can be changed and not logged.

use std::collections::BTreeMap;
use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use s3s::{S3Error, S3ErrorCode, S3Result};

use super::clock::Clock;
use super::data::{Event, Log};
use super::observer::{Applied, Observer};
use super::uploads::Upload;
use crate::{Bucket, Fault, FaultPlan, Operation, Time, Versioning};

pub(super) struct Shared {
    state: Mutex<State>,
    tally: Mutex<Tally>,
    clock: Arc<dyn Clock>,
    /// Why nothing can be logged any more.
    failure: OnceLock<String>,
    /// No key is configured: any signature is taken, and none is needed.
    pub(super) open: bool,
}

/// What it keeps.
#[derive(Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Held>,
    pub(super) uploads: BTreeMap<String, Upload>,
    uploads_made: u64,
    log: Option<Log>,
    /// What happened and is not in the log yet, apart from changes that buckets have recorded.
    unlogged: Vec<Event>,
    /// Who looks on, and may change a bucket while doing so: that too is then in the log.
    observer: Option<Arc<dyn Observer>>,
}

pub(super) struct Held {
    pub(super) bucket: Bucket,
    pub(super) created: Time,
}

/// What goes wrong, and what was asked for.
pub(super) struct Tally {
    pub(super) faults: FaultPlan,
    pub(super) requests: BTreeMap<Operation, u64>,
    pub(super) requests_made: u64,
}

impl Shared {
    /// Buckets that `state` has already stay as they are.
    pub(super) fn new(
        mut state: State,
        buckets: Vec<(String, Bucket)>,
        faults: FaultPlan,
        clock: Arc<dyn Clock>,
        observer: Option<Arc<dyn Observer>>,
        open: bool,
    ) -> Self {
        let created = clock.now();
        state.observer = observer;
        for (name, bucket) in buckets {
            if !state.buckets.contains_key(&name) {
                state.insert(name, bucket, created);
            }
        }
        let shared = Self {
            state: Mutex::new(state),
            tally: Mutex::new(Tally {
                faults,
                requests: BTreeMap::new(),
                requests_made: 0,
            }),
            clock,
            failure: OnceLock::new(),
            open,
        };
        drop(shared.change());
        shared
    }

    /// The state, to look at.
    pub(super) fn look(&self) -> Looking<'_> {
        Looking(self.lock())
    }

    /// The state, to change it.
    pub(super) fn change(&self) -> Changing<'_> {
        Changing {
            state: self.lock(),
            failure: &self.failure,
        }
    }

    /// A test that panicked with the lock held says enough by itself.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Faults and counts.
    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request, and finds the fault that strikes it.
    pub(super) fn strike(&self, operation: Operation, key: Option<&str>) -> Option<Fault> {
        let mut tally = self.tally();
        *tally.requests.entry(operation).or_default() += 1;
        tally.faults.strike(operation, key)
    }

    /// Tells the observer which fault strikes.
    pub(super) fn tell_struck(&self, fault: Option<&Fault>) {
        let state = self.lock();
        if let (Some(observer), Some(fault)) = (&state.observer, fault) {
            observer.struck(fault);
        }
    }

    /// Why nothing may be answered any more: what is in memory may not be in the log.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Lets so many milliseconds pass.
    pub(super) async fn wait(&self, delay_ms: u64) {
        self.clock.sleep(Duration::from_millis(delay_ms)).await;
    }
}

/// The locked state, read only.
pub(super) struct Looking<'s>(MutexGuard<'s, State>);

impl Deref for Looking<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}

/// The locked state. What was changed is logged when this is dropped.
pub(super) struct Changing<'s> {
    state: MutexGuard<'s, State>,
    failure: &'s OnceLock<String>,
}

impl Deref for Changing<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Changing<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.state.write_log() {
            let log = self.state.log.as_ref().map(Log::path);
            let log = log.map(|path| path.display().to_string());
            self.failure.get_or_init(|| {
                format!(
                    "{} cannot be written ({error}); start the server again when it can",
                    log.unwrap_or_default()
                )
            });
        }
    }
}

impl State {
    pub(super) fn bucket(&self, name: &str) -> S3Result<&Bucket> {
        let held = self.buckets.get(name);
        held.map(|held| &held.bucket).ok_or_else(no_such_bucket)
    }

    pub(super) fn bucket_mut(&mut self, name: &str) -> S3Result<&mut Bucket> {
        let held = self.buckets.get_mut(name);
        held.map(|held| &mut held.bucket).ok_or_else(no_such_bucket)
    }

    /// Tells the observer what was done to a bucket.
    pub(super) fn tell(&mut self, bucket: &str, applied: &Applied<'_>) {
        if let Some(observer) = &self.observer
            && let Some(held) = self.buckets.get_mut(bucket)
        {
            observer.applied(&mut held.bucket, applied);
        }
    }

    /// Adds a bucket that holds something already.
    pub(super) fn insert(&mut self, name: String, bucket: Bucket, created: Time) {
        self.happen(Event::BucketCreated {
            bucket: name.clone(),
            created,
        });
        if self.log.is_some() {
            let changes = bucket.as_changes().into_iter();
            self.unlogged.extend(changes.map(|change| Event::Changed {
                bucket: name.clone(),
                change,
            }));
        }
        self.hold(name, bucket, created);
    }

    fn hold(&mut self, name: String, mut bucket: Bucket, created: Time) {
        if self.log.is_some() {
            bucket.record_changes();
            bucket.take_changes();
        }
        self.buckets.insert(name, Held { bucket, created });
    }

    /// Lets something happen for the first time.
    pub(super) fn happen(&mut self, event: Event) {
        if self.log.is_some() {
            self.unlogged.push(event.clone());
        }
        self.apply(event);
    }

    /// The id of the next upload.
    pub(super) fn next_upload(&self) -> String {
        format!("upload-{}", self.uploads_made + 1)
    }

    /// Lets something happen, whether for the first time or again.
    pub(super) fn apply(&mut self, event: Event) {
        match event {
            Event::BucketCreated { bucket, created } => {
                // "By default, buckets are unversioned, and you must explicitly enable versioning" (S3 user
                // guide).
                self.hold(bucket, Bucket::new(Versioning::Off), created);
            }
            Event::BucketDeleted { bucket } => {
                self.buckets.remove(&bucket);
                self.uploads.retain(|_, upload| upload.bucket != bucket);
            }
            Event::Changed { bucket, change } => {
                if let Some(held) = self.buckets.get_mut(&bucket) {
                    held.bucket.apply(change);
                }
            }
            Event::UploadBegun {
                upload,
                bucket,
                key,
                options,
            } => {
                self.uploads_made += 1;
                let begun = Upload {
                    bucket,
                    key,
                    options,
                    parts: BTreeMap::<i32, Bytes>::new(),
                };
                self.uploads.insert(upload, begun);
            }
            Event::PartStored {
                upload,
                number,
                body,
            } => {
                if let Some(upload) = self.uploads.get_mut(&upload) {
                    upload.parts.insert(number, body);
                }
            }
            Event::UploadEnded { upload } => drop(self.uploads.remove(&upload)),
        }
    }

    /// From now on everything is logged there.
    pub(super) fn keep_in(&mut self, log: Log) {
        self.log = Some(log);
        for held in self.buckets.values_mut() {
            held.bucket.record_changes();
        }
    }

    /// How many records the log has.
    pub(super) fn records(&self) -> u64 {
        self.log.as_ref().map_or(0, Log::records)
    }

    /// Logs what happened since the last time, as one record.
    pub(super) fn write_log(&mut self) -> io::Result<()> {
        let Some(log) = &mut self.log else {
            return Ok(());
        };
        let mut events = std::mem::take(&mut self.unlogged);
        for (name, held) in &mut self.buckets {
            let changes = held.bucket.take_changes().into_iter();
            events.extend(changes.map(|change| Event::Changed {
                bucket: name.clone(),
                change,
            }));
        }
        log.append(&events)
    }
}

fn no_such_bucket() -> S3Error {
    let message = "The specified bucket does not exist";
    S3Error::with_message(S3ErrorCode::NoSuchBucket, message)
}
