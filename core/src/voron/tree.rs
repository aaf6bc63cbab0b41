//! Leaves of trees: never believed to find anything, they say what must have been there, and since 7.2 they hold
//! small streams.
//!
//! ```text
//! variable-size leaf
//!   64 u16 node offset, (lower - 64) / 2 of them | … free … | upper: nodes
//!   node     0 i32 size | 8 u8 flags | 9 u16 key size | 11 key | value, size bytes
//!   flags    1 value here · 2 elsewhere: 0 i64 page number of a run instead of the size
//! fixed-size leaf
//!   start: entries of i64 key | value, value size bytes
//! what a value may be, by its byte 0
//!   2   embedded fixed-size tree: 1 u8 0 | 2 u16 value size | 4 u16 entries | 6 entries
//!   10  inline stream (7.2): 1 i64 size | 9 i32 version | 13 i32 tag size | 17 tag | data
//! ```
//!
//! - The value of a key tree and of an etag tree is a storage id, the place of an entry in the file; see
//!   [`StorageId`] for what else 8 bytes can be.
//! - Each node is read by itself: one that is damaged costs no other.
//!
//! Checked on files of 4.2, 7.1 and 7.2. Deliberately not here: branches, whose children are found without
//! them, and compressed leaves, which only indexes have.

use super::page::{HEADER_BYTES, Header, Kind, PAGE_BYTES};

/// The nodes of a variable-size leaf, in key order; those that cannot be are left out. Nothing if the page is
/// no such leaf.
pub fn nodes(page: &[u8; PAGE_BYTES]) -> impl Iterator<Item = Node<'_>> {
    let lower = match Header::read(page).map(|header| header.kind) {
        Some(Kind::TreeLeaf {
            lower,
            compressed: false,
            ..
        }) => usize::from(lower).clamp(HEADER_BYTES, PAGE_BYTES),
        _ => HEADER_BYTES,
    };
    let offsets = page.get(HEADER_BYTES..lower).unwrap_or_default();
    offsets.as_chunks::<2>().0.iter().filter_map(move |offset| {
        let offset = usize::from(u16::from_le_bytes(*offset));
        (offset >= lower).then(|| Node::at(page, offset)).flatten()
    })
}

/// A node of a variable-size leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node<'a> {
    /// From the page's start.
    pub offset: usize,
    /// Its key.
    pub key: &'a [u8],
    /// Its value.
    pub value: NodeValue<'a>,
}

/// Where a node's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeValue<'a> {
    /// In the leaf.
    Here(&'a [u8]),
    /// In an overflow run that starts at this page.
    Run(u64),
}

impl<'a> Node<'a> {
    fn at(page: &'a [u8; PAGE_BYTES], offset: usize) -> Option<Self> {
        const KEY_AT: usize = 11;
        let node = page.get(offset..)?;
        let head = node.first_chunk::<KEY_AT>()?;
        let [first @ .., flags, k0, k1] = head;
        let key_bytes = usize::from(u16::from_le_bytes([*k0, *k1]));
        let key = node.get(KEY_AT..)?.get(..key_bytes)?;
        let value = match flags {
            1 => {
                let size = usize::try_from(i32::from_le_bytes(*first.first_chunk()?)).ok()?;
                NodeValue::Here(node.get(KEY_AT + key_bytes..)?.get(..size)?)
            }
            2 => NodeValue::Run(u64::from_le_bytes(*first)),
            _ => return None,
        };
        Some(Self { offset, key, value })
    }
}

/// A stream that lies in a leaf (or in a run of a tree), since 7.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InlineStream<'a> {
    /// What names it: see [`super::stream::Tag`].
    pub tag: &'a [u8],
    /// Its data. Its BLAKE2b-256 in base64 is the node's key.
    pub data: &'a [u8],
}

impl<'a> InlineStream<'a> {
    /// The stream that this tree value is, if it is one and nothing is missing.
    pub fn read(value: &'a [u8]) -> Option<Self> {
        const TYPE: u8 = 10;
        let (object_type, rest) = value.split_first()?;
        let (size, rest) = rest.split_first_chunk()?;
        let (_version, rest) = rest.split_first_chunk::<4>()?;
        let (tag_bytes, rest) = rest.split_first_chunk()?;
        let tag_bytes = usize::try_from(i32::from_le_bytes(*tag_bytes)).ok()?;
        let (tag, data) = rest.split_at_checked(tag_bytes)?;
        let whole = *object_type == TYPE && i64::from_le_bytes(*size) == data.len() as i64;
        whole.then_some(Self { tag, data })
    }
}

/// Entries of a fixed-size tree: of a leaf page, or of a tree so small that it lies in a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedEntries<'a> {
    entries: &'a [u8],
    value_bytes: usize,
}

impl<'a> FixedEntries<'a> {
    /// Of a leaf page; of one whose count says more than there is room, those for which there is room. `None`
    /// if it is no such leaf.
    pub fn of_page(page: &'a [u8; PAGE_BYTES]) -> Option<Self> {
        let Kind::FixedLeaf {
            start,
            entries,
            value_bytes,
        } = Header::read(page)?.kind
        else {
            return None;
        };
        let start = usize::from(start);
        let room = page.get(start..).filter(|_| start >= HEADER_BYTES)?;
        Some(Self::new(room, entries, value_bytes))
    }

    /// Of a value in a variable-size tree. `None` if it is no embedded tree, or cut off.
    pub fn of_value(value: &'a [u8]) -> Option<Self> {
        let [2, _, v0, v1, n0, n1, room @ ..] = value else {
            return None;
        };
        let value_bytes = u16::from_le_bytes([*v0, *v1]);
        let count = u16::from_le_bytes([*n0, *n1]);
        let entries = Self::new(room, count, value_bytes);
        (entries.len() == usize::from(count)).then_some(entries)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.entries.len() / (8 + self.value_bytes)
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each value's size, in bytes.
    pub fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// Key and value of each, in key order.
    pub fn iter(&self) -> impl Iterator<Item = (i64, &'a [u8])> + use<'a> {
        let entries = self.entries.chunks_exact(8 + self.value_bytes);
        entries.filter_map(|entry| {
            let (key, value) = entry.split_first_chunk()?;
            Some((i64::from_le_bytes(*key), value))
        })
    }

    fn new(room: &'a [u8], count: u16, value_bytes: u16) -> Self {
        let value_bytes = usize::from(value_bytes);
        let entry_bytes = 8 + value_bytes;
        let count = usize::from(count).min(room.len() / entry_bytes);
        Self {
            entries: room.get(..count * entry_bytes).unwrap_or_default(),
            value_bytes,
        }
    }
}

/// Where an entry of a table lies: what key trees and etag trees give as their value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StorageId {
    /// The page's number.
    pub page: u64,
    /// Of the entry's sizes, from the page's start; 0 is the head of an overflow run.
    pub offset: u16,
}

impl StorageId {
    /// The place that these bytes name, if they can name one: 8 bytes, not in page 0, not in a page's head. Other
    /// values have 8 bytes too (a page number, a count), so the caller also asks whether the key is one of that
    /// table: without that an undamaged file names 854 places that never were.
    pub fn read(value: &[u8]) -> Option<Self> {
        let (place, []) = value.split_first_chunk()? else {
            return None;
        };
        let place = u64::try_from(i64::from_le_bytes(*place)).ok()?;
        let page = place / PAGE_BYTES as u64;
        let offset = u16::try_from(place % PAGE_BYTES as u64).ok()?;
        let possible = page >= 1 && (offset == 0 || usize::from(offset) >= HEADER_BYTES);
        possible.then_some(Self { page, offset })
    }
}

/// The witnesses of a variable-size leaf: key, and the place of its entry. Values that can be no place are left
/// out.
pub fn key_witnesses(page: &[u8; PAGE_BYTES]) -> impl Iterator<Item = (&[u8], StorageId)> {
    nodes(page).filter_map(|node| match node.value {
        NodeValue::Here(value) => Some((node.key, StorageId::read(value)?)),
        NodeValue::Run(_) => None,
    })
}

/// The witnesses of a fixed-size tree: etag, and the place of its entry. Values that can be no place are left out.
pub fn etag_witnesses(entries: FixedEntries<'_>) -> impl Iterator<Item = (i64, StorageId)> {
    entries
        .iter()
        .filter_map(|(etag, value)| Some((etag, StorageId::read(value)?)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf(nodes: &[(&[u8], u8, &[u8])]) -> [u8; PAGE_BYTES] {
        let mut page = [0; PAGE_BYTES];
        (page[12], page[13]) = (5, 2);
        let mut upper = PAGE_BYTES;
        for (place, (key, flags, value)) in nodes.iter().enumerate() {
            let mut node = Vec::new();
            match flags {
                2 => node.extend_from_slice(value),
                _ => node.extend_from_slice(&(value.len() as u64).to_le_bytes()),
            }
            node.push(*flags);
            node.extend_from_slice(&(key.len() as u16).to_le_bytes());
            node.extend_from_slice(key);
            if *flags != 2 {
                node.extend_from_slice(value);
            }
            upper -= node.len();
            page[upper..upper + node.len()].copy_from_slice(&node);
            let slot = 64 + 2 * place;
            page[slot..slot + 2].copy_from_slice(&(upper as u16).to_le_bytes());
        }
        let lower = (64 + 2 * nodes.len()) as u16;
        page[14..16].copy_from_slice(&lower.to_le_bytes());
        page[16..18].copy_from_slice(&(upper as u16).to_le_bytes());
        page
    }

    #[test]
    fn nodes_are_read_one_by_one() {
        let place = (3_i64 * 8192 + 100).to_le_bytes();
        let mut page = leaf(&[
            (b"orders/1", 1, &place),
            (b"broken", 7, b"x"),
            (b"large", 2, &9_u64.to_le_bytes()),
        ]);
        let found: Vec<Node<'_>> = nodes(&page).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(
            (found[0].key, found[0].value),
            (&b"orders/1"[..], NodeValue::Here(&place))
        );
        assert_eq!(
            (found[1].key, found[1].value),
            (&b"large"[..], NodeValue::Run(9))
        );
        let storage_id = StorageId {
            page: 3,
            offset: 100,
        };
        let witnesses: Vec<_> = key_witnesses(&page).collect();
        assert_eq!(witnesses, [(&b"orders/1"[..], storage_id)]);
        // The first node's offset is hurt: the others are still read.
        page[64..66].copy_from_slice(&[0xFF, 0xFF]);
        assert_eq!(nodes(&page).count(), 1);
        page[13] = 1;
        assert_eq!(nodes(&page).count(), 0);
    }

    #[test]
    fn a_storage_id_is_no_page_number_and_no_count() {
        let read = |place: i64| StorageId::read(&place.to_le_bytes());
        assert_eq!(read(5), None);
        assert_eq!(read(8191), None);
        assert_eq!(read(8192 + 63), None);
        assert_eq!(read(-8192), None);
        assert_eq!(read(8192), Some(StorageId { page: 1, offset: 0 }));
        assert_eq!(StorageId::read(&[0, 32, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(StorageId::read(&[0, 32]), None);
    }

    #[test]
    fn an_inline_stream_is_whole_or_none() {
        let mut value = vec![10];
        value.extend_from_slice(&4_i64.to_le_bytes());
        value.extend_from_slice(&1_i32.to_le_bytes());
        value.extend_from_slice(&3_i32.to_le_bytes());
        value.extend_from_slice(b"tagdata");
        let stream = InlineStream {
            tag: b"tag",
            data: b"data",
        };
        assert_eq!(InlineStream::read(&value), Some(stream));
        assert_eq!(InlineStream::read(&value[..value.len() - 1]), None);
        value[0] = 2;
        assert_eq!(InlineStream::read(&value), None);
    }

    #[test]
    fn fixed_size_entries_lie_in_leaves_and_in_values() {
        let entries: Vec<u8> = [1_i64, 8192, 2, 5, 3, 8192 * 2 + 64]
            .into_iter()
            .flat_map(i64::to_le_bytes)
            .collect();
        let mut value = vec![2, 0, 8, 0, 3, 0];
        value.extend_from_slice(&entries);
        let mut page = [0; PAGE_BYTES];
        (page[8], page[10], page[12], page[13], page[14]) = (64, 3, 9, 2, 8);
        page[64..64 + entries.len()].copy_from_slice(&entries);
        for found in [
            FixedEntries::of_value(&value).unwrap(),
            FixedEntries::of_page(&page).unwrap(),
        ] {
            assert_eq!((found.len(), found.value_bytes()), (3, 8));
            let places: Vec<_> = etag_witnesses(found).collect();
            let first = StorageId { page: 1, offset: 0 };
            let last = StorageId {
                page: 2,
                offset: 64,
            };
            assert_eq!(places, [(1, first), (3, last)]);
        }
        assert_eq!(FixedEntries::of_value(&value[..value.len() - 1]), None);
        page[11] = 0xFF;
        assert_eq!(FixedEntries::of_page(&page).unwrap().len(), 8128 / 16);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(
            bytes in proptest::collection::vec(any::<u8>(), PAGE_BYTES),
            kind in 0_usize..3,
            head in proptest::collection::vec(any::<u8>(), 64..300),
        ) {
            let mut page = [0; PAGE_BYTES];
            page.copy_from_slice(&bytes);
            page[12..14].copy_from_slice(&[[5, 2], [9, 2], [5, 1]][kind]);
            for node in nodes(&page) {
                prop_assert!(node.key.len() < PAGE_BYTES);
            }
            key_witnesses(&page).for_each(drop);
            if let Some(entries) = FixedEntries::of_page(&page) {
                prop_assert!(entries.iter().count() == entries.len());
            }
            for object_type in [2, 10] {
                let mut value = head.clone();
                value[0] = object_type;
                if let Some(stream) = InlineStream::read(&value) {
                    prop_assert!(stream.data.len() < value.len());
                }
                if let Some(entries) = FixedEntries::of_value(&value) {
                    etag_witnesses(entries).for_each(drop);
                }
            }
        }
    }
}
