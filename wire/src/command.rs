//! The commands, one file each.

pub(crate) mod case;
pub(crate) mod chaos;
pub(crate) mod compare;
pub(crate) mod doublecheck;
#[cfg(not(madsim))]
pub(crate) mod process;
pub(crate) mod replay;
