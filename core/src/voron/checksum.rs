//! XXH64, and the checksum that RavenDB stores in a page's head.
//!
//! ```text
//!  0          32         40                                   40 + n
//!  ├──────────┼──────────┼──────────────────────────────────────┤
//!  │  hashed  │ checksum │                hashed                │      seed: the page number
//!  └──────────┴──────────┴──────────────────────────────────────┘
//!  n = 8152 for a single page; n = OverflowSize - 40 for an overflow run, negative below 40
//! ```
//!
//! The first 32 bytes are exactly one stripe, so the rest is hashed where it lies and nothing is copied.
//!
//! - A run holds `64 + OverflowSize` bytes and only `OverflowSize` of them are hashed: the last 64 bytes of
//!   the value are not (flipping them changed no checksum in 1284 of 1284 real runs).
//! - Where `n` is negative, the result is the finish after exactly the first stripe with the length
//!   `(32 + n) mod 2^32` and no tail. No ordinary XXH64 does that, so it is written out here. Real stream
//!   tails of 20 to 36 bytes are hashed so.
//!
//! Checked on pages of 4.0 to 7.2. Deliberately not here: where a checksum lies and what it covers in
//! other structures.

/// A stripe is what XXH64 eats at once: one word for each of its four lanes, in bytes.
pub const STRIPE_BYTES: usize = 32;

/// Where the hashed bytes go on behind the stored checksum, in bytes from the page's start.
pub const HASHED_AGAIN_FROM: usize = 40;

pub(super) const PRIME_1: u64 = 0x9E37_79B1_85EB_CA87;
pub(super) const PRIME_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME_5: u64 = 0x27D4_EB2F_1656_67C5;

/// XXH64 of these bytes.
pub fn xxh64(seed: u64, bytes: &[u8]) -> u64 {
    let (stripes, tail) = bytes.as_chunks::<STRIPE_BYTES>();
    let mut lanes = Lanes::new(seed);
    lanes.eat(stripes);
    let start = if stripes.is_empty() {
        seed.wrapping_add(PRIME_5)
    } else {
        lanes.merge()
    };
    finish(start.wrapping_add(bytes.len() as u64), tail)
}

/// The checksum of a single page, or of an overflow run of `OverflowSize` hashed bytes: `hashed_end` is 8192
/// or that size. `None` if there are fewer bytes.
pub fn page_checksum(page_number: u64, run: &[u8], hashed_end: usize) -> Option<u64> {
    let first = run.first_chunk::<STRIPE_BYTES>()?;
    let rest = match hashed_end.checked_sub(HASHED_AGAIN_FROM) {
        Some(_) => Some(run.get(HASHED_AGAIN_FROM..hashed_end)?),
        None => None,
    };
    Some(page_checksum_of(page_number, first, hashed_end, rest))
}

/// The same with the first 32 bytes apart; `rest` is what is hashed from byte 40 on, `None` where
/// `hashed_end` lies before it.
pub(super) fn page_checksum_of(
    page_number: u64,
    first: &[u8; STRIPE_BYTES],
    hashed_end: usize,
    rest: Option<&[u8]>,
) -> u64 {
    let mut lanes = Lanes::new(page_number);
    lanes.eat(std::slice::from_ref(first));
    let (stripes, tail) = rest.unwrap_or_default().as_chunks::<STRIPE_BYTES>();
    lanes.eat(stripes);
    finish(lanes.merge().wrapping_add(length_hashed(hashed_end)), tail)
}

/// The length that the finish adds: of what was hashed, or the quirk below 40.
pub(super) fn length_hashed(hashed_end: usize) -> u64 {
    match hashed_end.checked_sub(HASHED_AGAIN_FROM) {
        Some(rest) => (STRIPE_BYTES + rest) as u64,
        // 32 + (hashed_end - 40) as an unsigned number of 32 bits.
        None => u64::from((hashed_end as u32).wrapping_sub(8)),
    }
}

/// The checksum of a run that comes in pieces, so that no one has to hold all of it.
#[derive(Debug, Clone)]
pub struct RunChecksum {
    lanes: Lanes,
    hashed_end: usize,
    /// How many bytes of the run were seen.
    seen: usize,
    /// What did not fill a stripe yet.
    pending: [u8; STRIPE_BYTES],
    pending_bytes: usize,
}

impl RunChecksum {
    /// Before the run's first byte.
    pub fn new(page_number: u64, hashed_end: usize) -> Self {
        Self {
            lanes: Lanes::new(page_number),
            hashed_end,
            seen: 0,
            pending: [0; STRIPE_BYTES],
            pending_bytes: 0,
        }
    }

    /// The next bytes of the run, its head included; those behind the hashed ones are passed over.
    pub fn feed(&mut self, bytes: &[u8]) {
        let start = self.seen;
        self.seen = start.saturating_add(bytes.len());
        for (from, to) in [
            (0, STRIPE_BYTES),
            (HASHED_AGAIN_FROM, self.hashed_end.max(HASHED_AGAIN_FROM)),
        ] {
            let from = from.saturating_sub(start).min(bytes.len());
            let to = to.saturating_sub(start).min(bytes.len());
            if let Some(part) = bytes.get(from..to) {
                self.eat(part);
            }
        }
    }

    /// The checksum, or `None` if bytes that it covers did not come.
    pub fn finish(&self) -> Option<u64> {
        if self.seen < self.hashed_end.max(STRIPE_BYTES) {
            return None;
        }
        let tail = self.pending.get(..self.pending_bytes)?;
        let length = length_hashed(self.hashed_end);
        Some(finish(self.lanes.merge().wrapping_add(length), tail))
    }

    fn eat(&mut self, mut part: &[u8]) {
        if self.pending_bytes > 0 {
            let wanted = (STRIPE_BYTES - self.pending_bytes).min(part.len());
            let (now, later) = part.split_at(wanted);
            if let Some(room) = self
                .pending
                .get_mut(self.pending_bytes..self.pending_bytes + wanted)
            {
                room.copy_from_slice(now);
            }
            self.pending_bytes += wanted;
            part = later;
            if self.pending_bytes < STRIPE_BYTES {
                return;
            }
            let stripe = self.pending;
            self.lanes.eat(std::slice::from_ref(&stripe));
        }
        let (stripes, tail) = part.as_chunks::<STRIPE_BYTES>();
        self.lanes.eat(stripes);
        if let Some(room) = self.pending.get_mut(..tail.len()) {
            room.copy_from_slice(tail);
        }
        self.pending_bytes = tail.len();
    }
}

/// XXH64's four lanes: word `i` of every stripe goes to lane `i`, and no lane knows of another before the
/// merge. That is what makes repair cheap.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lanes(pub(super) [u64; 4]);

impl Lanes {
    pub(super) fn new(seed: u64) -> Self {
        Self([
            seed.wrapping_add(PRIME_1).wrapping_add(PRIME_2),
            seed.wrapping_add(PRIME_2),
            seed,
            seed.wrapping_sub(PRIME_1),
        ])
    }

    pub(super) fn eat(&mut self, stripes: &[[u8; STRIPE_BYTES]]) {
        let [mut a, mut b, mut c, mut d] = self.0;
        for stripe in stripes {
            let (words, _) = stripe.as_chunks::<8>();
            if let [w, x, y, z] = words {
                a = round(a, u64::from_le_bytes(*w));
                b = round(b, u64::from_le_bytes(*x));
                c = round(c, u64::from_le_bytes(*y));
                d = round(d, u64::from_le_bytes(*z));
            }
        }
        self.0 = [a, b, c, d];
    }

    pub(super) fn merge(&self) -> u64 {
        let [a, b, c, d] = self.0;
        let mut merged = a
            .rotate_left(1)
            .wrapping_add(b.rotate_left(7))
            .wrapping_add(c.rotate_left(12))
            .wrapping_add(d.rotate_left(18));
        for lane in self.0 {
            merged = (merged ^ round(0, lane))
                .wrapping_mul(PRIME_1)
                .wrapping_add(PRIME_4);
        }
        merged
    }
}

#[inline]
pub(super) fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIME_2))
        .rotate_left(31)
        .wrapping_mul(PRIME_1)
}

/// From the merged lanes plus the length to the hash: the bytes that filled no stripe, then the avalanche.
pub(super) fn finish(mut hash: u64, tail: &[u8]) -> u64 {
    let (words, rest) = tail.as_chunks::<8>();
    for word in words {
        hash = (hash ^ round(0, u64::from_le_bytes(*word)))
            .rotate_left(27)
            .wrapping_mul(PRIME_1)
            .wrapping_add(PRIME_4);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        let half = u64::from(u32::from_le_bytes(*half));
        hash = (hash ^ half.wrapping_mul(PRIME_1))
            .rotate_left(23)
            .wrapping_mul(PRIME_2)
            .wrapping_add(PRIME_3);
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(PRIME_5))
            .rotate_left(11)
            .wrapping_mul(PRIME_1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(PRIME_2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(PRIME_3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use xxhash_rust::xxh64::xxh64 as baseline;

    use super::*;

    #[test]
    fn a_size_below_forty_ends_after_the_first_stripe_with_a_wrapped_length() {
        let run: Vec<u8> = (0..64).collect();
        let first: &[u8; 32] = run.first_chunk().unwrap();
        let mut lanes = Lanes::new(7);
        lanes.eat(std::slice::from_ref(first));
        let of = |length: u64| finish(lanes.merge().wrapping_add(length), &[]);
        assert_eq!(page_checksum(7, &run, 36), Some(of(28)));
        assert_eq!(page_checksum(7, &run, 20), Some(of(12)));
        assert_eq!(page_checksum(7, &run, 4), Some(of(0xFFFF_FFFC)));
        assert_eq!(page_checksum(7, &run, 40), Some(baseline(first, 7)));
        assert_eq!(page_checksum(7, &run[..31], 20), None);
        assert_eq!(page_checksum(7, &run, 65), None);
    }

    proptest! {
        #[test]
        fn it_is_the_xxh64_of_everybody(
            seed: u64,
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            prop_assert_eq!(xxh64(seed, &bytes), baseline(&bytes, seed));
        }

        #[test]
        fn a_page_is_hashed_around_its_checksum_whole_or_in_pieces(
            number: u64,
            run in proptest::collection::vec(any::<u8>(), 64..900),
            end in 1_usize..900,
            cuts in proptest::collection::vec(0_usize..900, 0..6),
        ) {
            let end = end.min(run.len());
            let whole = page_checksum(number, &run, end).unwrap();
            if end >= 40 {
                let mut joined = run[..32].to_vec();
                joined.extend_from_slice(&run[40..end]);
                prop_assert_eq!(whole, baseline(&joined, number));
            }
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(run.len())).collect();
            cuts.sort_unstable();
            let mut pieces = RunChecksum::new(number, end);
            let mut from = 0;
            for to in cuts.into_iter().chain([run.len()]) {
                pieces.feed(&run[from..to]);
                from = to;
            }
            prop_assert_eq!(pieces.finish(), Some(whole));
        }
    }
}
