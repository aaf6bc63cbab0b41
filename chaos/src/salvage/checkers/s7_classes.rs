//! S7: live is what the server would show, and older, deleted and stale records are told as such, each once.
//!
//! | the record is | and | so it is |
//! |---|---|---|
//! | deleted | its tombstone is due | deleted |
//! | replaced | what replaced it is due | not live |
//! | live | due where it is, journals and trees unhurt | live |
//! | replaced, deleted, gone | journals and trees unhurt, a single leaf covers its key, or names what replaced it | not live |

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::salvage::record::Class;
use firedrill_sim::voron::{Kind, PageUse, Record, State};

use super::super::fate::{Fates, name};
use super::super::property::{Property, Violation};
use super::Evidence;

pub(super) fn check(evidence: &Evidence<'_>, out: &mut Vec<Violation>) {
    let ground = Ground::new(evidence.fates);
    let mut live: BTreeMap<(Kind, &[u8]), usize> = BTreeMap::new();
    for (nth, lines) in &evidence.lines {
        let record = &evidence.fates.truth().records[*nth];
        if lines.len() > 1 {
            let sentence = format!("{} is told {} times", name(record), lines.len());
            out.push(Violation::at(Property::S7, *nth, sentence));
        }
        for line in lines {
            if let Err(why) = ground.suits(*nth, record, line.class) {
                let sentence = format!("{} is told as {:?}, but {why}", name(record), line.class);
                out.push(Violation::at(Property::S7, *nth, sentence));
            }
            let is_second = line.class == Class::Live
                && live.insert((record.kind, &record.key), *nth).is_some();
            if is_second {
                let sentence = format!("{} is live beside another one of its key", name(record));
                out.push(Violation::at(Property::S7, *nth, sentence));
            }
        }
    }
}

/// What the classes are held against.
struct Ground<'a> {
    fates: &'a Fates<'a>,
    /// Key of what is buried, by kind of record, with the tombstone that does.
    buried: BTreeMap<(Kind, Vec<u8>), usize>,
    /// The newest record of each key that is due.
    newest_due: BTreeMap<(Kind, &'a [u8]), i64>,
    /// The least and the greatest key that is named in a tree of a single leaf.
    covered: BTreeMap<Kind, (&'a [u8], &'a [u8])>,
    /// The keys that have a row at the end, whether it is whole or not.
    named: BTreeSet<(Kind, &'a [u8])>,
}

impl<'a> Ground<'a> {
    fn new(fates: &'a Fates<'a>) -> Self {
        let records = || fates.truth().records.iter().enumerate();
        let mut buried = BTreeMap::new();
        let mut newest_due: BTreeMap<(Kind, &[u8]), i64> = BTreeMap::new();
        let mut covered: BTreeMap<Kind, (&[u8], &[u8])> = BTreeMap::new();
        let mut named = BTreeSet::new();
        for (nth, record) in records() {
            if record.kind == Kind::Tombstone && record.state == State::Live && fates.is_due(nth) {
                let kind = match record.columns[4].first() {
                    Some(1) => Kind::Document,
                    Some(2) => Kind::Attachment,
                    _ => Kind::Revision,
                };
                buried.insert((kind, record.columns[0].clone()), nth);
            }
            if fates.is_due(nth) {
                let newest = newest_due.entry((record.kind, &record.key)).or_default();
                *newest = record.etag.max(*newest);
            }
            if record.state == State::Live {
                named.insert((record.kind, &record.key[..]));
            }
            let is_there = record.state == State::Live && fates.is_due_where_it_is(record);
            if is_there && leaves(fates, record.kind) == 1 {
                let key = &record.key[..];
                let span = covered.entry(record.kind).or_insert((key, key));
                *span = (span.0.min(key), span.1.max(key));
            }
        }
        Self {
            fates,
            buried,
            newest_due,
            covered,
            named,
        }
    }

    fn suits(&self, nth: usize, record: &Record, class: Class) -> Result<(), String> {
        if record.state == State::Deleted && class != Class::Deleted && self.is_buried(record) {
            return Err("its tombstone is there".to_owned());
        }
        let newest = self.newest_due.get(&(record.kind, &record.key)).copied();
        if record.state == State::Older && class == Class::Live && newest > Some(record.etag) {
            return Err(format!(
                "etag {} took its place",
                newest.unwrap_or_default()
            ));
        }
        if !(self.fates.calm_journals && self.fates.calm_trees) {
            return Ok(());
        }
        let is_there = self.fates.is_due(nth) && self.fates.is_due_where_it_is(record);
        match record.state {
            State::Live if is_there && class != Class::Live => {
                Err("it is what the server shows".to_owned())
            }
            State::Older | State::Deleted | State::Gone
                if class == Class::Live && self.is_left_out(record) =>
            {
                Err("the leaf of its key does not name it".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn is_buried(&self, record: &Record) -> bool {
        let key = match record.kind {
            Kind::Revision => {
                let id = record.document.as_deref().unwrap_or_default();
                [id.as_bytes(), &[0x1e], &record.key].concat()
            }
            _ => record.key.clone(),
        };
        self.buried.contains_key(&(record.kind, key))
    }

    /// Whether the one leaf of its key tree leaves it out, or names the row that took its place, and no leaf of
    /// yesterday is left. A leaf speaks for a kind only if it names a record of it that is there.
    fn is_left_out(&self, record: &Record) -> bool {
        let truth = self.fates.truth();
        let mut pages = truth.file_pages.iter().chain(&truth.pages);
        let is_stale = pages.any(|page_use| match page_use {
            PageUse::Free { was } => super::super::fate::is_or_was_tree(was),
            _ => false,
        });
        let covered = self.covered.get(&record.kind);
        let key = &record.key[..];
        let is_named = self.named.contains(&(record.kind, key));
        !is_stale
            && covered.is_some_and(|(least, most)| is_named || (*least <= key && key <= *most))
    }
}

/// Pages of the tree that names the records of a kind by their keys.
fn leaves(fates: &Fates<'_>, kind: Kind) -> usize {
    let wanted = match kind {
        Kind::Document => "Docs",
        Kind::Revision => "RevisionsChangeVector",
        Kind::Conflict => "ConflictsChangeVector",
        Kind::CounterGroup => "CounterGroupKeys",
        Kind::TimeSeries => "TimeSeriesKeys",
        Kind::DeletedRange => "DeletedRangesKey",
        Kind::Tombstone => "Tombstones",
        Kind::Attachment => "AttachmentsMetadataKeys",
        Kind::TimeSeriesStatistics | Kind::Collection => return 0,
    };
    let pages = fates.truth().pages.iter();
    pages
        .filter(|page_use| matches!(page_use, PageUse::Tree { name } if name == wanted))
        .count()
}
