//! Object storage as a recovery machine sees it: keys, versions in listing order, requests and replies.
//!
//! All machines speak to object storage in one [`Request`] and one [`Reply`], so a runtime interprets each
//! once. Decisions over a key's versions are pure functions over its [`History`].

mod history;
mod key;
mod request;

pub use history::{Entry, History, Marker, Version};
pub use key::{Digest, Digester, ETag, Key, VersionId, WallTime};
pub use request::{
    Answer, Cause, Condition, Cursor, Failure, Operation, Reply, Request, Versioning,
};
