//! A document: lower id, etag, id, blittable, change vector, last modified, flags, transaction marker.

use crate::voron::blittable::Blittable;
use crate::voron::table::TableValue;
use crate::voron::text::Ticks;
use crate::voron::unreadable::Unreadable;

use super::Flags;

/// A live document.
#[derive(Debug, Clone, Copy)]
pub struct Document<'a> {
    /// The id in lower case, the key.
    pub lower_id: &'a str,
    /// Rises with every write.
    pub etag: i64,
    /// The id as it was given, control characters as `\u00XX`.
    pub id: &'a str,
    /// What it holds, checked.
    pub data: Blittable<'a>,
    /// Which writes it knows of.
    pub change_vector: &'a str,
    /// When it was written.
    pub last_modified: Ticks,
    /// What it has and where it is from.
    pub flags: Flags,
    /// The transaction that wrote it.
    pub transaction_marker: i16,
}

impl<'a> Document<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[8])?;
        let (lower_id, id) = value.ids(0, 2)?;
        Ok(Self {
            lower_id,
            etag: value.etag(1)?,
            id,
            change_vector: value.change_vector(4)?,
            last_modified: value.ticks(5)?,
            flags: value.flags(6)?,
            transaction_marker: value.marker(7)?,
            data: value.document(3)?,
        })
    }

    /// The collection that the document's metadata names.
    pub fn collection(&self) -> Option<&'a str> {
        self.data.object()?.object("@metadata")?.text("@collection")
    }
}
