//! The drill's outer tiers: the same scenarios, run by the driver itself.
//!
//! | tier | what is real in it |
//! |---|---|
//! | `turmoil` | the driver, its S3 client and the S3 server, over simulated TCP and simulated time |
//! | `process` | the binaries, their sockets and their disks, killed with SIGKILL |

pub mod campaign;
pub mod compare;
pub mod network;
pub mod outcome;
pub mod process;
pub mod tier;
pub mod turmoil;

mod backstage;
mod connector;
mod server;
mod watched;

/// The bucket's name on the wire.
const BUCKET: &str = "lake";
