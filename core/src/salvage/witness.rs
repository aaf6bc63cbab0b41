//! Witnesses: what surviving tree leaves say must have been there.
//!
//! Nothing is found through a tree. But a leaf whose checksum is true names places:
//!
//! ```text
//!  key leaf    "orders/1-a" → page 812, offset 64      names a record by its primary key
//!  etag leaf   4711         → page 812, offset 64      names it by its etag
//!
//!  a place in a page that is not whole                → that record is lost, and this was its key or etag
//!  a key between a leaf's first and last, not in it   → that record is not live
//! ```
//!
//! A leaf does not say which table it belongs to: the records at the places that it names do. And it may be
//! of yesterday, for a freed page keeps its checksum: where two leaves contradict each other, the one that
//! names the newer record is believed.
//!
//! Invariant: a leaf that is not whole says nothing; the absence of leaves is no evidence.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::{Kind, Record};

/// A whole leaf page that may be of a tree over a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaf {
    /// Keys, ascending, each with a storage id.
    Keys(Vec<(Box<[u8]>, u64)>),
    /// Etags, ascending, each with a storage id.
    Etags(Vec<(u64, u64)>),
}

/// What is said of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Testimony {
    /// A leaf names it, at its place.
    Named,
    /// The leaf that covers its key, or its etag, leaves it out.
    LeftOut,
    /// No leaf covers it.
    None,
}

/// All leaves, by what they are of.
#[derive(Debug, Default)]
pub(super) struct Witnesses {
    by_key: BTreeMap<Kind, Spans<Box<[u8]>>>,
    /// Of all collections together, and by the owner of each.
    by_etag: BTreeMap<(Kind, Option<u64>), Spans<u64>>,
}

/// Leaves of one tree, by their first entry.
#[derive(Debug)]
struct Spans<K> {
    spans: Vec<Span<K>>,
    /// The greatest last entry of all spans up to this one: how far back one has to look.
    reach: Vec<K>,
}

#[derive(Debug)]
struct Span<K> {
    entries: Vec<(K, u64)>,
    /// The newest etag of the records that it names and that are there: how old the leaf is at least.
    newest: u64,
}

impl Witnesses {
    /// Sorts leaves out by the records at the places that they name.
    pub(super) fn new(leaves: Vec<Leaf>, records: &[&Record]) -> Self {
        let mut places: BTreeMap<u64, &Record> = BTreeMap::new();
        for record in records {
            // Two states of a page may count.
            let place = places.get(&record.storage);
            if record.image == super::record::Image::Current
                && place.is_none_or(|place| place.etag < record.etag)
            {
                places.insert(record.storage, record);
            }
        }
        let mut by_key: BTreeMap<Kind, Vec<Span<Box<[u8]>>>> = BTreeMap::new();
        let mut by_etag: BTreeMap<(Kind, Option<u64>), Vec<Span<u64>>> = BTreeMap::new();
        for leaf in leaves {
            match leaf {
                Leaf::Keys(entries) => {
                    let hits = entries.iter().filter_map(|(key, storage)| {
                        places.get(storage).filter(|record| record.key == *key)
                    });
                    let hits: Vec<&Record> = hits.copied().collect();
                    if let Some(kind) = only(hits.iter().map(|record| record.kind)) {
                        let newest = newest(&hits);
                        by_key
                            .entry(kind)
                            .or_default()
                            .push(Span { entries, newest });
                    }
                }
                Leaf::Etags(entries) => {
                    let hits = entries.iter().filter_map(|(etag, storage)| {
                        places.get(storage).filter(|record| record.etag == *etag)
                    });
                    let hits: Vec<&Record> = hits.copied().collect();
                    if let Some(kind) = only(hits.iter().map(|record| record.kind)) {
                        let owner = only(hits.iter().map(|record| record.owner));
                        let newest = newest(&hits);
                        let spans = by_etag.entry((kind, owner)).or_default();
                        spans.push(Span { entries, newest });
                    }
                }
            }
        }
        let by_key = by_key.into_iter();
        let by_etag = by_etag.into_iter();
        Self {
            by_key: by_key
                .map(|(kind, spans)| (kind, Spans::new(spans)))
                .collect(),
            by_etag: by_etag
                .map(|(tree, spans)| (tree, Spans::new(spans)))
                .collect(),
        }
    }

    /// What they say of a record in a current page.
    pub(super) fn on(&self, record: &Record) -> Testimony {
        let mut heard = Heard::default();
        if let Some(spans) = self.by_key.get(&record.kind) {
            heard.listen(spans, &record.key, record.storage);
        }
        for owner in [Some(record.owner), None] {
            if let Some(spans) = self.by_etag.get(&(record.kind, owner)) {
                heard.listen(spans, &record.etag, record.storage);
            }
        }
        match (heard.named, heard.left_out) {
            (None, None) => Testimony::None,
            (Some(named), left_out) if left_out.is_none_or(|left_out| left_out <= named) => {
                Testimony::Named
            }
            _ => Testimony::LeftOut,
        }
    }

    /// Every key that is named, with its place.
    pub(super) fn named_keys(&self) -> impl Iterator<Item = (Kind, &[u8], u64)> {
        self.by_key.iter().flat_map(|(kind, spans)| {
            let entries = spans.spans.iter().flat_map(|span| &span.entries);
            entries.map(move |(key, storage)| (*kind, &**key, *storage))
        })
    }

    /// Every etag that is named, with its place.
    pub(super) fn named_etags(&self) -> impl Iterator<Item = (Kind, u64, u64)> {
        self.by_etag.iter().flat_map(|((kind, _), spans)| {
            let entries = spans.spans.iter().flat_map(|span| &span.entries);
            entries.map(move |(etag, storage)| (*kind, *etag, *storage))
        })
    }
}

/// What was heard of one record: how new the newest leaf is that names it, and that leaves it out.
#[derive(Default)]
struct Heard {
    named: Option<u64>,
    left_out: Option<u64>,
}

impl Heard {
    fn listen<K: Ord + Clone>(&mut self, spans: &Spans<K>, key: &K, storage: u64) {
        for span in spans.covering(key) {
            let place = span.entries.binary_search_by(|(own, _)| own.cmp(key));
            let named = place.is_ok_and(|place| span.entries[place].1 == storage);
            let heard = if named {
                &mut self.named
            } else {
                &mut self.left_out
            };
            *heard = (*heard).max(Some(span.newest));
        }
    }
}

impl<K: Ord + Clone> Spans<K> {
    fn new(mut spans: Vec<Span<K>>) -> Self {
        spans.retain(|span| !span.entries.is_empty());
        spans.sort_by(|left, right| left.entries[0].0.cmp(&right.entries[0].0));
        let mut reach: Vec<K> = Vec::with_capacity(spans.len());
        for span in &spans {
            let last = &span.entries[span.entries.len() - 1].0;
            let far = reach.last().filter(|far| *far > last).unwrap_or(last);
            reach.push(far.clone());
        }
        Self { spans, reach }
    }

    /// The leaves whose first entry is not above, and whose last is not below.
    fn covering(&self, key: &K) -> impl Iterator<Item = &Span<K>> {
        let begun = self.spans.partition_point(|span| span.entries[0].0 <= *key);
        let far = (0..begun).rev().take_while(|nth| self.reach[*nth] >= *key);
        let spans = far.map(|nth| &self.spans[nth]);
        spans.filter(|span| span.entries[span.entries.len() - 1].0 >= *key)
    }
}

/// What all of them are, if they are all the same, and there are any.
fn only<T: PartialEq>(mut all: impl Iterator<Item = T>) -> Option<T> {
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

fn newest(records: &[&Record]) -> u64 {
    let etags = records.iter().map(|record| record.etag);
    etags.max().unwrap_or_default()
}
