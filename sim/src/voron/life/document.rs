//! Documents, their revisions and conflicts, and their counters.

use std::collections::BTreeMap;

use super::series::Series;
use super::{Attachment, LOOKS, Life};
use crate::voron::blittable::{Json, blittable, text};
use crate::voron::bytes::{joined, lower};
use crate::voron::content;
use crate::voron::rows::{self, Buried, Stamp, flags};
use crate::voron::specification::bounds;
use crate::voron::store::NewRow;
use crate::voron::truth::{Content, Kind};

/// A document that is or was there.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) id: String,
    pub(super) collection: usize,
    pub(super) live: bool,
    pub(super) attachments: BTreeMap<u8, Attachment>,
    pub(super) series: BTreeMap<u8, Series>,
    body: Json,
    version: u64,
    etag: i64,
    replicas: u8,
    revisions: Vec<Revision>,
    conflicts: Vec<Vec<u8>>,
    counters: Vec<Counter>,
}

#[derive(Debug)]
struct Revision {
    key: Vec<u8>,
    change_vector: String,
    etag: i64,
    attachments: Vec<Attachment>,
}

#[derive(Debug)]
struct Counter {
    name: String,
    pairs: Vec<(i64, i64)>,
    live: bool,
}

impl Life {
    pub(super) fn is_live(&self, number: u16) -> bool {
        self.documents
            .get(&number)
            .is_some_and(|document| document.live)
    }

    fn document(&mut self, number: u16) -> &mut Document {
        let collection = usize::from(number) % self.collections.len();
        let name = &self.collections[collection];
        let id = match self.seed.below(4, LOOKS, u64::from(number), 0) {
            0 => format!("{name}/{number}"),
            1 => format!("{}/größe/{number}", lower(name)),
            _ => format!("{}/{number}-A", lower(name)),
        };
        self.documents.entry(number).or_insert_with(|| Document {
            id,
            collection,
            live: false,
            attachments: BTreeMap::new(),
            series: BTreeMap::new(),
            body: Json::Object(Vec::new()),
            version: 0,
            etag: 0,
            replicas: 0,
            revisions: Vec::new(),
            conflicts: Vec::new(),
            counters: Vec::new(),
        })
    }

    pub(super) fn put(&mut self, number: u16, size: u32, revision: bool, replicas: u8) {
        let seed = self.seed;
        let document = self.document(number);
        document.version += 1;
        let size = size.min(bounds::DOCUMENT_SIZE_MAX) as usize;
        document.body = content::body(seed, &document.id, document.version, size);
        document.live = true;
        document.replicas = replicas;
        let (key, collection) = (lower(&document.id).into_bytes(), document.collection);
        self.add_collection(collection);
        let tombstones = self.table(Kind::Tombstone, collection);
        self.store.remove(Kind::Tombstone, &tombstones, &key);
        if revision {
            self.write_revision(number);
        }
        self.rewrite_document(number);
    }

    /// Stores the document as it now is, under a new etag.
    pub(super) fn rewrite_document(&mut self, number: u16) {
        let stamp = self.stamp(self.documents[&number].replicas);
        let collection_names = self.collections.clone();
        let document = self.documents.get_mut(&number).expect("who calls has it");
        document.etag = stamp.etag;
        let collection = document.collection;
        let json = document.with_metadata(&collection_names[collection]);
        let columns = rows::document(&document.id, blittable(&json), document.flags(), &stamp);
        let key = lower(&document.id);
        self.store.put(NewRow {
            kind: Kind::Document,
            table: self.table(Kind::Document, collection),
            key: key.clone().into_bytes(),
            document: Some(key),
            etag: stamp.etag,
            columns,
            content: Content::Json(text(&json)),
        });
    }

    fn write_revision(&mut self, number: u16) {
        let stamp = self.stamp(self.documents[&number].replicas);
        let flavour = self.store.spec.flavour;
        let document = &self.documents[&number];
        let (id, collection) = (document.id.clone(), document.collection);
        let json = document.with_metadata(&self.collections[collection]);
        let flags = document.flags() | flags::REVISION | flags::HAS_REVISIONS;
        let columns = rows::revision(flavour, &id, blittable(&json), flags, &stamp);
        let key = columns[0].clone();
        let attachments: Vec<Attachment> = document.attachments.values().cloned().collect();
        self.store.put(NewRow {
            kind: Kind::Revision,
            table: self.table(Kind::Revision, collection),
            key: key.clone(),
            document: Some(lower(&id)),
            etag: stamp.etag,
            columns,
            content: Content::Json(text(&json)),
        });
        let of = Some((&key[..], stamp.change_vector.as_str()));
        let attachments = attachments
            .into_iter()
            .map(|attachment| self.write_attachment(number, attachment, of))
            .collect();
        self.document(number).revisions.push(Revision {
            key,
            change_vector: stamp.change_vector,
            etag: stamp.etag,
            attachments,
        });
    }

    pub(super) fn delete_revision(&mut self, number: u16) {
        let Some(document) = self.documents.get_mut(&number) else {
            return;
        };
        if document.revisions.is_empty() {
            return;
        }
        let revision = document.revisions.remove(0);
        let (id, collection) = (document.id.clone(), document.collection);
        let table = self.table(Kind::Revision, collection);
        self.store.remove(Kind::Revision, &table, &revision.key);
        let of = Some((&revision.key[..], revision.change_vector.as_str()));
        for attachment in &revision.attachments {
            self.remove_attachment(&id, collection, attachment, of);
        }
        let key = joined(&[lower(&id).as_bytes(), &revision.key]);
        let change_vector = Some(revision.change_vector.as_str());
        self.bury(
            key,
            Buried::Revision,
            revision.etag,
            collection,
            change_vector,
        );
    }

    pub(super) fn delete(&mut self, number: u16) {
        if !self.is_live(number) {
            return;
        }
        let names: Vec<u8> = self.documents[&number]
            .attachments
            .keys()
            .copied()
            .collect();
        for name in names {
            self.take_attachment(number, name);
        }
        self.drop_series(number);
        let document = self.documents.get_mut(&number).expect("it is live");
        document.live = false;
        document.counters.clear();
        let (key, etag) = (lower(&document.id).into_bytes(), document.etag);
        let collection = document.collection;
        let counters = self.table(Kind::CounterGroup, collection);
        self.store
            .remove(Kind::CounterGroup, &counters, &joined(&[&key, b""]));
        let documents = self.table(Kind::Document, collection);
        self.store.remove(Kind::Document, &documents, &key);
        self.bury(key, Buried::Document, etag, collection, None);
    }

    pub(super) fn conflict(&mut self, number: u16, size: u32) {
        let seed = self.seed;
        let mut stamp = self.stamp(1);
        stamp.change_vector = stamp.change_vector.replacen("A:", "C:", 1);
        let document = self.document(number);
        document.version += 1;
        let size = size.min(bounds::DOCUMENT_SIZE_MAX) as usize;
        let (id, collection) = (document.id.clone(), document.collection);
        let body = content::body(seed, &id, document.version, size);
        let key = stamp.change_vector.clone().into_bytes();
        document.conflicts.push(key.clone());
        let name = self.collections[collection].clone();
        let json = with_metadata(&body, vec![("@collection", Json::Text(name.clone()))]);
        let columns = rows::conflict(&id, &name, blittable(&json), flags::CONFLICTED, &stamp);
        self.store.put(NewRow {
            kind: Kind::Conflict,
            table: self.table(Kind::Conflict, 0),
            key,
            document: Some(lower(&id)),
            etag: stamp.etag,
            columns,
            content: Content::Json(text(&json)),
        });
    }

    pub(super) fn settle(&mut self, number: u16) {
        let Some(document) = self.documents.get_mut(&number) else {
            return;
        };
        for key in std::mem::take(&mut document.conflicts) {
            self.store.remove(Kind::Conflict, "Conflicts", &key);
        }
    }

    pub(super) fn count(&mut self, number: u16, counters: u8) {
        if !self.is_live(number) {
            return;
        }
        let stamp = self.stamp(0);
        let seed = self.seed;
        let wanted = usize::from(counters.min(bounds::COUNTERS_MAX));
        let document = self.documents.get_mut(&number).expect("it is live");
        if document.counters.is_empty() && wanted == 0 {
            return;
        }
        document.recount(seed, wanted, &stamp);
        let (id, collection) = (document.id.clone(), document.collection);
        let first = self.database_id.clone();
        let other = super::database_id(self.seed, 1);
        let document = &self.documents[&number];
        let json = document.counter_group(&[first, other], &stamp);
        let totals = document.counters.iter().map(|counter| {
            let total = counter
                .pairs
                .iter()
                .fold(0i64, |sum, (value, _)| sum.wrapping_add(*value));
            (lower(&counter.name), counter.live.then_some(total))
        });
        let content = Content::Counters(totals.collect());
        let name = &self.collections[collection];
        let columns = rows::counters(&id, blittable(&json), name, &stamp);
        self.store.put(NewRow {
            kind: Kind::CounterGroup,
            table: self.table(Kind::CounterGroup, collection),
            key: columns[0].clone(),
            document: Some(lower(&id)),
            etag: stamp.etag,
            columns,
            content,
        });
        self.rewrite_document(number);
    }
}

impl Document {
    fn flags(&self) -> i32 {
        let mut all = 0;
        let mut set = |flag, is_set| all |= if is_set { flag } else { 0 };
        set(flags::HAS_REVISIONS, !self.revisions.is_empty());
        set(flags::HAS_ATTACHMENTS, !self.attachments.is_empty());
        set(
            flags::HAS_COUNTERS,
            self.counters.iter().any(|one| one.live),
        );
        set(flags::HAS_TIME_SERIES, !self.series.is_empty());
        all
    }

    fn with_metadata(&self, collection: &str) -> Json {
        let mut metadata = vec![("@collection", Json::Text(collection.to_owned()))];
        if !self.attachments.is_empty() {
            let attachments = self.attachments.values().map(|one| {
                object([
                    ("Name", Json::Text(one.name.clone())),
                    ("Hash", Json::Text(one.hash.clone())),
                    ("ContentType", Json::Text(one.content_type.to_owned())),
                    ("Size", Json::Integer(one.size as i64)),
                ])
            });
            metadata.push(("@attachments", Json::Array(attachments.collect())));
        }
        let counters = self.counters.iter().filter(|one| one.live);
        let counters: Vec<Json> = counters.map(|one| Json::Text(one.name.clone())).collect();
        if !counters.is_empty() {
            metadata.push(("@counters", Json::Array(counters)));
        }
        let series = self.series.values().map(|one| Json::Text(one.name.clone()));
        let series: Vec<Json> = series.collect();
        if !series.is_empty() {
            metadata.push(("@timeseries", Json::Array(series)));
        }
        with_metadata(&self.body, metadata)
    }

    /// Raises or makes the first `wanted` counters; the others are deleted.
    fn recount(&mut self, seed: crate::draw::Seed, wanted: usize, stamp: &Stamp) {
        while self.counters.len() < wanted {
            let nth = self.counters.len();
            self.counters.push(Counter {
                name: format!(
                    "{}{nth}",
                    if nth.is_multiple_of(2) {
                        "Likes"
                    } else {
                        "größe"
                    }
                ),
                pairs: Vec::new(),
                live: false,
            });
        }
        for (nth, counter) in self.counters.iter_mut().enumerate() {
            counter.live = nth < wanted;
            if !counter.live {
                counter.pairs.clear();
                continue;
            }
            let drawn = seed.draw(LOOKS, stamp.etag as u64, nth as u64);
            let value = (drawn as i64) >> (drawn % 60);
            match counter.pairs.first_mut() {
                Some(pair) => *pair = (pair.0.wrapping_add(value), stamp.etag),
                None => counter.pairs.push((value, stamp.etag)),
            }
            if drawn.is_multiple_of(5) && counter.pairs.len() == 1 {
                counter.pairs.push((-7, 3));
            }
        }
    }

    fn counter_group(&self, databases: &[String], stamp: &Stamp) -> Json {
        let names = self
            .counters
            .iter()
            .map(|counter| (lower(&counter.name), Json::Text(counter.name.clone())));
        let values = self.counters.iter().map(|counter| {
            let value = if counter.live {
                let pairs = counter
                    .pairs
                    .iter()
                    .flat_map(|(value, etag)| [value.to_le_bytes(), etag.to_le_bytes()].concat());
                Json::Blob(pairs.collect())
            } else {
                Json::Text(format!("{}:{}", databases[0], stamp.etag))
            };
            (lower(&counter.name), value)
        });
        let databases = databases.iter().map(|id| Json::Text(id.clone()));
        object([
            ("@dbIds", Json::Array(databases.collect())),
            ("@names", Json::Object(names.collect())),
            ("@vals", Json::Object(values.collect())),
        ])
    }
}

fn object<const N: usize>(properties: [(&str, Json); N]) -> Json {
    let owned = |(name, value): (&str, Json)| (name.to_owned(), value);
    Json::Object(properties.into_iter().map(owned).collect())
}

fn with_metadata(body: &Json, metadata: Vec<(&str, Json)>) -> Json {
    let Json::Object(properties) = body else {
        unreachable!("bodies are objects");
    };
    let mut properties = properties.clone();
    let metadata = metadata
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    properties.push(("@metadata".to_owned(), Json::Object(metadata)));
    Json::Object(properties)
}
