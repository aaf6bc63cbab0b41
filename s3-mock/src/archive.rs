//! Archive classes: a version in Glacier or Deep Archive is listed, and cannot be read until restored.

use std::sync::Arc;

use crate::change::Kind;
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
        let moved = self.version_mut(key, version)?;
        moved.storage_class = class;
        moved.restored = false;
        self.note_class(key, version, class, false);
        Ok(())
    }

    /// Restores one archived version at once (S3 takes hours): it can be read, and stays in its class.
    ///
    /// # Errors
    /// [`Error::NoSuchVersion`], also for a marker; [`Error::InvalidObjectState`] where there is nothing to
    /// restore.
    pub fn restore(&mut self, key: &str, version: &str) -> Result<(), Error> {
        let archived = self.version_mut(key, version)?;
        let storage_class = archived.storage_class;
        if !storage_class.is_archive() {
            return Err(Error::InvalidObjectState { storage_class });
        }
        archived.restored = true;
        self.note_class(key, version, storage_class, true);
        Ok(())
    }

    fn note_class(&mut self, key: &str, id: &str, storage_class: StorageClass, restored: bool) {
        self.note(|| Kind::Class {
            key: key.into(),
            id: id.into(),
            storage_class,
            restored,
        });
    }

    pub(crate) fn version_mut(&mut self, key: &str, id: &str) -> Result<&mut Version, Error> {
        let history = self.keys.get_mut(key).ok_or(Error::NoSuchVersion)?;
        let newest_first = history.iter_mut().rev();
        let stored = newest_first.into_iter().find(|stored| &*stored.id == id);
        let version = stored.and_then(|stored| stored.version.as_mut());
        version.map(Arc::make_mut).ok_or(Error::NoSuchVersion)
    }
}
