//! What the bucket holds below the prefix, as last listed.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::drill::{Probe, sometimes};
use crate::object::{Cursor, Entry, History, Key, VersionId};

/// Every key's history, as last seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Listing {
    keys: BTreeMap<Key, History>,
}

/// A listing in progress, over all keys or over a range of them. It takes effect when it is complete, so
/// that a listing which breaks off leaves nothing half-seen behind.
#[derive(Debug, Default)]
pub(super) struct Look {
    /// The last key before the range; none: from the first key on.
    after: Option<Key>,
    /// The range's last key; none: to the last key.
    until: Option<Key>,
    /// Ascending: a listing's order.
    fresh: Vec<(Key, History)>,
    pub(super) entries: u64,
    pub(super) pages: u64,
}

static EMPTY: History = History::new();

impl Listing {
    /// A key's history; empty for a key that was not listed.
    pub(super) fn get(&self, key: &Key) -> &History {
        self.keys.get(key).unwrap_or(&EMPTY)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// All keys that begin with `prefix`, in order.
    pub(super) fn below(&self, prefix: &str) -> impl Iterator<Item = (&Key, &History)> {
        self.keys
            .range(Key::from(prefix)..)
            .take_while(move |(key, _)| key.as_str().starts_with(prefix))
    }

    /// A version turned out to be gone since it was listed.
    pub(super) fn forget(&mut self, key: &Key, version: &VersionId) {
        if let Some(history) = self.keys.get_mut(key) {
            history.forget(version);
        }
    }

    /// Prepares to list the keys from `first` to `last` again, and nothing else: behind the key that
    /// stands before the first.
    pub(super) fn look_again(&self, first: &Key, last: &Key) -> Look {
        let before = self.keys.range(..first).next_back();
        Look {
            after: before.map(|(key, _)| key.clone()),
            until: Some(last.clone()),
            ..Look::default()
        }
    }

    /// Takes over what a complete look has seen.
    pub(super) fn apply(&mut self, look: Look) {
        if look.after.is_none() && look.until.is_none() {
            self.keys = look.fresh.into_iter().collect();
            return;
        }
        let in_range = |key: &Key| {
            look.after.as_ref().is_none_or(|after| key > after)
                && look.until.as_ref().is_none_or(|until| key <= until)
        };
        self.keys.retain(|key, _| !in_range(key));
        self.keys
            .extend(look.fresh.into_iter().filter(|(key, _)| in_range(key)));
    }
}

impl Look {
    /// Where the first page starts.
    pub(super) fn start(&self) -> Option<Cursor> {
        self.after.clone().map(|key| Cursor { key, version: None })
    }

    /// Takes a page; answers where to go on, or none when the range is complete.
    pub(super) fn take(
        &mut self,
        entries: Vec<(Key, Entry)>,
        next: Option<Cursor>,
    ) -> Option<Cursor> {
        self.pages += 1;
        self.entries += entries.len() as u64;
        let last = self.fresh.last().map(|(last, _)| last);
        let first = entries.first().map(|(first, _)| first);
        sometimes(Probe::PageEndsWithinKey, last.is_some() && last == first);
        self.fresh.reserve(entries.len());
        for (key, entry) in entries {
            self.history(key).push_older(entry);
        }
        // The range's last key may go on behind this page, so only a key beyond it ends the look.
        let beyond = |cursor: &Cursor| self.until.as_ref().is_some_and(|until| cursor.key > *until);
        sometimes(Probe::RangeEndsEarly, next.as_ref().is_some_and(beyond));
        next.filter(|cursor| !beyond(cursor))
    }

    /// Where the key's entries go. They come one after the other, behind those of all smaller keys; a store that
    /// does not keep to that order costs time, and nothing else.
    fn history(&mut self, key: Key) -> &mut History {
        let order = self.fresh.last().map(|(last, _)| last.cmp(&key));
        let at = match order {
            Some(Ordering::Equal) => self.fresh.len() - 1,
            Some(Ordering::Greater) => {
                let found = self.fresh.binary_search_by(|(other, _)| other.cmp(&key));
                found.unwrap_or_else(|at| {
                    self.fresh.insert(at, (key, History::new()));
                    at
                })
            }
            Some(Ordering::Less) | None => {
                self.fresh.push((key, History::new()));
                self.fresh.len() - 1
            }
        };
        &mut self.fresh[at].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Marker, WallTime};

    /// A look at these keys, each with one marker of this id.
    fn seen(look: &mut Look, keys: &[&str], id: &str) {
        let entries = keys.iter().map(|key| {
            let marker = Marker {
                id: id.into(),
                last_modified: WallTime(0),
            };
            (Key::from(*key), Entry::Marker(marker))
        });
        look.take(entries.collect(), None);
    }

    fn ids(listing: &Listing) -> String {
        let keys = listing.keys.iter();
        keys.map(|(key, history)| {
            let ids = history.entries().iter().map(|entry| entry.id().to_string());
            format!("{key}:{} ", ids.collect::<Vec<_>>().join("+"))
        })
        .collect()
    }

    #[test]
    fn a_look_at_some_keys_again_changes_these_alone() {
        let mut listing = Listing::default();
        let mut all = Look::default();
        seen(&mut all, &["a", "b", "c", "d"], "1");
        listing.apply(all);
        for (range, seen_now, expected) in [
            (["a", "a"], "a", "a:2 b:1 c:1 d:1 "),
            (["b", "c"], "c", "a:2 c:2 d:1 "),
            (["d", "d"], "d", "a:2 c:2 d:2 "),
        ] {
            let [first, last] = range.map(Key::from);
            let mut look = listing.look_again(&first, &last);
            // What lies behind the range was on the same page.
            seen(&mut look, &[seen_now, "z"], "2");
            listing.apply(look);
            assert_eq!(ids(&listing), expected);
        }
    }

    #[test]
    fn a_listing_out_of_order_loses_nothing() {
        let mut look = Look::default();
        for (keys, id) in [(&["b", "d"][..], "1"), (&["a", "c", "d", "b"], "2")] {
            seen(&mut look, keys, id);
        }
        let mut listing = Listing::default();
        listing.apply(look);
        assert_eq!(ids(&listing), "a:2 b:1+2 c:2 d:1+2 ");
    }
}
