//! What a database is to look like, and what happens to it: plain data, fit for a scenario.
//!
//! Every number is bounded where it is used ([`bounds`]), and every [`Operation`] is legal in every state:
//! one that finds nothing to do does nothing. So a shrinker may remove or change any of them.

use serde::{Deserialize, Serialize};

/// Which release's layout is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flavour {
    /// 4.2 to 7.1 (schema 23): revisions of 12 columns keyed by their change vector, tombstones of 9,
    /// attachment metadata of 7; every stream in runs.
    #[serde(rename = "5")]
    V5,
    /// 7.2 (schema 25): revisions of 13 columns under a hashed key, tombstones of 9 or 10, attachment
    /// metadata of 11 or 12; small streams in the leaves of the attachments' tree.
    #[serde(rename = "7.2")]
    V7_2,
}

/// A database: its look, and its life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatabaseSpec {
    /// Layout.
    pub flavour: Flavour,
    /// Where all content is drawn from.
    pub seed: u64,
    /// Names of the collections in their own case; at least one and at most eight count, none is `Orders`.
    #[serde(default)]
    pub collections: Vec<String>,
    /// Whether documents and revisions are stored compressed.
    #[serde(default)]
    pub compression: Option<CompressionSpec>,
    /// Pages that hold entries in a new section, 1 to 31.
    #[serde(default = "section_pages")]
    pub section_pages: u16,
    /// Pages that are written empty ahead of their use, at a time; at most 64.
    #[serde(default)]
    pub empty_pages: u16,
    /// How transactions are written.
    #[serde(default)]
    pub journal: JournalSpec,
    /// The key of an encrypted database: one that was stopped cleanly and has no journals left.
    #[serde(default)]
    pub master_key: Option<[u8; 32]>,
    /// Its life. What is left open at the end is committed.
    #[serde(default)]
    pub operations: Vec<Operation>,
}

/// How values are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CompressionSpec {
    /// Values after which a dictionary is trained on them; 0 for never, at least 8 otherwise.
    pub train_after: u16,
    /// Bytes of a dictionary, 256 to 16,384.
    pub dictionary_size: u16,
}

/// How transactions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct JournalSpec {
    /// Size of a new journal; one that a transaction does not fit into is made as large as that.
    pub size_kilobytes: u32,
    /// Whether payloads are stored as they are instead of LZ4-compressed.
    pub stored: bool,
    /// Whether changes of known pages are written as differences instead of whole pages.
    pub differences: bool,
}

impl Default for JournalSpec {
    fn default() -> Self {
        Self {
            size_kilobytes: 256,
            stored: false,
            differences: true,
        }
    }
}

/// One step in a database's life. Documents, attachments, series are named by small numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// A document is stored: a new one, or a new version of it under a new etag.
    Put {
        /// Which document.
        document: u16,
        /// About how many bytes its text takes.
        size: u32,
        /// Whether a revision is kept of it.
        #[serde(default)]
        revision: bool,
        /// How many other databases its change vector names, at most 3.
        #[serde(default)]
        replicas: u8,
    },
    /// A document is deleted, its attachments, counters and series with it; its revisions stay.
    Delete {
        /// Which document.
        document: u16,
    },
    /// Another version of a document comes from elsewhere and is in conflict with it.
    Conflict {
        /// Which document.
        document: u16,
        /// About how many bytes its text takes.
        size: u32,
    },
    /// The conflicts of a document are settled: their rows go.
    Settle {
        /// Which document.
        document: u16,
    },
    /// The oldest revision of a document is deleted.
    DeleteRevision {
        /// Which document.
        document: u16,
    },
    /// An attachment is put, instead of the one of the same name if there is one.
    Attach {
        /// Which document.
        document: u16,
        /// Which of its attachments.
        name: u8,
        /// Bytes.
        size: u32,
        /// Equal numbers (and sizes) have equal bytes.
        content: u16,
    },
    /// An attachment is deleted.
    Detach {
        /// Which document.
        document: u16,
        /// Which of its attachments.
        name: u8,
    },
    /// A file that is no attachment is stored as a stream without a tag, instead of the one of that name.
    File {
        /// Which file.
        name: u8,
        /// Bytes.
        size: u32,
        /// Equal numbers (and sizes) have equal bytes.
        content: u16,
    },
    /// A document's counters are changed; the group is rewritten.
    Count {
        /// Which document.
        document: u16,
        /// How many counters it has from now on, at most 40: what is above is deleted.
        counters: u8,
    },
    /// Entries are appended to a time series of a document.
    Append {
        /// Which document.
        document: u16,
        /// Which of its series.
        series: u8,
        /// How many, at most 2,000.
        entries: u16,
        /// Values of each, 1 to 32.
        values: u8,
    },
    /// The first half of the live entries of a series is deleted as a range.
    DeleteRange {
        /// Which document.
        document: u16,
        /// Which of its series.
        series: u8,
    },
    /// All tombstones are cleaned up.
    CleanTombstones,
    /// The transaction ends.
    Commit,
    /// Everything so far is committed and written to the data file.
    Checkpoint {
        /// Whether the header says so, too: the journals up to here are needed no more.
        sync: bool,
    },
}

impl DatabaseSpec {
    /// The plainest database of this layout: one collection, nothing in it.
    pub fn new(flavour: Flavour, seed: u64) -> Self {
        Self {
            flavour,
            seed,
            collections: vec!["Orders".to_owned()],
            compression: None,
            section_pages: section_pages(),
            empty_pages: 0,
            journal: JournalSpec::default(),
            master_key: None,
            operations: Vec::new(),
        }
    }

    /// A small database with something of everything: rows of every table, current, older, deleted; values in
    /// pages and in runs; streams of one chunk, of several, and inline; transactions that are synced, that are
    /// in the data file, and that are in a journal alone.
    pub fn of_everything(flavour: Flavour, seed: u64) -> Self {
        let put = |document, size, revision| Operation::Put {
            document,
            size,
            revision,
            replicas: 1,
        };
        let attach = |name, size| Operation::Attach {
            document: 0,
            name,
            size,
            content: u16::from(name),
        };
        let operations = vec![
            put(0, 100, true),
            put(1, 300, false),
            put(2, 9000, false),
            attach(0, 200),
            attach(1, 20_000),
            Operation::Count {
                document: 0,
                counters: 3,
            },
            Operation::Append {
                document: 0,
                series: 0,
                entries: 20,
                values: 2,
            },
            Operation::Checkpoint { sync: true },
            put(0, 120, true),
            put(3, 9000, true),
            attach(2, 3500),
            attach(3, 3600),
            attach(4, 3700),
            Operation::Conflict {
                document: 1,
                size: 50,
            },
            Operation::DeleteRange {
                document: 0,
                series: 0,
            },
            Operation::File {
                name: 0,
                size: 100,
                content: 0,
            },
            Operation::Delete { document: 2 },
            Operation::Checkpoint { sync: false },
            put(1, 310, true),
            Operation::Detach {
                document: 0,
                name: 0,
            },
            Operation::DeleteRevision { document: 0 },
            Operation::Commit,
            put(4, 60, false),
        ];
        Self {
            section_pages: 1,
            operations,
            ..Self::new(flavour, seed)
        }
    }
}

fn section_pages() -> u16 {
    7
}

/// What the numbers of a specification are taken for.
pub(super) mod bounds {
    pub(crate) const COLLECTIONS_MAX: usize = 8;
    pub(crate) const DOCUMENT_SIZE_MAX: u32 = 512 * 1024;
    pub(crate) const ATTACHMENT_SIZE_MAX: u32 = 16 * 1024 * 1024;
    pub(crate) const COUNTERS_MAX: u8 = 40;
    pub(crate) const ENTRIES_MAX: u16 = 2000;
    pub(crate) const VALUES_MAX: u8 = 32;
    pub(crate) const REPLICAS_MAX: u8 = 3;
    pub(crate) const EMPTY_PAGES_MAX: u16 = 64;
    pub(crate) const SECTION_PAGES_MAX: u16 = 31;
    pub(crate) const JOURNAL_KILOBYTES_MAX: u32 = 64 * 1024;
    pub(crate) const OPERATIONS_MAX: usize = 100_000;
}
