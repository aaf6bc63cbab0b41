//! Rows, leaves and inline streams out of a page or a run.
//!
//! ```text
//!  page of rows ──► entries ──► (decompress) ──► row, checked ──► Record + where its bytes are
//!  tree leaf    ──► keys or etags with places: a witness;  inline streams of 7.2
//! ```
//!
//! An entry that is no row costs its neighbours nothing. Pure functions of the bytes and of what has to be
//! known of the whole database: its dictionaries.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drill::planted;
use crate::voron::dictionary::Dictionaries;
use crate::voron::page::{HEADER_BYTES, Header, Kind as PageKind, Owner};
use crate::voron::raw;
use crate::voron::rows::{Owners, Row, SEPARATOR, Table, TombstoneKind};
use crate::voron::run::Run;
use crate::voron::tree::{self, FixedEntries, InlineStream, NodeValue, StorageId};

use super::content::content_hash;
use super::file::{FileId, Piece, Reader};
use super::mend::{flip, read_all};
use super::record::{Image, Kind, Record, Trust};
use super::survey::PAGE;
use super::witness::Leaf;

/// A value is at most so long when decompressed: what a server can hold in one document, and more.
pub(super) const VALUE_BYTES_MAX: usize = 256 << 20;

/// What has to be known before rows can be read.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// For compressed values.
    pub dictionaries: Dictionaries,
    /// For rows of tables that do not say what they are.
    pub owners: Owners,
}

/// Records that were met before, by kind, key and etag.
pub(super) type Seen = BTreeSet<(Kind, Box<[u8]>, u64)>;

/// A row, and where in its run its bytes are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// What is known of it.
    pub record: Record,
    /// Which of the runs that were read.
    pub run: u32,
    /// The row's bytes in the run.
    pub bytes: Range<u32>,
    /// Whether they are compressed.
    pub compressed: bool,
    /// The row itself, decompressed, where its run will not be there later.
    pub own: Option<Box<[u8]>>,
}

/// An attachment's content inside a leaf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inline {
    /// base64 of the content's BLAKE2b-256.
    pub hash: String,
    /// Which of the runs that were read.
    pub run: u32,
    /// The content in the run.
    pub bytes: Range<u32>,
    /// The tag.
    pub tag: Range<u32>,
    /// The content itself, where its run will not be there later.
    pub own: Option<Box<[u8]>>,
    /// Whether it hashes to its name.
    pub is_true: bool,
}

/// What was found in some runs.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Extracted {
    /// Rows.
    pub rows: Vec<Found>,
    /// Leaves that may be of trees over tables.
    pub leaves: Vec<Leaf>,
    /// Contents of attachments.
    pub inline: Vec<Inline>,
    /// Names of collections.
    pub collections: BTreeSet<String>,
    /// Names of time series as they were given, by the key of their statistics.
    pub series: BTreeMap<Box<[u8]>, String>,
    /// Entries that are no rows of any table, or whose dictionary is missing: run, and place.
    pub unread: Vec<(u32, u32)>,
}

/// A run to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its pieces, in order.
    pub ranges: Vec<Range<u64>>,
    /// A bit to flip back.
    pub fix: Option<u64>,
    /// How far it can be trusted.
    pub trust: Trust,
    /// Whether it is current.
    pub image: Image,
}

/// Runs of one file to be read.
#[derive(Debug, Clone)]
pub struct Extraction {
    /// Of which file.
    pub file: FileId,
    /// Which.
    pub sources: Vec<Source>,
    /// What rows need.
    pub context: Arc<Context>,
}

impl Extraction {
    pub(super) fn run(&self, reader: &mut dyn Reader) -> Extracted {
        let mut out = Extracted::default();
        for (nth, source) in (0..).zip(&self.sources) {
            let Some(mut run) = read_all(self.file, &source.ranges, reader) else {
                continue;
            };
            if let Some(bit) = source.fix {
                flip(&mut run, bit);
            }
            self.context
                .read(nth, &run, source.image, source.trust, &mut out);
            reader.take_back(Piece::from(run));
        }
        out
    }
}

impl Context {
    /// Reads whatever a run holds.
    pub(super) fn read(
        &self,
        nth: u32,
        run: &[u8],
        image: Image,
        trust: Trust,
        out: &mut Extracted,
    ) {
        let Some(header) = Header::read(run) else {
            return;
        };
        let place = Place {
            nth,
            number: header.number,
            image,
            trust,
        };
        match header.kind {
            PageKind::RawSmall { owner, .. } => self.small(place, owner, run, out),
            PageKind::RawLarge {
                owner, compressed, ..
            } => self.large(place, owner, compressed, &header, run, out),
            PageKind::TreeLeaf { .. } | PageKind::TreeOverflow | PageKind::FixedLeaf { .. } => {
                leaf(place, &header, run, out);
            }
            _ => {}
        }
    }

    /// Reads an image that will not be there later: its rows keep their bytes.
    pub(super) fn read_old(&self, run: &[u8], seen: &mut Seen, out: &mut Extracted) {
        let mut found = Extracted::default();
        self.read(0, run, Image::Old, Trust::Whole, &mut found);
        for mut row in found.rows {
            let record = &row.record;
            if !seen.insert((record.kind, record.key.clone(), record.etag)) {
                continue;
            }
            let bytes = row.bytes.start as usize..row.bytes.end as usize;
            let value = run.get(bytes).unwrap_or_default();
            row.own = match row.compressed {
                true => self
                    .dictionaries
                    .decompress(value, VALUE_BYTES_MAX)
                    .ok()
                    .map(Into::into),
                false => Some(value.into()),
            };
            out.rows.push(row);
        }
        for mut inline in found.inline {
            if out.inline.iter().all(|known| known.hash != inline.hash) {
                let bytes = inline.bytes.start as usize..inline.bytes.end as usize;
                inline.own = run.get(bytes).map(Into::into);
                out.inline.push(inline);
            }
        }
        out.collections.extend(found.collections);
        out.series.extend(found.series);
    }

    fn small(&self, place: Place, owner: Owner, run: &[u8], out: &mut Extracted) {
        let Some(page) = run.first_chunk() else {
            return;
        };
        for piece in raw::pieces(page, place.trust != Trust::Suspect) {
            let raw::Piece::Entry(entry) = piece else {
                continue;
            };
            let start = entry.offset + raw::SIZES_BYTES;
            let row = Entry {
                storage: place
                    .number
                    .wrapping_mul(PAGE)
                    .wrapping_add(entry.offset as u64),
                bytes: start..start + entry.bytes.len(),
                compressed: entry.compressed,
                unhashed: false,
            };
            let unread = out.unread.len();
            self.row(place, owner, &row, entry.bytes, out);
            if planted("SA-22") && out.unread.len() > unread {
                break;
            }
        }
    }

    fn large(
        &self,
        place: Place,
        owner: Owner,
        compressed: bool,
        header: &Header,
        bytes: &[u8],
        out: &mut Extracted,
    ) {
        let Some(run) = Run::read(header, bytes) else {
            return;
        };
        let row = Entry {
            storage: place.number.wrapping_mul(PAGE),
            bytes: HEADER_BYTES..HEADER_BYTES + run.value.len(),
            compressed,
            unhashed: !planted("SA-03"),
        };
        self.row(place, owner, &row, run.value, out);
    }

    fn row(&self, place: Place, owner: Owner, entry: &Entry, value: &[u8], out: &mut Extracted) {
        let decompressed;
        let value = match entry.compressed {
            true => match self.dictionaries.decompress(value, VALUE_BYTES_MAX) {
                Ok(bytes) => {
                    decompressed = bytes;
                    &decompressed
                }
                Err(_) => return out.unread.push((place.nth, entry.bytes.start as u32)),
            },
            false => value,
        };
        let row = match self.table(owner) {
            Some(table) => Row::read(table, value),
            None => Row::recognise(value),
        };
        let Ok(row) = row else {
            return out.unread.push((place.nth, entry.bytes.start as u32));
        };
        match &row {
            Row::Collection(collection) => {
                out.collections.insert(collection.name.to_owned());
            }
            Row::TimeSeriesStats(stats) => {
                out.series.insert(stats.key.into(), stats.name.to_owned());
            }
            _ => {}
        }
        let Some(record) = place.record(owner, entry, &row) else {
            return;
        };
        out.rows.push(Found {
            record,
            run: place.nth,
            bytes: entry.bytes.start as u32..entry.bytes.end as u32,
            compressed: entry.compressed,
            own: None,
        });
    }

    fn table(&self, owner: Owner) -> Option<Table> {
        let named = self
            .owners
            .resolve(owner.name_hash)
            .map(|owner| owner.table);
        Table::of_type(owner.table_type).or(named)
    }
}

/// A run that is being read.
#[derive(Clone, Copy)]
struct Place {
    nth: u32,
    number: u64,
    image: Image,
    trust: Trust,
}

/// An entry that is being read.
struct Entry {
    storage: u64,
    bytes: Range<usize>,
    compressed: bool,
    unhashed: bool,
}

impl Place {
    fn record(self, owner: Owner, entry: &Entry, row: &Row<'_>) -> Option<Record> {
        let kind = kind_of(row)?;
        let deletes = match row {
            Row::Tombstone(tombstone) => deleted(tombstone.kind, tombstone.key.as_bytes()),
            _ => None,
        };
        Some(Record {
            kind,
            key: row.key().into(),
            etag: u64::try_from(row.etag()?).ok()?,
            owner: owner.name_hash,
            storage: entry.storage,
            image: self.image,
            trust: self.trust,
            unhashed: entry.unhashed,
            // In all other tables it stands in front of what makes a row large; one wrong byte of a compressed value
            // may be anywhere in what it decompresses to.
            etag_unhashed: entry.unhashed
                && (entry.compressed || kind == Kind::Conflict)
                && !names_its_etag(row),
            deletes,
        })
    }
}

/// Whether a row's change vector has its etag, as that of a document has that was written here: one wrong byte does not
/// change both.
fn names_its_etag(row: &Row<'_>) -> bool {
    let Some((etag, vector)) = row.etag().zip(row.change_vector()) else {
        return false;
    };
    vector.split(',').any(|part| {
        let number = part
            .split_once(':')
            .and_then(|(_, rest)| rest.split_once('-'));
        number.is_some_and(|(number, _)| number.parse() == Ok(etag))
    })
}

fn kind_of(row: &Row<'_>) -> Option<Kind> {
    Some(match row {
        Row::Document(_) => Kind::Document,
        Row::Revision(_) => Kind::Revision,
        Row::Conflict(_) => Kind::Conflict,
        Row::LegacyCounter(_) | Row::CounterGroup(_) => Kind::Counters,
        Row::TimeSeries(_) => Kind::TimeSeries,
        Row::DeletedRange(_) => Kind::DeletedRange,
        Row::Tombstone(_) => Kind::Tombstone,
        Row::Attachment(_) => Kind::Attachment,
        Row::TimeSeriesStats(_) | Row::Collection(_) => return None,
    })
}

/// What a tombstone's key names: that of a revision has the document's id in front since 7.2.
fn deleted(kind: TombstoneKind, key: &[u8]) -> Option<(Kind, Box<[u8]>)> {
    Some(match kind {
        TombstoneKind::Document => (Kind::Document, key.into()),
        TombstoneKind::Attachment => (Kind::Attachment, key.into()),
        TombstoneKind::Revision => {
            let behind = key
                .iter()
                .rposition(|byte| *byte == SEPARATOR)
                .map_or(0, |at| at + 1);
            (Kind::Revision, key[behind..].into())
        }
        TombstoneKind::Counter => return None,
    })
}

/// A leaf as a witness, and the streams in it.
fn leaf(place: Place, header: &Header, run: &[u8], out: &mut Extracted) {
    let is_witness = place.image == Image::Current && place.trust != Trust::Suspect;
    if let PageKind::TreeOverflow = header.kind {
        if let Some(whole) = Run::read(header, run) {
            stream(place, run, whole.value, None, out);
        }
        return;
    }
    let Some(page) = run.first_chunk() else {
        return;
    };
    if let Some(entries) = FixedEntries::of_page(page) {
        witness_of_etags(&entries, is_witness, out);
    }
    let mut keys = Vec::new();
    for node in tree::nodes(page) {
        let NodeValue::Here(value) = node.value else {
            continue;
        };
        if !planted("SA-13") {
            stream(place, run, value, Some(node.key), out);
        }
        if let Some(storage) = StorageId::read(value) {
            keys.push((
                node.key.into(),
                storage.page * PAGE + u64::from(storage.offset),
            ));
        }
        if let Some(entries) = FixedEntries::of_value(value) {
            witness_of_etags(&entries, is_witness, out);
        }
    }
    if is_witness && !keys.is_empty() {
        out.leaves.push(Leaf::Keys(keys));
    }
}

fn witness_of_etags(entries: &FixedEntries<'_>, is_witness: bool, out: &mut Extracted) {
    if !is_witness || entries.value_bytes() != 8 {
        return;
    }
    let named = entries.iter().filter_map(|(etag, value)| {
        let storage = StorageId::read(value)?;
        let etag = u64::try_from(etag).ok()?;
        Some((etag, storage.page * PAGE + u64::from(storage.offset)))
    });
    let named: Vec<(u64, u64)> = named.collect();
    if !named.is_empty() {
        out.leaves.push(Leaf::Etags(named));
    }
}

/// An attachment's content in a leaf. Its hash is the node's key, and the last check of its bytes: it needs
/// no checksum of the page.
fn stream(place: Place, run: &[u8], value: &[u8], key: Option<&[u8]>, out: &mut Extracted) {
    let Some(stream) = InlineStream::read(value) else {
        return;
    };
    let hash = content_hash(stream.data);
    let is_true = key.is_none_or(|key| key == hash.as_bytes());
    let at = |part: &[u8]| {
        let start = part.as_ptr() as usize - run.as_ptr() as usize;
        u32::try_from(start)
            .ok()
            .zip(u32::try_from(start + part.len()).ok())
    };
    let (Some(bytes), Some(tag)) = (at(stream.data), at(stream.tag)) else {
        return;
    };
    out.inline.push(Inline {
        hash,
        run: place.nth,
        bytes: bytes.0..bytes.1,
        tag: tag.0..tag.1,
        own: None,
        is_true,
    });
}
