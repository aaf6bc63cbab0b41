//! What is judged when all is over: what landed of a crashed host's requests after its life, by what that life
//! might do; and the whole bucket.

use std::collections::BTreeSet;

use firedrill_core::object::{Entry, Key};
use firedrill_sim::world::HostId;

use crate::atlas::Atlas;
use crate::checkers::{self, Circumstances, Run};
use crate::judge::Judge;
use crate::oracle::listing::{self, Page};
use crate::property::{Property, Violation};

/// A life that a crash ended, for what it had in flight.
pub(super) struct Crashed {
    pub(super) host: HostId,
    /// What it might write to.
    pub(super) referenced: BTreeSet<Key>,
    pub(super) circumstances: Circumstances,
}

/// What crashed hosts' last requests did, each by what its own life might do.
pub(super) fn judge_late(judge: &Judge, crashed: Vec<Crashed>) -> Vec<Violation> {
    let of_each = crashed.into_iter().flat_map(|life| {
        let writes = judge.late.iter().filter(|write| write.host == life.host);
        let writes: Vec<_> = writes.cloned().collect();
        let atlas = Atlas {
            referenced: life.referenced,
            ..Atlas::empty()
        };
        checkers::check_late(&Run {
            truth: &judge.scene.truth,
            log: &judge.scene.log,
            atlas: &atlas,
            report: None,
            writes: &writes,
            touched: &judge.touched,
            shared: &judge.shared,
            denied: &BTreeSet::new(),
            circumstances: life.circumstances,
        })
    });
    of_each.collect()
}

/// The whole bucket against the whole log, once at the end.
pub(super) fn judge_bucket(judge: &Judge, entries: &[(Key, Entry)]) -> Option<Violation> {
    let page = Page {
        prefix: "",
        after: None,
        entries,
        next: None,
    };
    let wrong = listing::judge(&judge.scene.log, page, || entries.to_vec()).err()?;
    Some(Violation {
        property: Property::of_mock(wrong.property),
        key: Some(wrong.key),
        sentence: wrong.sentence,
    })
}
