//! The columns of each table, and the keys that they are found under.
//!
//! Integers of columns are little-endian, but etags, the baseline in a key, the swapped time of a revision
//! and the start in a series' statistics, which are big-endian so that they sort.

use super::bytes::{base64, blake2b_128, joined, lazy_string, lower};
use super::specification::Flavour;

/// Flags of documents and revisions.
pub(super) mod flags {
    pub(crate) const HAS_REVISIONS: i32 = 2;
    pub(crate) const REVISION: i32 = 0x20;
    pub(crate) const HAS_ATTACHMENTS: i32 = 0x100;
    pub(crate) const CONFLICTED: i32 = 0x400;
    pub(crate) const HAS_COUNTERS: i32 = 0x800;
    pub(crate) const HAS_TIME_SERIES: i32 = 0x4000;
}

/// What the rows of one moment have in common.
#[derive(Debug, Clone)]
pub(super) struct Stamp {
    pub(super) etag: i64,
    pub(super) change_vector: String,
    pub(super) ticks: i64,
    pub(super) marker: i16,
}

impl Stamp {
    fn etag(&self) -> Vec<u8> {
        self.etag.to_be_bytes().to_vec()
    }

    fn change_vector(&self) -> Vec<u8> {
        self.change_vector.clone().into_bytes()
    }

    fn ticks(&self) -> Vec<u8> {
        self.ticks.to_le_bytes().to_vec()
    }

    fn marker(&self) -> Vec<u8> {
        self.marker.to_le_bytes().to_vec()
    }
}

fn int(number: i32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

fn long(number: i64) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

pub(super) fn document(id: &str, data: Vec<u8>, flags: i32, stamp: &Stamp) -> Vec<Vec<u8>> {
    vec![
        lower(id).into_bytes(),
        stamp.etag(),
        lazy_string(id),
        data,
        stamp.change_vector(),
        stamp.ticks(),
        int(flags),
        stamp.marker(),
    ]
}

pub(super) fn revision(
    flavour: Flavour,
    id: &str,
    data: Vec<u8>,
    flags: i32,
    stamp: &Stamp,
) -> Vec<Vec<u8>> {
    let mut columns = vec![
        revision_key(flavour, &stamp.change_vector),
        lower(id).into_bytes(),
        vec![super::bytes::SEPARATOR],
        stamp.etag(),
        lazy_string(id),
        data,
        int(flags),
        long(0),
        stamp.ticks(),
        stamp.marker(),
        int(0),
        stamp.ticks.to_be_bytes().to_vec(),
    ];
    if flavour == Flavour::V7_2 {
        columns.push(stamp.change_vector());
    }
    columns
}

/// What a revision is found under: its change vector, in 7.2 a hash of it.
pub(super) fn revision_key(flavour: Flavour, change_vector: &str) -> Vec<u8> {
    if flavour == Flavour::V5 {
        return change_vector.as_bytes().to_vec();
    }
    let mut entries: Vec<(&str, i64)> = change_vector.split(", ").map(entry).collect();
    entries.sort_unstable();
    let mut sum = 0u16;
    let mut hashed = Vec::new();
    for (database, etag) in entries {
        sum = sum.wrapping_add(etag as u16);
        hashed.extend_from_slice(&etag.to_le_bytes());
        hashed.extend(database.encode_utf16().flat_map(u16::to_le_bytes));
    }
    let mut key = sum.to_be_bytes().to_vec();
    key.extend_from_slice(&blake2b_128(&hashed));
    base64(&key).into_bytes()
}

/// Database id and etag of an entry `A:1-id` of a change vector.
fn entry(entry: &str) -> (&str, i64) {
    let behind_tag = entry.split_once(':').map_or(entry, |(_, rest)| rest);
    let (etag, database) = behind_tag.split_once('-').unwrap_or((behind_tag, ""));
    (database, etag.parse().unwrap_or(0))
}

pub(super) fn conflict(
    id: &str,
    collection: &str,
    data: Vec<u8>,
    flags: i32,
    stamp: &Stamp,
) -> Vec<Vec<u8>> {
    vec![
        lower(id).into_bytes(),
        vec![super::bytes::SEPARATOR],
        stamp.change_vector(),
        lazy_string(id),
        data,
        stamp.etag(),
        lazy_string(collection),
        stamp.ticks(),
        int(flags),
    ]
}

/// What a tombstone stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Buried {
    Document = 1,
    Attachment = 2,
    Revision = 3,
}

/// A tombstone; `revision` is the change vector of a revision or of the one that an attachment was of.
pub(super) fn tombstone(
    flavour: Flavour,
    key: Vec<u8>,
    buried: Buried,
    deleted_etag: i64,
    collection: &str,
    revision: Option<&str>,
    stamp: &Stamp,
) -> Vec<Vec<u8>> {
    let collection = match buried {
        Buried::Attachment => Vec::new(),
        Buried::Document | Buried::Revision => lazy_string(collection),
    };
    let mut columns = vec![
        key,
        stamp.etag(),
        deleted_etag.to_be_bytes().to_vec(),
        stamp.marker(),
        vec![buried as u8],
        collection,
        int(0),
        stamp.change_vector(),
        stamp.ticks(),
    ];
    if let (Flavour::V7_2, Some(change_vector)) = (flavour, revision) {
        columns.push(change_vector.as_bytes().to_vec());
    }
    columns
}

/// Key of an attachment, and the tag of its content: of a document, or of the revision of this key.
pub(super) fn attachment_key(
    id: &str,
    revision: Option<&[u8]>,
    name: &str,
    hash: &str,
    content_type: &str,
) -> Vec<u8> {
    let (id, name) = (lower(id), lower(name));
    let rest = [name.as_bytes(), hash.as_bytes(), content_type.as_bytes()];
    match revision {
        None => joined(&[&[id.as_bytes(), b"d"], &rest[..]].concat()),
        Some(key) => joined(&[&[id.as_bytes(), b"r", key], &rest[..]].concat()),
    }
}

/// An attachment as its row says it.
#[derive(Debug, Clone)]
pub(super) struct AttachmentRow<'a> {
    pub(super) key: Vec<u8>,
    pub(super) name: &'a str,
    pub(super) content_type: &'a str,
    pub(super) hash: &'a str,
    pub(super) size: usize,
    /// Change vector of the revision that it is of.
    pub(super) revision: Option<&'a str>,
}

pub(super) fn attachment(flavour: Flavour, row: AttachmentRow<'_>, stamp: &Stamp) -> Vec<Vec<u8>> {
    let mut columns = vec![
        row.key,
        stamp.etag(),
        lazy_string(row.name),
        lazy_string(row.content_type),
        row.hash.as_bytes().to_vec(),
        stamp.marker(),
        stamp.change_vector(),
    ];
    if flavour == Flavour::V7_2 {
        columns.extend([long(row.size as i64), int(0), long(-1), Vec::new()]);
        columns.extend(row.revision.map(|cv| cv.as_bytes().to_vec()));
    }
    columns
}

pub(super) fn counters(id: &str, data: Vec<u8>, collection: &str, stamp: &Stamp) -> Vec<Vec<u8>> {
    vec![
        joined(&[lower(id).as_bytes(), b""]),
        stamp.etag(),
        stamp.change_vector(),
        data,
        lazy_string(collection),
        stamp.marker(),
    ]
}

/// What a series' rows are found under: lower id and name; of a segment its baseline, too.
pub(super) fn series_key(id: &str, name: &str, tail: Option<[u8; 8]>) -> Vec<u8> {
    let (id, name) = (lower(id), lower(name));
    let mut parts: Vec<&[u8]> = vec![id.as_bytes(), name.as_bytes()];
    parts.extend(tail.as_ref().map(<[u8; 8]>::as_slice));
    joined(&parts)
}

pub(super) fn time_series(
    key: Vec<u8>,
    segment: Vec<u8>,
    collection: &str,
    stamp: &Stamp,
) -> Vec<Vec<u8>> {
    vec![
        key,
        stamp.etag(),
        stamp.change_vector(),
        segment,
        lazy_string(collection),
        stamp.marker(),
    ]
}

/// A series as its statistics say it; times in ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeriesStatistics<'a> {
    pub(super) name: &'a str,
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) live: i64,
}

pub(super) fn time_series_statistics(
    flavour: Flavour,
    key: Vec<u8>,
    statistics: SeriesStatistics<'_>,
    stamp: &Stamp,
) -> Vec<Vec<u8>> {
    let mut columns = vec![
        key,
        joined(&[b"rawpolicy", b""]),
        statistics.start.to_be_bytes().to_vec(),
        long(statistics.end),
        long(statistics.live),
        statistics.name.as_bytes().to_vec(),
    ];
    if flavour == Flavour::V7_2 {
        columns.push(stamp.change_vector());
    }
    columns
}

pub(super) fn deleted_range(
    key: Vec<u8>,
    collection: &str,
    from: i64,
    to: i64,
    stamp: &Stamp,
) -> Vec<Vec<u8>> {
    vec![
        key,
        stamp.etag(),
        stamp.change_vector(),
        lazy_string(collection),
        stamp.marker(),
        long(from),
        long(to),
    ]
}
