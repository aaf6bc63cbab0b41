//! A revision: change vector, lower id, separator, etag, id, blittable, flags, etag when deleted, last
//! modified, transaction marker, resolved, last modified once more in the other byte order.
//!
//! Since 7.2 column 0 is a key made of the change vector (`revision_key`), and the change vector is column 12.

use crate::drill::planted;
use crate::voron::blittable::Blittable;
use crate::voron::revision_key;
use crate::voron::table::TableValue;
use crate::voron::text::Ticks;
use crate::voron::unreadable::Unreadable;

use super::Flags;

/// One version of a document.
#[derive(Debug, Clone, Copy)]
pub struct Revision<'a> {
    /// The key: the change vector, or what 7.2 makes of it.
    pub key: &'a str,
    /// Which writes it knows of.
    pub change_vector: &'a str,
    /// Whether 7.2 wrote the row, with 13 columns.
    pub is_hashed: bool,
    /// The document's id in lower case.
    pub lower_id: &'a str,
    /// Rises with every write.
    pub etag: i64,
    /// The document's id as it was given.
    pub id: &'a str,
    /// What it held, checked.
    pub data: Blittable<'a>,
    /// What it had and where it is from.
    pub flags: Flags,
    /// Etag of the deletion that it stands for, big-endian like all etags; 0 otherwise.
    pub deleted_etag: i64,
    /// When it was written.
    pub last_modified: Ticks,
    /// The transaction that wrote it.
    pub transaction_marker: i16,
    /// Whether it resolved a conflict.
    pub resolved: i32,
}

impl<'a> Revision<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[12, 13])?;
        let is_hashed = value.columns() == 13;
        let change_vector = value.change_vector(if is_hashed { 12 } else { 0 })?;
        let key = value.some_text(0)?;
        if is_hashed && !revision_key::matches(key, change_vector) {
            return value.fail(0, "a key that its change vector does not make");
        }
        value.separator(2)?;
        let (lower_id, id) = value.ids(1, 4)?;
        let last_modified = value.ticks(8)?;
        if value.array(11)? != last_modified.get().to_be_bytes() {
            return value.fail(11, "two times of one change that differ");
        }
        Ok(Self {
            key,
            change_vector: if planted("SA-14") { key } else { change_vector },
            is_hashed,
            lower_id,
            etag: value.etag(3)?,
            id,
            flags: value.flags(6)?,
            deleted_etag: i64::from_be_bytes(value.array(7)?),
            last_modified,
            transaction_marker: value.marker(9)?,
            resolved: i32::from_le_bytes(value.array(10)?),
            data: value.document(5)?,
        })
    }

    /// The collection that the revision's metadata names.
    pub fn collection(&self) -> Option<&'a str> {
        self.data.object()?.object("@metadata")?.text("@collection")
    }
}
