//! Bodies of blocks and indexes: noise of the wished length, different for each object.

use bytes::Bytes;

use super::identity::mix;

const MAGIC: &[u8; 4] = b"PAR1";

/// `size` bytes that follow from `seed`, between two parquet magics where there is room for both.
pub(super) fn body(seed: u64, size: u64) -> Bytes {
    let size = usize::try_from(size).expect("bodies are held in memory, so sizes fit");
    let mut bytes = Vec::with_capacity(size + 8);
    if size >= 2 * MAGIC.len() {
        bytes.extend_from_slice(MAGIC);
    }
    let mut nth = 0;
    while bytes.len() < size {
        bytes.extend_from_slice(&mix(seed, nth).to_le_bytes());
        nth += 1;
    }
    bytes.truncate(size);
    if size >= 2 * MAGIC.len() {
        bytes[size - MAGIC.len()..].copy_from_slice(MAGIC);
    }
    Bytes::from(bytes)
}
