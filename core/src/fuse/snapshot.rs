//! A snapshot: one commit, as a list of segments.

use serde::Deserialize;

use super::envelope::{Envelope, NotRead, is_bare_json, read_json};
use super::location::Uuid;
use crate::object::WallTime;

/// What amend needs of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its own id, which its name carries.
    pub id: Uuid,
    /// When it was made: to the microsecond (1.2.453) or millisecond (1.2.895).
    pub timestamp: Option<WallTime>,
    /// The snapshot before it, with the format version in its name.
    pub previous: Option<(Uuid, u64)>,
    /// Locations of its segments.
    pub segments: Vec<String>,
    /// Location of the table's statistics.
    pub table_statistics: Option<String>,
    /// Sums over the segments.
    pub summary: SnapshotSummary,
}

/// Sums that a snapshot states over its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct SnapshotSummary {
    /// Rows.
    pub row_count: u64,
    /// Blocks.
    pub block_count: u64,
}

#[derive(Deserialize)]
struct SnapshotFields {
    snapshot_id: Uuid,
    #[serde(default)]
    timestamp: Option<WallTime>,
    #[serde(default)]
    prev_snapshot_id: Option<(Uuid, u64)>,
    summary: SnapshotSummary,
    segments: Vec<(String, u64)>,
    #[serde(default)]
    table_statistics_location: Option<String>,
}

impl Snapshot {
    /// Reads a snapshot: enveloped (`10 u64 length | 18 payload`), or bare JSON before version 3.
    pub fn read(bytes: &[u8]) -> Result<Self, NotRead> {
        let fields: SnapshotFields = if is_bare_json(bytes) {
            read_json(bytes)?
        } else {
            let mut envelope = Envelope::open(bytes)?;
            let length = envelope.take_length()?;
            let fields = envelope.take_payload(length)?;
            envelope.finish()?;
            fields
        };
        Ok(Self {
            id: fields.snapshot_id,
            timestamp: fields.timestamp,
            previous: fields.prev_snapshot_id,
            segments: fields
                .segments
                .into_iter()
                .map(|(location, _)| location)
                .collect(),
            table_statistics: fields.table_statistics_location,
            summary: fields.summary,
        })
    }
}
