//! Kept cases: scenario files that say what came of them, so that nothing changes unnoticed.
//!
//! ```toml
//! story = "…"                     # what happened to whom
//! catches = ["AM-09"]             # planted bugs that it must catch; without any of them it passes
//! …                               # the scenario itself
//! [expect]                        # what came of it: rewritten by `cargo xtask bless`, always last
//! ```
//!
//! Invariants:
//! - What is pinned says what an amend did for people: how each life ended, what it decided, which bytes are
//!   current afterwards, what lies in the bucket. No trace, no ids, no times: those change with every change.
//! - A violated property is no expectation, so it cannot be blessed.
//!
//! Deliberately not here: which folder they lie in, and who may write them (the commands).

mod file;
mod keep;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use firedrill_core::amend::{Amend, Report};
use serde::Deserialize;

use crate::campaign::{self, PLANTED};
use crate::property::Violation;
use crate::runner::Outcome;
use crate::scenario::{Scenario, TableSource};

pub use file::{BlessError, blessed, differences};
pub use keep::{Kept, KeptError, Minimal, keep};

/// The scenario files of a folder, by name.
///
/// # Errors
/// The folder cannot be listed.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Makes a scenario name its real table as a file does: where such tables lie is the environment's business.
pub fn without_place(scenario: &mut Scenario) {
    if let TableSource::Sample { folder } = &mut scenario.table
        && let Some((_, name)) = folder.rsplit_once('/')
    {
        *folder = name.to_owned();
    }
}

/// A scenario file with what it expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCase {
    /// Ids of the planted bugs that it must catch.
    pub catches: Vec<String>,
    /// What came of it when it was last blessed.
    pub expect: Option<Expect>,
    /// The scenario.
    pub scenario: Scenario,
}

/// What came of a scenario, as far as it concerns people.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Expect {
    /// Crashes that happened.
    pub crashes: u64,
    /// How often each of its faults struck.
    pub struck: Vec<u64>,
    /// Keys of the table that hold what its writer wrote last.
    pub right: u64,
    /// Keys of the table that hold something else.
    pub other: u64,
    /// Keys of the table that are not there.
    pub gone: u64,
    /// Data versions in the bucket.
    pub versions: u64,
    /// Delete markers in the bucket.
    pub markers: u64,
    /// The lives that ended, in order.
    #[serde(default, rename = "life")]
    pub lives: Vec<ExpectedLife>,
}

/// How one life ended.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ExpectedLife {
    /// The exit status of its report.
    pub status: u8,
    /// How many objects got which decision.
    pub decisions: BTreeMap<String, u64>,
}

/// What a kept case is like today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What it violates without any planted bug. Nothing, if all is well.
    pub violations: Vec<Violation>,
    /// What comes of it; none if it does not even run.
    pub actual: Option<Expect>,
    /// Planted bugs that it should catch and does not.
    pub escaped: Vec<String>,
}

impl KeptCase {
    /// Reads a scenario file with or without the notes of a kept case.
    ///
    /// # Errors
    /// It is no scenario, or the notes are not those of a kept case.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        #[derive(Deserialize)]
        struct Notes {
            #[serde(default)]
            catches: Vec<String>,
            expect: Option<Expect>,
        }
        let notes: Notes = toml::from_str(text)?;
        Ok(Self {
            catches: notes.catches,
            expect: notes.expect,
            scenario: Scenario::from_toml(text)?,
        })
    }

    /// Runs it as it is, and with each planted bug that it must catch.
    pub fn check(&self) -> Checked {
        let caught = |id: &&String| {
            let Some((bug, wanted)) = PLANTED.iter().find(|(bug, _)| bug == id) else {
                return false;
            };
            let attempt = campaign::run_caught(&self.scenario, &Amend::new, Some(bug), false);
            let found = attempt.map_or_else(|found| found, |outcome| outcome.violations);
            found.iter().any(|found| wanted.contains(&found.property))
        };
        let escaped = self.catches.iter().filter(|id| !caught(id)).cloned();
        let escaped = escaped.collect();
        match campaign::run_caught(&self.scenario, &Amend::new, None, false) {
            Ok(outcome) => Checked {
                actual: Some(Expect::of(&outcome)),
                violations: outcome.violations,
                escaped,
            },
            Err(violations) => Checked {
                violations,
                actual: None,
                escaped,
            },
        }
    }
}

impl Expect {
    /// What came of a run.
    pub fn of(outcome: &Outcome) -> Self {
        let mut expect = Self {
            crashes: outcome.crashes,
            struck: outcome.fired.clone(),
            lives: outcome.reports.iter().map(ExpectedLife::of).collect(),
            ..Self::default()
        };
        let (truth, log) = (&outcome.scene.truth, &outcome.scene.log);
        for (key, fact) in &truth.objects {
            let newest = truth.newest().filter(|_| truth.hint.as_ref() == Some(key));
            let right: &Bytes = newest.map_or(&fact.body, |commit| &commit.hint);
            match log.current(key) {
                None => expect.gone += 1,
                Some(current) if current == right => expect.right += 1,
                Some(_) => expect.other += 1,
            }
        }
        for (_, history) in log.under("") {
            let versions = history.iter().filter(|held| held.body.is_some()).count() as u64;
            expect.versions += versions;
            expect.markers += history.len() as u64 - versions;
        }
        expect
    }
}

impl ExpectedLife {
    fn of(report: &Report) -> Self {
        let counts = report.counts.iter();
        Self {
            status: report.exit_status(),
            decisions: counts
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect(),
        }
    }
}
