//! The ledger: every byte of every input, accounted for once.
//!
//! ```text
//!  0        8192            40960                    file's length
//!  | header | raw page ×4   | damaged | unreadable | … |      ranges touch, never overlap, and end where it ends
//! ```
//!
//! Invariant: the ranges of a file are a partition of it, however it is marked and in whichever order; their
//! lengths add up to the file's length. What nobody marked is [`Use::Unexplained`], and a finished salvage
//! leaves none of that: the drill compares.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// What a range of a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Nobody said yet.
    Unexplained,
    /// Zeros: never written, or wiped.
    Zero,
    /// A whole page that holds nothing: preallocated, with a true checksum.
    Empty,
    /// A whole page, or run of pages, of table rows.
    Rows,
    /// A whole page that describes a section of row pages.
    Section,
    /// A whole page, or run, of a tree.
    Tree,
    /// A whole run of an attachment's or an index's stream.
    Stream,
    /// A whole page of a kind that document stores do not use.
    Other,
    /// A page or run whose checksum is true again with one bit flipped back.
    Repaired,
    /// A page whose checksum is false, beyond repair.
    Damaged,
    /// The device refused to read it.
    Unreadable,
    /// Bytes that belong to no page: in front of the first, or behind the last.
    Stray,
    /// The database's header.
    Header,
    /// A journal's whole transaction that was redone.
    Redone,
    /// A journal's whole transaction that the data file has already, or that is history.
    History,
    /// A journal's transaction whose hash is false, beyond repair.
    DamagedTransaction,
    /// The part of a journal behind a transaction, up to the next multiple of 4 KiB.
    Padding,
}

/// The ranges of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    length: u64,
    /// By where each range starts; it ends where the next one starts.
    starts: BTreeMap<u64, Use>,
}

impl Ledger {
    /// A file of which nothing is known but its length, in bytes.
    pub fn new(length: u64) -> Self {
        let first = (length > 0).then_some((0, Use::Unexplained));
        Self {
            length,
            starts: first.into_iter().collect(),
        }
    }

    /// Bytes of the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Says what a range is. What reaches beyond the file's end is cut off; who marks later is right.
    pub fn mark(&mut self, range: Range<u64>, what: Use) {
        let range = range.start..range.end.min(self.length);
        if range.is_empty() {
            return;
        }
        if range.end < self.length
            && let Some(behind) = self.at(range.end)
        {
            self.starts.insert(range.end, behind);
        }
        let inside: Vec<u64> = self
            .starts
            .range(range.clone())
            .map(|(start, _)| *start)
            .collect();
        for start in inside {
            self.starts.remove(&start);
        }
        if range.start == 0 || self.before(range.start) != Some(what) {
            self.starts.insert(range.start, what);
        }
        if self.starts.get(&range.end) == Some(&what) {
            self.starts.remove(&range.end);
        }
    }

    /// What the byte at an offset is; none behind the end.
    pub fn at(&self, offset: u64) -> Option<Use> {
        let start = self.starts.range(..=offset).next_back();
        start
            .filter(|_| offset < self.length)
            .map(|(_, what)| *what)
    }

    fn before(&self, offset: u64) -> Option<Use> {
        self.starts
            .range(..offset)
            .next_back()
            .map(|(_, what)| *what)
    }

    /// All ranges, ascending; two that touch differ.
    pub fn ranges(&self) -> impl Iterator<Item = (Range<u64>, Use)> + '_ {
        self.ranges_from(0)
    }

    /// The ranges from the one that holds an offset on.
    pub fn ranges_from(&self, offset: u64) -> impl Iterator<Item = (Range<u64>, Use)> + '_ {
        let holding = self.starts.range(..=offset).next_back();
        let first = holding.map_or(offset, |(start, _)| *start);
        let starts = self.starts.range(first..);
        let ends = self.starts.range(first..).skip(1).map(|(start, _)| *start);
        let ends = ends.chain([self.length]);
        starts
            .zip(ends)
            .map(|((start, what), end)| (*start..end, *what))
    }

    /// Bytes of each use. They add up to the file's length.
    pub fn totals(&self) -> BTreeMap<Use, u64> {
        let mut totals = BTreeMap::new();
        for (range, what) in self.ranges() {
            *totals.entry(what).or_default() += range.end - range.start;
        }
        totals
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USES: [Use; 4] = [Use::Zero, Use::Rows, Use::Tree, Use::Damaged];

    proptest! {
        /// Against an array with one cell a byte.
        #[test]
        fn the_ranges_are_a_partition(
            length in 0_u64..60,
            marks in proptest::collection::vec((0_u64..70, 0_u64..20, 0_usize..4), 0..20),
        ) {
            let mut ledger = Ledger::new(length);
            let mut cells = vec![Use::Unexplained; usize::try_from(length).expect("it is small")];
            for (start, long, which) in marks {
                ledger.mark(start..start + long, USES[which]);
                for cell in cells.iter_mut().skip(start as usize).take(long as usize) {
                    *cell = USES[which];
                }
            }
            let mut told = Vec::new();
            for (range, what) in ledger.ranges() {
                prop_assert_eq!(range.start as usize, told.len());
                told.extend(range.map(|_| what));
            }
            prop_assert_eq!(&told, &cells);
            for (offset, what) in (0..).zip(&cells) {
                prop_assert_eq!(ledger.at(offset), Some(*what));
            }
            let pairs: Vec<_> = ledger.ranges().map(|(_, what)| what).collect();
            prop_assert!(pairs.windows(2).all(|pair| pair[0] != pair[1]));
            prop_assert_eq!(ledger.totals().values().sum::<u64>(), length);
        }
    }
}
