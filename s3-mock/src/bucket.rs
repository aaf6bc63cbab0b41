//! A bucket: for each key its versions and delete markers in the order in which they were stored.
//!
//! ```text
//!  key ──► [ oldest … newest ]     the last one is the current one
//!              │
//!              ├─ version: id, second, bytes, tag      id `null` if written while versioning was not enabled;
//!              └─ marker:  id, second                  at most one entry of a key has it
//! ```
//!
//! Here are the state and its writes; reading, copying, deleting and listing are in modules of their own.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use crate::change::{Kind, Recorder};
use crate::object::{Stored, Version};
use crate::{Condition, Error, StorageClass, Time, version_id};

/// "By default, the action returns up to 1,000 key names" (API reference, ListObjectVersions).
pub const PAGE_SIZE_MAX: u32 = 1000;

/// "The object key name … is a sequence of Unicode characters with UTF-8 encoding of up to 1,024 bytes
/// long" (S3 user guide, "Naming Amazon S3 objects").
const KEY_LENGTH_MAX: usize = 1024;

/// A bucket's versioning state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Versioning {
    /// Never enabled: "By default, buckets are unversioned".
    Off,
    /// Every write makes a version of its own.
    Enabled,
    /// Writes replace the null version; older versions stay.
    Suspended,
}

/// A versioned bucket in memory. Cloning it copies no bodies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    pub(crate) versioning: Versioning,
    pub(crate) keys: BTreeMap<Arc<str>, Vec<Stored>>,
    pub(crate) sequence: u64,
    /// Foreign version ids that were removed, with the place that they had: a listing may still name one.
    pub(crate) removed: BTreeMap<Arc<str>, u64>,
    /// A listing's page never has more entries, whatever the request says. S3's is 1000; a drill makes it
    /// small.
    pub page_size_max: u32,
    /// Every put and copy gets an ETag that is not the MD5 of its bytes, another one each time, as with
    /// multipart uploads and KMS.
    pub foreign_etags: bool,
    pub(crate) recorder: Option<Box<Recorder>>,
}

/// How to put, beyond the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PutOptions {
    /// What must be current for the write to happen.
    pub condition: Option<Condition>,
    /// A tag to be given instead of the MD5, quotes included.
    pub etag: Option<String>,
    /// Where it is stored.
    pub storage_class: StorageClass,
    /// Content-Type; none is shown as `binary/octet-stream`.
    pub content_type: Option<String>,
    /// User metadata, names without `x-amz-meta-`. None in a copy: the source's, with its content type.
    pub metadata: Option<BTreeMap<String, String>>,
}

/// A put or a copy that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The new version's id; `null` under suspension, none where versioning was never enabled.
    pub version_id: Option<Arc<str>>,
    /// The new version's tag, quotes included.
    pub etag: Arc<str>,
    /// When, to the second.
    pub last_modified: Time,
    /// Bytes.
    pub size: u64,
}

impl Bucket {
    /// An empty bucket.
    pub fn new(versioning: Versioning) -> Self {
        Self {
            versioning,
            keys: BTreeMap::new(),
            sequence: 0,
            removed: BTreeMap::new(),
            page_size_max: PAGE_SIZE_MAX,
            foreign_etags: false,
            recorder: None,
        }
    }

    /// Its versioning state.
    pub fn versioning(&self) -> Versioning {
        self.versioning
    }

    /// Changes the versioning state of what is written from now on; what is stored stays as it is.
    ///
    /// # Errors
    /// "Once you version-enable a bucket, it can never return to an unversioned state" (S3 user guide).
    pub fn set_versioning(&mut self, versioning: Versioning) -> Result<(), Error> {
        if versioning == Versioning::Off && self.versioning != Versioning::Off {
            return Err(Error::IllegalVersioning);
        }
        self.versioning = versioning;
        self.note(|| Kind::Versioning(versioning));
        Ok(())
    }

    /// Whether no version and no marker is stored: "All objects (including all object versions and delete
    /// markers) in the bucket must be deleted before the bucket itself can be deleted" (API reference,
    /// DeleteBucket).
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Stores a new current version of `key`.
    ///
    /// Enabled: "If you enable versioning for a bucket, Amazon S3 automatically generates a unique version
    /// ID for the object being stored." Suspended: "If a null version is already present in the bucket and
    /// you add another object with the same key, the added object overwrites the original null version"
    /// (S3 user guide, "Adding objects to versioning-suspended buckets").
    ///
    /// # Errors
    /// The condition of `options` does not hold; the key is too long.
    pub fn put(
        &mut self,
        now: Time,
        key: &str,
        body: Bytes,
        options: &PutOptions,
    ) -> Result<Written, Error> {
        let version = Version {
            body,
            etag: "".into(),
            storage_class: options.storage_class,
            restored: false,
            content_type: options.content_type.clone(),
            metadata: options.metadata.clone().unwrap_or_default(),
        };
        self.write(now, key, version, options)
    }

    /// Checks the condition and stores, in one step.
    pub(crate) fn write(
        &mut self,
        now: Time,
        key: &str,
        mut version: Version,
        options: &PutOptions,
    ) -> Result<Written, Error> {
        if key.len() > KEY_LENGTH_MAX {
            return Err(Error::KeyTooLong);
        }
        if let Some(condition) = &options.condition {
            condition.check(self.current(key))?;
        }
        version.etag = match &options.etag {
            Some(etag) => etag.as_str().into(),
            None if self.foreign_etags => self.foreign_etag().into(),
            None => md5_etag(&version.body),
        };
        let etag = Arc::clone(&version.etag);
        let size = version.body.len() as u64;
        let id = self.store(now, key, Some(Arc::new(version)));
        Ok(Written {
            version_id: (self.versioning != Versioning::Off).then_some(id),
            etag,
            last_modified: now.truncated(),
            size,
        })
    }

    /// Puts a version or a marker on top of a key, with the id that the versioning state gives it.
    pub(crate) fn store(
        &mut self,
        now: Time,
        key: &str,
        version: Option<Arc<Version>>,
    ) -> Arc<str> {
        let sequence = self.next_sequence();
        let id: Arc<str> = match self.versioning {
            Versioning::Enabled => version_id::from_sequence(sequence),
            Versioning::Off | Versioning::Suspended => version_id::NULL.into(),
        };
        let marker_beside_null = version.is_none() && crate::drill::planted("MK-03");
        if &*id == version_id::NULL && !marker_beside_null {
            self.remove(key, version_id::NULL);
        }
        let stored = Stored {
            sequence,
            id: Arc::clone(&id),
            last_modified: now,
            version,
        };
        self.push(key, stored);
        id
    }

    /// Puts a finished entry on top of a key.
    pub(crate) fn push(&mut self, key: &str, stored: Stored) {
        self.note(|| Kind::Stored {
            key: key.into(),
            stored: stored.clone(),
        });
        match self.keys.get_mut(key) {
            Some(history) => history.push(stored),
            None => {
                self.keys.insert(key.into(), vec![stored]);
            }
        }
    }

    /// Takes one entry of a key away for good.
    pub(crate) fn remove(&mut self, key: &str, id: &str) -> Option<Stored> {
        let history = self.keys.get_mut(key)?;
        let index = position(history, id)?;
        let stored = history.remove(index);
        if history.is_empty() {
            self.keys.remove(key);
        }
        let tells_its_place = version_id::to_sequence(id) == Some(stored.sequence);
        if id != version_id::NULL && !tells_its_place {
            self.removed.insert(Arc::clone(&stored.id), stored.sequence);
        }
        self.note(|| Kind::Removed {
            key: key.into(),
            id: Arc::clone(&stored.id),
        });
        Some(stored)
    }

    pub(crate) fn current(&self, key: &str) -> Option<&Stored> {
        self.keys.get(key).and_then(|history| history.last())
    }

    pub(crate) fn entry(&self, key: &str, id: &str) -> Option<&Stored> {
        let history = self.keys.get(key)?;
        position(history, id).map(|index| &history[index])
    }

    /// Takes note of an id that came from elsewhere, so that no write gets the same one later: it may come
    /// from another of these buckets.
    pub(crate) fn reserve(&mut self, id: &str) {
        // Beyond it lie ids that only look like ours.
        const PLAUSIBLE_MAX: u64 = 1 << 48;
        let sequence = version_id::to_sequence(id);
        if let Some(sequence) = sequence.filter(|sequence| *sequence < PLAUSIBLE_MAX) {
            self.sequence = self.sequence.max(sequence);
        }
    }

    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// A tag that looks like one of a multipart upload and repeats never.
    fn foreign_etag(&self) -> String {
        let mut hasher = Md5::new();
        hasher.update(b"foreign");
        hasher.update(self.sequence.to_le_bytes());
        format!("\"{}-2\"", hex(&hasher.finalize()))
    }
}

/// Where a key's history has this id. Ids of ours tell their place; others are looked for, newest first.
fn position(history: &[Stored], id: &str) -> Option<usize> {
    let told = version_id::to_sequence(id).and_then(|sequence| {
        let found = history.binary_search_by_key(&sequence, |stored| stored.sequence);
        found.ok().filter(|index| &*history[*index].id == id)
    });
    told.or_else(|| history.iter().rposition(|stored| &*stored.id == id))
}

/// "Objects created by the PUT Object, POST Object, or Copy operation … have ETags that are an MD5 digest
/// of their object data" (API reference, Object), in quotes.
pub(crate) fn md5_etag(body: &[u8]) -> Arc<str> {
    let mut quoted = [b'"'; 34];
    hex_into(&Md5::digest(body), &mut quoted[1..33]);
    let text = std::str::from_utf8(&quoted).expect("hexadecimal digits are ASCII");
    text.into()
}

/// Lower-case hexadecimal. By a table: each put writes a tag, and a drill makes millions of puts.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut digits = vec![0; bytes.len() * 2];
    hex_into(bytes, &mut digits);
    String::from_utf8(digits).expect("hexadecimal digits are ASCII")
}

/// The same into a place that is twice as long.
pub(crate) fn hex_into(bytes: &[u8], digits: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(digits.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}
