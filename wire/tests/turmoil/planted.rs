//! Planted bugs are noticed with an S3 client and a server in between.

use std::collections::BTreeSet;

use firedrill_chaos::campaign::PLANTED;
use firedrill_chaos::property::Property;
use firedrill_core::amend::Amend;
use firedrill_s3_mock::Effect;
use firedrill_wire::tier::Tier;

use crate::{kept, kept_case, violated};

/// Bugs that a kept case of the pure drill catches, and the wire need not: what the case depends on is drawn
/// otherwise there (whether a client can tell that a body was cut), or is a matter of milliseconds.
const DRAWN_OTHERWISE: [&str; 2] = ["AM-18", "AM-19"];

#[test]
fn what_the_pure_drill_catches_in_kept_cases_is_caught() {
    let mut bugs = BTreeSet::new();
    for (name, case) in kept() {
        for (id, catchers) in PLANTED {
            let kept_for = case.catches.iter().any(|caught| caught == id);
            if !kept_for || DRAWN_OTHERWISE.contains(&id) {
                continue;
            }
            let here = violated(&case.scenario, Some(id));
            let there = Tier::Des.run(&case.scenario, &Amend::new, Some(id), false);
            let there = there.map_or_else(|found| found, |outcome| outcome.violations);
            for found in there {
                let catches = catchers.contains(&found.property);
                assert!(
                    !catches || here.contains(&found.property),
                    "{id} escaped {name}: {here:?} and not {}",
                    found.property
                );
            }
            bugs.extend((!here.is_empty()).then_some(id));
        }
    }
    assert!(bugs.len() >= 12, "so few are caught: {bugs:?}");
}

/// Every other cut body comes through a gateway that announces the short length: no HTTP client can tell.
#[test]
fn a_body_cut_short_that_is_taken_for_the_whole_is_caught() {
    let mut scenario = kept_case("A2-reset-body.toml");
    let caught = |seed: &u64| {
        scenario.seed = *seed;
        violated(&scenario, Some("AM-18")).contains(&Property::A2)
    };
    let seeds: Vec<u64> = (0..10).filter(caught).collect();
    assert!(!seeds.is_empty(), "AM-18 escaped");
    assert!(seeds.len() < 10, "no cut was left for the client to notice");
}

#[test]
fn a_request_that_outlived_its_patience_and_counts_as_not_there_is_caught() {
    let mut scenario = kept_case("A4-slow.toml");
    for fault in &mut scenario.faults {
        fault.effect = Effect::Slow { delay_ms: 9000 };
    }
    assert_eq!(violated(&scenario, None), []);
    assert_ne!(violated(&scenario, Some("AM-19")), []);
}
