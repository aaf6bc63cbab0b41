//! Performs core's requests on the mock bucket, and says what each one changed.
//!
//! Deliberately not here: time that passes. The world decides when a request arrives; here it happens at
//! once.

use std::sync::Arc;

use bytes::Bytes;
use firedrill_core::object::{
    Answer, Cause, Condition, Cursor, Digest, ETag, Entry, Failure, Key, Marker, Reply, Request,
    Version, VersionId, Versioning, WallTime,
};
use firedrill_s3_mock as mock;
use firedrill_s3_mock::{
    Bucket, CopySource, Effect, Error, Fault, FaultPlan, GetOptions, ListVersions, ListedEntry,
    ListedKind, Position, PutOptions, Time,
};

use crate::fate::address;
use crate::queue::Nanos;

/// A bucket behind its faults.
#[derive(Debug, Clone)]
pub struct ObjectStore {
    /// What it holds.
    pub bucket: Bucket,
    /// What will go wrong.
    pub faults: FaultPlan,
    /// Whether every deletion that names a version is denied (MFA delete, a policy).
    pub denies_version_delete: bool,
    /// The wall clock at the world's start, milliseconds since 1970.
    pub wall_start: i64,
    /// Whether the wall clock stands still, so that everything falls into one second.
    pub wall_frozen: bool,
}

/// What one request or one outsider's act changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A new current version.
    Put {
        /// Where.
        key: Key,
        /// Its id.
        version: VersionId,
        /// Its bytes.
        body: Bytes,
        /// The tag that it got.
        etag: ETag,
    },
    /// An older version was copied on top.
    Copied {
        /// Where.
        key: Key,
        /// The version that was copied.
        from: VersionId,
        /// The new version's id.
        version: VersionId,
        /// The tag that it got.
        etag: ETag,
    },
    /// A version or marker was named in a deletion, whether or not it was there.
    Removed {
        /// Where.
        key: Key,
        /// Its id.
        version: VersionId,
    },
}

impl ObjectStore {
    /// What the bucket's clock shows at this moment of the world.
    pub fn wall(&self, at: Nanos) -> Time {
        let passed = if self.wall_frozen { 0 } else { at / 1_000_000 };
        Time(self.wall_start + passed as i64)
    }

    /// Counts a request at its fault address, and answers what strikes it.
    pub fn strike(&mut self, request: &Request) -> Option<Fault> {
        let (operation, key) = address(request);
        self.faults.strike(operation, key)
    }

    /// Performs one request. A body is cut behind `cut` bytes; silently, as a runtime would hand it on
    /// that cannot tell.
    pub fn perform(
        &mut self,
        now: Time,
        request: &Request,
        cut: Option<u64>,
        changes: &mut Vec<Change>,
    ) -> Reply {
        match request {
            Request::GetVersioning => Ok(Answer::Versioning(match self.bucket.versioning() {
                mock::Versioning::Off => Versioning::Off,
                mock::Versioning::Enabled => Versioning::Enabled,
                mock::Versioning::Suspended => Versioning::Suspended,
            })),
            Request::ListVersions { prefix, after } => Ok(self.list(prefix, after.as_ref())),
            Request::Read { key, version } => self.body(key, version, cut).map(Answer::Body),
            Request::Digest { key, version } => {
                let body = self.body(key, version, cut)?;
                Ok(Answer::Digest {
                    size: body.len() as u64,
                    digest: Digest::of(&body),
                })
            }
            Request::RemoveMarkers { markers } => self.remove(now, markers, changes),
            Request::Copy {
                key,
                version,
                condition,
                ..
            } => self.copy(now, key, version, condition, changes),
            Request::Put {
                key,
                body,
                condition,
            } => self.put(now, key, body, condition, changes),
        }
    }

    fn list(&self, prefix: &Key, after: Option<&Cursor>) -> Answer {
        let page = self.bucket.list_versions(&ListVersions {
            prefix: prefix.as_str().to_owned(),
            key_marker: after.map(|cursor| cursor.key.as_str().to_owned()),
            version_id_marker: after
                .and_then(|cursor| cursor.version.as_ref())
                .map(|version| version.as_str().to_owned()),
            ..ListVersions::default()
        });
        let next = page.next_key_marker.filter(|_| page.truncated);
        Answer::Page {
            entries: page.entries.iter().map(entry).collect(),
            next: next.map(|key| Cursor {
                key: key.into(),
                version: page.next_version_id_marker.map(VersionId::from),
            }),
        }
    }

    fn body(&self, key: &Key, version: &VersionId, cut: Option<u64>) -> Result<Bytes, Failure> {
        let read = self
            .bucket
            .get(key.as_str(), Some(version.as_str()), &GetOptions::default());
        let body = read.map_err(failure)?.body;
        let length = cut.map_or(body.len(), |cut| body.len().min(cut as usize));
        Ok(body.slice(..length))
    }

    fn remove(
        &mut self,
        now: Time,
        markers: &[(Key, VersionId)],
        changes: &mut Vec<Change>,
    ) -> Reply {
        if markers.is_empty() || markers.len() > mock::DELETE_MANY_MAX {
            return Err(failure(Error::MalformedXml));
        }
        let mut results = Vec::with_capacity(markers.len());
        for (key, version) in markers {
            let struck = self
                .faults
                .strike(mock::Operation::DeleteObjectVersion, Some(key.as_str()));
            let error = self.entry_error(struck.as_ref());
            let happens = error.is_none()
                || (!self.denies_version_delete)
                    .then_some(struck)
                    .flatten()
                    .is_some_and(|fault| {
                        fault.position == Position::After && fault.effect != Effect::Denied
                    });
            if happens {
                let deleted = self
                    .bucket
                    .delete(now, key.as_str(), Some(version.as_str()));
                deleted.map_err(failure)?;
                changes.push(Change::Removed {
                    key: key.clone(),
                    version: version.clone(),
                });
            }
            results.push(error.map_or(Ok(()), Err));
        }
        Ok(Answer::Removed(results))
    }

    /// What one entry of a DeleteObjects says, apart from success.
    fn entry_error(&self, struck: Option<&Fault>) -> Option<Cause> {
        let denied = || Cause::Denied("AccessDenied".into());
        match struck.map(|fault| fault.effect) {
            _ if self.denies_version_delete => Some(denied()),
            None | Some(Effect::Slow { .. }) => None,
            Some(Effect::Denied) => Some(denied()),
            Some(_) => Some(Cause::Unavailable("InternalError".into())),
        }
    }

    fn copy(
        &mut self,
        now: Time,
        key: &Key,
        version: &VersionId,
        condition: &Condition,
        changes: &mut Vec<Change>,
    ) -> Reply {
        let source = CopySource::version(key.as_str(), version.as_str());
        let written = self
            .bucket
            .copy(now, &source, key.as_str(), &options(condition))
            .map_err(failure)?;
        let id = written.version_id.clone().unwrap_or_else(|| "null".into());
        changes.push(Change::Copied {
            key: key.clone(),
            from: version.clone(),
            version: id.into(),
            etag: written.etag.into(),
        });
        let version = written.version_id.map(VersionId::from);
        Ok(Answer::Written { version })
    }

    fn put(
        &mut self,
        now: Time,
        key: &Key,
        body: &Bytes,
        condition: &Condition,
        changes: &mut Vec<Change>,
    ) -> Reply {
        let written = self
            .bucket
            .put(now, key.as_str(), body.clone(), &options(condition))
            .map_err(failure)?;
        let id = written.version_id.clone().unwrap_or_else(|| "null".into());
        changes.push(Change::Put {
            key: key.clone(),
            version: id.into(),
            body: body.clone(),
            etag: written.etag.into(),
        });
        let version = written.version_id.map(VersionId::from);
        Ok(Answer::Written { version })
    }
}

fn options(condition: &Condition) -> PutOptions {
    PutOptions {
        condition: Some(match condition {
            Condition::Absent => mock::Condition::IfNoneMatchAny,
            Condition::Matches(etag) => mock::Condition::IfMatch(etag.as_str().to_owned()),
        }),
        ..PutOptions::default()
    }
}

/// A line of the mock's listing in core's words.
pub fn entry(listed: &ListedEntry) -> (Key, Entry) {
    let id = VersionId::from(Arc::clone(&listed.version_id));
    let last_modified = WallTime(listed.last_modified.truncated().0 * 1000);
    let entry = match &listed.kind {
        ListedKind::Marker => Entry::Marker(Marker { id, last_modified }),
        ListedKind::Version {
            size,
            etag,
            storage_class,
            restored,
        } => Entry::Version(Version {
            id,
            size: *size,
            etag: ETag::from(Arc::clone(etag)),
            last_modified,
            archived: storage_class.is_archive() && !restored,
        }),
    };
    (Key::from(Arc::clone(&listed.key)), entry)
}

fn failure(error: Error) -> Failure {
    Failure::Determinate(match error {
        Error::NoSuchKey { .. } | Error::NoSuchVersion => Cause::NotFound,
        Error::PreconditionFailed => Cause::PreconditionFailed,
        Error::InvalidObjectState { .. } => Cause::Archived,
        other => Cause::Other(format!("{}: {other}", other.code())),
    })
}
