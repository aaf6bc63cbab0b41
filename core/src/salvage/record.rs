//! What is known of a record before it is decided what it is worth.
//!
//! A record is one row of one of the database's tables. The same row can be found several times: where it
//! is, in a page that was freed, in images that a journal keeps. Each finding is a [`Record`].

use serde::{Deserialize, Serialize};

/// The tables whose rows are brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A document.
    Document,
    /// An earlier, or deleting, version of a document that the server keeps on purpose.
    Revision,
    /// One side of a conflict.
    Conflict,
    /// Some or all counters of a document.
    Counters,
    /// One segment of a time series.
    TimeSeries,
    /// A range of a time series that was deleted.
    DeletedRange,
    /// What a document's attachment is called, and the hash of its content.
    Attachment,
    /// That something was deleted.
    Tombstone,
}

/// Whether the bytes that a record was read from are current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Image {
    /// The page as it is, journals redone.
    Current,
    /// An earlier image of the page, from a journal or from a place where the page does not belong.
    Old,
}

/// How far the bytes of a record can be trusted; the most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trust {
    /// The checksum that covers them is true.
    Whole,
    /// Likewise, after one bit was flipped back.
    Repaired,
    /// The checksum is false beyond repair, and yet they decode.
    Suspect,
}

/// One finding of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its table.
    pub kind: Kind,
    /// Its primary key, as key trees have it.
    pub key: Box<[u8]>,
    /// Grows with each write to the database.
    pub etag: u64,
    /// The hash of its table's name, which tells the collection.
    pub owner: u64,
    /// Its storage id, as trees have it: the page's number × 8192 + the entry's offset in the page.
    pub storage: u64,
    /// Whether that is how the page is now.
    pub image: Image,
    /// How far it can be trusted.
    pub trust: Trust,
    /// Some of its bytes, at most the last 64 of an overflow value, are covered by no checksum, and by no
    /// second check.
    pub unhashed: bool,
    /// Its etag may be among those.
    pub etag_unhashed: bool,
    /// Of a tombstone: what was deleted.
    pub deletes: Option<(Kind, Box<[u8]>)>,
}

/// What a record is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// The server would show it.
    Live,
    /// A newer one of the same key is, or was, there: also the last whole copy of a record whose current
    /// place is damaged.
    Older,
    /// A tombstone says that it was deleted.
    Deleted,
    /// It lies in bytes that nothing refers to any more, or only in old images.
    PossiblyDeleted,
    /// It decodes, and its checksum is false beyond repair.
    Suspect,
}

impl Class {
    /// All of them, the most valuable first.
    pub const ALL: [Self; 5] = [
        Self::Live,
        Self::Older,
        Self::Deleted,
        Self::PossiblyDeleted,
        Self::Suspect,
    ];

    /// As reports and file names have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Older => "older",
            Self::Deleted => "deleted",
            Self::PossiblyDeleted => "possibly-deleted",
            Self::Suspect => "suspect",
        }
    }
}
