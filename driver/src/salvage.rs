//! Runs a salvage over real files, with plain threads.
//!
//! ```text
//!                     ┌──Run──► worker: reads by position, works, packs what is worth keeping ──┐
//!  Inputs ─► machine ─┤         worker …                                                        ├─► checkpoint
//!  (read-only)   ▲    └──Write─► Output: NAME.part ─── at the end ──► NAME                      │
//!                └──────────────────────────────── Done ────────────────────────────────────────┘
//! ```
//!
//! One thread owns the machine, the checkpoint and the outputs; the workers own nothing but what they read.
//! Which worker is faster decides nothing, for the machine takes findings in the order of their tasks.
//!
//! Invariants: inputs are opened read-only, and looked at again at the end; a kept task's findings are in the
//! checkpoint before the machine hears of them; no output has its name before all of them are whole and on
//! the disk.
//!
//! Deliberately not here: decisions, the report's words, the clock.

mod checkpoint;
mod encrypted;
mod inputs;
mod output;
mod reader;

use std::any::Any;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use firedrill_core::machine::{Instant, Machine as _};
use firedrill_core::salvage::options::Options;
use firedrill_core::salvage::report::Report;
use firedrill_core::salvage::task::{Findings, Task};
use firedrill_core::salvage::{Effect, Event, Progress, Salvage};

pub use checkpoint::Description;
pub use inputs::{InputError, Inputs};
pub use output::{Output, OutputError};

use reader::{FileReader, Refused, Source};

/// Tasks under way for each worker: one that it works on, and one that waits for it or for its turn.
const TASKS_PER_WORKER: usize = 2;

/// Why a salvage did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum SalvageError {
    /// The outputs cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The machine waits for nothing and has not reported.
    #[error("the salvage stopped without a report; this is a fault of the program")]
    Stalled,
}

/// Findings of an earlier run, by the number of their task.
pub type Kept = BTreeMap<u64, Findings>;

/// Salvages `inputs` with so many workers, and gives the report. What it writes goes to `output`, which the
/// caller publishes; without one nothing is kept and nothing is written.
///
/// `progress` sees each step forward, and the bytes that were read so far.
///
/// # Errors
/// When the outputs cannot be written. Whatever is wrong with the inputs is the report's business.
///
/// # Panics
/// When a task panicked.
pub fn salvage(
    inputs: &Inputs,
    output: Option<&mut Output>,
    kept: Kept,
    options: Options,
    workers: NonZeroUsize,
    progress: impl FnMut(&Progress, u64),
) -> Result<Report, SalvageError> {
    let start = Event::Start {
        files: inputs.files(),
        kept,
    };
    run(inputs.sources(), start, output, options, workers, progress)
}

fn run<S: Source + Sync>(
    sources: &[S],
    start: Event,
    output: Option<&mut Output>,
    options: Options,
    workers: NonZeroUsize,
    mut progress: impl FnMut(&Progress, u64),
) -> Result<Report, SalvageError> {
    let options = Options {
        window: workers.get().saturating_mul(TASKS_PER_WORKER),
        ..options
    };
    let is_keeping = output.is_some();
    let bytes_read = AtomicU64::new(0);
    let refused = Refused::default();
    let (tasks, waiting) = channel();
    let waiting = Mutex::new(waiting);
    let (answers, answered) = channel();
    std::thread::scope(|scope| {
        for _ in 0..workers.get() {
            let reader = FileReader::new(sources, &refused, &bytes_read);
            let (waiting, answers) = (&waiting, answers.clone());
            scope.spawn(move || work(waiting, &answers, reader, is_keeping));
        }
        drop(answers);
        // It ends with this closure, by a panic too: the workers see that there is nothing more to do.
        let tasks = tasks;
        let machine = Salvage::new(options);
        let mut progress = |step: &Progress| progress(step, bytes_read.load(Ordering::Relaxed));
        drive(machine, start, &tasks, &answered, output, &mut progress)
    })
}

/// One thing to do.
struct Job {
    id: u64,
    task: Task,
    keep: bool,
}

/// What came of it.
struct Answer {
    id: u64,
    findings: Findings,
    /// As the checkpoint has it, where it is worth keeping.
    packed: Option<Vec<u8>>,
}

/// A worker's life: one task after the other, until nobody gives out any more.
fn work<S: Source>(
    waiting: &Mutex<Receiver<Job>>,
    answers: &Sender<Result<Answer, Box<dyn Any + Send>>>,
    mut reader: FileReader<'_, S>,
    is_keeping: bool,
) {
    loop {
        let job = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(Job { id, task, keep }) = job else {
            return;
        };
        let answer = catch_unwind(AssertUnwindSafe(|| {
            let findings = task.run(&mut reader);
            let packed = (keep && is_keeping).then(|| checkpoint::pack(&(id, &findings)));
            Answer {
                id,
                findings,
                packed,
            }
        }));
        if answers.send(answer).is_err() {
            return;
        }
    }
}

/// The machine's life.
fn drive(
    mut machine: Salvage,
    start: Event,
    tasks: &Sender<Job>,
    answered: &Receiver<Result<Answer, Box<dyn Any + Send>>>,
    mut output: Option<&mut Output>,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Report, SalvageError> {
    let mut effects = Vec::new();
    let mut under_way = 0_u64;
    // This machine measures no time.
    machine.step(Instant::START, start, &mut effects);
    loop {
        for effect in effects.drain(..) {
            match effect {
                Effect::Run { id, task, keep } => {
                    under_way += 1;
                    let sent = tasks.send(Job { id, task, keep });
                    sent.map_err(|_| SalvageError::Stalled)?;
                }
                Effect::Write { path, bytes } => {
                    if let Some(output) = &mut output {
                        output.append(&path, &bytes)?;
                    }
                }
                Effect::Progress(step) => progress(&step),
                Effect::Finished(report) => return Ok(*report),
            }
        }
        if under_way == 0 {
            return Err(SalvageError::Stalled);
        }
        let answer = answered.recv().map_err(|_| SalvageError::Stalled)?;
        under_way -= 1;
        let Answer {
            id,
            findings,
            packed,
        } = answer.unwrap_or_else(|panic| resume_unwind(panic));
        if let (Some(output), Some(packed)) = (&mut output, packed) {
            output.keep(&packed)?;
        }
        machine.step(Instant::START, Event::Done { id, findings }, &mut effects);
    }
}

#[cfg(test)]
mod tests;
