//! What the commands say alike: a case's name, a tier's, the line that replays, progress, the exit status.

use std::num::NonZero;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use firedrill_chaos::campaign::PLANTED;
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::scenario::{Scenario, TableSource};
use firedrill_chaos::{doublecheck, generate};
use firedrill_wire::campaign::Control;
use firedrill_wire::network;
use firedrill_wire::tier::Tier;
use indicatif::{ProgressBar, ProgressStyle};

/// The case of this seed; `network`: with faults of the network besides its own.
pub(crate) fn scenario(seed: u64, network: bool) -> Scenario {
    let scenario = generate::scenario(seed);
    match network {
        true => network::added(scenario),
        false => scenario,
    }
}

/// A case by its seed or its file. A file is taken as it is.
pub(crate) fn read_case(case: &str, network: bool) -> anyhow::Result<Scenario> {
    let number = case.strip_prefix("0x").map_or_else(
        || case.parse().ok(),
        |digits| u64::from_str_radix(digits, 16).ok(),
    );
    if let Some(seed) = number {
        return Ok(scenario(seed, network));
    }
    let text = std::fs::read_to_string(case)
        .with_context(|| format!("{case} is neither a case's seed nor a scenario file"))?;
    let mut scenario =
        Scenario::from_toml(&text).with_context(|| format!("{case} is no scenario file"))?;
    if let TableSource::Sample { folder } = &mut scenario.table {
        let samples = std::env::var("FIREDRILL_SAMPLES").context(
            "the scenario starts from a real table: set FIREDRILL_SAMPLES to the folder of samples",
        )?;
        *folder = format!("{samples}/fuse/{folder}");
    }
    Ok(scenario)
}

/// What a person types to see it again.
pub(crate) fn replay_line(case: &str, tier: &str, network: bool, planted: Option<&str>) -> String {
    let network = if network { " --network" } else { "" };
    let planted = planted.map_or(String::new(), |bug| format!(" --planted {bug}"));
    format!("cargo xtask replay {case} --tier {tier}{network}{planted}")
}

/// A planted bug by its id, with the properties that must catch it.
pub(crate) fn known_bug(id: &str) -> anyhow::Result<(&'static str, &'static [Property])> {
    let all = PLANTED.into_iter().chain([doublecheck::PLANTED]);
    let known = all.into_iter().find(|(known, _)| *known == id);
    known.with_context(|| format!("no planted bug is called {id}"))
}

/// A tier by its name.
pub(crate) fn known_tier(name: &str) -> Result<Tier, String> {
    Tier::of_name(name).ok_or_else(|| {
        let names = Tier::ALL.map(Tier::name).join(", ");
        format!("no tier is called {name}; this program's are {names}")
    })
}

/// A panic outweighs damage, damage an endless run, and that a difference between two runs.
pub(crate) fn worst<'a>(violations: impl IntoIterator<Item = &'a Violation>) -> u8 {
    let rank = |status: &u8| [0, 4, 3, 1, 101].iter().position(|known| known == status);
    let statuses = violations
        .into_iter()
        .map(|found| found.property.exit_status());
    statuses.max_by_key(rank).unwrap_or(0)
}

/// A case's panic is caught and reported with its replay line; the default hook would print it thousands
/// of times.
pub(crate) fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

/// So many threads, and without a number as many as there are cores.
pub(crate) fn jobs(wanted: Option<NonZero<usize>>) -> usize {
    let cores = || std::thread::available_parallelism();
    wanted.or_else(|| cores().ok()).map_or(1, NonZero::get)
}

/// Shows how far `work` is until it is done, and stops it when its time is up.
pub(crate) fn watched<T: Send>(
    control: &Control,
    limit: Option<Duration>,
    cases: Option<u64>,
    work: impl FnOnce() -> T + Send,
) -> T {
    let started = Instant::now();
    let bar = cases.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = ProgressStyle::with_template("{elapsed_precise} {pos} cases, {per_sec}, {msg}");
    bar.set_style(style.expect("the template is a constant"));
    let done = std::thread::scope(|scope| {
        let work = scope.spawn(work);
        while !work.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
            bar.set_position(control.done.load(Ordering::Relaxed));
            let failed = control.failed.load(Ordering::Relaxed);
            bar.set_message(format!("{failed} failed"));
            if limit.is_some_and(|limit| started.elapsed() >= limit) {
                control.stop.store(true, Ordering::Relaxed);
            }
        }
        work.join().expect("a case's panic is caught inside")
    });
    bar.finish_and_clear();
    done
}
