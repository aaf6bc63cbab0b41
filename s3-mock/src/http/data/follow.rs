//! Reads along while a server writes its log.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::log::Scan;
use super::{DataError, Event, record};
use crate::Change;

/// Reads what happens to a folder's buckets, record by record, without locking it: the server goes on.
#[derive(Debug)]
pub struct Follower {
    path: PathBuf,
    file: File,
    /// Where the next record begins, and which one it is.
    place: (u64, u64),
}

impl Follower {
    /// From the log's first record on.
    ///
    /// # Errors
    /// [`DataError`]; also when no server has opened the folder yet.
    pub fn new(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join("log");
        let file = File::open(&path).map_err(|source| DataError::Unusable {
            path: path.clone(),
            source,
        })?;
        let place = Scan::first();
        Ok(Self { path, file, place })
    }

    /// The changes of each record that was finished since the last call, in order, with their buckets. A record
    /// that is being written is there the next time.
    ///
    /// # Errors
    /// [`DataError`], as for a server that opens the folder; [`DataError::Shorter`].
    pub fn read_on(&mut self) -> Result<Vec<Vec<(String, Change)>>, DataError> {
        let read = self.place.0;
        let length = self.file.metadata().map(|metadata| metadata.len());
        let length = length.map_err(|source| DataError::Unusable {
            path: self.path.clone(),
            source,
        })?;
        if length < read {
            let path = self.path.clone();
            return Err(DataError::Shorter { path, read });
        }
        let mut records = Vec::new();
        let (scan, _) = Scan::each(&self.path, &self.file, self.place, |payload| {
            let events = record::decode(payload)?;
            let changes = events.into_iter().filter_map(|event| match event {
                Event::Changed { bucket, change } => Some((bucket, change)),
                _ => None,
            });
            records.push(changes.collect());
            Ok(())
        })?;
        self.place = scan;
        Ok(records)
    }
}
