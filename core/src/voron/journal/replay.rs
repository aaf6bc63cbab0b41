//! Decides which transactions are redone, in which order, and which are old history.
//!
//! ```text
//! 0009.journal     367 368 … 651 │ 201 202          live, then old ones of the file's former life
//! 0010.journal     652 653 … 689                    live
//! recyclable-…9    200 … 366                        old, every one
//!                                    header: last synced 643  →  redo 644 … 689
//!                                    no header                →  redo 367 … 689
//! ```
//!
//! - Within a journal numbers rise; where one falls, the old life of the file begins. So for the next journal.
//! - Redoing what the data file already holds is harmless as long as none is missing in between: every byte that
//!   any of them changed ends as the last one left it.
//! - Where one is missing, all the others still count, but the next one says so ([`Step::after_gap`]), and
//!   [`super::redo`] proves what it puts on top. Without a header nobody knows whether the data file holds the first
//!   one's predecessor, so the first says so too.
//! - A number that two folders' journals hold is redone once, out of the first that holds it whole.
//!
//! Checked on 6.2.4, 7.1.5 and 7.2.7: 31 to 167 transactions behind the last synced one.
//!
//! Deliberately not here: bytes. What a transaction changes is [`super::pages`]' business.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What a journal's file name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JournalName {
    /// `0000000000000000009.journal`: transactions that may not be in the data file yet.
    Live(u64),
    /// `recyclable-journal.0000000000000000009`: waits to be used again, and holds old ones alone.
    Recyclable(u64),
}

impl JournalName {
    /// Reads a file's name, without its folder.
    pub fn read(name: &str) -> Option<Self> {
        let number = |digits: &str| {
            let digits_only = digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| digits_only)
        };
        if let Some(digits) = name.strip_prefix("recyclable-journal.") {
            number(digits).map(Self::Recyclable)
        } else {
            number(name.strip_suffix(".journal")?).map(Self::Live)
        }
    }
}

/// Where a transaction lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The journal's place in the caller's list.
    pub journal: u32,
    /// Of the header, in bytes.
    pub offset: u64,
}

/// A transaction that was found whole, or made so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its number.
    pub id: u64,
    /// Where it lies.
    pub place: Place,
}

/// A transaction to redo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Its number.
    pub id: u64,
    /// Where it lies.
    pub place: Place,
    /// Whether its predecessor is missing, or not known to be in the data file.
    pub after_gap: bool,
}

/// What becomes of the transactions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// To redo, in this order.
    pub redo: Vec<Step>,
    /// History: of recyclable journals, of journals' former lives, and what had been synced. In the order of the
    /// candidates. Worth a look for what was deleted since.
    pub old: Vec<Candidate>,
    /// Numbers that are missing before or between those to redo.
    pub gaps: Vec<RangeInclusive<u64>>,
}

/// Decides. `names` has a name for each journal of the caller's list, none where the name says nothing: such a
/// journal is history alone. `candidates` are whole ones in any order; `last_synced` comes from the newer valid header.
pub fn plan(
    names: &[Option<JournalName>],
    candidates: &[Candidate],
    last_synced: Option<u64>,
) -> Plan {
    let live = live(names, candidates);
    let mut plan = Plan::default();
    let mut redo: BTreeMap<u64, Place> = BTreeMap::new();
    for (candidate, is_live) in candidates.iter().zip(live) {
        let behind = last_synced.is_none_or(|synced| candidate.id > synced);
        if is_live && behind {
            let place = redo.entry(candidate.id).or_insert(candidate.place);
            *place = candidate.place.min(*place);
        } else {
            plan.old.push(*candidate);
        }
    }
    let mut before = last_synced;
    for (id, place) in redo {
        let after_gap = before.is_none_or(|before| id - before > 1);
        if let Some(before) = before.filter(|_| after_gap) {
            plan.gaps.push(before + 1..=id - 1);
        }
        plan.redo.push(Step {
            id,
            place,
            after_gap,
        });
        before = Some(id);
    }
    plan
}

/// For each candidate, whether it is of its journal's present life.
fn live(names: &[Option<JournalName>], candidates: &[Candidate]) -> Vec<bool> {
    let number_of = |candidate: &Candidate| {
        let journal = usize::try_from(candidate.place.journal).ok()?;
        match names.get(journal).copied().flatten()? {
            JournalName::Live(number) => Some(number),
            JournalName::Recyclable(_) => None,
        }
    };
    let mut in_order: Vec<(u64, Place, u64, usize)> = candidates
        .iter()
        .enumerate()
        .filter_map(|(at, candidate)| {
            Some((number_of(candidate)?, candidate.place, candidate.id, at))
        })
        .collect();
    in_order.sort_unstable();
    let mut live = vec![false; candidates.len()];
    // The highest number in journals before this one, and so far in all copies of this one.
    let (mut before, mut highest) = (0, 0);
    let (mut number, mut file, mut in_file) = (None, None, 0);
    for (journal_number, place, id, at) in in_order {
        if number != Some(journal_number) {
            number = Some(journal_number);
            before = highest;
        }
        if file != Some(place.journal) {
            file = Some(place.journal);
            in_file = before;
        }
        if id > in_file {
            in_file = id;
            highest = highest.max(id);
            if let Some(live) = live.get_mut(at) {
                *live = true;
            }
        }
    }
    live
}
