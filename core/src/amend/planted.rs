//! What planted bugs do instead of the right thing, as far as it takes more than a branch of one line.
//!
//! Nothing here changes anything in a production build: a call stands behind [`planted`], or asks it first and
//! answers what is right; there it is a constant `false`, and nothing is left of either. With the feature
//! `drill` it is true for the one bug that the runner made active.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::drill::planted;
use crate::object::{
    Cause, Condition, Entry, Failure, History, Key, Reply, Version, VersionId, Versioning,
};

use super::apply::LEVELS;
use super::decide::{Wanted, name};
use super::job::Job;
use super::listing::Listing;
use super::machine::{Amend, LookFor};
use super::objects::Object;
use super::options::Target;
use super::report::{Class, Decision};

/// AM-23: the hint's bytes, as somebody might write them anew who thinks of them as a line of text.
pub(super) fn hint_body(
    body: Bytes,
    object: &Object,
    history: &History,
    target: &Target,
    versioning: Option<Versioning>,
) -> Bytes {
    let asked = *target == Target::Current && versioning == Some(Versioning::Enabled);
    let as_planned = || {
        let mut versions = history.versions();
        versions.all(|version| object.seen.contains(&name(version)))
    };
    if !(planted("AM-23") && asked && as_planned()) {
        return body;
    }
    let mut line = body.to_vec();
    line.push(b'\n');
    line.into()
}

/// AM-05, AM-31 and AM-38: whoever does not look again after a removal.
pub(super) fn trusts_removals() -> bool {
    planted("AM-05") || planted("AM-31") || planted("AM-38")
}

/// AM-13: a null version, and on top a marker that is none.
pub(in crate::amend) fn is_under_a_marker(history: &History, version: &Version) -> bool {
    let top = history.current();
    version.id.is_null()
        && top.is_some_and(|top| matches!(top, Entry::Marker(_)) && !top.id().is_null())
}

/// AM-33: the size is stated, and nothing keeps the two from being compared.
pub(in crate::amend) fn is_sized(wanted: &Wanted, candidate: &Version, matching: &Version) -> bool {
    matches!(wanted, Wanted::Sized(Some(_))) && !candidate.archived && !matching.archived
}

/// AM-42: that somebody restored a key again and again is taken for a puzzle.
pub(in crate::amend) fn is_many_times_there(history: &History, matching: &Version) -> bool {
    let equal = history.versions().filter(|other| {
        other.etag == matching.etag && other.size == matching.size && !other.archived
    });
    equal.count() > 3
}

/// AM-41: of four or more commits of one second, the first passes for the last.
pub(in crate::amend) fn first_of_a_second(versions: &mut [&Version]) {
    let newest = versions.first().map(|version| version.last_modified);
    let tied = versions
        .iter()
        .take_while(|version| Some(version.last_modified) == newest);
    let tied = tied.count();
    if tied >= 4 {
        versions[..tied].reverse();
    }
}

/// AM-39: a conditional write whose connection broke is sent again without a look.
pub(super) fn is_blind(job: &Job, cause: &Cause) -> bool {
    planted("AM-39") && is_conditional(job) && *cause != Cause::Timeout
}

/// AM-39: the 412 with which a write answers that was sent once more passes for another writer's.
pub(super) fn planted_reply(job: &Job, attempts: u32, reply: Reply) -> Reply {
    let repeated = attempts > 1 && is_conditional(job);
    match reply {
        Err(Failure::Determinate(Cause::PreconditionFailed)) if planted("AM-39") && repeated => {
            let cause = Cause::Other("somebody else wrote it meanwhile".into());
            Err(Failure::Determinate(cause))
        }
        reply => reply,
    }
}

fn is_conditional(job: &Job) -> bool {
    matches!(job, Job::Copy { .. } | Job::Put { .. })
}

impl Amend {
    /// AM-08 and AM-26: other orders of publishing.
    pub(super) fn planted_level(&self, level: usize) -> usize {
        match level {
            level if planted("AM-08") => LEVELS - 1 - level,
            0 | 1 if planted("AM-26") => 1 - level,
            level => level,
        }
    }

    /// AM-25: whether a key has to wait until the hint is published.
    pub(super) fn is_held_back(&self, key: &Key) -> bool {
        #[cfg(feature = "drill")]
        if planted("AM-25") {
            return self.has_to_wait(key);
        }
        let _ = key;
        false
    }

    /// What is written besides, at the beginning of each round.
    pub(super) fn apply_planted(&mut self) {
        if planted("AM-12") {
            self.resurrect_unreferenced();
        }
        if planted("AM-27") && self.rounds == 0 {
            self.copy_what_is_single();
        }
        #[cfg(feature = "drill")]
        if planted("AM-24") && self.rounds == 0 {
            self.copy_once_more();
        }
    }

    /// AM-12: every deleted key comes back, referenced or not.
    fn resurrect_unreferenced(&mut self) {
        let mut markers = Vec::new();
        for (key, history) in self.listing.below(self.options.prefix.as_str()) {
            if let (Some(Entry::Marker(marker)), false) =
                (history.current(), self.objects.by_key.contains_key(key))
            {
                markers.push((key.clone(), marker.id.clone()));
            }
        }
        self.submit_markers(&markers);
    }

    /// AM-03: whatever begins like the key is taken for the key.
    pub(super) fn add_siblings(&self, markers: &mut Vec<(Key, VersionId)>) {
        let keys: BTreeMap<Key, ()> = markers.iter().map(|(key, _)| (key.clone(), ())).collect();
        for key in keys.keys() {
            for (sibling, history) in self.listing.below(key.as_str()).skip(1) {
                if let (Some(Entry::Marker(marker)), false) =
                    (history.current(), keys.contains_key(sibling))
                {
                    markers.push((sibling.clone(), marker.id.clone()));
                }
            }
        }
    }

    /// AM-09: "it did not work, so delete what is on top".
    pub(super) fn peel_blindly(&mut self, markers: &[(Key, VersionId)]) {
        let mut next = Vec::new();
        for (key, id) in markers {
            self.listing.forget(key, id);
            next.extend(
                self.listing
                    .get(key)
                    .current()
                    .map(|top| (key.clone(), top.id().clone())),
            );
        }
        self.submit_markers(&next);
    }
    /// AM-27: while it is at it, it makes a second version of what has only one.
    fn copy_what_is_single(&mut self) {
        let single = |history: &History| history.entries().len() == 1;
        let intact = self.objects.by_key.iter().filter(|(key, object)| {
            object.decision == Decision::Intact && single(self.listing.get(key))
        });
        let keys: Vec<Key> = intact.map(|(key, _)| key.clone()).collect();
        for key in keys {
            if let Some(version) = self.listing.get(&key).current_version().cloned() {
                self.copy_over(&key, &version, &version);
            }
        }
    }

    fn copy_over(&mut self, key: &Key, version: &Version, current: &Version) {
        if self.versioning == Some(Versioning::Enabled) && !version.archived {
            self.courier.submit(Job::Copy {
                key: key.clone(),
                version: version.clone(),
                condition: Condition::Matches(current.etag.clone()),
            });
        }
    }

    /// AM-31: of a batch in which more than twelve keys have stacks, each key's first marker alone; the others
    /// pass for removed.
    pub(super) fn cut_batch(&mut self, markers: &mut Vec<(Key, VersionId)>) {
        let keys = markers.chunk_by(|one, other| one.0 == other.0);
        if keys.filter(|of_one_key| of_one_key.len() > 1).count() <= 12 {
            return;
        }
        let mut kept: Vec<(Key, VersionId)> = Vec::new();
        for (key, id) in markers.drain(..) {
            match kept.last() {
                Some((last, _)) if *last == key => self.listing.forget(&key, &id),
                _ => kept.push((key, id)),
            }
        }
        *markers = kept;
    }

    /// AM-32: where hint, snapshots and segments were never deleted, and four or more objects below them were,
    /// one after the other, somebody is thought to have done that on purpose.
    pub(super) fn mistake_for_vacuum(&mut self) {
        let is_above =
            |class: Class| matches!(class, Class::Hint | Class::Snapshot | Class::Segment);
        let mut above = self.objects.by_key.iter();
        let listing = &self.listing;
        let touched = |history: &History| {
            let mut entries = history.entries().iter();
            entries.any(|entry| entry.version().is_none())
        };
        if above.any(|(key, object)| is_above(object.class) && touched(listing.get(key))) {
            return;
        }
        let under_one_marker = |history: &History| match history.entries() {
            [Entry::Marker(marker), Entry::Version(_), ..] => !marker.id.is_null(),
            _ => false,
        };
        let below = self.objects.by_key.iter_mut();
        let mut deleted: Vec<_> = below
            .filter(|(key, object)| {
                let is_below = !is_above(object.class) && object.class != Class::Object;
                is_below && under_one_marker(listing.get(key))
            })
            .collect();
        let moments = deleted
            .iter()
            .filter_map(|(key, _)| listing.get(key).current());
        let moments: BTreeSet<_> = moments.map(Entry::last_modified).collect();
        if deleted.len() >= 4 && moments.len() >= 3 {
            for (_, object) in &mut deleted {
                object.wanted = Wanted::Nothing("a vacuum took it away".into());
            }
        }
    }

    /// AM-43: a table of some size of which nothing is current passes for one that was dropped on purpose.
    pub(super) fn looks_dropped(&self) -> bool {
        let below = self.listing.below(self.options.prefix.as_str());
        let mut histories: Vec<&History> = below.map(|(_, history)| history).collect();
        let keys = histories.len();
        histories.retain(|history| history.current_version().is_none());
        keys >= 12 && histories.len() == keys
    }

    /// AM-36: what was current when the plan was made.
    pub(super) fn current_before(&self, purpose: &LookFor) -> Option<Listing> {
        let verifies = matches!(purpose, LookFor::Verify);
        (planted("AM-36") && verifies).then(|| self.listing.clone())
    }

    /// AM-36: what somebody deleted meanwhile comes back, referenced or not.
    pub(super) fn put_back(&mut self, before: Option<Listing>) {
        let Some(before) = before else { return };
        let mut markers = Vec::new();
        for (key, history) in self.listing.below(self.options.prefix.as_str()) {
            if let Some(Entry::Marker(marker)) = history.current()
                && before.get(key).current_version().is_some()
                && !self.objects.by_key.contains_key(key)
            {
                markers.push((key.clone(), marker.id.clone()));
            }
        }
        self.submit_markers(&markers);
    }

    /// AM-37: three keys refused in one answer pass for an outage.
    pub(super) fn give_up_refused(
        &mut self,
        markers: &[(Key, VersionId)],
        results: &[Result<(), Cause>],
    ) -> bool {
        let refused = markers.iter().zip(results);
        let refused = refused.filter(|(_, result)| matches!(result, Err(Cause::Denied(_))));
        let keys: BTreeSet<Key> = refused.map(|((key, _), _)| key.clone()).collect();
        if keys.len() < 3 {
            return false;
        }
        for (key, _) in markers {
            self.give_up(key, "the bucket refuses to remove markers");
        }
        true
    }
}

/// Machines that remember.
#[cfg(feature = "drill")]
impl Amend {
    /// AM-25: of a closure with the history, what the commit itself does not reference.
    pub(super) fn note_ancestors(references: &[super::layout::Reference]) {
        let is_snapshot =
            |reference: &&super::layout::Reference| reference.class == Class::Snapshot;
        let commit = references.iter().find(is_snapshot);
        let behind = references.iter().skip_while(|reference| {
            reference.class != Class::Snapshot
                || commit.is_some_and(|commit| commit.key == reference.key)
        });
        let keys: BTreeSet<Key> = behind.map(|reference| reference.key.clone()).collect();
        crate::drill::stash(keys);
    }

    /// AM-25: in the first round, what belongs to ancestors alone has to wait.
    pub(super) fn has_to_wait(&self, key: &Key) -> bool {
        let ancestors: Option<BTreeSet<Key>> = crate::drill::unstash();
        let waits = ancestors.as_ref().is_some_and(|keys| keys.contains(key));
        if let Some(ancestors) = ancestors {
            crate::drill::stash(ancestors);
        }
        self.rounds == 0 && waits
    }

    /// AM-16: the plan outlives a crash.
    pub(super) fn remember(&self) {
        let closure = self.closure.clone();
        let versioning = self.versioning;
        crate::drill::stash((
            self.listing.clone(),
            self.objects.clone(),
            closure,
            versioning,
        ));
    }

    /// AM-16: the plan of before.
    pub(super) fn recall(&mut self) -> bool {
        let Some((listing, objects, closure, versioning)) = crate::drill::unstash() else {
            return false;
        };
        (self.listing, self.objects, self.closure, self.versioning) =
            (listing, objects, closure, versioning);
        self.remember();
        self.begin_applying();
        true
    }

    /// AM-24: a finished copy is written down, and never struck out.
    pub(super) fn note_copy(&self, key: &Key, source: &Version) {
        let mut copies: Vec<(Key, Version)> = crate::drill::unstash().unwrap_or_default();
        copies.push((key.clone(), source.clone()));
        crate::drill::stash(copies);
    }

    /// AM-24: what is written down is done once more.
    fn copy_once_more(&mut self) {
        let copies: Vec<(Key, Version)> = crate::drill::unstash().unwrap_or_default();
        for (key, source) in &copies {
            let object = self.objects.by_key.get(key);
            let intact = object.is_some_and(|object| {
                object.decision == Decision::Intact && object.class != Class::Hint
            });
            let history = self.listing.get(key);
            let is_there = history.version(&source.id).is_some();
            if let (Some(current), true, true) =
                (history.current_version().cloned(), intact, is_there)
            {
                self.copy_over(key, source, &current);
            }
        }
        crate::drill::stash(copies);
    }
}

/// AM-16: the plan of before is believed to the end.
impl Amend {
    /// Whether this machine has not planned for itself.
    pub(super) fn is_recalled(&self) -> bool {
        self.planned_from == (0, 0)
    }

    /// Nothing is listed again: what was planned is taken for done.
    pub(super) fn believe(&mut self, out: &mut Vec<super::Effect>) {
        for object in self.objects.by_key.values_mut() {
            object.done |= object.is_to_write();
        }
        self.finish_by_objects(out);
    }
}
