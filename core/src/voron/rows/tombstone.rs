//! A tombstone: key, etag, etag of what was deleted, transaction marker, kind, collection, flags, change
//! vector, last modified; since 7.2 the revision's change vector on those of revisions.

use crate::voron::table::TableValue;
use crate::voron::text::{LazyString, Ticks};
use crate::voron::unreadable::Unreadable;

use super::Flags;

/// What was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TombstoneKind {
    /// A document.
    Document,
    /// An attachment.
    Attachment,
    /// A revision.
    Revision,
    /// A counter.
    Counter,
}

/// That something was deleted.
#[derive(Debug, Clone, Copy)]
pub struct Tombstone<'a> {
    /// The key of what was deleted: the lower id; of a revision lower id, separator, the revision's key.
    pub key: &'a str,
    /// Rises with every write.
    pub etag: i64,
    /// Etag of what was deleted.
    pub deleted_etag: i64,
    /// The transaction that wrote it.
    pub transaction_marker: i16,
    /// What was deleted.
    pub kind: TombstoneKind,
    /// The document's collection; empty for attachments.
    pub collection: &'a str,
    /// The document's flags.
    pub flags: Flags,
    /// Which writes the deletion knows of.
    pub change_vector: &'a str,
    /// When it was deleted.
    pub last_modified: Ticks,
    /// The change vector of the revision that was deleted, since 7.2.
    pub revision_change_vector: Option<&'a str>,
}

impl<'a> Tombstone<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[9, 10])?;
        let kind = match value.raw(4) {
            [1] => TombstoneKind::Document,
            [2] => TombstoneKind::Attachment,
            [3] => TombstoneKind::Revision,
            [4] => TombstoneKind::Counter,
            _ => return value.fail(4, "a tombstone of no known kind"),
        };
        let collection = match value.raw(5) {
            [] => "",
            bytes => LazyString::whole(bytes)?.text,
        };
        Ok(Self {
            key: value.some_text(0)?,
            etag: value.etag(1)?,
            deleted_etag: i64::from_be_bytes(value.array(2)?),
            transaction_marker: value.marker(3)?,
            kind,
            collection,
            flags: value.flags(6)?,
            change_vector: value.change_vector(7)?,
            last_modified: value.ticks(8)?,
            revision_change_vector: match value.columns() {
                10 => Some(value.change_vector(9)?),
                _ => None,
            },
        })
    }
}
