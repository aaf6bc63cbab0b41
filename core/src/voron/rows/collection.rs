//! A collection's name, the only column of its row.

use crate::voron::table::TableValue;
use crate::voron::unreadable::Unreadable;

/// That there is such a collection.
#[derive(Debug, Clone, Copy)]
pub struct Collection<'a> {
    /// The column's bytes, which are the key.
    pub key: &'a [u8],
    /// Its name as it was given.
    pub name: &'a str,
}

impl<'a> Collection<'a> {
    pub(super) fn read(value: &TableValue<'a>) -> Result<Self, Unreadable> {
        value.expect_columns(&[1])?;
        let name = value.lazy(0)?.text;
        if name.is_empty() {
            return value.fail(0, "a collection without a name");
        }
        Ok(Self {
            key: value.raw(0),
            name,
        })
    }
}
