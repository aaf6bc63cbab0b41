//! Tables and changes to try the writer with.

use firedrill_sim::fuse::{
    BlockSpec, Change, Compression, Flavour, InvertedSpec, SegmentSpec, TableSpec,
};
use proptest::prelude::*;

/// A draw for each seed.
pub(crate) fn draws(seed: u64) -> impl Fn(&str, u64) -> u64 + Send + 'static {
    move |stream, nth| {
        let name = stream.bytes().map(u64::from).sum::<u64>();
        (seed ^ nth.wrapping_mul(0x2545_f491_4f6c_dd1d)).wrapping_add(name.rotate_left(40))
    }
}

/// Tables of both releases, with roots of no, one and two parts.
pub(crate) fn specs() -> impl Strategy<Value = TableSpec> {
    let flavours = prop_oneof![Just(Flavour::V1_2_453), Just(Flavour::V1_2_895)];
    let compressions = prop_oneof![Just(Compression::None), Just(Compression::Zstd)];
    let roots = prop_oneof![Just(""), Just("fs"), Just("a/b")];
    let indexes = prop_oneof![
        Just(vec![]),
        Just(vec!["search".to_owned()]),
        Just(vec!["a".to_owned(), "a\"b".to_owned()]),
    ];
    (
        flavours,
        compressions,
        roots,
        indexes,
        0_u8..7,
        any::<bool>(),
        1_u64..200,
    )
        .prop_map(
            |(flavour, compression, root, inverted_indexes, columns, clustered, table)| TableSpec {
                compression,
                root: root.to_owned(),
                inverted_indexes,
                columns,
                clustered,
                ..TableSpec::new(flavour, 1, table)
            },
        )
}

/// One to six commits.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    let change = prop_oneof![
        3 => segments().prop_map(|segments| Change::Insert { segments }),
        1 => segments().prop_map(|segments| Change::Overwrite { segments }),
        2 => (any::<usize>(), any::<usize>(), proptest::option::of(blocks()))
            .prop_map(|(segment, block, with)| Change::RewriteBlock { segment, block, with }),
        1 => Just(Change::Analyze),
        1 => (0_usize..5).prop_map(|blocks_per_segment| Change::Compact { blocks_per_segment }),
    ];
    proptest::collection::vec(change, 1..7)
}

fn segments() -> impl Strategy<Value = Vec<SegmentSpec>> {
    let segment = (proptest::collection::vec(blocks(), 0..4), any::<bool>())
        .prop_map(|(blocks, statistics)| SegmentSpec { blocks, statistics });
    proptest::collection::vec(segment, 0..4)
}

fn blocks() -> impl Strategy<Value = BlockSpec> {
    let size = || prop_oneof![0_u64..20, 20_u64..3000];
    let inverted = (any::<usize>(), size()).prop_map(|(index, size)| InvertedSpec { index, size });
    (
        0_u64..3000,
        size(),
        proptest::option::of(size()),
        proptest::collection::vec(inverted, 0..3),
        proptest::option::of(size()),
    )
        .prop_map(|(rows, size, bloom, inverted, vector)| BlockSpec {
            rows,
            size,
            bloom,
            inverted,
            vector,
        })
}
