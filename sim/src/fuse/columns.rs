//! What metadata says about columns: schema, places, statistics.
//!
//! There are up to five columns, those of the real tables from which the drawing was made: `id`, `name`,
//! `amount`, `ts`, `tag`. The last is a variant, which has a place but no statistics. Rows are imagined: a
//! column's value follows from the number of its row.

use super::frame;
use super::identity::mix;
use super::message_pack::Encoder;
use super::metadata::{Block, Table, named, optional};

pub(super) const COLUMNS_MAX: u8 = 5;
pub(super) const CLUSTER_KEY: u64 = 1;

pub(super) fn schema(encoder: &mut Encoder, table: Table) {
    encoder.map(3);
    encoder.text("fields");
    encoder.array(table.columns.into());
    for column in 0..table.columns {
        encoder.map(if table.is_new() { 6 } else { 5 });
        encoder.text("name");
        encoder.text(["id", "name", "amount", "ts", "tag"][usize::from(column)]);
        encoder.text("default_expr");
        encoder.nil();
        encoder.text("data_type");
        encoder.map(1);
        match column {
            0 => {
                encoder.text("Number");
                encoder.text("Int32");
            }
            2 => {
                encoder.text("Nullable");
                encoder.map(1);
                encoder.text("Number");
                encoder.text("Float64");
            }
            _ => {
                encoder.text("Nullable");
                encoder.text(match column {
                    1 => "String",
                    3 => "Timestamp",
                    _ => "Variant",
                });
            }
        }
        encoder.text("column_id");
        encoder.unsigned(column.into());
        encoder.text("computed_expr");
        encoder.nil();
        if table.is_new() {
            encoder.text("auto_increment_expr");
            encoder.nil();
        }
    }
    encoder.text("metadata");
    encoder.map(0);
    encoder.text("next_column_id");
    encoder.unsigned(table.columns.into());
}

pub(super) fn column_statistics(
    encoder: &mut Encoder,
    table: Table,
    (first, last): (u64, u64),
    rows: u64,
    distinct: Option<u64>,
) {
    encoder.map(table.measured().into());
    for column in 0..table.measured() {
        encoder.unsigned(column.into());
        encoder.map(5);
        encoder.text("min");
        scalar(encoder, column, first);
        encoder.text("max");
        scalar(encoder, column, last);
        named(encoder, "null_count", 0);
        named(encoder, "in_memory_size", memory(column, rows));
        encoder.text("distinct_of_values");
        optional(encoder, distinct);
    }
}

/// The value that a column has in a row.
fn scalar(encoder: &mut Encoder, column: u8, row: u64) {
    const START: u64 = 1_700_000_000_000_000;
    encoder.map(1);
    match column {
        0 => {
            encoder.text("Number");
            encoder.map(1);
            encoder.text("Int32");
            encoder.unsigned(row & 0x7fff_ffff);
        }
        1 => {
            encoder.text("String");
            encoder.byte_array(format!("name-{row:010}").as_bytes());
        }
        2 => {
            encoder.text("Number");
            encoder.map(1);
            encoder.text("Float64");
            encoder.float(u32::try_from(row).map_or(f64::MAX, f64::from) / 8.0);
        }
        _ => {
            encoder.text("Timestamp");
            encoder.unsigned(START + 60_000_000 * (row & 0xffff_ffff));
        }
    }
}

/// Bytes that a column's rows take in memory.
pub(super) fn memory(column: u8, rows: u64) -> u64 {
    let width = [4, 23, 8, 8, 12][usize::from(column)];
    width * rows
}

pub(super) fn places(encoder: &mut Encoder, table: Table, block: &Block) {
    let length = block.object.1 / u64::from(table.columns);
    encoder.map(table.columns.into());
    for column in 0..u64::from(table.columns) {
        encoder.unsigned(column);
        encoder.map(1);
        encoder.text("Parquet");
        encoder.map(3);
        named(encoder, "offset", column * length);
        named(encoder, "len", length);
        named(encoder, "num_values", block.rows);
    }
}

pub(super) fn cluster_statistics(encoder: &mut Encoder, table: Table, (first, last): (u64, u64)) {
    if !table.clustered {
        return encoder.nil();
    }
    encoder.map(5);
    named(encoder, "cluster_key_id", CLUSTER_KEY);
    encoder.text("min");
    encoder.array(1);
    scalar(encoder, 0, first);
    encoder.text("max");
    encoder.array(1);
    scalar(encoder, 0, last);
    named(encoder, "level", 0);
    encoder.text("pages");
    encoder.nil();
}

/// How many different values columns have: one register of each, in a zstd frame.
pub(super) fn sketch(table: Table, seed: u64) -> Vec<u8> {
    let mut encoder = Encoder::with_capacity(40 * usize::from(table.measured()));
    encoder.map(table.measured().into());
    for column in 0..table.measured() {
        encoder.unsigned(column.into());
        encoder.map(1);
        encoder.text("Sparse");
        encoder.map(2);
        encoder.text("indices");
        encoder.array(1);
        encoder.unsigned(mix(seed, column.into()) & 127);
        encoder.text("values");
        encoder.array(1);
        encoder.unsigned(1);
    }
    frame::statistics(table.compression, encoder.finish())
}
