//! An attachment's metadata: key, etag, name, content type, hash, transaction marker, change vector; since
//! 7.2 size, flags, time of the move to remote storage, identifier of that storage; on what 7.2 itself wrote
//! for revisions the revision's change vector.
//!
//! ```text
//! key   lower document id │ d │ lower name │ hash │ content type                    │ is 0x1e
//!       lower document id │ r │ revision key │ lower name │ hash │ content type
//! ```
//!
//! Of the flags, 0 is local and 1 remote. Remote is from the source: no sample has one.

use crate::voron::table::TableValue;
use crate::voron::text::{Ticks, is_lower_of, unescaped};
use crate::voron::unreadable::Unreadable;

use super::SEPARATOR;

/// What an attachment belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachmentOwner<'a> {
    /// A live document.
    Document,
    /// A revision, by its key.
    Revision(&'a str),
}

/// The parts of an attachment's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentKey<'a> {
    /// The document's id in lower case.
    pub document_id: &'a str,
    /// What it belongs to.
    pub owner: AttachmentOwner<'a>,
    /// The attachment's name in lower case.
    pub lower_name: &'a str,
    /// Base64 of the content's BLAKE2b-256.
    pub hash: &'a str,
    /// The content type in lower case.
    pub content_type: &'a str,
}

impl<'a> AttachmentKey<'a> {
    /// Splits a key.
    pub fn parse(key: &'a str) -> Option<Self> {
        let mut parts = key.splitn(3, char::from(SEPARATOR));
        let (document_id, kind, rest) = (parts.next()?, parts.next()?, parts.next()?);
        let (owner, rest) = match kind {
            "d" => (AttachmentOwner::Document, rest),
            "r" => {
                let (revision, rest) = rest.split_once(char::from(SEPARATOR))?;
                (AttachmentOwner::Revision(revision), rest)
            }
            _ => return None,
        };
        let mut parts = rest.splitn(3, char::from(SEPARATOR));
        let (lower_name, hash, content_type) = (parts.next()?, parts.next()?, parts.next()?);
        is_hash(hash).then_some(Self {
            document_id,
            owner,
            lower_name,
            hash,
            content_type,
        })
    }
}

/// What 7.2 notes besides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemotePart<'a> {
    /// Bytes of content.
    pub size: i64,
    /// Whether the content is in remote storage and not in the file.
    pub is_remote: bool,
    /// When it moves or moved there.
    pub at: Option<Ticks>,
    /// Which storage that is; empty where it is local.
    pub identifier: &'a str,
    /// The revision's change vector, on attachments of revisions that 7.2 wrote.
    pub revision_change_vector: Option<&'a str>,
}

/// That a document or a revision has an attachment.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// The whole key.
    pub key: &'a str,
    /// Its parts.
    pub parts: AttachmentKey<'a>,
    /// Rises with every write.
    pub etag: i64,
    /// The name as it was given.
    pub name: &'a str,
    /// The content type as it was given.
    pub content_type: &'a str,
    /// Base64 of the content's BLAKE2b-256.
    pub hash: &'a str,
    /// The transaction that wrote it.
    pub transaction_marker: i16,
    /// Which writes it knows of.
    pub change_vector: &'a str,
    /// What 7.2 notes besides.
    pub remote: Option<RemotePart<'a>>,
}

impl<'a> Attachment<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[7, 11, 12])?;
        let key = value.some_text(0)?;
        let Some(parts) = AttachmentKey::parse(key) else {
            return value.fail(0, "a key of an attachment without its parts");
        };
        let name = value.lazy(2)?.text;
        if !is_lower_of(&unescaped(parts.lower_name), &unescaped(name)) {
            return value.fail(2, "a name that is not the key's");
        }
        let hash = value.text(4)?;
        if hash != parts.hash {
            return value.fail(4, "a hash that is not the key's");
        }
        Ok(Self {
            key,
            parts,
            etag: value.etag(1)?,
            name,
            content_type: value.lazy(3)?.text,
            hash,
            transaction_marker: value.marker(5)?,
            change_vector: value.change_vector(6)?,
            remote: match value.columns() {
                7 => None,
                _ => Some(RemotePart::read(value)?),
            },
        })
    }
}

impl<'a> RemotePart<'a> {
    fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        let size = value.integer(7)?;
        if size < 0 {
            return value.fail(7, "an attachment of negative size");
        }
        let is_remote = match i32::from_le_bytes(value.array(8)?) {
            0 => false,
            1 => true,
            _ => return value.fail(8, "an attachment neither local nor remote"),
        };
        let at = match value.integer(9)? {
            -1 => None,
            _ => Some(value.ticks(9)?),
        };
        Ok(Self {
            size,
            is_remote,
            at,
            identifier: match value.raw(10) {
                [] => "",
                _ => value.lazy(10)?.text,
            },
            revision_change_vector: match value.columns() {
                12 => Some(value.change_vector(11)?),
                _ => None,
            },
        })
    }
}

/// 32 bytes in base64.
fn is_hash(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    text.len() == 44
        && text
            .strip_suffix('=')
            .is_some_and(|digits| digits.bytes().all(is_digit))
}
