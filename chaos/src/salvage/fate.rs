//! What became of everything that was written: told from the writer's truth and the bytes that differ, alone.
//!
//! ```text
//!  place ──► its page or run, as read against as written
//!              equal                          Whole
//!              one bit under the checksum     Flipped      due, and marked repaired
//!              only bytes that none covers    Unhashed     may come back as it is now, marked so
//!              else                           Hurt
//!              written over another page      Astray       due, as long as it is a single page
//! ```
//!
//! A record is *due* if one of its places is, or lies in the image that a whole transaction has of it, or follows
//! from whole journals and an unhurt page below them; and if the dictionary that it needs is due.

use std::collections::BTreeMap;
use std::ops::Range;

use firedrill_sim::voron::{Kind, PageUse, Place, Record, State, Transaction, Truth};

use super::disk::{Disk, PAGE, home};

/// What became of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// As they were written.
    Whole,
    /// As they were written, on a page that lies elsewhere.
    Astray,
    /// One bit under a checksum is another.
    Flipped,
    /// All that a checksum covers is as it was written.
    Unhashed,
    /// Otherwise.
    Hurt,
}

/// A payload of so many bytes is corrected within every budget that is drawn.
const PAYLOAD_MENDED_MAX: usize = 8192;
const TRANSACTION_HEADER: usize = 192;

/// The fates of one disk.
#[derive(Debug)]
pub struct Fates<'a> {
    pub(super) disk: &'a Disk,
    /// Pages of a run that is corrected within the budget.
    mended_pages_max: usize,
    /// Nothing happened to headers and journals; or the journals are lost, and the data file has all that they had.
    pub(super) calm_journals: bool,
    /// Nothing happened to what is or was a tree, and nothing old was put back.
    pub(super) calm_trees: bool,
    /// The last transaction that changes each page, of those that are redone.
    pub(super) redone: BTreeMap<u64, u64>,
    dictionaries: BTreeMap<u32, bool>,
    /// Whether each record is due, by its place in the writer's list.
    due: Vec<bool>,
}

impl<'a> Fates<'a> {
    /// Of what was written to this disk. `repair_budget` is a power of two, in lane steps.
    pub fn of(disk: &'a Disk, repair_budget: u8) -> Self {
        // A search costs the square of the length over 8 lane steps, and half as much again is for safety.
        let mended_pages_max = (1..64)
            .take_while(|pages: &usize| (pages * PAGE).pow(2) / 8 * 3 / 2 <= 1 << repair_budget)
            .last();
        let truth = &disk.database.truth;
        let is_all_in_file = truth
            .transactions
            .iter()
            .all(|one| one.number <= truth.applied);
        let are_lost = disk.media[3..].iter().all(|journal| journal.lost) && is_all_in_file;
        let mut told = disk.media[1..3]
            .iter()
            .chain(disk.media[3..].iter().filter(|_| !are_lost));
        let mut fates = Self {
            disk,
            mended_pages_max: mended_pages_max.unwrap_or(0),
            calm_journals: told.all(super::disk::Medium::is_as_written),
            calm_trees: false,
            redone: BTreeMap::new(),
            dictionaries: BTreeMap::new(),
            due: Vec::new(),
        };
        let truth = fates.truth();
        let trees = (0..).zip(&truth.file_pages);
        let mut trees = trees.filter(|(_, page_use)| is_or_was_tree(page_use));
        fates.calm_trees = disk.stale.is_empty()
            && disk.displaced.is_empty()
            && trees.all(|(page, _)| fates.page(page) == Fate::Whole);
        let redone = truth
            .transactions
            .iter()
            .filter(|one| one.number > truth.synced);
        for page in redone.clone().flat_map(|one| &one.pages) {
            for number in page.page..page.page + page.pages {
                fates.redone.insert(number, 0);
            }
        }
        let dictionaries = truth.dictionaries.iter();
        fates.dictionaries = dictionaries
            .map(|one| {
                let in_leaf = || {
                    one.leaf_in_file
                        .is_some_and(|leaf| is_due(fates.page(leaf)))
                        || fates.ends(one.leaf, 1)
                };
                let is_due = match &one.run {
                    Some(run) => fates.place_is_due(run),
                    None => in_leaf(),
                };
                (one.number, is_due)
            })
            .collect();
        fates.due = truth
            .records
            .iter()
            .map(|record| fates.record(record))
            .collect();
        fates
    }

    pub(super) fn truth(&self) -> &'a Truth {
        &self.disk.database.truth
    }

    /// Whether this record must be told.
    pub fn is_due(&self, nth: usize) -> bool {
        self.due[nth]
    }

    /// Whether it must be told from where it is a row, so that leaves can speak for it.
    pub fn is_due_where_it_is(&self, record: &Record) -> bool {
        let is_there = |place: &Place| {
            let from_file = place.in_file && is_due(self.place(place)) && !self.is_redone(place);
            from_file || self.ends(place.page, place.pages)
        };
        record.place().is_some_and(is_there) && self.has_dictionary(record)
    }

    /// Whether a live transaction changes a page of this place.
    pub fn is_redone(&self, place: &Place) -> bool {
        let pages = self.redone.range(place.page..place.page + place.pages);
        pages.count() > 0
    }

    fn record(&self, record: &Record) -> bool {
        let stays = |place: &Place| {
            record.state == State::Live
                && place.released.is_none()
                && self.ends(place.page, place.pages)
        };
        let mut places = record.places.iter();
        places.any(|place| self.place_is_due(place) || stays(place)) && self.has_dictionary(record)
    }

    fn has_dictionary(&self, record: &Record) -> bool {
        match record.compressed {
            None | Some(0) => true,
            Some(number) => self.dictionaries.get(&number) == Some(&true),
        }
    }

    fn place_is_due(&self, place: &Place) -> bool {
        let in_image = || {
            let transactions = self.truth().transactions.iter();
            let mut of_it = transactions.filter(|one| place.images.contains(&one.number));
            of_it.any(|one| is_due(self.transaction(one)))
        };
        (place.in_file && is_due(self.place(place))) || in_image()
    }

    /// Whether these pages end as the writer left them, whatever they were in the data file: their journals are
    /// whole, and so is what the journals build on.
    pub(super) fn ends(&self, page: u64, pages: u64) -> bool {
        let in_file = (self.disk.data().pristine.len() / PAGE) as u64;
        let mut pages = page..(page + pages).min(in_file);
        self.calm_journals && pages.all(|page| self.page(page) == Fate::Whole)
    }

    /// A single page of the data file.
    pub fn page(&self, page: u64) -> Fate {
        let start = page as usize * PAGE;
        let fate = self.bytes(page, start..start + PAGE, 0..0);
        if fate == Fate::Hurt && self.lies_elsewhere(page) {
            return Fate::Astray;
        }
        fate
    }

    /// The page or run that a place is in.
    pub fn place(&self, place: &Place) -> Fate {
        if place.offset != 64 {
            return self.page(place.page);
        }
        self.run(place.page, place.stored.len())
    }

    /// A run with a value of so many bytes.
    pub fn run(&self, page: u64, size: usize) -> Fate {
        let start = page as usize * PAGE;
        let hashed = start..start + size.max(40);
        self.bytes(page, hashed.clone(), hashed.end..start + 64 + size)
    }

    fn bytes(&self, page: u64, hashed: Range<usize>, unhashed: Range<usize>) -> Fate {
        let data = self.disk.data();
        let end = unhashed.end.max(hashed.end);
        let pages = (end - page as usize * PAGE).div_ceil(PAGE);
        let Some(start) = home(page, self.disk.shift) else {
            return Fate::Hurt;
        };
        let there = start..start + pages * PAGE;
        if there.end > data.bytes.len() || data.refuses(&there) {
            return Fate::Hurt;
        }
        let bits = |range: Range<usize>| {
            let now = (range.start as i64 + self.disk.shift) as usize;
            let now = &data.bytes[now..now + range.len()];
            differing_bits(now, &data.pristine[range])
        };
        let length = hashed.len();
        let under = bits(hashed);
        let rest = if unhashed.is_empty() {
            0
        } else {
            bits(unhashed)
        };
        match (under, rest) {
            (0, 0) => Fate::Whole,
            (0, _) => Fate::Unhashed,
            (1, 0) if length.div_ceil(PAGE) <= self.mended_pages_max => Fate::Flipped,
            _ => Fate::Hurt,
        }
    }

    /// Whether a page was written over another one, and is whole there.
    fn lies_elsewhere(&self, page: u64) -> bool {
        let data = self.disk.data();
        let start = page as usize * PAGE;
        let Some(written) = data.pristine.get(start..start + PAGE) else {
            return false;
        };
        self.disk.displaced.iter().any(|other| {
            let place = home(*other, self.disk.shift).map(|at| at..at + PAGE);
            place.is_some_and(|place| {
                !data.refuses(&place) && data.bytes.get(place).is_some_and(|bytes| bytes == written)
            })
        })
    }

    /// A transaction.
    pub fn transaction(&self, transaction: &Transaction) -> Fate {
        let journal = transaction
            .file
            .as_deref()
            .and_then(|name| self.disk.journal(name));
        let Some(journal) = journal.filter(|journal| !journal.lost) else {
            return Fate::Hurt;
        };
        let range = transaction.offset..transaction.offset + transaction.length;
        let Some(now) = journal.bytes.get(range.clone()) else {
            return Fate::Hurt;
        };
        if journal.refuses(&range) {
            return Fate::Hurt;
        }
        let written = &journal.pristine[range];
        let size =
            |at: usize| i64::from_le_bytes(written[at..at + 8].try_into().expect("eight bytes"));
        let stored = if size(112) < 0 { size(120) } else { size(112) } as usize;
        let payload = TRANSACTION_HEADER..TRANSACTION_HEADER + stored;
        let header = differing_bits(&now[..payload.start], &written[..payload.start]);
        match (
            header,
            differing_bits(&now[payload.clone()], &written[payload]),
        ) {
            (0, 0) => Fate::Whole,
            (0, 1) if stored <= PAYLOAD_MENDED_MAX => Fate::Flipped,
            _ => Fate::Hurt,
        }
    }

    /// Whether a correction of the run that begins with this page is honest: of the bytes under its checksum one
    /// bit is not what it was, or not what the media hold.
    pub fn may_be_mended(&self, page: u64, hashed: usize) -> bool {
        let data = self.disk.data();
        let now = home(page, self.disk.shift).and_then(|start| data.bytes.get(start..));
        let Some(now) = now.and_then(|now| now.get(..hashed)) else {
            return false;
        };
        let one = |written: Option<&[u8]>| {
            let written = written.and_then(|written| written.get(..hashed));
            written.is_some_and(|written| differing_bits(now, written) == 1)
        };
        let start = home(page, self.disk.shift).unwrap_or_default();
        one(data.base.get(start..)) || one(data.pristine.get(page as usize * PAGE..))
    }

    /// Whether the end of a run's value, which no checksum covers, is there and is not what it was.
    pub fn end_is_hurt(&self, place: &Place) -> bool {
        let data = self.disk.data();
        let at = place.page as usize * PAGE + place.offset;
        let written = at + place.unhashed.start..at + place.unhashed.end;
        let start = usize::try_from(written.start as i64 + self.disk.shift);
        let now = start
            .ok()
            .and_then(|start| data.bytes.get(start..start + written.len()));
        data.pristine
            .get(written)
            .zip(now)
            .is_some_and(|(written, now)| written != now)
    }
}

/// Whether what has this fate must be told.
pub(super) fn is_due(fate: Fate) -> bool {
    matches!(fate, Fate::Whole | Fate::Astray | Fate::Flipped)
}

/// A tree's page, or one that was.
pub(super) fn is_or_was_tree(page_use: &PageUse) -> bool {
    match page_use {
        PageUse::Tree { .. } | PageUse::TreeValue { .. } => true,
        PageUse::Free { was } => is_or_was_tree(was),
        _ => false,
    }
}

fn differing_bits(left: &[u8], right: &[u8]) -> u32 {
    if left == right {
        return 0;
    }
    left.iter()
        .zip(right)
        .map(|(left, right)| (left ^ right).count_ones())
        .sum()
}

/// The key of a record as lists have it.
pub fn rendered(key: &[u8]) -> String {
    String::from_utf8_lossy(key).replace('\u{1e}', "|")
}

/// A record in one line, for people.
pub fn name(record: &Record) -> String {
    format!(
        "{:?} {} etag {}",
        record.kind,
        rendered(&record.key),
        record.etag
    )
}

/// What a salvage calls this kind of record; none of those that it tells nothing of.
pub fn kind(kind: Kind) -> Option<firedrill_core::salvage::record::Kind> {
    use firedrill_core::salvage::record::Kind as Told;
    Some(match kind {
        Kind::Document => Told::Document,
        Kind::Revision => Told::Revision,
        Kind::Conflict => Told::Conflict,
        Kind::CounterGroup => Told::Counters,
        Kind::TimeSeries => Told::TimeSeries,
        Kind::DeletedRange => Told::DeletedRange,
        Kind::Tombstone => Told::Tombstone,
        Kind::Attachment => Told::Attachment,
        Kind::TimeSeriesStatistics | Kind::Collection => return None,
    })
}
