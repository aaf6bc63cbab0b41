//! Reads RavenDB's storage file, as `core/FORMATS.md` draws it, trusting no tree.
//!
//! ```text
//! bytes ──► page::verdict ──┬─► raw      entries of a small raw page
//!             │             ├─► run      a value in an overflow run
//!          checksum         ├─► stream   chunks of an attachment, put together by page number
//!             │             └─► tree     leaves: what must have been there; 7.2's small streams
//!             └─► repair    the one bit that makes a checksum true
//! ```
//!
//! Pure functions from bytes to what they say. Whatever the bytes are, nothing here panics, and nothing is
//! allocated by a length field that was not compared with the bytes that are there.
//!
//! Deliberately not here: where pages lie, what is scanned when, and what is done with what was found.

pub mod blittable;
pub mod checksum;
pub mod counters;
pub mod dictionary;
pub mod encryption;
pub mod export;
pub mod headers;
pub mod journal;
pub mod json;
mod number;
pub mod page;
pub mod raw;
pub mod repair;
pub mod revision_key;
pub mod rows;
pub mod run;
pub mod segment;
pub mod stream;
pub mod table;
pub mod text;
pub mod tree;
pub mod unreadable;
