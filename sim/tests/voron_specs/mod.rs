//! Specifications of databases, drawn.

use firedrill_sim::voron::{CompressionSpec, DatabaseSpec, Flavour, JournalSpec, Operation};
use proptest::prelude::*;

/// Any database of a few dozen operations.
pub(crate) fn specs() -> impl Strategy<Value = DatabaseSpec> {
    let look = (
        prop_oneof![Just(Flavour::V5), Just(Flavour::V7_2)],
        any::<u64>(),
        prop::collection::vec("[A-Z][a-zäöü]{1,8}", 0..4),
        prop::option::of((0..20u16, 256..6000u16)),
        1..12u16,
        0..10u16,
        (4..300u32, any::<bool>(), any::<bool>()),
    );
    (look, prop::collection::vec(operation(), 0..60)).prop_map(|(look, operations)| {
        let (flavour, seed, collections, compression, section_pages, empty_pages, journal) = look;
        let (size_kilobytes, stored, differences) = journal;
        DatabaseSpec {
            collections,
            compression: compression.map(|(train_after, dictionary_size)| CompressionSpec {
                train_after,
                dictionary_size,
            }),
            section_pages,
            empty_pages,
            journal: JournalSpec {
                size_kilobytes,
                stored,
                differences,
            },
            operations,
            ..DatabaseSpec::new(flavour, seed)
        }
    })
}

fn operation() -> impl Strategy<Value = Operation> {
    let size = prop_oneof![6 => 0..2000u32, 2 => 2000..9000u32, 1 => 9000..60_000u32];
    let bytes = prop_oneof![
        1 => Just(0u32), 2 => 1..4000u32, 1 => 3900..4100u32, 1 => 8000..8200u32, 2 => 4000..80_000u32
    ];
    let document = 0..8u16;
    prop_oneof![
        8 => (document.clone(), size.clone(), any::<bool>(), 0..3u8).prop_map(
            |(document, size, revision, replicas)| Operation::Put { document, size, revision, replicas }),
        2 => document.clone().prop_map(|document| Operation::Delete { document }),
        1 => (document.clone(), size).prop_map(
            |(document, size)| Operation::Conflict { document, size }),
        1 => document.clone().prop_map(|document| Operation::Settle { document }),
        1 => document.clone().prop_map(|document| Operation::DeleteRevision { document }),
        3 => (document.clone(), 0..4u8, bytes, 0..6u16).prop_map(
            |(document, name, size, content)| Operation::Attach { document, name, size, content }),
        1 => (document.clone(), 0..4u8).prop_map(
            |(document, name)| Operation::Detach { document, name }),
        2 => (document.clone(), 0..8u8).prop_map(
            |(document, counters)| Operation::Count { document, counters }),
        2 => (document.clone(), 0..2u8, 1..300u16, 1..6u8).prop_map(
            |(document, series, entries, values)| Operation::Append { document, series, entries, values }),
        1 => (document, 0..2u8).prop_map(
            |(document, series)| Operation::DeleteRange { document, series }),
        1 => (0..3u8, prop_oneof![0..40u32, 8000..8200u32, 0..30_000u32], 0..6u16).prop_map(
            |(name, size, content)| Operation::File { name, size, content }),
        1 => Just(Operation::CleanTombstones),
        5 => Just(Operation::Commit),
        2 => any::<bool>().prop_map(|sync| Operation::Checkpoint { sync }),
    ]
}
