//! Which transaction changes which pages: what is kept of journals of any size while they are redone.
//!
//! ```text
//! pages   10 11 12 13 14 15 16 17 18 19
//! tx 300  [────────]     [──]                 runs that overlap belong to one cluster, because a run of one
//! tx 301        [─────]        [──]           transaction may begin inside of another's
//! cluster [───────────]  [──]  [──]
//! ```
//!
//! One entry of 32 bytes for each changed run. Clusters are disjoint, so that each can be redone on its own: a
//! [`PageIndex::passes`] groups them so that the images of one group fit a budget, and the journals are read once
//! for each group.
//!
//! Deliberately not here: bytes, and whether an image is right ([`super::redo`]).

use std::collections::BTreeSet;

use super::pages::{Change, PAGE_BYTES, PageChange};

/// One run that one transaction changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The run's first page.
    pub page: u64,
    /// Pages of the run.
    pub pages: u64,
    /// The transaction's place in the plan.
    pub step: u32,
    /// Its place in the transaction's page list.
    pub order: u32,
    /// What of it can be told without a base.
    pub kind: Kind,
}

/// How a run changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is there as a whole.
    Full,
    /// It is there as a whole but for zeros.
    Cleared,
    /// It needs what it was before.
    Diff,
}

/// Pages that are redone together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cluster {
    /// The first of them.
    pub page: u64,
    /// How many.
    pub pages: u64,
}

/// Entries by page, with the clusters that they form.
#[derive(Debug, Clone, Default)]
pub struct PageIndex {
    entries: Vec<Entry>,
    clusters: Vec<Cluster>,
}

/// Takes the changes of one transaction after another.
#[derive(Debug, Clone)]
pub struct IndexBuilder {
    page_limit: u64,
    entries: Vec<Entry>,
    refused: u64,
}

impl IndexBuilder {
    /// An empty one. Runs that do not end before page `page_limit` are refused: what a run states as its size is no
    /// reason to hold so many pages.
    pub fn new(page_limit: u64) -> Self {
        Self {
            page_limit,
            entries: Vec::new(),
            refused: 0,
        }
    }

    /// Takes the changes of the transaction that is the plan's `step`.
    pub fn add<'a>(&mut self, step: u32, changes: impl Iterator<Item = PageChange<'a>>) {
        for (order, change) in (0_u32..).zip(changes) {
            let kind = match change.change {
                Change::Unchanged => continue,
                Change::Full(_) => Kind::Full,
                Change::Diff(diff) if diff.clears_first => Kind::Cleared,
                Change::Diff(_) => Kind::Diff,
            };
            let end = change.page.saturating_add(change.pages);
            if change.pages == 0 || end > self.page_limit {
                self.refused += 1;
                continue;
            }
            self.entries.push(Entry {
                page: change.page,
                pages: change.pages,
                step,
                order,
                kind,
            });
        }
    }

    /// Runs that were refused.
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// The index of all that was taken.
    pub fn finish(mut self) -> PageIndex {
        self.entries.sort_unstable();
        let mut clusters: Vec<Cluster> = Vec::new();
        for entry in &self.entries {
            let end = entry.page + entry.pages;
            match clusters.last_mut() {
                Some(last) if entry.page < last.page + last.pages => {
                    last.pages = last.pages.max(end - last.page);
                }
                _ => clusters.push(Cluster {
                    page: entry.page,
                    pages: entry.pages,
                }),
            }
        }
        PageIndex {
            entries: self.entries,
            clusters,
        }
    }
}

impl PageIndex {
    /// All clusters, by page.
    pub fn clusters(&self) -> &[Cluster] {
        &self.clusters
    }

    /// The cluster that holds this page, if any transaction changes it.
    pub fn cluster_of(&self, page: u64) -> Option<Cluster> {
        let at = self
            .clusters
            .partition_point(|cluster| cluster.page <= page)
            .checked_sub(1)?;
        let cluster = *self.clusters.get(at)?;
        (page - cluster.page < cluster.pages).then_some(cluster)
    }

    /// Every change of this page, oldest first.
    pub fn changes_of(&self, page: u64) -> Vec<Entry> {
        let Some(cluster) = self.cluster_of(page) else {
            return Vec::new();
        };
        let begin = self
            .entries
            .partition_point(|entry| entry.page < cluster.page);
        let mut changes: Vec<Entry> = self
            .entries
            .iter()
            .skip(begin)
            .take_while(|entry| entry.page <= page)
            .filter(|entry| page - entry.page < entry.pages)
            .copied()
            .collect();
        changes.sort_unstable_by_key(|entry| (entry.step, entry.order));
        changes
    }

    /// The transactions that change any page of these clusters.
    pub fn steps_of(&self, clusters: &[Cluster]) -> BTreeSet<u32> {
        let entries = clusters.iter().flat_map(|cluster| {
            let end = cluster.page + cluster.pages;
            let begin = self.entries.partition_point(|at| at.page < cluster.page);
            let entries = self.entries.iter().skip(begin);
            entries.take_while(move |entry| entry.page < end)
        });
        entries.map(|entry| entry.step).collect()
    }

    /// The clusters in groups whose images take at most `bytes_max` bytes together. A cluster that is larger on its own
    /// is cut, and diffs that lie across a cut can then not be proven behind a gap.
    pub fn passes(&self, bytes_max: u64) -> Vec<Vec<Cluster>> {
        let pages_max = (bytes_max / PAGE_BYTES).max(1);
        let mut passes = Vec::new();
        let (mut pass, mut held) = (Vec::new(), 0);
        for cluster in &self.clusters {
            let (mut page, mut left) = (cluster.page, cluster.pages);
            while left > 0 {
                let pages = left.min(pages_max);
                if held + pages > pages_max {
                    passes.push(std::mem::take(&mut pass));
                    held = 0;
                }
                pass.push(Cluster { page, pages });
                held += pages;
                page += pages;
                left -= pages;
            }
        }
        if !pass.is_empty() {
            passes.push(pass);
        }
        passes
    }
}
