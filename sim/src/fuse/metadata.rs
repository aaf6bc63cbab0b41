//! The maps of fuse metadata: block metas, summaries, segment statistics, snapshots.
//!
//! Rows are imagined: a block holds the rows numbered `first..first + rows`, and each column's statistics
//! follow from these numbers. Fields stand in the order in which `core/FORMATS.md` lists them.

use std::sync::Arc;

use firedrill_core::object::Key;

use super::columns::{
    self, CLUSTER_KEY, COLUMNS_MAX, cluster_statistics, column_statistics, memory, sketch,
};
use super::frame;
use super::identity::Uuid;
use super::message_pack::Encoder;
use super::specification::{Compression, Flavour, TableSpec};
use super::text;

/// What metadata needs to know of the table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Table {
    pub(super) flavour: Flavour,
    pub(super) compression: Compression,
    pub(super) columns: u8,
    pub(super) clustered: bool,
    /// Bytes of a key that its location leaves out: the root and its slash.
    pub(super) root_length: usize,
}

/// An object that metadata names, and its length.
pub(super) type Sized = (Key, u64);

/// A block as written.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) seed: u64,
    pub(super) first: u64,
    pub(super) rows: u64,
    pub(super) created: i64,
    pub(super) object: Sized,
    pub(super) bloom: Option<Sized>,
    pub(super) inverted: Vec<Sized>,
    pub(super) vector: Option<Sized>,
}

/// The sums over some blocks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Summary {
    pub(super) rows: u64,
    pub(super) blocks: u64,
    perfect: u64,
    uncompressed: u64,
    compressed: u64,
    bloom: u64,
    inverted: u64,
    vector: u64,
    first: u64,
    last: u64,
}

/// A snapshot that is to be written.
#[derive(Debug)]
pub(super) struct Snapshot<'a> {
    pub(super) id: Uuid,
    pub(super) time: i64,
    pub(super) sequence: u64,
    pub(super) previous: Option<Uuid>,
    pub(super) segments: &'a [&'a Key],
    pub(super) summary: Summary,
    pub(super) table_statistics: Option<&'a Key>,
    pub(super) seed: u64,
}

impl Table {
    pub(super) fn of(spec: &TableSpec) -> Self {
        Self {
            flavour: spec.flavour,
            compression: spec.compression,
            columns: spec.columns.clamp(1, COLUMNS_MAX),
            clustered: spec.clustered,
            root_length: if spec.root.is_empty() {
                0
            } else {
                spec.root.len() + 1
            },
        }
    }

    /// Columns that have statistics: all but the variant.
    pub(super) fn measured(self) -> u8 {
        self.columns.min(COLUMNS_MAX - 1)
    }

    pub(super) fn is_new(self) -> bool {
        self.flavour == Flavour::V1_2_895
    }

    fn location<'a>(&self, key: &'a Key) -> &'a str {
        &key.as_str()[self.root_length..]
    }
}

impl Block {
    /// Bytes of the rows before compression.
    fn uncompressed(&self, table: Table) -> u64 {
        (0..table.columns)
            .map(|column| memory(column, self.rows))
            .sum()
    }

    fn last(&self) -> u64 {
        self.first + self.rows.saturating_sub(1)
    }
}

impl Summary {
    pub(super) fn of<'a>(table: Table, blocks: impl IntoIterator<Item = &'a Arc<Block>>) -> Self {
        let mut summary = Self::default();
        for block in blocks {
            summary.add(&Self {
                rows: block.rows,
                blocks: 1,
                perfect: u64::from(block.rows >= ROWS_PERFECT),
                uncompressed: block.uncompressed(table),
                compressed: block.object.1,
                bloom: block.bloom.as_ref().map_or(0, |bloom| bloom.1),
                inverted: block.inverted.iter().map(|index| index.1).sum(),
                vector: block.vector.as_ref().map_or(0, |vector| vector.1),
                first: block.first,
                last: block.last(),
            });
        }
        summary
    }

    pub(super) fn add(&mut self, other: &Self) {
        if other.blocks == 0 {
            return;
        }
        if self.blocks == 0 {
            *self = *other;
            return;
        }
        self.rows += other.rows;
        self.blocks += other.blocks;
        self.perfect += other.perfect;
        self.uncompressed += other.uncompressed;
        self.compressed += other.compressed;
        self.bloom += other.bloom;
        self.inverted += other.inverted;
        self.vector += other.vector;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

/// Rows from which a block counts as one of the wished size.
const ROWS_PERFECT: u64 = 800;

/// A whole segment object, and its statistics' place where it has them.
pub(super) fn segment(
    table: Table,
    blocks: &[Arc<Block>],
    summary: &Summary,
    statistics: Option<&Sized>,
) -> bytes::Bytes {
    let mut metas = Encoder::with_capacity(1100 * blocks.len());
    metas.array(blocks.len());
    for block in blocks {
        block_meta(&mut metas, table, block);
    }
    let mut encoder = Encoder::with_capacity(1200);
    let additional = statistics.map(|(key, size)| Additional {
        size: *size,
        location: table.location(key),
        rows: 0,
        sketch: None,
    });
    summarize(&mut encoder, table, summary, additional.as_ref());
    frame::segment(table.compression, metas.finish(), encoder.finish())
}

/// A whole `_hs` object.
pub(super) fn segment_statistics(table: Table, blocks: &[Arc<Block>]) -> bytes::Bytes {
    let mut encoder = Encoder::with_capacity(40 + 200 * blocks.len());
    encoder.map(2);
    encoder.text("format_version");
    encoder.unsigned(0);
    encoder.text("block_hlls");
    encoder.array(blocks.len());
    for block in blocks {
        encoder.byte_array(&sketch(table, block.seed));
    }
    frame::single(0, table.compression, encoder.finish())
}

/// A whole snapshot object.
pub(super) fn snapshot(table: Table, snapshot: &Snapshot<'_>) -> bytes::Bytes {
    let mut encoder = Encoder::with_capacity(2000 + 64 * snapshot.segments.len());
    encoder.map(if table.is_new() { 11 } else { 10 });
    encoder.text("format_version");
    encoder.unsigned(4);
    encoder.text("snapshot_id");
    encoder.binary(&snapshot.id.0);
    encoder.text("timestamp");
    encoder.text(&text::time(snapshot.time));
    encoder.text("prev_table_seq");
    encoder.unsigned(snapshot.sequence);
    encoder.text("prev_snapshot_id");
    match snapshot.previous {
        None => encoder.nil(),
        Some(previous) => {
            encoder.array(2);
            encoder.binary(&previous.0);
            encoder.unsigned(4);
        }
    }
    encoder.text("schema");
    columns::schema(&mut encoder, table);
    encoder.text("summary");
    let sketch = table.is_new().then(|| sketch(table, snapshot.seed));
    let additional = sketch.map(|sketch| Additional {
        size: 0,
        location: "",
        rows: snapshot.summary.rows,
        sketch: Some(sketch),
    });
    summarize(&mut encoder, table, &snapshot.summary, additional.as_ref());
    encoder.text("segments");
    encoder.array(snapshot.segments.len());
    for segment in snapshot.segments {
        location(&mut encoder, table.location(segment), 4);
    }
    encoder.text("cluster_key_meta");
    if table.clustered {
        encoder.array(2);
        encoder.unsigned(CLUSTER_KEY);
        encoder.text("(id)");
    } else {
        encoder.nil();
    }
    if table.is_new() {
        encoder.text("cluster_type");
        optional_text(&mut encoder, table.clustered.then_some("Linear"));
    }
    encoder.text("table_statistics_location");
    let statistics = snapshot.table_statistics.map(|key| table.location(key));
    optional_text(&mut encoder, statistics);
    frame::single(4, table.compression, encoder.finish())
}

fn block_meta(encoder: &mut Encoder, table: Table, block: &Block) {
    encoder.map(if table.is_new() { 19 } else { 11 });
    named(encoder, "row_count", block.rows);
    named(encoder, "block_size", block.uncompressed(table));
    named(encoder, "file_size", block.object.1);
    encoder.text("col_stats");
    let range = (block.first, block.last());
    column_statistics(encoder, table, range, block.rows, Some(block.rows));
    encoder.text("col_metas");
    columns::places(encoder, table, block);
    encoder.text("cluster_stats");
    cluster_statistics(encoder, table, range);
    encoder.text("location");
    location(encoder, table.location(&block.object.0), 2);
    encoder.text("bloom_filter_index_location");
    place(encoder, table, block.bloom.as_ref());
    let bloom = block.bloom.as_ref().map_or(0, |bloom| bloom.1);
    named(encoder, "bloom_filter_index_size", bloom);
    if table.is_new() {
        let inverted = (!block.inverted.is_empty())
            .then(|| block.inverted.iter().map(|index| index.1).sum::<u64>());
        encoder.text("inverted_index_size");
        optional(encoder, inverted);
        encoder.text("ngram_filter_index_size");
        encoder.nil();
        encoder.text("vector_index_size");
        optional(encoder, block.vector.as_ref().map(|vector| vector.1));
        encoder.text("vector_index_location");
        place(encoder, table, block.vector.as_ref());
        for field in [
            "spatial_index_size",
            "spatial_index_location",
            "spatial_stats",
            "virtual_block_meta",
        ] {
            encoder.text(field);
            encoder.nil();
        }
    }
    encoder.text("compression");
    encoder.text("Zstd");
    encoder.text("create_on");
    encoder.text(&text::time_in_nanoseconds(block.created, block.seed));
}

/// What a summary says of statistics elsewhere.
struct Additional<'a> {
    size: u64,
    location: &'a str,
    rows: u64,
    sketch: Option<Vec<u8>>,
}

fn summarize(
    encoder: &mut Encoder,
    table: Table,
    summary: &Summary,
    additional: Option<&Additional<'_>>,
) {
    encoder.map(if table.is_new() { 18 } else { 8 });
    named(encoder, "row_count", summary.rows);
    named(encoder, "block_count", summary.blocks);
    named(encoder, "perfect_block_count", summary.perfect);
    named(encoder, "uncompressed_byte_size", summary.uncompressed);
    named(encoder, "compressed_byte_size", summary.compressed);
    let indexes = summary.bloom + summary.inverted + summary.vector;
    named(encoder, "index_size", indexes);
    if table.is_new() {
        for (field, size) in [
            ("bloom_index_size", summary.bloom),
            ("ngram_index_size", 0),
            ("inverted_index_size", summary.inverted),
            ("vector_index_size", summary.vector),
            ("spatial_index_size", 0),
            ("virtual_column_size", 0),
        ] {
            encoder.text(field);
            optional(encoder, (size > 0).then_some(size));
        }
    }
    encoder.text("col_stats");
    let range = (summary.first, summary.last);
    if summary.blocks == 0 {
        encoder.map(0);
    } else {
        let distinct = table.is_new().then_some(summary.rows);
        column_statistics(encoder, table, range, summary.rows, distinct);
    }
    if table.is_new() {
        for field in ["virtual_col_stats", "spatial_stats"] {
            encoder.text(field);
            encoder.nil();
        }
    }
    encoder.text("cluster_stats");
    if summary.blocks == 0 {
        encoder.nil();
    } else {
        cluster_statistics(encoder, table, range);
    }
    if table.is_new() {
        encoder.text("virtual_block_count");
        encoder.nil();
        encoder.text("additional_stats_meta");
        additional_statistics(encoder, additional);
    }
}

fn additional_statistics(encoder: &mut Encoder, additional: Option<&Additional<'_>>) {
    let Some(additional) = additional else {
        return encoder.nil();
    };
    encoder.map(5);
    named(encoder, "size", additional.size);
    encoder.text("location");
    location(encoder, additional.location, 0);
    encoder.text("hll");
    match &additional.sketch {
        Some(sketch) => encoder.byte_array(sketch),
        None => encoder.nil(),
    }
    named(encoder, "row_count", additional.rows);
    named(encoder, "unstats_rows", 0);
}

pub(super) fn named(encoder: &mut Encoder, field: &str, number: u64) {
    encoder.text(field);
    encoder.unsigned(number);
}

fn location(encoder: &mut Encoder, path: &str, version: u64) {
    encoder.array(2);
    encoder.text(path);
    encoder.unsigned(version);
}

/// Location of a bloom or vector index: both are at format version 4.
fn place(encoder: &mut Encoder, table: Table, index: Option<&Sized>) {
    match index {
        Some((key, _)) => location(encoder, table.location(key), 4),
        None => encoder.nil(),
    }
}

pub(super) fn optional(encoder: &mut Encoder, number: Option<u64>) {
    match number {
        Some(number) => encoder.unsigned(number),
        None => encoder.nil(),
    }
}

fn optional_text(encoder: &mut Encoder, text: Option<&str>) {
    match text {
        Some(text) => encoder.text(text),
        None => encoder.nil(),
    }
}
