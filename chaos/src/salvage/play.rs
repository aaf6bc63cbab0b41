//! Plays core's salvage over bytes in memory: tasks end in any order, the process is killed and resumes.
//!
//! Invariants: equal disks and runs give equal ends; what a killed process wrote is gone, what it kept is there.

use std::collections::BTreeMap;

use firedrill_core::machine::{Instant, Machine as _};
use firedrill_core::salvage::options::Options;
use firedrill_core::salvage::report::Report;
use firedrill_core::salvage::task::{Findings, Task};
use firedrill_core::salvage::{Effect, Event, Salvage};
use firedrill_sim::draw::{Seed, Stream};

use crate::campaign::catch;

use super::disk::{Disk, Excess, Media, PAGE};
use super::scenario::Run;

const ORDER: Stream = Stream::new("salvage.order");

/// What a salvage left.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// What it says at the end.
    pub report: Report,
    /// What it wrote, by path.
    pub written: BTreeMap<String, Vec<u8>>,
    /// Tasks that were done, in all lives.
    pub tasks: u64,
    /// Whether it was killed.
    pub crashed: bool,
}

/// Why there is no end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// It panicked.
    Panicked(String),
    /// It takes more than it may.
    Excess(String),
    /// Nothing is under way, and it has not finished.
    Stuck,
}

/// Plays it with a planted bug active, or none.
///
/// # Errors
/// It did not come to its end.
pub fn play(disk: &Disk, run: &Run, planted: Option<&'static str>) -> Result<Played, Broken> {
    firedrill_core::drill::activate(planted);
    let caught = catch(|| Stage::new(disk, run).play());
    firedrill_core::drill::activate(None);
    caught.unwrap_or_else(|panic| {
        Err(match panic.downcast::<Excess>() {
            Ok(excess) => Broken::Excess(excess.0),
            Err(panic) => Broken::Panicked(words(&*panic)),
        })
    })
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    text.unwrap_or_else(|| "a panic without a message".into())
}

struct Stage<'a> {
    disk: &'a Disk,
    run: &'a Run,
    media: Media<'a>,
    machine: Salvage,
    flying: Vec<(u64, Task, bool)>,
    kept: BTreeMap<u64, Findings>,
    written: BTreeMap<String, Vec<u8>>,
    tasks: u64,
    crashed: bool,
}

impl<'a> Stage<'a> {
    fn new(disk: &'a Disk, run: &'a Run) -> Self {
        Self {
            disk,
            run,
            media: Media::new(disk),
            machine: machine(run),
            flying: Vec::new(),
            kept: BTreeMap::new(),
            written: BTreeMap::new(),
            tasks: 0,
            crashed: false,
        }
    }

    fn play(mut self) -> Result<Played, Broken> {
        let mut finished = self.step(Event::Start {
            files: self.disk.files(),
            kept: BTreeMap::new(),
        });
        let bytes: usize = self.disk.media.iter().map(|one| one.bytes.len()).sum();
        let tasks_max = 2000 + 64 * (bytes / PAGE) as u64;
        loop {
            if let Some(report) = finished {
                return Ok(Played {
                    report: *report,
                    written: self.written,
                    tasks: self.tasks,
                    crashed: self.crashed,
                });
            }
            if self.flying.is_empty() {
                return Err(Broken::Stuck);
            }
            if self.tasks > tasks_max {
                return Err(Broken::Excess(format!("more than {tasks_max} tasks")));
            }
            let (id, task, keep) = self.flying.remove(self.next());
            let findings = task.run(&mut self.media);
            if keep {
                self.kept.insert(id, findings.clone());
            }
            self.tasks += 1;
            finished = self.step(Event::Done { id, findings });
            if self.run.crash_after.map(u64::from) == Some(self.tasks) && !self.crashed {
                finished = self.crash();
            }
        }
    }

    /// Which of the tasks under way ends next.
    fn next(&self) -> usize {
        if self.run.order == 0 {
            return 0;
        }
        let seed = Seed(self.run.order);
        seed.below(self.flying.len() as u64, ORDER, self.tasks, 0) as usize
    }

    fn crash(&mut self) -> Option<Box<Report>> {
        self.crashed = true;
        self.machine = machine(self.run);
        self.flying.clear();
        self.written.clear();
        let kept = self.kept.clone();
        let files = self.disk.files();
        self.step(Event::Start { files, kept })
    }

    fn step(&mut self, event: Event) -> Option<Box<Report>> {
        let mut out = Vec::new();
        self.machine.step(Instant::START, event, &mut out);
        let mut finished = None;
        for effect in out {
            match effect {
                Effect::Run { id, task, keep } => self.flying.push((id, task, keep)),
                Effect::Write { path, bytes } => {
                    self.written.entry(path).or_default().extend(bytes);
                }
                Effect::Progress(_) => {}
                Effect::Finished(report) => finished = Some(report),
            }
        }
        finished
    }
}

fn machine(run: &Run) -> Salvage {
    Salvage::new(Options {
        window: usize::from(run.window.max(1)),
        repair_budget: 1 << run.repair_budget.min(40),
        ..Options::default()
    })
}
