//! What the caller asks of an amend.

use serde::{Deserialize, Serialize};

use crate::object::{Key, WallTime};

/// How the objects under the prefix belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A Databend fuse table: `<root>/<db_id>/<table_id>/`.
    #[default]
    Fuse,
    /// No structure: every key under the prefix stands for itself.
    Prefix,
}

/// Which state of the table is to come back.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The newest commit.
    #[default]
    Current,
    /// The newest commit that was made at or before this moment.
    AsOf(WallTime),
    /// The commit of this snapshot: its location as the metadata writes it, or its full key.
    Snapshot(String),
}

/// The input of one amend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Key prefix of the table, ending in a slash, without a leading one.
    pub prefix: Key,
    /// How the prefix is read.
    pub layout: Layout,
    /// Which state is to come back.
    pub target: Target,
    /// Also everything that the chosen commit's ancestors reference.
    pub history: bool,
    /// Change the bucket; without it only plan.
    pub apply: bool,
    /// Requests in flight at most (at least 1).
    pub window: usize,
}

impl Options {
    /// A dry run over the newest commit of the fuse table under `prefix`.
    pub fn new(prefix: impl Into<Key>) -> Self {
        Self {
            prefix: prefix.into(),
            layout: Layout::Fuse,
            target: Target::Current,
            history: false,
            apply: false,
            window: 16,
        }
    }
}
