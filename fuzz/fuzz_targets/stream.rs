//! Chunks of streams: runs, each behind its length as a u16, standing for the pages whose number they say.
//!
//! Promises:
//! - no panic; memory of a MiB and four times the input;
//! - a chain ends, takes no page twice and no more pages than there are;
//! - what it says it has is what it gave out: as many bytes, with that hash;
//! - it is whole only if its end states as many bytes, and its tag, if it has one, names that hash.
#![no_main]

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::voron::page::{HEADER_BYTES, Header};
use firedrill_core::voron::stream::{StreamInfo, Tag, follow, hash, hash_name};
use firedrill_core::voron::tree::InlineStream;
use firedrill_fuzz::memory;
use libfuzzer_sys::fuzz_target;

/// Pages that the file is said to have.
const PAGES: u64 = 64;

fuzz_target!(|bytes: &[u8]| {
    memory::within((1 << 20) + 4 * bytes.len(), || read(bytes));
});

fn read(bytes: &[u8]) {
    let runs = runs(bytes);
    for first in runs.keys() {
        follow_from(*first, &runs);
    }
    for run in runs.values() {
        let value = run.get(HEADER_BYTES..).unwrap_or_default();
        if let Some(info) = StreamInfo::read(value) {
            Tag::read(&info.tag);
        }
        if let Some(inline) = InlineStream::read(value) {
            Tag::read(inline.tag);
            assert!(inline.data.len() < value.len());
        }
    }
}

fn runs(mut bytes: &[u8]) -> BTreeMap<u64, &[u8]> {
    let mut runs = BTreeMap::new();
    while let Some((length, rest)) = bytes.split_first_chunk() {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (run, behind) = rest.split_at(length);
        if let Some(header) = Header::read(run) {
            runs.insert(header.number, run);
        }
        bytes = behind;
    }
    runs
}

fn follow_from(first: u64, runs: &BTreeMap<u64, &[u8]>) {
    let mut data = Vec::new();
    let lookup = |page| runs.get(&page).copied();
    let stream = follow(first, PAGES, lookup, |part| data.extend_from_slice(part));
    let pages: BTreeSet<u64> = stream.chunks.iter().map(|chunk| chunk.page).collect();
    assert_eq!(pages.len(), stream.chunks.len());
    assert!(stream.chunks.iter().map(|chunk| chunk.pages).sum::<u64>() <= PAGES);
    assert_eq!(stream.data_bytes, data.len() as u64);
    assert_eq!(stream.hash, hash(&data));
    if stream.is_whole() {
        let info = stream.info.as_ref().expect("its last chunk says so");
        assert_eq!(info.total_bytes, stream.data_bytes);
        if let Some(tag) = Tag::read(&info.tag) {
            assert_eq!(tag.hash, hash_name(&stream.hash).as_bytes());
        }
    }
}
