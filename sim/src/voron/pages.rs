//! The pages as the running database sees them, and what a transaction has changed.
//!
//! ```text
//!  extend ──► Unwritten ──prepare──► Empty ──┐
//!                 └──────────────────────────┴─allocate──► rows, trees, runs ──release──► Free ──► allocate …
//! ```
//!
//! Invariants:
//! - A page that is released keeps its bytes; one that was taken in the same transaction gets back what it
//!   had before, as if nothing had been.
//! - The first page of a run is enough to name it, and a run is sealed as a whole.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::{PAGE_SIZE, put_i32, put_i64, run_pages};
use super::checksum::seal;
use super::truth::PageUse;

/// The pages of a database.
#[derive(Debug, Default)]
pub(super) struct Pages {
    bytes: Vec<u8>,
    uses: Vec<PageUse>,
    /// Pages of each run by its first; a single page is none.
    runs: BTreeMap<u64, usize>,
    free: BTreeSet<u64>,
    empty: BTreeSet<u64>,
    /// What each page that this transaction has touched held before.
    before: BTreeMap<u64, Before>,
    /// Pages that this transaction leaves changed.
    dirty: BTreeSet<u64>,
    /// Pages that are written empty at a time.
    prepared_at_once: usize,
    end: u64,
}

#[derive(Debug)]
struct Before {
    bytes: Box<[u8]>,
    page_use: PageUse,
    fresh: bool,
}

/// What a transaction did to a page or a run.
#[derive(Debug)]
pub(super) struct Changed {
    /// Its first page.
    pub(super) page: u64,
    /// What it held before the transaction.
    pub(super) before: Vec<u8>,
    /// What it holds now, sealed.
    pub(super) after: Vec<u8>,
    /// Whether it was allocated in the transaction.
    pub(super) fresh: bool,
}

impl Pages {
    pub(super) fn new(prepared_at_once: usize) -> Self {
        Self {
            prepared_at_once,
            ..Self::default()
        }
    }

    /// Number behind the last page that was ever used.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn all(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn uses(&self) -> &[PageUse] {
        &self.uses
    }

    pub(super) fn run(&self, page: u64, pages: usize) -> &[u8] {
        let at = page as usize * PAGE_SIZE;
        &self.bytes[at..at + pages * PAGE_SIZE]
    }

    pub(super) fn page(&self, page: u64) -> &[u8] {
        self.run(page, 1)
    }

    /// A page, to be changed.
    pub(super) fn page_mut(&mut self, page: u64) -> &mut [u8] {
        self.touch(page, false);
        let at = page as usize * PAGE_SIZE;
        &mut self.bytes[at..at + PAGE_SIZE]
    }

    /// One page: an empty one, a free one, or a new one.
    pub(super) fn allocate(&mut self, page_use: &PageUse) -> u64 {
        if self.empty.is_empty() && self.free.is_empty() && self.prepared_at_once > 0 {
            self.prepare();
        }
        let page = match self.empty.pop_first() {
            Some(page) => page,
            None => self.vacant(1),
        };
        self.take(page, 1, page_use);
        page
    }

    /// Some pages in a row, which are no run: a section.
    pub(super) fn allocate_row(&mut self, pages: usize, page_use: &PageUse) -> u64 {
        let page = self.vacant(pages);
        self.take(page, pages, page_use);
        page
    }

    /// A run for a value: header and value written, and to be sealed.
    pub(super) fn allocate_run(&mut self, flags: u8, value: &[u8], page_use: &PageUse) -> u64 {
        let pages = run_pages(value.len());
        let page = self.vacant(pages);
        self.take(page, pages, page_use);
        self.runs.insert(page, pages);
        let at = page as usize * PAGE_SIZE;
        let run = &mut self.bytes[at..at + pages * PAGE_SIZE];
        run[12] = flags;
        let size = i32::try_from(value.len()).expect("sizes are bounded");
        put_i32(run, 8, size);
        run[64..64 + value.len()].copy_from_slice(value);
        page
    }

    /// Says what a page is that was allocated as something else.
    pub(super) fn reuse(&mut self, page: u64, page_use: PageUse) {
        self.uses[page as usize] = page_use;
    }

    /// Gives back one page, or a run by its first page.
    pub(super) fn release(&mut self, page: u64) {
        let pages = self.runs.remove(&page).unwrap_or(1);
        for number in page..page + pages as u64 {
            self.release_page(number);
        }
    }

    fn release_page(&mut self, page: u64) {
        let index = page as usize;
        let was = std::mem::replace(&mut self.uses[index], PageUse::Unwritten);
        self.uses[index] = PageUse::Free { was: Box::new(was) };
        self.free.insert(page);
        self.dirty.remove(&page);
        let Some(before) = self.before.remove(&page) else {
            return;
        };
        self.bytes[index * PAGE_SIZE..][..PAGE_SIZE].copy_from_slice(&before.bytes);
        if before.fresh {
            if matches!(before.page_use, PageUse::Empty) {
                self.free.remove(&page);
                self.empty.insert(page);
            }
            self.uses[index] = before.page_use;
        }
    }

    fn take(&mut self, page: u64, pages: usize, page_use: &PageUse) {
        for number in page..page + pages as u64 {
            self.touch(number, true);
            let index = number as usize;
            self.bytes[index * PAGE_SIZE..][..PAGE_SIZE].fill(0);
            put_i64(&mut self.bytes, index * PAGE_SIZE, number as i64);
            let in_run = matches!(
                page_use,
                PageUse::Run { .. } | PageUse::Stream { .. } | PageUse::TreeValue { .. }
            );
            if number > page && in_run {
                self.bytes[index * PAGE_SIZE..][..8].fill(0);
            }
            self.uses[index] = page_use.clone();
        }
    }

    fn touch(&mut self, page: u64, fresh: bool) {
        let index = page as usize;
        let bytes = &self.bytes[index * PAGE_SIZE..][..PAGE_SIZE];
        let page_use = &self.uses[index];
        let before = self.before.entry(page).or_insert_with(|| Before {
            bytes: bytes.into(),
            page_use: page_use.clone(),
            fresh,
        });
        before.fresh |= fresh;
        self.dirty.insert(page);
    }

    /// So many vacant pages in a row, the lowest there are.
    fn vacant(&mut self, pages: usize) -> u64 {
        let mut start = None;
        let mut length = 0;
        for page in &self.free {
            match start {
                Some(first) if first + length as u64 == *page => length += 1,
                _ => {
                    start = Some(*page);
                    length = 1;
                }
            }
            if length == pages {
                break;
            }
        }
        let page = match start {
            Some(first) if length == pages => first,
            _ => self.extend(pages),
        };
        for number in page..page + pages as u64 {
            self.free.remove(&number);
        }
        page
    }

    fn extend(&mut self, pages: usize) -> u64 {
        let page = self.end;
        self.end += pages as u64;
        self.bytes.resize(self.end as usize * PAGE_SIZE, 0);
        self.uses.resize(self.end as usize, PageUse::Unwritten);
        page
    }

    /// Writes empty pages ahead of their use.
    fn prepare(&mut self) {
        let page = self.extend(self.prepared_at_once);
        for number in page..page + self.prepared_at_once as u64 {
            self.take(number, 1, &PageUse::Empty);
            self.bytes[number as usize * PAGE_SIZE + 12] = 1;
            self.empty.insert(number);
        }
    }

    /// Ends the transaction: seals what it leaves changed, and says what that is, each run once.
    pub(super) fn commit(&mut self) -> Vec<Changed> {
        let dirty = std::mem::take(&mut self.dirty);
        let before = std::mem::take(&mut self.before);
        let mut changed = Vec::new();
        let mut behind = 0;
        for page in dirty {
            if page < behind {
                continue;
            }
            let (head, pages) = self.run_of(page);
            behind = head + pages as u64;
            let range = head as usize * PAGE_SIZE..behind as usize * PAGE_SIZE;
            let overflow_size = self
                .runs
                .contains_key(&head)
                .then(|| i32::from_le_bytes(super::bytes::array(&self.bytes[range.start + 8..])));
            let mut old = self.bytes[range.clone()].to_vec();
            let mut fresh = false;
            for number in head..behind {
                if let Some(before) = before.get(&number) {
                    let at = (number - head) as usize * PAGE_SIZE;
                    old[at..at + PAGE_SIZE].copy_from_slice(&before.bytes);
                    fresh |= before.fresh;
                }
            }
            seal(&mut self.bytes[range.clone()], overflow_size);
            changed.push(Changed {
                page: head,
                before: old,
                after: self.bytes[range].to_vec(),
                fresh,
            });
        }
        changed
    }

    /// First page and length of the run that a page belongs to; of a single page, itself and 1.
    pub(super) fn run_of(&self, page: u64) -> (u64, usize) {
        match self.runs.range(..=page).next_back() {
            Some((head, pages)) if page < head + *pages as u64 => (*head, *pages),
            _ => (page, 1),
        }
    }
}
