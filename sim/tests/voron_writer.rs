//! What the writer says of a database is what an independent reading of its bytes finds.

mod voron_check;
mod voron_reader;
mod voron_specs;

use std::collections::{BTreeMap, BTreeSet};

use firedrill_sim::voron::{
    Database, DatabaseSpec, Flavour, Kind, Operation, PageForm, PageUse, Record, State, Truth,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use voron_check::check;
use voron_reader::{PAGE, decrypted, i32_at, pages};
use voron_specs::specs;

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn everything_verifies_and_lies_where_the_truth_says(spec in specs()) {
        let database = Database::write(&spec);
        check(&spec, &database);
    }

    #[test]
    fn an_encrypted_database_is_the_same_under_its_key(spec in specs(), master: [u8; 32]) {
        let mut plain = spec;
        plain.operations.push(Operation::Checkpoint { sync: true });
        let encrypted = DatabaseSpec { master_key: Some(master), ..plain.clone() };
        let (plain, encrypted) = (Database::write(&plain), Database::write(&encrypted));
        prop_assert!(encrypted.journals.is_empty());
        prop_assert_eq!(plain.data.len(), encrypted.data.len());
        let mut number = 0;
        while number < plain.truth.file_pages.len() {
            let bytes = &plain.data[number * PAGE..];
            let page_use = &plain.truth.file_pages[number];
            let skip = matches!(page_use, PageUse::Free { .. } | PageUse::Unwritten);
            let pages = if skip { 1 } else { pages(bytes) };
            let range = number * PAGE..(number + pages) * PAGE;
            if !skip {
                let run = decrypted(&encrypted.data[range.clone()], &master);
                prop_assert_eq!(&run[..32], &plain.data[range.clone()][..32]);
                prop_assert_eq!(&run[64..], &plain.data[range][64..]);
            }
            number += pages;
        }
        for record in &encrypted.truth.records {
            prop_assert!(record.places.iter().all(|place| place.unhashed.is_empty()));
        }
    }

    #[test]
    fn equal_specifications_give_equal_bytes(spec in specs()) {
        prop_assert_eq!(Database::write(&spec), Database::write(&spec));
    }
}

#[test]
fn a_specification_survives_toml() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..20 {
        let spec = specs()
            .new_tree(&mut runner)
            .expect("specifications can be drawn")
            .current();
        let text = toml::to_string(&spec).expect("it is plain data");
        let back: DatabaseSpec = toml::from_str(&text).expect("it was just written");
        assert_eq!(back.operations, spec.operations, "{text}");
    }
}

/// A test that never meets a thing proves nothing about it.
#[test]
fn everything_that_can_be_written_is_written() {
    let mut seen = Seen::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..120 {
        let spec = specs()
            .new_tree(&mut runner)
            .expect("specifications can be drawn")
            .current();
        note(&Database::write(&spec), &mut seen);
    }
    note(&large(Flavour::V5), &mut seen);
    note(&large(Flavour::V7_2), &mut seen);
    let missing: Vec<_> = EVERYTHING
        .iter()
        .filter(|name| !seen.contains_key(*name))
        .collect();
    assert!(
        missing.is_empty(),
        "never written: {missing:?}, written: {seen:?}"
    );
}

#[test]
fn a_small_database_has_something_of_everything() {
    for flavour in [Flavour::V5, Flavour::V7_2] {
        let spec = DatabaseSpec::of_everything(flavour, 1);
        let database = Database::write(&spec);
        check(&spec, &database);
        let mut seen = Seen::new();
        note(&database, &mut seen);
        let wanted = [
            "large",
            "older",
            "deleted",
            "only in the journal",
            "several chunks",
        ];
        let missing: Vec<_> = wanted
            .iter()
            .filter(|name| !seen.contains_key(*name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        assert_eq!(seen.contains_key("inline"), flavour == Flavour::V7_2);
        assert_eq!(seen.contains_key("branch"), flavour == Flavour::V7_2);
        let live = database.truth.live().map(|record| record.kind);
        let kinds: BTreeSet<Kind> = live.collect();
        assert_eq!(kinds.len(), 10, "{kinds:?}");
    }
}

const EVERYTHING: [&str; 36] = [
    "unwritten",
    "empty",
    "free row",
    "free run",
    "free stream",
    "free tree",
    "tree value",
    "compressed",
    "with a dictionary",
    "compressed run",
    "large",
    "a moved entry",
    "rewritten in place",
    "freed, not zeroed",
    "live",
    "older",
    "deleted",
    "gone",
    "only in the journal",
    "journal only and gone from it",
    "in an image",
    "image",
    "from zeros",
    "difference",
    "unchanged",
    "overwritten transaction",
    "recyclable journal",
    "old transactions behind",
    "inline",
    "inline and gone",
    "several chunks",
    "a chunk without data",
    "a tail of less than 40 bytes",
    "shared content",
    "branch",
    "branch of numbers",
];

type Seen = BTreeMap<&'static str, u32>;

fn note(database: &Database, seen: &mut Seen) {
    note_pages(database, seen);
    note_records(&database.truth, seen);
    note_journals(database, seen);
    note_streams(&database.truth, seen);
    see(
        seen,
        "a tail of less than 40 bytes",
        has_short_run(database),
    );
}

fn see(seen: &mut Seen, name: &'static str, is: bool) {
    if is {
        *seen.entry(name).or_default() += 1;
    }
}

fn note_pages(database: &Database, seen: &mut Seen) {
    let truth = &database.truth;
    for page_use in truth.pages.iter().chain(&truth.file_pages) {
        see(seen, "unwritten", *page_use == PageUse::Unwritten);
        see(seen, "empty", *page_use == PageUse::Empty);
        see(
            seen,
            "tree value",
            matches!(page_use, PageUse::TreeValue { .. }),
        );
        if let PageUse::Free { was } = page_use {
            see(seen, "free row", matches!(**was, PageUse::Rows { .. }));
            see(seen, "free run", matches!(**was, PageUse::Run { .. }));
            see(seen, "free stream", matches!(**was, PageUse::Stream { .. }));
            see(seen, "free tree", matches!(**was, PageUse::Tree { .. }));
        }
    }
    for page in database.data.chunks(PAGE) {
        see(seen, "branch", page[12] == 5 && page[13] == 1);
        see(seen, "branch of numbers", page[12] == 9 && page[13] == 1);
    }
}

fn note_records(truth: &Truth, seen: &mut Seen) {
    for record in &truth.records {
        let last = record.places.last().expect("each has one");
        let large = !last.unhashed.is_empty();
        see(seen, "compressed", record.compressed.is_some());
        see(seen, "with a dictionary", record.compressed > Some(0));
        see(seen, "large", large);
        see(seen, "compressed run", record.compressed.is_some() && large);
        see(seen, "a moved entry", record.places.len() > 1);
        let released = last.released.is_some();
        see(
            seen,
            "freed, not zeroed",
            released && last.overwritten.is_none(),
        );
        let same_place = |other: &Record| {
            other.etag > record.etag
                && other.places[0].written == last.released.unwrap_or_default()
                && (other.places[0].page, other.places[0].offset) == (last.page, last.offset)
                && other.key == record.key
                && !large
        };
        let rewritten = released && truth.records.iter().any(same_place);
        see(seen, "rewritten in place", rewritten);
        see(seen, "live", record.state == State::Live);
        see(seen, "older", record.state == State::Older);
        see(seen, "deleted", record.state == State::Deleted);
        see(seen, "gone", record.state == State::Gone);
        let in_file = record.places.iter().any(|place| place.in_file);
        let in_images = record.places.iter().any(|place| !place.images.is_empty());
        see(
            seen,
            "only in the journal",
            !in_file && record.state == State::Live,
        );
        let only_image = !in_file && in_images && released;
        see(seen, "journal only and gone from it", only_image);
        see(seen, "in an image", in_images);
    }
}

fn note_journals(database: &Database, seen: &mut Seen) {
    for transaction in &database.truth.transactions {
        see(seen, "overwritten transaction", transaction.file.is_none());
        for page in &transaction.pages {
            see(seen, "image", page.form == PageForm::Image);
            see(seen, "from zeros", page.form == PageForm::FromZeros);
            see(seen, "difference", page.form == PageForm::Difference);
            see(seen, "unchanged", page.form == PageForm::Unchanged);
        }
        let holder = transaction.file.as_deref().unwrap_or_default();
        let own = format!("{:019}", transaction.journal);
        let behind = !holder.is_empty() && !holder.contains(&own);
        see(seen, "old transactions behind", behind);
    }
    for (name, _) in &database.journals {
        see(seen, "recyclable journal", name.starts_with("recyclable"));
    }
}

fn note_streams(truth: &Truth, seen: &mut Seen) {
    let mut rows: BTreeMap<&[u8], u32> = BTreeMap::new();
    for record in truth
        .live()
        .filter(|record| record.kind == Kind::Attachment)
    {
        *rows.entry(&record.columns[4]).or_default() += 1;
    }
    see(
        seen,
        "shared content",
        rows.values().any(|count| *count > 1),
    );
    for content in &truth.attachments {
        see(seen, "inline", content.inline_page.is_some());
        see(
            seen,
            "inline and gone",
            content.chunks.is_empty() && !content.live,
        );
        see(seen, "several chunks", content.chunks.len() > 1);
        if let Some(last) = content.chunks.last().filter(|_| content.chunks.len() > 1) {
            let no_data = last.stored.len() == 16 + content.tag.len();
            see(seen, "a chunk without data", no_data);
        }
    }
}

fn has_short_run(database: &Database) -> bool {
    database
        .data
        .chunks(PAGE)
        .any(|page| page[12] == 18 && (1..40).contains(&i32_at(page, 8)))
}

/// Enough of everything for trees of two levels and streams of several chunks.
fn large(flavour: Flavour) -> Database {
    let mut operations = Vec::new();
    for document in 0..900 {
        operations.push(Operation::Put {
            document,
            size: 300,
            revision: document % 4 == 0,
            replicas: 0,
        });
        if document % 100 == 99 {
            operations.push(Operation::Commit);
        }
    }
    for (name, size) in [(0, 2_000_000), (1, 8128), (2, 8127), (3, 6_000_000)] {
        operations.push(Operation::Attach {
            document: 5,
            name,
            size,
            content: u16::from(name),
        });
    }
    operations.push(Operation::Checkpoint { sync: true });
    operations.extend((0..450).map(|nth| Operation::Delete { document: nth * 2 }));
    operations.push(Operation::Checkpoint { sync: false });
    operations.extend((0..700).map(|document| Operation::Delete { document }));
    operations.push(Operation::Commit);
    operations.push(Operation::CleanTombstones);
    let spec = DatabaseSpec {
        operations,
        section_pages: 2,
        ..DatabaseSpec::new(flavour, 99)
    };
    let database = Database::write(&spec);
    check(&spec, &database);
    database
}
