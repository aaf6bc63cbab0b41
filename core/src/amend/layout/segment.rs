//! What one segment references: blocks and their indexes.

use crate::amend::decide::Wanted;
use crate::amend::listing::Listing;
use crate::amend::report::{Class, Verified};
use crate::drill::{Probe, sometimes};
use crate::fuse::{Block, InvertedIndex, Segment, StatedObject, TablePrefix, uuid_in_name};
use crate::object::Key;

use super::Reference;
use super::fuse::outside;

/// A segment, as far as it could be looked into.
#[derive(Debug)]
pub(super) struct SegmentNode {
    pub(super) reference: Reference,
    pub(super) is_read: bool,
    /// Blocks and indexes; not its statistics.
    pub(super) children: Vec<Reference>,
    /// Key of its `_hs`.
    pub(super) statistics: Option<Key>,
    pub(super) block_count: u64,
    pub(super) row_count: u64,
    /// Bytes of indexes that its summary counts and that none of its blocks' fields explains.
    pub(super) unknown_index_bytes: u64,
}

impl SegmentNode {
    /// A segment of which nothing but its reference is known yet.
    pub(super) fn new(reference: Reference) -> Self {
        Self {
            reference,
            is_read: false,
            children: Vec::new(),
            statistics: None,
            block_count: 0,
            row_count: 0,
            unknown_index_bytes: 0,
        }
    }
}

/// Fills in what a segment that was read references.
pub(super) fn children(
    node: &mut SegmentNode,
    segment: &Segment,
    prefix: &TablePrefix,
    indexes: &[InvertedIndex],
    listing: &Listing,
) {
    node.is_read = true;
    node.block_count = segment.summary.block_count;
    node.row_count = segment.summary.row_count;
    let mut known_bytes = 0;
    for block in &segment.blocks {
        let own = [
            (Some(&block.data), Class::Block),
            (block.bloom_index.as_ref(), Class::BloomIndex),
            (block.vector_index.as_ref(), Class::VectorIndex),
            (block.spatial_index.as_ref(), Class::SpatialIndex),
            (block.virtual_columns.as_ref(), Class::VirtualColumn),
        ];
        for (object, class) in own {
            let Some(object) = object else { continue };
            node.children.push(stated(object, class, prefix));
            if !matches!(class, Class::Block | Class::VirtualColumn) {
                known_bytes += object.size.unwrap_or(0);
            }
        }
        known_bytes += block.inverted_index_bytes.unwrap_or(0);
        inverted(block, node, prefix, indexes, listing);
    }
    node.unknown_index_bytes = segment.summary.index_bytes.saturating_sub(known_bytes);
}

fn stated(object: &StatedObject, class: Class, prefix: &TablePrefix) -> Reference {
    match prefix.resolve(&object.location) {
        Some(key) => sized(key, class, object.size),
        None => outside(&Key::from(object.location.as_str()), class),
    }
}

fn sized(key: Key, class: Class, size: Option<u64>) -> Reference {
    let (wanted, verified) = (Wanted::Sized(size), Verified::Unverified);
    Reference {
        key,
        class,
        wanted,
        verified,
        body: None,
    }
}

/// Inverted indexes have no location: their names follow from the indexes that the hint knows, and where
/// it knows none, from the listing. One file's size is stated only when there is just one.
fn inverted(
    block: &Block,
    node: &mut SegmentNode,
    prefix: &TablePrefix,
    indexes: &[InvertedIndex],
    listing: &Listing,
) {
    let Some(bytes) = block.inverted_index_bytes else {
        return;
    };
    let Some(uuid) = uuid_in_name(&block.data.location) else {
        return;
    };
    let mut keys: Vec<Key> = indexes
        .iter()
        .map(|index| prefix.key(&index.file_name(uuid)))
        .collect();
    if keys.is_empty() {
        let file_name = format!("/{uuid}_v0.index");
        let folder = prefix.key("_i_i/");
        let below = listing.below(folder.as_str()).map(|(key, _)| key);
        let own = below.filter(|key| key.as_str().ends_with(&file_name));
        keys = own.cloned().collect();
        sometimes(Probe::IndexesFoundByKey, !keys.is_empty());
    }
    let size = (keys.len() == 1).then_some(bytes);
    node.children.extend(
        keys.into_iter()
            .map(|key| sized(key, Class::InvertedIndex, size)),
    );
}
