//! The entries of a small raw page.
//!
//! ```text
//! 64                                                        next allocation        8192
//! ├─────────┬────────────┬─────────┬────────────┬── … ──┬──────────┼─────────────────┤
//! │ a0 │ u0 │ a0 bytes   │ a1 │ u1 │ a1 bytes   │       │          │ slack, zeros    │
//! └─────────┴────────────┴─────────┴────────────┴── … ──┴──────────┴─────────────────┘
//! i16 a, allocated: the distance to the next entry's sizes · i16 u, used: the value's bytes, at most a
//! u = -1 freed, its bytes zeroed · bit 15 of u compressed (since 5.0)
//! ```
//!
//! A storage id is the place of an entry's four bytes of sizes in the file.
//!
//! Where every step of that walk holds and it ends at `next allocation`, it is taken. Otherwise (a page whose
//! checksum failed) entries are laid out anew, see `guess`: where one is due and only one of its two sizes leads
//! on, that one is taken, and where neither does, entries go on at the next chain of them that is no chance. So
//! a damaged entry costs itself at most, with few exceptions: a flipped bit in a size of each of 879 real entries,
//! not taken back, lost 58 of them and 13 neighbours, all on pages where values had shrunk in their room. What
//! is read so is a guess, and only a decoder tells a value from chance.
//!
//! Checked on pages of 4.2 to 7.2 (2489 entries in one file start at an even place and 2411 at an odd one: nothing is
//! aligned). Deliberately not here: what the bytes are.

use super::page::{HEADER_BYTES, Header, Kind, PAGE_BYTES};

/// An entry's sizes, in bytes.
pub const SIZES_BYTES: usize = 4;

/// The largest entry that a page takes: two fit.
const ENTRY_BYTES_MAX: usize = (PAGE_BYTES - HEADER_BYTES) / 2;

/// One piece of a page's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A value.
    Entry(Entry<'a>),
    /// The place of a value that was freed.
    Freed {
        /// Of its sizes, from the page's start.
        offset: usize,
        /// Sizes and room, in bytes.
        length: usize,
    },
    /// Bytes that are no entry. If they are one entry whose sizes are gone, its value is what lies behind the
    /// first 4.
    Unread {
        /// From the page's start.
        offset: usize,
        /// In bytes.
        length: usize,
    },
    /// Zeros behind or between entries.
    Slack {
        /// From the page's start.
        offset: usize,
        /// In bytes.
        length: usize,
    },
}

/// A value in a small raw page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Of its sizes, from the page's start: what a storage id names.
    pub offset: usize,
    /// The room that it has, in bytes, without its sizes.
    pub allocated: usize,
    /// The value is compressed.
    pub compressed: bool,
    /// Its two sizes contradict each other or what follows; the one that leads on was taken.
    pub doubtful: bool,
    /// The value.
    pub bytes: &'a [u8],
    /// All of its room: where a used size is hurt, the value is longer than `bytes`.
    pub room: &'a [u8],
}

/// The body of a small raw page, all of it, in order. `checked` says that its checksum is true or was made
/// so by a proven correction; otherwise `next allocation` is not believed either.
pub fn pieces(page: &[u8; PAGE_BYTES], checked: bool) -> Pieces<'_> {
    let end = match Header::read(page).map(|header| header.kind) {
        Some(Kind::RawSmall {
            next_allocation, ..
        }) => usize::from(next_allocation),
        _ => 0,
    };
    // Behind the last entry a page is zero (in all of 3,000 real ones), so that supports what the head says.
    let ends_there = (HEADER_BYTES..=PAGE_BYTES).contains(&end) && is_zero(page, end..PAGE_BYTES);
    Pieces {
        page,
        at: HEADER_BYTES,
        layout: match walks_straight(page, end) && (checked || ends_there) {
            true => Layout::Straight { end },
            false => Layout::Guessed(guess(page, ends_there.then_some(end))),
        },
    }
}

/// The entry whose sizes lie at this offset of a page, as a witness names it.
pub fn entry_at(page: &[u8; PAGE_BYTES], offset: usize) -> Option<Piece<'_>> {
    if offset < HEADER_BYTES {
        return None;
    }
    let sizes = Sizes::at(page, offset)?;
    sizes.piece(page, offset)
}

/// The pieces of a page, in order; they cover the body without a gap.
#[derive(Debug, Clone)]
pub struct Pieces<'a> {
    page: &'a [u8; PAGE_BYTES],
    at: usize,
    layout: Layout,
}

#[derive(Debug, Clone)]
enum Layout {
    /// Entry after entry up to this offset, then slack.
    Straight { end: usize },
    /// As [`guess`] laid it out.
    Guessed(Vec<Step>),
}

impl Pieces<'_> {
    /// The entries lie as their sizes say, one after the other up to where the head says they end.
    pub fn is_straight(&self) -> bool {
        matches!(self.layout, Layout::Straight { .. })
    }

    fn step_at(&self, offset: usize) -> Step {
        match &self.layout {
            Layout::Straight { end } if offset < *end => Step::Entry,
            Layout::Straight { .. } => Step::Skip,
            Layout::Guessed(steps) => steps.get(offset).copied().unwrap_or_default(),
        }
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let offset = self.at;
        if offset >= PAGE_BYTES {
            return None;
        }
        let sizes = Sizes::by(self.step_at(offset), self.page, offset);
        if let Some(piece) = sizes.and_then(|sizes| sizes.piece(self.page, offset)) {
            self.at = offset + sizes.map_or(SIZES_BYTES, |sizes| sizes.length());
            return Some(piece);
        }
        let mut end = offset + 1;
        while end < PAGE_BYTES && self.step_at(end) == Step::Skip {
            end += 1;
        }
        self.at = end;
        let length = end - offset;
        Some(match is_zero(self.page, offset..end) {
            true => Piece::Slack { offset, length },
            false => Piece::Unread { offset, length },
        })
    }
}

/// What a layout does at an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Step {
    /// The byte belongs to no entry.
    #[default]
    Skip,
    /// An entry starts here.
    Entry,
    /// One starts here, and its used size is also its room.
    ByUsed,
    /// One starts here, and its room is also its used size.
    ByAllocated,
}

/// An entry's sizes that can be ones.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    allocated: usize,
    /// `None` if freed.
    used: Option<usize>,
    compressed: bool,
    doubtful: bool,
}

impl Sizes {
    /// As they are, if they agree.
    fn at(page: &[u8; PAGE_BYTES], offset: usize) -> Option<Self> {
        Self::by(Step::Entry, page, offset)
    }

    fn by(step: Step, page: &[u8; PAGE_BYTES], offset: usize) -> Option<Self> {
        let [a0, a1, u0, u1] = *page.get(offset..)?.first_chunk::<SIZES_BYTES>()?;
        let allocated = usize::from(u16::from_le_bytes([a0, a1]));
        let stored = u16::from_le_bytes([u0, u1]);
        let used = (stored != u16::MAX).then_some(usize::from(stored & 0x7FFF));
        let (allocated, used) = match step {
            Step::Skip => return None,
            Step::Entry => (allocated, used),
            Step::ByUsed => (used?, used),
            Step::ByAllocated => (allocated, Some(allocated)),
        };
        let fits = (1..=ENTRY_BYTES_MAX).contains(&allocated)
            && used.is_none_or(|used| used <= allocated)
            && offset + SIZES_BYTES + allocated <= PAGE_BYTES;
        fits.then_some(Self {
            allocated,
            used,
            compressed: used.is_some() && stored & 0x8000 != 0,
            doubtful: step != Step::Entry,
        })
    }

    fn length(&self) -> usize {
        SIZES_BYTES + self.allocated
    }

    fn piece<'a>(&self, page: &'a [u8; PAGE_BYTES], offset: usize) -> Option<Piece<'a>> {
        let Some(used) = self.used else {
            return Some(Piece::Freed {
                offset,
                length: self.length(),
            });
        };
        Some(Piece::Entry(Entry {
            offset,
            allocated: self.allocated,
            compressed: self.compressed,
            doubtful: self.doubtful,
            bytes: page.get(offset + SIZES_BYTES..)?.get(..used)?,
            room: page.get(offset + SIZES_BYTES..)?.get(..self.allocated)?,
        }))
    }
}

/// Each entry's sizes lead to the next, and the last to `end`.
fn walks_straight(page: &[u8; PAGE_BYTES], end: usize) -> bool {
    let mut at = HEADER_BYTES;
    while at < end {
        let Some(sizes) = Sizes::at(page, at) else {
            return false;
        };
        at += sizes.length();
    }
    at == end && at <= PAGE_BYTES
}

/// How many entries of a layout may rest on one of their sizes. Each more would let in more of chance.
const DOUBTFUL_MAX: u8 = 1;

/// The weight of a chain of entries that is no chance, wherever it ends: two that are exact.
const WEIGHT_CERTAIN: u32 = 4;

/// What starts at each offset, as the walk from one entry to the next finds it.
///
/// ```text
/// entry due ──► a way to the end, at most one entry resting on one size? ──► the one with the fewest
///           └─► none: two sizes are gone. Entries go on at the next certain chain, or at the heaviest of those that
///               reach the end; an entry that does not reach beyond that place is still taken
/// ```
fn guess(page: &[u8; PAGE_BYTES], end: Option<usize>) -> Vec<Step> {
    let chains = Chains::of(page, end);
    let mut steps = vec![Step::Skip; PAGE_BYTES];
    let mut at = HEADER_BYTES;
    while at < chains.last_data_end {
        let (doubtful, mut step) = chains.best_at(page, at);
        let mut next = at;
        if doubtful > DOUBTFUL_MAX {
            next = chains.resume_after(at);
            let reaches = Sizes::at(page, at).map(|sizes| at + sizes.length());
            step = match reaches {
                Some(reaches) if reaches <= next => Step::Entry,
                _ => Step::Skip,
            };
        }
        if let Some(sizes) = Sizes::by(step, page, at) {
            if let Some(place) = steps.get_mut(at) {
                *place = step;
            }
            next = at + sizes.length();
        }
        at = next.max(at + 1);
    }
    steps
}

/// What chains of entries start at each offset.
struct Chains {
    /// The fewest entries resting on one size on a way to the end without a gap; `u8::MAX` if there is none.
    doubtful: Vec<u8>,
    /// Of the entries whose sizes agree, one after the other: 2 for each that is exact, 1 for each other.
    weight: Vec<u32>,
    /// Whether that chain reaches the end.
    reaches_end: Vec<bool>,
    /// Whether its first entry's value fills its room, or it is freed and zeroed.
    exact: Vec<bool>,
    /// Behind it there are only zeros.
    last_data_end: usize,
}

impl Chains {
    /// `end` is where the last entry ends, if the head is believed; otherwise it may end anywhere among the zeros
    /// behind the last data.
    fn of(page: &[u8; PAGE_BYTES], end: Option<usize>) -> Self {
        let data = page.iter().rposition(|byte| *byte != 0);
        let last_data_end = data.map_or(HEADER_BYTES, |at| at + 1);
        let mut chains = Self {
            doubtful: vec![u8::MAX; PAGE_BYTES + 1],
            weight: vec![0; PAGE_BYTES + 1],
            reaches_end: vec![false; PAGE_BYTES + 1],
            exact: vec![false; PAGE_BYTES + 1],
            last_data_end,
        };
        let zeros_from = data_before(page);
        for at in (HEADER_BYTES..=PAGE_BYTES).rev() {
            let is_end = end.map_or(at >= last_data_end, |end| at == end);
            let (doubtful, _) = chains.best_at(page, at);
            let sizes = Sizes::at(page, at);
            let next = sizes.map(|sizes| at + sizes.length());
            let exact = sizes.is_some_and(|sizes| match sizes.used {
                Some(used) => used == sizes.allocated,
                None => {
                    let room = zeros_from.get(at + SIZES_BYTES);
                    room == zeros_from.get(at + sizes.length())
                }
            });
            let behind = next.and_then(|next| chains.weight.get(next)).copied();
            let weight = behind.map_or(0, |behind| behind + 1 + u32::from(exact));
            let reaches = next.and_then(|next| chains.reaches_end.get(next)).copied();
            set(&mut chains.doubtful, at, if is_end { 0 } else { doubtful });
            set(&mut chains.weight, at, weight);
            set(&mut chains.reaches_end, at, is_end || reaches == Some(true));
            set(&mut chains.exact, at, exact);
        }
        chains
    }

    /// The fewest doubtful entries from here to the end, and the step that leads there.
    fn best_at(&self, page: &[u8; PAGE_BYTES], at: usize) -> (u8, Step) {
        let mut best = (u8::MAX, Step::Skip);
        for step in [Step::Entry, Step::ByUsed, Step::ByAllocated] {
            let Some(sizes) = Sizes::by(step, page, at) else {
                continue;
            };
            let behind = self.doubtful.get(at + sizes.length()).copied();
            let doubtful = behind.map_or(u8::MAX, |behind| {
                behind.saturating_add(u8::from(step != Step::Entry))
            });
            if doubtful < best.0 {
                best = (doubtful, step);
            }
        }
        best
    }

    /// Where entries go on behind one whose sizes are gone.
    fn resume_after(&self, at: usize) -> usize {
        let mut heaviest = (0, PAGE_BYTES);
        for next in at + 1..self.last_data_end {
            let weight = self.weight.get(next).copied().unwrap_or(0);
            if weight >= WEIGHT_CERTAIN && self.exact.get(next) == Some(&true) {
                return next.min(heaviest.1);
            }
            if self.reaches_end.get(next) == Some(&true) && weight > heaviest.0 {
                heaviest = (weight, next);
            }
        }
        heaviest.1
    }
}

/// How many bytes before each offset are not zero.
fn data_before(page: &[u8; PAGE_BYTES]) -> Vec<u16> {
    let mut count = 0;
    let mut counts = Vec::with_capacity(PAGE_BYTES + 1);
    counts.push(count);
    for byte in page {
        count += u16::from(*byte != 0);
        counts.push(count);
    }
    counts
}

fn set<T>(values: &mut [T], at: usize, value: T) {
    if let Some(place) = values.get_mut(at) {
        *place = value;
    }
}

fn is_zero(page: &[u8; PAGE_BYTES], range: std::ops::Range<usize>) -> bool {
    let bytes = page.get(range).unwrap_or_default();
    bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A page with entries of these lengths, their bytes all alike but never zero, and where each starts.
    fn page(lengths: &[usize]) -> ([u8; PAGE_BYTES], Vec<usize>) {
        let mut page = [0; PAGE_BYTES];
        (page[12], page[13]) = (33, 2);
        let mut at = 64;
        let mut starts = Vec::new();
        for (place, length) in lengths.iter().enumerate() {
            let size = (*length as u16).to_le_bytes();
            page[at..at + 2].copy_from_slice(&size);
            page[at + 2..at + 4].copy_from_slice(&size);
            page[at + 4..at + 4 + length].fill(b'a' + (place % 26) as u8);
            starts.push(at);
            at += 4 + length;
        }
        page[10..12].copy_from_slice(&(at as u16).to_le_bytes());
        (page, starts)
    }

    fn entries(page: &[u8; PAGE_BYTES], checked: bool) -> Vec<Entry<'_>> {
        let pieces = pieces(page, checked).filter_map(|piece| match piece {
            Piece::Entry(entry) => Some(entry),
            _ => None,
        });
        pieces.collect()
    }

    #[test]
    fn a_whole_page_is_walked_by_its_sizes() {
        let (mut page, starts) = page(&[10, 300, 7, 100]);
        page[starts[1] + 2..starts[1] + 4].copy_from_slice(&[0xFF, 0xFF]);
        page[starts[2] + 2..starts[2] + 4].copy_from_slice(&[5, 0x80]);
        let walk = pieces(&page, true);
        assert!(walk.is_straight());
        let walk: Vec<Piece<'_>> = walk.collect();
        let freed = Piece::Freed {
            offset: starts[1],
            length: 304,
        };
        assert_eq!(walk[1], freed);
        let compressed = Entry {
            offset: starts[2],
            allocated: 7,
            compressed: true,
            doubtful: false,
            bytes: b"ccccc",
            room: b"ccccccc",
        };
        assert_eq!(walk[2], Piece::Entry(compressed));
        let slack = Piece::Slack {
            offset: starts[3] + 104,
            length: 8192 - starts[3] - 104,
        };
        assert_eq!(walk[4..], [slack]);
        assert_eq!(entry_at(&page, starts[2]), Some(Piece::Entry(compressed)));
        assert_eq!(entry_at(&page, 20), None);
    }

    #[test]
    fn a_damaged_size_costs_no_neighbour_and_often_not_its_own_entry() {
        let (page, starts) = page(&[200, 310, 150, 90, 400, 33]);
        for at in 0..4 {
            for bit in 0..8 {
                let mut page = page;
                page[starts[2] + at] ^= 1 << bit;
                let found: Vec<usize> = entries(&page, false)
                    .iter()
                    .map(|entry| entry.offset)
                    .collect();
                assert_eq!(found, starts, "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn sizes_that_are_gone_cost_one_entry() {
        let (mut page, starts) = page(&[200, 310, 150, 90, 400, 33]);
        page[starts[1]..starts[1] + 40].fill(0xEE);
        page[starts[4] - 10..starts[4] + 100].fill(0);
        page[10..12].fill(0xFF);
        let found: Vec<usize> = entries(&page, false)
            .iter()
            .map(|entry| entry.offset)
            .collect();
        assert_eq!(found, [starts[0], starts[2], starts[3], starts[5]]);
    }

    proptest! {
        #[test]
        fn any_page_is_covered_once(
            bytes in proptest::collection::vec(any::<u8>(), PAGE_BYTES),
            small: bool,
            checked: bool,
        ) {
            let mut page = [0; PAGE_BYTES];
            page.copy_from_slice(&bytes);
            if small {
                for byte in &mut page {
                    *byte %= 5;
                }
                (page[12], page[13]) = (33, 2);
            }
            let mut at = 64;
            for piece in pieces(&page, checked) {
                let (offset, length) = match piece {
                    Piece::Entry(entry) => (entry.offset, 4 + entry.allocated),
                    Piece::Freed { offset, length }
                    | Piece::Unread { offset, length }
                    | Piece::Slack { offset, length } => (offset, length),
                };
                prop_assert_eq!(offset, at);
                prop_assert!(length > 0);
                at += length;
            }
            prop_assert_eq!(at, PAGE_BYTES);
        }
    }
}
