//! The same scenarios on the simulated world and on simulated TCP.

use firedrill_chaos::campaign::case_seed;
use firedrill_chaos::generate;
use firedrill_wire::compare::{Verdict, compare};
use firedrill_wire::network;

use crate::{BOTH, kept, kept_case, violated};

#[test]
fn kept_cases_come_to_the_same() {
    for (name, case) in kept() {
        assert_eq!(compare(&case.scenario, &BOTH), Verdict::Equal, "{name}");
    }
}

#[test]
fn generated_cases_come_to_the_same() {
    for number in 0..12 {
        let scenario = generate::scenario(case_seed(8, number));
        let verdict = compare(&scenario, &BOTH);
        assert!(
            !matches!(verdict, Verdict::Differs(_)),
            "{number}: {verdict:?}"
        );
    }
}

#[test]
fn generated_cases_with_faults_of_the_network_come_to_the_same() {
    for number in 0..12 {
        let scenario = network::added(generate::scenario(case_seed(9, number)));
        let verdict = compare(&scenario, &BOTH);
        assert!(
            !matches!(verdict, Verdict::Differs(_)),
            "{number}: {verdict:?}"
        );
    }
}

/// What a host had sent when it crashed arrives or does not; the next life finishes the work either way.
#[test]
fn a_crash_after_any_effect_is_recovered_from() {
    let mut scenario = kept_case("A3-lost-answer-peels-a-version.toml");
    scenario.faults.clear();
    for effect in 1..=30 {
        scenario.hosts.crash_after = vec![effect];
        assert_eq!(violated(&scenario, None), [], "crash after effect {effect}");
    }
}
