//! A value in an overflow run: a large table value, a tree's value, a stream's chunk.
//!
//! ```text
//! 0      64                              OverflowSize       64 + OverflowSize     whole pages
//! ├──────┼──────────────────────────────────┼──────────────────────┼───────────────────┤
//! │ head │ value, hashed                    │ value, not hashed    │ slack             │
//! └──────┴──────────────────────────────────┴──────────────────────┴───────────────────┘
//! ```
//!
//! The checksum ends 64 bytes before the value does, so the value's last 64 bytes (all of it, below 64) can
//! change unseen. Who emits them says so, unless a second check covers them, as a stream's BLAKE2b does.
//!
//! Checked on runs of 4.2 to 7.2. Deliberately not here: what the value is.

use std::ops::Range;

use super::page::{HEADER_BYTES, Header};

/// An overflow run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run<'a> {
    /// Its value.
    pub value: &'a [u8],
    /// How many pages it takes.
    pub pages: u64,
    /// Which of the value's bytes no checksum covers.
    pub unhashed: Range<usize>,
}

impl<'a> Run<'a> {
    /// The run with this head at the start of these bytes. `None` if it is no run, or not all there.
    pub fn read(header: &Header, bytes: &'a [u8]) -> Option<Self> {
        let size = usize::try_from(header.value_bytes?).ok()?;
        let pages = header.pages()?;
        let value = bytes.get(HEADER_BYTES..)?.get(..size)?;
        Some(Self {
            value,
            pages,
            unhashed: size.saturating_sub(HEADER_BYTES)..size,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_64_bytes_of_the_value_are_not_hashed() {
        for (size, unhashed, pages) in [
            (20_u32, 0..20, 1),
            (64, 0..64, 1),
            (8128, 8064..8128, 1),
            (8129, 8065..8129, 2),
        ] {
            let mut bytes = vec![0; 64 + size as usize];
            bytes[8..12].copy_from_slice(&size.to_le_bytes());
            bytes[12] = 34;
            let header = Header::read(&bytes).unwrap();
            let run = Run::read(&header, &bytes).unwrap();
            assert_eq!(run.value.len(), size as usize);
            assert_eq!((run.unhashed, run.pages), (unhashed, pages));
            assert_eq!(Run::read(&header, &bytes[..bytes.len() - 1]), None);
        }
    }
}
