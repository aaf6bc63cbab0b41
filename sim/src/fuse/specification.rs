//! What a table is to look like, and what happens to it: plain data, fit for a scenario.

use firedrill_core::object::Key;
use serde::{Deserialize, Serialize};

/// Which release's names and fields are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flavour {
    /// Databend 1.2.453: random uuids, `_ts`, a hint in plain text.
    #[serde(rename = "1.2.453")]
    V1_2_453,
    /// Databend 1.2.895: time-ordered uuids under an `h`, `_hs`, a hint in JSON.
    #[serde(rename = "1.2.895")]
    V1_2_895,
}

/// How metadata is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// As it is: legal, and cheap to write and read.
    None,
    /// As Databend writes it.
    Zstd,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableSpec {
    /// Names and fields.
    pub flavour: Flavour,
    /// Where the database's storage starts in the bucket: `fs`, `a/b` or nothing; no slash at either end.
    pub root: String,
    /// Id of the database.
    pub database: u64,
    /// Id of the table.
    pub table: u64,
    /// Columns, 1 to 5 (less and more are taken for these): how much statistics the metadata carries.
    pub columns: u8,
    /// Registers of each column's sketch in `_ts`, rounded down to sixteens: Databend's have 4096, 8 KiB of JSON.
    #[serde(default = "registers")]
    pub registers: u64,
    /// Whether the table has a cluster key, and metadata its statistics.
    pub clustered: bool,
    /// How metadata is stored.
    pub compression: Compression,
    /// Names of the table's inverted indexes; 1.2.453 has none.
    pub inverted_indexes: Vec<String>,
}

impl TableSpec {
    /// The plainest table of these ids: no root, one column, nothing compressed.
    pub fn new(flavour: Flavour, database: u64, table: u64) -> Self {
        Self {
            flavour,
            root: String::new(),
            database,
            table,
            columns: 1,
            registers: registers(),
            clustered: false,
            compression: Compression::None,
            inverted_indexes: Vec::new(),
        }
    }

    /// What all keys of the table begin with, ending in a slash.
    pub fn prefix(&self) -> Key {
        let mut prefix = String::with_capacity(self.root.len() + 24);
        if !self.root.is_empty() {
            prefix.push_str(&self.root);
            prefix.push('/');
        }
        prefix.push_str(&format!("{}/{}/", self.database, self.table));
        Key::from(prefix)
    }

    /// Key of the table's hint.
    pub fn hint(&self) -> Key {
        let name = match self.flavour {
            Flavour::V1_2_453 => "last_snapshot_location_hint",
            Flavour::V1_2_895 => "last_snapshot_location_hint_v2",
        };
        Key::from(format!("{}{name}", self.prefix()))
    }
}

fn registers() -> u64 {
    4096
}

/// A block and its indexes. Sizes in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockSpec {
    /// Rows.
    pub rows: u64,
    /// Length of the block object.
    pub size: u64,
    /// Length of its bloom index, if it has one.
    pub bloom: Option<u64>,
    /// Its inverted indexes; 1.2.453 has none.
    #[serde(default)]
    pub inverted: Vec<InvertedSpec>,
    /// Length of its vector index, if it has one; 1.2.453 has none.
    pub vector: Option<u64>,
}

/// A block's part of an inverted index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvertedSpec {
    /// Which of [`TableSpec::inverted_indexes`], modulo their number. A second part of the same index is
    /// left out.
    pub index: usize,
    /// Bytes.
    pub size: u64,
}

/// A segment. Databend puts at most 2048 blocks into one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentSpec {
    /// Its blocks.
    pub blocks: Vec<BlockSpec>,
    /// Whether its statistics (`_hs`) are written; 1.2.453 has none.
    pub statistics: bool,
}

/// What a commit does. Each is legal in every state of the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// New segments, in front of those that are there.
    Insert {
        /// The new ones; with none of them the commit repeats what is there.
        segments: Vec<SegmentSpec>,
    },
    /// What DELETE and UPDATE do: one block is replaced, and its segment with it.
    RewriteBlock {
        /// Which segment, modulo their number.
        segment: usize,
        /// Which of its blocks, modulo their number.
        block: usize,
        /// What takes its place; none when no row is left. A segment without blocks goes, too.
        with: Option<BlockSpec>,
    },
    /// Table statistics: the same segments again. 1.2.453 also writes `_ts`.
    Analyze,
    /// The same blocks in new segments.
    Compact {
        /// Blocks in each new segment, at least 1 and at most 2048.
        blocks_per_segment: usize,
    },
    /// These segments instead of those that are there; none is TRUNCATE.
    Overwrite {
        /// The new ones.
        segments: Vec<SegmentSpec>,
    },
}
