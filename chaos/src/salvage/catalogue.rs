//! The planted bugs of salvage: what the drill must find, and by which property.
//!
//! SA-16, SA-20 and SA-22 to SA-26 are what the vendor's own recovery tool does: whoever salvages must not.
//!
//! Invariant: a planted bug exists only if it is here; a test compares this table with core's sources.

use crate::catalogue::Origin;
use crate::catalogue::Origin::{Designed, Guarded, Reported, Vendor};

use super::property::Property;
use super::property::Property::{S1, S2, S3, S4, S5, S6, S7, S8, S9, S10};

/// A planted bug.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its id.
    pub id: &'static str,
    /// What goes wrong, in one sentence.
    pub what: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// The properties of which one must catch it.
    pub caught_by: &'static [Property],
    /// What a case must have for it to show.
    pub needs: &'static [&'static str],
}

/// Within so many cases each planted bug must be caught.
pub const CASES_MAX: u64 = 100_000;

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

/// All of them, in the order of their ids.
#[rustfmt::skip]
pub const BUGS: &[Entry] = &[
    bug("SA-01", "a run is read as far as its head says, however far that is", Designed, &[S4], &["disk.scramble-page"]),
    bug("SA-02", "behind a broken head it goes on where the head says the run ends", Designed, &[S2, S5], &["disk.bit-rot"]),
    bug("SA-03", "the end of a large value, which no checksum covers, passes for verified", Designed, &[S1], &["disk.bit-flip"]),
    bug("SA-04", "what only a freed page or an old image has passes for live", Reported, &[S1, S7], &["op.delete"]),
    bug("SA-05", "the first copy of a record counts, not the newest", Designed, &[S7], &["op.put"]),
    bug("SA-06", "a record that a leaf leaves out is live", Designed, &[S7], &["op.delete"]),
    bug("SA-07", "a part of a page at the file's end is in no account", Designed, &[S3, S4], &["disk.truncated"]),
    bug("SA-08", "a page that cannot be read ends the file", Designed, &[S2, S5], &["disk.unreadable"]),
    bug("SA-09", "a page counts for the place where it lies, whatever its number says", Guarded, &[S1, S2], &["disk.misplaced"]),
    bug("SA-10", "the length of a content is kept in 16 bits", Designed, &[S1, S2], &["op.attach"]),
    bug("SA-11", "a chain of chunks that comes back to itself is followed for ever", Reported, &[S4], &["disk.cycle"]),
    bug("SA-12", "what nobody explained is left out of the account", Designed, &[S3], &["disk.scramble-page"]),
    bug("SA-13", "streams inside of leaves are not read", Reported, &[S2], &["7.2"]),
    bug("SA-14", "the hashed key of a revision passes for its change vector", Reported, &[S1], &["7.2"]),
    bug("SA-15", "of several bits that are wrong, one is flipped, and the page believed", Designed, &[S1, S9], &["disk.bit-rot"]),
    bug("SA-16", "the last whole copy of a lost document is live", Vendor, &[S7], &["disk.zero-range"]),
    bug("SA-17", "a transaction is redone although the one before it is missing", Designed, &[S1], &["journal.zero-range"]),
    bug("SA-18", "what no leaf names is dropped", Designed, &[S2, S5, S7], &["disk.scramble-page"]),
    bug("SA-19", "findings are taken in the order in which tasks end", Designed, &[S6], &["two tasks at once"]),
    bug("SA-20", "the data file is made longer", Vendor, &[S8], &["disk.truncated"]),
    bug("SA-21", "what was kept before a crash is told twice", Designed, &[S10], &["crash"]),
    bug("SA-22", "an entry that cannot be read ends its page", Vendor, &[S2, S5], &["compression"]),
    bug("SA-23", "behind a broken page the next one is skipped, too", Vendor, &[S2, S5], &["disk.scramble-page"]),
    bug("SA-24", "the chunks of a stream are looked for at their numbers' places in the file", Vendor, &[S2], &["disk.shifted"]),
    bug("SA-25", "a content passes for what its tag says, whatever it hashes to", Vendor, &[S1], &["disk.bit-flip"]),
    bug("SA-26", "tombstones are not looked at", Vendor, &[S7], &["op.delete"]),
];
