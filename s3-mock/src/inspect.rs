//! What a test does behind the API's back: looks at everything, and puts histories there as they were.

use std::sync::Arc;

use bytes::Bytes;

use crate::bucket::md5_etag;
use crate::listing::listed;
use crate::object::{Stored, Version};
use crate::{Bucket, ListedEntry, StorageClass, Time};

/// A version or a marker as some other bucket once held it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsIs {
    /// Its id there; `null` is kept as well.
    pub version_id: String,
    /// When it was stored there.
    pub last_modified: Time,
    /// The bytes; none: a delete marker.
    pub body: Option<Bytes>,
    /// Its tag there, quotes included; none: the MD5.
    pub etag: Option<String>,
    /// Its class there.
    pub storage_class: StorageClass,
}

impl Bucket {
    /// Puts a version or a marker on top of a key with the id and time that it had elsewhere: the newest of
    /// its key, so a key's history is put in from its oldest entry on. An entry of the same key and id that
    /// is there already is replaced. The versioning state plays no part.
    pub fn insert_as_is(&mut self, key: &str, entry: AsIs) {
        self.remove(key, &entry.version_id);
        self.reserve(&entry.version_id);
        let version = entry.body.map(|body| {
            Arc::new(Version {
                etag: entry.etag.map_or_else(|| md5_etag(&body), Into::into),
                body,
                storage_class: entry.storage_class,
                restored: false,
                content_type: None,
                metadata: std::collections::BTreeMap::new(),
            })
        });
        let stored = Stored {
            sequence: self.next_sequence(),
            id: entry.version_id.into(),
            last_modified: entry.last_modified,
            version,
        };
        self.push(key, stored);
    }

    /// All keys that have a version or a marker, ascending.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(|key| &**key)
    }

    /// Everything stored under one key, newest first, without pages.
    pub fn history(&self, key: &str) -> Vec<ListedEntry> {
        let Some((key, history)) = self.keys.get_key_value(key) else {
            return Vec::new();
        };
        let newest_first = history.iter().enumerate().rev();
        newest_first
            .map(|(index, stored)| listed(key, stored, index + 1 == history.len()))
            .collect()
    }

    /// When the newest of all versions and markers was stored; none: nothing is there.
    #[cfg(feature = "http")]
    pub(crate) fn newest(&self) -> Option<Time> {
        let all = self.keys.values().flatten();
        all.map(|stored| stored.last_modified).max()
    }

    /// The bytes that a GET of the key would find, archived or not; none: no such key, or a marker on top.
    pub fn current_body(&self, key: &str) -> Option<&Bytes> {
        let version = self.current(key)?.version.as_ref()?;
        Some(&version.body)
    }

    /// The bytes of one version, archived or not.
    pub fn version_body(&self, key: &str, version: &str) -> Option<&Bytes> {
        let version = self.entry(key, version)?.version.as_ref()?;
        Some(&version.body)
    }
}
