//! Redoes transactions onto pages, and takes back what cannot be proven.
//!
//! ```text
//! page    known?   300      301     (302 missing)     303           finish
//! 10      base     diff     –                         diff holds    as of 303
//! 11      base     –        diff                      diff fails    taken back, unless a later one makes it hold
//! 12      base     full     –                         –             as of 300, perhaps stale
//! 13      –        diff: no base                      full          as of 303
//! ```
//!
//! - While no transaction is missing, a diff is put on top of what is there, and the base may be any state that the
//!   page had since: every byte ends as the last diff left it. In between such a page need not hold.
//! - Behind a gap a diff is kept only if the run's checksum holds at once, or at some later step, or at the end.
//!   Otherwise the pages go back to what they were when they were last certain.
//! - A whole run, or one that is cleared first, is certain whatever is missing.
//! - A page that no transaction behind a gap touched may be stale: a missing one may have changed it.
//!
//! Without a base ([`Redo::load`] never called) only what some transaction holds as a whole comes about, step by step:
//! the history of pages, for what was deleted since. Each step's runs are worth a look, where their checksum holds.
//!
//! Memory: the pages of the windows, and once more those that a diff behind a gap touched.
//!
//! Deliberately not here: the checksum, which the caller brings, and which transactions are redone
//! ([`super::replay`]).

use std::collections::BTreeMap;

use super::index::Cluster;
use super::pages::{Change, Diff, PAGE_BYTES, PageChange, write};

const PAGE: usize = PAGE_BYTES as usize;

/// Redoes transactions on a few clusters of pages.
#[derive(Debug, Clone, Default)]
pub struct Redo {
    windows: Vec<Window>,
    gaps: u32,
}

/// What became of one change of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The run's first page.
    pub page: u64,
    /// Its pages.
    pub pages: u64,
    /// How it went.
    pub outcome: Outcome,
}

/// How a change went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The run is there as a whole.
    Whole,
    /// A diff was put on top, with no transaction missing since the base.
    Changed,
    /// A transaction is missing before it, and the checksum holds all the same.
    Proven,
    /// A transaction is missing before it, and the checksum does not hold so far.
    Unproven,
    /// A diff of pages that are not known: left out.
    NoBase,
    /// A diff behind a gap that can never be proven, because its run lies across a cut: left out.
    Refused,
}

/// What a page is after all transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was put on top of it.
    Base,
    /// It is as the last transaction left it.
    Redone,
    /// It was redone, but a transaction is missing behind the last one that changed it. Where its checksum does not hold,
    /// the data file's page is from behind that gap, and the better one.
    PerhapsStale,
    /// A change of it could not be proven and was taken back: it is as it was before the gap. It stands beside what the
    /// data file has, and either may be the newer one; where its checksum does not hold, the data file's is.
    TakenBack,
}

#[derive(Debug, Clone)]
struct Window {
    page: u64,
    image: Vec<u8>,
    states: Vec<State>,
    /// Pages as they were when last certain, where something unproven is on top.
    certain: BTreeMap<u64, Vec<u8>>,
    /// Runs to prove at the end: first page, pages.
    unproven: BTreeMap<u64, u64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    known: bool,
    touched: bool,
    taken_back: bool,
    /// How many gaps had been passed when it was last certain.
    gaps: u32,
}

impl Redo {
    /// Makes room for these clusters, which are disjoint and ascending, as
    /// [`super::index::PageIndex::passes`] gives them.
    pub fn new(clusters: &[Cluster]) -> Self {
        let windows = clusters
            .iter()
            .filter_map(|cluster| {
                let pages = usize::try_from(cluster.pages).ok()?;
                Some(Window {
                    page: cluster.page,
                    image: vec![0; pages.checked_mul(PAGE)?],
                    states: vec![State::default(); pages],
                    certain: BTreeMap::new(),
                    unproven: BTreeMap::new(),
                })
            })
            .collect();
        Self { windows, gaps: 0 }
    }

    /// Takes pages of the data file as the base, before the first transaction. What is not a whole page is left
    /// out, and so is what no cluster holds. A page with a flipped bit is best repaired before.
    pub fn load(&mut self, page: u64, bytes: &[u8]) {
        for (page, bytes) in (page..).zip(bytes.chunks_exact(PAGE)) {
            let at = self.windows.partition_point(|window| window.end() <= page);
            if let Some(window) = self.windows.get_mut(at) {
                window.load(page, bytes);
            }
        }
    }

    /// Redoes one transaction's changes. `after_gap` as in [`super::replay::Step`]; `holds` says whether the run that
    /// begins at a page has a true checksum. Changes of other pages are left out.
    pub fn apply<'a>(
        &mut self,
        after_gap: bool,
        changes: impl Iterator<Item = PageChange<'a>>,
        holds: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Vec<Applied> {
        if after_gap {
            self.gaps = self.gaps.saturating_add(1);
        }
        let mut applied = Vec::new();
        for change in changes {
            let end = change.page.saturating_add(change.pages);
            let first = self
                .windows
                .partition_point(|window| window.end() <= change.page);
            for window in self.windows.iter_mut().skip(first) {
                if window.page >= end {
                    break;
                }
                if let Some(outcome) = window.apply(&change, self.gaps, holds) {
                    applied.push(Applied {
                        page: change.page,
                        pages: change.pages,
                        outcome,
                    });
                }
            }
        }
        applied
    }

    /// Proves what is still unproven, and takes back what cannot be.
    pub fn finish(&mut self, holds: &mut dyn FnMut(u64, &[u8]) -> bool) {
        let gaps = self.gaps;
        for window in &mut self.windows {
            for (page, pages) in std::mem::take(&mut window.unproven) {
                let held = window
                    .range(page, pages)
                    .and_then(|range| window.image.get(range))
                    .is_some_and(|run| holds(page, run));
                if held {
                    window.settle(page, pages, gaps);
                }
            }
            for (page, bytes) in std::mem::take(&mut window.certain) {
                window.restore(page, &bytes);
            }
        }
    }

    /// The bytes of a run as they are now; none where a page of it is not known.
    pub fn run(&self, page: u64, pages: u64) -> Option<&[u8]> {
        let at = self.windows.partition_point(|window| window.end() <= page);
        let window = self.windows.get(at)?;
        let range = window.range(page, pages)?;
        let states = window.states.get(range.start / PAGE..range.end / PAGE)?;
        if states.iter().all(|state| state.known) {
            window.image.get(range)
        } else {
            None
        }
    }

    /// Every known page, with what it is now.
    pub fn pages(&self) -> impl Iterator<Item = (u64, &[u8], Standing)> {
        let gaps = self.gaps;
        self.windows.iter().flat_map(move |window| {
            (window.page..)
                .zip(window.image.chunks_exact(PAGE).zip(&window.states))
                .filter(|(_, (_, state))| state.known)
                .map(move |(page, (bytes, state))| (page, bytes, state.standing(gaps)))
        })
    }
}

impl State {
    fn standing(self, gaps: u32) -> Standing {
        if self.taken_back {
            Standing::TakenBack
        } else if !self.touched {
            Standing::Base
        } else if self.gaps < gaps {
            Standing::PerhapsStale
        } else {
            Standing::Redone
        }
    }
}

impl Window {
    fn end(&self) -> u64 {
        self.page.saturating_add(self.states.len() as u64)
    }

    fn load(&mut self, page: u64, bytes: &[u8]) {
        if self.put(page, bytes) {
            self.each_state(page, 1, |state| state.known = true);
        }
    }

    /// Writes one page; says whether it is inside.
    fn put(&mut self, page: u64, bytes: &[u8]) -> bool {
        let image = self
            .range(page, 1)
            .and_then(|range| self.image.get_mut(range));
        if let Some(image) = image {
            image.copy_from_slice(bytes);
            return true;
        }
        false
    }

    /// Where in the image a run lies that is wholly inside.
    fn range(&self, page: u64, pages: u64) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(page.checked_sub(self.page)?).ok()?;
        let end = start.checked_add(usize::try_from(pages).ok()?)?;
        (end <= self.states.len()).then(|| start * PAGE..end * PAGE)
    }

    /// The part of a run that is inside.
    fn part(&self, change: &PageChange<'_>) -> Option<Part> {
        let first = change.page.max(self.page);
        let end = change.page.saturating_add(change.pages).min(self.end());
        let pages = end.checked_sub(first).filter(|pages| *pages > 0)?;
        let skip = usize::try_from((first - change.page).checked_mul(PAGE_BYTES)?).ok()?;
        Some(Part {
            page: first,
            pages,
            skip,
            whole: pages == change.pages,
        })
    }

    fn apply(
        &mut self,
        change: &PageChange<'_>,
        gaps: u32,
        holds: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Option<Outcome> {
        let part = self.part(change)?;
        match change.change {
            Change::Unchanged => None,
            Change::Full(bytes) => {
                write(self.slice(&part)?, part.skip, 0, bytes);
                self.settle(part.page, part.pages, gaps);
                Some(Outcome::Whole)
            }
            Change::Diff(diff) if diff.clears_first => {
                diff.apply(self.slice(&part)?, part.skip);
                self.settle(part.page, part.pages, gaps);
                Some(Outcome::Whole)
            }
            Change::Diff(diff) => self.apply_diff(&diff, &part, gaps, holds),
        }
    }

    fn apply_diff(
        &mut self,
        diff: &Diff<'_>,
        part: &Part,
        gaps: u32,
        holds: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Option<Outcome> {
        let range = self.range(part.page, part.pages)?;
        let states = self.states.get(range.start / PAGE..range.end / PAGE)?;
        if !states.iter().all(|state| state.known) {
            return Some(Outcome::NoBase);
        }
        if states.iter().all(|state| state.gaps == gaps) {
            diff.apply(self.slice(part)?, part.skip);
            self.touch(part);
            return Some(Outcome::Changed);
        }
        if !part.whole {
            return Some(Outcome::Refused);
        }
        for page in part.page..part.page + part.pages {
            if let Some(range) = self
                .range(page, 1)
                .filter(|_| !self.certain.contains_key(&page))
            {
                let before = self.image.get(range)?.to_vec();
                self.certain.insert(page, before);
            }
        }
        diff.apply(self.slice(part)?, part.skip);
        self.touch(part);
        if holds(part.page, self.slice(part)?) {
            self.settle(part.page, part.pages, gaps);
            return Some(Outcome::Proven);
        }
        self.unproven.insert(part.page, part.pages);
        Some(Outcome::Unproven)
    }

    fn slice(&mut self, part: &Part) -> Option<&mut [u8]> {
        let range = self.range(part.page, part.pages)?;
        self.image.get_mut(range)
    }

    fn touch(&mut self, part: &Part) {
        self.each_state(part.page, part.pages, |state| state.touched = true);
    }

    /// These pages are certain as of now.
    fn settle(&mut self, page: u64, pages: u64, gaps: u32) {
        self.each_state(page, pages, |state| {
            *state = State {
                known: true,
                touched: true,
                taken_back: false,
                gaps,
            };
        });
        let end = page.saturating_add(pages);
        let held: Vec<u64> = self
            .certain
            .range(page..end)
            .map(|(held, _)| *held)
            .collect();
        for held in held {
            self.certain.remove(&held);
        }
        self.unproven
            .retain(|start, length| start.saturating_add(*length) <= page || *start >= end);
    }

    fn restore(&mut self, page: u64, bytes: &[u8]) {
        if self.put(page, bytes) {
            self.each_state(page, 1, |state| state.taken_back = true);
        }
    }

    fn each_state(&mut self, page: u64, pages: u64, change: impl FnMut(&mut State)) {
        if let Some(range) = self.range(page, pages)
            && let Some(states) = self.states.get_mut(range.start / PAGE..range.end / PAGE)
        {
            states.iter_mut().for_each(change);
        }
    }
}

/// What of a change lies inside of a window.
#[derive(Debug, Clone, Copy)]
struct Part {
    page: u64,
    pages: u64,
    /// Bytes of the run that lie before the window.
    skip: usize,
    /// Whether all of the run lies inside.
    whole: bool,
}
