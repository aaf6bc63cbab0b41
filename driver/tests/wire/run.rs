//! The loop around a machine, with machines that are made for one question each.

use std::collections::BTreeMap;
use std::time::Duration;

use firedrill_core::amend::{Cost, Effect, Event, Phase, Progress, Report, State};
use firedrill_core::machine::{Instant, Machine, RequestId, TimerId};
use firedrill_core::object::{Answer, Key, Request, Versioning};
use firedrill_driver::{RunError, run};

use super::{World, bucket};

fn report(state: State) -> Box<Report> {
    Box::new(Report {
        state,
        applied: false,
        prefix: Key::from("t/"),
        refusal: None,
        commit: None,
        counts: BTreeMap::new(),
        requests: BTreeMap::new(),
        cost: Cost::default(),
        objects: Vec::new(),
        below_lost: Vec::new(),
        notes: Vec::new(),
    })
}

/// Does what a closure says.
struct Script<F>(F);

impl<F: FnMut(Instant, Event, &mut Vec<Effect>)> Machine for Script<F> {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, now: Instant, event: Event, out: &mut Vec<Effect>) {
        (self.0)(now, event, out);
    }
}

fn stopped() -> Instant {
    Instant::START
}

#[tokio::test]
async fn requests_and_timers_come_back_under_their_names() {
    let world = World::new(bucket(&[]), Vec::new()).await;
    let mut seen = Vec::new();
    let script = Script(|_, event, out: &mut Vec<Effect>| match event {
        Event::Start => {
            out.push(Effect::Timer {
                id: TimerId(7),
                // The answers are there long before half of it.
                delay: Duration::from_secs(4),
            });
            for id in [3, 4] {
                out.push(Effect::Request {
                    id: RequestId(id),
                    request: Request::GetVersioning,
                });
            }
        }
        event => {
            seen.push(event);
            if seen.len() == 3 {
                out.push(Effect::Done(report(State::Complete)));
            }
        }
    });
    let mut longest = Vec::new();
    let jitter = |delay| {
        longest.push(delay);
        Duration::ZERO
    };
    let forever = std::future::pending();
    let outcome = run(script, &world.client, stopped, jitter, forever, |_| {}).await;
    assert_eq!(outcome, Ok(*report(State::Complete)));
    assert_eq!(longest, [Duration::from_secs(2)]);
    let reply = |id| Event::Reply {
        id: RequestId(id),
        reply: Ok(Answer::Versioning(Versioning::Enabled)),
    };
    assert!(
        seen.contains(&reply(3)) && seen.contains(&reply(4)),
        "{seen:?}"
    );
    assert_eq!(seen[2], Event::Timer { id: TimerId(7) });
}

#[tokio::test]
async fn an_interrupt_comes_once_and_waits_for_nothing() {
    let world = World::new(bucket(&[]), Vec::new()).await;
    let mut interrupts = 0;
    let script = Script(|_, event, out: &mut Vec<Effect>| match event {
        Event::Start => out.push(Effect::Timer {
            id: TimerId(1),
            delay: Duration::from_millis(100),
        }),
        Event::Interrupt => interrupts += 1,
        _ => out.push(Effect::Done(report(State::Interrupted))),
    });
    let at_once = std::future::ready(());
    let jitter = |_| Duration::ZERO;
    let outcome = run(script, &world.client, stopped, jitter, at_once, |_| {}).await;
    assert_eq!(outcome.map(|report| report.state), Ok(State::Interrupted));
    assert_eq!(interrupts, 1);
}

#[tokio::test]
async fn progress_is_passed_on_and_a_machine_that_stops_is_told_apart() {
    let world = World::new(bucket(&[]), Vec::new()).await;
    let step = Progress {
        phase: Phase::List,
        done: 1,
        total: None,
    };
    let script = Script(|_, _, out: &mut Vec<Effect>| out.push(Effect::Progress(step.clone())));
    let mut seen = Vec::new();
    let outcome = run(
        script,
        &world.client,
        stopped,
        |_| Duration::ZERO,
        std::future::pending(),
        |progress| seen.push(progress.clone()),
    )
    .await;
    assert_eq!(outcome, Err(RunError::Stalled));
    assert_eq!(seen, [step]);
}
