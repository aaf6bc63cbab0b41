//! Reading what the listing alone cannot tell: whether two versions are equal, and whether a new version of
//! the hint is a commit.

use crate::drill::{Probe, planted, reached, sometimes};
use crate::object::{Answer, Cause, Key, Reply, Version};

use super::decide::{Name, Verdict, name};
use super::job::Job;
use super::machine::{Amend, Effect, Phase, Progress};
use super::report::{Class, Decision};

impl Amend {
    /// Decides every open key that can be decided, and has read what the others need.
    pub(super) fn decide_open(&mut self) {
        let mut unread = Vec::new();
        let by_key = &mut self.objects.by_key;
        self.objects.open.retain(|key| {
            let object = by_key.get_mut(key).expect("open keys are objects");
            match object.verdict(self.listing.get(key), self.versioning) {
                Verdict::Compare(one, other) => {
                    unread.push((key.clone(), [one, other]));
                    true
                }
                Verdict::Decided(decision, reason) => {
                    object.conclude(decision, reason);
                    false
                }
            }
        });
        for (key, versions) in unread {
            self.compare(&key, &versions);
        }
    }

    /// Has these versions read, unless they were.
    pub(super) fn compare(&mut self, key: &Key, versions: &[Version]) {
        let evidence = &self.objects.by_key[key].evidence;
        for version in versions
            .iter()
            .filter(|version| !evidence.has_read(version))
        {
            self.courier.submit(Job::Digest {
                key: key.clone(),
                version: version.clone(),
            });
        }
    }

    pub(super) fn take_digest(
        &mut self,
        key: &Key,
        version: &Version,
        reply: Reply,
        out: &mut Vec<Effect>,
    ) {
        match reply {
            Ok(Answer::Digest { digest, .. }) => {
                let object = self
                    .objects
                    .by_key
                    .get_mut(key)
                    .expect("objects are compared");
                object.evidence.read(version, digest);
            }
            Err(failure) if *failure.cause() == Cause::NotFound => {
                self.listing.forget(key, &version.id);
            }
            Err(failure) => {
                reached(Probe::NotComparable);
                self.objects.open.remove(key);
                let cause = failure.cause();
                self.give_up(
                    key,
                    &format!("two of its versions could not be compared: {cause}"),
                );
            }
            Ok(_) => {
                self.objects.open.remove(key);
                self.give_up(key, "two of its versions could not be compared");
            }
        }
        if self.phase == Phase::Compare {
            let left = self.objects.open.len() as u64;
            let total = self.objects.by_key.len() as u64;
            let progress = Progress {
                phase: Phase::Compare,
                done: total - left,
                total: Some(total),
            };
            out.push(Effect::Progress(progress));
        }
    }

    /// The version that came since the plan on a key that is written more than once, and that this machine
    /// does not know to be its own.
    fn newer_than_plan(&self, key: &Key) -> Option<(Version, Name)> {
        let object = &self.objects.by_key[key];
        if !matches!(object.class, Class::Hint | Class::Object) {
            return None;
        }
        let current = self.listing.get(key).current_version()?;
        let name = name(current);
        let foreign = !object.evidence.is_copy(current) && !object.seen.contains(&name);
        foreign.then(|| (current.clone(), name))
    }

    /// Whether this key waits for, or is settled by, what somebody else wrote to it since the plan. That
    /// stays current, being newer than anything that amend could publish; on the hint, if it is a commit.
    pub(super) fn await_newer(&mut self, key: &Key) -> bool {
        let Some((version, name)) = self.newer_than_plan(key) else {
            return false;
        };
        let is_hint = self.objects.by_key[key].class == Class::Hint;
        if !is_hint && self.may_be_wanted(key) {
            return false;
        }
        match self.objects.newer.get(&name) {
            None if is_hint => {
                let key = key.clone();
                self.courier.submit(Job::Newer { key, version });
                true
            }
            Some(false) => {
                sometimes(Probe::HintOverwritten, is_hint);
                false
            }
            _ if planted("AM-14") => false,
            _ => {
                self.yield_to(key);
                true
            }
        }
    }

    /// Whether a plain key's new version holds what is wanted there, as far as can be told without reading.
    /// It may be this machine's own copy, of which it knows no id: that was `null`, or the answer was lost.
    fn may_be_wanted(&self, key: &Key) -> bool {
        let verdict = self.objects.by_key[key].verdict(self.listing.get(key), self.versioning);
        matches!(
            verdict,
            Verdict::Compare(..) | Verdict::Decided(Decision::Intact, _)
        )
    }

    /// What somebody wrote meanwhile stays current.
    fn yield_to(&mut self, key: &Key) {
        sometimes(
            Probe::CommitStays,
            self.objects.by_key[key].class == Class::Hint,
        );
        self.pending.remove(key);
        self.objects.open.remove(key);
        let object = self
            .objects
            .by_key
            .get_mut(key)
            .expect("objects are written");
        object.done = true;
        object.reason = Some("what somebody wrote to it meanwhile stays current".into());
        self.closure_note(format!(
            "while this ran, somebody wrote {key}: that stays current"
        ));
    }

    pub(super) fn take_newer(&mut self, key: &Key, version: &Version, reply: Reply) {
        let name = name(version);
        match reply {
            Ok(Answer::Body(body)) => {
                let own = self.objects.by_key[key].body.as_ref() == Some(&body);
                sometimes(Probe::OwnHintFound, own);
                let is_commit = !own && self.layout.is_commit(&body);
                self.objects.newer.insert(name, is_commit);
            }
            Err(failure) if *failure.cause() == Cause::NotFound => {
                self.listing.forget(key, &version.id);
            }
            _ => {
                self.objects.open.remove(key);
                self.pending.remove(key);
                let object = self
                    .objects
                    .by_key
                    .get_mut(key)
                    .expect("the hint is an object");
                let why =
                    "somebody wrote it meanwhile, and what they wrote could not be read; run again";
                object.conclude(Decision::Unknown, Some(why.into()));
            }
        }
    }
}
