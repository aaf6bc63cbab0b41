//! Reading by position, from files that may refuse.
//!
//! ```text
//!  asked:    |───────────────────────────────|
//!  answer:   one read; where the device refuses any of it, page by page on the grid of 8192 bytes:
//!            |────|────|0000|────|────|────|──      0000: zeros, and named as unreadable
//! ```
//!
//! Invariant: a page that was refused once is not asked for again, for a dying disk takes seconds to refuse.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use firedrill_core::salvage::file::{Piece, Read, Reader};

/// What one refusal costs, in bytes.
const PAGE: u64 = 8192;

/// What is kept of a piece's room at most, in bytes.
const SPARE_MAX: usize = 8 << 20;

/// Something that can be read by position.
pub(super) trait Source {
    /// As [`std::os::unix::fs::FileExt::read_at`].
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Bytes, as far as they count.
    fn length(&self) -> u64;
}

/// A file and its length when it was opened.
impl Source for (fs::File, u64) {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn length(&self) -> u64 {
        self.1
    }
}

/// Pages that were refused: file, and place in bytes.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pages: Mutex<BTreeSet<(u32, u64)>>,
    /// Most devices refuse nothing: nobody waits for another to ask.
    is_any: AtomicBool,
}

impl Refused {
    fn any(&self, file: u32, range: &Range<u64>) -> bool {
        if !self.is_any.load(Ordering::Acquire) {
            return false;
        }
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let first = range.start - range.start % PAGE;
        pages
            .range((file, first)..(file, range.end))
            .next()
            .is_some()
    }

    fn add(&self, file: u32, page: u64) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.insert((file, page));
        self.is_any.store(true, Ordering::Release);
    }
}

/// Reads from all inputs.
#[derive(Debug)]
pub(super) struct FileReader<'a, S> {
    sources: &'a [S],
    refused: &'a Refused,
    bytes_read: &'a AtomicU64,
    /// The room of a piece that was taken back: new room would have to be cleared each time.
    spare: Vec<u8>,
}

impl<'a, S: Source> FileReader<'a, S> {
    pub(super) fn new(sources: &'a [S], refused: &'a Refused, bytes_read: &'a AtomicU64) -> Self {
        Self {
            sources,
            refused,
            bytes_read,
            spare: Vec::new(),
        }
    }

    /// Room for so many bytes, whatever is in it.
    fn room(&mut self, bytes: usize) -> Vec<u8> {
        // A large room stays here when little is asked for: whoever asks may keep it.
        let mut room = match bytes >= self.spare.capacity() / 2 {
            true => std::mem::take(&mut self.spare),
            false => Vec::new(),
        };
        room.resize(bytes, 0);
        room
    }

    /// Page by page: what is refused stays zero, and is named.
    fn page_by_page(&self, file: u32, source: &S, range: &Range<u64>, piece: &mut Piece) {
        let mut at = range.start;
        while at < range.end {
            let page = at - at % PAGE;
            let end = (page + PAGE).min(range.end);
            let within = at - range.start..end - range.start;
            let bytes = &mut piece.bytes[within.start as usize..within.end as usize];
            let known = self.refused.any(file, &(at..end));
            match (!known).then(|| fill(source, bytes, at)) {
                Some(Ok(read)) if read < bytes.len() => {
                    piece.bytes.truncate(within.start as usize + read);
                    return;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => {
                    bytes.fill(0);
                    self.refused.add(file, page);
                    match piece.unreadable.last_mut() {
                        Some(last) if last.end == within.start => last.end = within.end,
                        _ => piece.unreadable.push(within),
                    }
                }
            }
            at = end;
        }
    }
}

impl<S: Source> Reader for FileReader<'_, S> {
    fn read(&mut self, read: &Read) -> Piece {
        let mut piece = Piece::default();
        let file = read.file.0;
        let Some(source) = self.sources.get(file as usize) else {
            return piece;
        };
        let range = read.range.start..read.range.end.min(source.length());
        if range.is_empty() {
            return piece;
        }
        let Ok(bytes) = usize::try_from(range.end - range.start) else {
            return piece;
        };
        piece.bytes = self.room(bytes);
        let known = self.refused.any(file, &range);
        match (!known).then(|| fill(source, &mut piece.bytes, range.start)) {
            Some(Ok(read)) => piece.bytes.truncate(read),
            Some(Err(_)) | None => self.page_by_page(file, source, &range, &mut piece),
        }
        self.bytes_read
            .fetch_add(piece.bytes.len() as u64, Ordering::Relaxed);
        piece
    }

    fn take_back(&mut self, piece: Piece) {
        if piece.bytes.capacity() <= SPARE_MAX {
            self.spare = piece.bytes;
        }
    }
}

/// Reads until the buffer is full or the source ends; says how much there is.
pub(super) fn fill(source: &impl Source, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while done < buffer.len() {
        match source.read_at(&mut buffer[done..], offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

#[cfg(test)]
#[allow(
    clippy::single_range_in_vec_init,
    clippy::reversed_empty_ranges,
    reason = "lists of ranges, and ranges that nobody should ask for"
)]
mod tests {
    use std::cell::RefCell;

    use firedrill_core::salvage::file::FileId;

    use super::*;

    /// Bytes of which some cannot be read, and a count of refusals.
    struct Bad {
        bytes: Vec<u8>,
        length: u64,
        refuses: Vec<Range<u64>>,
        refusals: RefCell<u32>,
    }

    impl Bad {
        fn new(length: u64, refuses: Vec<Range<u64>>) -> Self {
            Self {
                bytes: (0..length).map(|at| (at % 251) as u8 | 1).collect(),
                length,
                refuses,
                refusals: RefCell::default(),
            }
        }
    }

    impl Source for Bad {
        fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
            let length = self.bytes.len() as u64;
            // Never more than 5000 bytes at once: a read may be short.
            let end = (offset + buffer.len().min(5000) as u64).min(length);
            let bad = self.refuses.iter();
            if bad
                .clone()
                .any(|bad| bad.start < end && offset < bad.end && offset < end)
            {
                *self.refusals.borrow_mut() += 1;
                return Err(io::Error::from_raw_os_error(5));
            }
            let bytes = &self.bytes[offset as usize..end as usize];
            buffer[..bytes.len()].copy_from_slice(bytes);
            Ok(bytes.len())
        }

        fn length(&self) -> u64 {
            self.length
        }
    }

    fn read(source: &[Bad], range: Range<u64>) -> Piece {
        let (refused, count) = (Refused::default(), AtomicU64::new(0));
        let mut reader = FileReader::new(source, &refused, &count);
        let file = FileId(0);
        let piece = reader.read(&Read { file, range });
        assert_eq!(count.into_inner(), piece.bytes.len() as u64);
        piece
    }

    #[test]
    fn a_bad_sector_costs_its_page_and_no_neighbour() {
        let source = [Bad::new(100_000, vec![20_000..20_512])];
        let piece = read(&source, 0..100_000);
        assert_eq!(piece.unreadable, [16_384..24_576]);
        for (at, byte) in piece.bytes.iter().enumerate() {
            let expected = match (16_384..24_576).contains(&at) {
                true => 0,
                false => source[0].bytes[at],
            };
            assert_eq!(*byte, expected, "at {at}");
        }
    }

    #[test]
    fn pages_lie_on_the_files_grid_and_not_on_the_pieces() {
        let source = [Bad::new(100_000, vec![20_000..20_512, 24_576..24_577])];
        let piece = read(&source, 10_000..50_000);
        assert_eq!(piece.unreadable, [6384..22_768]);
        assert_eq!(piece.bytes.len(), 40_000);
        let inside = read(&source, 20_600..20_700);
        assert_eq!(inside.unreadable, []);
        assert_eq!(inside.bytes, source[0].bytes[20_600..20_700]);
    }

    #[test]
    fn a_page_that_was_refused_is_not_asked_for_again() {
        let source = [Bad::new(100_000, vec![20_000..20_512])];
        let (refused, count) = (Refused::default(), AtomicU64::new(0));
        let mut reader = FileReader::new(&source, &refused, &count);
        let ask = Read {
            file: FileId(0),
            range: 0..100_000,
        };
        let first = reader.read(&ask);
        let refusals = *source[0].refusals.borrow();
        assert_eq!(reader.read(&ask), first);
        assert_eq!(*source[0].refusals.borrow(), refusals);
    }

    #[test]
    fn a_room_that_was_used_before_shows_nothing_of_it() {
        let source = [Bad::new(100_000, vec![30_000..30_001])];
        let (refused, count) = (Refused::default(), AtomicU64::new(0));
        let mut reader = FileReader::new(&source, &refused, &count);
        for range in [0..100_000, 20_000..90_000, 95_000..120_000, 0..100_000] {
            let ask = Read {
                file: FileId(0),
                range: range.clone(),
            };
            let again = reader.read(&ask);
            assert_eq!(again, read(&source, range));
            reader.take_back(again);
        }
    }

    #[test]
    fn what_lies_behind_the_end_is_left_out() {
        let source = [Bad::new(10_000, vec![])];
        assert_eq!(read(&source, 9_000..20_000).bytes.len(), 1000);
        assert_eq!(read(&source, 10_000..20_000), Piece::default());
        assert_eq!(read(&source, 30_000..20_000), Piece::default());
        // It became shorter meanwhile.
        let mut shrunk = Bad::new(10_000, vec![100..101]);
        shrunk.length = 50_000;
        let piece = read(&[shrunk], 0..50_000);
        assert_eq!(piece.bytes.len(), 10_000);
        assert_eq!(piece.unreadable, [0..8192]);
    }
}
