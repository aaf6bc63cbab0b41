//! One key's versions and delete markers, in the order in which the bucket lists them.
//!
//! "The list of versions … is returned in the order they were stored, with the most recently stored
//! returned first" (S3 user guide, "Listing objects in a versioning-enabled bucket"). That order is the
//! only one that decides anything here: LastModified has a resolution of one second, and ties are normal.

use super::{ETag, VersionId, WallTime};

/// A data version: bytes that somebody stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its id.
    pub id: VersionId,
    /// Bytes.
    pub size: u64,
    /// Its entity tag.
    pub etag: ETag,
    /// When it was stored, to the second.
    pub last_modified: WallTime,
    /// It lies in an archive class and has not been restored from there: it cannot be read or copied now.
    pub archived: bool,
}

/// A delete marker: what a DELETE without a version id leaves on top of the data versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    /// Its id.
    pub id: VersionId,
    /// When the key was deleted, to the second.
    pub last_modified: WallTime,
}

/// One line of a version listing, without its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Bytes.
    Version(Version),
    /// A deletion.
    Marker(Marker),
}

impl Entry {
    /// The version id of either kind.
    pub fn id(&self) -> &VersionId {
        match self {
            Self::Version(version) => &version.id,
            Self::Marker(marker) => &marker.id,
        }
    }

    /// When it was stored, to the second, of either kind.
    pub fn last_modified(&self) -> WallTime {
        match self {
            Self::Version(version) => version.last_modified,
            Self::Marker(marker) => marker.last_modified,
        }
    }

    /// The data version, unless this is a marker.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Version(version) => Some(version),
            Self::Marker(_) => None,
        }
    }
}

/// All entries of one key, newest first, as listed. The first one is the current one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    entries: Vec<Entry>,
}

impl History {
    /// A key that was never stored.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Takes the next entry of the listing, which is older than all before it.
    pub fn push_older(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// All entries, newest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What a GET without a version id would find, if anything.
    pub fn current(&self) -> Option<&Entry> {
        self.entries.first()
    }

    /// The current data version; none when a marker is on top or the key has no versions.
    pub fn current_version(&self) -> Option<&Version> {
        self.current().and_then(Entry::version)
    }

    /// The data versions, newest first.
    pub fn versions(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.entries.iter().filter_map(Entry::version)
    }

    /// Takes an entry out that turned out to be gone since it was listed.
    pub fn forget(&mut self, id: &VersionId) {
        self.entries.retain(|entry| entry.id() != id);
    }

    /// The data version with this id.
    pub fn version(&self, id: &VersionId) -> Option<&Version> {
        self.versions().find(|version| version.id == *id)
    }
}

impl FromIterator<Entry> for History {
    /// Entries newest first, as listed.
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        Self {
            entries: entries.into_iter().collect(),
        }
    }
}
