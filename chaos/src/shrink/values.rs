//! What is simpler than what: one simplest value for each field of a scenario.
//!
//! Invariants:
//! - Every edit goes one way only, so no sequence of them comes back to where it was.
//! - Nothing here leads out of what the generator could have drawn: the atlas is sound for that, and a
//!   scenario beyond it might be judged wrongly. So `beyond` stays what it is, and a segment keeps a block.

use firedrill_s3_mock::Effect;

use crate::scenario::{
    Act, AmendOptions, BlockPlan, BucketOptions, CommitPlan, Fault, Flavour, Garbage, Operation,
    Scenario, SegmentPlan, Selector, TableSource, Target, Versions, When,
};

/// The smallest object that the generator writes, bytes.
const SIZE_LEAST: u64 = 8;

/// A setting of the whole scenario: what it is called while it is not at its simplest, and how it gets there.
pub(super) type Knob = (&'static str, fn(&mut Scenario));

/// Every setting. Numbers are also lowered one by one, see [`numbers`].
pub(super) const KNOBS: [Knob; 16] = [
    ("the random operations on a bucket of its own", |scenario| {
        scenario.mock_operations = 0;
    }),
    ("the commits before versioning", |scenario| {
        scenario.bucket.commits_before_versioning = 0;
    }),
    ("the bucket being never versioned", |scenario| {
        scenario.bucket.never_versioned = false;
    }),
    ("the small pages of the listing", |scenario| {
        scenario.bucket.page_size_max = BucketOptions::default().page_size_max;
    }),
    ("ETags that are not the MD5", |scenario| {
        scenario.bucket.foreign_etags = false;
    }),
    ("so little time between the operations", |scenario| {
        scenario.bucket.step_ms = BucketOptions::default().step_ms;
    }),
    ("the denial of every deletion of a version", |scenario| {
        scenario.bucket.deny_version_delete = false;
    }),
    ("another target than the newest commit", |scenario| {
        scenario.amend.target = Target::Current;
    }),
    ("the wish for the ancestors", |scenario| {
        scenario.amend.history = false;
    }),
    ("the plain prefix", |scenario| {
        scenario.amend.plain_prefix = false;
    }),
    ("the dry run", |scenario| scenario.amend.dry_run = false),
    ("several requests in flight", |scenario| {
        scenario.amend.window = 1;
    }),
    ("the short patience with answers", |scenario| {
        scenario.amend.patience_ms = AmendOptions::default().patience_ms;
    }),
    ("the seed of the world's delays", |scenario| {
        scenario.seed = 0;
    }),
    ("compressed metadata", |scenario| {
        if let TableSource::Generated(table) = &mut scenario.table {
            table.compressed = false;
        }
    }),
    ("the older release's format", |scenario| {
        if let TableSource::Generated(table) = &mut scenario.table {
            table.flavour = Flavour::V1_2_895;
        }
    }),
];

/// What can be simpler about a fault, besides its numbers.
pub(super) const OF_A_FAULT: [fn(&mut Fault); 1] = [|fault| {
    // For ever is more than once.
    if fault.times == 0 {
        fault.times = 1;
    }
}];

/// What can be simpler about an operation, besides its numbers.
pub(super) const OF_AN_OPERATION: [fn(&mut Operation); 4] = [
    |operation| operation.when = When::Before,
    |operation| {
        if operation.when != When::Before {
            operation.when = When::AfterPlan;
        }
    },
    |operation| match &mut operation.act {
        Act::DeletePrefix { again } => *again = false,
        Act::Overwrite { with, .. } => *with = Garbage::SameLength,
        Act::Purge { versions, .. } | Act::Archive { versions, .. } => *versions = Versions::Right,
        _ => {}
    },
    |operation| {
        if let Act::Overwrite { with, .. } = &mut operation.act
            && !matches!(with, Garbage::SameLength)
        {
            *with = Garbage::Longer(1);
        }
    },
];

/// What can be simpler about a commit, besides its numbers.
pub(super) const OF_A_COMMIT: [fn(&mut CommitPlan); 3] = [
    |plan| {
        let block = BlockPlan {
            size: SIZE_LEAST,
            bloom: None,
            inverted: None,
            vector: None,
        };
        let segment = SegmentPlan {
            statistics: false,
            blocks: vec![block],
        };
        // What writes nothing is simpler still.
        let empty = matches!(plan, CommitPlan::Insert { segments } if segments.is_empty());
        if !empty {
            *plan = CommitPlan::Insert {
                segments: vec![segment],
            };
        }
    },
    |plan| {
        for segment in segments(plan) {
            segment.statistics = false;
        }
    },
    |plan| {
        for block in blocks(plan) {
            (block.bloom, block.inverted, block.vector) = (None, None, None);
        }
    },
];

fn segments(plan: &mut CommitPlan) -> &mut [SegmentPlan] {
    match plan {
        CommitPlan::Insert { segments } | CommitPlan::Overwrite { segments } => segments,
        _ => &mut [],
    }
}

fn blocks(plan: &mut CommitPlan) -> Vec<&mut BlockPlan> {
    match plan {
        CommitPlan::RewriteBlock { with, .. } => with.iter_mut().collect(),
        plan => {
            let segments = segments(plan).iter_mut();
            segments.flat_map(|segment| &mut segment.blocks).collect()
        }
    }
}

/// A number in a scenario, and the least that it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number {
    pub(super) now: u64,
    pub(super) least: u64,
}

/// Every number, in the order in which [`set_number`] counts them.
pub(super) fn numbers(scenario: &mut Scenario) -> Vec<Number> {
    let mut found = Vec::new();
    visit(scenario, &mut |least, now| {
        found.push(Number { now, least });
        now
    });
    found
}

/// Puts something in the place of the nth number.
pub(super) fn set_number(scenario: &mut Scenario, nth: usize, to: u64) {
    let mut at = 0;
    visit(scenario, &mut |_, now| {
        at += 1;
        if at == nth + 1 { to } else { now }
    });
}

/// Gets a number's least value and its present one, and answers its new one.
type Visit<'a> = dyn FnMut(u64, u64) -> u64 + 'a;

fn visit(scenario: &mut Scenario, at: &mut Visit<'_>) {
    scenario.mock_operations = at(0, scenario.mock_operations);
    let before = &mut scenario.bucket.commits_before_versioning;
    *before = at(0, u64::from(*before)) as u32;
    // The usual step is the simplest; one that must be shorter is simplest where there is none.
    if scenario.bucket.step_ms < BucketOptions::default().step_ms {
        scenario.bucket.step_ms = at(0, scenario.bucket.step_ms);
    }
    scenario.amend.window = at(1, scenario.amend.window as u64) as usize;
    if let Target::AsOf { commit, .. } | Target::Snapshot { commit } = &mut scenario.amend.target {
        *commit = at(0, *commit as u64) as usize;
    }
    if let Target::AsOf { plus_ms, .. } = &mut scenario.amend.target
        && *plus_ms >= 0
    {
        *plus_ms = at(0, *plus_ms as u64) as i64;
    }
    let hosts = &mut scenario.hosts;
    for after in hosts
        .crash_after
        .iter_mut()
        .chain(&mut hosts.interrupt_after)
    {
        *after = at(1, *after);
    }
    if let TableSource::Generated(table) = &mut scenario.table {
        for plan in &mut table.commits {
            visit_commit(plan, at);
        }
    }
    for operation in &mut scenario.operations {
        if let When::AfterWrites(count) | When::AfterReads(count) = &mut operation.when {
            *count = at(1, *count);
        }
        visit_act(&mut operation.act, at);
    }
    for fault in &mut scenario.faults {
        visit_fault(fault, at);
    }
}

fn visit_commit(plan: &mut CommitPlan, at: &mut Visit<'_>) {
    match plan {
        CommitPlan::RewriteBlock { segment, block, .. } => {
            *segment = at(0, *segment as u64) as usize;
            *block = at(0, *block as u64) as usize;
        }
        CommitPlan::Compact { blocks_per_segment } => {
            *blocks_per_segment = at(1, *blocks_per_segment as u64) as usize;
        }
        _ => {}
    }
    for block in blocks(plan) {
        let indexes = [&mut block.bloom, &mut block.inverted, &mut block.vector];
        let indexes = indexes.into_iter().flatten();
        for size in std::iter::once(&mut block.size).chain(indexes) {
            *size = at(SIZE_LEAST, *size);
        }
    }
}

fn visit_act(act: &mut Act, at: &mut Visit<'_>) {
    match act {
        Act::Commit(plan) => visit_commit(plan, at),
        Act::Delete { key }
        | Act::Purge { key, .. }
        | Act::CopyBack { key }
        | Act::PutBack { key }
        | Act::Archive { key, .. } => visit_key(key, at),
        Act::Overwrite { key, with } => {
            visit_key(key, at);
            if let Garbage::Longer(by) = with {
                *by = at(1, *by);
            }
        }
        Act::Sibling {
            key, cut, deleted, ..
        } => {
            visit_key(key, at);
            *cut = at(0, *cut as u64) as usize;
            *deleted = at(0, u64::from(*deleted)) as u32;
        }
        Act::DeletePrefix { .. } | Act::Suspend | Act::Enable | Act::Vacuum | Act::Ghost => {}
    }
}

fn visit_key(key: &mut Selector, at: &mut Visit<'_>) {
    key.number = at(0, u64::from(key.number)) as u32;
}

fn visit_fault(fault: &mut Fault, at: &mut Visit<'_>) {
    if let Some(key) = &mut fault.key {
        visit_key(key, at);
    }
    fault.nth = at(1, fault.nth);
    // 0 stands for all of them, and has an edit of its own.
    if fault.times > 0 {
        fault.times = at(1, fault.times);
    }
    match &mut fault.effect {
        Effect::Reset { after_bytes } => *after_bytes = at(0, *after_bytes),
        Effect::Slow { delay_ms } => *delay_ms = at(1000, *delay_ms),
        _ => {}
    }
}
