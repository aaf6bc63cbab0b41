//! How far a table's history reaches back: what a vacuum took stays away, what was destroyed is named.
//!
//! A vacuum deletes from the oldest snapshot on, each with everything that only it and older ones reference,
//! and in a versioned bucket leaves markers, as a disaster does. So where a snapshot and all that is its own
//! lie under markers while the snapshot after it does not, the history ended there, on purpose.
//!
//! Which snapshot a key belongs to is known only as far as segments can be read. Where an unread segment
//! leaves it open, nothing is written, and the snapshots concerned are unknown.

use std::collections::BTreeMap;

use crate::amend::decide::Wanted;
use crate::amend::layout::Reference;
use crate::amend::layout::segment::SegmentNode;
use crate::amend::listing::Listing;
use crate::amend::report::{Class, Verified};
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
        let end = (1..all).find_map(|depth| {
            self.is_vacuumed(depth, listing)
                .map(|is_certain| HistoryEnd {
                    kept: depth,
                    is_certain,
                })
        });
        let end = end.unwrap_or(HistoryEnd {
            kept: all,
            is_certain: true,
        });
        if end.kept < all && end.is_certain {
            self.notes.push(format!(
                "older snapshots ({}) and what only they reference are deleted while everything newer is \
                 there, as a vacuum leaves it: they stay deleted",
                all - end.kept
            ));
        }
        end
    }

    /// Whether a vacuum took this snapshot and all behind it: `Some(true)` certainly, `Some(false)` for all
    /// that can be seen, `None` no.
    fn is_vacuumed(&self, depth: usize, listing: &Listing) -> Option<bool> {
        let deleted = |key: &Key| matches!(listing.get(key).current(), Some(Entry::Marker(_)));
        let snapshot = |depth: usize| &self.snapshots[depth].reference.key;
        if !deleted(snapshot(depth)) || deleted(snapshot(depth - 1)) {
            return None;
        }
        let depth_of = self.depths(depth);
        let own = depth_of.iter().filter(|(_, owner)| **owner == depth);
        let all_deleted = own.map(|(key, _)| *key).all(deleted);
        let unread = |depths: &[super::SnapshotNode]| {
            let contents = depths.iter().filter_map(|node| node.content.as_ref());
            contents
                .flat_map(|snapshot| self.segments_of(snapshot))
                .any(|segment| !segment.is_read)
        };
        match all_deleted {
            true => Some(!unread(&self.snapshots[depth..=depth])),
            // What is not deleted may belong to a newer segment that could not be read.
            false => unread(&self.snapshots[..depth]).then_some(false),
        }
    }

    /// The newest snapshot, down to `depth`, that each key belongs to.
    fn depths(&self, depth: usize) -> BTreeMap<&Key, usize> {
        let mut depth_of = BTreeMap::new();
        for (nth, node) in self.snapshots[..=depth].iter().enumerate() {
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
            self.notes.push(format!(
                "the history ends before {key}: it is gone with everything that only it referenced, as a \
                 vacuum leaves it"
            ));
            return None;
        }
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

/// A segment's own key, and all that it references.
fn keys(segment: &SegmentNode) -> impl Iterator<Item = &Key> {
    let children = segment.children.iter().map(|child| &child.key);
    children
        .chain([&segment.reference.key])
        .chain(&segment.statistics)
}
