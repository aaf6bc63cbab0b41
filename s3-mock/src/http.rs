//! The bucket behind S3's own protocol.
//!
//! ```text
//!  bytes ─► hyper (HTTP/1.1) ─► Service ─► faults ─► body checks ─► s3s ─┬─► Operations ─► Bucket
//!                                                    signatures, XML ────┘ └► Listings (XML of our own)
//! ```
//!
//! [`Server`] listens on a socket; [`Service`] is the same without one, for a simulated network
//! ([`Service::serve_connection`]) or for a client in the same process ([`Service::call`]).
//!
//! Invariants: time comes from the [`Clock`] that the builder was given; every operation locks the state once,
//! so each is atomic; versions and markers are listed in listing order over the wire too; with a folder
//! ([`Data`]), what is answered is in its log.
//!
//! Deliberately not here: TLS, HTTP/2, host-style bucket names (clients use path style for an endpoint that
//! is an address), more than one account.

mod address;
mod answer;
mod checksum;
mod chunked;
mod clock;
mod data;
mod faults;
mod listings;
mod object;
mod observer;
mod operations;
mod query;
mod seed;
mod server;
mod service;
mod state;
mod uploads;
mod xml;

pub use address::Address;
pub use clock::{Clock, Sleep, SystemClock, TickingClock};
pub use data::{Data, DataError, Follower};
pub use observer::{Applied, Observer};
pub use s3s::Body;
pub use seed::{SeedError, load};
pub use server::{Builder, Server};
pub use service::{Broken, Service};
