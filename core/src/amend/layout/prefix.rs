//! A plain prefix: no structure, every key stands for itself.
//!
//! Without a moment, what was deleted comes back as it last was. With one, each key's newest entry at that
//! moment decides, ties by the order of the listing: data is to be current again; a marker, or nothing,
//! means that the key was not there, and such a key is left alone.

use crate::amend::decide::Wanted;
use crate::amend::listing::Listing;
use crate::amend::options::{Options, Target};
use crate::amend::report::{Class, Verified};
use crate::fuse::NotRead;
use crate::object::{History, Key, Version};

use super::{Closure, Found, Lookup, Reference, Refusal, TableLayout};

#[derive(Debug)]
pub(super) struct PrefixLayout {
    prefix: Key,
    target: Target,
}

impl PrefixLayout {
    pub(super) fn new(options: &Options) -> Self {
        Self {
            prefix: options.prefix.clone(),
            target: options.target.clone(),
        }
    }

    fn wanted<'a>(&self, history: &'a History) -> Option<&'a Version> {
        match self.target {
            Target::AsOf(moment) => history
                .entries()
                .iter()
                .find(|entry| entry.last_modified() <= moment)
                .and_then(|entry| entry.version()),
            _ => history.versions().next(),
        }
    }
}

impl TableLayout for PrefixLayout {
    fn start(&mut self, listing: &Listing, _ask: &mut Vec<Lookup>) -> Result<(), Refusal> {
        if let Target::Snapshot(_) = self.target {
            return Err(
                "a plain prefix has no snapshots: leave --snapshot out, or use --as-of".into(),
            );
        }
        if listing.is_empty() {
            return Err(format!("no object was ever stored under {}", self.prefix));
        }
        Ok(())
    }

    fn judge(&mut self, _lookup: &Lookup, _body: &[u8]) -> Result<(), NotRead> {
        Ok(())
    }

    fn settle(
        &mut self,
        _lookup: &Lookup,
        _found: Found,
        _listing: &Listing,
        _ask: &mut Vec<Lookup>,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    fn closure(&mut self, listing: &Listing) -> Closure {
        let below = listing.below(self.prefix.as_str());
        let references = below.filter_map(|(key, history)| {
            self.wanted(history).map(|version| Reference {
                key: key.clone(),
                class: Class::Object,
                wanted: Wanted::Version(version.clone()),
                verified: Verified::Unverified,
                body: None,
            })
        });
        Closure {
            references: references.collect(),
            ..Closure::default()
        }
    }

    fn is_commit(&self, _body: &[u8]) -> bool {
        false
    }
}
