//! Counters: groups of them (key, etag, change vector, blittable, collection, transaction marker), and the
//! rows of 4.1 (key, name, etag, value, change vector, collection, transaction marker), one for each counter
//! and database.
//!
//! A group's key is the document's id in lower case, a separator, and either nothing or a name that only
//! orders the groups. The rows of 4.1 are from the source alone: no file with such rows was seen.

use crate::voron::counters::Counters;
use crate::voron::table::TableValue;
use crate::voron::text::utf8;
use crate::voron::unreadable::Unreadable;

use super::columns::split;

/// Some of one document's counters.
#[derive(Debug, Clone, Copy)]
pub struct CounterGroup<'a> {
    /// Document id, separator, and what orders the groups.
    pub key: &'a [u8],
    /// The document's id in lower case.
    pub document_id: &'a str,
    /// Rises with every write.
    pub etag: i64,
    /// Which writes it knows of.
    pub change_vector: &'a str,
    /// The counters, checked.
    pub counters: Counters<'a>,
    /// The document's collection.
    pub collection: &'a str,
    /// The transaction that wrote it.
    pub transaction_marker: i16,
}

impl<'a> CounterGroup<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[6])?;
        let key = value.raw(0);
        let Some((document_id, group)) = split(key) else {
            return value.fail(0, "a key without a separator");
        };
        utf8(group, value.position(0))?;
        Ok(Self {
            key,
            document_id: utf8(document_id, value.position(0))?,
            etag: value.etag(1)?,
            change_vector: value.change_vector(2)?,
            collection: value.lazy(4)?.text,
            transaction_marker: value.marker(5)?,
            counters: Counters::read(value.document(3)?)?,
        })
    }
}

/// One database's part of one counter, as 4.1 stored it.
#[derive(Debug, Clone, Copy)]
pub struct LegacyCounter<'a> {
    /// Document id, separator, lower name, separator, database id.
    pub key: &'a [u8],
    /// The document's id in lower case.
    pub document_id: &'a str,
    /// The counter's name as it was given.
    pub name: &'a str,
    /// Rises with every write.
    pub etag: i64,
    /// What that database has counted.
    pub value: i64,
    /// Which writes it knows of.
    pub change_vector: &'a str,
    /// The document's collection.
    pub collection: &'a str,
}

impl<'a> LegacyCounter<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[7])?;
        let key = value.raw(0);
        let Some((document_id, rest)) = split(key) else {
            return value.fail(0, "a key without a separator");
        };
        if split(rest).is_none() {
            return value.fail(0, "a key without a separator");
        }
        value.marker(6)?;
        Ok(Self {
            key,
            document_id: utf8(document_id, value.position(0))?,
            name: value.lazy(1)?.text,
            etag: value.etag(2)?,
            value: value.integer(3)?,
            change_vector: value.change_vector(4)?,
            collection: value.lazy(5)?.text,
        })
    }
}
