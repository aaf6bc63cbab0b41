//! Carves transactions out of journals, wherever they begin.
//!
//! ```text
//!   4 KB        4 KB                                4 KB
//!    │ header, 192 bytes │ payload … │ garbage or zeros │ next header …
//!
//!   0 u64 marker 0x1A4C92AD90ABC123    110 u8 4 when committed
//!   8 i64 transaction                  112 i64 compressed size, -1: stored as it is
//!  16 i64 next page                    120 i64 uncompressed size
//!  24 i64 last page                    128 i64 ticks
//!  32 i32 pages in the list            136 journal id, 16 bytes, zero so far
//!  36 i32 flags, 1 encrypted           152 nonce, 24 bytes
//!  40 u64 hash of the payload          176 message authentication code, 16 bytes
//!  48 root of trees, 62 bytes          192 payload
//! ```
//!
//! The hash is XXH64 over the payload as it is stored, with the transaction's number as its seed. It says
//! nothing of the header's other fields: what is needed of them is derived from the payload
//! ([`payload`], [`pages`]) or tried ([`repair`]).
//!
//! Journals are reused, so that old transactions follow the live ones, and recycled journals hold nothing else. So
//! each 4 KB boundary is looked at, whatever lies before it, and a transaction is what its hash proves.
//!
//! Checked on journals of 4.2 to 7.2: 1718 transactions, none with a false hash.
//!
//! Deliberately not here: which transactions are redone ([`replay`]), and blocks of more than 2 GB, which
//! were never seen.

pub mod broken;
pub mod index;
pub mod pages;
pub mod payload;
pub mod redo;
pub mod repair;
pub mod replay;

use std::ops::Range;

use super::checksum::xxh64;
use super::number::{array_at, i64_at, u32_at, u64_at};

/// Transactions begin at multiples of this many bytes.
pub const SECTOR_BYTES: u64 = 4096;

/// Bytes of a transaction's header; the payload follows.
pub const HEADER_BYTES: usize = 192;

/// The first eight bytes of a transaction.
pub const MARKER: u64 = 0x1A4C_92AD_90AB_C123;

/// Bytes that a transaction's page list and its pages take at least: an entry of 26 bytes and a page number.
const LISTED_PAGE_BYTES_MIN: u64 = 34;

/// LZ4 writes at most one output byte for each bit of a length byte of 255.
const LZ4_RATIO_MAX: u64 = 255;

/// What a reader of journals may take into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest payload as stored, in bytes.
    pub stored_bytes_max: u64,
    /// Largest payload as decoded, in bytes.
    pub payload_bytes_max: u64,
}

impl Default for Limits {
    /// 512 MiB as stored, 1 GiB as decoded. The largest real transaction seen decodes to 1.8 MB.
    fn default() -> Self {
        Self {
            stored_bytes_max: 512 << 20,
            payload_bytes_max: 1 << 30,
        }
    }
}

/// A hash and what it covers: what a repair needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hashed {
    /// Seed of the XXH64.
    pub seed: u64,
    /// The hash as it is stored.
    pub stored: u64,
    /// The bytes covered, counted from where the structure begins.
    pub range: Range<usize>,
}

/// The header of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its number, one higher than its predecessor's; the hash's seed.
    pub id: u64,
    /// The first page behind all in use. Covered by no hash, like all below but the hash itself.
    pub next_page: u64,
    /// The last page of the data file.
    pub last_page: u64,
    /// Entries in the page list.
    pub page_count: u32,
    /// Bit 0: encrypted.
    pub flags: u32,
    /// XXH64 of the payload as stored, in an encrypted one before encryption.
    pub hash: u64,
    /// 4: committed.
    pub committed: u8,
    /// Bytes of the LZ4 block; none where the payload is stored as it is.
    pub compressed_bytes: Option<u64>,
    /// Bytes of the decoded payload, as stated.
    pub uncompressed_bytes: u64,
    /// When it was written, in ticks of 100 nanoseconds since year 1.
    pub ticks: i64,
    /// Names the journal in a later line; zero in all that was seen.
    pub journal_id: [u8; 16],
    /// Of an encrypted one.
    pub nonce: [u8; 24],
    /// Of an encrypted one.
    pub code: [u8; 16],
}

/// What begins at a 4 KB boundary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// No transaction.
    None,
    /// Perhaps a transaction: so many bytes from the boundary on are needed to tell. Never more than the
    /// file has left, nor than the limits allow.
    NeedsMore {
        /// Bytes from the boundary on.
        bytes: u64,
    },
    /// A transaction whose hash holds. Its payload lies at [`Transaction::payload_range`].
    Whole(Transaction),
    /// A transaction that needs the master key before anything can be told
    /// ([`crate::voron::encryption::MasterKey::decrypt_transaction`], then [`Transaction::proves`]).
    Encrypted(Transaction),
    /// A transaction, as far as its header goes, but not whole.
    Broken {
        /// As it states itself.
        transaction: Transaction,
        /// What is wrong.
        why: Why,
    },
}

/// Why a transaction is not whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The hash does not hold: what it covers, for a repair.
    #[error("the hash does not hold")]
    Hash(Hashed),
    /// The file ends inside.
    #[error("the file ends {missing_bytes} bytes too soon")]
    Cut {
        /// What is missing at the end.
        missing_bytes: u64,
    },
    /// Its sizes contradict each other.
    #[error("its sizes contradict each other")]
    Sizes,
    /// It is larger than the limits allow.
    #[error("{bytes} bytes are more than the limit")]
    OverLimit {
        /// Its payload as stored.
        bytes: u64,
    },
}

/// Looks at what begins at a 4 KB boundary. `bytes` is a window that begins there, `bytes_left` is what the
/// file has from there on.
///
/// A marker with one flipped bit is taken for one where the hash proves it.
pub fn transaction_at(bytes: &[u8], bytes_left: u64, limits: Limits) -> Found {
    let Some(marker) = u64_at(bytes, 0) else {
        return more_or_none(bytes, bytes_left);
    };
    if (marker ^ MARKER).count_ones() > 1 {
        return Found::None;
    }
    let Some(transaction) = Transaction::read(bytes) else {
        return more_or_none(bytes, bytes_left);
    };
    let found = judge(bytes, bytes_left, transaction, limits);
    match found {
        Found::Broken { .. } | Found::Encrypted(_) if marker != MARKER => Found::None,
        found => found,
    }
}

/// Every transaction, whole or not, of a journal that is in memory, with its offset. What lies inside a
/// whole one is not looked at.
pub fn transactions(journal: &[u8], limits: Limits) -> impl Iterator<Item = (u64, Found)> + '_ {
    let mut offset = 0;
    std::iter::from_fn(move || {
        while let Some(rest) = usize::try_from(offset)
            .ok()
            .and_then(|start| journal.get(start..))
            .filter(|rest| !rest.is_empty())
        {
            let here = offset;
            let found = transaction_at(rest, rest.len() as u64, limits);
            offset += match &found {
                Found::Whole(transaction) => transaction.bytes(),
                _ => SECTOR_BYTES,
            };
            if !matches!(found, Found::None | Found::NeedsMore { .. }) {
                return Some((here, found));
            }
        }
        None
    })
}

impl Transaction {
    /// Reads a header's fields, whatever its marker is; none where there are fewer than [`HEADER_BYTES`].
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let compressed = i64_at(bytes, 112)?;
        Some(Self {
            id: u64_at(bytes, 8)?,
            next_page: u64_at(bytes, 16)?,
            last_page: u64_at(bytes, 24)?,
            page_count: u32_at(bytes, 32)?,
            flags: u32_at(bytes, 36)?,
            hash: u64_at(bytes, 40)?,
            committed: *bytes.get(110)?,
            compressed_bytes: (compressed != -1).then_some(compressed.cast_unsigned()),
            uncompressed_bytes: u64_at(bytes, 120)?,
            ticks: i64_at(bytes, 128)?,
            journal_id: array_at(bytes, 136)?,
            nonce: array_at(bytes, 152)?,
            code: array_at(bytes, 176)?,
        })
    }

    /// Bytes of the payload as stored.
    pub fn stored_bytes(&self) -> u64 {
        self.compressed_bytes.unwrap_or(self.uncompressed_bytes)
    }

    /// Bytes from this header to where the next may begin.
    pub fn bytes(&self) -> u64 {
        self.stored_bytes()
            .saturating_add(HEADER_BYTES as u64)
            .checked_next_multiple_of(SECTOR_BYTES)
            .unwrap_or(u64::MAX)
    }

    /// Where the payload lies, counted from the header; none where it is larger than memory.
    pub fn payload_range(&self) -> Option<Range<usize>> {
        let stored = usize::try_from(self.stored_bytes()).ok()?;
        Some(HEADER_BYTES..HEADER_BYTES.checked_add(stored)?)
    }

    /// Whether the header says that the payload is encrypted.
    pub fn encrypted(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Whether the sizes can be those of one transaction.
    fn sizes_agree(&self) -> bool {
        let uncompressed = self.uncompressed_bytes;
        if i64::try_from(uncompressed).is_err() || i64::try_from(self.id).is_err() || self.id == 0 {
            return false;
        }
        if u64::from(self.page_count).saturating_mul(LISTED_PAGE_BYTES_MIN) > uncompressed {
            return false;
        }
        let Some(compressed) = self.compressed_bytes else {
            return true;
        };
        compressed > 0
            && i64::try_from(compressed).is_ok()
            && uncompressed / LZ4_RATIO_MAX <= compressed
            // What an LZ4 block needs at most.
            && compressed <= uncompressed.saturating_add(uncompressed / LZ4_RATIO_MAX + 16)
    }
}

fn more_or_none(bytes: &[u8], bytes_left: u64) -> Found {
    let wanted = HEADER_BYTES as u64;
    if bytes_left > bytes.len() as u64 && bytes_left >= wanted {
        Found::NeedsMore { bytes: wanted }
    } else {
        Found::None
    }
}

fn judge(bytes: &[u8], bytes_left: u64, transaction: Transaction, limits: Limits) -> Found {
    let stored = transaction.stored_bytes();
    let end = stored.saturating_add(HEADER_BYTES as u64);
    let why = if end > bytes_left && transaction.sizes_agree() {
        Why::Cut {
            missing_bytes: end - bytes_left,
        }
    } else if end > bytes_left {
        Why::Sizes
    } else if stored > limits.stored_bytes_max {
        Why::OverLimit { bytes: stored }
    } else if end > bytes.len() as u64 {
        return Found::NeedsMore { bytes: end };
    } else {
        match transaction.check(bytes) {
            Some(Ok(())) => return Found::Whole(transaction),
            Some(Err(_)) if transaction.encrypted() => return Found::Encrypted(transaction),
            Some(Err(hashed)) => Why::Hash(hashed),
            None => Why::Sizes,
        }
    };
    Found::Broken { transaction, why }
}

impl Transaction {
    /// Whether the hash holds over the payload behind this header; none where the window ends before it.
    /// An encrypted payload has to be decrypted first.
    pub fn check(&self, bytes: &[u8]) -> Option<Result<(), Hashed>> {
        let range = self.payload_range()?;
        let payload = bytes.get(range.clone())?;
        if self.proves(payload) {
            return Some(Ok(()));
        }
        Some(Err(Hashed {
            seed: self.id,
            stored: self.hash,
            range,
        }))
    }

    /// Whether the hash holds over this payload, as stored or, of an encrypted one, as decrypted.
    pub fn proves(&self, payload: &[u8]) -> bool {
        xxh64(self.id, payload) == self.hash
    }
}
