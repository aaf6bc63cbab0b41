//! Reads every metadata object of the real sample tables.

use std::io::Write;
use std::path::{Path, PathBuf};

use firedrill_core::fuse::{
    Hint, Segment, Snapshot, TablePrefix, read_segment_statistics, read_table_statistics,
    uuid_in_name,
};

fn samples() -> Option<PathBuf> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test's entry point names its samples"
    )]
    let folder = std::env::var("FIREDRILL_SAMPLES").ok();
    if folder.is_none() {
        let skipped = "skipped: FIREDRILL_SAMPLES names no folder with real sample tables";
        writeln!(std::io::stderr(), "{skipped}").expect("standard error can be written");
    }
    folder.map(PathBuf::from)
}

#[allow(
    clippy::disallowed_types,
    reason = "a test reads its samples from disk"
)]
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a sample folder can be listed") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn every_metadata_object_of_the_real_tables_is_read() {
    let Some(samples) = samples() else { return };
    for (release, prefix, snapshots, segments, hints) in [
        ("v1.2.453", "fs/9/16/", 8, 9, 8),
        ("v1.2.895", "fs/1/6/", 8, 9, 8),
    ] {
        let table = TablePrefix::new(prefix);
        let mut found = Vec::new();
        files(
            &samples.join("fuse").join(release).join("objects"),
            &mut found,
        );
        let (mut read_snapshots, mut read_segments, mut read_hints) = (0, 0, 0);
        for path in found {
            let name = path.to_str().expect("sample paths are text").to_string();
            #[allow(
                clippy::disallowed_methods,
                reason = "a test reads its samples from disk"
            )]
            let bytes = std::fs::read(&path).expect("a sample can be read");
            if name.contains("/_ss/") {
                let snapshot = Snapshot::read(&bytes).expect("a snapshot");
                assert_eq!(uuid_in_name(&name), Some(snapshot.id));
                assert!(snapshot.timestamp.is_some());
                let key = table.snapshot_key(snapshot.id, 4);
                assert!(name.ends_with(key.as_str()), "{name} is not {key}");
                read_snapshots += 1;
            } else if name.contains("/_sg/") {
                let segment = Segment::read(&bytes).expect("a segment");
                let rows: u64 = segment.blocks.iter().map(|block| block.row_count).sum();
                assert_eq!(rows, segment.summary.row_count);
                assert_eq!(segment.statistics.is_some(), release == "v1.2.895");
                read_segments += 1;
            } else if name.contains("/_hs/") {
                read_segment_statistics(&bytes).expect("segment statistics");
            } else if name.contains("/_ts/") {
                read_table_statistics(&bytes, &name).expect("table statistics");
            } else if name.contains("hint") {
                Hint::read(&bytes, &table).expect("a hint");
                read_hints += 1;
            }
        }
        assert_eq!(
            (read_snapshots, read_segments, read_hints),
            (snapshots, segments, hints)
        );
    }
}
