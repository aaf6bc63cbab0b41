//! Writes what fuzzing starts from, into `fuzz/corpus/`: pieces of small databases, cut out by what their writer
//! knows of them.
//!
//! Equal runs write equal files, so that a corpus that has grown keeps its seeds and gains nothing twice.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, io};

use firedrill_fuzz::Choices;
use firedrill_sim::voron::{
    CompressionSpec, Database, DatabaseSpec, Flavour, JournalSpec, Kind, Operation, Place,
};

const PAGE: usize = 8192;
const HEADER_BYTES: usize = 162;

/// Larger seeds only make every mutation slower.
const PAGE_SEED_MAX: usize = 4 * PAGE;
const JOURNAL_SEED_MAX: usize = 64 << 10;

/// How much of its life a database has behind it that a whole salvage starts from.
const LIVES: [usize; 3] = [2, 4, 64];

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (name, spec) in specs() {
        let database = Database::write(&spec);
        let seeds = [
            ("page", pages(&database)),
            ("blittable", documents(&database)),
            ("table_value", rows(&database)),
            ("stream", streams(&database)),
            ("journal", journals(&database)),
            ("salvage", lives(&spec)),
        ];
        for (target, seeds) in seeds {
            keep(&corpus.join(target), name, &seeds)?;
        }
    }
    Ok(())
}

fn keep(folder: &Path, name: &str, seeds: &[Vec<u8>]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (nth, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("{name}-{nth}")), seed)?;
    }
    Ok(())
}

/// Both layouts, one of them compressed with and without dictionaries, journals in both forms.
fn specs() -> [(&'static str, DatabaseSpec); 3] {
    let small = |size_kilobytes, stored| JournalSpec {
        size_kilobytes,
        stored,
        differences: !stored,
    };
    let five = DatabaseSpec {
        journal: small(16, true),
        ..DatabaseSpec::of_everything(Flavour::V5, 1)
    };
    let seven = DatabaseSpec {
        journal: small(16, false),
        ..DatabaseSpec::of_everything(Flavour::V7_2, 2)
    };
    let mut compressed = DatabaseSpec {
        compression: Some(CompressionSpec {
            train_after: 8,
            dictionary_size: 512,
        }),
        ..DatabaseSpec::of_everything(Flavour::V5, 3)
    };
    compressed
        .operations
        .extend((5..20).map(|document| Operation::Put {
            document,
            size: 200,
            revision: false,
            replicas: 0,
        }));
    [("5", five), ("7.2", seven), ("5-compressed", compressed)]
}

/// One page or run of each kind that its head tells, and two of rows.
fn pages(database: &Database) -> Vec<Vec<u8>> {
    let mut seen: BTreeMap<[u8; 2], usize> = BTreeMap::new();
    let mut seeds = Vec::new();
    for at in (0..database.data.len()).step_by(PAGE) {
        let rest = &database.data[at..];
        let times = seen.entry([rest[12], rest[13]]).or_default();
        *times += 1;
        if rest[12] != 0 && *times <= 2 {
            let bytes = run_bytes(rest).min(PAGE_SEED_MAX).min(rest.len());
            seeds.push(chosen(&rest[..bytes]));
        }
    }
    seeds
}

/// The bytes of the page or run that begins here, in whole pages.
fn run_bytes(bytes: &[u8]) -> usize {
    match bytes[12] & 3 {
        2 => (64 + u32_at(bytes, 8) as usize).next_multiple_of(PAGE),
        _ => PAGE,
    }
}

fn documents(database: &Database) -> Vec<Vec<u8>> {
    let records = database.truth.records.iter();
    let documents = records.filter_map(|record| {
        let column = match record.kind {
            Kind::Document | Kind::CounterGroup => 3,
            Kind::Revision => 5,
            Kind::Conflict => 4,
            _ => return None,
        };
        Some(record.columns[column].clone())
    });
    small(documents)
}

/// Rows as they are stored, and the segments in them.
fn rows(database: &Database) -> Vec<Vec<u8>> {
    let records = database.truth.records.iter();
    let rows = records
        .clone()
        .map(|record| record.places[0].stored.clone());
    let series = records.filter(|record| record.kind == Kind::TimeSeries);
    let segments = series.map(|record| record.columns[3].clone());
    small(rows.chain(segments))
}

/// Those that are no larger than a page, each once.
fn small(seeds: impl Iterator<Item = Vec<u8>>) -> Vec<Vec<u8>> {
    let seeds: BTreeSet<Vec<u8>> = seeds.filter(|seed| seed.len() <= PAGE).collect();
    seeds.into_iter().collect()
}

/// The runs of each content, each behind its length.
fn streams(database: &Database) -> Vec<Vec<u8>> {
    let truth = &database.truth;
    let contents = truth.attachments.iter().chain(&truth.files);
    let seeds = contents.filter_map(|content| {
        let mut seed = Vec::new();
        for chunk in &content.chunks {
            let run = run_of(database, chunk)?;
            seed.extend(u16::try_from(run.len()).ok()?.to_le_bytes());
            seed.extend(run);
        }
        (!seed.is_empty()).then_some(seed)
    });
    seeds.collect()
}

/// A run's head and value, where the data file has it.
fn run_of<'a>(database: &'a Database, place: &Place) -> Option<&'a [u8]> {
    let at = usize::try_from(place.page).ok()? * PAGE;
    let bytes = place.offset + place.stored.len();
    place.in_file.then_some(())?;
    database.data.get(at..at + bytes)
}

/// Each journal up to the end of its last transaction.
fn journals(database: &Database) -> Vec<Vec<u8>> {
    let journals = database.journals.iter();
    let used = journals.map(|(name, bytes)| &bytes[..used(database, name).min(JOURNAL_SEED_MAX)]);
    used.filter(|bytes| !bytes.is_empty()).map(chosen).collect()
}

fn used(database: &Database, name: &str) -> usize {
    let all = database.truth.transactions.iter();
    let inside = all.filter(|transaction| transaction.file.as_deref() == Some(name));
    inside
        .map(|transaction| transaction.offset + transaction.length)
        .max()
        .unwrap_or_default()
}

/// A header, the data file and the last journal, at several moments of a life.
fn lives(spec: &DatabaseSpec) -> Vec<Vec<u8>> {
    let seeds = LIVES.into_iter().map(|operations| {
        let mut young = spec.clone();
        young.operations.truncate(operations);
        let database = Database::write(&young);
        let mut journals = database.journals.iter();
        let live = journals.rfind(|(name, _)| name.ends_with(".journal"));
        let journal = live.map_or(&[][..], |(name, bytes)| &bytes[..used(&database, name)]);
        let pages = u8::try_from(database.data.len() / PAGE).unwrap_or(u8::MAX);
        let data = database.data.len().min(usize::from(pages) * PAGE);
        let mut head = vec![Choices::SEALED, pages];
        head.extend(&database.headers[0]);
        head.resize(2 + HEADER_BYTES, 0);
        [&head, &database.data[..data], journal].concat()
    });
    seeds.collect()
}

/// A seed behind the byte that says how it is to be read.
fn chosen(bytes: &[u8]) -> Vec<u8> {
    [&[Choices::SEALED], bytes].concat()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}
