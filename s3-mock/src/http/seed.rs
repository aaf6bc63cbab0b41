//! Buckets from a folder: what a real bucket once held, with its ids, times and markers.
//!
//! ```text
//!  versions.json                            what ListObjectVersions answered, in listing order
//!  objects/latest/<key>                     the bytes of entries with "is_latest": true
//!  objects/noncurrent/<version id>/<key>    the bytes of the others
//! ```
//!
//! An entry with `"marker": true` is a delete marker and has no size, no tag and no file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::{AsIs, Bucket, StorageClass, Time, Versioning};

/// Why a folder cannot be taken for a bucket.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A file that must be there cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// `versions.json` is not what it should be.
    #[error("{} is not a list of versions: {source}", path.display())]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// An entry contradicts itself or its file.
    #[error("{}: entry {entry} ({key}): {why}", path.display())]
    Wrong {
        /// The `versions.json`.
        path: PathBuf,
        /// Which entry, from 1 on.
        entry: usize,
        /// Its key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

#[derive(Debug, Deserialize)]
struct Listed {
    key: String,
    version_id: String,
    size: Option<u64>,
    is_latest: bool,
    last_modified: String,
    etag: Option<String>,
    #[serde(default)]
    marker: bool,
    #[serde(default)]
    storage_class: StorageClass,
}

/// Reads a folder into a bucket of this versioning state.
///
/// # Errors
/// A file is missing or malformed, or an entry contradicts it: [`SeedError`] names it.
pub fn load(folder: &Path, versioning: Versioning) -> Result<Bucket, SeedError> {
    let path = folder.join("versions.json");
    let text = read(&path)?;
    let listing: Vec<Listed> =
        serde_json::from_slice(&text).map_err(|source| SeedError::Malformed {
            path: path.clone(),
            source,
        })?;
    let mut entries = Vec::with_capacity(listing.len());
    let mut seen = std::collections::BTreeSet::new();
    for (index, listed) in listing.into_iter().enumerate() {
        let wrong = |why: &str| SeedError::Wrong {
            path: path.clone(),
            entry: index + 1,
            key: listed.key.clone(),
            why: why.to_owned(),
        };
        let first_of_key = seen.insert(listed.key.clone());
        if first_of_key != listed.is_latest {
            return Err(wrong(
                "the first entry of a key, and no other, is its latest",
            ));
        }
        let entry = as_is(folder, &listed, wrong)?;
        entries.push((listed.key, entry));
    }
    let mut bucket = Bucket::new(versioning);
    // Listed newest first, stored oldest first.
    for (key, entry) in entries.into_iter().rev() {
        bucket.insert_as_is(&key, entry);
    }
    Ok(bucket)
}

fn as_is(
    folder: &Path,
    listed: &Listed,
    wrong: impl Fn(&str) -> SeedError,
) -> Result<AsIs, SeedError> {
    let rfc3339 = &time::format_description::well_known::Rfc3339;
    let moment = time::OffsetDateTime::parse(&listed.last_modified, rfc3339);
    let moment = moment.map_err(|_| wrong("last_modified is not an RFC 3339 time"))?;
    let milliseconds = moment.unix_timestamp_nanos().div_euclid(1_000_000);
    let body = match listed.marker {
        true => None,
        false => Some(read(&file_of(folder, listed))?),
    };
    if let (Some(body), Some(size)) = (&body, listed.size)
        && body.len() as u64 != size
    {
        let found = body.len();
        return Err(wrong(&format!("its file has {found} bytes and not {size}")));
    }
    Ok(AsIs {
        version_id: listed.version_id.clone(),
        last_modified: Time(i64::try_from(milliseconds).unwrap_or(i64::MAX)),
        body: body.map(Into::into),
        etag: listed.etag.clone(),
        storage_class: listed.storage_class,
    })
}

fn file_of(folder: &Path, listed: &Listed) -> PathBuf {
    let objects = folder.join("objects");
    match listed.is_latest {
        true => objects.join("latest").join(&listed.key),
        false => objects
            .join("noncurrent")
            .join(&listed.version_id)
            .join(&listed.key),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, SeedError> {
    std::fs::read(path).map_err(|source| SeedError::Unreadable {
        path: path.to_owned(),
        source,
    })
}
