//! A page's head, and what its bytes alone say about it.
//!
//! ```text
//! 0 i64 page number | 8 by kind | 12 u8 flags | 13 by kind | 32 u64 checksum | 40 by kind, else 0 | 64 body
//!
//! flags   bit 0 single, bit 1 overflow run: exactly one of the two
//!         4 variable-size tree, 8 fixed-size tree, 16 stream, 32 raw data, 64 compressed, 128 other
//!
//! kind              flags     further fields
//! raw small         33        8 u16 entries | 10 u16 next allocation | 13 = 2 | 14 u16 place in its section
//!                             | 22 u64 section owner | 30 u8 table type
//! raw section       33        8 i32 entries | 13 = 1 | 14 u16 last page used | 16 i32 allocated | 20 u16 pages
//!                             | 22 u64 section owner | 30 u8 table type
//! raw large         34, 98    8 i32 size | 16 u64 section owner | 24 u8 table type
//! stream chunk      18        8 i32 size | 13 bit 0 first | 14 i64 next page | 22 i64 chunk size
//! tree              5         13 bit 0 branch, bit 1 leaf | 14 u16 lower | 16 u16 upper
//! tree, overflow    6         8 i32 size
//! fixed-size tree   9         8 u16 start | 10 u16 entries | 13 = 1 branch, 2 leaf | 14 u16 value size
//! empty             1         preallocated, nothing in it
//! overflow          2         8 i32 size
//! other             129, 130  13 u8 type (from 6.x, of indexes; none seen in a database)
//! ```
//!
//! A run is `ceil((64 + size) / 8192)` pages. Byte 13 of a stream chunk holds stray bits besides bit 0 on 7.2
//! (3, 2), and on the other kinds nothing else was seen.
//!
//! The verdict never compares the page number with a position: files are shifted, cut and put together, and
//! only the caller knows where it reads. Checked on files of 4.2 to 7.2. Deliberately not here: encrypted
//! pages, whose bytes from 32 on are no checksum.

use super::checksum;

/// A page, in bytes.
pub const PAGE_BYTES: usize = 8192;

/// A page's head, in bytes.
pub const HEADER_BYTES: usize = 64;

/// Where the checksum lies in the head, in bytes.
pub const CHECKSUM_AT: usize = 32;

/// The largest page number that a head without a true checksum is believed (8 PiB of file).
const PLAUSIBLE_PAGE_NUMBER_MAX: u64 = 1 << 40;

const SINGLE: u8 = 1;
const OVERFLOW: u8 = 2;
const VARIABLE_SIZE_TREE: u8 = 4;
const FIXED_SIZE_TREE: u8 = 8;
const STREAM: u8 = 16;
const RAW_DATA: u8 = 32;
const COMPRESSED: u8 = 64;
const OTHER: u8 = 128;

/// What the bytes from a page's start on are, by themselves.
pub fn verdict(bytes: &[u8]) -> Verdict {
    let Some(page) = bytes.first_chunk::<PAGE_BYTES>() else {
        return Verdict::Short;
    };
    let Some(header) = Header::read(page) else {
        return Verdict::Short;
    };
    if is_zero(page) {
        return Verdict::Zero;
    }
    let plausible = header.is_plausible();
    let Some(run_bytes) = header.run_bytes() else {
        return Verdict::Broken { header: None };
    };
    if run_bytes > bytes.len() as u64 {
        return if plausible {
            Verdict::Longer {
                header,
                needs_bytes: run_bytes,
            }
        } else {
            Verdict::Broken { header: None }
        };
    }
    if header.expected_checksum(bytes) == Some(header.checksum) {
        return Verdict::Whole {
            header,
            pages: run_bytes.div_ceil(PAGE_BYTES as u64),
        };
    }
    Verdict::Broken {
        header: plausible.then_some(header),
    }
}

/// What [`verdict`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A page of nothing but zeros: never written.
    Zero,
    /// Its checksum is true.
    Whole {
        /// Its head.
        header: Header,
        /// How many pages it takes: 1, or those of an overflow run.
        pages: u64,
    },
    /// A plausible head of a run that is longer than the bytes that are there: with this many, there is a
    /// verdict. At the end of the file, it was cut off.
    Longer {
        /// Its head.
        header: Header,
        /// From the page's start on; not rounded to whole pages.
        needs_bytes: u64,
    },
    /// Its checksum is false, or its head is none.
    Broken {
        /// Its head, if it could be one.
        header: Option<Header>,
    },
    /// Less than a page.
    Short,
}

/// The head of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The page's number, which seeds its checksum.
    pub number: u64,
    /// As stored.
    pub flags: u8,
    /// As stored.
    pub checksum: u64,
    /// The value of an overflow run, in bytes, as stored; `None` for a single page.
    pub value_bytes: Option<u32>,
    /// What it is, with the fields of that kind.
    pub kind: Kind,
}

/// What a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Entries of a table, each below half a page: see [`super::raw`].
    RawSmall {
        /// Entries that are not freed.
        entries: u16,
        /// Where the next entry would go: the end of the used bytes, from the page's start.
        next_allocation: u16,
        /// Its place among the pages of its section.
        page_in_section: u16,
        /// Which table.
        owner: Owner,
    },
    /// The first page of a section: only what the allocator needs.
    RawSection {
        /// Pages in the section, this one not counted.
        pages: u16,
        /// Which table.
        owner: Owner,
    },
    /// One value of a table in a run of its own: see [`super::run`].
    RawLarge {
        /// The value is compressed.
        compressed: bool,
        /// Which table.
        owner: Owner,
    },
    /// A chunk of a stream: see [`super::stream`].
    Stream {
        /// The stream starts here.
        first: bool,
        /// The page of the next chunk.
        next: Option<u64>,
        /// The chunk, in bytes, as stored: nothing has been compared with it.
        chunk_bytes: u64,
    },
    /// A leaf of a variable-size tree: see [`super::tree`].
    TreeLeaf {
        /// The end of the node offsets, from the page's start.
        lower: u16,
        /// The start of the nodes, from the page's start.
        upper: u16,
        /// The leaf is compressed (indexes only; none seen in a database).
        compressed: bool,
    },
    /// A branch of a variable-size tree.
    TreeBranch,
    /// A value of a variable-size tree in a run of its own.
    TreeOverflow,
    /// A leaf of a fixed-size tree: see [`super::tree`].
    FixedLeaf {
        /// Where the entries start, from the page's start.
        start: u16,
        /// Entries.
        entries: u16,
        /// Each entry's value, in bytes.
        value_bytes: u16,
    },
    /// A branch of a fixed-size tree.
    FixedBranch,
    /// Preallocated, nothing in it.
    Empty,
    /// A run that says no more of itself.
    Overflow,
    /// A kind of 6.x and later, for indexes.
    Other {
        /// 1 posting list leaf, 2 its branch, 3 container, 4 its overflow.
        page_type: u8,
    },
    /// None of those.
    Unknown,
}

/// Which table a raw page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// XXH64 of the table's name, seed 0.
    pub name_hash: u64,
    /// 0 none of those, 1 documents, 2 revisions, 3 conflicts, 4 counters of 4.1, 5 counters, 6 time series.
    pub table_type: u8,
}

impl Header {
    /// The head at the start of these bytes; `None` if they are fewer than 64.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let head = bytes.first_chunk::<HEADER_BYTES>()?;
        let flags = u8_at(head, 12);
        Some(Self {
            number: u64_at(head, 0),
            flags,
            checksum: u64_at(head, CHECKSUM_AT),
            value_bytes: (flags & (SINGLE | OVERFLOW) == OVERFLOW).then(|| u32_at(head, 8)),
            kind: Kind::read(head, flags),
        })
    }

    /// It is an overflow run.
    pub fn is_run(&self) -> bool {
        self.flags & (SINGLE | OVERFLOW) == OVERFLOW
    }

    /// The bytes that it takes from the page's start on: a page, or head and value of a run. `None` if its
    /// flags or its size are impossible.
    pub fn run_bytes(&self) -> Option<u64> {
        match self.flags & (SINGLE | OVERFLOW) {
            SINGLE => Some(PAGE_BYTES as u64),
            OVERFLOW => match self.value_bytes {
                Some(size @ 1..=0x7FFF_FFFF) => Some(HEADER_BYTES as u64 + u64::from(size)),
                _ => None,
            },
            _ => None,
        }
    }

    /// The pages that it takes; `None` if its flags or its size are impossible.
    pub fn pages(&self) -> Option<u64> {
        Some(self.run_bytes()?.div_ceil(PAGE_BYTES as u64))
    }

    /// The end of the hashed bytes, from the page's start; `None` if its flags or its size are impossible.
    pub fn hashed_end(&self) -> Option<u64> {
        self.run_bytes().map(|bytes| match self.is_run() {
            true => bytes - HEADER_BYTES as u64,
            false => bytes,
        })
    }

    /// What its checksum should be with these bytes from its start on; `None` if they are too few.
    pub fn expected_checksum(&self, bytes: &[u8]) -> Option<u64> {
        let hashed_end = usize::try_from(self.hashed_end()?).ok()?;
        checksum::page_checksum(self.number, bytes, hashed_end)
    }

    /// It could be a head: a kind that is known, a size that can be, a page number that a file can have.
    pub fn is_plausible(&self) -> bool {
        self.number <= PLAUSIBLE_PAGE_NUMBER_MAX
            && self.kind != Kind::Unknown
            && self.run_bytes().is_some()
    }
}

impl Kind {
    fn read(head: &[u8; HEADER_BYTES], flags: u8) -> Self {
        let owner = |hash_at: usize, type_at: usize| Owner {
            name_hash: u64_at(head, hash_at),
            table_type: u8_at(head, type_at),
        };
        let subkind = u8_at(head, 13);
        match (flags & (SINGLE | OVERFLOW), flags & !(SINGLE | OVERFLOW)) {
            (SINGLE, 0) => Self::Empty,
            (SINGLE, RAW_DATA) if subkind & 1 != 0 => Self::RawSection {
                pages: u16_at(head, 20),
                owner: owner(22, 30),
            },
            (SINGLE, RAW_DATA) if subkind & 2 != 0 => Self::RawSmall {
                entries: u16_at(head, 8),
                next_allocation: u16_at(head, 10),
                page_in_section: u16_at(head, 14),
                owner: owner(22, 30),
            },
            (SINGLE, VARIABLE_SIZE_TREE) if subkind & 1 != 0 => Self::TreeBranch,
            (SINGLE, tree) if tree & !COMPRESSED == VARIABLE_SIZE_TREE && subkind & 2 != 0 => {
                Self::TreeLeaf {
                    lower: u16_at(head, 14),
                    upper: u16_at(head, 16),
                    compressed: tree & COMPRESSED != 0,
                }
            }
            (SINGLE, FIXED_SIZE_TREE) if subkind & 1 != 0 => Self::FixedBranch,
            (SINGLE, FIXED_SIZE_TREE) if subkind & 2 != 0 => Self::FixedLeaf {
                start: u16_at(head, 8),
                entries: u16_at(head, 10),
                value_bytes: u16_at(head, 14),
            },
            (OVERFLOW, 0) => Self::Overflow,
            (OVERFLOW, raw) if raw & !COMPRESSED == RAW_DATA => Self::RawLarge {
                compressed: raw & COMPRESSED != 0,
                owner: owner(16, 24),
            },
            (OVERFLOW, STREAM) => Self::Stream {
                first: subkind & 1 != 0,
                next: Some(u64_at(head, 14)).filter(|page| *page != 0),
                chunk_bytes: u64_at(head, 22),
            },
            (OVERFLOW, VARIABLE_SIZE_TREE) => Self::TreeOverflow,
            (_, OTHER) => Self::Other { page_type: subkind },
            _ => Self::Unknown,
        }
    }
}

/// Every byte is zero. Most pages differ in their first stripe, so that is looked at first.
fn is_zero(page: &[u8; PAGE_BYTES]) -> bool {
    let (stripes, _) = page.as_chunks::<64>();
    stripes
        .iter()
        .all(|stripe| stripe.iter().fold(0, |any, byte| any | byte) == 0)
}

fn u8_at(head: &[u8; HEADER_BYTES], at: usize) -> u8 {
    head.get(at).copied().unwrap_or_default()
}

fn u16_at(head: &[u8; HEADER_BYTES], at: usize) -> u16 {
    u16::from_le_bytes(field(head, at))
}

fn u32_at(head: &[u8; HEADER_BYTES], at: usize) -> u32 {
    u32::from_le_bytes(field(head, at))
}

fn u64_at(head: &[u8; HEADER_BYTES], at: usize) -> u64 {
    u64::from_le_bytes(field(head, at))
}

fn field<const N: usize>(head: &[u8; HEADER_BYTES], at: usize) -> [u8; N] {
    let field = head.get(at..).and_then(|rest| rest.first_chunk());
    *field.expect("every field of a head lies within its 64 bytes")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A single page or a run with a true checksum.
    fn page(number: u64, flags: u8, bytes: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut page = vec![0; bytes];
        page[..8].copy_from_slice(&number.to_le_bytes());
        page[12] = flags;
        for (at, field) in fields {
            page[*at..*at + field.len()].copy_from_slice(field);
        }
        let end = if flags & 2 == 0 { bytes } else { bytes - 64 };
        let mut hashed = page[..32].to_vec();
        hashed.extend_from_slice(&page[40..end]);
        let checksum = xxhash_rust::xxh64::xxh64(&hashed, number);
        page[32..40].copy_from_slice(&checksum.to_le_bytes());
        page
    }

    #[test]
    fn a_small_raw_page_is_whole_until_a_bit_flips() {
        let mut bytes = page(
            77,
            33,
            8192,
            &[
                (8, &[3, 0]),
                (10, &[0x10, 1]),
                (13, &[2]),
                (14, &[9, 0]),
                (22, &[1, 2, 3, 4, 5, 6, 7, 8]),
                (30, &[1]),
                (64, b"entries"),
            ],
        );
        let Verdict::Whole { header, pages: 1 } = verdict(&bytes) else {
            panic!("{:?}", verdict(&bytes));
        };
        assert_eq!(header.number, 77);
        let small = Kind::RawSmall {
            entries: 3,
            next_allocation: 0x110,
            page_in_section: 9,
            owner: Owner {
                name_hash: 0x0807_0605_0403_0201,
                table_type: 1,
            },
        };
        assert_eq!(header.kind, small);
        bytes[8191] ^= 0x80;
        let broken = Verdict::Broken {
            header: Some(header),
        };
        assert_eq!(verdict(&bytes), broken);
        assert_eq!(verdict(&bytes[..8191]), Verdict::Short);
    }

    #[test]
    fn a_run_says_how_many_bytes_it_needs() {
        let size: u32 = 20_000;
        let fields: [(usize, &[u8]); 5] = [
            (8, &size.to_le_bytes()),
            (13, &[3]),
            (14, &[5]),
            (22, &[100]),
            (64, &[7; 20_000]),
        ];
        let mut bytes = page(4, 18, 20_064, &fields);
        let header = Header::read(&bytes).unwrap();
        let stream = Kind::Stream {
            first: true,
            next: Some(5),
            chunk_bytes: 100,
        };
        assert_eq!((header.kind, header.value_bytes), (stream, Some(size)));
        assert_eq!(verdict(&bytes), Verdict::Whole { header, pages: 3 });
        let longer = Verdict::Longer {
            header,
            needs_bytes: 20_064,
        };
        assert_eq!(verdict(&bytes[..20_063]), longer);
        bytes[20_000] ^= 1;
        assert_eq!(verdict(&bytes), Verdict::Whole { header, pages: 3 });
        bytes[19_999] ^= 1;
        let header = Some(header);
        assert_eq!(verdict(&bytes), Verdict::Broken { header });
    }

    #[test]
    fn zeros_are_a_verdict_of_their_own_and_impossible_heads_are_none() {
        let mut bytes = vec![0; 8192];
        assert_eq!(verdict(&bytes), Verdict::Zero);
        bytes[8191] = 1;
        assert_eq!(verdict(&bytes), Verdict::Broken { header: None });
        bytes[12] = 3;
        assert_eq!(verdict(&bytes), Verdict::Broken { header: None });
        bytes[12] = 2;
        assert_eq!(verdict(&bytes), Verdict::Broken { header: None });
        bytes[11] = 0x80;
        assert_eq!(verdict(&bytes), Verdict::Broken { header: None });
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_verdict(
            head in proptest::collection::vec(any::<u8>(), 0..64),
            flags: u8,
            length in 0_usize..20_000,
        ) {
            let mut bytes = vec![0; length];
            let head = &head[..head.len().min(length)];
            bytes[..head.len()].copy_from_slice(head);
            if let Some(byte) = bytes.get_mut(12) {
                *byte = flags;
            }
            match verdict(&bytes) {
                Verdict::Short => prop_assert!(length < 8192),
                Verdict::Longer { needs_bytes, header } => {
                    prop_assert!(needs_bytes > length as u64);
                    prop_assert!(needs_bytes <= 64 + 0x7FFF_FFFF);
                    prop_assert!(header.is_plausible());
                }
                _ => prop_assert!(length >= 8192),
            }
        }
    }
}
