//! What the bucket holds below the prefix, as last listed.

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
    fresh: BTreeMap<Key, History>,
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
        let goes_on = |(key, _): &(Key, Entry)| self.fresh.contains_key(key);
        sometimes(
            Probe::PageEndsWithinKey,
            entries.first().is_some_and(goes_on),
        );
        for (key, entry) in entries {
            // A key's entries come one after the other.
            let history = match self.fresh.last_entry() {
                Some(last) if *last.key() == key => last.into_mut(),
                _ => self.fresh.entry(key).or_default(),
            };
            history.push_older(entry);
        }
        // The range's last key may go on behind this page, so only a key beyond it ends the look.
        let beyond = |cursor: &Cursor| self.until.as_ref().is_some_and(|until| cursor.key > *until);
        sometimes(Probe::RangeEndsEarly, next.as_ref().is_some_and(beyond));
        next.filter(|cursor| !beyond(cursor))
    }
}
