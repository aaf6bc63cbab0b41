//! Amend: bring a table's deleted or overwritten objects back from a versioned bucket.
//!
//! ```text
//! machine ── the phases: list, read, compare, apply, verify
//!   ├─ layout/    what a table references (fuse, plain prefix)
//!   ├─ lookup     metadata, one version after the other
//!   ├─ decide     one key's history → Intact | RemoveMarkers | CopyVersion | Lost | Unknown
//!   ├─ compare    what the listing alone cannot tell
//!   ├─ apply      bottom-up publishing, and the verification
//!   └─ courier    the window, and sending again
//! ```
//!
//! Invariants: no data version is ever removed, no key is written that the table does not reference, each
//! referenced object is in the report exactly once, and an error that is not "not found" counts neither as
//! fine nor as lost.

mod apply;
mod compare;
mod courier;
mod decide;
mod job;
mod layout;
mod listing;
mod lookup;
mod machine;
mod objects;
mod options;
mod planted;
mod report;
mod summary;

pub use decide::{Evidence, Rules, Verdict, Wanted, decide};
pub use machine::{Amend, Effect, Event, Phase, Progress};
pub use options::{Layout, Options, Target};
pub use report::{
    BelowLost, Chosen, Class, Commit, Cost, Decision, ObjectReport, Report, State, Verified,
};
