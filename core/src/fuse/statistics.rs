//! Statistics of segments (`_hs`) and of the table (`_ts`): read only to know that they are whole.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::envelope::{Envelope, NotRead, is_bare_json, read_json};
use super::location::{Uuid, uuid_in_name};

#[derive(Deserialize)]
struct SegmentStatistics {
    #[serde(rename = "block_hlls")]
    _block_hlls: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct TableStatistics {
    snapshot_id: Uuid,
    #[serde(rename = "hll")]
    _hll: IgnoredAny,
}

/// Reads a `_hs`: enveloped, `10 u64 length | 18 payload`.
pub fn read_segment_statistics(bytes: &[u8]) -> Result<(), NotRead> {
    let mut envelope = Envelope::open(bytes)?;
    let length = envelope.take_length()?;
    let _: SegmentStatistics = envelope.take_payload(length)?;
    envelope.finish()
}

/// Reads a `_ts`: bare JSON (version 2), or enveloped. It is named after the snapshot that it describes.
pub fn read_table_statistics(bytes: &[u8], key: &str) -> Result<(), NotRead> {
    let statistics: TableStatistics = if is_bare_json(bytes) {
        read_json(bytes)?
    } else {
        let mut envelope = Envelope::open(bytes)?;
        let length = envelope.take_length()?;
        let statistics = envelope.take_payload(length)?;
        envelope.finish()?;
        statistics
    };
    if uuid_in_name(key).is_some_and(|named| named != statistics.snapshot_id) {
        return Err(NotRead::garbage(
            "describes another snapshot than its name says",
        ));
    }
    Ok(())
}
