//! What happened to a bucket, as data: what a log on disk keeps, and what makes an equal bucket again.
//!
//! ```text
//!  put, copy, delete, … ──► push / remove / …  ──►  changes  ──apply, in order──►  an equal bucket
//!                           (recorded here, so no operation can forget it)
//! ```
//!
//! Invariants:
//! - A change says what is stored from now on, not what was asked for: it names ids, times and tags, so that
//!   applying it draws nothing, checks nothing, and outlives a change of the rules.
//! - An empty bucket to which the changes were applied equals the one that they came from, with the ids that
//!   it will hand out next.
//!
//! Deliberately not here: how changes are written down ([`crate::http`] does that, for a server with a folder).

use std::sync::Arc;

use bytes::Bytes;

use crate::object::Stored;
use crate::{Bucket, StorageClass, Time, Versioning};

/// One thing that changed in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A version or marker went on top of a key.
    Stored { key: Arc<str>, stored: Stored },
    /// One entry of a key went away for good.
    Removed { key: Arc<str>, id: Arc<str> },
    /// A version's class changed, or whether it can be read.
    Class {
        key: Arc<str>,
        id: Arc<str>,
        storage_class: StorageClass,
        restored: bool,
    },
    /// The versioning state changed.
    Versioning(Versioning),
    /// What callers set by hand changed.
    Knobs(Knobs),
    /// So many writes have been made.
    Sequence(u64),
    /// An id of elsewhere was removed, and had this place.
    Forgotten { id: Arc<str>, sequence: u64 },
}

/// What a change says of a key, for whoever keeps a log of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said<'c> {
    /// This went on top of the key. Where its id is `null`, an entry with that id was removed before.
    Stored {
        /// The key.
        key: &'c str,
        /// Its id.
        version_id: &'c str,
        /// When it was stored.
        last_modified: Time,
        /// Its bytes and tag; none: a delete marker.
        version: Option<(&'c Bytes, &'c str)>,
    },
    /// This went away for good.
    Removed {
        /// The key.
        key: &'c str,
        /// The id that it had.
        version_id: &'c str,
    },
    /// Something else: a class, the versioning state, what callers set by hand.
    Other,
}

impl Change {
    /// What it says.
    pub fn says(&self) -> Said<'_> {
        match &self.0 {
            Kind::Stored { key, stored } => {
                let version = stored.version.as_deref();
                Said::Stored {
                    key,
                    version_id: &stored.id,
                    last_modified: stored.last_modified,
                    version: version.map(|version| (&version.body, &*version.etag)),
                }
            }
            Kind::Removed { key, id } => Said::Removed {
                key,
                version_id: id,
            },
            _ => Said::Other,
        }
    }
}

/// The bucket's public fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Knobs {
    pub(crate) page_size_max: u32,
    pub(crate) foreign_etags: bool,
}

/// Changes that nobody has taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recorder {
    changes: Vec<Change>,
    /// As they were when last told.
    knobs: Knobs,
}

impl Bucket {
    /// From now on keeps every change until it is taken. Until then nothing is kept, and it costs nothing.
    pub fn record_changes(&mut self) {
        let knobs = self.knobs();
        self.recorder.get_or_insert_with(|| {
            Box::new(Recorder {
                changes: Vec::new(),
                knobs,
            })
        });
    }

    /// The changes since they were last taken, in order; none if they are not recorded.
    pub fn take_changes(&mut self) -> Vec<Change> {
        let knobs = self.knobs();
        let Some(recorder) = &mut self.recorder else {
            return Vec::new();
        };
        let mut changes = std::mem::take(&mut recorder.changes);
        if recorder.knobs != knobs {
            recorder.knobs = knobs;
            changes.push(Change(Kind::Knobs(knobs)));
        }
        changes
    }

    /// Lets one change happen as it happened elsewhere. It is not recorded again.
    pub fn apply(&mut self, change: Change) {
        let recorder = self.recorder.take();
        match change.0 {
            Kind::Stored { key, stored } => {
                self.sequence = self.sequence.max(stored.sequence);
                self.push(&key, stored);
            }
            Kind::Removed { key, id } => drop(self.remove(&key, &id)),
            Kind::Class {
                key,
                id,
                storage_class,
                restored,
            } => {
                if let Ok(version) = self.version_mut(&key, &id) {
                    version.storage_class = storage_class;
                    version.restored = restored;
                }
            }
            Kind::Versioning(versioning) => self.versioning = versioning,
            Kind::Knobs(knobs) => {
                self.page_size_max = knobs.page_size_max;
                self.foreign_etags = knobs.foreign_etags;
            }
            Kind::Sequence(sequence) => self.sequence = sequence,
            Kind::Forgotten { id, sequence } => drop(self.removed.insert(id, sequence)),
        }
        self.recorder = recorder;
    }

    /// The fewest changes that make an empty bucket (of whatever versioning) this one.
    pub fn as_changes(&self) -> Vec<Change> {
        let mut changes = vec![
            Change(Kind::Versioning(self.versioning)),
            Change(Kind::Knobs(self.knobs())),
        ];
        // Across keys the order of writes plays no part: each entry tells its place.
        for (key, history) in &self.keys {
            for stored in history {
                changes.push(Change(Kind::Stored {
                    key: Arc::clone(key),
                    stored: stored.clone(),
                }));
            }
        }
        for (id, sequence) in &self.removed {
            changes.push(Change(Kind::Forgotten {
                id: Arc::clone(id),
                sequence: *sequence,
            }));
        }
        changes.push(Change(Kind::Sequence(self.sequence)));
        changes
    }

    /// Keeps a change, if changes are kept.
    pub(crate) fn note(&mut self, change: impl FnOnce() -> Kind) {
        if let Some(recorder) = &mut self.recorder {
            recorder.changes.push(Change(change()));
        }
    }

    fn knobs(&self) -> Knobs {
        Knobs {
            page_size_max: self.page_size_max,
            foreign_etags: self.foreign_etags,
        }
    }
}
