//! Writes each record as the server's own export has it in a `.ravendbdump`.
//!
//! ```text
//! Docs, RevisionDocuments   the document, `@metadata` last, which gains @id, @change-vector, @flags, @last-modified
//! attachments, among Docs   {"@metadata":{"@export-type":"Attachment"},"Hash":…,"Size":n,"Tag":…} and n raw bytes
//! Conflicts                 {"Id","Collection","Flags","ChangeVector","Etag","LastModified","Doc"}
//! CounterGroups             {"DocId","ChangeVector","Values"}
//! TimeSeries                {"@raven-data":{…},"@raven-blob-size":n} and the n bytes of the segment
//! TimeSeriesDeletedRanges   {"DocId","Name","Collection","ChangeVector","From","To"}
//! ```
//!
//! Live documents lose the flags HasCounters and HasTimeSeries, which an import makes again.
//!
//! Checked against exports of 4.2.103, 6.2.4, 7.1.5 and 7.2.7. Deliberately not here: the commas between
//! records and the objects around them.

use super::blittable::{Blittable, Member, Value};
use super::json;
use super::rows::{
    AttachmentKey, Conflict, CounterGroup, DeletedRange, Document, Flags, Revision, TimeSeries,
};
use super::text::{TICKS_PER_MILLISECOND, Ticks};
use super::unreadable::{Unreadable, damaged};

/// Whose export it is to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dialect {
    /// 4.2: times without `Z`; metadata in the order in which it was written.
    Release4,
    /// 6.2 to 7.2: times with `Z`; stored metadata in the order of names, then what is added likewise.
    Release6,
}

/// Appends a document.
pub fn write_document(
    document: &Document<'_>,
    dialect: Dialect,
    out: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    let remade = Flags(Flags::HAS_COUNTERS.0 | Flags::HAS_TIME_SERIES.0);
    let added = Added {
        id: document.id,
        change_vector: document.change_vector,
        flags: document.flags.without(remade),
        last_modified: document.last_modified,
        dialect,
    };
    write_with_metadata(&document.data, &added, out)
}

/// Appends a revision.
pub fn write_revision(
    revision: &Revision<'_>,
    dialect: Dialect,
    out: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    let added = Added {
        id: revision.id,
        change_vector: revision.change_vector,
        flags: revision.flags,
        last_modified: revision.last_modified,
        dialect,
    };
    write_with_metadata(&revision.data, &added, out)
}

/// Appends a conflict.
pub fn write_conflict(conflict: &Conflict<'_>, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    text_field(b"{\"Id\":", conflict.id, out);
    text_field(b",\"Collection\":", conflict.collection, out);
    out.extend_from_slice(b",\"Flags\":");
    write_flags(conflict.flags, out);
    text_field(b",\"ChangeVector\":", conflict.change_vector, out);
    out.extend_from_slice(b",\"Etag\":");
    json::write_integer(conflict.etag, out);
    time_field(b",\"LastModified\":", conflict.last_modified, out);
    out.extend_from_slice(b",\"Doc\":");
    match &conflict.data {
        Some(document) => json::write(document, out)?,
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
    Ok(())
}

/// Appends a group of counters.
pub fn write_counter_group(group: &CounterGroup<'_>, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    text_field(b"{\"DocId\":", group.document_id, out);
    text_field(b",\"ChangeVector\":", group.change_vector, out);
    out.extend_from_slice(b",\"Values\":");
    group.counters.write_json(out)?;
    out.push(b'}');
    Ok(())
}

/// Appends a segment's header and the segment. `name` is the series' name as it was given, which is in the
/// series' statistics or in the document's metadata.
pub fn write_time_series(
    row: &TimeSeries<'_>,
    name: &str,
    out: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    let Some(baseline) = Ticks::new(row.baseline_ms.saturating_mul(TICKS_PER_MILLISECOND)) else {
        return damaged("a baseline outside the years 1 to 9999", 0);
    };
    text_field(b"{\"@raven-data\":{\"DocId\":", row.document_id, out);
    text_field(b",\"Name\":", name, out);
    text_field(b",\"ChangeVector\":", row.change_vector, out);
    text_field(b",\"Collection\":", row.collection, out);
    time_field(b",\"Baseline\":", baseline, out);
    out.extend_from_slice(b"},\"@raven-blob-size\":");
    write_size(row.segment.len(), out);
    out.push(b'}');
    out.extend_from_slice(row.segment);
    Ok(())
}

/// Appends a deleted range of a time series.
pub fn write_deleted_range(range: &DeletedRange<'_>, out: &mut Vec<u8>) {
    text_field(b"{\"DocId\":", range.document_id, out);
    text_field(b",\"Name\":", range.name, out);
    text_field(b",\"Collection\":", range.collection, out);
    text_field(b",\"ChangeVector\":", range.change_vector, out);
    time_field(b",\"From\":", range.from, out);
    time_field(b",\"To\":", range.to, out);
    out.push(b'}');
}

/// Appends an attachment's header; its `size` bytes are to follow.
pub fn write_attachment_header(hash: &str, size: usize, tag: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"@metadata\":{\"@export-type\":\"Attachment\"}");
    text_field(b",\"Hash\":", hash, out);
    out.extend_from_slice(b",\"Size\":");
    write_size(size, out);
    text_field(b",\"Tag\":", tag, out);
    out.push(b'}');
}

/// The tag of an attachment in a dump: its key's parts with `|` between them. A revision's attachment is
/// named by its document alone.
pub fn attachment_tag(key: &AttachmentKey<'_>) -> String {
    let AttachmentKey {
        document_id,
        lower_name,
        hash,
        content_type,
        ..
    } = key;
    format!("{document_id}|d|{lower_name}|{hash}|{content_type}")
}

/// What a document's metadata gains.
struct Added<'a> {
    id: &'a str,
    change_vector: &'a str,
    flags: Flags,
    last_modified: Ticks,
    dialect: Dialect,
}

fn write_with_metadata(
    document: &Blittable<'_>,
    added: &Added<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    let Some(root) = document.object() else {
        return damaged("a document that is no object", 0);
    };
    let mut writer = json::Writer::new(document);
    let mut metadata = None;
    out.push(b'{');
    let start = out.len();
    for member in root.written_order()? {
        if member.name()?.text == "@metadata" {
            metadata = Some(member);
        } else {
            write_member(&mut writer, &member, start, out)?;
        }
    }
    if out.len() > start {
        out.push(b',');
    }
    out.extend_from_slice(b"\"@metadata\":{");
    let start = out.len();
    if let Some(Value::Object(stored)) = metadata.map(|member| member.node.value()).transpose()? {
        let members = match added.dialect {
            Dialect::Release4 => stored.written_order()?,
            Dialect::Release6 => stored.members().collect::<Result<_, _>>()?,
        };
        for member in members {
            if !added.replaces(member.name()?.text) {
                write_member(&mut writer, &member, start, out)?;
            }
        }
    }
    if out.len() > start {
        out.push(b',');
    }
    added.write(out);
    out.extend_from_slice(b"}}");
    Ok(())
}

fn write_member<'a>(
    writer: &mut json::Writer<'a>,
    member: &Member<'a>,
    start: usize,
    out: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    if out.len() > start {
        out.push(b',');
    }
    writer.member(member, json::Order::Written, out)
}

impl Added<'_> {
    /// Whether what is added takes the place of a member of this name. Without flags, a stored `@flags` stays.
    fn replaces(&self, name: &str) -> bool {
        match name {
            "@id" | "@change-vector" | "@last-modified" => true,
            "@flags" => self.flags != Flags::default(),
            _ => false,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let has_flags = self.flags != Flags::default();
        match self.dialect {
            Dialect::Release4 => {
                text_field(b"\"@id\":", self.id, out);
                text_field(b",\"@change-vector\":", self.change_vector, out);
                if has_flags {
                    out.extend_from_slice(b",\"@flags\":");
                    write_flags(self.flags, out);
                }
                out.extend_from_slice(b",\"@last-modified\":\"");
                self.last_modified.write_iso(out);
                out.push(b'"');
            }
            Dialect::Release6 => {
                text_field(b"\"@change-vector\":", self.change_vector, out);
                if has_flags {
                    out.extend_from_slice(b",\"@flags\":");
                    write_flags(self.flags, out);
                }
                text_field(b",\"@id\":", self.id, out);
                time_field(b",\"@last-modified\":", self.last_modified, out);
            }
        }
    }
}

fn write_flags(flags: Flags, out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    for name in flags.names() {
        if out.len() > start {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(name.as_bytes());
    }
    if out.len() == start {
        out.extend_from_slice(b"None");
    }
    out.push(b'"');
}

fn text_field(name: &[u8], text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    json::write_text(text, out);
}

fn time_field(name: &[u8], time: Ticks, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.push(b'"');
    time.write_iso(out);
    out.extend_from_slice(b"Z\"");
}

fn write_size(size: usize, out: &mut Vec<u8>) {
    json::write_integer(i64::try_from(size).unwrap_or(i64::MAX), out);
}
