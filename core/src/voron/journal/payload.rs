//! Decodes a transaction's payload: an LZ4 block, or the bytes as they are.
//!
//! The size that the header states is covered by no hash, so it is not believed: the block's own sequences
//! say how much they decode to, and that much is allocated, within the limit and LZ4's ratio of 255.
//!
//! Checked on every transaction of journals of 4.2 to 7.2.
//!
//! Deliberately not here: decryption.

use std::borrow::Cow;

use lz4_flex::block::decompress_into;

use super::{Limits, Transaction};

/// Why a payload does not decode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDecoded {
    /// It is no LZ4 block: it can be had only when it is repaired.
    #[error("the payload is no LZ4 block")]
    Garbage,
    /// It decodes to more than the limit.
    #[error("the payload decodes to {bytes} bytes, more than the limit")]
    OverLimit {
        /// What it decodes to.
        bytes: u64,
    },
}

/// The decoded payload of a transaction. `stored` is what lies at [`Transaction::payload_range`].
///
/// # Errors
///
/// [`NotDecoded`]: it is no LZ4 block, or decodes to more than `limits` allow.
pub fn decode<'a>(
    transaction: &Transaction,
    stored: &'a [u8],
    limits: Limits,
) -> Result<Cow<'a, [u8]>, NotDecoded> {
    if transaction.compressed_bytes.is_none() {
        return Ok(Cow::Borrowed(stored));
    }
    let bytes = decoded_bytes(stored).ok_or(NotDecoded::Garbage)?;
    if bytes > limits.payload_bytes_max {
        return Err(NotDecoded::OverLimit { bytes });
    }
    let size = usize::try_from(bytes).map_err(|_| NotDecoded::OverLimit { bytes })?;
    let mut decoded = vec![0; size];
    match decompress_into(stored, &mut decoded) {
        Ok(written) if written == size => Ok(Cow::Owned(decoded)),
        _ => Err(NotDecoded::Garbage),
    }
}

/// What an LZ4 block decodes to, told from the lengths of its sequences; none where they do not end with
/// the block.
///
/// ```text
/// token: high 4 bits literals, low 4 bits match - 4; 15 goes on in bytes of 255 and a last one below
/// token | literals' length … | literals | u16 offset | match's length …      the last sequence ends with its literals
/// ```
pub fn decoded_bytes(block: &[u8]) -> Option<u64> {
    let mut rest = block;
    let mut total = 0_u64;
    loop {
        let (&token, after) = rest.split_first()?;
        let (literals, after) = length(token >> 4, after)?;
        total = total.checked_add(literals)?;
        rest = after.get(usize::try_from(literals).ok()?..)?;
        if rest.is_empty() {
            return Some(total);
        }
        let (repeated, after) = length(token & 15, rest.get(2..)?)?;
        total = total.checked_add(repeated)?.checked_add(4)?;
        rest = after;
    }
}

pub(super) fn length(nibble: u8, bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut total = u64::from(nibble);
    if nibble < 15 {
        return Some((total, bytes));
    }
    let mut rest = bytes;
    loop {
        let (&more, after) = rest.split_first()?;
        total = total.checked_add(u64::from(more))?;
        rest = after;
        if more < 255 {
            return Some((total, rest));
        }
    }
}
