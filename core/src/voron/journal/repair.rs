//! Takes back one flipped bit in a transaction.
//!
//! | where | proof |
//! |---|---|
//! | payload, hash, number | the one bit, and no other, that lets the hash hold ([`crate::voron::repair`]) |
//! | sizes | the one bit, and no other, that lets the hash hold over as many bytes |
//! | entries in the page list | the one bit, and no other, that lets the list fit the payload: [`page_count`] |
//! | uncompressed size | not needed: the LZ4 block says what it decodes to |
//! | marker | a marker with one flipped bit is accepted where the hash holds |
//!
//! Nothing else in the header is needed. Where several bits flipped, [`super::broken`] takes them back page by page.
//!
//! Deliberately not here: encrypted transactions, whose code proves them and shows no single bit.

use super::{Found, HEADER_BYTES, Limits, Transaction, pages, transaction_at};
use crate::voron::repair::{PayloadRepair, Repair, repair_payload};

/// Where the number, the hash and the sizes lie in the header.
const NUMBER_AT: u64 = 8;
const HASH_AT: u64 = 40;
const COMPRESSED_AT: u64 = 112;
const UNCOMPRESSED_AT: u64 = 120;

/// The one bit of a broken transaction that makes it whole, counted from its header's first byte on. `bytes` is a window
/// that begins at the header; sizes that do not end inside of it are not tried. `budget` is in lane steps, for the search
/// over the payload, whose cost grows with the square of its length, and as much again for the sizes.
pub fn repair(bytes: &[u8], budget: u64) -> Repair {
    let Some(transaction) = Transaction::read(bytes) else {
        return Repair::None;
    };
    if transaction.encrypted() || transaction.check(bytes) == Some(Ok(())) {
        return Repair::None;
    }
    match sizes(bytes, &transaction, budget) {
        Repair::None => hashed(bytes, &transaction, budget),
        found => found,
    }
}

/// The number of entries in a payload's page list: as stated, or with the one flipped bit taken back that lets the list
/// fit the payload. None where no single bit does, or several do.
pub fn page_count(payload: &[u8], stated: u32) -> Option<u32> {
    if pages::read(payload, stated).is_ok() {
        return Some(stated);
    }
    let mut fitting = (0..32)
        .map(|bit| stated ^ (1 << bit))
        .filter(|count| pages::read(payload, *count).is_ok());
    let found = fitting.next()?;
    fitting.next().is_none().then_some(found)
}

/// What begins at a boundary, after one flipped bit was taken back in `bytes` where that makes a broken transaction whole.
/// With the bit, counted from `bytes`' first byte on; otherwise `bytes` stays as it is.
pub fn transaction_at_repaired(
    bytes: &mut [u8],
    bytes_left: u64,
    limits: Limits,
    budget: u64,
) -> (Found, Option<u64>) {
    let found = transaction_at(bytes, bytes_left, limits);
    if !matches!(found, Found::Broken { .. }) {
        return (found, None);
    }
    let Repair::One { bit } = repair(bytes, budget) else {
        return (found, None);
    };
    flip(bytes, bit);
    match transaction_at(bytes, bytes_left, limits) {
        whole @ Found::Whole(_) => (whole, Some(bit)),
        _ => {
            flip(bytes, bit);
            (found, None)
        }
    }
}

pub(super) fn flip(bytes: &mut [u8], bit: u64) {
    let at = usize::try_from(bit / 8).ok();
    if let Some(byte) = at.and_then(|at| bytes.get_mut(at)) {
        *byte ^= 1 << (bit % 8);
    }
}

fn hashed(bytes: &[u8], transaction: &Transaction, budget: u64) -> Repair {
    let payload = transaction
        .payload_range()
        .and_then(|range| bytes.get(range));
    let Some(payload) = payload else {
        return Repair::None;
    };
    match repair_payload(transaction.id, transaction.hash, payload, budget) {
        PayloadRepair::None => Repair::None,
        PayloadRepair::Payload { bit } => Repair::One {
            bit: bit + 8 * HEADER_BYTES as u64,
        },
        PayloadRepair::Hash { bit } => Repair::One {
            bit: u64::from(bit) + 8 * HASH_AT,
        },
        PayloadRepair::Seed { bit } => Repair::One {
            bit: u64::from(bit) + 8 * NUMBER_AT,
        },
        PayloadRepair::Many => Repair::Many,
        PayloadRepair::OverBudget { cost } => Repair::OverBudget { cost },
    }
}

fn sizes(bytes: &[u8], transaction: &Transaction, budget: u64) -> Repair {
    let mut left = budget;
    let mut found = Repair::None;
    for (bit, candidate) in candidates(transaction) {
        let stored = candidate.stored_bytes();
        let inside = stored
            .checked_add(HEADER_BYTES as u64)
            .is_some_and(|end| end <= bytes.len() as u64);
        if !inside || stored == 0 || stored == transaction.stored_bytes() {
            continue;
        }
        let Some(after) = left.checked_sub(stored / 8) else {
            // Too long to be tried; shorter ones may still be.
            continue;
        };
        left = after;
        if candidate.check(bytes) == Some(Ok(())) {
            found = match found {
                Repair::None => Repair::One { bit },
                _ => Repair::Many,
            };
        }
    }
    found
}

/// The transaction with one bit of a size that decides where its payload ends flipped.
fn candidates(transaction: &Transaction) -> impl Iterator<Item = (u64, Transaction)> + '_ {
    let compressed = transaction.compressed_bytes.unwrap_or(u64::MAX);
    let by_compressed = (0..64).map(move |bit| {
        let flipped = compressed ^ (1 << bit);
        let candidate = Transaction {
            compressed_bytes: (flipped != u64::MAX).then_some(flipped),
            ..transaction.clone()
        };
        (8 * COMPRESSED_AT + bit, candidate)
    });
    let stored_as_it_is = transaction.compressed_bytes.is_none();
    let by_uncompressed = (0..64).filter(move |_| stored_as_it_is).map(|bit| {
        let candidate = Transaction {
            uncompressed_bytes: transaction.uncompressed_bytes ^ (1 << bit),
            ..transaction.clone()
        };
        (8 * UNCOMPRESSED_AT + bit, candidate)
    });
    by_compressed.chain(by_uncompressed)
}
