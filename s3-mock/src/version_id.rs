//! Version ids: a counter, scrambled so that their order says nothing about age.
//!
//! "Version IDs are Unicode, UTF-8 encoded, URL-ready, opaque strings" (S3 user guide, "How S3 Versioning
//! works"). The scrambling can be undone, so that a listing can go on behind a version that was removed in
//! the meantime, as S3's can.

use std::sync::Arc;

/// The id of what was written while versioning was not enabled.
pub(crate) const NULL: &str = "null";

const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15; // odd: multiplication by it is a bijection on u64
const STRIDE_INVERSE: u64 = 0xf1de_83e1_9937_733d;
const FOLD: u32 = 32;

/// The id of the `sequence`th write of a bucket.
pub(crate) fn from_sequence(sequence: u64) -> Arc<str> {
    let mixed = sequence.wrapping_mul(STRIDE);
    let folded = (mixed ^ (mixed >> FOLD)).wrapping_mul(STRIDE);
    let mut id = [b'v'; 17];
    crate::bucket::hex_into(&folded.to_be_bytes(), &mut id[1..]);
    let text = std::str::from_utf8(&id).expect("hexadecimal digits are ASCII");
    text.into()
}

/// The write that an id came from, if it has the form of one of ours.
pub(crate) fn to_sequence(id: &str) -> Option<u64> {
    let digits = id.strip_prefix('v').filter(|digits| digits.len() == 16)?;
    let folded = u64::from_str_radix(digits, 16).ok()?;
    let mixed = folded.wrapping_mul(STRIDE_INVERSE);
    Some((mixed ^ (mixed >> FOLD)).wrapping_mul(STRIDE_INVERSE))
}

#[cfg(test)]
mod tests {
    use super::{from_sequence, to_sequence};

    #[test]
    fn the_scrambling_can_be_undone_and_hides_the_order() {
        let ids: Vec<_> = (1..=100).map(from_sequence).collect();
        for (index, id) in ids.iter().enumerate() {
            assert_eq!(to_sequence(id), Some(index as u64 + 1));
        }
        let ascending = ids.windows(2).filter(|pair| pair[0] < pair[1]).count();
        assert!((30..=70).contains(&ascending), "{ascending} of 99 ascend");
    }
}
