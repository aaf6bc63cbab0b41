//! The tables, trees, journals and headers of one database: rows go in and out, transactions end.
//!
//! ```text
//!  root tree ─┬─ `Docs` …            key tree of a kind ──► place of a row
//!             ├─ `AllDocsEtags` …    etag tree of a kind ──► place of a row
//!             ├─ `Collection.Documents.orders` … a table ──► its active section, its own etags
//!             ├─ `Attachments`       hash ──► chunks, or the content itself
//!             └─ `CompressionDictionaries`
//! ```

mod trees;

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::{self, table_value};
use super::compression::Compressor;
use super::encryption;
use super::headers;
use super::journal::{Journals, TransactionHead};
use super::pages::Pages;
use super::places::Places;
use super::section::{Storage, is_large, place_of};
use super::specification::{DatabaseSpec, Flavour, bounds};
use super::stream::Streams;
use super::tree::{Tree, Value, needs_run};
use super::truth::{Content, Dictionary, Kind, PageUse, Record, State};
use crate::draw::{Seed, Stream};

/// A row to be.
#[derive(Debug)]
pub(super) struct NewRow {
    pub(super) kind: Kind,
    pub(super) table: String,
    pub(super) key: Vec<u8>,
    pub(super) document: Option<String>,
    pub(super) etag: i64,
    pub(super) columns: Vec<Vec<u8>>,
    pub(super) content: Content,
}

/// One database.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) spec: DatabaseSpec,
    pub(super) pages: Pages,
    pub(super) places: Places,
    pub(super) streams: Streams,
    pub(super) files: Streams,
    pub(super) journals: Journals,
    pub(super) transaction: u64,
    pub(super) ticks: i64,
    pub(super) file: File,
    pub(super) records: Vec<Written>,
    pub(super) dictionaries: Vec<StoredDictionary>,
    tables: BTreeMap<(Kind, String), Table>,
    key_trees: BTreeMap<Kind, Tree>,
    etag_trees: BTreeMap<Kind, (Tree, Vec<u8>)>,
    attachments: Tree,
    file_tree: Tree,
    dictionary_tree: Tree,
    root: Tree,
    compressor: Option<Compressor>,
    dirty: BTreeSet<(Kind, String)>,
}

/// The data file and its headers.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) data: Vec<u8>,
    pub(super) uses: Vec<PageUse>,
    pub(super) headers: [Vec<u8>; 2],
    pub(super) revision: u64,
    pub(super) applied: u64,
    pub(super) synced: u64,
    /// The data file of an encrypted database.
    pub(super) encrypted: Vec<u8>,
    /// What was committed since the last checkpoint; only kept for an encrypted database.
    unencrypted: Vec<(u64, Vec<u8>)>,
}

/// A record with the numbers of its places.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) record: Record,
    pub(super) places: Vec<usize>,
}

/// A dictionary with the number of its place.
#[derive(Debug)]
pub(super) struct StoredDictionary {
    pub(super) dictionary: Dictionary,
    pub(super) place: Option<usize>,
    value: Value,
}

#[derive(Debug)]
struct Table {
    storage: Storage,
    tree: Tree,
    etags: Tree,
    rows: BTreeMap<Vec<u8>, Row>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    id: i64,
    etag: i64,
    record: usize,
}

const IN_PLACE: Stream = Stream::new("voron.in-place");
const NOISE: Stream = Stream::new("voron.noise");
const NONCE: Stream = Stream::new("voron.nonce");
const ROOT_PAGE_TOUCHED_PERCENT: u64 = 30;

impl Store {
    pub(super) fn new(spec: &DatabaseSpec) -> Self {
        let empty_pages = spec.empty_pages.min(bounds::EMPTY_PAGES_MAX);
        let mut store = Self {
            spec: spec.clone(),
            pages: Pages::new(usize::from(empty_pages)),
            places: Places::default(),
            streams: Streams::new(spec.flavour),
            files: Streams::new(Flavour::V5),
            journals: Journals::new(spec.journal),
            transaction: 1,
            ticks: super::life::START_TICKS,
            file: File::default(),
            records: Vec::new(),
            dictionaries: Vec::new(),
            tables: BTreeMap::new(),
            key_trees: BTreeMap::new(),
            etag_trees: BTreeMap::new(),
            attachments: Tree::new("Attachments"),
            file_tree: Tree::new("Files"),
            dictionary_tree: Tree::new("CompressionDictionaries"),
            root: Tree::new("Root"),
            compressor: spec.compression.map(Compressor::new),
            dirty: BTreeSet::new(),
        };
        store.root.write(&mut store.pages, &[]);
        store.commit();
        store.checkpoint(true);
        store
    }

    fn seed(&self) -> Seed {
        Seed(self.spec.seed)
    }

    /// Stores a row; one under the same key goes.
    pub(super) fn put(&mut self, row: NewRow) {
        let name = (row.kind, row.table.clone());
        let number = self.records.len();
        let value = table_value(&row.columns);
        let compressible = matches!(row.kind, Kind::Document | Kind::Revision);
        let compressed = match &mut self.compressor {
            Some(compressor) if compressible => compressor.compress(&value),
            _ => None,
        };
        let (stored, dictionary) = match compressed {
            Some((stored, dictionary)) => (stored, Some(dictionary)),
            None => (value, None),
        };
        let old = self.table(&name).rows.get(&row.key).copied();
        let id = self.store(&name, old, &stored, dictionary.is_some());
        let (page, offset) = place_of(id);
        let offset = if offset == 0 { 64 } else { offset + 4 };
        let large = is_large(stored.len());
        let place = self
            .places
            .add(page, offset, stored, large, self.transaction);
        self.table(&name).rows.insert(
            row.key.clone(),
            Row {
                id,
                etag: row.etag,
                record: number,
            },
        );
        self.records.push(Written {
            record: Record {
                kind: row.kind,
                table: row.table,
                key: row.key,
                document: row.document,
                etag: row.etag,
                state: State::Live,
                columns: row.columns,
                content: row.content,
                compressed: dictionary,
                places: Vec::new(),
            },
            places: vec![place],
        });
        self.dirty.insert(name);
    }

    /// Writes a value in the place of the old one where that fits, half of the times, or at a new place.
    fn store(
        &mut self,
        name: &(Kind, String),
        old: Option<Row>,
        stored: &[u8],
        compressed: bool,
    ) -> i64 {
        let transaction = self.transaction;
        if let Some(old) = old {
            let nth = self.records.len() as u64;
            let try_it = self.seed().chance(50, IN_PLACE, nth, 0);
            self.release_place(old.record, transaction);
            let pages = &mut self.pages;
            let table = self.tables.get_mut(name).expect("it has the old row");
            if try_it && table.storage.rewrite(pages, old.id, stored, compressed) {
                return old.id;
            }
            table.storage.free(pages, old.id);
        }
        let table = self.tables.get_mut(name).expect("asked for before");
        let (id, moved) = table.storage.insert(&mut self.pages, stored, compressed);
        let moves: BTreeMap<i64, i64> = moved.iter().map(|one| (one.from, one.to)).collect();
        if moves.is_empty() {
            return id;
        }
        let mut moved_rows = Vec::new();
        for row in table.rows.values_mut() {
            // The old row's place was freed before, so it is none of those that moved.
            if let Some(to) = moves
                .get(&row.id)
                .filter(|_| old.is_none_or(|old| old.id != row.id))
            {
                row.id = *to;
                moved_rows.push((row.record, *to));
            }
        }
        for (record, to) in moved_rows {
            self.move_place(record, to);
        }
        id
    }

    fn move_place(&mut self, record: usize, to: i64) {
        self.release_place(record, self.transaction);
        let written = &mut self.records[record];
        let last = *written.places.last().expect("each record has a place");
        let stored = self.places.stored(last).to_vec();
        let (page, offset) = place_of(to);
        let place = self
            .places
            .add(page, offset + 4, stored, false, self.transaction);
        written.places.push(place);
    }

    fn release_place(&mut self, record: usize, transaction: u64) {
        let last = self.records[record]
            .places
            .last()
            .expect("each record has a place");
        self.places.release(*last, transaction);
    }

    /// Takes a row out; false if there is none.
    pub(super) fn remove(&mut self, kind: Kind, table: &str, key: &[u8]) -> bool {
        let name = (kind, table.to_owned());
        let Some(row) = self
            .tables
            .get_mut(&name)
            .and_then(|one| one.rows.remove(key))
        else {
            return false;
        };
        self.release_place(row.record, self.transaction);
        let table = self.tables.get_mut(&name).expect("it had the row");
        table.storage.free(&mut self.pages, row.id);
        self.dirty.insert(name);
        true
    }

    /// One more attachment, or one more file without a tag, has this content.
    pub(super) fn put_content(&mut self, content: &[u8], tag: &[u8]) {
        let (pages, places) = (&mut self.pages, &mut self.places);
        let streams = if tag.is_empty() {
            &mut self.files
        } else {
            &mut self.streams
        };
        streams.put(pages, places, self.transaction, content, tag);
    }

    /// One attachment less has the content of this hash.
    pub(super) fn drop_content(&mut self, hash: &str) {
        let (pages, places) = (&mut self.pages, &mut self.places);
        self.streams.drop_one(pages, places, self.transaction, hash);
    }

    /// One file less has the content of this hash.
    pub(super) fn drop_file(&mut self, hash: &str) {
        let (pages, places) = (&mut self.pages, &mut self.places);
        self.files.drop_one(pages, places, self.transaction, hash);
    }

    /// Whether there is a row.
    pub(super) fn has(&self, kind: Kind, table: &str, key: &[u8]) -> bool {
        let name = (kind, table.to_owned());
        self.tables
            .get(&name)
            .is_some_and(|one| one.rows.contains_key(key))
    }

    /// Keys of a kind's rows, with their tables.
    pub(super) fn keys(&self, kind: Kind) -> Vec<(String, Vec<u8>)> {
        self.tables
            .iter()
            .filter(|((one, _), _)| *one == kind)
            .flat_map(|((_, name), table)| table.rows.keys().map(|key| (name.clone(), key.clone())))
            .collect()
    }

    /// The records that are rows.
    pub(super) fn live(&self) -> BTreeSet<usize> {
        self.tables
            .values()
            .flat_map(|table| table.rows.values().map(|row| row.record))
            .collect()
    }

    fn table(&mut self, name: &(Kind, String)) -> &mut Table {
        let most = bounds::SECTION_PAGES_MAX;
        let section_pages = usize::from(self.spec.section_pages.clamp(1, most));
        self.tables.entry(name.clone()).or_insert_with(|| Table {
            storage: Storage::new(&name.1, table_type(name.0), section_pages),
            tree: Tree::new(&name.1),
            etags: Tree::new("CollectionEtags"),
            rows: BTreeMap::new(),
        })
    }

    /// Ends the transaction.
    pub(super) fn commit(&mut self) {
        self.add_dictionary();
        self.write_trees();
        let number = self.transaction;
        if self
            .seed()
            .chance(ROOT_PAGE_TOUCHED_PERCENT, NOISE, number, 0)
        {
            self.pages.page_mut(0);
        }
        let changed = self.pages.commit();
        let head = TransactionHead {
            number,
            next_page: self.pages.end(),
            root: self.root.header(1, 0),
            ticks: self.ticks,
            noise: self.seed().draw(NOISE, number, 1),
        };
        self.journals.append(head, &changed);
        let (last, _) = self.journals.transactions.last().expect("just appended");
        self.places
            .commit(&self.pages, &changed, &last.pages, number);
        self.transaction += 1;
        if self.spec.master_key.is_some() {
            let written = changed.into_iter().map(|one| (one.page, one.after));
            self.file.unencrypted.extend(written);
        }
    }

    /// Writes all that is committed to the data file.
    pub(super) fn checkpoint(&mut self, sync: bool) {
        let applied = self.transaction - 1;
        self.file.data = self.pages.all().to_vec();
        self.file.uses = self.pages.uses().to_vec();
        self.file.applied = applied;
        self.encrypt();
        self.streams.checkpoint();
        for one in &mut self.dictionaries {
            one.dictionary.leaf_in_file = Some(one.dictionary.leaf);
        }
        if !sync {
            return;
        }
        self.file.synced = applied;
        let (current, synced) = self.journals.numbers(applied);
        let first = self.file.revision == 0;
        loop {
            let header = headers::header(&headers::Header {
                flavour: self.spec.flavour,
                revision: self.file.revision,
                transaction: applied,
                last_page: self.pages.end().saturating_sub(1),
                root: self.root.header(1, 0),
                current_journal: current,
                synced_journal: synced,
            });
            self.file.headers[(self.file.revision % 2) as usize] = header;
            self.file.revision += 1;
            if !first || self.file.revision == 2 {
                break;
            }
        }
        self.journals.recycle(applied);
    }

    /// Encrypts what was written since the last checkpoint, in the order in which it was.
    fn encrypt(&mut self) {
        let Some(master) = self.spec.master_key else {
            return;
        };
        self.file.encrypted.resize(self.file.data.len(), 0);
        let written = std::mem::take(&mut self.file.unencrypted);
        for (nth, (page, mut run)) in (0..).zip(written) {
            let seed = self.seed().child(NONCE, self.transaction << 32 | nth);
            let noise = [seed.draw(NONCE, page, 0), seed.draw(NONCE, page, 1)];
            encryption::encrypt(&mut run, &master, noise);
            let at = page as usize * bytes::PAGE_SIZE;
            self.file.encrypted[at..at + run.len()].copy_from_slice(&run);
        }
    }

    fn add_dictionary(&mut self) {
        let Some((number, bytes)) = self.compressor.as_mut().and_then(Compressor::train) else {
            return;
        };
        let mut value = vec![25];
        value.extend_from_slice(&bytes);
        let mut place = None;
        let name = "CompressionDictionaries".to_owned();
        let value = if needs_run(4, value.len()) {
            let page_use = PageUse::TreeValue { name };
            let page = self.pages.allocate_run(2 | 4, &value, &page_use);
            self.pages.page_mut(page)[13] = 4;
            place = Some(self.places.add(page, 64, value, true, self.transaction));
            Value::Run(page)
        } else {
            Value::Inline(value)
        };
        self.dictionaries.push(StoredDictionary {
            dictionary: Dictionary {
                number,
                bytes,
                run: None,
                leaf: 0,
                leaf_in_file: None,
            },
            place,
            value,
        });
    }
}

fn table_type(kind: Kind) -> u8 {
    match kind {
        Kind::Document => 1,
        Kind::Revision => 2,
        Kind::Conflict => 3,
        Kind::CounterGroup => 5,
        Kind::TimeSeries => 6,
        _ => 0,
    }
}
