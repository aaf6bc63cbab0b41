//! The salvage machine on real databases, against what their servers exported.
//!
//! `FIREDRILL_SAMPLES` names the folder of the samples; without it these tests say that they were skipped.

mod salvage {
    #[allow(dead_code, reason = "other tests use the rest of it")]
    pub(crate) mod judge;
    #[allow(dead_code, reason = "other tests use the rest of it")]
    pub(crate) mod play;
}
#[allow(dead_code, reason = "other tests use the rest of it")]
mod voron_dump;
#[allow(dead_code, reason = "other tests use the rest of it")]
mod voron_samples;

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::salvage::Use;
use firedrill_core::salvage::record::{Class, Kind};
use salvage::judge::{Release, SECTIONS, Salvaged, compare, told};
use salvage::play::{Played, play};
use voron_samples::Sample;

struct Expected {
    name: &'static str,
    release: Release,
    /// In the order of [`SECTIONS`].
    counts: [usize; 7],
    /// Of the documents that were deleted on purpose, how many come back.
    deleted: usize,
    /// Tombstones of documents, attachments and revisions.
    tombstones: usize,
}

const EXPECTED: [Expected; 5] = [
    Expected {
        name: "northwind-4.2.103",
        release: Release::R4,
        counts: [1059, 17, 3815, 0, 0, 0, 0],
        deleted: 0,
        tombstones: 0,
    },
    Expected {
        name: "ravendb-6.2.4-killed",
        release: Release::R6,
        counts: [280, 26, 246, 43, 51, 10, 1],
        deleted: 30,
        tombstones: 74,
    },
    Expected {
        name: "ravendb-7.1.5-killed",
        release: Release::R6,
        counts: [370, 24, 299, 44, 48, 10, 2],
        deleted: 39,
        tombstones: 97,
    },
    Expected {
        name: "ravendb-7.2.7-killed",
        release: Release::R6,
        counts: [280, 26, 238, 40, 47, 10, 3],
        deleted: 30,
        tombstones: 72,
    },
    Expected {
        name: "ravendb-7.2.7-upgraded-killed",
        release: Release::R6,
        counts: [139, 32, 193, 43, 34, 10, 4],
        deleted: 30,
        tombstones: 85,
    },
];

fn salvaged(name: &str, release: Release) -> Option<(Played, Salvaged)> {
    let played = play(Sample::open(name)?.files);
    let salvaged = Salvaged::read(&played, release);
    Some((played, salvaged))
}

#[test]
fn what_is_called_live_is_the_export_and_nothing_else() {
    for expected in EXPECTED {
        let Some((played, salvaged)) = salvaged(expected.name, expected.release) else {
            return;
        };
        let name = expected.name;
        let export = told(&voron_dump::read(name), expected.release);
        for (section, count) in SECTIONS.into_iter().zip(expected.counts) {
            let compared = compare(section, &export, &salvaged);
            let found = (
                compared.equal,
                compared.expected,
                compared.stale.len(),
                compared.extra.len(),
            );
            assert_eq!(found, (count, count, 0, 0), "{name} {section}");
        }
        assert_eq!(played.report.lost, Vec::new(), "{name}");
        assert_eq!(played.report.contents.missing, BTreeMap::new(), "{name}");
        let tombstones = played.report.count(Kind::Tombstone, Class::Live);
        assert_eq!(tombstones, expected.tombstones as u64, "{name}");
        came_back(&expected, &salvaged);
        the_ledger_closes(name, &played);
    }
}

/// What was deleted on purpose comes back, and is never called live.
fn came_back(expected: &Expected, salvaged: &Salvaged) {
    if expected.deleted == 0 {
        return;
    }
    let deleted = deleted_on_purpose(expected.name);
    let mut back = 0;
    for id in &deleted {
        let lines = salvaged.lines.get(&("document".to_owned(), id.clone()));
        let Some(lines) = lines else { continue };
        back += 1;
        let classes: BTreeSet<&str> = lines.iter().map(|line| line.class.as_str()).collect();
        assert!(
            !classes.contains("live"),
            "{} {id} {classes:?}",
            expected.name
        );
    }
    assert!(back >= expected.deleted, "{} {back}", expected.name);
}

fn deleted_on_purpose(name: &str) -> BTreeSet<String> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test's entry point names its samples"
    )]
    let folder = std::env::var("FIREDRILL_SAMPLES").expect("the sample was found there");
    #[allow(
        clippy::disallowed_methods,
        reason = "a test reads its samples from disk"
    )]
    let bytes = std::fs::read(format!("{folder}/voron/{name}.expected.json"))
        .expect("a sample says what was deleted");
    let all: serde_json::Value = serde_json::from_slice(&bytes).expect("it is JSON");
    let deleted = all["deleted"].as_array().expect("it is a list");
    let ids = deleted.iter().filter_map(|id| id.as_str());
    ids.map(str::to_lowercase).collect()
}

fn the_ledger_closes(name: &str, played: &Played) {
    for file in &played.report.files {
        let told: u64 = file.bytes.values().sum();
        assert_eq!(told, file.length, "{name} {}", file.name);
        let open = file.bytes.get(&Use::Unexplained);
        assert_eq!(open, None, "{name} {}", file.name);
    }
}

#[test]
fn compressed_revisions_and_versions_that_only_a_journal_holds() {
    let Some((played, salvaged)) = salvaged("compressed-revisions-5.x", Release::R6) else {
        return;
    };
    let report = &played.report;
    assert_eq!(report.count(Kind::Revision, Class::Live), 42);
    assert_eq!(report.count(Kind::Tombstone, Class::Live), 4);
    assert_eq!(report.unread, 0);
    let documents = salvaged.lines.iter();
    let documents = documents.filter(|((kind, _), _)| kind == "document");
    let versions = documents.flat_map(|(_, lines)| lines);
    let of_journals = versions.filter(|line| line.text.contains("\"place\":\"journals\""));
    let gone = of_journals.filter(|line| line.class != "live");
    assert_eq!(gone.count(), 19);
    the_ledger_closes("compressed-revisions-5.x", &played);
}

#[test]
fn counter_groups_of_4_2() {
    let Some((played, _)) = salvaged("counters-4.2.103", Release::R4) else {
        return;
    };
    assert_eq!(played.report.count(Kind::Document, Class::Live), 100);
    assert_eq!(played.report.count(Kind::Counters, Class::Live), 600);
    assert_eq!(played.report.lost, Vec::new());
    the_ledger_closes("counters-4.2.103", &played);
}

#[test]
fn of_reused_journals_one_stale_tail_is_damaged_and_nothing_else() {
    let mut stale = Vec::new();
    for name in ["reused-journal-1", "reused-journal-2"] {
        let Some((played, _)) = salvaged(name, Release::R4) else {
            return;
        };
        for file in &played.report.files {
            let damage = file.damage.iter();
            let pages = damage.flat_map(|(start, end, _)| (start / 8192)..(end / 8192));
            stale.extend(pages.map(|page| (file.name.clone(), page)));
        }
        the_ledger_closes(name, &played);
    }
    // What an overflow run left behind; two of its pages look like heads.
    let pages: Vec<u64> = stale.iter().map(|(_, page)| *page).collect();
    assert_eq!(pages, [548, 549, 550, 551], "{stale:?}");
}
