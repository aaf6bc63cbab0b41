//! Why a value could not be read, and the few reads of integers that every value needs.
//!
//! Invariant: nothing here or in a caller indexes bytes; every access is a `get` whose absence is an error.

/// Why bytes could not be read as what they were taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// They are not what they should be: damaged, overwritten, or something else.
    #[error("{what}, at byte {at}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
        /// Where, counted from the start of the value that was being read.
        at: usize,
    },
    /// They may well be whole, but in a form that this reader does not know.
    #[error("{0}")]
    Unsupported(&'static str),
}

pub(super) fn damaged<T>(what: &'static str, at: usize) -> Result<T, Unreadable> {
    Err(Unreadable::Damaged { what, at })
}

/// The `N` bytes from `at` on.
pub(super) fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Result<[u8; N], Unreadable> {
    let found = at.checked_add(N).and_then(|end| bytes.get(at..end));
    match found.and_then(|found| found.try_into().ok()) {
        Some(array) => Ok(array),
        None => damaged("the value ends too early", at),
    }
}

/// A slice of `length` bytes from `at` on.
pub(super) fn slice_at(bytes: &[u8], at: usize, length: usize) -> Result<&[u8], Unreadable> {
    match at.checked_add(length).and_then(|end| bytes.get(at..end)) {
        Some(slice) => Ok(slice),
        None => damaged("the value ends too early", at),
    }
}

/// A little-endian integer of 1, 2 or 4 bytes.
pub(super) fn sized_at(bytes: &[u8], at: usize, size: usize) -> Result<usize, Unreadable> {
    Ok(match size {
        1 => usize::from(array_at::<1>(bytes, at)?[0]),
        2 => usize::from(u16::from_le_bytes(array_at(bytes, at)?)),
        _ => u32::from_le_bytes(array_at(bytes, at)?) as usize,
    })
}
