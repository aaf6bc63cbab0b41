//! The atlas: what an honest amend must now do, from the operation log and from what the writer wrote.
//!
//! ```text
//!   log ──► which commit ──► what it references, as far as it can be seen ──► for each key:
//!                                                                        Recover | Lose | Refuse | Free
//! ```
//!
//! Invariants:
//! - Nothing of core's functions is used: these are the rules of `amend` a second time, from what is known
//!   and not from what is read.
//! - Where the log does not decide what an honest machine answers, the key (or the whole case) is `Free`,
//!   and only lies are held against the machine.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use firedrill_core::amend::Class;
use firedrill_core::object::{Key, Versioning};

use crate::oracle::log::{Held, Log};
use crate::scenario::{AmendOptions, Target};
use crate::truth::{CommitFact, Fact, Truth};

/// What must become of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Must {
    /// It is current now, and stays untouched.
    Stay,
    /// It comes back.
    Recover,
    /// Its bytes are nowhere: lost, by name.
    Lose,
    /// Its bytes are there and cannot be brought back as things stand: unknown, with advice.
    Refuse,
    /// Whatever is said of it, if it is no lie: what must become of it is open, for this reason.
    Free(&'static str),
}

impl Must {
    /// Whether it is open what must become of the key.
    pub fn is_free(self) -> bool {
        matches!(self, Self::Free(_))
    }
}

/// One referenced key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// What it is.
    pub class: Class,
    /// Whether the rows cannot be read without it.
    pub required: bool,
    /// What must become of it.
    pub must: Must,
    /// The bytes that belong there.
    pub right: Bytes,
    /// What it names, which must be there first.
    pub children: Vec<Key>,
}

/// What must become of the whole.
#[derive(Debug, Clone)]
pub struct Atlas {
    /// It must refuse, for this reason.
    pub refuse: Option<&'static str>,
    /// It may refuse.
    pub may_refuse: bool,
    /// Only honesty counts, for this reason.
    pub free: Option<&'static str>,
    /// The snapshot of the commit that must be chosen.
    pub snapshot: Option<Key>,
    /// The commit's number in the truth.
    pub commit: Option<usize>,
    /// What must be in the report, as far as its parents can be read.
    pub objects: BTreeMap<Key, Expected>,
    /// Where the closure begins.
    pub roots: Vec<Key>,
    /// With the history: each snapshot's predecessor.
    pub previous: BTreeMap<Key, Key>,
    /// Everything that may be written to.
    pub referenced: BTreeSet<Key>,
    /// Snapshots of the chosen commit's ancestors, vacuumed or not.
    pub ancestors: BTreeSet<Key>,
    /// Blocks of each segment of the chosen commit.
    pub blocks: BTreeMap<Key, u64>,
}

/// What is known at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// What the writer wrote.
    pub truth: &'a Truth,
    /// What happened.
    pub log: &'a Log,
    /// What the machine is asked for.
    pub amend: &'a AmendOptions,
    /// Whether removing versions is denied.
    pub deny_version_delete: bool,
}

/// Draws the atlas.
pub fn draw(known: Known<'_>) -> Atlas {
    let mut atlas = Atlas {
        refuse: None,
        may_refuse: false,
        free: None,
        snapshot: None,
        commit: None,
        objects: BTreeMap::new(),
        roots: Vec::new(),
        previous: BTreeMap::new(),
        referenced: BTreeSet::new(),
        ancestors: BTreeSet::new(),
        blocks: BTreeMap::new(),
    };
    if known.log.versioning() == Versioning::Off {
        atlas.refuse = Some("versioning was never enabled");
    } else if known.amend.plain_prefix {
        crate::atlas_prefix::fill(known, &mut atlas);
    } else {
        known.fuse(&mut atlas);
    }
    atlas
}

/// A commit, and the hint that goes with it.
enum Choice {
    Commit { number: usize, hint: bool },
    Refuse(&'static str),
    Free(&'static str),
}

impl Atlas {
    /// The atlas of nothing.
    pub fn empty() -> Self {
        Self {
            refuse: None,
            may_refuse: true,
            free: None,
            snapshot: None,
            commit: None,
            objects: BTreeMap::new(),
            roots: Vec::new(),
            previous: BTreeMap::new(),
            referenced: BTreeSet::new(),
            ancestors: BTreeSet::new(),
            blocks: BTreeMap::new(),
        }
    }

    /// How many keys must come to each end.
    pub fn count(&self, must: Must) -> usize {
        let objects = self.objects.values();
        objects.filter(|expected| expected.must == must).count()
    }
}

impl Known<'_> {
    fn fuse(self, atlas: &mut Atlas) {
        let (number, hint) = match self.choose() {
            Choice::Commit { number, hint } => (number, hint),
            Choice::Refuse(why) => {
                atlas.refuse = Some(why);
                return;
            }
            Choice::Free(why) => {
                self.refer_to_every_commit(atlas);
                atlas.free = Some(why);
                atlas.may_refuse = true;
                return;
            }
        };
        if number < self.truth.known_from || (self.amend.history && self.truth.known_from > 0) {
            self.refer_to_every_commit(atlas);
            atlas.free = Some("what this commit references is not known");
            atlas.may_refuse = true;
            return;
        }
        if self.is_masqueraded(number) {
            self.refer_to_every_commit(atlas);
            atlas.free = Some("another segment's bytes stand where an original was purged");
            return;
        }
        let commit = &self.truth.commits[number];
        atlas.commit = Some(number);
        atlas.snapshot = Some(commit.snapshot.clone());
        atlas.blocks = commit.blocks.clone();
        self.add_commit(number, atlas);
        atlas.roots.push(commit.snapshot.clone());
        atlas.roots.extend(self.truth.hint.clone());
        if self.amend.history {
            self.add_ancestors(number, atlas);
        }
        if atlas.free.is_some() {
            self.refer_to_every_commit(atlas);
        }
        if !hint && let Some(key) = &self.truth.hint {
            // Only the hint names inverted indexes; without it they are found by their keys.
            for (key, expected) in &mut atlas.objects {
                let is_inverted = expected.class == Class::InvertedIndex;
                if is_inverted && self.log.history(key).is_empty() {
                    expected.must = Must::Free("only the lost hint names this index");
                }
            }
            let target = &self.amend.target;
            let expected = atlas
                .objects
                .get_mut(key)
                .expect("a commit references its hint");
            // Asked for a snapshot by its name, it is open what the hint should say.
            expected.must = match target {
                Target::Current => Must::Lose,
                _ => Must::Free("what the hint should say was not asked for"),
            };
        }
    }

    /// Where it is open which commit counts, the keys of any may be written to, and no others.
    fn refer_to_every_commit(self, atlas: &mut Atlas) {
        for commit in &self.truth.commits {
            atlas.referenced.extend(commit.references.keys().cloned());
        }
    }

    /// Which commit is meant.
    fn choose(self) -> Choice {
        let Some(hint) = &self.truth.hint else {
            return Choice::Refuse("no table");
        };
        let history = self.log.history(hint);
        let data = history.iter().filter(|held| held.body.is_some());
        if data.clone().any(|held| held.archived) {
            return Choice::Free("a version of the hint is archived");
        }
        if data.clone().next().is_none() && !self.any_snapshot() {
            return Choice::Free("no hint and no snapshot survives");
        }
        let mut named = data.filter_map(|held| {
            let number = self.truth.commit_of_hint(held.body.as_ref()?)?;
            Some((held, number))
        });
        match &self.amend.target {
            Target::Current => match named.next() {
                Some((_, number)) => Choice::Commit { number, hint: true },
                None => self.newest_snapshot(),
            },
            Target::Snapshot { commit } => {
                let number = (*commit).min(self.truth.commits.len() - 1);
                let hint = named.any(|(_, named)| named == number);
                Choice::Commit { number, hint }
            }
            Target::AsOf { commit, plus_ms } => {
                let commit = (*commit).min(self.truth.commits.len() - 1);
                let moment = self.truth.commits[commit].time.0 + plus_ms * 1000;
                for (held, number) in named {
                    let commit = &self.truth.commits[number];
                    if held.second * 1_000_000 > moment {
                        continue;
                    }
                    match self.readable(&commit.snapshot) {
                        Some(true) if commit.time.0 <= moment => {
                            return Choice::Commit { number, hint: true };
                        }
                        Some(_) => {}
                        // Its own time cannot be read, so it may be the one.
                        None => return Choice::Free("a version of a snapshot is archived"),
                    }
                }
                Choice::Free("no commit is as old")
            }
        }
    }

    fn any_snapshot(self) -> bool {
        self.truth.commits.iter().any(|commit| {
            let history = self.log.history(&commit.snapshot);
            history.iter().any(|held| held.body.is_some())
        })
    }

    /// No version of the hint survives: the newest snapshot that no other one calls its predecessor.
    fn newest_snapshot(self) -> Choice {
        let mut readable = Vec::new();
        for (number, commit) in self.truth.commits.iter().enumerate() {
            match self.readable(&commit.snapshot) {
                Some(true) => readable.push(number),
                Some(false) => {}
                None => return Choice::Free("a version of a snapshot is archived"),
            }
        }
        let is_head = |number: &&usize| !readable.contains(&(**number + 1));
        let time = |number: &usize| self.truth.commits[*number].time;
        let heads: Vec<&usize> = readable.iter().filter(is_head).collect();
        let Some(newest) = heads.iter().map(|number| time(number)).max() else {
            let is_there = self.log.under(&self.truth.prefix).next().is_some();
            return match is_there {
                true => Choice::Free("no hint and no snapshot survives"),
                false => Choice::Refuse("no table"),
            };
        };
        let mut newest_heads = heads.iter().filter(|number| time(number) == newest);
        match (newest_heads.next(), newest_heads.next()) {
            (Some(number), None) => Choice::Commit {
                number: **number,
                hint: false,
            },
            _ => Choice::Free("two snapshots are equally new"),
        }
    }

    /// Whether a snapshot can be read in some version; none: that cannot be told from outside.
    fn readable(self, snapshot: &Key) -> Option<bool> {
        let fact = &self.truth.objects[snapshot];
        let history = self.log.history(snapshot);
        let right = |held: &&Held| held.holds(&fact.body);
        if history.iter().any(|held| held.archived) {
            return None;
        }
        Some(history.iter().any(|held| right(&held)))
    }

    pub(crate) fn add_commit(self, number: usize, atlas: &mut Atlas) {
        let commit = &self.truth.commits[number];
        let is_first = atlas.objects.is_empty();
        let mut objects = Vec::with_capacity(commit.references.len());
        for key in commit.references.keys() {
            if !is_first && atlas.objects.contains_key(key) {
                continue;
            }
            let expected = self.expect(key, number);
            if expected.must.is_free() && is_metadata(expected.class) {
                atlas.free = Some("metadata may be taken for another object's");
                atlas.may_refuse = true;
            }
            objects.push((key.clone(), expected));
        }
        // The keys ascend, and from an ascending list a whole map is made at once.
        let mut referenced: BTreeSet<Key> = commit.references.keys().cloned().collect();
        let mut objects: BTreeMap<Key, Expected> = objects.into_iter().collect();
        atlas.referenced.append(&mut referenced);
        atlas.objects.append(&mut objects);
        self.add_children(commit, is_first, atlas);
    }

    fn add_children(self, commit: &CommitFact, is_first: bool, atlas: &mut Atlas) {
        for (key, parent) in &commit.references {
            let Some(parent) = parent else { continue };
            // The hint names the chosen snapshot alone.
            let of_hint = Some(parent) == self.truth.hint.as_ref();
            if of_hint && atlas.snapshot.as_ref() != Some(key) {
                continue;
            }
            // One commit names each key once, so that only a further one can name a child again.
            if let Some(parent) = atlas.objects.get_mut(parent)
                && (is_first || !parent.children.contains(key))
            {
                parent.children.push(key.clone());
            }
        }
    }

    pub(crate) fn expect(self, key: &Key, number: usize) -> Expected {
        let fact = &self.truth.objects[key];
        let right = if fact.class == Class::Hint {
            self.truth.commits[number].hint.clone()
        } else {
            fact.body.clone()
        };
        Expected {
            class: fact.class,
            required: fact.required,
            must: self.judge(key, fact, &right),
            right,
            children: Vec::new(),
        }
    }

    /// What must become of one key, from its history.
    fn judge(self, key: &Key, fact: &Fact, right: &Bytes) -> Must {
        let history = self.log.history(key);
        let data: Vec<&Held> = history.iter().filter(|held| held.body.is_some()).collect();
        let is_right = |held: &&&Held| held.holds(right);
        let matched = match fact.size {
            Some(size) => {
                let sized =
                    |held: &&&Held| held.body.as_ref().map(Bytes::len) == Some(size as usize);
                match data.iter().rfind(sized) {
                    None => return Must::Lose,
                    // Garbage of the right length in the place of an original that is gone: a listing
                    // cannot tell.
                    Some(oldest) if !is_right(&oldest) => {
                        return Must::Free("garbage of the right length, and no original");
                    }
                    Some(oldest) => *oldest,
                }
            }
            None => {
                let readable = data.iter().filter(|held| !held.archived);
                let hidden = data.iter().rposition(|held| held.archived);
                match readable.clone().rfind(is_right) {
                    // An older version that cannot be read may be what is meant, or this one: only equal
                    // tags tell.
                    Some(oldest)
                        if hidden.is_some_and(|hidden| {
                            data[hidden].etag != oldest.etag
                                && data[..hidden].iter().any(|held| held.id == oldest.id)
                        }) =>
                    {
                        return Must::Free("an older version is archived and may be the one");
                    }
                    Some(oldest) => *oldest,
                    None if data.len() > readable.clone().count() => return Must::Refuse,
                    None if readable.clone().any(|held| self.decodes(key, fact, held)) => {
                        return Must::Free("another object's bytes, and no original");
                    }
                    None => return Must::Lose,
                }
            }
        };
        self.reach(history, matched, right)
    }

    /// Whether other bytes under a metadata key might be taken for the right ones: those of another object
    /// of the same class, where the bytes do not say whose they are.
    pub(crate) fn decodes(self, key: &Key, fact: &Fact, held: &Held) -> bool {
        let others = self.truth.objects.iter();
        let named_inside = matches!(fact.class, Class::Snapshot | Class::Hint);
        !named_inside
            && others
                .filter(|(other, other_fact)| *other != key && other_fact.class == fact.class)
                .any(|(_, other)| held.holds(&other.body))
    }

    /// How the matching version becomes current.
    pub(crate) fn reach(self, history: &[Held], matched: &Held, right: &Bytes) -> Must {
        let is_right = |held: &Held| held.holds(right);
        let top = &history[0];
        let Some(newest) = history.iter().find(|held| held.body.is_some()) else {
            return Must::Lose;
        };
        if matched.archived {
            // Only a tag can prove that another version is equal to one that cannot be read.
            let twin = |held: &&Held| is_right(held) && !held.archived;
            let equal = |held: &Held| held.etag == matched.etag;
            return match history.iter().find(twin) {
                None => Must::Refuse,
                Some(twin) if !equal(twin) => Must::Refuse,
                Some(twin) => self.reach(history, &twin.clone(), right),
            };
        }
        if newest.archived {
            return Must::Free("an archived version lies on top");
        }
        if is_right(top) {
            return Must::Stay;
        }
        let markers = history.iter().take_while(|held| held.body.is_none());
        let removable = !self.deny_version_delete && !markers.clone().any(|held| held.id.is_null());
        if is_right(newest) && removable {
            return Must::Recover;
        }
        let null_data = |held: &Held| held.id.is_null() && held.body.is_some();
        let replaces = history.iter().any(null_data);
        if self.log.versioning() == Versioning::Suspended && replaces {
            return Must::Refuse;
        }
        Must::Recover
    }
}

/// Whether other objects hang below it.
pub fn is_metadata(class: Class) -> bool {
    matches!(class, Class::Segment | Class::Snapshot)
}
