//! The disasters of a plain folder: those of a table, without what only a table's own amend can know.
//!
//! | left out | because |
//! |---|---|
//! | archived and purged versions, suspended versioning | what can come back then is for a report to name |
//! | ETags that are not the MD5 | equal bytes could be known by reading alone |
//! | several things within one second | LastModified then tells no moment from another |
//! | acts while the routine runs | a folder has no commit that could be told from a disaster |

use crate::generate;
use crate::scenario::{Act, AmendOptions, BucketOptions, Scenario, TableSource, Target, When};

/// The scenario of a case: somebody wants a folder back as it was when its writer had last written.
pub fn scenario(case: u64) -> Scenario {
    of_a_folder(generate::scenario(case))
}

/// Whether a scenario is one of a folder: what a routine is made for.
pub fn is_of_a_folder(scenario: &Scenario) -> bool {
    of_a_folder(scenario.clone()) == *scenario
}

fn of_a_folder(mut scenario: Scenario) -> Scenario {
    let commits = match &scenario.table {
        TableSource::Generated(table) => table.commits.len(),
        TableSource::Sample { .. } => 0,
    };
    scenario.beyond = false;
    scenario.mock_operations = 0;
    scenario.bucket = BucketOptions {
        page_size_max: scenario.bucket.page_size_max,
        ..BucketOptions::default()
    };
    scenario.amend = AmendOptions {
        target: Target::AsOf {
            commit: commits.saturating_sub(1),
            plus_ms: 0,
        },
        plain_prefix: true,
        window: scenario.amend.window,
        patience_ms: scenario.amend.patience_ms,
        ..AmendOptions::default()
    };
    scenario.operations.retain(|operation| {
        let is_known = matches!(
            operation.act,
            Act::DeletePrefix { .. }
                | Act::Delete { .. }
                | Act::Overwrite { .. }
                | Act::CopyBack { .. }
                | Act::PutBack { .. }
                | Act::Sibling { .. }
                | Act::Vacuum
                | Act::Ghost
        );
        is_known && operation.when == When::Before
    });
    scenario
}
