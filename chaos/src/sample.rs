//! Real tables as a scenario's source: a folder with `versions.json`, `objects/` and `sql-log.json`.
//!
//! What the newest commit references comes from what the database itself said of it (`fuse_snapshot`,
//! `fuse_segment`, `fuse_block` in the log), not from reading the metadata: this is the oracle's knowledge.
//! Of older commits only their snapshots and hints are known.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use firedrill_core::amend::Class;
use firedrill_core::object::{Key, WallTime};
use firedrill_s3_mock::{AsIs, StorageClass, Time};
use firedrill_sim::object_store::ObjectStore;
use serde::Deserialize;

use crate::oracle::log::What;
use crate::scene::{Scene, SceneError};
use crate::truth::{CommitFact, Fact, Truth};

#[derive(Debug, Deserialize)]
struct Listed {
    key: String,
    version_id: String,
    is_latest: bool,
    etag: String,
    last_modified: String,
}

#[derive(Debug, Deserialize)]
struct Statement {
    sql: String,
    #[serde(default)]
    out: String,
}

/// One result row of the database, by column name.
type Row = BTreeMap<String, String>;

/// Loads a real table into the scene, and moves the clock behind it.
pub(crate) fn load(
    folder: &str,
    scene: &mut Scene,
    store: &mut ObjectStore,
    clock: &mut Time,
) -> Result<(), SceneError> {
    let sample = Sample { folder };
    let listed: Vec<Listed> = sample.json("versions.json")?;
    let mut hints = Vec::new();
    // A listing's newest come first, and a history is stored from its oldest on.
    for entry in listed.iter().rev() {
        let path = match entry.is_latest {
            true => format!("objects/latest/{}", entry.key),
            false => format!("objects/noncurrent/{}/{}", entry.version_id, entry.key),
        };
        let body = Bytes::from(sample.read(&path)?);
        let moment = WallTime::parse_rfc3339(&entry.last_modified);
        let moment = Time(moment.ok_or_else(|| sample.wrong("a time"))?.0 / 1000);
        clock.0 = clock.0.max(moment.0);
        let as_is = AsIs {
            version_id: entry.version_id.clone(),
            last_modified: moment,
            body: Some(body.clone()),
            etag: Some(entry.etag.clone()),
            storage_class: StorageClass::Standard,
        };
        store.bucket.insert_as_is(&entry.key, as_is);
        if entry.key.contains("last_snapshot_location_hint") {
            hints.push((Key::from(entry.key.as_str()), body.clone()));
        }
        let what = What::Put {
            id: entry.version_id.as_str().into(),
            body,
            etag: entry.etag.as_str().into(),
        };
        scene.log(&Key::from(entry.key.as_str()), moment, what);
    }
    let statements: Vec<Statement> = sample.json("sql-log.json")?;
    let log = &scene.log;
    let body = |key: &Key| log.current(key).cloned();
    let truth = sample.truth(&statements, &hints, &body)?;
    scene.truth = truth;
    Ok(())
}

/// A sample's folder.
#[derive(Debug, Clone, Copy)]
struct Sample<'a> {
    folder: &'a str,
}

impl Sample<'_> {
    fn wrong(self, what: &str) -> SceneError {
        SceneError::Sample {
            folder: self.folder.to_owned(),
            why: format!("{what} is missing or is not what it should be"),
        }
    }

    fn read(self, path: &str) -> Result<Vec<u8>, SceneError> {
        let path = Path::new(self.folder).join(path);
        std::fs::read(&path).map_err(|error| SceneError::Sample {
            folder: self.folder.to_owned(),
            why: format!("{}: {error}", path.display()),
        })
    }

    fn json<T: serde::de::DeserializeOwned>(self, path: &str) -> Result<T, SceneError> {
        serde_json::from_slice(&self.read(path)?).map_err(|_| self.wrong(path))
    }

    /// What the database said of its table.
    fn truth(
        self,
        statements: &[Statement],
        hints: &[(Key, Bytes)],
        body: &dyn Fn(&Key) -> Option<Bytes>,
    ) -> Result<Truth, SceneError> {
        let rows = |function: &str| {
            let said = statements
                .iter()
                .find(|statement| statement.sql.contains(function));
            said.map(|statement| rows(&statement.out))
                .unwrap_or_default()
        };
        let (snapshots, segments, blocks) = (
            rows("fuse_snapshot"),
            rows("fuse_segment"),
            rows("fuse_block"),
        );
        let (hint, _) = hints.first().ok_or_else(|| self.wrong("the hint"))?;
        let folder = hint.as_str().rsplit_once('/');
        let (prefix, _) = folder.ok_or_else(|| self.wrong("the hint's key"))?;
        // Locations in metadata are relative to the operator root, which is one folder here.
        let root = prefix.split_once('/').map_or("", |(root, _)| root);
        let key = |location: &str| Key::from(format!("{root}/{location}"));
        let mut truth = Truth {
            prefix: format!("{prefix}/"),
            hint: Some(hint.clone()),
            known_from: snapshots.len().saturating_sub(1),
            ..Truth::default()
        };
        let mut add = |key: &Key, class: Class, size: Option<u64>| {
            let body = body(key).ok_or_else(|| self.wrong(key.as_str()))?;
            let required = class.is_required();
            let fact = Fact {
                class,
                required,
                size,
                body,
            };
            truth.objects.insert(key.clone(), fact);
            Ok::<(), SceneError>(())
        };
        add(hint, Class::Hint, None)?;
        let column = |row: &Row, name: &str| {
            let value = row.get(name).filter(|value| *value != "NULL");
            value.cloned()
        };
        let mut references = BTreeMap::from([(hint.clone(), None)]);
        let mut counts = BTreeMap::new();
        let newest = snapshots
            .first()
            .ok_or_else(|| self.wrong("fuse_snapshot"))?;
        let location = |row: &Row, name: &str| column(row, name).ok_or_else(|| self.wrong(name));
        let snapshot = key(&location(newest, "snapshot_location")?);
        references.insert(snapshot.clone(), Some(hint.clone()));
        let mut remaining = blocks.iter();
        for segment in &segments {
            let own = location(segment, "file_location")?;
            let own_key = key(&own);
            add(&own_key, Class::Segment, None)?;
            references.insert(own_key.clone(), Some(snapshot.clone()));
            if let Some(size) = column(segment, "segment_stats_size") {
                let statistics = own.replace("_sg/h", "_hs/").replace("_v4.mpk", "_v0.mpk");
                let statistics = key(&statistics);
                add(&statistics, Class::SegmentStatistics, size.parse().ok())?;
                references.insert(statistics, Some(own_key.clone()));
            }
            let count: usize = location(segment, "block_count")?.parse().unwrap_or(0);
            counts.insert(own_key.clone(), count as u64);
            for block in remaining.by_ref().take(count) {
                for (name, size, class) in [
                    ("block_location", "file_size", Class::Block),
                    (
                        "bloom_filter_location",
                        "bloom_filter_size",
                        Class::BloomIndex,
                    ),
                ] {
                    if let Some(place) = column(block, name) {
                        let size = location(block, size)?.parse().ok();
                        add(&key(&place), class, size)?;
                        references.insert(key(&place), Some(own_key.clone()));
                    }
                }
            }
        }
        for row in &snapshots {
            add(
                &key(&location(row, "snapshot_location")?),
                Class::Snapshot,
                None,
            )?;
        }
        self.add_table_statistics(
            &truth.prefix.clone(),
            &mut truth,
            &mut references,
            &snapshot,
            body,
        );
        for (number, row) in snapshots.iter().rev().enumerate() {
            let own = key(&location(row, "snapshot_location")?);
            let is_newest = number + 1 == snapshots.len();
            let (_, hint_body) = hints.get(number).ok_or_else(|| self.wrong("the hint"))?;
            let stamp = location(row, "timestamp")?.replace(' ', "T");
            let time = WallTime::parse_rfc3339(&format!("{stamp}Z"));
            let few = BTreeMap::from([(hint.clone(), None), (own.clone(), Some(hint.clone()))]);
            truth.commits.push(CommitFact {
                snapshot: own,
                time: time.ok_or_else(|| self.wrong("timestamp"))?,
                hint: hint_body.clone(),
                references: if is_newest { references.clone() } else { few },
                blocks: if is_newest {
                    counts.clone()
                } else {
                    BTreeMap::new()
                },
            });
        }
        Ok(truth)
    }

    /// The one `_ts` file of a table that was analysed; the SQL functions do not show it.
    fn add_table_statistics(
        self,
        prefix: &str,
        truth: &mut Truth,
        references: &mut BTreeMap<Key, Option<Key>>,
        snapshot: &Key,
        body: &dyn Fn(&Key) -> Option<Bytes>,
    ) {
        let folder = format!("objects/latest/{prefix}_ts");
        let Ok(files) = std::fs::read_dir(Path::new(self.folder).join(folder)) else {
            return;
        };
        let mut names: Vec<String> = files
            .filter_map(|file| file.ok()?.file_name().into_string().ok())
            .collect();
        names.sort();
        for name in names {
            let key = Key::from(format!("{prefix}_ts/{name}"));
            if let Some(body) = body(&key) {
                let fact = Fact {
                    class: Class::TableStatistics,
                    required: true,
                    size: None,
                    body,
                };
                truth.objects.insert(key.clone(), fact);
                references.insert(key, Some(snapshot.clone()));
            }
        }
    }
}

/// Reads the box that the database draws around its rows: names in its first line, types in the second.
fn rows(text: &str) -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_matches('│');
        let cells = inner.split('│');
        cells
            .map(|cell| cell.trim().trim_matches('\'').to_owned())
            .collect()
    };
    let mut lines = text
        .lines()
        .filter(|line| line.trim_start().starts_with('│'));
    let names = lines.next().map(cells).unwrap_or_default();
    lines
        .skip(1)
        .map(|line| names.iter().cloned().zip(cells(line)).collect())
        .collect()
}
