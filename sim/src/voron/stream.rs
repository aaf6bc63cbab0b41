//! Contents of attachments: in runs that name one another, or in a leaf of the attachments' tree.
//!
//! ```text
//!  runs     8,128 bytes ──► 16,320 ──► 32,704 ──► … at most 4 MB, the last: data │ size i64, 1 i32, tag size i32 │ tag
//!  inline   type 10 │ size i64 │ 1 i32 │ tag size i32 │ tag │ data
//! ```
//!
//! Invariants: where size and tag do not fit behind the last data, one more run without data holds them; one
//! content is stored once, however many attachments have it.

use std::collections::BTreeMap;

use super::bytes::{PAGE_SIZE, content_hash, put_i64};
use super::pages::Pages;
use super::places::Places;
use super::specification::Flavour;
use super::tree::{Value, embedded_numbers};
use super::truth::{AttachmentContent, PageUse};

/// The contents of all attachments.
#[derive(Debug)]
pub(super) struct Streams {
    flavour: Flavour,
    contents: Vec<Content>,
    /// The content that is there under each hash.
    current: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct Content {
    truth: AttachmentContent,
    references: usize,
    runs: Vec<Run>,
}

#[derive(Debug)]
struct Run {
    page: u64,
    data: usize,
    place: usize,
}

/// Largest value seen inline in real files.
const INLINE_MAX: usize = 4052;
const CHUNK_PAGES_MAX: usize = 4 * 1024 * 1024 / PAGE_SIZE;

impl Streams {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            contents: Vec::new(),
            current: BTreeMap::new(),
        }
    }

    /// One more attachment has this content; `tag` is stored with it if it is new.
    pub(super) fn put(
        &mut self,
        pages: &mut Pages,
        places: &mut Places,
        transaction: u64,
        content: &[u8],
        tag: &[u8],
    ) {
        let hash = content_hash(content);
        if let Some(nth) = self.current.get(&hash) {
            self.contents[*nth].references += 1;
            return;
        }
        let info = information(content, tag);
        let inline = self.flavour == Flavour::V7_2 && 1 + info.len() + content.len() <= INLINE_MAX;
        let runs = if inline {
            Vec::new()
        } else {
            write_runs(pages, places, transaction, content, &info, &hash)
        };
        self.current.insert(hash.clone(), self.contents.len());
        self.contents.push(Content {
            truth: AttachmentContent {
                hash,
                tag: tag.to_vec(),
                content: content.to_vec(),
                live: true,
                chunks: Vec::new(),
                inline_page: None,
                inline_page_in_file: None,
            },
            references: 1,
            runs,
        });
    }

    /// One attachment less has the content of this hash.
    pub(super) fn drop_one(
        &mut self,
        pages: &mut Pages,
        places: &mut Places,
        transaction: u64,
        hash: &str,
    ) {
        let Some(nth) = self.current.get(hash).copied() else {
            return;
        };
        let content = &mut self.contents[nth];
        content.references -= 1;
        if content.references > 0 {
            return;
        }
        content.truth.live = false;
        content.truth.inline_page = None;
        for run in &content.runs {
            pages.release(run.page);
            places.release(run.place, transaction);
        }
        self.current.remove(hash);
    }

    /// The entries of the attachments' tree.
    pub(super) fn entries(&self) -> Vec<(Vec<u8>, Value)> {
        let entry = |(hash, nth): (&String, &usize)| {
            let content = &self.contents[*nth];
            let value = if content.runs.is_empty() {
                let mut value = vec![10];
                value.extend(information(&content.truth.content, &content.truth.tag));
                value.extend_from_slice(&content.truth.content);
                value
            } else {
                chunk_list(&content.runs)
            };
            (hash.clone().into_bytes(), Value::Inline(value))
        };
        self.current.iter().map(entry).collect()
    }

    /// Notes in which leaves the inline ones came to lie: one for each of the entries.
    pub(super) fn laid_out(&mut self, leaves: &[u64]) {
        for (nth, leaf) in self.current.values().zip(leaves) {
            let content = &mut self.contents[*nth];
            if content.runs.is_empty() {
                content.truth.inline_page = Some(*leaf);
            }
        }
    }

    /// The data file holds what is there now.
    pub(super) fn checkpoint(&mut self) {
        for content in &mut self.contents {
            content.truth.inline_page_in_file = content.truth.inline_page;
        }
    }

    pub(super) fn finish(
        self,
        place: &dyn Fn(usize) -> Option<super::truth::Place>,
    ) -> Vec<AttachmentContent> {
        let finished = |content: Content| {
            let mut truth = content.truth;
            truth.chunks = content
                .runs
                .iter()
                .filter_map(|run| place(run.place))
                .collect();
            let was_there = truth.chunks.len() == content.runs.len();
            was_there.then_some(truth)
        };
        self.contents.into_iter().filter_map(finished).collect()
    }
}

fn information(content: &[u8], tag: &[u8]) -> Vec<u8> {
    let mut out = (content.len() as i64).to_le_bytes().to_vec();
    out.extend_from_slice(&1i32.to_le_bytes());
    out.extend_from_slice(&(tag.len() as i32).to_le_bytes());
    out.extend_from_slice(tag);
    out
}

fn chunk_list(runs: &[Run]) -> Vec<u8> {
    let entries: Vec<(i64, [u8; 12])> = (0..)
        .zip(runs)
        .map(|(nth, run)| {
            let mut value = [0; 12];
            put_i64(&mut value, 0, run.page as i64);
            value[8..].copy_from_slice(&(run.data as i32).to_le_bytes());
            (nth, value)
        })
        .collect();
    embedded_numbers(&entries)
}

fn write_runs(
    pages: &mut Pages,
    places: &mut Places,
    transaction: u64,
    content: &[u8],
    info: &[u8],
    hash: &str,
) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut rest = content;
    let mut chunk_pages = 1;
    loop {
        let capacity = chunk_pages * PAGE_SIZE - 64;
        let (data, behind) = rest.split_at(rest.len().min(capacity));
        let last = behind.is_empty() && data.len() + info.len() <= capacity;
        let mut stored = data.to_vec();
        if last {
            stored.extend_from_slice(info);
        }
        let hash = hash.to_owned();
        let page = pages.allocate_run(2 | 16, &stored, &PageUse::Stream { hash });
        let header = pages.page_mut(page);
        header[13] = u8::from(runs.is_empty());
        put_i64(header, 22, data.len() as i64);
        if let Some(previous) = runs.last() {
            put_i64(pages.page_mut(previous.page), 14, page as i64);
        }
        runs.push(Run {
            page,
            data: data.len(),
            place: places.add(page, 64, stored, true, transaction),
        });
        if last {
            return runs;
        }
        rest = behind;
        chunk_pages = (chunk_pages * 2).min(CHUNK_PAGES_MAX);
    }
}
