//! The checkers: what a salvage told, held against what it must have told.
//!
//! ```text
//!  s1 written    nothing invented        s6, s10    in `judge`: plays that must end alike
//!  s2 due        nothing withheld        s4, s8     likewise: no panic, nothing but output
//!  s3 ledger     every byte, once        s5         an s2 that the unhurt files do not show
//!  s7 classes    live is live            s9 mended  one bit, and said so
//! ```

mod s1_written;
mod s2_due;
mod s3_ledger;
mod s7_classes;
mod s9_mended;

use std::collections::BTreeMap;

use firedrill_core::salvage::record::{Class, Kind};

use super::disk::Disk;
use super::fate::{Fates, kind, rendered};
use super::play::{Broken, Played, play};
use super::property::{Property, Violation};
use super::scenario::{Run, Scenario};
use super::told::{Line, Told};

/// What came of a scenario.
#[derive(Debug)]
pub struct Outcome {
    /// What is wrong.
    pub violations: Vec<Violation>,
    /// The files.
    pub disk: Disk,
    /// What was told, if it came so far.
    pub told: Option<Told>,
    /// How many records had to be told.
    pub due: u64,
    /// Tasks of all plays.
    pub tasks: u64,
    /// Whether the process was killed.
    pub crashed: bool,
}

/// All that a checker looks at.
pub(super) struct Evidence<'a> {
    pub(super) fates: &'a Fates<'a>,
    pub(super) played: &'a Played,
    pub(super) told: &'a Told,
    /// The lines of each record that are no suspects, by its place in the writer's list.
    pub(super) lines: BTreeMap<usize, Vec<&'a Line>>,
    /// Lines that are no suspects, and of no record.
    pub(super) strange: Vec<&'a Line>,
}

/// Runs a scenario and judges it.
pub fn judge(scenario: &Scenario, planted: Option<&'static str>) -> Outcome {
    let disk = Disk::of(scenario);
    let mut outcome = Outcome {
        violations: Vec::new(),
        disk,
        told: None,
        due: 0,
        tasks: 0,
        crashed: false,
    };
    let played = match play(&outcome.disk, &scenario.run, planted) {
        Ok(played) => played,
        Err(broken) => {
            outcome.violations.push(of_broken(&broken));
            return outcome;
        }
    };
    outcome.tasks = played.tasks;
    outcome.crashed = played.crashed;
    let mut violations = Vec::new();
    same_end(&outcome.disk, scenario, &played, planted, &mut violations);
    only_output(&outcome.disk, &played, &mut violations);
    match Told::read(&played.written) {
        Err(error) => violations.push(Violation::of_run(Property::S1, error.to_string())),
        Ok(told) => {
            let fates = Fates::of(&outcome.disk, scenario.run.repair_budget);
            let records = 0..fates.truth().records.len();
            outcome.due = records.filter(|nth| fates.is_due(*nth)).count() as u64;
            let evidence = Evidence::new(&fates, &played, &told);
            s1_written::check(&evidence, &mut violations);
            s2_due::check(&evidence, scenario, planted, &mut violations);
            s3_ledger::check(&evidence, &mut violations);
            s7_classes::check(&evidence, &mut violations);
            s9_mended::check(&evidence, &mut violations);
            outcome.told = Some(told);
        }
    }
    outcome.violations = violations;
    outcome
}

fn of_broken(broken: &Broken) -> Violation {
    let sentence = match broken {
        Broken::Panicked(words) => format!("it panics: {words}"),
        Broken::Excess(words) => format!("it takes too much: {words}"),
        Broken::Stuck => "nothing is under way, and it has not finished".to_owned(),
    };
    Violation::of_run(Property::S4, sentence)
}

/// S6 and S10: the plainest run ends like this one.
fn same_end(
    disk: &Disk,
    scenario: &Scenario,
    played: &Played,
    planted: Option<&'static str>,
    out: &mut Vec<Violation>,
) {
    let plain = Run {
        repair_budget: scenario.run.repair_budget,
        ..Run::default()
    };
    if scenario.run == plain {
        return;
    }
    let Ok(undisturbed) = play(disk, &plain, planted) else {
        let sentence = "one task at a time, it does not come to its end";
        return out.push(Violation::of_run(Property::S6, sentence));
    };
    let Some(difference) = difference(&undisturbed, played) else {
        return;
    };
    let uninterrupted = Run {
        crash_after: None,
        ..scenario.run
    };
    let property = match scenario.run.crash_after {
        None => Property::S6,
        Some(_) => match play(disk, &uninterrupted, planted) {
            Ok(other) if self::difference(&undisturbed, &other).is_none() => Property::S10,
            _ => Property::S6,
        },
    };
    out.push(Violation::of_run(property, difference));
}

fn difference(one: &Played, other: &Played) -> Option<String> {
    if one.report != other.report {
        return Some("the reports differ".to_owned());
    }
    let paths = one.written.keys().chain(other.written.keys());
    let mut differing = paths.filter(|path| one.written.get(*path) != other.written.get(*path));
    let path = differing.next()?;
    Some(format!("{path} differs"))
}

/// S8: no output lies where an input lies, or outside of the output folder.
fn only_output(disk: &Disk, played: &Played, out: &mut Vec<Violation>) {
    for path in played.written.keys() {
        let is_input = disk.media.iter().any(|medium| path.ends_with(&medium.name));
        if is_input || path.starts_with('/') || path.split('/').any(|part| part == "..") {
            out.push(Violation::of_run(
                Property::S8,
                format!("it writes to {path}"),
            ));
        }
    }
}

impl<'a> Evidence<'a> {
    fn new(fates: &'a Fates<'a>, played: &'a Played, told: &'a Told) -> Self {
        let mut known: BTreeMap<(Kind, u64, String), usize> = BTreeMap::new();
        for (nth, record) in fates.truth().records.iter().enumerate() {
            if let Some(kind) = kind(record.kind) {
                known.insert((kind, record.etag as u64, rendered(&record.key)), nth);
            }
        }
        let mut evidence = Self {
            fates,
            played,
            told,
            lines: BTreeMap::new(),
            strange: Vec::new(),
        };
        let lines = told.lines.iter();
        for line in lines.filter(|line| line.class != Class::Suspect) {
            match known.get(&(line.kind, line.etag, line.key.clone())) {
                Some(nth) => evidence.lines.entry(*nth).or_default().push(line),
                None => evidence.strange.push(line),
            }
        }
        evidence
    }
}
