//! The properties of salvage, by id and in one sentence each, and how they are violated.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A property of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[allow(missing_docs, reason = "each has its sentence below")]
pub enum Property {
    S1,
    S2,
    S3,
    S4,
    S5,
    S6,
    S7,
    S8,
    S9,
    S10,
}

impl Property {
    /// All of them, in their order.
    pub const ALL: [Self; 10] = [
        Self::S1,
        Self::S2,
        Self::S3,
        Self::S4,
        Self::S5,
        Self::S6,
        Self::S7,
        Self::S8,
        Self::S9,
        Self::S10,
    ];

    /// Its id.
    pub fn id(self) -> &'static str {
        self.row().0
    }

    /// The one with this id.
    pub fn of_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|property| property.id() == id)
    }

    /// Itself, in one sentence.
    pub fn sentence(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::S1 => (
                "S1",
                "what is told, and is no suspect, is what was written, but for bytes that are marked unhashed",
            ),
            Self::S2 => (
                "S2",
                "every record whose bytes are whole, or can be corrected, is told",
            ),
            Self::S3 => (
                "S3",
                "every byte of every file is accounted for once, as what it is",
            ),
            Self::S4 => (
                "S4",
                "nothing panics, every run ends, and no page is read more than a constant number of times",
            ),
            Self::S5 => ("S5", "damage costs no record that it does not touch"),
            Self::S6 => (
                "S6",
                "the outcome does not depend on the order in which tasks end",
            ),
            Self::S7 => (
                "S7",
                "live is what the server would show, and older, deleted and stale records are told as such, each once",
            ),
            Self::S8 => ("S8", "nothing but the output is written"),
            Self::S9 => (
                "S9",
                "one flipped bit under a checksum is taken back and said so, and nothing else is corrected",
            ),
            Self::S10 => ("S10", "a crash at any effect and a resume end like one run"),
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Of what.
    pub property: Property,
    /// The record that shows it, by its place in the writer's list, if one does.
    pub record: Option<usize>,
    /// What was expected, and what is.
    pub sentence: String,
}

impl Violation {
    /// A violation that one record shows.
    pub fn at(property: Property, record: usize, sentence: impl Into<String>) -> Self {
        Self {
            property,
            record: Some(record),
            sentence: sentence.into(),
        }
    }

    /// A violation of the run as a whole.
    pub fn of_run(property: Property, sentence: impl Into<String>) -> Self {
        Self {
            property,
            record: None,
            sentence: sentence.into(),
        }
    }
}
