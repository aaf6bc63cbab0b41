//! How the objects under a prefix belong together: the part of amend that knows a table format.
//!
//! A layout asks for metadata ([`Lookup`]) and judges what is read, until it can name everything that the
//! table references. It sees the listing and bytes; it sends nothing and decides about no key. A new table
//! format is a new implementation of [`TableLayout`], and the machine stays as it is.

mod commit;
mod fuse;
mod prefix;
mod segment;

use std::fmt::Debug;

use bytes::Bytes;

use crate::fuse::NotRead;
use crate::object::{History, Key, Version, VersionId};

use super::decide::Wanted;
use super::listing::Listing;
use super::options::{Layout, Options};
use super::report::{BelowLost, Class, Commit, Verified};

/// Metadata to be read: the versions of one key, tried in this order until one is accepted.
#[derive(Debug, Clone)]
pub(super) struct Lookup {
    pub(super) key: Key,
    pub(super) class: Class,
    pub(super) purpose: Purpose,
    pub(super) versions: Vec<VersionId>,
}

/// Why a layout wants to read something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To choose the commit.
    Choose,
    /// It is referenced by the chosen commit, or by one of its ancestors.
    Reference,
    /// To tell of other commits that could be chosen.
    Advise,
}

/// How a lookup ended.
#[derive(Debug, Clone)]
pub(super) enum Found {
    /// This version was accepted.
    Version(Version, Bytes),
    /// No version was accepted.
    Nothing(String),
    /// A version could not be read, or is in a form that is not understood.
    Unclear(String),
}

/// A key that the table references.
#[derive(Debug, Clone)]
pub(super) struct Reference {
    pub(super) key: Key,
    pub(super) class: Class,
    pub(super) wanted: Wanted,
    pub(super) verified: Verified,
    /// The bytes to publish where a copy will not do (the hint).
    pub(super) body: Option<Bytes>,
}

/// Everything that is to be current.
#[derive(Debug, Clone, Default)]
pub(super) struct Closure {
    pub(super) commit: Option<Commit>,
    pub(super) references: Vec<Reference>,
    pub(super) below_lost: Vec<BelowLost>,
    pub(super) notes: Vec<String>,
}

/// Why an amend cannot begin, with what to do next: whole sentences.
pub(super) type Refusal = String;

/// A table format.
pub(super) trait TableLayout: Debug {
    /// Begins, with the complete listing.
    fn start(&mut self, listing: &Listing, ask: &mut Vec<Lookup>) -> Result<(), Refusal>;

    /// Whether these bytes are what the lookup wants.
    fn judge(&mut self, lookup: &Lookup, body: &[u8]) -> Result<(), NotRead>;

    /// A lookup ended; it may lead to more.
    fn settle(
        &mut self,
        lookup: &Lookup,
        found: Found,
        listing: &Listing,
        ask: &mut Vec<Lookup>,
    ) -> Result<(), Refusal>;

    /// Nothing is left to look up: what is referenced.
    fn closure(&mut self, listing: &Listing) -> Closure;

    /// Whether these bytes, on the key that names the current commit, are a commit.
    fn is_commit(&self, body: &[u8]) -> bool;
}

/// The layout that the caller named.
pub(super) fn of(options: &Options) -> Box<dyn TableLayout> {
    match options.layout {
        Layout::Fuse => Box::new(fuse::FuseLayout::new(options)),
        Layout::Prefix => Box::new(prefix::PrefixLayout::new(options)),
    }
}

/// All data versions of a key, oldest first: the order in which a write-once object is looked for.
fn oldest_first(history: &History) -> Vec<VersionId> {
    history
        .versions()
        .rev()
        .map(|version| version.id.clone())
        .collect()
}
