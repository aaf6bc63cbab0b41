//! Checkers: one file per property, each a function of what a run was, what it did and what it said.
//!
//! None of them looks at the mock: what is current follows from the log. A6 compares whole runs, and is in
//! `undisturbed`.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::amend::{Class, Decision, ObjectReport, Report};
use firedrill_core::object::{Key, Versioning};

use crate::atlas::{Atlas, Expected, Must};
use crate::judge::Write;
use crate::oracle::log::{Held, Log};
use crate::property::Violation;
use crate::truth::Truth;

mod a1_complete;
mod a2_exact;
mod a3_collateral;
mod a4_honest;
mod a5_idempotent;
mod a7_intact;
mod a8_order;
mod a9_commit;
mod lies;
mod silent;

/// Fewer strikes than this cannot use up a machine's patience with one key: it tries a request eight times,
/// and writes a key six times, of which a denial may take one. So they are no excuse.
const ATTEMPTS: u64 = 5;

/// One life of one machine, as it is judged.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// What the writer wrote.
    pub truth: &'a Truth,
    /// What happened, up to the run's end.
    pub log: &'a Log,
    /// What had to become of it, drawn at its start.
    pub atlas: &'a Atlas,
    /// What it said; nothing if it crashed.
    pub report: Option<&'a Report>,
    /// What it changed.
    pub writes: &'a [Write],
    /// Keys that outsiders, or requests of an earlier life, changed meanwhile.
    pub touched: &'a BTreeSet<Key>,
    /// Keys that one of two machines at once changed.
    pub shared: &'a BTreeSet<Key>,
    /// Keys on which something is denied.
    pub denied: &'a BTreeSet<Key>,
    /// What else happened to it.
    pub circumstances: Circumstances,
}

/// What happened to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Circumstances {
    /// Requests that a fault struck, denials not counted.
    pub strikes: u64,
    /// Something that concerns the whole table is denied: the listing, or its root.
    pub denied_root: bool,
    /// Removing versions is denied by a fault.
    pub removal_denied: bool,
    /// It was told to stop.
    pub interrupted: bool,
    /// It was only to plan.
    pub dry_run: bool,
    /// Somebody committed meanwhile.
    pub committed: bool,
    /// A machine crashed before it.
    pub after_crash: bool,
    /// Nothing happened since a run that ended well.
    pub second: bool,
    /// The report names no objects.
    pub silent: bool,
    /// Only lies count.
    pub beyond: bool,
}

/// Judges what a crashed host's last requests changed after its run was judged: by then the bucket, and what
/// must become of it, were another run's. Damage is damage whenever it is done.
pub fn check_late(run: &Run<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    a3_collateral::check(run, &mut violations);
    violations
}

/// Judges a run.
pub fn check(run: &Run<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    if run.circumstances.silent {
        silent::check(run, &mut violations);
    } else {
        a1_complete::check(run, &mut violations);
    }
    a2_exact::check(run, &mut violations);
    a3_collateral::check(run, &mut violations);
    if !run.circumstances.silent {
        a4_honest::check(run, &mut violations);
    }
    a5_idempotent::check(run, &mut violations);
    a7_intact::check(run, &mut violations);
    a8_order::check(run, &mut violations);
    a9_commit::check(run, &mut violations);
    lies::check(run, &mut violations);
    violations
}

impl<'a> Run<'a> {
    /// Whether the run was to change the bucket and to go to its end.
    fn goes_to_its_end(&self) -> bool {
        !self.circumstances.dry_run && !self.is_interrupted()
    }

    fn is_interrupted(&self) -> bool {
        let state = self.report.map(|report| report.state);
        state == Some(firedrill_core::amend::State::Interrupted)
    }

    /// Whether what must come back can be told.
    fn is_open(&self) -> bool {
        self.atlas.free.is_some() || self.circumstances.beyond
    }

    /// Whether so much went wrong that a machine may have given up anywhere.
    fn may_give_up(&self) -> bool {
        self.circumstances.strikes >= ATTEMPTS || self.circumstances.denied_root
    }

    /// Whether `unknown` is an honest answer for a key that could come back.
    fn may_be_unknown(&self, key: &Key) -> bool {
        self.may_give_up()
            || self.denied.contains(key)
            // Where a segment may not be read, whether a vacuum took an ancestor away is open.
            || (self.atlas.ancestors.contains(key) && !self.denied.is_empty())
            || self.is_anothers(key)
            || self.cannot_copy(key)
    }

    /// Whether somebody else may have decided what is now at the key: what the report says of it may have
    /// been true at another moment.
    fn is_anothers(&self, key: &Key) -> bool {
        self.touched.contains(key) || self.shared.contains(key)
    }

    /// Where removing a marker is denied and a copy would replace a null version, nothing is left to do.
    fn cannot_copy(&self, key: &Key) -> bool {
        let null_data = |held: &Held| held.id.is_null() && held.body.is_some();
        self.circumstances.removal_denied
            && self.log.versioning() == Versioning::Suspended
            && self.log.history(key).iter().any(null_data)
    }

    /// The report's line on a key.
    fn said(&self, key: &Key) -> Option<&'a ObjectReport> {
        self.report?
            .objects
            .iter()
            .find(|object| object.key == *key)
    }

    /// What the report must name, and what else it may: everything that can be reached from the chosen
    /// commit without passing through an object that is lost. What hangs below an unknown one may have
    /// been seen, for it may be readable and only not restorable.
    fn in_sight(&self) -> BTreeMap<&'a Key, Sight<'a>> {
        let objects = self.atlas.objects.iter();
        // The keys ascend, and from an ascending list a whole map is made at once.
        let mut sights: BTreeMap<&Key, Sight<'_>> = objects
            .map(|(key, expected)| (key, Sight::of(expected)))
            .collect();
        for (key, _, object) in self.answers() {
            if let Some(sight) = sights.get_mut(key) {
                sight.said = Some(&object.decision);
            }
        }
        let mut next: Vec<(&Key, bool)> = self.atlas.roots.iter().map(|key| (key, true)).collect();
        while let Some((key, sure)) = next.pop() {
            let Some(sight) = sights.get_mut(key) else {
                continue;
            };
            let expected = sight.expected;
            let sure_here = sure && !expected.must.is_free();
            let is_new = !sight.may || (sure_here && !sight.must);
            sight.may = true;
            sight.must |= sure_here;
            if !is_new || expected.class == Class::Hint {
                continue;
            }
            let below = expected.children.iter().chain(self.atlas.previous.get(key));
            match sight.said {
                Some(Decision::Lost) if !self.is_anothers(key) => {}
                None | Some(Decision::Lost | Decision::Unknown) => {
                    next.extend(below.map(|key| (key, false)));
                }
                Some(_) => next.extend(below.map(|key| (key, sure))),
            }
        }
        for sight in sights.values_mut() {
            sight.may |= sight.expected.must.is_free();
        }
        sights
    }

    /// The expected objects with what was said of each.
    fn answers(&self) -> impl Iterator<Item = (&'a Key, &'a Expected, &'a ObjectReport)> {
        let objects = self.report.map(|report| report.objects.as_slice());
        let atlas = self.atlas;
        // Both ascend as a rule: then the next expected key is the one that is asked for.
        let mut ahead = atlas.objects.range::<Key, _>(..);
        objects
            .unwrap_or_default()
            .iter()
            .filter_map(move |object| match ahead.next() {
                Some((key, expected)) if *key == object.key => Some((key, expected, object)),
                _ => {
                    let (key, expected) = atlas.objects.get_key_value(&object.key)?;
                    ahead = atlas.objects.range::<Key, _>(key..);
                    ahead.next();
                    Some((key, expected, object))
                }
            })
    }

    /// Whether the log's current bytes of a key are the right ones.
    fn is_right(&self, key: &Key, expected: &Expected) -> bool {
        self.log.is_current(key, &expected.right)
    }
}

/// How one expected object is seen from the chosen commit.
#[derive(Debug)]
struct Sight<'a> {
    expected: &'a Expected,
    /// What the report says of it, if it names it.
    said: Option<&'a Decision>,
    /// The report must name it.
    must: bool,
    /// The report may name it.
    may: bool,
}

impl<'a> Sight<'a> {
    fn of(expected: &'a Expected) -> Self {
        Self {
            expected,
            said: None,
            must: false,
            may: false,
        }
    }
}

/// Whether a decision says that the object is, or will be, there.
fn claims(decision: &Decision) -> bool {
    !matches!(decision, Decision::Lost | Decision::Unknown)
}

/// Whether a key can come back.
fn is_due(must: Must) -> bool {
    matches!(must, Must::Stay | Must::Recover)
}
