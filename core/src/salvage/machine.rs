//! The salvage machine: which tasks are given out when, and what is made of their findings.
//!
//! ```text
//!  headers ► survey ► assemble ► search ► assemble ► mend ► gather ► carve ► touch ► replay ► extract ► hash ► render ► done
//!  └────────── data files, page by page ───────────┘ └────── journals ──────┘ └ rows ┘ └ attachments ┘
//! ```
//!
//! Tasks of one step are independent of one another. Their findings are taken in the order in which the tasks
//! were given out, so that the outcome depends on the bytes alone, not on who was faster; and since a task is
//! known by its number, findings that were kept before a crash stand for the tasks that would bring them again.
//!
//! Invariants: nothing but reading is ever asked of the inputs; each finding is taken once; what is written
//! is written in order.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::drill::planted;
use crate::machine::{Instant, Machine};

use super::desk::Desk;
use super::extract::Extracted;
use super::file::File;
use super::library::Library;
use super::options::Options;
use super::report::Report;
use super::task::{Findings, Task};

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// The run begins: the files, and findings that an earlier run of the same command kept.
    Start {
        /// In the order in which their paths were given.
        files: Vec<File>,
        /// By the number of their task.
        kept: BTreeMap<u64, Findings>,
    },
    /// A task is done.
    Done {
        /// Its number.
        id: u64,
        /// What came of it.
        findings: Findings,
    },
}

/// What to do next.
#[derive(Debug)]
pub enum Effect {
    /// Run a task, and answer with [`Event::Done`]. Where `keep` is set, its findings are worth keeping for a
    /// resume.
    Run {
        /// Its number.
        id: u64,
        /// It.
        task: Task,
        /// Whether to keep its findings.
        keep: bool,
    },
    /// Append to an output.
    Write {
        /// Below the output folder.
        path: String,
        /// What.
        bytes: Vec<u8>,
    },
    /// How far it is.
    Progress(Progress),
    /// It is finished.
    Finished(Box<Report>),
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// What it is at.
    pub step: Step,
    /// Tasks of this step that are done.
    pub done: u64,
    /// Tasks of this step that are known.
    pub total: u64,
    /// Records found so far.
    pub records: u64,
}

/// What a run is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the module's picture says what each is")]
pub enum Step {
    Headers,
    Survey,
    Assemble,
    Search,
    AssembleAgain,
    Mend,
    Gather,
    Carve,
    Touch,
    Replay,
    Extract,
    Hash,
    Render,
    Finished,
}

impl Step {
    fn next(self) -> Self {
        match self {
            Self::Headers => Self::Survey,
            Self::Survey => Self::Assemble,
            Self::Assemble => Self::Search,
            Self::Search => Self::AssembleAgain,
            Self::AssembleAgain => Self::Mend,
            Self::Mend => Self::Gather,
            Self::Gather => Self::Carve,
            Self::Carve => Self::Touch,
            Self::Touch => Self::Replay,
            Self::Replay => Self::Extract,
            Self::Extract => Self::Hash,
            Self::Hash => Self::Render,
            Self::Render | Self::Finished => Self::Finished,
        }
    }

    /// Carving closes the ledgers.
    fn next_of_verdicts(self) -> Self {
        match self {
            Self::Assemble => Self::Carve,
            Self::Carve => Self::Finished,
            other => other.next(),
        }
    }
}

/// The machine.
#[derive(Debug)]
pub struct Salvage {
    options: Options,
    desk: Desk,
    step: Step,
    /// Tasks that were done before this step began.
    done_before: u64,
    library: Option<Library>,
    kept: BTreeMap<u64, Findings>,
}

impl Salvage {
    /// A machine that was not started.
    pub fn new(options: Options) -> Self {
        Self {
            options,
            desk: Desk::default(),
            step: Step::Headers,
            done_before: 0,
            library: None,
            kept: BTreeMap::new(),
        }
    }

    /// Takes what arrived, in order, and goes on to the next step when this one is through.
    fn go_on(&mut self, out: &mut Vec<Effect>) {
        while self.step != Step::Finished {
            self.give_out(out);
            let Some(library) = &mut self.library else {
                return;
            };
            if let Some((task, findings)) = self.desk.take() {
                let more = library.take(task, findings, out);
                self.desk.put(more);
                continue;
            }
            if !self.desk.is_clear() {
                break;
            }
            self.step = match self.options.verdicts_only {
                true => self.step.next_of_verdicts(),
                false => self.step.next(),
            };
            self.done_before = self.desk.progress().0;
            match self.step {
                Step::Finished => out.push(Effect::Finished(Box::new(library.report()))),
                step => self.desk.put(library.tasks_of(step)),
            }
        }
        self.tell(out);
    }

    /// Starts tasks, and answers those whose findings were kept.
    fn give_out(&mut self, out: &mut Vec<Effect>) {
        while let Some((id, task)) = self.desk.begin(self.options.window) {
            match self.kept.remove(&id) {
                Some(Findings::Extracted(_)) if planted("SA-21") => {
                    self.desk
                        .arrive(id, Findings::Extracted(Extracted::default()));
                }
                Some(findings) => self.desk.arrive(id, findings),
                None => out.push(Effect::Run {
                    id,
                    keep: task.is_worth_keeping(),
                    task,
                }),
            }
        }
    }

    fn tell(&self, out: &mut Vec<Effect>) {
        let (done, total) = self.desk.progress();
        let records = self.library.as_ref().map_or(0, Library::records);
        out.push(Effect::Progress(Progress {
            step: self.step,
            done: done - self.done_before,
            total: total - self.done_before,
            records,
        }));
    }
}

impl Machine for Salvage {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, _now: Instant, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Start { files, kept } if self.library.is_none() => {
                let mut library = Library::new(files, self.options.clone());
                self.desk.put(library.tasks_of(Step::Headers));
                self.library = Some(library);
                self.kept = kept;
            }
            Event::Start { .. } => {}
            Event::Done { id, findings } => self.desk.arrive(id, findings),
        }
        self.go_on(out);
    }
}
