//! Runs machines against the object store in simulated time.
//!
//! ```text
//!  effect ──► strike ──► … way there … ──► applied ──► … way back … ──► event
//!                                     │                             │
//!                                     └── crash: lands or not       └── patience: Indeterminate(Timeout)
//! ```
//!
//! A host's crash takes effect after its nth effect: later effects of the same step never start, what was
//! in flight lands or not by a draw, and nothing is heard any more. A request that outlives its sender's
//! patience goes on and may be applied later; its sender has heard `Indeterminate(Timeout)` by then.
//!
//! Deliberately not here: what to do about a crash. [`World::run`] comes back, and its caller starts a new
//! machine when it likes.

use std::collections::BTreeMap;

use firedrill_core::amend::{Effect, Event, Phase, Report};
use firedrill_core::drill::planted;
use firedrill_core::machine::{Instant, Machine, RequestId, TimerId};
use firedrill_core::object::{Cause, Failure, Reply, Request};

use crate::draw::{Seed, Stream, fold, hash_bytes};
use crate::fate::{AnswerFate, Fate, address};
use crate::object_store::{Change, ObjectStore};
use crate::queue::{Nanos, Queue};
use crate::telling;
use crate::trace::{Note, Trace, Tracing};

const WAY_THERE: Stream = Stream::new("world.way-there");
const WAY_BACK: Stream = Stream::new("world.way-back");
const JITTER: Stream = Stream::new("world.jitter");
const LANDS: Stream = Stream::new("world.lands-after-crash");

/// The world's own parameters.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The root of its draws.
    pub seed: Seed,
    /// Shortest way of a request or an answer, nanoseconds.
    pub way_min: Nanos,
    /// Longest way, nanoseconds.
    pub way_max: Nanos,
    /// How long a sender waits for an answer, nanoseconds.
    pub patience: Nanos,
    /// What becomes of the lines of the trace.
    pub tracing: Tracing,
}

/// Names one life of one host: a restarted host has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(pub u32);

/// What a host is to suffer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plight {
    /// It crashes right after this effect (1-based).
    pub crash_after: Option<u64>,
    /// It is told to stop right after this effect (1-based).
    pub interrupt_after: Option<u64>,
}

/// Somebody who looks on, and may act on the store between two steps.
pub trait Watcher {
    /// An effect is about to be performed.
    fn effect(&mut self, host: HostId, nth: u64, effect: &Effect, stage: &mut Stage<'_>);
    /// A request was applied, with what its sender would hear if nothing struck it.
    fn applied(&mut self, applied: &Applied<'_>, stage: &mut Stage<'_>);
}

/// The store and the clock, as a watcher finds them.
#[derive(Debug)]
pub struct Stage<'a> {
    /// The store.
    pub store: &'a mut ObjectStore,
    /// The trace, for what the watcher does.
    pub trace: &'a mut Trace,
    /// The world's time.
    pub now: Nanos,
}

/// A request that reached the bucket.
#[derive(Debug)]
pub struct Applied<'a> {
    /// Whose.
    pub host: HostId,
    /// The request.
    pub request: &'a Request,
    /// The bucket's answer.
    pub reply: &'a Reply,
    /// What it changed.
    pub changes: &'a [Change],
}

/// Why [`World::run`] came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// Nothing is in flight any more.
    Quiet,
    /// A host crashed.
    Crashed(HostId),
    /// The time or the number of effects is used up.
    Exhausted,
}

/// How far a run may go before it counts as endless.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Moment of the world.
    pub until: Nanos,
    /// Effects of all hosts together, counted from the world's start.
    pub effects: u64,
}

/// Hosts, the store, and what is in flight between them.
#[derive(Debug)]
pub struct World<M> {
    settings: Settings,
    queue: Queue<Happening>,
    /// The bucket behind its faults.
    pub store: ObjectStore,
    /// What happened.
    pub trace: Trace,
    hosts: Vec<Host<M>>,
    now: Nanos,
    effects: u64,
}

#[derive(Debug)]
struct Host<M> {
    machine: Option<M>,
    plight: Plight,
    born: Nanos,
    effects: u64,
    sent: BTreeMap<u64, u64>,
    waiting: BTreeMap<RequestId, bool>,
    report: Option<Box<Report>>,
    misconduct: Option<String>,
    interrupted: bool,
}

#[derive(Debug)]
enum Happening {
    Event(HostId, Event, u64),
    Arrival(HostId, Box<Parcel>),
}

#[derive(Debug)]
struct Parcel {
    id: RequestId,
    request: Request,
    fate: Fate,
    address: u64,
    nth: u64,
    sent: u64,
}

impl<M: Machine<Event = Event, Effect = Effect>> World<M> {
    /// A world without hosts.
    pub fn new(settings: Settings, store: ObjectStore) -> Self {
        Self {
            queue: Queue::new(settings.seed),
            trace: Trace::new(settings.tracing),
            settings,
            store,
            hosts: Vec::new(),
            now: 0,
            effects: 0,
        }
    }

    /// Boots a host with a new machine on it.
    pub fn start(&mut self, machine: M, plight: Plight) -> HostId {
        let host = HostId(self.hosts.len() as u32 + 1);
        self.hosts.push(Host {
            machine: Some(machine),
            plight,
            born: self.now,
            effects: 0,
            sent: BTreeMap::new(),
            waiting: BTreeMap::new(),
            report: None,
            misconduct: None,
            interrupted: false,
        });
        let cause = self.trace.push(self.now, host.0, "start", "", "", 0);
        let event = Happening::Event(host, Event::Start, cause);
        self.queue.push(self.now, u64::from(host.0), 0, event);
        host
    }

    /// Lets time pass until nothing is in flight, a host crashes, or the limits are met.
    pub fn run(&mut self, watcher: &mut impl Watcher, limits: Limits) -> Pause {
        while let Some((at, happening)) = self.queue.pop() {
            if at > limits.until || self.effects > limits.effects {
                return Pause::Exhausted;
            }
            self.now = at;
            let crashed = match happening {
                Happening::Event(host, event, cause) => self.deliver(host, event, cause, watcher),
                Happening::Arrival(host, parcel) => {
                    self.arrive(host, *parcel, watcher);
                    None
                }
            };
            if let Some(host) = crashed {
                return Pause::Crashed(host);
            }
        }
        Pause::Quiet
    }

    /// The world's time.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// Effects of all hosts so far.
    pub fn effects(&self) -> u64 {
        self.effects
    }

    /// Lets time pass in which no host acts: what was in flight lands.
    pub fn wait(&mut self, nanos: Nanos, watcher: &mut impl Watcher) {
        let until = self.now + nanos;
        while let Some((at, happening)) = self.queue.pop_until(until) {
            self.now = at;
            if let Happening::Arrival(host, parcel) = happening {
                self.arrive(host, *parcel, watcher);
            }
        }
        self.now = until;
    }

    /// The store and the clock, for what happens outside of all hosts.
    pub fn stage(&mut self) -> Stage<'_> {
        Stage {
            store: &mut self.store,
            trace: &mut self.trace,
            now: self.now,
        }
    }

    /// The report of a host's machine, once it has ended.
    pub fn report(&self, host: HostId) -> Option<&Report> {
        self.host(host).report.as_deref()
    }

    /// How a host's machine broke the rules of machines, if it did.
    pub fn misconduct(&self, host: HostId) -> Option<&str> {
        self.host(host).misconduct.as_deref()
    }

    /// Whether a host crashed.
    pub fn is_down(&self, host: HostId) -> bool {
        self.host(host).machine.is_none()
    }

    /// Requests that a host has sent and not heard of.
    pub fn waiting(&self, host: HostId) -> usize {
        self.host(host).waiting.len()
    }

    fn host(&self, host: HostId) -> &Host<M> {
        &self.hosts[host.0 as usize - 1]
    }

    fn host_mut(&mut self, host: HostId) -> &mut Host<M> {
        &mut self.hosts[host.0 as usize - 1]
    }

    /// Hands an event to a machine and performs what it asks for. Answers the host if it crashed over it.
    fn deliver(
        &mut self,
        id: HostId,
        event: Event,
        cause: u64,
        watcher: &mut impl Watcher,
    ) -> Option<HostId> {
        let now = self.now;
        let host = &mut self.hosts[id.0 as usize - 1];
        let machine = host.machine.as_mut()?;
        let (kind, detail) = match &event {
            Event::Start => ("begin", ""),
            Event::Reply { id, reply } => {
                // The answer and the end of patience are both under way; the first one counts.
                host.waiting.remove(id)?;
                ("reply", outcome(reply))
            }
            Event::Timer { .. } => ("timer", ""),
            Event::Interrupt => ("interrupt", ""),
        };
        let cause = self.trace.push(now, id.0, kind, "", detail, cause);
        if let Event::Reply { reply, .. } = &event {
            self.trace.annotate(|| Note {
                words: telling::reply(reply),
                ..Note::default()
            });
        }
        let mut effects = Vec::new();
        machine.step(Instant::from_nanos(now - host.born), event, &mut effects);
        for effect in effects {
            self.perform(id, effect, cause, watcher);
            let host = self.host_mut(id);
            if host.plight.crash_after == Some(host.effects) {
                self.crash(id, cause);
                return Some(id);
            }
            if host.plight.interrupt_after == Some(host.effects) && !host.interrupted {
                host.interrupted = true;
                let nth = host.effects;
                let event = Happening::Event(id, Event::Interrupt, cause);
                self.queue.push(now, u64::from(id.0), nth, event);
            }
        }
        None
    }

    fn perform(&mut self, id: HostId, effect: Effect, cause: u64, watcher: &mut impl Watcher) {
        self.effects += 1;
        let host = &mut self.hosts[id.0 as usize - 1];
        host.effects += 1;
        if host.report.is_some() {
            host.misconduct = Some("an effect followed the report".into());
            return;
        }
        let mut stage = Stage {
            store: &mut self.store,
            trace: &mut self.trace,
            now: self.now,
        };
        watcher.effect(id, host.effects, &effect, &mut stage);
        match effect {
            Effect::Request { id: name, request } => self.send(id, name, request, cause),
            Effect::Timer { id: name, delay } => self.arm(id, name, delay.as_nanos(), cause),
            Effect::Progress(progress) => {
                let phase = phase_name(progress.phase);
                self.trace
                    .push(self.now, id.0, "progress", phase, "", cause);
            }
            Effect::Done(report) => {
                let status = status_name(report.exit_status());
                self.trace.push(self.now, id.0, "done", status, "", cause);
                let host = self.host_mut(id);
                if host.waiting.values().any(|is_write| *is_write) {
                    host.misconduct = Some("it ended with writes in flight".into());
                }
                host.report = Some(report);
            }
        }
    }

    fn send(&mut self, id: HostId, name: RequestId, request: Request, cause: u64) {
        let (operation, key) = address(&request);
        let address = fold(
            hash_bytes(key.unwrap_or_default().as_bytes()),
            operation as u64 + 1,
        );
        let watch = self.watch_faults();
        let fault = self.store.strike(&request);
        let fate = fault
            .as_ref()
            .map_or_else(Fate::good, |fault| Fate::of(fault, &request));
        let detail = if fault.is_some() { "struck" } else { "" };
        let kind = operation_name(&request);
        let sent = self
            .trace
            .push(self.now, id.0, kind, key.unwrap_or_default(), detail, cause);
        self.trace.annotate(|| Note {
            words: telling::request(&request),
            faults: struck_since(watch, &self.store),
        });
        let host = &mut self.hosts[id.0 as usize - 1];
        let nth = host.sent.entry(address).or_default();
        *nth += 1;
        let nth = *nth;
        if host.waiting.insert(name, request.is_write()).is_some() {
            host.misconduct = Some(format!("two requests in flight are called {}", name.0));
        }
        let salt = fold(address, u64::from(id.0));
        let way = self.settings.seed.between(
            self.settings.way_min,
            self.settings.way_max,
            WAY_THERE,
            salt,
            nth,
        );
        let patience = Happening::Event(id, timeout(name), sent);
        self.queue
            .push(self.now + self.settings.patience, salt, nth, patience);
        if fate.applied || fate.answer != AnswerFate::Silence {
            let at = self.now + way + fate.late_there;
            let parcel = Parcel {
                id: name,
                request,
                fate,
                address: salt,
                nth,
                sent,
            };
            self.queue
                .push(at, salt, nth, Happening::Arrival(id, Box::new(parcel)));
        }
    }

    fn arm(&mut self, id: HostId, name: TimerId, delay: u128, cause: u64) {
        let delay = u64::try_from(delay).unwrap_or(u64::MAX / 4);
        let salt = fold(u64::from(id.0), name.0);
        let jitter = match planted("H1-01") {
            true => wall_clock_seconds() % (delay / 2 + 1),
            false => self.settings.seed.below(delay / 2 + 1, JITTER, salt, 0),
        };
        self.trace.push(self.now, id.0, "arm", "", "", cause);
        let event = Happening::Event(id, Event::Timer { id: name }, cause);
        self.queue.push(self.now + delay + jitter, salt, 0, event);
    }

    fn arrive(&mut self, id: HostId, parcel: Parcel, watcher: &mut impl Watcher) {
        let wall = self.store.wall(self.now);
        let mut changes = Vec::new();
        let mut answer = None;
        if parcel.fate.applied {
            let cut = match parcel.fate.answer {
                AnswerFate::Cut(bytes) => Some(bytes),
                _ => None,
            };
            let watch = self.watch_faults();
            let reply = self.store.perform(wall, &parcel.request, cut, &mut changes);
            let (_, key) = address(&parcel.request);
            let key = key.unwrap_or_default();
            let detail = outcome(&reply);
            self.trace
                .push(self.now, 0, "applied", key, detail, parcel.sent);
            self.trace.annotate(|| Note {
                words: telling::reply(&reply),
                faults: struck_since(watch, &self.store),
            });
            for change in &changes {
                if let Change::Removed { key, version } = change {
                    let (key, version) = (key.as_str(), version.as_str());
                    self.trace
                        .push(self.now, 0, "removed", key, version, parcel.sent);
                }
            }
            let applied = Applied {
                host: id,
                request: &parcel.request,
                reply: &reply,
                changes: &changes,
            };
            let mut stage = Stage {
                store: &mut self.store,
                trace: &mut self.trace,
                now: self.now,
            };
            watcher.applied(&applied, &mut stage);
            answer = Some(reply);
        }
        let reply = match (parcel.fate.answer, answer) {
            (AnswerFate::Silence, _) => return,
            (AnswerFate::Instead(failure), _) => Err(failure),
            (_, Some(reply)) => reply,
            (_, None) => return,
        };
        let way = self.settings.seed.between(
            self.settings.way_min,
            self.settings.way_max,
            WAY_BACK,
            parcel.address,
            parcel.nth,
        );
        let at = self.now + way + parcel.fate.late_back;
        let event = Event::Reply {
            id: parcel.id,
            reply,
        };
        let event = Happening::Event(id, event, parcel.sent);
        self.queue.push(at, parcel.address, parcel.nth, event);
    }

    /// How often each fault has struck, where somebody will want to know which one did next.
    fn watch_faults(&self) -> Vec<u64> {
        if self.trace.is_kept() {
            self.store.faults.fired()
        } else {
            Vec::new()
        }
    }

    /// The machine is gone; each of its requests that is on the way there lands or does not.
    fn crash(&mut self, id: HostId, cause: u64) {
        self.trace.push(self.now, id.0, "crash", "", "", cause);
        let nth = self.host(id).effects;
        self.trace.annotate(|| Note {
            words: format!("after effect {nth} of this life"),
            ..Note::default()
        });
        let seed = self.settings.seed;
        let host = self.host_mut(id);
        host.machine = None;
        host.waiting.clear();
        self.queue.retain(|happening| match happening {
            Happening::Event(host, ..) => *host != id,
            Happening::Arrival(host, parcel) => {
                *host != id || seed.chance(50, LANDS, parcel.address, parcel.nth)
            }
        });
    }
}

/// The faults that struck since they were counted, by their place in the plan.
fn struck_since(before: Vec<u64>, store: &ObjectStore) -> Vec<usize> {
    let counts = before.into_iter().zip(store.faults.fired());
    let struck = counts.enumerate().filter(|(_, (before, now))| now > before);
    struck.map(|(fault, _)| fault).collect()
}

/// H1-01: time from outside the world. Two runs within one second see the same.
#[allow(
    clippy::disallowed_methods,
    reason = "a planted bug: what the double check must find"
)]
fn wall_clock_seconds() -> u64 {
    let passed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    passed.map_or(0, |passed| passed.as_secs())
}

fn timeout(id: RequestId) -> Event {
    Event::Reply {
        id,
        reply: Err(Failure::Indeterminate(Cause::Timeout)),
    }
}

fn operation_name(request: &Request) -> &'static str {
    match request {
        Request::GetVersioning => "get-versioning",
        Request::ListVersions { .. } => "list-versions",
        Request::Read { .. } => "read",
        Request::Digest { .. } => "digest",
        Request::RemoveMarkers { .. } => "remove-markers",
        Request::Copy { .. } => "copy",
        Request::Put { .. } => "put",
    }
}

fn outcome(reply: &Reply) -> &'static str {
    match reply {
        Ok(_) => "ok",
        Err(Failure::Indeterminate(_)) => "indeterminate",
        Err(Failure::Determinate(cause)) => match cause {
            Cause::NotFound => "not-found",
            Cause::NoSuchBucket => "no-such-bucket",
            Cause::Denied(_) => "denied",
            Cause::PreconditionFailed => "precondition-failed",
            Cause::Archived => "archived",
            Cause::Unavailable(_) => "unavailable",
            Cause::Timeout => "timeout",
            Cause::Connection(_) => "connection",
            Cause::BodyCut => "body-cut",
            Cause::Other(_) => "other",
        },
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::List => "list",
        Phase::Read => "read",
        Phase::Compare => "compare",
        Phase::Apply => "apply",
        Phase::Verify => "verify",
    }
}

fn status_name(status: u8) -> &'static str {
    match status {
        0 => "complete",
        1 => "lost",
        3 => "refused-or-unknown",
        _ => "interrupted",
    }
}
