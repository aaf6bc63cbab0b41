//! The simulated world: a clock, a network, hosts that crash, object storage that fails by plan, and
//! writers of the formats.
//!
//! ```text
//!   Machine ──effects──► World ──requests, later──► ObjectStore ──► firedrill_s3_mock::Bucket
//!      ▲                   │                             │
//!      └──────events───────┘◄────────answers, later──────┘         every step: one line of the Trace
//! ```
//!
//! Everything that happens is a function of the arguments: each draw is addressed ([`draw`]), the queue
//! breaks its ties by a draw ([`queue`]), and the trace's hash ([`trace`]) is equal for equal arguments.
//!
//! Deliberately not here: anything that judges. Scenarios, oracles and checkers are in `firedrill-chaos`.

pub mod draw;
pub mod fate;
pub mod fixture;
pub mod fuse;
pub mod object_store;
pub mod queue;
pub mod telling;
pub mod trace;
pub mod voron;
pub mod world;

pub use firedrill_core as core;
pub use firedrill_s3_mock as s3_mock;
