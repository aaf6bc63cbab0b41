//! Small scopes, tried to the end: every subset of eight pages, and every single bit of a page, a run and a
//! transaction.
//!
//! ```text
//!  a small database ─┬─ 2⁸ subsets of the pages that hold records and trees, each page noise
//!                    ├─ each bit of a page of rows, of a leaf, of a run, of a chunk    one flipped
//!                    └─ each bit of a transaction in a journal                         one flipped
//! ```
//!
//! Deliberately not here: what a case is judged by ([`super::checkers`]).

use firedrill_sim::voron::{DatabaseSpec, Flavour, JournalSpec, Place};

use super::checkers::judge;
use super::disk::{Disk, PAGE, class};
use super::property::Violation;
use super::scenario::{Damage, JournalHarm, PageClass, Run, Scenario, Spot};
use crate::pool;

/// Pages of which every subset is hurt.
pub const PAGES: usize = 8;

/// What is tried to its end.
#[derive(Debug, Clone)]
pub struct Scope {
    /// What, for people.
    pub name: String,
    scenarios: Vec<Scenario>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Cases.
    pub runs: u64,
    /// Cases that violated something, the first of them with what.
    pub failures: Vec<(Scenario, Vec<Violation>)>,
    /// How many they are.
    pub failed: u64,
}

/// Failures that are kept.
const FAILURES_MAX: usize = 8;

/// All scopes, on a database of each layout. Of the single bits every `nth` counts; 1 is all of them.
pub fn scopes(nth: usize) -> Vec<Scope> {
    let flavours = [(Flavour::V5, "5.x"), (Flavour::V7_2, "7.2")];
    flavours
        .into_iter()
        .flat_map(|(flavour, name)| of(flavour, name, nth.max(1)))
        .collect()
}

fn of(flavour: Flavour, name: &str, nth: usize) -> Vec<Scope> {
    let database = DatabaseSpec::of_everything(flavour, 8);
    let disk = Disk::of(&hurt(&database, Vec::new()));
    let mut scopes = vec![subsets(&database, &disk, name)];
    for (what, page, pages) in targets(&disk) {
        let bits = (0..pages * 8 * PAGE as u64).step_by(nth);
        let flips = bits.map(|bit| flip(page, bit));
        scopes.push(Scope {
            name: format!("{name}: each bit of {what} (page {page})"),
            scenarios: flips.map(|flip| hurt(&database, vec![flip])).collect(),
        });
    }
    // Stored as it is: one flipped bit of a compressed payload is beyond what is corrected.
    let stored = DatabaseSpec {
        journal: JournalSpec {
            stored: true,
            ..database.journal
        },
        ..database
    };
    scopes.push(transaction(&stored, name, nth));
    scopes
}

fn hurt(database: &DatabaseSpec, damages: Vec<Damage>) -> Scenario {
    Scenario {
        story: String::new(),
        run: Run::default(),
        damages,
        database: database.clone(),
    }
}

/// A page by its number.
fn at(page: u64) -> Spot {
    Spot {
        of: PageClass::Any,
        nth: u16::try_from(page).unwrap_or(u16::MAX),
    }
}

fn flip(page: u64, bit: u64) -> Damage {
    let bits = 8 * PAGE as u64;
    Damage::BitFlip {
        page: at(page + bit / bits),
        bit: (bit % bits) as u32,
    }
}

/// Every subset of the first pages that hold rows, runs and streams, and then of trees.
fn subsets(database: &DatabaseSpec, disk: &Disk, name: &str) -> Scope {
    let wanted = |of: &[PageClass]| -> Vec<u64> {
        let uses = (0..).zip(&disk.database.truth.file_pages);
        uses.filter(|(_, page_use)| class(page_use).is_some_and(|class| of.contains(&class)))
            .map(|(page, _)| page)
            .collect()
    };
    let mut pages = wanted(&[PageClass::Rows, PageClass::Run, PageClass::Stream]);
    pages.truncate(PAGES - 2);
    pages.extend(wanted(&[PageClass::Tree]).iter().rev());
    pages.truncate(PAGES);
    let scenarios = (0..1_u64 << pages.len()).map(|subset| {
        let chosen = (0..).zip(&pages).filter(|(nth, _)| subset >> nth & 1 == 1);
        let noise = chosen.map(|(_, page)| Damage::ScramblePage {
            page: at(*page),
            seed: page + 1,
        });
        hurt(database, noise.collect())
    });
    Scope {
        name: format!("{name}: each subset of {} pages is noise", pages.len()),
        scenarios: scenarios.collect(),
    }
}

/// A page of rows, a leaf, a large row's run and a chunk: first page, and how many.
fn targets(disk: &Disk) -> Vec<(&'static str, u64, u64)> {
    let truth = &disk.database.truth;
    let first = |wanted: PageClass| {
        let mut uses = (0..).zip(&truth.file_pages);
        uses.find(|(_, page_use)| class(page_use) == Some(wanted))
            .map(|(page, _)| page)
    };
    let run = |place: &Place| place.in_file.then_some((place.page, place.pages));
    let mut rows = truth.records.iter().flat_map(|record| &record.places);
    let large = rows.find(|place| place.offset == 64 && place.in_file);
    let mut contents = truth.attachments.iter().flat_map(|one| &one.chunks);
    let chunk = contents.find_map(run);
    let all = [
        (
            "a page of rows",
            first(PageClass::Rows).map(|page| (page, 1)),
        ),
        (
            "a tree's page",
            first(PageClass::Tree).map(|page| (page, 1)),
        ),
        ("a large row's run", large.and_then(run)),
        ("a chunk", chunk),
    ];
    all.into_iter()
        .filter_map(|(what, found)| found.map(|(page, pages)| (what, page, pages)))
        .collect()
}

/// Each bit of the last transaction, which the data file does not have.
fn transaction(database: &DatabaseSpec, name: &str, nth: usize) -> Scope {
    let disk = Disk::of(&hurt(database, Vec::new()));
    let mut scenarios = Vec::new();
    let transactions = &disk.database.truth.transactions;
    if let Some(last) = transactions.iter().rev().find(|one| one.file.is_some()) {
        let journals = disk.database.journals.iter();
        let mut names = journals.map(|(name, _)| name);
        let journal = names.position(|name| Some(name) == last.file.as_ref());
        let same_file = transactions.iter().filter(|one| one.file == last.file);
        let place = same_file.count() - 1;
        let bits = (0..8 * last.length).step_by(nth);
        scenarios.extend(bits.map(|bit| {
            let harm = JournalHarm::BitFlip {
                transaction: place as u16,
                bit: bit as u32,
            };
            let nth = journal.unwrap_or_default() as u8;
            hurt(database, vec![Damage::Journal { nth, harm }])
        }));
    }
    Scope {
        name: format!("{name}: each bit of a transaction"),
        scenarios,
    }
}

/// Tries a scope to its end.
pub fn exhaust(scope: &Scope, planted: Option<&'static str>, jobs: usize) -> Found {
    let judged = pool::share(jobs, scope.scenarios.iter(), |scenario| {
        judge(scenario, planted).violations
    });
    let mut found = Found {
        runs: judged.len() as u64,
        ..Found::default()
    };
    let failed = scope.scenarios.iter().zip(judged);
    for (scenario, violations) in failed.filter(|(_, violations)| !violations.is_empty()) {
        found.failed += 1;
        if found.failures.len() < FAILURES_MAX {
            found.failures.push((scenario.clone(), violations));
        }
    }
    found
}
