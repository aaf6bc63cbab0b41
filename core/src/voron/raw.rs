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
//! checksum failed) the bytes are laid out anew, such that the fewest are left over: where an entry is due and
//! only one of its two sizes leads to the next entry, that one is taken, and where neither does, entries go on
//! where sizes can be sizes. So a damaged entry costs itself at most, and its neighbours are found again by
//! what follows them. What is read so is a guess, and only a decoder tells a value from chance.
//!
//! Checked on pages of 4.2 to 7.2 (2489 entries in one file start at an even place and 2411 at an odd one: nothing is
//! aligned). Deliberately not here: what the bytes are.

use super::page::{HEADER_BYTES, Header, Kind, PAGE_BYTES};

/// An entry's sizes, in bytes.
const SIZES_BYTES: usize = 4;

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
    let straight = walks_straight(page, end);
    Pieces {
        page,
        at: HEADER_BYTES,
        layout: match straight && (checked || is_zero(page, end..PAGE_BYTES)) {
            true => Layout::Straight { end },
            false => Layout::Guessed(guess(page)),
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
    Guessed(Vec<Place>),
}

impl Pieces<'_> {
    /// The entries lie as their sizes say, one after the other up to where the head says they end.
    pub fn is_straight(&self) -> bool {
        matches!(self.layout, Layout::Straight { .. })
    }

    fn starts_at(&self, offset: usize, in_gap: bool) -> Step {
        match &self.layout {
            Layout::Straight { end } if offset < *end => Step::Entry,
            Layout::Straight { .. } => Step::Skip,
            Layout::Guessed(places) => {
                let place = places.get(offset).copied().unwrap_or_default();
                match in_gap {
                    true => place.in_gap,
                    false => place.after_entry,
                }
            }
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
        let sizes = Sizes::by(self.starts_at(offset, false), self.page, offset);
        if let Some(piece) = sizes.and_then(|sizes| sizes.piece(self.page, offset)) {
            self.at = offset + sizes.map_or(SIZES_BYTES, |sizes| sizes.length());
            return Some(piece);
        }
        let mut in_gap = false;
        let mut end = offset;
        while end < PAGE_BYTES {
            in_gap |= self.page.get(end).is_some_and(|byte| *byte != 0);
            end += 1;
            if self.starts_at(end, in_gap) != Step::Skip {
                break;
            }
        }
        self.at = end;
        let length = end - offset;
        Some(match in_gap {
            true => Piece::Unread { offset, length },
            false => Piece::Slack { offset, length },
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

/// What an entry costs: of two layouts without a rest, the one with more of them is right, since what swallows
/// its neighbours leaves over nothing either.
const ENTRY_COST: i32 = -1;

/// What an entry costs of which one size is not believed.
const DOUBTFUL_COST: i32 = 24;

/// What a gap costs besides its bytes that are not zero.
const GAP_COST: i32 = 16;

/// What a layout does at one offset, by what lies before it.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// An entry, or zeros behind one: the next is due here.
    after_entry: Step,
    /// Bytes that belong to no entry.
    in_gap: Step,
}

/// The layout that leaves over the fewest bytes. From the page's end to its start, the best of each offset is the
/// cheapest of what can start there and of leaving this byte over.
fn guess(page: &[u8; PAGE_BYTES]) -> Vec<Place> {
    let data_before = data_before(page);
    // What the best layout from an offset on costs, by what lies before it.
    let mut after_entry = vec![0_i32; PAGE_BYTES + 1];
    let mut in_gap = vec![0_i32; PAGE_BYTES + 1];
    let mut places = vec![Place::default(); PAGE_BYTES];
    for at in (HEADER_BYTES..PAGE_BYTES).rev() {
        let is_data = page.get(at).is_some_and(|byte| *byte != 0);
        let gap_goes_on = cost_at(&in_gap, at + 1) + i32::from(is_data);
        let mut due = match is_data {
            true => (gap_goes_on + GAP_COST, Step::Skip),
            false => (cost_at(&after_entry, at + 1), Step::Skip),
        };
        let mut gap = (gap_goes_on, Step::Skip);
        for (step, step_cost) in [
            (Step::Entry, ENTRY_COST),
            (Step::ByUsed, DOUBTFUL_COST),
            (Step::ByAllocated, DOUBTFUL_COST),
        ] {
            let Some(sizes) = Sizes::by(step, page, at) else {
                continue;
            };
            let end = at + sizes.length();
            // Room that the value does not fill is rarely more than zeros; chance has more of it.
            let unused = sizes.used.map_or(end, |used| at + SIZES_BYTES + used);
            let unused_data = cost_at(&data_before, end) - cost_at(&data_before, unused);
            let cost = step_cost + unused_data / 2 + cost_at(&after_entry, end);
            if cost < due.0 {
                due = (cost, step);
            }
            if step == Step::Entry && cost < gap.0 {
                gap = (cost, step);
            }
        }
        if let (Some(after_entry), Some(in_gap), Some(place)) = (
            after_entry.get_mut(at),
            in_gap.get_mut(at),
            places.get_mut(at),
        ) {
            (*after_entry, *in_gap) = (due.0, gap.0);
            (place.after_entry, place.in_gap) = (due.1, gap.1);
        }
    }
    places
}

/// How many bytes before each offset are not zero.
fn data_before(page: &[u8; PAGE_BYTES]) -> Vec<i32> {
    let mut count = 0;
    let mut counts = Vec::with_capacity(PAGE_BYTES + 1);
    counts.push(count);
    for byte in page {
        count += i32::from(*byte != 0);
        counts.push(count);
    }
    counts
}

fn cost_at(costs: &[i32], at: usize) -> i32 {
    costs.get(at).copied().unwrap_or_default()
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
