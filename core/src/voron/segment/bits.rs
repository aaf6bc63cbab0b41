//! Streams of bits, most significant first.

use crate::voron::unreadable::{Unreadable, damaged};

/// Reads bits up to a stated end.
#[derive(Debug)]
pub(super) struct BitReader<'s> {
    bytes: &'s [u8],
    at: usize,
    end: usize,
}

impl<'s> BitReader<'s> {
    /// Reads the first `bits` of `bytes`, which has as many.
    pub(super) fn new(bytes: &'s [u8], bits: usize) -> Self {
        Self {
            bytes,
            at: 0,
            end: bits.min(bytes.len() * 8),
        }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.end
    }

    pub(super) fn remaining(&self) -> usize {
        self.end - self.at
    }

    pub(super) fn bit(&mut self) -> Result<bool, Unreadable> {
        Ok(self.take(1)? == 1)
    }

    /// The next `count` bits, at most 64.
    pub(super) fn take(&mut self, count: u32) -> Result<u64, Unreadable> {
        if self.remaining() < count as usize {
            return damaged("a segment ends inside an entry", self.at / 8);
        }
        let mut value = 0_u64;
        let mut wanted = count;
        while wanted > 0 {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or_default();
            let used = (self.at % 8) as u32;
            let here = wanted.min(8 - used);
            let bits = u64::from(byte << used) >> (8 - here) & ((1 << here) - 1);
            value = value << here | bits;
            self.at += here as usize;
            wanted -= here;
        }
        Ok(value)
    }
}

/// Writes bits.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    pub(super) bytes: Vec<u8>,
    pub(super) bits: usize,
}

impl BitWriter {
    /// Appends the low `count` bits of `value`.
    pub(super) fn put(&mut self, value: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            let used = (self.bits % 8) as u32;
            if used == 0 {
                self.bytes.push(0);
            }
            let here = left.min(8 - used);
            let bits = value >> (left - here) & ((1 << here) - 1);
            if let Some(last) = self.bytes.last_mut() {
                *last |= u8::try_from(bits << (8 - used - here)).unwrap_or_default();
            }
            self.bits += here as usize;
            left -= here;
        }
    }
}
