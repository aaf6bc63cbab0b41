//! What must become of the chosen commit's ancestors, and where a history cannot be judged.

use std::collections::BTreeSet;

use firedrill_core::amend::Class;
use firedrill_core::object::Key;

use crate::atlas::{Atlas, Known, Must};

impl Known<'_> {
    /// The chosen commit's ancestors. Which of them were vacuumed and which were destroyed is open, unless
    /// all that they reference is there.
    pub(crate) fn add_ancestors(self, chosen: usize, atlas: &mut Atlas) {
        let own: BTreeSet<Key> = atlas.objects.keys().cloned().collect();
        let snapshots = self.truth.commits[..chosen]
            .iter()
            .map(|commit| commit.snapshot.clone());
        atlas.ancestors = snapshots.collect();
        let mut whole_history = (0..chosen).all(|number| self.is_whole(number));
        // Whose a key is, only segments tell: where one cannot be read, so is the answer.
        let commits = &self.truth.commits[..chosen];
        let any_deleted = commits
            .iter()
            .any(|commit| self.is_deleted(&commit.snapshot));
        whole_history &= !any_deleted || self.has_readable_segments(chosen);
        let mut kept = if whole_history {
            self.vacuumed(chosen)
        } else {
            0
        };
        // A vacuum leaves everything newer as it is. Where that was deleted as well, and only the newest
        // snapshot is back, nobody can tell a vacuum from a loss.
        if kept > 0 && atlas.count(Must::Stay) < own.len() {
            (whole_history, kept) = (false, 0);
        }
        for number in (kept..chosen).rev() {
            self.add_commit(number, atlas);
            let snapshot = |number: usize| self.truth.commits[number].snapshot.clone();
            atlas
                .previous
                .insert(snapshot(number + 1), snapshot(number));
        }
        let ancestors = |key: &Key| !own.contains(key);
        if !whole_history {
            for (key, expected) in &mut atlas.objects {
                if ancestors(key) {
                    expected.must = Must::Free("what a vacuum took of the history is open");
                }
            }
        }
    }

    /// Whether everything that a commit references can come back.
    fn is_whole(self, number: usize) -> bool {
        let commit = &self.truth.commits[number];
        let mut keys = commit.references.keys();
        keys.all(|key| {
            Some(key) == self.truth.hint.as_ref()
                || matches!(self.expect(key, number).must, Must::Stay | Must::Recover)
        })
    }

    /// How many of the oldest commits a vacuum took: it deletes the oldest snapshots with everything that
    /// only they reference, and leaves all newer ones, and the hint.
    fn vacuumed(self, chosen: usize) -> usize {
        let deleted = |key: &Key| self.is_deleted(key);
        let commits = &self.truth.commits[..=chosen];
        let gone = commits
            .iter()
            .take_while(|commit| deleted(&commit.snapshot))
            .count();
        let (old, kept) = commits.split_at(gone);
        let hint = self.truth.hint.as_ref();
        let kept_whole = !kept.is_empty()
            && !hint.is_some_and(deleted)
            && kept.iter().all(|commit| !deleted(&commit.snapshot));
        let theirs_alone = |key: &&Key| {
            Some(*key) != hint
                && kept
                    .iter()
                    .all(|commit| !commit.references.contains_key(*key))
        };
        let mut theirs = old
            .iter()
            .flat_map(|commit| commit.references.keys())
            .filter(theirs_alone);
        if kept_whole && theirs.all(deleted) {
            gone
        } else {
            0
        }
    }

    fn is_deleted(self, key: &Key) -> bool {
        let top = self.log.history(key).first();
        top.is_some_and(|held| held.body.is_none())
    }

    fn has_readable_segments(self, chosen: usize) -> bool {
        let keys = self.truth.commits[chosen].references.keys();
        let mut segments = keys.filter(|key| self.truth.objects[*key].class == Class::Segment);
        segments.all(|key| matches!(self.expect(key, chosen).must, Must::Stay | Must::Recover))
    }

    /// Whether some segment's oldest readable bytes are another segment's: nothing in them says whose they
    /// are, so whoever reads them takes them for the original that was purged.
    pub(crate) fn is_masqueraded(self, chosen: usize) -> bool {
        let first = if self.amend.history { 0 } else { chosen };
        let commits = &self.truth.commits[first..=chosen];
        let keys = commits.iter().flat_map(|commit| commit.references.keys());
        keys.into_iter().any(|key| {
            let fact = &self.truth.objects[key];
            let data = self
                .log
                .history(key)
                .iter()
                .rev()
                .filter(|held| held.body.is_some());
            let mut meaningful =
                data.filter(|held| held.holds(&fact.body) || self.decodes(key, fact, held));
            fact.class == Class::Segment
                && meaningful
                    .next()
                    .is_some_and(|held| held.body.as_ref() != Some(&fact.body))
        })
    }
}
