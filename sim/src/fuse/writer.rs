//! The writer itself: keeps the table's current state, and turns each change into the objects of a commit.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use firedrill_core::amend::Class;
use firedrill_core::object::{Key, WallTime};

use super::body::body;
use super::identity::{Uuid, mix};
use super::metadata::{self, Block, Snapshot, Summary, Table};
use super::specification::{BlockSpec, Change, Flavour, SegmentSpec, TableSpec};
use super::text;

/// One commit: what is stored, and what the table then consists of.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Its snapshot.
    pub snapshot: Key,
    /// The hint, which names the snapshot from now on.
    pub hint: Key,
    /// Its time as the snapshot states it.
    pub time: WallTime,
    /// What is stored, in the order in which Databend stores it: blocks, indexes, `_hs`, segments, `_ts`,
    /// snapshot, hint.
    pub puts: Vec<Put>,
    /// Everything that the commit consists of, each key once, in key order; the hint too.
    pub references: Vec<Reference>,
    /// Its segments, in the snapshot's order.
    pub segments: Vec<SegmentCount>,
}

/// An object to store.
#[derive(Debug, Clone)]
pub struct Put {
    /// Where.
    pub key: Key,
    /// What it is.
    pub class: Class,
    /// Its bytes.
    pub body: Bytes,
}

/// An object that a commit consists of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where it is.
    pub key: Key,
    /// What it is.
    pub class: Class,
    /// Whether the rows cannot be read or changed without it.
    pub required: bool,
    /// Its length in bytes where metadata states it. Of a block with several inverted indexes it states
    /// the sum alone, and then these have none.
    pub size: Option<u64>,
    /// The object that names it: the hint for the snapshot, the snapshot for segments and `_ts`, the
    /// segment for the rest; none for the hint.
    pub parent: Option<Key>,
}

/// How much hangs below a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentCount {
    /// The segment.
    pub key: Key,
    /// Blocks.
    pub blocks: u64,
    /// Rows.
    pub rows: u64,
}

/// `draw(stream, nth)`: the only source of ids and bytes.
type Draw = Box<dyn Fn(&str, u64) -> u64 + Send>;

/// Makes one table, commit by commit.
pub struct TableWriter {
    spec: TableSpec,
    table: Table,
    prefix: Key,
    hint: Key,
    draw: Draw,
    index_versions: Vec<Uuid>,
    commits: u64,
    /// Number of the next row.
    next_row: u64,
    segments: Vec<Arc<Segment>>,
    table_statistics: Option<Key>,
    previous: Option<Uuid>,
}

/// A segment as written.
#[derive(Debug)]
struct Segment {
    key: Key,
    statistics: Option<(Key, u64)>,
    blocks: Vec<Arc<Block>>,
    summary: Summary,
}

/// Puts by the time at which they are made; what a later list holds may name what an earlier one holds.
#[derive(Default)]
struct Puts {
    blocks: Vec<Put>,
    indexes: Vec<Put>,
    statistics: Vec<Put>,
    segments: Vec<Put>,
}

impl fmt::Debug for TableWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableWriter")
            .field("spec", &self.spec)
            .field("commits", &self.commits)
            .finish_non_exhaustive()
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const BLOCKS_PER_SEGMENT_MAX: usize = 2048;

impl TableWriter {
    /// A table that has no commit yet. All ids and bytes follow from `draw(stream, nth)`, with the streams
    /// `block`, `segment`, `snapshot` and `index`; `nth` is `commit << 40 | segment << 20 | block`, counted
    /// from 0, so that a removed commit or segment leaves the draws of the others alone.
    pub fn new(spec: TableSpec, draw: impl Fn(&str, u64) -> u64 + Send + 'static) -> Self {
        let mut writer = Self {
            table: Table::of(&spec),
            prefix: spec.prefix(),
            hint: spec.hint(),
            spec,
            draw: Box::new(draw),
            index_versions: Vec::new(),
            commits: 0,
            next_row: 0,
            segments: Vec::new(),
            table_statistics: None,
            previous: None,
        };
        writer.index_versions = (0..writer.spec.inverted_indexes.len())
            .map(|index| Uuid::random(writer.seed("index", 0, index)))
            .collect();
        writer
    }

    /// What the table was to look like.
    pub fn spec(&self) -> &TableSpec {
        &self.spec
    }

    /// The next commit. `at` is the snapshot's own time, which 1.2.895 cuts to milliseconds; it may repeat
    /// or precede the time of the commit before.
    pub fn commit(&mut self, at: WallTime, change: &Change) -> Commit {
        let mut puts = Puts::default();
        let time = match self.spec.flavour {
            Flavour::V1_2_453 => at.0,
            Flavour::V1_2_895 => at.0.div_euclid(1000) * 1000,
        };
        self.segments = self.changed(time, change, &mut puts);
        let statistics = matches!(change, Change::Analyze)
            .then(|| self.analyze())
            .flatten();
        let id = self.uuid(time, 0, self.seed("snapshot", 0, 0));
        let snapshot = Key::from(format!(
            "{}_ss/{}{}_v4.mpk",
            self.prefix,
            self.letter(),
            id.hex()
        ));
        let body = self.snapshot(id, time);
        let mut all = puts.blocks;
        all.append(&mut puts.indexes);
        all.append(&mut puts.statistics);
        all.append(&mut puts.segments);
        all.extend(statistics);
        all.push(put(&snapshot, Class::Snapshot, body));
        let hint = text::hint(&self.spec, &snapshot, &self.index_versions);
        all.push(put(&self.hint, Class::Hint, hint));
        self.previous = Some(id);
        self.commits += 1;
        Commit {
            references: self.references(&snapshot),
            snapshot,
            hint: self.hint.clone(),
            time: WallTime(time),
            puts: all,
            segments: self.segments.iter().map(|segment| count(segment)).collect(),
        }
    }

    fn changed(&mut self, time: i64, change: &Change, puts: &mut Puts) -> Vec<Arc<Segment>> {
        match change {
            Change::Analyze => self.segments.clone(),
            Change::Overwrite { segments } => self.fresh(time, segments, puts),
            Change::Insert { segments } => {
                let mut fresh = self.fresh(time, segments, puts);
                fresh.extend_from_slice(&self.segments);
                fresh
            }
            Change::RewriteBlock {
                segment,
                block,
                with,
            } => self.rewritten(time, (*segment, *block), with.as_ref(), puts),
            Change::Compact { blocks_per_segment } => {
                let size = (*blocks_per_segment).clamp(1, BLOCKS_PER_SEGMENT_MAX);
                let statistics = self.segments.iter().any(|old| old.statistics.is_some());
                let blocks: Vec<_> = self
                    .segments
                    .iter()
                    .flat_map(|segment| segment.blocks.iter().cloned())
                    .collect();
                let chunks = blocks.chunks(size).enumerate();
                chunks
                    .map(|(nth, chunk)| self.segment(time, nth, chunk.to_vec(), statistics, puts))
                    .collect()
            }
        }
    }

    fn fresh(&mut self, time: i64, segments: &[SegmentSpec], puts: &mut Puts) -> Vec<Arc<Segment>> {
        let mut fresh = Vec::with_capacity(segments.len());
        for (nth, spec) in segments.iter().enumerate() {
            let mut blocks = Vec::with_capacity(spec.blocks.len());
            for (inner, block) in spec.blocks.iter().enumerate() {
                blocks.push(self.block(time, (nth, inner), block, puts));
            }
            fresh.push(self.segment(time, nth, blocks, spec.statistics, puts));
        }
        fresh
    }

    fn rewritten(
        &mut self,
        time: i64,
        (segment, block): (usize, usize),
        with: Option<&BlockSpec>,
        puts: &mut Puts,
    ) -> Vec<Arc<Segment>> {
        let mut segments = self.segments.clone();
        if segments.is_empty() {
            return segments;
        }
        let at = segment % segments.len();
        let old = Arc::clone(&segments[at]);
        let mut blocks = old.blocks.clone();
        if !blocks.is_empty() {
            let which = block % blocks.len();
            match with {
                Some(spec) => blocks[which] = self.block(time, (0, 0), spec, puts),
                None => drop(blocks.remove(which)),
            }
        }
        if blocks.is_empty() {
            segments.remove(at);
        } else {
            segments[at] = self.segment(time, 0, blocks, old.statistics.is_some(), puts);
        }
        segments
    }

    fn block(
        &mut self,
        time: i64,
        (segment, nth): (usize, usize),
        spec: &BlockSpec,
        puts: &mut Puts,
    ) -> Arc<Block> {
        let seed = self.seed("block", segment, nth);
        let hex = self.uuid(time, DAY_MS, seed).hex();
        let (prefix, letter) = (&self.prefix, self.letter());
        let object = Key::from(format!("{prefix}_b/{letter}{hex}_v2.parquet"));
        puts.blocks
            .push(put(&object, Class::Block, body(mix(seed, 3), spec.size)));
        let mut index = |key: String, class, number, size| {
            let key = Key::from(key);
            puts.indexes
                .push(put(&key, class, body(mix(seed, number), size)));
            (key, size)
        };
        let bloom = spec.bloom.map(|size| {
            let key = format!("{prefix}_i_b_v2/{hex}_v4.parquet");
            index(key, Class::BloomIndex, 4, size)
        });
        let (mut inverted, mut vector) = (Vec::new(), None);
        if self.spec.flavour == Flavour::V1_2_895 {
            let mut seen = BTreeSet::new();
            let names = &self.spec.inverted_indexes;
            for part in spec.inverted.iter().filter(|_| !names.is_empty()) {
                let which = part.index % names.len();
                if seen.insert(which) {
                    let version = &self.index_versions[which].hex()[..7];
                    let name = &names[which];
                    let key = format!("{prefix}_i_i/{name}/{version}/{hex}_v0.index");
                    let number = 6 + u64::try_from(which).expect("a usize has at most 64 bits");
                    inverted.push(index(key, Class::InvertedIndex, number, part.size));
                }
            }
            vector = spec.vector.map(|size| {
                let own = self.uuid(time, DAY_MS, mix(seed, 0)).hex();
                let key = format!("{prefix}_i_v/{own}_v4.parquet");
                index(key, Class::VectorIndex, 5, size)
            });
        }
        let first = self.next_row;
        self.next_row += spec.rows;
        Arc::new(Block {
            seed,
            first,
            rows: spec.rows,
            created: time,
            object: (object, spec.size),
            bloom,
            inverted,
            vector,
        })
    }

    fn segment(
        &self,
        time: i64,
        nth: usize,
        blocks: Vec<Arc<Block>>,
        statistics: bool,
        puts: &mut Puts,
    ) -> Arc<Segment> {
        let hex = self.uuid(time, DAY_MS, self.seed("segment", nth, 0)).hex();
        let summary = Summary::of(self.table, &blocks);
        let wanted = statistics && self.spec.flavour == Flavour::V1_2_895;
        let statistics = wanted.then(|| {
            let key = Key::from(format!("{}_hs/{hex}_v0.mpk", self.prefix));
            let body = metadata::segment_statistics(self.table, &blocks);
            let size = length(&body);
            puts.statistics
                .push(put(&key, Class::SegmentStatistics, body));
            (key, size)
        });
        let key = Key::from(format!("{}_sg/{}{hex}_v4.mpk", self.prefix, self.letter()));
        let body = metadata::segment(self.table, &blocks, &summary, statistics.as_ref());
        puts.segments.push(put(&key, Class::Segment, body));
        Arc::new(Segment {
            key,
            statistics,
            blocks,
            summary,
        })
    }

    /// Writes `_ts` for the snapshot before, which the next one and all later ones name. 1.2.895 writes
    /// none, and a table without a snapshot has nothing to describe.
    fn analyze(&mut self) -> Option<Put> {
        let previous = self.previous?;
        if self.spec.flavour != Flavour::V1_2_453 {
            return None;
        }
        let key = Key::from(format!("{}_ts/{}_ts_v2.json", self.prefix, previous.hex()));
        let seed = mix(self.seed("snapshot", 0, 0), 1);
        let body =
            text::table_statistics(previous, self.table.measured(), self.spec.registers, seed);
        self.table_statistics = Some(key.clone());
        Some(put(&key, Class::TableStatistics, body))
    }

    fn snapshot(&self, id: Uuid, time: i64) -> Bytes {
        let mut summary = Summary::default();
        for segment in &self.segments {
            summary.add(&segment.summary);
        }
        let segments: Vec<&Key> = self.segments.iter().map(|segment| &segment.key).collect();
        metadata::snapshot(
            self.table,
            &Snapshot {
                id,
                time,
                sequence: 8 + 4 * self.commits,
                previous: self.previous,
                segments: &segments,
                summary,
                table_statistics: self.table_statistics.as_ref(),
                seed: self.seed("snapshot", 0, 0),
            },
        )
    }

    fn references(&self, snapshot: &Key) -> Vec<Reference> {
        let mut references = vec![
            reference(&self.hint, Class::Hint, None, None),
            reference(snapshot, Class::Snapshot, None, Some(&self.hint)),
        ];
        let statistics = self.table_statistics.iter();
        references.extend(
            statistics.map(|key| reference(key, Class::TableStatistics, None, Some(snapshot))),
        );
        for segment in &self.segments {
            references.push(reference(
                &segment.key,
                Class::Segment,
                None,
                Some(snapshot),
            ));
            let mut below = |(key, size): &(Key, u64), class, stated: bool| {
                let size = stated.then_some(*size);
                references.push(reference(key, class, size, Some(&segment.key)));
            };
            if let Some(statistics) = &segment.statistics {
                below(statistics, Class::SegmentStatistics, true);
            }
            for block in &segment.blocks {
                below(&block.object, Class::Block, true);
                if let Some(bloom) = &block.bloom {
                    below(bloom, Class::BloomIndex, true);
                }
                for inverted in &block.inverted {
                    below(inverted, Class::InvertedIndex, block.inverted.len() == 1);
                }
                if let Some(vector) = &block.vector {
                    below(vector, Class::VectorIndex, true);
                }
            }
        }
        references.sort_by(|one, other| one.key.cmp(&other.key));
        debug_assert!(
            references.is_sorted_by(|one, other| one.key < other.key),
            "a key is referenced twice"
        );
        references
    }

    /// The number from which one object's id and bytes follow. The address is mixed in, so that even a
    /// draw that repeats itself gives different ids.
    fn seed(&self, stream: &str, segment: usize, block: usize) -> u64 {
        let wide = |number: usize| u64::try_from(number).expect("a usize has at most 64 bits");
        let nth = (self.commits << 40) | (wide(segment) << 20) | wide(block);
        let salt = stream
            .bytes()
            .fold(0, |sum, byte| mix(sum, u64::from(byte)));
        mix((self.draw)(stream, nth), mix(salt, nth))
    }

    fn uuid(&self, time: i64, later_ms: i64, seed: u64) -> Uuid {
        match self.spec.flavour {
            Flavour::V1_2_453 => Uuid::random(seed),
            Flavour::V1_2_895 => Uuid::at(time.div_euclid(1000) + later_ms, seed),
        }
    }

    fn letter(&self) -> &'static str {
        match self.spec.flavour {
            Flavour::V1_2_453 => "",
            Flavour::V1_2_895 => "h",
        }
    }
}

fn put(key: &Key, class: Class, body: Bytes) -> Put {
    Put {
        key: key.clone(),
        class,
        body,
    }
}

fn reference(key: &Key, class: Class, size: Option<u64>, parent: Option<&Key>) -> Reference {
    let required = match class {
        Class::Block
        | Class::Segment
        | Class::SegmentStatistics
        | Class::TableStatistics
        | Class::Snapshot
        | Class::Hint => true,
        Class::BloomIndex
        | Class::InvertedIndex
        | Class::VectorIndex
        | Class::SpatialIndex
        | Class::VirtualColumn
        | Class::Object => false,
    };
    Reference {
        key: key.clone(),
        class,
        required,
        size,
        parent: parent.cloned(),
    }
}

fn count(segment: &Segment) -> SegmentCount {
    SegmentCount {
        key: segment.key.clone(),
        blocks: segment.summary.blocks,
        rows: segment.summary.rows,
    }
}

fn length(body: &Bytes) -> u64 {
    u64::try_from(body.len()).expect("a usize has at most 64 bits")
}
