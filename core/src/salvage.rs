//! Salvage: everything that still makes sense, out of a database that may be broken anywhere.
//!
//! Deliberately not here: the formats (`voron`), I/O, threads.

pub mod classify;
pub mod ledger;
pub mod record;
mod witness;
