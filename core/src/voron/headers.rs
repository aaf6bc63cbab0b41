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
