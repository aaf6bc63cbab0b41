//! Where a table's rows lie: small ones as entries in the pages of a section, large ones in runs.
//!
//! ```text
//!  section   │ header page │ page 0 │ page 1 │ …        page   64: allocated i16, used i16, value │ …
//! ```
//!
//! Invariants: entries of more than 4,064 bytes, sizes included, go to a run; a freed entry is zeroed and its
//! used size is -1; a page is tidied up, freed entries taken out and what is behind zeroed, when that makes
//! room; a section without entries goes, unless it is the one that is written to.

use std::collections::BTreeMap;

use super::bytes::{HEADER_SIZE, PAGE_SIZE, put_i32, put_u16, put_u64};
use super::checksum::xxh64;
use super::pages::Pages;
use super::truth::PageUse;

/// A table's storage.
#[derive(Debug)]
pub(super) struct Storage {
    table: String,
    owner: u64,
    table_type: u8,
    section_pages: usize,
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    header: u64,
    allocated: i32,
    last_used: usize,
    pages: Vec<Leaf>,
}

#[derive(Debug, Default)]
struct Leaf {
    available: usize,
    next: usize,
    /// Allocated size of each entry by its offset.
    entries: BTreeMap<usize, usize>,
}

/// An entry that has another place now: offsets in the file, of its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moved {
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Largest entry, its sizes included.
const ENTRY_MAX: usize = (PAGE_SIZE - HEADER_SIZE) / 2;
const SIZES: usize = 4;
const COMPRESSED: u16 = 0x8000;

/// Whether a value of this size lies in a run of its own.
pub(super) fn is_large(size: usize) -> bool {
    size + SIZES > ENTRY_MAX
}

/// Page and offset of a storage id.
pub(super) fn place_of(id: i64) -> (u64, usize) {
    (id as u64 / PAGE_SIZE as u64, id as usize % PAGE_SIZE)
}

impl Storage {
    pub(super) fn new(table: &str, table_type: u8, section_pages: usize) -> Self {
        Self {
            table: table.to_owned(),
            owner: xxh64(table.as_bytes(), 0),
            table_type,
            section_pages,
            sections: Vec::new(),
        }
    }

    /// Header page of the section that is written to.
    pub(super) fn active_section(&self) -> u64 {
        self.sections.last().map_or(0, |section| section.header)
    }

    /// Stores a value and says where; entries that had to move are named.
    pub(super) fn insert(
        &mut self,
        pages: &mut Pages,
        value: &[u8],
        compressed: bool,
    ) -> (i64, Vec<Moved>) {
        if is_large(value.len()) {
            return (self.insert_run(pages, value, compressed), Vec::new());
        }
        let needed = value.len() + SIZES;
        let mut moved = Vec::new();
        let (section, leaf) = self.room(pages, needed, &mut moved);
        let number = self.sections[section].header + 1 + leaf as u64;
        let at = self.sections[section].pages[leaf].next;
        let page = pages.page_mut(number);
        put_u16(page, at, value.len());
        let flag = if compressed { COMPRESSED } else { 0 };
        put_u16(page, at + 2, value.len() | usize::from(flag));
        page[at + SIZES..at + needed].copy_from_slice(value);
        let one = &mut self.sections[section];
        one.allocated += needed as i32;
        one.last_used = leaf;
        let leaf = &mut one.pages[leaf];
        leaf.entries.insert(at, value.len());
        leaf.next += needed;
        leaf.available -= needed;
        self.write_headers(pages, section, number);
        ((number * PAGE_SIZE as u64) as i64 + at as i64, moved)
    }

    /// Gives up a row's place.
    pub(super) fn free(&mut self, pages: &mut Pages, id: i64) {
        let (number, at) = place_of(id);
        if at == 0 {
            pages.release(number);
            return;
        }
        let (section, leaf) = self.find(number);
        let size = self.sections[section].pages[leaf]
            .entries
            .remove(&at)
            .expect("the row is there");
        let one = &mut self.sections[section];
        one.allocated -= (size + SIZES) as i32;
        one.pages[leaf].available += size + SIZES;
        let page = pages.page_mut(number);
        page[at + 2..at + SIZES].copy_from_slice(&(-1i16).to_le_bytes());
        page[at + SIZES..at + SIZES + size].fill(0);
        self.write_headers(pages, section, number);
        let empty = self.sections[section]
            .pages
            .iter()
            .all(|leaf| leaf.entries.is_empty());
        if empty && section + 1 < self.sections.len() {
            let one = self.sections.remove(section);
            for page in one.header..=one.header + one.pages.len() as u64 {
                pages.release(page);
            }
        }
    }

    /// Writes a shorter or equal value into a row's place; false if it does not fit or is a run's.
    pub(super) fn rewrite(
        &mut self,
        pages: &mut Pages,
        id: i64,
        value: &[u8],
        compressed: bool,
    ) -> bool {
        let (number, at) = place_of(id);
        if at == 0 {
            return false;
        }
        let (section, leaf) = self.find(number);
        let allocated = self.sections[section].pages[leaf].entries[&at];
        if value.len() > allocated {
            return false;
        }
        let flag = if compressed { COMPRESSED } else { 0 };
        let page = pages.page_mut(number);
        put_u16(page, at + 2, value.len() | usize::from(flag));
        page[at + SIZES..at + SIZES + value.len()].copy_from_slice(value);
        true
    }

    fn insert_run(&mut self, pages: &mut Pages, value: &[u8], compressed: bool) -> i64 {
        let table = self.table.clone();
        let flags = if compressed { 2 | 32 | 64 } else { 2 | 32 };
        let number = pages.allocate_run(flags, value, &PageUse::Run { table });
        let page = pages.page_mut(number);
        put_u64(page, 16, self.owner);
        page[24] = self.table_type;
        (number * PAGE_SIZE as u64) as i64
    }

    /// A page with so much room at its end: of any section, then after tidying up a page of the active one,
    /// then of a new section.
    fn room(&mut self, pages: &mut Pages, needed: usize, moved: &mut Vec<Moved>) -> (usize, usize) {
        let fits = |leaf: &Leaf| leaf.next + needed <= PAGE_SIZE;
        if let Some(section) = self.sections.len().checked_sub(1) {
            let active = &self.sections[section];
            if let Some(leaf) = active.pages.iter().position(fits) {
                return (section, leaf);
            }
            let roomy = |leaf: &Leaf| leaf.available >= needed;
            if let Some(leaf) = active.pages.iter().position(roomy) {
                self.tidy_up(pages, section, leaf, moved);
                return (section, leaf);
            }
        }
        (self.add_section(pages), 0)
    }

    fn tidy_up(&mut self, pages: &mut Pages, section: usize, leaf: usize, moved: &mut Vec<Moved>) {
        let number = self.sections[section].header + 1 + leaf as u64;
        let start = (number * PAGE_SIZE as u64) as i64;
        let page = pages.page_mut(number);
        let old = page[HEADER_SIZE..].to_vec();
        page[HEADER_SIZE..].fill(0);
        let leaf = &mut self.sections[section].pages[leaf];
        let mut next = HEADER_SIZE;
        for (at, size) in std::mem::take(&mut leaf.entries) {
            let whole = size + SIZES;
            page[next..next + whole].copy_from_slice(&old[at - HEADER_SIZE..][..whole]);
            leaf.entries.insert(next, size);
            if next != at {
                moved.push(Moved {
                    from: start + at as i64,
                    to: start + next as i64,
                });
            }
            next += whole;
        }
        leaf.next = next;
    }

    fn add_section(&mut self, pages: &mut Pages) -> usize {
        let table = || self.table.clone();
        let rows = PageUse::Rows { table: table() };
        let header = pages.allocate_row(self.section_pages + 1, &rows);
        pages.reuse(header, PageUse::Section { table: table() });
        let leaf = || Leaf {
            available: PAGE_SIZE - HEADER_SIZE,
            next: HEADER_SIZE,
            entries: BTreeMap::new(),
        };
        self.sections.push(Section {
            header,
            allocated: 0,
            last_used: 0,
            pages: (0..self.section_pages).map(|_| leaf()).collect(),
        });
        let section = self.sections.len() - 1;
        for number in header + 1..=header + self.section_pages as u64 {
            self.write_headers(pages, section, number);
        }
        section
    }

    fn find(&self, number: u64) -> (usize, usize) {
        let holds =
            |one: &Section| number > one.header && number <= one.header + one.pages.len() as u64;
        let section = self
            .sections
            .iter()
            .position(holds)
            .expect("the row lies in a section of its table");
        let leaf = (number - self.sections[section].header - 1) as usize;
        (section, leaf)
    }

    /// Headers of a page and of its section.
    fn write_headers(&self, pages: &mut Pages, section: usize, number: u64) {
        let one = &self.sections[section];
        let nth = (number - one.header - 1) as usize;
        let leaf = &one.pages[nth];
        let page = pages.page_mut(number);
        put_u16(page, 8, leaf.entries.len());
        put_u16(page, 10, leaf.next);
        page[12] = 33;
        page[13] = 2;
        put_u16(page, 14, nth);
        put_u64(page, 22, self.owner);
        page[30] = self.table_type;
        let entries: usize = one.pages.iter().map(|leaf| leaf.entries.len()).sum();
        let page = pages.page_mut(one.header);
        put_i32(page, 8, entries as i32);
        page[12] = 33;
        page[13] = 1;
        put_u16(page, 14, one.last_used);
        put_i32(page, 16, one.allocated);
        put_u16(page, 20, one.pages.len());
        put_u64(page, 22, self.owner);
        page[30] = self.table_type;
        for (nth, leaf) in one.pages.iter().enumerate() {
            put_u16(page, 96 + 2 * nth, leaf.available);
        }
    }
}
