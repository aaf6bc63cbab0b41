//! Writes journals as `core/FORMATS.md` draws them, for tests, and from the drawing alone.
#![allow(dead_code, reason = "each test uses what it needs of this")]

/// What a made transaction does to a run.
#[derive(Debug, Clone)]
pub(crate) enum Made {
    /// It is these bytes from now on; the byte for *is new* is garbage.
    Full(Vec<u8>),
    /// Pieces: where, and bytes or, below zero, zeros. The flag clears first.
    Diff(bool, u64, Vec<(u64, Result<Vec<u8>, u64>)>),
    /// Nothing.
    Unchanged,
}

/// A decoded payload with these runs.
pub(crate) fn payload(changes: &[(u64, Made)]) -> Vec<u8> {
    let (mut list, mut rest) = (Vec::new(), Vec::new());
    for (page, change) in changes {
        let mut body = Vec::new();
        let (size, is_new, diff_size) = match change {
            Made::Full(bytes) => {
                body.extend_from_slice(bytes);
                (bytes.len() as u64, 0xEE, 0)
            }
            Made::Diff(clears_first, size, pieces) => {
                for (start, piece) in pieces {
                    body.extend_from_slice(&start.to_le_bytes());
                    match piece {
                        Ok(bytes) => {
                            body.extend_from_slice(&(bytes.len() as i64).to_le_bytes());
                            body.extend_from_slice(bytes);
                        }
                        Err(zeros) => body.extend_from_slice(&(-(*zeros as i64)).to_le_bytes()),
                    }
                }
                (*size, u8::from(*clears_first), body.len() as u64)
            }
            Made::Unchanged => (0, 3, 0),
        };
        list.extend_from_slice(&page.to_le_bytes());
        list.extend_from_slice(&size.to_le_bytes());
        list.push(is_new);
        list.push(0xCC);
        // The diff's size begins right behind: at 18.
        list.extend_from_slice(&diff_size.to_le_bytes());
        rest.extend_from_slice(&page.to_le_bytes());
        rest.extend_from_slice(&body);
    }
    list.extend_from_slice(&rest);
    list
}

/// A transaction, up to the next 4 KB boundary, as it is or compressed.
pub(crate) fn transaction(id: u64, compressed: bool, changes: &[(u64, Made)]) -> Vec<u8> {
    let payload = payload(changes);
    let stored = if compressed {
        lz4(&payload)
    } else {
        payload.clone()
    };
    let mut bytes = vec![0; 192];
    bytes[..8].copy_from_slice(&0x1A4C_92AD_90AB_C123_u64.to_le_bytes());
    bytes[8..16].copy_from_slice(&id.to_le_bytes());
    bytes[32..36].copy_from_slice(&(changes.len() as u32).to_le_bytes());
    let hash = xxhash_rust::xxh64::xxh64(&stored, id);
    bytes[40..48].copy_from_slice(&hash.to_le_bytes());
    bytes[110] = 4;
    let compressed_bytes = if compressed { stored.len() as i64 } else { -1 };
    bytes[112..120].copy_from_slice(&compressed_bytes.to_le_bytes());
    bytes[120..128].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&stored);
    bytes.resize(bytes.len().next_multiple_of(4096), 0);
    bytes
}

/// An LZ4 block: runs of more than 16 equal bytes become matches at distance 1, the rest literals.
pub(crate) fn lz4(bytes: &[u8]) -> Vec<u8> {
    let (mut block, mut start, mut at) = (Vec::new(), 0, 0);
    while at < bytes.len() {
        let run = bytes[at..]
            .iter()
            .take_while(|byte| **byte == bytes[at])
            .count();
        // A match repeats the one literal before it, and the block ends with five literals.
        let repeated = run.min(bytes.len().saturating_sub(at + 5));
        if repeated > 16 {
            sequence(&mut block, &bytes[start..=at], Some(repeated - 1));
            start = at + repeated;
        }
        at += run;
    }
    sequence(&mut block, &bytes[start..], None);
    block
}

fn sequence(block: &mut Vec<u8>, literals: &[u8], repeated: Option<usize>) {
    let beyond = repeated.map_or(0, |count| count - 4);
    block.push(((literals.len().min(15) << 4) | beyond.min(15)) as u8);
    length(block, literals.len());
    block.extend_from_slice(literals);
    if repeated.is_some() {
        block.extend_from_slice(&1_u16.to_le_bytes());
        length(block, beyond);
    }
}

fn length(block: &mut Vec<u8>, count: usize) {
    if let Some(mut left) = count.checked_sub(15) {
        while left >= 255 {
            block.push(255);
            left -= 255;
        }
        block.push(left as u8);
    }
}

/// Pages with a true checksum: number, flags 1, filled so.
pub(crate) fn page(number: u64, fill: u8) -> Vec<u8> {
    let mut page = vec![fill; 8192];
    page[..64].fill(0);
    page[..8].copy_from_slice(&number.to_le_bytes());
    page[12] = 1;
    seal(&mut page);
    page
}

/// Makes the checksum of a page true.
pub(crate) fn seal(page: &mut [u8]) {
    let number = u64::from_le_bytes(page[..8].try_into().expect("eight bytes"));
    let mut hashed = page[..32].to_vec();
    hashed.extend_from_slice(&page[40..8192]);
    let checksum = xxhash_rust::xxh64::xxh64(&hashed, number);
    page[32..40].copy_from_slice(&checksum.to_le_bytes());
}

/// What turns one page into another, as a diff, in pieces of eight bytes.
pub(crate) fn diff(from: &[u8], to: &[u8]) -> Made {
    let mut pieces = Vec::new();
    for (at, (old, new)) in from.chunks(8).zip(to.chunks(8)).enumerate() {
        if old != new && new == [0; 8] {
            pieces.push((at as u64 * 8, Err(8)));
        } else if old != new {
            pieces.push((at as u64 * 8, Ok(new.to_vec())));
        }
    }
    Made::Diff(false, to.len() as u64, pieces)
}
