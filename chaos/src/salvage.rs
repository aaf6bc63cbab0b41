//! The drill of salvage: databases that a writer made, hurt in every way, and what a salvage makes of them.
//!
//! ```text
//!   seed ──generate──► Scenario ──disk──► files, hurt ──play──► Salvage (core), over bytes in memory ──► told
//!                       ▲               │                                                              │
//!                   TOML file           └──fate──► what an honest salvage must now say ──checkers──────┘
//!                                                  from the writer's truth and the bytes that differ
//! ```
//!
//! Invariants:
//! - The runner runs a [`scenario::Scenario`], which is plain data; only [`generate`] sees a seed.
//! - What is expected follows from the writer's truth and from which bytes are not what the writer wrote: no
//!   function of core takes part.
//! - Every damage is legal on every database: one that finds nothing to hurt hurts nothing, so a shrinker may
//!   take away any operation and any damage.
//!
//! Deliberately not here: amend's world. A salvage asks one thing of its runtime, ranges of files that nobody
//! changes, so time, network and a scheduler would be idle; the order in which tasks end is a draw.

pub mod catalogue;
pub mod disk;
pub mod property;
pub mod scenario;

pub mod generate;

pub mod play;
pub mod told;

pub mod checkers;
pub mod fate;

pub mod campaign;
pub mod exhaustive;
pub mod page;
pub mod report;
pub mod shrink;
