//! A conflict: lower id, separator, change vector, id, blittable, etag, collection, last modified, flags.

use crate::voron::blittable::Blittable;
use crate::voron::table::TableValue;
use crate::voron::text::Ticks;
use crate::voron::unreadable::Unreadable;

use super::Flags;

/// One of several versions of a document that nobody has chosen from.
#[derive(Debug, Clone, Copy)]
pub struct Conflict<'a> {
    /// The document's id in lower case.
    pub lower_id: &'a str,
    /// Which writes it knows of: the key.
    pub change_vector: &'a str,
    /// The document's id as it was given.
    pub id: &'a str,
    /// What this version holds, checked; none where this version is a deletion.
    pub data: Option<Blittable<'a>>,
    /// Rises with every write.
    pub etag: i64,
    /// The document's collection.
    pub collection: &'a str,
    /// When this version was written.
    pub last_modified: Ticks,
    /// What it has and where it is from.
    pub flags: Flags,
}

impl<'a> Conflict<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[9])?;
        value.separator(1)?;
        let (lower_id, id) = value.ids(0, 3)?;
        let is_deletion = value.raw(4).is_empty();
        Ok(Self {
            lower_id,
            change_vector: value.change_vector(2)?,
            id,
            data: if is_deletion {
                None
            } else {
                Some(value.document(4)?)
            },
            etag: value.etag(5)?,
            collection: value.lazy(6)?.text,
            last_modified: value.ticks(7)?,
            flags: value.flags(8)?,
        })
    }
}
