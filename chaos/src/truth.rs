//! What the writer wrote: every object of the table with its bytes, and what each commit references.
//!
//! This is where an oracle's knowledge of the table ends; nothing of it was read back from a bucket.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use firedrill_core::amend::Class;
use firedrill_core::object::{Key, WallTime};
use firedrill_sim::draw::{Seed, Stream};
use firedrill_sim::fuse::{self, Put, Reference, TableWriter};

use crate::scenario::{
    BlockPlan, CommitPlan, Flavour, GeneratedTable, Kind, SegmentPlan, Selector,
};

const WRITER: Stream = Stream::new("truth.writer");

/// The name of the inverted index of tables that have one.
const INVERTED: &str = "words";

/// One object of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is to its table.
    pub class: Class,
    /// Whether the rows cannot be read or changed without it.
    pub required: bool,
    /// Bytes, where the metadata states them.
    pub size: Option<u64>,
    /// The bytes that belong there; of the hint, those of the newest commit.
    pub body: Bytes,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFact {
    /// Its snapshot.
    pub snapshot: Key,
    /// The snapshot's own time.
    pub time: WallTime,
    /// What the hint holds after it.
    pub hint: Bytes,
    /// Everything that it references, with the object that names each.
    pub references: BTreeMap<Key, Option<Key>>,
    /// Blocks of each segment.
    pub blocks: BTreeMap<Key, u64>,
}

/// The table.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// Its prefix.
    pub prefix: String,
    /// Its hint.
    pub hint: Option<Key>,
    /// Every object of it, of every commit.
    pub objects: BTreeMap<Key, Fact>,
    /// Its commits, oldest first; each one's predecessor is the one before.
    pub commits: Vec<CommitFact>,
    /// The first commit whose references are known; of older ones only snapshot and hint are.
    pub known_from: usize,
}

/// Writes a synthetic table commit by commit.
#[derive(Debug)]
pub struct Author {
    writer: TableWriter,
}

impl Author {
    /// A table that is not there yet. Its ids and bytes are drawn from the plan's own shape alone, so equal
    /// plans give equal tables whatever else happens in a case.
    pub fn new(plan: &GeneratedTable) -> Self {
        let flavour = match plan.flavour {
            Flavour::V1_2_453 => fuse::Flavour::V1_2_453,
            Flavour::V1_2_895 => fuse::Flavour::V1_2_895,
        };
        let mut spec = fuse::TableSpec::new(flavour, 9, 16);
        spec.root = "fs".into();
        // The sketch's length changes nothing that amend does, and a full one is half of all bytes of a case.
        spec.registers = 64;
        spec.inverted_indexes = vec![INVERTED.into()];
        if plan.compressed {
            spec.compression = fuse::Compression::Zstd;
        }
        let draw = |stream: &str, nth: u64| Seed(0).draw(WRITER, stream, nth);
        Self {
            writer: TableWriter::new(spec, draw),
        }
    }

    /// Makes the next commit, and adds it to what is known. Answers what is to be put, in order.
    pub fn commit(
        &mut self,
        at: WallTime,
        plan: &CommitPlan,
        truth: &mut Truth,
    ) -> Vec<(Key, Bytes)> {
        let commit = self.writer.commit(at, &change(plan));
        self.writer
            .spec()
            .prefix()
            .as_str()
            .clone_into(&mut truth.prefix);
        truth.hint = Some(commit.hint.clone());
        let puts: BTreeMap<&Key, &Put> = commit.puts.iter().map(|put| (&put.key, put)).collect();
        // Both ascend, so that one walk finds what belongs together.
        let mut references = commit.references.iter().peekable();
        let mut facts = BTreeMap::from_iter(puts.iter().filter_map(|(key, put)| {
            while references.next_if(|other| other.key < **key).is_some() {}
            let (class, required, size) = match references.next_if(|other| other.key == **key) {
                Some(reference) => (reference.class, reference.required, reference.size),
                // What a commit writes and only a later one references (`_ts` of 1.2.453).
                None if truth.objects.contains_key(*key) => return None,
                None => (put.class, put.class.is_required(), None),
            };
            let fact = Fact {
                class,
                required,
                size,
                body: put.body.clone(),
            };
            Some(((*key).clone(), fact))
        }));
        truth.objects.append(&mut facts);
        let parent = |reference: &Reference| (reference.key.clone(), reference.parent.clone());
        let counts = commit.segments.iter();
        truth.commits.push(CommitFact {
            snapshot: commit.snapshot,
            time: commit.time,
            hint: puts[&commit.hint].body.clone(),
            references: commit.references.iter().map(parent).collect(),
            blocks: counts
                .map(|count| (count.key.clone(), count.blocks))
                .collect(),
        });
        commit
            .puts
            .into_iter()
            .map(|put| (put.key, put.body))
            .collect()
    }
}

impl Truth {
    /// The newest commit.
    pub fn newest(&self) -> Option<&CommitFact> {
        self.commits.last()
    }

    /// The commit that these bytes of the hint name: the newest one, where several do.
    pub fn commit_of_hint(&self, body: &Bytes) -> Option<usize> {
        self.commits.iter().rposition(|commit| commit.hint == body)
    }

    /// The key that a selector means, at this moment.
    pub fn select(&self, selector: Selector) -> Option<Key> {
        let newest = self.newest()?;
        let class = |key: &Key| self.objects.get(key).map(|fact| fact.class);
        let among = |wanted: fn(Class) -> bool| -> Vec<&Key> {
            let keys = newest.references.keys();
            keys.filter(|key| class(key).is_some_and(wanted)).collect()
        };
        let keys = match selector.kind {
            Kind::Prefix => return Some(Key::from(self.prefix.as_str())),
            Kind::Hint => return self.hint.clone(),
            Kind::Block => among(|class| class == Class::Block),
            Kind::Segment => among(|class| class == Class::Segment),
            Kind::Snapshot => among(|class| class == Class::Snapshot),
            Kind::Index => among(|class| !class.is_required()),
            Kind::Statistics => {
                among(|class| matches!(class, Class::SegmentStatistics | Class::TableStatistics))
            }
            Kind::Any => newest.references.keys().collect(),
            Kind::Old => {
                let keys = self.objects.keys();
                keys.filter(|key| !newest.references.contains_key(*key))
                    .collect()
            }
        };
        let number = selector.number as usize;
        (!keys.is_empty()).then(|| keys[number % keys.len()].clone())
    }

    /// Another object of the same class, for a mix-up.
    pub fn sibling(&self, key: &Key) -> Option<&Bytes> {
        let class = self.objects.get(key)?.class;
        let alike = |(other, fact): &(&Key, &Fact)| fact.class == class && *other != key;
        let behind = self.objects.range(key.clone()..).find(alike);
        let found = behind.or_else(|| self.objects.iter().find(alike));
        found.map(|(_, fact)| &fact.body)
    }

    /// Keys of older commits that the newest one does not reference.
    pub fn old_keys(&self) -> BTreeSet<Key> {
        let newest = self.newest().map(|commit| &commit.references);
        let keys = self.objects.keys();
        keys.filter(|key| newest.is_none_or(|newest| !newest.contains_key(*key)))
            .cloned()
            .collect()
    }
}

fn change(plan: &CommitPlan) -> fuse::Change {
    match plan {
        CommitPlan::Insert { segments } => fuse::Change::Insert {
            segments: segments.iter().map(segment).collect(),
        },
        CommitPlan::RewriteBlock {
            segment,
            block: index,
            with,
        } => fuse::Change::RewriteBlock {
            segment: *segment,
            block: *index,
            with: with.as_ref().map(block),
        },
        CommitPlan::Analyze => fuse::Change::Analyze,
        CommitPlan::Compact { blocks_per_segment } => fuse::Change::Compact {
            blocks_per_segment: *blocks_per_segment,
        },
        CommitPlan::Overwrite { segments } => fuse::Change::Overwrite {
            segments: segments.iter().map(segment).collect(),
        },
    }
}

fn segment(plan: &SegmentPlan) -> fuse::SegmentSpec {
    fuse::SegmentSpec {
        blocks: plan.blocks.iter().map(block).collect(),
        statistics: plan.statistics,
    }
}

fn block(plan: &BlockPlan) -> fuse::BlockSpec {
    let inverted = plan
        .inverted
        .map(|size| fuse::InvertedSpec { index: 0, size });
    fuse::BlockSpec {
        rows: 1 + plan.size / 16,
        size: plan.size,
        bloom: plan.bloom,
        inverted: inverted.into_iter().collect(),
        vector: plan.vector,
    }
}
