//! The recovery machines of firedrill, and everything they know about formats.
//!
//! Core decides; it never acts. Every mechanism is a [`machine::Machine`]: events in, effects out. What
//! performs the effects is a runtime: `firedrill-driver` for real buckets, `firedrill-sim` for simulated
//! ones. The code that recovers data is therefore the code that the drill has tortured.
//!
//! ```text
//!            Event                              Effect
//!  runtime ─────────►  Machine::step(now, …)  ─────────►  runtime
//!            reply, timer, interrupt            request, timer, progress, done
//! ```
//!
//! Deliberately not here: I/O, clocks, random numbers, threads, async, hash maps.

pub mod amend;
pub mod drill;
pub mod fuse;
pub mod machine;
pub mod object;
pub mod salvage;
pub mod sql;
pub mod voron;
