//! The list of records: one JSON line for each, with its class and where it came from; with its body where
//! no dump has it.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::voron::export::{self, Dialect};
use crate::voron::rows::Row;

use super::extract::Found;
use super::record::{Class, Kind, Trust};

/// A record as a line has it.
#[derive(Serialize)]
struct Line<'a> {
    kind: Kind,
    class: Class,
    /// The primary key, its separators as `|`.
    key: String,
    etag: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    change_vector: Option<&'a str>,
    /// File and place in bytes, or `journals`.
    place: &'a str,
    /// The page's number.
    page: u64,
    #[serde(skip_serializing_if = "is_false")]
    repaired: bool,
    #[serde(skip_serializing_if = "is_false")]
    unhashed: bool,
    /// What it says, where it is not live.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Box<RawValue>>,
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks with a reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

/// Appends one line.
pub(super) fn write(
    found: &Found,
    class: Class,
    place: &str,
    row: &Row<'_>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let record = &found.record;
    let line = Line {
        kind: record.kind,
        class,
        key: String::from_utf8_lossy(&record.key).replace('\u{1e}', "|"),
        etag: record.etag,
        change_vector: row.change_vector(),
        place,
        page: record.storage / super::survey::PAGE,
        repaired: record.trust == Trust::Repaired,
        unhashed: record.unhashed,
        body: if class == Class::Live {
            None
        } else {
            body(row)
        },
    };
    serde_json::to_writer(&mut *out, &line).ok()?;
    out.push(b'\n');
    Some(())
}

/// The body as JSON, of what has one that is JSON.
fn body(row: &Row<'_>) -> Option<Box<RawValue>> {
    let mut json = Vec::new();
    match row {
        Row::Document(document) => {
            export::write_document(document, Dialect::Release6, &mut json).ok()?;
        }
        Row::Revision(revision) => {
            export::write_revision(revision, Dialect::Release6, &mut json).ok()?;
        }
        Row::Conflict(conflict) => export::write_conflict(conflict, &mut json).ok()?,
        Row::CounterGroup(group) => export::write_counter_group(group, &mut json).ok()?,
        Row::DeletedRange(range) => export::write_deleted_range(range, &mut json),
        _ => return None,
    }
    RawValue::from_string(String::from_utf8(json).ok()?).ok()
}
