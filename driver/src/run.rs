//! Drives a machine to its end: performs its effects, and tells it what came of them.

use std::panic::resume_unwind;

use firedrill_core::amend::{Effect, Event, Progress, Report};
use firedrill_core::machine::{Duration, Instant, Machine};

use crate::Client;
use crate::tasks::JoinSet;

/// Why a machine did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// It waits for nothing and has not reported: a fault in the machine.
    #[error("the recovery stopped without a report; this is a fault of the program")]
    Stalled,
}

/// Runs `machine` against the bucket of `client` until it reports.
///
/// - `now`: time since the start of the machine, monotonic.
/// - `jitter`: how much longer than asked a timer waits, at random between nothing and its argument.
/// - `interrupt`: resolves when the machine is to stop; one that never does is fine.
/// - `progress`: sees each step forward.
///
/// How many requests are in flight is the machine's business: each effect starts at once.
///
/// # Errors
/// When the machine stops without a report. Whatever the bucket answers is the report's business.
///
/// # Panics
/// When performing a request panicked.
pub async fn run<M>(
    mut machine: M,
    client: &Client,
    now: impl Fn() -> Instant,
    mut jitter: impl FnMut(Duration) -> Duration,
    interrupt: impl Future<Output = ()>,
    mut progress: impl FnMut(&Progress),
) -> Result<Report, RunError>
where
    M: Machine<Event = Event, Effect = Effect>,
{
    let mut interrupt = std::pin::pin!(interrupt);
    let mut interrupted = false;
    let mut under_way: JoinSet<Event> = JoinSet::new();
    let mut effects = Vec::new();
    machine.step(now(), Event::Start, &mut effects);
    loop {
        for effect in effects.drain(..) {
            match effect {
                Effect::Request { id, request } => {
                    let client = client.clone();
                    under_way.spawn(async move {
                        let reply = client.perform(&request).await;
                        Event::Reply { id, reply }
                    });
                }
                Effect::Timer { id, delay } => {
                    let delay = delay + jitter(delay / 2);
                    under_way.spawn(async move {
                        tokio::time::sleep(delay).await;
                        Event::Timer { id }
                    });
                }
                Effect::Progress(step) => progress(&step),
                Effect::Done(report) => return Ok(*report),
            }
        }
        // `biased`: which branch is looked at first is no place for chance.
        let event = tokio::select! {
            biased;
            () = &mut interrupt, if !interrupted => {
                interrupted = true;
                Event::Interrupt
            }
            finished = under_way.join_next() => match finished {
                Some(Ok(event)) => event,
                Some(Err(error)) => resume_unwind(error.into_panic()),
                None => return Err(RunError::Stalled),
            },
        };
        machine.step(now(), event, &mut effects);
    }
}
