//! A versioned S3 bucket in memory: a pure model, and behind the feature `http` a server of it.
//!
//! ```text
//!  your test ──► Bucket::{put, get, copy, delete, list_versions, …}          the model: no I/O, no clock
//!  any client ──HTTP──► Server ──► FaultPlan ──► Bucket                      feature `http`
//! ```
//!
//! Every rule of the model stands beside the sentence of Amazon's documentation that it follows. Time is an
//! argument of each write, and version ids come from a counter: the same calls give the same bucket.
//!
//! Deliberately not here: clocks, random numbers, access control lists, encryption, object lock, lifecycle
//! rules (a drill removes versions itself), replication.

mod archive;
mod bucket;
mod change;
mod condition;
mod copy;
mod delete;
pub mod drill;
mod error;
mod fault;
#[cfg(feature = "http")]
pub mod http;
mod inspect;
mod listing;
mod object;
mod range;
mod read;
mod time;
mod version_id;

pub use bucket::{Bucket, PAGE_SIZE_MAX, PutOptions, Versioning, Written};
pub use change::{Change, Said};
pub use condition::{Condition, Preconditions};
pub use copy::CopySource;
pub use delete::{DELETE_MANY_MAX, Deleted};
pub use error::Error;
pub use fault::{Effect, Fault, FaultFile, FaultPlan, Operation, Position};
pub use inspect::AsIs;
pub use listing::{
    ListObjects, ListVersions, ListedEntry, ListedKind, ListedObject, ObjectPage, VersionPage,
};
pub use object::StorageClass;
pub use range::ByteRange;
pub use read::{GetOptions, Object, ObjectMeta};
pub use time::Time;
