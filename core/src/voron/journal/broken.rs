//! Whole page images out of a transaction that no repair made whole.
//!
//! Most real transactions are stored as they are, and a page has its own checksum: one flipped bit among fifty pages
//! costs one page. So the page list is followed as far as it can be, and where it leads astray, the next run is
//! looked for by what it begins with: its page number twice, once from the transaction and once from its own head.
//!
//! Nothing here is proven. An image counts only if its own checksum holds, and tells of the past of its page, not of its
//! present: which pages the transaction changed besides, nobody knows.
//!
//! Deliberately not here: diffs, which prove nothing without their base.

use std::ops::Range;

use super::pages::PAGE_BYTES;
use super::repair::flip;
use super::{HEADER_BYTES, Transaction};
use crate::voron::number::{i64_at, u64_at};
use crate::voron::repair::{Repair, repair};

/// Bytes of an entry in the page list.
const ENTRY_BYTES: usize = 26;

/// Searches for a run that may each read the whole payload.
const SEARCHES_MAX: u32 = 64;

/// Runs that may be whole images: their first page, and where in the payload they lie. At most one for each entry of
/// the list, none of them over another. `payload` is as far decoded as it could be ([`decode_broken`]).
pub fn images(payload: &[u8], page_count: u32) -> Vec<(u64, Range<usize>)> {
    let mut found = Vec::new();
    let list_end = usize::try_from(page_count)
        .unwrap_or(usize::MAX)
        .saturating_mul(ENTRY_BYTES);
    let Some(list) = payload.get(..list_end) else {
        return found;
    };
    let mut at = list_end;
    let mut searches = 0;
    for entry in list.chunks_exact(ENTRY_BYTES) {
        let (Some(page), Some(size), Some(diff_size)) =
            (u64_at(entry, 0), i64_at(entry, 8), i64_at(entry, 18))
        else {
            continue;
        };
        let is_image = diff_size == 0 && size > 0 && size % PAGE_BYTES.cast_signed() == 0;
        if u64_at(payload, at) != Some(page) && is_image && searches < SEARCHES_MAX {
            // The entry or what went before is damaged: where does this one's run begin?
            searches += 1;
            at = run_of(payload, at, page).unwrap_or(at);
        }
        let stored = if diff_size == 0 { size } else { diff_size };
        let begin = at.saturating_add(8);
        let end = usize::try_from(stored)
            .ok()
            .and_then(|stored| begin.checked_add(stored))
            .filter(|end| *end <= payload.len());
        if let Some(end) = end {
            if is_image {
                found.push((page, begin..end));
            }
            at = end;
        }
    }
    found
}

/// Takes back flipped bits in the pages of a transaction that is stored as it is, each by its page's own checksum, at most one
/// in each run: so that many bits in one transaction are no more work than as many pages. `bytes` is a window that begins at the
/// header; `budget` is in lane steps, for each run. Answers the bits, counted from the first byte on; whether the
/// transaction is whole with them says its hash.
pub fn mend_pages(bytes: &mut [u8], budget: u64) -> Vec<u64> {
    let mut mended = Vec::new();
    let range = Transaction::read(bytes)
        .filter(|transaction| transaction.compressed_bytes.is_none() && !transaction.encrypted())
        .and_then(|transaction| Some((transaction.payload_range()?, transaction.page_count)));
    let Some((payload, page_count)) =
        range.and_then(|(range, page_count)| Some((bytes.get_mut(range)?, page_count)))
    else {
        return mended;
    };
    for (page, range) in images(payload, page_count) {
        let begin = range.start;
        let Some(run) = payload.get_mut(range) else {
            continue;
        };
        let Repair::One { bit } = repair(run, budget) else {
            continue;
        };
        flip(run, bit);
        if u64_at(run, 0) == Some(page) {
            mended.push(bit + 8 * (begin + HEADER_BYTES) as u64);
        } else {
            flip(run, bit);
        }
    }
    mended
}

/// Where this page number stands twice, from there on.
fn run_of(payload: &[u8], from: usize, page: u64) -> Option<usize> {
    let mut twice = [0; 16];
    let (once, again) = twice.split_at_mut(8);
    once.copy_from_slice(&page.to_le_bytes());
    again.copy_from_slice(&page.to_le_bytes());
    let rest = payload.get(from..)?;
    Some(from + rest.windows(16).position(|window| window == twice)?)
}

/// Decodes an LZ4 block as far as it goes, at most so many bytes. Behind a damaged length or distance the rest is garbage, or
/// there is none.
pub fn decode_broken(block: &[u8], bytes_max: usize) -> Vec<u8> {
    let mut decoded = Vec::new();
    // The block ends, in the middle of a sequence or not, where there is nothing more to be had.
    let _: Option<()> = sequences(block, bytes_max, &mut decoded);
    decoded
}

fn sequences(block: &[u8], bytes_max: usize, decoded: &mut Vec<u8>) -> Option<()> {
    let mut rest = block;
    while decoded.len() < bytes_max {
        let (&token, after) = rest.split_first()?;
        let (literals, after) = super::payload::length(token >> 4, after)?;
        let literals = usize::try_from(literals).ok()?.min(after.len());
        let room = bytes_max - decoded.len();
        decoded.extend_from_slice(after.get(..literals.min(room))?);
        rest = after.get(literals..)?;
        let distance = usize::from(u16::from_le_bytes(*rest.first_chunk()?));
        let (repeated, after) = super::payload::length(token & 15, rest.get(2..)?)?;
        let repeated = usize::try_from(repeated).ok()?.checked_add(4)?;
        let from = decoded
            .len()
            .checked_sub(distance)
            .filter(|_| distance > 0)?;
        let end = decoded.len().saturating_add(repeated).min(bytes_max);
        for at in (from..).take(end - decoded.len()) {
            let byte = *decoded.get(at)?;
            decoded.push(byte);
        }
        rest = after;
    }
    Some(())
}
