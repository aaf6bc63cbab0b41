//! Reads the entries out of a segment's stream.
//!
//! ```text
//! status   1 bit: 1 dead
//! time     first entry 31 bits, 0; then difference of differences:
//!          0 │ 10 + 7 bits │ 110 + 9 │ 1110 + 12 │ 1111 + 32
//! value    0 same bits as the reference │ 11 XOR in the block of before │ 10 + 5 bits lead, 6 bits size - 1, XOR
//! tag      0 as before │ 10 none from here │ 11 + 7 bits
//! ```

use super::bits::BitReader;
use super::{Head, Header, NO_TAG};
use crate::voron::unreadable::{Unreadable, damaged};

/// The fewest bits of an entry: status, time, tag.
const ENTRY_BITS_MIN: usize = 3;

/// Payload sizes of a time's difference of differences, by the number of ones before it.
pub(super) const TIME_BITS: [u32; 4] = [7, 9, 12, 32];

pub(super) struct Decoded {
    pub(super) heads: Vec<Head>,
    pub(super) values: Vec<u64>,
}

/// What the coding of one value goes on from.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Reference {
    pub(super) bits: u64,
    pub(super) lead: u32,
    pub(super) trail: u32,
}

impl Reference {
    /// Moves on to a value: always in version 0, else only to live ones that are numbers.
    pub(super) fn follow(&mut self, version: u8, is_dead: bool, bits: u64) {
        if version == 0 || !is_dead && !f64::from_bits(bits).is_nan() {
            self.bits = bits;
        }
    }
}

pub(super) fn entries(
    header: &Header,
    tags: usize,
    stream: &mut BitReader<'_>,
) -> Result<Decoded, Unreadable> {
    let width = usize::from(header.values);
    let count = usize::from(header.entries);
    if count.saturating_mul(ENTRY_BITS_MIN + width) > stream.remaining() {
        return damaged("more entries than bits", 8);
    }
    let mut heads: Vec<Head> = Vec::with_capacity(count);
    let mut values = Vec::with_capacity(count * width);
    let mut references = vec![Reference::default(); width];
    let mut delta_ms = 0_i64;
    let mut tag = NO_TAG;
    while !stream.is_at_end() {
        let is_dead = stream.bit()?;
        let offset_ms = match heads.last() {
            None => stream.take(31)?.cast_signed(),
            Some(before) => {
                delta_ms += time(stream)?;
                i64::from(before.offset_ms) + delta_ms
            }
        };
        let rises = heads.last().is_none_or(|before| {
            delta_ms > 0
                || header.version == 0 && delta_ms == 0 && offset_ms == i64::from(before.offset_ms)
        });
        let Some(offset_ms) = i32::try_from(offset_ms)
            .ok()
            .filter(|offset| rises && *offset >= 0)
        else {
            return damaged("times that do not rise", heads.len());
        };
        let start = values.len();
        for reference in &mut references {
            let bits = value(stream, reference)?;
            reference.follow(header.version, is_dead, bits);
            values.push(bits);
        }
        tag = next_tag(stream, tag, tags)?;
        // Version 0 wrote an entry again where it replaced it; the second is to be skipped.
        if header.version == 0 && !heads.is_empty() && delta_ms == 0 {
            values.truncate(start);
            continue;
        }
        heads.push(Head {
            offset_ms,
            tag,
            is_dead,
        });
        if heads.len() > usize::from(u16::MAX) {
            return damaged("more entries than a segment counts", 8);
        }
    }
    if header.version == 1 && heads.len() != count {
        return damaged("another number of entries than stated", 8);
    }
    Ok(Decoded { heads, values })
}

fn time(stream: &mut BitReader<'_>) -> Result<i64, Unreadable> {
    if !stream.bit()? {
        return Ok(0);
    }
    let mut ones = 1;
    while ones < TIME_BITS.len() && stream.bit()? {
        ones += 1;
    }
    let bits = TIME_BITS.get(ones - 1).copied().unwrap_or_default();
    let payload = stream.take(bits)?.cast_signed();
    let difference = payload - (1 << (bits - 1));
    Ok(if difference >= 0 {
        difference + 1
    } else {
        difference
    })
}

fn value(stream: &mut BitReader<'_>, reference: &mut Reference) -> Result<u64, Unreadable> {
    if !stream.bit()? {
        return Ok(reference.bits);
    }
    if !stream.bit()? {
        let lead = u32::try_from(stream.take(5)?).unwrap_or_default();
        let size = u32::try_from(stream.take(6)?).unwrap_or_default() + 1;
        let Some(trail) = 64_u32.checked_sub(lead + size) else {
            return damaged("a value of more than 64 bits", 0);
        };
        reference.lead = lead;
        reference.trail = trail;
    }
    let size = 64 - reference.lead - reference.trail;
    Ok(reference.bits ^ stream.take(size)? << reference.trail)
}

fn next_tag(stream: &mut BitReader<'_>, before: u8, tags: usize) -> Result<u8, Unreadable> {
    if !stream.bit()? {
        return Ok(before);
    }
    if !stream.bit()? {
        return Ok(NO_TAG);
    }
    match u8::try_from(stream.take(7)?) {
        Ok(tag) if usize::from(tag) < tags => Ok(tag),
        _ => damaged("a tag that is not in the segment", 0),
    }
}
