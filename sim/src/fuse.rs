//! Writes whole synthetic Databend fuse tables, commit by commit, and says what each commit references.
//!
//! ```text
//!  TableSpec ──► TableWriter ──commit(at, Change)──► Commit { puts, references, … }
//!                    ▲
//!                    └── draw(stream, nth): the only source of ids and bytes
//! ```
//!
//! Invariants:
//! - Written from the drawings in `core/FORMATS.md`, never from the reader, so that a misreading shows.
//! - The references come from what was written, not from reading it back: they are an oracle's truth.
//! - Equal specification, draws and changes give equal bytes.
//! - Every [`Change`] is legal in every state, so a shrinker may remove any commit.
//!
//! Deliberately not here: parquet. The bodies of blocks and indexes are noise of the stated length between
//! two `PAR1`; nothing that brings objects back looks into them.

mod specification;
mod writer;

mod metadata;

mod columns;

mod frame;
mod message_pack;

mod text;

mod body;
mod identity;

pub use specification::{
    BlockSpec, Change, Compression, Flavour, InvertedSpec, SegmentSpec, TableSpec,
};
pub use writer::{Commit, Put, Reference, SegmentCount, TableWriter};
