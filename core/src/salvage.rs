//! Salvage: everything that still makes sense, out of a database that may be broken anywhere.
//!
//! ```text
//!  files ► survey ► map ┬► journals ► pages as they are ► rows ► classes ► dumps, list of records, report
//!          every page   └► what no page explains: search, mend
//! ```
//!
//! Nothing is found through a tree: pages say by themselves what they are, rows by themselves what they
//! are of. Trees are witnesses of what is missing.
//!
//! Deliberately not here: the formats (`voron`), I/O, threads.

mod carve;
mod classify;
mod content;
mod desk;
mod extract;
pub mod file;
mod journals;
mod ledger;
mod leftover;
mod library;
mod lines;
mod machine;
mod map;
mod mend;
pub mod options;
pub mod record;
mod render;
pub mod report;
mod scan;
mod shelf;
mod survey;
pub mod task;
mod witness;

pub use ledger::{Ledger, Use};
pub use machine::{Effect, Event, Progress, Salvage, Step};
