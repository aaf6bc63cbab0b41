//! Deleting: a marker on top, or one version or marker removed for good.

use std::sync::Arc;

use crate::{Bucket, Error, Time, Versioning};

/// "The request can contain a list of up to 1,000 keys that you want to delete" (API reference,
/// DeleteObjects).
pub const DELETE_MANY_MAX: usize = 1000;

/// A deletion that happened, or that had nothing to do: S3 answers both alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The key.
    pub key: String,
    /// The version id that the request named.
    pub version_id: Option<String>,
    /// The id of the delete marker that was made (no version named) or removed (its id named): "Indicates
    /// whether the specified object version that was permanently deleted was (true) or was not (false) a
    /// delete marker before deletion. In a simple DELETE, this header indicates whether (true) or not
    /// (false) the current version of the object is a delete marker" (API reference, DeleteObjects).
    pub marker: Option<Arc<str>>,
}

impl Bucket {
    /// Deletes.
    ///
    /// With a version id: "To permanently delete an object in a version-enabled bucket, you must … include
    /// the object's versionId"; one that is not there is no error. Without, by the versioning state:
    ///
    /// - Enabled: "Amazon S3 inserts a delete marker in the bucket, and that marker becomes the current
    ///   version of the object with a new ID". A key that never existed gets one as well: real tables
    ///   have markers on keys that never had a version.
    /// - Suspended: it "can only remove an object whose version ID is null", and "inserts a delete marker
    ///   into the bucket", whose id is `null` too.
    /// - Off: the object is gone.
    ///
    /// # Errors
    /// None so far; other people's rules (object lock, MFA) would come here.
    pub fn delete(
        &mut self,
        now: Time,
        key: &str,
        version: Option<&str>,
    ) -> Result<Deleted, Error> {
        let marker = match (version, self.versioning()) {
            (Some(id), _) => self
                .remove(key, id)
                .filter(|stored| stored.version.is_none())
                .map(|stored| stored.id),
            (None, Versioning::Off) => {
                self.remove(key, crate::version_id::NULL);
                None
            }
            (None, Versioning::Enabled | Versioning::Suspended) => {
                let marker = self.store(now, key, None);
                if crate::drill::planted("MK-05") && key.ends_with('/') {
                    self.remove(key, &marker);
                }
                Some(marker)
            }
        };
        Ok(Deleted {
            key: key.to_owned(),
            version_id: version.map(str::to_owned),
            marker,
        })
    }

    /// Deletes up to 1000 keys or versions, one after the other; each has its own result.
    ///
    /// # Errors
    /// [`Error::MalformedXml`] for more than 1000, or none; nothing is deleted then.
    pub fn delete_many(
        &mut self,
        now: Time,
        objects: &[(String, Option<String>)],
    ) -> Result<Vec<Result<Deleted, Error>>, Error> {
        if objects.is_empty() || objects.len() > DELETE_MANY_MAX {
            return Err(Error::MalformedXml);
        }
        Ok(objects
            .iter()
            .map(|(key, version)| self.delete(now, key, version.as_deref()))
            .collect())
    }
}
