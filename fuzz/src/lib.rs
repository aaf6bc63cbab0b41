//! Fuzzing of what reads broken databases: would any bytes make it panic, take memory without bound, or lie?
//!
//! ```text
//!  writer (sim) ──examples/seeds──► corpus/TARGET ──libFuzzer mutates──► fuzz_targets/TARGET ──► its promises hold
//!                                        ▲                                      │
//!                                        └────────── what reaches new code ─────┘
//! ```
//!
//! | target | its input | what reads it |
//! |---|---|---|
//! | `page` | a page, or a run with what lies behind it | verdict, repair, entries, leaves, runs, dictionaries |
//! | `blittable` | a document | validation, JSON |
//! | `table_value` | a row | the reader of every table; exports; segments; compressed values |
//! | `stream` | runs, each behind its length | chains of chunks, tags |
//! | `journal` | a journal | transactions, payloads, page lists, repairs, redoing |
//! | `salvage` | a header, a data file and a journal | the whole machine |
//!
//! `cargo xtask fuzz` runs them. Where most mutations would end at a checksum, the input's first byte says whether
//! checksums are made true before it is read ([`seal`]); what a target may take of memory is an argument of
//! [`memory::within`].

pub mod memory;
pub mod seal;

/// The first byte, which says how the others are to be read, and the others.
pub fn choices(input: &[u8]) -> (Choices, &[u8]) {
    match input.split_first() {
        Some((first, rest)) => (Choices(*first), rest),
        None => (Choices(0), input),
    }
}

/// How an input is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choices(u8);

impl Choices {
    /// What seeds begin with: checksums are made true.
    pub const SEALED: u8 = 1;

    /// Checksums and hashes are made true before anything is read.
    pub fn is_sealed(self) -> bool {
        self.0 & Self::SEALED != 0
    }

    /// What is slow is done as well.
    pub fn is_thorough(self) -> bool {
        self.0 & 2 != 0
    }
}

/// Whether these bytes are one JSON value, by another crate's reading.
pub fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}
