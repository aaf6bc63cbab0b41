//! The pages that a transaction changed, out of its decoded payload.
//!
//! ```text
//! list    26 bytes a page: i64 page | i64 size | u8 is new | i64 diff size
//! then, for each in the same order: i64 page, and
//!   diff size 0, size 0      nothing: the page stays as it is
//!   diff size 0              `size` bytes: the whole run as it is from now on
//!   otherwise                `diff size` bytes of pieces:
//!                              i64 start | i64 count | count bytes       these bytes from start on
//!                              i64 start | i64 count < 0                 zeros, -count of them
//! ```
//!
//! *Is new* counts only for a diff: 1 clears the run first. On a whole run it is garbage, 2 to 255 seen, and never
//! looked at.
//!
//! Invariants: a change names a run of whole pages; every piece lies inside its run, which is checked before the
//! first byte of it is written, so that no run is ever half changed; the list and what follows fill the payload.
//!
//! Checked on every transaction of journals of 4.2 to 7.2.
//!
//! Deliberately not here: which base a diff belongs to ([`super::redo`]).

use std::borrow::Cow;

use crate::voron::number::{i64_at, u64_at};

/// Bytes of a page.
pub const PAGE_BYTES: u64 = 8192;

/// Bytes of an entry in the list.
const ENTRY_BYTES: usize = 26;

/// What a transaction does to one run of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageChange<'a> {
    /// The run's first page.
    pub page: u64,
    /// Pages of the run; 0 where it stays as it is.
    pub pages: u64,
    /// What it becomes.
    pub change: Change<'a>,
}

/// What becomes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// These bytes.
    Full(&'a [u8]),
    /// What it was, or zeros, with pieces changed.
    Diff(Diff<'a>),
    /// What it was.
    Unchanged,
}

/// Pieces of a run that change; every one lies inside of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diff<'a> {
    /// Whether the run becomes zeros first.
    pub clears_first: bool,
    size: u64,
    pieces: &'a [u8],
}

/// One piece of a diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// These bytes.
    Bytes {
        /// Where, counted from the run's begin.
        start: usize,
        /// What.
        bytes: &'a [u8],
    },
    /// Zeros.
    Zeros {
        /// Where, counted from the run's begin.
        start: usize,
        /// How many.
        count: usize,
    },
}

/// Why a payload is no list of pages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPages {
    /// The list, or what follows it, does not end with the payload.
    #[error("the page list does not fit the payload")]
    List,
    /// An entry cannot be.
    #[error("entry {entry} of the page list: {why}")]
    Entry {
        /// Its place in the list.
        entry: u32,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// The changes of a transaction, in its order. Made by [`read`], which has checked them all.
#[derive(Debug, Clone)]
pub struct Pages<'a> {
    list: &'a [u8],
    rest: &'a [u8],
    entry: u32,
}

/// Reads a payload's page list and checks every entry.
///
/// # Errors
///
/// [`NotPages`] for the first entry that cannot be. A payload whose hash holds gives none, unless the header's
/// `page_count` is wrong: [`super::repair::page_count`].
pub fn read(payload: &[u8], page_count: u32) -> Result<Pages<'_>, NotPages> {
    let list_bytes = usize::try_from(page_count)
        .ok()
        .and_then(|count| count.checked_mul(ENTRY_BYTES))
        .ok_or(NotPages::List)?;
    let (list, rest) = payload.split_at_checked(list_bytes).ok_or(NotPages::List)?;
    let pages = Pages {
        list,
        rest,
        entry: 0,
    };
    let mut check = pages.clone();
    while !check.list.is_empty() {
        check.advance()?;
    }
    if check.rest.is_empty() {
        Ok(pages)
    } else {
        Err(NotPages::List)
    }
}

impl<'a> Iterator for Pages<'a> {
    type Item = PageChange<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.list.is_empty() {
            return None;
        }
        match self.advance() {
            Ok(change) => Some(change),
            Err(_) => {
                // `read` has seen them all.
                self.list = &[];
                None
            }
        }
    }
}

impl<'a> Pages<'a> {
    fn advance(&mut self) -> Result<PageChange<'a>, NotPages> {
        let entry = self.entry;
        let wrong = |why| NotPages::Entry { entry, why };
        let fields = |offset| i64_at(self.list, offset).ok_or(NotPages::List);
        let (page, size, diff_size) = (fields(0)?, fields(8)?, fields(18)?);
        let is_new = *self.list.get(16).ok_or(NotPages::List)?;
        let unsigned = |value: i64, why| u64::try_from(value).map_err(|_| wrong(why));
        let page = unsigned(page, "its page is below zero")?;
        let size = unsigned(size, "its size is below zero")?;
        let diff_size = unsigned(diff_size, "its diff's size is below zero")?;
        if size % PAGE_BYTES != 0 {
            return Err(wrong("it ends inside of a page"));
        }
        page.checked_mul(PAGE_BYTES)
            .and_then(|offset| offset.checked_add(size))
            .filter(|end| i64::try_from(*end).is_ok())
            .ok_or_else(|| wrong("it ends behind every file"))?;
        if u64_at(self.rest, 0) != Some(page) {
            return Err(wrong("another page follows in its place"));
        }
        let body = self.rest.get(8..).ok_or(NotPages::List)?;
        let stored = if diff_size == 0 { size } else { diff_size };
        let (stored, rest) = usize::try_from(stored)
            .ok()
            .and_then(|stored| body.split_at_checked(stored))
            .ok_or(NotPages::List)?;
        let change = if diff_size != 0 {
            let diff = Diff {
                clears_first: is_new == 1,
                size,
                pieces: stored,
            };
            diff.check().map_err(wrong)?;
            Change::Diff(diff)
        } else if size == 0 {
            Change::Unchanged
        } else {
            Change::Full(stored)
        };
        self.list = self.list.get(ENTRY_BYTES..).ok_or(NotPages::List)?;
        self.rest = rest;
        self.entry = entry.saturating_add(1);
        Ok(PageChange {
            page,
            pages: size / PAGE_BYTES,
            change,
        })
    }
}

impl<'a> PageChange<'a> {
    /// The run as it is from now on, where that can be told without a base: a whole run, or a diff that clears
    /// first and whose run has at most `bytes_max` bytes.
    pub fn image(&self, bytes_max: u64) -> Option<Cow<'a, [u8]>> {
        match self.change {
            Change::Full(bytes) => Some(Cow::Borrowed(bytes)),
            Change::Diff(diff) if diff.clears_first && diff.size <= bytes_max => {
                let mut image = vec![0; usize::try_from(diff.size).ok()?];
                diff.apply(&mut image, 0);
                Some(Cow::Owned(image))
            }
            Change::Diff(_) | Change::Unchanged => None,
        }
    }
}

impl<'a> Diff<'a> {
    /// Bytes of the run.
    pub fn run_bytes(&self) -> u64 {
        self.size
    }

    /// Its pieces, in the order in which they are written.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'a>> + use<'a> {
        let (size, mut rest) = (self.size, self.pieces);
        std::iter::from_fn(move || {
            let (piece, after) = piece(rest, size)?;
            rest = after;
            Some(piece)
        })
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.size == 0 {
            return Err("it changes a run of no pages");
        }
        let mut rest = self.pieces;
        while !rest.is_empty() {
            rest = piece(rest, self.size)
                .ok_or("a piece of it lies outside of its run")?
                .1;
        }
        Ok(())
    }

    /// Writes the diff over `window`, which begins `skip` bytes behind the run's begin. What lies before or behind
    /// the window is left out. A window that begins at the run and is as long needs `skip` 0.
    pub fn apply(&self, window: &mut [u8], skip: usize) {
        if self.clears_first {
            let end = usize::try_from(self.size).unwrap_or(usize::MAX);
            if let Some((_, cleared)) = overlap(window, skip, 0, end) {
                cleared.fill(0);
            }
        }
        for piece in self.pieces() {
            match piece {
                Piece::Bytes { start, bytes } => write(window, skip, start, bytes),
                Piece::Zeros { start, count } => {
                    if let Some((_, zeros)) = overlap(window, skip, start, count) {
                        zeros.fill(0);
                    }
                }
            }
        }
    }
}

/// Writes `bytes`, which begin `start` behind the run's begin, over a window that begins `skip` behind it.
pub(super) fn write(window: &mut [u8], skip: usize, start: usize, bytes: &[u8]) {
    if let Some((from, part)) = overlap(window, skip, start, bytes.len()) {
        let source = bytes.get(from..).and_then(|rest| rest.get(..part.len()));
        if let Some(source) = source {
            part.copy_from_slice(source);
        }
    }
}

/// What of the window lies in `start..start + count`, with how many of these lie before it.
fn overlap(
    window: &mut [u8],
    skip: usize,
    start: usize,
    count: usize,
) -> Option<(usize, &mut [u8])> {
    let begin = start.max(skip);
    let end = start
        .saturating_add(count)
        .min(skip.saturating_add(window.len()));
    if begin >= end {
        return None;
    }
    let part = window.get_mut(begin - skip..end - skip)?;
    Some((begin - start, part))
}

/// The first piece, if it lies inside of a run of `size` bytes, and the bytes behind it.
fn piece(pieces: &[u8], size: u64) -> Option<(Piece<'_>, &[u8])> {
    let start = u64_at(pieces, 0)?;
    let count = i64_at(pieces, 8)?;
    let end = start.checked_add(count.unsigned_abs())?;
    if end > size {
        return None;
    }
    let start = usize::try_from(start).ok()?;
    let length = usize::try_from(count.unsigned_abs()).ok()?;
    let rest = pieces.get(16..)?;
    if count < 0 {
        let zeros = Piece::Zeros {
            start,
            count: length,
        };
        return Some((zeros, rest));
    }
    let (bytes, rest) = rest.split_at_checked(length)?;
    Some((Piece::Bytes { start, bytes }, rest))
}
