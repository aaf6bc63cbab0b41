//! The drill of salvage: its catalogue and its files.

use std::collections::BTreeSet;

use firedrill_chaos::salvage::catalogue::BUGS;
use firedrill_chaos::salvage::generate;
use firedrill_chaos::salvage::scenario::Scenario;

#[test]
fn a_planted_bug_is_in_the_catalogue_or_not_in_core() {
    let mut planted = BTreeSet::new();
    let core = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/src");
    let mut folders = vec![core];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("core has sources") {
            let path = entry.expect("it can be listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(path).expect("it is text");
            let ids = text
                .match_indices("\"SA-")
                .map(|(at, _)| text[at + 1..at + 6].to_owned());
            planted.extend(ids);
        }
    }
    let known: BTreeSet<String> = BUGS.iter().map(|bug| bug.id.to_owned()).collect();
    assert_eq!(planted, known);
}

#[test]
fn a_scenario_survives_its_file() {
    for case in 0..200 {
        let scenario = generate::scenario(case);
        let text = scenario.to_toml().expect("it is plain data");
        assert_eq!(Scenario::from_toml(&text).as_ref(), Ok(&scenario), "{text}");
    }
}
