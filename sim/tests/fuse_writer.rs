//! What the writer says of a commit is what an independent reading of its objects finds.

mod fuse_decode;
mod fuse_tables;

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::amend::Class;
use firedrill_core::object::WallTime;
use firedrill_sim::fuse::{
    BlockSpec, Change, Commit, Flavour, Reference, SegmentSpec, TableSpec, TableWriter,
};
use fuse_decode::{
    Objects, byte_array, field, message_pack, optional, path, segment, single, unsigned,
};
use fuse_tables::{changes, draws, specs};
use proptest::prelude::*;
use rmpv::Value;

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn references_are_what_a_walk_from_the_hint_finds(spec in specs(), changes in changes(), seed: u64) {
        let mut objects = Objects::new();
        let mut written = BTreeSet::new();
        let mut writer = TableWriter::new(spec.clone(), draws(seed));
        let mut previous = None;
        for (nth, change) in (0_i64..).zip(&changes) {
            let commit = writer.commit(WallTime(START + nth * 1_234_567), change);
            store(&commit, &mut objects, &mut written);
            let found = walk(&spec, &commit, &objects);
            let said: BTreeMap<String, &Reference> =
                commit.references.iter().map(|one| (one.key.as_str().to_owned(), one)).collect();
            prop_assert_eq!(said.len(), commit.references.len(), "each key once");
            for put in &commit.puts {
                prop_assert!(said.contains_key(put.key.as_str()), "{} stored for nothing", put.key);
            }
            prop_assert_eq!(
                said.keys().collect::<Vec<_>>(), found.keys().collect::<Vec<_>>(), "the closure");
            for (key, found) in &found {
                let said = said[key];
                prop_assert_eq!(said.class, found.class);
                prop_assert_eq!(said.required, said.class.is_required());
                prop_assert_eq!(said.parent.as_ref().map(|key| key.as_str()), found.parent.as_deref());
                prop_assert_eq!(said.size, found.size);
                let real = objects[key].len() as u64;
                prop_assert!(said.size.is_none_or(|size| size == real), "{key}: {:?} is {real}", said.size);
            }
            let snapshot = single(&objects[commit.snapshot.as_str()], 4);
            prop_assert_eq!(previous_snapshot(&spec, &snapshot), previous);
            previous = Some(commit.snapshot.as_str().to_owned());
        }
    }

    #[test]
    fn equal_inputs_give_equal_bytes(spec in specs(), changes in changes(), seed: u64) {
        let run = |seed| {
            let mut writer = TableWriter::new(spec.clone(), draws(seed));
            changes
                .iter()
                .flat_map(|change| writer.commit(WallTime(START), change).puts)
                .map(|put| (put.key, put.body))
                .collect::<Vec<_>>()
        };
        prop_assert_eq!(run(seed), run(seed));
        prop_assert_ne!(run(seed), run(!seed));
    }
}

const START: i64 = 1_795_231_567_147_842;

#[test]
fn a_table_without_rows_has_a_snapshot_without_segments() {
    for flavour in [Flavour::V1_2_453, Flavour::V1_2_895] {
        let mut writer = TableWriter::new(TableSpec::new(flavour, 1, 2), |_, _| 0);
        let nothing = Change::Insert {
            segments: Vec::new(),
        };
        let commit = writer.commit(WallTime(START), &nothing);
        assert_eq!(commit.puts.len(), 2, "a snapshot and the hint");
        let snapshot = single(&commit.puts[0].body, 4);
        assert_eq!(field(&snapshot, "segments").as_array(), Some(&Vec::new()));
        assert!(field(&snapshot, "prev_snapshot_id").is_nil());
        assert!(commit.segments.is_empty());
    }
}

#[test]
fn a_commit_may_repeat_the_segments_of_the_one_before() {
    let mut writer = TableWriter::new(TableSpec::new(Flavour::V1_2_453, 1, 2), |_, _| 7);
    let first = writer.commit(WallTime(START), &insert(1, 2));
    let second = writer.commit(WallTime(START + 1), &Change::Analyze);
    assert_eq!(first.segments, second.segments);
    let classes: Vec<Class> = second.puts.iter().map(|put| put.class).collect();
    assert_eq!(
        classes,
        [Class::TableStatistics, Class::Snapshot, Class::Hint]
    );
    let id = &first.snapshot.as_str()["1/2/_ss/".len()..][..32];
    let statistics = second.puts[0].key.as_str();
    assert_eq!(
        statistics,
        format!("1/2/_ts/{id}_ts_v2.json"),
        "named after the one before"
    );
    let body: serde_json::Value = serde_json::from_slice(&second.puts[0].body).expect("JSON");
    let dashed = body["snapshot_id"].as_str().expect("text");
    assert_eq!(dashed.replace('-', ""), id);
    assert_eq!(
        body["hll"]["0"]["Full"].as_array().map(Vec::len),
        Some(4096)
    );
}

#[test]
fn times_are_written_as_databend_writes_them() {
    let moments = [
        (
            1_795_231_567_271_060,
            "2026-11-21T03:26:07.271060Z",
            "2026-11-21T03:26:07.271Z",
        ),
        (
            951_782_400_000_000,
            "2000-02-29T00:00:00Z",
            "2000-02-29T00:00:00Z",
        ),
        (
            -1,
            "1969-12-31T23:59:59.999999Z",
            "1969-12-31T23:59:59.999Z",
        ),
    ];
    for (at, old, new) in moments {
        for (flavour, expected) in [(Flavour::V1_2_453, old), (Flavour::V1_2_895, new)] {
            let mut writer = TableWriter::new(TableSpec::new(flavour, 1, 2), |_, _| 7);
            let commit = writer.commit(WallTime(at), &Change::Analyze);
            let snapshot = single(&commit.puts[0].body, 4);
            assert_eq!(field(&snapshot, "timestamp").as_str(), Some(expected));
            assert_eq!(WallTime::parse_rfc3339(expected), Some(commit.time));
        }
    }
}

#[test]
fn uuids_of_1_2_895_carry_their_time() {
    let mut writer = TableWriter::new(TableSpec::new(Flavour::V1_2_895, 1, 2), |_, nth| nth);
    let commit = writer.commit(WallTime(START), &insert(1, 1));
    let milliseconds = |key: &str| {
        let hex = key
            .rsplit('/')
            .next()
            .expect("a name")
            .trim_start_matches('h');
        assert_eq!(&hex[12..13], "7", "version 7");
        i64::from_str_radix(&hex[..12], 16).expect("hex")
    };
    let day = 24 * 60 * 60 * 1000;
    assert_eq!(milliseconds(commit.snapshot.as_str()), START / 1000);
    assert_eq!(
        milliseconds(commit.puts[0].key.as_str()),
        START / 1000 + day
    );
}

/// A smoke test of speed would be flaky; this one proves that large tables need no special care.
#[test]
fn a_table_of_ten_thousand_objects() {
    let mut writer = TableWriter::new(TableSpec::new(Flavour::V1_2_895, 1, 2), |_, nth| nth);
    let commit = writer.commit(WallTime(START), &insert(5, 999));
    assert_eq!(commit.references.len(), 5 * (2 * 999 + 2) + 2);
    let (blocks, _) = segment(&body_of(&commit, commit.segments[0].key.as_str()));
    assert_eq!(blocks.len(), 999);
}

fn insert(segments: usize, blocks: usize) -> Change {
    let block = BlockSpec {
        rows: 10,
        size: 100,
        bloom: Some(20),
        inverted: Vec::new(),
        vector: None,
    };
    let segment = SegmentSpec {
        blocks: vec![block; blocks],
        statistics: true,
    };
    Change::Insert {
        segments: vec![segment; segments],
    }
}

fn body_of(commit: &Commit, key: &str) -> Vec<u8> {
    let put = commit.puts.iter().find(|put| put.key.as_str() == key);
    put.expect("it was put").body.to_vec()
}

/// Stores a commit, and checks the order of its puts and that nothing but the hint is ever overwritten.
fn store(commit: &Commit, objects: &mut Objects, bodies: &mut BTreeSet<Vec<u8>>) {
    let rank = |class| match class {
        Class::Block => 0,
        Class::BloomIndex | Class::InvertedIndex | Class::VectorIndex => 1,
        Class::SegmentStatistics => 2,
        Class::Segment => 3,
        Class::TableStatistics => 4,
        Class::Snapshot => 5,
        Class::Hint => 6,
        other => panic!("a fuse table has no {other:?}"),
    };
    assert!(commit.puts.iter().is_sorted_by_key(|put| rank(put.class)));
    assert_eq!(commit.puts.last().expect("a hint").key, commit.hint);
    for put in &commit.puts {
        let body = put.body.to_vec();
        if body.len() >= 16 {
            let data = rank(put.class) <= 1;
            assert!(
                bodies.insert(body.clone()) || !data,
                "two equal bodies of {}",
                put.key
            );
            assert!(!data || (body.starts_with(b"PAR1") && body.ends_with(b"PAR1")));
        }
        let old = objects.insert(put.key.as_str().to_owned(), body);
        assert!(
            old.is_none() || put.class == Class::Hint,
            "{} overwritten",
            put.key
        );
    }
}

#[derive(Debug)]
struct Found {
    class: Class,
    parent: Option<String>,
    size: Option<u64>,
}

/// The closure of the commit that the hint names, by the drawing alone.
fn walk(spec: &TableSpec, commit: &Commit, objects: &Objects) -> BTreeMap<String, Found> {
    let mut found = BTreeMap::new();
    let hint = format!("{}{}", table_prefix(spec), hint_name(spec));
    let (snapshot_key, indexes) = read_hint(spec, &objects[&hint]);
    assert_eq!(snapshot_key, commit.snapshot.as_str());
    let mut add = |key: &str, class, parent: Option<&str>, size| {
        assert!(objects.contains_key(key), "{key} was never put");
        let entry = Found {
            class,
            parent: parent.map(str::to_owned),
            size,
        };
        assert!(
            found.insert(key.to_owned(), entry).is_none(),
            "{key} named twice"
        );
    };
    add(&hint, Class::Hint, None, None);
    add(&snapshot_key, Class::Snapshot, Some(&hint), None);
    let snapshot = single(&objects[&snapshot_key], 4);
    check_identity(&snapshot_key, &snapshot);
    let key_of = |location: &str| match spec.root.as_str() {
        "" => location.to_owned(),
        root => format!("{root}/{location}"),
    };
    if let Some(statistics) = optional(&snapshot, "table_statistics_location") {
        let key = key_of(statistics.as_str().expect("a path"));
        add(&key, Class::TableStatistics, Some(&snapshot_key), None);
    }
    let mut totals = [0; 6];
    let segments = field(&snapshot, "segments").as_array().expect("an array");
    for (location, count) in segments.iter().zip(&commit.segments) {
        let key = key_of(path(location));
        assert_eq!(key, count.key.as_str());
        add(&key, Class::Segment, Some(&snapshot_key), None);
        let (blocks, summary) = segment(&objects[&key]);
        assert_eq!(blocks.len() as u64, count.blocks);
        let mut sums = [0; 6];
        for block in &blocks {
            let sizes = block_objects(block, &indexes, spec, objects);
            for (location, class, size) in sizes.objects {
                add(&key_of(&location), class, Some(&key), size);
            }
            let bytes = unsigned(block, "file_size");
            let rows = unsigned(block, "row_count");
            let one = [
                rows,
                1,
                unsigned(block, "block_size"),
                bytes,
                sizes.indexes,
                0,
            ];
            add_up(&mut sums, &one);
        }
        assert_eq!(sums[0], count.rows);
        check_sums(&summary, &sums);
        add_up(&mut totals, &sums);
        if let Some(additional) = optional(&summary, "additional_stats_meta") {
            let statistics = key_of(path(field(additional, "location")));
            let size = Some(unsigned(additional, "size"));
            add(&statistics, Class::SegmentStatistics, Some(&key), size);
            check_statistics(&single(&objects[&statistics], 0), blocks.len());
        }
    }
    assert_eq!(segments.len(), commit.segments.len());
    check_sums(field(&snapshot, "summary"), &totals);
    found
}

struct BlockObjects {
    objects: Vec<(String, Class, Option<u64>)>,
    indexes: u64,
}

fn block_objects(
    block: &Value,
    indexes: &[(String, String)],
    spec: &TableSpec,
    all: &Objects,
) -> BlockObjects {
    let location = path(field(block, "location"));
    let size = unsigned(block, "file_size");
    let mut objects = vec![(location.to_owned(), Class::Block, Some(size))];
    let bloom = unsigned(block, "bloom_filter_index_size");
    let mut sum = bloom;
    if let Some(place) = optional(block, "bloom_filter_index_location") {
        objects.push((path(place).to_owned(), Class::BloomIndex, Some(bloom)));
    } else {
        assert_eq!(bloom, 0);
    }
    if let Some(place) = optional(block, "vector_index_location") {
        let size = unsigned(block, "vector_index_size");
        sum += size;
        objects.push((path(place).to_owned(), Class::VectorIndex, Some(size)));
    }
    if let Some(stated) = optional(block, "inverted_index_size") {
        let stated = stated.as_u64().expect("unsigned");
        sum += stated;
        let name = location.rsplit('/').next().expect("a name");
        let hex = &name.trim_start_matches('h')[..32];
        let prefix = format!("{}/{}", spec.database, spec.table);
        let there: Vec<String> = indexes
            .iter()
            .map(|(index, version)| {
                format!("{prefix}/_i_i/{index}/{}/{hex}_v0.index", &version[..7])
            })
            .filter(|location| {
                all.keys()
                    .any(|key| key.ends_with(&format!("/{location}")) || key == location)
            })
            .collect();
        assert!(!there.is_empty(), "an index of some length is somewhere");
        let size = (there.len() == 1).then_some(stated);
        objects.extend(
            there
                .into_iter()
                .map(|location| (location, Class::InvertedIndex, size)),
        );
    }
    BlockObjects {
        objects,
        indexes: sum,
    }
}

fn add_up(sums: &mut [u64; 6], more: &[u64; 6]) {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum += more;
    }
}

fn check_sums(summary: &Value, sums: &[u64; 6]) {
    for (name, sum) in [
        "row_count",
        "block_count",
        "uncompressed_byte_size",
        "compressed_byte_size",
        "index_size",
    ]
    .iter()
    .zip(sums)
    {
        assert_eq!(unsigned(summary, name), *sum, "{name}");
    }
}

fn check_statistics(statistics: &Value, blocks: usize) {
    let sketches = field(statistics, "block_hlls")
        .as_array()
        .expect("an array");
    assert_eq!(sketches.len(), blocks);
    for sketch in sketches {
        let content = zstd::decode_all(&byte_array(sketch)[..]).expect("a zstd frame");
        assert!(!message_pack(&content).as_map().expect("a map").is_empty());
    }
}

/// The id inside is the one in the name, and the uuid's version goes with the letter before it.
fn check_identity(key: &str, snapshot: &Value) {
    let id = field(snapshot, "snapshot_id").as_slice().expect("binary");
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let letter = if id[6] >> 4 == 7 { "h" } else { "" };
    assert!(
        key.ends_with(&format!("/_ss/{letter}{hex}_v4.mpk")),
        "{key}"
    );
}

/// The key of the snapshot that this one calls its predecessor.
fn previous_snapshot(spec: &TableSpec, snapshot: &Value) -> Option<String> {
    let previous = optional(snapshot, "prev_snapshot_id")?;
    let id = previous[0].as_slice().expect("binary");
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    let letter = if id[6] >> 4 == 7 { "h" } else { "" };
    let prefix = table_prefix(spec);
    Some(format!("{prefix}_ss/{letter}{hex}_v{}.mpk", previous[1]))
}

fn read_hint(spec: &TableSpec, body: &[u8]) -> (String, Vec<(String, String)>) {
    let text = std::str::from_utf8(body).expect("text");
    let mut indexes = Vec::new();
    let full = match spec.flavour {
        Flavour::V1_2_453 => text.to_owned(),
        Flavour::V1_2_895 => {
            let hint: serde_json::Value = serde_json::from_str(text).expect("JSON");
            for (name, index) in hint["indexes"].as_object().expect("an object") {
                let version = index["version"].as_str().expect("text");
                indexes.push((name.clone(), version.to_owned()));
            }
            hint["snapshot_full_path"]
                .as_str()
                .expect("text")
                .to_owned()
        }
    };
    let key = full.strip_prefix('/').expect("a slash in front");
    (key.to_owned(), indexes)
}

fn table_prefix(spec: &TableSpec) -> String {
    let ids = format!("{}/{}/", spec.database, spec.table);
    match spec.root.as_str() {
        "" => ids,
        root => format!("{root}/{ids}"),
    }
}

fn hint_name(spec: &TableSpec) -> &'static str {
    match spec.flavour {
        Flavour::V1_2_453 => "last_snapshot_location_hint",
        Flavour::V1_2_895 => "last_snapshot_location_hint_v2",
    }
}
