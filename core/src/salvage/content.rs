//! Attachments' contents: chunks of a stream put together by page number, and checked against their name.
//!
//! ```text
//!  chunk (first) ──next──► chunk ──next──► … ──► size, version, tag     tag: …  hash  …
//!  └───────────────── BLAKE2b-256 of all of it ──────────────────┘            ══ must be equal
//! ```
//!
//! A chain that ends before its size is there, that names a page that is not whole, or that comes back to a page
//! of its own, is partial: what there is of it is told, and nobody takes it for the content.
//!
//! Of a chunk there may be several states: as the journals made it, as the data file has it, as it was
//! earlier, as a page that is not whole has it. The content's hash says which of them belong together: chains are
//! followed with one of them changed, then two, [`WALKS_MAX`] times at most.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::drill::planted;
use crate::voron::page::HEADER_BYTES;
use crate::voron::stream::{Chain, End, Tag, hash, hash_name};

use super::file::{Read, Reader};
use super::library::{Library, Run};
use super::mend::{flip, read_all};

/// Runs of streams, by the page where each begins: each state that may be its own, the likeliest first.
pub(super) type Chunks = BTreeMap<u64, Vec<Run>>;

/// So often a chain is followed: four chunks with two states each are tried to the end.
const WALKS_MAX: usize = 16;

/// A chain to be put together and checked.
#[derive(Debug, Clone)]
pub struct Content {
    /// The page where it begins.
    pub(super) first: u64,
    pub(super) chunks: Arc<Chunks>,
    /// More pages than there are.
    pub(super) pages_max: u64,
}

/// What a chain turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashed {
    /// The page where it begins.
    pub first: u64,
    /// base64 of the BLAKE2b-256 of the data that is there.
    pub hash: String,
    /// The hash that its tag names, where the chain has one and its end is there.
    pub named: Option<String>,
    /// The page where each chunk begins, which of its states it is, and its data in bytes.
    pub data: Vec<(u64, u32, u64)>,
    /// Whether it ends where a stream ends, and not where a page is missing.
    pub ended: bool,
    /// Whether all of it is there, and hashes to its name.
    pub whole: bool,
}

/// The states that a chain is followed in: of each page that is named here that one, of all others the first.
type States = Vec<(u64, u32)>;

impl Content {
    /// The contents that begin here; where none is whole, what there is in the likeliest states.
    pub(super) fn run(&self, reader: &mut dyn Reader) -> Vec<Hashed> {
        let mut likeliest = None;
        let mut whole: Vec<Hashed> = Vec::new();
        let mut waiting = VecDeque::from([States::new()]);
        for _ in 0..WALKS_MAX {
            let Some(states) = waiting.pop_front() else {
                break;
            };
            let (hashed, met) = self.follow(&states, reader);
            let others = self.others(&states, &met, hashed.whole, reader);
            waiting.extend(others);
            match hashed.whole {
                true if whole.iter().all(|known| known.hash != hashed.hash) => whole.push(hashed),
                true => {}
                false => likeliest = likeliest.or(Some(hashed)),
            }
        }
        match whole.is_empty() {
            true => likeliest.into_iter().collect(),
            false => whole,
        }
    }

    /// A chain in some states, and the pages that it asked for, in order.
    fn follow(&self, states: &States, reader: &mut dyn Reader) -> (Hashed, Vec<u64>) {
        let mut met = Vec::new();
        let mut chain = Chain::new(self.first, self.pages_max);
        while let Some(page) = chain.wanted() {
            met.push(page);
            let runs = self.chunks.get(&page);
            let run = runs.and_then(|runs| runs.get(state_of(states, page) as usize));
            let run = run.and_then(|run| bytes_of(run, reader));
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
        let ended = stream.end == End::Complete;
        let hashed = Hashed {
            first: self.first,
            ended,
            whole: stream.has_start && ended && named.as_ref() == Some(&hash),
            hash,
            named,
            data: stream
                .chunks
                .iter()
                .map(|chunk| (chunk.page, state_of(states, chunk.page), chunk.data_bytes))
                .collect(),
        };
        (hashed, met)
    }

    /// What else to try: one more page in another state, behind those that are in another one already. Where the chain is
    /// whole, a state with the same checksum leads nowhere else.
    fn others(
        &self,
        states: &States,
        met: &[u64],
        is_whole: bool,
        reader: &mut dyn Reader,
    ) -> Vec<States> {
        let last = states.last().map(|(page, _)| *page);
        let behind = match last.and_then(|last| met.iter().position(|page| *page == last)) {
            Some(at) => met.get(at + 1..).unwrap_or_default(),
            None => met,
        };
        let mut others = Vec::new();
        for page in behind {
            let runs = self.chunks.get(page).map_or(&[][..], Vec::as_slice);
            let Some((first, more)) = runs.split_first().filter(|(_, more)| !more.is_empty())
            else {
                continue;
            };
            let head = head_of(first, reader);
            for (state, run) in (1..).zip(more) {
                if !is_whole || head_of(run, reader) != head {
                    let mut states = states.clone();
                    states.push((*page, state));
                    others.push(states);
                }
            }
        }
        others
    }
}

fn state_of(states: &States, page: u64) -> u32 {
    let state = states.iter().find(|(other, _)| *other == page);
    state.map_or(0, |(_, state)| *state)
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

/// A run's page head: its checksum is in it.
fn head_of(run: &Run, reader: &mut dyn Reader) -> Vec<u8> {
    match run {
        Run::Redone(bytes) => bytes.get(..HEADER_BYTES).unwrap_or_default().to_vec(),
        Run::Filed { file, ranges, fix } => {
            let start = ranges.first().map_or(0, |range| range.start);
            let range = start..start + HEADER_BYTES as u64;
            let mut bytes = reader.read(&Read { file: *file, range }).bytes;
            if let Some(bit) = fix {
                flip(&mut bytes, *bit);
            }
            bytes
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
            let bytes = hashed.data.iter().map(|(.., bytes)| bytes).sum();
            // That the bytes hash to the name is proof enough: the tag behind them may be damaged.
            if hashed.hash == hash {
                let pieces = self.pieces_of(hashed);
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

    /// Where the data of a chain is, as far as it was found.
    pub(super) fn pieces_of(&self, hashed: &Hashed) -> Vec<(Run, Range<u64>)> {
        let pieces = hashed.data.iter().filter_map(|(page, state, bytes)| {
            let start = HEADER_BYTES as u64;
            let run = self.chunks.get(page)?.get(*state as usize)?;
            Some((run.clone(), start..start + bytes))
        });
        pieces.collect()
    }
}
