//! Which commit of a fuse table is meant.
//!
//! Every commit overwrites the hint, so the version history of the hint's key *is* the commit log:
//!
//! ```text
//! hint   [v5] [marker] [v4] [v3] …      newest first
//!          │            │    │
//!          ▼            ▼    ▼
//! _ss/   snap 5      snap 4  snap 3     each with a time of its own
//! ```
//!
//! * Without a target: the newest version that reads as a hint of this table.
//! * As of a moment T: the newest one whose LastModified ≤ T and whose snapshot's own time ≤ T. S3's times
//!   have a resolution of one second and several commits share one, so neither time is enough alone.
//! * No version of the hint is left: the newest snapshot that no other one calls its predecessor.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::amend::listing::Listing;
use crate::amend::options::Target;
use crate::amend::planted::first_of_a_second;
use crate::amend::report::{Chosen, Class, Commit};
use crate::drill::{Probe, planted, reached, sometimes};
use crate::fuse::{Hint, InvertedIndex, Snapshot, TablePrefix};
use crate::object::{Key, Version, VersionId, WallTime};

use super::{Found, Lookup, Purpose, Refusal, oldest_first};

/// Finds the commit, one lookup after the other.
#[derive(Debug)]
pub(super) struct CommitChooser {
    prefix: TablePrefix,
    target: Target,
    /// The snapshot that the caller named.
    named: Option<Key>,
    /// Names of hints not yet tried.
    untried: Vec<&'static str>,
    /// As of a moment: the hint under examination.
    candidate: Option<ChosenHint>,
    /// No hint: every snapshot that could be read, and how many are still awaited.
    heads: BTreeMap<Key, (Version, Snapshot)>,
    heads_awaited: usize,
    alternatives: Vec<Key>,
    /// What was chosen.
    pub(super) choice: Option<Choice>,
}

/// The commit that was chosen.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) snapshot: Key,
    pub(super) chosen_by: Chosen,
    pub(super) hint: Option<ChosenHint>,
    /// Set as soon as the snapshot was read.
    pub(super) timestamp: Option<WallTime>,
}

/// The version of the hint that names the commit.
#[derive(Debug, Clone)]
pub(super) struct ChosenHint {
    pub(super) key: Key,
    pub(super) version: Version,
    pub(super) body: Bytes,
    pub(super) snapshot: Key,
    pub(super) inverted_indexes: Vec<InvertedIndex>,
}

impl CommitChooser {
    pub(super) fn new(prefix: TablePrefix, target: Target) -> Self {
        Self {
            prefix,
            target,
            named: None,
            untried: Hint::NAMES.iter().rev().copied().collect(),
            candidate: None,
            heads: BTreeMap::new(),
            heads_awaited: 0,
            alternatives: Vec::new(),
            choice: None,
        }
    }

    pub(super) fn start(
        &mut self,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) -> Result<(), Refusal> {
        if !is_table(self.prefix.as_str(), listing) {
            return Err(self.no_table(listing));
        }
        if let Target::Snapshot(location) = &self.target {
            let named = self
                .prefix
                .resolve_full_path(location)
                .or_else(|| self.prefix.resolve(location))
                .or_else(|| {
                    location
                        .starts_with("_ss/")
                        .then(|| self.prefix.key(location))
                })
                .filter(|key| key.as_str().contains("/_ss/"));
            let Some(named) = named else {
                return Err(format!(
                    "{location} is no snapshot of this table: a snapshot's location looks \
                                    like {}",
                    self.prefix.key("_ss/<uuid>_v4.mpk")
                ));
            };
            self.named = Some(named);
        }
        self.try_next_hint(listing, ask)
    }

    /// The key of the hint that the report names: the one whose version was chosen, or the one that is
    /// there, or the one that this table would have.
    pub(super) fn hint_key(&self, listing: &Listing) -> Key {
        if let Some(hint) = self.choice.as_ref().and_then(|choice| choice.hint.as_ref()) {
            return hint.key.clone();
        }
        let keys = Hint::NAMES.map(|name| self.prefix.key(name));
        let there = keys
            .iter()
            .find(|key| !listing.get(key).entries().is_empty());
        // Releases that mark their snapshots with an `h` write the second form.
        let marked = listing
            .below(self.prefix.key("_ss/h").as_str())
            .next()
            .is_some();
        there.unwrap_or(&keys[usize::from(!marked)]).clone()
    }

    /// A version of the hint is right for the target if it names the right snapshot.
    pub(super) fn accepts(&self, hint: &Hint) -> bool {
        self.named
            .as_ref()
            .is_none_or(|named| *named == hint.snapshot)
    }

    pub(super) fn settle_hint(
        &mut self,
        lookup: &Lookup,
        found: Found,
        hint: Option<Hint>,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) -> Result<(), Refusal> {
        match (found, hint) {
            (Found::Version(version, body), Some(hint)) => {
                let hint = ChosenHint {
                    key: lookup.key.clone(),
                    version,
                    body,
                    snapshot: hint.snapshot,
                    inverted_indexes: hint.inverted_indexes,
                };
                self.take_hint(hint, listing, ask);
                Ok(())
            }
            (Found::Unclear(why), _) => {
                reached(Probe::HintUnreadable);
                Err(format!(
                    "the hint {} cannot be read ({why}), so the current commit is not known",
                    lookup.key
                ))
            }
            _ => self.try_next_hint(listing, ask),
        }
    }

    fn take_hint(&mut self, hint: ChosenHint, listing: &Listing, ask: &mut Vec<Lookup>) {
        let chosen_by = match self.target {
            Target::Current => Chosen::Hint,
            Target::Snapshot(_) => Chosen::Snapshot,
            Target::AsOf(_) => {
                ask.push(choosing_snapshot(&hint.snapshot, listing));
                self.candidate = Some(hint);
                return;
            }
        };
        self.choose(hint.snapshot.clone(), chosen_by, Some(hint));
    }

    pub(super) fn settle_snapshot(
        &mut self,
        lookup: &Lookup,
        found: Found,
        snapshot: Option<Snapshot>,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) -> Result<(), Refusal> {
        if let Found::Unclear(why) = &found {
            return Err(format!(
                "the snapshot {} cannot be read ({why}), so it is not known whether it is \
                                the commit that is meant",
                lookup.key
            ));
        }
        match self.candidate.take() {
            Some(candidate) => self.settle_candidate(candidate, snapshot, listing, ask),
            None => {
                if let (Found::Version(version, _), Some(snapshot)) = (found, snapshot) {
                    self.heads.insert(lookup.key.clone(), (version, snapshot));
                }
                self.heads_awaited -= 1;
                if self.heads_awaited == 0 {
                    self.choose_head()
                } else {
                    Ok(())
                }
            }
        }
    }

    fn settle_candidate(
        &mut self,
        candidate: ChosenHint,
        snapshot: Option<Snapshot>,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) -> Result<(), Refusal> {
        let Target::AsOf(moment) = self.target else {
            unreachable!("only a moment has candidates");
        };
        match snapshot {
            Some(snapshot)
                if snapshot
                    .timestamp
                    .is_none_or(|timestamp| timestamp <= moment) =>
            {
                self.choose(candidate.snapshot.clone(), Chosen::AsOf, Some(candidate));
                return Ok(());
            }
            // Published by then, but whether it was made by then can no longer be read.
            None => {
                reached(Probe::CommitUndatable);
                self.alternatives.push(candidate.snapshot.clone());
            }
            Some(_) => reached(Probe::CommitTooNew),
        }
        let older = self.versions_of(&candidate.key, listing);
        let older: Vec<_> = older
            .into_iter()
            .skip_while(|id| *id != candidate.version.id)
            .skip(1)
            .collect();
        if older.is_empty() {
            return self.try_next_hint(listing, ask);
        }
        ask.push(choosing_hint(candidate.key, older));
        Ok(())
    }

    /// The next kind of hint, or what to do without any.
    fn try_next_hint(&mut self, listing: &Listing, ask: &mut Vec<Lookup>) -> Result<(), Refusal> {
        while let Some(name) = self.untried.pop() {
            let key = self.prefix.key(name);
            let versions = self.versions_of(&key, listing);
            if !versions.is_empty() {
                ask.push(choosing_hint(key, versions));
                return Ok(());
            }
        }
        if let Some(named) = self.named.clone() {
            reached(Probe::SnapshotWithoutHint);
            self.choose(named, Chosen::Snapshot, None);
            return Ok(());
        }
        if let Target::AsOf(moment) = self.target {
            return Err(format!(
                "no commit of this table at or before {} is left: leave --as-of out, or \
                                name a later time",
                moment.to_rfc3339()
            ));
        }
        let folder = self.prefix.key("_ss/");
        let snapshots = listing.below(folder.as_str());
        let keys: Vec<Key> = snapshots.map(|(key, _)| key.clone()).collect();
        self.heads_awaited = keys.len();
        ask.extend(keys.iter().map(|key| choosing_snapshot(key, listing)));
        if keys.is_empty() {
            self.choose_head()
        } else {
            Ok(())
        }
    }

    /// A hint's data versions that come into question, the first choice first.
    fn versions_of(&self, key: &Key, listing: &Listing) -> Vec<VersionId> {
        let mut versions: Vec<&Version> = listing
            .get(key)
            .versions()
            .filter(|version| match self.target {
                Target::AsOf(moment) => version.last_modified <= moment,
                _ => true,
            })
            .collect();
        if planted("AM-01") {
            versions.reverse();
            versions.sort_by_key(|version| std::cmp::Reverse(version.last_modified));
        }
        if planted("AM-41") {
            first_of_a_second(&mut versions);
        }
        versions
            .into_iter()
            .map(|version| version.id.clone())
            .collect()
    }

    fn choose_head(&mut self) -> Result<(), Refusal> {
        let previous: BTreeSet<_> = self
            .heads
            .values()
            .filter_map(|(_, snapshot)| snapshot.previous)
            .map(|(id, _)| id)
            .collect();
        let mut heads: Vec<_> = self
            .heads
            .iter()
            .filter(|(_, (_, snapshot))| !previous.contains(&snapshot.id))
            .map(|(key, (_, snapshot))| (snapshot.timestamp, key.clone()))
            .collect();
        heads.sort();
        let Some((_, newest)) = heads.pop() else {
            return Err(
                "no version of the hint and no snapshot can be read: the table's metadata is gone \
                        from this bucket"
                    .into(),
            );
        };
        reached(Probe::NewestSnapshot);
        sometimes(Probe::SeveralHeads, !heads.is_empty());
        self.alternatives
            .extend(heads.into_iter().map(|(_, key)| key));
        self.choose(newest, Chosen::NewestSnapshot, None);
        Ok(())
    }

    fn choose(&mut self, snapshot: Key, chosen_by: Chosen, hint: Option<ChosenHint>) {
        self.choice = Some(Choice {
            snapshot,
            chosen_by,
            hint,
            timestamp: None,
        });
    }

    /// What the report says of the choice.
    pub(super) fn commit(&self) -> Option<Commit> {
        self.choice.as_ref().map(|choice| Commit {
            snapshot: choice.snapshot.clone(),
            timestamp: choice.timestamp,
            hint_version: choice.hint.as_ref().map(|hint| hint.version.id.clone()),
            chosen_by: choice.chosen_by,
            alternatives: self.alternatives.clone(),
        })
    }

    /// Another commit was as good a choice.
    pub(super) fn also(&mut self, snapshot: Key) {
        self.alternatives.push(snapshot);
    }

    /// The commits before the chosen one, by the hint's versions: for advice.
    pub(super) fn older_hints(&self, listing: &Listing) -> Option<Lookup> {
        let hint = self.choice.as_ref()?.hint.as_ref()?;
        let older = self.versions_of(&hint.key, listing);
        let versions: Vec<_> = older
            .into_iter()
            .skip_while(|id| *id != hint.version.id)
            .skip(1)
            .collect();
        let advise = Purpose::Advise;
        (!versions.is_empty()).then(|| Lookup {
            key: hint.key.clone(),
            class: Class::Hint,
            purpose: advise,
            versions,
        })
    }

    fn no_table(&self, listing: &Listing) -> Refusal {
        let prefix = self.prefix.as_str();
        let mut tables: Vec<String> = Vec::new();
        for (key, _) in listing.below(prefix) {
            let Some((table, _)) = split_table(key.as_str()) else {
                continue;
            };
            if tables.last().is_none_or(|last| last != table) {
                tables.push(table.to_string());
            }
        }
        tables.sort();
        tables.dedup();
        match tables.as_slice() {
            [] => format!(
                "no fuse table is under {prefix}, nor any version or marker of one: name the prefix that ends in \
                           <db_id>/<table_id>/, or use --layout prefix for plain objects"
            ),
            [table] => format!(
                "{prefix} is not a table's own prefix, but {table} below it is one: name that"
            ),
            several => {
                let named: Vec<&str> = several.iter().take(5).map(String::as_str).collect();
                let more = if several.len() > 5 { ", …" } else { "" };
                format!(
                    "there are {} tables under {prefix}: name one of {}{more}",
                    several.len(),
                    named.join(", ")
                )
            }
        }
    }
}

fn choosing_hint(key: Key, versions: Vec<VersionId>) -> Lookup {
    Lookup {
        key,
        class: Class::Hint,
        purpose: Purpose::Choose,
        versions,
    }
}

fn choosing_snapshot(key: &Key, listing: &Listing) -> Lookup {
    let versions = oldest_first(listing.get(key));
    Lookup {
        key: key.clone(),
        class: Class::Snapshot,
        purpose: Purpose::Choose,
        versions,
    }
}

fn is_table(prefix: &str, listing: &Listing) -> bool {
    let hint = |name: &&str| {
        !listing
            .get(&Key::from(format!("{prefix}{name}")))
            .entries()
            .is_empty()
    };
    listing.below(&format!("{prefix}_ss/")).next().is_some() || Hint::NAMES.iter().any(hint)
}

/// The table prefix of a key that is a hint or a snapshot, and the rest of the key.
fn split_table(key: &str) -> Option<(&str, &str)> {
    let at = key
        .rfind("/_ss/")
        .or_else(|| key.rfind("/last_snapshot_location_hint"))?;
    Some(key.split_at(at + 1))
}
