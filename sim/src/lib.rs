//! The simulated world, and the writers that make what recovery is tried on.
//!
//! Deliberately not here: anything that judges. Checkers and oracles are in `firedrill-chaos`.

pub mod fuse;
