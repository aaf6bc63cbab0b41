//! From a seed to a scenario. Nothing behind this module sees a seed that means anything.
//!
//! Every choice is drawn at an address of its own, so taking one operation out of a scenario leaves the
//! others what they were.

mod beyond;

use firedrill_s3_mock::{Effect, Operation as S3, Position};
use firedrill_sim::draw::{Seed, Stream};

use crate::scenario::{
    Act, AmendOptions, BlockPlan, BucketOptions, CommitPlan, Fault, Flavour, Garbage,
    GeneratedTable, Hosts, Kind, Operation, Scenario, SegmentPlan, Selector, TableSource, Target,
    Versions, When,
};
use crate::swarm::Profile;

const TABLE: Stream = Stream::new("generate.table");
const BUCKET: Stream = Stream::new("generate.bucket");
const AMEND: Stream = Stream::new("generate.amend");
const ACTS: Stream = Stream::new("generate.acts");
const FAULT: Stream = Stream::new("generate.fault");
const HOSTS: Stream = Stream::new("generate.hosts");

/// The scenario of a case.
pub fn scenario(case: u64) -> Scenario {
    let mut scenario = of_profile(case, &Profile::draw(Seed(case)));
    beyond::exceed(Seed(case), &mut scenario);
    scenario
}

/// The scenario of a case in a world without one class of operations or faults. Everything else in it is
/// drawn as in [`scenario`]; but it exceeds no budget, for what does so asks no class.
pub fn scenario_without(case: u64, class: &str) -> Scenario {
    of_profile(case, &Profile::draw(Seed(case)).without(class))
}

fn of_profile(case: u64, profile: &Profile) -> Scenario {
    let seed = Seed(case);
    let table = table(seed);
    let commits = table.commits.len();
    let amend = amend(seed, profile, commits);
    let mut scenario = Scenario {
        story: String::new(),
        seed: case,
        beyond: false,
        mock_operations: if seed.chance(25, BUCKET, "mock", 0) {
            24
        } else {
            0
        },
        bucket: bucket(seed, profile, commits),
        hosts: hosts(seed, profile, &amend),
        amend,
        table: TableSource::Generated(table),
        operations: Vec::new(),
        faults: Vec::new(),
    };
    scenario.operations = operations(seed, profile, &scenario);
    scenario.faults = faults(seed, profile);
    scenario
}

/// A table of 1 to 60 objects. Its shape comes from a small pool, so that tables repeat.
fn table(seed: Seed) -> GeneratedTable {
    let seed = seed.child(TABLE, 0);
    let count = [1, 1, 2, 2, 3, 4][seed.below(6, TABLE, "commits", 0) as usize];
    let flavour = if seed.chance(50, TABLE, "flavour", 0) {
        Flavour::V1_2_453
    } else {
        Flavour::V1_2_895
    };
    let mut commits = vec![CommitPlan::Insert {
        segments: segments(seed, 0),
    }];
    for nth in 1..count {
        commits.push(commit(seed, nth));
    }
    GeneratedTable {
        flavour,
        compressed: seed.chance(2, TABLE, "compressed", 0),
        commits,
    }
}

fn commit(seed: Seed, nth: u64) -> CommitPlan {
    match seed.below(10, TABLE, "change", nth) {
        0..=3 => CommitPlan::Insert {
            segments: segments(seed, nth),
        },
        4..=5 => CommitPlan::RewriteBlock {
            segment: seed.below(4, TABLE, "segment", nth) as usize,
            block: seed.below(4, TABLE, "block", nth) as usize,
            with: seed
                .chance(80, TABLE, "with", nth)
                .then(|| block(seed, nth, 63)),
        },
        6..=7 => CommitPlan::Analyze,
        8 => CommitPlan::Compact {
            blocks_per_segment: seed.between(1, 4, TABLE, "compact", nth) as usize,
        },
        _ => CommitPlan::Overwrite {
            segments: segments(seed, nth),
        },
    }
}

fn segments(seed: Seed, commit: u64) -> Vec<SegmentPlan> {
    let count = [0, 1, 1, 1, 2, 2, 3][seed.below(7, TABLE, "segments", commit) as usize];
    (0..count)
        .map(|segment| {
            let nth = commit * 8 + segment;
            let blocks = [1, 1, 2, 2, 3, 5][seed.below(6, TABLE, "blocks", nth) as usize];
            SegmentPlan {
                statistics: seed.chance(50, TABLE, "statistics", nth),
                blocks: (0..blocks).map(|at| block(seed, nth, at)).collect(),
            }
        })
        .collect()
}

/// Sizes are few and small, so that objects of the same length are frequent.
fn block(seed: Seed, segment: u64, at: u64) -> BlockPlan {
    let nth = segment * 64 + at;
    let size = |name: &str| [8, 16, 16, 17, 40][seed.below(5, TABLE, name, nth) as usize];
    let maybe = |name: &str, percent| seed.chance(percent, TABLE, name, nth).then(|| size(name));
    BlockPlan {
        size: size("size"),
        bloom: maybe("bloom", 60),
        inverted: maybe("inverted", 10),
        vector: maybe("vector", 10),
    }
}

fn bucket(seed: Seed, profile: &Profile, commits: usize) -> BucketOptions {
    let page_size_max = if profile.meets("s3.page-boundary") {
        seed.between(1, 3, BUCKET, "page", 0) as u32
    } else {
        1000
    };
    let pre = profile.does("op.pre-versioning");
    BucketOptions {
        commits_before_versioning: if pre {
            seed.between(1, commits as u64, BUCKET, "pre", 0) as u32
        } else {
            0
        },
        never_versioned: seed.chance(1, BUCKET, "never", 0),
        page_size_max,
        foreign_etags: profile.does("s3.foreign-etag"),
        step_ms: if profile.does("s3.same-second") {
            [0, 0, 3, 120][seed.below(4, BUCKET, "step", 0) as usize]
        } else {
            1500
        },
        deny_version_delete: profile.does("s3.deny-version-delete"),
    }
}

fn amend(seed: Seed, profile: &Profile, commits: usize) -> AmendOptions {
    let commit = seed.below(commits as u64, AMEND, "commit", 0) as usize;
    let plain_prefix = seed.chance(8, AMEND, "prefix", 0);
    let target = match seed.below(20, AMEND, "target", 0) {
        0..=1 => Target::AsOf {
            commit,
            plus_ms: [0, 0, 1, 900, 2000][seed.below(5, AMEND, "plus", 0) as usize],
        },
        2..=3 if !plain_prefix => Target::Snapshot { commit },
        _ => Target::Current,
    };
    AmendOptions {
        target,
        // A crash between an ancestor and its successor is the one that a later run can misread.
        history: seed.chance(
            if profile.is_lone_crash() { 55 } else { 20 },
            AMEND,
            "history",
            0,
        ),
        plain_prefix,
        dry_run: seed.chance(6, AMEND, "dry", 0),
        window: [1, 2, 4, 16, 64][seed.below(5, AMEND, "window", 0) as usize],
        patience_ms: if profile.meets("s3.slow") {
            2000
        } else {
            30_000
        },
    }
}

fn hosts(seed: Seed, profile: &Profile, amend: &AmendOptions) -> Hosts {
    if amend.dry_run {
        return Hosts::default();
    }
    let crashes = if profile.meets("host.crash") {
        seed.between(1, 2, HOSTS, "crashes", 0)
    } else {
        0
    };
    let crash_after = (0..crashes)
        .map(|nth| {
            // What a crash alone can do wrong it does where something is published: not at the start.
            let scales = match profile.is_lone_crash() {
                true => [20, 40, 60],
                false => [6, 20, 60],
            };
            let most = scales[seed.below(3, HOSTS, "scale", nth) as usize];
            seed.between(1, most, HOSTS, "crash", nth)
        })
        .collect();
    Hosts {
        crash_after,
        interrupt_after: profile
            .meets("host.interrupt")
            .then(|| seed.between(1, 30, HOSTS, "interrupt", 0)),
        twin: crashes == 0 && seed.chance(4, HOSTS, "twin", 0),
    }
}

/// Draws what is done to the table.
struct Acts<'a> {
    seed: Seed,
    profile: &'a Profile,
    out: Vec<Operation>,
}

fn operations(seed: Seed, profile: &Profile, scenario: &Scenario) -> Vec<Operation> {
    let mut acts = Acts {
        seed,
        profile,
        out: Vec::new(),
    };
    acts.before();
    if !scenario.amend.dry_run {
        acts.during(!scenario.hosts.crash_after.is_empty());
    }
    acts.out
}

impl Acts<'_> {
    /// What happens before the machine: some things while all is there, then the loss, then attempts to
    /// mend it.
    fn before(&mut self) {
        self.some("op.siblings", 3, |acts, nth| {
            acts.key(nth, "sibling", ANY).map(|key| Act::Sibling {
                key,
                cut: acts.below(3, "cut", nth) as usize,
                suffix: ["2", ".bak", "0", "/x", "~"][acts.below(5, "suffix", nth) as usize].into(),
                deleted: acts.below(3, "deleted", nth) as u32,
            })
        });
        if self.profile.does("op.vacuum") {
            self.push(Act::Vacuum);
            if self.chance(30, "ghost", 0) {
                self.push(Act::Ghost);
            }
        }
        let suspend_first = self.chance(50, "suspend-first", 0);
        let suspends = self.profile.does("op.suspend-versioning");
        if suspends && suspend_first {
            self.push(Act::Suspend);
        }
        self.some("op.overwrite", 5, |acts, nth| {
            acts.overwrite(nth, "overwrite")
        });
        if self.profile.does("s3.archived") {
            for nth in 0..=self.below(3, "archives", 0) {
                self.archive(nth);
            }
        }
        self.lose();
        if suspends && !suspend_first {
            self.push(Act::Suspend);
            if let Some(key) = self.key(0, "suspended-delete", ANY) {
                self.push(Act::Delete { key });
            }
        }
        self.some("op.partial-manual-restore", 6, |acts, nth| {
            let key = acts.key(nth, "back", ANY)?;
            let copies = acts.chance(50, "copies", nth);
            Some(if copies {
                Act::CopyBack { key }
            } else {
                Act::PutBack { key }
            })
        });
        if suspends && self.chance(50, "enable", 0) {
            self.push(Act::Enable);
        }
    }

    fn lose(&mut self) {
        if self.profile.does("op.delete-prefix") {
            self.push(Act::DeletePrefix { again: false });
        }
        self.some("op.delete-some", 9, |acts, nth| {
            acts.key(nth, "delete", ANY).map(|key| Act::Delete { key })
        });
        self.some("op.purge-version", 2, |acts, nth| {
            let versions = [
                Versions::Right,
                Versions::Right,
                Versions::Newest,
                Versions::All,
            ];
            let versions = versions[acts.below(4, "purge-which", nth) as usize];
            acts.key(nth, "purge", ANY)
                .map(|key| Act::Purge { key, versions })
        });
        if self.profile.does("op.delete-twice") {
            self.delete_again();
        }
        // Garbage on top of markers.
        if self.profile.does("op.overwrite") && self.chance(40, "late", 0) {
            let act = self.overwrite(9, "late-overwrite");
            self.out.extend(act.map(before));
        }
    }

    /// Markers on markers: on every key where every key was deleted, else on some.
    fn delete_again(&mut self) {
        // A stack deeper than a machine has rounds shows whether it peels all of it at once.
        let deeper = [0, 0, 0, 1, 1, 2, 5, 7][self.below(8, "deeper", 0) as usize];
        if self.profile.does("op.delete-prefix") {
            for _ in 0..=deeper {
                self.push(Act::DeletePrefix { again: true });
            }
            return;
        }
        for nth in 0..=self.below(3, "again", 0) {
            if let Some(key) = self.key(nth, "delete-again", ANY) {
                for _ in 0..2 + deeper {
                    self.push(Act::Delete { key });
                }
            }
        }
    }

    fn during(&mut self, crashes: bool) {
        let phase = |acts: &Self, nth: u64| match acts.below(4, "phase", nth) {
            0 if crashes => When::WhileDown,
            _ if acts.profile.is_lone_crash() => When::WhileDown,
            0..=1 => When::AfterPlan,
            _ => When::AfterWrites(1 + acts.below(6, "writes", nth)),
        };
        if self.profile.does("op.commit-during-amend") {
            let when = if crashes && self.chance(50, "commit-down", 0) {
                When::WhileDown
            } else {
                phase(self, 100)
            };
            let act = Act::Commit(commit(self.seed.child(ACTS, 7), 8));
            self.out.push(Operation { when, act });
        }
        if !self.profile.does("op.write-during-amend") {
            return;
        }
        for nth in 0..=self.below(3, "during", 0) {
            let act = match self.below(5, "during-act", nth) {
                0 if self.profile.does("op.vacuum") => Some(Act::Vacuum),
                1 => self
                    .key(nth, "during-overwrite", ANY)
                    .map(|key| Act::Overwrite {
                        key,
                        with: Garbage::Longer(3),
                    }),
                0 | 2 => self
                    .key(nth, "during-old", OLD)
                    .map(|key| Act::Delete { key }),
                _ => self
                    .key(nth, "during-delete", ANY)
                    .map(|key| Act::Delete { key }),
            };
            let when = phase(self, nth);
            self.out.extend(act.map(|act| Operation { when, act }));
        }
    }

    fn overwrite(&self, nth: u64, name: &str) -> Option<Act> {
        let with = match self.below(6, "garbage", nth) {
            0..=2 => Garbage::SameLength,
            3 => Garbage::Longer(1 + self.below(9, "longer", nth)),
            4 => Garbage::Sibling,
            _ => Garbage::Truncated,
        };
        self.key(nth, name, ANY)
            .map(|key| Act::Overwrite { key, with })
    }

    /// An archived original is interesting where something newer hides it.
    fn archive(&mut self, nth: u64) {
        let Some(key) = self.key(nth, "archive", NO_HINT) else {
            return;
        };
        let hides = self.below(3, "hides", nth);
        if hides == 0 {
            self.push(Act::CopyBack { key });
        }
        // Sometimes it is the copy on top that is archived, and not what lies below.
        let newest = hides == 0 && self.chance(50, "archive-newest", nth);
        let versions = if newest {
            Versions::Newest
        } else {
            Versions::Right
        };
        if hides == 1 {
            self.push(Act::Overwrite {
                key,
                with: Garbage::Longer(2),
            });
        }
        self.push(Act::Archive { key, versions });
    }

    fn some(&mut self, class: &str, most: u64, act: impl Fn(&Self, u64) -> Option<Act>) {
        if !self.profile.does(class) {
            return;
        }
        for nth in 0..self.seed.between(1, most, ACTS, class, 1000) {
            let act = act(self, nth);
            self.out.extend(act.map(before));
        }
    }

    fn key(&self, nth: u64, name: &str, among: &[Kind]) -> Option<Selector> {
        let kind = among.get(self.below(among.len() as u64, name, nth * 2) as usize)?;
        let number = self.below(40, name, nth * 2 + 1) as u32;
        Some(Selector::new(*kind, number))
    }

    fn push(&mut self, act: Act) {
        self.out.push(before(act));
    }

    fn below(&self, bound: u64, name: &str, nth: u64) -> u64 {
        self.seed.below(bound, ACTS, name, nth)
    }

    fn chance(&self, percent: u64, name: &str, nth: u64) -> bool {
        self.seed.chance(percent, ACTS, name, nth)
    }
}

const ANY: &[Kind] = &[
    Kind::Any,
    Kind::Any,
    Kind::Any,
    Kind::Any,
    Kind::Block,
    Kind::Block,
    Kind::Index,
    Kind::Segment,
    Kind::Snapshot,
    Kind::Hint,
    Kind::Statistics,
    Kind::Old,
];
const NO_HINT: &[Kind] = &[
    Kind::Block,
    Kind::Block,
    Kind::Block,
    Kind::Index,
    Kind::Segment,
    Kind::Snapshot,
    Kind::Statistics,
];
const OLD: &[Kind] = &[Kind::Old];

fn before(act: Act) -> Operation {
    Operation {
        when: When::Before,
        act,
    }
}

fn faults(seed: Seed, profile: &Profile) -> Vec<Fault> {
    let mut faults = Vec::new();
    for (class, most) in [
        ("s3.unavailable", 4),
        ("s3.ack-lost", 3),
        ("s3.reset-body", 3),
        ("s3.slow", 3),
        ("s3.denied", 2),
        ("s3.storm", 1),
    ] {
        if !profile.meets(class) {
            continue;
        }
        for nth in 0..seed.between(1, most, FAULT, class, 0) {
            faults.push(fault(seed, class, nth + 1));
        }
    }
    faults
}

fn fault(seed: Seed, class: &str, nth: u64) -> Fault {
    let below = |bound: u64, what: u64| seed.below(bound, FAULT, class, nth * 64 + what);
    let pick = |among: &[S3]| among[below(among.len() as u64, 1) as usize];
    let reads = [S3::ListObjectVersions, S3::GetObject, S3::GetObject];
    let writes = [
        S3::DeleteObjects,
        S3::CopyObject,
        S3::PutObject,
        S3::DeleteObjectVersion,
    ];
    let all = [
        S3::GetBucketVersioning,
        S3::ListObjectVersions,
        S3::GetObject,
        S3::GetObject,
        S3::DeleteObjects,
        S3::DeleteObjectVersion,
        S3::CopyObject,
        S3::PutObject,
    ];
    let busy = [Effect::Unavailable, Effect::InternalError][below(2, 2) as usize];
    let lost = [
        Effect::Timeout,
        Effect::InternalError,
        Effect::Reset { after_bytes: 0 },
    ];
    let bytes = [0, 0, 1, 9, 18, 30][below(6, 3) as usize];
    let (operation, position, effect) = match class {
        "s3.unavailable" => (pick(&all), Position::Before, busy),
        "s3.ack-lost" => (pick(&writes), Position::After, lost[below(3, 2) as usize]),
        "s3.reset-body" => (
            S3::GetObject,
            Position::During,
            Effect::Reset { after_bytes: bytes },
        ),
        "s3.slow" => {
            let position = [Position::Before, Position::After][below(2, 2) as usize];
            let delay_ms = [1000, 3000, 9000][below(3, 4) as usize];
            (pick(&all), position, Effect::Slow { delay_ms })
        }
        "s3.denied" => (pick(&all), Position::Before, Effect::Denied),
        _ => (pick(&reads), Position::Before, busy),
    };
    let times = match class {
        "s3.denied" | "s3.storm" => 0,
        _ => 1 + below(3, 5),
    };
    let keyed = match operation {
        S3::GetBucketVersioning | S3::ListObjectVersions | S3::DeleteObjects => false,
        _ => class == "s3.denied" || below(3, 6) > 0,
    };
    let kinds = [
        Kind::Any,
        Kind::Block,
        Kind::Segment,
        Kind::Snapshot,
        Kind::Hint,
        Kind::Index,
    ];
    let key = Selector::new(kinds[below(6, 7) as usize], below(40, 8) as u32);
    Fault {
        operation,
        key: keyed.then_some(key),
        nth: 1 + below(3, 9) * below(2, 10),
        times,
        position,
        effect,
    }
}
