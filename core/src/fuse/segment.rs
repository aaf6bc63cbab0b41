//! A segment: a list of blocks, each with the objects that belong to it.

use serde::Deserialize;

use super::envelope::{Envelope, NotRead, is_bare_json, read_json};

/// What amend needs of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Its blocks, at most 2048.
    pub blocks: Vec<Block>,
    /// Sums over the blocks.
    pub summary: SegmentSummary,
    /// The segment's statistics (`_hs`).
    pub statistics: Option<StatedObject>,
}

/// Sums that a segment states over its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Rows.
    pub row_count: u64,
    /// Blocks.
    pub block_count: u64,
    /// Bytes of all indexes: bloom, inverted, vector, spatial.
    pub index_bytes: u64,
}

/// An object that the metadata names, with the size that it states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatedObject {
    /// Where it is, relative to the operator root.
    pub location: String,
    /// Bytes; none where the metadata does not say.
    pub size: Option<u64>,
}

/// One block and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The rows.
    pub data: StatedObject,
    /// Rows in it.
    pub row_count: u64,
    /// Bloom filters, and ngram indexes with them.
    pub bloom_index: Option<StatedObject>,
    /// Bytes of all its inverted indexes together; their files have no location here.
    pub inverted_index_bytes: Option<u64>,
    /// Its vector index.
    pub vector_index: Option<StatedObject>,
    /// Its spatial index.
    pub spatial_index: Option<StatedObject>,
    /// Its virtual columns.
    pub virtual_columns: Option<StatedObject>,
}

type Location = (String, u64);

#[derive(Deserialize)]
struct BlockFields {
    row_count: u64,
    file_size: u64,
    location: Location,
    #[serde(default)]
    bloom_filter_index_location: Option<Location>,
    #[serde(default)]
    bloom_filter_index_size: u64,
    #[serde(default)]
    inverted_index_size: Option<u64>,
    #[serde(default)]
    vector_index_size: Option<u64>,
    #[serde(default)]
    vector_index_location: Option<Location>,
    #[serde(default)]
    spatial_index_size: Option<u64>,
    #[serde(default)]
    spatial_index_location: Option<Location>,
    #[serde(default)]
    virtual_block_meta: Option<VirtualFields>,
}

#[derive(Deserialize)]
struct VirtualFields {
    #[serde(default)]
    virtual_location: Option<Location>,
    #[serde(default)]
    virtual_column_size: Option<u64>,
}

#[derive(Deserialize)]
struct SummaryFields {
    row_count: u64,
    block_count: u64,
    #[serde(default)]
    index_size: u64,
    #[serde(default)]
    additional_stats_meta: Option<StatisticsFields>,
}

#[derive(Deserialize)]
struct StatisticsFields {
    size: u64,
    location: Location,
}

#[derive(Deserialize)]
struct BareSegment {
    blocks: Vec<BlockFields>,
    summary: SummaryFields,
}

impl Segment {
    /// Reads a segment: enveloped (`10 u64 blocks_len | 18 u64 summary_len | 26 blocks, summary`), or bare
    /// JSON before version 3.
    pub fn read(bytes: &[u8]) -> Result<Self, NotRead> {
        let (blocks, summary) = if is_bare_json(bytes) {
            let bare: BareSegment = read_json(bytes)?;
            (bare.blocks, bare.summary)
        } else {
            Self::read_enveloped(bytes)?
        };
        if summary.block_count != blocks.len() as u64 {
            return Err(NotRead::garbage(
                "its summary counts other blocks than it holds",
            ));
        }
        Ok(Self {
            statistics: summary.additional_stats_meta.and_then(|statistics| {
                let (location, _) = statistics.location;
                let size = Some(statistics.size);
                (!location.is_empty()).then_some(StatedObject { location, size })
            }),
            summary: SegmentSummary {
                row_count: summary.row_count,
                block_count: summary.block_count,
                index_bytes: summary.index_size,
            },
            blocks: blocks.into_iter().map(Block::from).collect(),
        })
    }

    fn read_enveloped(bytes: &[u8]) -> Result<(Vec<BlockFields>, SummaryFields), NotRead> {
        // A column-oriented segment is a parquet file.
        if bytes.starts_with(b"PAR1") {
            return Err(NotRead::Unsupported("a column-oriented segment".into()));
        }
        let mut envelope = Envelope::open(bytes)?;
        if envelope.version < 4 {
            return Err(NotRead::Unsupported(format!(
                "segment version {}",
                envelope.version
            )));
        }
        let blocks_length = envelope.take_length()?;
        let summary_length = envelope.take_length()?;
        let blocks = envelope.take_payload(blocks_length)?;
        let summary = envelope.take_payload(summary_length)?;
        envelope.finish()?;
        Ok((blocks, summary))
    }
}

impl From<BlockFields> for Block {
    fn from(fields: BlockFields) -> Self {
        let index = |location: Option<Location>, size| {
            location.map(|(location, _)| StatedObject { location, size })
        };
        Self {
            data: StatedObject {
                location: fields.location.0,
                size: Some(fields.file_size),
            },
            row_count: fields.row_count,
            bloom_index: index(
                fields.bloom_filter_index_location,
                Some(fields.bloom_filter_index_size),
            ),
            inverted_index_bytes: fields.inverted_index_size,
            vector_index: index(fields.vector_index_location, fields.vector_index_size),
            spatial_index: index(fields.spatial_index_location, fields.spatial_index_size),
            virtual_columns: fields
                .virtual_block_meta
                .and_then(|columns| index(columns.virtual_location, columns.virtual_column_size)),
        }
    }
}
