//! What the writer writes has the names, the order and the types of what Databend wrote.
//!
//! Needs the folder of real tables that `FIREDRILL_SAMPLES` names; says so and passes without it.

mod fuse_decode;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use firedrill_core::object::WallTime;
use firedrill_sim::fuse::{
    BlockSpec, Change, Compression, Flavour, SegmentSpec, TableSpec, TableWriter,
};
use fuse_decode::{Objects, fields, segment, shape, single};
use rmpv::Value;

#[test]
fn writes_the_fields_that_1_2_453_wrote() {
    compare(Flavour::V1_2_453, "v1.2.453", "fs/9/16/");
}

#[test]
fn writes_the_fields_that_1_2_895_wrote() {
    compare(Flavour::V1_2_895, "v1.2.895", "fs/1/6/");
}

fn compare(flavour: Flavour, folder: &str, prefix: &str) {
    let Some(samples) = samples() else {
        // Not println!: the test harness would keep it to itself.
        writeln!(
            std::io::stderr(),
            "skipped the comparison with {folder}: FIREDRILL_SAMPLES is not set"
        )
        .expect("stderr takes a line");
        return;
    };
    let real = read_objects(
        &samples
            .join("fuse")
            .join(folder)
            .join("objects")
            .join("latest"),
    );
    let ours = written(flavour);
    let (real, ours) = (take_apart(&real, prefix), take_apart(&ours, prefix));
    assert_eq!(real.kinds(), ours.kinds(), "kinds of objects and names");
    for (name, real, ours) in [
        ("snapshot", &real.snapshots, &ours.snapshots),
        ("block meta", &real.blocks, &ours.blocks),
        ("segment summary", &real.summaries, &ours.summaries),
        ("segment statistics", &real.statistics, &ours.statistics),
    ] {
        same_fields(name, real, ours);
    }
    for (real, ours) in real.hints.iter().zip(&ours.hints) {
        assert_eq!(hint_form(real), hint_form(ours));
    }
}

/// Equal names everywhere; top-level names in equal order; each type of ours is one that Databend wrote.
fn same_fields(name: &str, real: &[Value], ours: &[Value]) {
    let union = |values: &[Value]| -> BTreeSet<(String, &'static str)> {
        values.iter().flat_map(shape).collect()
    };
    let names = |parts: &BTreeSet<(String, &'static str)>| -> BTreeSet<String> {
        parts.iter().map(|(name, _)| name.clone()).collect()
    };
    let (real_parts, our_parts) = (union(real), union(ours));
    assert_eq!(names(&real_parts), names(&our_parts), "fields of {name}");
    let strange: Vec<_> = our_parts.difference(&real_parts).collect();
    assert!(
        strange.is_empty(),
        "types that no real {name} has: {strange:?}"
    );
    if let (Some(real), Some(ours)) = (real.first(), ours.first()) {
        assert_eq!(fields(real), fields(ours), "order of fields of {name}");
    }
}

#[derive(Default)]
struct Parts {
    names: BTreeSet<String>,
    snapshots: Vec<Value>,
    blocks: Vec<Value>,
    summaries: Vec<Value>,
    statistics: Vec<Value>,
    hints: Vec<String>,
}

impl Parts {
    fn kinds(&self) -> &BTreeSet<String> {
        &self.names
    }
}

fn take_apart(objects: &Objects, prefix: &str) -> Parts {
    let mut parts = Parts::default();
    for (key, body) in objects {
        let Some(name) = key.strip_prefix(prefix) else {
            continue;
        };
        parts.names.insert(pattern(name));
        if name.starts_with("_ss/") {
            parts.snapshots.push(single(body, 4));
        } else if name.starts_with("_hs/") {
            parts.statistics.push(single(body, 0));
        } else if name.starts_with("_sg/") {
            let (blocks, summary) = segment(body);
            parts.blocks.extend(blocks);
            parts.summaries.push(summary);
        } else if name.starts_with("last_snapshot") {
            parts
                .hints
                .push(String::from_utf8(body.clone()).expect("text"));
        }
    }
    parts
}

/// A name with its 32 hex digits replaced, and the uuid's version kept.
fn pattern(name: &str) -> String {
    let digits = |window: &str| window.len() == 32 && window.bytes().all(|b| b.is_ascii_hexdigit());
    let found = (0..name.len()).find(|&at| name.get(at..at + 32).is_some_and(digits));
    match found {
        Some(at) => format!(
            "{}<{}>{}",
            &name[..at],
            &name[at + 12..at + 13],
            &name[at + 32..]
        ),
        None => name.to_owned(),
    }
}

/// A hint without what differs from table to table.
fn hint_form(hint: &str) -> String {
    let at = hint.find("_ss/").expect("a hint names a snapshot");
    let name = pattern(&hint[at..]);
    format!("{}{name}", &hint[..at])
        .replace("/9/16/", "/<ids>/")
        .replace("/1/6/", "/<ids>/")
}

/// A table with all that the real ones have: several commits, one of them a block of one row.
fn written(flavour: Flavour) -> Objects {
    let (database, table) = match flavour {
        Flavour::V1_2_453 => (9, 16),
        Flavour::V1_2_895 => (1, 6),
    };
    let mut spec = TableSpec::new(flavour, database, table);
    spec.root = "fs".to_owned();
    spec.columns = 5;
    spec.clustered = true;
    spec.compression = Compression::Zstd;
    let block = |rows, bloom| BlockSpec {
        rows,
        size: 10_000 + rows,
        bloom,
        inverted: Vec::new(),
        vector: None,
    };
    let insert = |blocks| Change::Insert {
        segments: vec![SegmentSpec {
            blocks,
            statistics: true,
        }],
    };
    let mut writer = TableWriter::new(spec, |_, nth| nth);
    let changes = [
        insert(vec![block(1000, Some(6056)), block(500, Some(3000))]),
        insert(vec![block(1, None)]),
        Change::Analyze,
        Change::Compact {
            blocks_per_segment: 3,
        },
    ];
    let mut objects = Objects::new();
    for (nth, change) in (0_i64..).zip(&changes) {
        let at = WallTime(1_795_231_567_147_842 + nth * 40_000);
        for put in writer.commit(at, &change_for(flavour, change)).puts {
            objects.insert(put.key.as_str().to_owned(), put.body.to_vec());
        }
    }
    objects
}

/// Databend 1.2.453 gives a block of one row a bloom index too.
fn change_for(flavour: Flavour, change: &Change) -> Change {
    let mut change = change.clone();
    if let (Flavour::V1_2_453, Change::Insert { segments }) = (flavour, &mut change) {
        for block in segments.iter_mut().flat_map(|segment| &mut segment.blocks) {
            block.bloom = block.bloom.or(Some(1200));
        }
    }
    change
}

fn read_objects(folder: &Path) -> Objects {
    let mut objects = Objects::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder of the sample") {
            let path = entry.expect("an entry of the sample").path();
            if path.is_dir() {
                open.push(path);
            } else {
                let key = path.strip_prefix(folder).expect("it is inside").to_str();
                let body = std::fs::read(&path).expect("an object of the sample");
                objects.insert(key.expect("UTF-8").to_owned(), body);
            }
        }
    }
    assert!(!objects.is_empty(), "no objects in {}", folder.display());
    objects
}

#[expect(
    clippy::disallowed_methods,
    reason = "where real tables lie is not part of the project"
)]
fn samples() -> Option<PathBuf> {
    std::env::var("FIREDRILL_SAMPLES").ok().map(PathBuf::from)
}
