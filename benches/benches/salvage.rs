//! How fast a salvage looks, decodes and mends, beside one XXH64 pass over the same bytes.
//!
//! ```text
//!  xxh64        one hash over a data file              the floor: no verdict without it
//!  verdicts     what each page is                      firedrill salvage --verdicts-only, one thread
//!  everything   every record decoded and classified    firedrill salvage --dry-run, one thread
//!  repair       the one flipped bit of a page, and of a run of 64 KiB
//! ```
//!
//! On a database that the drill's writer makes, and on a real one where `FIREDRILL_SAMPLES` names the folder of the
//! samples. Ratios are printed and nothing is asserted: what else the machine does would decide.

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::{Duration, Instant as Clock};

use criterion::{Criterion, Throughput};
use firedrill_core::machine::{Instant, Machine as _};
use firedrill_core::salvage::file::{File, Piece, Read, Reader, Role};
use firedrill_core::salvage::options::Options;
use firedrill_core::salvage::report::Report;
use firedrill_core::salvage::{Effect, Event, Salvage};
use firedrill_core::voron::page::{PAGE_BYTES, Verdict, verdict};
use firedrill_core::voron::repair::{Repair, repair};
use firedrill_sim::voron::{Database, DatabaseSpec, Flavour, Operation};
use xxhash_rust::xxh64::xxh64;

/// The sample with the largest data file of those in a `.tar.zst`.
const SAMPLE: &str = "ravendb-7.1.5-killed.tar.zst";

/// How often each of two ways is gone for their ratio; the fastest counts.
const RUNS: u32 = 5;

#[allow(
    clippy::disallowed_methods,
    reason = "a main function reads the environment and the clock"
)]
fn main() {
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let made = made();
    repairs(&mut criterion, &made.data);
    let mut inputs = vec![made];
    match std::env::var("FIREDRILL_SAMPLES") {
        Ok(folder) => inputs.push(real(&Path::new(&folder).join("voron").join(SAMPLE))),
        Err(_) => say("the real sample is skipped: FIREDRILL_SAMPLES is not set"),
    }
    let start = Clock::now();
    for input in &inputs {
        throughput(&mut criterion, input);
        let ratio = ratio(input, &|| start.elapsed());
        let name = input.name;
        say(&format!("{name}: verdicts at {ratio:.2} of the XXH64 pass"));
    }
    criterion.final_summary();
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("standard output can be written");
}

/// The files of one database.
struct Input {
    name: &'static str,
    data: Vec<u8>,
    /// Headers and journals.
    others: Vec<(String, Vec<u8>)>,
}

/// About 40 MB: documents and revisions of a few KB, some of them large, and attachments.
fn made() -> Input {
    let mut spec = DatabaseSpec::new(Flavour::V5, 21);
    for document in 0..4000 {
        spec.operations.push(Operation::Put {
            document,
            size: if document % 100 == 7 { 60_000 } else { 3500 },
            revision: document % 4 == 0,
            replicas: 0,
        });
        if document % 40 == 0 {
            spec.operations.push(Operation::Attach {
                document,
                name: 0,
                size: 300_000,
                content: document,
            });
        }
        if document % 500 == 499 {
            spec.operations.push(Operation::Checkpoint { sync: true });
        }
    }
    let database = Database::write(&spec);
    let headers = ["headers.one", "headers.two"].map(str::to_owned);
    let headers = headers.into_iter().zip(database.headers);
    Input {
        name: "made",
        data: database.data,
        others: headers.chain(database.journals).collect(),
    }
}

/// A sample, unpacked.
fn real(archive: &Path) -> Input {
    let packed = std::fs::File::open(archive).expect("the sample is there");
    let packed = zstd::stream::read::Decoder::new(packed).expect("the sample is zstd");
    let mut archive = tar::Archive::new(packed);
    let mut input = Input {
        name: "real",
        data: Vec::new(),
        others: Vec::new(),
    };
    for entry in archive.entries().expect("the sample is a tar archive") {
        let mut entry = entry.expect("an entry can be read");
        let path = entry.path().expect("a path is text").into_owned();
        let name = path.file_name().map(|name| name.display().to_string());
        let name = name.unwrap_or_default();
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .expect("an entry can be unpacked");
        match Role::of_name(&name) {
            Some(Role::Data) => input.data = bytes,
            Some(_) => input.others.push((name, bytes)),
            None => {}
        }
    }
    input
}

fn throughput(criterion: &mut Criterion, input: &Input) {
    let mut group = criterion.benchmark_group(format!("salvage-{}", input.name));
    group.throughput(Throughput::Bytes(input.data.len() as u64));
    group.bench_function("xxh64", |bencher| bencher.iter(|| pass(input)));
    group.bench_function("verdicts", |bencher| bencher.iter(|| verdicts(input)));
    group.bench_function("everything", |bencher| bencher.iter(|| everything(input)));
    group.finish();
}

/// How fast verdicts are, measured by the XXH64 pass.
fn ratio(input: &Input, now: &dyn Fn() -> Duration) -> f64 {
    let time = |work: &dyn Fn()| {
        let begin = now();
        work();
        now() - begin
    };
    let (mut floor, mut own) = (Duration::MAX, Duration::MAX);
    for _ in 0..RUNS {
        floor = floor.min(time(&|| {
            black_box(pass(input));
        }));
        own = own.min(time(&|| {
            black_box(verdicts(input));
        }));
    }
    floor.as_secs_f64() / own.as_secs_f64()
}

fn pass(input: &Input) -> u64 {
    xxh64(black_box(&input.data), 0)
}

fn verdicts(input: &Input) -> Report {
    let options = Options {
        verdicts_only: true,
        dry_run: true,
        ..Options::default()
    };
    let data = ("Raven.voron".to_owned(), input.data.as_slice());
    play(&[data], options)
}

fn everything(input: &Input) -> Report {
    let options = Options {
        dry_run: true,
        ..Options::default()
    };
    let data = ("Raven.voron".to_owned(), input.data.as_slice());
    let others = input.others.iter();
    let others = others.map(|(name, bytes)| (name.clone(), bytes.as_slice()));
    let files: Vec<_> = std::iter::once(data).chain(others).collect();
    play(&files, options)
}

/// Files in memory, read as from a page cache: by a copy.
struct Memory<'a>(&'a [(String, &'a [u8])]);

impl Reader for Memory<'_> {
    fn read(&mut self, read: &Read) -> Piece {
        let (_, file) = self.0[read.file.0 as usize];
        let end = read.range.end.min(file.len() as u64) as usize;
        let start = (read.range.start as usize).min(end);
        Piece {
            bytes: file[start..end].to_vec(),
            unreadable: Vec::new(),
        }
    }
}

/// Runs the machine on one thread.
fn play(files: &[(String, &[u8])], options: Options) -> Report {
    let about = files.iter().map(|(name, bytes)| File {
        input: 0,
        name: name.clone(),
        role: Role::of_name(name).expect("it is a database's file"),
        length: bytes.len() as u64,
    });
    let start = Event::Start {
        files: about.collect(),
        kept: BTreeMap::new(),
    };
    let mut memory = Memory(files);
    let mut machine = Salvage::new(options);
    let mut events = VecDeque::from([start]);
    let mut effects = Vec::new();
    while let Some(event) = events.pop_front() {
        machine.step(Instant::START, event, &mut effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Run { id, task, .. } => {
                    let findings = task.run(&mut memory);
                    events.push_back(Event::Done { id, findings });
                }
                Effect::Finished(report) => return *report,
                Effect::Write { .. } | Effect::Progress(_) => {}
            }
        }
    }
    unreachable!("a machine without tasks under way has finished")
}

fn repairs(criterion: &mut Criterion, data: &[u8]) {
    let mut group = criterion.benchmark_group("salvage-repair");
    group.throughput(Throughput::Elements(1));
    for pages_max in [1, 8] {
        let mut bytes = longest(data, pages_max).to_vec();
        let pages = bytes.len() / PAGE_BYTES;
        // In the value, and in none of the fields that are cheap to try.
        let bit = 8 * 777 + 2;
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = repair(&bytes, u64::MAX);
        assert_eq!(found, Repair::One { bit: bit as u64 });
        group.bench_function(format!("{pages}-pages"), |bencher| {
            bencher.iter(|| repair(black_box(&bytes), u64::MAX));
        });
    }
    group.finish();
}

/// The first of the longest runs, of at most so many pages.
fn longest(data: &[u8], pages_max: u64) -> &[u8] {
    let starts = (0..data.len()).step_by(PAGE_BYTES).rev();
    let runs = starts.filter_map(|at| match verdict(&data[at..]) {
        Verdict::Whole { pages, .. } if pages <= pages_max => Some((pages, at)),
        _ => None,
    });
    let (pages, at) = runs.max_by_key(|(pages, _)| *pages).expect("it has pages");
    &data[at..at + PAGE_BYTES * pages as usize]
}
