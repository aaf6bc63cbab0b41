//! Looking metadata up: one version after the other, until the layout accepts one.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::drill::{Probe, planted, reached, sometimes};
use crate::fuse::{NotRead, PAYLOAD_BYTES_MAX};
use crate::object::{Answer, Cause, Reply, Version};

use super::job::Job;
use super::layout::{Found, Lookup, Refusal};
use super::machine::{Amend, Effect, Phase, Progress};

/// A lookup under way.
#[derive(Debug)]
pub(super) struct ActiveLookup {
    lookup: Lookup,
    position: usize,
    /// Why the version tried last was not it.
    rejected: Option<String>,
}

const NOTHING_BELOW: &str = "so nothing below it could be looked at";

impl Amend {
    /// Begins lookups, and those that they lead to at once.
    pub(super) fn begin_lookups(
        &mut self,
        ask: Vec<Lookup>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let mut ask = VecDeque::from(ask);
        while let Some(lookup) = ask.pop_front() {
            let active = ActiveLookup {
                lookup,
                position: 0,
                rejected: None,
            };
            let mut more = Vec::new();
            self.try_version(active, &mut more, out)?;
            ask.extend(more);
        }
        Ok(())
    }

    /// Reads the next version that is worth trying, or settles the lookup if none is left.
    fn try_version(
        &mut self,
        mut active: ActiveLookup,
        ask: &mut Vec<Lookup>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let history = self.listing.get(&active.lookup.key);
        while let Some(id) = active.lookup.versions.get(active.position) {
            let Some(version) = history.version(id) else {
                active.position += 1;
                continue;
            };
            if version.size > PAYLOAD_BYTES_MAX {
                active.rejected = Some("larger than metadata can be".into());
                active.position += 1;
                continue;
            }
            // An archived version cannot be read, but another with an equal tag holds the same bytes.
            let readable = history.versions().find(|other| {
                !other.archived && other.etag == version.etag && other.size == version.size
            });
            let to_read = if version.archived {
                readable
            } else {
                Some(version)
            };
            let Some(to_read) = to_read.cloned() else {
                reached(Probe::MetadataArchived);
                let found = Found::Unclear(unreadable(&Cause::Archived));
                return self.settle(&active.lookup, found, ask, out);
            };
            if version.archived {
                reached(Probe::MetadataFromTwin);
            } else if let Some(current) = history.current() {
                let below_other = current.version().is_some_and(|top| top.id != version.id);
                sometimes(Probe::MetadataBelowMarker, current.version().is_none());
                sometimes(Probe::MetadataBelowVersion, below_other);
            }
            let key = active.lookup.key.clone();
            let lookup = self.take_id();
            self.lookups.insert(lookup, active);
            self.courier.submit(Job::Read {
                lookup,
                key,
                version: to_read,
            });
            return Ok(());
        }
        let found = Found::Nothing(why_nothing(&active, history.versions().count()));
        self.settle(&active.lookup, found, ask, out)
    }

    /// A version was read, or could not be.
    pub(super) fn take_read(
        &mut self,
        id: u64,
        read: &Version,
        reply: Reply,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let Some(active) = self.lookups.remove(&id) else {
            return Ok(());
        };
        let mut ask = Vec::new();
        match reply {
            Ok(Answer::Body(body)) => self.judge(active, &body, &mut ask, out)?,
            Err(failure) if *failure.cause() == Cause::NotFound => {
                reached(Probe::MetadataVanished);
                // The version in question, or the twin that was read in its place: then another twin may do.
                self.listing.forget(&active.lookup.key, &read.id);
                self.try_version(active, &mut ask, out)?;
            }
            Err(failure) if planted("AM-20") && matches!(failure.cause(), Cause::Denied(_)) => {
                let found = Found::Nothing(failure.cause().to_string());
                self.settle(&active.lookup, found, &mut ask, out)?;
            }
            Err(failure) => {
                let is_denied = matches!(failure.cause(), Cause::Denied(_));
                sometimes(Probe::MetadataDenied, is_denied);
                let found = Found::Unclear(unreadable(failure.cause()));
                self.settle(&active.lookup, found, &mut ask, out)?;
            }
            Ok(_) => {
                let found = Found::Unclear("its answer was of another kind".into());
                self.settle(&active.lookup, found, &mut ask, out)?;
            }
        }
        self.begin_lookups(ask, out)
    }

    fn judge(
        &mut self,
        mut active: ActiveLookup,
        body: &Bytes,
        ask: &mut Vec<Lookup>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let id = &active.lookup.versions[active.position];
        let version = self.listing.get(&active.lookup.key).version(id).cloned();
        let judged = self.layout.judge(&active.lookup, body);
        match (judged, version) {
            (Ok(()), Some(version)) => self.settle(
                &active.lookup,
                Found::Version(version, body.clone()),
                ask,
                out,
            ),
            (Err(NotRead::Unsupported(what)), _) => {
                let found = Found::Unclear(format!(
                    "its form is not understood here ({what}), {NOTHING_BELOW}"
                ));
                self.settle(&active.lookup, found, ask, out)
            }
            (Err(NotRead::Garbage(why)), _) => {
                reached(Probe::MetadataRejected);
                active.rejected = Some(why);
                active.position += 1;
                self.try_version(active, ask, out)
            }
            // Forgotten since it was read.
            (Ok(()), None) => self.try_version(active, ask, out),
        }
    }

    fn settle(
        &mut self,
        lookup: &Lookup,
        found: Found,
        ask: &mut Vec<Lookup>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.lookups_done += 1;
        let (phase, done) = (Phase::Read, self.lookups_done);
        let total = Some(done + self.lookups.len() as u64);
        out.push(Effect::Progress(Progress { phase, done, total }));
        self.layout.settle(lookup, found, &self.listing, ask)
    }
}

fn unreadable(cause: &Cause) -> String {
    match cause {
        Cause::Archived => {
            "it is archived and cannot be read: restore it from the archive (RestoreObject \
                            with its version id), then run again"
                .into()
        }
        Cause::Denied(words) => format!(
            "reading it was denied ({words}), {NOTHING_BELOW}: allow s3:GetObjectVersion, then run again"
        ),
        cause if cause.is_transient() => {
            format!("it could not be read ({cause}), {NOTHING_BELOW}: run again later")
        }
        cause => format!("it could not be read ({cause}), {NOTHING_BELOW}"),
    }
}

fn why_nothing(active: &ActiveLookup, versions: usize) -> String {
    match (&active.rejected, versions) {
        (Some(why), 1) => {
            format!("its only surviving version does not read as what its reference names ({why})")
        }
        (Some(why), _) => format!(
            "none of its {versions} surviving versions reads as what its reference names (the last: {why})"
        ),
        (None, 0) => "no data version of it is left in the bucket".into(),
        (None, _) => "no surviving version of it has the size that the metadata states".into(),
    }
}
