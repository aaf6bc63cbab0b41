//! Oracles: what the bucket must hold, from the log of operations alone.
//!
//! They use core's vocabulary (`Key`, `VersionId`, …) and none of its functions, and nothing of the mock.

pub mod listing;
pub mod log;
