//! The properties that the drill checks, by id and in one sentence each, and how they are violated.

use std::fmt;

use firedrill_core::object::Key;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A property of the design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "each has its sentence below")]
pub enum Property {
    A1,
    A2,
    A3,
    A4,
    A5,
    A6,
    A7,
    A8,
    A9,
    M1,
    M2,
    M3,
    Finishes,
    Deterministic,
    NoPanic,
}

impl Property {
    /// All of them, in their order.
    pub const ALL: [Self; 15] = [
        Self::A1,
        Self::A2,
        Self::A3,
        Self::A4,
        Self::A5,
        Self::A6,
        Self::A7,
        Self::A8,
        Self::A9,
        Self::M1,
        Self::M2,
        Self::M3,
        Self::Finishes,
        Self::Deterministic,
        Self::NoPanic,
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

    /// The exit status of a drill that found it violated.
    pub fn exit_status(self) -> u8 {
        match self {
            Self::Finishes => 3,
            Self::Deterministic => 4,
            Self::NoPanic => 101,
            _ => 1,
        }
    }

    /// The mock's property of this id.
    pub(crate) fn of_mock(id: &str) -> Self {
        match id {
            "M1" => Self::M1,
            "M2" => Self::M2,
            _ => Self::M3,
        }
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::A1 => (
                "A1",
                "each referenced object with a surviving matching version is current after",
            ),
            Self::A2 => (
                "A2",
                "what is reported intact or restored is what the writer wrote",
            ),
            Self::A3 => (
                "A3",
                "unreferenced keys stay untouched, and no data version is ever deleted",
            ),
            Self::A4 => (
                "A4",
                "complete means complete, and the lost and the unknown are exactly those named",
            ),
            Self::A5 => (
                "A5",
                "a second run writes nothing and finds everything intact",
            ),
            Self::A6 => (
                "A6",
                "a crash at any effect and another run end like one run",
            ),
            Self::A7 => ("A7", "what is intact is not written to"),
            Self::A8 => (
                "A8",
                "an object is published after everything restorable that it references",
            ),
            Self::A9 => ("A9", "a commit made during the amend stays current"),
            Self::M1 => (
                "M1",
                "versions are listed in the order in which they were stored",
            ),
            Self::M2 => ("M2", "the pages of a listing cover each entry once"),
            Self::M3 => (
                "M3",
                "each key holds the versions and markers that its operations left",
            ),
            Self::Finishes => (
                "liveness",
                "a machine ends within its bound of time and effects, and keeps the rules of machines",
            ),
            Self::Deterministic => ("H1", "the same case twice is the same trace"),
            Self::NoPanic => ("panic", "nothing panics"),
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for Property {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

impl<'de> Deserialize<'de> for Property {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let id = String::deserialize(deserializer)?;
        Self::of_id(&id)
            .ok_or_else(|| serde::de::Error::custom(format!("no property is called {id}")))
    }
}

/// One violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// Of what.
    pub property: Property,
    /// Which key shows it, if one does.
    pub key: Option<Key>,
    /// What was expected, and what is.
    pub sentence: String,
}

impl Violation {
    /// A violation that one key shows.
    pub fn at(property: Property, key: &Key, sentence: impl Into<String>) -> Self {
        Self {
            property,
            key: Some(key.clone()),
            sentence: sentence.into(),
        }
    }

    /// A violation of the run as a whole.
    pub fn of_run(property: Property, sentence: impl Into<String>) -> Self {
        Self {
            property,
            key: None,
            sentence: sentence.into(),
        }
    }
}
