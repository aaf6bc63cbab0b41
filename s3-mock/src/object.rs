//! What a bucket stores under a key: versions and delete markers, the newest last.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Time;

/// A storage class, as far as it decides whether an object can be read.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StorageClass {
    /// Read at once.
    #[default]
    Standard,
    /// Read at once.
    StandardIa,
    /// Glacier Flexible Retrieval: to be restored before it can be read.
    Glacier,
    /// To be restored before it can be read.
    DeepArchive,
}

impl StorageClass {
    /// S3's own name of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::StandardIa => "STANDARD_IA",
            Self::Glacier => "GLACIER",
            Self::DeepArchive => "DEEP_ARCHIVE",
        }
    }

    /// Reads S3's own name; classes that behave like another one here are taken for it.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "STANDARD" | "REDUCED_REDUNDANCY" | "INTELLIGENT_TIERING" => Some(Self::Standard),
            "STANDARD_IA" | "ONEZONE_IA" | "GLACIER_IR" => Some(Self::StandardIa),
            "GLACIER" => Some(Self::Glacier),
            "DEEP_ARCHIVE" => Some(Self::DeepArchive),
            _ => None,
        }
    }

    /// "Before you can access an archived object, you must restore it" (S3 user guide, "Working with
    /// archived objects").
    pub fn is_archive(self) -> bool {
        matches!(self, Self::Glacier | Self::DeepArchive)
    }
}

/// One version or marker of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    /// Which write of the bucket made it. Ascending within a key, also when the id is `null`.
    pub(crate) sequence: u64,
    pub(crate) id: Arc<str>,
    pub(crate) last_modified: Time,
    /// None: a delete marker.
    pub(crate) version: Option<Arc<Version>>,
}

/// A data version without its id and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) body: Bytes,
    pub(crate) etag: Arc<str>,
    pub(crate) storage_class: StorageClass,
    pub(crate) restored: bool,
    pub(crate) content_type: Option<String>,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Version {
    pub(crate) fn readable(&self) -> bool {
        self.restored || !self.storage_class.is_archive()
    }
}
