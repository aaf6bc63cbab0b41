//! The hint: names the current snapshot, and is overwritten by every commit.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::envelope::{NotRead, is_bare_json, read_json};
use super::location::TablePrefix;
use crate::object::Key;

/// What one version of a hint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The snapshot that it names.
    pub snapshot: Key,
    /// The table's inverted indexes (only the JSON form knows).
    pub inverted_indexes: Vec<InvertedIndex>,
}

/// An inverted index of the table. Its files have no location in the metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvertedIndex {
    /// Its name.
    pub name: String,
    /// Its version: 32 hex digits.
    pub version: String,
}

#[derive(Deserialize)]
struct HintJson {
    snapshot_full_path: String,
    #[serde(default)]
    indexes: BTreeMap<String, IndexJson>,
}

#[derive(Deserialize)]
struct IndexJson {
    #[serde(default)]
    index_type: Option<String>,
    #[serde(default)]
    version: Option<String>,
}

impl Hint {
    /// The keys' names below the table's prefix, the one to prefer first: a release that writes the
    /// second form reads it first.
    pub const NAMES: [&'static str; 2] = [
        "last_snapshot_location_hint_v2",
        "last_snapshot_location_hint",
    ];

    /// Reads either form: `/fs/9/16/_ss/…` as plain text, or JSON with `snapshot_full_path`.
    pub fn read(bytes: &[u8], prefix: &TablePrefix) -> Result<Self, NotRead> {
        let (path, indexes) = if is_bare_json(bytes) {
            let json: HintJson = read_json(bytes)?;
            (json.snapshot_full_path, json.indexes)
        } else {
            let text = str::from_utf8(bytes).map_err(NotRead::garbage)?;
            (text.trim_end().to_string(), BTreeMap::new())
        };
        let snapshot = prefix
            .resolve_full_path(&path)
            .filter(|key| key.as_str().ends_with(".mpk") || key.as_str().ends_with(".json"))
            .ok_or_else(|| NotRead::garbage("names no snapshot of this table"))?;
        let inverted_indexes = indexes
            .into_iter()
            .filter(|(_, index)| {
                index
                    .index_type
                    .as_deref()
                    .is_none_or(|kind| kind.eq_ignore_ascii_case("inverted"))
            })
            .filter_map(|(name, index)| {
                index.version.map(|version| InvertedIndex { name, version })
            })
            .collect();
        Ok(Self {
            snapshot,
            inverted_indexes,
        })
    }
}

impl InvertedIndex {
    /// The name, below the table's prefix, of this index's file for the block with this uuid.
    pub fn file_name(&self, block: super::Uuid) -> String {
        let version: String = self
            .version
            .chars()
            .filter(char::is_ascii_hexdigit)
            .take(7)
            .collect();
        format!("_i_i/{}/{version}/{block}_v0.index", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_name_the_snapshot() {
        let prefix = TablePrefix::new("fs/1/6/");
        let plain = Hint::read(b"/fs/1/6/_ss/h01_v4.mpk", &prefix).expect("plain");
        let json =
            br#"{"snapshot_full_path":"/fs/1/6/_ss/h01_v4.mpk","entity_comments":{},"indexes":{}}"#;
        assert_eq!(Hint::read(json, &prefix).expect("json"), plain);
        assert_eq!(plain.snapshot.as_str(), "fs/1/6/_ss/h01_v4.mpk");
    }

    #[test]
    fn anything_else_is_garbage() {
        let prefix = TablePrefix::new("fs/1/6/");
        for bytes in [
            &b""[..],
            b"{",
            b"\xff\xfe",
            b"/fs/1/7/_ss/h01_v4.mpk",
            b"/fs/1/6/_ss/h01",
        ] {
            assert!(
                matches!(Hint::read(bytes, &prefix), Err(NotRead::Garbage(_))),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn an_inverted_index_is_named_by_the_first_seven_digits_of_its_version() {
        let prefix = TablePrefix::new("fs/1/6/");
        let json = br#"{"snapshot_full_path":"/fs/1/6/_ss/h01_v4.mpk","indexes":{
            "i1":{"index_type":"Inverted","version":"0123456789abcdef0123456789abcdef"},
            "n1":{"index_type":"Ngram","version":"ff"}}}"#;
        let hint = Hint::read(json, &prefix).expect("json");
        let block =
            super::super::uuid_in_name("h01a2014a39ea7468a975856b6bf9d504_v2").expect("uuid");
        let names: Vec<_> = hint
            .inverted_indexes
            .iter()
            .map(|index| index.file_name(block))
            .collect();
        assert_eq!(
            names,
            ["_i_i/i1/0123456/01a2014a39ea7468a975856b6bf9d504_v0.index"]
        );
    }
}
