//! Somebody who sees what requests do to a bucket, at the moment they do it.
//!
//! A client's answer may be lost, late or cut; what happened to the bucket is known here alone. An observer
//! can keep a log to judge a client by, or let others act between two requests.
//!
//! Deliberately not here: what the client hears. Faults come after the observer, or before the request.

use bytes::Bytes;

use crate::{Bucket, Deleted, Error, Fault, ListVersions, VersionPage, Written};

/// Sees what requests do.
///
/// Both functions are called while the server's state is locked, so that nothing happens between a request's
/// effect and its being seen: they must not call the [`Service`](super::Service).
pub trait Observer: Send + Sync + 'static {
    /// This fault strikes the request that is being served.
    fn struck(&self, fault: &Fault);

    /// The request that is being served did this to `bucket`, which may be changed further.
    fn applied(&self, bucket: &mut Bucket, applied: &Applied<'_>);
}

/// What one request did, or was refused.
#[derive(Debug)]
pub enum Applied<'a> {
    /// ListObjectVersions: nothing, and this was listed.
    Listed {
        /// What was asked for.
        asked: &'a ListVersions,
        /// What was answered.
        page: &'a VersionPage,
    },
    /// PutObject, or the completion of a multipart upload.
    Put {
        /// Where.
        key: &'a str,
        /// The bytes.
        body: &'a Bytes,
        /// What came of it.
        result: Result<&'a Written, &'a Error>,
    },
    /// CopyObject into this bucket.
    Copied {
        /// Where to.
        key: &'a str,
        /// The copied key, of the same or another bucket.
        from: &'a str,
        /// The version that was named.
        version: Option<&'a str>,
        /// What came of it.
        result: Result<&'a Written, &'a Error>,
    },
    /// DeleteObject, or one entry of DeleteObjects.
    Deleted {
        /// Where.
        key: &'a str,
        /// The version that was named.
        version: Option<&'a str>,
        /// Whether it is an entry of a batch, whose end will be seen too.
        of_batch: bool,
        /// What came of it.
        result: Result<&'a Deleted, &'a Error>,
    },
    /// The end of DeleteObjects; entries that a fault struck before they happened were not seen.
    BatchEnded,
}
