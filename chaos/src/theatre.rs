//! Where machines run, and what they run against: a runtime, as the runner sees it.
//!
//! | theatre | below the machine |
//! |---|---|
//! | [`Simulated`] | the discrete-event world: no bytes, no sockets |
//! | `firedrill-wire` | the driver, an S3 client and an S3 server |
//!
//! A theatre owns the [`Judge`], because on some stages what is to be judged happens deep inside of callbacks. It
//! calls the judge when an effect starts and when the bucket has applied a request, and at no other time.
//!
//! Deliberately not here: when who runs, and what is made of it; see [`runner`](crate::runner).

use std::ops::DerefMut;

use firedrill_core::amend::{Options, Report};
use firedrill_core::object::{Entry, Key};
use firedrill_s3_mock::{Bucket, Fault, FaultPlan, ListVersions};
use firedrill_sim::object_store::{self, ObjectStore};
use firedrill_sim::queue::Nanos;
use firedrill_sim::trace::Trace;
use firedrill_sim::world::{HostId, Limits, Pause, Plight, Settings, World};

use crate::judge::Judge;
use crate::runner::Subject;
use crate::scenario::When;

/// What a theatre is opened with.
#[derive(Debug)]
pub struct Opening {
    /// The world's parameters.
    pub settings: Settings,
    /// The bucket as the machine finds it, behind its faults.
    pub store: ObjectStore,
    /// The faults of `store`, in their order.
    pub faults: Vec<Fault>,
    /// The one who looks on.
    pub judge: Judge,
}

/// A runtime. Hosts keep their ids for ever; a restarted one has another id.
pub trait Theatre {
    /// The judge, borrowed.
    type Judge<'a>: DerefMut<Target = Judge>
    where
        Self: 'a;

    /// The one who looks on.
    fn judge(&mut self) -> Self::Judge<'_>;

    /// Boots a host with a new machine on it.
    fn start(&mut self, options: &Options, plight: Plight) -> HostId;

    /// Lets time pass until nothing is in flight, a host crashes, or the limits are met.
    fn run(&mut self, limits: Limits) -> Pause;

    /// Lets time pass in which no host acts: what was in flight lands.
    fn wait(&mut self, nanos: Nanos);

    /// Lets everybody act whose moment has come.
    fn act(&mut self, due: fn(When) -> bool);

    /// The faults end.
    fn heal(&mut self);

    /// How often each fault has struck since the last heal; nothing after one.
    fn fired(&mut self) -> Vec<u64>;

    /// The world's time.
    fn now(&self) -> Nanos;

    /// Effects of all hosts so far.
    fn effects(&self) -> u64;

    /// The report of a host's machine, once it has ended.
    fn report(&self, host: HostId) -> Option<Report>;

    /// How a host's machine, or the runtime below it, broke the rules, if it did.
    fn misconduct(&self, host: HostId) -> Option<String>;

    /// Whether a host crashed.
    fn is_down(&self, host: HostId) -> bool;

    /// Whether the machines' reports name no objects.
    fn is_silent(&self) -> bool {
        false
    }

    /// Requests that a host has sent and not heard of.
    fn waiting(&self, host: HostId) -> usize;

    /// How many lines the trace has by now; none if only its hash is kept.
    fn lines(&self) -> Option<u64>;

    /// Every version and marker of the bucket, in listing order.
    fn everything(&mut self) -> Vec<(Key, Entry)>;

    /// The end: what was looked at, and what happened.
    fn close(self) -> (Judge, Trace);
}

/// The discrete-event world.
pub struct Simulated<'a, S: Subject> {
    world: World<S::Machine>,
    subject: &'a S,
    judge: Judge,
}

impl<'a, S: Subject> Simulated<'a, S> {
    /// A world in which `subject` makes the machines.
    pub fn open(subject: &'a S, opening: Opening) -> Self {
        Self {
            world: World::new(opening.settings, opening.store),
            subject,
            judge: opening.judge,
        }
    }
}

impl<S: Subject> Theatre for Simulated<'_, S> {
    type Judge<'a>
        = &'a mut Judge
    where
        Self: 'a;

    fn judge(&mut self) -> &mut Judge {
        &mut self.judge
    }

    fn start(&mut self, options: &Options, plight: Plight) -> HostId {
        let machine = self.subject.machine(options.clone());
        self.world.start(machine, plight)
    }

    fn run(&mut self, limits: Limits) -> Pause {
        self.world.run(&mut self.judge, limits)
    }

    fn wait(&mut self, nanos: Nanos) {
        self.world.wait(nanos, &mut self.judge);
    }

    fn act(&mut self, due: fn(When) -> bool) {
        self.judge.act(due, &mut self.world.stage());
    }

    fn heal(&mut self) {
        self.world.store.faults = FaultPlan::default();
    }

    fn fired(&mut self) -> Vec<u64> {
        self.world.store.faults.fired()
    }

    fn now(&self) -> Nanos {
        self.world.now()
    }

    fn effects(&self) -> u64 {
        self.world.effects()
    }

    fn report(&self, host: HostId) -> Option<Report> {
        self.world.report(host).cloned()
    }

    fn misconduct(&self, host: HostId) -> Option<String> {
        self.world.misconduct(host).map(str::to_owned)
    }

    fn is_down(&self, host: HostId) -> bool {
        self.world.is_down(host)
    }

    fn is_silent(&self) -> bool {
        self.subject.is_silent()
    }

    fn waiting(&self, host: HostId) -> usize {
        self.world.waiting(host)
    }

    fn lines(&self) -> Option<u64> {
        let trace = &self.world.trace;
        trace.is_kept().then(|| trace.len())
    }

    fn everything(&mut self) -> Vec<(Key, Entry)> {
        everything(&mut self.world.store.bucket)
    }

    fn close(self) -> (Judge, Trace) {
        (self.judge, self.world.trace)
    }
}

/// All that a bucket holds, on one page.
pub fn everything(bucket: &mut Bucket) -> Vec<(Key, Entry)> {
    under(bucket, "")
}

/// All that a bucket holds under a prefix, on one page; from now on it allows such pages.
pub fn under(bucket: &mut Bucket, prefix: &str) -> Vec<(Key, Entry)> {
    bucket.page_size_max = u32::MAX;
    let whole = ListVersions {
        prefix: prefix.to_owned(),
        max_keys: u32::MAX,
        ..ListVersions::default()
    };
    let listed = bucket.list_versions(&whole).entries;
    listed.iter().map(object_store::entry).collect()
}
