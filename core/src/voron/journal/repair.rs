//! Takes back one flipped bit in those fields of a transaction's header that no hash covers.
//!
//! | field | proof |
//! |---|---|
//! | sizes | one single-bit change, and no other, lets the payload's hash hold |
//! | entries in the page list | one single-bit change, and no other, lets the list fit the payload |
//! | uncompressed size | not needed: the LZ4 block says what it decodes to |
//! | marker | a marker with one flipped bit is accepted where the hash holds |
//!
//! Deliberately not here: bits of the payload, of the hash and of the number, which is the hash's seed. The hash covers
//! all of them, and [`super::Why::Hash`] carries what their repair needs.

use super::{Found, HEADER_BYTES, Limits, Transaction, pages, transaction_at};

/// Looks for the one flipped bit in the sizes of a broken transaction. `bytes` is a window that begins at its
/// header; sizes that do not end inside of it are not tried. At most `budget_bytes` are hashed.
pub fn resized(bytes: &[u8], transaction: &Transaction, budget_bytes: u64) -> Option<Transaction> {
    let mut budget = budget_bytes;
    let mut found = None;
    for candidate in candidates(transaction) {
        let stored = candidate.stored_bytes();
        let inside = stored
            .checked_add(HEADER_BYTES as u64)
            .is_some_and(|end| end <= bytes.len() as u64);
        if !inside || stored == 0 {
            continue;
        }
        budget = budget.checked_sub(stored)?;
        if candidate.check(bytes) != Some(Ok(())) {
            continue;
        }
        if found.is_some() {
            return None;
        }
        found = Some(candidate);
    }
    found
}

fn candidates(transaction: &Transaction) -> impl Iterator<Item = Transaction> + '_ {
    let compressed = transaction.compressed_bytes.unwrap_or(u64::MAX);
    let by_compressed = (0..64).map(move |bit| {
        let flipped = compressed ^ (1 << bit);
        Transaction {
            compressed_bytes: (flipped != u64::MAX).then_some(flipped),
            ..transaction.clone()
        }
    });
    let stored_as_it_is = transaction.compressed_bytes.is_none();
    let by_uncompressed = (0..64)
        .filter(move |_| stored_as_it_is)
        .map(|bit| Transaction {
            uncompressed_bytes: transaction.uncompressed_bytes ^ (1 << bit),
            ..transaction.clone()
        });
    by_compressed.chain(by_uncompressed)
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

/// What begins at a boundary, with the sizes' one flipped bit taken back where that is what is wrong. The flag says
/// whether it was.
pub fn transaction_at_repaired(
    bytes: &[u8],
    bytes_left: u64,
    limits: Limits,
    budget_bytes: u64,
) -> (Found, bool) {
    let found = transaction_at(bytes, bytes_left, limits);
    if let Found::Broken { transaction, .. } = &found
        && let Some(repaired) = resized(bytes, transaction, budget_bytes)
    {
        return (Found::Whole(repaired), true);
    }
    (found, false)
}
