//! What the writer knows of what it wrote: enough to judge whoever reads it, and nothing that was read back
//! through the format.
//!
//! Deliberately not here: what a reader ought to say. That follows from the truth and the damage, and is the
//! judge's business.

use std::ops::Range;

/// Everything that was ever written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Truth {
    /// Rows of all tables, in the order in which they were written.
    pub records: Vec<Record>,
    /// Contents of attachments, in the order in which they were written.
    pub attachments: Vec<AttachmentContent>,
    /// Contents of streams that are no attachments: they have no tag.
    pub files: Vec<AttachmentContent>,
    /// Dictionaries.
    pub dictionaries: Vec<Dictionary>,
    /// Transactions, in order.
    pub transactions: Vec<Transaction>,
    /// What each page of the data file is.
    pub file_pages: Vec<PageUse>,
    /// What each page is once the journals were applied.
    pub pages: Vec<PageUse>,
    /// The last transaction that is in the data file.
    pub applied: u64,
    /// The last transaction that the header says is in the data file.
    pub synced: u64,
}

/// What a page is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageUse {
    /// All zero.
    Unwritten,
    /// A header, a valid checksum, and nothing else.
    Empty,
    /// Given back: it holds what it held.
    Free {
        /// What it was.
        was: Box<PageUse>,
    },
    /// First page of a section.
    Section {
        /// Table.
        table: String,
    },
    /// Entries of a table.
    Rows {
        /// Table.
        table: String,
    },
    /// Part of the run of a large value.
    Run {
        /// Table.
        table: String,
    },
    /// Part of the run of a stream.
    Stream {
        /// Name of the content.
        hash: String,
    },
    /// Leaf or branch of a tree.
    Tree {
        /// Its name.
        name: String,
    },
    /// Part of the run of a value of a tree.
    TreeValue {
        /// The tree's name.
        name: String,
    },
}

/// Which kind of table a record is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A document.
    Document,
    /// A revision.
    Revision,
    /// A conflict.
    Conflict,
    /// A counter group.
    CounterGroup,
    /// A time series segment.
    TimeSeries,
    /// Statistics of a time series.
    TimeSeriesStatistics,
    /// A range that was deleted from a time series.
    DeletedRange,
    /// A tombstone.
    Tombstone,
    /// Metadata of an attachment.
    Attachment,
    /// Name of a collection.
    Collection,
}

/// What became of a record after all operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is the row under its key.
    Live,
    /// Another row took its place.
    Older,
    /// It was deleted, and a tombstone says so.
    Deleted,
    /// It was deleted, and nothing says so: conflicts that were settled, tombstones that were cleaned up.
    Gone,
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Kind of its table.
    pub kind: Kind,
    /// Its table.
    pub table: String,
    /// Its key in the table's key tree.
    pub key: Vec<u8>,
    /// Lower id of the document that it belongs to, if it belongs to one.
    pub document: Option<String>,
    /// Its etag, where its table has them; 0 otherwise.
    pub etag: i64,
    /// What became of it.
    pub state: State,
    /// Its columns as they were before compression.
    pub columns: Vec<Vec<u8>>,
    /// What it says.
    pub content: Content,
    /// Number of the dictionary that it is compressed with, 0 for none; nothing when it is not compressed.
    pub compressed: Option<u32>,
    /// Where it has lain, in order. Entries move when their page is tidied up.
    pub places: Vec<Place>,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The columns say it all.
    Columns,
    /// A document as text.
    Json(String),
    /// A group's counters: name, total; nothing for a deleted one.
    Counters(Vec<(String, Option<i64>)>),
    /// A segment's entries.
    Entries(Vec<Entry>),
}

/// An entry of a time series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds since the start of year 1.
    pub time_ms: i64,
    /// Bits of its values; absent ones of a narrow entry are NaN.
    pub value_bits: Vec<u64>,
    /// Its tag.
    pub tag: Option<String>,
    /// Whether it was not deleted.
    pub live: bool,
}

/// Where bytes lay, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// First page.
    pub page: u64,
    /// Pages that it touches.
    pub pages: u64,
    /// Where the bytes begin in the first page: of an entry at its value, behind its two sizes; 64 in a run.
    pub offset: usize,
    /// The bytes as stored.
    pub stored: Vec<u8>,
    /// Which of them no checksum covers.
    pub unhashed: Range<usize>,
    /// The transaction that wrote it.
    pub written: u64,
    /// The transaction that gave up the place, if one did. The bytes may be there still.
    pub released: Option<u64>,
    /// The transaction after which the bytes were not whole any more, if there is one.
    pub overwritten: Option<u64>,
    /// The transactions whose page images, on their own, hold the bytes; only those still in a journal.
    pub images: Vec<u64>,
    /// Whether the bytes lie whole in the data file.
    pub in_file: bool,
}

/// An attachment's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentContent {
    /// Its name: base64 of its BLAKE2b-256.
    pub hash: String,
    /// What is written behind it: the key of the attachment that came first.
    pub tag: Vec<u8>,
    /// The bytes.
    pub content: Vec<u8>,
    /// Whether an attachment has it.
    pub live: bool,
    /// Runs that it lies in, in order, the stored bytes with the tag; none of an inline one.
    pub chunks: Vec<Place>,
    /// The leaf that an inline one lies in once the journals were applied.
    pub inline_page: Option<u64>,
    /// The leaf that an inline one lies in in the data file.
    pub inline_page_in_file: Option<u64>,
}

/// A dictionary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dictionary {
    /// Its number.
    pub number: u32,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The run that it lies in, if it is too large for a leaf.
    pub run: Option<Place>,
    /// The leaf that holds it, or names its run, once the journals were applied.
    pub leaf: u64,
    /// The same in the data file; none if it is not in it.
    pub leaf_in_file: Option<u64>,
}

/// A transaction as it was written to a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its number.
    pub number: u64,
    /// Number of the journal that it was written to.
    pub journal: u64,
    /// Where in the journal's file.
    pub offset: usize,
    /// Bytes, header included.
    pub length: usize,
    /// The pages and runs that it holds.
    pub pages: Vec<TransactionPage>,
    /// Name of the file that still holds it whole; none if it was overwritten or its journal is gone.
    pub file: Option<String>,
}

/// A page or run of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionPage {
    /// First page.
    pub page: u64,
    /// Pages.
    pub pages: u64,
    /// How it is written.
    pub form: PageForm,
}

/// How a transaction writes a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageForm {
    /// As a whole.
    Image,
    /// As differences from zeros.
    FromZeros,
    /// As differences from what was there.
    Difference,
    /// Not at all: nothing changed.
    Unchanged,
}

impl Truth {
    /// Records that are rows after all operations.
    pub fn live(&self) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(|record| record.state == State::Live)
    }
}

impl Record {
    /// Where it lies, if it is a row.
    pub fn place(&self) -> Option<&Place> {
        self.places.last().filter(|place| place.released.is_none())
    }
}

impl Place {
    /// Whether the bytes lie whole in this image of the data file.
    pub(super) fn is_in(&self, file: &[u8]) -> bool {
        let at = self.page as usize * super::bytes::PAGE_SIZE + self.offset;
        file.get(at..at + self.stored.len()) == Some(&self.stored[..])
    }
}
