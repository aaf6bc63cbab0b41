//! What a server does: each operation as the rows that it writes and takes out.
//!
//! ```text
//!  put      document row; with a revision its row and those of its attachments; a tombstone of the id goes
//!  delete   document row out, tombstone in; attachments too, each with its tombstone; counters, series out
//! ```
//!
//! Invariants: what has nothing to do does nothing; etags rise by one with every row that has one.

mod document;
mod series;

use std::collections::BTreeMap;

use super::bytes::{base64, content_hash, lazy_string, lower};
use super::content;
use super::database::Database;
use super::rows::{self, AttachmentRow, Buried, Stamp};
use super::specification::{DatabaseSpec, Operation, bounds};
use super::store::{NewRow, Store};
use super::truth::{Content, Kind};
use crate::draw::{Seed, Stream};
use document::Document;

/// Time of the first operation, in ticks.
pub(super) const START_TICKS: i64 = 0x08df_47e3_2087_6e10;

/// A database while it lives.
#[derive(Debug)]
pub(super) struct Life {
    store: Store,
    seed: Seed,
    collections: Vec<String>,
    database_id: String,
    documents: BTreeMap<u16, Document>,
    /// Hash of each file that is no attachment.
    files: BTreeMap<u8, String>,
    etag: i64,
    open: bool,
}

const IDENTITY: Stream = Stream::new("voron.identity");
const LOOKS: Stream = Stream::new("voron.looks");
const CONTENTS: Stream = Stream::new("voron.contents");
const TICKS_PER_OPERATION: i64 = 12_345_678;
const CONTENT_TYPES: [&str; 3] = ["image/png", "", "text/plain; charset=utf-8"];

impl Life {
    pub(super) fn new(spec: &DatabaseSpec) -> Self {
        let seed = Seed(spec.seed);
        Self {
            store: Store::new(spec),
            seed,
            collections: collections(&spec.collections),
            database_id: database_id(seed, 0),
            documents: BTreeMap::new(),
            files: BTreeMap::new(),
            etag: 0,
            open: false,
        }
    }

    pub(super) fn perform(&mut self, operation: &Operation) {
        self.store.ticks += TICKS_PER_OPERATION;
        self.open = true;
        match *operation {
            Operation::Put {
                document,
                size,
                revision,
                replicas,
            } => self.put(document, size, revision, replicas),
            Operation::Delete { document } => self.delete(document),
            Operation::Conflict { document, size } => self.conflict(document, size),
            Operation::Settle { document } => self.settle(document),
            Operation::DeleteRevision { document } => self.delete_revision(document),
            Operation::Attach {
                document,
                name,
                size,
                content,
            } => self.attach(document, name, size, content),
            Operation::Detach { document, name } => self.detach(document, name),
            Operation::File {
                name,
                size,
                content,
            } => self.write_file(name, size, content),
            Operation::Count { document, counters } => self.count(document, counters),
            Operation::Append {
                document,
                series,
                entries,
                values,
            } => self.append(document, series, entries, values),
            Operation::DeleteRange { document, series } => self.delete_range(document, series),
            Operation::CleanTombstones => self.clean_tombstones(),
            Operation::Commit => self.commit(),
            Operation::Checkpoint { sync } => {
                self.commit();
                self.store.checkpoint(sync);
            }
        }
    }

    pub(super) fn finish(mut self) -> Database {
        if self.open {
            self.commit();
        }
        self.store.finish()
    }

    fn commit(&mut self) {
        self.store.commit();
        self.open = false;
    }

    /// The next etag and what goes with it; `replicas` other databases are in the change vector.
    fn stamp(&mut self, replicas: u8) -> Stamp {
        self.etag += 1;
        let mut change_vector = format!("A:{}-{}", self.etag, self.database_id);
        for other in 1..=u64::from(replicas.min(bounds::REPLICAS_MAX)) {
            let etag = self.seed.below(1 << 40, IDENTITY, other, self.etag as u64);
            let tag = char::from(b'A' + other as u8);
            change_vector.push_str(&format!(", {tag}:{etag}-{}", database_id(self.seed, other)));
        }
        Stamp {
            etag: self.etag,
            change_vector,
            ticks: self.store.ticks,
            marker: self.store.transaction as i16,
        }
    }

    fn table(&self, kind: Kind, collection: usize) -> String {
        let collection = lower(&self.collections[collection]);
        match kind {
            Kind::Document => format!("Collection.Documents.{collection}"),
            Kind::Revision => format!("Collection.Revisions.{collection}"),
            Kind::Conflict => "Conflicts".to_owned(),
            Kind::CounterGroup => format!("Collection.CounterGroups.{collection}"),
            Kind::TimeSeries => format!("Collection.TimeSeries.{collection}"),
            Kind::TimeSeriesStatistics => format!("Collection.TimeSeriesStats.{collection}"),
            Kind::DeletedRange => format!("Collection.TimeSeriesDeletedRanges.{collection}"),
            Kind::Tombstone => format!("Collection.Tombstones.{collection}"),
            Kind::Attachment => "AttachmentsMetadata".to_owned(),
            Kind::Collection => "Collections".to_owned(),
        }
    }

    fn add_collection(&mut self, collection: usize) {
        let name = self.collections[collection].clone();
        let key = lazy_string(&name);
        if self.store.has(Kind::Collection, "Collections", &key) {
            return;
        }
        self.store.put(NewRow {
            kind: Kind::Collection,
            table: "Collections".to_owned(),
            columns: vec![key.clone()],
            key,
            document: None,
            etag: 0,
            content: Content::Columns,
        });
    }

    /// Writes a tombstone; its table depends on what it stands for.
    fn bury(
        &mut self,
        key: Vec<u8>,
        buried: Buried,
        deleted_etag: i64,
        collection: usize,
        revision: Option<&str>,
    ) {
        let stamp = self.stamp(0);
        let table = match buried {
            Buried::Document => self.table(Kind::Tombstone, collection),
            Buried::Attachment => "Attachments.Tombstones".to_owned(),
            Buried::Revision => "Revisions.Tombstones".to_owned(),
        };
        let name = &self.collections[collection];
        let columns = rows::tombstone(
            self.store.spec.flavour,
            key.clone(),
            buried,
            deleted_etag,
            name,
            revision,
            &stamp,
        );
        self.store.put(NewRow {
            kind: Kind::Tombstone,
            table,
            key,
            document: None,
            etag: stamp.etag,
            columns,
            content: Content::Columns,
        });
    }

    fn clean_tombstones(&mut self) {
        for (table, key) in self.store.keys(Kind::Tombstone) {
            self.store.remove(Kind::Tombstone, &table, &key);
        }
    }

    fn attach(&mut self, number: u16, name: u8, size: u32, content: u16) {
        if !self.is_live(number) {
            return;
        }
        self.take_attachment(number, name);
        let bytes = self.content(size, content);
        let attachment = Attachment {
            name: attachment_name(name),
            content_type: CONTENT_TYPES[usize::from(content) % CONTENT_TYPES.len()],
            hash: content_hash(&bytes),
            size: bytes.len(),
            bytes,
            etag: 0,
        };
        let attachment = self.write_attachment(number, attachment, None);
        let document = self.documents.get_mut(&number).expect("it is live");
        document.attachments.insert(name, attachment);
        self.rewrite_document(number);
    }

    fn content(&self, size: u32, content: u16) -> Vec<u8> {
        let size = size.min(bounds::ATTACHMENT_SIZE_MAX) as usize;
        let source = u64::from(content) << 32 | size as u64;
        let seed = self.seed.child(CONTENTS, source);
        content::bytes(seed, u64::from(content), size)
    }

    fn write_file(&mut self, name: u8, size: u32, content: u16) {
        let bytes = self.content(size, content);
        self.store.put_content(&bytes, b"");
        if let Some(old) = self.files.insert(name, content_hash(&bytes)) {
            self.store.drop_file(&old);
        }
    }

    /// Writes an attachment of a document, or of its revision with this key and change vector.
    fn write_attachment(
        &mut self,
        number: u16,
        mut attachment: Attachment,
        revision: Option<(&[u8], &str)>,
    ) -> Attachment {
        let id = self.documents[&number].id.clone();
        let key = rows::attachment_key(
            &id,
            revision.map(|(key, _)| key),
            &attachment.name,
            &attachment.hash,
            attachment.content_type,
        );
        let stamp = self.stamp(0);
        attachment.etag = stamp.etag;
        let row = AttachmentRow {
            key: key.clone(),
            name: &attachment.name,
            content_type: attachment.content_type,
            hash: &attachment.hash,
            size: attachment.size,
            revision: revision.map(|(_, change_vector)| change_vector),
        };
        let columns = rows::attachment(self.store.spec.flavour, row, &stamp);
        self.store.put_content(&attachment.bytes, &key);
        self.store.put(NewRow {
            kind: Kind::Attachment,
            table: self.table(Kind::Attachment, 0),
            key,
            document: Some(lower(&id)),
            etag: stamp.etag,
            columns,
            content: Content::Columns,
        });
        attachment
    }

    fn detach(&mut self, number: u16, name: u8) {
        if self.is_live(number) && self.take_attachment(number, name) {
            self.rewrite_document(number);
        }
    }

    /// Takes an attachment out and leaves a tombstone; false if there is none.
    fn take_attachment(&mut self, number: u16, name: u8) -> bool {
        let Some(document) = self.documents.get_mut(&number) else {
            return false;
        };
        let Some(attachment) = document.attachments.remove(&name) else {
            return false;
        };
        let (id, collection) = (document.id.clone(), document.collection);
        self.remove_attachment(&id, collection, &attachment, None);
        true
    }

    fn remove_attachment(
        &mut self,
        id: &str,
        collection: usize,
        attachment: &Attachment,
        revision: Option<(&[u8], &str)>,
    ) {
        let key = rows::attachment_key(
            id,
            revision.map(|(key, _)| key),
            &attachment.name,
            &attachment.hash,
            attachment.content_type,
        );
        if self
            .store
            .remove(Kind::Attachment, "AttachmentsMetadata", &key)
        {
            self.store.drop_content(&attachment.hash);
            let change_vector = revision.map(|(_, change_vector)| change_vector);
            self.bury(
                key,
                Buried::Attachment,
                attachment.etag,
                collection,
                change_vector,
            );
        }
    }
}

/// An attachment of a document.
#[derive(Debug, Clone)]
struct Attachment {
    name: String,
    content_type: &'static str,
    hash: String,
    size: usize,
    bytes: Vec<u8>,
    etag: i64,
}

fn attachment_name(number: u8) -> String {
    match number % 3 {
        0 => format!("größe-{number}.bin"),
        1 => format!("Photo {number}.PNG"),
        _ => format!("{}-{number}", "x".repeat(usize::from(number % 80))),
    }
}

/// The names that count: not empty, not too long, each once.
fn collections(names: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names {
        let name: String = name
            .chars()
            .filter(|one| !one.is_control())
            .take(40)
            .collect();
        let known = out.iter().any(|one| lower(one) == lower(&name));
        if !name.is_empty() && !known && out.len() < bounds::COLLECTIONS_MAX {
            out.push(name);
        }
    }
    if out.is_empty() {
        out.push("Orders".to_owned());
    }
    out
}

/// Id of a database: 22 characters of base64.
fn database_id(seed: Seed, nth: u64) -> String {
    let mut bytes = seed.draw(IDENTITY, nth, 1).to_le_bytes().to_vec();
    bytes.extend_from_slice(&seed.draw(IDENTITY, nth, 2).to_le_bytes());
    let mut id = base64(&bytes);
    id.truncate(22);
    id
}
