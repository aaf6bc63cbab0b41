//! CopyObject: a version of this bucket becomes the current version of a key, without passing its client.

use crate::object::Version;
use crate::{Bucket, Error, Preconditions, PutOptions, Time, Written};

/// What to copy.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CopySource {
    /// The key to copy from.
    pub key: String,
    /// Which of its versions; none: the current one.
    pub version: Option<String>,
    /// What must hold of the source (`x-amz-copy-source-if-*`).
    pub preconditions: Preconditions,
}

impl CopySource {
    /// One version of a key.
    pub fn version(key: &str, version: &str) -> Self {
        Self {
            key: key.to_owned(),
            version: Some(version.to_owned()),
            preconditions: Preconditions::default(),
        }
    }
}

impl Bucket {
    /// Copies a version onto a key, where it becomes a version of its own: "If you enable versioning on the
    /// destination bucket, Amazon S3 generates a unique version ID for the copied object. This version ID
    /// is different from the version ID of the source object" (API reference, CopyObject). The copy's tag
    /// is computed anew, so a copy of a multipart object has another one. Content type and user metadata
    /// are the source's unless `options.metadata` is given; the storage class is that of the options.
    ///
    /// # Errors
    /// The source: [`Error::NoSuchKey`] ("If the source is a delete marker in the current version … 404"),
    /// [`Error::NoSuchVersion`], [`Error::CopyOfMarker`], [`Error::InvalidObjectState`],
    /// [`Error::PreconditionFailed`] (also where a GET would answer 304). The destination: its condition
    /// does not hold; [`Error::CopyOntoItself`].
    pub fn copy(
        &mut self,
        now: Time,
        from: &CopySource,
        to: &str,
        options: &PutOptions,
    ) -> Result<Written, Error> {
        let found = self.find(&from.key, from.version.as_deref());
        let (stored, source) = found.map_err(|error| match error {
            Error::MarkerNotReadable { .. } => Error::CopyOfMarker,
            other => other,
        })?;
        if !source.readable() {
            return Err(Error::InvalidObjectState {
                storage_class: source.storage_class,
            });
        }
        let checked = from.preconditions.check(&source.etag, stored.last_modified);
        checked.map_err(|_| Error::PreconditionFailed)?;
        let changes_nothing =
            options.metadata.is_none() && options.storage_class == source.storage_class;
        if from.version.is_none() && from.key == to && changes_nothing {
            return Err(Error::CopyOntoItself);
        }
        let (content_type, metadata) = match &options.metadata {
            Some(metadata) => (options.content_type.clone(), metadata.clone()),
            None => (source.content_type.clone(), source.metadata.clone()),
        };
        let version = Version {
            body: source.body.clone(),
            etag: "".into(),
            storage_class: options.storage_class,
            restored: false,
            content_type,
            metadata,
        };
        self.write(now, to, version, options)
    }
}
