//! What became of keys, change by change, in words; and what they held at any line of the trace.

use std::collections::BTreeMap;

use bytes::Bytes;
use firedrill_core::object::{Key, VersionId};

use super::names::Names;
use super::page::Tone;
use crate::oracle::log::{Author, Held, Log, What};
use crate::scene::Scene;

/// One change of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    /// The line of the trace that made it; 0 for what was before any machine.
    pub(super) seq: u64,
    /// The scenario's operation that made it, by its index.
    pub(super) operation: Option<usize>,
    /// Who.
    pub(super) author: Author,
    /// On which key.
    pub(super) key: Key,
    /// What, with short names, without the key's.
    pub(super) words: String,
    /// How that is: right bytes are good, other bytes and data that is gone are bad.
    pub(super) tone: Tone,
    /// Whether it puts bytes on top.
    pub(super) publishes: bool,
}

/// The bytes that belong under each key.
pub(super) type Right = BTreeMap<Key, Bytes>;

/// Every change of every key, in order.
pub(super) fn changes(scene: &Scene, right: &Right, names: &Names) -> Vec<Change> {
    let mut log = Log::default();
    let mut places = scene.places.iter().peekable();
    let (mut seq, mut operation) = (0, None);
    let mut found = Vec::new();
    for (number, record) in scene.log.records().iter().enumerate() {
        while let Some(place) = places.next_if(|place| place.record <= number) {
            (seq, operation) = (place.seq, place.operation);
        }
        let right = right.get(&record.key);
        let (words, tone) = tell(&record.what, log.history(&record.key), right, names);
        found.push(Change {
            seq,
            operation,
            author: record.author,
            key: record.key.clone(),
            words,
            tone,
            publishes: matches!(record.what, What::Put { .. } | What::Copied { .. }),
        });
        log.append(record.clone());
    }
    found
}

/// The bucket behind a line of the trace; behind line 0 as the first machine found it.
pub(super) fn at(scene: &Scene, seq: u64) -> Log {
    let behind = scene.places.iter().find(|place| place.seq > seq);
    let records = scene.log.records();
    let end = behind.map_or(records.len(), |place| place.record);
    let mut log = Log::default();
    for record in &records[..end] {
        log.append(record.clone());
    }
    log
}

fn tell(what: &What, held: &[Held], right: Option<&Bytes>, names: &Names) -> (String, Tone) {
    let of = |body: Option<&Bytes>| match (body, right) {
        (Some(body), Some(right)) if body == right => ("the right bytes".to_owned(), Tone::Good),
        (Some(body), Some(_)) => (format!("other bytes ({})", body.len()), Tone::Bad),
        (Some(body), None) => (format!("{} bytes", body.len()), Tone::Plain),
        (None, _) => ("nothing".to_owned(), Tone::Plain),
    };
    let find = |id: &VersionId| held.iter().find(|held| held.id == *id);
    match what {
        What::Put { id, body, .. } => {
            let (bytes, tone) = of(Some(body));
            (format!("put {}: {bytes}", names.version(id)), tone)
        }
        What::Copied { from, id, .. } => {
            let (bytes, tone) = of(find(from).and_then(|held| held.body.as_ref()));
            let (from, id) = (names.version(from), names.version(id));
            (format!("{from} copied as {id}: {bytes}"), tone)
        }
        What::Marked { id } => (format!("marker {}", names.version(id)), Tone::Warn),
        What::Gone => ("deleted, nothing is left".into(), Tone::Bad),
        What::Removed { id } => {
            let short = names.version(id);
            match find(id) {
                None => (format!("{short} removed, which was gone"), Tone::Plain),
                Some(held) if held.body.is_none() => {
                    (format!("marker {short} removed"), Tone::Plain)
                }
                Some(held) => {
                    let (bytes, _) = of(held.body.as_ref());
                    let words = format!("DATA VERSION {short} removed: {bytes}");
                    (words, Tone::Bad)
                }
            }
        }
        What::Archived { id } => (format!("{} archived", names.version(id)), Tone::Warn),
        What::Versioning(state) => (format!("versioning {state:?}").to_lowercase(), Tone::Plain),
    }
}
