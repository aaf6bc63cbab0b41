//! What S3 answers instead of a success, with its own code and status.

use crate::Time;

/// Why an operation was refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The key has no current version. "If the current version of the object is a delete marker, Amazon S3
    /// behaves as if the object was deleted and includes x-amz-delete-marker: true in the response" (API
    /// reference, GetObject).
    #[error("The specified key does not exist.")]
    NoSuchKey {
        /// The id of the marker that hides it, if there is one.
        marker: Option<String>,
    },
    /// The key has no version of this id.
    #[error("The specified version does not exist.")]
    NoSuchVersion,
    /// "If the specified version in the request is a delete marker, the response returns a 405 Method Not
    /// Allowed error and the Last-Modified: timestamp response header" (API reference, GetObject).
    #[error("The specified method is not allowed against this resource.")]
    MarkerNotReadable {
        /// The marker's id.
        version_id: String,
        /// When the marker was made, to the second.
        last_modified: Time,
    },
    /// A range that begins behind the end.
    #[error("The requested range is not satisfiable")]
    InvalidRange {
        /// Bytes that the object has.
        size: u64,
    },
    /// 412.
    #[error("At least one of the pre-conditions you specified did not hold")]
    PreconditionFailed,
    /// 304.
    #[error("Not Modified")]
    NotModified {
        /// The current tag.
        etag: String,
        /// To the second.
        last_modified: Time,
    },
    /// "Object is archived and inaccessible until restored" (API reference, GetObject).
    #[error("The operation is not valid for the object's storage class")]
    InvalidObjectState {
        /// Where it lies.
        storage_class: crate::StorageClass,
    },
    /// More keys in one DeleteObjects than 1000, or none.
    #[error(
        "The XML you provided was not well-formed or did not validate against our published schema"
    )]
    MalformedXml,
    /// A key longer than 1024 bytes.
    #[error("Your key is too long")]
    KeyTooLong,
    /// "Once you version-enable a bucket, it can never return to an unversioned state."
    #[error("Versioning cannot be switched off again, only suspended.")]
    IllegalVersioning,
    /// "The source of a copy request may not specifically refer to a delete marker by version id."
    #[error(
        "The source of a copy request may not specifically refer to a delete marker by version id."
    )]
    CopyOfMarker,
    /// A copy of an object onto itself that would change nothing.
    #[error(
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
    )]
    CopyOntoItself,
}

impl Error {
    /// S3's error code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoSuchKey { .. } => "NoSuchKey",
            Self::NoSuchVersion => "NoSuchVersion",
            Self::MarkerNotReadable { .. } => "MethodNotAllowed",
            Self::InvalidRange { .. } => "InvalidRange",
            Self::PreconditionFailed => "PreconditionFailed",
            Self::NotModified { .. } => "NotModified",
            Self::InvalidObjectState { .. } => "InvalidObjectState",
            Self::MalformedXml => "MalformedXML",
            Self::KeyTooLong => "KeyTooLongError",
            Self::IllegalVersioning => "IllegalVersioningConfigurationException",
            Self::CopyOfMarker | Self::CopyOntoItself => "InvalidRequest",
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoSuchKey { .. } | Self::NoSuchVersion => 404,
            Self::MarkerNotReadable { .. } => 405,
            Self::InvalidRange { .. } => 416,
            Self::PreconditionFailed => 412,
            Self::NotModified { .. } => 304,
            Self::InvalidObjectState { .. } => 403,
            Self::MalformedXml
            | Self::KeyTooLong
            | Self::IllegalVersioning
            | Self::CopyOfMarker
            | Self::CopyOntoItself => 400,
        }
    }
}
