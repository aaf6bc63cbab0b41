//! Journals: which transactions are in them, and what redoing them makes of the pages.
//!
//! ```text
//!  Carve    window of a journal   ──► transactions whose hash is true, wherever they begin
//!  Touch    all of them           ──► which pages they change
//!  Replay   all of them, and the pages as the data file has them
//!                                 ──► the pages as they are now; and rows that earlier states held
//! ```
//!
//! Pure functions of the bytes; which transactions are redone, and in which order, is `voron::journal::replay`'s
//! to decide.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drill::planted;
use crate::voron::dictionary::Dictionary;
use crate::voron::journal::broken::{self, mend_pages};
use crate::voron::journal::index::{Cluster, IndexBuilder};
use crate::voron::journal::pages::{self, Change, PAGE_BYTES, PageChange};
use crate::voron::journal::redo::{Outcome, Redo, Standing};
use crate::voron::journal::repair::{page_count, transaction_at_repaired};
use crate::voron::journal::{
    Found, HEADER_BYTES, Limits, SECTOR_BYTES, Transaction, payload, transaction_at,
};
use crate::voron::page::{Header, Kind, Verdict, verdict};

use super::content::bytes_of;
use super::extract::{Context, Extracted, Seen};
use super::file::{FileId, Piece, Read, Reader};
use super::library::Run;
use super::mend::{dictionaries, flip};
use super::record::{Image, Trust};
use super::survey::RUN_BYTES_MAX;

/// Bytes of a window of a journal.
const WINDOW: u64 = 8 << 20;

/// A run that does not end before this page is refused.
const PAGE_LIMIT: u64 = 1 << 31;

/// A diff states the size of its run, and nothing in it bears that out: all runs together may take as much as the
/// files have, so many times what the payloads have, and one large run.
const CLAIMED_TIMES_MAX: u64 = 64;

/// A part of a journal, from a multiple of 4 KiB on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carve {
    /// Of which file.
    pub file: FileId,
    /// Where to begin.
    pub from: u64,
    /// Bytes to read: a window, or as many as a transaction needs.
    pub bytes: u64,
    /// The file's length.
    pub length: u64,
    /// What one correction may cost, in the steps of [`repair_payload`].
    pub budget: u64,
}

/// A transaction that is whole, or was made so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// Its number.
    pub id: u64,
    /// Where its header lies, in bytes.
    pub offset: u64,
    /// Header and payload, in bytes.
    pub bytes: u64,
    /// Entries in its page list.
    pub page_count: u32,
    /// Bits to flip back, counted from the header's first byte.
    pub fixes: Vec<u64>,
    /// Of one whose hash is false beyond repair: pages that it may hold whole, and where, from its header's first
    /// byte. Which they are say their own checksums.
    pub images: Option<Vec<(u64, Range<u64>)>>,
}

/// What a window of a journal holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Carved {
    /// Transactions, ascending.
    pub whole: Vec<Whole>,
    /// Headers of transactions that are not whole, beyond repair: where, and as many bytes as they state, or 4 KiB.
    pub broken: Vec<Range<u64>>,
    /// What transactions beyond repair may hold.
    pub torn: Vec<Whole>,
    /// What the device refused.
    pub unreadable: Vec<Range<u64>>,
    /// 4 KiB blocks of zeros.
    pub zeros: Vec<Range<u64>>,
    /// Where the next window begins, and how many bytes it needs at least; none at the file's end.
    pub next: Option<(u64, u64)>,
}

impl Carve {
    pub(super) fn first(file: FileId, length: u64, budget: u64) -> Self {
        Self {
            file,
            from: 0,
            bytes: WINDOW,
            length,
            budget,
        }
    }

    pub(super) fn behind(&self, (from, needs): (u64, u64)) -> Self {
        Self {
            from,
            bytes: needs.max(WINDOW),
            ..self.clone()
        }
    }

    pub(super) fn read(&self) -> Read {
        let range = self.from..self.from.saturating_add(self.bytes);
        Read {
            file: self.file,
            range,
        }
    }

    pub(super) fn examine(&self, piece: &Piece) -> Carved {
        let mut carved = Carved::default();
        let refused = piece.unreadable.iter();
        carved
            .unreadable
            .extend(refused.map(|range| range.start + self.from..range.end + self.from));
        let mut at = 0_u64;
        while let Some(rest) = rest(&piece.bytes, at) {
            let offset = self.from + at;
            let left = self.length - offset;
            let found = transaction_at(rest, left, Limits::default());
            at += match found {
                Found::NeedsMore { bytes } if bytes > rest.len() as u64 && offset > self.from => {
                    carved.next = Some((offset, bytes));
                    return carved;
                }
                Found::NeedsMore { bytes } if bytes > rest.len() as u64 => {
                    carved.next = Some((offset, bytes));
                    if bytes <= self.bytes {
                        // As many were asked for, and the file did not give them.
                        carved.next = None;
                    }
                    return carved;
                }
                Found::None | Found::NeedsMore { .. } => {
                    let block = rest.iter().take(SECTOR_BYTES as usize);
                    if block.clone().all(|byte| *byte == 0) {
                        note(&mut carved.zeros, offset..offset + block.len() as u64);
                    }
                    SECTOR_BYTES
                }
                Found::Whole(transaction) => {
                    let whole = whole(rest, offset, &transaction, Vec::new());
                    let bytes = whole.bytes;
                    carved.whole.push(whole);
                    bytes.next_multiple_of(SECTOR_BYTES)
                }
                Found::Encrypted(transaction) => {
                    note(
                        &mut carved.broken,
                        offset..offset + transaction.bytes().min(left),
                    );
                    SECTOR_BYTES
                }
                Found::Broken { transaction, .. } => match self.mend(rest, offset, &transaction) {
                    Some(whole) => {
                        let bytes = whole.bytes;
                        carved.whole.push(whole);
                        bytes.next_multiple_of(SECTOR_BYTES)
                    }
                    None => {
                        carved.torn.extend(torn(rest, offset, &transaction));
                        note(&mut carved.broken, offset..offset + SECTOR_BYTES.min(left));
                        SECTOR_BYTES
                    }
                },
            };
        }
        let end = self.from + at;
        carved.next = (end < self.length).then_some((end, WINDOW));
        carved
    }

    /// Takes flipped bits back: in its pages, each by the page's own checksum, and one wherever it is.
    fn mend(&self, bytes: &[u8], offset: u64, transaction: &Transaction) -> Option<Whole> {
        let stated = usize::try_from(transaction.bytes()).ok()?;
        let mut fixed = bytes.get(..stated).unwrap_or(bytes).to_vec();
        let mut bits = mend_pages(&mut fixed, self.budget);
        let left = self.length - offset;
        let mut found = transaction_at(&fixed, left, Limits::default());
        if !matches!(found, Found::Whole(_)) {
            let (again, bit) =
                transaction_at_repaired(&mut fixed, left, Limits::default(), self.budget);
            bits.extend(bit);
            found = again;
        }
        match found {
            Found::Whole(transaction) => Some(whole(&fixed, offset, &transaction, bits)),
            _ => None,
        }
    }
}

/// What a transaction beyond repair may hold, if it is stored as it is.
fn torn(bytes: &[u8], offset: u64, transaction: &Transaction) -> Option<Whole> {
    if transaction.compressed_bytes.is_some() {
        return None;
    }
    let stated = usize::try_from(transaction.bytes()).unwrap_or(usize::MAX);
    let bytes = bytes.get(..stated).unwrap_or(bytes);
    let payload = bytes.get(HEADER_BYTES..)?;
    let images = broken::images(payload, transaction.page_count).into_iter();
    let start = HEADER_BYTES as u64;
    let images =
        images.map(|(page, range)| (page, start + range.start as u64..start + range.end as u64));
    Some(Whole {
        id: transaction.id,
        offset,
        bytes: bytes.len() as u64,
        page_count: transaction.page_count,
        fixes: Vec::new(),
        images: Some(images.collect()),
    })
}

/// What is kept of a transaction whose hash is true.
fn whole(bytes: &[u8], offset: u64, transaction: &Transaction, fixes: Vec<u64>) -> Whole {
    let payload = transaction
        .payload_range()
        .and_then(|range| bytes.get(range));
    let payload =
        payload.and_then(|stored| payload::decode(transaction, stored, Limits::default()).ok());
    let count = payload.and_then(|payload| page_count(&payload, transaction.page_count));
    Whole {
        id: transaction.id,
        offset,
        bytes: transaction.bytes(),
        page_count: count.unwrap_or(transaction.page_count),
        fixes,
        images: None,
    }
}

fn rest(bytes: &[u8], at: u64) -> Option<&[u8]> {
    let at = usize::try_from(at).ok()?;
    bytes.get(at..).filter(|rest| !rest.is_empty())
}

fn note(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// A transaction to be redone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Where it is.
    pub file: FileId,
    /// It.
    pub whole: Whole,
    /// Whether its predecessor is missing.
    pub after_gap: bool,
    /// Whether the data file holds it, as far as its pages are whole.
    pub is_synced: bool,
}

impl Step {
    /// Its payload, decoded.
    fn payload(&self, reader: &mut dyn Reader) -> Option<Vec<u8>> {
        let start = self.whole.offset;
        let mut bytes = reader
            .read(&Read {
                file: self.file,
                range: start..start + self.whole.bytes,
            })
            .bytes;
        for bit in &self.whole.fixes {
            flip(&mut bytes, *bit);
        }
        if self.whole.images.is_some() {
            return Some(bytes);
        }
        let transaction = Transaction::read(&bytes)?;
        let stored = bytes.get(transaction.payload_range()?)?;
        let payload = payload::decode(&transaction, stored, Limits::default()).ok()?;
        Some(payload.into_owned())
    }

    fn changes<'a>(&self, payload: &'a [u8]) -> Vec<PageChange<'a>> {
        if let Some(images) = &self.whole.images {
            return images
                .iter()
                .filter_map(|image| whole_page(payload, image))
                .collect();
        }
        match pages::read(payload, self.whole.page_count) {
            Ok(pages) => pages.collect(),
            Err(_) => Vec::new(),
        }
    }
}

/// A page of a transaction beyond repair, if its own checksum is true.
fn whole_page<'a>(bytes: &'a [u8], (page, range): &(u64, Range<u64>)) -> Option<PageChange<'a>> {
    let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
    let image = bytes.get(range)?;
    holds(*page, image).then_some(PageChange {
        page: *page,
        pages: image.len() as u64 / PAGE_BYTES,
        change: Change::Full(image),
    })
}

/// What the images of pages that are redone at one go take, in bytes; more only where a single cluster does.
const PASS_BYTES: u64 = 16 << 20;

/// Pages that are redone at one go, so that journals of any size are redone in little memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// First page and number of pages of each cluster.
    pub clusters: Vec<(u64, u64)>,
    /// The transactions that change any of them, by their place in the list.
    pub steps: BTreeSet<u32>,
}

/// Which pages a list of transactions changes.
#[derive(Debug, Clone)]
pub struct Touch {
    /// In order.
    pub steps: Arc<Vec<Step>>,
    /// Bytes of all files.
    pub files_bytes: u64,
}

impl Touch {
    pub(super) fn run(&self, reader: &mut dyn Reader) -> Vec<Pass> {
        let mut builder = IndexBuilder::new(PAGE_LIMIT);
        let mut bytes_max = self.files_bytes.saturating_add(RUN_BYTES_MAX);
        for (nth, step) in (0..).zip(self.steps.iter()) {
            if let Some(payload) = step.payload(reader) {
                let claimed = CLAIMED_TIMES_MAX * payload.len() as u64;
                bytes_max = bytes_max.saturating_add(claimed);
                let changes = step.changes(&payload).into_iter();
                builder.add(
                    nth,
                    changes.filter(|change| change.pages <= RUN_BYTES_MAX / PAGE_BYTES),
                );
            }
        }
        let index = builder.finish();
        let mut pages_left = bytes_max / PAGE_BYTES;
        // None is cut: a run is redone as a whole, or it cannot be proven.
        let mut passes: Vec<Vec<Cluster>> = Vec::new();
        let mut held = 0;
        for cluster in index.clusters() {
            let Some(left) = pages_left.checked_sub(cluster.pages) else {
                continue;
            };
            pages_left = left;
            held += cluster.pages;
            match passes.last_mut() {
                Some(last) if held <= PASS_BYTES / PAGE_BYTES => last.push(*cluster),
                _ => {
                    held = cluster.pages;
                    passes.push(vec![*cluster]);
                }
            }
        }
        passes
            .into_iter()
            .map(|clusters| Pass {
                steps: index.steps_of(&clusters),
                clusters: clusters
                    .iter()
                    .map(|cluster| (cluster.page, cluster.pages))
                    .collect(),
            })
            .collect()
    }
}

/// Redoes transactions.
#[derive(Debug, Clone)]
pub struct Replay {
    /// In order; those that change none of the pages may be left out, but for those behind a gap.
    pub steps: Vec<Step>,
    /// The pages that they change: first page and number of pages.
    pub clusters: Vec<(u64, u64)>,
    /// Where the data file has them: first page, where it lies, and a bit to flip back.
    pub base: Vec<(u64, Read, Option<u64>)>,
    /// Pages that are not whole in the data file: of those, what it held already counts too.
    pub holes: BTreeSet<u64>,
    /// Runs that are current: what rows they have is known.
    pub(super) known: Vec<Run>,
    /// What rows need to be read.
    pub context: Arc<Context>,
    /// Pages where whole chunks of streams begin: others' earlier states are kept.
    pub streams: Arc<BTreeSet<u64>>,
    /// Whether the states that the pages end in are current ones.
    pub is_current: bool,
}

/// What redoing brought about.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Replayed {
    /// Whole runs as they are now: first page, bytes, and whether a later change may be missing.
    pub runs: Vec<(u64, Vec<u8>, bool)>,
    /// Pages that were changed and are not whole now.
    pub broken: Vec<u64>,
    /// Rows of earlier states.
    pub old: Extracted,
    /// Chunks of streams, as the last state had them that was whole.
    pub chunks: BTreeMap<u64, Vec<u8>>,
    /// Compression dictionaries of earlier states.
    pub dictionaries: Vec<Dictionary>,
}

impl Replay {
    pub(super) fn run(&self, reader: &mut dyn Reader) -> Replayed {
        let clusters: Vec<Cluster> = self
            .clusters
            .iter()
            .map(|(page, pages)| Cluster {
                page: *page,
                pages: *pages,
            })
            .collect();
        let mut redo = Redo::new(&clusters);
        for (page, read, fix) in &self.base {
            let mut bytes = reader.read(read).bytes;
            if let Some(bit) = fix {
                flip(&mut bytes, *bit);
            }
            redo.load(*page, &bytes);
        }
        let mut replayed = Replayed::default();
        let mut touched: BTreeMap<u64, u64> = BTreeMap::new();
        let mut seen = self.known(reader);
        let mut context = self.context.clone();
        for step in self.steps.iter() {
            let Some(payload) = step.payload(reader) else {
                continue;
            };
            let mut changes = step.changes(&payload);
            if step.whole.images.is_some() {
                changes.retain(|change| !is_there(&redo, change));
            }
            let applied = redo.apply(step.after_gap, changes.into_iter(), &mut holds);
            for applied in applied {
                if matches!(applied.outcome, Outcome::NoBase | Outcome::Refused) {
                    continue;
                }
                if !step.is_synced || self.holes.contains(&applied.page) {
                    touched.insert(applied.page, applied.pages);
                }
                if step.is_synced && self.is_current {
                    continue;
                }
                if let Some(run) = redo.run(applied.page, applied.pages)
                    && holds(applied.page, run)
                {
                    self.keep(applied.page, run, &mut context, &mut seen, &mut replayed);
                }
            }
        }
        redo.finish(&mut holds);
        if self.is_current {
            let standings: BTreeMap<u64, Standing> = redo
                .pages()
                .map(|(page, _, standing)| (page, standing))
                .collect();
            for (page, _) in touched {
                self.end_state(page, &redo, &standings, &mut replayed);
            }
        }
        replayed
    }

    /// Rows that are current: an old image of one of them says nothing that it does not say.
    fn known(&self, reader: &mut dyn Reader) -> Seen {
        let mut seen = Seen::new();
        for run in &self.known {
            let mut found = Extracted::default();
            if let Some(bytes) = bytes_of(run, reader) {
                let (image, trust) = (Image::Current, Trust::Whole);
                self.context.read(0, &bytes, image, trust, &mut found);
            }
            let records = found.rows.into_iter().map(|row| row.record);
            seen.extend(records.map(|record| (record.kind, record.key, record.etag)));
        }
        seen
    }

    /// What is worth keeping of a state that may not last. A dictionary is there before what needs it.
    fn keep(
        &self,
        page: u64,
        run: &[u8],
        context: &mut Arc<Context>,
        seen: &mut Seen,
        replayed: &mut Replayed,
    ) {
        let Some(header) = Header::read(run) else {
            return;
        };
        if matches!(header.kind, Kind::Stream { .. }) && !self.streams.contains(&page) {
            replayed.chunks.insert(page, run.to_vec());
        }
        for dictionary in dictionaries(&header, run) {
            if !replayed.dictionaries.contains(&dictionary) {
                Arc::make_mut(context).dictionaries.add(dictionary.clone());
                replayed.dictionaries.push(dictionary);
            }
        }
        context.read_old(run, seen, &mut replayed.old);
    }

    /// What a run that was touched ended as: a whole run by what its own head says now.
    fn end_state(
        &self,
        page: u64,
        redo: &Redo,
        standings: &BTreeMap<u64, Standing>,
        replayed: &mut Replayed,
    ) {
        let Some(first) = redo.run(page, 1) else {
            return;
        };
        let pages = match verdict(first) {
            Verdict::Whole { pages, .. } => pages,
            Verdict::Longer { needs_bytes, .. } => needs_bytes.div_ceil(PAGE_BYTES),
            Verdict::Zero => return,
            _ => 1,
        };
        let run = redo
            .run(page, pages)
            .filter(|run| holds(page, run) || planted("SA-17"));
        match run {
            Some(run) => {
                let stale = standings.get(&page) != Some(&Standing::Redone);
                replayed.runs.push((page, run.to_vec(), stale));
            }
            None => replayed.broken.push(page),
        }
    }
}

/// Whether a page has all the bytes of an image already that its checksum covers. The end of a large value is under
/// none, and in a transaction whose hash is false nothing else speaks for it.
fn is_there(redo: &Redo, change: &PageChange<'_>) -> bool {
    let Change::Full(image) = change.change else {
        return false;
    };
    let there = redo.run(change.page, change.pages);
    there.is_some_and(|there| holds(change.page, there) && there.get(32..40) == image.get(32..40))
}

/// Whether a run has a true checksum and says that it is this page.
fn holds(page: u64, run: &[u8]) -> bool {
    matches!(verdict(run), Verdict::Whole { header, .. } if header.number == page)
}
