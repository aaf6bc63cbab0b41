//! What the commands say alike: a case's name, a planted bug's id, the line that replays, the exit status.

use std::num::NonZero;
use std::path::Path;

use anyhow::Context as _;
use firedrill_chaos::campaign::{PLANTED, PlantedBug};
use firedrill_chaos::property::Property;
use firedrill_chaos::scenario::{Scenario, TableSource};
use firedrill_chaos::{doublecheck, generate};

/// A case by its seed or its file.
pub(crate) fn read_case(case: &str) -> anyhow::Result<Scenario> {
    if let Some(seed) = seed(case) {
        return Ok(generate::scenario(seed));
    }
    let text = std::fs::read_to_string(case)
        .with_context(|| format!("{case} is neither a case's seed nor a scenario file"))?;
    let mut scenario =
        Scenario::from_toml(&text).with_context(|| format!("{case} is no scenario file"))?;
    place_sample(&mut scenario)?;
    Ok(scenario)
}

/// The seed that a case is named by, if it is.
pub(crate) fn seed(case: &str) -> Option<u64> {
    match case.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => case.parse().ok(),
    }
}

/// A scenario names a real table; where such tables lie is the environment's business.
pub(crate) fn place_sample(scenario: &mut Scenario) -> anyhow::Result<()> {
    if let TableSource::Sample { folder } = &mut scenario.table {
        let samples = std::env::var("FIREDRILL_SAMPLES").context(
            "the scenario starts from a real table: set FIREDRILL_SAMPLES to the folder of samples",
        )?;
        *folder = format!("{samples}/fuse/{folder}");
    }
    Ok(())
}

/// What a person types to see it again.
pub(crate) fn replay_line(case: &str, planted: Option<&str>) -> String {
    let planted = planted.map_or(String::new(), |bug| format!(" --planted {bug}"));
    format!("cargo xtask replay {case}{planted}")
}

/// So many threads, and without a number as many as there are cores.
pub(crate) fn jobs(wanted: Option<NonZero<usize>>) -> usize {
    let cores = || std::thread::available_parallelism();
    wanted.or_else(|| cores().ok()).map_or(1, NonZero::get)
}

/// A planted bug by its id.
pub(crate) fn known_bug(id: &str) -> anyhow::Result<PlantedBug> {
    let mut all = PLANTED.into_iter().chain([doublecheck::PLANTED]);
    let known = all.find(|(known, _)| *known == id);
    known.with_context(|| format!("no planted bug is called {id}; docs/planted-bugs.md lists them"))
}

/// A property by its id.
pub(crate) fn known_property(id: &str) -> anyhow::Result<Property> {
    Property::of_id(id).with_context(|| {
        let ids: Vec<&str> = Property::ALL.iter().map(|known| known.id()).collect();
        format!("no property is called {id}; they are {}", ids.join(", "))
    })
}

/// A panic outweighs damage, damage an endless run, and that a difference between two runs.
pub(crate) fn worst(statuses: impl Iterator<Item = u8>) -> u8 {
    let rank = |status: &u8| [0, 4, 3, 1, 101].iter().position(|known| known == status);
    statuses.max_by_key(rank).unwrap_or(0)
}

/// Whether this file can be written, told before the work that it is to hold; what it holds now stays.
pub(crate) fn writable(file: &Path) -> anyhow::Result<()> {
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file);
    opened.with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(())
}
