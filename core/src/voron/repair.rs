//! Takes one flipped bit back: finds the single bit whose change makes a checksum true.
//!
//! ```text
//! stripe     0     1     2     …    k                  K-1
//! lane 0   ──●─────●─────●──────────●──►──►──►──►──►──►──●─┐
//! lane 1   ──●─────●─────●──── … ─────────────────────────●─┤  merge ──► tail ──► hash = stored?
//! lane 2   ──●─────●─────●──── … ─────────────────────────●─┤
//! lane 3   ──●─────●─────●──── … ─────────────────────────●─┘
//!                            └─ a bit flipped in word k of lane 0 changes only this lane, only from here on
//! ```
//!
//! So a candidate redoes one lane from its own stripe on, and the finish; the 64 bits of a word are redone
//! side by side, which keeps the multiplier busy. A page costs 8.4 million lane steps, a few milliseconds;
//! the cost grows with the square of the length, and [`Search::cost`] says it before.
//!
//! Candidates are every hashed bit, the stored checksum, the page number (it is hashed and it is the seed), the
//! flags and the size of a run (they decide how far the hash reaches). 65,536 candidates for a page against
//! 64 bits of checksum: a chance hit is one in 10^14. Two hits are no correction. On a sample of 4.2 with
//! one bit flipped in 10 % of its pages, exactly one candidate fits wherever the damage lies under the head's
//! checksum, and it is the original byte.
//!
//! Deliberately not here: time (a budget is in lane steps, so that every run of a scan decides alike), and
//! what becomes of a corrected page.

use std::ops::Range;

use super::checksum::{
    HASHED_AGAIN_FROM, Lanes, PRIME_1, PRIME_2, STRIPE_BYTES, finish, length_hashed,
    page_checksum_of, round, xxh64,
};
use super::page::{CHECKSUM_AT, HEADER_BYTES, Header};

/// What a search finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repair {
    /// No single bit makes the checksum true; or it is true already.
    None,
    /// This one alone does.
    One {
        /// From the first byte on: byte `bit / 8`, value `1 << (bit % 8)`.
        bit: u64,
    },
    /// More than one does, so none is to be believed.
    Many,
    /// The search costs more than the budget; what was cheap to try did not help.
    OverBudget {
        /// What it would cost, in lane steps.
        cost: u64,
    },
}

/// The one bit of a page or an overflow run that makes its checksum true. `bytes` start at the page's head
/// and go as far as there is something that could belong to it: where a run's size lost a bit, its true length
/// is beyond what the head says. `budget` is in lane steps.
pub fn repair(bytes: &[u8], budget: u64) -> Repair {
    let search = Search::of_run(bytes);
    if search.as_ref().is_some_and(Search::is_true) {
        return Repair::None;
    }
    let (mut found, head_cost) = head_candidates(bytes, budget);
    let Some(search) = search else {
        return found.or_over_budget(head_cost, budget);
    };
    found.join(search.checksum());
    search.finish_with(found, head_cost, budget)
}

/// Which single bit makes the XXH64 of a payload true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadRepair {
    /// No single bit does; or it is true already.
    None,
    /// A bit of the payload, counted as in [`Repair::One`].
    Payload {
        /// From the first byte on.
        bit: u64,
    },
    /// A bit of the stored hash: the payload is as it was.
    Hash {
        /// From the lowest on.
        bit: u32,
    },
    /// A bit of the seed: the payload is as it was.
    Seed {
        /// From the lowest on.
        bit: u32,
    },
    /// More than one does, so none is to be believed.
    Many,
    /// The search costs more than the budget; what was cheap to try did not help.
    OverBudget {
        /// What it would cost, in lane steps.
        cost: u64,
    },
}

/// The one bit of a payload, of its stored hash or of its seed that makes `xxh64(seed, payload) == stored`. For
/// a journal's transaction the seed is its id.
pub fn repair_payload(seed: u64, stored: u64, payload: &[u8], budget: u64) -> PayloadRepair {
    let search = Search::of_payload(seed, stored, payload);
    if search.is_true() {
        return PayloadRepair::None;
    }
    let seed_cost = pass_cost(payload.len()).saturating_mul(64);
    let mut seeds = Found::default();
    if seed_cost <= budget {
        for bit in 0..u64::from(u64::BITS) {
            if xxh64(seed ^ 1 << bit, payload) == stored {
                seeds.add(bit);
            }
        }
    }
    let hash = search.checksum();
    let inside = search.finish_with(Found::default(), seed_cost, budget);
    match (hash.repair(), seeds.repair(), inside) {
        (Repair::None, Repair::None, Repair::One { bit }) => PayloadRepair::Payload { bit },
        (Repair::None, Repair::None, Repair::None) => PayloadRepair::None,
        (Repair::None, Repair::None, Repair::OverBudget { cost }) => {
            PayloadRepair::OverBudget { cost }
        }
        (Repair::One { bit }, Repair::None, Repair::None | Repair::OverBudget { .. }) => {
            PayloadRepair::Hash {
                bit: (bit - 8 * CHECKSUM_AT as u64) as u32,
            }
        }
        (Repair::None, Repair::One { bit }, Repair::None | Repair::OverBudget { .. }) => {
            PayloadRepair::Seed { bit: bit as u32 }
        }
        _ => PayloadRepair::Many,
    }
}

/// The bits that say how far and from which seed a page is hashed: number, size of a run, flags. Each is a
/// pass over the run, so all of them cost little beside the search. Returns what they cost, too, and tries
/// none if that is over the budget.
fn head_candidates(bytes: &[u8], budget: u64) -> (Found, u64) {
    let mut found = Found::default();
    let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
        return (found, 0);
    };
    let mut candidates = Vec::new();
    let mut cost = 0_u64;
    for bit in (0..64).chain(64..104) {
        let mut head = *head;
        flip(&mut head, bit);
        let Some(candidate) = Header::read(&head).filter(Header::is_plausible) else {
            continue;
        };
        let is_size = (64..96).contains(&bit);
        let hashed_end = candidate.hashed_end().map(usize::try_from);
        let Some(Ok(hashed_end)) = hashed_end else {
            continue;
        };
        if hashed_end <= bytes.len() && (!is_size || candidate.is_run()) {
            cost = cost.saturating_add(pass_cost(hashed_end));
            candidates.push((bit, candidate, head, hashed_end));
        }
    }
    if cost > budget {
        return (found, cost);
    }
    for (bit, candidate, head, hashed_end) in candidates {
        let rest = match hashed_end.checked_sub(HASHED_AGAIN_FROM) {
            Some(_) => bytes.get(HASHED_AGAIN_FROM..hashed_end),
            None => None,
        };
        let hash = head
            .first_chunk()
            .map(|first| page_checksum_of(candidate.number, first, hashed_end, rest));
        if hash == Some(candidate.checksum) {
            found.add(bit);
        }
    }
    (found, cost)
}

/// One hash over that many bytes, in lane steps.
fn pass_cost(bytes: usize) -> u64 {
    (bytes / 8) as u64
}

fn flip(bytes: &mut [u8], bit: u64) {
    let byte = usize::try_from(bit / 8)
        .ok()
        .and_then(|at| bytes.get_mut(at));
    if let Some(byte) = byte {
        *byte ^= 1 << (bit % 8);
    }
}

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
    /// Bits of the first stripe's first two words that are no plain hashed bits: [`head_candidates`] tries them.
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

    fn finish_with(&self, mut found: Found, spent: u64, budget: u64) -> Repair {
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
    fn or_over_budget(self, cost: u64, budget: u64) -> Repair {
        match self.repair() {
            Repair::None if cost > budget => Repair::OverBudget { cost },
            repair => repair,
        }
    }

    fn add(&mut self, bit: u64) {
        self.join(Self { hits: 1, bit });
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLENTY: u64 = u64::MAX;

    /// A single page (flags 33) or a run of this size (34), with a true checksum, and bytes behind a run.
    fn page(number: u64, size: Option<u32>) -> Vec<u8> {
        let length = size.map_or(8192, |size| (size as usize + 64).next_multiple_of(8192));
        let mut page: Vec<u8> = (0..length).map(|at| (at * at / 7) as u8).collect();
        page[..8].copy_from_slice(&number.to_le_bytes());
        page[12] = if size.is_some() { 34 } else { 33 };
        page[13] = 2;
        let end = match size {
            Some(size) => {
                page[8..12].copy_from_slice(&size.to_le_bytes());
                size as usize
            }
            None => 8192,
        };
        let checksum = if end < 40 {
            crate::voron::checksum::page_checksum(number, &page, end).unwrap()
        } else {
            let mut hashed = page[..32].to_vec();
            hashed.extend_from_slice(&page[40..end]);
            xxhash_rust::xxh64::xxh64(&hashed, number)
        };
        page[32..40].copy_from_slice(&checksum.to_le_bytes());
        page
    }

    #[test]
    fn every_kind_of_bit_of_a_page_comes_back() {
        let whole = page(1234, None);
        assert_eq!(repair(&whole, PLENTY), Repair::None);
        let head = (0..64).step_by(7).chain(64..104).chain(104..512);
        let body = [512, 513, 8192 * 4 + 3, 8192 * 8 - 1, 8192 * 8 - 24 * 8];
        for bit in head.step_by(9).chain(body) {
            let mut bytes = whole.clone();
            flip(&mut bytes, bit);
            assert_eq!(repair(&bytes, PLENTY), Repair::One { bit }, "{bit}");
        }
    }

    #[test]
    fn a_run_comes_back_but_for_its_last_64_bytes() {
        for size in [20, 36, 40, 60, 100, 5000, 9000] {
            let whole = page(77, Some(size));
            let hashed = if size < 40 { 32 } else { u64::from(size) };
            for byte in (0..hashed).filter(|byte| *byte < 70 || byte % 397 == 0) {
                let bit = byte * 8 + byte % 8;
                let mut bytes = whole.clone();
                flip(&mut bytes, bit);
                // A size below 40 takes no part in the hash but for the length, and the length only once more.
                assert_eq!(repair(&bytes, PLENTY), Repair::One { bit }, "{size} {bit}");
            }
            let mut bytes = whole.clone();
            flip(&mut bytes, (u64::from(size) + 63) * 8);
            assert_eq!(repair(&bytes, PLENTY), Repair::None);
        }
    }

    #[test]
    fn a_run_whose_size_lost_a_bit_needs_the_bytes_behind_it() {
        let whole = page(77, Some(9000));
        let bit = 8 * 8 + 13; // 9000 - 8192 bytes
        let mut bytes = whole;
        flip(&mut bytes, bit);
        assert_eq!(repair(&bytes[..8192], PLENTY), Repair::None);
        assert_eq!(repair(&bytes, PLENTY), Repair::One { bit });
    }

    #[test]
    fn two_flipped_bits_are_not_taken_back() {
        let mut bytes = page(1, None);
        flip(&mut bytes, 5000);
        flip(&mut bytes, 15_001);
        assert_eq!(repair(&bytes, PLENTY), Repair::None);
    }

    #[test]
    fn the_budget_is_asked_before() {
        let mut bytes = page(5, Some(20_000));
        flip(&mut bytes, 40_000);
        let Repair::OverBudget { cost } = repair(&bytes, 1_000_000) else {
            panic!("{:?}", repair(&bytes, 1_000_000));
        };
        assert_eq!(repair(&bytes, cost - 1), Repair::OverBudget { cost });
        assert_eq!(repair(&bytes, cost), Repair::One { bit: 40_000 });
        flip(&mut bytes, 40_000);
        // What is cheap to find is found all the same.
        flip(&mut bytes, 33 * 8);
        assert_eq!(repair(&bytes, 1_000_000), Repair::One { bit: 33 * 8 });
    }

    #[test]
    fn portions_find_what_the_whole_finds() {
        let mut bytes = page(5, None);
        flip(&mut bytes, 30_001);
        let search = Search::of_run(&bytes).unwrap();
        let mut found = search.tail();
        let mut cost = 0;
        for start in (0..300).step_by(50) {
            found.join(search.stripes(start..start + 50));
            cost += search.cost(start..start + 50);
        }
        assert_eq!(found.repair(), Repair::One { bit: 30_001 });
        assert_eq!(cost, search.cost(0..search.stripe_count()));
        assert_eq!(search.stripe_count(), 255);
    }

    #[test]
    fn a_payload_its_hash_and_its_seed_come_back() {
        for length in [0_u32, 7, 31, 32, 33, 100, 1000] {
            let payload: Vec<u8> = (0..length).map(|at| (at * at) as u8).collect();
            let stored = xxhash_rust::xxh64::xxh64(&payload, 99);
            let repair =
                |seed, stored, payload: &[u8]| repair_payload(seed, stored, payload, PLENTY);
            assert_eq!(repair(99, stored, &payload), PayloadRepair::None);
            let hash = PayloadRepair::Hash { bit: 63 };
            assert_eq!(repair(99, stored ^ 1 << 63, &payload), hash);
            let seed = PayloadRepair::Seed { bit: 5 };
            assert_eq!(repair(99 ^ 32, stored, &payload), seed);
            for bit in (0..u64::from(length) * 8).step_by(29) {
                let mut payload = payload.clone();
                flip(&mut payload, bit);
                let found = PayloadRepair::Payload { bit };
                assert_eq!(repair(99, stored, &payload), found, "{length}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_searched_within_the_budget(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..1000),
            flags in 0_u8..4,
            size in 0_u32..1200,
            budget: u64,
        ) {
            if bytes.len() > 12 {
                bytes[8..12].copy_from_slice(&size.to_le_bytes());
                bytes[12] = flags;
            }
            if let Repair::One { bit } = repair(&bytes, budget) {
                // Only a chance hit, or a size whose hash does not cover what is random here.
                flip(&mut bytes, bit);
                prop_assert!(Search::of_run(&bytes).is_some_and(|search| search.is_true()));
            }
        }
    }
}
