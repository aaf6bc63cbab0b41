//! The drill: scenarios, faults, oracles, checkers and reports.
//!
//! ```text
//!   seed ──generate──► Scenario ──run──► World + Judge ──► checkers ──► Outcome ──report──► person
//!                          ▲                                  ▲
//!                     TOML file                      atlas + log (never core's functions)
//! ```
//!
//! Invariants:
//! - The runner runs a [`scenario::Scenario`], which is plain data; only [`generate`] sees a seed.
//! - Equal scenarios give equal traces, on any thread, at any time.
//! - Any machine over core's vocabulary can be drilled: see [`runner::Subject`], and [`stranger`] for the short way.
//!
//! Deliberately not here: an S3 client, HTTP, TLS, async.

pub mod scenario;
pub mod selector;

pub mod generate;
pub mod swarm;

pub mod campaign;
pub mod canary;
pub mod catalogue;
pub mod chronicle;
pub mod corpus;
pub mod coverage;
pub mod doublecheck;
pub mod exhaustive;
pub mod kept;
pub mod part;
mod pool;
pub mod report;
pub mod runner;
pub mod salvage;
pub mod shard;
pub mod shrink;
pub mod stranger;
pub mod theatre;
pub mod trial;
mod undisturbed;

pub mod atlas;
mod atlas_history;
mod atlas_prefix;
pub mod checkers;
pub mod judge;
pub mod mock_workload;
pub mod oracle;
pub mod property;

mod sample;
pub mod scene;
pub mod truth;
