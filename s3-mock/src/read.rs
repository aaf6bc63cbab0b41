//! GET and HEAD: the current version or one by its id, whole or a range, under conditions.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::object::{Stored, Version};
use crate::{Bucket, ByteRange, Error, Preconditions, StorageClass, Time, Versioning};

/// How to read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GetOptions {
    /// Only these bytes.
    pub range: Option<ByteRange>,
    /// Conditions.
    pub preconditions: Preconditions,
}

/// A version's headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its id; none where versioning was never enabled.
    pub version_id: Option<String>,
    /// Bytes of the whole version.
    pub size: u64,
    /// Quotes included.
    pub etag: String,
    /// To the second.
    pub last_modified: Time,
    /// Where it is stored.
    pub storage_class: StorageClass,
    /// Whether a copy was restored from the archive.
    pub restored: bool,
    /// As it was put.
    pub content_type: Option<String>,
    /// User metadata, names without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// The bytes `start..end` that the range means, if one was asked for.
    pub range: Option<(u64, u64)>,
}

/// A version's headers and bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// The headers.
    pub meta: ObjectMeta,
    /// The bytes, of the range if one was asked for.
    pub body: Bytes,
}

impl Bucket {
    /// Reads the current version of a key, or the one with this id.
    ///
    /// # Errors
    /// [`Error::NoSuchKey`], [`Error::NoSuchVersion`], [`Error::MarkerNotReadable`],
    /// [`Error::InvalidObjectState`] (archived), [`Error::PreconditionFailed`], [`Error::NotModified`],
    /// [`Error::InvalidRange`].
    pub fn get(
        &self,
        key: &str,
        version: Option<&str>,
        options: &GetOptions,
    ) -> Result<Object, Error> {
        let (stored, version) = self.find(key, version)?;
        if !version.readable() {
            return Err(Error::InvalidObjectState {
                storage_class: version.storage_class,
            });
        }
        let meta = self.meta(stored, version, options)?;
        let body = match meta.range {
            Some((start, end)) => version.body.slice(start as usize..end as usize),
            None => version.body.clone(),
        };
        Ok(Object { meta, body })
    }

    /// The headers of the same; an archived version has them too.
    ///
    /// # Errors
    /// As [`Bucket::get`], without [`Error::InvalidObjectState`].
    pub fn head(
        &self,
        key: &str,
        version: Option<&str>,
        options: &GetOptions,
    ) -> Result<ObjectMeta, Error> {
        let (stored, version) = self.find(key, version)?;
        self.meta(stored, version, options)
    }

    /// The data version that a GET means, or S3's reason why there is none.
    pub(crate) fn find(
        &self,
        key: &str,
        version: Option<&str>,
    ) -> Result<(&Stored, &Version), Error> {
        let stored = match version {
            None => self.current(key).ok_or(Error::NoSuchKey { marker: None })?,
            Some(id) => self.entry(key, id).ok_or(Error::NoSuchVersion)?,
        };
        match (&stored.version, version) {
            (Some(data), _) => Ok((stored, data)),
            (None, None) => Err(Error::NoSuchKey {
                marker: Some(stored.id.to_string()),
            }),
            (None, Some(id)) => Err(Error::MarkerNotReadable {
                version_id: id.to_owned(),
                last_modified: stored.last_modified.truncated(),
            }),
        }
    }

    fn meta(
        &self,
        stored: &Stored,
        version: &Version,
        options: &GetOptions,
    ) -> Result<ObjectMeta, Error> {
        let preconditions = &options.preconditions;
        preconditions.check(&version.etag, stored.last_modified)?;
        let size = version.body.len() as u64;
        let range = match options.range {
            Some(range) => Some(range.within(size).ok_or(Error::InvalidRange { size })?),
            None => None,
        };
        Ok(ObjectMeta {
            version_id: (self.versioning() != Versioning::Off).then(|| stored.id.to_string()),
            size,
            etag: version.etag.to_string(),
            last_modified: stored.last_modified.truncated(),
            storage_class: version.storage_class,
            restored: version.restored,
            content_type: version.content_type.clone(),
            metadata: version.metadata.clone(),
            range,
        })
    }
}
