//! Every scenario file is replayed: each is the story of something that went wrong once.

use std::path::Path;

use firedrill_chaos::runner;
use firedrill_chaos::scenario::{Scenario, TableSource};
use firedrill_core::amend::Amend;

/// Where real tables are, if the environment says so.
#[allow(
    clippy::disallowed_methods,
    reason = "a test's own entry reads the environment"
)]
fn samples() -> Option<String> {
    std::env::var("FIREDRILL_SAMPLES").ok()
}

#[test]
fn each_scenario_file_passes_and_each_of_its_faults_strikes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder of cases is part of the crate")
        .map(|file| file.expect("it can be listed").path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        })
        .collect();
    files.sort();
    assert!(files.len() >= 8, "{} files", files.len());
    for file in files {
        let name = file.display();
        let text = std::fs::read_to_string(&file).expect("it can be read");
        let mut scenario =
            Scenario::from_toml(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!scenario.story.is_empty(), "{name} tells no story");
        if let TableSource::Sample { folder } = &mut scenario.table {
            let Some(samples) = samples() else {
                println!("skipped {name}: FIREDRILL_SAMPLES is not set");
                continue;
            };
            *folder = format!("{samples}/fuse/{folder}");
        }
        let outcome = runner::run(&scenario, &Amend::new, false)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(outcome.violations, [], "{name}");
        assert!(
            outcome.fired.iter().all(|fired| *fired > 0),
            "{name}: {:?}",
            outcome.fired
        );
        let crashes = scenario.hosts.crash_after.len() as u64;
        assert_eq!(outcome.crashes, crashes, "{name}: every crash happens");
    }
}
