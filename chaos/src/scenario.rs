//! A scenario: the complete input of one case, as plain data that a person can read and write.
//!
//! ```text
//!   table  +  bucket  +  operations (before, or tied to a phase)  +  faults  +  hosts  +  amend
//! ```
//!
//! Invariants:
//! - Nothing here is drawn. `seed` only addresses the draws of the world (how long a request takes, what
//!   garbage looks like).
//! - Keys are named by what they are (`block#3`: the fourth block of the newest commit), not by the ids
//!   that the writer drew, so a scenario can be read, and outlives a change of the writer.

use firedrill_s3_mock::{Effect, Operation as S3Operation, Position};
use serde::{Deserialize, Serialize};

pub use crate::selector::{Kind, Selector};

/// The complete input of one case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Scenario {
    /// What happened to whom.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub story: String,
    /// Addresses the world's draws.
    #[serde(default)]
    pub seed: u64,
    /// More goes wrong than can be borne: until the faults end only lies and damage count.
    #[serde(default, skip_serializing_if = "is_false")]
    pub beyond: bool,
    /// So many random operations on a bucket of its own, whose listings are judged (M1 to M3).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mock_operations: u64,
    /// The bucket.
    #[serde(default)]
    pub bucket: BucketOptions,
    /// What the machine is asked for.
    #[serde(default)]
    pub amend: AmendOptions,
    /// What its hosts suffer.
    #[serde(default)]
    pub hosts: Hosts,
    /// Where the table comes from.
    pub table: TableSource,
    /// What people and programs do to the bucket.
    #[serde(default, rename = "operation", skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Operation>,
    /// What goes wrong with requests.
    #[serde(default, rename = "fault", skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

/// Where a table comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "kebab-case")]
pub enum TableSource {
    /// Written by the simulation's writer.
    Generated(GeneratedTable),
    /// A real one, from the folder of this name among the samples.
    Sample {
        /// `v1.2.453` or `v1.2.895`.
        folder: String,
    },
}

/// A synthetic table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GeneratedTable {
    /// Written as which release writes.
    pub flavour: Flavour,
    /// Metadata compressed as Databend does; slower, and the same to recover.
    #[serde(default, skip_serializing_if = "is_false")]
    pub compressed: bool,
    /// What was committed, in order.
    #[serde(rename = "commit")]
    pub commits: Vec<CommitPlan>,
}

/// Databend's releases, as the writer knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Flavour {
    /// 1.2.453.
    #[serde(rename = "1.2.453")]
    V1_2_453,
    /// 1.2.895.
    #[serde(rename = "1.2.895")]
    V1_2_895,
}

/// One commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum CommitPlan {
    /// New segments in front of the old ones.
    Insert {
        /// The new ones.
        segments: Vec<SegmentPlan>,
    },
    /// Another block in the place of one; without `with` the block is gone.
    RewriteBlock {
        /// Which segment, modulo what is there.
        segment: usize,
        /// Which block of it, likewise.
        block: usize,
        /// The new block.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        with: Option<BlockPlan>,
    },
    /// ANALYZE TABLE.
    Analyze,
    /// OPTIMIZE TABLE … COMPACT.
    Compact {
        /// Blocks of each new segment.
        blocks_per_segment: usize,
    },
    /// INSERT OVERWRITE; without segments TRUNCATE.
    Overwrite {
        /// All that is there afterwards.
        segments: Vec<SegmentPlan>,
    },
}

/// A new segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SegmentPlan {
    /// Whether it has a `_hs` file (1.2.895).
    #[serde(default, skip_serializing_if = "is_false")]
    pub statistics: bool,
    /// Its blocks.
    pub blocks: Vec<BlockPlan>,
}

/// A new block: sizes in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BlockPlan {
    /// Of the block.
    pub size: u64,
    /// Of its bloom index, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bloom: Option<u64>,
    /// Of its inverted index (1.2.895).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inverted: Option<u64>,
    /// Of its vector index (1.2.895).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vector: Option<u64>,
}

/// How the bucket is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct BucketOptions {
    /// So many commits were made before versioning was enabled: their objects are null versions.
    pub commits_before_versioning: u32,
    /// Versioning is never enabled.
    pub never_versioned: bool,
    /// Entries on a page of a listing at most.
    pub page_size_max: u32,
    /// ETags are not the MD5, and a copy gets another one.
    pub foreign_etags: bool,
    /// From one commit or operation to the next, milliseconds; 0 puts everything into one second.
    pub step_ms: u64,
    /// Deleting anything by its version id is denied.
    pub deny_version_delete: bool,
}

/// What the machine is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct AmendOptions {
    /// Which state is to come back.
    pub target: Target,
    /// The ancestors as well.
    pub history: bool,
    /// A plain prefix instead of a fuse table.
    pub plain_prefix: bool,
    /// Only plan.
    pub dry_run: bool,
    /// Requests in flight at most.
    pub window: usize,
    /// How long the runtime waits for an answer, milliseconds.
    pub patience_ms: u64,
}

/// Which state is to come back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The newest commit.
    #[default]
    Current,
    /// As of this commit's own time (its number, from 0), and so many milliseconds later.
    AsOf {
        /// The commit.
        commit: usize,
        /// Later by so much.
        plus_ms: i64,
    },
    /// The snapshot of this commit.
    Snapshot {
        /// The commit.
        commit: usize,
    },
}

/// What the machine's hosts suffer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct Hosts {
    /// The first life ends right after this effect, the second one after that, and so on.
    pub crash_after: Vec<u64>,
    /// Somebody presses Ctrl-C after this effect of the first life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interrupt_after: Option<u64>,
    /// Two machines run at once.
    pub twin: bool,
}

/// One thing that somebody does to the bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Operation {
    /// When.
    #[serde(default, skip_serializing_if = "When::is_before")]
    pub when: When,
    /// What.
    #[serde(flatten)]
    pub act: Act,
}

/// When somebody does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum When {
    /// Before the machine starts.
    #[default]
    Before,
    /// When the machine has its plan, and before its first write is sent.
    AfterPlan,
    /// When so many writes of the machine have been applied.
    AfterWrites(u64),
    /// When so many reads of metadata have been asked for, and before the last of them arrives.
    AfterReads(u64),
    /// While the host is down after its first crash.
    WhileDown,
}

/// What somebody does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Act {
    /// Deletes every key under the prefix; `again` also those that are deleted already.
    DeletePrefix {
        /// Stacks markers.
        #[serde(default, skip_serializing_if = "is_false")]
        again: bool,
    },
    /// Deletes one key.
    Delete {
        /// Which.
        key: Selector,
    },
    /// Writes something else over a key.
    Overwrite {
        /// Which.
        key: Selector,
        /// What.
        with: Garbage,
    },
    /// Deletes versions for good.
    Purge {
        /// Of which key.
        key: Selector,
        /// Which.
        versions: Versions,
    },
    /// Suspends versioning.
    Suspend,
    /// Enables versioning (again).
    Enable,
    /// Copies the right version of a key on top, as somebody would by hand.
    CopyBack {
        /// Which.
        key: Selector,
    },
    /// Uploads the right bytes of a key once more.
    PutBack {
        /// Which.
        key: Selector,
    },
    /// Moves versions to an archive class.
    Archive {
        /// Of which key.
        key: Selector,
        /// Which.
        versions: Versions,
    },
    /// A live writer commits.
    Commit(CommitPlan),
    /// Somebody else's key beside one of the table: its name cut by so many letters, and this behind it.
    Sibling {
        /// Beside which.
        key: Selector,
        /// Letters less.
        #[serde(default)]
        cut: usize,
        /// What is added.
        suffix: String,
        /// How often it is deleted afterwards.
        #[serde(default)]
        deleted: u32,
    },
    /// A vacuum: deletes every key of the table that the newest commit does not reference.
    Vacuum,
    /// Deletes a key that never was: only a marker is there.
    Ghost,
}

/// What is written over a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Garbage {
    /// Noise of the same length.
    SameLength,
    /// Noise that is longer by so many bytes.
    Longer(u64),
    /// The bytes of another object of the same class.
    Sibling,
    /// Its own first half.
    Truncated,
}

/// Which versions of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Versions {
    /// Those with the bytes that belong there.
    Right,
    /// The newest data version.
    Newest,
    /// All data versions and markers.
    All,
}

/// A fault, its key by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// Which operation it strikes.
    pub operation: S3Operation,
    /// On which key; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Selector>,
    /// The first request there that it strikes, 1-based.
    pub nth: u64,
    /// How many in a row; 0: all from then on.
    pub times: u64,
    /// When in the course of the request.
    pub position: Position,
    /// What the sender sees.
    pub effect: Effect,
}

impl Default for BucketOptions {
    fn default() -> Self {
        Self {
            commits_before_versioning: 0,
            never_versioned: false,
            page_size_max: 1000,
            foreign_etags: false,
            step_ms: 1500,
            deny_version_delete: false,
        }
    }
}

impl Default for AmendOptions {
    fn default() -> Self {
        Self {
            target: Target::Current,
            history: false,
            plain_prefix: false,
            dry_run: false,
            window: 16,
            patience_ms: 30_000,
        }
    }
}

impl When {
    fn is_before(&self) -> bool {
        *self == Self::Before
    }

    /// Whether it happens while a machine runs.
    pub fn is_during(self) -> bool {
        matches!(
            self,
            Self::AfterPlan | Self::AfterWrites(_) | Self::AfterReads(_)
        )
    }
}

impl Scenario {
    /// A table that nothing happened to.
    pub fn quiet(table: GeneratedTable) -> Self {
        Self {
            story: String::new(),
            seed: 0,
            beyond: false,
            mock_operations: 0,
            bucket: BucketOptions::default(),
            amend: AmendOptions::default(),
            hosts: Hosts::default(),
            table: TableSource::Generated(table),
            operations: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Reads a scenario file. The notes of a kept case are no part of the scenario.
    ///
    /// # Errors
    /// It is not one.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        let mut table = toml::de::DeTable::parse(text)?;
        // What only a kept case has: what it catches, and what it expects.
        for note in ["catches", "expect"] {
            table.get_mut().remove(note);
        }
        Self::deserialize(toml::de::Deserializer::from(table)).map_err(|mut error| {
            // So that it names the line.
            error.set_input(Some(text));
            error
        })
    }

    /// Writes a scenario file.
    ///
    /// # Errors
    /// None for any scenario that was read or generated; the format's own are handed on.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[allow(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde asks for"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Act {
    /// Its name in scenario files.
    pub fn name(&self) -> &'static str {
        match self {
            Self::DeletePrefix { again: false } => "delete-prefix",
            Self::DeletePrefix { again: true } => "delete-twice",
            Self::Delete { .. } => "delete",
            Self::Overwrite { .. } => "overwrite",
            Self::Purge { .. } => "purge",
            Self::Suspend => "suspend",
            Self::Enable => "enable",
            Self::CopyBack { .. } => "copy-back",
            Self::PutBack { .. } => "put-back",
            Self::Archive { .. } => "archive",
            Self::Commit(_) => "commit",
            Self::Sibling { .. } => "sibling",
            Self::Vacuum => "vacuum",
            Self::Ghost => "ghost",
        }
    }
}

impl Fault {
    /// Its row in the catalogue.
    pub fn class(&self) -> &'static str {
        match (self.effect, self.position) {
            (Effect::Slow { .. }, _) => "s3.slow",
            (Effect::Denied, _) => "s3.denied",
            (Effect::Reset { .. }, Position::During) => "s3.reset-body",
            (_, Position::After) => "s3.ack-lost",
            (Effect::Unavailable | Effect::InternalError, _) => "s3.unavailable",
            (Effect::Timeout | Effect::Reset { .. }, _) => "s3.lost-request",
        }
    }
}
