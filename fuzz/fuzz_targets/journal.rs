//! A journal: the first byte says whether hashes are made true, and whether broken transactions are mended.
//!
//! Promises:
//! - no panic; memory of 32 MiB and 256 times the input, which is what LZ4 makes of it at most;
//! - transactions begin at multiples of 4 KiB, ascending, and what is called whole has the hash that another
//!   crate's XXH64 gives;
//! - a payload decodes to no more than the limits allow, and pieces of diffs lie inside their runs;
//! - what a repair gives back is whole, but for one bit the same, and images out of what is beyond repair lie apart;
//! - redoing tells of no page that no transaction named.
#![no_main]

use std::borrow::Cow;

use firedrill_core::voron::journal::broken::{decode_broken, images, mend_pages};
use firedrill_core::voron::journal::index::{Cluster, IndexBuilder};
use firedrill_core::voron::journal::pages::{self, Change, PAGE_BYTES, Piece};
use firedrill_core::voron::journal::redo::Redo;
use firedrill_core::voron::journal::repair::{page_count, transaction_at_repaired};
use firedrill_core::voron::journal::replay::{Candidate, JournalName, Place, plan};
use firedrill_core::voron::journal::{
    Found, HEADER_BYTES, Limits, SECTOR_BYTES, Transaction, payload, transactions,
};
use firedrill_core::voron::page::{Verdict, verdict};
use firedrill_fuzz::{Choices, choices, memory, seal};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh64::xxh64;

const LIMITS: Limits = Limits {
    stored_bytes_max: 1 << 20,
    payload_bytes_max: 4 << 20,
};

/// In lane steps: payloads of some KiB.
const REPAIR_BUDGET: u64 = 1 << 20;

/// No run is redone that does not end before this page.
const PAGE_LIMIT: u64 = 512;

fuzz_target!(|input: &[u8]| {
    let (choices, journal) = choices(input);
    let mut journal = journal.to_vec();
    if choices.is_sealed() {
        seal::transactions(&mut journal);
    }
    let bound = (32 << 20) + 256 * journal.len();
    memory::within(bound, || read(choices, &journal));
});

fn read(choices: Choices, journal: &[u8]) {
    let mut behind = 0;
    let mut payloads = Vec::new();
    for (offset, found) in transactions(journal, LIMITS) {
        assert!(offset >= behind && offset.is_multiple_of(SECTOR_BYTES));
        behind = offset + SECTOR_BYTES;
        let bytes = &journal[offset as usize..];
        match found {
            Found::Whole(transaction) => payloads.extend(whole(offset, &transaction, bytes)),
            Found::Broken { transaction, .. } if choices.is_thorough() => {
                broken(&transaction, bytes);
            }
            _ => {}
        }
    }
    redo(&payloads);
}

/// A transaction that is redone: where, its number, its payload, and the entries of its page list.
type Redone<'a> = (u64, u64, Cow<'a, [u8]>, u32);

fn whole<'a>(offset: u64, transaction: &Transaction, bytes: &'a [u8]) -> Option<Redone<'a>> {
    let range = transaction.payload_range().expect("it is there");
    let stored = &bytes[range];
    assert_eq!(xxh64(stored, transaction.id), transaction.hash);
    let payload = payload::decode(transaction, stored, LIMITS).ok()?;
    assert!(payload.len() as u64 <= LIMITS.payload_bytes_max.max(stored.len() as u64));
    let count = page_count(&payload, transaction.page_count)?;
    for change in pages::read(&payload, count).expect("that many entries fit") {
        assert!(change.page.checked_add(change.pages).is_some());
        if let Change::Diff(diff) = change.change {
            assert_eq!(diff.run_bytes(), change.pages * PAGE_BYTES);
            for piece in diff.pieces() {
                let end = match piece {
                    Piece::Bytes { start, bytes } => start + bytes.len(),
                    Piece::Zeros { start, count } => start + count,
                };
                assert!(end as u64 <= diff.run_bytes());
            }
        }
        if let Some(image) = change.image(1 << 20) {
            assert_eq!(image.len() as u64, change.pages * PAGE_BYTES);
        }
    }
    Some((offset, transaction.id, payload, count))
}

fn broken(transaction: &Transaction, bytes: &[u8]) {
    let mut mended = bytes.to_vec();
    let left = bytes.len() as u64;
    let (found, bit) = transaction_at_repaired(&mut mended, left, LIMITS, REPAIR_BUDGET);
    assert_eq!(bit.is_some(), matches!(found, Found::Whole(_)));
    if let Some(bit) = bit {
        mended[(bit / 8) as usize] ^= 1 << (bit % 8);
    }
    assert_eq!(mended, bytes);
    mend_pages(&mut mended, REPAIR_BUDGET);
    let stored = bytes.get(HEADER_BYTES..).unwrap_or_default();
    let decoded = decode_broken(stored, 1 << 20);
    for payload in [stored, &decoded] {
        let mut behind = 0;
        for (_, range) in images(payload, transaction.page_count) {
            assert!(behind <= range.start && range.end <= payload.len());
            assert!((range.len() as u64).is_multiple_of(PAGE_BYTES) && !range.is_empty());
            behind = range.end;
        }
    }
}

fn redo(payloads: &[Redone<'_>]) {
    let candidates: Vec<Candidate> = payloads.iter().map(candidate).collect();
    let plan = plan(&[Some(JournalName::Live(1))], &candidates, None);
    assert_eq!(plan.redo.len() + plan.old.len(), candidates.len());
    let of = |offset: u64| payloads.iter().find(|redone| redone.0 == offset);
    let mut index = IndexBuilder::new(PAGE_LIMIT);
    for (nth, step) in (0..).zip(&plan.redo) {
        let (_, _, payload, count) = of(step.place.offset).expect("it was planned");
        index.add(
            nth,
            pages::read(payload, *count).expect("it was read before"),
        );
    }
    let index = index.finish();
    let apart = index
        .clusters()
        .windows(2)
        .all(|pair| end(&pair[0]) <= pair[1].page);
    assert!(
        apart
            && index
                .clusters()
                .last()
                .is_none_or(|last| end(last) <= PAGE_LIMIT)
    );
    let mut holds = |page: u64, run: &[u8]| matches!(verdict(run), Verdict::Whole { header, .. } if header.number == page);
    for pass in index.passes(1 << 20) {
        let mut redo = Redo::new(&pass);
        for step in &plan.redo {
            let (_, _, payload, count) = of(step.place.offset).expect("it was planned");
            let changes = pages::read(payload, *count).expect("it was read before");
            redo.apply(step.after_gap, changes, &mut holds);
        }
        redo.finish(&mut holds);
        for (page, bytes, _) in redo.pages() {
            assert!(
                pass.iter()
                    .any(|cluster| (cluster.page..end(cluster)).contains(&page))
            );
            assert_eq!(bytes.len() as u64, PAGE_BYTES);
        }
    }
}

fn candidate((offset, id, ..): &Redone<'_>) -> Candidate {
    let place = Place {
        journal: 0,
        offset: *offset,
    };
    Candidate { id: *id, place }
}

fn end(cluster: &Cluster) -> u64 {
    cluster.page + cluster.pages
}
