//! Writes whole synthetic RavenDB databases, operation by operation, and says what is in them and where.
//!
//! ```text
//!  DatabaseSpec ──► Database::write ──► Database { data, headers, journals, truth }
//!
//!  Operation ─► life ─► store ─┬─ rows in sections and runs      section, rows, blittable, segment, compression
//!                              ├─ trees, laid out at each commit tree
//!                              ├─ contents of attachments        stream
//!                              ├─ journals, headers              journal, headers
//!                              └─ pages, sealed at each commit   pages, checksum
//! ```
//!
//! Invariants:
//! - Written from the drawings in `core/FORMATS.md`, never from the reader, so that a misreading shows.
//! - The truth is what the writer knows from writing, not from reading it back: it is an oracle's.
//! - Equal specifications give equal bytes, and every operation is legal in every state.
//! - Undamaged, everything verifies: checksums, hashes, owners, tags. Stale is what is stale in real files:
//!   values of freed runs and pages, old transactions behind new ones, what lies between the ends of a tree's
//!   page.
//!
//! Deliberately not here: damage, and indexes. What a real database has beside (free space, statistics,
//! schemas, further trees over the same rows) no reader that trusts no tree can miss.

mod specification;
mod truth;

mod database;
mod life;

mod store;

mod encryption;
mod pages;
mod places;

mod headers;
mod journal;

mod section;
mod stream;
mod tree;

mod compression;
mod content;
mod rows;
mod segment;

mod blittable;
mod bytes;
mod checksum;

pub use blittable::{Json, text as json_text};
pub use checksum::seal;
pub use database::Database;
pub use specification::{CompressionSpec, DatabaseSpec, Flavour, JournalSpec, Operation};
pub use truth::{
    AttachmentContent, Content, Dictionary, Entry, Kind, PageForm, PageUse, Place, Record, State,
    Transaction, TransactionPage, Truth,
};
