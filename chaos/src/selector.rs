//! Names a key by what it is: `block#3`, `hint#0`, `any#17`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A key by kind and number; the number counts modulo what is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selector {
    /// Among which keys.
    pub kind: Kind,
    /// Which of them, from 0.
    pub number: u32,
}

/// What a selector chooses among.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Blocks of the newest commit.
    Block,
    /// Its indexes of all sorts.
    Index,
    /// Its segments.
    Segment,
    /// Its snapshot.
    Snapshot,
    /// Its `_hs` and `_ts`.
    Statistics,
    /// The hint.
    Hint,
    /// Everything that it references.
    Any,
    /// What only older commits reference.
    Old,
    /// The table's whole prefix (of a listing).
    Prefix,
}

const NAMES: [(Kind, &str); 9] = [
    (Kind::Block, "block"),
    (Kind::Index, "index"),
    (Kind::Segment, "segment"),
    (Kind::Snapshot, "snapshot"),
    (Kind::Statistics, "statistics"),
    (Kind::Hint, "hint"),
    (Kind::Any, "any"),
    (Kind::Old, "old"),
    (Kind::Prefix, "prefix"),
];

/// A text that is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a selector: {0:?}; one reads like block#3, with block, index, segment, snapshot, statistics, hint, any, old or prefix"
)]
pub struct NotASelector(String);

impl Selector {
    /// The key of this kind with this number.
    pub const fn new(kind: Kind, number: u32) -> Self {
        Self { kind, number }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(kind, _)| *kind == self.kind);
        let (_, name) = name.expect("every kind has a name");
        write!(f, "{name}#{}", self.number)
    }
}

impl FromStr for Selector {
    type Err = NotASelector;

    fn from_str(text: &str) -> Result<Self, NotASelector> {
        let wrong = || NotASelector(text.to_owned());
        let (name, number) = text.split_once('#').ok_or_else(wrong)?;
        let kind = NAMES.iter().find(|(_, known)| *known == name);
        let (kind, _) = kind.ok_or_else(wrong)?;
        Ok(Self {
            kind: *kind,
            number: number.parse().map_err(|_| wrong())?,
        })
    }
}

impl TryFrom<String> for Selector {
    type Error = NotASelector;

    fn try_from(text: String) -> Result<Self, NotASelector> {
        text.parse()
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.to_string()
    }
}
