//! Reads the metadata of Databend's fuse tables, as `core/FORMATS.md` draws it.
//!
//! ```text
//! hint ──► snapshot ──► segment ──► block, bloom and other indexes
//!              │            └─────► `_hs` (segment statistics)
//!              ├──────────► `_ts` (table statistics)
//!              └──────────► the snapshot before
//! ```
//!
//! Pure functions from bytes to what they name. Whatever the bytes are, a reader answers [`NotRead`] and
//! neither panics nor takes more memory than [`PAYLOAD_BYTES_MAX`] and what is decoded from it.
//!
//! Deliberately not here: rows. A block is opaque, but for its size.

mod envelope;
mod hint;
mod location;
mod segment;
mod snapshot;
mod statistics;

pub use envelope::{NotRead, PAYLOAD_BYTES_MAX};
pub use hint::{Hint, InvertedIndex};
pub use location::{TablePrefix, Uuid, uuid_in_name};
pub use segment::{Block, Segment, SegmentSummary, StatedObject};
pub use snapshot::{Snapshot, SnapshotSummary};
pub use statistics::{read_segment_statistics, read_table_statistics};
