//! Output: records as a server's export has them, and as lines that say where each came from.
//!
//! ```text
//!  salvage.ravendbdump         live            {"BuildVersion":…,"Docs":[…],"RevisionDocuments":[…],…}  gzip
//!  older.ravendbdump, …        each class      likewise
//!  attachments/HASH            a content that no dump has                                               plain
//!  records.ndjson.zst          every record    {"kind":…,"class":…,"key":…,"file":…,"offset":…}
//! ```
//!
//! A dump is put together from parts; some parts at a time make one gzip member and one zstd frame, so that they
//! are made on all cores, and each row is read once for both. An attachment's content stands in front of the first
//! document that names it, as a server writes it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drill::planted;
use crate::voron::export::{self, Dialect, attachment_tag, write_attachment_header};
use crate::voron::rows::{AttachmentKey, AttachmentOwner, Row, Table};

use super::content::Standing;
use super::extract::{Context, Found, VALUE_BYTES_MAX};
use super::file::{Piece, Read, Reader};
use super::library::{Library, Run};
use super::machine::Effect;
use super::mend::flip;
use super::record::{Class, Kind, Record};
use super::shelf::Shelf;
use super::task::Task;

/// About as many bytes make one member.
const MEMBER_BYTES: u64 = 2 << 20;

/// The list of records.
const LINES: &str = "records.ndjson.zst";

/// The sections of a dump, in a server's order, with the kinds that they hold.
const SECTIONS: [(&str, Kind); 6] = [
    ("Docs", Kind::Document),
    ("RevisionDocuments", Kind::Revision),
    ("Conflicts", Kind::Conflict),
    ("CounterGroups", Kind::Counters),
    ("TimeSeriesDeletedRanges", Kind::DeletedRange),
    ("TimeSeries", Kind::TimeSeries),
];

/// A piece of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Text(Box<[u8]>),
    /// A row by its number on the shelf, with a comma in front or not, and its line.
    Row {
        row: u32,
        class: Class,
        comma: bool,
    },
    /// Bytes of an attachment.
    Bytes(Box<(Run, Range<u64>)>),
    /// The line of a row that is in no dump.
    Line {
        row: u32,
        class: Class,
    },
}

/// Where parts go, below the output folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// A dump; the lines of its rows go to the list of records.
    Dump(String),
    /// A file of its own.
    Plain(String),
    /// Lines alone.
    Lines,
}

/// Some parts of one output, and their lines in the list of records.
#[derive(Debug, Clone)]
pub struct Render {
    pub(super) target: Target,
    parts: Vec<Part>,
    shelf: Arc<Shelf>,
    context: Arc<Context>,
}

/// Their bytes, compressed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rendered {
    /// One gzip member of a dump, or some bytes of a file of its own.
    pub bytes: Vec<u8>,
    /// One zstd frame of lines.
    pub lines: Vec<u8>,
    /// Rows that could not be read any more.
    pub failed: u64,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Output {
    /// Bytes of each file.
    pub(super) bytes: BTreeMap<String, u64>,
    pub(super) failed: u64,
}

impl Output {
    pub(super) fn take(&mut self, render: &Render, rendered: Rendered, out: &mut Vec<Effect>) {
        self.failed += rendered.failed;
        if let Target::Dump(path) | Target::Plain(path) = &render.target {
            self.append(path, rendered.bytes, out);
        }
        self.append(LINES, rendered.lines, out);
    }

    fn append(&mut self, path: &str, bytes: Vec<u8>, out: &mut Vec<Effect>) {
        if bytes.is_empty() {
            return;
        }
        let path = path.to_owned();
        *self.bytes.entry(path.clone()).or_default() += bytes.len() as u64;
        out.push(Effect::Write { path, bytes });
    }
}

/// What a task makes, not compressed yet.
#[derive(Default)]
struct Plain {
    dump: Vec<u8>,
    lines: Vec<u8>,
}

impl Render {
    pub(super) fn run(&self, reader: &mut dyn Reader) -> Rendered {
        let mut plain = Plain::default();
        let mut failed = 0;
        let mut cache = Cache::default();
        for part in &self.parts {
            let before = plain.dump.len();
            if self.part(part, reader, &mut cache, &mut plain).is_none() {
                plain.dump.truncate(before);
                failed += 1;
            }
        }
        Rendered {
            bytes: match self.target {
                Target::Plain(_) => plain.dump,
                _ => some(&plain.dump, gzip),
            },
            lines: some(&plain.lines, |lines| {
                zstd::bulk::compress(lines, 3).unwrap_or_default()
            }),
            failed,
        }
    }

    fn part(
        &self,
        part: &Part,
        reader: &mut dyn Reader,
        cache: &mut Cache,
        out: &mut Plain,
    ) -> Option<()> {
        match part {
            Part::Text(text) => out.dump.extend_from_slice(text),
            Part::Bytes(piece) => {
                let (run, range) = &**piece;
                let bytes = cache.run(run, reader);
                let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
                out.dump.extend_from_slice(bytes.get(range)?);
            }
            Part::Row { row, class, comma } => {
                if *comma {
                    out.dump.push(b',');
                }
                let found = self.shelf.row(*row);
                let value = self.value(found, reader, cache)?;
                let row = read(found.record.kind, &value)?;
                // What no dump can hold has its line all the same.
                self.line(found, *class, &row, out)?;
                write_row(&row, self.shelf.series_name(found), &mut out.dump)?;
            }
            Part::Line { row, class } => {
                let found = self.shelf.row(*row);
                let value = self.value(found, reader, cache)?;
                let row = read(found.record.kind, &value)?;
                self.line(found, *class, &row, out)?;
            }
        }
        Some(())
    }

    fn line(&self, found: &Found, class: Class, row: &Row<'_>, out: &mut Plain) -> Option<()> {
        let place = self.shelf.place_of(found);
        super::lines::write(found, class, &place, row, &mut out.lines)
    }

    /// A row's bytes, decompressed.
    fn value<'a>(
        &'a self,
        row: &'a Found,
        reader: &mut dyn Reader,
        cache: &'a mut Cache,
    ) -> Option<Cow<'a, [u8]>> {
        if let Some(own) = &row.own {
            return Some(Cow::Borrowed(own));
        }
        let range = row.bytes.start as usize..row.bytes.end as usize;
        let stored = cache.run(self.shelf.run_of(row), reader).get(range)?;
        match row.compressed {
            true => self
                .context
                .dictionaries
                .decompress(stored, VALUE_BYTES_MAX)
                .ok()
                .map(Cow::Owned),
            false => Some(Cow::Borrowed(stored)),
        }
    }
}

/// Nothing makes no member and no frame.
fn some(plain: &[u8], pack: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    match plain.is_empty() {
        true => Vec::new(),
        false => pack(plain),
    }
}

/// The run that was read last: rows come in the order in which they lie.
#[derive(Default)]
struct Cache {
    run: Option<Run>,
    bytes: Vec<u8>,
}

impl Cache {
    fn run<'a>(&'a mut self, run: &'a Run, reader: &mut dyn Reader) -> &'a [u8] {
        match run {
            Run::Redone(bytes) => bytes,
            Run::Filed { file, ranges, fix } => {
                if self.run.as_ref() != Some(run) {
                    reader.take_back(Piece::from(std::mem::take(&mut self.bytes)));
                    let mut ranges = ranges.iter().cloned();
                    if let Some(range) = ranges.next() {
                        self.bytes = reader.read(&Read { file: *file, range }).bytes;
                    }
                    for range in ranges {
                        let piece = reader.read(&Read { file: *file, range });
                        self.bytes.extend_from_slice(&piece.bytes);
                        reader.take_back(piece);
                    }
                    if let Some(bit) = fix {
                        flip(&mut self.bytes, *bit);
                    }
                    self.run = Some(run.clone());
                }
                &self.bytes
            }
        }
    }
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let written = member.write_all(plain).and_then(|()| member.finish());
    written.expect("a vector takes every byte")
}

fn write_row(row: &Row<'_>, name: Option<&str>, out: &mut Vec<u8>) -> Option<()> {
    match row {
        Row::Document(document) => {
            export::write_document(document, Dialect::Release6, out).ok()?;
        }
        Row::Revision(revision) => {
            export::write_revision(revision, Dialect::Release6, out).ok()?;
        }
        Row::Conflict(conflict) => export::write_conflict(conflict, out).ok()?,
        Row::CounterGroup(group) => export::write_counter_group(group, out).ok()?,
        Row::TimeSeries(series) => {
            export::write_time_series(series, name.unwrap_or(series.name), out).ok()?;
        }
        Row::DeletedRange(range) => export::write_deleted_range(range, out),
        _ => return None,
    }
    Some(())
}

/// A row as its table's. It was read before, when it was found: what it holds is not checked a second time.
fn read(kind: Kind, value: &[u8]) -> Option<Row<'_>> {
    let table = match kind {
        Kind::Document => Table::Documents,
        Kind::Revision => Table::Revisions,
        Kind::Conflict => Table::Conflicts,
        Kind::TimeSeries => Table::TimeSeries,
        Kind::DeletedRange => Table::DeletedRanges,
        Kind::Attachment => Table::Attachments,
        Kind::Tombstone => Table::Tombstones,
        Kind::Counters => {
            let group = Row::read_again(Table::CounterGroups, value);
            return group
                .or_else(|_| Row::read_again(Table::LegacyCounters, value))
                .ok();
        }
    };
    Row::read_again(table, value).ok()
}

/// The parts of an attachment's key.
pub(super) fn attachment_key(key: &[u8]) -> Option<AttachmentKey<'_>> {
    AttachmentKey::parse(std::str::from_utf8(key).ok()?)
}

impl Library {
    /// Everything that is to be written, in tasks that are independent of one another.
    pub(super) fn render(&mut self) -> Vec<Task> {
        if self.options.dry_run {
            return Vec::new();
        }
        let mut tasks = Vec::new();
        let mut dumped = BTreeSet::new();
        for class in self.options.classes.clone() {
            let dump = match class {
                Class::Live => "salvage.ravendbdump".to_owned(),
                other => format!("{}.ravendbdump", other.name()),
            };
            if let Some(parts) = self.dump(class, &mut dumped) {
                self.members(&Target::Dump(dump), parts, &mut tasks);
            }
        }
        self.members(&Target::Lines, self.lines(), &mut tasks);
        for (path, leftover, parts) in self.leftovers(&dumped) {
            self.members(&Target::Plain(path.clone()), parts, &mut tasks);
            self.leftovers.insert(path, leftover);
        }
        tasks
    }

    fn members(&self, target: &Target, parts: Vec<Part>, tasks: &mut Vec<Task>) {
        let mut member: Vec<Part> = Vec::new();
        let mut bytes = 0;
        let mut close = |member: &mut Vec<Part>| {
            if !member.is_empty() {
                tasks.push(Task::Render(Box::new(Render {
                    target: target.clone(),
                    parts: std::mem::take(member),
                    shelf: self.shelf.clone(),
                    context: self.context(),
                })));
            }
        };
        for part in parts {
            bytes += part.bytes(&self.shelf);
            member.push(part);
            if bytes >= MEMBER_BYTES {
                close(&mut member);
                bytes = 0;
            }
        }
        close(&mut member);
    }

    /// One class as a server imports it; none where it has no record. `dumped` gains the contents that are in it.
    fn dump(&self, class: Class, dumped: &mut BTreeSet<String>) -> Option<Vec<Part>> {
        let mut attachments = Attachments::new(self, class);
        let mut parts = vec![text(format!("{{\"BuildVersion\":{BUILD_VERSION}"))];
        let mut any = false;
        for (name, kind) in SECTIONS {
            let rows = self.rows_of(class, kind);
            if rows.is_empty() {
                continue;
            }
            any = true;
            parts.push(text(format!(",\"{name}\":[")));
            let mut comma = false;
            for row in rows {
                let record = &self.shelf.row(row).record;
                attachments.before(record, &mut comma, &mut parts);
                parts.push(Part::Row { row, class, comma });
                comma = true;
            }
            parts.push(text("]".to_owned()));
        }
        parts.push(text("}".to_owned()));
        dumped.append(&mut attachments.written);
        any.then_some(parts)
    }

    /// The rows of a class and kind, by etag.
    fn rows_of(&self, class: Class, kind: Kind) -> Vec<u32> {
        let rows = self.classified_rows();
        let wanted = rows.filter(|(_, row, own)| *own == class && row.record.kind == kind);
        let mut rows: Vec<u32> = wanted.map(|(number, ..)| number).collect();
        rows.sort_by_key(|number| {
            let record = &self.shelf.row(*number).record;
            (record.etag, record.storage)
        });
        rows
    }

    /// Every row but duplicates, with its number and class.
    fn classified_rows(&self) -> impl Iterator<Item = (u32, &Found, Class)> {
        let rows = (0..).zip(&self.shelf.rows).zip(&self.classified.classes);
        rows.filter_map(|((number, row), class)| Some((number, row, (*class)?)))
    }

    /// Lines of rows that no dump has.
    fn lines(&self) -> Vec<Part> {
        let is_dumped = |row: &Found, class: &Class| {
            self.options.classes.contains(class)
                && SECTIONS.iter().any(|(_, kind)| *kind == row.record.kind)
        };
        let rows = self.classified_rows();
        let left = rows.filter(|(_, row, class)| !is_dumped(row, class));
        let mut told: Vec<(u32, Class)> = left.map(|(row, _, class)| (row, class)).collect();
        told.sort_by_key(|(row, class)| {
            let record = &self.shelf.row(*row).record;
            (record.kind, *class, record.etag, record.storage)
        });
        let told = told.into_iter();
        told.map(|(row, class)| Part::Line { row, class }).collect()
    }
}

impl Part {
    /// About how many bytes it makes.
    fn bytes(&self, shelf: &Shelf) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Row { row, .. } | Self::Line { row, .. } => {
                let bytes = &shelf.row(*row).bytes;
                2 * u64::from(bytes.end - bytes.start)
            }
            Self::Bytes(piece) => piece.1.end - piece.1.start,
        }
    }
}

/// What the dump says that wrote it: a server of 7.1 or later reads all of its sections.
const BUILD_VERSION: u32 = 71_000;

fn text(text: String) -> Part {
    Part::Text(text.into_bytes().into())
}

/// Contents that stand in front of documents.
struct Attachments<'a> {
    library: &'a Library,
    /// By the document's or the revision's key.
    of_owner: BTreeMap<(Kind, Vec<u8>), Vec<&'a Found>>,
    written: BTreeSet<String>,
}

impl<'a> Attachments<'a> {
    fn new(library: &'a Library, class: Class) -> Self {
        let mut of_owner: BTreeMap<(Kind, Vec<u8>), Vec<&Found>> = BTreeMap::new();
        for (_, row, own) in library.classified_rows() {
            if own != class || row.record.kind != Kind::Attachment {
                continue;
            }
            if let Some(key) = attachment_key(&row.record.key) {
                let owner = match key.owner {
                    AttachmentOwner::Document => (Kind::Document, key.document_id),
                    AttachmentOwner::Revision(revision) => (Kind::Revision, revision),
                };
                let owner = (owner.0, owner.1.as_bytes().to_vec());
                of_owner.entry(owner).or_default().push(row);
            }
        }
        Self {
            library,
            of_owner,
            written: BTreeSet::new(),
        }
    }

    /// The contents that this document or revision is the first to name.
    fn before(&mut self, owner: &Record, comma: &mut bool, parts: &mut Vec<Part>) {
        let owner = (owner.kind, owner.key.to_vec());
        for row in self.of_owner.remove(&owner).unwrap_or_default() {
            let Some(key) = attachment_key(&row.record.key) else {
                continue;
            };
            if self.written.contains(key.hash) {
                continue;
            }
            let standing = self.library.content_of(key.hash);
            let Some(Standing::Whole { pieces, bytes }) = standing else {
                continue;
            };
            self.written.insert(key.hash.to_owned());
            let mut header = Vec::new();
            if *comma {
                header.push(b',');
            }
            let tag = attachment_tag(&key);
            let size = match planted("SA-10") {
                true => usize::from(bytes as u16),
                false => usize::try_from(bytes).unwrap_or(usize::MAX),
            };
            write_attachment_header(key.hash, size, &tag, &mut header);
            parts.push(Part::Text(header.into()));
            let pieces = pieces.into_iter();
            parts.extend(pieces.map(|piece| Part::Bytes(Box::new(piece))));
            *comma = true;
        }
    }
}
