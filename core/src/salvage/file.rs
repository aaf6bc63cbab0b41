//! The vocabulary of files: what a salvage reads, and how a runtime answers.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One file of one input, by its place in the list that the runtime gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId(pub u32);

/// What a file is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// `Raven.voron`, or whatever a lone file is called.
    Data,
    /// `headers.one` and `headers.two`.
    Header,
    /// `NNN.journal`.
    Journal(u64),
    /// `recyclable-journal.NNN`: nothing in it is owed to the data file any more.
    RecyclableJournal(u64),
}

impl Role {
    /// The role that a file's name, without folders, gives it; none: no file of a database.
    pub fn of_name(name: &str) -> Option<Self> {
        if let Some(number) = name.strip_suffix(".journal") {
            return number.parse().ok().map(Self::Journal);
        }
        if let Some(number) = name.strip_prefix("recyclable-journal.") {
            return number.parse().ok().map(Self::RecyclableJournal);
        }
        match name {
            "Raven.voron" => Some(Self::Data),
            "headers.one" | "headers.two" => Some(Self::Header),
            _ => None,
        }
    }
}

/// A file as it lies there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Which of the given paths it belongs to.
    pub input: u32,
    /// As people know it.
    pub name: String,
    /// What it is.
    pub role: Role,
    /// Bytes.
    pub length: u64,
}

/// A range of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Read {
    /// Of which.
    pub file: FileId,
    /// Where; what reaches beyond the file's end is left out of the answer.
    pub range: Range<u64>,
}

/// What a runtime read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Piece {
    /// The bytes, with zeros where the device refused.
    pub bytes: Vec<u8>,
    /// Where it refused, in bytes from the piece's beginning, ascending. A runtime that meets an error reads
    /// again page by page, so that one bad sector costs one page.
    pub unreadable: Vec<Range<u64>>,
}

impl From<Vec<u8>> for Piece {
    /// Nothing of it was refused.
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            unreadable: Vec::new(),
        }
    }
}

/// What a task reads with: whoever runs it brings it.
pub trait Reader {
    /// Reads a range; what cannot be read is said in the answer.
    fn read(&mut self, read: &Read) -> Piece;

    /// Takes back a piece that nobody needs any more: the next one may have its room.
    fn take_back(&mut self, _piece: Piece) {}
}
