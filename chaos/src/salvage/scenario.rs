//! A scenario: the complete input of one run, as plain data.
//!
//! Invariants: every number is taken modulo what there is, so that each damage is legal on each database; a
//! damage names what it hits by what lies there (`the third page of rows`), not by a page number, so that
//! taking an operation away leaves most damages where they were.

use firedrill_sim::voron::DatabaseSpec;
use serde::{Deserialize, Serialize};

/// A database, what happens to its files, and how the salvage runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Scenario {
    /// What happened to whom, for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub story: String,
    /// How the salvage runs.
    #[serde(default)]
    pub run: Run,
    /// What is hurt, in this order; flipped bits last.
    #[serde(default)]
    pub damages: Vec<Damage>,
    /// The database.
    pub database: DatabaseSpec,
}

/// How the salvage runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Run {
    /// Tasks under way at once.
    pub window: u8,
    /// In which order they end: 0 in the order in which they began, otherwise drawn from this.
    pub order: u64,
    /// The process is killed after so many tasks have ended, and started again with what it kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crash_after: Option<u32>,
    /// What one correction may cost, as a power of two.
    pub repair_budget: u8,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            window: 1,
            order: 0,
            crash_after: None,
            repair_budget: 25,
        }
    }
}

/// What lies on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageClass {
    /// Whatever it is.
    Any,
    /// Small rows.
    Rows,
    /// A part of a large row.
    Run,
    /// A part of a stream.
    Stream,
    /// A tree's leaf, branch or value.
    Tree,
    /// Compression dictionaries.
    Dictionary,
    /// A section's header.
    Section,
    /// Given back.
    Free,
}

/// A page of the data file: the nth of a class, modulo how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// Of which class.
    pub of: PageClass,
    /// Which.
    pub nth: u16,
}

/// One thing that happens to the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "damage")]
pub enum Damage {
    /// disk.bit-flip: one bit.
    BitFlip {
        /// Of which page.
        page: Spot,
        /// Which bit, from the page's start.
        bit: u32,
    },
    /// disk.bit-flip: one bit of the last 64 bytes of a run's value, which no checksum covers.
    EndFlip {
        /// Which of the rows and chunks that have a run in the data file.
        run: u16,
        /// Which bit of those.
        bit: u16,
    },
    /// disk.bit-rot: some bits, at least two.
    BitRot {
        /// Of which page.
        page: Spot,
        /// Where from they are drawn.
        seed: u64,
        /// How many.
        bits: u8,
    },
    /// disk.zero-range: a stretch is zeros.
    ZeroRange {
        /// It begins in this page.
        page: Spot,
        /// At this byte of it.
        from: u16,
        /// And is so long.
        bytes: u32,
    },
    /// disk.scramble-page: a page is noise.
    ScramblePage {
        /// Which.
        page: Spot,
        /// Where from the noise is drawn.
        seed: u64,
    },
    /// disk.torn-page: some sectors of a page are as they were earlier.
    TornPage {
        /// Which.
        page: Spot,
        /// Which sectors, a bit for each of the 16.
        sectors: u16,
        /// How many operations earlier.
        age: u16,
    },
    /// disk.misplaced: two pages have changed places.
    Swapped {
        /// One.
        page: Spot,
        /// The other.
        with: Spot,
    },
    /// disk.misplaced: a page was written over another one, too.
    Misdirected {
        /// The one that was written.
        page: Spot,
        /// The one that is lost.
        over: Spot,
    },
    /// disk.unreadable: reading answers EIO.
    Unreadable {
        /// From this page on.
        page: Spot,
        /// So many pages.
        pages: u8,
    },
    /// disk.truncated: the end of the data file is missing.
    Truncated {
        /// So many bytes of it.
        bytes: u32,
    },
    /// disk.stale-copy: a page is as it was earlier.
    StaleCopy {
        /// Which.
        page: Spot,
        /// How many operations earlier.
        age: u16,
    },
    /// disk.cycle: a chunk of a stream names another one, or itself, as the next, under a true checksum.
    Cycle {
        /// Which, of all that are in the data file.
        chunk: u16,
        /// The one that it names.
        next: u16,
    },
    /// disk.header-zeroed: a header is zeros.
    HeaderZeroed {
        /// The second instead of the first.
        second: bool,
    },
    /// disk.shifted: bytes stand in front of the data file's first.
    Shifted {
        /// How many.
        bytes: u16,
        /// Where from they are drawn; 0: zeros.
        seed: u64,
    },
    /// disk.beheaded: the data file's beginning is missing.
    Beheaded {
        /// So many bytes of it.
        bytes: u32,
    },
    /// journal.all-lost: somebody kept the data file and its headers alone.
    JournalsLost,
    /// A journal is hurt.
    Journal {
        /// The nth of those that are there.
        nth: u8,
        /// How.
        harm: JournalHarm,
    },
}

/// What happens to a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "harm")]
pub enum JournalHarm {
    /// disk.bit-flip: one bit of a transaction.
    BitFlip {
        /// Of the nth.
        transaction: u16,
        /// Which bit, from its header's start.
        bit: u32,
    },
    /// disk.zero-range: a stretch is zeros.
    ZeroRange {
        /// It begins in the nth transaction.
        transaction: u16,
        /// And is so long.
        bytes: u32,
    },
    /// disk.scramble-page: a block of 4 KiB is noise.
    ScrambleBlock {
        /// In the nth transaction.
        transaction: u16,
        /// Where from the noise is drawn.
        seed: u64,
    },
    /// disk.unreadable: reading a block of 4 KiB answers EIO.
    Unreadable {
        /// In the nth transaction.
        transaction: u16,
    },
    /// disk.truncated: it ends inside of the nth transaction.
    Truncated {
        /// Which.
        transaction: u16,
    },
    /// It is not there.
    Lost,
}

impl Damage {
    /// The fault of the catalogue that it is.
    pub fn class(&self) -> &'static str {
        match self {
            Self::BitFlip { .. } | Self::EndFlip { .. } => "disk.bit-flip",
            Self::BitRot { .. } => "disk.bit-rot",
            Self::ZeroRange { .. } => "disk.zero-range",
            Self::ScramblePage { .. } => "disk.scramble-page",
            Self::TornPage { .. } => "disk.torn-page",
            Self::Swapped { .. } | Self::Misdirected { .. } => "disk.misplaced",
            Self::Unreadable { .. } => "disk.unreadable",
            Self::Truncated { .. } => "disk.truncated",
            Self::StaleCopy { .. } => "disk.stale-copy",
            Self::Cycle { .. } => "disk.cycle",
            Self::HeaderZeroed { .. } => "disk.header-zeroed",
            Self::Shifted { .. } => "disk.shifted",
            Self::Beheaded { .. } => "disk.beheaded",
            Self::JournalsLost => "journal.all-lost",
            Self::Journal { harm, .. } => match harm {
                JournalHarm::BitFlip { .. } => "journal.bit-flip",
                JournalHarm::ZeroRange { .. } => "journal.zero-range",
                JournalHarm::ScrambleBlock { .. } => "journal.scramble-block",
                JournalHarm::Unreadable { .. } => "journal.unreadable",
                JournalHarm::Truncated { .. } => "journal.truncated",
                JournalHarm::Lost => "journal.lost",
            },
        }
    }

    /// Whether it is one flipped bit: those come last, so that each is the only difference to what was there.
    pub(crate) fn is_flip(&self) -> bool {
        matches!(
            self,
            Self::BitFlip { .. }
                | Self::EndFlip { .. }
                | Self::Journal {
                    harm: JournalHarm::BitFlip { .. },
                    ..
                }
        )
    }
}

impl Scenario {
    /// As a file.
    ///
    /// # Errors
    /// TOML cannot say it.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }

    /// Out of a file.
    ///
    /// # Errors
    /// It is no scenario.
    pub fn from_toml(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}
