//! Pages, streams, leaves and repair on real storage files of 4.2 to 7.2.

mod voron_samples;

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::voron::page::{self, Header, Kind, PAGE_BYTES, Verdict};
use firedrill_core::voron::raw::{self, Piece};
use firedrill_core::voron::repair::{Repair, repair};
use firedrill_core::voron::stream::{self, End, Stream, Tag};
use firedrill_core::voron::tree::{
    FixedEntries, InlineStream, NodeValue, etag_witnesses, key_witnesses, nodes,
};
use voron_samples::Sample;

/// What a walk over a file finds: page numbers with their heads, and the pages that no whole head covers.
struct Walk {
    heads: BTreeMap<u64, Header>,
    broken: Vec<u64>,
    zero: u64,
}

fn walk(data: &[u8]) -> Walk {
    let mut found = Walk {
        heads: BTreeMap::new(),
        broken: Vec::new(),
        zero: 0,
    };
    let mut number = 0;
    while let Some(bytes) = data
        .get(number * PAGE_BYTES..)
        .filter(|rest| !rest.is_empty())
    {
        let pages = match page::verdict(bytes) {
            Verdict::Whole { header, pages } => {
                assert_eq!(header.number, number as u64);
                found.heads.insert(header.number, header);
                pages as usize
            }
            Verdict::Zero => {
                found.zero += 1;
                1
            }
            _ => {
                found.broken.push(number as u64);
                1
            }
        };
        number += pages;
    }
    found
}

fn page_at(data: &[u8], number: u64) -> &[u8; PAGE_BYTES] {
    let bytes = data[number as usize * PAGE_BYTES..].first_chunk();
    bytes.expect("a page that was whole is there")
}

/// The sample, its whole heads, the pages that no whole head covers, entries in small raw pages, such pages.
type Expected = (&'static str, usize, &'static [u64], usize, usize);

#[test]
fn every_page_head_verifies_but_for_the_stale_ones() {
    let expected: [Expected; 9] = [
        ("northwind-4.2.103", 7469, &[], 4900, 952),
        ("counters-4.2.103", 2749, &[], 701, 410),
        ("compressed-revisions-5.x", 6874, &[], 59, 408),
        // Tails of an older overflow run: two of them look like heads.
        ("reused-journal-1", 539, &[548, 549, 550, 551], 0, 15),
        ("reused-journal-2", 535, &[], 0, 15),
        ("ravendb-6.2.4-killed", 8590, &[], 680, 498),
        ("ravendb-7.1.5-killed", 9980, &[], 879, 602),
        ("ravendb-7.2.7-killed", 9123, &[], 679, 528),
        // The stale tail of an older run.
        ("ravendb-7.2.7-upgraded-killed", 10_486, &[5009], 517, 603),
    ];
    for (name, heads, broken, entries, raw_pages) in expected {
        let Some(sample) = Sample::open(name) else {
            return;
        };
        let data = sample.file("Raven.voron");
        let found = walk(data);
        assert_eq!((found.heads.len(), &found.broken[..]), (heads, broken));
        let covered: u64 = found.heads.values().filter_map(Header::pages).sum();
        let pages = covered + found.zero + broken.len() as u64;
        assert_eq!(pages, (data.len() / PAGE_BYTES) as u64, "{name}");
        let (mut found_entries, mut found_raw_pages) = (0, 0);
        for header in found.heads.values() {
            assert_ne!(header.kind, Kind::Unknown);
            if let Kind::RawSmall { entries, .. } = header.kind {
                let pieces = raw::pieces(page_at(data, header.number), true);
                assert!(pieces.is_straight());
                let live = pieces.filter(|piece| matches!(piece, Piece::Entry(_)));
                let live = live.count();
                assert_eq!(live, usize::from(entries), "{name} {}", header.number);
                found_entries += live;
                found_raw_pages += 1;
            }
        }
        assert_eq!((found_entries, found_raw_pages), (entries, raw_pages));
    }
}

/// A damaged size that could not be taken back costs its own entry at most, but where values had shrunk in their
/// room: then, rarely, a neighbour.
#[test]
fn a_damaged_size_costs_its_own_entry_at_most() {
    let Some(sample) = Sample::open("ravendb-7.1.5-killed") else {
        return;
    };
    let data = sample.file("Raven.voron");
    let places = |page: &[u8; PAGE_BYTES]| -> BTreeSet<usize> {
        let pieces = raw::pieces(page, false).filter_map(|piece| match piece {
            Piece::Entry(entry) => Some(entry.offset),
            _ => None,
        });
        pieces.collect()
    };
    let (mut sizes, mut lost_itself, mut lost_others) = (0, 0, 0);
    for header in walk(data).heads.values() {
        let Kind::RawSmall { .. } = header.kind else {
            continue;
        };
        let page = page_at(data, header.number);
        let all = places(page);
        for (nth, place) in all.iter().enumerate() {
            let mut page = *page;
            page[place + nth % 4] ^= 1 << (place % 8);
            let left = places(&page);
            sizes += 1;
            lost_itself += usize::from(!left.contains(place));
            lost_others += all.difference(&left).filter(|lost| *lost != place).count();
        }
    }
    assert_eq!(sizes, 879);
    assert!(lost_itself <= 58, "{lost_itself}");
    assert!(lost_others <= 13, "{lost_others}");
}

fn streams(data: &[u8], heads: &BTreeMap<u64, Header>) -> Vec<Stream> {
    let firsts = heads
        .values()
        .filter(|header| matches!(header.kind, Kind::Stream { first: true, .. }));
    let follow = |header: &Header| {
        let lookup = |page| {
            let bytes = heads.get(&page)?.run_bytes()? as usize;
            data.get(page as usize * PAGE_BYTES..)?.get(..bytes)
        };
        stream::follow(
            header.number,
            (data.len() / PAGE_BYTES) as u64,
            lookup,
            |_| {},
        )
    };
    firsts.map(follow).collect()
}

#[test]
fn every_attachment_is_put_together_and_is_what_its_tag_names() {
    for (name, in_runs, in_leaves) in [
        ("northwind-4.2.103", 17, 0),
        ("ravendb-6.2.4-killed", 28, 0),
        ("ravendb-7.1.5-killed", 27, 0),
        ("ravendb-7.2.7-killed", 18, 10),
        ("ravendb-7.2.7-upgraded-killed", 27, 0),
    ] {
        let Some(sample) = Sample::open(name) else {
            return;
        };
        let data = sample.file("Raven.voron");
        let heads = walk(data).heads;
        let mut contents = BTreeSet::new();
        for stream in streams(data, &heads) {
            assert_eq!(stream.end, End::Complete);
            assert_eq!(stream.is_what_its_tag_names(), Some(true));
            assert!(stream.is_whole());
            contents.insert(stream::hash_name(&stream.hash));
        }
        assert_eq!(contents.len(), in_runs, "{name}");
        for header in heads.values() {
            let Kind::TreeLeaf { .. } = header.kind else {
                continue;
            };
            for node in nodes(page_at(data, header.number)) {
                let NodeValue::Here(value) = node.value else {
                    continue;
                };
                if let Some(stream) = InlineStream::read(value) {
                    let hash = stream::hash_name(&stream::hash(stream.data));
                    assert_eq!(hash.as_bytes(), node.key);
                    assert_eq!(Tag::read(stream.tag).expect("a tag").hash, node.key);
                    contents.insert(hash);
                }
            }
        }
        assert_eq!(contents.len(), in_runs + in_leaves, "{name}");
    }
}

#[test]
fn trees_name_places_of_entries() {
    for (name, keys_right, keys_stale, etags_right) in [
        ("northwind-4.2.103", 4900, 0, 9765),
        // Killed: the data file's trees are of different moments.
        ("ravendb-7.1.5-killed", 893, 7, 1786),
        ("ravendb-7.2.7-killed", 694, 4, 1345),
    ] {
        let Some(sample) = Sample::open(name) else {
            return;
        };
        let data = sample.file("Raven.voron");
        let heads = walk(data).heads;
        let is_entry = |place: firedrill_core::voron::tree::StorageId| {
            let Some(header) = heads.get(&place.page) else {
                return false;
            };
            match header.kind {
                Kind::RawLarge { .. } => place.offset == 0,
                Kind::RawSmall { .. } => {
                    let mut pieces = raw::pieces(page_at(data, place.page), true);
                    pieces.any(|piece| matches!(piece, Piece::Entry(entry) if entry.offset == usize::from(place.offset)))
                }
                _ => false,
            }
        };
        let (mut keys, mut etags) = ((0, 0), (0, 0));
        let mut count = |entries: FixedEntries<'_>| {
            if entries.value_bytes() == 8 {
                for (_, place) in etag_witnesses(entries) {
                    if is_entry(place) {
                        etags.0 += 1;
                    } else {
                        etags.1 += 1;
                    }
                }
            }
        };
        for header in heads.values() {
            let page = page_at(data, header.number);
            for (_, place) in key_witnesses(page) {
                if is_entry(place) {
                    keys.0 += 1;
                } else {
                    keys.1 += 1;
                }
            }
            FixedEntries::of_page(page).map(&mut count);
            for node in nodes(page) {
                if let NodeValue::Here(value) = node.value {
                    FixedEntries::of_value(value).map(&mut count);
                }
            }
        }
        assert_eq!(keys, (keys_right, keys_stale), "{name}");
        assert_eq!(etags, (etags_right, 0), "{name}");
    }
}

#[test]
fn one_flipped_bit_in_a_tenth_of_the_pages_is_taken_back() {
    let Some(sample) = Sample::open("northwind-4.2.103") else {
        return;
    };
    let original = sample.file("Raven.voron");
    let heads = walk(original).heads;
    let mut damaged = original.to_vec();
    // Every tenth page in use, a different bit in each.
    let used: Vec<usize> = (0..original.len() / PAGE_BYTES)
        .filter(|page| {
            original[page * PAGE_BYTES..][..64]
                .iter()
                .any(|byte| *byte != 0)
        })
        .collect();
    for (nth, page) in used.iter().step_by(10).enumerate() {
        let bit = (nth * 40_503 + nth * nth * 7) % (PAGE_BYTES * 8);
        damaged[page * PAGE_BYTES + bit / 8] ^= 1 << (bit % 8);
    }
    let (mut failed, mut corrected) = (0, 0);
    let mut not = Vec::new();
    for header in heads.values() {
        let start = header.number as usize * PAGE_BYTES;
        let pages = header.pages().expect("a whole head has pages") as usize;
        if matches!(page::verdict(&damaged[start..]), Verdict::Whole { .. }) {
            continue;
        }
        failed += 1;
        let end = (start + pages * PAGE_BYTES)
            .max(start + 16 * PAGE_BYTES)
            .min(damaged.len());
        match repair(&damaged[start..end], 1 << 32) {
            Repair::One { bit } => {
                let byte = start + (bit / 8) as usize;
                assert_eq!(damaged[byte] ^ 1 << (bit % 8), original[byte]);
                corrected += 1;
            }
            other => not.push((header.number, pages, other)),
        }
    }
    assert_eq!((failed, corrected, not), (748, 748, Vec::new()));
}
