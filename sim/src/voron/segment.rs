//! Segments of time series, as version 1 writes them, never compressed.
//!
//! ```text
//!  header 16 │ state 48 × values │ tags … lengths … count │ bits i32, 0 u16, 0 u16 │ bits, most significant first
//!  entry     dead? 1 │ difference of differences of time │ each value: as before, in the block, a new block │ tag
//! ```
//!
//! Invariants: a segment has at most 2,048 bytes; its first entry is its baseline; only live values that are
//! numbers touch the state and the reference of the next one.

use super::bytes::lazy_string;
use super::truth::Entry;

/// Largest segment.
const SEGMENT_MAX: usize = 2048;
/// Furthest entry behind the baseline.
const OFFSET_MAX: i64 = 0x7fff_fffe;
const NO_TAG: u8 = 255;

/// The bytes of as many entries as fit, at least one; how many these were. All have `values` values.
pub(super) fn segment(entries: &[Entry], values: usize) -> (Vec<u8>, usize) {
    let baseline = entries[0].time_ms;
    let mut builder = Builder::new(values);
    let mut taken = 0;
    for entry in entries {
        let offset = entry.time_ms - baseline;
        if offset > OFFSET_MAX || taken == usize::from(u16::MAX) {
            break;
        }
        let mut next = builder.clone();
        next.append(offset, entry);
        if taken > 0 && next.size() > SEGMENT_MAX {
            break;
        }
        builder = next;
        taken += 1;
    }
    (builder.finish(taken), taken)
}

#[derive(Debug, Clone)]
struct Builder {
    states: Vec<State>,
    tags: Vec<Vec<u8>>,
    tag: u8,
    offset: i64,
    delta: i64,
    entries: usize,
    bits: Bits,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    first: f64,
    last: f64,
    max: f64,
    min: f64,
    sum: f64,
    count: i32,
    leading: u32,
    trailing: u32,
}

#[derive(Debug, Clone, Default)]
struct Bits {
    bytes: Vec<u8>,
    count: usize,
}

impl Bits {
    fn push(&mut self, number: u64, width: u32) {
        for bit in (0..width).rev() {
            if self.count.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let set = (number >> bit & 1) as u8;
            let last = self.bytes.len() - 1;
            self.bytes[last] |= set << (7 - self.count % 8);
            self.count += 1;
        }
    }
}

impl Builder {
    fn new(values: usize) -> Self {
        Self {
            states: vec![State::default(); values],
            tags: Vec::new(),
            tag: NO_TAG,
            offset: 0,
            delta: 0,
            entries: 0,
            bits: Bits::default(),
        }
    }

    fn append(&mut self, offset: i64, entry: &Entry) {
        self.bits.push(u64::from(!entry.live), 1);
        self.time(offset);
        let opening = entry.live && self.states.first().is_some_and(|state| state.count == 0);
        for nth in 0..self.states.len() {
            let bits = if entry.live { entry.value_bits[nth] } else { 0 };
            self.value(nth, bits, entry.live, opening);
        }
        self.tag(entry.tag.as_deref().filter(|_| entry.live));
        self.entries += 1;
    }

    fn time(&mut self, offset: i64) {
        if self.entries == 0 {
            self.bits.push(offset as u64, 31);
            return;
        }
        let delta = offset - self.offset;
        let change = delta - self.delta;
        self.offset = offset;
        self.delta = delta;
        if change == 0 {
            self.bits.push(0, 1);
            return;
        }
        let shifted = if change > 0 { change - 1 } else { change };
        for (prefix, prefix_width, width) in [
            (0b10, 2, 7),
            (0b110, 3, 9),
            (0b1110, 4, 12),
            (0b1111, 4, 32),
        ] {
            let half = 1i64 << (width - 1);
            if shifted.abs() < half {
                self.bits.push(prefix, prefix_width);
                self.bits.push((shifted + half) as u64, width);
                return;
            }
        }
    }

    fn value(&mut self, nth: usize, bits: u64, live: bool, opening: bool) {
        let state = &mut self.states[nth];
        let difference = bits ^ state.last.to_bits();
        if difference == 0 {
            self.bits.push(0, 1);
        } else {
            let leading = difference.leading_zeros().min(31);
            let trailing = difference.trailing_zeros() / 8;
            let block = 64 - state.leading - state.trailing;
            let alone = 64 - leading - trailing;
            if leading >= state.leading && trailing >= state.trailing && block < 11 + alone {
                self.bits.push(0b11, 2);
                self.bits.push(difference >> state.trailing, block);
            } else {
                self.bits.push(0b10, 2);
                self.bits.push(u64::from(leading), 5);
                self.bits.push(u64::from(alone - 1), 6);
                self.bits.push(difference >> trailing, alone);
                state.leading = leading;
                state.trailing = trailing;
            }
        }
        let value = f64::from_bits(bits);
        if live && opening {
            (state.first, state.max, state.min) = (value, value, value);
        }
        if !live || value.is_nan() {
            return;
        }
        if state.first.is_nan() {
            (state.first, state.max, state.min) = (value, value, value);
        }
        state.last = value;
        state.sum += value;
        state.count += 1;
        if value > state.max {
            state.max = value;
        }
        if value < state.min {
            state.min = value;
        }
    }

    fn tag(&mut self, tag: Option<&str>) {
        let index = match tag {
            None => NO_TAG,
            Some(tag) => {
                let stored = lazy_string(tag);
                let known = self.tags.iter().position(|known| *known == stored);
                let index = known.unwrap_or_else(|| {
                    self.tags.push(stored);
                    self.tags.len() - 1
                });
                index as u8
            }
        };
        if index == self.tag {
            self.bits.push(0, 1);
        } else if index == NO_TAG {
            self.bits.push(0b10, 2);
        } else {
            self.bits.push(0b11, 2);
            self.bits.push(u64::from(index), 7);
        }
        self.tag = index;
    }

    fn tags_size(&self) -> usize {
        self.tags.iter().map(|tag| tag.len() + 1).sum::<usize>() + 1
    }

    fn size(&self) -> usize {
        16 + 48 * self.states.len() + self.tags_size() + 8 + self.bits.bytes.len()
    }

    fn finish(&self, entries: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size());
        out.extend_from_slice(&(self.offset as i32).to_le_bytes());
        out.extend_from_slice(&(self.delta as i32).to_le_bytes());
        out.extend_from_slice(&(entries as u16).to_le_bytes());
        out.extend_from_slice(&(self.tags_size() as u16).to_le_bytes());
        out.extend_from_slice(&[self.tag, self.states.len() as u8, 1, 0]);
        for state in &self.states {
            for number in [state.first, state.last, state.max, state.min, state.sum] {
                out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            out.extend_from_slice(&state.count.to_le_bytes());
            out.extend_from_slice(&[state.leading as u8, state.trailing as u8, 0, 0]);
        }
        for tag in &self.tags {
            out.extend_from_slice(tag);
        }
        out.extend(self.tags.iter().map(|tag| tag.len() as u8));
        out.push(self.tags.len() as u8);
        out.extend_from_slice(&(self.bits.count as i32).to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.bits.bytes);
        out
    }
}
