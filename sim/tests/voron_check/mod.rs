//! Compares what the writer says with what a second reading finds.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_sim::voron::{
    AttachmentContent, Content, Database, DatabaseSpec, Flavour, Kind, PageForm, PageUse, Place,
    Record, State, Truth,
};

use crate::voron_reader as reader;
use crate::voron_reader::{PAGE, i32_at, i64_at, u16_at, u64_at};

/// The whole check: headers, journals, both states of the pages, and every record.
pub(crate) fn check(spec: &DatabaseSpec, database: &Database) {
    let truth = &database.truth;
    check_headers(database);
    let latest = replayed(database);
    check_pages(&database.data, &truth.file_pages);
    check_pages(&latest, &truth.pages);
    for record in &truth.records {
        check_record(record, truth, database, &latest);
    }
    for content in &truth.files {
        check_attachment(Flavour::V5, content, database, &latest);
        assert!(content.tag.is_empty() && !content.chunks.is_empty());
    }
    for content in &truth.attachments {
        check_attachment(spec.flavour, content, database, &latest);
    }
    check_entries(truth, &latest);
    check_trees(truth, database, &latest);
    check_images(truth, database);
}

fn check_headers(database: &Database) {
    let mut revisions = BTreeSet::new();
    for header in &database.headers {
        assert_eq!(header.len(), 162);
        assert_eq!(u64_at(header, 0), 0xB16B_AADC_0DEF_0015);
        let transaction = u64_at(header, 20);
        assert_eq!(
            u64_at(header, 154),
            reader::xxh64(&header[..154], transaction)
        );
        revisions.insert(u64_at(header, 12));
    }
    assert_eq!(revisions.len(), 2);
    let newer = newer(database);
    assert_eq!(u64_at(newer, 114), database.truth.synced);
}

fn newer(database: &Database) -> &[u8] {
    database
        .headers
        .iter()
        .max_by_key(|header| u64_at(header, 12))
        .expect("there are two")
}

/// The data file after the transactions behind the synced one.
fn replayed(database: &Database) -> Vec<u8> {
    let mut latest = database.data.clone();
    let mut expected = database.truth.synced + 1;
    for (name, bytes) in &database.journals {
        if name.starts_with("recyclable") {
            continue;
        }
        for transaction in reader::transactions(bytes) {
            if transaction.number < expected {
                continue;
            }
            assert_eq!(transaction.number, expected, "consecutive");
            expected += 1;
            reader::apply(&transaction, &mut latest);
        }
    }
    let last = database
        .truth
        .transactions
        .last()
        .expect("the first is always there");
    assert_eq!(expected, last.number + 1, "all of them");
    // Pages at the end that were given back in the transaction that took them are in no journal.
    latest.resize(latest.len().max(database.truth.pages.len() * PAGE), 0);
    latest
}

fn check_pages(file: &[u8], uses: &[PageUse]) {
    assert_eq!(file.len(), uses.len() * PAGE);
    let mut number = 0;
    while number < uses.len() {
        let page = &file[number * PAGE..][..PAGE];
        let flags = page[12];
        let mut pages = 1;
        match &uses[number] {
            PageUse::Unwritten => assert!(page.iter().all(|byte| *byte == 0), "{number}"),
            PageUse::Free { .. } => {}
            page_use => {
                assert_eq!(u64_at(page, 0), number as u64);
                assert!(
                    reader::verifies(&file[number * PAGE..]),
                    "page {number}: {page_use:?}"
                );
                pages = reader::pages(page);
                let run = uses.iter().skip(number).take(pages);
                assert!(
                    run.clone().all(|other| other == page_use),
                    "one run, one use"
                );
            }
        }
        match &uses[number] {
            PageUse::Empty => assert!(flags == 1 && page[64..].iter().all(|byte| *byte == 0)),
            PageUse::Section { table } => check_owner(page, 33, 1, 22, table),
            PageUse::Rows { table } => check_owner(page, 33, 2, 22, table),
            PageUse::Run { table } => check_owner(page, flags & !64, 0, 16, table),
            PageUse::Stream { .. } => assert_eq!(flags, 18),
            PageUse::Tree { .. } => assert!(flags == 5 || flags == 9, "{number}: {flags}"),
            PageUse::TreeValue { .. } => assert_eq!(flags, 6),
            PageUse::Unwritten | PageUse::Free { .. } => {}
        }
        number += pages;
    }
}

fn check_owner(page: &[u8], flags: u8, raw: u8, at: usize, table: &str) {
    assert_eq!((page[12] & !64, page[13]), (flags, raw), "{table}");
    assert_eq!(
        u64_at(page, at),
        reader::xxh64(table.as_bytes(), 0),
        "{table}"
    );
}

fn bytes_of<'a>(place: &Place, file: &'a [u8]) -> &'a [u8] {
    let at = place.page as usize * PAGE + place.offset;
    file.get(at..at + place.stored.len()).unwrap_or_default()
}

fn check_record(record: &Record, truth: &Truth, database: &Database, latest: &[u8]) {
    for place in &record.places {
        assert_eq!(
            bytes_of(place, &database.data) == place.stored,
            place.in_file
        );
        assert_eq!(
            bytes_of(place, latest) == place.stored,
            place.overwritten.is_none(),
            "{record:?}"
        );
        if place.offset != 64 || place.stored.len() <= 4060 {
            assert!(place.unhashed.is_empty());
        } else {
            assert_eq!(place.unhashed.len(), 64);
        }
    }
    assert_eq!(
        record.place().is_some(),
        record.state == State::Live,
        "{record:?}"
    );
    let stored = &record.places.last().expect("each has one").stored;
    let value = match record.compressed {
        None => stored.clone(),
        Some(number) => {
            let dictionary = truth.dictionaries.iter().find(|one| one.number == number);
            let (found, value) =
                reader::decompressed(stored, dictionary.map_or(&[], |one| &one.bytes[..]));
            assert_eq!(found, u64::from(number));
            value
        }
    };
    let columns = reader::columns(&value);
    assert_eq!(columns, record.columns);
    check_content(record, &columns);
}

fn check_content(record: &Record, columns: &[Vec<u8>]) {
    let at = match record.kind {
        Kind::Document => 3,
        Kind::Revision => 5,
        Kind::Conflict => 4,
        Kind::CounterGroup | Kind::TimeSeries => 3,
        _ => return,
    };
    match &record.content {
        Content::Json(text) => assert_eq!(&reader::json(&columns[at]), text),
        Content::Counters(counters) => {
            let text = reader::json(&columns[at]);
            let group: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
            for (name, total) in counters {
                let value = &group["@vals"][name];
                match total {
                    None => assert!(value.is_string()),
                    Some(total) => {
                        let blob: Vec<u8> =
                            serde_json::from_value(value.clone()).expect("a blob is bytes");
                        let sum = blob
                            .chunks(16)
                            .fold(0i64, |sum, pair| sum.wrapping_add(i64_at(pair, 0)));
                        assert_eq!(sum, *total);
                    }
                }
            }
        }
        Content::Entries(entries) => {
            let key = &columns[0];
            let baseline = i64::from_be_bytes(key[key.len() - 8..].try_into().expect("8 bytes"));
            let read = reader::segment(&columns[at], baseline);
            assert_eq!(&read, entries);
        }
        Content::Columns => panic!("{:?} says something", record.kind),
    }
}

fn check_attachment(
    flavour: Flavour,
    content: &AttachmentContent,
    database: &Database,
    latest: &[u8],
) {
    assert_eq!(reader::content_hash(&content.content), content.hash);
    if !content.chunks.is_empty() {
        let mut joined = Vec::new();
        for chunk in &content.chunks {
            assert_eq!(
                bytes_of(chunk, &database.data) == chunk.stored,
                chunk.in_file
            );
            assert_eq!(
                bytes_of(chunk, latest) == chunk.stored,
                chunk.overwritten.is_none()
            );
            joined.extend_from_slice(&chunk.stored);
        }
        assert_eq!(joined[..content.content.len()], content.content);
        assert_eq!(
            i64_at(&joined, content.content.len()),
            content.content.len() as i64
        );
        assert!(joined.ends_with(&content.tag));
    } else {
        assert_eq!(flavour, Flavour::V7_2);
    }
    if content.live && !content.chunks.is_empty() {
        let read = reader::stream(latest, content.chunks[0].page);
        assert_eq!(read, (content.content.clone(), content.tag.clone()));
    }
    for (leaf, file) in [
        (content.inline_page, latest),
        (content.inline_page_in_file, &database.data[..]),
    ] {
        let Some(leaf) = leaf else { continue };
        let nodes = reader::nodes(&file[leaf as usize * PAGE..][..PAGE]);
        let node = nodes
            .iter()
            .find(|node| node.key == content.hash.as_bytes());
        let value = &node.expect("the leaf has it").value;
        assert_eq!(value[0], 10);
        assert!(value.ends_with(&content.content));
    }
}

/// What lies in the pages of rows is what is live, entry by entry.
fn check_entries(truth: &Truth, latest: &[u8]) {
    let mut live: BTreeMap<(u64, usize), usize> = BTreeMap::new();
    for record in truth.live() {
        let place = record.place().expect("it is live");
        live.insert((place.page, place.offset), place.stored.len());
    }
    let mut found = BTreeMap::new();
    for (number, page_use) in truth.pages.iter().enumerate() {
        let page = &latest[number * PAGE..][..PAGE];
        match page_use {
            PageUse::Rows { .. } => {
                let entries = reader::entries(page);
                assert_eq!(entries.len(), u16_at(page, 8));
                for (at, size) in entries {
                    found.insert((number as u64, at), size);
                }
            }
            // A page inside a run may look like a head; only real ones are where the truth has one.
            PageUse::Run { .. } if live.contains_key(&(number as u64, 64)) => {
                found.insert((number as u64, 64), i32_at(page, 8) as usize);
            }
            _ => {}
        }
    }
    assert_eq!(found, live);
}

/// The key trees name the live rows, the etag trees their places.
fn check_trees(truth: &Truth, database: &Database, latest: &[u8]) {
    let last = truth
        .transactions
        .last()
        .expect("the first is always there");
    let newest = database
        .journals
        .iter()
        .flat_map(|(_, bytes)| reader::transactions(bytes))
        .max_by_key(|transaction| transaction.number)
        .expect("the last is never overwritten");
    assert_eq!(newest.number, last.number);
    let root: BTreeMap<Vec<u8>, Vec<u8>> = reader::tree(latest, &newest.root);
    let expected: BTreeSet<(Vec<u8>, i64)> = truth
        .live()
        .map(|record| {
            let place = record.place().expect("it is live");
            let sizes = if place.stored.len() > 4060 { 64 } else { 4 };
            let id = place.page as usize * PAGE + place.offset - sizes;
            (record.key.clone(), id as i64)
        })
        .collect();
    let mut by_key = BTreeSet::new();
    let mut by_etag = BTreeSet::new();
    for (name, value) in &root {
        let others: [&[u8]; 3] = [b"Attachments", b"Files", b"CompressionDictionaries"];
        if value[0] == 1 && !others.contains(&name.as_slice()) {
            for (key, id) in reader::tree(latest, value) {
                by_key.insert((key, i64_at(&id, 0)));
            }
        } else if value[0] == 2 || value[0] == 3 {
            by_etag.extend(reader::numbers(latest, value));
        }
    }
    assert_eq!(by_key, expected);
    let etags: BTreeSet<(i64, i64)> = truth
        .live()
        .filter(|record| record.etag != 0)
        .map(|record| {
            let place = record.place().expect("it is live");
            let sizes = if place.stored.len() > 4060 { 64 } else { 4 };
            (
                record.etag,
                (place.page as usize * PAGE + place.offset - sizes) as i64,
            )
        })
        .collect();
    assert_eq!(by_etag, etags);
}

/// A transaction that is said to hold a place's bytes does so on its own.
fn check_images(truth: &Truth, database: &Database) {
    let mut images: BTreeMap<(u64, u64), Vec<u8>> = BTreeMap::new();
    for transaction in &truth.transactions {
        let Some(name) = &transaction.file else {
            continue;
        };
        let (_, bytes) = database
            .journals
            .iter()
            .find(|(one, _)| one == name)
            .expect("the file is there");
        let read = reader::transaction(&bytes[transaction.offset..]).expect("it is whole");
        assert_eq!(read.number, transaction.number);
        assert_eq!(read.pages.len(), transaction.pages.len());
        for (read, said) in read.pages.iter().zip(&transaction.pages) {
            assert_eq!(read.page, said.page);
            if matches!(said.form, PageForm::Image | PageForm::FromZeros) {
                let image = reader::image(read).expect("it stands on its own");
                assert_eq!(image.len() as u64, said.pages * PAGE as u64);
                images.insert((transaction.number, said.page), image);
            }
        }
    }
    let places = truth.records.iter().flat_map(|record| &record.places);
    for place in places.chain(truth.attachments.iter().flat_map(|one| &one.chunks)) {
        for transaction in &place.images {
            let holds = images
                .range((*transaction, 0)..=(*transaction, place.page))
                .next_back();
            let ((_, page), image) = holds.expect("it has an image");
            let at = (place.page - page) as usize * PAGE + place.offset;
            assert_eq!(image[at..at + place.stored.len()], place.stored);
        }
    }
}
