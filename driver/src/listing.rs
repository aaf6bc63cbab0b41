//! Reads a page of ListObjectVersions in document order.
//!
//! The order of the document is the order in which things were stored, and nothing else tells it: of a marker
//! and a version of one second nobody else knows which came first. The S3 library reads markers and versions
//! into two lists and loses it, so the body is read a second time here.
//!
//! ```text
//! <ListVersionsResult>
//!   <IsTruncated/> <NextKeyMarker/> <NextVersionIdMarker/> <EncodingType/>
//!   <Version>      <Key/> <VersionId/> <LastModified/> <ETag/> <Size/> <StorageClass/>
//!                  <RestoreStatus> <IsRestoreInProgress/> <RestoreExpiryDate/> </RestoreStatus> </Version>
//!   <DeleteMarker> <Key/> <VersionId/> <LastModified/> </DeleteMarker>
//! </ListVersionsResult>
//! ```
//!
//! Deliberately strict: a listing that cannot be read whole is an error, for what is missing from a listing
//! would count as lost.

use std::collections::BTreeMap;

use firedrill_core::object::{Cursor, ETag, Entry, Key, Marker, Version, VersionId, WallTime};
use quick_xml::Reader;
use quick_xml::events::Event;

/// One page, in document order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionListing {
    /// Versions and delete markers as listed.
    pub entries: Vec<(Key, Entry)>,
    /// Where the next page starts; none: this is the last.
    pub next: Option<Cursor>,
}

/// Why a page cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListingError {
    /// It is not well-formed XML, or it ends early.
    #[error("the version listing is not well-formed: {0}")]
    Malformed(String),
    /// It is some other document.
    #[error("the answer is not a version listing but <{0}>")]
    NotAListing(String),
    /// A field is missing.
    #[error("the version listing lacks {0}")]
    Missing(&'static str),
    /// A field has a value that nobody can use.
    #[error("the version listing has {value:?} as {field}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
    },
}

/// Reads the body of an answer to ListObjectVersions.
///
/// # Errors
/// When anything that matters is missing or unreadable; never a part of a page.
pub fn parse_version_listing(body: &str) -> Result<VersionListing, ListingError> {
    let mut document = Document::default();
    let mut reader = Reader::from_str(body);
    loop {
        let event = reader
            .read_event()
            .map_err(|error| ListingError::Malformed(error.to_string()))?;
        match event {
            Event::Start(tag) => document.open(tag.local_name().as_ref())?,
            Event::Empty(tag) => {
                document.open(tag.local_name().as_ref())?;
                document.close()?;
            }
            Event::End(_) => document.close()?,
            Event::Text(text) => document.text.push_str(&text.xml10_content()),
            Event::CData(text) => document.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => document.refer(&reference)?,
            Event::Eof => break,
            Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    document.finish()
}

/// Fields of one element, by their path below it.
type Fields = BTreeMap<String, String>;

/// What has been read so far.
#[derive(Debug, Default)]
struct Document {
    /// Names of the open elements, outermost first.
    open: Vec<String>,
    /// Text of the innermost open element.
    text: String,
    /// Fields of the page itself.
    page: Fields,
    /// Fields of the entry that is open.
    entry: Fields,
    /// Entries, with whether each is a delete marker.
    entries: Vec<(bool, Fields)>,
    /// The root element was seen and closed.
    closed: bool,
}

impl Document {
    fn open(&mut self, name: &str) -> Result<(), ListingError> {
        if self.open.is_empty() && name != "ListVersionsResult" {
            return Err(ListingError::NotAListing(name.to_owned()));
        }
        self.open.push(name.to_owned());
        self.text.clear();
        Ok(())
    }

    fn close(&mut self) -> Result<(), ListingError> {
        let text = std::mem::take(&mut self.text);
        match self.open.get(1..).unwrap_or_default() {
            [] => self.closed = true,
            [entry] if entry == "Version" || entry == "DeleteMarker" => {
                let marker = entry == "DeleteMarker";
                self.entries.push((marker, std::mem::take(&mut self.entry)));
            }
            [field] => {
                self.page.insert(field.clone(), text);
            }
            [entry, path @ ..] if entry == "Version" || entry == "DeleteMarker" => {
                self.entry.insert(path.join("/"), text);
            }
            // Common prefixes and whatever else S3 may add.
            _ => {}
        }
        self.open
            .pop()
            .map(drop)
            .ok_or_else(|| ListingError::Malformed("an end without a start".to_owned()))
    }

    fn refer(&mut self, reference: &quick_xml::events::BytesRef<'_>) -> Result<(), ListingError> {
        let malformed = |what: &str| ListingError::Malformed(format!("the reference &{what};"));
        let name = reference.xml10_content();
        let character = match reference.resolve_char_ref() {
            Ok(Some(character)) => character,
            Ok(None) => match &*name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                other => return Err(malformed(other)),
            },
            Err(_) => return Err(malformed(&name)),
        };
        self.text.push(character);
        Ok(())
    }

    fn finish(self) -> Result<VersionListing, ListingError> {
        if !self.closed || !self.open.is_empty() {
            return Err(ListingError::Malformed("it ends early".to_owned()));
        }
        let encoded = match self.page.get("EncodingType").map(String::as_str) {
            Some("url") => true,
            None | Some("") => false,
            Some(other) => return Err(invalid("EncodingType", other)),
        };
        let mut entries = Vec::with_capacity(self.entries.len());
        for (marker, fields) in &self.entries {
            entries.push(entry(*marker, fields, encoded)?);
        }
        let next = match field(&self.page, "IsTruncated")? {
            "true" => Some(next(&self.page, entries.last(), encoded)?),
            "false" => None,
            other => return Err(invalid("IsTruncated", other)),
        };
        Ok(VersionListing { entries, next })
    }
}

/// Where the next page starts: as the page says, or else behind its last entry.
fn next(page: &Fields, last: Option<&(Key, Entry)>, encoded: bool) -> Result<Cursor, ListingError> {
    match (page.get("NextKeyMarker"), last) {
        (Some(key), _) if !key.is_empty() => Ok(Cursor {
            key: key_of(key, encoded)?,
            version: page
                .get("NextVersionIdMarker")
                .filter(|id| !id.is_empty())
                .map(|id| VersionId::from(id.as_str())),
        }),
        (_, Some((key, entry))) => Ok(Cursor {
            key: key.clone(),
            version: Some(entry.id().clone()),
        }),
        (_, None) => Err(ListingError::Missing("NextKeyMarker")),
    }
}

fn entry(marker: bool, fields: &Fields, encoded: bool) -> Result<(Key, Entry), ListingError> {
    let key = key_of(field(fields, "Key")?, encoded)?;
    let id = VersionId::from(field(fields, "VersionId")?);
    let stamp = field(fields, "LastModified")?;
    let last_modified =
        WallTime::parse_rfc3339(stamp).ok_or_else(|| invalid("LastModified", stamp))?;
    if marker {
        return Ok((key, Entry::Marker(Marker { id, last_modified })));
    }
    let size = field(fields, "Size")?;
    let version = Version {
        id,
        size: size.parse().map_err(|_| invalid("Size", size))?,
        etag: ETag::from(field(fields, "ETag")?),
        last_modified,
        archived: is_archived(fields),
    };
    Ok((key, Entry::Version(version)))
}

/// "Objects in the S3 Glacier Flexible Retrieval and S3 Glacier Deep Archive storage classes are archived
/// and not available for real-time access" (S3 user guide); a restored copy has an expiry date and is no
/// longer in progress (ListObjectVersions, RestoreStatus). Archive tiers of Intelligent-Tiering are not in a
/// listing: reading one answers InvalidObjectState.
fn is_archived(fields: &Fields) -> bool {
    let class = fields.get("StorageClass").map(String::as_str);
    let in_progress = fields.get("RestoreStatus/IsRestoreInProgress");
    let restored = fields.contains_key("RestoreStatus/RestoreExpiryDate")
        && in_progress.is_none_or(|value| value != "true");
    matches!(class, Some("GLACIER" | "DEEP_ARCHIVE")) && !restored
}

fn field<'a>(fields: &'a Fields, name: &'static str) -> Result<&'a str, ListingError> {
    fields
        .get(name)
        .map(String::as_str)
        .ok_or(ListingError::Missing(name))
}

fn invalid(field: &'static str, value: &str) -> ListingError {
    ListingError::Invalid {
        field,
        value: value.to_owned(),
    }
}

fn key_of(text: &str, encoded: bool) -> Result<Key, ListingError> {
    if !encoded {
        return Ok(Key::from(text));
    }
    url_decoded(text)
        .map(Key::from)
        .ok_or_else(|| invalid("Key", text))
}

/// Undoes `encoding-type=url`, in which a space is a plus sign and a plus sign is `%2B`.
fn url_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let high = char::from(*rest.next()?).to_digit(16)?;
                let low = char::from(*rest.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).expect("two hexadecimal digits make one byte")
            }
            other => *other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
