//! The first half of a salvage: what every byte of the data files is, and which pages count.
//!
//! ```text
//!  survey ──► assemble long runs ──► search what is unexplained ──► assemble ──► mend ──► gather moved runs
//!                                    at every byte offset                        one bit
//!            ──► page map, ledger
//! ```
//!
//! Each step gives tasks that are independent of one another, and takes their findings in the order of the
//! tasks. Each step reads only what the steps before it left unexplained, so that a page is read a constant
//! number of times whatever it says.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::drill::planted;
use crate::voron::dictionary::Dictionary;

use super::file::{File, FileId, Role};
use super::ledger::{Ledger, Use};
use super::map::{PageMap, Placed};
use super::mend::{Assembled, Assembly, Mended, Mending};
use super::survey::{Chunk, Head, PAGE, Pending, RUN_BYTES_MAX, Search, Survey, Surveyed, Torn};

/// Bytes of a window: large enough to read well, small enough to hold one for each thread.
const WINDOW: u64 = 4 << 20;

/// What is mended at one go at most: a run that was hurt in its head, with what lies behind it.
const STRETCH_MAX: u64 = 8 << 20;

/// All runs together that were read to no avail may cost so many times the files' bytes: a file of nothing
/// but heads that claim much must not be read for ever.
const ASSEMBLED_TIMES_MAX: u64 = 4;

/// What is known of the data files so far.
#[derive(Debug)]
pub(super) struct Scan {
    files: Vec<File>,
    /// Of every file, journals and headers too.
    pub(super) ledgers: Vec<Ledger>,
    /// By file and place.
    pages: BTreeMap<(FileId, u64), Placed>,
    /// Chunks of streams; of one page the last word counts.
    pub(super) chunks: Vec<Chunk>,
    pub(super) dictionaries: Vec<Dictionary>,
    /// Runs whose end has not been seen.
    pending: Vec<(FileId, Pending)>,
    /// Heads of runs that do not hold where they lie.
    torn: Vec<(FileId, Torn)>,
    /// Bytes that assembling may still read.
    assembling_left: u64,
    /// Heads whose correction would have cost more than the budget.
    pub(super) over_budget: Vec<(FileId, u64)>,
}

impl Scan {
    pub(super) fn new(files: Vec<File>) -> Self {
        let lengths = files.iter().map(|file| file.length);
        Self {
            ledgers: lengths.clone().map(Ledger::new).collect(),
            assembling_left: lengths.sum::<u64>().saturating_mul(ASSEMBLED_TIMES_MAX),
            files,
            pages: BTreeMap::new(),
            chunks: Vec::new(),
            dictionaries: Vec::new(),
            pending: Vec::new(),
            torn: Vec::new(),
            over_budget: Vec::new(),
        }
    }

    fn data_files(&self) -> impl Iterator<Item = (FileId, &File)> {
        let files = (0..).map(FileId).zip(&self.files);
        files.filter(|(_, file)| file.role == Role::Data)
    }

    /// The first step: all windows of all data files.
    pub(super) fn surveys(&self) -> Vec<Survey> {
        let files = self.data_files();
        files
            .flat_map(|(file, about)| {
                let windows = windows(0..about.length);
                windows.map(move |window| Survey { file, window })
            })
            .collect()
    }

    pub(super) fn take_survey(&mut self, file: FileId, found: Surveyed) {
        for range in found.zeros {
            self.mark(file, range, Use::Zero);
        }
        for range in found.unreadable {
            self.mark(file, range, Use::Unreadable);
        }
        self.dictionaries.extend(found.dictionaries);
        self.chunks.extend(found.chunks);
        self.place_all(file, found.heads);
        let pending = found.pending.into_iter();
        let torn = found.torn.into_iter();
        self.torn.extend(torn.map(|torn| (file, torn)));
        self.pending.extend(pending.map(|pending| (file, pending)));
    }

    /// The runs whose end has not been seen yet, but for those that a whole run covers.
    pub(super) fn assemblies(&mut self) -> Vec<Assembly> {
        let mut assemblies = Vec::new();
        for (file, pending) in std::mem::take(&mut self.pending) {
            let pages = pending.needs_bytes.div_ceil(PAGE);
            let bytes = pages * PAGE;
            let too_much = bytes > self.assembling_left && !planted("SA-01");
            if !self.is_unexplained(file, pending.offset) || too_much {
                continue;
            }
            self.assembling_left = self.assembling_left.saturating_sub(bytes);
            let range = pending.offset..pending.offset + bytes;
            assemblies.push(Assembly {
                file,
                ranges: vec![range],
            });
        }
        assemblies
    }

    pub(super) fn take_assembly(&mut self, asked: &Assembly, found: Option<Assembled>) {
        let Some(Assembled {
            head,
            chunk,
            dictionaries,
        }) = found
        else {
            return;
        };
        if !self.is_unexplained(asked.file, head.offset) {
            return;
        }
        self.chunks.extend(chunk);
        self.dictionaries.extend(dictionaries);
        let apart = match asked.ranges.len() {
            1 => Vec::new(),
            _ => asked.ranges.clone(),
        };
        self.place(asked.file, head, apart, None);
    }

    /// What is unexplained, to be gone through byte by byte.
    pub(super) fn searches(&self) -> Vec<Search> {
        let stretches = self.unexplained();
        let long = stretches.filter(|(_, range)| range.end - range.start >= PAGE);
        long.flat_map(|(file, range)| windows(range).map(move |window| Search { file, window }))
            .collect()
    }

    pub(super) fn take_search(&mut self, file: FileId, mut found: Surveyed) {
        found
            .heads
            .retain(|head| self.is_unexplained(file, head.offset));
        self.take_survey(
            file,
            Surveyed {
                unexplained: Vec::new(),
                ..found
            },
        );
    }

    /// What is still unexplained, on the grid of what lies before it.
    pub(super) fn mendings(&self, budget: u64) -> Vec<Mending> {
        let mut mendings: Vec<Mending> = Vec::new();
        for (file, range) in self.unexplained() {
            let grid = self.grid(file, range.start);
            let start = range.start + (grid + PAGE - range.start % PAGE) % PAGE;
            if start + PAGE > range.end {
                continue;
            }
            // A run that was hurt in its head goes on behind: up to what is known to be something else.
            let end = self.unknown_until(file, start).min(start + STRETCH_MAX);
            match mendings.last_mut() {
                Some(last) if last.file == file && last.stretch.end >= end => {}
                _ => mendings.push(Mending {
                    file,
                    stretch: start..end.max(range.end.min(start + STRETCH_MAX)),
                    budget,
                }),
            }
        }
        mendings
    }

    pub(super) fn take_mended(&mut self, file: FileId, found: Mended) {
        for (found, bit) in found.heads {
            if self.is_unexplained(file, found.head.offset) {
                self.chunks.extend(found.chunk);
                self.dictionaries.extend(found.dictionaries);
                self.place(file, found.head, Vec::new(), Some(bit));
            }
        }
        let over = found.over_budget.into_iter();
        self.over_budget.extend(over.map(|offset| (file, offset)));
    }

    /// Runs one of whose pages was moved: where another page lies in the place of one of theirs, theirs may lie in
    /// the place of that one.
    pub(super) fn gatherings(&mut self) -> Vec<Assembly> {
        let mut gatherings = Vec::new();
        let mut origins: BTreeMap<FileId, Option<i64>> = BTreeMap::new();
        for (file, torn) in self.torn.clone() {
            let bytes = torn.pages.saturating_mul(PAGE);
            if !self.is_unexplained(file, torn.offset)
                || bytes > self.assembling_left.min(RUN_BYTES_MAX)
            {
                continue;
            }
            let origin = *origins.entry(file).or_insert_with(|| self.origin(file));
            let ranges = origin.and_then(|origin| self.gathered(file, &torn, origin));
            let Some(ranges) = ranges else {
                continue;
            };
            self.assembling_left -= bytes;
            gatherings.push(Assembly { file, ranges });
        }
        gatherings
    }

    /// The head, and where each of the pages behind it is; none where that is where they were looked for before.
    fn gathered(&self, file: FileId, torn: &Torn, origin: i64) -> Option<Vec<Range<u64>>> {
        let head = torn.offset..torn.offset + PAGE;
        let mut ranges: Vec<Range<u64>> = vec![head];
        let behind = torn.number.checked_add(1)?..torn.number.checked_add(torn.pages)?;
        for number in behind {
            let home = u64::try_from(origin)
                .ok()?
                .checked_add(number.checked_mul(PAGE)?)?;
            let other = self
                .pages
                .get(&(file, home))
                .map(|placed| placed.head.number);
            let moved = other.filter(|other| *other != number).and_then(|other| {
                let place = u64::try_from(origin)
                    .ok()?
                    .checked_add(other.checked_mul(PAGE)?)?;
                self.is_unexplained(file, place).then_some(place)
            });
            let start = moved.unwrap_or(home);
            match ranges.last_mut() {
                Some(last) if last.end == start => last.end += PAGE,
                _ => ranges.push(start..start + PAGE),
            }
        }
        (ranges.len() > 1).then_some(ranges)
    }

    /// Where page 0 would lie by most pages of a file.
    fn origin(&self, file: FileId) -> Option<i64> {
        let mut votes: BTreeMap<i64, u64> = BTreeMap::new();
        let pages = self.pages.range((file, 0)..=(file, u64::MAX));
        for (_, placed) in pages {
            *votes.entry(placed.origin()).or_default() += 1;
        }
        let most = votes.into_iter().max_by_key(|(_, votes)| *votes);
        most.map(|(origin, _)| origin)
    }

    /// The end: what is left is damaged.
    pub(super) fn finish(&mut self) {
        let left: Vec<_> = self.unexplained().collect();
        for (file, range) in left {
            let what = match range.end - range.start >= PAGE {
                true => Use::Damaged,
                false => Use::Stray,
            };
            let is_stray = what == Use::Stray;
            if (is_stray && planted("SA-07")) || (!is_stray && planted("SA-12")) {
                continue;
            }
            self.mark(file, range, what);
        }
        self.dictionaries.sort_by_key(|dictionary| dictionary.id);
        self.dictionaries.dedup();
    }

    /// Which pages count.
    pub(super) fn page_map(&mut self) -> PageMap {
        let pages = std::mem::take(&mut self.pages);
        PageMap::new(pages.into_values().collect())
    }

    /// Chunks of streams whose checksum is false beyond repair: page, whether a stream begins there, and where they
    /// lie. Only the hash of a whole content can say that they are right all the same.
    pub(super) fn torn_chunks(&self) -> Vec<(u64, bool, FileId, Range<u64>)> {
        let torn = self.torn.iter().filter_map(|(file, torn)| {
            let bytes = torn.pages.saturating_mul(PAGE);
            let is_left =
                bytes <= RUN_BYTES_MAX && self.ledger(*file).at(torn.offset) == Some(Use::Damaged);
            let range = torn.offset..torn.offset.saturating_add(bytes);
            is_left.then_some((torn.number, torn.chunk?, *file, range))
        });
        torn.collect()
    }

    /// Says of what nobody explained of a file what it is.
    pub(super) fn mark_left(&mut self, file: FileId, what: Use) {
        let ranges = self.ledger(file).ranges();
        let open = ranges.filter(|(_, what)| *what == Use::Unexplained);
        let open: Vec<_> = open.map(|(range, _)| range).collect();
        for range in open {
            self.mark(file, range, what);
        }
    }

    /// Where pages begin that are damaged beyond repair.
    pub(super) fn damaged_pages(&self) -> Vec<(FileId, u64)> {
        let files = self.data_files();
        files
            .flat_map(|(file, _)| {
                let ranges = self.ledger(file).ranges();
                let damaged = ranges.filter(|(_, what)| *what == Use::Damaged);
                damaged.flat_map(move |(range, _)| {
                    let pages = range.clone().step_by(PAGE as usize);
                    pages
                        .filter(move |at| at + PAGE <= range.end)
                        .map(move |at| (file, at))
                })
            })
            .collect()
    }

    /// Whole pages that lie where their heads say: neighbours of one use are marked at once.
    fn place_all(&mut self, file: FileId, heads: Vec<Head>) {
        for alike in heads.chunk_by(|left, right| {
            left.what == right.what && left.range().end == right.range().start
        }) {
            if let (Some(first), Some(last)) = (alike.first(), alike.last()) {
                self.mark(file, first.offset..last.range().end, first.what);
            }
        }
        self.pages.extend(heads.into_iter().map(|head| {
            let placed = Placed {
                file,
                head,
                apart: Vec::new(),
                fix: None,
            };
            ((file, placed.head.offset), placed)
        }));
    }

    fn place(&mut self, file: FileId, head: Head, apart: Vec<Range<u64>>, fix: Option<u64>) {
        let what = match fix {
            Some(_) => Use::Repaired,
            None => head.what,
        };
        let placed = Placed {
            file,
            head,
            apart,
            fix,
        };
        for range in placed.ranges() {
            self.mark(file, range, what);
        }
        self.pages.insert((file, placed.head.offset), placed);
    }

    fn ledger(&self, file: FileId) -> &Ledger {
        &self.ledgers[file.0 as usize]
    }

    pub(super) fn mark(&mut self, file: FileId, range: Range<u64>, what: Use) {
        self.ledgers[file.0 as usize].mark(range, what);
    }

    fn is_unexplained(&self, file: FileId, offset: u64) -> bool {
        self.ledger(file).at(offset) == Some(Use::Unexplained)
    }

    /// What nobody explained of the data files.
    fn unexplained(&self) -> impl Iterator<Item = (FileId, Range<u64>)> + '_ {
        self.data_files().flat_map(|(file, _)| {
            let ranges = self.ledger(file).ranges();
            let open = ranges.filter(|(_, what)| *what == Use::Unexplained);
            open.map(move |(range, _)| (file, range))
        })
    }

    /// Where pages begin around an offset, modulo a page: as the nearest whole page before it, or behind it.
    fn grid(&self, file: FileId, offset: u64) -> u64 {
        let before = self.pages.range((file, 0)..(file, offset)).next_back();
        let near = before.or_else(|| self.pages.range((file, offset)..).next());
        let near = near.filter(|((owner, _), _)| *owner == file);
        near.map_or(0, |((_, offset), _)| offset % PAGE)
    }

    /// Where the next whole page begins.
    fn unknown_until(&self, file: FileId, offset: u64) -> u64 {
        let ledger = self.ledger(file);
        let ranges = ledger.ranges_from(offset);
        let mut known = ranges.filter(|(_, what)| !matches!(what, Use::Unexplained | Use::Zero));
        known
            .next()
            .map_or(ledger.length(), |(range, _)| range.start)
    }
}

/// Windows of at most [`WINDOW`] bytes that make up a range; they end where a multiple of a page does.
fn windows(range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
    let mut at = range.start;
    std::iter::from_fn(move || {
        let start = at;
        at = (start / WINDOW + 1).saturating_mul(WINDOW).min(range.end);
        (start < range.end).then_some(start..at)
    })
}

/// A run longer than this is damage: see [`RUN_BYTES_MAX`].
const _: () = assert!(STRETCH_MAX <= RUN_BYTES_MAX);
