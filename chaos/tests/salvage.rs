//! The drill of salvage: clean without a planted bug, and each planted bug is caught by its property.

use firedrill_chaos::salvage::campaign::{self, Control, Orders, Tally};
use firedrill_chaos::salvage::property::Property;

fn campaign(planted: Option<&'static str>, until: &'static [Property], cases: u64) -> Tally {
    let orders = Orders {
        seed: 20_261_122,
        cases: Some(cases),
        jobs: 2,
        planted,
        until,
        failures_max: 8,
    };
    campaign::run(orders, &Control::default())
}

#[test]
fn without_a_planted_bug_nothing_is_violated() {
    let tally = campaign(None, &[], 2000);
    let found: Vec<_> = tally
        .failures
        .iter()
        .map(|failure| (format!("{:#018x}", failure.case), &failure.violations))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
    assert_eq!(tally.cases, 2000);
    println!("{tally:#?}");
}
