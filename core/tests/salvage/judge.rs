//! Compares what a salvage wrote with the server's own export, record by record.
//!
//! A record is as the export has it if its text is: number literals, the order of properties and raw bytes
//! included. `@metadata` is compared as a set, for a server writes it in no stated order.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::salvage::record::Class;

use super::play::Played;
use crate::voron_dump::{self, Item, members};

/// A record of a dump.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    /// Id or key, in lower case.
    pub(crate) key: String,
    /// All of it, in one form: of a document `@metadata` comes last.
    pub(crate) text: String,
    /// Raw bytes behind it.
    pub(crate) blob: Vec<u8>,
}

/// What a dump holds, by section; attachments' contents under `Attachments`.
pub(crate) type Dump = BTreeMap<String, BTreeSet<Told>>;

/// What of an export is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Release {
    /// Exports have other change vectors of documents, and times without `Z`.
    R4,
    /// Exports have everything.
    R6,
}

/// The sections in a table's order.
pub(crate) const SECTIONS: [&str; 7] = [
    "Docs",
    "Attachments",
    "RevisionDocuments",
    "CounterGroups",
    "TimeSeries",
    "Conflicts",
    "TimeSeriesDeletedRanges",
];

/// Reads a dump.
pub(crate) fn told(items: &[Item], release: Release) -> Dump {
    let mut all = Dump::new();
    for item in items {
        let (section, told) = one(item, release);
        all.entry(section).or_default().insert(told);
    }
    all
}

fn one(item: &Item, release: Release) -> (String, Told) {
    let text_of = |path: &[&str]| item.text_of(path).unwrap_or_default();
    let blob = item.blob.clone();
    if item.is_attachment() {
        // The tag names whichever owner comes first.
        let key = text_of(&["Hash"]);
        let text = String::new();
        return ("Attachments".to_owned(), Told { key, text, blob });
    }
    let is_revision = item.section == "RevisionDocuments";
    let (key, text) = match item.section.as_str() {
        "Docs" | "RevisionDocuments" => (
            text_of(&["@metadata", "@id"]),
            document(&item.text, release, is_revision),
        ),
        "TimeSeries" => (
            format!(
                "{}/{}",
                text_of(&["@raven-data", "DocId"]),
                text_of(&["@raven-data", "Name"])
            ),
            item.text.clone(),
        ),
        "Conflicts" => (text_of(&["Id"]), item.text.clone()),
        _ => (text_of(&["DocId"]), item.text.clone()),
    };
    let key = key.to_lowercase();
    (item.section.clone(), Told { key, text, blob })
}

/// A document with its metadata in order of names.
fn document(text: &str, release: Release, is_revision: bool) -> String {
    let mut told = String::new();
    let mut metadata = Vec::new();
    for (name, value) in members(text) {
        if name == "@metadata" {
            metadata = members(&value);
            metadata.sort();
        } else {
            told.push_str(&format!("{name}:{value},"));
        }
    }
    told.push_str(METADATA);
    for (name, value) in metadata {
        let value = match (release, name.as_str()) {
            (Release::R4, "@change-vector") if !is_revision => continue,
            (Release::R4, "@last-modified") => value.replace('Z', ""),
            _ => value,
        };
        told.push_str(&format!("{name}:{value},"));
    }
    told
}

/// Between a document's body and its metadata.
const METADATA: &str = "@metadata:";

impl Told {
    /// A document's body alone.
    fn body(&self) -> &str {
        let end = self.text.rfind(METADATA).unwrap_or(self.text.len());
        &self.text[..end]
    }
}

/// A line of the list of records.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) class: String,
    pub(crate) etag: u64,
    pub(crate) page: u64,
    pub(crate) text: String,
}

/// Everything that a salvage wrote.
pub(crate) struct Salvaged {
    pub(crate) by_class: BTreeMap<Class, Dump>,
    /// By kind and key.
    pub(crate) lines: BTreeMap<(String, String), Vec<Line>>,
}

impl Salvaged {
    pub(crate) fn read(played: &Played, release: Release) -> Self {
        let mut by_class = BTreeMap::new();
        for class in Class::ALL {
            let path = match class {
                Class::Live => "salvage.ravendbdump".to_owned(),
                other => format!("{}.ravendbdump", other.name()),
            };
            let items = played.written.get(&path);
            let items = items.map(|bytes| voron_dump::of_bytes(bytes));
            by_class.insert(class, told(&items.unwrap_or_default(), release));
        }
        Self {
            by_class,
            lines: lines(played),
        }
    }

    pub(crate) fn live(&self, section: &str) -> BTreeSet<Told> {
        self.of(Class::Live, section)
    }

    pub(crate) fn of(&self, class: Class, section: &str) -> BTreeSet<Told> {
        let of_class = self.by_class.get(&class);
        of_class
            .and_then(|sections| sections.get(section))
            .cloned()
            .unwrap_or_default()
    }
}

fn lines(played: &Played) -> BTreeMap<(String, String), Vec<Line>> {
    let mut lines: BTreeMap<(String, String), Vec<Line>> = BTreeMap::new();
    let packed = played.written.get("records.ndjson.zst");
    let Some(packed) = packed else {
        return lines;
    };
    let plain = zstd::stream::decode_all(packed.as_slice()).expect("the list of records is zstd");
    let plain = String::from_utf8(plain).expect("the list of records is text");
    for text in plain.lines() {
        let line: serde_json::Value = serde_json::from_str(text).expect("a line is JSON");
        let of = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| line[name].as_u64().unwrap_or_default();
        let told = Line {
            class: of("class"),
            etag: number("etag"),
            page: number("page"),
            text: text.chars().take(300).collect(),
        };
        lines.entry((of("kind"), of("key"))).or_default().push(told);
    }
    lines
}

/// One section, compared.
#[derive(Debug, Clone, Default)]
pub(crate) struct Compared {
    pub(crate) expected: usize,
    /// Live, and as the export has it.
    pub(crate) equal: usize,
    /// Likewise, of documents their bodies alone.
    pub(crate) equal_bodies: usize,
    /// Live with a key of the export, and other than all that it has under that key.
    pub(crate) stale: Vec<Told>,
    /// Of these, whose bodies differ too.
    pub(crate) stale_bodies: usize,
    /// Live with a key that the export does not have.
    pub(crate) extra: Vec<Told>,
    /// In the export, and not live as it has it.
    pub(crate) missing: Vec<Told>,
    /// Of the missing: as the export has it, but not live.
    pub(crate) elsewhere: BTreeMap<&'static str, Vec<String>>,
}

/// Compares one section.
pub(crate) fn compare(section: &str, expected: &Dump, salvaged: &Salvaged) -> Compared {
    let expected = expected.get(section).cloned().unwrap_or_default();
    let keys: BTreeSet<&str> = expected.iter().map(|told| told.key.as_str()).collect();
    let live = salvaged.live(section);
    let live_bodies: BTreeSet<(&str, &str)> = live
        .iter()
        .map(|told| (told.key.as_str(), told.body()))
        .collect();
    let bodies = expected
        .iter()
        .filter(|told| live_bodies.contains(&(told.key.as_str(), told.body())));
    let equal_bodies = bodies.count();
    let others = live.difference(&expected).cloned();
    let (stale, extra): (Vec<Told>, _) = others.partition(|told| keys.contains(told.key.as_str()));
    let bodies: BTreeSet<(&str, &str)> = expected
        .iter()
        .map(|told| (told.key.as_str(), told.body()))
        .collect();
    let stale_bodies = stale
        .iter()
        .filter(|told| !bodies.contains(&(told.key.as_str(), told.body())));
    let stale_bodies = stale_bodies.count();
    let missing: Vec<Told> = expected.difference(&live).cloned().collect();
    let mut elsewhere: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for class in Class::ALL {
        let of_class = salvaged.of(class, section);
        for told in missing.iter().filter(|told| of_class.contains(told)) {
            let of_class = elsewhere.entry(class.name()).or_default();
            of_class.push(told.key.clone());
        }
    }
    Compared {
        expected: expected.len(),
        equal_bodies,
        stale_bodies,
        equal: expected.intersection(&live).count(),
        stale,
        extra,
        missing,
        elsewhere,
    }
}

/// Where two texts first differ, with some of what follows.
pub(crate) fn difference(left: &str, right: &str) -> String {
    let same = left
        .chars()
        .zip(right.chars())
        .take_while(|(left, right)| left == right);
    let at = same.count();
    let around =
        |text: &str| -> String { text.chars().skip(at.saturating_sub(30)).take(90).collect() };
    format!("«{}» / «{}»", around(left), around(right))
}
