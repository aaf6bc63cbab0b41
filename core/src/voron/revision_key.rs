//! The key that 7.2 makes of a revision's change vector: a second check on both.
//!
//! ```text
//! base64 of   u16 big-endian: sum of the etags, modulo 65,536
//!             BLAKE2b-128 over, for each entry, ordered by database id and then etag:
//!                 i64 etag │ the database id in utf-16
//! ```
//!
//! A change vector is a list of `tag:etag-database`, separated by a comma and a blank. Checked on all
//! revisions of 7.2 in the samples, each with one entry; the order and the sum over several are from the
//! source, so a key of several entries that does not come out is no evidence of damage.

use blake2::digest::consts::U16;
use blake2::{Blake2b, Digest};

/// Characters of a key: 18 bytes in base64.
pub const KEY_CHARACTERS: usize = 24;

/// The key of a change vector; none where it does not parse.
pub fn of(change_vector: &str) -> Option<String> {
    let mut entries = Vec::new();
    for entry in change_vector.split(',') {
        let (_, place) = entry.trim().split_once(':')?;
        let (etag, database) = place.split_once('-')?;
        entries.push((database, etag.parse::<i64>().ok()?));
    }
    entries.sort_unstable();
    let mut sum = 0_u16;
    let mut digest = Blake2b::<U16>::new();
    for (database, etag) in entries {
        let [low, high, ..] = etag.to_le_bytes();
        sum = sum.wrapping_add(u16::from_le_bytes([low, high]));
        digest.update(etag.to_le_bytes());
        for unit in database.encode_utf16() {
            digest.update(unit.to_le_bytes());
        }
    }
    let mut bytes = sum.to_be_bytes().to_vec();
    bytes.extend_from_slice(&digest.finalize());
    Some(base64_simd::STANDARD.encode_to_string(bytes))
}

/// Whether a key may be that of a change vector: it is it, or the change vector has several entries.
pub fn matches(key: &str, change_vector: &str) -> bool {
    key.len() == KEY_CHARACTERS
        && (change_vector.contains(',') || of(change_vector).is_some_and(|made| made == key))
}
