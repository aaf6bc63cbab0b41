//! The amend machine: plan → apply → verify.
//!
//! ```text
//! List ─► Read ─► Compare ─► Apply (level by level, bottom-up) ─► Verify ─► Done
//!                    │                    ▲                          │
//!                    └► dry run: Done     └── not as decided ────────┘  (at most three rounds)
//! ```
//!
//! The machine keeps no journal: whatever happened before a restart stands in the bucket, and a new machine
//! reads it there. So there is nothing that could be out of date, and running it again is always right.

use std::collections::{BTreeMap, BTreeSet};

use crate::drill::{Probe, planted, reached, sometimes};
use crate::machine::{Duration, Instant, Machine, RequestId, TimerId};
use crate::object::{Answer, Cause, Key, Reply, Request, Versioning};

use super::apply::LEVELS;
use super::courier::Courier;
use super::job::Job;
use super::layout::{self, Closure, Refusal, TableLayout};
use super::listing::{Listing, Look};
use super::lookup::ActiveLookup;
use super::objects::Objects;
use super::report::State;
use super::{Options, Report, summary};

/// What happens to an amend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It begins. Comes once, first.
    Start,
    /// A request was answered, failed, or outlived the runtime's patience. Comes once for each request.
    Reply {
        /// The request.
        id: RequestId,
        /// What came of it.
        reply: Reply,
    },
    /// A timer ran out.
    Timer {
        /// The timer.
        id: TimerId,
    },
    /// Somebody wants it to stop: it sends nothing more, waits for what is in flight, and reports.
    Interrupt,
}

/// What an amend wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a request; exactly one reply is to come.
    Request {
        /// Its name.
        id: RequestId,
        /// The request.
        request: Request,
    },
    /// Wake the machine after `delay`, lengthened by up to a half at random (the jitter that keeps many
    /// clients from coming back at once).
    Timer {
        /// Its name.
        id: TimerId,
        /// How long at least.
        delay: Duration,
    },
    /// How far it is.
    Progress(Progress),
    /// The end: nothing follows.
    Done(Box<Report>),
}

/// How far an amend is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Steps done in this phase.
    pub done: u64,
    /// Steps in this phase, where that is known.
    pub total: Option<u64>,
}

/// The phases of an amend, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Lists all versions (steps: entries).
    List,
    /// Finds the commit and reads its metadata (steps: objects).
    Read,
    /// Reads what the listing alone cannot decide (steps: objects).
    Compare,
    /// Publishes, bottom-up (steps: objects).
    Apply,
    /// Lists again (steps: entries).
    Verify,
}

/// The machine.
#[derive(Debug)]
pub struct Amend {
    pub(super) options: Options,
    pub(super) layout: Box<dyn TableLayout>,
    pub(super) courier: Courier,
    pub(super) listing: Listing,
    pub(super) looks: BTreeMap<u64, (Look, LookFor)>,
    pub(super) lookups: BTreeMap<u64, ActiveLookup>,
    pub(super) lookups_done: u64,
    next_id: u64,
    pub(super) versioning: Option<Versioning>,
    pub(super) phase: Phase,
    pub(super) closure: Closure,
    pub(super) objects: Objects,
    /// Apply: which level is being published; keys of it that are not yet published.
    pub(super) level: usize,
    pub(super) pending: BTreeSet<Key>,
    /// How many objects each level has to publish.
    pub(super) level_sizes: [u64; LEVELS],
    /// Verify: how many times it found something to do.
    pub(super) rounds: u32,
    /// Entries and pages of the listing that the plan was made from.
    pub(super) planned_from: (u64, u64),
    interrupted: bool,
    is_done: bool,
}

/// What a look is for.
#[derive(Debug, Clone)]
pub(super) enum LookFor {
    /// The plan.
    Plan,
    /// These keys, whose writes ended unclear.
    Again(Vec<Key>),
    /// The verification.
    Verify,
}

impl Amend {
    /// A machine at its start.
    pub fn new(options: Options) -> Self {
        Self {
            layout: layout::of(&options),
            courier: Courier::new(options.window),
            options,
            listing: Listing::default(),
            looks: BTreeMap::new(),
            lookups: BTreeMap::new(),
            lookups_done: 0,
            next_id: 0,
            versioning: None,
            phase: Phase::List,
            closure: Closure::default(),
            objects: Objects::default(),
            level: 0,
            pending: BTreeSet::new(),
            level_sizes: [0; LEVELS],
            rounds: 0,
            planned_from: (0, 0),
            interrupted: false,
            is_done: false,
        }
    }
}

impl Machine for Amend {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, _now: Instant, event: Event, out: &mut Vec<Effect>) {
        if self.is_done {
            return;
        }
        let result = match event {
            Event::Start => {
                self.start();
                Ok(())
            }
            Event::Reply { id, reply } => match self.courier.take(id, reply, out) {
                Some((job, reply)) => self.take(job, reply, out),
                None => Ok(()),
            },
            Event::Timer { id } => {
                self.courier.wake(id);
                Ok(())
            }
            Event::Interrupt => {
                sometimes(Probe::InterruptedApplying, self.phase == Phase::Apply);
                self.interrupted = true;
                self.courier.stop();
                Ok(())
            }
        };
        match result {
            Ok(()) => self.go_on(out),
            Err(refusal) => self.refuse(refusal, out),
        }
        if !self.is_done {
            self.courier.pump(out);
        }
    }
}

impl Amend {
    fn start(&mut self) {
        #[cfg(feature = "drill")]
        if planted("AM-16") && self.recall() {
            return;
        }
        self.courier.submit(Job::Versioning);
        self.look(Look::default(), LookFor::Plan);
    }

    /// Starts a look.
    pub(super) fn look(&mut self, look: Look, purpose: LookFor) {
        self.next_id += 1;
        let id = self.next_id;
        let prefix = self.options.prefix.clone();
        self.courier.submit(Job::List {
            look: id,
            prefix,
            after: look.start(),
        });
        self.looks.insert(id, (look, purpose));
    }

    pub(super) fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Takes the final result of a job.
    fn take(&mut self, job: Job, reply: Reply, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        match (job, reply) {
            (Job::Versioning, reply) => self.take_versioning(reply),
            (Job::List { look, .. }, reply) => self.take_page(look, reply, out),
            (
                Job::Read {
                    lookup, version, ..
                },
                reply,
            ) => self.take_read(lookup, &version, reply, out),
            (Job::Digest { key, version }, reply) => {
                self.take_digest(&key, &version, reply, out);
                Ok(())
            }
            (Job::Newer { key, version }, reply) => {
                self.take_newer(&key, &version, reply);
                Ok(())
            }
            (job, reply) => {
                self.take_write(&job, reply, out);
                Ok(())
            }
        }
    }

    fn take_versioning(&mut self, reply: Reply) -> Result<(), Refusal> {
        self.versioning = match reply {
            Ok(Answer::Versioning(Versioning::Off)) => {
                return Err(
                    "versioning was never enabled on this bucket, so it keeps nothing that was \
                            deleted or overwritten; look for a backup elsewhere, and enable versioning for \
                            the next time. Nothing was changed"
                        .into(),
                );
            }
            Ok(Answer::Versioning(versioning)) => Some(versioning),
            Ok(_) => None,
            Err(failure) => match failure.cause() {
                Cause::NoSuchBucket => return Err(no_such_bucket()),
                cause if cause.is_transient() => return Err(unreachable_bucket(cause)),
                // Whoever may not ask gets the more careful of the two: as if versioning were suspended.
                cause => {
                    reached(Probe::VersioningDenied);
                    self.closure_note(format!(
                        "whether versioning is enabled could not be asked ({cause}); where that matters \
                         it is taken to be suspended"
                    ));
                    Some(Versioning::Suspended)
                }
            },
        };
        Ok(())
    }

    fn take_page(&mut self, id: u64, reply: Reply, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        let Some((mut look, purpose)) = self.looks.remove(&id) else {
            return Ok(());
        };
        match reply {
            Ok(Answer::Page { entries, next }) => {
                let next = if planted("AM-04") { None } else { next };
                let next = look.take(entries, next);
                let phase = match purpose {
                    LookFor::Verify => Phase::Verify,
                    LookFor::Plan => Phase::List,
                    LookFor::Again(_) => Phase::Apply,
                };
                if phase != Phase::Apply {
                    let (done, total) = (look.entries, None);
                    out.push(Effect::Progress(Progress { phase, done, total }));
                }
                if let Some(next) = next {
                    let prefix = self.options.prefix.clone();
                    self.courier.submit(Job::List {
                        look: id,
                        prefix,
                        after: Some(next),
                    });
                    self.looks.insert(id, (look, purpose));
                    return Ok(());
                }
                if let LookFor::Plan = purpose {
                    self.planned_from = (look.entries, look.pages);
                }
                let before = self.current_before(&purpose);
                self.listing.apply(look);
                self.put_back(before);
                if let LookFor::Verify = purpose {
                    self.begin_check();
                }
                Ok(())
            }
            Ok(_) => Err("the bucket's answer to a listing was none: nothing was changed".into()),
            Err(failure) => self.look_failed(purpose, failure.cause()),
        }
    }

    fn look_failed(&mut self, purpose: LookFor, cause: &Cause) -> Result<(), Refusal> {
        sometimes(Probe::PlanListingFailed, matches!(purpose, LookFor::Plan));
        match purpose {
            LookFor::Plan => Err(match cause {
                Cause::NoSuchBucket | Cause::NotFound => no_such_bucket(),
                Cause::Denied(words) => format!(
                    "listing the versions under {} was denied ({words}): allow s3:ListBucketVersions, or \
                     use other credentials; nothing was changed",
                    self.options.prefix
                ),
                cause if cause.is_transient() => unreachable_bucket(cause),
                cause => format!(
                    "the versions under {} could not be listed: {cause}",
                    self.options.prefix
                ),
            }),
            LookFor::Again(keys) => {
                reached(Probe::LookFailed);
                for key in keys {
                    self.give_up(
                        &key,
                        &format!("what became of writing it could not be looked up: {cause}"),
                    );
                }
                Ok(())
            }
            LookFor::Verify => {
                reached(Probe::VerifyingFailed);
                self.verification_failed(cause);
                Ok(())
            }
        }
    }

    /// When nothing is under way, the next phase begins.
    fn go_on(&mut self, out: &mut Vec<Effect>) {
        while !self.is_done && self.courier.is_idle() {
            if self.interrupted {
                let as_if = planted("AM-40");
                let state = if as_if {
                    State::Complete
                } else {
                    State::Interrupted
                };
                return self.finish(state, out);
            }
            let result = match self.phase {
                Phase::List => self.begin_reading(out),
                Phase::Read => {
                    self.begin_comparing();
                    Ok(())
                }
                Phase::Compare => {
                    self.compared(out);
                    Ok(())
                }
                Phase::Apply => {
                    self.go_on_applying(out);
                    Ok(())
                }
                Phase::Verify => {
                    self.go_on_verifying(out);
                    Ok(())
                }
            };
            if let Err(refusal) = result {
                self.refuse(refusal, out);
            }
        }
    }

    fn begin_reading(&mut self, out: &mut Vec<Effect>) -> Result<(), Refusal> {
        self.phase = Phase::Read;
        if planted("AM-43") && self.looks_dropped() {
            return Err("not one object of it is left: this table was dropped".into());
        }
        let mut ask = Vec::new();
        self.layout.start(&self.listing, &mut ask)?;
        self.begin_lookups(ask, out)
    }

    fn begin_comparing(&mut self) {
        self.phase = Phase::Compare;
        let mut closure = self.layout.closure(&self.listing);
        closure
            .notes
            .splice(0..0, std::mem::take(&mut self.closure.notes));
        #[cfg(feature = "drill")]
        if planted("AM-25") {
            Self::note_ancestors(&closure.references);
        }
        self.objects.refer(&mut closure.references);
        self.closure = closure;
        if planted("AM-32") {
            self.mistake_for_vacuum();
        }
        self.decide_open();
    }

    /// Every comparison was made: decide again what was open, until nothing is.
    fn compared(&mut self, out: &mut Vec<Effect>) {
        self.decide_open();
        if self.objects.open.is_empty() {
            self.planned(out);
        }
    }

    fn planned(&mut self, out: &mut Vec<Effect>) {
        self.objects.remember_seen(&self.listing);
        if !self.options.apply || !self.objects.any_to_write() {
            return self.finish_by_objects(out);
        }
        #[cfg(feature = "drill")]
        if planted("AM-16") {
            self.remember();
        }
        self.begin_applying();
    }

    pub(super) fn finish_by_objects(&mut self, out: &mut Vec<Effect>) {
        let state = if self.objects.required_missing() {
            State::Partial
        } else {
            State::Complete
        };
        self.finish(state, out);
    }

    fn finish(&mut self, state: State, out: &mut Vec<Effect>) {
        self.is_done = true;
        out.push(Effect::Done(Box::new(summary::report(self, state, None))));
    }

    fn refuse(&mut self, refusal: Refusal, out: &mut Vec<Effect>) {
        // Whoever is told to stop does not try again, so what failed then says nothing about the table.
        if self.interrupted {
            return self.finish(State::Interrupted, out);
        }
        self.is_done = true;
        out.push(Effect::Done(Box::new(summary::report(
            self,
            State::Refused,
            Some(refusal),
        ))));
    }

    /// Something that a person should know.
    pub(super) fn closure_note(&mut self, note: String) {
        if !self.closure.notes.contains(&note) {
            self.closure.notes.push(note);
        }
    }
}

fn no_such_bucket() -> Refusal {
    "there is no such bucket at this endpoint: check its name, the endpoint and the region".into()
}

fn unreachable_bucket(cause: &Cause) -> Refusal {
    format!(
        "the bucket could not be reached: {cause}; check the endpoint and try again, nothing was changed"
    )
}
