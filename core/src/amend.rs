//! Amend: bring a table's deleted or overwritten objects back from a versioned bucket.

mod machine;
mod options;
mod report;

pub use machine::{Amend, Effect, Event, Phase, Progress};
pub use options::{Layout, Options, Target};
pub use report::{
    BelowLost, Chosen, Class, Commit, Cost, Decision, ObjectReport, Report, State, Verified,
};
