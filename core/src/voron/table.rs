//! A table value: the columns of one row, with bounds.
//!
//! ```text
//! varint count | count offsets of 1, 2 or 4 bytes | column 0 | column 1 | …
//! ```
//!
//! Offsets count from just behind the varint, so the first one is the size of the offsets. How wide they are
//! follows from the size of the whole value: 1 byte up to 255, 2 up to 65,535, else 4. Offsets never fall,
//! and the last column ends where the value ends.
//!
//! Checked on files of 4.2 to 7.2. A compressed value has the width of its decompressed size.

use super::text::varint;
use super::unreadable::{Unreadable, damaged, sized_at, slice_at};

/// More columns than any table has; rows of real tables have 1 to 13.
pub const COLUMNS_MAX: usize = 32;

/// One row's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableValue<'a> {
    /// What the offsets count from.
    body: &'a [u8],
    body_at: usize,
    count: usize,
    width: usize,
    /// Whether documents in it need no check.
    is_checked: bool,
}

impl<'a> TableValue<'a> {
    /// Reads a row and checks the bounds of all its columns.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let (count, start) = varint(bytes, 0)?;
        let count = match usize::try_from(count) {
            Ok(count) if (1..=COLUMNS_MAX).contains(&count) => count,
            _ => return damaged("a number of columns that no table has", 0),
        };
        let width = match bytes.len() {
            0..=0xff => 1,
            0x100..=0xffff => 2,
            _ => 4,
        };
        let body = slice_at(bytes, start, bytes.len() - start)?;
        let mut before = count * width;
        for column in 0..count {
            let offset = sized_at(body, column * width, width)?;
            let ordered = if column == 0 {
                offset == before
            } else {
                offset >= before
            };
            if !ordered || offset > body.len() {
                return damaged("a column that lies outside its row", start + column * width);
            }
            before = offset;
        }
        Ok(Self {
            body,
            body_at: start,
            count,
            width,
            is_checked: false,
        })
    }

    /// The same of a row whose documents were checked before.
    pub(super) fn taken_as_checked(self) -> Self {
        Self {
            is_checked: true,
            ..self
        }
    }

    /// Whether documents in it were checked before.
    pub(super) fn is_checked(&self) -> bool {
        self.is_checked
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.count
    }

    /// Where a column begins in its row; the row's end where there is no such column.
    pub fn position(&self, index: usize) -> usize {
        let within = sized_at(self.body, index * self.width, self.width);
        let within = within.ok().filter(|_| index < self.count);
        self.body_at + within.unwrap_or(self.body.len())
    }

    /// The bytes of a column; none where there is no such column.
    pub fn column(&self, index: usize) -> Option<&'a [u8]> {
        if index >= self.count {
            return None;
        }
        let start = sized_at(self.body, index * self.width, self.width).ok()?;
        let end = if index + 1 == self.count {
            self.body.len()
        } else {
            sized_at(self.body, (index + 1) * self.width, self.width).ok()?
        };
        self.body.get(start..end)
    }
}
