//! What a run whose trace is kept remembers for whoever tells it: which lines of the trace changed what, and
//! what was expected of each life.
//!
//! Deliberately not here: anything that decides. Checkers judge without it; reports argue with it.

use firedrill_core::amend::Report;
use firedrill_sim::world::HostId;

use crate::atlas::Atlas;
use crate::property::Violation;

/// Records of the log from this one on, up to the next place's first, belong to one line of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The first of them.
    pub record: usize,
    /// The line; 0 for what was done before any machine started.
    pub seq: u64,
    /// The scenario's operation that did it, by its index; none for a machine and for the table's writer.
    pub operation: Option<usize>,
}

/// One life of the machine, or of two at once.
#[derive(Debug, Clone)]
pub struct Life {
    /// On which hosts.
    pub hosts: Vec<HostId>,
    /// Lines of the trace before it.
    pub began: u64,
    /// Lines of the trace at its end.
    pub ended: u64,
    /// Whether faults and outsiders are over by now.
    pub healed: bool,
    /// Whether it is the second run after one that ended well.
    pub second: bool,
    /// What was expected of it.
    pub atlas: Atlas,
    /// What it said, by host; none where it crashed or did not end.
    pub reports: Vec<Option<Report>>,
    /// What it violated.
    pub violations: Vec<Violation>,
}

/// A run, told. Empty where no trace was kept.
#[derive(Debug, Clone, Default)]
pub struct Chronicle {
    /// Its lives, in order.
    pub lives: Vec<Life>,
    /// Listings that were wrong, with the line of the trace in which each was answered.
    pub wrong_pages: Vec<(u64, Violation)>,
}
