//! Coverage is on trial: it counts what happened and not what was drawn, and it names what is missing.

use firedrill_chaos::campaign::{self, Control, Orders, Tally};
use firedrill_chaos::coverage::{Coverage, classes};
use firedrill_chaos::scenario::{
    Act, BlockPlan, CommitPlan, Fault, Flavour, GeneratedTable, Kind, Operation, Scenario,
    SegmentPlan, Selector, When,
};
use firedrill_chaos::{generate, runner};
use firedrill_core::amend::Amend;
use firedrill_core::drill::Probe;
use firedrill_s3_mock::{Effect, Operation as S3, Position};

fn quiet() -> Scenario {
    let block = BlockPlan {
        size: 16,
        bloom: None,
        inverted: None,
        vector: None,
    };
    let segments = vec![SegmentPlan {
        statistics: false,
        blocks: vec![block],
    }];
    Scenario::quiet(GeneratedTable {
        flavour: Flavour::V1_2_453,
        compressed: false,
        commits: vec![CommitPlan::Insert { segments }],
    })
}

fn coverage(scenario: &Scenario) -> Coverage {
    let outcome = runner::run(scenario, &Amend::new, false).expect("it can be set up");
    let mut coverage = Coverage::default();
    coverage.note(scenario, &outcome);
    coverage
}

fn campaign(cases: u64, planted: Option<&'static str>) -> Tally {
    let orders = Orders {
        seed: 5,
        cases: Some(cases),
        jobs: 2,
        planted,
        until: &[],
        failures_max: usize::MAX,
    };
    campaign::run(orders, &Amend::new, &Control::default())
}

#[test]
fn a_quiet_case_reaches_what_it_must_and_nothing_else() {
    let found = coverage(&quiet());
    let probes: Vec<_> = found.probes.keys().map(AsRef::as_ref).collect();
    assert_eq!(probes, [Probe::Intact.name()]);
    assert!(found.classes.is_empty(), "{found:?}");
    assert!(!found.is_complete());
    assert_eq!(found.classes_missing().len(), classes().count());
    assert_eq!(found.probes_unreached().len(), Probe::ALL.len() - 1);
}

#[test]
fn a_fault_that_never_strikes_does_not_count() {
    let mut scenario = quiet();
    let fault = |nth| Fault {
        operation: S3::ListObjectVersions,
        key: None,
        nth,
        times: 1,
        position: Position::Before,
        effect: Effect::Unavailable,
    };
    scenario.faults = vec![fault(99)];
    assert!(coverage(&scenario).classes.is_empty());
    scenario.faults = vec![fault(1)];
    let struck = coverage(&scenario);
    assert_eq!(struck.classes.get("s3.unavailable"), Some(&1), "{struck:?}");
    assert!(struck.probes.contains_key(Probe::SentAgain.name()));
}

#[test]
fn an_act_whose_moment_never_comes_does_not_count() {
    let mut scenario = quiet();
    let act = Act::Delete {
        key: Selector::new(Kind::Block, 0),
    };
    // An intact table is never written to.
    scenario.operations = vec![Operation {
        when: When::AfterWrites(1),
        act,
    }];
    assert!(coverage(&scenario).classes.is_empty());
    scenario.operations[0].when = When::Before;
    let done = coverage(&scenario);
    let classes: Vec<_> = done.classes.keys().map(AsRef::as_ref).collect();
    assert_eq!(classes, ["op.delete-some"]);
}

#[test]
fn some_thousand_cases_reach_nearly_everything() {
    let tally = campaign(6000, None);
    let unreached = tally.coverage.probes_unreached();
    assert!(
        unreached.len() <= 6,
        "a generator that no longer gets there: {unreached:?}"
    );
    assert_eq!(tally.coverage.classes_missing(), Vec::<&str>::new());
}

#[test]
fn a_bug_that_shuts_a_way_off_leaves_its_probe_unreached() {
    // AM-05 looks at one marker only, so no stack is ever seen.
    let tally = campaign(400, Some("AM-05"));
    let unreached = tally.coverage.probes_unreached();
    assert!(unreached.contains(&Probe::StackedMarkers), "{unreached:?}");
    let rows = tally.coverage.rows().join("\n");
    assert!(
        rows.contains("never reached: StackedMarkers (Several markers"),
        "{rows}"
    );
}

#[test]
fn two_halves_count_as_the_whole() {
    let mut halves = [Coverage::default(), Coverage::default()];
    let mut whole = Coverage::default();
    for number in 0..40 {
        let scenario = generate::scenario(campaign::case_seed(6, number));
        let outcome = runner::run(&scenario, &Amend::new, false).expect("it can be set up");
        halves[usize::from(number % 2 == 0)].note(&scenario, &outcome);
        whole.note(&scenario, &outcome);
    }
    let [mut one, other] = halves;
    one.add(&other);
    assert_eq!(one, whole);
    let text = serde_json::to_string(&whole).expect("it can be written");
    let document: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    let probes = document["probes"].as_object().expect("counts by name");
    assert_eq!(probes.len(), Probe::ALL.len(), "also those never reached");
    assert_eq!(probes[Probe::MetadataVanished.name()], 0);
    let read: Coverage = serde_json::from_str(&text).expect("it can be read");
    assert_eq!(read, whole);
}

/// The binary's exit status.
#[test]
fn a_gap_ends_with_status_5_where_coverage_is_required() {
    let drill = |cases: &str, extra: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_firedrill-chaos"))
            .args(["--seed", "5", "--jobs", "1", "--cases", cases])
            .args(extra)
            .output()
            .expect("the binary can be started");
        output.status.code()
    };
    assert_eq!(drill("30", &["--require-coverage"]), Some(5));
    assert_eq!(drill("30", &[]), Some(0));
}
