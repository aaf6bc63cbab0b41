//! One run on many machines: which cases are whose, what each writes down, and all of it as one result again.
//!
//! ```text
//!   chaos --seed 7 --cases 1000 --shard 1/4 --out 1.json ─┐
//!   …                                                     ├─ merge ─► what one run of 1000 cases would say
//!   chaos --seed 7 --cases 1000 --shard 4/4 --out 4.json ─┘
//! ```
//!
//! A case's seed is a function of the root seed and of its number. Shard K of N does the numbers that are
//! K − 1 modulo N, so all shards together do exactly the cases of one run, each once, on any machines and in
//! any order.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use firedrill_core::amend::Amend;
use firedrill_sim::draw::fold;
use serde::{Deserialize, Serialize};

use crate::campaign::{self, Attempt, Tally};
use crate::generate;

/// The version of [`ResultDocument`]'s form.
pub const VERSION: u32 = 1;

/// So many cases are run for the fingerprint of a build.
const FINGERPRINT_CASES: u64 = 8;

/// A part of all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    /// Which part, from 1.
    number: u64,
    /// Of so many.
    of: u64,
}

/// Not a shard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no shard: write K/N, for instance 3/8, with K from 1 to N")]
pub struct NotAShard(String);

impl Shard {
    /// All cases.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// The number of this shard's nth case, from 0.
    pub fn case(self, nth: u64) -> u64 {
        nth * self.of + (self.number - 1)
    }

    /// How many of the first `cases` cases are this shard's.
    pub fn share(self, cases: u64) -> u64 {
        (cases + self.of - self.number) / self.of
    }
}

impl FromStr for Shard {
    type Err = NotAShard;

    fn from_str(text: &str) -> Result<Self, NotAShard> {
        let parts = text
            .split_once('/')
            .and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if 1 <= number && number <= of => Ok(Self { number, of }),
            _ => Err(NotAShard(text.to_owned())),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl Serialize for Shard {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Shard {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What a run says of itself: the document behind `--json` and `--out`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResultDocument {
    /// [`VERSION`].
    pub version: u32,
    /// The commit of the program's sources, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The hash of the traces of a few cases of this root: equal for builds that do the same.
    pub fingerprint: String,
    /// The root of all cases.
    pub seed: u64,
    /// Which part of them was done.
    pub shard: Shard,
    /// So many cases were ordered for all shards together; none: for a time.
    pub cases: Option<u64>,
    /// The planted bug that was active.
    pub planted: Option<String>,
    /// Wall-clock time.
    pub seconds: f64,
    /// Threads.
    pub jobs: usize,
    /// Speed.
    pub cases_per_second_per_core: f64,
    /// What was done and found.
    pub tally: Tally,
}

impl ResultDocument {
    /// Whether it did all the cases that were its own.
    pub fn is_whole(&self) -> bool {
        self.cases
            .is_none_or(|cases| self.tally.cases >= self.shard.share(cases))
    }
}

/// What a build does with a root seed, folded into one number: runs a few cases and hashes their traces.
pub fn fingerprint(seed: u64, planted: Option<&'static str>) -> String {
    let hash = (0..FINGERPRINT_CASES).fold(0, |hash, number| {
        let scenario = generate::scenario(campaign::case_seed(seed, number));
        let attempt = campaign::attempt(&scenario, &Amend::new, planted, false);
        match attempt {
            Attempt::Ended(outcome) => fold(hash, outcome.trace.hash()),
            Attempt::Panicked(_) | Attempt::NotSetUp(_) => fold(hash, number),
        }
    });
    format!("{hash:016x}")
}

/// Results that do not make one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("there is no result to merge")]
    Nothing,
    /// They are not parts of one run.
    #[error("shard {shard} does not belong to shard {first}: its {what} is {theirs}, not {ours}")]
    Foreign {
        /// The one that was read first.
        first: Shard,
        /// The other one.
        shard: Shard,
        /// In what they differ.
        what: &'static str,
        /// The first one's.
        ours: String,
        /// The other one's.
        theirs: String,
    },
    /// One part twice.
    #[error("shard {0} is there more than once: its cases would count twice")]
    Doubled(Shard),
}

/// All parts as one.
#[derive(Debug, Clone, PartialEq)]
pub struct Merged {
    /// The result. `seconds` is the time that one machine with all the threads would have taken.
    pub result: ResultDocument,
    /// Shards of which no result was given.
    pub missing: Vec<Shard>,
    /// Shards that ended before they had done all their cases.
    pub unfinished: Vec<Shard>,
}

/// Puts the results of shards together.
///
/// # Errors
/// They are not parts of one run, or one of them is there twice.
pub fn merge(results: Vec<ResultDocument>) -> Result<Merged, MergeError> {
    let first = results.first().ok_or(MergeError::Nothing)?.clone();
    let mut parts = BTreeMap::new();
    for result in results {
        belongs(&first, &result)?;
        let shard = result.shard;
        if parts.insert(shard, result).is_some() {
            return Err(MergeError::Doubled(shard));
        }
    }
    let all = (1..=first.shard.of).map(|number| Shard {
        number,
        of: first.shard.of,
    });
    let missing = all.filter(|shard| !parts.contains_key(shard)).collect();
    let unfinished = parts.values().filter(|part| !part.is_whole());
    let unfinished = unfinished.map(|part| part.shard).collect();
    Ok(Merged {
        result: sum(first, parts.into_values()),
        missing,
        unfinished,
    })
}

fn sum(first: ResultDocument, parts: impl Iterator<Item = ResultDocument>) -> ResultDocument {
    let mut tally = Tally::default();
    let (mut jobs, mut core_seconds) = (0, 0.0);
    for part in parts {
        jobs += part.jobs;
        core_seconds += part.seconds * part.jobs as f64;
        tally.add(part.tally);
    }
    ResultDocument {
        shard: Shard::WHOLE,
        seconds: core_seconds / jobs.max(1) as f64,
        jobs,
        cases_per_second_per_core: tally.cases as f64 / f64::max(core_seconds, 0.001),
        tally,
        ..first
    }
}

/// Whether two results are parts of one run.
fn belongs(first: &ResultDocument, other: &ResultDocument) -> Result<(), MergeError> {
    let known = |commit: &Option<String>| commit.clone().unwrap_or_else(|| "unknown".into());
    let shown = |cases: Option<u64>| cases.map_or("unlimited".into(), |cases| cases.to_string());
    let none = || "none".to_owned();
    let facts = |result: &ResultDocument| {
        [
            ("version", result.version.to_string()),
            ("number of shards", result.shard.of.to_string()),
            ("root seed", result.seed.to_string()),
            ("number of cases", shown(result.cases)),
            ("planted bug", result.planted.clone().unwrap_or_else(none)),
            ("fingerprint", result.fingerprint.clone()),
            ("commit", known(&result.commit)),
        ]
    };
    for ((what, ours), (_, theirs)) in facts(first).into_iter().zip(facts(other)) {
        if ours != theirs {
            return Err(MergeError::Foreign {
                first: first.shard,
                shard: other.shard,
                what,
                ours,
                theirs,
            });
        }
    }
    Ok(())
}
