//! The search for one flipped bit among the hashed bytes: one lane redone for each candidate.
//!
//! Deliberately not here: the bits that decide what is hashed, and from which seed.

use std::ops::Range;

use super::Repair;
use crate::voron::checksum::{
    HASHED_AGAIN_FROM, Lanes, PRIME_1, PRIME_2, STRIPE_BYTES, finish, length_hashed, round, xxh64,
};
use crate::voron::page::{CHECKSUM_AT, Header};

/// The search among the hashed bits, in portions: whoever has several threads, or wants to stop in between,
/// takes ranges of stripes and joins what they find.
#[derive(Debug, Clone)]
pub struct Search<'a> {
    seed: u64,
    stored: u64,
    first: Option<&'a [u8; STRIPE_BYTES]>,
    stripes: &'a [[u8; STRIPE_BYTES]],
    tail: &'a [u8],
    /// What the finish adds.
    length: u64,
    /// Where the bytes behind the first stripe lie, from the first byte on.
    rest_at: u64,
    /// Bits of the first stripe's first two words that are no plain hashed bits: `head_candidates` tries them.
    left_to_the_head: [u64; 2],
    /// After every stripe, nothing changed.
    lanes: Lanes,
}

impl<'a> Search<'a> {
    /// Over a page or run, taking its head's number, flags and size as they are. `None` if those are
    /// impossible or the bytes too few.
    pub fn of_run(bytes: &'a [u8]) -> Option<Self> {
        let header = Header::read(bytes)?;
        // The number; the flags; and of a run the size.
        let sizes = if header.is_run() { 0xFFFF_FFFF } else { 0 };
        let left_to_the_head = [u64::MAX, 0xFF << 32 | sizes];
        let hashed_end = usize::try_from(header.hashed_end()?).ok()?;
        let first = bytes.first_chunk::<STRIPE_BYTES>()?;
        let length = length_hashed(hashed_end);
        let rest = match hashed_end.checked_sub(HASHED_AGAIN_FROM) {
            Some(_) => bytes.get(HASHED_AGAIN_FROM..hashed_end)?,
            None => &[],
        };
        let mut search = Self::new(header.number, header.checksum, Some(first), rest, length);
        search.rest_at = HASHED_AGAIN_FROM as u64;
        search.left_to_the_head = left_to_the_head;
        Some(search)
    }

    /// Over a payload with its plain XXH64.
    pub fn of_payload(seed: u64, stored: u64, payload: &'a [u8]) -> Self {
        let length = payload.len() as u64;
        match payload.split_first_chunk::<STRIPE_BYTES>() {
            Some((first, rest)) => Self::new(seed, stored, Some(first), rest, length),
            None => Self::new(seed, stored, None, payload, length),
        }
    }

    fn new(
        seed: u64,
        stored: u64,
        first: Option<&'a [u8; STRIPE_BYTES]>,
        rest: &'a [u8],
        length: u64,
    ) -> Self {
        let (stripes, tail) = rest.as_chunks::<STRIPE_BYTES>();
        let mut lanes = Lanes::new(seed);
        lanes.eat(first.map(std::slice::from_ref).unwrap_or_default());
        lanes.eat(stripes);
        Self {
            seed,
            stored,
            first,
            stripes,
            tail,
            length,
            rest_at: first.map_or(0, |first| first.len() as u64),
            left_to_the_head: [0; 2],
            lanes,
        }
    }

    /// The checksum is true as it is.
    pub fn is_true(&self) -> bool {
        self.hash(&self.lanes, self.tail) == self.stored
    }

    /// Full stripes, which are what [`Search::stripes`] takes ranges of.
    pub fn stripe_count(&self) -> u64 {
        self.stripes.len() as u64 + u64::from(self.first.is_some())
    }

    /// What searching these stripes costs, in lane steps: a word's 64 candidates, each to the end.
    pub fn cost(&self, stripes: Range<u64>) -> u64 {
        let count = self.stripe_count();
        let end = stripes.end.min(count);
        let start = stripes.start.min(end);
        // The sum of count - k over start <= k < end, on each of 4 lanes, 64 times.
        let sum = (u128::from(end - start) * u128::from(2 * count + 1 - start - end)) / 2;
        u64::try_from(sum.saturating_mul(256)).unwrap_or(u64::MAX)
    }

    /// The bits of these full stripes.
    pub fn stripes(&self, stripes: Range<u64>) -> Found {
        let mut found = Found::default();
        let count = usize::try_from(self.stripe_count()).unwrap_or(usize::MAX);
        let end = usize::try_from(stripes.end).map_or(count, |end| end.min(count));
        let start = usize::try_from(stripes.start).map_or(end, |start| start.min(end));
        if start >= end {
            return found;
        }
        let mut words: Vec<u64> = Vec::with_capacity(count);
        for lane in 0..4 {
            words.clear();
            words.extend((0..count).map(|stripe| self.word(stripe, lane)));
            self.lane(lane, &mut words, start..end, &mut found);
        }
        found
    }

    /// The bits that fill no stripe.
    pub fn tail(&self) -> Found {
        let mut found = Found::default();
        let mut tail = [0; STRIPE_BYTES];
        let Some(tail) = tail.get_mut(..self.tail.len()) else {
            return found;
        };
        tail.copy_from_slice(self.tail);
        let at = self.rest_at + (self.stripes.len() * STRIPE_BYTES) as u64;
        for bit in 0..8 * tail.len() as u64 {
            flip(tail, bit);
            if self.hash(&self.lanes, tail) == self.stored {
                found.add(at * 8 + bit);
            }
            flip(tail, bit);
        }
        found
    }

    /// The bits of the stored checksum: all that differs is one of them.
    pub fn checksum(&self) -> Found {
        let mut found = Found::default();
        let difference = self.hash(&self.lanes, self.tail) ^ self.stored;
        if difference.is_power_of_two() {
            found.add(CHECKSUM_AT as u64 * 8 + u64::from(difference.trailing_zeros()));
        }
        found
    }

    pub(super) fn finish_with(&self, mut found: Found, spent: u64, budget: u64) -> Repair {
        found.join(self.tail());
        let search = self.cost(0..self.stripe_count());
        let cost = search.saturating_add(spent);
        if cost <= budget {
            found.join(self.stripes(0..self.stripe_count()));
        }
        found.or_over_budget(cost, budget)
    }

    /// One lane's candidates. `words` are the lane's words.
    fn lane(&self, lane: usize, words: &mut [u64], stripes: Range<usize>, found: &mut Found) {
        let mut before = Lanes::new(self.seed)
            .0
            .get(lane)
            .copied()
            .unwrap_or_default();
        for word in words.iter().take(stripes.start) {
            before = round(before, *word);
        }
        let mut word = words.get(stripes.start).copied().unwrap_or_default();
        // Each word's multiplication is the same for every candidate, so it is done once.
        for word in words.iter_mut() {
            *word = word.wrapping_mul(PRIME_2);
        }
        for stripe in stripes {
            let rest = words.get(stripe + 1..).unwrap_or_default();
            let left_out = self.left_out(stripe, lane);
            if left_out != u64::MAX {
                let mut ends = [0; 64];
                redo(before, word, rest, &mut ends);
                for (bit, end) in (0..).zip(ends) {
                    if left_out >> bit & 1 == 1 {
                        continue;
                    }
                    let mut lanes = self.lanes;
                    if let Some(changed) = lanes.0.get_mut(lane) {
                        *changed = end;
                    }
                    if self.hash(&lanes, self.tail) == self.stored {
                        found.add(self.word_at(stripe, lane) * 8 + bit);
                    }
                }
            }
            before = round(before, word);
            word = self.word(stripe + 1, lane);
        }
    }

    /// The bits of this word that are not tried here.
    fn left_out(&self, stripe: usize, lane: usize) -> u64 {
        match stripe {
            0 => self.left_to_the_head.get(lane).copied().unwrap_or(0),
            _ => 0,
        }
    }

    fn word(&self, stripe: usize, lane: usize) -> u64 {
        let stripe = match stripe {
            0 => self.first,
            _ => self.stripes.get(stripe - 1),
        };
        let word = stripe.and_then(|stripe| stripe.as_chunks::<8>().0.get(lane));
        word.map_or(0, |word| u64::from_le_bytes(*word))
    }

    /// Where a word lies, from the first byte on.
    fn word_at(&self, stripe: usize, lane: usize) -> u64 {
        let stripe_at = match stripe {
            0 => 0,
            _ => self.rest_at + ((stripe - 1) * STRIPE_BYTES) as u64,
        };
        stripe_at + (lane * 8) as u64
    }

    fn hash(&self, lanes: &Lanes, tail: &[u8]) -> u64 {
        match self.first {
            Some(_) => finish(lanes.merge().wrapping_add(self.length), tail),
            // Less than a stripe: the lanes are not used.
            None => xxh64(self.seed, tail),
        }
    }
}

/// The 64 candidates of one word: each bit flipped, then the lane to its end. Eight at a time stay in
/// registers, and their multiplications overlap.
fn redo(before: u64, word: u64, rest: &[u64], ends: &mut [u64; 64]) {
    let mut bit = 0;
    for ends in ends.as_chunks_mut::<8>().0 {
        for end in ends.iter_mut() {
            *end = round(before, word ^ 1 << bit);
            bit += 1;
        }
        let mut lanes = *ends;
        for multiplied in rest {
            for lane in &mut lanes {
                *lane = lane
                    .wrapping_add(*multiplied)
                    .rotate_left(31)
                    .wrapping_mul(PRIME_1);
            }
        }
        *ends = lanes;
    }
}

/// What was found so far; the order in which portions are joined does not matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Found {
    hits: u32,
    bit: u64,
}

impl Found {
    /// Takes in what another portion found.
    pub fn join(&mut self, other: Self) {
        if self.hits == 0 {
            self.bit = other.bit;
        }
        self.hits = self.hits.saturating_add(other.hits);
    }

    /// What that comes to if everything was searched.
    pub fn repair(self) -> Repair {
        match self.hits {
            0 => Repair::None,
            1 => Repair::One { bit: self.bit },
            _ => Repair::Many,
        }
    }

    /// A hit among what is cheap to try stands although the rest was not tried: that another one fits as well is
    /// as unlikely as a chance hit.
    pub(super) fn or_over_budget(self, cost: u64, budget: u64) -> Repair {
        match self.repair() {
            Repair::None if cost > budget => Repair::OverBudget { cost },
            repair => repair,
        }
    }

    pub(super) fn add(&mut self, bit: u64) {
        self.join(Self { hits: 1, bit });
    }
}

pub(super) fn flip(bytes: &mut [u8], bit: u64) {
    let byte = usize::try_from(bit / 8)
        .ok()
        .and_then(|at| bytes.get_mut(at));
    if let Some(byte) = byte {
        *byte ^= 1 << (bit % 8);
    }
}
