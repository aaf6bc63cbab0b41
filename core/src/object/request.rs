//! The one language in which machines speak to object storage.
//!
//! There is no request that removes a data version, and none is to be added: [`Request::RemoveMarkers`] is
//! the only deletion, and only ids that a listing called markers go into it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Digest, ETag, Entry, Key, VersionId};

/// One request to the bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// GetBucketVersioning.
    GetVersioning,
    /// ListObjectVersions, one page.
    ListVersions {
        /// Only keys that begin with this.
        prefix: Key,
        /// Goes on behind this entry; none starts at the first.
        after: Option<Cursor>,
    },
    /// GetObject of one version, whole, into memory. For metadata.
    Read {
        /// The object.
        key: Key,
        /// Which of its versions.
        version: VersionId,
    },
    /// GetObject of one version, streamed, of which only the length and digest are kept. For data of any size.
    Digest {
        /// The object.
        key: Key,
        /// Which of its versions.
        version: VersionId,
    },
    /// DeleteObjects with a version id for each: at most 1000 delete markers (the limit of the operation).
    RemoveMarkers {
        /// Each marker, by key and id; those of one key oldest first.
        markers: Vec<(Key, VersionId)>,
    },
    /// CopyObject of one version onto its own key, server-side: it becomes current, as a version of its own.
    Copy {
        /// The object.
        key: Key,
        /// Which of its versions is to become current.
        version: VersionId,
        /// Bytes (above 5 GiB CopyObject refuses: "You can copy objects up to 5 GB in size in a single
        /// atomic action").
        size: u64,
        /// What must be current for the copy to happen.
        condition: Condition,
    },
    /// PutObject of a small body that was read before.
    Put {
        /// The object.
        key: Key,
        /// What it is to hold.
        body: Bytes,
        /// What must be current for the write to happen.
        condition: Condition,
    },
}

/// Where a listing goes on: behind this entry (`key-marker` and `version-id-marker`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// The key of the last entry seen.
    pub key: Key,
    /// The version id of the last entry seen; none goes on behind all versions of the key.
    pub version: Option<VersionId>,
}

/// A conditional write: it happens if this is still what is current, and else answers
/// [`Cause::PreconditionFailed`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Nothing is current, or a delete marker (`If-None-Match: *`).
    Absent,
    /// The current version has this tag (`If-Match`).
    Matches(ETag),
}

/// Which S3 operation a request is, for counting and for a fault's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operation {
    /// GetBucketVersioning.
    GetBucketVersioning,
    /// ListObjectVersions.
    ListObjectVersions,
    /// GetObject.
    GetObject,
    /// DeleteObjects.
    DeleteObjects,
    /// CopyObject.
    CopyObject,
    /// PutObject.
    PutObject,
}

impl Request {
    /// The S3 operation that performs it.
    pub fn operation(&self) -> Operation {
        match self {
            Self::GetVersioning => Operation::GetBucketVersioning,
            Self::ListVersions { .. } => Operation::ListObjectVersions,
            Self::Read { .. } | Self::Digest { .. } => Operation::GetObject,
            Self::RemoveMarkers { .. } => Operation::DeleteObjects,
            Self::Copy { .. } => Operation::CopyObject,
            Self::Put { .. } => Operation::PutObject,
        }
    }

    /// Whether it changes the bucket when it succeeds.
    pub fn is_write(&self) -> bool {
        matches!(
            self,
            Self::RemoveMarkers { .. } | Self::Copy { .. } | Self::Put { .. }
        )
    }
}

/// What came of a request.
pub type Reply = Result<Answer, Failure>;

/// A request that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// To [`Request::GetVersioning`].
    Versioning(Versioning),
    /// To [`Request::ListVersions`]: entries in listing order (keys ascending, each key's newest first).
    Page {
        /// The page's entries.
        entries: Vec<(Key, Entry)>,
        /// Where the next page starts; none: this was the last.
        next: Option<Cursor>,
    },
    /// To [`Request::Read`]: the bytes that arrived. A runtime that cannot tell a cut body from a whole
    /// one hands on what it has; the machine compares the length with the listing's.
    Body(Bytes),
    /// To [`Request::Digest`]: of the bytes that arrived.
    Digest {
        /// How many bytes arrived.
        size: u64,
        /// Their digest.
        digest: Digest,
    },
    /// To [`Request::RemoveMarkers`]: one result for each marker, in the order of the request.
    Removed(Vec<Result<(), Cause>>),
    /// To [`Request::Copy`] and [`Request::Put`].
    Written {
        /// The new version's id, where the bucket gave one.
        version: Option<VersionId>,
    },
}

/// A bucket's versioning state. "Once you version-enable a bucket, it can never return to an unversioned
/// state" (S3 user guide, "Using versioning in S3 buckets").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Versioning {
    /// Every write makes a new version.
    Enabled,
    /// Writes replace the null version; older versions stay.
    Suspended,
    /// Versioning was never enabled.
    Off,
}

/// A request that did not succeed, by whether it may have taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It did not happen.
    Determinate(Cause),
    /// It may have happened, or may still happen: look before acting again.
    Indeterminate(Cause),
}

impl Failure {
    /// Why, of either kind.
    pub fn cause(&self) -> &Cause {
        match self {
            Self::Determinate(cause) | Self::Indeterminate(cause) => cause,
        }
    }
}

/// Why a request did not succeed, by what its sender can do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// `NoSuchKey`, `NoSuchVersion`.
    #[error("not found")]
    NotFound,
    /// `NoSuchBucket`.
    #[error("no such bucket")]
    NoSuchBucket,
    /// `AccessDenied` and its kin (403, 401), with the server's own words.
    #[error("access denied ({0})")]
    Denied(String),
    /// 412: the condition of a conditional write does not hold; 409 when two conditional writes met.
    #[error("something else is current by now")]
    PreconditionFailed,
    /// `InvalidObjectState`: archived, and not restored from there.
    #[error("archived")]
    Archived,
    /// 500, 503, throttling: later it may work.
    #[error("unavailable ({0})")]
    Unavailable(String),
    /// No answer within the runtime's patience.
    #[error("no answer in time")]
    Timeout,
    /// The endpoint could not be reached, or the connection broke.
    #[error("connection failed ({0})")]
    Connection(String),
    /// The body ended before its announced length.
    #[error("the body was cut short")]
    BodyCut,
    /// Anything else that trying again does not mend, with the server's own words.
    #[error("{0}")]
    Other(String),
}

impl Cause {
    /// Whether the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Timeout | Self::Connection(_) | Self::BodyCut
        )
    }
}
