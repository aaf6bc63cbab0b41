//! Laws of carving journals, on journals that the tests make.

mod voron_made;

use firedrill_core::voron::journal::index::IndexBuilder;
use firedrill_core::voron::journal::pages::{self, Change, NotPages};
use firedrill_core::voron::journal::redo::Redo;
use firedrill_core::voron::journal::{
    Found, Limits, Transaction, Why, broken, payload, repair, transaction_at, transactions,
};
use firedrill_core::voron::page::{Verdict, verdict};
use proptest::prelude::*;
use voron_made::{Made, page, transaction};

const LIMITS: Limits = Limits {
    stored_bytes_max: 1 << 20,
    payload_bytes_max: 1 << 20,
};

fn at(bytes: &[u8]) -> Found {
    transaction_at(bytes, bytes.len() as u64, LIMITS)
}

fn whole(bytes: &[u8]) -> Transaction {
    match at(bytes) {
        Found::Whole(transaction) => transaction,
        other => panic!("{other:?}"),
    }
}

fn holds(number: u64, run: &[u8]) -> bool {
    matches!(verdict(run), Verdict::Whole { header, .. } if header.number == number)
}

#[test]
fn a_transaction_is_found_at_any_boundary_and_behind_anything() {
    let changes = [(7, Made::Full(page(7, 3)))];
    let mut journal = transaction(20, false, &changes);
    journal.extend(transaction(21, true, &changes));
    journal.extend(vec![0; 4096]);
    journal.extend(vec![0xA5; 8192]);
    let old = journal.len() as u64;
    journal.extend(transaction(11, true, &changes));
    let found: Vec<(u64, u64)> = transactions(&journal, LIMITS)
        .map(|(offset, found)| match found {
            Found::Whole(transaction) => (offset, transaction.id),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, [(0, 20), (12288, 21), (old, 11)]);
}

#[test]
fn a_window_that_is_too_small_says_how_much_is_needed() {
    let bytes = transaction(20, false, &[(7, Made::Full(page(7, 3)))]);
    let left = bytes.len() as u64;
    for window in [1, 8, 191] {
        let found = transaction_at(&bytes[..window], left, LIMITS);
        assert_eq!(found, Found::NeedsMore { bytes: 192 });
    }
    let Found::NeedsMore { bytes: needed } = transaction_at(&bytes[..192], left, LIMITS) else {
        panic!("192 bytes are not enough");
    };
    assert_eq!(needed, 192 + 26 + 8 + 8192);
    let needed = needed as usize;
    let found = transaction_at(&bytes[..needed], left, LIMITS);
    assert!(matches!(found, Found::Whole(_)));
    let cut = transaction_at(&bytes[..needed - 5], needed as u64 - 5, LIMITS);
    assert!(matches!(
        cut,
        Found::Broken {
            why: Why::Cut { missing_bytes: 5 },
            ..
        }
    ));
    let small = Limits {
        stored_bytes_max: 100,
        ..LIMITS
    };
    assert!(matches!(
        transaction_at(&bytes, left, small),
        Found::Broken {
            why: Why::OverLimit { bytes: 8226 },
            ..
        }
    ));
}

#[test]
fn every_flipped_bit_of_a_transaction_is_taken_back() {
    for compressed in [false, true] {
        let change = Made::Diff(true, 8192, vec![(64, Ok(vec![5; 40])), (200, Err(9))]);
        let bytes = transaction(20, compressed, &[(7, change)]);
        let header = whole(&bytes);
        let end = header.payload_range().expect("it is in memory").end;
        let right = images(&header, &bytes);
        for bit in 0..end * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let seen = matches!(at(&flipped), Found::Broken { .. });
            let left = flipped.len() as u64;
            let (found, repaired) =
                repair::transaction_at_repaired(&mut flipped, left, LIMITS, 1 << 30);
            // Where the flag says so, only the master key could tell.
            if bit == 36 * 8 {
                assert!(matches!(found, Found::Whole(_)));
            }
            let Found::Whole(found) = found else {
                panic!("bit {bit}: {found:?}");
            };
            assert_eq!(repaired, seen.then_some(bit as u64), "bit {bit}");
            assert_eq!(images(&found, &flipped), right, "bit {bit}");
        }
    }
}

#[test]
fn two_flipped_bits_are_not_taken_back() {
    let bytes = transaction(20, true, &[(7, Made::Full(page(7, 3)))]);
    let mut flipped = bytes.clone();
    flipped[195] ^= 4;
    flipped[42] ^= 1;
    let before = flipped.clone();
    let left = flipped.len() as u64;
    let (found, repaired) = repair::transaction_at_repaired(&mut flipped, left, LIMITS, 1 << 30);
    let Found::Broken {
        why: Why::Hash(hashed),
        ..
    } = found
    else {
        panic!("{found:?}");
    };
    assert_eq!(
        hashed.range,
        whole(&bytes).payload_range().expect("it is in memory")
    );
    assert_eq!((repaired, flipped), (None, before));
}

/// Every whole image that a transaction holds.
fn images(transaction: &Transaction, bytes: &[u8]) -> Vec<Vec<u8>> {
    let range = transaction.payload_range().expect("it is in memory");
    let payload = payload::decode(transaction, &bytes[range], LIMITS).expect("it decodes");
    let count = repair::page_count(&payload, transaction.page_count).expect("a count fits");
    pages::read(&payload, count)
        .expect("it fits")
        .map(|change| change.image(1 << 20).expect("a whole image").into_owned())
        .collect()
}

#[test]
fn what_a_payload_decodes_to_is_told_by_its_block_alone() {
    let bytes = transaction(20, true, &[(7, Made::Full(vec![0; 81920]))]);
    let mut header = whole(&bytes);
    assert!(header.stored_bytes() < 1000);
    let stored = &bytes[header.payload_range().expect("it is in memory")];
    assert_eq!(payload::decoded_bytes(stored), Some(81920 + 34));
    header.uncompressed_bytes = 1;
    let decoded = payload::decode(&header, stored, LIMITS).expect("it decodes");
    assert_eq!(decoded.len(), 81920 + 34);
    let small = Limits {
        payload_bytes_max: 81920,
        ..LIMITS
    };
    assert_eq!(
        payload::decode(&header, stored, small),
        Err(payload::NotDecoded::OverLimit { bytes: 81954 })
    );
    let cut = &stored[..stored.len() - 1];
    assert_eq!(
        payload::decode(&header, cut, LIMITS),
        Err(payload::NotDecoded::Garbage)
    );
}

#[test]
fn pages_are_read_as_they_were_written() {
    let pieces = vec![
        (0, Ok(vec![1, 2, 3])),
        (100, Err(50)),
        (16380, Ok(vec![9; 4])),
    ];
    let payload = voron_made::payload(&[
        (5, Made::Full(vec![8; 8192])),
        (6, Made::Unchanged),
        (7, Made::Diff(true, 16384, pieces.clone())),
        (9, Made::Diff(false, 16384, pieces)),
    ]);
    let changes: Vec<_> = pages::read(&payload, 4).expect("a list").collect();
    assert_eq!(changes[0].change, Change::Full(&[8; 8192]));
    assert_eq!(
        (changes[1].pages, changes[1].change),
        (0, Change::Unchanged)
    );
    let image = changes[2].image(1 << 20).expect("it is cleared first");
    let mut expected = vec![0; 16384];
    expected[..3].copy_from_slice(&[1, 2, 3]);
    expected[16380..].fill(9);
    assert_eq!(image, expected);
    assert_eq!(changes[2].image(16383), None);
    assert_eq!(changes[3].image(1 << 20), None);
    let Change::Diff(diff) = changes[3].change else {
        panic!("a diff");
    };
    let mut base = vec![7; 16384];
    diff.apply(&mut base, 0);
    assert_eq!(
        (base[3], base[99], base[100], base[149], base[150]),
        (7, 7, 0, 0, 7)
    );
    // Its second page alone.
    let mut second = vec![7; 8192];
    diff.apply(&mut second, 8192);
    assert_eq!(second, base[8192..]);
}

#[test]
fn a_list_that_does_not_fit_is_refused() {
    let good = voron_made::payload(&[(5, Made::Full(vec![8; 8192]))]);
    assert!(pages::read(&good, 1).is_ok());
    for (what, changed) in [
        ("one byte more", [good.clone(), vec![0]].concat()),
        ("one byte less", good[..good.len() - 1].to_vec()),
        ("no bytes", Vec::new()),
    ] {
        assert_eq!(
            pages::read(&changed, 1).err(),
            Some(NotPages::List),
            "{what}"
        );
    }
    for count in [0, 2, u32::MAX] {
        assert!(pages::read(&good, count).is_err(), "{count}");
    }
    assert_eq!(repair::page_count(&good, 3), Some(1));
    assert_eq!(repair::page_count(&good, 6), None);
    for (what, changes) in [
        (
            "outside",
            Made::Diff(false, 8192, vec![(8190, Ok(vec![1; 3]))]),
        ),
        (
            "zeros outside",
            Made::Diff(false, 8192, vec![(8190, Err(3))]),
        ),
        (
            "far outside",
            Made::Diff(false, 8192, vec![(u64::MAX, Err(3))]),
        ),
        ("half a page", Made::Diff(false, 100, vec![(0, Err(3))])),
        ("no run", Made::Diff(false, 0, vec![(0, Err(0))])),
    ] {
        let payload = voron_made::payload(&[(5, changes)]);
        assert!(
            matches!(
                pages::read(&payload, 1),
                Err(NotPages::Entry { entry: 0, .. })
            ),
            "{what}"
        );
    }
}

#[test]
fn a_broken_transaction_still_has_its_other_pages() {
    let pages: Vec<_> = (0..6_u64).map(|at| (at, page(at, 40 + at as u8))).collect();
    let made: Vec<_> = pages
        .iter()
        .map(|(at, page)| (*at, Made::Full(page.clone())))
        .collect();
    for compressed in [false, true] {
        let bytes = transaction(20, compressed, &made);
        let range = whole(&bytes).payload_range().expect("it is in memory");
        let decode = |stored: &[u8]| match compressed {
            true => broken::decode_broken(stored, 1 << 20),
            false => stored.to_vec(),
        };
        let whole = decode(&bytes[range.clone()]);
        assert_eq!(whole, voron_made::payload(&made));
        // A page, the size in an entry of the list, the number in one, a number between the pages.
        for (at, lost) in [
            (6 * 26 + 8 + 5000, 1),
            (2 * 26 + 9, 1),
            (3 * 26, 1),
            (6 * 26 + 8200, 1),
        ] {
            let mut payload = whole.clone();
            payload[at] ^= 0x20;
            let images = broken::images(&payload, 6);
            let held = images
                .iter()
                .filter(|(number, range)| holds(*number, &payload[range.clone()]))
                .count();
            assert!(held >= 6 - lost, "{compressed} {at}: {held}");
        }
        for cut in [0, 100, 157, 9000, whole.len()] {
            assert_eq!(
                broken::images(&whole[..cut], 6).len(),
                cut.saturating_sub(156) / 8200
            );
        }
    }
}

#[test]
fn many_flipped_bits_are_taken_back_page_by_page() {
    let made: Vec<_> = (0..6_u64)
        .map(|at| (at, Made::Full(page(at, 40 + at as u8))))
        .collect();
    let bytes = transaction(20, false, &made);
    let mut flipped = bytes.clone();
    for at in 0..6 {
        flipped[192 + 6 * 26 + at * 8200 + 8 + 70 * (at + 1)] ^= 1 << at;
    }
    assert!(matches!(at(&flipped), Found::Broken { .. }));
    assert_eq!(broken::mend_pages(&mut flipped, 1 << 30).len(), 6);
    assert_eq!(flipped, bytes);
    // A bit between the pages is the transaction's own.
    flipped[192 + 17] ^= 1;
    flipped[192 + 6 * 26 + 1000] ^= 1;
    assert_eq!(broken::mend_pages(&mut flipped, 1 << 30).len(), 1);
    assert!(matches!(at(&flipped), Found::Broken { .. }));
}

proptest! {
    /// Whatever the bytes are, there is an answer, and it takes no more memory than the limits allow.
    #[test]
    fn any_bytes_are_an_answer(
        changes in prop::collection::vec((0_u64..40, 0_u8..4, any::<u8>()), 0..4),
        compressed in any::<bool>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        rehash in any::<bool>(),
    ) {
        let changes: Vec<_> = changes.iter().map(|(number, kind, value)| (*number, match kind {
            0 => Made::Full(page(*number, *value)),
            1 => Made::Unchanged,
            _ => Made::Diff(*kind == 2, 8192, vec![(u64::from(*value), Ok(vec![1, 2])), (9, Err(8))]),
        })).collect();
        let mut bytes = transaction(9, compressed, &changes);
        for (at, value) in &damage {
            let at = at.index(bytes.len().min(600));
            bytes[at] = *value;
        }
        if rehash && let Some(header) = Transaction::read(&bytes)
            && let Some(payload) = header.payload_range().and_then(|range| bytes.get(range)) {
            let hash = xxhash_rust::xxh64::xxh64(payload, header.id);
            bytes[40..48].copy_from_slice(&hash.to_le_bytes());
        }
        let left = bytes.len() as u64;
        let (found, _) = repair::transaction_at_repaired(&mut bytes, left, LIMITS, 1 << 20);
        if let Found::Whole(header) = found {
            let range = header.payload_range().expect("it is in memory");
            if let Ok(payload) = payload::decode(&header, &bytes[range], LIMITS)
                && let Ok(changes) = pages::read(&payload, header.page_count) {
                let mut builder = IndexBuilder::new(100);
                builder.add(0, changes.clone());
                for clusters in builder.finish().passes(1 << 20) {
                    let mut redo = Redo::new(&clusters);
                    redo.load(0, &vec![0; 50 * 8192]);
                    redo.apply(true, changes.clone(), &mut holds);
                    redo.finish(&mut holds);
                }
            }
        }
    }

    /// Pure noise behind a marker and as a payload.
    #[test]
    fn noise_is_an_answer(noise in prop::collection::vec(any::<u8>(), 0..400), count in 0_u32..20) {
        let mut bytes = noise.clone();
        if bytes.len() >= 8 {
            bytes[..8].copy_from_slice(&0x1A4C_92AD_90AB_C123_u64.to_le_bytes());
        }
        let _ = at(&bytes);
        let _ = pages::read(&noise, count);
        prop_assert!(broken::images(&noise, count).len() <= count as usize);
        prop_assert!(broken::decode_broken(&noise, 1000).len() <= 1000);
        let decoded = payload::decoded_bytes(&noise);
        prop_assert!(decoded.is_none_or(|bytes| bytes <= 255 * noise.len() as u64));
    }
}
