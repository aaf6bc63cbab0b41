//! A Databend fuse table: from the commit down to the last index file.
//!
//! ```text
//! depth 0   the chosen commit's snapshot ─► segments ─► blocks, indexes, _hs      ─► _ts
//! depth 1   its predecessor (only with `history`) ─► …
//! ```
//!
//! A key that several snapshots reference belongs to the newest of them (the least depth).

mod history;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::amend::decide::Wanted;
use crate::amend::listing::Listing;
use crate::amend::options::{Options, Target};
use crate::amend::report::{BelowLost, Class, Verified};
use crate::drill::{Probe, planted, reached};
use crate::fuse::{
    Hint, NotRead, Segment, Snapshot, TablePrefix, read_segment_statistics, read_table_statistics,
    uuid_in_name,
};
use crate::object::Key;

use super::commit::CommitChooser;
use super::segment::{SegmentNode, children};
use super::{Closure, Found, Lookup, Purpose, Reference, Refusal, TableLayout, oldest_first};

#[derive(Debug)]
pub(super) struct FuseLayout {
    prefix: TablePrefix,
    target: Target,
    history: bool,
    chooser: CommitChooser,
    /// What `judge` read and `settle` is about to use.
    hint: Option<Hint>,
    snapshot: Option<Snapshot>,
    segment: Option<Segment>,
    snapshots: Vec<SnapshotNode>,
    segments: BTreeMap<Key, SegmentNode>,
    /// `_hs` and `_ts`, by key, with how their lookup ended.
    statistics: BTreeMap<Key, Reference>,
    asked: BTreeSet<Key>,
    /// An ancestor of which no data version is left.
    ancestor_gone: Option<Key>,
    notes: Vec<String>,
}

/// One snapshot on the way back through the history, newest first.
#[derive(Debug)]
struct SnapshotNode {
    reference: Reference,
    content: Option<Snapshot>,
}

impl FuseLayout {
    pub(super) fn new(options: &Options) -> Self {
        let prefix = TablePrefix::new(options.prefix.as_str());
        Self {
            chooser: CommitChooser::new(prefix.clone(), options.target.clone()),
            prefix,
            target: options.target.clone(),
            history: options.history,
            hint: None,
            snapshot: None,
            segment: None,
            snapshots: Vec::new(),
            segments: BTreeMap::new(),
            statistics: BTreeMap::new(),
            asked: BTreeSet::new(),
            ancestor_gone: None,
            notes: Vec::new(),
        }
    }
}

impl TableLayout for FuseLayout {
    fn start(&mut self, listing: &Listing, ask: &mut Vec<Lookup>) -> Result<(), Refusal> {
        self.chooser.start(listing, ask)?;
        self.begin_walk(listing, ask);
        Ok(())
    }

    fn judge(&mut self, lookup: &Lookup, body: &[u8]) -> Result<(), NotRead> {
        let key = lookup.key.as_str();
        match lookup.class {
            Class::Hint => {
                let hint = Hint::read(body, &self.prefix)?;
                if lookup.purpose == Purpose::Choose && !self.chooser.accepts(&hint) {
                    return Err(NotRead::Garbage("names another snapshot".into()));
                }
                self.hint = Some(hint);
            }
            Class::Snapshot => {
                let snapshot = Snapshot::read(body)?;
                if uuid_in_name(key).is_some_and(|named| named != snapshot.id) {
                    return Err(NotRead::Garbage(
                        "holds another snapshot than its name says".into(),
                    ));
                }
                self.snapshot = Some(snapshot);
            }
            Class::Segment => self.segment = Some(Segment::read(body)?),
            Class::SegmentStatistics => read_segment_statistics(body)?,
            Class::TableStatistics => read_table_statistics(body, key)?,
            _ => {}
        }
        Ok(())
    }

    fn settle(
        &mut self,
        lookup: &Lookup,
        found: Found,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) -> Result<(), Refusal> {
        let (hint, snapshot, segment) =
            (self.hint.take(), self.snapshot.take(), self.segment.take());
        match (lookup.purpose, lookup.class) {
            (Purpose::Choose, Class::Hint) => {
                self.chooser
                    .settle_hint(lookup, found, hint, listing, ask)?;
                self.begin_walk(listing, ask);
            }
            (Purpose::Choose, _) => {
                self.chooser
                    .settle_snapshot(lookup, found, snapshot, listing, ask)?;
                self.begin_walk(listing, ask);
            }
            (Purpose::Advise, Class::Hint) => self.advise_by_hint(hint, listing, ask),
            (Purpose::Advise, _) => self.advise_by_snapshot(lookup, snapshot),
            (Purpose::Reference, Class::Snapshot) => {
                self.take_snapshot(lookup, found, snapshot, listing, ask);
            }
            (Purpose::Reference, Class::Segment) => {
                self.take_segment(lookup, found, segment, listing, ask);
            }
            (Purpose::Reference, _) => {
                let reference = reference(lookup, found);
                self.statistics.insert(lookup.key.clone(), reference);
            }
        }
        Ok(())
    }

    fn closure(&mut self, listing: &Listing) -> Closure {
        let mut references = vec![self.hint_reference(listing)];
        let end = self.history_end(listing);
        let mut below_lost = Vec::new();
        let mut seen: BTreeSet<Key> = references.iter().map(|hint| hint.key.clone()).collect();
        let mut add = |reference: &Reference| {
            if seen.insert(reference.key.clone()) {
                references.push(reference.clone());
            }
        };
        for node in &self.snapshots[..end.kept] {
            add(&node.reference);
            let Some(snapshot) = &node.content else {
                let key = node.reference.key.clone();
                below_lost.push(BelowLost {
                    key,
                    blocks: None,
                    rows: None,
                });
                continue;
            };
            if let Some(statistics) = self.statistics_of(snapshot) {
                add(statistics);
            }
            for segment in self.segments_of(snapshot) {
                add(&segment.reference);
                segment.children.iter().for_each(&mut add);
                let statistics = segment.statistics.as_ref();
                statistics
                    .and_then(|key| self.statistics.get(key))
                    .into_iter()
                    .for_each(&mut add);
            }
            self.count_below(snapshot, &mut below_lost);
        }
        self.note_unknown_indexes();
        let mut missing = self.unclear_ancestors(end);
        missing.extend(self.destroyed_ancestor(end, listing));
        for ancestor in missing {
            let key = ancestor.key.clone();
            let (blocks, rows) = (None, None);
            below_lost.push(BelowLost { key, blocks, rows });
            references.push(ancestor);
        }
        Closure {
            commit: self.chooser.commit(),
            references,
            below_lost,
            notes: std::mem::take(&mut self.notes),
        }
    }

    fn is_commit(&self, body: &[u8]) -> bool {
        Hint::read(body, &self.prefix).is_ok()
    }
}

impl FuseLayout {
    /// As soon as the commit is chosen, its snapshot is looked up.
    fn begin_walk(&mut self, listing: &Listing, ask: &mut Vec<Lookup>) {
        if let Some(choice) = &self.chooser.choice {
            let snapshot = choice.snapshot.clone();
            self.ask_once(snapshot, Class::Snapshot, None, listing, ask);
        }
    }

    /// Asks for metadata that is referenced, once. Where a size is stated only versions of it are tried.
    fn ask_once(
        &mut self,
        key: Key,
        class: Class,
        size: Option<u64>,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) {
        if !self.asked.insert(key.clone()) {
            return;
        }
        let history = listing.get(&key);
        let versions = match size {
            None => oldest_first(history),
            Some(size) => {
                let sized = history
                    .versions()
                    .rev()
                    .filter(|version| version.size == size);
                sized.map(|version| version.id.clone()).collect()
            }
        };
        ask.push(Lookup {
            key,
            class,
            purpose: Purpose::Reference,
            versions,
        });
    }

    fn take_snapshot(
        &mut self,
        lookup: &Lookup,
        found: Found,
        snapshot: Option<Snapshot>,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) {
        let is_commit = self.snapshots.is_empty();
        let reference = reference(lookup, found);
        if let Some(snapshot) = &snapshot {
            for location in &snapshot.segments {
                match self.prefix.resolve(location) {
                    Some(key) => self.ask_once(key, Class::Segment, None, listing, ask),
                    None => self.outside(location, Class::Segment),
                }
            }
            if let Some(location) = &snapshot.table_statistics {
                match self.prefix.resolve(location) {
                    Some(key) => self.ask_once(key, Class::TableStatistics, None, listing, ask),
                    None => self.outside(location, Class::TableStatistics),
                }
            }
            if self.history {
                self.go_back(snapshot, listing, ask);
            }
        }
        if is_commit {
            if let (Some(choice), Some(snapshot)) = (&mut self.chooser.choice, &snapshot) {
                choice.timestamp = snapshot.timestamp;
            }
            // A lost snapshot needs the advice which one to name; a moment, whether another was as good.
            if snapshot.is_none() || matches!(self.target, Target::AsOf(_)) {
                ask.extend(self.chooser.older_hints(listing));
            }
        }
        self.snapshots.push(SnapshotNode {
            reference,
            content: snapshot,
        });
    }

    /// The snapshot before this one, as long as something of it is left.
    fn go_back(&mut self, snapshot: &Snapshot, listing: &Listing, ask: &mut Vec<Lookup>) {
        let Some((id, version)) = snapshot.previous else {
            return;
        };
        let key = self.prefix.snapshot_key(id, version);
        if listing.get(&key).versions().next().is_some() {
            self.ask_once(key, Class::Snapshot, None, listing, ask);
        } else {
            self.ancestor_gone = Some(key);
        }
    }

    fn take_segment(
        &mut self,
        lookup: &Lookup,
        found: Found,
        segment: Option<Segment>,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) {
        let mut node = SegmentNode::new(reference(lookup, found));
        if let Some(segment) = segment {
            let hint = self
                .chooser
                .choice
                .as_ref()
                .and_then(|choice| choice.hint.as_ref());
            let indexes = hint.map_or(&[][..], |hint| &hint.inverted_indexes);
            children(&mut node, &segment, &self.prefix, indexes, listing);
            if let Some(statistics) = segment.statistics {
                match self.prefix.resolve(&statistics.location) {
                    Some(key) => {
                        node.statistics = Some(key.clone());
                        let size = statistics.size;
                        self.ask_once(key, Class::SegmentStatistics, size, listing, ask);
                    }
                    None => self.outside(&statistics.location, Class::SegmentStatistics),
                }
            }
        } else if planted("AM-02") && matches!(node.reference.wanted, Wanted::Unclear(_)) {
            node.reference.wanted = Wanted::Sized(None);
        }
        self.segments.insert(lookup.key.clone(), node);
    }

    /// Metadata that lies in another table's prefix: it is not this amend's to touch.
    fn outside(&mut self, location: &str, class: Class) {
        let key = Key::from(location);
        let reference = outside(&key, class);
        if class == Class::Segment {
            self.segments.insert(key, SegmentNode::new(reference));
        } else {
            self.statistics.insert(key, reference);
        }
    }

    /// The key under which a location of this snapshot was looked up.
    fn key_of(&self, location: &str) -> Key {
        self.prefix
            .resolve(location)
            .unwrap_or_else(|| Key::from(location))
    }

    fn segments_of<'a>(&'a self, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a SegmentNode> {
        snapshot
            .segments
            .iter()
            .filter_map(|location| self.segments.get(&self.key_of(location)))
    }

    fn statistics_of(&self, snapshot: &Snapshot) -> Option<&Reference> {
        self.statistics
            .get(&self.key_of(snapshot.table_statistics.as_ref()?))
    }

    fn hint_reference(&self, listing: &Listing) -> Reference {
        let key = self.chooser.hint_key(listing);
        let hint = self
            .chooser
            .choice
            .as_ref()
            .and_then(|choice| choice.hint.clone());
        let (wanted, body): (Wanted, Option<Bytes>) = match hint {
            Some(hint) => (Wanted::Version(hint.version), Some(hint.body)),
            None => {
                let why = "no version of it that names this commit is left: the rows can be read through \
                           the catalog, but not attached by this prefix";
                (Wanted::Nothing(why.into()), None)
            }
        };
        Reference {
            key,
            class: Class::Hint,
            wanted,
            verified: Verified::Content,
            body,
        }
    }

    /// What hangs below the segments that are out of sight: the snapshot's sums, less what is in sight.
    fn count_below(&self, snapshot: &Snapshot, below_lost: &mut Vec<BelowLost>) {
        let nodes: Vec<_> = self.segments_of(snapshot).collect();
        let sum = |of: fn(&SegmentNode) -> u64| nodes.iter().map(|node| of(node)).sum::<u64>();
        let blocks = snapshot
            .summary
            .block_count
            .checked_sub(sum(|node| node.block_count));
        let rows = snapshot
            .summary
            .row_count
            .checked_sub(sum(|node| node.row_count));
        for node in nodes.iter().filter(|node| !node.is_read) {
            let key = node.reference.key.clone();
            if below_lost.iter().all(|lost| lost.key != key) {
                below_lost.push(BelowLost { key, blocks, rows });
            }
        }
    }

    fn note_unknown_indexes(&mut self) {
        let bytes: u64 = self
            .segments
            .values()
            .map(|node| node.unknown_index_bytes)
            .sum();
        if bytes > 0 {
            self.notes.push(format!(
                "{bytes} bytes of indexes are of a kind that is not known here and were not looked at"
            ));
        }
    }

    fn advise_by_hint(&mut self, hint: Option<Hint>, listing: &Listing, ask: &mut Vec<Lookup>) {
        let Some(hint) = hint else { return };
        let versions = oldest_first(listing.get(&hint.snapshot));
        let (class, purpose) = (Class::Snapshot, Purpose::Advise);
        ask.push(Lookup {
            key: hint.snapshot,
            class,
            purpose,
            versions,
        });
    }

    fn advise_by_snapshot(&mut self, lookup: &Lookup, snapshot: Option<Snapshot>) {
        let Some(snapshot) = snapshot else { return };
        let timestamp = self
            .chooser
            .choice
            .as_ref()
            .and_then(|choice| choice.timestamp);
        if self
            .snapshots
            .first()
            .is_some_and(|commit| commit.content.is_none())
        {
            reached(Probe::SnapshotAdvised);
            let made = snapshot
                .timestamp
                .map_or_else(String::new, |at| format!(", made {}", at.to_rfc3339()));
            self.notes.push(format!(
                "the snapshot of the commit before it is readable: --snapshot {}{made}",
                lookup.key
            ));
        } else if timestamp.is_some() && snapshot.timestamp == timestamp {
            self.chooser.also(lookup.key.clone());
        }
    }
}

/// A key that lies outside the table's prefix.
pub(super) fn outside(key: &Key, class: Class) -> Reference {
    let why = "it lies outside this table's prefix: amend the table that it belongs to";
    Reference {
        key: key.clone(),
        class,
        wanted: Wanted::Unclear(why.into()),
        verified: Verified::Unverified,
        body: None,
    }
}

fn reference(lookup: &Lookup, found: Found) -> Reference {
    let (wanted, verified) = match found {
        Found::Version(version, _) => (Wanted::Version(version), Verified::Content),
        Found::Nothing(why) => (Wanted::Nothing(why), Verified::Unverified),
        Found::Unclear(why) => (Wanted::Unclear(why), Verified::Unverified),
    };
    Reference {
        key: lookup.key.clone(),
        class: lookup.class,
        wanted,
        verified,
        body: None,
    }
}
