//! A row: any bytes, read as a row of every table, as a compressed value, and as a segment of a time series.
//!
//! Promises:
//! - no panic; memory of 16 MiB (a segment's entries, a decompressed value) and the square of the input: members of
//!   documents may share names and text;
//! - what an export of a row gives is JSON by another crate's reading, up to a segment's bytes;
//! - a row is found again in the table that it was recognised in, and says the same there;
//! - times of a segment rise, and it has as many values as entries have room for.
#![no_main]

use firedrill_core::voron::dictionary::Dictionaries;
use firedrill_core::voron::export::{self, Dialect};
use firedrill_core::voron::rows::{Attachment, Row, Table, TimeSeries};
use firedrill_core::voron::segment::Segment;
use firedrill_fuzz::{is_json, memory};
use libfuzzer_sys::fuzz_target;

/// What a decompressed value may take, in bytes.
const VALUE_BYTES_MAX: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let bound = (16 << 20) + bytes.len() * bytes.len();
    memory::within(bound, || read(bytes));
});

fn read(bytes: &[u8]) {
    rows(bytes);
    segment(bytes);
    if let Ok(value) = Dictionaries::default().decompress(bytes, VALUE_BYTES_MAX) {
        assert!(value.len() <= VALUE_BYTES_MAX);
        rows(&value);
    }
}

fn rows(bytes: &[u8]) {
    for table in Table::ALL {
        if let Ok(row) = Row::read(table, bytes) {
            assert_eq!(row.table(), table);
            assert!(row.etag().is_none_or(|etag| etag > 0));
            told(&row);
        }
    }
    if let Ok(row) = Row::recognise(bytes) {
        let again =
            Row::read(row.table(), bytes).expect("it was recognised by that table's reader");
        assert_eq!((again.key(), again.etag()), (row.key(), row.etag()));
    }
}

fn told(row: &Row<'_>) {
    for dialect in [Dialect::Release4, Dialect::Release6] {
        let mut text = Vec::new();
        let written = match row {
            Row::Document(document) => export::write_document(document, dialect, &mut text),
            Row::Revision(revision) => export::write_revision(revision, dialect, &mut text),
            Row::Conflict(conflict) => export::write_conflict(conflict, &mut text),
            Row::CounterGroup(group) => {
                group.counters.counters().expect("they were checked");
                export::write_counter_group(group, &mut text)
            }
            Row::DeletedRange(range) => {
                export::write_deleted_range(range, &mut text);
                Ok(())
            }
            Row::TimeSeries(series) => return time_series(series),
            Row::Attachment(attachment) => return tag(attachment),
            _ => return,
        };
        if written.is_ok() {
            assert!(is_json(&text), "{}", String::from_utf8_lossy(&text));
        }
    }
}

fn time_series(row: &TimeSeries<'_>) {
    let mut text = Vec::new();
    if export::write_time_series(row, row.name, &mut text).is_ok() {
        let head = text
            .strip_suffix(row.segment)
            .expect("the segment comes last");
        assert!(is_json(head), "{}", String::from_utf8_lossy(head));
    }
    segment(row.segment);
}

fn tag(row: &Attachment<'_>) {
    let mut text = Vec::new();
    let tag = export::attachment_tag(&row.parts);
    export::write_attachment_header(row.hash, 1, &tag, &mut text);
    assert!(is_json(&text), "{}", String::from_utf8_lossy(&text));
}

fn segment(bytes: &[u8]) {
    let Ok(segment) = Segment::decode(bytes) else {
        return;
    };
    let mut before = None;
    for entry in segment.entries() {
        assert!(before < Some(entry.offset_ms));
        before = Some(entry.offset_ms);
        assert_eq!(entry.padded_bits().len(), segment.value_count());
        assert!(entry.values().len() <= segment.value_count());
    }
    assert!(segment.live_count() <= segment.entries().len());
    segment.check();
}
