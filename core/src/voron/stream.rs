//! Streams: the contents of attachments, put together from their chunks by page number.
//!
//! ```text
//! chunk, an overflow run                      ┌─ next page ──────────────────────────┐
//! ┌──────┬──────────────────────────────────┐ │ ┌──────┬────────┬──────────┬───────┐ ▼
//! │ head │ chunk size bytes                 │─┘ │ head │ chunk  │ info, 16 │ tag   │ next page 0
//! └──────┴──────────────────────────────────┘   └──────┴────────┴──────────┴───────┘
//! info   i64 size of the stream | i32 version | i32 tag size
//! tag    lower document id, `d` or `r`, lower name, hash, content type
//!        between them 0x1E, or `|` after an import
//! ```
//!
//! - A run is a chunk and, in the last, info and tag; where those do not fit, a further chunk of no bytes
//!   holds them. Chunks double from a page to 4 MiB; nothing here relies on that.
//! - The hash is BLAKE2b-256 over all chunks; the tag names it in base64. It covers what no checksum does, the
//!   last 64 bytes of each run.
//! - That a chunk is not the first does not show in its head: 7.2 leaves stray bits in byte 13, the lowest among them
//!   (seen on a last chunk without data). So the hash alone says whether a chain went astray.
//! - Streams without a tag are an index's files, no attachments.
//! - Chunks are asked for and taken one at a time, so a stream of any size needs one chunk of memory.
//!
//! Every chunk counts once, a page that was there before ends the chain, and no more chunks are taken than a file
//! of that many pages can hold. Checked on files of 4.2 to 7.2: sums of chunks, stated sizes and hashes agree.
//! Deliberately not here: checksums of the runs (the caller has them), and small streams of 7.2, which lie in
//! [`super::tree`].

use std::collections::BTreeSet;

use blake2::Blake2b256;
use blake2::digest::Digest;

use super::page::{Header, Kind};
use super::run::Run;
use crate::drill::planted;

/// Puts the stream together that starts at this page. `lookup` gives the bytes of the run with this page number
/// from its head on, if there is one that is trusted; `sink` gets the data in order. `pages_max` is how many
/// pages there are.
pub fn follow<'a>(
    first_page: u64,
    pages_max: u64,
    mut lookup: impl FnMut(u64) -> Option<&'a [u8]>,
    mut sink: impl FnMut(&'a [u8]),
) -> Stream {
    let mut chain = Chain::new(first_page, pages_max);
    while let Some(page) = chain.wanted() {
        sink(chain.take(lookup(page)));
    }
    chain.finish()
}

/// What came of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stream {
    /// Its chunks, as far as they were found.
    pub chunks: Vec<Chunk>,
    /// The first of them says that the stream starts there.
    pub has_start: bool,
    /// Their data, in bytes.
    pub data_bytes: u64,
    /// Its BLAKE2b-256.
    pub hash: [u8; 32],
    /// What the last chunk says of the stream.
    pub info: Option<StreamInfo>,
    /// Why it ended.
    pub end: End,
}

impl Stream {
    /// All of it is there: from its start to its end, as many bytes as it says, and what its tag names, if it
    /// has one.
    pub fn is_whole(&self) -> bool {
        self.has_start && self.end == End::Complete && self.is_what_its_tag_names() != Some(false)
    }

    /// Whether the hash is the one in its tag; `None` without a tag.
    pub fn is_what_its_tag_names(&self) -> Option<bool> {
        let tag = Tag::read(&self.info.as_ref()?.tag)?;
        Some(tag.hash == hash_name(&self.hash).as_bytes())
    }
}

/// One chunk of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Where its run starts.
    pub page: u64,
    /// The pages of its run.
    pub pages: u64,
    /// Its data, in bytes: they start 64 bytes behind the run's start.
    pub data_bytes: u64,
}

/// Why a chain of chunks ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The last chunk was reached, and it states as many bytes as there were.
    Complete,
    /// Nobody has that page.
    Missing {
        /// Its number.
        page: u64,
    },
    /// The page is no chunk, or its sizes contradict each other.
    NoChunk {
        /// Its number.
        page: u64,
    },
    /// The page was part of the stream already.
    Cycle {
        /// Its number.
        page: u64,
    },
    /// More pages than there are.
    TooLong,
    /// The last chunk says nothing of the stream.
    NoInfo,
    /// The last chunk states another size than there was.
    OtherSize {
        /// The size that it states, in bytes.
        stated: u64,
    },
}

/// What a stream's last chunk says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// The stream, in bytes.
    pub total_bytes: u64,
    /// As stored; 1 everywhere so far.
    pub version: i32,
    /// What names it, empty for an index's file: see [`Tag`].
    pub tag: Vec<u8>,
}

impl StreamInfo {
    /// The info at the start of these bytes, if all of it is there.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let (total, rest) = bytes.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        let (tag_bytes, rest) = rest.split_first_chunk()?;
        let tag_bytes = usize::try_from(i32::from_le_bytes(*tag_bytes)).ok()?;
        Some(Self {
            total_bytes: u64::try_from(i64::from_le_bytes(*total)).ok()?,
            version: i32::from_le_bytes(*version),
            tag: rest.get(..tag_bytes)?.to_vec(),
        })
    }
}

/// The five fields of an attachment's tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tag<'a> {
    /// The document's id in lower case.
    pub lower_document_id: &'a [u8],
    /// It belongs to a revision.
    pub of_revision: bool,
    /// The attachment's name in lower case.
    pub lower_name: &'a [u8],
    /// The BLAKE2b-256 of the content in base64.
    pub hash: &'a [u8],
    /// The content type, as given by whoever stored it.
    pub content_type: &'a [u8],
}

impl<'a> Tag<'a> {
    /// `None` if it does not have the five fields. Ids and names may hold a `|`, so the fields are taken from both
    /// ends: content type and hash are the last two, and `d` or `r` stands alone.
    pub fn read(tag: &'a [u8]) -> Option<Self> {
        const SEPARATOR: u8 = 0x1E;
        let separator = if tag.contains(&SEPARATOR) {
            SEPARATOR
        } else {
            b'|'
        };
        let (rest, content_type) = split_last_field(tag, separator)?;
        let (rest, hash) = split_last_field(rest, separator)?;
        let kind_at = rest.windows(3).position(|window| {
            matches!(window, [before, b'd' | b'r', after] if *before == separator && *after == separator)
        })?;
        Some(Self {
            lower_document_id: rest.get(..kind_at)?,
            of_revision: rest.get(kind_at + 1) == Some(&b'r'),
            lower_name: rest.get(kind_at + 3..)?,
            hash,
            content_type,
        })
        .filter(|tag| tag.hash.len() == HASH_NAME_BYTES)
    }
}

/// A hash in base64, in bytes.
const HASH_NAME_BYTES: usize = 44;

/// BLAKE2b-256.
pub fn hash(data: &[u8]) -> [u8; 32] {
    Blake2b256::digest(data).into()
}

/// A content's hash as tags, keys and metadata name it: in base64, 44 characters.
pub fn hash_name(hash: &[u8; 32]) -> String {
    base64_simd::STANDARD.encode_to_string(hash)
}

/// A stream that is being put together: ask what it wants, give it that, until it wants no more.
#[derive(Debug, Clone)]
pub struct Chain {
    wanted: Option<u64>,
    pages_left: u64,
    pages_seen: BTreeSet<u64>,
    hash: Blake2b256,
    chunks: Vec<Chunk>,
    has_start: bool,
    data_bytes: u64,
    info: Option<StreamInfo>,
    end: End,
}

impl Chain {
    /// Before its first chunk.
    pub fn new(first_page: u64, pages_max: u64) -> Self {
        Self {
            wanted: Some(first_page),
            pages_left: pages_max,
            pages_seen: BTreeSet::new(),
            hash: Blake2b256::new(),
            chunks: Vec::new(),
            has_start: false,
            data_bytes: 0,
            info: None,
            end: End::Missing { page: first_page },
        }
    }

    /// The page number of the chunk that it wants next; `None` when it has ended.
    pub fn wanted(&self) -> Option<u64> {
        self.wanted
    }

    /// Takes the run that was wanted, from its head on, or that there is none. Returns the chunk's data.
    pub fn take<'a>(&mut self, run: Option<&'a [u8]>) -> &'a [u8] {
        let Some(page) = self.wanted.take() else {
            return &[];
        };
        match self.accept(page, run) {
            Ok(data) => data,
            Err(end) => {
                self.end = end;
                &[]
            }
        }
    }

    /// What came of it so far.
    pub fn finish(self) -> Stream {
        Stream {
            chunks: self.chunks,
            has_start: self.has_start,
            data_bytes: self.data_bytes,
            hash: self.hash.finalize().into(),
            info: self.info,
            end: self.end,
        }
    }

    fn accept<'a>(&mut self, page: u64, run: Option<&'a [u8]>) -> Result<&'a [u8], End> {
        if self.pages_seen.contains(&page) && !planted("SA-11") {
            return Err(End::Cycle { page });
        }
        let run = run.ok_or(End::Missing { page })?;
        let piece = ChunkBytes::read(run)
            .filter(|piece| piece.number == page)
            .ok_or(End::NoChunk { page })?;
        self.pages_left = self
            .pages_left
            .checked_sub(if planted("SA-11") { 0 } else { piece.pages })
            .ok_or(End::TooLong)?;
        self.pages_seen.insert(page);
        self.has_start |= piece.first;
        self.hash.update(piece.data);
        self.data_bytes += piece.data.len() as u64;
        self.chunks.push(Chunk {
            page,
            pages: piece.pages,
            data_bytes: piece.data.len() as u64,
        });
        match piece.next {
            Some(next) => {
                self.wanted = Some(next);
                self.end = End::Missing { page: next };
            }
            None => {
                self.info = StreamInfo::read(piece.behind);
                self.end = match &self.info {
                    None => End::NoInfo,
                    Some(info) if info.total_bytes == self.data_bytes => End::Complete,
                    Some(info) => End::OtherSize {
                        stated: info.total_bytes,
                    },
                };
            }
        }
        Ok(piece.data)
    }
}

/// The run of one chunk, taken apart.
#[derive(Debug, Clone, Copy)]
pub struct ChunkBytes<'a> {
    /// Its page number.
    pub number: u64,
    /// The pages of its run.
    pub pages: u64,
    /// The stream starts here.
    pub first: bool,
    /// The page of the next chunk.
    pub next: Option<u64>,
    /// The chunk.
    pub data: &'a [u8],
    /// What lies behind it in the run: info and tag in the last chunk.
    pub behind: &'a [u8],
}

impl<'a> ChunkBytes<'a> {
    /// `None` if it is no stream's chunk, or its sizes contradict each other.
    pub fn read(run: &'a [u8]) -> Option<Self> {
        let header = Header::read(run)?;
        let Kind::Stream {
            first,
            next,
            chunk_bytes,
        } = header.kind
        else {
            return None;
        };
        let Run { value, pages, .. } = Run::read(&header, run)?;
        let (data, behind) = value.split_at_checked(usize::try_from(chunk_bytes).ok()?)?;
        Some(Self {
            number: header.number,
            pages,
            first,
            next,
            data,
            behind,
        })
    }
}

fn split_last_field(fields: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = fields.iter().rposition(|byte| *byte == separator)?;
    Some((fields.get(..at)?, fields.get(at + 1..)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Runs = BTreeMap<u64, Vec<u8>>;

    fn run(number: u64, first: bool, next: u64, data: &[u8], behind: &[u8]) -> Vec<u8> {
        let mut run = vec![0; 64];
        let size = (data.len() + behind.len()) as u32;
        run[..8].copy_from_slice(&number.to_le_bytes());
        run[8..12].copy_from_slice(&size.to_le_bytes());
        (run[12], run[13]) = (18, u8::from(first) | 2);
        run[14..22].copy_from_slice(&next.to_le_bytes());
        run[22..30].copy_from_slice(&(data.len() as u64).to_le_bytes());
        run.extend_from_slice(data);
        run.extend_from_slice(behind);
        run
    }

    fn info(total: u64, tag: &[u8]) -> Vec<u8> {
        let mut info = total.to_le_bytes().to_vec();
        info.extend_from_slice(&1_i32.to_le_bytes());
        info.extend_from_slice(&(tag.len() as i32).to_le_bytes());
        info.extend_from_slice(tag);
        info
    }

    /// `first part, second part`, in three chunks, the last with no data.
    fn stream() -> Runs {
        let name = hash_name(&hash(b"first part, second part"));
        let tag = format!("users/1|d|a|b.txt|{name}|text/plain");
        Runs::from([
            (9, run(9, true, 4, b"first part, ", b"")),
            (4, run(4, false, 7, b"second part", b"")),
            (7, run(7, false, 0, b"", &info(23, tag.as_bytes()))),
        ])
    }

    fn followed(runs: &Runs, first: u64) -> (Stream, Vec<u8>) {
        let mut data = Vec::new();
        let lookup = |page| runs.get(&page).map(Vec::as_slice);
        let stream = follow(first, 100, lookup, |part| data.extend_from_slice(part));
        (stream, data)
    }

    /// Met on a database of 7.2 that was killed: the chunk behind the data had the first one's bit.
    #[test]
    fn a_stray_bit_of_the_first_chunk_breaks_no_chain() {
        let mut runs = stream();
        for page in [4, 7] {
            runs.get_mut(&page).expect("it is there")[13] = 3;
        }
        let (stream, data) = followed(&runs, 9);
        assert_eq!(data, b"first part, second part");
        assert_eq!(stream.end, End::Complete);
        assert!(stream.is_whole());
    }

    #[test]
    fn a_stream_is_put_together_by_page_number() {
        let (stream, data) = followed(&stream(), 9);
        assert_eq!(data, b"first part, second part");
        assert_eq!((stream.end, stream.data_bytes), (End::Complete, 23));
        assert!(stream.is_whole());
        assert_eq!(stream.hash, hash(&data));
        let pages: Vec<u64> = stream.chunks.iter().map(|chunk| chunk.page).collect();
        assert_eq!(pages, [9, 4, 7]);
    }

    #[test]
    fn a_stream_that_is_not_whole_says_why() {
        let partial = |change: &dyn Fn(&mut Runs)| {
            let mut runs = stream();
            change(&mut runs);
            let (stream, data) = followed(&runs, 9);
            assert!(!stream.is_whole());
            (stream.end, data.len())
        };
        let missing = partial(&|runs| drop(runs.remove(&7)));
        assert_eq!(missing, (End::Missing { page: 7 }, 23));
        let missing = partial(&|runs| drop(runs.remove(&9)));
        assert_eq!(missing, (End::Missing { page: 9 }, 0));
        let cycle = partial(&|runs| drop(runs.insert(4, run(4, false, 9, b"more", b""))));
        assert_eq!(cycle, (End::Cycle { page: 9 }, 16));
        let cycle = partial(&|runs| drop(runs.insert(4, run(4, false, 4, b"more", b""))));
        assert_eq!(cycle, (End::Cycle { page: 4 }, 16));
        let stray = partial(&|runs| drop(runs.insert(4, run(5, false, 7, b"more", b""))));
        assert_eq!(stray, (End::NoChunk { page: 4 }, 12));
        let size = partial(&|runs| drop(runs.insert(4, run(4, false, 7, b"more", b""))));
        assert_eq!(size, (End::OtherSize { stated: 23 }, 16));
        let no_info = partial(&|runs| drop(runs.insert(4, run(4, false, 0, b"more", b"xx"))));
        assert_eq!(no_info, (End::NoInfo, 16));
        let chunk_size = partial(&|runs| runs.get_mut(&4).unwrap()[29] = 0x80);
        assert_eq!(chunk_size, (End::NoChunk { page: 4 }, 12));
    }

    #[test]
    fn other_data_of_the_same_size_is_not_whole() {
        let mut runs = stream();
        *runs.get_mut(&4).unwrap().last_mut().unwrap() ^= 1;
        let (stream, _) = followed(&runs, 9);
        assert_eq!(stream.end, End::Complete);
        assert_eq!(stream.is_what_its_tag_names(), Some(false));
        assert!(!stream.is_whole());
    }

    #[test]
    fn a_stream_takes_no_more_pages_than_there_are() {
        let lookup = |page| {
            let run = run(page, page == 1, page + 1, b"x", b"");
            Some(&*Box::leak(run.into_boxed_slice()))
        };
        let stream = follow(1, 30, lookup, |_| {});
        assert_eq!((stream.end, stream.chunks.len()), (End::TooLong, 30));
    }

    #[test]
    fn tags_are_split_at_either_separator() {
        let name = hash_name(&hash(b"x"));
        for separator in ["\u{1e}", "|"] {
            let fields = ["orders/1-a", "r", "photo.jpg", &name, "image/jpeg"];
            let text = fields.join(separator);
            let tag = Tag::read(text.as_bytes()).unwrap();
            assert_eq!(tag.lower_document_id, b"orders/1-a");
            assert!(tag.of_revision);
            assert_eq!(tag.lower_name, b"photo.jpg");
            assert_eq!(tag.hash, name.as_bytes());
            assert_eq!(tag.content_type, b"image/jpeg");
        }
        let text = format!("a\u{1e}d\u{1e}b|c\u{1e}{name}\u{1e}");
        let tag = Tag::read(text.as_bytes()).unwrap();
        assert_eq!((tag.lower_name, tag.content_type), (&b"b|c"[..], &b""[..]));
        assert_eq!(Tag::read(b"a|d|b|short|text"), None);
        assert_eq!(Tag::read(b""), None);
    }

    proptest! {
        #[test]
        fn any_runs_come_to_an_end(
            pages in proptest::collection::vec(
                (0_u64..6, any::<bool>(), 0_u64..6, 0_usize..40, proptest::collection::vec(any::<u8>(), 0..40)),
                0..6,
            ),
            tag in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let runs: Runs = pages
                .iter()
                .zip(0..)
                .map(|((number, first, next, cut, data), page)| {
                    let number = if *cut == 0 { *number } else { page };
                    let mut run = run(number, *first, *next, data, &[0; 16]);
                    run.truncate(run.len().saturating_sub(cut / 10));
                    (page, run)
                })
                .collect();
            let (stream, data) = followed(&runs, 0);
            prop_assert_eq!(stream.data_bytes, data.len() as u64);
            prop_assert!(stream.chunks.len() <= runs.len());
            Tag::read(&tag);
            StreamInfo::read(&tag);
        }
    }
}
