//! What happened in the world, line by line, and one hash of it all.
//!
//! No pointers, paths, thread ids or wall time get into a line, so the hash of two runs is equal if and
//! only if the same things happened in the same order. `cause` names the line that brought a line about.
//! What a reader wants besides is a line's [`Note`]: made only where lines are kept, and no part of the hash.

use std::io::{self, Write};

use serde::Serialize;

use crate::draw::{fold, hash_bytes};
use crate::queue::Nanos;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TraceEvent {
    /// Its number, from 1.
    pub seq: u64,
    /// When, in nanoseconds since the world's start.
    pub at: Nanos,
    /// On which host; 0 is the world outside of all hosts.
    pub host: u32,
    /// What.
    pub kind: &'static str,
    /// Whom it is about: a key, a prefix, an operation.
    pub entity: String,
    /// What came of it.
    pub detail: String,
    /// The line that brought it about; 0 for what nobody did.
    pub cause: u64,
    /// What a reader may want to know besides.
    #[serde(flatten)]
    pub note: Note,
}

/// What goes with a line for whoever reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Note {
    /// In words.
    #[serde(rename = "note", skip_serializing_if = "String::is_empty")]
    pub words: String,
    /// Which faults struck here, by their place in the plan, from 0.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<usize>,
}

/// What becomes of a trace's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tracing {
    /// They are counted: for runs that nobody compares.
    Count,
    /// They are hashed, too.
    Hash,
    /// They are hashed and kept. The hash is the same.
    Lines,
}

/// The lines so far; their hash always, themselves only where somebody wants to read them.
#[derive(Debug, Clone)]
pub struct Trace {
    /// None where nobody asks for it.
    hash: Option<u64>,
    count: u64,
    kept: Option<Vec<TraceEvent>>,
}

impl Trace {
    /// An empty trace.
    pub fn new(tracing: Tracing) -> Self {
        Self {
            hash: (tracing != Tracing::Count).then_some(0),
            count: 0,
            kept: (tracing == Tracing::Lines).then(Vec::new),
        }
    }

    /// Adds a line and returns its number.
    pub fn push(
        &mut self,
        at: Nanos,
        host: u32,
        kind: &'static str,
        entity: &str,
        detail: &str,
        cause: u64,
    ) -> u64 {
        self.count += 1;
        if let Some(hash) = &mut self.hash {
            for word in [
                at,
                u64::from(host),
                hash_bytes(kind.as_bytes()),
                hash_bytes(entity.as_bytes()),
                hash_bytes(detail.as_bytes()),
                cause,
            ] {
                *hash = fold(*hash, word);
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.push(TraceEvent {
                seq: self.count,
                at,
                host,
                kind,
                entity: entity.to_owned(),
                detail: detail.to_owned(),
                cause,
                note: Note::default(),
            });
        }
        self.count
    }

    /// Whether lines are kept.
    pub fn is_kept(&self) -> bool {
        self.kept.is_some()
    }

    /// Adds a note to the last line, if lines are kept.
    pub fn annotate(&mut self, note: impl FnOnce() -> Note) {
        if let Some(last) = self.kept.as_mut().and_then(|kept| kept.last_mut()) {
            last.note = note();
        }
    }

    /// The hash of all lines so far; 0 if they are only counted.
    pub fn hash(&self) -> u64 {
        self.hash.unwrap_or_default()
    }

    /// How many lines there are.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether nothing happened yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The lines; none if they were not kept.
    pub fn events(&self) -> &[TraceEvent] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// Writes the kept lines, one JSON document each.
    pub fn write_jsonl(&self, mut out: impl Write) -> io::Result<()> {
        for event in self.events() {
            serde_json::to_writer(&mut out, event)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_sees_every_field_and_the_order() {
        let hash = |lines: &[(u64, u32, &'static str, &str, &str, u64)]| {
            let mut trace = Trace::new(Tracing::Hash);
            for (at, host, kind, entity, detail, cause) in lines {
                trace.push(*at, *host, kind, entity, detail, *cause);
            }
            trace.hash()
        };
        let base = hash(&[(1, 1, "send", "a", "x", 0)]);
        assert_eq!(base, hash(&[(1, 1, "send", "a", "x", 0)]));
        for other in [
            (2, 1, "send", "a", "x", 0),
            (1, 2, "send", "a", "x", 0),
            (1, 1, "reply", "a", "x", 0),
            (1, 1, "send", "b", "x", 0),
            (1, 1, "send", "a", "y", 0),
            (1, 1, "send", "a", "x", 9),
        ] {
            assert_ne!(base, hash(&[other]));
        }
        let (first, second) = ((1, 1, "a", "", "", 0), (1, 1, "b", "", "", 0));
        assert_ne!(hash(&[first, second]), hash(&[second, first]));
    }

    #[test]
    fn kept_lines_come_out_as_json_and_change_no_hash() {
        let mut kept = Trace::new(Tracing::Lines);
        let mut hashed = Trace::new(Tracing::Hash);
        for trace in [&mut kept, &mut hashed] {
            trace.push(5, 1, "send", "a\"b", "", 0);
            trace.annotate(|| Note {
                words: "by hand".into(),
                faults: vec![2],
            });
        }
        assert_eq!(kept.hash(), hashed.hash());
        let mut out = Vec::new();
        kept.write_jsonl(&mut out).expect("a Vec takes everything");
        let line = String::from_utf8(out).expect("JSON is UTF-8");
        assert!(line.contains(r#""entity":"a\"b""#), "{line}");
        assert!(line.contains(r#""note":"by hand","faults":[2]"#), "{line}");
    }
}
