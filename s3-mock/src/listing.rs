//! Listings: objects, and versions with markers, in pages.
//!
//! ```text
//!  keys ascending by their UTF-8 bytes   a      b/1    b/2    c
//!  in one key the newest stored first    a₃ a₂ a₁      …             c₁
//!  with delimiter `/`                    a₃ a₂ a₁   [ b/ ]           c₁      each group is one entry
//! ```
//!
//! A page begins behind its markers by seeking, so a listing of n entries costs n steps however small its
//! pages are.

use std::collections::btree_map::Range;
use std::ops::Bound;
use std::sync::Arc;

use crate::object::Stored;
use crate::{Bucket, StorageClass, Time, version_id};

/// ListObjectVersions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListVersions {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Groups keys that share what is between the prefix and the first of these.
    pub delimiter: Option<String>,
    /// Goes on behind this key, or with a version id marker behind that version of it.
    pub key_marker: Option<String>,
    /// Only together with a key marker.
    pub version_id_marker: Option<String>,
    /// At most so many entries and groups; never more than the bucket's `page_size_max`.
    pub max_keys: u32,
}

impl Default for ListVersions {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            delimiter: None,
            key_marker: None,
            version_id_marker: None,
            max_keys: crate::PAGE_SIZE_MAX,
        }
    }
}

/// ListObjects and ListObjectsV2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListObjects {
    /// Only keys that begin with this.
    pub prefix: String,
    /// Groups keys that share what is between the prefix and the first of these.
    pub delimiter: Option<String>,
    /// Goes on behind this key (`marker`, `start-after`, or what a continuation token stands for).
    pub after: Option<String>,
    /// At most so many entries and groups; never more than the bucket's `page_size_max`.
    pub max_keys: u32,
}

impl Default for ListObjects {
    fn default() -> Self {
        Self {
            prefix: String::new(),
            delimiter: None,
            after: None,
            max_keys: crate::PAGE_SIZE_MAX,
        }
    }
}

/// A page of versions and markers, in listing order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionPage {
    /// Keys ascending, each key's newest first.
    pub entries: Vec<ListedEntry>,
    /// The groups, ascending.
    pub common_prefixes: Vec<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// Where the next page begins, if there is more.
    pub next_key_marker: Option<String>,
    /// None also when the last thing on the page was a group.
    pub next_version_id_marker: Option<String>,
}

/// One version or marker in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedEntry {
    /// The key. Shared with the bucket, like the other texts: listings are most of what a drill asks for.
    pub key: Arc<str>,
    /// The id, `null` included.
    pub version_id: Arc<str>,
    /// Whether it is the current one.
    pub is_latest: bool,
    /// To the second.
    pub last_modified: Time,
    /// Which of both.
    pub kind: ListedKind,
}

/// A version or a marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListedKind {
    /// Bytes.
    Version {
        /// How many.
        size: u64,
        /// Quotes included.
        etag: Arc<str>,
        /// Where it lies.
        storage_class: StorageClass,
        /// Whether it was restored from an archive class.
        restored: bool,
    },
    /// A deletion.
    Marker,
}

/// A page of current objects.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectPage {
    /// Keys ascending.
    pub entries: Vec<ListedObject>,
    /// The groups, ascending.
    pub common_prefixes: Vec<String>,
    /// Whether there is more.
    pub truncated: bool,
    /// What the next page comes behind, if there is more: a key or a group.
    pub next: Option<String>,
}

/// One current object in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedObject {
    /// The key.
    pub key: Arc<str>,
    /// Bytes.
    pub size: u64,
    /// Quotes included.
    pub etag: Arc<str>,
    /// To the second.
    pub last_modified: Time,
    /// Where it lies.
    pub storage_class: StorageClass,
    /// Whether it was restored from an archive class.
    pub restored: bool,
}

/// Entries for which a page has room from the start: most pages of small buckets.
const PAGE_ROOM: usize = 64;

impl Bucket {
    /// One page of all versions and markers.
    ///
    /// "S3 returns object versions in the order in which they were stored, with the most recently stored
    /// returned first" (S3 user guide, "Listing objects in a versioning-enabled bucket"); keys ascend by
    /// their bytes ("List results are always returned in UTF-8 binary order"). Both markers are exclusive:
    /// the API reference calls NextKeyMarker "the first key not returned", and S3 answers the last one
    /// returned and goes on behind it. "All of the keys that roll up into a common prefix count as a single
    /// return when calculating the number of returns." Where the version of the version id marker was
    /// removed meanwhile, the page goes on with what is older than it was.
    pub fn list_versions(&self, request: &ListVersions) -> VersionPage {
        let max = request.max_keys.min(self.page_size_max) as usize;
        let mut page = VersionPage {
            entries: Vec::with_capacity(max.min(PAGE_ROOM)),
            ..VersionPage::default()
        };
        let mut ends_with_group = false;
        let mut walk = Walk::new(self, &request.prefix, request.delimiter.as_deref());
        if let Some(key) = &request.key_marker {
            match &request.version_id_marker {
                Some(id) => walk.seek_at(key, self.sequence_of(key, id)),
                None => walk.seek_behind(key),
            }
        }
        while let Some(item) = walk.next() {
            let full = page.entries.len() + page.common_prefixes.len() == max;
            match item {
                _ if full => {
                    // With max-keys 0, S3 answers an empty page that is not truncated.
                    page.truncated = max > 0;
                    break;
                }
                Item::Group(group) => {
                    ends_with_group = true;
                    page.common_prefixes.push(group.to_owned());
                }
                Item::Entry {
                    key,
                    stored,
                    is_latest,
                } => {
                    ends_with_group = false;
                    page.entries.push(listed(key, stored, is_latest));
                }
            }
        }
        if page.truncated {
            page.go_on_behind_the_last(ends_with_group);
        }
        if crate::drill::planted("MK-01") {
            markers_of_a_second_first(&mut page.entries);
        }
        if crate::drill::planted("MK-04") {
            page.entries.sort_by_key(|entry| utf16(&entry.key));
        }
        page
    }

    /// One page of the objects that a GET would find: keys whose newest entry is a marker are left out.
    pub fn list_objects(&self, request: &ListObjects) -> ObjectPage {
        let mut page = ObjectPage::default();
        let max = request.max_keys.min(self.page_size_max) as usize;
        let mut walk = Walk::new(self, &request.prefix, request.delimiter.as_deref());
        walk.current_only = true;
        if let Some(key) = &request.after {
            walk.seek_behind(key);
        }
        while let Some(item) = walk.next() {
            if page.entries.len() + page.common_prefixes.len() == max {
                page.truncated = max > 0;
                break;
            }
            match item {
                Item::Group(group) => {
                    page.next = Some(group.to_owned());
                    page.common_prefixes.push(group.to_owned());
                }
                Item::Entry { key, stored, .. } => {
                    page.next = Some(key.to_string());
                    page.entries.extend(listed_object(key, stored));
                }
            }
        }
        if !page.truncated {
            page.next = None;
        }
        page
    }

    /// The place of a version id in its key's history, also of one that is not there any more. An id never
    /// seen stands before everything: entries may then come twice, and none is left out.
    fn sequence_of(&self, key: &str, id: &str) -> u64 {
        let stored = self.entry(key, id).map(|stored| stored.sequence);
        let removed = || self.removed.get(id).copied();
        let ours = || version_id::to_sequence(id);
        stored.or_else(removed).or_else(ours).unwrap_or(u64::MAX)
    }
}

impl VersionPage {
    /// Says where the next page begins: behind the last thing on this one.
    fn go_on_behind_the_last(&mut self, ends_with_group: bool) {
        if ends_with_group {
            self.next_key_marker = self.common_prefixes.last().cloned();
        } else if let Some(last) = self.entries.last() {
            self.next_key_marker = Some(last.key.to_string());
            self.next_version_id_marker = Some(last.version_id.to_string());
        }
    }
}

/// What the walk meets next.
enum Item<'a> {
    Entry {
        key: &'a Arc<str>,
        stored: &'a Stored,
        is_latest: bool,
    },
    Group(&'a str),
}

/// Goes through a bucket in listing order, from any place in it.
struct Walk<'a> {
    bucket: &'a Bucket,
    prefix: &'a str,
    delimiter: Option<&'a str>,
    current_only: bool,
    keys: Range<'a, Arc<str>, Vec<Stored>>,
    /// The key that is being walked through, and how many of its entries (the oldest ones) are left.
    within: Option<(&'a Arc<str>, &'a [Stored], usize)>,
}

impl<'a> Walk<'a> {
    fn new(bucket: &'a Bucket, prefix: &'a str, delimiter: Option<&'a str>) -> Self {
        Self {
            bucket,
            prefix,
            delimiter: delimiter.filter(|delimiter| !delimiter.is_empty()),
            current_only: false,
            keys: range(bucket, Bound::Included(prefix)),
            within: None,
        }
    }

    /// Goes on behind all versions of a key, or behind a whole group.
    fn seek_behind(&mut self, key: &str) {
        if key < self.prefix {
            return;
        }
        let is_group = key.starts_with(self.prefix) && self.group_of(key) == Some(key);
        self.keys = match is_group.then(|| successor(key)) {
            None => range(self.bucket, Bound::Excluded(key)),
            Some(Some(behind)) => range(self.bucket, Bound::Included(&behind)),
            Some(None) => Range::default(),
        };
    }

    /// Goes on behind that entry of a key whose place is `sequence`.
    fn seek_at(&mut self, key: &str, sequence: u64) {
        self.seek_behind(key);
        let in_range = key.starts_with(self.prefix) && self.group_of(key).is_none();
        let found = self.bucket.keys.get_key_value(key);
        if let Some((key, history)) = found.filter(|_| in_range) {
            let older = history.partition_point(|stored| stored.sequence < sequence);
            let skipped = usize::from(crate::drill::planted("MK-02"));
            let again = crate::drill::planted("MK-06") && !key.is_ascii() && older < history.len();
            let older = older + usize::from(again);
            self.within = Some((key, history, older.saturating_sub(skipped)));
        }
    }

    fn next(&mut self) -> Option<Item<'a>> {
        loop {
            if let Some((key, history, left)) = self.within.take()
                && left > 0
            {
                if !self.current_only {
                    self.within = Some((key, history, left - 1));
                }
                return Some(Item::Entry {
                    key,
                    stored: &history[left - 1],
                    is_latest: left == history.len(),
                });
            }
            let (key, history) = self.keys.next()?;
            if !key.starts_with(self.prefix) {
                return None;
            }
            let newest = history.last().and_then(|stored| stored.version.as_ref());
            if self.current_only && newest.is_none() {
                continue;
            }
            if let Some(group) = self.group_of(key) {
                self.seek_behind(group);
                return Some(Item::Group(group));
            }
            self.within = Some((key, history, history.len()));
        }
    }

    /// The group that a key falls into: "All keys that contain the same string between the prefix and the
    /// first occurrence of the delimiter are grouped under a single result element in CommonPrefixes."
    fn group_of<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter?;
        let begin = self.prefix.len();
        let found = key.get(begin..)?.find(delimiter)?;
        Some(&key[..begin + found + delimiter.len()])
    }
}

fn range<'a>(bucket: &'a Bucket, from: Bound<&str>) -> Range<'a, Arc<str>, Vec<Stored>> {
    bucket.keys.range::<str, _>((from, Bound::Unbounded))
}

/// The first text behind all that begin with `prefix`; none: there is no such text.
fn successor(prefix: &str) -> Option<String> {
    let mut characters: Vec<char> = prefix.chars().collect();
    while let Some(last) = characters.pop() {
        // The range skips the surrogates, as UTF-8 does.
        if let Some(next) = (last..=char::MAX).nth(1) {
            characters.push(next);
            return Some(characters.into_iter().collect());
        }
    }
    None
}

pub(crate) fn listed(key: &Arc<str>, stored: &Stored, is_latest: bool) -> ListedEntry {
    let kind = match &stored.version {
        None => ListedKind::Marker,
        Some(version) => ListedKind::Version {
            size: version.body.len() as u64,
            etag: Arc::clone(&version.etag),
            storage_class: version.storage_class,
            restored: version.restored,
        },
    };
    ListedEntry {
        key: Arc::clone(key),
        version_id: Arc::clone(&stored.id),
        is_latest,
        last_modified: stored.last_modified.truncated(),
        kind,
    }
}

fn listed_object(key: &Arc<str>, stored: &Stored) -> Option<ListedObject> {
    stored.version.as_ref().map(|version| ListedObject {
        key: Arc::clone(key),
        size: version.body.len() as u64,
        etag: Arc::clone(&version.etag),
        last_modified: stored.last_modified.truncated(),
        storage_class: version.storage_class,
        restored: version.restored,
    })
}

/// MK-04's order: that of a language whose strings are UTF-16.
fn utf16(key: &str) -> Vec<u16> {
    key.encode_utf16().collect()
}

/// MK-01's order.
fn markers_of_a_second_first(entries: &mut [ListedEntry]) {
    let of_one_second = |left: &ListedEntry, right: &ListedEntry| {
        left.key == right.key && left.last_modified == right.last_modified
    };
    for tied in entries.chunk_by_mut(of_one_second) {
        tied.sort_by_key(|entry| entry.kind != ListedKind::Marker);
    }
}
