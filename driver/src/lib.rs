//! Performs the effects of core's machines for real: tokio around it, an S3 client below it.
//!
//! ```text
//!   Machine ──Effect──► run ──Request──► Client::perform ──► aws-sdk-s3 ──► bucket
//!      ▲                 │                      │
//!      └─────Event───────┘◄───────Reply─────────┘   classify: did it happen, may it have, what can be done
//! ```
//!
//! Everything that a simulation has to control is an argument: the HTTP client, the clock that signs and
//! the sleeper are part of the [`aws_sdk_s3::config::Builder`] that [`Client::new`] takes; the machine's
//! clock, the jitter and the interrupt are arguments of [`run`].
//!
//! Deliberately not here: retries (they are the machine's business; the library's own are off, because they
//! would write twice after a lost answer), decisions, the environment.

// The drill's tier of random task scheduling runs this very code on another runtime.
#[cfg(madsim)]
extern crate madsim_tokio as tokio;

mod classify;
mod client;
mod listing;
mod perform;
mod run;
pub mod salvage;
mod tasks;

#[cfg(feature = "tls")]
pub use client::https_client;
pub use client::{Client, Settings};
pub use listing::{ListingError, VersionListing, parse_version_listing};
pub use run::{RunError, run};
