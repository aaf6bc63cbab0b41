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

mod search;

pub use search::{Found, Search};

use super::checksum::{HASHED_AGAIN_FROM, page_checksum_of, xxh64};
use super::page::{CHECKSUM_AT, HEADER_BYTES, Header};
use search::flip;

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
