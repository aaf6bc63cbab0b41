//! From what a server's log says to what the judge understands.

use firedrill_chaos::oracle::log::Log;
use firedrill_core::object::{Key, VersionId};
use firedrill_s3_mock::{Said, Time};
use firedrill_sim::object_store::Change;

/// What one line of a record means.
pub(super) enum Translated {
    /// This changed, at this moment if the line tells one.
    Change(Option<Time>, Change),
    /// It goes with the next line.
    Nothing,
    /// No client that amends does such a thing.
    Strange(String),
}

/// Translates a line; `next` is the one behind it in the same record, which is one request's effect.
pub(super) fn translate(log: &Log, said: &Said<'_>, next: Option<&Said<'_>>) -> Translated {
    match *said {
        Said::Stored {
            key,
            version_id,
            last_modified,
            version: Some((body, etag)),
        } => {
            let key = Key::from(key);
            let history = log.history(&key);
            let source = history.iter().find(|held| held.body.as_ref() == Some(body));
            let (version, etag) = (VersionId::from(version_id), etag.into());
            let change = match source.map(|held| held.id.clone()) {
                Some(from) => Change::Copied {
                    key,
                    from,
                    version,
                    etag,
                },
                None => Change::Put {
                    key,
                    version,
                    body: body.clone(),
                    etag,
                },
            };
            Translated::Change(Some(last_modified), change)
        }
        Said::Removed { key, version_id } => {
            let replaced = matches!(next, Some(Said::Stored { key: other, version_id: id, .. }) if *other == key && *id == version_id);
            if replaced {
                return Translated::Nothing;
            }
            let change = Change::Removed {
                key: Key::from(key),
                version: VersionId::from(version_id),
            };
            Translated::Change(None, change)
        }
        Said::Stored { key, .. } => {
            Translated::Strange(format!("a client that amends left a marker on {key}"))
        }
        Said::Other => Translated::Strange("a client that amends changed the bucket itself".into()),
    }
}
