//! The two headers beside the data file: the newer one says how far it is.

use super::bytes::{PAGE_SIZE, put_i32, put_i64, put_u64};
use super::checksum::xxh64;
use super::specification::Flavour;
use super::tree::TreeHeader;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) flavour: Flavour,
    pub(super) revision: u64,
    pub(super) transaction: u64,
    pub(super) last_page: u64,
    pub(super) root: TreeHeader,
    pub(super) current_journal: i64,
    pub(super) synced_journal: i64,
}

const MAGIC: u64 = 0xB16B_AADC_0DEF_0015;
const HASHED: usize = 154;

/// The 162 bytes of a header.
pub(super) fn header(header: &Header) -> Vec<u8> {
    let mut out = vec![0; HASHED + 8];
    put_u64(&mut out, 0, MAGIC);
    let schema = match header.flavour {
        Flavour::V5 => 23,
        Flavour::V7_2 => 25,
    };
    put_i32(&mut out, 8, schema);
    put_u64(&mut out, 12, header.revision);
    put_u64(&mut out, 20, header.transaction);
    put_u64(&mut out, 28, header.last_page);
    out[36..98].copy_from_slice(&header.root);
    put_i64(&mut out, 98, header.current_journal);
    put_i64(&mut out, 106, header.synced_journal);
    put_u64(&mut out, 114, header.transaction);
    out[126..142].fill(0xFF);
    put_i64(&mut out, 142, header.current_journal);
    put_i32(&mut out, 150, PAGE_SIZE as i32);
    let hash = xxh64(&out[..HASHED], header.transaction);
    put_u64(&mut out, HASHED, hash);
    out
}
