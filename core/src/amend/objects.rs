//! The referenced objects, with what is decided and known of each.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::drill::planted;
use crate::object::{History, Key, Versioning};

use super::decide::{Evidence, Name, Rules, Verdict, Wanted, decide, name};
use super::layout::Reference;
use super::listing::Listing;
use super::report::{Class, Decision, Verified};

/// One referenced object.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) class: Class,
    pub(super) wanted: Wanted,
    pub(super) verified: Verified,
    pub(super) body: Option<Bytes>,
    pub(super) evidence: Evidence,
    pub(super) decision: Decision,
    pub(super) reason: Option<String>,
    /// The decision is in force.
    pub(super) done: bool,
    pub(super) attempts: u32,
    pub(super) markers_denied: bool,
    /// Of a key that is written more than once: the versions that the plan has seen.
    pub(super) seen: Vec<Name>,
}

/// All referenced objects, in key order.
#[derive(Debug, Clone, Default)]
pub(super) struct Objects {
    pub(super) by_key: BTreeMap<Key, Object>,
    /// Keys that are still to be decided.
    pub(super) open: BTreeSet<Key>,
    /// Whether a version of the hint that came since the plan is a commit.
    pub(super) newer: BTreeMap<Name, bool>,
}

impl Objects {
    /// Takes the closure over; everything is open.
    pub(super) fn refer(&mut self, references: &mut Vec<Reference>) {
        for reference in references.drain(..) {
            self.open.insert(reference.key.clone());
            let object = Object {
                class: reference.class,
                wanted: reference.wanted,
                verified: reference.verified,
                body: reference.body,
                evidence: Evidence::default(),
                decision: Decision::Unknown,
                reason: None,
                done: false,
                attempts: 0,
                markers_denied: false,
                seen: Vec::new(),
            };
            self.by_key.insert(reference.key, object);
        }
    }

    /// Remembers, of the keys that are written more than once, which versions the plan has seen.
    pub(super) fn remember_seen(&mut self, listing: &Listing) {
        for (key, object) in &mut self.by_key {
            if matches!(object.class, Class::Hint | Class::Object) {
                object.seen = listing.get(key).versions().map(name).collect();
            }
        }
    }

    pub(super) fn any_to_write(&self) -> bool {
        self.by_key.values().any(Object::is_to_write)
            || ((planted("AM-12") || planted("AM-24")) && !self.by_key.is_empty())
    }

    /// Something that the rows need is lost or unknown.
    pub(super) fn required_missing(&self) -> bool {
        self.by_key.values().any(|object| {
            let missing = matches!(object.decision, Decision::Lost | Decision::Unknown);
            let overlooked = planted("AM-10") && object.class == Class::Block;
            missing && object.class.is_required() && !overlooked
        })
    }
}

impl Object {
    /// What is to be done about it, its key having this history.
    pub(super) fn verdict(&self, history: &History, versioning: Option<Versioning>) -> Verdict {
        let rules = Rules {
            versioning: versioning.unwrap_or(Versioning::Suspended),
            markers_denied: self.markers_denied,
        };
        decide(history, &self.wanted, &self.evidence, rules)
    }

    /// Its decision is a write that is not yet in force.
    pub(super) fn is_to_write(&self) -> bool {
        let write = matches!(
            self.decision,
            Decision::RemoveMarkers { .. } | Decision::CopyVersion { .. }
        );
        write && !self.done
    }

    /// This is what is to be done about it; what is intact is done.
    pub(super) fn conclude(&mut self, decision: Decision, reason: Option<String>) {
        self.done = decision == Decision::Intact;
        self.decision = decision;
        self.reason = reason;
    }
}
