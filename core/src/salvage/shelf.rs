//! The shelf: every row that was found, and where its bytes are.
//!
//! ```text
//!  rows   | document users/1 | document users/2 | …    each says which run, and where in it
//!             └──────┬─────────────┘
//!  runs            | page 812 | …                       each says which file and where, or has its bytes
//! ```
//!
//! It grows until classes are decided. From then on it is shared by all tasks that write, and they name a row by its
//! number: to write a row costs no copy of what is known of it.

use std::collections::BTreeMap;

use super::extract::Found;
use super::file::File;
use super::library::Run;
use super::record::Kind;

/// Rows and runs.
#[derive(Debug, Default, Clone)]
pub(super) struct Shelf {
    /// With the run of each.
    pub(super) rows: Vec<Found>,
    pub(super) runs: Vec<Run>,
    /// Names of time series as they were given, by the key of their statistics.
    pub(super) series: BTreeMap<Box<[u8]>, String>,
    /// Of the files.
    names: Vec<String>,
}

impl Shelf {
    pub(super) fn new(files: &[File]) -> Self {
        Self {
            names: files.iter().map(|file| file.name.clone()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn row(&self, number: u32) -> &Found {
        &self.rows[number as usize]
    }

    pub(super) fn run_of(&self, row: &Found) -> &Run {
        &self.runs[row.run as usize]
    }

    /// The name of a row's time series as it was given, by the key of one of its segments, which ends with the
    /// separator and eight bytes of time.
    pub(super) fn series_name(&self, row: &Found) -> Option<&str> {
        if row.record.kind != Kind::TimeSeries {
            return None;
        }
        let key = &row.record.key;
        let series = key.get(..key.len().checked_sub(9)?)?;
        self.series.get(series).map(String::as_str)
    }

    /// Where a row's bytes are, as people find them.
    pub(super) fn place_of(&self, row: &Found) -> String {
        match self.run_of(row) {
            Run::Filed { file, ranges, .. } => {
                let name = &self.names[file.0 as usize];
                let start = ranges.first().map_or(0, |range| range.start);
                format!("{name}:{}", start + u64::from(row.bytes.start))
            }
            Run::Redone(_) => "journals".to_owned(),
        }
    }
}
