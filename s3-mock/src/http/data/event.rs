//! What changes the state of a server.

use bytes::Bytes;

use crate::{Change, PutOptions, Time};

/// One change, with everything that it takes to let it happen again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) enum Event {
    /// There is a bucket of this name, empty and never versioned; one that was there is gone.
    BucketCreated { bucket: String, created: Time },
    /// It is gone, with its uploads.
    BucketDeleted { bucket: String },
    /// Something changed in it.
    Changed { bucket: String, change: Change },
    /// The next upload began.
    UploadBegun {
        upload: String,
        bucket: String,
        key: String,
        options: PutOptions,
    },
    /// It has this part.
    PartStored {
        upload: String,
        number: i32,
        body: Bytes,
    },
    /// It was completed or aborted.
    UploadEnded { upload: String },
}
