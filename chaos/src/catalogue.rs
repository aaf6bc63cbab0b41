//! The planted bugs: what the drill must find, and how it is told that it has.
//!
//! ```text
//!   id ── one line in core or in the mock, `if planted("AM-05") {…}`
//!    ├─ caught by: the property of which a violation counts as finding it
//!    └─ needs:     the classes of operations and faults without which it cannot show
//! ```
//!
//! Invariants:
//! - A planted bug exists only if it is here; the tests compare this table with the sources.
//! - Each property and each class of the swarm's profile is what some bug alone shows itself by: that is
//!   what the detection matrix proves. The rows behind AM-22 and MK-03 were planted for that.

use crate::property::Property;
use crate::property::Property::{
    A1, A2, A3, A4, A5, A6, A7, A8, A9, Deterministic, Finishes, M1, M2, M3, NoPanic,
};

/// Where a bug comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Reported in the wild, and read in its thread.
    Reported,
    /// A guard that is visible in somebody's source, planted by taking it away.
    Guarded,
    /// The vendor's own recovery tool does it, as its source or a run of it shows.
    Vendor,
    /// Thought of.
    Designed,
}

impl Origin {
    /// As tables have it.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Reported => "R",
            Self::Guarded => "C",
            Self::Vendor => "V",
            Self::Designed => "D",
        }
    }
}

/// A planted bug.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its id: `AM` in core's amend, `MK` in the mock.
    pub id: &'static str,
    /// What goes wrong, in one sentence.
    pub what: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// The properties of which one must catch it.
    pub caught_by: &'static [Property],
    /// What a case must have for it to show; empty: nothing in particular.
    pub needs: &'static [&'static str],
}

/// A planted bug's id, and the properties of which one must catch it.
pub type PlantedBug = (&'static str, &'static [Property]);

/// Within so many cases each planted bug must be caught.
pub const PLANTED_CASES_MAX: u64 = 100_000;

/// The planted bugs by their ids, for whoever needs no more.
pub const PLANTED: [PlantedBug; BUGS.len()] = {
    let mut planted: [PlantedBug; BUGS.len()] = [("", &[]); BUGS.len()];
    let mut nth = 0;
    while nth < BUGS.len() {
        planted[nth] = (BUGS[nth].id, BUGS[nth].caught_by);
        nth += 1;
    }
    planted
};

/// The planted bug with this id.
pub fn entry(id: &str) -> Option<&'static Entry> {
    BUGS.iter().find(|entry| entry.id == id)
}

const fn bug(
    id: &'static str,
    what: &'static str,
    origin: Origin,
    caught_by: &'static [Property],
    needs: &'static [&'static str],
) -> Entry {
    Entry {
        id,
        what,
        origin,
        caught_by,
        needs,
    }
}

use Origin::{Designed, Guarded, Reported};

/// All of them, in the order of their ids.
#[rustfmt::skip]
pub const BUGS: &[Entry] = &[
    bug("AM-01", "the newest version is chosen by LastModified", Guarded, &[A2], &[]),
    bug("AM-02", "a read error other than NotFound is swallowed", Guarded, &[A4], &[]),
    bug("AM-03", "what begins like the key is taken for the key", Guarded, &[A2, A3], &["op.siblings"]),
    bug("AM-04", "only the first page of versions is read", Designed, &[A1], &["s3.page-boundary"]),
    bug("AM-05", "one marker is removed of a stack", Guarded, &[A1], &[]),
    bug("AM-06", "the newest data version is deleted instead of the marker", Reported, &[A3], &[]),
    bug("AM-07", "the newest version is taken, whatever it holds", Reported, &[A2], &[]),
    bug("AM-08", "the hint is published first and the blocks last", Guarded, &[A8], &[]),
    bug("AM-09", "after a lost answer, what is on top is deleted blindly", Guarded, &[A3], &[]),
    bug("AM-10", "complete, although a block is lost", Designed, &[A4], &[]),
    bug("AM-11", "a null version destroyed under suspension counts as there", Designed, &[A4], &["op.suspend-versioning"]),
    bug("AM-12", "keys that the table does not reference are brought back too", Designed, &[A3], &[]),
    bug("AM-13", "a null version that survives under a marker is called lost", Designed, &[A1], &["op.pre-versioning"]),
    bug("AM-14", "the hint is put back over a commit made meanwhile", Designed, &[A9], &["op.commit-during-amend"]),
    bug("AM-15", "unequal ETags are taken for unequal bytes", Designed, &[A5], &["s3.foreign-etag"]),
    bug("AM-16", "after a restart the plan of before is carried on", Designed, &[A6], &[]),
    bug("AM-17", "what somebody copied back by hand is copied once more", Designed, &[A7], &[]),
    bug("AM-18", "a body cut short is taken for the whole", Designed, &[A2], &["s3.reset-body"]),
    bug("AM-19", "a request that outlived its patience counts as \"not there\"", Designed, &[A1, A4], &["s3.slow"]),
    bug("AM-20", "a denied read counts as lost", Designed, &[A4], &["s3.denied"]),
    bug("AM-21", "where removing markers is denied it gives up, though a copy would do", Designed, &[A1], &[]),
    bug("AM-22", "an archived version counts as restorable", Designed, &[A4], &["s3.archived"]),
    bug("AM-23", "the hint is published as a line of text, not as the bytes that were read", Designed, &[A2], &[]),
    bug("AM-24", "a finished copy is not struck from the journal, and made again by the next run", Designed, &[A5], &[]),
    bug("AM-25", "a commit is published with its hint before its ancestors", Designed, &[A6], &["host.crash"]),
    bug("AM-26", "segments are published before their blocks", Designed, &[A8], &[]),
    bug("AM-27", "while it is at it, what has a single version is copied onto itself", Designed, &[A7], &[]),
    bug("AM-28", "what failed for the last time waits for a timer that nobody armed", Designed, &[Finishes], &["s3.storm"]),
    bug("AM-29", "the order of requests depends on what the thread did before", Designed, &[Deterministic], &[]),
    bug("AM-30", "a key of which only markers are left panics", Designed, &[NoPanic], &[]),
    bug("AM-31", "of many stacks of markers in one batch, only one marker of each goes", Designed, &[A1], &["op.delete-prefix", "op.delete-twice"]),
    bug("AM-32", "blocks deleted one after the other under an untouched snapshot pass for a vacuum's", Designed, &[A4], &["op.delete-some"]),
    bug("AM-33", "equal lengths are taken for equal bytes", Designed, &[A2], &["op.overwrite"]),
    bug("AM-34", "a key of which nothing is listed counts as intact", Designed, &[A4], &["op.purge-version"]),
    bug("AM-35", "a vacuum that took three snapshots or more is undone", Designed, &[A3], &["op.vacuum"]),
    bug("AM-36", "what a live writer deletes meanwhile is put back", Designed, &[A3], &["op.write-during-amend"]),
    bug("AM-37", "three refused removals in one answer pass for an outage", Designed, &[A1], &["s3.deny-version-delete"]),
    bug("AM-38", "the errors inside a successful DeleteObjects are not looked at", Designed, &[A1], &["s3.unavailable"]),
    bug("AM-39", "a write whose connection broke is repeated blindly, and its 412 taken for another's", Designed, &[A4], &["s3.ack-lost"]),
    bug("AM-40", "told to stop, it says complete", Designed, &[A4], &["host.interrupt"]),
    bug("AM-41", "of four commits of one second the first passes for the last", Designed, &[A4], &["s3.same-second"]),
    bug("AM-42", "what somebody restored by hand again and again is given up as a puzzle", Designed, &[A4], &["op.partial-manual-restore"]),
    bug("AM-43", "a table of which nothing is current passes for dropped, and is refused", Designed, &[A1], &[]),
    bug("MK-01", "markers of a second are listed before its versions", Guarded, &[M1], &[]),
    bug("MK-02", "behind a version marker the page begins one entry too late", Designed, &[M2], &[]),
    bug("MK-03", "a delete under suspension leaves the old null version beside the new marker", Designed, &[M3], &[]),
    bug("MK-04", "keys are listed in the order of their UTF-16 units", Designed, &[M1], &[]),
    bug("MK-05", "deleting a key that ends in a slash leaves no marker", Designed, &[M3], &[]),
    bug("MK-06", "behind a key beyond ASCII the page begins one entry too early", Designed, &[M2], &[]),
];
