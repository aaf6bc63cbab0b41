//! The two file headers, `headers.one` and `headers.two`: how far the data file had been synced.
//!
//! ```text
//!   0 u64 magic 0xB16BAADC0DEF0015     98 i64 current journal
//!   8 i32 version                     106 i64 last synced journal
//!  12 i64 revision                    114 i64 last synced transaction
//!  20 i64 transaction                 122 3 bytes reserved, u8 flags
//!  28 i64 last page                   126 incremental backup, 24 bytes
//!  36 root of trees, 62 bytes         150 i32 page size
//!                                     154 u64 hash = XXH64([0,154), seed = transaction)
//! ```
//!
//! A later line has a 16-byte journal id at 154 and the hash, over all before it, at 170: the two are told
//! apart by the file's size, never by its version. Of two headers whose hash holds, the one with the higher
//! revision counts. Without a header nothing is lost but the place from which journals are redone.
//!
//! Checked on the headers of databases of 4.2 to 7.2, all of 162 bytes; the longer form comes from the
//! source of that line, no file of it was seen.
//!
//! Deliberately not here: the root of trees. Nothing is found through a tree.

use super::checksum::xxh64;
use super::journal::Hashed;
use super::number::{u32_at, u64_at};

/// The first eight bytes.
pub const MAGIC: u64 = 0xB16B_AADC_0DEF_0015;

/// Bytes of a header as 4.0 to 7.2 write it.
pub const HEADER_BYTES: usize = 162;

/// Bytes of a header with a journal's id in it.
pub const HEADER_WITH_JOURNAL_ID_BYTES: usize = 178;

/// What salvage needs of a file header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileHeader {
    /// Version of the storage: 22 and 23 up to 7.1, 25 in 7.2.
    pub version: u32,
    /// Raised each time that a header is written.
    pub revision: u64,
    /// The transaction that had been committed last when this was written; the hash's seed.
    pub transaction: u64,
    /// The last page then in use.
    pub last_page: u64,
    /// Number of the journal then written to.
    pub current_journal: u64,
    /// Number of the journal that holds the last synced transaction.
    pub last_synced_journal: u64,
    /// The last transaction that the data file holds for certain; it may hold later ones too.
    pub last_synced_transaction: u64,
    /// Bytes of a page.
    pub page_bytes: u32,
}

/// Why bytes are not a whole file header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAHeader {
    /// There are fewer bytes than a header has.
    #[error("{bytes} bytes are no file header")]
    Short {
        /// What there is.
        bytes: usize,
    },
    /// The first eight bytes are others.
    #[error("no file header begins so")]
    Magic,
    /// The hash is another: what it covers, for a repair, with what the header says as it stands.
    #[error("the header's hash does not hold")]
    Hash {
        /// What the hash covers.
        hashed: Hashed,
        /// The fields, none of them proven.
        stated: FileHeader,
    },
}

impl FileHeader {
    /// Reads a whole header file.
    ///
    /// # Errors
    ///
    /// [`NotAHeader`]: too short, of another kind, or with a hash that does not hold.
    pub fn read(bytes: &[u8]) -> Result<Self, NotAHeader> {
        let short = || NotAHeader::Short { bytes: bytes.len() };
        if bytes.len() < HEADER_BYTES {
            return Err(short());
        }
        if u64_at(bytes, 0) != Some(MAGIC) {
            return Err(NotAHeader::Magic);
        }
        let stated = Self::fields(bytes).ok_or_else(short)?;
        let hashed_bytes = if bytes.len() >= HEADER_WITH_JOURNAL_ID_BYTES {
            HEADER_WITH_JOURNAL_ID_BYTES - 8
        } else {
            HEADER_BYTES - 8
        };
        let hashed = Hashed {
            seed: stated.transaction,
            stored: u64_at(bytes, hashed_bytes).ok_or_else(short)?,
            range: 0..hashed_bytes,
        };
        if xxh64(hashed.seed, bytes.get(..hashed_bytes).ok_or_else(short)?) == hashed.stored {
            Ok(stated)
        } else {
            Err(NotAHeader::Hash { hashed, stated })
        }
    }

    fn fields(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            version: u32_at(bytes, 8)?,
            revision: u64_at(bytes, 12)?,
            transaction: u64_at(bytes, 20)?,
            last_page: u64_at(bytes, 28)?,
            current_journal: u64_at(bytes, 98)?,
            last_synced_journal: u64_at(bytes, 106)?,
            last_synced_transaction: u64_at(bytes, 114)?,
            page_bytes: u32_at(bytes, 150)?,
        })
    }
}

/// The header that counts: the whole one, or of two the one with the higher revision.
pub fn newer(one: Option<FileHeader>, two: Option<FileHeader>) -> Option<FileHeader> {
    one.into_iter()
        .chain(two)
        .max_by_key(|header| header.revision)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(bytes: usize, revision: u64) -> Vec<u8> {
        let mut header = vec![0x55; bytes];
        for (offset, value) in [
            (0, 0xB16B_AADC_0DEF_0015),
            (12, revision),
            (20, 689),
            (28, 9037),
            (98, 10),
            (106, 9),
            (114, 640),
        ] {
            header[offset..offset + 8].copy_from_slice(&u64::to_le_bytes(value));
        }
        header[8..12].copy_from_slice(&[23, 0, 0, 0]);
        header[150..154].copy_from_slice(&[0, 0x20, 0, 0]);
        let hash = xxhash_rust::xxh64::xxh64(&header[..bytes - 8], 689);
        header[bytes - 8..].copy_from_slice(&hash.to_le_bytes());
        header
    }

    #[test]
    fn both_lengths_are_read_and_the_higher_revision_counts() {
        let short = FileHeader::read(&header(162, 15)).expect("a whole header");
        assert_eq!(
            short,
            FileHeader {
                version: 23,
                revision: 15,
                transaction: 689,
                last_page: 9037,
                current_journal: 10,
                last_synced_journal: 9,
                last_synced_transaction: 640,
                page_bytes: 8192,
            }
        );
        let long = FileHeader::read(&header(178, 16)).expect("a whole header");
        assert_eq!(newer(Some(short), Some(long)), Some(long));
        assert_eq!(newer(Some(long), Some(short)), Some(long));
        assert_eq!(newer(None, Some(short)), Some(short));
        assert_eq!(newer(None, None), None);
    }

    #[test]
    fn every_flipped_bit_is_seen_and_what_a_repair_needs_is_told() {
        let whole = header(162, 15);
        for bit in 0..162 * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            match FileHeader::read(&flipped) {
                Err(NotAHeader::Magic) => assert!(bit < 64),
                Err(NotAHeader::Hash { hashed, stated }) => {
                    assert!(bit >= 64);
                    assert_eq!(hashed.range, 0..154);
                    assert_eq!(hashed.seed, stated.transaction);
                }
                other => panic!("bit {bit}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
            let mut bytes = bytes;
            if magic && bytes.len() >= 8 {
                bytes[..8].copy_from_slice(&MAGIC.to_le_bytes());
            }
            let read = FileHeader::read(&bytes);
            let short = Err(NotAHeader::Short { bytes: bytes.len() });
            prop_assert_eq!(read == short, bytes.len() < HEADER_BYTES);
        }
    }
}
