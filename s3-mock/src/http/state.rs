//! What the server holds: buckets, uploads that are not completed, faults, counts. One lock around all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use s3s::{S3Error, S3ErrorCode, S3Result};

use super::clock::Clock;
use super::uploads::Upload;
use crate::{Bucket, FaultPlan, Operation, Time};

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
    pub(super) fn bucket(&mut self, name: &str) -> S3Result<&mut Bucket> {
        let held = self.buckets.get_mut(name);
        held.map(|held| &mut held.bucket).ok_or_else(|| {
            let message = "The specified bucket does not exist";
            S3Error::with_message(S3ErrorCode::NoSuchBucket, message)
        })
    }
}
