//! Laws of damage, on real databases: whatever happens to the data file,
//!
//! - nothing is told outside of `suspect` that the whole file does not tell, but for what is marked `unhashed`;
//! - every record whose pages nobody touched is told, in whatever class;
//! - the account holds each byte of each file once;
//! - and nothing panics.
//!
//! `FIREDRILL_SAMPLES` names the folder of the samples; without it this test says that it was skipped.
//! `FIREDRILL_LAWS` is how many random damages of each kind strike each sample (2 without it), and
//! `FIREDRILL_LAWS_ONLY` picks samples whose name contains it.

mod salvage {
    pub(crate) mod inputs;
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

use blake2::Blake2b256;
use blake2::digest::Digest as _;
use firedrill_core::salvage::record::Class;
use firedrill_sim::draw::{Seed, Stream};
use salvage::inputs::{named, say};
use salvage::judge::{Release, Salvaged, Told};
use salvage::play::{Played, play};
use voron_samples::Sample;

const PAGE: usize = 8192;

/// Small ones, and without them only when more than a few damages are asked for.
const SMALL: [&str; 2] = ["counters-4.2.103", "compressed-revisions-5.x"];
const LARGE: [&str; 5] = [
    "northwind-4.2.103",
    "ravendb-6.2.4-killed",
    "ravendb-7.1.5-killed",
    "ravendb-7.2.7-killed",
    "ravendb-7.2.7-upgraded-killed",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    BitFlips,
    ZeroedRanges,
    SwappedPages,
    Cut,
    Shift,
}

const DAMAGES: [Damage; 5] = [
    Damage::BitFlips,
    Damage::ZeroedRanges,
    Damage::SwappedPages,
    Damage::Cut,
    Damage::Shift,
];

/// Of those that can stand beside each other, so many strike one copy.
const AT_ONCE: u64 = 10;

#[test]
fn damage_laws() {
    let wanted = named("FIREDRILL_LAWS").and_then(|count| count.parse().ok());
    let only = named("FIREDRILL_LAWS_ONLY").unwrap_or_default();
    let large = LARGE.iter().filter(|_| wanted.is_some());
    let samples = SMALL.iter().chain(large);
    for name in samples.filter(|name| name.contains(&only)) {
        let Some(sample) = Sample::open(name) else {
            return;
        };
        let whole = Whole::of(name, sample);
        for damage in DAMAGES {
            let struck = whole.strike(damage, wanted.unwrap_or(2));
            if wanted.is_some() {
                say(&format!("{name}: {struck} of {damage:?}, every law holds"));
            }
        }
    }
}

/// A sample, and all that is told of it.
struct Whole {
    name: &'static str,
    release: Release,
    files: Vec<(String, Vec<u8>)>,
    /// By section.
    told: BTreeMap<String, BTreeSet<Told>>,
    records: Vec<Record>,
    /// Pages that are more than zeros.
    pages: usize,
}

/// A line of the list of records.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Record {
    kind: String,
    key: String,
    etag: u64,
    class: String,
    /// Journals change what the data file has there, so that what they tell hangs on it, too.
    page: u64,
    unhashed: bool,
}

impl Whole {
    fn of(name: &'static str, sample: Sample) -> Self {
        let release = match name.contains("-4.") {
            true => Release::R4,
            false => Release::R6,
        };
        let mut files = sample.files;
        let data = data_of(&mut files);
        let used = data.iter().rposition(|byte| *byte != 0).unwrap_or(0);
        let pages = used / PAGE + 1;
        // What lies behind the last page that was ever used is zeros, and costs time alone.
        data.truncate(pages * PAGE);
        let played = play(files.clone());
        assert!(!played.report.counts.is_empty(), "{name} holds records");
        let told = told(&Salvaged::read(&played, release));
        Self {
            name,
            release,
            told,
            records: records(&played),
            files,
            pages,
        }
    }

    /// Strikes with at least `count` random damages of a kind, and holds each copy against the laws.
    fn strike(&self, damage: Damage, count: u64) -> u64 {
        let seed = Seed(0).child(Stream::new("laws.sample"), self.name.len() as u64);
        let at_once = match damage {
            Damage::Cut | Damage::Shift => 1,
            _ => AT_ONCE.min(count),
        };
        let copies = count.div_ceil(at_once);
        for copy in 0..copies {
            let draw = seed.child(Stream::new("laws.copy"), copy);
            let mut files = self.files.clone();
            let mut touched = BTreeSet::new();
            let data = data_of(&mut files);
            for nth in 0..at_once {
                self.harm(damage, draw, nth, data, &mut touched);
            }
            let copy = format!("{}, {damage:?}, copy {copy}", self.name);
            self.judge(&play(files), &touched, &copy);
        }
        copies * at_once
    }

    fn harm(
        &self,
        damage: Damage,
        draw: Seed,
        nth: u64,
        data: &mut Vec<u8>,
        touched: &mut BTreeSet<u64>,
    ) {
        let stream = Stream::new("laws.harm");
        let below =
            |bound: usize, entity: u64| draw.below(bound as u64, stream, entity, nth) as usize;
        match damage {
            Damage::BitFlips => {
                let at = below(data.len(), 0);
                data[at] ^= 1 << below(8, 1);
                touched.insert((at / PAGE) as u64);
            }
            Damage::ZeroedRanges => {
                let at = below(data.len(), 0);
                let end = (at + 1 + below(4 * PAGE, 1)).min(data.len());
                data[at..end].fill(0);
                touched.extend((at / PAGE) as u64..=((end - 1) / PAGE) as u64);
            }
            Damage::SwappedPages => {
                let (one, other) = (below(self.pages, 0), below(self.pages, 1));
                if one != other {
                    let (left, right) = data.split_at_mut(one.max(other) * PAGE);
                    let low = one.min(other) * PAGE;
                    left[low..low + PAGE].swap_with_slice(&mut right[..PAGE]);
                }
                touched.extend([one as u64, other as u64]);
            }
            Damage::Cut => {
                let length = below(data.len(), 0);
                data.truncate(length);
                touched.extend((length / PAGE) as u64..self.pages as u64);
            }
            Damage::Shift => {
                let length = 1 + below(2 * PAGE, 0);
                if below(2, 1) == 0 {
                    let noise = (0..length).map(|at| draw.draw(stream, at, 2) as u8);
                    let noise: Vec<u8> = noise.collect();
                    data.splice(0..0, noise);
                } else {
                    data.drain(..length);
                    touched.extend(0..=(length / PAGE) as u64);
                }
            }
        }
    }

    fn judge(&self, played: &Played, touched: &BTreeSet<u64>, copy: &str) {
        let now = records(played);
        let unhashed: BTreeSet<String> = now
            .iter()
            .filter(|record| record.unhashed)
            .map(|record| record.key.to_lowercase())
            .collect();
        for (section, told) in told(&Salvaged::read(played, self.release)) {
            let before = self.told.get(&section);
            for told in told {
                // A content that hashes to its name is that content, whether or not the whole file tells of it.
                let is_known = match section.as_str() {
                    "Attachments" => name_of(&told.blob) == told.key,
                    _ => before.is_some_and(|before| before.contains(&told)),
                };
                let is_marked = unhashed.iter().any(|key| key.starts_with(&told.key));
                assert!(
                    is_known || is_marked,
                    "{copy}: {section} {} {:.2000} is altered",
                    told.key,
                    told.text
                );
            }
        }
        let there: BTreeSet<(&str, &str, u64)> = now
            .iter()
            .map(|record| (&*record.kind, &*record.key, record.etag))
            .collect();
        for record in &self.records {
            let is_untouched = self.is_untouched(record.page, touched);
            let is_told = there.contains(&(&*record.kind, &*record.key, record.etag));
            assert!(
                is_told || !is_untouched || record.class == Class::Suspect.name(),
                "{copy}: {record:?} is whole and not told"
            );
        }
        for file in &played.report.files {
            let accounted: u64 = file.bytes.values().sum();
            assert_eq!(
                accounted, file.length,
                "{copy}: the account of {}",
                file.name
            );
        }
    }

    /// Whether nothing happened to the run that begins with this page.
    fn is_untouched(&self, page: u64, touched: &BTreeSet<u64>) -> bool {
        let data = &self.files.iter().find(|(path, _)| is_data(path));
        let (_, data) = data.expect("a sample has a data file");
        let pages = pages_of(data.get(page as usize * PAGE..).unwrap_or_default());
        touched.range(page..page + pages).next().is_none()
    }
}

/// How many pages the run has that begins here, read without the readers that are judged: the lowest bits of byte 12
/// say 2 for a run, and bytes 8 to 11 how long its value is.
fn pages_of(bytes: &[u8]) -> u64 {
    match bytes.get(8..13) {
        Some([size @ .., flags]) if flags & 3 == 2 => {
            let size = size.try_into().map_or(0, u32::from_le_bytes);
            (64 + u64::from(size)).div_ceil(PAGE as u64)
        }
        _ => 1,
    }
}

/// base64 of the BLAKE2b-256, by which a content is named.
fn name_of(content: &[u8]) -> String {
    base64_simd::STANDARD.encode_to_string(Blake2b256::digest(content))
}

fn is_data(path: &str) -> bool {
    path.ends_with("Raven.voron")
}

fn data_of(files: &mut [(String, Vec<u8>)]) -> &mut Vec<u8> {
    let data = files.iter_mut().find(|(path, _)| is_data(path));
    &mut data.expect("a sample has a data file").1
}

/// What is told in all classes but `suspect`.
fn told(salvaged: &Salvaged) -> BTreeMap<String, BTreeSet<Told>> {
    let mut all: BTreeMap<String, BTreeSet<Told>> = BTreeMap::new();
    for (class, sections) in &salvaged.by_class {
        for (section, told) in sections.iter().filter(|_| *class != Class::Suspect) {
            all.entry(section.clone())
                .or_default()
                .extend(told.iter().cloned());
        }
    }
    all
}

fn records(played: &Played) -> Vec<Record> {
    let Some(packed) = played.written.get("records.ndjson.zst") else {
        return Vec::new();
    };
    let plain = zstd::stream::decode_all(packed.as_slice()).expect("the list of records is zstd");
    let plain = String::from_utf8(plain).expect("the list of records is text");
    let lines = plain.lines().map(|text| {
        let line: serde_json::Value = serde_json::from_str(text).expect("a line is JSON");
        let of = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        Record {
            kind: of("kind"),
            key: of("key"),
            etag: line["etag"].as_u64().unwrap_or_default(),
            class: of("class"),
            page: line["page"].as_u64().unwrap_or_default(),
            unhashed: line["unhashed"].as_bool().unwrap_or_default(),
        }
    });
    lines.collect()
}
