//! Conditions of writes and of reads.

use crate::object::Stored;
use crate::{Error, Time};

/// What must be current for a put or a copy to happen. It is checked and the write is made in one call, so
/// of several writers with the same condition one wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `If-None-Match: *`: "Uploads the object only if the object key name does not already exist in the
    /// bucket specified" (API reference, PutObject); with versioning, "if there's no current object version
    /// with the same name, or if the current object version is a delete marker, the write operation
    /// succeeds" (user guide, "Conditional writes").
    IfNoneMatchAny,
    /// `If-Match`: "Uploads the object only if the ETag (entity tag) value provided during the WRITE
    /// operation matches the ETag of the object in S3" (API reference, PutObject). Nothing current, or a
    /// marker: 404.
    IfMatch(String),
}

impl Condition {
    pub(crate) fn check(&self, current: Option<&Stored>) -> Result<(), Error> {
        let version = current.and_then(|stored| stored.version.as_deref());
        match (self, version) {
            (Self::IfNoneMatchAny, None) => Ok(()),
            (Self::IfNoneMatchAny, Some(_)) => Err(Error::PreconditionFailed),
            (Self::IfMatch(_), None) => Err(Error::NoSuchKey {
                marker: current.map(|stored| stored.id.to_string()),
            }),
            (Self::IfMatch(etag), Some(version)) if same_tag(etag, &version.etag) => Ok(()),
            (Self::IfMatch(_), Some(_)) => Err(Error::PreconditionFailed),
        }
    }
}

/// The four conditions of a GET, a HEAD, or of a copy's source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Preconditions {
    /// Tags of which one must be the object's; `*` is any.
    pub if_match: Option<Vec<String>>,
    /// Tags of which none may be the object's.
    pub if_none_match: Option<Vec<String>>,
    /// The object must be younger.
    pub if_modified_since: Option<Time>,
    /// The object must not be younger.
    pub if_unmodified_since: Option<Time>,
}

impl Preconditions {
    /// "If both of the If-Match and If-Unmodified-Since headers are present … If-Match condition evaluates
    /// to true, and If-Unmodified-Since condition evaluates to false; then, S3 returns 200 OK"; "If both of
    /// the If-None-Match and If-Modified-Since headers are present … If-None-Match condition evaluates to
    /// false, and If-Modified-Since condition evaluates to true; then, S3 returns 304" (API reference,
    /// GetObject): the tag decides, and the time is looked at only without one.
    pub(crate) fn check(&self, etag: &str, last_modified: Time) -> Result<(), Error> {
        let listed = |tags: &[String]| tags.iter().any(|tag| tag == "*" || same_tag(tag, etag));
        let second = last_modified.truncated();
        let wanted = match (&self.if_match, self.if_unmodified_since) {
            (Some(tags), _) => listed(tags),
            (None, Some(time)) => second <= time,
            (None, None) => true,
        };
        if !wanted {
            return Err(Error::PreconditionFailed);
        }
        let changed = match (&self.if_none_match, self.if_modified_since) {
            (Some(tags), _) => !listed(tags),
            (None, Some(time)) => second > time,
            (None, None) => true,
        };
        if !changed {
            return Err(Error::NotModified {
                etag: etag.to_owned(),
                last_modified: second,
            });
        }
        Ok(())
    }
}

/// Clients send tags with and without quotes, and S3 takes both.
fn same_tag(left: &str, right: &str) -> bool {
    left.trim_matches('"') == right.trim_matches('"')
}
