//! Numbers, strings and texts as the format writes them.
//!
//! Little-endian unless a name says otherwise. Varints hold seven bits a byte, low ones first; reversed ones
//! stand at the end of something that is read backwards.

use blake2::digest::consts::{U16, U32};
use blake2::{Blake2b, Digest};

/// Bytes of a page.
pub(super) const PAGE_SIZE: usize = 8192;
/// Bytes of a page's header.
pub(super) const HEADER_SIZE: usize = 64;
/// What separates the parts of a key.
pub(super) const SEPARATOR: u8 = 0x1E;

pub(super) fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("the range has this length")
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(&bytes[at..]))
}

pub(super) fn put_u64(bytes: &mut [u8], at: usize, number: u64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

pub(super) fn put_i64(bytes: &mut [u8], at: usize, number: i64) {
    bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
}

pub(super) fn put_i32(bytes: &mut [u8], at: usize, number: i32) {
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
}

pub(super) fn put_u16(bytes: &mut [u8], at: usize, number: usize) {
    let number = u16::try_from(number).expect("offsets inside a page fit");
    bytes[at..at + 2].copy_from_slice(&number.to_le_bytes());
}

/// Pages of a run whose value has this many bytes.
pub(super) fn run_pages(size: usize) -> usize {
    (size + HEADER_SIZE).div_ceil(PAGE_SIZE)
}

pub(super) fn varint(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// A varint that is read from its last byte on.
pub(super) fn reversed_varint(out: &mut Vec<u8>, number: u64) {
    let mut forward = Vec::new();
    varint(&mut forward, number);
    out.extend(forward.iter().rev());
}

pub(super) fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// A string with the places at which a JSON writer has to stop and escape.
pub(super) fn lazy_string(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 4);
    varint(&mut out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
    escapes(&mut out, text);
    out
}

/// How many characters need escaping, and how far each is behind the one before.
pub(super) fn escapes(out: &mut Vec<u8>, text: &str) {
    let needy = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    let places: Vec<usize> = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| needy(*byte))
        .map(|(at, _)| at)
        .collect();
    varint(out, places.len() as u64);
    let mut from = 0;
    for place in places {
        varint(out, (place - from) as u64);
        from = place + 1;
    }
}

/// Lower case as keys have it.
pub(super) fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// Parts of a key with a separator between each two.
pub(super) fn joined(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(&SEPARATOR)
}

pub(super) fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for digit in 0..4 {
            if digit <= chunk.len() {
                let index = word >> (18 - 6 * digit) & 63;
                text.push(char::from(DIGITS[index as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// Name of an attachment's content.
pub(super) fn content_hash(bytes: &[u8]) -> String {
    base64(&Blake2b::<U32>::digest(bytes))
}

pub(super) fn blake2b_128(bytes: &[u8]) -> [u8; 16] {
    Blake2b::<U16>::digest(bytes).into()
}

/// A row: how many columns, where each begins, and the columns.
///
/// Offsets count from behind the number of columns and take 1, 2 or 4 bytes, as the whole row has up to 255,
/// up to 65,535 or more bytes.
pub(super) fn table_value(columns: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(&mut out, columns.len() as u64);
    let data: usize = columns.iter().map(Vec::len).sum();
    let whole = |width: usize| out.len() + columns.len() * width + data;
    let width = match (whole(1), whole(2)) {
        (..=255, _) => 1,
        (_, ..=65_535) => 2,
        _ => 4,
    };
    let mut offset = columns.len() * width;
    for column in columns {
        out.extend_from_slice(&(offset as u32).to_le_bytes()[..width]);
        offset += column.len();
    }
    for column in columns {
        out.extend_from_slice(column);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_pads() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn a_row_of_two_columns() {
        let row = table_value(&[b"ab".to_vec(), b"c".to_vec()]);
        assert_eq!(row, [2, 2, 4, b'a', b'b', b'c']);
        let long = table_value(&[vec![0; 252], Vec::new()]);
        assert_eq!(long.len(), 255, "one byte each");
        let longer = table_value(&[vec![0; 253], Vec::new()]);
        assert_eq!(longer[..5], [2, 4, 0, 1, 1], "two bytes each");
    }
}
