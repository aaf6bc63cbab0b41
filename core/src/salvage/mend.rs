//! What the survey could not explain: runs that end elsewhere, and pages with one flipped bit.
//!
//! ```text
//!  Assembly   head at one place, the rest at others: a long run, or one of whose pages was moved
//!  Mending    a stretch without a true checksum: page for page, is there one bit that makes it true?
//! ```
//!
//! Both are pure functions of the bytes. A correction counts only if exactly one bit makes the checksum true.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::drill::planted;
use crate::voron::dictionary::{Dictionary, carve};
use crate::voron::page::{Header, Kind, PAGE_BYTES, Verdict, verdict};
use crate::voron::repair::{Repair, repair};

use super::file::{FileId, Piece, Read, Reader};
use super::survey::{Chunk, Head, PAGE, use_of};

/// A run whose bytes are put together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assembly {
    /// Of which file.
    pub file: FileId,
    /// The head's page first.
    pub ranges: Vec<Range<u64>>,
}

/// A run that was put together and is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assembled {
    /// Its head, where the first range begins.
    pub head: Head,
    /// What it says as a chunk of a stream.
    pub chunk: Option<Chunk>,
    /// Compression dictionaries in it.
    pub dictionaries: Vec<Dictionary>,
}

impl Assembled {
    /// What a run is whose checksum is true, or made so.
    fn of(bytes: &[u8], header: &Header, pages: u64, offset: u64) -> Self {
        Self {
            head: head(header, pages, offset),
            chunk: chunk(header),
            dictionaries: dictionaries(header, bytes),
        }
    }
}

impl Assembly {
    pub(super) fn run(&self, reader: &mut dyn Reader) -> Option<Assembled> {
        let bytes = read_all(self.file, &self.ranges, reader)?;
        let offset = self.ranges.first()?.start;
        match verdict(&bytes) {
            Verdict::Whole { header, pages } => Some(Assembled::of(&bytes, &header, pages, offset)),
            _ => None,
        }
    }
}

/// A stretch of pages none of which is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mending {
    /// Of which file.
    pub file: FileId,
    /// On the grid of the pages around it.
    pub stretch: Range<u64>,
    /// What one search may cost, in the steps of [`repair`].
    pub budget: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mended {
    /// Pages and runs that are whole again, each with the bit to flip, counted from the head's start.
    pub heads: Vec<(Assembled, u64)>,
    /// Heads whose search would have cost more than the budget.
    pub over_budget: Vec<u64>,
}

impl Mending {
    pub(super) fn read(&self) -> Read {
        Read {
            file: self.file,
            range: self.stretch.clone(),
        }
    }

    pub(super) fn examine(&self, piece: &Piece) -> Mended {
        let mut mended = Mended::default();
        let mut at = 0;
        while at + PAGE <= piece.bytes.len() as u64 {
            let here = usize::try_from(at).expect("it is an index of a buffer");
            let refused = piece.unreadable.iter();
            let is_refused = refused
                .clone()
                .any(|range| range.start < at + PAGE && at < range.end);
            let rest = &piece.bytes[here..];
            let is_zero = rest[..PAGE_BYTES].iter().all(|byte| *byte == 0);
            at += match is_refused || is_zero {
                true => PAGE,
                false => self.mend(rest, self.stretch.start + at, &mut mended),
            };
        }
        mended
    }

    /// Tries the head at the start of these bytes; says how many bytes are explained by it.
    fn mend(&self, bytes: &[u8], offset: u64, mended: &mut Mended) -> u64 {
        match repair(bytes, self.budget) {
            Repair::One { bit } => {
                let mut fixed = bytes.to_vec();
                flip(&mut fixed, bit);
                let Verdict::Whole { header, pages } = verdict(&fixed) else {
                    return PAGE;
                };
                let assembled = Assembled::of(&fixed, &header, pages, offset);
                mended.heads.push((assembled, bit));
                pages.saturating_mul(PAGE)
            }
            Repair::OverBudget { .. } => {
                mended.over_budget.push(offset);
                PAGE
            }
            Repair::None if planted("SA-15") => {
                let header = Header::read(bytes).filter(|header| !header.is_run());
                if let Some(header) = header {
                    let assembled = Assembled::of(bytes, &header, 1, offset);
                    mended.heads.push((assembled, 8 * 100));
                }
                PAGE
            }
            Repair::None | Repair::Many => PAGE,
        }
    }
}

/// The bytes of several ranges, one behind the other; none where the device refused any of them.
pub(super) fn read_all(
    file: FileId,
    ranges: &[Range<u64>],
    reader: &mut dyn Reader,
) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    for range in ranges {
        let range = range.clone();
        let piece = reader.read(&Read { file, range });
        if !piece.unreadable.is_empty() {
            return None;
        }
        match all.is_empty() {
            true => all = piece.bytes,
            false => all.extend_from_slice(&piece.bytes),
        }
    }
    Some(all)
}

/// Flips one bit, counted from the first byte's lowest.
pub(super) fn flip(bytes: &mut [u8], bit: u64) {
    let byte = usize::try_from(bit / 8)
        .ok()
        .and_then(|at| bytes.get_mut(at));
    if let Some(byte) = byte {
        *byte ^= 1 << (bit % 8);
    }
}

pub(super) fn head(header: &Header, pages: u64, offset: u64) -> Head {
    Head {
        offset,
        number: header.number,
        pages: u32::try_from(pages).unwrap_or(u32::MAX),
        what: use_of(header.kind),
    }
}

pub(super) fn chunk(header: &Header) -> Option<Chunk> {
    match header.kind {
        Kind::Stream { first, next, .. } => Some(Chunk {
            number: header.number,
            first,
            next,
        }),
        _ => None,
    }
}

/// The compression dictionaries in a whole run of a tree; `bytes` may go on behind it.
pub(super) fn dictionaries(header: &Header, bytes: &[u8]) -> Vec<Dictionary> {
    let pages = header.pages().unwrap_or(1).max(1);
    let end = usize::try_from(pages.saturating_mul(PAGE)).unwrap_or(usize::MAX);
    match header.kind {
        Kind::TreeLeaf { .. } | Kind::TreeOverflow => carve(&bytes[..end.min(bytes.len())]),
        _ => Vec::new(),
    }
}
