//! The rows of RavenDB's tables, read by their number of columns.
//!
//! A row is read without knowing which release wrote it: rows of two formats stand side by side in a
//! database that was upgraded. What tells the table is the type in the page's header, and for the tables of
//! type 0 the hash of the table's name (`owners`).
//!
//! | table | type | columns |
//! |---|---|---|
//! | documents | 1 | 8 |
//! | revisions | 2 | 12; 13 since 7.2 |
//! | conflicts | 3 | 9 |
//! | counters of 4.1 | 4 | 7 |
//! | counter groups | 5 | 6 |
//! | time series | 6 | 6 |
//! | time series stats | 0 | 6; 7 since 7.2 |
//! | deleted ranges of time series | 0 | 7 |
//! | tombstones | 0 | 9; 10 since 7.2 for revisions |
//! | attachments | 0 | 7; 11 or 12 since 7.2 |
//! | collections | 0 | 1 |
//!
//! Invariants: a row that is read is whole: every column has its size, every text is utf-8, every document
//! inside is checked to its last value. Rows borrow from the bytes.
//!
//! Checked on files of 4.2 to 7.2, but for the counters of 4.1.

mod attachment;
mod collection;
mod columns;
mod conflict;
mod counter;
mod document;
mod flags;
mod owners;
mod revision;
mod time_series;
mod tombstone;

pub use attachment::{Attachment, AttachmentKey, AttachmentOwner, RemotePart};
pub use collection::Collection;
pub use conflict::Conflict;
pub use counter::{CounterGroup, LegacyCounter};
pub use document::Document;
pub use flags::Flags;
pub use owners::{Owner, Owners};
pub use revision::Revision;
pub use time_series::{DeletedRange, TimeSeries, TimeSeriesStats};
pub use tombstone::{Tombstone, TombstoneKind};

use super::table::TableValue;
use super::unreadable::{Unreadable, damaged};

/// Separates the parts of a key.
pub const SEPARATOR: u8 = 0x1e;

/// Which table a row belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// What is live.
    Documents,
    /// Earlier and current versions of documents.
    Revisions,
    /// Versions that nobody has chosen from.
    Conflicts,
    /// Counters as 4.1 stored them, one row each.
    LegacyCounters,
    /// Counters, many in one row.
    CounterGroups,
    /// Segments of time series.
    TimeSeries,
    /// One row for each time series.
    TimeSeriesStats,
    /// What was deleted from time series.
    DeletedRanges,
    /// What was deleted.
    Tombstones,
    /// Which document has which attachment.
    Attachments,
    /// Names of collections.
    Collections,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Documents,
        Self::Revisions,
        Self::Conflicts,
        Self::LegacyCounters,
        Self::CounterGroups,
        Self::TimeSeries,
        Self::TimeSeriesStats,
        Self::DeletedRanges,
        Self::Tombstones,
        Self::Attachments,
        Self::Collections,
    ];

    /// The table that a page's header tells; none for 0, which many tables share.
    pub fn of_type(table_type: u8) -> Option<Self> {
        Some(match table_type {
            1 => Self::Documents,
            2 => Self::Revisions,
            3 => Self::Conflicts,
            4 => Self::LegacyCounters,
            5 => Self::CounterGroups,
            6 => Self::TimeSeries,
            _ => return None,
        })
    }
}

/// One row of any table.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "each holds what its name says")]
pub enum Row<'a> {
    Document(Document<'a>),
    Revision(Revision<'a>),
    Conflict(Conflict<'a>),
    LegacyCounter(LegacyCounter<'a>),
    CounterGroup(CounterGroup<'a>),
    TimeSeries(TimeSeries<'a>),
    TimeSeriesStats(TimeSeriesStats<'a>),
    DeletedRange(DeletedRange<'a>),
    Tombstone(Tombstone<'a>),
    Attachment(Attachment<'a>),
    Collection(Collection<'a>),
}

impl<'a> Row<'a> {
    /// Reads a row of a table and checks it.
    pub fn read(table: Table, bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let value = TableValue::read(bytes)?;
        Self::of_value(table, &value)
    }

    /// Reads a row that [`Row::read`] has read before: documents in it are taken as checked. Should the bytes have
    /// changed since, writing them ends in an error, as it does for whatever cannot be written.
    pub fn read_again(table: Table, bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let value = TableValue::read(bytes)?.taken_as_checked();
        Self::of_value(table, &value)
    }

    fn of_value(table: Table, value: &TableValue<'a>) -> Result<Self, Unreadable> {
        Ok(match table {
            Table::Documents => Self::Document(Document::read(value)?),
            Table::Revisions => Self::Revision(Revision::read(value)?),
            Table::Conflicts => Self::Conflict(Conflict::read(value)?),
            Table::LegacyCounters => Self::LegacyCounter(LegacyCounter::read(value)?),
            Table::CounterGroups => Self::CounterGroup(CounterGroup::read(value)?),
            Table::TimeSeries => Self::TimeSeries(TimeSeries::read(value)?),
            Table::TimeSeriesStats => Self::TimeSeriesStats(TimeSeriesStats::read(value)?),
            Table::DeletedRanges => Self::DeletedRange(DeletedRange::read(value)?),
            Table::Tombstones => Self::Tombstone(Tombstone::read(value)?),
            Table::Attachments => Self::Attachment(Attachment::read(value)?),
            Table::Collections => Self::Collection(Collection::read(value)?),
        })
    }

    /// Reads a row of type 0 whose owner is not known: the one table whose every check it passes.
    pub fn recognise(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let value = TableValue::read(bytes)?;
        let candidates: &[Table] = match value.columns() {
            1 => &[Table::Collections],
            6 => &[Table::TimeSeriesStats],
            7 => &[
                Table::Attachments,
                Table::DeletedRanges,
                Table::TimeSeriesStats,
            ],
            9 | 10 => &[Table::Tombstones],
            11 | 12 => &[Table::Attachments],
            _ => &[],
        };
        let mut fitting = candidates
            .iter()
            .filter_map(|table| Self::of_value(*table, &value).ok());
        match (fitting.next(), fitting.next()) {
            (Some(row), None) => Ok(row),
            _ => damaged("a row of no known table", 0),
        }
    }

    /// The row's table.
    pub fn table(&self) -> Table {
        match self {
            Self::Document(_) => Table::Documents,
            Self::Revision(_) => Table::Revisions,
            Self::Conflict(_) => Table::Conflicts,
            Self::LegacyCounter(_) => Table::LegacyCounters,
            Self::CounterGroup(_) => Table::CounterGroups,
            Self::TimeSeries(_) => Table::TimeSeries,
            Self::TimeSeriesStats(_) => Table::TimeSeriesStats,
            Self::DeletedRange(_) => Table::DeletedRanges,
            Self::Tombstone(_) => Table::Tombstones,
            Self::Attachment(_) => Table::Attachments,
            Self::Collection(_) => Table::Collections,
        }
    }

    /// The primary key, byte by byte as the table's key tree has it.
    pub fn key(&self) -> &'a [u8] {
        match self {
            Self::Document(row) => row.lower_id.as_bytes(),
            Self::Revision(row) => row.key.as_bytes(),
            Self::Conflict(row) => row.change_vector.as_bytes(),
            Self::LegacyCounter(row) => row.key,
            Self::CounterGroup(row) => row.key,
            Self::TimeSeries(row) => row.key,
            Self::TimeSeriesStats(row) => row.key,
            Self::DeletedRange(row) => row.key,
            Self::Tombstone(row) => row.key.as_bytes(),
            Self::Attachment(row) => row.key.as_bytes(),
            Self::Collection(row) => row.key,
        }
    }

    /// The etag, where the table has one: it rises with every write to the database.
    pub fn etag(&self) -> Option<i64> {
        match self {
            Self::Document(row) => Some(row.etag),
            Self::Revision(row) => Some(row.etag),
            Self::Conflict(row) => Some(row.etag),
            Self::LegacyCounter(row) => Some(row.etag),
            Self::CounterGroup(row) => Some(row.etag),
            Self::TimeSeries(row) => Some(row.etag),
            Self::DeletedRange(row) => Some(row.etag),
            Self::Tombstone(row) => Some(row.etag),
            Self::Attachment(row) => Some(row.etag),
            Self::TimeSeriesStats(_) | Self::Collection(_) => None,
        }
    }

    /// The change vector, where the row has one.
    pub fn change_vector(&self) -> Option<&'a str> {
        match self {
            Self::Document(row) => Some(row.change_vector),
            Self::Revision(row) => Some(row.change_vector),
            Self::Conflict(row) => Some(row.change_vector),
            Self::LegacyCounter(row) => Some(row.change_vector),
            Self::CounterGroup(row) => Some(row.change_vector),
            Self::TimeSeries(row) => Some(row.change_vector),
            Self::DeletedRange(row) => Some(row.change_vector),
            Self::Tombstone(row) => Some(row.change_vector),
            Self::Attachment(row) => Some(row.change_vector),
            Self::TimeSeriesStats(row) => row.change_vector,
            Self::Collection(_) => None,
        }
    }
}
