//! The log of every operation on the bucket, and what each key must therefore hold.
//!
//! Three rules of S3 are all there is (S3 user guide, "How S3 Versioning works"):
//! - a put or a deletion without a version id goes on top of its key;
//! - if the id that it got is `null`, an older entry with that id is gone;
//! - a deletion with a version id takes exactly that entry away.

use std::collections::BTreeMap;

use bytes::Bytes;
use firedrill_core::object::{ETag, Key, VersionId, Versioning};

/// Who did it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// People and programs around the table.
    Outsider,
    /// The machine on this host.
    Machine(u32),
}

/// One operation that took effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// By whom.
    pub author: Author,
    /// When, in whole seconds since 1970, as a listing shows it.
    pub second: i64,
    /// On which key; empty for the bucket itself.
    pub key: Key,
    /// What.
    pub what: What,
}

/// What an operation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// New bytes on top.
    Put {
        /// The id that they got.
        id: VersionId,
        /// They themselves.
        body: Bytes,
        /// Their tag.
        etag: ETag,
    },
    /// An older version's bytes on top.
    Copied {
        /// That version.
        from: VersionId,
        /// The id that the copy got.
        id: VersionId,
        /// Its tag.
        etag: ETag,
    },
    /// A marker on top.
    Marked {
        /// Its id.
        id: VersionId,
    },
    /// Without versioning a deletion leaves nothing.
    Gone,
    /// One entry was deleted for good.
    Removed {
        /// Which.
        id: VersionId,
    },
    /// One version went to an archive.
    Archived {
        /// Which.
        id: VersionId,
    },
    /// The bucket's versioning changed.
    Versioning(Versioning),
}

/// What a key holds at one place of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its id.
    pub id: VersionId,
    /// Its bytes; none: a marker.
    pub body: Option<Bytes>,
    /// Its tag; empty for a marker.
    pub etag: ETag,
    /// When it was stored, whole seconds since 1970.
    pub second: i64,
    /// Whether it cannot be read.
    pub archived: bool,
    /// Who stored it.
    pub author: Author,
}

impl Held {
    /// Whether it holds these bytes.
    pub fn holds(&self, bytes: &Bytes) -> bool {
        let held = self.body.as_ref();
        held.is_some_and(|held| are_equal(held, bytes))
    }
}

/// Whether both are the same bytes. Most that are asked about are one buffer, which needs no look at them.
fn are_equal(left: &Bytes, right: &Bytes) -> bool {
    left.len() == right.len() && (left.as_ptr() == right.as_ptr() || left == right)
}

/// The log, and what follows from it.
#[derive(Debug, Clone)]
pub struct Log {
    records: Vec<Record>,
    keys: BTreeMap<Key, Vec<Held>>,
    versioning: Versioning,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            records: Vec::new(),
            keys: BTreeMap::new(),
            versioning: Versioning::Off,
        }
    }
}

impl Log {
    /// Adds what happened.
    pub fn append(&mut self, record: Record) {
        let history = self.keys.entry(record.key.clone()).or_default();
        let hold = |id: &VersionId, body, etag: &ETag| Held {
            id: id.clone(),
            body,
            etag: etag.clone(),
            second: record.second,
            archived: false,
            author: record.author,
        };
        let on_top = match &record.what {
            What::Put { id, body, etag } => Some(hold(id, Some(body.clone()), etag)),
            What::Copied { from, id, etag } => {
                let source = history.iter().find(|held| held.id == *from);
                let body = source.and_then(|held| held.body.clone());
                Some(hold(id, body, etag))
            }
            What::Marked { id } => Some(hold(id, None, &ETag::from(""))),
            _ => None,
        };
        match &record.what {
            What::Removed { id } => history.retain(|held| held.id != *id),
            What::Gone => history.clear(),
            What::Archived { id } => {
                let version = history.iter_mut().find(|held| held.id == *id);
                if let Some(version) = version {
                    version.archived = true;
                }
            }
            What::Versioning(versioning) => self.versioning = *versioning,
            _ => {}
        }
        if let Some(top) = on_top {
            if top.id.is_null() {
                history.retain(|held| !held.id.is_null());
            }
            history.insert(0, top);
        }
        if history.is_empty() {
            self.keys.remove(&record.key);
        }
        self.records.push(record);
    }

    /// Everything that happened, in order.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// What a key holds, newest first.
    pub fn history(&self, key: &Key) -> &[Held] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }

    /// Whether a plain GET must find these bytes.
    pub fn is_current(&self, key: &Key, bytes: &Bytes) -> bool {
        let top = self.history(key).first();
        top.is_some_and(|top| top.holds(bytes))
    }

    /// The bytes that a plain GET must find; none: no such key, or a marker on top.
    pub fn current(&self, key: &Key) -> Option<&Bytes> {
        self.history(key).first()?.body.as_ref()
    }

    /// Whether a machine put there what a plain GET must find.
    pub fn is_a_machines(&self, key: &Key) -> bool {
        let top = self.history(key).first();
        top.is_some_and(|held| matches!(held.author, Author::Machine(_)))
    }

    /// The bucket's versioning state.
    pub fn versioning(&self) -> Versioning {
        self.versioning
    }

    /// Every key under a prefix from this key on, likewise.
    pub fn from<'a>(
        &'a self,
        prefix: &'a str,
        first: &Key,
    ) -> impl Iterator<Item = (&'a Key, &'a [Held])> {
        self.keys
            .range(first.clone()..)
            .take_while(move |(key, _)| key.as_str().starts_with(prefix))
            .map(|(key, held)| (key, held.as_slice()))
    }

    /// Every key under a prefix with what it holds, keys ascending.
    pub fn under<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a Key, &'a [Held])> {
        self.keys
            .range(Key::from(prefix)..)
            .take_while(move |(key, _)| key.as_str().starts_with(prefix))
            .map(|(key, held)| (key, held.as_slice()))
    }
}
