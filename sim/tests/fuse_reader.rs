//! Core's reader finds in the writer's tables what the writer says is there.
//!
//! The two were made apart, from the same drawing: where they differ, one of them misread it.

mod fuse_tables;

use std::collections::BTreeMap;

use firedrill_core::amend::Class;
use firedrill_core::fuse::{
    Hint, Segment, Snapshot, StatedObject, TablePrefix, read_segment_statistics,
    read_table_statistics, uuid_in_name,
};
use firedrill_core::object::{Key, WallTime};
use firedrill_sim::fuse::{Commit, TableWriter};
use fuse_tables::{changes, draws, specs};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn core_reads_what_was_written(spec in specs(), changes in changes(), seed: u64) {
        let prefix = TablePrefix::new(spec.prefix().as_str());
        let mut writer = TableWriter::new(spec, draws(seed));
        let mut objects = BTreeMap::new();
        let mut previous: Option<Key> = None;
        for (nth, change) in (0_i64..).zip(&changes) {
            let commit = writer.commit(WallTime(1_795_231_567_147_842 + nth * 999_999), change);
            for put in &commit.puts {
                objects.insert(put.key.clone(), put.body.clone());
            }
            let said: Vec<Found> = commit
                .references
                .iter()
                .map(|one| (one.key.clone(), one.class, one.size))
                .collect();
            prop_assert_eq!(said, read(&prefix, &commit, &objects, previous.as_ref()));
            previous = Some(commit.snapshot);
        }
    }
}

type Objects = BTreeMap<Key, bytes::Bytes>;
type Found = (Key, Class, Option<u64>);

fn read(
    prefix: &TablePrefix,
    commit: &Commit,
    objects: &Objects,
    previous: Option<&Key>,
) -> Vec<Found> {
    let hint = Hint::read(&objects[&commit.hint], prefix).expect("a hint");
    assert_eq!(hint.snapshot, commit.snapshot);
    let mut found = vec![
        (commit.hint.clone(), Class::Hint, None),
        (hint.snapshot.clone(), Class::Snapshot, None),
    ];
    let snapshot = Snapshot::read(&objects[&hint.snapshot]).expect("a snapshot");
    assert_eq!(uuid_in_name(hint.snapshot.as_str()), Some(snapshot.id));
    assert_eq!(snapshot.timestamp, Some(commit.time));
    let predecessor = snapshot
        .previous
        .map(|(id, version)| prefix.snapshot_key(id, version));
    assert_eq!(predecessor.as_ref(), previous);
    let resolve = |location: &str| prefix.resolve(location).expect("inside the table");
    if let Some(location) = &snapshot.table_statistics {
        let key = resolve(location);
        read_table_statistics(&objects[&key], key.as_str()).expect("table statistics");
        found.push((key, Class::TableStatistics, None));
    }
    let mut sums = (0, 0);
    for (location, count) in snapshot.segments.iter().zip(&commit.segments) {
        let key = resolve(location);
        assert_eq!(key, count.key);
        let segment = Segment::read(&objects[&key]).expect("a segment");
        let summary = segment.summary;
        assert_eq!(
            (summary.block_count, summary.row_count),
            (count.blocks, count.rows)
        );
        sums = (sums.0 + count.blocks, sums.1 + count.rows);
        found.push((key, Class::Segment, None));
        below(prefix, &hint, &segment, objects, &mut found);
    }
    assert_eq!(snapshot.segments.len(), commit.segments.len());
    assert_eq!(
        (snapshot.summary.block_count, snapshot.summary.row_count),
        sums
    );
    found.sort();
    found
}

fn below(
    prefix: &TablePrefix,
    hint: &Hint,
    segment: &Segment,
    objects: &Objects,
    found: &mut Vec<Found>,
) {
    let mut stated = |object: &StatedObject, class| {
        let key = prefix.resolve(&object.location).expect("inside the table");
        found.push((key.clone(), class, object.size));
        key
    };
    if let Some(statistics) = &segment.statistics {
        let key = stated(statistics, Class::SegmentStatistics);
        read_segment_statistics(&objects[&key]).expect("segment statistics");
    }
    let mut inverted = Vec::new();
    for block in &segment.blocks {
        let key = stated(&block.data, Class::Block);
        for (index, class) in [
            (&block.bloom_index, Class::BloomIndex),
            (&block.vector_index, Class::VectorIndex),
            (&block.spatial_index, Class::SpatialIndex),
            (&block.virtual_columns, Class::VirtualColumn),
        ] {
            if let Some(index) = index {
                stated(index, class);
            }
        }
        if let Some(bytes) = block.inverted_index_bytes {
            let uuid = uuid_in_name(key.as_str()).expect("a block's name has a uuid");
            let there: Vec<Key> = hint
                .inverted_indexes
                .iter()
                .map(|index| prefix.key(&index.file_name(uuid)))
                .filter(|key| objects.contains_key(key))
                .collect();
            let size = (there.len() == 1).then_some(bytes);
            inverted.extend(
                there
                    .into_iter()
                    .map(|key| (key, Class::InvertedIndex, size)),
            );
        }
    }
    found.extend(inverted);
}
