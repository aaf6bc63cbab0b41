//! Headers of metadata objects, and compression of what follows them.

use std::cell::RefCell;

use bytes::Bytes;

use super::specification::Compression;

const MESSAGE_PACK: u8 = 2;

thread_local! {
    /// A new context for each small frame costs more than the frame itself. What it compresses does not
    /// depend on what it compressed before, so sharing one keeps runs equal.
    static COMPRESSOR: RefCell<zstd::bulk::Compressor<'static>> = RefCell::new({
        let mut compressor =
            zstd::bulk::Compressor::new(zstd::DEFAULT_COMPRESSION_LEVEL).expect("memory for a context");
        // Databend's frames do not state their content size; a reader must not count on it.
        compressor.include_contentsize(false).expect("a parameter of every zstd");
        compressor
    });
}

/// Snapshot (version 4) and segment statistics (version 0): one payload.
pub(super) fn single(version: u64, compression: Compression, payload: Vec<u8>) -> Bytes {
    let payload = compress(compression, payload);
    let mut frame = header(version, compression, &[payload.len()], payload.len());
    frame.extend_from_slice(&payload);
    Bytes::from(frame)
}

/// Segment (version 4): block metas, then their summary.
pub(super) fn segment(compression: Compression, blocks: Vec<u8>, summary: Vec<u8>) -> Bytes {
    let blocks = compress(compression, blocks);
    let summary = compress(compression, summary);
    let lengths = [blocks.len(), summary.len()];
    let mut frame = header(4, compression, &lengths, blocks.len() + summary.len());
    frame.extend_from_slice(&blocks);
    frame.extend_from_slice(&summary);
    Bytes::from(frame)
}

/// Statistics inside metadata: always one zstd frame, even where the metadata itself is not compressed.
pub(super) fn statistics(compression: Compression, content: Vec<u8>) -> Vec<u8> {
    match compression {
        Compression::Zstd => compress(compression, content),
        Compression::None => stored(&content),
    }
}

fn header(version: u64, compression: Compression, lengths: &[usize], body: usize) -> Vec<u8> {
    let mut frame = Vec::with_capacity(10 + 8 * lengths.len() + body);
    frame.extend_from_slice(&version.to_le_bytes());
    frame.push(MESSAGE_PACK);
    frame.push(match compression {
        Compression::None => 0,
        Compression::Zstd => 1,
    });
    for &length in lengths {
        let length = u64::try_from(length).expect("a usize has at most 64 bits");
        frame.extend_from_slice(&length.to_le_bytes());
    }
    frame
}

fn compress(compression: Compression, content: Vec<u8>) -> Vec<u8> {
    match compression {
        Compression::None => content,
        Compression::Zstd => COMPRESSOR.with_borrow_mut(|compressor| {
            compressor
                .compress(&content)
                .expect("the destination is as large as the worst case")
        }),
    }
}

/// A zstd frame that holds its content as it is (RFC 8878: single segment, content size in two bytes less
/// 256 or in one, then one last raw block).
fn stored(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd];
    if let Ok(size) = u8::try_from(content.len()) {
        frame.extend_from_slice(&[0x20, size]);
    } else {
        let size = u16::try_from(content.len() - 256).expect("sketches are below 64 KiB");
        frame.push(0x60);
        frame.extend_from_slice(&size.to_le_bytes());
    }
    let length = u32::try_from(content.len()).expect("sketches are below 64 KiB");
    let block = (length << 3) | 1;
    frame.extend_from_slice(&block.to_le_bytes()[..3]);
    frame.extend_from_slice(content);
    frame
}
