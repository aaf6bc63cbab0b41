//! What a request in flight is for.

use bytes::Bytes;

use crate::object::{Condition, Cursor, Key, Request, Version, VersionId};

/// One request, with what its reply is needed for.
#[derive(Debug, Clone)]
pub(super) enum Job {
    /// The bucket's versioning state.
    Versioning,
    /// The next page of a look.
    List {
        look: u64,
        prefix: Key,
        after: Option<Cursor>,
    },
    /// One version that a lookup tries.
    Read {
        lookup: u64,
        key: Key,
        version: Version,
    },
    /// One version whose bytes are compared with another's.
    Digest { key: Key, version: Version },
    /// What stands on the hint since the plan: a commit, or garbage?
    Newer { key: Key, version: Version },
    /// Publishes keys by taking away their markers.
    Remove { markers: Vec<(Key, VersionId)> },
    /// Publishes a key by copying one of its versions on top.
    Copy {
        key: Key,
        version: Version,
        condition: Condition,
    },
    /// Publishes the hint.
    Put {
        key: Key,
        version: Version,
        body: Bytes,
        condition: Condition,
    },
}

impl Job {
    /// The request that does it.
    pub(super) fn request(&self) -> Request {
        match self {
            Self::Versioning => Request::GetVersioning,
            Self::List { prefix, after, .. } => Request::ListVersions {
                prefix: prefix.clone(),
                after: after.clone(),
            },
            Self::Read { key, version, .. } | Self::Newer { key, version } => Request::Read {
                key: key.clone(),
                version: version.id.clone(),
            },
            Self::Digest { key, version } => Request::Digest {
                key: key.clone(),
                version: version.id.clone(),
            },
            Self::Remove { markers } => Request::RemoveMarkers {
                markers: markers.clone(),
            },
            Self::Copy {
                key,
                version,
                condition,
            } => Request::Copy {
                key: key.clone(),
                version: version.id.clone(),
                size: version.size,
                condition: condition.clone(),
            },
            Self::Put {
                key,
                body,
                condition,
                ..
            } => Request::Put {
                key: key.clone(),
                body: body.clone(),
                condition: condition.clone(),
            },
        }
    }

    /// How many bytes the body that it asks for has, by the listing.
    pub(super) fn body_size(&self) -> Option<u64> {
        match self {
            Self::Read { version, .. }
            | Self::Digest { version, .. }
            | Self::Newer { version, .. } => Some(version.size),
            _ => None,
        }
    }

    pub(super) fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Remove { .. } | Self::Copy { .. } | Self::Put { .. }
        )
    }

    /// The keys that a write concerns, in order.
    pub(super) fn keys(&self) -> Vec<Key> {
        match self {
            Self::Remove { markers } => {
                let mut keys: Vec<_> = markers.iter().map(|(key, _)| key.clone()).collect();
                keys.sort();
                keys.dedup();
                keys
            }
            Self::Copy { key, .. } | Self::Put { key, .. } => vec![key.clone()],
            _ => Vec::new(),
        }
    }
}
