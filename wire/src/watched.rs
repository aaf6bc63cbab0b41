//! A machine with a hook at each effect: the judge looks on, the trace is written, the host crashes.
//!
//! The driver below it does not know. Effects start in the vector's order, so what is cut off behind the nth
//! has never started; a machine whose host crashed is asked nothing more.

use firedrill_core::amend::{Effect, Event};
use firedrill_core::machine::{Instant, Machine};
use firedrill_core::object::{Answer, Failure, Operation, Reply};
use firedrill_s3_mock::http::Service;
use firedrill_sim::fate::address;
use firedrill_sim::queue::Nanos;
use firedrill_sim::world::{HostId, Watcher as _};

use crate::BUCKET;
use crate::backstage::Handle;

/// A machine on a host.
pub(crate) struct Watched<M> {
    pub(crate) machine: M,
    pub(crate) host: HostId,
    pub(crate) backstage: Handle,
    pub(crate) service: Service,
    /// The world's time.
    pub(crate) clock: fn() -> Nanos,
}

impl<M: Machine<Event = Event, Effect = Effect>> Machine for Watched<M> {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, now: Instant, event: Event, out: &mut Vec<Effect>) {
        if self.backstage.lock().see(self.host).frozen {
            return;
        }
        self.hear(&event);
        let mut effects = Vec::new();
        self.machine.step(now, event, &mut effects);
        for effect in effects {
            if !self.begin(&effect) {
                break;
            }
            out.push(effect);
            if self.suffer() {
                break;
            }
        }
    }
}

impl<M> Watched<M> {
    /// Notes what the machine is told.
    fn hear(&self, event: &Event) {
        let mut backstage = self.backstage.lock();
        let (kind, detail) = match event {
            Event::Start => ("begin", ""),
            Event::Reply { id, reply } => {
                backstage.host(self.host).waiting.remove(id);
                if let Ok(Answer::Page { entries, next }) = reply {
                    backstage.got(self.host, entries, next.as_ref());
                }
                ("reply", outcome(reply))
            }
            Event::Timer { .. } => ("timer", ""),
            Event::Interrupt => ("interrupt", ""),
        };
        let now = (self.clock)();
        backstage.trace.push(now, self.host.0, kind, "", detail, 0);
    }

    /// An effect is about to start: everybody may look at it. False: it must not.
    fn begin(&self, effect: &Effect) -> bool {
        let now = (self.clock)();
        let begin = |bucket: &mut firedrill_s3_mock::Bucket| {
            let mut backstage = self.backstage.lock();
            backstage.effects += 1;
            let host = backstage.host(self.host);
            host.effects += 1;
            let nth = host.effects;
            if host.report.is_some() {
                host.misconduct = Some("an effect followed the report".into());
                return false;
            }
            backstage.on_stage(bucket, now, |judge, stage| {
                judge.effect(self.host, nth, effect, stage);
            });
            let host = backstage.host(self.host);
            let (kind, entity) = match effect {
                Effect::Request { id, request } => {
                    if host.waiting.insert(*id, request.is_write()).is_some() {
                        let twice = format!("two requests in flight are called {}", id.0);
                        host.misconduct = Some(twice);
                    }
                    let (_, key) = address(request);
                    (name(request.operation()), key.unwrap_or_default())
                }
                Effect::Timer { .. } => ("arm", ""),
                Effect::Progress(_) => ("progress", ""),
                Effect::Done(report) => {
                    if host.waiting.values().any(|is_write| *is_write) {
                        host.misconduct = Some("it ended with writes in flight".into());
                    }
                    host.report = Some(report.clone());
                    ("done", "")
                }
            };
            backstage.trace.push(now, self.host.0, kind, entity, "", 0);
            true
        };
        self.service
            .bucket(BUCKET, begin)
            .expect("the bucket is there")
    }

    /// What befalls the host right after its latest effect. True: it crashes.
    fn suffer(&self) -> bool {
        let mut backstage = self.backstage.lock();
        let host = backstage.host(self.host);
        if host.plight.interrupt_after == Some(host.effects) {
            host.interrupt.notify_one();
        }
        if host.plight.crash_after != Some(host.effects) {
            return false;
        }
        host.frozen = true;
        host.crash.notify_one();
        let now = (self.clock)();
        backstage.trace.push(now, self.host.0, "crash", "", "", 0);
        true
    }
}

fn outcome(reply: &Reply) -> &'static str {
    match reply {
        Ok(_) => "ok",
        Err(Failure::Determinate(_)) => "determinate",
        Err(Failure::Indeterminate(_)) => "indeterminate",
    }
}

fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::GetBucketVersioning => "get-versioning",
        Operation::ListObjectVersions => "list-versions",
        Operation::GetObject => "get",
        Operation::DeleteObjects => "delete-many",
        Operation::CopyObject => "copy",
        Operation::PutObject => "put",
    }
}
