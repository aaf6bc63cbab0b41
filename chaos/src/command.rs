//! The commands of the binary, one file each.

pub(crate) mod drill;
pub(crate) mod replay;
pub(crate) mod scoreboard;
pub(crate) mod shrink;

mod case;
mod matrix;
