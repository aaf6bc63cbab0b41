//! Publishing, bottom-up, and checking what came of it.
//!
//! ```text
//! level 0   blocks, indexes, _hs, _ts      nothing references them that is not itself published later
//! level 1   segments
//! level 2   the commit's ancestors
//! level 3   the commit's own snapshot
//! level 4   the hint                       from here on the table is seen
//! ```
//!
//! A level begins when the level below has ended, so a crash half-way leaves a table that is plainly
//! missing, never one that looks whole and is not. What is lost or unknown does not hold up the rest.

use crate::drill::{Probe, planted, reached, sometimes};
use crate::object::{Answer, Cause, Condition, Entry, Failure, Key, Reply, Version, VersionId};

use super::decide::Verdict;
use super::job::Job;
use super::listing::Look;
use super::machine::{Amend, Effect, LookFor, Phase, Progress};
use super::objects::Object;
use super::planted::trusts_removals;
use super::report::{Class, Decision};

/// How many levels there are.
pub(super) const LEVELS: usize = 5;
/// "The request can contain a list of up to 1,000 keys" (S3 API, DeleteObjects).
const MARKERS_MAX: usize = 1000;
/// How often one key is written before the machine gives up on it.
const WRITES_MAX: u32 = 6;
const ROUNDS_MAX: u32 = 3;

impl Amend {
    /// The level on which a key is published.
    pub(super) fn level_of(&self, key: &Key, class: Class) -> usize {
        let commit = self.closure.commit.as_ref().map(|commit| &commit.snapshot);
        let level = match class {
            Class::Hint => 4,
            Class::Snapshot if commit == Some(key) => 3,
            Class::Snapshot => 2,
            Class::Segment => 1,
            _ => 0,
        };
        self.planted_level(level)
    }

    pub(super) fn begin_applying(&mut self) {
        self.phase = Phase::Apply;
        self.level = 0;
        let mut sizes = [0; LEVELS];
        let mut there = 0u64;
        for (key, object) in &self.objects.by_key {
            if object.is_to_write() {
                sizes[self.level_of(key, object.class)] += 1;
            }
            there += u64::from(object.done);
        }
        self.level_sizes = sizes;
        sometimes(Probe::HalfPublished, there > 0 && sizes[LEVELS - 1] > 0);
        self.fill_level();
        self.apply_planted();
    }

    fn fill_level(&mut self) {
        let own = self.objects.by_key.iter().filter(|(key, object)| {
            object.is_to_write()
                && self.level_of(key, object.class) == self.level
                && !self.is_held_back(key)
        });
        self.pending = own.map(|(key, _)| key.clone()).collect();
    }

    /// Nothing is under way: write what is pending, or go on to the next level.
    pub(super) fn go_on_applying(&mut self, out: &mut Vec<Effect>) {
        self.write_pending();
        self.report_progress(out);
        if !self.pending.is_empty() {
            return;
        }
        self.level += 1;
        if self.level < LEVELS {
            self.fill_level();
        } else if planted("AM-16") && self.is_recalled() {
            self.believe(out);
        } else {
            self.phase = Phase::Verify;
            self.look(Look::default(), LookFor::Verify);
        }
    }

    /// Decides about each pending key as it now stands, and sends what that takes.
    fn write_pending(&mut self) {
        let mut markers: Vec<(Key, VersionId)> = Vec::new();
        for key in self.pending.clone() {
            if self.await_newer(&key) {
                continue;
            }
            match self.objects.by_key[&key].verdict(self.listing.get(&key), self.versioning) {
                Verdict::Compare(one, other) => self.compare(&key, &[one, other]),
                Verdict::Decided(Decision::Intact, _) => {
                    self.pending.remove(&key);
                }
                Verdict::Decided(decision, reason) => {
                    self.write(&key, decision, reason, &mut markers);
                }
            }
        }
        if planted("AM-03") {
            self.add_siblings(&mut markers);
        }
        if planted("AM-31") {
            self.cut_batch(&mut markers);
        }
        self.submit_markers(&markers);
    }

    fn write(
        &mut self,
        key: &Key,
        decision: Decision,
        reason: Option<String>,
        markers: &mut Vec<(Key, VersionId)>,
    ) {
        let object = self
            .objects
            .by_key
            .get_mut(key)
            .expect("a pending key is an object");
        object.attempts += 1;
        if object.attempts > WRITES_MAX {
            self.give_up(key, "it was written several times and is still not current");
            return;
        }
        match &decision {
            Decision::RemoveMarkers { markers: own } => {
                markers.extend(own.iter().map(|id| (key.clone(), id.clone())));
            }
            Decision::CopyVersion { version, .. } => {
                let history = self.listing.get(key);
                let version = history
                    .version(version)
                    .expect("a decision names a listed version");
                let condition = match history.current() {
                    Some(Entry::Version(current)) => Condition::Matches(current.etag.clone()),
                    _ => Condition::Absent,
                };
                let (key, version) = (key.clone(), version.clone());
                sometimes(Probe::HintWritten, object.body.is_some());
                self.courier.submit(match object.body.clone() {
                    Some(body) => Job::Put {
                        key,
                        version,
                        body: super::planted::hint_body(
                            body,
                            object,
                            history,
                            &self.options.target,
                            self.versioning,
                        ),
                        condition,
                    },
                    None => Job::Copy {
                        key,
                        version,
                        condition,
                    },
                });
            }
            _ => {
                self.pending.remove(key);
            }
        }
        object.conclude(decision, reason);
    }

    /// In batches, the markers of one key never in two of them.
    pub(super) fn submit_markers(&mut self, markers: &[(Key, VersionId)]) {
        let mut batch: Vec<(Key, VersionId)> = Vec::new();
        for of_one_key in markers.chunk_by(|one, other| one.0 == other.0) {
            if !batch.is_empty() && batch.len() + of_one_key.len() > MARKERS_MAX {
                self.courier.submit(Job::Remove {
                    markers: std::mem::take(&mut batch),
                });
            }
            // More markers than one request can hold: the rest is found when the key is decided again.
            batch.extend(of_one_key.iter().take(MARKERS_MAX).cloned());
        }
        if !batch.is_empty() {
            self.courier.submit(Job::Remove { markers: batch });
        }
    }

    /// A write ended.
    pub(super) fn take_write(&mut self, job: &Job, reply: Reply, out: &mut Vec<Effect>) {
        match (job, reply) {
            (Job::Remove { markers }, Ok(Answer::Removed(results))) => {
                self.take_removed(markers, results);
            }
            (
                Job::Copy { key, version, .. } | Job::Put { key, version, .. },
                Ok(Answer::Written { version: id }),
            ) => {
                self.take_written(key, version, id);
            }
            (Job::Remove { markers }, Err(Failure::Determinate(Cause::Denied(_)))) => {
                reached(Probe::BatchDenied);
                for (key, _) in markers {
                    if let Some(object) = self.objects.by_key.get_mut(key) {
                        object.markers_denied = true;
                    }
                }
            }
            (Job::Remove { markers }, Err(Failure::Indeterminate(_))) if planted("AM-09") => {
                self.peel_blindly(markers);
            }
            (_, Err(Failure::Determinate(cause))) if is_final(&cause) => {
                reached(Probe::WriteFailed);
                for key in job.keys() {
                    self.give_up(&key, &format!("writing it failed: {cause}"));
                }
            }
            // It may have happened, or something else is there by now: look before acting again.
            (_, reply) => {
                let is_lost = Err(Failure::Determinate(Cause::PreconditionFailed)) == reply;
                sometimes(Probe::ConditionLost, is_lost);
                let is_open = matches!(reply, Err(Failure::Indeterminate(_)));
                sometimes(Probe::LookedAfterWrite, is_open);
                self.look_at(job.keys());
            }
        }
        self.report_progress(out);
    }

    fn take_removed(&mut self, markers: &[(Key, VersionId)], results: Vec<Result<(), Cause>>) {
        let mut unclear = Vec::new();
        if planted("AM-37") && self.give_up_refused(markers, &results) {
            return;
        }
        for ((key, id), result) in markers.iter().zip(results) {
            match result {
                Err(Cause::Unavailable(_)) if planted("AM-38") => self.listing.forget(key, id),
                Ok(()) | Err(Cause::NotFound) => {
                    self.listing.forget(key, id);
                    if planted("AM-05") {
                        self.pending.remove(key);
                    }
                }
                Err(Cause::Denied(_)) if self.objects.by_key.contains_key(key) => {
                    reached(Probe::MarkerDenied);
                    self.object(key).markers_denied = true;
                }
                Err(_) => {
                    reached(Probe::MarkerUnclear);
                    unclear.push(key.clone());
                }
            }
        }
        self.look_at(unclear);
    }

    fn take_written(&mut self, key: &Key, source: &Version, id: Option<VersionId>) {
        // The id `null` proves nothing: somebody's next write can get it too.
        if let Some(id) = id.filter(|id| !id.is_null()) {
            self.object(key).evidence.copied(id, source);
        }
        #[cfg(feature = "drill")]
        if planted("AM-24") {
            self.note_copy(key, source);
        }
        // The listing is not told: the verification will see it with its tag.
        self.pending.remove(key);
    }

    /// Lists these keys again; they stay pending and are decided anew.
    fn look_at(&mut self, mut keys: Vec<Key>) {
        keys.sort();
        keys.dedup();
        if let (Some(first), Some(last)) = (keys.first(), keys.last()) {
            let look = self.listing.look_again(first, last);
            self.look(look, LookFor::Again(keys));
        }
    }

    /// This key stays unknown.
    pub(super) fn give_up(&mut self, key: &Key, why: &str) {
        self.pending.remove(key);
        if let Some(object) = self.objects.by_key.get_mut(key) {
            object.conclude(Decision::Unknown, Some(format!("{why}; run again later")));
        }
    }

    pub(super) fn object(&mut self, key: &Key) -> &mut Object {
        self.objects
            .by_key
            .get_mut(key)
            .expect("only objects are written")
    }

    fn report_progress(&self, out: &mut Vec<Effect>) {
        let published: u64 = self.level_sizes.iter().take(self.level + 1).sum();
        let done = published.saturating_sub(self.pending.len() as u64);
        let total = Some(self.level_sizes.iter().sum());
        out.push(Effect::Progress(Progress {
            phase: Phase::Apply,
            done,
            total,
        }));
    }
}

/// The verification: everything written is listed once more.
impl Amend {
    /// Everything that is to be current is decided once more: what was written, and what somebody may have
    /// undone meanwhile.
    pub(super) fn begin_check(&mut self) {
        let objects = self.objects.by_key.iter();
        let current = objects
            .filter(|(_, object)| !matches!(object.decision, Decision::Lost | Decision::Unknown));
        self.objects.open = current.map(|(key, _)| key.clone()).collect();
    }

    /// Nothing is under way: decide what is open, then end, or apply once more what is not as decided.
    pub(super) fn go_on_verifying(&mut self, out: &mut Vec<Effect>) {
        for key in self.objects.open.clone() {
            if self.await_newer(&key) {
                continue;
            }
            match self.objects.by_key[&key].verdict(self.listing.get(&key), self.versioning) {
                Verdict::Compare(one, other) => {
                    self.compare(&key, &[one, other]);
                    continue;
                }
                Verdict::Decided(Decision::Intact, _) => self.object(&key).done = true,
                Verdict::Decided(Decision::RemoveMarkers { .. }, _) if trusts_removals() => {
                    self.object(&key).done = true;
                }
                Verdict::Decided(decision, reason) => {
                    self.object(&key).conclude(decision, reason);
                }
            }
            self.objects.open.remove(&key);
        }
        if !self.courier.is_idle() || !self.objects.open.is_empty() {
            return;
        }
        let again = self.objects.by_key.values().any(Object::is_to_write);
        if again && self.rounds < ROUNDS_MAX {
            reached(Probe::AnotherRound);
            self.rounds += 1;
            self.begin_applying();
            return;
        }
        self.abandon("after three rounds somebody still undoes it");
        self.finish_by_objects(out);
    }

    /// The listing that was to verify could not be had.
    pub(super) fn verification_failed(&mut self, cause: &Cause) {
        self.objects.open.clear();
        self.rounds = ROUNDS_MAX;
        self.abandon(&format!(
            "it was written, but listing it again failed: {cause}"
        ));
    }

    fn abandon(&mut self, why: &str) {
        let undone = self
            .objects
            .by_key
            .iter()
            .filter(|(_, object)| object.is_to_write());
        let undone: Vec<Key> = undone.map(|(key, _)| key.clone()).collect();
        for key in undone {
            self.give_up(&key, why);
        }
    }
}

/// Neither trying again nor looking again mends it.
fn is_final(cause: &Cause) -> bool {
    !matches!(cause, Cause::PreconditionFailed | Cause::NotFound)
}
