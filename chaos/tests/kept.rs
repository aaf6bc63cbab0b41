//! What the drill finds becomes a file: once, under its own name, and it says what it is.

use std::path::Path;

use firedrill_chaos::campaign::{self, Control, Orders};
use firedrill_chaos::generate;
use firedrill_chaos::kept::{self, Kept, KeptCase, Minimal};
use firedrill_chaos::property::Property;
use firedrill_chaos::scenario::{Act, Kind, Operation, Scenario, Selector, When};
use firedrill_chaos::shrink;
use firedrill_core::amend::Amend;

const BUG: &str = "AM-07";

/// A minimal case that this bug fails.
fn minimal() -> Scenario {
    let orders = Orders {
        seed: 3,
        cases: None,
        jobs: 1,
        planted: Some(BUG),
        until: &[Property::A2],
        failures_max: 1,
    };
    let tally = campaign::run(orders, &Amend::new, &Control::default());
    let scenario = generate::scenario(tally.failures[0].case);
    let budget = shrink::BUDGET;
    let property = Property::A2;
    let shrunk = shrink::shrink(
        &scenario,
        property,
        &Amend::new,
        Some(BUG),
        budget,
        &mut |_| {},
    );
    let mut scenario = shrunk.expect("it fails").scenario;
    scenario.story = "Something \"was\" overwritten.".into();
    scenario
}

fn keep(folder: &Path, scenario: &Scenario, planted: Option<&'static str>) -> Kept {
    let minimal = Minimal {
        scenario: scenario.clone(),
        property: Property::A2,
        planted,
        provenance: "Found in a test.",
    };
    kept::keep(folder, &minimal).expect("the folder can be written")
}

#[test]
fn a_case_is_kept_once_and_reads_back() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let folder = folder.path().join("new");
    let scenario = minimal();
    let Kept::Written(path) = keep(&folder, &scenario, Some(BUG)) else {
        panic!("it is not there yet");
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    assert!(name.starts_with("A2-overwrite"), "{name}");
    let text = std::fs::read_to_string(&path).expect("it was written");
    assert!(text.starts_with("# Found in a test.\nstory = "), "{text}");
    assert!(!text.contains("deny-version-delete"), "as usual: {text}");
    let read = KeptCase::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(read.scenario, scenario);
    assert_eq!(read.catches, [BUG]);
    // The scenario alone reads as well: replay and shrink take the same file.
    assert_eq!(Scenario::from_toml(&text), Ok(scenario.clone()));
    let checked = read.check();
    assert_eq!((checked.violations.len(), checked.escaped.len()), (0, 0));
    assert_eq!(read.expect, checked.actual);

    assert_eq!(
        keep(&folder, &scenario, Some(BUG)),
        Kept::AlreadyThere(path.clone())
    );
    let mut renamed = scenario.clone();
    renamed.story = "The same, told otherwise.".into();
    for operation in &mut renamed.operations {
        if let Act::Overwrite { key, .. } | Act::Delete { key } = &mut operation.act {
            key.number += 5;
        }
    }
    assert_eq!(
        keep(&folder, &renamed, Some(BUG)),
        Kept::AlreadyThere(path.clone())
    );

    let mut other = scenario;
    other.amend.window += 1;
    let Kept::Written(second) = keep(&folder, &other, Some(BUG)) else {
        panic!("it is another scenario");
    };
    assert_ne!(second, path);
    assert_eq!(std::fs::read_to_string(&path).ok(), Some(text));
}

#[test]
fn keys_of_unlike_sorts_make_unlike_cases() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let mut scenario = minimal();
    for number in [0, 3] {
        scenario.operations = vec![Operation {
            when: When::Before,
            act: Act::Delete {
                key: Selector::new(Kind::Any, number),
            },
        }];
        let kept = keep(folder.path(), &scenario, None);
        assert!(matches!(kept, Kept::Written(_)), "any#{number}: {kept:?}");
    }
}

#[test]
fn a_failure_of_the_real_code_is_kept_without_an_expectation() {
    // A scenario that cannot be set up stands for one that fails.
    let mut scenario = minimal();
    scenario.table = firedrill_chaos::scenario::TableSource::Sample {
        folder: "nowhere/at-all".into(),
    };
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let Kept::Written(path) = keep(folder.path(), &scenario, None) else {
        panic!("it is not there yet");
    };
    let text = std::fs::read_to_string(path).expect("it was written");
    let read = KeptCase::from_toml(&text).expect("it is a kept case");
    assert_eq!(read.expect, None);
    assert!(read.catches.is_empty());
    assert!(text.contains("folder = \"at-all\""), "{text}");
}

#[test]
fn every_scenario_survives_being_kept() {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    for number in 0..60 {
        let mut scenario = generate::scenario(campaign::case_seed(4, number));
        scenario.story = format!("Case {number}, \"quoted\" and with a \\\\ in it.");
        let Kept::Written(path) = keep(folder.path(), &scenario, None) else {
            panic!("no two of these are alike");
        };
        let text = std::fs::read_to_string(path).expect("it was written");
        let read = KeptCase::from_toml(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(read.scenario, scenario, "{text}");
    }
}
