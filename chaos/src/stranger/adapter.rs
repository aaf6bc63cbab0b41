//! A routine as a machine: it names the requests, keeps the window, and reports when nothing is left.

use std::collections::{BTreeMap, VecDeque};

use firedrill_core::amend::{Cost, Effect, Event, Options, Report, State};
use firedrill_core::machine::{Instant, Machine, RequestId};
use firedrill_core::object::Request;

use super::Routine;

/// The machine around a routine.
#[derive(Debug)]
pub struct Adapter<R> {
    routine: R,
    options: Options,
    queue: VecDeque<Request>,
    in_flight: BTreeMap<RequestId, Request>,
    sent: u64,
    interrupted: bool,
    is_done: bool,
}

impl<R: Routine> Adapter<R> {
    /// A machine at its start.
    pub fn new(routine: R, options: Options) -> Self {
        Self {
            routine,
            options,
            queue: VecDeque::new(),
            in_flight: BTreeMap::new(),
            sent: 0,
            interrupted: false,
            is_done: false,
        }
    }

    fn pump(&mut self, out: &mut Vec<Effect>) {
        while self.in_flight.len() < self.options.window.max(1) {
            let Some(request) = self.queue.pop_front() else {
                break;
            };
            self.sent += 1;
            let id = RequestId(self.sent);
            self.in_flight.insert(id, request.clone());
            out.push(Effect::Request { id, request });
        }
        if self.in_flight.is_empty() && !self.is_done {
            self.is_done = true;
            out.push(Effect::Done(Box::new(self.report())));
        }
    }

    /// Says how it ended, and nothing of single objects.
    fn report(&self) -> Report {
        let verdict = self.routine.verdict();
        let state = match (self.interrupted, &verdict) {
            (true, _) => State::Interrupted,
            (false, Ok(())) => State::Complete,
            (false, Err(_)) => State::Partial,
        };
        Report {
            state,
            applied: true,
            prefix: self.options.prefix.clone(),
            refusal: verdict.err(),
            commit: None,
            counts: BTreeMap::new(),
            requests: BTreeMap::new(),
            cost: Cost::default(),
            objects: Vec::new(),
            below_lost: Vec::new(),
            notes: Vec::new(),
        }
    }
}

impl<R: Routine> Machine for Adapter<R> {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, _now: Instant, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Start => self.queue.extend(self.routine.start()),
            Event::Reply { id, reply } => {
                let Some(request) = self.in_flight.remove(&id) else {
                    return;
                };
                let more = self.routine.answered(&request, reply);
                if !self.interrupted {
                    self.queue.extend(more);
                }
            }
            Event::Timer { .. } => return,
            Event::Interrupt => {
                self.interrupted = true;
                self.queue.clear();
            }
        }
        self.pump(out);
    }
}
