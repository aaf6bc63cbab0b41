//! Encodes a segment's entries again, to see whether its bytes are what a server would have written.
//!
//! The state of a value holds first, last, greatest, least, sum and count of what is live and a number. A
//! segment's LZ4 block is not made again: another compressor makes other bytes of the same stream. What it
//! decompresses to is compared.

use super::bits::BitWriter;
use super::decode::{Reference, TIME_BITS};
use super::{Head, NO_TAG, Segment};

/// What encoding a segment again shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Every byte is what it must be.
    Identical,
    /// Every byte is, but for an LZ4 block, whose content is; or but for the state of version 0.
    StreamIdentical,
    /// The segment is damaged.
    Differs(Part),
}

/// Where a segment is not what it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// In the header.
    Header,
    /// In the state of a value.
    State,
    /// In the order of the tags.
    Tags,
    /// In the stream.
    Stream,
}

pub(super) fn check(segment: &Segment<'_>) -> Check {
    let mut encoder = Encoder::new(segment);
    for (index, head) in segment.entries.iter().enumerate() {
        let width = encoder.values.len();
        let bits = segment.values.get(index * width..(index + 1) * width);
        encoder.entry(*head, bits.unwrap_or_default());
    }
    let header = &segment.header;
    let (delta_ms, last) = (encoder.delta_ms, segment.entries.last());
    if header.version == 0 {
        // What it left out when it was decoded cannot be encoded again.
        return match encoder.stream.bytes == segment.stream {
            true => Check::StreamIdentical,
            false => Check::Differs(Part::Stream),
        };
    }
    if encoder.stream.bits != segment.bits || encoder.stream.bytes != segment.stream {
        return Check::Differs(Part::Stream);
    }
    if encoder.tags_seen != segment.tags.count() || !encoder.tags_in_order {
        return Check::Differs(Part::Tags);
    }
    let is_last = last.is_none_or(|last| last.offset_ms == header.last_offset_ms);
    if !is_last || delta_ms != i64::from(header.last_delta_ms) || encoder.tag != header.tag {
        return Check::Differs(Part::Header);
    }
    let states = encoder.values.iter().flat_map(ValueState::bytes);
    if !states.eq(segment.state.iter().copied()) {
        return Check::Differs(Part::State);
    }
    match segment.is_compressed {
        true => Check::StreamIdentical,
        false => Check::Identical,
    }
}

struct Encoder {
    stream: BitWriter,
    version: u8,
    offset_ms: Option<i64>,
    delta_ms: i64,
    tag: u8,
    tags_seen: usize,
    tags_in_order: bool,
    values: Vec<ValueState>,
}

#[derive(Debug, Clone, Copy, Default)]
struct ValueState {
    reference: Reference,
    first: f64,
    last: f64,
    max: f64,
    min: f64,
    sum: f64,
    count: i32,
}

impl Encoder {
    fn new(segment: &Segment<'_>) -> Self {
        Self {
            stream: BitWriter::default(),
            version: segment.header.version,
            offset_ms: None,
            delta_ms: 0,
            tag: NO_TAG,
            tags_seen: 0,
            tags_in_order: true,
            values: vec![ValueState::default(); usize::from(segment.header.values)],
        }
    }

    fn entry(&mut self, head: Head, bits: &[u64]) {
        self.stream.put(u64::from(head.is_dead), 1);
        self.time(i64::from(head.offset_ms));
        if !head.is_dead && self.values.first().is_some_and(|value| value.count == 0) {
            for (value, bits) in self.values.iter_mut().zip(bits) {
                let number = f64::from_bits(*bits);
                (value.first, value.max, value.min) = (number, number, number);
            }
        }
        for (value, bits) in self.values.iter_mut().zip(bits) {
            write_value(&mut self.stream, &mut value.reference, *bits);
            value.reference.follow(self.version, head.is_dead, *bits);
            if !head.is_dead {
                value.count_in(f64::from_bits(*bits));
            }
        }
        self.tag(head.tag);
    }

    fn time(&mut self, offset_ms: i64) {
        let Some(before) = self.offset_ms.replace(offset_ms) else {
            self.stream.put(offset_ms.cast_unsigned(), 31);
            return;
        };
        let delta_ms = offset_ms - before;
        let difference = delta_ms - self.delta_ms;
        self.delta_ms = delta_ms;
        if difference == 0 {
            self.stream.put(0, 1);
            return;
        }
        let shifted = if difference > 0 {
            difference - 1
        } else {
            difference
        };
        let fitting = |bits: &u32| shifted.abs() < 1_i64 << (bits - 1);
        let index = TIME_BITS
            .iter()
            .position(fitting)
            .unwrap_or(TIME_BITS.len() - 1);
        let bits = TIME_BITS.get(index).copied().unwrap_or_default();
        // So many ones, and a zero behind them but for the last.
        match index {
            0 => self.stream.put(0b10, 2),
            1 => self.stream.put(0b110, 3),
            2 => self.stream.put(0b1110, 4),
            _ => self.stream.put(0b1111, 4),
        }
        let payload = shifted + (1_i64 << (bits - 1));
        self.stream.put(payload.cast_unsigned(), bits);
    }

    fn tag(&mut self, tag: u8) {
        if tag == self.tag {
            self.stream.put(0, 1);
            return;
        }
        self.tag = tag;
        if tag == NO_TAG {
            self.stream.put(0b10, 2);
            return;
        }
        self.stream.put(0b11, 2);
        self.stream.put(u64::from(tag), 7);
        let index = usize::from(tag);
        self.tags_in_order &= index <= self.tags_seen;
        self.tags_seen = self.tags_seen.max(index + 1);
    }
}

fn write_value(stream: &mut BitWriter, reference: &mut Reference, bits: u64) {
    let difference = reference.bits ^ bits;
    if difference == 0 {
        stream.put(0, 1);
        return;
    }
    let lead = difference.leading_zeros().min(31);
    // The number of whole zero bytes at the end, taken as a number of bits.
    let trail = difference.trailing_zeros() / 8;
    let before = 64 - reference.lead - reference.trail;
    let fits = lead >= reference.lead && trail >= reference.trail;
    if fits && before < 11 + 64 - lead - trail {
        stream.put(0b11, 2);
        stream.put(difference >> reference.trail, before);
        return;
    }
    let size = 64 - lead - trail;
    (reference.lead, reference.trail) = (lead, trail);
    stream.put(0b10, 2);
    stream.put(u64::from(lead), 5);
    stream.put(u64::from(size - 1), 6);
    stream.put(difference >> trail, size);
}

impl ValueState {
    fn count_in(&mut self, number: f64) {
        if number.is_nan() {
            return;
        }
        if self.first.is_nan() {
            self.first = number;
        }
        self.last = number;
        self.max = greater(self.max, number);
        self.min = -greater(-self.min, -number);
        self.sum += number;
        self.count += 1;
    }

    fn bytes(&self) -> [u8; super::STATE_BYTES] {
        let mut bytes = [0; super::STATE_BYTES];
        let numbers = [self.first, self.last, self.max, self.min, self.sum];
        let words = numbers.map(|number| number.to_le_bytes());
        let (front, back) = bytes.split_at_mut(40);
        for (place, word) in front.as_chunks_mut().0.iter_mut().zip(words) {
            *place = word;
        }
        let [a, b, c, d] = self.count.to_le_bytes();
        let byte = |bits: u32| u8::try_from(bits).unwrap_or_default();
        let tail = [
            a,
            b,
            c,
            d,
            byte(self.reference.lead),
            byte(self.reference.trail),
        ];
        for (place, byte) in back.iter_mut().zip(tail) {
            *place = byte;
        }
        bytes
    }
}

/// The greater of two numbers, where +0 is greater than -0 and any number than NaN.
fn greater(a: f64, b: f64) -> f64 {
    if a.is_nan() || b > a || a == b && a.is_sign_negative() {
        b
    } else {
        a
    }
}
