//! What is to be done about one key, from its history alone: the heart of amend, and pure.
//!
//! ```text
//! newest ─► [marker] [marker] [data v2] [data v1] ◄─ oldest
//!            └── on top ──┘   └ candidate
//! ```
//!
//! The **match** is the version that holds what the writer wrote: for an object with a stated size the
//! *oldest* of that size, because fuse objects are written once and whatever came later is not the writer's.
//! Only the listing's order counts, never LastModified, whose ties are normal.

use std::collections::BTreeMap;

use crate::drill::{Probe, planted, reached, sometimes};
use crate::object::{Digest, ETag, Entry, History, Version, VersionId, Versioning};

use super::planted::{is_many_times_there, is_sized, is_under_a_marker};
use super::report::Decision;

/// Which version of a key is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This one: it was read, and is what the reference names; or a point in time names it.
    Version(Version),
    /// The oldest one of this size in bytes; none: the oldest one.
    Sized(Option<u64>),
    /// None holds the right bytes, for this reason.
    Nothing(String),
    /// It could not be told, for this reason.
    Unclear(String),
}

/// What is known of one key's versions beyond the listing.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    digests: BTreeMap<Name, Digest>,
    copies: BTreeMap<VersionId, Name>,
}

/// A version by id *and* tag: the id `null` alone can come to name other bytes.
pub(super) type Name = (VersionId, ETag);

pub(super) fn name(version: &Version) -> Name {
    (version.id.clone(), version.etag.clone())
}

impl Evidence {
    /// A version's bytes were read.
    pub fn read(&mut self, version: &Version, digest: Digest) {
        self.digests.insert(name(version), digest);
    }

    /// Whether a version's bytes were read.
    pub fn has_read(&self, version: &Version) -> bool {
        self.digests.contains_key(&name(version))
    }

    /// Whether this version is one that the bucket copied for us.
    pub fn is_copy(&self, version: &Version) -> bool {
        self.copies.contains_key(&version.id)
    }

    /// The bucket copied `source`, and gave the copy this id.
    pub fn copied(&mut self, copy: VersionId, source: &Version) {
        self.copies.insert(copy, name(source));
    }
}

/// What the bucket allows.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Its versioning state.
    pub versioning: Versioning,
    /// Removing this key's markers was denied.
    pub markers_denied: bool,
}

/// What [`decide`] answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A decision, with the reason where it is one that needs a reason.
    Decided(Decision, Option<String>),
    /// First these two versions have to be read and compared.
    Compare(Version, Version),
}

const ARCHIVED: &str = "its only good version is archived and cannot be read or copied: restore it from \
                        the archive (RestoreObject with its version id), then run again";

/// Decides about one key.
pub fn decide(history: &History, wanted: &Wanted, evidence: &Evidence, rules: Rules) -> Verdict {
    let matching = match wanted {
        Wanted::Nothing(why) => return lost(why),
        Wanted::Unclear(why) => return unknown(why),
        Wanted::Version(version) => history
            .version(&version.id)
            .filter(|listed| listed.etag == version.etag),
        Wanted::Sized(size) => oldest_of_size(history, *size),
    };
    let Some(matching) = matching else {
        if planted("AM-11") && history.current().is_some_and(|top| top.id().is_null()) {
            return Verdict::Decided(Decision::Intact, None);
        }
        if planted("AM-34") && history.entries().is_empty() && matches!(wanted, Wanted::Sized(_)) {
            return Verdict::Decided(Decision::Intact, None);
        }
        return lost(&why_nothing_matches(history, wanted));
    };
    sometimes(Probe::NullVersionMatches, matching.id.is_null());
    let candidate = history.versions().next().expect("a match is a version");
    if planted("AM-42") && is_many_times_there(history, matching) {
        return unknown("more than three of its versions are equal: which one is meant?");
    }
    let equal = match planted("AM-33") && is_sized(wanted, candidate, matching) {
        true => Some(candidate.size == matching.size),
        false => same(candidate, matching, evidence),
    };
    match equal {
        Some(true) if !is_archived(candidate) => uncover(history, candidate, evidence, rules),
        Some(equal) => {
            sometimes(Probe::OverwrittenMatches, !equal);
            copy(history, matching, evidence, rules)
        }
        None if is_archived(matching) => unknown(ARCHIVED),
        None if is_archived(candidate) => {
            reached(Probe::ArchivedOnTop);
            copy(history, matching, evidence, rules)
        }
        None => Verdict::Compare(candidate.clone(), matching.clone()),
    }
}

fn oldest_of_size(history: &History, size: Option<u64>) -> Option<&Version> {
    if planted("AM-07") {
        return history.versions().next();
    }
    history.versions().rev().find(|version| {
        size.is_none_or(|size| version.size == size)
            && !(planted("AM-13") && is_under_a_marker(history, version))
    })
}

/// Whether two versions hold the same bytes; none: only reading them can tell. "The ETag may or may not be
/// an MD5 digest of the object data" (S3 API, Object): equal tags prove equal bytes, unequal ones nothing.
fn same(one: &Version, other: &Version, evidence: &Evidence) -> Option<bool> {
    if one.id == other.id {
        return Some(true);
    }
    if evidence.copies.get(&one.id) == Some(&name(other)) {
        reached(Probe::OwnCopyKnown);
        return Some(true);
    }
    if planted("AM-17") {
        return Some(false);
    }
    if one.etag == other.etag {
        reached(Probe::EqualTags);
        return Some(one.size == other.size);
    }
    if one.size != other.size {
        return Some(false);
    }
    if planted("AM-15") {
        return Some(false);
    }
    let one = evidence.digests.get(&name(one))?;
    let other = evidence.digests.get(&name(other))?;
    sometimes(Probe::ReadEqual, one == other);
    sometimes(Probe::ReadUnequal, one != other);
    Some(one == other)
}

/// The right bytes are the newest data version: take away what lies on top of them, if anything does.
fn uncover(history: &History, candidate: &Version, evidence: &Evidence, rules: Rules) -> Verdict {
    let mut markers: Vec<VersionId> = history
        .entries()
        .iter()
        .take_while(|entry| matches!(entry, Entry::Marker(_)))
        .map(|marker| marker.id().clone())
        .collect();
    if markers.is_empty() {
        reached(Probe::Intact);
        return Verdict::Decided(Decision::Intact, None);
    }
    if planted("AM-05") {
        markers.truncate(1);
    }
    if planted("AM-06") {
        markers = vec![candidate.id.clone()];
    }
    if planted("AM-21") && rules.markers_denied {
        return unknown("removing its delete markers is denied");
    }
    // A marker with the id `null` could have been replaced by a data version with the same id since it was
    // listed, and DELETE would then destroy that version for good. Every other id is never used again.
    let null_marker = markers.iter().any(VersionId::is_null);
    if rules.markers_denied || null_marker {
        sometimes(Probe::NullMarker, null_marker);
        sometimes(Probe::RemovalDeniedCopied, rules.markers_denied);
        return copy(history, candidate, evidence, rules);
    }
    sometimes(Probe::StackedMarkers, markers.len() > 1);
    markers.reverse();
    Verdict::Decided(Decision::RemoveMarkers { markers }, None)
}

/// The right bytes have to be put on top, as a version of their own.
fn copy(history: &History, matching: &Version, evidence: &Evidence, rules: Rules) -> Verdict {
    let equal = |version: &&Version| same(version, matching, evidence) == Some(true);
    let source = history
        .versions()
        .filter(equal)
        .find(|version| !is_archived(version));
    let Some(source) = source else {
        reached(Probe::ArchivedOnly);
        return unknown(ARCHIVED);
    };
    sometimes(Probe::ArchivedTwinCopied, is_archived(matching));
    // "If versioning is suspended … S3 adds a null version … if a null version already exists, S3
    // overwrites it" (S3 user guide, "Adding objects to versioning-suspended buckets").
    let null_version = history.versions().any(|version| version.id.is_null());
    if rules.versioning != Versioning::Enabled && null_version {
        reached(Probe::CopyWouldDestroy);
        return unknown(
            "versioning is suspended, and a copy would destroy the null version of this key: enable \
             versioning on the bucket, then run again",
        );
    }
    let decision = Decision::CopyVersion {
        version: source.id.clone(),
        size: source.size,
    };
    Verdict::Decided(decision, None)
}

fn is_archived(version: &Version) -> bool {
    version.archived && !planted("AM-22")
}

fn why_nothing_matches(history: &History, wanted: &Wanted) -> String {
    let versions = history.versions().count();
    let marker_only = versions == 0 && !history.entries().is_empty();
    assert!(
        !(planted("AM-30") && marker_only),
        "a key has at least one data version"
    );
    match wanted {
        _ if history.entries().is_empty() => {
            reached(Probe::LostWithoutTrace);
            "no version of it is left in the bucket".into()
        }
        _ if versions == 0 => {
            reached(Probe::LostBelowMarkers);
            "only delete markers are left of it: its data versions were purged, or \
                               destroyed while versioning was suspended"
                .into()
        }
        Wanted::Sized(Some(size)) => {
            reached(Probe::LostBySize);
            format!("no surviving version of it has the {size} bytes that the metadata states")
        }
        _ => {
            reached(Probe::LostSinceFound);
            "the version that holds the right bytes is gone".into()
        }
    }
}

fn lost(why: &str) -> Verdict {
    Verdict::Decided(Decision::Lost, Some(why.to_string()))
}

fn unknown(why: &str) -> Verdict {
    Verdict::Decided(Decision::Unknown, Some(why.to_string()))
}
