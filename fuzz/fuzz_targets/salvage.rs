//! A whole salvage: a choice, how many pages the data file has, a header, the data file, a journal.
//!
//! Promises:
//! - no panic; memory of 1 GiB (a decompressed value may take a quarter of that) and 64 times the input;
//! - it comes to its end, and reads each byte a bounded number of times;
//! - every byte of every file is accounted for once, and none is left unexplained;
//! - each line of the list of records is JSON, and there are as many as the report counts;
//! - thoroughly: tasks that end in another order give the same report and the same output.
#![no_main]

use std::collections::BTreeMap;

use firedrill_core::machine::{Instant, Machine as _};
use firedrill_core::salvage::file::{File, Piece, Read, Reader, Role};
use firedrill_core::salvage::options::Options;
use firedrill_core::salvage::report::Report;
use firedrill_core::salvage::task::Task;
use firedrill_core::salvage::{Effect, Event, Salvage, Use};
use firedrill_fuzz::{choices, is_json, memory, seal};
use libfuzzer_sys::fuzz_target;

const HEADER_BYTES: usize = 162;

/// In lane steps: what is cheap to try is tried, a page is not gone through bit by bit.
const REPAIR_BUDGET: u64 = 1 << 18;

/// Each byte is read so often at most: a constant number of times, and once or twice for each row that is written.
const READS_MAX: u64 = 64;

fuzz_target!(|input: &[u8]| {
    let (choices, bytes) = choices(input);
    let mut files = files(bytes);
    if choices.is_sealed() {
        let [header, data, journal] = &mut files;
        seal::header(header);
        seal::pages(data);
        seal::transactions(journal);
    }
    let bound = (1 << 30) + 64 * bytes.len();
    memory::within(bound, || {
        let played = play(&files, |_| 0);
        judge(&played, &files);
        if choices.is_thorough() {
            assert!(play(&files, |flying| flying - 1) == played);
        }
    });
});

/// The header, the data file, and the journal.
fn files(bytes: &[u8]) -> [Vec<u8>; 3] {
    let (pages, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let (header, rest) = rest.split_at(HEADER_BYTES.min(rest.len()));
    let (data, journal) = rest.split_at((usize::from(*pages) * seal::PAGE).min(rest.len()));
    [header, data, journal].map(<[u8]>::to_vec)
}

/// What came of it.
#[derive(PartialEq)]
struct Played {
    report: Report,
    written: BTreeMap<String, Vec<u8>>,
}

/// The files in memory, and how much of them may still be read.
struct Memory<'a> {
    files: &'a [Vec<u8>; 3],
    left: u64,
}

impl Reader for Memory<'_> {
    fn read(&mut self, read: &Read) -> Piece {
        let file = &self.files[read.file.0 as usize];
        let end = read.range.end.min(file.len() as u64) as usize;
        let start = read.range.start.min(end as u64) as usize;
        // An empty answer costs something, too: otherwise whoever asks behind the end could ask for ever.
        let cost = (end - start) as u64 + 64;
        self.left = self.left.checked_sub(cost).expect("it reads on and on");
        Piece {
            bytes: file[start..end].to_vec(),
            unreadable: Vec::new(),
        }
    }
}

/// Plays it; `next` says which of so many tasks under way ends first.
fn play(files: &[Vec<u8>; 3], next: impl Fn(usize) -> usize) -> Played {
    let bytes: usize = files.iter().map(Vec::len).sum();
    let mut memory = Memory {
        files,
        left: bytes as u64 * READS_MAX + (8 << 20),
    };
    let mut machine = Salvage::new(Options {
        repair_budget: REPAIR_BUDGET,
        ..Options::default()
    });
    let mut flying: Vec<(u64, Task)> = Vec::new();
    let mut written: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut event = Event::Start {
        files: named(files),
        kept: BTreeMap::new(),
    };
    loop {
        let mut out = Vec::new();
        machine.step(Instant::START, event, &mut out);
        for effect in out {
            match effect {
                Effect::Run { id, task, .. } => flying.push((id, task)),
                Effect::Write { path, bytes } => written.entry(path).or_default().extend(bytes),
                Effect::Progress(_) => {}
                Effect::Finished(report) => {
                    let report = *report;
                    return Played { report, written };
                }
            }
        }
        assert!(
            !flying.is_empty(),
            "nothing is under way, and it has not finished"
        );
        let (id, task) = flying.remove(next(flying.len()));
        let findings = task.run(&mut memory);
        event = Event::Done { id, findings };
    }
}

fn named(files: &[Vec<u8>; 3]) -> Vec<File> {
    let names = ["headers.one", "Raven.voron", "0000000000000000001.journal"];
    let named = names.into_iter().zip(files);
    named
        .map(|(name, bytes)| File {
            input: 0,
            name: name.to_owned(),
            role: Role::of_name(name).expect("servers name their files so"),
            length: bytes.len() as u64,
        })
        .collect()
}

fn judge(played: &Played, files: &[Vec<u8>; 3]) {
    for (told, file) in played.report.files.iter().zip(files) {
        assert_eq!(
            told.bytes.values().sum::<u64>(),
            file.len() as u64,
            "{}",
            told.name
        );
        assert_eq!(told.bytes.get(&Use::Unexplained), None, "{}", told.name);
        let mut behind = 0;
        for (start, end, _) in &told.ranges {
            assert!(*start == behind && start < end, "{}", told.name);
            behind = *end;
        }
    }
    let classes = played.report.counts.values();
    let counted: u64 = classes.flat_map(BTreeMap::values).sum();
    let lines = played.written.get("records.ndjson.zst");
    let lines = lines.map(|frames| zstd::stream::decode_all(&frames[..]).expect("they are frames"));
    let lines = lines.unwrap_or_default();
    let lines = lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let count = lines.inspect(|line| assert!(is_json(line))).count();
    assert_eq!(count as u64, counted);
}
