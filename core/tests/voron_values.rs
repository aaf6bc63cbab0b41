//! Reads every value of real storage files, and compares it with the server's own export.

mod voron_dump;
mod voron_replay;
mod voron_samples;

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::voron::dictionary::{Dictionaries, carve};
use firedrill_core::voron::export::{self, Dialect};
use firedrill_core::voron::page::{Header, Kind, PAGE_BYTES, Verdict, verdict};
use firedrill_core::voron::rows::{AttachmentOwner, Owners, Row, Table, TombstoneKind};
use firedrill_core::voron::segment::{Check, Segment};
use voron_dump::{Item, member, members};
use voron_samples::Sample;

const VALUE_BYTES_MAX: usize = 64 << 20;

/// A value as it was found, decompressed.
struct Found {
    table_type: u8,
    owner: u64,
    bytes: Vec<u8>,
    is_compressed: bool,
}

struct Database {
    found: Vec<Found>,
    dictionaries: Dictionaries,
    owners: Owners,
    dialect: Dialect,
}

impl Database {
    /// The data file alone.
    fn open(name: &str, dialect: Dialect) -> Option<Self> {
        let sample = Sample::open(name)?;
        Some(Self::of_file(sample.file("Raven.voron"), dialect))
    }

    /// The data file with its journals redone.
    fn replayed(name: &str, dialect: Dialect) -> Option<Self> {
        let sample = Sample::open(name)?;
        Some(Self::of_file(&voron_replay::replayed(&sample), dialect))
    }

    fn of_file(file: &[u8], dialect: Dialect) -> Self {
        let mut dictionaries = Dictionaries::default();
        let mut found = Vec::new();
        for_each_page(file, |header, bytes| match header.kind {
            Kind::TreeLeaf { .. } | Kind::TreeOverflow => {
                carve(bytes)
                    .into_iter()
                    .for_each(|found| dictionaries.add(found));
            }
            Kind::RawSmall {
                next_allocation,
                owner,
                ..
            } => {
                for (used, bytes) in entries(bytes, usize::from(next_allocation)) {
                    found.push((owner, bytes.to_vec(), used >> 15 == 1));
                }
            }
            Kind::RawLarge { compressed, owner } => {
                found.push((owner, bytes[64..].to_vec(), compressed));
            }
            _ => {}
        });
        let decompress = |(owner, bytes, is_compressed): (_, Vec<u8>, bool)| {
            let owner: firedrill_core::voron::page::Owner = owner;
            let bytes = match is_compressed {
                true => dictionaries
                    .decompress(&bytes, VALUE_BYTES_MAX)
                    .expect("a whole value decompresses"),
                false => bytes,
            };
            Found {
                table_type: owner.table_type,
                owner: owner.name_hash,
                bytes,
                is_compressed,
            }
        };
        let found: Vec<Found> = found.into_iter().map(decompress).collect();
        let mut owners = Owners::default();
        for found in &found {
            if let Ok(Row::Collection(collection)) = Row::recognise(&found.bytes) {
                owners.add_collection(collection.name);
            }
        }
        Self {
            found,
            dictionaries,
            owners,
            dialect,
        }
    }

    /// Every row of every known table: what a page's type says, its owner says too.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows = Vec::new();
        for found in &self.found {
            let Some(owner) = self.owners.resolve(found.owner) else {
                assert_eq!(found.table_type, 0, "a table without a name");
                continue;
            };
            if let Some(table) = Table::of_type(found.table_type) {
                assert_eq!(table, owner.table);
            }
            let row = Row::read(owner.table, &found.bytes);
            let row = row.unwrap_or_else(|error| panic!("{:?}: {error}", owner.table));
            if found.table_type == 0 {
                assert_eq!(
                    Row::recognise(&found.bytes)
                        .expect("told by its shape")
                        .table(),
                    owner.table
                );
            }
            rows.push(row);
        }
        rows
    }

    fn count(&self, table: Table) -> usize {
        self.rows()
            .iter()
            .filter(|row| row.table() == table)
            .count()
    }
}

fn for_each_page(file: &[u8], mut with: impl FnMut(Header, &[u8])) {
    let mut at = 0;
    while at < file.len() {
        let rest = &file[at..];
        at += PAGE_BYTES;
        if let Verdict::Whole { header, pages } = verdict(rest) {
            let bytes =
                usize::try_from(header.run_bytes().expect("it is whole")).expect("it is here");
            with(header, &rest[..bytes]);
            at += (usize::try_from(pages).expect("it is here") - 1) * PAGE_BYTES;
        }
    }
}

fn entries(page: &[u8], end: usize) -> Vec<(u16, &[u8])> {
    let word = |at: usize| u16::from_le_bytes([page[at], page[at + 1]]);
    let mut found = Vec::new();
    let mut at = 64;
    while at + 4 <= end {
        let (allocated, used) = (word(at), word(at + 2));
        if used != u16::MAX {
            found.push((used, &page[at + 4..at + 4 + usize::from(used & 0x7fff)]));
        }
        at += 4 + usize::from(allocated);
    }
    found
}

fn written(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

fn document_text(row: &Row<'_>, dialect: Dialect) -> Option<String> {
    let bytes = written(|out| match row {
        Row::Document(row) => export::write_document(row, dialect, out).expect("it is whole"),
        Row::Revision(row) => export::write_revision(row, dialect, out).expect("it is whole"),
        Row::Conflict(row) => export::write_conflict(row, out).expect("it is whole"),
        Row::CounterGroup(row) => export::write_counter_group(row, out).expect("it is whole"),
        Row::DeletedRange(row) => export::write_deleted_range(row, out),
        _ => {}
    });
    (!bytes.is_empty()).then(|| String::from_utf8(bytes).expect("JSON is text"))
}

/// An export's objects of one section: how many there are, and how many of them our own texts have.
fn equal_to_export(
    database: &Database,
    dump: &[Item],
    section: &str,
    normalised: impl Fn(&str) -> String,
) -> (usize, usize) {
    let rows = database.rows();
    let texts = rows
        .iter()
        .filter_map(|row| document_text(row, database.dialect));
    let texts: BTreeSet<String> = texts.map(|text| normalised(&text)).collect();
    let of_section = dump
        .iter()
        .filter(|item| item.section == section && !item.is_attachment());
    let equal = of_section
        .clone()
        .filter(|item| texts.contains(&normalised(&item.text)));
    (of_section.count(), equal.count())
}

fn as_it_is(text: &str) -> String {
    text.to_string()
}

/// The members but for `@metadata`, and the id in it.
fn body(text: &str) -> String {
    let mut whole = String::new();
    for (name, value) in members(text) {
        whole.push_str(&name);
        match name.as_str() {
            "@metadata" => whole.push_str(&member(&value, "@id").unwrap_or_default()),
            _ => whole.push_str(&value),
        }
    }
    whole
}

/// Without the change vector, which 4.2 counts anew in an export.
fn without_change_vector(text: &str) -> String {
    let change_vector = member(
        &member(text, "@metadata").unwrap_or_default(),
        "@change-vector",
    );
    text.replace(
        &format!("\"@change-vector\":{},", change_vector.unwrap_or_default()),
        "",
    )
}

#[test]
fn documents_and_revisions_of_4_2_equal_their_export() {
    let name = "northwind-4.2.103";
    let Some(database) = Database::open(name, Dialect::Release4) else {
        return;
    };
    let dump = voron_dump::read(name);
    let revisions = equal_to_export(&database, &dump, "RevisionDocuments", as_it_is);
    assert_eq!(revisions, (3815, 3815));
    let documents = equal_to_export(&database, &dump, "Docs", without_change_vector);
    assert_eq!(documents, (1059, 1059));
    assert_eq!(database.count(Table::Documents), 1059);
    assert_eq!(database.count(Table::Revisions), 3815);
    let hashes: BTreeSet<&str> = database
        .rows()
        .iter()
        .filter_map(hash_of_document)
        .collect();
    let exported = dump
        .iter()
        .filter(|item| item.is_attachment() && item.section == "Docs");
    let exported: BTreeSet<String> = exported
        .filter_map(|item| item.text_of(&["Hash"]))
        .collect();
    assert_eq!(hashes.len(), 17);
    assert!(hashes.iter().eq(exported.iter()));
}

fn hash_of_document<'a>(row: &Row<'a>) -> Option<&'a str> {
    match row {
        Row::Attachment(row) if row.parts.owner == AttachmentOwner::Document => Some(row.hash),
        _ => None,
    }
}

#[test]
fn compressed_revisions_decode_with_dictionaries_that_the_file_itself_holds() {
    let Some(database) = Database::open("compressed-revisions-5.x", Dialect::Release6) else {
        return;
    };
    assert_eq!(database.dictionaries.len(), 4);
    assert_eq!(
        database
            .found
            .iter()
            .filter(|found| found.is_compressed)
            .count(),
        42
    );
    assert_eq!(database.count(Table::Revisions), 42);
    let rows = database.rows();
    let deleted = rows
        .iter()
        .filter(|row| matches!(row, Row::Tombstone(row) if row.kind == TombstoneKind::Document));
    assert_eq!(deleted.count(), 4);
}

#[test]
fn counter_groups_of_4_2_are_read() {
    let Some(database) = Database::open("counters-4.2.103", Dialect::Release4) else {
        return;
    };
    assert_eq!(database.count(Table::Documents), 100);
    assert_eq!(database.count(Table::CounterGroups), 600);
    let mut totals = BTreeMap::new();
    for row in database.rows() {
        let Row::CounterGroup(group) = row else {
            continue;
        };
        for counter in group.counters.counters().expect("it is whole") {
            let before = totals.insert((group.document_id, counter.name), counter.total());
            assert_eq!(before, None, "a counter is in one group only");
        }
    }
    assert_eq!(totals.len(), 20_000);
}

/// What the raw data file of a killed database holds, without its journals, of its export.
struct Expected {
    name: &'static str,
    /// Documents in the export, equal but for metadata, equal to the byte.
    documents: (usize, usize, usize),
    revisions: (usize, usize),
    /// Of the revisions' rows, those of 13 columns.
    hashed_revisions: usize,
    conflicts: (usize, usize),
    counter_groups: (usize, usize),
    deleted_ranges: (usize, usize),
    segments: (usize, usize),
    /// With the journals redone: see `shapes`.
    shapes: [usize; 10],
}

const EXPECTED: [Expected; 4] = [
    Expected {
        name: "ravendb-6.2.4-killed",
        documents: (280, 270, 262),
        revisions: (246, 230),
        hashed_revisions: 0,
        conflicts: (10, 0),
        counter_groups: (43, 43),
        deleted_ranges: (1, 0),
        segments: (51, 27),
        shapes: [30, 6, 38, 246, 0, 41, 0, 0, 11, 0],
    },
    Expected {
        name: "ravendb-7.1.5-killed",
        documents: (370, 360, 356),
        revisions: (299, 287),
        hashed_revisions: 0,
        conflicts: (10, 0),
        counter_groups: (44, 44),
        deleted_ranges: (2, 2),
        segments: (48, 48),
        shapes: [40, 8, 49, 299, 0, 39, 0, 0, 10, 0],
    },
    Expected {
        name: "ravendb-7.2.7-killed",
        documents: (280, 270, 266),
        revisions: (238, 226),
        hashed_revisions: 230,
        conflicts: (10, 0),
        counter_groups: (40, 40),
        deleted_ranges: (3, 0),
        segments: (47, 26),
        shapes: [30, 6, 36, 0, 238, 0, 24, 18, 0, 9],
    },
    Expected {
        name: "ravendb-7.2.7-upgraded-killed",
        documents: (139, 85, 73),
        revisions: (193, 155),
        hashed_revisions: 0,
        conflicts: (10, 10),
        counter_groups: (43, 38),
        deleted_ranges: (4, 2),
        segments: (34, 30),
        shapes: [31, 8, 46, 155, 38, 0, 48, 9, 9, 4],
    },
];

#[test]
fn rows_of_killed_databases_equal_their_exports_to_the_byte() {
    for expected in EXPECTED {
        let Some(database) = Database::open(expected.name, Dialect::Release6) else {
            return;
        };
        let dump = voron_dump::read(expected.name);
        let equal = |section| equal_to_export(&database, &dump, section, as_it_is);
        let (_, bodies) = equal_to_export(&database, &dump, "Docs", body);
        let (all, exact) = equal("Docs");
        assert_eq!(
            (all, bodies, exact),
            expected.documents,
            "{}",
            expected.name
        );
        assert_eq!(
            equal("RevisionDocuments"),
            expected.revisions,
            "{}",
            expected.name
        );
        assert_eq!(equal("Conflicts"), expected.conflicts, "{}", expected.name);
        assert_eq!(
            equal("CounterGroups"),
            expected.counter_groups,
            "{}",
            expected.name
        );
        assert_eq!(
            equal("TimeSeriesDeletedRanges"),
            expected.deleted_ranges,
            "{}",
            expected.name
        );
        let rows = database.rows();
        let hashed = rows
            .iter()
            .filter(|row| matches!(row, Row::Revision(row) if row.is_hashed));
        assert_eq!(
            hashed.count(),
            expected.hashed_revisions,
            "{}",
            expected.name
        );
        assert_eq!(
            segments_in_export(&rows, &dump),
            expected.segments,
            "{}",
            expected.name
        );
    }
}

/// Segments in the export, and those of them that the rows have, headers and bytes.
fn segments_in_export(rows: &[Row<'_>], dump: &[Item]) -> (usize, usize) {
    let mut names = BTreeMap::new();
    for row in rows {
        if let Row::TimeSeriesStats(stats) = row {
            names.insert((stats.document_id, stats.lower_name), stats.name);
        }
    }
    let mut written = BTreeSet::new();
    for row in rows {
        if let Row::TimeSeries(row) = row {
            let name = names
                .get(&(row.document_id, row.name))
                .copied()
                .unwrap_or(row.name);
            let mut out = Vec::new();
            export::write_time_series(row, name, &mut out).expect("it is whole");
            written.insert(out);
        }
    }
    let exported = dump.iter().filter(|item| item.section == "TimeSeries");
    let equal = exported
        .clone()
        .filter(|item| written.contains(&[item.text.as_bytes(), &item.blob].concat()));
    (exported.count(), equal.count())
}

#[test]
fn every_segment_comes_out_the_same_when_encoded_again() {
    for expected in EXPECTED {
        let Some(database) = Database::open(expected.name, Dialect::Release6) else {
            return;
        };
        let rows = database.rows();
        let mut segments: Vec<&[u8]> = Vec::new();
        for row in &rows {
            if let Row::TimeSeries(row) = row {
                segments.push(row.segment);
            }
        }
        let dump = voron_dump::read(expected.name);
        let exported = dump.iter().filter(|item| item.section == "TimeSeries");
        segments.extend(exported.map(|item| item.blob.as_slice()));
        for bytes in segments {
            let segment = Segment::decode(bytes).expect("a real segment decodes");
            assert!(
                !matches!(segment.check(), Check::Differs(_)),
                "{:?}",
                segment.check()
            );
        }
    }
}

#[test]
fn with_its_journals_redone_a_killed_database_equals_its_export_in_everything() {
    for expected in EXPECTED {
        let Some(database) = Database::replayed(expected.name, Dialect::Release6) else {
            return;
        };
        let dump = voron_dump::read(expected.name);
        for section in [
            "Docs",
            "RevisionDocuments",
            "Conflicts",
            "CounterGroups",
            "TimeSeriesDeletedRanges",
        ] {
            let (all, equal) = equal_to_export(&database, &dump, section, as_it_is);
            assert_eq!(equal, all, "{section} of {}", expected.name);
        }
        let rows = database.rows();
        let (all, equal) = segments_in_export(&rows, &dump);
        assert_eq!(equal, all, "segments of {}", expected.name);
        assert_eq!(shapes(&rows), expected.shapes, "{}", expected.name);
    }
}

/// Tombstones of documents, attachments and revisions; revisions of 12 and 13 columns; attachments of 7, 11
/// and 12; time series statistics of 6 and 7.
fn shapes(rows: &[Row<'_>]) -> [usize; 10] {
    let mut counts = [0; 10];
    for row in rows {
        let shape = match row {
            Row::Tombstone(row) => match row.kind {
                TombstoneKind::Document => 0,
                TombstoneKind::Attachment => 1,
                _ => 2,
            },
            Row::Revision(row) => 3 + usize::from(row.is_hashed),
            Row::Attachment(row) => match row.remote {
                None => 5,
                Some(remote) => 6 + usize::from(remote.revision_change_vector.is_some()),
            },
            Row::TimeSeriesStats(row) => 8 + usize::from(row.change_vector.is_some()),
            _ => continue,
        };
        counts[shape] += 1;
    }
    counts
}
