//! What a person asks of a salvage.

use std::collections::BTreeSet;

use super::record::Class;

/// What a person asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Tasks under way at once. Each holds a window of some MiB.
    pub window: usize,
    /// What one correction of a bit may cost, in lane steps of `voron::repair`.
    pub repair_budget: u64,
    /// Classes that are written out.
    pub classes: BTreeSet<Class>,
    /// Only look: nothing is written.
    pub dry_run: bool,
    /// Only say what each page is: nothing is searched, mended or read. For data files and headers alone.
    pub verdicts_only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            window: 4,
            repair_budget: REPAIR_BUDGET,
            classes: Class::ALL.into(),
            dry_run: false,
            verdicts_only: false,
        }
    }
}

/// About a second on one core: runs of up to 128 KiB.
pub const REPAIR_BUDGET: u64 = 1 << 31;
