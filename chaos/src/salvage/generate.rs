//! From a case's seed to its scenario: a small database, a few damages, and a way to run.
//!
//! Each case first draws which operations and damages exist (its profile), so that rare combinations do not
//! drown in common ones. Every draw is addressed: one operation more or less leaves the others alone.

use firedrill_sim::draw::{Seed, Stream};
use firedrill_sim::voron::{CompressionSpec, DatabaseSpec, Flavour, JournalSpec, Operation};

use super::scenario::{Damage, JournalHarm, PageClass, Run, Scenario, Spot};

const PROFILE: Stream = Stream::new("salvage.profile");
const LOOKS: Stream = Stream::new("salvage.looks");
const OPERATIONS: Stream = Stream::new("salvage.operations");
const DAMAGES: Stream = Stream::new("salvage.damages");
const RUN: Stream = Stream::new("salvage.run");

/// Kinds of operations, with how often one comes, and how many cases of a hundred have it. Documents, commits and
/// checkpoints are always there.
const OPERATION_KINDS: [(&str, u64, u64); 12] = [
    ("delete", 4, 60),
    ("conflict", 2, 30),
    ("settle", 1, 40),
    ("delete-revision", 2, 40),
    ("attach", 6, 55),
    ("detach", 2, 50),
    ("file", 2, 20),
    ("count", 3, 35),
    ("append", 3, 35),
    ("delete-range", 1, 50),
    ("clean-tombstones", 1, 25),
    ("large", 4, 40),
];

/// Classes of damages, with how many cases of a hundred have them.
const DAMAGE_KINDS: [(&str, u64); 17] = [
    ("bit-flip", 40),
    ("end-flip", 20),
    ("bit-rot", 20),
    ("zero-range", 18),
    ("scramble-page", 20),
    ("scramble-tree", 15),
    ("torn-page", 12),
    ("misplaced", 15),
    ("unreadable", 15),
    ("truncated", 12),
    ("stale-copy", 12),
    ("cycle", 10),
    ("header-zeroed", 10),
    ("shifted", 8),
    ("beheaded", 6),
    ("journal", 18),
    ("journal-flip", 15),
];

/// The scenario of a case.
pub fn scenario(case: u64) -> Scenario {
    let source = Source::new(Seed(case));
    Scenario {
        story: String::new(),
        run: source.run(),
        damages: source.damages(),
        database: source.database(),
    }
}

struct Source {
    seed: Seed,
    /// Kinds of operations, each as often as it comes.
    operations: Vec<&'static str>,
    damages: Vec<&'static str>,
    /// Whether somebody kept the data file alone: what it has lost, no journal has.
    alone: bool,
    large: bool,
    compressed: bool,
    /// Whether each operation is a transaction of its own, as requests that come one by one are.
    one_by_one: bool,
    /// Whether a document stays about as large as it was when it is put again: then it often stays where it is.
    steady: bool,
    /// How many documents there are: few of them have many versions.
    documents: u64,
    /// Whether the header keeps up: otherwise all that happens is owed to the data file.
    syncs: bool,
}

impl Source {
    fn new(seed: Seed) -> Self {
        let has = |name: &str, percent: u64| seed.chance(percent, PROFILE, name, 0);
        let mut operations = Vec::new();
        for (name, weight, percent) in OPERATION_KINDS {
            if has(name, percent) {
                operations.extend((0..weight).map(|_| name));
            }
        }
        let large = operations.contains(&"large");
        operations.retain(|name| *name != "large");
        operations.extend(["put"; 10]);
        operations.extend(["commit"; 4]);
        operations.extend(["checkpoint"; 2]);
        let compressed = seed.chance(25, LOOKS, "compression", 0);
        let mut damages = Vec::new();
        // An eighth of the cases is not hurt, so that what is exact is also checked exactly.
        if !seed.chance(12, PROFILE, "unhurt", 0) {
            let present = DAMAGE_KINDS
                .iter()
                .filter(|(name, percent)| has(name, *percent));
            damages.extend(present.map(|(name, _)| *name));
            if compressed && has("scramble-dictionary", 40) {
                damages.push("scramble-dictionary");
            }
        }
        // What is owed to the data file is in journals alone: there damage tells.
        let syncs = !has("unsynced", 30);
        if !syncs && !damages.is_empty() && has("owed", 50) {
            damages.extend(["journal"; 2]);
        }
        Self {
            seed,
            operations,
            alone: !damages.is_empty() && has("alone", 12),
            damages,
            large,
            compressed,
            one_by_one: has("one-by-one", 25),
            steady: has("steady", 30),
            documents: if has("few", 25) { 3 } else { 10 },
            syncs,
        }
    }

    fn run(&self) -> Run {
        let seed = self.seed;
        let is_plain = seed.chance(55, RUN, "plain", 0);
        let pick = |name: &str, bound: u64| seed.below(bound, RUN, name, 0);
        Run {
            window: if is_plain {
                1
            } else {
                1 + pick("window", 7) as u8
            },
            order: if is_plain { 0 } else { pick("order", 1 << 32) },
            crash_after: (!is_plain && seed.chance(50, RUN, "crash", 0))
                .then(|| 1 + pick("crash-after", 40) as u32),
            repair_budget: 25 + pick("budget", 3) as u8,
        }
    }

    fn database(&self) -> DatabaseSpec {
        let seed = self.seed;
        let pick = |name: &str, bound: u64| seed.below(bound, LOOKS, name, 0);
        let flavour = if pick("flavour", 2) == 0 {
            Flavour::V5
        } else {
            Flavour::V7_2
        };
        let names = ["Orders", "Users", "Größen"];
        let compression = self.compressed.then(|| CompressionSpec {
            train_after: [0, 8, 12][pick("train-after", 3) as usize],
            dictionary_size: [256, 1000, 6000][pick("dictionary", 3) as usize],
        });
        let length = match pick("length", 10) {
            0..3 => 4 + pick("operations", 12),
            3..9 => 10 + pick("operations", 50),
            _ => 60 + pick("operations", 120),
        };
        let mut operations: Vec<Operation> = Vec::new();
        for operation in (0..length).map(|nth| self.operation(nth)) {
            operations.push(operation);
            if self.one_by_one {
                operations.push(Operation::Commit);
            }
        }
        if seed.chance(60, LOOKS, "checkpoint", 0) {
            let sync = self.syncs && seed.chance(50, LOOKS, "sync", 0);
            operations.push(Operation::Checkpoint { sync });
        }
        DatabaseSpec {
            collections: names[..1 + pick("collections", 3) as usize]
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            compression,
            section_pages: 1 + pick("section", 6) as u16,
            empty_pages: if seed.chance(30, LOOKS, "empty", 0) {
                pick("empty", 8) as u16
            } else {
                0
            },
            journal: JournalSpec {
                size_kilobytes: [16, 64, 256][pick("journal", 3) as usize],
                stored: seed.chance(35, LOOKS, "stored", 0),
                differences: seed.chance(70, LOOKS, "differences", 0),
            },
            operations,
            ..DatabaseSpec::new(flavour, pick("seed", 1 << 32))
        }
    }

    fn operation(&self, nth: u64) -> Operation {
        let seed = self.seed;
        let pick = |what: u64, bound: u64| seed.below(bound, OPERATIONS, nth, what);
        let document = pick(1, self.documents) as u16;
        let name = pick(2, 3) as u8;
        match self.operations[pick(0, self.operations.len() as u64) as usize] {
            "delete" => Operation::Delete { document },
            "conflict" => Operation::Conflict {
                document,
                size: self.size(nth),
            },
            "settle" => Operation::Settle { document },
            "delete-revision" => Operation::DeleteRevision { document },
            "attach" => Operation::Attach {
                document,
                name,
                size: self.content_size(nth),
                content: pick(3, 6) as u16,
            },
            "detach" => Operation::Detach { document, name },
            "file" => Operation::File {
                name,
                size: self.content_size(nth),
                content: pick(3, 6) as u16,
            },
            "count" => Operation::Count {
                document,
                counters: pick(3, 8) as u8,
            },
            "append" => Operation::Append {
                document,
                series: pick(2, 2) as u8,
                entries: 1 + pick(3, 200) as u16,
                values: 1 + pick(4, 5) as u8,
            },
            "delete-range" => Operation::DeleteRange {
                document,
                series: pick(2, 2) as u8,
            },
            "clean-tombstones" => Operation::CleanTombstones,
            "commit" => Operation::Commit,
            "checkpoint" => Operation::Checkpoint {
                sync: self.syncs && pick(3, 2) == 0,
            },
            _ => Operation::Put {
                document,
                size: self.size(if self.steady {
                    u64::from(document)
                } else {
                    nth
                }),
                revision: pick(3, 3) == 0,
                replicas: pick(4, 3) as u8,
            },
        }
    }

    fn size(&self, nth: u64) -> u32 {
        let pick = |what: u64, bound: u64| self.seed.below(bound, OPERATIONS, nth, what) as u32;
        match pick(10, 10) {
            0 if self.large => 20_000 + pick(11, 60_000),
            0..3 if self.large => 4000 + pick(11, 16_000),
            8 => 2000 + pick(11, 2500),
            _ => pick(11, 1200),
        }
    }

    fn content_size(&self, nth: u64) -> u32 {
        let pick = |what: u64, bound: u64| self.seed.below(bound, OPERATIONS, nth, what) as u32;
        match pick(12, 8) {
            0 => 3900 + pick(13, 200),
            1 => 8000 + pick(13, 200),
            2 if self.large => 60_000 + pick(13, 60_000),
            2 | 3 => pick(13, 40_000),
            4 => 0,
            _ => pick(13, 3000),
        }
    }

    fn run_of_damages(&self) -> u64 {
        match self.seed.below(10, DAMAGES, "count", 0) {
            0..4 => 1,
            4..7 => 2,
            7..9 => 3,
            _ => 6,
        }
    }

    fn damages(&self) -> Vec<Damage> {
        if self.damages.is_empty() {
            return Vec::new();
        }
        let drawn = (0..self.run_of_damages()).map(|nth| self.damage(nth));
        drawn
            .chain(self.alone.then_some(Damage::JournalsLost))
            .collect()
    }

    fn spot(&self, nth: u64, what: u64) -> Spot {
        let classes = [
            PageClass::Any,
            PageClass::Rows,
            PageClass::Rows,
            PageClass::Run,
            PageClass::Stream,
            PageClass::Tree,
            PageClass::Section,
            PageClass::Free,
        ];
        let of = classes[self.seed.below(8, DAMAGES, nth, what) as usize];
        self.spot_of(of, nth, what)
    }

    fn spot_of(&self, of: PageClass, nth: u64, what: u64) -> Spot {
        Spot {
            of,
            nth: self.seed.below(1000, DAMAGES, nth, what + 1) as u16,
        }
    }

    fn damage(&self, nth: u64) -> Damage {
        let pick = |what: u64, bound: u64| self.seed.below(bound, DAMAGES, nth, what);
        let page = self.spot(nth, 2);
        let seed = pick(6, 1 << 32);
        let age = 1 + pick(7, 30) as u16;
        let front = [0, 1, 512, 4096, 8192, 100 + pick(9, 9000)][pick(8, 6) as usize];
        match self.damages[pick(0, self.damages.len() as u64) as usize] {
            "bit-flip" => Damage::BitFlip {
                page,
                bit: self.bit(nth),
            },
            "end-flip" => Damage::EndFlip {
                run: pick(9, 1000) as u16,
                bit: pick(10, 512) as u16,
            },
            "bit-rot" => Damage::BitRot {
                page,
                seed,
                bits: 2 + pick(9, 6) as u8,
            },
            "zero-range" => Damage::ZeroRange {
                page,
                from: [0, 0, 64, pick(9, 8192) as u16][pick(8, 4) as usize],
                bytes: 1 + pick(10, 20_000) as u32,
            },
            "scramble-page" => Damage::ScramblePage { page, seed },
            "scramble-tree" => Damage::ScramblePage {
                page: self.spot_of(PageClass::Tree, nth, 2),
                seed,
            },
            "scramble-dictionary" => Damage::ScramblePage {
                page: self.spot_of(PageClass::Dictionary, nth, 2),
                seed,
            },
            "torn-page" => Damage::TornPage {
                page,
                sectors: 1 + pick(9, 65_534) as u16,
                age,
            },
            "misplaced" if pick(9, 2) == 0 => Damage::Swapped {
                page,
                with: self.spot(nth, 4),
            },
            "misplaced" => Damage::Misdirected {
                page,
                over: self.spot(nth, 4),
            },
            "unreadable" => Damage::Unreadable {
                page,
                pages: 1 + pick(9, 3) as u8,
            },
            "truncated" => Damage::Truncated {
                bytes: 1 + pick(9, 60_000) as u32,
            },
            "stale-copy" => Damage::StaleCopy { page, age },
            "cycle" => Damage::Cycle {
                chunk: pick(9, 100) as u16,
                next: pick(10, 100) as u16,
            },
            "header-zeroed" => Damage::HeaderZeroed {
                second: pick(9, 2) == 1,
            },
            "shifted" => Damage::Shifted {
                bytes: front as u16,
                seed: seed * pick(10, 2),
            },
            "beheaded" => Damage::Beheaded {
                bytes: front as u32 * (1 + pick(10, 3) as u32),
            },
            "journal-flip" => Damage::Journal {
                nth: pick(1, 200) as u8,
                harm: JournalHarm::BitFlip {
                    transaction: pick(9, 100) as u16,
                    bit: pick(10, 1 << 20) as u32,
                },
            },
            _ => Damage::Journal {
                nth: pick(1, 200) as u8,
                harm: self.harm(nth, seed),
            },
        }
    }

    /// Anywhere on a page; three of ten in its head, which says how everything else is read.
    fn bit(&self, nth: u64) -> u32 {
        let pick = |what: u64, bound: u64| self.seed.below(bound, DAMAGES, nth, what) as u32;
        match pick(11, 10) {
            0..3 => pick(9, 40 * 8),
            _ => pick(9, 65_536),
        }
    }

    fn harm(&self, nth: u64, seed: u64) -> JournalHarm {
        let pick = |what: u64, bound: u64| self.seed.below(bound, DAMAGES, nth, what);
        let transaction = pick(9, 100) as u16;
        match pick(10, 5) {
            0 => JournalHarm::ZeroRange {
                transaction,
                bytes: 1 + pick(11, 20_000) as u32,
            },
            1 => JournalHarm::ScrambleBlock { transaction, seed },
            2 => JournalHarm::Unreadable { transaction },
            3 => JournalHarm::Truncated { transaction },
            _ => JournalHarm::Lost,
        }
    }
}
