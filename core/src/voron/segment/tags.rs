//! The tags of a segment: `tag 0 … tag n-1 | u8 size of each | u8 n`, each tag a lazy string.

use crate::voron::text::LazyString;
use crate::voron::unreadable::{Unreadable, array_at, damaged, slice_at};

/// More tags than an entry's seven bits can tell apart.
const TAGS_MAX: usize = 127;

#[derive(Debug, Clone)]
pub(super) struct Tags<'a>(Vec<&'a str>);

impl<'a> Tags<'a> {
    /// Reads the tags' area, which begins at `at` of its segment.
    pub(super) fn read(area: &'a [u8], at: usize) -> Result<Self, Unreadable> {
        let Some((count, front)) = area.split_last() else {
            return damaged("a segment without a place for tags", at);
        };
        let count = usize::from(*count);
        let Some(sizes_at) = front.len().checked_sub(count).filter(|_| count <= TAGS_MAX) else {
            return damaged("more tags than there is place for", at + front.len());
        };
        let mut tags = Vec::with_capacity(count);
        let mut start = 0;
        for index in 0..count {
            let [size] = array_at(front, sizes_at + index)?;
            let tag = slice_at(front, start, usize::from(size))?;
            tags.push(LazyString::whole(tag)?.text);
            start += usize::from(size);
        }
        if start != sizes_at {
            return damaged("tags that do not fill their place", at + start);
        }
        Ok(Self(tags))
    }

    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, index: u8) -> Option<&'a str> {
        self.0.get(usize::from(index)).copied()
    }
}
