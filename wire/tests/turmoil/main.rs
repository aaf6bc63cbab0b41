//! The tier over simulated TCP: it comes to what the pure drill comes to, notices planted bugs, survives the
//! network, and does the same thing twice.

mod determinism;
mod faults;
mod planted;
mod tiers;

use std::path::{Path, PathBuf};

use firedrill_chaos::kept::KeptCase;
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::runner::Outcome;
use firedrill_chaos::scenario::{Scenario, TableSource};
use firedrill_core::amend::Amend;
use firedrill_wire::compare::Player;
use firedrill_wire::tier::Tier;

/// The simulated world, and simulated TCP.
const BOTH: [Player; 2] = [Player::Within(Tier::Des), Player::Within(Tier::Turmoil)];

/// Runs a scenario on simulated TCP, with a planted bug or none.
fn play(scenario: &Scenario, planted: Option<&'static str>) -> Result<Outcome, Vec<Violation>> {
    Tier::Turmoil.run(scenario, &Amend::new, planted, true)
}

/// What is violated.
fn violated(scenario: &Scenario, planted: Option<&'static str>) -> Vec<Property> {
    let found = play(scenario, planted).map_or_else(|found| found, |outcome| outcome.violations);
    found.iter().map(|violation| violation.property).collect()
}

/// The kept cases of the pure drill, by file name; those from real tables only where these are.
#[allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a test's own entry reads the environment and says what it skips"
)]
fn kept() -> Vec<(String, KeptCase)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../chaos/cases");
    let files = std::fs::read_dir(folder).expect("the kept cases are part of the project");
    let mut paths: Vec<PathBuf> = files
        .map(|file| file.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "toml"))
        .collect();
    paths.sort();
    let samples = std::env::var("FIREDRILL_SAMPLES").ok();
    let mut kept = Vec::new();
    for path in paths {
        let name = path.file_name().expect("it is a file").to_string_lossy();
        let text = std::fs::read_to_string(&path).expect("it is text");
        let mut case = KeptCase::from_toml(&text).expect("kept cases are scenarios");
        if let TableSource::Sample { folder } = &mut case.scenario.table {
            let Some(samples) = &samples else {
                println!("{name} is skipped: FIREDRILL_SAMPLES is not set");
                continue;
            };
            *folder = format!("{samples}/fuse/{folder}");
        }
        kept.push((name.into_owned(), case));
    }
    kept
}

fn kept_case(name: &str) -> Scenario {
    let found = kept().into_iter().find(|(file, _)| file == name);
    found.expect("the case is kept").1.scenario
}
