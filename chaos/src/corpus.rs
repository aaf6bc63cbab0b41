//! Interesting cases, kept in a folder and run first the next time.
//!
//! A case is interesting when it reaches a *signature* that no other one reached. It has one for what came
//! together in it (which faults struck, which decisions the reports held, how the lives ended), and one for each
//! probe that it came past. The folder holds one scenario file for each signature that no other file reaches,
//! named after it, so it needs no index, and two folders become one by copying.
//!
//! Invariants:
//! - Which case stands for a signature does not depend on the threads: the one with the lowest number.
//! - A file is overwritten only when its scenario no longer reaches what it was kept for. A corpus outlives
//!   changes of the generator, for it holds scenarios and no seeds; it follows changes of the code by itself.
//! - There are never more files than the bound says; the signatures met first are kept.
//!
//! Deliberately not here: what failed and is worth a story; see [`kept`](crate::kept).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use firedrill_core::amend::Amend;
use firedrill_sim::draw::{fold, hash_bytes};

use crate::campaign::{self, case_seed};
use crate::generate;
use crate::kept;
use crate::pool;
use crate::property::Violation;
use crate::runner::Outcome;
use crate::scenario::Scenario;

/// Files that a corpus holds at most, unless it is told otherwise.
pub const FILES_MAX: usize = 2000;

/// What a run reached, as numbers.
pub fn signatures(scenario: &Scenario, outcome: &Outcome) -> impl Iterator<Item = u64> {
    let probes = outcome.probes.iter();
    let probes = probes.map(|probe| fold(PROBE, hash_bytes(probe.name().as_bytes())));
    std::iter::once(together(scenario, outcome)).chain(probes)
}

/// Tells a probe's signature from that of a combination.
const PROBE: u64 = 1;

fn together(scenario: &Scenario, outcome: &Outcome) -> u64 {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let faults = scenario.faults.iter().zip(&outcome.fired);
    let struck = faults.filter(|(_, fired)| **fired > 0);
    reached.extend(struck.map(|(fault, _)| fault.class()));
    let mut statuses = BTreeSet::new();
    for report in &outcome.reports {
        reached.extend(report.counts.keys());
        statuses.insert(report.exit_status());
    }
    if outcome.crashes > 0 {
        reached.insert("host.crash");
    }
    let names = reached.into_iter().map(|name| hash_bytes(name.as_bytes()));
    let words = names.chain(statuses.into_iter().map(u64::from));
    words.fold(0, fold)
}

/// A corpus that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// A file or the folder.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// A file is no scenario.
    #[error("{}: {error}", path.display())]
    NotAScenario {
        /// Which.
        path: PathBuf,
        /// Why.
        error: toml::de::Error,
    },
    /// A scenario cannot be written as a file.
    #[error("the scenario cannot be written as TOML: {0}")]
    Unwritable(#[from] toml::ser::Error),
}

/// What came of a corpus.
#[derive(Debug, Default)]
pub struct Replayed {
    /// Files that were run.
    pub files: usize,
    /// What they reach.
    pub signatures: BTreeSet<u64>,
    /// Those that violate something, by name.
    pub failures: Vec<(PathBuf, Vec<Violation>)>,
}

/// Runs every case of a corpus. A folder that is not there is an empty corpus.
///
/// # Errors
/// Something in the folder cannot be read, or is no scenario.
pub fn replay(folder: &Path, jobs: usize) -> Result<Replayed, CorpusError> {
    let cases = read(folder)?;
    let mut all = Replayed::default();
    for (signatures, failure) in pool::share(jobs, cases.iter(), run) {
        all.files += 1;
        all.signatures.extend(signatures);
        all.failures.extend(failure);
    }
    Ok(all)
}

/// Keeps the cases of a campaign that reached what no case of the corpus did. Answers how many files it wrote.
///
/// # Errors
/// The folder cannot be written.
pub fn grow(
    folder: &Path,
    known: &Replayed,
    root: u64,
    reached: &BTreeMap<u64, u64>,
    files_max: usize,
) -> Result<usize, CorpusError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |error| CorpusError::File { path, error }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let new = reached.iter();
    let new = new.filter(|(signature, _)| !known.signatures.contains(signature));
    let mut by_number: Vec<(u64, u64)> = new.map(|(name, number)| (*number, *name)).collect();
    by_number.sort_unstable();
    let mut files = known.files;
    let mut written = BTreeSet::new();
    for (number, signature) in by_number {
        let path = folder.join(format!("{signature:016x}.toml"));
        let replaces = path.exists();
        let is_full = !replaces && files >= files_max;
        if is_full || written.contains(&number) {
            continue;
        }
        let mut scenario = generate::scenario(case_seed(root, number));
        scenario.story = format!("Case {number} of root {root}.");
        fs::write(&path, scenario.to_toml()?).map_err(at(&path))?;
        files += usize::from(!replaces);
        written.insert(number);
    }
    Ok(written.len())
}

fn read(folder: &Path) -> Result<Vec<(PathBuf, Scenario)>, CorpusError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |error| CorpusError::File { path, error }
    };
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let scenario = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        match Scenario::from_toml(&text) {
            Ok(scenario) => Ok((path, scenario)),
            Err(error) => Err(CorpusError::NotAScenario { path, error }),
        }
    };
    let paths = kept::files(folder).map_err(at(folder))?;
    paths.into_iter().map(scenario).collect()
}

/// What one file reaches, and what it violates.
fn run((path, scenario): &(PathBuf, Scenario)) -> (Vec<u64>, Option<(PathBuf, Vec<Violation>)>) {
    let (reached, violations) = match campaign::run_caught(scenario, &Amend::new, None, false) {
        Ok(outcome) => (signatures(scenario, &outcome).collect(), outcome.violations),
        Err(violations) => (Vec::new(), violations),
    };
    let failed = !violations.is_empty();
    (reached, failed.then(|| (path.clone(), violations)))
}
