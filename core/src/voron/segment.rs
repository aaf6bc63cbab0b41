//! A segment of a time series: up to 65,535 entries in at most 2048 bytes.
//!
//! ```text
//! 0   i32 offset of the last entry, ms │ i32 last difference │ u16 entries │ u16 size of tags
//! 12  u8 current tag, 255 none │ u8 values │ u8 version │ u8 0
//! 16  state: 48 bytes for each value
//!     tags: lazy strings │ u8 size of each │ u8 number
//!     i32 bits in the tail │ u16 size of the LZ4 block │ u16 size of what is in it
//!     LZ4 block │ tail
//! ```
//!
//! LZ4's output and the tail are one stream of bits, most significant first: per entry its status, its time
//! as difference of differences, its values as XOR against the last ones, its tag.
//!
//! There is no magic and no checksum, so the check is to encode again what was decoded ([`Segment::check`]):
//! all real segments of version 1 come out identical in header, state and stream.
//!
//! Invariants: every bit that is read lies inside the stream; an entry takes at least three bits, so memory
//! is bounded by the segment's 65,535 + 2048 bytes of stream; times rise strictly and stay inside the format.
//!
//! Checked on segments of 5.4 to 7.2, dead entries and all. Version 0 is from the source.

mod bits;
mod decode;
mod encode;
mod tags;

pub use encode::{Check, Part};

use super::unreadable::{Unreadable, array_at, damaged, slice_at};
use bits::BitReader;
use tags::Tags;

/// The largest segment, in bytes.
pub const SEGMENT_BYTES_MAX: usize = 2048;
const HEADER_BYTES: usize = 16;
const STATE_BYTES: usize = 48;
const VALUES_MAX: usize = 32;
const BIT_HEADER_BYTES: usize = 8;
const NO_TAG: u8 = 255;

/// A segment, decoded.
#[derive(Debug, Clone)]
pub struct Segment<'a> {
    header: Header,
    state: &'a [u8],
    tags: Tags<'a>,
    /// What LZ4 made, then the tail.
    stream: Vec<u8>,
    bits: usize,
    is_compressed: bool,
    entries: Vec<Head>,
    /// The bits of all values, entry by entry.
    values: Vec<u64>,
}

/// The fixed part at a segment's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Header {
    last_offset_ms: i32,
    last_delta_ms: i32,
    entries: u16,
    tags_size: u16,
    tag: u8,
    values: u8,
    version: u8,
}

/// What an entry has besides its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    offset_ms: i32,
    tag: u8,
    is_dead: bool,
}

/// One entry of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entry<'s> {
    /// Milliseconds behind the segment's baseline.
    pub offset_ms: i32,
    /// Its tag.
    pub tag: Option<&'s str>,
    /// Whether it was deleted.
    pub is_dead: bool,
    padded: &'s [u64],
}

impl<'s> Entry<'s> {
    /// The values' bits as the segment has them: all entries have as many, the missing ones are NaN.
    pub fn padded_bits(&self) -> &'s [u64] {
        self.padded
    }

    /// The values that were given: without the NaN at the end.
    pub fn values(&self) -> impl ExactSizeIterator<Item = f64> + use<'s> {
        let given = self
            .padded
            .iter()
            .rposition(|bits| !f64::from_bits(*bits).is_nan());
        let count = given.map_or(0, |last| last + 1);
        self.padded
            .iter()
            .take(count)
            .map(|bits| f64::from_bits(*bits))
    }
}

impl<'a> Segment<'a> {
    /// Decodes a segment and checks all its bounds.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        if bytes.len() > SEGMENT_BYTES_MAX {
            return damaged("a segment larger than any", SEGMENT_BYTES_MAX);
        }
        let header = Header::read(bytes)?;
        let state_size = STATE_BYTES * usize::from(header.values);
        let state = slice_at(bytes, HEADER_BYTES, state_size)?;
        let tags_at = HEADER_BYTES + state_size;
        let tags = slice_at(bytes, tags_at, usize::from(header.tags_size))?;
        let tags = Tags::read(tags, tags_at)?;
        let buffer_at = tags_at + usize::from(header.tags_size);
        let (stream, bits, is_compressed) = open_stream(bytes, buffer_at)?;
        let decoded = decode::entries(&header, tags.count(), &mut BitReader::new(&stream, bits))?;
        Ok(Self {
            header,
            state,
            tags,
            bits,
            is_compressed,
            entries: decoded.heads,
            values: decoded.values,
            stream,
        })
    }

    /// The entries in the order of their times, dead ones included.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> {
        let width = usize::from(self.header.values);
        self.entries
            .iter()
            .enumerate()
            .map(move |(index, head)| Entry {
                offset_ms: head.offset_ms,
                tag: self.tags.get(head.tag),
                is_dead: head.is_dead,
                padded: self
                    .values
                    .get(index * width..(index + 1) * width)
                    .unwrap_or_default(),
            })
    }

    /// How many entries are not deleted. A dump leaves segments with none out.
    pub fn live_count(&self) -> usize {
        self.entries.iter().filter(|head| !head.is_dead).count()
    }

    /// How many values an entry has room for.
    pub fn value_count(&self) -> usize {
        usize::from(self.header.values)
    }

    /// Encodes the entries again and compares: a difference means damage.
    pub fn check(&self) -> Check {
        encode::check(self)
    }
}

impl Header {
    fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let [tag, values, version, zero] = array_at(bytes, 12)?;
        if usize::from(values) > VALUES_MAX {
            return damaged("a segment of more values than any", 13);
        }
        if version > 1 || zero != 0 {
            return damaged("a segment of no known version", 14);
        }
        let header = Self {
            last_offset_ms: i32::from_le_bytes(array_at(bytes, 0)?),
            last_delta_ms: i32::from_le_bytes(array_at(bytes, 4)?),
            entries: u16::from_le_bytes(array_at(bytes, 8)?),
            tags_size: u16::from_le_bytes(array_at(bytes, 10)?),
            tag,
            values,
            version,
        };
        if header.tags_size == 0 {
            return damaged("a segment without a place for tags", 10);
        }
        Ok(header)
    }
}

/// The stream, its length in bits, and whether a part of it was compressed.
fn open_stream(bytes: &[u8], at: usize) -> Result<(Vec<u8>, usize, bool), Unreadable> {
    let tail_bits = i32::from_le_bytes(array_at(bytes, at)?);
    let compressed = usize::from(u16::from_le_bytes(array_at(bytes, at + 4)?));
    let uncompressed = usize::from(u16::from_le_bytes(array_at(bytes, at + 6)?));
    let Ok(tail_bits) = usize::try_from(tail_bits) else {
        return damaged("a negative number of bits", at);
    };
    if (compressed == 0) != (uncompressed == 0) {
        return damaged("a compressed part of no size", at + 4);
    }
    let block_at = at + BIT_HEADER_BYTES;
    let block = slice_at(bytes, block_at, compressed)?;
    let tail = slice_at(bytes, block_at + compressed, tail_bits.div_ceil(8))?;
    let end = block_at + compressed + tail.len();
    if end != bytes.len() {
        return damaged("bytes behind a segment", end);
    }
    let mut stream = vec![0; uncompressed];
    if compressed > 0 {
        match lz4_flex::block::decompress_into(block, &mut stream) {
            Ok(length) if length == uncompressed => {}
            _ => return damaged("a compressed part that is no LZ4 block", block_at),
        }
    }
    stream.extend_from_slice(tail);
    Ok((stream, uncompressed * 8 + tail_bits, compressed > 0))
}
