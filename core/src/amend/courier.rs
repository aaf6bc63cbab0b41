//! Sends requests within the machine's window, and again where that is safe.
//!
//! A failed read or listing may be repeated at will. A write may be repeated only when it certainly did not
//! happen; one that may have happened goes back to the machine, which looks before it acts again.

use std::collections::{BTreeMap, VecDeque};

use crate::drill::{Probe, planted, reached, sometimes};
use crate::machine::{Duration, RequestId, TimerId};
use crate::object::{Answer, Cause, Failure, Operation, Reply};

use super::job::Job;
use super::machine::Effect;
use super::planted::{is_blind, planted_reply};

/// How often one request is sent before its failure is final.
const ATTEMPTS_MAX: u32 = 8;
/// Doubled with each attempt: the last one waits 6.4 s.
const DELAY_MS_FIRST: u64 = 100;

/// Requests queued, in flight, and waiting to be sent again.
#[derive(Debug)]
pub(super) struct Courier {
    window: usize,
    queue: VecDeque<Parcel>,
    in_flight: BTreeMap<RequestId, Parcel>,
    waiting: BTreeMap<TimerId, Parcel>,
    next_id: u64,
    stopped: bool,
    /// Requests sent, by operation.
    pub(super) sent: BTreeMap<Operation, u64>,
    /// Bytes of bodies that arrived.
    pub(super) bytes_read: u64,
}

#[derive(Debug)]
struct Parcel {
    job: Job,
    attempts: u32,
}

impl Courier {
    pub(super) fn new(window: usize) -> Self {
        Self {
            window: window.max(1),
            queue: VecDeque::new(),
            in_flight: BTreeMap::new(),
            waiting: BTreeMap::new(),
            next_id: 0,
            stopped: false,
            sent: BTreeMap::new(),
            bytes_read: 0,
        }
    }

    /// Queues a job.
    pub(super) fn submit(&mut self, job: Job) {
        if self.stopped {
            return;
        }
        let parcel = Parcel { job, attempts: 0 };
        if planted("AM-29") && crate::drill::coin() {
            return self.queue.push_front(parcel);
        }
        self.queue.push_back(parcel);
    }

    /// Sends what the window allows.
    pub(super) fn pump(&mut self, out: &mut Vec<Effect>) {
        while self.in_flight.len() < self.window {
            let Some(mut parcel) = self.queue.pop_front() else {
                return;
            };
            parcel.attempts += 1;
            let request = parcel.job.request();
            *self.sent.entry(request.operation()).or_default() += 1;
            let id = RequestId(self.take_id());
            self.in_flight.insert(id, parcel);
            out.push(Effect::Request { id, request });
        }
        sometimes(Probe::WindowFull, !self.queue.is_empty());
    }

    /// Takes a reply. Answers the job with its final result, or nothing when it is to be sent again.
    pub(super) fn take(
        &mut self,
        id: RequestId,
        reply: Reply,
        out: &mut Vec<Effect>,
    ) -> Option<(Job, Reply)> {
        let parcel = self.in_flight.remove(&id)?;
        let reply = self.whole(&parcel.job, reply);
        if let Err(failure) = &reply {
            let used_up = failure.cause().is_transient() && parcel.attempts >= ATTEMPTS_MAX;
            sometimes(Probe::AttemptsUsedUp, used_up);
        }
        let reply = planted_reply(&parcel.job, parcel.attempts, reply);
        match &reply {
            Err(failure) if !self.stopped && may_be_repeated(&parcel, failure) => {
                reached(Probe::SentAgain);
                let doubled = DELAY_MS_FIRST << (parcel.attempts - 1);
                let delay = Duration::from_millis(doubled);
                let id = TimerId(self.take_id());
                self.waiting.insert(id, parcel);
                out.push(Effect::Timer { id, delay });
                None
            }
            Err(failure)
                if planted("AM-28")
                    && parcel.attempts >= ATTEMPTS_MAX
                    && failure.cause().is_transient() =>
            {
                let id = TimerId(self.take_id());
                self.waiting.insert(id, parcel);
                None
            }
            _ => Some((parcel.job, reply)),
        }
    }

    /// A timer ran out: what waited for it is sent next.
    pub(super) fn wake(&mut self, id: TimerId) {
        if let Some(parcel) = self.waiting.remove(&id) {
            self.queue.push_front(parcel);
        }
    }

    /// Sends nothing more. What is in flight is still answered.
    pub(super) fn stop(&mut self) {
        self.stopped = true;
        self.queue.clear();
        self.waiting.clear();
    }

    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty() && self.waiting.is_empty()
    }

    /// A body shorter or longer than the listing says is a body cut short, whatever the runtime made of it.
    fn whole(&mut self, job: &Job, reply: Reply) -> Reply {
        if planted("AM-19") && matches!(&reply, Err(failure) if *failure.cause() == Cause::Timeout)
        {
            return Err(Failure::Determinate(Cause::NotFound));
        }
        let arrived = match &reply {
            Ok(Answer::Body(body)) => body.len() as u64,
            Ok(Answer::Digest { size, .. }) => *size,
            _ => return reply,
        };
        self.bytes_read += arrived;
        if job.body_size().is_some_and(|size| size != arrived) && !planted("AM-18") {
            reached(Probe::BodyCut);
            return Err(Failure::Indeterminate(Cause::BodyCut));
        }
        reply
    }

    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

fn may_be_repeated(parcel: &Parcel, failure: &Failure) -> bool {
    let did_not_happen = match failure {
        Failure::Determinate(_) => true,
        Failure::Indeterminate(cause) => !parcel.job.is_write() || is_blind(&parcel.job, cause),
    };
    did_not_happen && failure.cause().is_transient() && parcel.attempts < ATTEMPTS_MAX
}
