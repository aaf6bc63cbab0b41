//! What became of keys, change by change, in words; and what they held at any line of the trace.

use std::collections::BTreeMap;

use bytes::Bytes;
use firedrill_core::object::{Key, VersionId};

use super::names::Names;
use super::page::Tone;
use crate::chronicle::Place;
use crate::oracle::log::{Author, Held, Log, Record, What};
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
pub(super) fn changes(
    records: &[Record],
    places: &[Place],
    right: &Right,
    names: &Names,
) -> Vec<Change> {
    let mut log = Log::default();
    let mut places = places.iter().peekable();
    let (mut seq, mut operation) = (0, None);
    let mut found = Vec::new();
    for (number, record) in records.iter().enumerate() {
        while let Some(place) = places.next_if(|place| place.record <= number) {
            (seq, operation) = (place.seq, place.operation);
        }
        // What the writer put before its newest commit is older, and not wrong.
        let is_writers = seq == 0 && operation.is_none();
        let right = right.get(&record.key);
        let right = right.filter(|right| !is_writers || puts(&record.what, right));
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

fn puts(what: &What, right: &Bytes) -> bool {
    matches!(what, What::Put { body, .. } if body == right)
}

fn tell(what: &What, held: &[Held], right: Option<&Bytes>, names: &Names) -> (String, Tone) {
    let twin = |body: &Bytes| {
        let older = held.iter().rfind(|held| held.body.as_ref() == Some(body));
        older.map_or(String::new(), |held| {
            format!(", those of {}", names.version(&held.id))
        })
    };
    let of = |body: Option<&Bytes>| match (body, right) {
        (Some(body), Some(right)) if body == right => ("the right bytes".to_owned(), Tone::Good),
        (Some(body), Some(_)) => {
            let words = format!("other bytes ({}){}", body.len(), twin(body));
            (words, Tone::Bad)
        }
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
                    let is_right = held.body.as_ref() == right && right.is_some();
                    let bytes = if is_right {
                        "the right bytes"
                    } else {
                        "other bytes"
                    };
                    let words = format!("DATA VERSION {short} removed: {bytes}");
                    (words, Tone::Bad)
                }
            }
        }
        What::Archived { id } => (format!("{} archived", names.version(id)), Tone::Warn),
        What::Versioning(state) => (format!("versioning {state:?}").to_lowercase(), Tone::Plain),
    }
}
