//! XXH64, and the checksum of a page made with it.
//!
//! ```text
//!  page or run   0        32       40                     40 + n
//!                ├─hashed─┤ stored ├────────hashed────────┤ not hashed …
//!                                      n = 8152, or OverflowSize - 40
//! ```
//!
//! Invariants: the seed is the page's number; the last 64 bytes of a run's value are never hashed; a run of
//! fewer than 40 bytes has the hash of its first 32 bytes alone, with `32 + n` added as their length.
//!
//! Deliberately not here: any check. A writer only ever sets checksums.

use super::bytes::{PAGE_SIZE, array, put_u64, u64_at};

const PRIME_1: u64 = 0x9E37_79B1_85EB_CA87;
const PRIME_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const PRIME_3: u64 = 0x1656_67B1_9E37_79F9;
const PRIME_4: u64 = 0x85EB_CA77_C2B2_AE63;
const PRIME_5: u64 = 0x27D4_EB2F_1656_67C5;

/// Where the checksum is stored.
const STORED: std::ops::Range<usize> = 32..40;

/// Sets the checksum of a page, or of a run whose value has `overflow_size` bytes. Public for whoever damages a
/// page in a way that has to be believed.
pub fn seal(run: &mut [u8], overflow_size: Option<i32>) {
    let sum = page_sum(run, overflow_size);
    put_u64(run, STORED.start, sum);
}

fn page_sum(run: &[u8], overflow_size: Option<i32>) -> u64 {
    let seed = u64_at(run, 0);
    let behind = match overflow_size {
        None => PAGE_SIZE as i64 - 40,
        Some(size) => i64::from(size) - 40,
    };
    let head = &run[..STORED.start];
    let Ok(behind) = usize::try_from(behind) else {
        let addend = (32 + behind) as u32;
        return finish(lanes(seed, head), u64::from(addend), &[]);
    };
    let mut hashed = Vec::with_capacity(32 + behind);
    hashed.extend_from_slice(head);
    hashed.extend_from_slice(&run[STORED.end..STORED.end + behind]);
    xxh64(&hashed, seed)
}

/// XXH64 of some bytes.
pub(super) fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    let whole = bytes.len() / 32 * 32;
    let (stripes, tail) = bytes.split_at(whole);
    let start = if stripes.is_empty() {
        seed.wrapping_add(PRIME_5)
    } else {
        lanes(seed, stripes)
    };
    finish(start, bytes.len() as u64, tail)
}

/// The four lanes over whole stripes of 32 bytes, merged.
fn lanes(seed: u64, stripes: &[u8]) -> u64 {
    let mut lanes = [
        seed.wrapping_add(PRIME_1).wrapping_add(PRIME_2),
        seed.wrapping_add(PRIME_2),
        seed,
        seed.wrapping_sub(PRIME_1),
    ];
    for stripe in stripes.chunks_exact(32) {
        for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
            *lane = round(*lane, u64::from_le_bytes(array(word)));
        }
    }
    let mut merged = lanes[0]
        .rotate_left(1)
        .wrapping_add(lanes[1].rotate_left(7))
        .wrapping_add(lanes[2].rotate_left(12))
        .wrapping_add(lanes[3].rotate_left(18));
    for lane in lanes {
        merged = (merged ^ round(0, lane))
            .wrapping_mul(PRIME_1)
            .wrapping_add(PRIME_4);
    }
    merged
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(PRIME_2))
        .rotate_left(31)
        .wrapping_mul(PRIME_1)
}

fn finish(merged: u64, length: u64, tail: &[u8]) -> u64 {
    let mut hash = merged.wrapping_add(length);
    let mut rest = tail;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        hash = (hash ^ round(0, u64::from_le_bytes(*word)))
            .rotate_left(27)
            .wrapping_mul(PRIME_1)
            .wrapping_add(PRIME_4);
        rest = behind;
    }
    if let Some((word, behind)) = rest.split_first_chunk::<4>() {
        hash = (hash ^ u64::from(u32::from_le_bytes(*word)).wrapping_mul(PRIME_1))
            .rotate_left(23)
            .wrapping_mul(PRIME_2)
            .wrapping_add(PRIME_3);
        rest = behind;
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
    use super::*;

    #[test]
    fn the_hash_is_the_one_that_everybody_calls_xxh64() {
        assert_eq!(xxh64(b"", 0), 0xEF46_DB37_51D8_E999);
        let bytes: Vec<u8> = (0..200u8).collect();
        for length in 0..200 {
            let theirs = xxhash_rust::xxh64::xxh64(&bytes[..length], 7);
            assert_eq!(xxh64(&bytes[..length], 7), theirs, "{length} bytes");
        }
    }

    #[test]
    fn the_names_of_tables_hash_to_the_numbers_seen_in_real_files() {
        assert_eq!(xxh64(b"Revisions.Tombstones", 0), 0x9f55_dfc6_6bc2_730a);
        assert_eq!(xxh64(b"Attachments.Tombstones", 0), 0x4913_5bcc_9912_64d3);
    }
}
