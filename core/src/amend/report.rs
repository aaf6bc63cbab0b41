//! What an amend found, decided and did: each referenced object exactly once.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::object::{Key, Operation, VersionId, WallTime};

/// How an amend ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing required is lost or unknown. Of a dry run: nothing would be.
    Complete,
    /// It went to its end, and something required is lost or unknown.
    Partial,
    /// It did not start to change anything, and says why.
    Refused,
    /// It was told to stop; what is done stays, and the next run goes on from there.
    Interrupted,
}

/// The answer of [`super::Amend`], and the document behind `--json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How it ended.
    pub state: State,
    /// Whether the bucket was to be changed (`false`: a dry run).
    pub applied: bool,
    /// What was examined.
    pub prefix: Key,
    /// Why nothing was done and what to do next, in one or two sentences, when `state` is `refused`.
    pub refusal: Option<String>,
    /// Which commit was chosen, and how; none for a plain prefix and for a refusal.
    pub commit: Option<Commit>,
    /// How many objects got which decision.
    pub counts: BTreeMap<&'static str, u64>,
    /// Requests by S3 operation: those sent, of a dry run also those that an apply would add.
    pub requests: BTreeMap<Operation, u64>,
    /// What it cost, or would cost.
    pub cost: Cost,
    /// Every referenced object, once, in key order.
    pub objects: Vec<ObjectReport>,
    /// What could not be looked into, because the object that names it is lost or unknown.
    pub below_lost: Vec<BelowLost>,
    /// What a person should know besides, one sentence each.
    pub notes: Vec<String>,
}

impl Report {
    /// The exit status that a command ends with: 0 complete, 1 something required is lost, 3 refused or
    /// something required is unknown, 130 interrupted.
    pub fn exit_status(&self) -> u8 {
        let required_lost = self
            .objects
            .iter()
            .any(|object| object.required && matches!(object.decision, Decision::Lost));
        match self.state {
            State::Complete => 0,
            State::Partial if required_lost => 1,
            State::Partial | State::Refused => 3,
            State::Interrupted => 130,
        }
    }
}

/// The commit whose objects are to come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Commit {
    /// Its snapshot.
    pub snapshot: Key,
    /// The snapshot's own time; none while the snapshot cannot be read.
    pub timestamp: Option<WallTime>,
    /// The version of the hint that names it; none if no version does.
    pub hint_version: Option<VersionId>,
    /// How it was chosen.
    pub chosen_by: Chosen,
    /// Other snapshots that were as good a choice.
    pub alternatives: Vec<Key>,
}

/// How a commit was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// The newest version of the hint that reads as one.
    Hint,
    /// The caller's moment.
    AsOf,
    /// The caller's snapshot.
    Snapshot,
    /// No version of the hint survives: the newest snapshot that no other one calls its predecessor.
    NewestSnapshot,
}

/// What an object is to its table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Rows.
    Block,
    /// A block's bloom filters (and ngram indexes).
    BloomIndex,
    /// A block's inverted index.
    InvertedIndex,
    /// A block's vector index.
    VectorIndex,
    /// A block's spatial index.
    SpatialIndex,
    /// A block's virtual columns.
    VirtualColumn,
    /// Statistics of a segment's blocks (`_hs`).
    SegmentStatistics,
    /// Statistics of the table (`_ts`).
    TableStatistics,
    /// A list of blocks.
    Segment,
    /// A list of segments: one commit.
    Snapshot,
    /// Names the current snapshot.
    Hint,
    /// A key of a plain prefix.
    Object,
}

impl Class {
    /// Whether the table's rows cannot be read or changed without it (measured on Databend 1.2.453 and
    /// 1.2.895: snapshot, segments, blocks, hint, table and segment statistics).
    pub fn is_required(self) -> bool {
        !matches!(
            self,
            Self::BloomIndex
                | Self::InvertedIndex
                | Self::VectorIndex
                | Self::SpatialIndex
                | Self::VirtualColumn
        )
    }
}

/// One referenced object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectReport {
    /// Where it is.
    pub key: Key,
    /// What it is.
    pub class: Class,
    /// Whether the rows cannot be read or changed without it.
    pub required: bool,
    /// What was decided.
    #[serde(flatten)]
    pub decision: Decision,
    /// Whether the decision is in force: true for what was intact and for what was restored and seen to be
    /// current; false in a dry run, after an interrupt, and for what is lost or unknown.
    pub done: bool,
    /// How far its content was checked.
    pub verified: Verified,
    /// Why it is lost or unknown, and what to do; or what is worth knowing about it.
    pub reason: Option<String>,
}

/// What is to be done about one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "decision", rename_all = "kebab-case")]
pub enum Decision {
    /// The right bytes are current.
    Intact,
    /// The right bytes lie under these delete markers, oldest first.
    RemoveMarkers {
        /// Ids of the markers, oldest first.
        markers: Vec<VersionId>,
    },
    /// The right bytes are in this older version, which is to be copied on top.
    CopyVersion {
        /// Id of the version.
        version: VersionId,
        /// Bytes.
        size: u64,
    },
    /// No version holds the right bytes.
    Lost,
    /// It could not be told, or cannot be restored as things stand.
    Unknown,
}

impl Decision {
    /// Its name in reports and counts.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Intact => "intact",
            Self::RemoveMarkers { .. } => "remove-markers",
            Self::CopyVersion { .. } => "copy-version",
            Self::Lost => "lost",
            Self::Unknown => "unknown",
        }
    }
}

/// How far an object's content was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// It was read, and is what its reference names.
    Content,
    /// Only the listing was seen: a version of the right size.
    Unverified,
}

/// Part of the table that is out of sight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BelowLost {
    /// The lost or unknown segment or snapshot.
    pub key: Key,
    /// How many blocks hang below it, where a surviving summary tells; shared by all segments of a
    /// snapshot that are out of sight, when there are several.
    pub blocks: Option<u64>,
    /// How many rows hang below it, likewise.
    pub rows: Option<u64>,
}

/// What an amend cost, or would cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Cost {
    /// Bytes downloaded.
    pub bytes_read: u64,
    /// Bytes copied inside the bucket, or that would be.
    pub bytes_copied: u64,
}
