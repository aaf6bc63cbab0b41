//! The drill's outer tiers: the same scenarios, run by the driver itself.
//!
//! | tier | what is real in it |
//! |---|---|
//! | `turmoil` | the driver, its S3 client and the S3 server, over simulated TCP and simulated time |
//! | `madsim` | the same under random task scheduling; built with `--cfg madsim`, and then without the other two |
//! | `process` | the binaries, their sockets and their disks, killed with SIGKILL |

// In a build for random task scheduling everything below stands on a simulated tokio.
#[cfg(madsim)]
extern crate madsim_tokio as tokio;

pub mod campaign;
pub mod compare;
pub mod network;
pub mod outcome;
pub mod tier;

#[cfg(madsim)]
pub mod madsim;
#[cfg(not(madsim))]
pub mod process;
pub mod stage;
#[cfg(not(madsim))]
pub mod turmoil;

mod backstage;
mod connector;
mod errand;
mod placement;
mod server;
mod watched;

/// The bucket's name on the wire.
const BUCKET: &str = "lake";
