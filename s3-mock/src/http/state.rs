//! What the server holds: buckets, uploads that are not completed, faults, counts. One lock around all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::{S3Error, S3ErrorCode, S3Result};

use super::clock::Clock;
use super::observer::{Applied, Observer};
use super::uploads::Upload;
use crate::{Bucket, Fault, FaultPlan, Operation, Time};

pub(super) struct Shared {
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    /// No key is configured: any signature is taken, and none is needed.
    pub(super) open: bool,
}

pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Held>,
    pub(super) faults: FaultPlan,
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) uploads_made: u64,
    pub(super) requests: BTreeMap<Operation, u64>,
    pub(super) requests_made: u64,
    pub(super) observer: Option<Arc<dyn Observer>>,
}

pub(super) struct Held {
    pub(super) bucket: Bucket,
    pub(super) created: Time,
}

impl Shared {
    pub(super) fn new(
        buckets: Vec<(String, Bucket)>,
        faults: FaultPlan,
        clock: Arc<dyn Clock>,
        observer: Option<Arc<dyn Observer>>,
        open: bool,
    ) -> Self {
        let created = clock.now();
        let hold = |(name, bucket)| (name, Held { bucket, created });
        let state = State {
            buckets: buckets.into_iter().map(hold).collect(),
            faults,
            uploads: BTreeMap::new(),
            uploads_made: 0,
            requests: BTreeMap::new(),
            requests_made: 0,
            observer,
        };
        Self {
            state: Mutex::new(state),
            clock,
            open,
        }
    }

    /// A test that panicked with the lock held says enough by itself.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }
}

impl State {
    /// Counts a request, and finds the fault that strikes it.
    pub(super) fn strike(&mut self, operation: Operation, key: Option<&str>) -> Option<Fault> {
        *self.requests.entry(operation).or_default() += 1;
        self.faults.strike(operation, key)
    }

    /// Tells the observer which fault strikes.
    pub(super) fn tell_struck(&self, fault: Option<&Fault>) {
        if let (Some(observer), Some(fault)) = (&self.observer, fault) {
            observer.struck(fault);
        }
    }

    /// Tells the observer what was done to a bucket.
    pub(super) fn tell(&mut self, bucket: &str, applied: &Applied<'_>) {
        if let Some(observer) = &self.observer
            && let Some(held) = self.buckets.get_mut(bucket)
        {
            observer.applied(&mut held.bucket, applied);
        }
    }

    pub(super) fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        let held = self.buckets.get_mut(name);
        held.map(|held| &mut held.bucket).ok_or_else(|| {
            let message = "The specified bucket does not exist";
            S3Error::with_message(S3ErrorCode::NoSuchBucket, message)
        })
    }
}
