//! The commands of the binary, one file each.

pub(crate) mod bless;
pub(crate) mod canary;
pub(crate) mod doublecheck;
pub(crate) mod drill;
pub(crate) mod exhaustive;
pub(crate) mod merge;
pub(crate) mod replay;
pub(crate) mod salvage;
pub(crate) mod scoreboard;
pub(crate) mod shrink;

mod case;
mod corpus;
mod keep;
mod matrix;
mod tell;
