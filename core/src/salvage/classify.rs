//! What each record is worth, and which are lost.
//!
//! All findings of one key are looked at together, the newest first:
//!
//! | the newest finding that is no suspect | class |
//! |---|---|
//! | a tombstone has a newer etag, its own or that of the document it goes with | deleted, and so are the older ones |
//! | current, named by a leaf, or no leaf covers it | live; the others are older |
//! | current, and the newest leaf that covers it leaves it out | possibly deleted; the others are older |
//! | a leaf names the key at a place that is damaged | older: the last whole copy |
//! | in an old image, and a leaf names that very version at a place that is damaged | live |
//! | else only in old images | possibly deleted; the others are older |
//!
//! The newest is the one with the greatest etag, with one exception: of a finding whose etag lies in bytes under no
//! checksum the etag may be what is wrong. Where no leaf names it and one names another finding of the key, that one counts,
//! and the first is possibly deleted.
//!
//! A suspect is told as such whatever its etag says, for the etag may be what is wrong.
//!
//! Invariants: a class depends on what was found, never on the order in which it was found; of findings with
//! one key and one etag the most trusted current one counts, and the others are its duplicates.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::voron::rows::SEPARATOR;

use super::record::{Class, Image, Kind, Record, Trust};
use super::witness::{Leaf, Testimony, Witnesses};
use crate::drill::planted;

/// What became of each record that was given, in the same order, and what is not among them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Classified {
    /// None for a duplicate.
    pub classes: Vec<Option<Class>>,
    /// What leaves name, and nobody found.
    pub lost: Vec<Lost>,
}

/// A record that a leaf names at a place that is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Lost {
    /// Its table.
    pub kind: Kind,
    /// Its primary key, if a key leaf names it.
    pub key: Option<Box<[u8]>>,
    /// Its etag, if an etag leaf names it.
    pub etag: Option<u64>,
    /// Its storage id.
    pub storage: u64,
    /// Whether an older copy of it was found.
    pub has_older: bool,
}

/// Decides. `is_whole` tells of a storage id whether the page there, or the run, is whole: where it is, and
/// no entry was found, the leaf that names it is of yesterday.
pub(super) fn classify(
    records: &[&Record],
    leaves: Vec<Leaf>,
    is_whole: &dyn Fn(u64) -> bool,
) -> Classified {
    let witnesses = Witnesses::new(leaves, records);
    let tombs = tombs(records);
    let missing = Missing::new(&witnesses, is_whole);
    let mut classes = vec![None; records.len()];
    let mut order = by_key(records);
    for alike in order.chunk_by_mut(|left, right| is_alike(records[*left], records[*right])) {
        let Some(first) = alike.first().map(|nth| records[*nth]) else {
            continue;
        };
        let (kind, key) = (first.kind, &*first.key);
        let group = group(records, &witnesses, alike);
        let whole: Vec<usize> = group
            .iter()
            .copied()
            .filter(|nth| records[*nth].trust != Trust::Suspect)
            .collect();
        let counts = newest_of(&whole, records, &witnesses);
        let newest = counts.map(|nth| records[nth]);
        let verdict = newest.map(|newest| {
            let own = tombs.get(&(kind, key));
            let of_document =
                document_of(kind, key).and_then(|document| tombs.get(&(Kind::Document, document)));
            let tomb = own.max(of_document);
            let missing_key = missing.by_key.contains_key(&(kind, key));
            let is_missing = missing.by_etag.contains_key(&(kind, newest.etag))
                || (missing_key && kind == Kind::Revision);
            verdict(newest, tomb, is_missing, missing_key, &witnesses)
        });
        let is_unnamed = |newest: &&Record| witnesses.on(newest) == Testimony::None;
        if planted("SA-18") && newest.is_some_and(|newest| is_unnamed(&newest)) {
            continue;
        }
        for nth in group {
            let is_newest = counts == Some(nth);
            classes[nth] = Some(match verdict {
                _ if records[nth].trust == Trust::Suspect => Class::Suspect,
                // It stands back, and so nothing refers to it.
                Some(_) if newest.is_some_and(|newest| newest.etag < records[nth].etag) => {
                    Class::PossiblyDeleted
                }
                Some(verdict) if !is_newest && verdict != Class::Deleted => Class::Older,
                Some(verdict) => verdict,
                None => Class::Suspect,
            });
        }
    }
    let lost = missing.lost(records, &classes);
    Classified { classes, lost }
}

/// The finding of a key that counts. Of one whose etag lies in bytes under no checksum the etag itself may be what is
/// wrong: where no leaf names it, it stands back behind one that a leaf names. Any other does not: the leaf may be
/// one of before a transaction that is missing.
fn newest_of(whole: &[usize], records: &[&Record], witnesses: &Witnesses) -> Option<usize> {
    let is_named = |nth: &&usize| {
        let record = records[**nth];
        record.image == Image::Current && witnesses.on(record) == Testimony::Named
    };
    let first = whole.first()?;
    if !records[*first].etag_unhashed || is_named(&first) {
        return Some(*first);
    }
    whole.iter().find(is_named).or(Some(first)).copied()
}

fn verdict(
    newest: &Record,
    tomb: Option<&u64>,
    is_missing: bool,
    newer_is_lost: bool,
    witnesses: &Witnesses,
) -> Class {
    if tomb.is_some_and(|tomb| *tomb > newest.etag) && !planted("SA-26") {
        return Class::Deleted;
    }
    let testimony = match newest.image {
        Image::Current => witnesses.on(newest),
        // An old image of the very record that a leaf names at a place that is damaged.
        Image::Old if is_missing => Testimony::Named,
        Image::Old => Testimony::LeftOut,
    };
    match testimony {
        Testimony::Named => Class::Live,
        _ if newer_is_lost && !planted("SA-16") => Class::Older,
        Testimony::None => Class::Live,
        _ if newer_is_lost => Class::Live,
        _ if newest.image == Image::Current && planted("SA-04") => Class::Live,
        _ if planted("SA-06") => Class::Live,
        Testimony::LeftOut => Class::PossiblyDeleted,
    }
}

/// The key of the document that a record goes with: whoever deletes it deletes the record too.
fn document_of(kind: Kind, key: &[u8]) -> Option<&[u8]> {
    let end = key.iter().position(|byte| *byte == SEPARATOR)?;
    let is_of_document = match kind {
        Kind::Counters | Kind::TimeSeries => true,
        // Not that of a revision.
        Kind::Attachment => key[end..].starts_with(&[SEPARATOR, b'd', SEPARATOR]),
        _ => false,
    };
    is_of_document.then_some(&key[..end])
}

/// All findings, those of one key side by side.
fn by_key(records: &[&Record]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_key(|nth| (records[*nth].kind, &records[*nth].key));
    order
}

fn is_alike(left: &Record, right: &Record) -> bool {
    left.kind == right.kind && left.key == right.key
}

/// The findings of one key without duplicates, the newest and most trusted first; of several places of one state the
/// one that a leaf names: an upgrade writes rows anew and keeps their etags.
fn group(records: &[&Record], witnesses: &Witnesses, alike: &mut [usize]) -> Vec<usize> {
    alike.sort_by_key(|nth| {
        let record = records[*nth];
        let is_suspect = record.trust == Trust::Suspect;
        let newest_first = match planted("SA-05") {
            true => std::cmp::Reverse(u64::MAX - record.etag),
            false => std::cmp::Reverse(record.etag),
        };
        (
            newest_first,
            is_suspect,
            record.image,
            record.trust,
            record.storage,
            *nth,
        )
    });
    let mut group = Vec::with_capacity(alike.len());
    for same in alike.chunk_by(|left, right| records[*left].etag == records[*right].etag) {
        let is_named = |nth: &&usize| {
            let record = records[**nth];
            let counts = record.image == Image::Current && record.trust != Trust::Suspect;
            counts && witnesses.on(record) == Testimony::Named
        };
        let named = (same.len() > 1)
            .then(|| same.iter().find(is_named))
            .flatten();
        group.extend(named.or(same.first()));
    }
    group
}

/// The etag of the newest tombstone of each key.
fn tombs<'a>(records: &'a [&'a Record]) -> BTreeMap<(Kind, &'a [u8]), u64> {
    let mut tombs = BTreeMap::new();
    let trusted = records
        .iter()
        .filter(|record| record.trust != Trust::Suspect);
    for record in trusted {
        if let Some((kind, key)) = &record.deletes {
            let etag: &mut u64 = tombs.entry((*kind, &**key)).or_default();
            *etag = record.etag.max(*etag);
        }
    }
    tombs
}

/// What is named at places that are not whole.
struct Missing<'a> {
    by_key: BTreeMap<(Kind, &'a [u8]), u64>,
    by_etag: BTreeMap<(Kind, u64), u64>,
}

impl<'a> Missing<'a> {
    fn new(witnesses: &'a Witnesses, is_whole: &dyn Fn(u64) -> bool) -> Self {
        let keys = witnesses.named_keys();
        let keys = keys.filter(|(_, _, storage)| !is_whole(*storage));
        let etags = witnesses.named_etags();
        let etags = etags.filter(|(_, _, storage)| !is_whole(*storage));
        Self {
            by_key: keys
                .map(|(kind, key, storage)| ((kind, key), storage))
                .collect(),
            by_etag: etags
                .map(|(kind, etag, storage)| ((kind, etag), storage))
                .collect(),
        }
    }

    /// Those of which no live record was found, by place: a key leaf and an etag leaf may name the same.
    fn lost(&self, records: &[&Record], classes: &[Option<Class>]) -> Vec<Lost> {
        if self.by_key.is_empty() && self.by_etag.is_empty() {
            return Vec::new();
        }
        let mut live: BTreeSet<(Kind, &[u8])> = BTreeSet::new();
        let mut found: BTreeSet<(Kind, &[u8])> = BTreeSet::new();
        let mut etags: BTreeSet<(Kind, u64)> = BTreeSet::new();
        for (record, class) in records.iter().zip(classes) {
            let Some(class) = class else { continue };
            if matches!(class, Class::Live | Class::Deleted) {
                live.insert((record.kind, &record.key));
            }
            if *class != Class::Suspect {
                found.insert((record.kind, &record.key));
                etags.insert((record.kind, record.etag));
            }
        }
        let mut lost: BTreeMap<(Kind, u64), Lost> = BTreeMap::new();
        for ((kind, key), storage) in &self.by_key {
            if !live.contains(&(*kind, *key)) {
                let entry = place(&mut lost, *kind, *storage);
                entry.key = Some((*key).into());
                entry.has_older = found.contains(&(*kind, *key));
            }
        }
        for ((kind, etag), storage) in &self.by_etag {
            if !etags.contains(&(*kind, *etag)) {
                place(&mut lost, *kind, *storage).etag = Some(*etag);
            }
        }
        lost.into_values().collect()
    }
}

fn place(lost: &mut BTreeMap<(Kind, u64), Lost>, kind: Kind, storage: u64) -> &mut Lost {
    lost.entry((kind, storage)).or_insert(Lost {
        kind,
        key: None,
        etag: None,
        storage,
        has_older: false,
    })
}
