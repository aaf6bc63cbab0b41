//! The page map: which whole page or run counts for which page number.
//!
//! ```text
//!  offset − number × 8192 = origin      most pages of a file that nobody cut have one origin
//!
//!  number 7 at 7 × 8192     origin 0    counts
//!  number 7 at 9 × 8192     origin 16K  misplaced: it counts where no other page 7 is whole, else it is old
//! ```
//!
//! A page counts for the number that its checksum was seeded with, never for the place where it lies. Of
//! several inputs the first one's page counts.
//!
//! Invariant: the same pages give the same map, in whichever order they were found.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use super::file::FileId;
use super::survey::{Head, PAGE};

/// A whole page or run, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) file: FileId,
    pub(super) head: Head,
    /// Where its bytes are, if they are not in one piece from [`Head::offset`] on.
    pub(super) apart: Vec<Range<u64>>,
    /// One bit has to be flipped back: its place, in bits from the head's start.
    pub(super) fix: Option<u64>,
}

/// Which page counts.
#[derive(Debug, Default)]
pub(super) struct PageMap {
    by_number: BTreeMap<u64, Placed>,
    /// Whole pages whose number another page counts for.
    pub(super) others: Vec<Placed>,
}

impl PageMap {
    /// Decides. The files come in the order in which their inputs were given.
    pub(super) fn new(mut pages: Vec<Placed>) -> Self {
        let mut votes: BTreeMap<(FileId, i64), u64> = BTreeMap::new();
        for placed in &pages {
            let weight = votes.entry((placed.file, placed.origin())).or_default();
            *weight += u64::from(placed.head.pages);
        }
        let mut heaviest: BTreeMap<FileId, u64> = BTreeMap::new();
        for ((file, _), weight) in &votes {
            let most = heaviest.entry(*file).or_default();
            *most = (*most).max(*weight);
        }
        pages.sort_by_cached_key(|placed| {
            let weight = votes.get(&(placed.file, placed.origin())).copied();
            let weight = weight.unwrap_or_default();
            let is_astray = heaviest.get(&placed.file) != Some(&weight);
            let lightest_last = Reverse(weight);
            let place = (placed.head.number, placed.head.offset);
            (
                is_astray,
                placed.file,
                lightest_last,
                placed.fix.is_some(),
                place,
            )
        });
        let mut map = Self::default();
        for placed in pages {
            if map.overlaps(&placed.head) {
                map.others.push(placed);
            } else {
                map.by_number.insert(placed.head.number, placed);
            }
        }
        map
    }

    fn overlaps(&self, head: &Head) -> bool {
        let end = head.number.saturating_add(u64::from(head.pages));
        let before = self.by_number.range(..end).next_back();
        before.is_some_and(|(_, placed)| placed.end() > head.number)
    }

    /// The page or run that begins with this number.
    pub(super) fn get(&self, number: u64) -> Option<&Placed> {
        self.by_number.get(&number)
    }

    /// The page or run that this number lies in.
    pub(super) fn holding(&self, number: u64) -> Option<&Placed> {
        let (_, placed) = self.by_number.range(..=number).next_back()?;
        (number < placed.end()).then_some(placed)
    }

    /// Those that begin with one of so many numbers.
    pub(super) fn within(&self, first: u64, pages: u64) -> impl Iterator<Item = &Placed> {
        let numbers = first..first.saturating_add(pages);
        self.by_number.range(numbers).map(|(_, placed)| placed)
    }

    /// All that count, by number.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Placed> {
        self.by_number.values()
    }

    /// Where a page would lie in a file if nobody had moved it: by the file's most frequent origin.
    pub(super) fn home(&self, file: FileId) -> Option<i64> {
        let mut votes: BTreeMap<i64, u64> = BTreeMap::new();
        for placed in self.iter().filter(|placed| placed.file == file) {
            *votes.entry(placed.origin()).or_default() += 1;
        }
        let heaviest = votes
            .into_iter()
            .max_by_key(|(origin, votes)| (*votes, Reverse(*origin)));
        heaviest.map(|(origin, _)| origin)
    }
}

impl Placed {
    /// Where its bytes are, in order.
    pub(super) fn ranges(&self) -> Vec<Range<u64>> {
        match self.apart.is_empty() {
            true => vec![self.head.range()],
            false => self.apart.clone(),
        }
    }

    /// The number behind its last page.
    fn end(&self) -> u64 {
        self.head.number.saturating_add(u64::from(self.head.pages))
    }

    /// Where page 0 would lie, in bytes from the file's start, if the file were whole around this page.
    pub(super) fn origin(&self) -> i64 {
        let number = self.head.number.wrapping_mul(PAGE);
        i64::try_from(self.head.offset)
            .unwrap_or(i64::MAX)
            .wrapping_sub_unsigned(number)
    }
}
