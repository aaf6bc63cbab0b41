//! What a salvage tells at its end.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::classify::Lost;
use super::content::Standing;
use super::extract::Found;
use super::ledger::{Ledger, Use};
use super::library::Library;
use super::record::{Class, Kind};
use super::render::attachment_key;
use super::survey::PAGE;

/// The report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Records of each kind, by class.
    pub counts: BTreeMap<Kind, BTreeMap<Class, u64>>,
    /// Contents of live attachments, and of how many all bytes are there.
    pub contents: Contents,
    /// What trees name, and nobody found.
    pub lost: Vec<LostRecord>,
    /// Every byte of every input.
    pub files: Vec<FileReport>,
    /// Transactions of the journals that are whole.
    pub transactions: u64,
    /// Entries of whole pages that are no rows: their dictionary is missing, or nobody knows their table.
    pub unread: u64,
    /// Places whose correction would have cost more than the budget: file, and byte.
    pub over_budget: Vec<(String, u64)>,
    /// What was written: bytes of each file.
    pub written: BTreeMap<String, u64>,
}

/// Contents of attachments, by their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Contents {
    /// That live documents and revisions name.
    pub named: u64,
    /// Of which all bytes are there.
    pub whole: u64,
    /// Those that are not whole, by their hash.
    pub missing: BTreeMap<String, Missing>,
    /// What was written of contents that are in no dump, by the file.
    pub leftovers: BTreeMap<String, Leftover>,
}

/// A content that is in no dump, or what there is of one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Leftover {
    /// base64 of the BLAKE2b-256 that it has, or, of one that is not whole, that its tag says it should have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
    /// Bytes that are there.
    pub bytes: u64,
    /// Whether that is all of it.
    pub is_whole: bool,
    /// Who names it, in whatever class: the document's id, and the attachment's name, both in lower case.
    pub named_by: BTreeSet<(String, String)>,
}

/// A content that is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Missing {
    /// Bytes that are there.
    pub bytes: u64,
    /// Who names it: the document's id, and the attachment's name, both in lower case.
    pub named_by: BTreeSet<(String, String)>,
}

/// A record that trees name at a place that is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostRecord {
    /// Its table.
    pub kind: Kind,
    /// Its primary key, its separators as `|`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Its etag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<u64>,
    /// The page that it was in.
    pub page: u64,
    /// Where that page would lie: file, and byte; none where the file ends before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<(String, u64)>,
    /// Whether an older copy of it was found.
    pub has_older: bool,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// As people know it.
    pub name: String,
    /// Bytes.
    pub length: u64,
    /// Bytes of each use; they add up to the length.
    pub bytes: BTreeMap<Use, u64>,
    /// What is not as it should be, by range of bytes.
    pub damage: Vec<(u64, u64, Use)>,
    /// All of it, by range of bytes: two that touch differ.
    pub ranges: Vec<(u64, u64, Use)>,
}

impl Report {
    pub(super) fn of(library: &Library) -> Self {
        let mut counts: BTreeMap<Kind, BTreeMap<Class, u64>> = BTreeMap::new();
        for (row, class) in library.shelf.rows.iter().zip(&library.classified.classes) {
            if let Some(class) = class {
                *counts
                    .entry(row.record.kind)
                    .or_default()
                    .entry(*class)
                    .or_default() += 1;
            }
        }
        let name = |file: usize| library.files[file].name.clone();
        Self {
            counts,
            contents: contents(library),
            lost: lost(library),
            files: library
                .scan
                .ledgers
                .iter()
                .enumerate()
                .map(|(file, ledger)| FileReport {
                    name: name(file),
                    length: ledger.length(),
                    bytes: ledger.totals(),
                    damage: ranges(ledger, Use::is_damage),
                    ranges: ranges(ledger, |_| true),
                })
                .collect(),
            transactions: library.whole.len() as u64,
            unread: library.unread,
            over_budget: library
                .scan
                .over_budget
                .iter()
                .map(|(file, offset)| (name(file.0 as usize), *offset))
                .collect(),
            written: library.output.bytes.clone(),
        }
    }

    /// Whether anything is not as it should be.
    pub fn is_damaged(&self) -> bool {
        let damage = self.files.iter().any(|file| !file.damage.is_empty());
        damage || !self.lost.is_empty() || !self.contents.missing.is_empty()
    }

    /// How many records of a kind are of a class.
    pub fn count(&self, kind: Kind, class: Class) -> u64 {
        let of_kind = self.counts.get(&kind);
        of_kind
            .and_then(|classes| classes.get(&class))
            .copied()
            .unwrap_or_default()
    }
}

impl Use {
    /// Whether bytes of this use should be something else.
    pub fn is_damage(self) -> bool {
        matches!(
            self,
            Self::Unexplained
                | Self::Repaired
                | Self::Damaged
                | Self::Unreadable
                | Self::DamagedTransaction
        )
    }
}

fn lost(library: &Library) -> Vec<LostRecord> {
    let homes = library.homes();
    let place = |page: u64| {
        homes.iter().find_map(|(file, origin)| {
            let offset = i64::try_from(page * PAGE).ok()?.checked_add(*origin)?;
            let offset = u64::try_from(offset).ok()?;
            let file = &library.files[file.0 as usize];
            (offset < file.length).then(|| (file.name.clone(), offset))
        })
    };
    let lost = library.classified.lost.iter();
    lost.map(|lost| told(lost, place(lost.storage / PAGE)))
        .collect()
}

fn told(lost: &Lost, place: Option<(String, u64)>) -> LostRecord {
    LostRecord {
        kind: lost.kind,
        key: lost
            .key
            .as_ref()
            .map(|key| String::from_utf8_lossy(key).replace('\u{1e}', "|")),
        etag: lost.etag,
        page: lost.storage / PAGE,
        place,
        has_older: lost.has_older,
    }
}

fn ranges(ledger: &Ledger, wanted: impl Fn(Use) -> bool) -> Vec<(u64, u64, Use)> {
    let wanted = ledger.ranges().filter(|(_, what)| wanted(*what));
    wanted
        .map(|(range, what)| (range.start, range.end, what))
        .collect()
}

fn contents(library: &Library) -> Contents {
    let mut contents = Contents {
        leftovers: library.leftovers.clone(),
        ..Contents::default()
    };
    let rows = library.shelf.rows.iter().zip(&library.classified.classes);
    let live = rows
        .filter(|(row, class)| **class == Some(Class::Live) && row.record.kind == Kind::Attachment);
    let mut named: BTreeMap<&str, BTreeSet<(String, String)>> = BTreeMap::new();
    for key in live.filter_map(|(row, _): (&Found, _)| attachment_key(&row.record.key)) {
        let name = (key.document_id.to_owned(), key.lower_name.to_owned());
        named.entry(key.hash).or_default().insert(name);
    }
    for (hash, named_by) in named {
        contents.named += 1;
        let bytes = match library.content_of(hash) {
            Some(Standing::Whole { .. }) => {
                contents.whole += 1;
                continue;
            }
            Some(Standing::Partial { bytes }) => bytes,
            None => 0,
        };
        let missing = Missing { bytes, named_by };
        contents.missing.insert(hash.to_owned(), missing);
    }
    contents
}
