//! What a versioned bucket must answer, computed from the log of operations alone.
//!
//! Nothing is replayed and no state is kept: an entry of a key is there if something stored it and nothing
//! later took it away. The order of a listing is the order of the log, read backwards.

use firedrill_s3_mock::Versioning;

/// One line of the log: what was done, and the id that the bucket answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// Bytes were stored by a put or a copy.
    Stored {
        key: String,
        id: String,
        second: i64,
        body: Vec<u8>,
    },
    /// A delete without a version id left a marker.
    Marked {
        key: String,
        id: String,
        second: i64,
    },
    /// A delete without a version id where versioning was never enabled.
    Dropped { key: String },
    /// A delete of one version id.
    Removed { key: String, id: String },
}

/// What a listing must show of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) second: i64,
    pub(crate) is_latest: bool,
    /// None: a marker.
    pub(crate) body: Option<Vec<u8>>,
}

/// One thing in a listing with a delimiter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    Entry(Expected),
    Group(String),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Log(pub(crate) Vec<Line>);

impl Log {
    /// Everything that is there, in listing order.
    pub(crate) fn listing(&self) -> Vec<Expected> {
        let mut keys: Vec<&str> = self
            .0
            .iter()
            .filter_map(|line| line.stores())
            .map(|s| s.0)
            .collect();
        keys.sort_unstable_by_key(|key| key.as_bytes());
        keys.dedup();
        keys.into_iter().flat_map(|key| self.history(key)).collect()
    }

    /// What is there under one key, newest first.
    pub(crate) fn history(&self, key: &str) -> Vec<Expected> {
        let surviving = |at: usize, id: &str| {
            !self.0[at + 1..]
                .iter()
                .any(|later| later.takes_away(key, id))
        };
        let mut found: Vec<Expected> = Vec::new();
        for (at, line) in self.0.iter().enumerate().rev() {
            let Some((stored_key, id, second, body)) = line.stores() else {
                continue;
            };
            if stored_key == key && surviving(at, id) {
                found.push(Expected {
                    key: key.to_owned(),
                    id: id.to_owned(),
                    second,
                    is_latest: found.is_empty(),
                    body: body.map(<[u8]>::to_vec),
                });
            }
        }
        found
    }

    /// The listing seen through a prefix and a delimiter.
    pub(crate) fn rows(&self, prefix: &str, delimiter: Option<&str>) -> Vec<Row> {
        let mut rows = Vec::new();
        for entry in self.listing() {
            let Some(rest) = entry.key.strip_prefix(prefix) else {
                continue;
            };
            let group = delimiter.and_then(|d| {
                rest.split_once(d)
                    .map(|(head, _)| format!("{prefix}{head}{d}"))
            });
            let row = group.map_or(Row::Entry(entry), Row::Group);
            if !matches!(&row, Row::Group(_)) || rows.last() != Some(&row) {
                rows.push(row);
            }
        }
        rows
    }

    /// Every id that a key ever had, also those that are gone.
    pub(crate) fn ids(&self, key: &str) -> Vec<String> {
        let stored = self.0.iter().filter_map(|line| line.stores());
        stored
            .filter(|s| s.0 == key)
            .map(|s| s.1.to_owned())
            .collect()
    }
}

impl Line {
    fn stores(&self) -> Option<(&str, &str, i64, Option<&[u8]>)> {
        match self {
            Self::Stored {
                key,
                id,
                second,
                body,
            } => Some((key, id, *second, Some(body))),
            Self::Marked { key, id, second } => Some((key, id, *second, None)),
            Self::Dropped { .. } | Self::Removed { .. } => None,
        }
    }

    /// Whether this line ends the life of what an earlier one stored. A null entry is ended by whatever is
    /// stored under the id `null` after it, bytes or a marker.
    fn takes_away(&self, key: &str, id: &str) -> bool {
        match self {
            Self::Stored { key: k, id: i, .. } | Self::Marked { key: k, id: i, .. } => {
                k == key && i == id && id == "null"
            }
            Self::Dropped { key: k } => k == key && id == "null",
            Self::Removed { key: k, id: i } => k == key && i == id,
        }
    }
}

/// Whether an id is what this versioning state must give.
pub(crate) fn id_fits(id: &str, versioning: Versioning) -> bool {
    (id == "null") == (versioning != Versioning::Enabled)
}
