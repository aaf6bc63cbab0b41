//! Faults as data: which request they strike, at which position, and what its sender sees.
//!
//! A fault's address is (operation, key, nth on it), never the nth request of all: two clients that send
//! different numbers of requests meet the same faults. What a fault does is performed by whoever serves the
//! bucket, the HTTP face or a simulation; here is only when.

use serde::{Deserialize, Serialize};

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fault {
    /// Which operation it strikes.
    pub operation: Operation,
    /// Only requests for exactly this key (of a listing: its prefix); none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The first request that it strikes, 1-based among those of the operation and key.
    #[serde(default = "first")]
    pub nth: u64,
    /// How many requests in a row it strikes; none: all from then on (`"for-ever"` in TOML).
    #[serde(default = "once", with = "times")]
    pub times: Option<u64>,
    /// When in the course of the request.
    #[serde(default)]
    pub position: Position,
    /// What the sender sees.
    pub effect: Effect,
}

/// The operations that a fault can strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "S3's own names")]
pub enum Operation {
    GetBucketVersioning,
    ListObjectVersions,
    #[serde(rename = "list-objects-v2")]
    ListObjectsV2,
    GetObject,
    HeadObject,
    PutObject,
    CopyObject,
    DeleteObject,
    DeleteObjects,
    /// Each deletion that names a version id, in `DELETE ?versionId` and inside DeleteObjects, addressed by
    /// its own key: this is what a policy or MFA delete refuses.
    DeleteObjectVersion,
}

/// When in the course of the request.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// Never applied.
    #[default]
    Before,
    /// While the answer's body is sent.
    During,
    /// Applied; then the answer is lost or wrong.
    After,
}

/// What the sender sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// 503 SlowDown.
    Unavailable,
    /// 500 InternalError.
    InternalError,
    /// 403 AccessDenied.
    Denied,
    /// No answer, ever.
    Timeout,
    /// The connection breaks.
    #[serde(rename_all = "kebab-case")]
    Reset {
        /// After so many bytes of the body.
        after_bytes: u64,
    },
    /// The right answer, late.
    #[serde(rename_all = "kebab-case")]
    Slow {
        /// By how much.
        delay_ms: u64,
    },
}

/// A file of faults: `[[fault]]` tables.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultFile {
    /// In the order of the file.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
}

/// Faults, and how often each one's address was met and struck.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultPlan {
    armed: Vec<Armed>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Armed {
    fault: Fault,
    met: u64,
    fired: u64,
}

impl FaultPlan {
    /// A plan of these faults.
    pub fn new(faults: Vec<Fault>) -> Self {
        let arm = |fault| Armed {
            fault,
            met: 0,
            fired: 0,
        };
        Self {
            armed: faults.into_iter().map(arm).collect(),
        }
    }

    /// Counts one request and answers the fault that strikes it, if any. Every fault counts every request of
    /// its address; where several would strike one request, the first in the plan does.
    pub fn strike(&mut self, operation: Operation, key: Option<&str>) -> Option<Fault> {
        let mut struck = None;
        for armed in &mut self.armed {
            if !armed.fault.is_at(operation, key) {
                continue;
            }
            armed.met += 1;
            if struck.is_none() && armed.fault.is_due(armed.met) {
                armed.fired += 1;
                struck = Some(armed.fault.clone());
            }
        }
        struck
    }

    /// How many requests each fault has struck, in the plan's order.
    pub fn fired(&self) -> Vec<u64> {
        self.armed.iter().map(|armed| armed.fired).collect()
    }
}

impl Fault {
    /// Whether a request of this address is one that it counts.
    pub fn is_at(&self, operation: Operation, key: Option<&str>) -> bool {
        self.operation == operation && (self.key.is_none() || self.key.as_deref() == key)
    }

    fn is_due(&self, met: u64) -> bool {
        let behind_first = met.checked_sub(self.nth);
        behind_first.is_some_and(|behind| self.times.is_none_or(|times| behind < times))
    }
}

fn first() -> u64 {
    1
}

#[allow(clippy::unnecessary_wraps, reason = "the default of an optional field")]
fn once() -> Option<u64> {
    Some(1)
}

/// A number, or `"for-ever"`: TOML has no null.
mod times {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Times {
        Count(u64),
        Word(Word),
    }

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        ForEver,
    }

    #[allow(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(super) fn serialize<S: Serializer>(
        times: &Option<u64>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match times {
            Some(count) => Times::Count(*count).serialize(serializer),
            None => Times::Word(Word::ForEver).serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<u64>, D::Error> {
        Ok(match Times::deserialize(deserializer)? {
            Times::Count(count) => Some(count),
            Times::Word(Word::ForEver) => None,
        })
    }
}
