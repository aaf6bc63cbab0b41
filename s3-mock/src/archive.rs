//! Archive classes: a version in Glacier or Deep Archive is listed, and cannot be read until restored.

use std::sync::Arc;

use crate::object::Version;
use crate::{Bucket, Error, StorageClass};

impl Bucket {
    /// Moves one data version to another class, as a lifecycle rule would. A copy restored earlier is gone.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`], also for a marker.
    pub fn set_storage_class(
        &mut self,
        key: &str,
        version: &str,
        class: StorageClass,
    ) -> Result<(), Error> {
        let version = self.version_mut(key, version)?;
        version.storage_class = class;
        version.restored = false;
        Ok(())
    }

    /// Restores one archived version at once (S3 takes hours): it can be read, and stays in its class.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`], also for a marker; [`Error::InvalidObjectState`] where there is nothing to
    /// restore.
    pub fn restore(&mut self, key: &str, version: &str) -> Result<(), Error> {
        let version = self.version_mut(key, version)?;
        if !version.storage_class.is_archive() {
            return Err(Error::InvalidObjectState {
                storage_class: version.storage_class,
            });
        }
        version.restored = true;
        Ok(())
    }

    fn version_mut(&mut self, key: &str, id: &str) -> Result<&mut Version, Error> {
        let history = self.keys.get_mut(key).ok_or(Error::NoSuchVersion)?;
        let newest_first = history.iter_mut().rev();
        let stored = newest_first.into_iter().find(|stored| &*stored.id == id);
        let version = stored.and_then(|stored| stored.version.as_mut());
        version.map(Arc::make_mut).ok_or(Error::NoSuchVersion)
    }
}
