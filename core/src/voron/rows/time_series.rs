//! Time series: segments, one row of statistics for each series, and what was deleted.
//!
//! ```text
//! segment        key, etag, change vector, segment, collection, transaction marker
//!                key: lower document id │ 0x1e │ lower name │ 0x1e │ i64 big-endian, ms since the year 1
//! statistics     key, policy, start (ticks, big-endian), end (ticks), live entries, name; 7.2: change vector
//! deleted range  key, etag, change vector, collection, transaction marker, from (ticks), to (ticks), both included
//!                key: lower document id │ 0x1e │ lower name │ 0x1e │ XXH64 of the change vector, or the etag (5.2)
//! ```
//!
//! The eight bytes at the end of a key may contain a separator: they come off first.

use crate::voron::table::TableValue;
use crate::voron::text::{TICKS_MAX, TICKS_PER_MILLISECOND, Ticks, utf8};
use crate::voron::unreadable::Unreadable;

use super::SEPARATOR;
use super::columns::split;

/// One segment of a series.
#[derive(Debug, Clone, Copy)]
pub struct TimeSeries<'a> {
    /// Document id, name, baseline.
    pub key: &'a [u8],
    /// The document's id in lower case.
    pub document_id: &'a str,
    /// The series' name in lower case.
    pub name: &'a str,
    /// The time of the first entry, in milliseconds since the year 1.
    pub baseline_ms: i64,
    /// Rises with every write.
    pub etag: i64,
    /// Which writes it knows of; may be empty.
    pub change_vector: &'a str,
    /// The entries, not decoded.
    pub segment: &'a [u8],
    /// The document's collection.
    pub collection: &'a str,
    /// The transaction that wrote it.
    pub transaction_marker: i16,
}

impl<'a> TimeSeries<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[6])?;
        let key = value.raw(0);
        let (document_id, name, last) = series_key(value)?;
        let baseline_ms = i64::from_be_bytes(last);
        if !(0..=TICKS_MAX / TICKS_PER_MILLISECOND).contains(&baseline_ms) {
            return value.fail(0, "a baseline outside the years 1 to 9999");
        }
        Ok(Self {
            key,
            document_id,
            name,
            baseline_ms,
            etag: value.etag(1)?,
            change_vector: value.change_vector(2)?,
            segment: value.raw(3),
            collection: value.lazy(4)?.text,
            transaction_marker: value.marker(5)?,
        })
    }
}

/// What a database notes of a whole series.
#[derive(Debug, Clone, Copy)]
pub struct TimeSeriesStats<'a> {
    /// Document id and name.
    pub key: &'a [u8],
    /// The document's id in lower case.
    pub document_id: &'a str,
    /// The series' name in lower case.
    pub lower_name: &'a str,
    /// The series' name as it was given.
    pub name: &'a str,
    /// The policy that made it, `rawpolicy` for what clients wrote.
    pub policy: &'a str,
    /// The first entry's time.
    pub start: Ticks,
    /// The last entry's time.
    pub end: Ticks,
    /// Live entries.
    pub count: i64,
    /// Which writes it knows of, since 7.2.
    pub change_vector: Option<&'a str>,
}

impl<'a> TimeSeriesStats<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[6, 7])?;
        let key = value.raw(0);
        let Some((document_id, lower_name)) = split(key) else {
            return value.fail(0, "a key without a separator");
        };
        let Some(policy) = value.text(1)?.strip_suffix(char::from(SEPARATOR)) else {
            return value.fail(1, "a policy without a separator");
        };
        let Some(start) = Ticks::new(i64::from_be_bytes(value.array(2)?)) else {
            return value.fail(2, "a time outside the years 1 to 9999");
        };
        let count = value.integer(4)?;
        if count < 0 {
            return value.fail(4, "a negative number of entries");
        }
        Ok(Self {
            key,
            document_id: utf8(document_id, value.position(0))?,
            lower_name: utf8(lower_name, value.position(0))?,
            name: value.text(5)?,
            policy,
            start,
            end: value.ticks(3)?,
            count,
            change_vector: match value.columns() {
                7 => Some(value.change_vector(6)?),
                _ => None,
            },
        })
    }
}

/// A stretch of time whose entries were deleted.
#[derive(Debug, Clone, Copy)]
pub struct DeletedRange<'a> {
    /// Document id, name, eight bytes.
    pub key: &'a [u8],
    /// The document's id in lower case.
    pub document_id: &'a str,
    /// The series' name in lower case.
    pub name: &'a str,
    /// Rises with every write.
    pub etag: i64,
    /// Which writes it knows of.
    pub change_vector: &'a str,
    /// The document's collection.
    pub collection: &'a str,
    /// The first moment that was deleted.
    pub from: Ticks,
    /// The last moment that was deleted.
    pub to: Ticks,
    /// The transaction that wrote it.
    pub transaction_marker: i16,
}

impl<'a> DeletedRange<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[7])?;
        let (document_id, name, _) = series_key(value)?;
        let (from, to) = (value.ticks(5)?, value.ticks(6)?);
        if from > to {
            return value.fail(5, "a range that ends before it begins");
        }
        Ok(Self {
            key: value.raw(0),
            document_id,
            name,
            etag: value.etag(1)?,
            change_vector: value.change_vector(2)?,
            collection: value.lazy(3)?.text,
            transaction_marker: value.marker(4)?,
            from,
            to,
        })
    }
}

/// Document id, name, and the eight bytes behind them.
fn series_key<'a>(value: &TableValue<'a>) -> Result<(&'a str, &'a str, [u8; 8]), Unreadable> {
    let key = value.raw(0);
    let at = value.position(0);
    let split_off = key.split_last_chunk::<8>().and_then(|(front, last)| {
        let names = front.strip_suffix(&[SEPARATOR])?;
        Some((split(names)?, *last))
    });
    let Some(((document_id, name), last)) = split_off else {
        return value.fail(0, "a key of a time series without its parts");
    };
    if document_id.is_empty() || name.contains(&SEPARATOR) {
        return value.fail(0, "a key of a time series without its parts");
    }
    Ok((utf8(document_id, at)?, utf8(name, at)?, last))
}
