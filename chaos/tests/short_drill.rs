//! A short drill on two threads, always the same: what everyone runs who runs the tests, and what mutants of
//! core have to survive.
//!
//! It stops at the first case that fails, so that a mutant which breaks much costs little.

use firedrill_chaos::campaign::{self, Control, Orders};
use firedrill_core::amend::Amend;

const ROOT_SEED: u64 = 2026;
const CASES: u64 = 2000;
const JOBS: usize = 2;

#[test]
fn a_short_drill_finds_nothing() {
    let orders = Orders {
        seed: ROOT_SEED,
        cases: Some(CASES),
        jobs: JOBS,
        planted: None,
        until: &[],
        failures_max: 1,
    };
    let tally = campaign::run(orders, &Amend::new, &Control::default());
    if let Some(failure) = tally.failures.first() {
        panic!("case {:#018x}: {:#?}", failure.case, failure.violations);
    }
    assert_eq!(tally.cases, CASES);
}
