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
//! Deliberately not here: scenarios, oracles, checkers. The world does not know that it is judged.

pub mod draw;
pub mod object_store;
pub mod queue;
pub mod trace;
pub mod world;
