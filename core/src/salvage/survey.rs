//! The survey: what each page of a data file is, by its bytes alone.
//!
//! ```text
//!  window of a file, its end and some more              found
//!  | whole | zero | run ──────► | broken | long run ──┼──►
//!     head   zero   head          unexplained   pending (its end lies behind what was read)
//! ```
//!
//! Two ways through the bytes. [`Survey`] goes by the grid on which a file that nobody shifted has its pages.
//! [`Search`] goes through what the first way could not explain, tries every byte, and follows the grid of
//! what it finds: for files that were shifted, cut or put together.
//!
//! Both are pure functions of the bytes; a window's findings do not depend on another window's. What a page
//! is worth is not decided here, and neither is which of two pages with one number counts.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::drill::planted;
use crate::voron::dictionary::Dictionary;
use crate::voron::page::{Header, Kind, PAGE_BYTES, Verdict, verdict};

use super::file::{FileId, Piece, Read};
use super::ledger::Use;
use super::mend::dictionaries;

/// A page in bytes, as offsets count.
pub(super) const PAGE: u64 = PAGE_BYTES as u64;

/// What is read behind a window, for pages and runs that begin in it, in bytes.
const LOOKAHEAD: u64 = 8 * PAGE;

/// A run that claims more than this many bytes is not read: the largest one that a server writes is a
/// document's, and it stops far below.
pub(super) const RUN_BYTES_MAX: u64 = 256 << 20;

/// Page numbers above are believed of no page that stands outside of the grid: the file would be 16 TiB.
const NUMBER_MAX: u64 = 1 << 31;

/// A page, or a run of pages, whose checksum is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Where it lies in its file, in bytes.
    pub offset: u64,
    /// The number that its head says.
    pub number: u64,
    /// How many pages long it is.
    pub pages: u32,
    /// What it is.
    pub what: Use,
}

impl Head {
    /// Its pages' bytes, if they are in one piece.
    pub fn range(&self) -> Range<u64> {
        let bytes = u64::from(self.pages).saturating_mul(PAGE);
        self.offset..self.offset.saturating_add(bytes)
    }
}

/// A head of a run that ends behind what was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Where it lies in its file, in bytes.
    pub offset: u64,
    /// Bytes that have to be read for a verdict.
    pub needs_bytes: u64,
}

/// A head of a run that does not hold with what follows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Torn {
    /// Where it lies in its file, in bytes.
    pub offset: u64,
    /// The number that it says.
    pub number: u64,
    /// Pages that its run takes.
    pub pages: u64,
    /// Whether it is a chunk of a stream, and the first one: a content has a check of its own.
    pub chunk: Option<bool>,
}

/// What the bytes of one window are. Each offset is one of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Surveyed {
    /// Whole pages and runs, ascending.
    pub heads: Vec<Head>,
    /// Pages of zeros.
    pub zeros: Vec<Range<u64>>,
    /// Pages that the device refused, in full or in part.
    pub unreadable: Vec<Range<u64>>,
    /// What is none of these, adjacent pages in one.
    pub unexplained: Vec<Range<u64>>,
    /// Heads that may yet be whole; they are among what is unexplained.
    pub pending: Vec<Pending>,
    /// Heads of runs whose bytes are there and do not hold: perhaps one of their pages was moved.
    pub torn: Vec<Torn>,
    /// Compression dictionaries of tree pages.
    pub dictionaries: Vec<Dictionary>,
    /// Of the heads that are chunks of streams: what their heads say.
    pub chunks: Vec<Chunk>,
}

/// A chunk of a stream, as its head has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// Its page's number.
    pub number: u64,
    /// A stream starts here.
    pub first: bool,
    /// The page of the next chunk.
    pub next: Option<u64>,
}

/// A window of a file that is gone through page by page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Of which file.
    pub file: FileId,
    /// The pages that begin in it are this window's; it starts at a multiple of a page.
    pub window: Range<u64>,
}

/// A part of a file that is gone through byte by byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// Of which file.
    pub file: FileId,
    /// Where pages may begin.
    pub window: Range<u64>,
}

impl Survey {
    pub(super) fn read(&self) -> Read {
        read(self.file, &self.window)
    }

    pub(super) fn examine(&self, piece: &Piece) -> Surveyed {
        let mut walk = Walk::new(piece, &self.window);
        while let Some(rest) = walk.rest() {
            if walk.is_refused(1) {
                if planted("SA-08") {
                    walk.pass(walk.window - walk.at, |found| &mut found.unreadable);
                }
                walk.pass_refused();
                continue;
            }
            match verdict(rest) {
                // The end of a run is under no checksum: what was not read must not pass for it.
                Verdict::Whole { header, pages } if walk.is_refused(pages) => {
                    walk.note_torn(Some(header));
                    walk.pass(PAGE, |found| &mut found.unexplained);
                }
                Verdict::Whole { header, pages } => walk.take(&header, pages),
                Verdict::Zero => walk.pass(PAGE, |found| &mut found.zeros),
                Verdict::Longer {
                    header,
                    needs_bytes,
                } => {
                    walk.note_torn(Some(header));
                    walk.wait_for(needs_bytes);
                }
                Verdict::Broken {
                    header: Some(header),
                } if planted("SA-02") && header.is_run() => {
                    let pages = header.pages().unwrap_or(1).clamp(1, u64::from(u16::MAX));
                    walk.pass(pages * PAGE, |found| &mut found.unreadable);
                }
                Verdict::Broken { header } => {
                    walk.note_torn(header);
                    walk.pass(PAGE, |found| &mut found.unexplained);
                    if planted("SA-23") && walk.rest().is_some() {
                        walk.pass(PAGE, |found| &mut found.unreadable);
                    }
                }
                Verdict::Short => walk.pass(PAGE, |found| &mut found.unexplained),
            }
        }
        walk.found
    }
}

impl Search {
    pub(super) fn read(&self) -> Read {
        read(self.file, &self.window)
    }

    /// Only what is whole is told, and runs that may be; a hole in a grid stays unexplained.
    pub(super) fn examine(&self, piece: &Piece) -> Surveyed {
        let mut walk = Walk::new(piece, &self.window);
        // On a grid that showed itself, a page may be missing and the next one is there again.
        let mut on_grid = false;
        while let Some(rest) = walk.rest() {
            let seen = if may_begin(rest) {
                Some(verdict(rest))
            } else {
                None
            };
            match seen {
                Some(Verdict::Whole { header, pages })
                    if header.number < NUMBER_MAX && !walk.is_refused(pages) =>
                {
                    walk.take(&header, pages);
                    on_grid = true;
                }
                Some(Verdict::Longer {
                    header,
                    needs_bytes,
                }) if on_grid && header.number < NUMBER_MAX => {
                    walk.wait_for(needs_bytes);
                }
                _ => {
                    walk.pass(1, |found| &mut found.unexplained);
                    on_grid = false;
                }
            }
        }
        walk.found
    }
}

fn read(file: FileId, window: &Range<u64>) -> Read {
    let range = window.start..window.end.saturating_add(LOOKAHEAD);
    Read { file, range }
}

/// Whether the first bytes can be a page's, tested on every byte of a file: a known combination of flags, a
/// number below [`NUMBER_MAX`], a checksum.
fn may_begin(bytes: &[u8]) -> bool {
    const KNOWN: [u8; 9] = [1, 2, 5, 6, 9, 18, 33, 34, 98];
    bytes.len() >= PAGE_BYTES
        && KNOWN.contains(&bytes[12])
        && bytes[4..8] == [0; 4]
        && bytes[32..40] != [0; 8]
}

/// A place in a window, and what was found up to there.
struct Walk<'a> {
    piece: &'a Piece,
    /// The window's start in the file.
    start: u64,
    /// Where this window's pages stop beginning, from its start.
    window: u64,
    at: u64,
    found: Surveyed,
}

impl<'a> Walk<'a> {
    fn new(piece: &'a Piece, window: &Range<u64>) -> Self {
        let there = piece.bytes.len() as u64;
        Self {
            piece,
            start: window.start,
            window: (window.end - window.start).min(there),
            at: 0,
            found: Surveyed::default(),
        }
    }

    /// The bytes from here on, while pages may begin here.
    fn rest(&self) -> Option<&'a [u8]> {
        let at = usize::try_from(self.at).ok()?;
        (self.at < self.window).then(|| &self.piece.bytes[at..])
    }

    /// Whether the device refused any of so many pages from here on.
    fn is_refused(&self, pages: u64) -> bool {
        let end = self.at.saturating_add(pages.saturating_mul(PAGE));
        let mut refused = self.piece.unreadable.iter();
        refused.any(|range| range.start < end && self.at < range.end)
    }

    /// Passes a page that was refused in part: a page may begin beside that on another grid.
    fn pass_refused(&mut self) {
        let end = (self.at + PAGE).min(self.piece.bytes.len() as u64);
        let piece = self.piece;
        for refused in &piece.unreadable {
            let refused = refused.start.max(self.at)..refused.end.min(end);
            if refused.start < refused.end {
                self.pass(refused.start - self.at, |found| &mut found.unexplained);
                self.pass(refused.end - refused.start, |found| &mut found.unreadable);
            }
        }
        self.pass(end - self.at, |found| &mut found.unexplained);
    }

    fn pass(&mut self, bytes: u64, list: fn(&mut Surveyed) -> &mut Vec<Range<u64>>) {
        let start = self.start + self.at;
        let end = start + bytes.min(self.piece.bytes.len() as u64 - self.at);
        if start == end {
            return;
        }
        let list = list(&mut self.found);
        match list.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => list.push(start..end),
        }
        self.at += bytes;
    }

    fn take(&mut self, header: &Header, pages: u64) {
        let offset = self.start + self.at;
        let rest = &self.piece.bytes[self.at as usize..];
        self.found.dictionaries.extend(dictionaries(header, rest));
        if let Kind::Stream { first, next, .. } = header.kind {
            let number = header.number;
            self.found.chunks.push(Chunk {
                number,
                first,
                next,
            });
        }
        self.found.heads.push(Head {
            offset,
            number: match planted("SA-09") {
                true => offset / PAGE,
                false => header.number,
            },
            pages: u32::try_from(pages).unwrap_or(u32::MAX),
            what: use_of(header.kind),
        });
        self.at += pages * PAGE;
    }

    fn note_torn(&mut self, header: Option<Header>) {
        let run = header.filter(Header::is_run);
        if let Some((header, pages)) = run.and_then(|header| Some((header, header.pages()?))) {
            self.found.torn.push(Torn {
                offset: self.start + self.at,
                number: header.number,
                pages,
                chunk: match header.kind {
                    Kind::Stream { first, .. } => Some(first),
                    _ => None,
                },
            });
        }
    }

    fn wait_for(&mut self, needs_bytes: u64) {
        if needs_bytes <= RUN_BYTES_MAX || planted("SA-01") {
            let offset = self.start + self.at;
            self.found.pending.push(Pending {
                offset,
                needs_bytes,
            });
        }
        self.pass(PAGE, |found| &mut found.unexplained);
    }
}

/// How the ledger calls a whole page.
pub(super) fn use_of(kind: Kind) -> Use {
    match kind {
        Kind::RawSmall { .. } | Kind::RawLarge { .. } => Use::Rows,
        Kind::RawSection { .. } => Use::Section,
        Kind::Stream { .. } => Use::Stream,
        Kind::TreeLeaf { .. }
        | Kind::TreeBranch
        | Kind::TreeOverflow
        | Kind::FixedLeaf { .. }
        | Kind::FixedBranch => Use::Tree,
        Kind::Empty => Use::Empty,
        _ => Use::Other,
    }
}
