//! How far a table's history reaches back: what a vacuum took stays away, what was destroyed is named.
//!
//! A vacuum deletes from the oldest snapshot on, each with everything that only it and older ones reference,
//! and in a versioned bucket leaves markers, as a disaster does. So where a snapshot, all before it and all
//! that is theirs alone lie under markers while the hint and every newer snapshot do not, the history ended
//! there, on purpose. Amend publishes the commit's own snapshot after its ancestors, so that a run which
//! broke off half-way does not look like that.
//!
//! Which snapshot a key belongs to is known only as far as segments can be read. Where an unread segment
//! leaves it open, nothing is written, and the snapshots concerned are unknown.

use std::collections::BTreeMap;

use crate::amend::decide::Wanted;
use crate::amend::layout::Reference;
use crate::amend::layout::segment::SegmentNode;
use crate::amend::listing::Listing;
use crate::amend::report::{Class, Verified};
use crate::drill::{Probe, planted, reached, sometimes};
use crate::object::{Entry, Key};

use super::FuseLayout;

/// Where the history ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct HistoryEnd {
    /// How many snapshots, newest first, belong to the closure.
    pub(super) kept: usize,
    /// Whether those behind were certainly vacuumed.
    is_certain: bool,
}

impl FuseLayout {
    pub(super) fn history_end(&mut self, listing: &Listing) -> HistoryEnd {
        let all = self.snapshots.len();
        let deleted = |key: &Key| is_deleted(listing, key);
        let first = self
            .snapshots
            .iter()
            .position(|node| deleted(&node.reference.key));
        let newer_deleted = deleted(&self.chooser.hint_key(listing));
        let end = first
            .filter(|first| *first > 0 && !newer_deleted)
            .filter(|first| !(planted("AM-35") && all - first >= 3))
            .and_then(|first| {
                self.is_vacuumed(first, listing)
                    .map(|certain| (first, certain))
            });
        let (kept, is_certain) = end.unwrap_or((all, true));
        sometimes(Probe::VacuumRecognised, kept < all && is_certain);
        sometimes(Probe::VacuumUncertain, !is_certain);
        if kept < all && is_certain {
            self.notes.push(format!(
                "older snapshots ({}) and what only they reference are deleted while everything newer is \
                 there, as a vacuum leaves it: they stay deleted",
                all - kept
            ));
        }
        HistoryEnd { kept, is_certain }
    }

    /// Whether a vacuum took this snapshot and all behind it: `Some(true)` certainly, `Some(false)` as far
    /// as can be seen, `None` no.
    fn is_vacuumed(&self, first: usize, listing: &Listing) -> Option<bool> {
        let mut behind = self.snapshots[first..].iter();
        if !behind.all(|node| is_deleted(listing, &node.reference.key)) {
            return None;
        }
        let depth_of = self.depths();
        let own = depth_of.iter().filter(|(_, owner)| **owner >= first);
        let all_deleted = own.map(|(key, _)| *key).all(|key| is_deleted(listing, key));
        let unread = |depths: &[super::SnapshotNode]| {
            let contents = depths.iter().filter_map(|node| node.content.as_ref());
            contents
                .flat_map(|snapshot| self.segments_of(snapshot))
                .any(|segment| !segment.is_read)
        };
        match all_deleted {
            true => Some(!unread(&self.snapshots[first..])),
            // What is not deleted may belong to a newer segment that could not be read.
            false => unread(&self.snapshots[..first]).then_some(false),
        }
    }

    /// The newest snapshot that each key belongs to, as a depth.
    fn depths(&self) -> BTreeMap<&Key, usize> {
        let mut depth_of = BTreeMap::new();
        for (nth, node) in self.snapshots.iter().enumerate() {
            let Some(snapshot) = &node.content else {
                continue;
            };
            let table_statistics = self
                .statistics_of(snapshot)
                .map(|statistics| &statistics.key);
            for key in table_statistics
                .into_iter()
                .chain(self.segments_of(snapshot).flat_map(keys))
            {
                depth_of.entry(key).or_insert(nth);
            }
        }
        depth_of
    }

    /// The snapshots of which it is open whether a vacuum took them.
    pub(super) fn unclear_ancestors(&self, end: HistoryEnd) -> Vec<Reference> {
        let behind = self.snapshots[end.kept..]
            .iter()
            .filter(|_| !end.is_certain);
        let why = "a segment could not be read, so it is open whether a vacuum took this snapshot away: \
                   nothing of it was looked at further";
        behind
            .map(|node| Reference {
                wanted: Wanted::Unclear(why.into()),
                ..node.reference.clone()
            })
            .collect()
    }

    /// An ancestor that is gone together with everything that only it referenced was vacuumed. Where
    /// segments are left that no snapshot in sight references, it was destroyed.
    pub(super) fn destroyed_ancestor(
        &mut self,
        end: HistoryEnd,
        listing: &Listing,
    ) -> Option<Reference> {
        let key = self
            .ancestor_gone
            .take()
            .filter(|_| end.kept == self.snapshots.len())?;
        let folder = self.prefix.key("_sg/");
        let left = listing.below(folder.as_str()).any(|(segment, history)| {
            history.versions().next().is_some() && !self.segments.contains_key(segment)
        });
        if !left {
            reached(Probe::AncestorVacuumed);
            self.notes.push(format!(
                "the history ends before {key}: it is gone with everything that only it referenced, as a \
                 vacuum leaves it"
            ));
            return None;
        }
        reached(Probe::AncestorDestroyed);
        let why = "no version of it is left, but segments are that no other snapshot references: it was \
                   destroyed, not vacuumed";
        Some(Reference {
            key,
            class: Class::Snapshot,
            wanted: Wanted::Nothing(why.into()),
            verified: Verified::Unverified,
            body: None,
        })
    }
}

fn is_deleted(listing: &Listing, key: &Key) -> bool {
    matches!(listing.get(key).current(), Some(Entry::Marker(_)))
}

/// A segment's own key, and all that it references.
fn keys(segment: &SegmentNode) -> impl Iterator<Item = &Key> {
    let children = segment.children.iter().map(|child| &child.key);
    children
        .chain([&segment.reference.key])
        .chain(&segment.statistics)
}
