//! Reads columns by what they hold, each with its check.

use crate::voron::blittable::Blittable;
use crate::voron::table::TableValue;
use crate::voron::text::{LazyString, Ticks, is_lower_of, unescaped, utf8};
use crate::voron::unreadable::{Unreadable, damaged};

use super::{Flags, SEPARATOR};

impl<'a> TableValue<'a> {
    /// Refuses rows of another number of columns.
    pub(super) fn expect_columns(&self, counts: &[usize]) -> Result<(), Unreadable> {
        if counts.contains(&self.columns()) {
            return Ok(());
        }
        damaged("a number of columns that this table does not have", 0)
    }

    pub(super) fn fail<T>(&self, column: usize, what: &'static str) -> Result<T, Unreadable> {
        damaged(what, self.position(column))
    }

    pub(super) fn raw(&self, column: usize) -> &'a [u8] {
        self.column(column).unwrap_or_default()
    }

    pub(super) fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], Unreadable> {
        match self.raw(column).try_into() {
            Ok(array) => Ok(array),
            Err(_) => self.fail(column, "a column of the wrong size"),
        }
    }

    pub(super) fn text(&self, column: usize) -> Result<&'a str, Unreadable> {
        utf8(self.raw(column), self.position(column))
    }

    /// Text that is not empty.
    pub(super) fn some_text(&self, column: usize) -> Result<&'a str, Unreadable> {
        match self.text(column)? {
            "" => self.fail(column, "an empty column that is never empty"),
            text => Ok(text),
        }
    }

    pub(super) fn lazy(&self, column: usize) -> Result<LazyString<'a>, Unreadable> {
        LazyString::whole(self.raw(column))
            .or_else(|_| self.fail(column, "a column that is no string"))
    }

    /// Change vectors are lists of `tag:etag-database`, all ASCII.
    pub(super) fn change_vector(&self, column: usize) -> Result<&'a str, Unreadable> {
        let text = self.text(column)?;
        if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Ok(text);
        }
        self.fail(column, "a change vector with characters that none has")
    }

    /// Etags are stored big-endian, and count from 1.
    pub(super) fn etag(&self, column: usize) -> Result<i64, Unreadable> {
        match i64::from_be_bytes(self.array(column)?) {
            etag if etag > 0 => Ok(etag),
            _ => self.fail(column, "an etag below 1"),
        }
    }

    pub(super) fn integer(&self, column: usize) -> Result<i64, Unreadable> {
        Ok(i64::from_le_bytes(self.array(column)?))
    }

    pub(super) fn ticks(&self, column: usize) -> Result<Ticks, Unreadable> {
        match Ticks::new(self.integer(column)?) {
            Some(ticks) => Ok(ticks),
            None => self.fail(column, "a time outside the years 1 to 9999"),
        }
    }

    pub(super) fn flags(&self, column: usize) -> Result<Flags, Unreadable> {
        Ok(Flags(u32::from_le_bytes(self.array(column)?)))
    }

    /// Counts up with the transactions and wraps: any value will do.
    pub(super) fn marker(&self, column: usize) -> Result<i16, Unreadable> {
        Ok(i16::from_le_bytes(self.array(column)?))
    }

    pub(super) fn separator(&self, column: usize) -> Result<(), Unreadable> {
        match self.raw(column) {
            [SEPARATOR] => Ok(()),
            _ => self.fail(column, "a separator that is none"),
        }
    }

    pub(super) fn document(&self, column: usize) -> Result<Blittable<'a>, Unreadable> {
        let shifted = |error| match error {
            Unreadable::Damaged { what, at } => Unreadable::Damaged {
                what,
                at: at + self.position(column),
            },
            Unreadable::Unsupported(_) => error,
        };
        let read = match self.is_checked() {
            true => Blittable::open,
            false => Blittable::validate,
        };
        read(self.raw(column)).map_err(shifted)
    }

    /// A document's id in lower case and as it was given: the one must be the other's lower case.
    pub(super) fn ids(
        &self,
        lower: usize,
        original: usize,
    ) -> Result<(&'a str, &'a str), Unreadable> {
        let lower_id = self.some_text(lower)?;
        let id = self.lazy(original)?.text;
        if is_lower_of(lower_id, id) || is_lower_of(&unescaped(lower_id), &unescaped(id)) {
            return Ok((lower_id, id));
        }
        self.fail(original, "an id that is not its own lower case")
    }
}

/// Splits at the first separator.
pub(super) fn split(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = key.iter().position(|byte| *byte == SEPARATOR)?;
    Some((key.get(..at)?, key.get(at + 1..)?))
}
