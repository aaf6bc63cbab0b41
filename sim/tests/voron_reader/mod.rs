//! A second reading of the format: no checks beyond what tests need, and nothing shared with the writer.

mod values;

use std::collections::BTreeMap;

pub(crate) use values::{columns, content_hash, decompressed, decrypted, json, segment};

pub(crate) const PAGE: usize = 8192;

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes(
        bytes[at..at + 2].try_into().expect("2 bytes"),
    ))
}

pub(crate) fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

pub(crate) fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    i64_at(bytes, at) as u64
}

pub(crate) fn xxh64(bytes: &[u8], seed: u64) -> u64 {
    xxhash_rust::xxh64::xxh64(bytes, seed)
}

/// Pages of the page or run that begins here.
pub(crate) fn pages(head: &[u8]) -> usize {
    if head[12] & 2 == 0 {
        return 1;
    }
    (i32_at(head, 8) as usize + 64).div_ceil(PAGE)
}

/// Whether the page or run that the bytes begin with has the checksum that it should have.
pub(crate) fn verifies(bytes: &[u8]) -> bool {
    let behind = if bytes[12] & 2 == 0 {
        PAGE - 40
    } else if i32_at(bytes, 8) < 40 {
        return u64_at(bytes, 32) == first_block(bytes);
    } else {
        i32_at(bytes, 8) as usize - 40
    };
    let hashed = [&bytes[..32], &bytes[40..40 + behind]].concat();
    u64_at(bytes, 32) == xxh64(&hashed, u64_at(bytes, 0))
}

/// The hash of the first 32 bytes with another length: undone and done again behind the lanes, for the length
/// is added between the lanes and the finish.
fn first_block(bytes: &[u8]) -> u64 {
    const PRIME_2: u64 = 0xC2B2_AE3D_27D4_EB4F;
    const PRIME_3: u64 = 0x1656_67B1_9E37_79F9;
    let mut hash = xxh64(&bytes[..32], u64_at(bytes, 0));
    hash ^= hash >> 32;
    hash = hash.wrapping_mul(inverse(PRIME_3));
    hash ^= hash >> 29 ^ hash >> 58;
    hash = hash.wrapping_mul(inverse(PRIME_2));
    hash ^= hash >> 33;
    let length = (32 + i64::from(i32_at(bytes, 8)) - 40) as u32;
    hash = hash.wrapping_sub(32).wrapping_add(u64::from(length));
    hash = (hash ^ hash >> 33).wrapping_mul(PRIME_2);
    hash = (hash ^ hash >> 29).wrapping_mul(PRIME_3);
    hash ^ hash >> 32
}

fn inverse(odd: u64) -> u64 {
    (0..6).fold(odd, |guess, _| {
        guess.wrapping_mul(2u64.wrapping_sub(odd.wrapping_mul(guess)))
    })
}

/// Offset of the value and size of each entry that is not freed.
pub(crate) fn entries(page: &[u8]) -> Vec<(usize, usize)> {
    let end = u16_at(page, 10);
    let mut found = Vec::new();
    let mut at = 64;
    while at < end {
        let (allocated, used) = (u16_at(page, at), u16_at(page, at + 2));
        if used == 0xFFFF {
            assert!(
                page[at + 4..at + 4 + allocated]
                    .iter()
                    .all(|byte| *byte == 0)
            );
        } else {
            assert!(used & 0x7FFF <= allocated);
            found.push((at + 4, used & 0x7FFF));
        }
        at += 4 + allocated;
    }
    assert_eq!(at, end);
    assert!(
        page[end..].iter().all(|byte| *byte == 0),
        "nothing behind the last"
    );
    found
}

/// Content and tag of a stream.
pub(crate) fn stream(file: &[u8], first: u64) -> (Vec<u8>, Vec<u8>) {
    let mut content = Vec::new();
    let mut page = first as usize;
    loop {
        let run = &file[page * PAGE..];
        assert_eq!(run[13] == 1, page == first as usize);
        let data = i64_at(run, 22) as usize;
        content.extend_from_slice(&run[64..64 + data]);
        let next = i64_at(run, 14) as usize;
        if next == 0 {
            let info = &run[64 + data..64 + i32_at(run, 8) as usize];
            assert_eq!(i64_at(info, 0) as usize, content.len());
            assert_eq!(i32_at(info, 12) as usize, info.len() - 16);
            return (content, info[16..].to_vec());
        }
        page = next;
    }
}

pub(crate) struct Node {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Vec<u8>,
    pub(crate) page: Option<u64>,
}

/// The nodes of a leaf or a branch.
pub(crate) fn nodes(page: &[u8]) -> Vec<Node> {
    let (lower, upper) = (u16_at(page, 14), u16_at(page, 16));
    assert!(lower <= upper && upper <= PAGE);
    (64..lower)
        .step_by(2)
        .map(|at| {
            let node = &page[u16_at(page, at)..];
            let key = 11 + u16_at(node, 9);
            let (value, page) = match node[8] {
                1 => (node[key..key + i32_at(node, 0) as usize].to_vec(), None),
                2 => (Vec::new(), Some(u64_at(node, 0))),
                other => panic!("node flags {other}"),
            };
            Node {
                key: node[11..key].to_vec(),
                value,
                page,
            }
        })
        .collect()
}

/// All entries of a tree that is named by its header.
pub(crate) fn tree(file: &[u8], header: &[u8]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut found = BTreeMap::new();
    walk(file, u64_at(header, 2), b"", &mut found);
    assert_eq!(found.len() as i64, i64_at(header, 50));
    found
}

fn walk(file: &[u8], number: u64, least: &[u8], found: &mut BTreeMap<Vec<u8>, Vec<u8>>) {
    let page = &file[number as usize * PAGE..][..PAGE];
    for node in nodes(page) {
        assert!(node.key.is_empty() || node.key.as_slice() >= least);
        match node.page {
            Some(child) if page[13] == 1 => walk(file, child, &node.key, found),
            Some(run) => {
                let run = &file[run as usize * PAGE..];
                assert_eq!((run[12], run[13]), (6, 4));
                let value = run[64..64 + i32_at(run, 8) as usize].to_vec();
                found.insert(node.key, value);
            }
            None => {
                let before = found.insert(node.key.clone(), node.value);
                assert!(before.is_none());
                let last = found.last_key_value().expect("just put");
                assert_eq!(last.0, &node.key, "in order");
            }
        }
    }
}

/// All entries of a tree of numbers, embedded or named.
pub(crate) fn numbers(file: &[u8], named: &[u8]) -> Vec<(i64, i64)> {
    let entry = |bytes: &[u8]| (i64_at(bytes, 0), i64_at(bytes, 8));
    if named[0] == 2 {
        return named[6..].chunks(16).map(entry).collect();
    }
    let mut level = vec![u64_at(named, 12)];
    let mut found = Vec::new();
    while !level.is_empty() {
        let mut below = Vec::new();
        for number in level {
            let page = &file[number as usize * PAGE..][..PAGE];
            assert_eq!((page[12], u16_at(page, 8), u16_at(page, 14)), (9, 64, 8));
            let entries = page[64..].chunks(16).take(u16_at(page, 10)).map(entry);
            match page[13] {
                1 => below.extend(entries.map(|(_, child)| child as u64)),
                _ => found.extend(entries),
            }
        }
        level = below;
    }
    assert_eq!(found.len() as i64, i64_at(named, 4));
    found
}

pub(crate) struct Transaction {
    pub(crate) number: u64,
    pub(crate) root: Vec<u8>,
    pub(crate) pages: Vec<TransactionPage>,
    length: usize,
}

pub(crate) struct TransactionPage {
    pub(crate) page: u64,
    size: usize,
    is_new: bool,
    difference: bool,
    body: Vec<u8>,
}

/// The transactions of a journal, as far as they follow one another.
pub(crate) fn transactions(journal: &[u8]) -> Vec<Transaction> {
    let mut found: Vec<Transaction> = Vec::new();
    let mut at = 0;
    while let Some(one) = journal.get(at..).and_then(transaction) {
        if found
            .last()
            .is_some_and(|last| one.number != last.number + 1)
        {
            break;
        }
        at += one.length;
        found.push(one);
    }
    found
}

/// The transaction that the bytes begin with.
pub(crate) fn transaction(bytes: &[u8]) -> Option<Transaction> {
    if bytes.len() < 192 || u64_at(bytes, 0) != 0x1A4C_92AD_90AB_C123 {
        return None;
    }
    let number = u64_at(bytes, 8);
    let (compressed, size) = (i64_at(bytes, 112), i64_at(bytes, 120) as usize);
    let stored_size = if compressed < 0 {
        size
    } else {
        compressed as usize
    };
    let stored = bytes.get(192..192 + stored_size)?;
    if u64_at(bytes, 40) != xxh64(stored, number) {
        return None;
    }
    let payload = if compressed < 0 {
        stored.to_vec()
    } else {
        lz4_flex::block::decompress(stored, size).expect("the hash is right")
    };
    let count = i32_at(bytes, 32) as usize;
    let mut at = count * 26;
    let mut pages = Vec::new();
    for info in payload[..at].chunks(26) {
        let (size, difference) = (i64_at(info, 8) as usize, i64_at(info, 18) as usize);
        assert_eq!(u64_at(&payload, at), u64_at(info, 0));
        let length = if difference > 0 { difference } else { size };
        pages.push(TransactionPage {
            page: u64_at(info, 0),
            size,
            is_new: info[16] == 1,
            difference: difference > 0,
            body: payload[at + 8..at + 8 + length].to_vec(),
        });
        at += 8 + length;
    }
    assert_eq!(at, payload.len());
    Some(Transaction {
        number,
        root: bytes[48..110].to_vec(),
        pages,
        length: (192 + stored_size).next_multiple_of(4096),
    })
}

/// What a page is after the transaction, if that follows from it alone.
pub(crate) fn image(page: &TransactionPage) -> Option<Vec<u8>> {
    if !page.difference {
        return Some(page.body.clone());
    }
    page.is_new.then(|| {
        let mut image = vec![0; page.size];
        patch(&page.body, &mut image);
        image
    })
}

/// Redoes a transaction.
pub(crate) fn apply(transaction: &Transaction, file: &mut Vec<u8>) {
    for page in &transaction.pages {
        let at = page.page as usize * PAGE;
        file.resize(file.len().max(at + page.size), 0);
        let target = &mut file[at..at + page.size];
        if let Some(image) = image(page).filter(|image| !image.is_empty()) {
            target.copy_from_slice(&image);
        } else if page.difference {
            patch(&page.body, target);
        }
    }
}

fn patch(difference: &[u8], target: &mut [u8]) {
    let mut at = 0;
    while at < difference.len() {
        let start = i64_at(difference, at) as usize;
        let count = i64_at(difference, at + 8);
        at += 16;
        if count < 0 {
            target[start..start + count.unsigned_abs() as usize].fill(0);
        } else {
            let count = count as usize;
            target[start..start + count].copy_from_slice(&difference[at..at + count]);
            at += count;
        }
    }
}
