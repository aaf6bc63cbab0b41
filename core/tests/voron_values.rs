//! Reads every value of real storage files, and compares it with the server's own export.

mod voron_dump;
mod voron_samples;

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::voron::dictionary::{Dictionaries, carve};
use firedrill_core::voron::export::{self, Dialect};
use firedrill_core::voron::page::{Header, Kind, PAGE_BYTES, Verdict, verdict};
use firedrill_core::voron::rows::{AttachmentOwner, Owners, Row, Table, TombstoneKind};
use firedrill_core::voron::segment::{Check, Segment};
use voron_dump::{Item, normalised};
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
}

impl Database {
    fn open(name: &str) -> Option<Self> {
        let sample = Sample::open(name)?;
        let file = sample.file("Raven.voron");
        let mut dictionaries = Dictionaries::default();
        let mut found = Vec::new();
        for_each_page(file, |header, bytes| match header.kind {
            Kind::TreeLeaf { .. } | Kind::TreeOverflow => {
                carve(bytes).into_iter().for_each(|found| dictionaries.add(found));
            }
            Kind::RawSmall { next_allocation, owner, .. } => {
                for (used, bytes) in entries(bytes, usize::from(next_allocation)) {
                    found.push((owner, bytes.to_vec(), used >> 15 == 1));
                }
            }
            Kind::RawLarge { compressed, owner } => found.push((owner, bytes[64..].to_vec(), compressed)),
            _ => {}
        });
        let decompress = |(owner, bytes, is_compressed): (_, Vec<u8>, bool)| {
            let owner: firedrill_core::voron::page::Owner = owner;
            let bytes = match is_compressed {
                true => dictionaries.decompress(&bytes, VALUE_BYTES_MAX).expect("a whole value decompresses"),
                false => bytes,
            };
            Found { table_type: owner.table_type, owner: owner.name_hash, bytes, is_compressed }
        };
        let found: Vec<Found> = found.into_iter().map(decompress).collect();
        let mut owners = Owners::default();
        for found in &found {
            if let Ok(Row::Collection(collection)) = Row::recognise(&found.bytes) {
                owners.add_collection(collection.name);
            }
        }
        Some(Self { found, dictionaries, owners })
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
                assert_eq!(Row::recognise(&found.bytes).expect("told by its shape").table(), owner.table);
            }
            rows.push(row);
        }
        rows
    }

    fn count(&self, table: Table) -> usize {
        self.rows().iter().filter(|row| row.table() == table).count()
    }
}

fn for_each_page(file: &[u8], mut with: impl FnMut(Header, &[u8])) {
    let mut at = 0;
    while at < file.len() {
        let rest = &file[at..];
        at += PAGE_BYTES;
        if let Verdict::Whole { header, pages } = verdict(rest) {
            let bytes = usize::try_from(header.run_bytes().expect("it is whole")).expect("it is here");
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

/// How many of an export's objects of one section are found, byte by byte, and but for the order of metadata.
fn equal_to_export(database: &Database, dump: &[Item], section: &str, dialect: Dialect) -> (usize, usize, usize) {
    let rows = database.rows();
    let texts: BTreeSet<String> = rows.iter().filter_map(|row| document_text(row, dialect)).collect();
    let normal: BTreeSet<String> = texts.iter().map(|text| normalised(text)).collect();
    let of_section = dump.iter().filter(|item| item.section == section && !item.is_attachment());
    let (mut all, mut exact, mut equal) = (0, 0, 0);
    for item in of_section {
        all += 1;
        exact += usize::from(texts.contains(&item.text));
        equal += usize::from(normal.contains(&normalised(&item.text)));
    }
    (all, exact, equal)
}

#[test]
fn northwind_equals_its_export() {
    let name = "northwind-4.2.103";
    let Some(database) = Database::open(name) else { return };
    let dump = voron_dump::read(name);
    println!("{:?}", equal_to_export(&database, &dump, "RevisionDocuments", Dialect::Release4));
    println!("{:?}", equal_to_export(&database, &dump, "Docs", Dialect::Release4));
}

#[test]
fn killed_databases_equal_their_exports() {
    for name in ["ravendb-6.2.4-killed", "ravendb-7.1.5-killed", "ravendb-7.2.7-killed", "ravendb-7.2.7-upgraded-killed"] {
        let Some(database) = Database::open(name) else { return };
        let dump = voron_dump::read(name);
        let mut counts: BTreeMap<Table, usize> = BTreeMap::new();
        for row in database.rows() {
            *counts.entry(row.table()).or_default() += 1;
        }
        println!("{name} {counts:?}");
        let (mut seg, mut bad, mut exp) = (0, 0, 0);
        let rows = database.rows();
        let mut names = BTreeMap::new();
        for row in &rows { if let Row::TimeSeriesStats(s) = row { names.insert((s.document_id, s.lower_name), s.name); } }
        let mut checks: BTreeMap<String, usize> = BTreeMap::new();
        for row in &rows {
            if let Row::TimeSeries(ts) = row {
                seg += 1;
                match Segment::decode(ts.segment) { Ok(s) => *checks.entry(format!("{:?}", s.check())).or_default() += 1, Err(e) => { bad += 1; println!("{e}") } }
                let text = written(|out| export::write_time_series(ts, names.get(&(ts.document_id, ts.name)).copied().unwrap_or(ts.name), out).unwrap());
                if dump.iter().any(|i| i.section == "TimeSeries" && [i.text.as_bytes(), &i.blob].concat() == text) { exp += 1; }
            }
        }
        println!("segments {seg} bad {bad} {checks:?} in export {exp}");
        for item in dump.iter().filter(|i| i.section == "TimeSeries") { match Segment::decode(&item.blob) { Ok(s) => *checks.entry(format!("dump {:?}", s.check())).or_default() += 1, Err(e) => println!("dump {e}") } }
        println!("{checks:?}");
        for section in ["Docs", "RevisionDocuments", "Conflicts", "CounterGroups", "TimeSeriesDeletedRanges"] {
            println!("{section} {:?}", equal_to_export(&database, &dump, section, Dialect::Release6));
        }
    }
}
