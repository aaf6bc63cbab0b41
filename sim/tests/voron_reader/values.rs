//! Rows, blittables, compressed values and segments.

use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use chacha20poly1305::XChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use firedrill_sim::voron::Entry;

use super::{i32_at, u16_at};

fn varint(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = bytes[*at];
        *at += 1;
        number |= u64::from(byte & 0x7F) << shift;
        shift += 7;
        if byte < 0x80 {
            return number;
        }
    }
}

/// A varint that ends before `at`, which is moved to its start.
fn reversed(bytes: &[u8], at: &mut usize) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        *at -= 1;
        let byte = bytes[*at];
        number |= u64::from(byte & 0x7F) << shift;
        shift += 7;
        if byte < 0x80 {
            return number;
        }
    }
}

fn little(bytes: &[u8], at: usize, width: usize) -> usize {
    (0..width)
        .rev()
        .fold(0, |number, nth| number << 8 | usize::from(bytes[at + nth]))
}

/// The columns of a row.
pub(crate) fn columns(row: &[u8]) -> Vec<Vec<u8>> {
    let mut at = 0;
    let count = varint(row, &mut at) as usize;
    let width = match row.len() {
        ..=255 => 1,
        256..=65_535 => 2,
        _ => 4,
    };
    let mut ends: Vec<usize> = (0..count)
        .map(|nth| at + little(row, at + nth * width, width))
        .collect();
    ends.push(row.len());
    ends.windows(2)
        .map(|pair| row[pair[0]..pair[1]].to_vec())
        .collect()
}

/// Number of the dictionary, and the value.
pub(crate) fn decompressed(stored: &[u8], dictionary: &[u8]) -> (u64, Vec<u8>) {
    let mut end = stored.len();
    let number = reversed(stored, &mut end);
    let mut decoder = zstd::bulk::Decompressor::with_dictionary(dictionary).expect("a dictionary");
    let value = decoder
        .decompress(&stored[..end], 8 << 20)
        .expect("it is whole");
    (number, value)
}

/// A run under its key: what libsodium's `crypto_kdf` and `crypto_aead_xchacha20poly1305_ietf` say.
pub(crate) fn decrypted(run: &[u8], master: &[u8; 32]) -> Vec<u8> {
    let mut salt = run[..8].to_vec();
    salt.resize(16, 0);
    let key = blake2::Blake2bMac::<U32>::new_with_salt_and_personal(
        Some(master),
        &salt,
        b"RavenDB!\0\0\0\0\0\0\0\0",
    )
    .expect("the lengths are right");
    let key: [u8; 32] = blake2::digest::FixedOutput::finalize_fixed(key).into();
    let nonce: [u8; 24] = run[24..48].try_into().expect("24 bytes");
    let code: [u8; 16] = run[48..64].try_into().expect("16 bytes");
    let mut out = run.to_vec();
    XChaCha20Poly1305::new(&key.into())
        .decrypt_inout_detached(
            &nonce.into(),
            &run[..32],
            (&mut out[64..]).into(),
            &code.into(),
        )
        .expect("the code is right");
    out
}

pub(crate) fn content_hash(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let hash = Blake2b::<U32>::digest(bytes);
    let mut bits: Vec<bool> = hash
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect();
    bits.resize(43 * 6, false);
    let digit = |six: &[bool]| {
        six.iter()
            .fold(0, |number, bit| number << 1 | usize::from(*bit))
    };
    let mut text: String = bits
        .chunks(6)
        .map(|six| char::from(DIGITS[digit(six)]))
        .collect();
    text.push('=');
    text
}

/// The text of a blittable; a blob is an array of its bytes.
pub(crate) fn json(bytes: &[u8]) -> String {
    let mut at = bytes.len() - 1;
    let names = reversed(bytes, &mut at) as usize;
    let root = reversed(bytes, &mut at) as usize;
    let mut out = String::new();
    value(bytes, names, root, bytes[bytes.len() - 1], &mut out);
    out
}

fn width(bits: u8) -> usize {
    match bits {
        1 => 1,
        2 => 2,
        3 => 4,
        _ => panic!("no width"),
    }
}

fn value(bytes: &[u8], names: usize, at: usize, token: u8, out: &mut String) {
    let mut here = at;
    match token & 15 {
        1 => object(bytes, names, at, token, out),
        2 => {
            let count = varint(bytes, &mut here) as usize;
            let offset = width(token >> 4 & 3);
            out.push('[');
            for nth in 0..count {
                let entry = here + nth * (offset + 1);
                if nth > 0 {
                    out.push(',');
                }
                let child = at - little(bytes, entry, offset);
                value(bytes, names, child, bytes[entry + offset], out);
            }
            out.push(']');
        }
        3 => {
            let zigzag = varint(bytes, &mut here);
            out.push_str(&((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)).to_string());
        }
        4 => out.push_str(string(bytes, here)),
        5 => quoted(string(bytes, here), out),
        6 => {
            let size = varint(bytes, &mut here) as usize;
            let compressed = varint(bytes, &mut here) as usize;
            let text =
                lz4_flex::block::decompress(&bytes[here..here + compressed], size).expect("LZ4");
            quoted(std::str::from_utf8(&text).expect("UTF-8"), out);
        }
        7 => out.push_str(if bytes[at] == 1 { "true" } else { "false" }),
        8 => out.push_str("null"),
        10 => {
            let size = varint(bytes, &mut here) as usize;
            out.push_str(&format!("{:?}", &bytes[here..here + size]));
        }
        other => panic!("token {other}"),
    }
}

fn object(bytes: &[u8], names: usize, at: usize, token: u8, out: &mut String) {
    let mut here = at;
    let count = varint(bytes, &mut here) as usize;
    let (offset, id) = (width(token >> 4 & 3), width(token >> 6));
    let name_width = width(bytes[names] >> 4);
    let mut properties = Vec::new();
    for nth in 0..count {
        let entry = here + nth * (offset + id + 1);
        let number = little(bytes, entry + offset, id);
        let name = names - little(bytes, names + 1 + number * name_width, name_width);
        let child = at - little(bytes, entry, offset);
        properties.push((child, string(bytes, name), bytes[entry + offset + id]));
    }
    assert!(properties.is_sorted_by_key(|(_, name, _)| *name));
    properties.sort_unstable();
    out.push('{');
    for (nth, (child, name, token)) in properties.into_iter().enumerate() {
        if nth > 0 {
            out.push(',');
        }
        quoted(name, out);
        out.push(':');
        value(bytes, names, child, token, out);
    }
    out.push('}');
}

fn string(bytes: &[u8], at: usize) -> &str {
    let mut at = at;
    let size = varint(bytes, &mut at) as usize;
    std::str::from_utf8(&bytes[at..at + size]).expect("UTF-8")
}

fn quoted(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a string is JSON"));
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Bits<'_> {
    fn take(&mut self, width: u32) -> u64 {
        (0..width).fold(0, |number, _| {
            assert!(self.at < self.end);
            let bit = self.bytes[self.at / 8] >> (7 - self.at % 8) & 1;
            self.at += 1;
            number << 1 | u64::from(bit)
        })
    }
}

/// The entries of a segment, its state checked against them.
pub(crate) fn segment(bytes: &[u8], baseline: i64) -> Vec<Entry> {
    assert!(bytes.len() <= 2048);
    let count = u16_at(bytes, 8);
    let values = usize::from(bytes[13]);
    let tags_at = 16 + 48 * values;
    let bits_at = tags_at + u16_at(bytes, 10);
    let tags = tags(&bytes[tags_at..bits_at]);
    let end = i32_at(bytes, bits_at) as usize;
    assert_eq!(bytes.len(), bits_at + 8 + end.div_ceil(8));
    let mut bits = Bits {
        bytes: &bytes[bits_at + 8..],
        at: 0,
        end,
    };
    let (mut offset, mut delta) = (0i64, 0i64);
    let mut states = vec![(0u64, 0u32, 0u32); values];
    let mut tag = None;
    let mut entries = Vec::new();
    while bits.at < end {
        let live = bits.take(1) == 0;
        if entries.is_empty() {
            assert_eq!(bits.take(31), 0);
        } else {
            delta += change(&mut bits);
            offset += delta;
        }
        let value_bits: Vec<u64> = states
            .iter_mut()
            .map(|state| one_value(&mut bits, state, live))
            .collect();
        if bits.take(1) == 1 {
            tag = match bits.take(1) {
                0 => None,
                _ => Some(bits.take(7) as usize),
            };
        }
        entries.push(Entry {
            time_ms: baseline + offset,
            value_bits,
            tag: tag.map(|index: usize| tags[index].clone()),
            live,
        });
    }
    assert_eq!(entries.len(), count);
    assert_eq!(i64::from(i32_at(bytes, 0)), offset);
    assert_eq!(i64::from(i32_at(bytes, 4)), delta);
    entries
}

fn tags(area: &[u8]) -> Vec<String> {
    let count = usize::from(area[area.len() - 1]);
    let lengths = &area[area.len() - 1 - count..area.len() - 1];
    let mut at = 0;
    let mut tags = Vec::new();
    for length in lengths {
        tags.push(string(area, at).to_owned());
        at += usize::from(*length);
    }
    assert_eq!(at + count + 1, area.len());
    tags
}

fn change(bits: &mut Bits<'_>) -> i64 {
    let mut ones = 0;
    while ones < 4 && bits.take(1) == 1 {
        ones += 1;
    }
    let width = [0, 7, 9, 12, 32][ones];
    if width == 0 {
        return 0;
    }
    let shifted = bits.take(width) as i64 - (1 << (width - 1));
    if shifted >= 0 { shifted + 1 } else { shifted }
}

fn one_value(bits: &mut Bits<'_>, state: &mut (u64, u32, u32), live: bool) -> u64 {
    let mut value = state.0;
    if bits.take(1) == 1 {
        if bits.take(1) == 0 {
            let leading = bits.take(5) as u32;
            let size = bits.take(6) as u32 + 1;
            (state.1, state.2) = (leading, 64 - leading - size);
        }
        value ^= bits.take(64 - state.1 - state.2) << state.2;
    }
    if live && !f64::from_bits(value).is_nan() {
        state.0 = value;
    }
    value
}
