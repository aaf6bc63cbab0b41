//! What the stage, the server and the hosts share: the judge, the trace, and how each host fares.
//!
//! ```text
//!   host: an effect starts ──┐                       ┌── server: a request was applied
//!                            ├─► Backstage ─► Judge ◄┤
//!   stage: outsiders act ────┘        │              └── server: a fault strikes
//!                                     └─► Trace
//! ```
//!
//! Invariants: the bucket belongs to the server; it is lent to the judge's [`ObjectStore`] while the server's
//! lock is held, so the judge sees a change before anything else can happen. Locks are taken in one order:
//! the server's, then this one.

use std::collections::BTreeMap;
#[cfg(not(madsim))]
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use firedrill_chaos::judge::Judge;
use firedrill_chaos::property::{Property, Violation};
use firedrill_core::amend::Report;
use firedrill_core::machine::RequestId;
use firedrill_core::object::{Cursor, Entry, Key};
use firedrill_s3_mock::{Bucket, Fault, FaultPlan, Versioning};
use firedrill_sim::object_store::ObjectStore;
use firedrill_sim::queue::Nanos;
use firedrill_sim::trace::{Trace, Tracing};
use firedrill_sim::world::{HostId, Plight, Stage};
use tokio::sync::Notify;

/// A handle on what is shared.
#[derive(Debug, Clone)]
pub(crate) struct Handle(Arc<Mutex<Backstage>>);

/// What is shared.
#[derive(Debug)]
pub(crate) struct Backstage {
    judge: Option<Judge>,
    /// Its bucket is empty except while somebody looks on.
    store: ObjectStore,
    pub(crate) trace: Trace,
    pub(crate) hosts: Vec<Host>,
    /// Effects of all hosts.
    pub(crate) effects: u64,
    /// Requests that the server has begun and not ended.
    pub(crate) in_service: u64,
    /// Faults that strike before a connection comes about.
    pub(crate) refusals: FaultPlan,
    /// What a task on a host or the server panicked with.
    pub(crate) panicked: Option<String>,
    counts: BTreeMap<String, u64>,
}

/// One life of one host.
#[derive(Debug)]
pub(crate) struct Host {
    /// Where it is, on a network with addresses.
    #[cfg(not(madsim))]
    pub(crate) address: Option<IpAddr>,
    pub(crate) plight: Plight,
    pub(crate) effects: u64,
    pub(crate) waiting: BTreeMap<RequestId, bool>,
    pub(crate) report: Option<Box<Report>>,
    pub(crate) misconduct: Option<String>,
    /// It crashed: nothing starts on it any more.
    pub(crate) frozen: bool,
    /// Its software has ended, by itself or by the crash.
    pub(crate) ended: bool,
    pub(crate) crash: Arc<Notify>,
    pub(crate) interrupt: Arc<Notify>,
    /// Pages of listings that the server gave it and that it has not got yet.
    served: Vec<ServedPage>,
}

/// A page of a listing: its entries, and where it goes on.
pub(crate) type ServedPage = (Vec<(Key, Entry)>, Option<Cursor>);

/// The judge, borrowed.
pub struct JudgeGuard<'a>(MutexGuard<'a, Backstage>);

impl std::ops::Deref for JudgeGuard<'_> {
    type Target = Judge;

    fn deref(&self) -> &Judge {
        self.0.judge.as_ref().expect("it looks on until the end")
    }
}

impl std::ops::DerefMut for JudgeGuard<'_> {
    fn deref_mut(&mut self) -> &mut Judge {
        self.0.judge.as_mut().expect("it looks on until the end")
    }
}

impl Handle {
    /// Takes the bucket out of `store`, for the server to hold.
    pub(crate) fn new(
        judge: Judge,
        mut store: ObjectStore,
        refusals: Vec<Fault>,
        tracing: Tracing,
    ) -> (Self, Bucket) {
        let bucket = std::mem::replace(&mut store.bucket, nothing());
        let backstage = Backstage {
            judge: Some(judge),
            store,
            trace: Trace::new(tracing),
            hosts: Vec::new(),
            effects: 0,
            in_service: 0,
            refusals: FaultPlan::new(refusals),
            panicked: None,
            counts: BTreeMap::new(),
        };
        (Self(Arc::new(Mutex::new(backstage))), bucket)
    }

    /// What is shared, for as long as nobody else may look.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Backstage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn judge(&self) -> JudgeGuard<'_> {
        JudgeGuard(self.lock())
    }
}

impl Backstage {
    /// A new life. It is counted from 1, as hosts are in the simulated world.
    pub(crate) fn boot(&mut self, plight: Plight) -> HostId {
        self.hosts.push(Host {
            #[cfg(not(madsim))]
            address: None,
            plight,
            effects: 0,
            waiting: BTreeMap::new(),
            report: None,
            misconduct: None,
            frozen: false,
            ended: false,
            crash: Arc::new(Notify::new()),
            interrupt: Arc::new(Notify::new()),
            served: Vec::new(),
        });
        HostId(self.hosts.len() as u32)
    }

    pub(crate) fn host(&mut self, host: HostId) -> &mut Host {
        &mut self.hosts[host.0 as usize - 1]
    }

    pub(crate) fn see(&self, host: HostId) -> &Host {
        &self.hosts[host.0 as usize - 1]
    }

    /// Whose address this is.
    #[cfg(not(madsim))]
    pub(crate) fn at(&self, address: IpAddr) -> Option<HostId> {
        let known = |host: &Host| host.address == Some(address);
        let index = self.hosts.iter().position(known)?;
        Some(HostId(index as u32 + 1))
    }

    /// Lends the bucket to the judge's store.
    pub(crate) fn on_stage<T>(
        &mut self,
        bucket: &mut Bucket,
        now: Nanos,
        act: impl FnOnce(&mut Judge, &mut Stage<'_>) -> T,
    ) -> T {
        std::mem::swap(bucket, &mut self.store.bucket);
        let judge = self.judge.as_mut().expect("it looks on until the end");
        let mut stage = Stage {
            store: &mut self.store,
            trace: &mut self.trace,
            now,
        };
        let done = act(judge, &mut stage);
        std::mem::swap(bucket, &mut self.store.bucket);
        done
    }

    /// The wall clock, milliseconds since 1970.
    pub(crate) fn wall(&self, now: Nanos) -> firedrill_s3_mock::Time {
        self.store.wall(now)
    }

    /// How often something has happened to somebody, this time included: the last part of a draw's address.
    pub(crate) fn nth(&mut self, what: &str, entity: &str) -> u64 {
        let count = self.counts.entry(format!("{what} {entity}")).or_default();
        *count += 1;
        *count
    }

    /// The server gave this page to a host.
    pub(crate) fn served(&mut self, host: HostId, page: ServedPage) {
        self.host(host).served.push(page);
    }

    /// A host got this page: as it was served, or the way there changed it (M1 over the wire).
    pub(crate) fn got(&mut self, host: HostId, entries: &[(Key, Entry)], next: Option<&Cursor>) {
        let served = &mut self.host(host).served;
        let same = |page: &ServedPage| page.0 == entries && page.1.as_ref() == next;
        match served.iter().position(same) {
            Some(index) => drop(served.swap_remove(index)),
            None => {
                let sentence = "a page of the version listing arrived otherwise than it was served";
                let judge = self.judge.as_mut().expect("it looks on until the end");
                let changed = Violation::of_run(Property::M1, sentence);
                judge.wrong_pages.push(changed);
                judge.wrong_at.push(self.trace.len());
            }
        }
    }

    /// The end of looking on.
    pub(crate) fn close(&mut self) -> (Judge, Trace) {
        let judge = self.judge.take().expect("it looks on until the end");
        (
            judge,
            std::mem::replace(&mut self.trace, Trace::new(Tracing::Hash)),
        )
    }
}

fn nothing() -> Bucket {
    Bucket::new(Versioning::Off)
}
