//! Makes checksums true, so that what was mutated is believed and read on.
//!
//! By another crate's XXH64 and from `core/FORMATS.md`, so that [`page_hash`] is also what a verdict is held
//! against. Deliberately not here: runs of fewer than 40 bytes, whose hash is a special case.

use std::ops::Range;

use xxhash_rust::xxh64::{Xxh64, xxh64};

/// Bytes of a page.
pub const PAGE: usize = 8192;

const HEAD: usize = 64;
const PAGE_HASH: Range<usize> = 32..40;
const BLOCK: usize = 4096;
const MARKER: u64 = 0x1A4C_92AD_90AB_C123;
const TRANSACTION_HASH: Range<usize> = 40..48;
const TRANSACTION_HEAD: usize = 192;

/// Seals every page and run of a data file, one behind the other.
pub fn pages(mut file: &mut [u8]) {
    while file.len() >= PAGE {
        let pages = page(file);
        let bytes = file.len().min(pages * PAGE);
        file = &mut file[bytes..];
    }
}

/// Seals the page or run at the start of these bytes, if all of it is there; says how many pages it takes.
pub fn page(bytes: &mut [u8]) -> usize {
    let Some(hash) = page_hash(bytes) else {
        return 1;
    };
    bytes[PAGE_HASH].copy_from_slice(&hash.to_le_bytes());
    match bytes[12] & 3 {
        2 => (HEAD + u32_at(bytes, 8) as usize).div_ceil(PAGE),
        _ => 1,
    }
}

/// What the checksum of the page or run at the start of these bytes has to be. None where its head says nothing of
/// how far it reaches, where that is not there, and for the shortest runs.
pub fn page_hash(bytes: &[u8]) -> Option<u64> {
    let head = bytes.get(..HEAD)?;
    let end = match head[12] & 3 {
        1 => PAGE,
        2 => u32_at(head, 8) as usize,
        _ => return None,
    };
    let mut hash = Xxh64::new(u64_at(head, 0));
    hash.update(&head[..PAGE_HASH.start]);
    hash.update(bytes.get(PAGE_HASH.end..end)?);
    Some(hash.digest())
}

/// Seals every transaction of a journal whose payload is there.
pub fn transactions(journal: &mut [u8]) {
    for at in (0..journal.len()).step_by(BLOCK) {
        let bytes = &mut journal[at..];
        if bytes.len() >= TRANSACTION_HEAD && u64_at(bytes, 0) == MARKER {
            seal_transaction(bytes);
        }
    }
}

fn seal_transaction(bytes: &mut [u8]) -> Option<()> {
    let stored = match u64_at(bytes, 112) {
        u64::MAX => u64_at(bytes, 120),
        compressed => compressed,
    };
    let end = TRANSACTION_HEAD.checked_add(usize::try_from(stored).ok()?)?;
    let hash = xxh64(bytes.get(TRANSACTION_HEAD..end)?, u64_at(bytes, 8));
    bytes[TRANSACTION_HASH].copy_from_slice(&hash.to_le_bytes());
    Some(())
}

/// Seals a header of a data file, with or without a journal's id in it.
pub fn header(bytes: &mut [u8]) {
    let end = match bytes.len() {
        0..162 => return,
        162..178 => 154,
        _ => 170,
    };
    let hash = xxh64(&bytes[..end], u64_at(bytes, 20));
    bytes[end..end + 8].copy_from_slice(&hash.to_le_bytes());
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
