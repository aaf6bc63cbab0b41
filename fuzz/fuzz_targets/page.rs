//! A page, or a run with what lies behind it: the first byte says whether its checksum is made true, and whether
//! a broken one is searched for its bit.
//!
//! Promises:
//! - no panic; memory of 2 MiB and 32 times the input;
//! - what is called whole has the checksum that another crate's XXH64 gives;
//! - the pieces of a page of rows touch one another and fill it from its head to its end;
//! - what a repair gives back is whole, where there is a whole page of it.
#![no_main]

use firedrill_core::voron::dictionary;
use firedrill_core::voron::page::{HEADER_BYTES, Header, PAGE_BYTES, Verdict, verdict};
use firedrill_core::voron::raw::{self, Piece, SIZES_BYTES};
use firedrill_core::voron::repair::{Repair, repair};
use firedrill_core::voron::run::Run;
use firedrill_core::voron::tree::{
    FixedEntries, InlineStream, NodeValue, etag_witnesses, key_witnesses, nodes,
};
use firedrill_fuzz::{Choices, choices, memory, seal};
use libfuzzer_sys::fuzz_target;

/// In lane steps: twice what a page takes.
const REPAIR_BUDGET: u64 = 1 << 24;

fuzz_target!(|input: &[u8]| {
    let (choices, bytes) = choices(input);
    let mut bytes = bytes.to_vec();
    if choices.is_sealed() {
        seal::page(&mut bytes);
    }
    let bound = (2 << 20) + 32 * bytes.len();
    memory::within(bound, || read(choices, &bytes));
});

fn read(choices: Choices, bytes: &[u8]) {
    let verdict = verdict(bytes);
    if let Verdict::Whole { header, pages } = verdict {
        judge(&header, pages, bytes);
    }
    if let Some(page) = bytes.first_chunk() {
        rows(page, matches!(verdict, Verdict::Whole { .. }));
        leaf(page);
    }
    let run = Header::read(bytes).and_then(|header| Run::read(&header, bytes));
    if let Some(run) = run {
        assert!(run.unhashed.end == run.value.len() && run.unhashed.len() <= HEADER_BYTES);
        value(run.value);
    }
    dictionary::carve(bytes);
    if choices.is_thorough() {
        mend(bytes);
    }
}

fn judge(header: &Header, pages: u64, bytes: &[u8]) {
    assert_eq!(Some(pages), header.pages());
    if let Some(hash) = seal::page_hash(bytes) {
        assert_eq!(header.checksum, hash);
    }
}

fn rows(page: &[u8; PAGE_BYTES], checked: bool) {
    for checked in [checked, false] {
        let mut at = HEADER_BYTES;
        for piece in raw::pieces(page, checked) {
            let (offset, length) = match piece {
                Piece::Entry(entry) => {
                    assert!(entry.bytes.len() <= entry.room.len());
                    (entry.offset, SIZES_BYTES + entry.allocated)
                }
                Piece::Freed { offset, length }
                | Piece::Unread { offset, length }
                | Piece::Slack { offset, length } => (offset, length),
            };
            assert_eq!(offset, at);
            at += length;
        }
        assert_eq!(at, PAGE_BYTES);
    }
}

fn leaf(page: &[u8; PAGE_BYTES]) {
    for node in nodes(page) {
        if let NodeValue::Here(here) = node.value {
            value(here);
        }
    }
    key_witnesses(page).for_each(drop);
    if let Some(entries) = FixedEntries::of_page(page) {
        assert_eq!(entries.iter().count(), entries.len());
        etag_witnesses(entries).for_each(drop);
    }
}

fn value(bytes: &[u8]) {
    if let Some(stream) = InlineStream::read(bytes) {
        assert!(stream.tag.len() + stream.data.len() < bytes.len());
    }
    if let Some(entries) = FixedEntries::of_value(bytes) {
        etag_witnesses(entries).for_each(drop);
    }
}

fn mend(bytes: &[u8]) {
    if let Repair::One { bit } = repair(bytes, REPAIR_BUDGET)
        && bytes.len() >= PAGE_BYTES
    {
        let mut mended = bytes.to_vec();
        mended[(bit / 8) as usize] ^= 1 << (bit % 8);
        let whole = verdict(&mended);
        assert!(
            matches!(whole, Verdict::Whole { .. }),
            "bit {bit}: {whole:?}"
        );
        if let Verdict::Whole { header, pages } = whole {
            judge(&header, pages, &mended);
        }
    }
}
