//! The page map: every file as a row of cells, each one page or some, coloured by what it is.
//!
//! ```text
//!  ranges:  |rows      |zero              |rows |damaged|rows               |
//!  cells:   |  rows |  rows |  zero |  zero |  damaged |  rows |  rows | rows|
//! ```
//!
//! All files are drawn to one scale. A cell is as its most damaged byte; where nothing in it is damaged, as
//! most of it is: one lost page in a hundred must be seen.

use std::collections::BTreeMap;

use firedrill_core::salvage::Use;
use firedrill_core::salvage::report::FileReport;

use super::words::USES;

/// A page in bytes.
const PAGE: u64 = 8192;

/// Cells of all files together, but for one more of each.
const CELLS_MAX: u64 = 4000;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    /// Where it begins, in bytes.
    pub(super) start: u64,
    /// Where it ends.
    pub(super) end: u64,
    /// What it is drawn as.
    pub(super) what: Use,
}

/// Bytes of a cell: so many pages that all files fit.
pub(super) fn cell_bytes(files: &[FileReport]) -> u64 {
    let bytes: u64 = files.iter().map(|file| file.length).sum();
    bytes.div_ceil(CELLS_MAX).next_multiple_of(PAGE).max(PAGE)
}

/// A file's cells.
pub(super) fn cells(file: &FileReport, cell_bytes: u64) -> Vec<Cell> {
    let mut cells = Vec::new();
    let mut ranges = file.ranges.iter().peekable();
    let mut start = 0;
    while start < file.length {
        let end = (start + cell_bytes).min(file.length);
        let mut inside: BTreeMap<Use, u64> = BTreeMap::new();
        while let Some((from, to, what)) = ranges.peek() {
            let bytes = (*to).min(end).saturating_sub((*from).max(start));
            *inside.entry(*what).or_default() += bytes;
            if *to > end {
                break;
            }
            ranges.next();
        }
        let what = told(&inside);
        cells.push(Cell { start, end, what });
        start = end;
    }
    cells
}

fn told(inside: &BTreeMap<Use, u64>) -> Use {
    let there = |what: &Use| inside.get(what).is_some_and(|bytes| *bytes > 0);
    // The uses come with the most damaged one first.
    let damage = USES
        .into_iter()
        .find(|what| what.is_damage() && there(what));
    let most = inside.iter().max_by_key(|(_, bytes)| **bytes);
    damage
        .or(most.map(|(what, _)| *what))
        .unwrap_or(Use::Unexplained)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(pages: &[(u64, Use)]) -> FileReport {
        let mut ranges = Vec::new();
        let mut at = 0;
        for (count, what) in pages {
            ranges.push((at * PAGE, (at + count) * PAGE, *what));
            at += count;
        }
        FileReport {
            name: "Raven.voron".to_owned(),
            length: at * PAGE,
            bytes: BTreeMap::new(),
            damage: Vec::new(),
            ranges,
        }
    }

    fn uses(cells: &[Cell]) -> Vec<Use> {
        cells.iter().map(|cell| cell.what).collect()
    }

    #[test]
    fn one_damaged_page_is_seen_whatever_else_is_in_its_cell() {
        let file = file(&[
            (7, Use::Rows),
            (1, Use::Damaged),
            (2, Use::Tree),
            (3, Use::Zero),
        ]);
        let single = cells(&file, PAGE);
        assert_eq!(single.len(), 13);
        assert_eq!(single[7].what, Use::Damaged);
        let four = cells(&file, 4 * PAGE);
        let expected = [Use::Rows, Use::Damaged, Use::Tree, Use::Zero];
        assert_eq!(uses(&four), expected);
        assert_eq!(four[3].end, file.length);
        assert!(four.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn cells_are_pages_until_there_are_too_many() {
        let small = file(&[(4000, Use::Rows)]);
        assert_eq!(cell_bytes(std::slice::from_ref(&small)), PAGE);
        let large = file(&[(1_000_000, Use::Rows), (1, Use::Unreadable)]);
        let bytes = cell_bytes(std::slice::from_ref(&large));
        let drawn = cells(&large, bytes);
        assert!(drawn.len() as u64 <= CELLS_MAX, "{}", drawn.len());
        assert_eq!(drawn.last().map(|cell| cell.what), Some(Use::Unreadable));
        assert_eq!(cell_bytes(&[]), PAGE);
    }
}
