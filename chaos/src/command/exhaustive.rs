//! `firedrill-chaos exhaustive`: small scopes, tried to the end.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use firedrill_chaos::campaign;
use firedrill_chaos::exhaustive::{self, Found, OBJECTS, Scope};
use firedrill_chaos::{kept, report};

use firedrill_chaos::scenario::{Scenario, TableSource};

use super::case::{jobs, known_bug, replay_line, worst};
use super::salvage::{self, Mechanism};

/// How the files of failed runs begin.
const FAILED: &str = "failed-";

/// How far to go.
#[derive(Debug, clap::Args)]
pub(crate) struct Exhaustive {
    /// What is tried.
    #[arg(long, value_enum, default_value_t)]
    only: Mechanism,
    /// Of salvage: every so many bits of a page, a run and a transaction; 1 tries each, and takes some hours.
    #[arg(long, value_name = "N", default_value_t = 61)]
    every: usize,
    /// The folder of kept cases, each of which is crashed after every effect.
    #[arg(long, default_value = "chaos/cases")]
    cases: PathBuf,
    /// So many small generated scenarios are crashed as well.
    #[arg(long, default_value_t = 10)]
    small: usize,
    /// Root of those.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often each crash is tried, each time with another draw of what was in flight and lands.
    #[arg(long, default_value_t = 4)]
    draws: u64,
    /// Scenarios, the smallest first, that crash twice: after every effect of each of two lives.
    #[arg(long, default_value_t = 12)]
    pairs: usize,
    /// Objects of the small table that are hurt at once at most.
    #[arg(long, default_value_t = 3)]
    objects: usize,
    /// Threads; all cores without it.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Make this planted bug active.
    #[arg(long)]
    planted: Option<String>,
    /// Where the scenarios of failed runs are written.
    #[arg(long, default_value = "target/exhaustive")]
    out: PathBuf,
}

/// Tries everything.
pub(crate) fn run(arguments: &Exhaustive) -> anyhow::Result<u8> {
    if arguments.only == Mechanism::Salvage {
        let (planted, out) = (arguments.planted.as_deref(), &arguments.out);
        return salvage::exhaust(arguments.every, planted, jobs(arguments.jobs), out);
    }
    let planted = arguments.planted.as_deref().map(known_bug).transpose()?;
    let planted = planted.map(|(id, _)| id);
    let jobs = jobs(arguments.jobs);
    let draws = arguments.draws.max(1);
    let mut scenarios = kept(&arguments.cases)?;
    let kept = scenarios.len();
    let acted = exhaustive::while_down();
    let down = acted.len();
    scenarios.extend(acted);
    scenarios.extend(exhaustive::small(arguments.seed, arguments.small));
    campaign::silence_panics();
    let started = Instant::now();
    let mut all = Found::default();
    let mut sweep = |what: &str, scopes: Vec<Scope>| {
        let found = exhaustive::exhaust(scopes.into_iter(), planted, jobs);
        tell(what, &found);
        let runs = found.runs;
        all.add(found);
        runs
    };
    let each = || {
        scenarios
            .iter()
            .flat_map(|scenario| exhaustive::drawn(scenario, draws))
    };
    let what = format!(
        "a crash after each effect of {kept} kept and {} small generated cases, and of {down} in which \
         somebody acts while the host is down; drawn {draws} times each",
        arguments.small
    );
    sweep(&what, each().map(Scope::Crash).collect());
    let smallest = smallest(&scenarios, arguments.pairs);
    let what = format!(
        "two crashes, after each pair of effects, of the {} smallest of them",
        smallest.len()
    );
    sweep(&what, smallest.into_iter().map(Scope::CrashTwice).collect());
    let found = exhaustive::exhaust(
        exhaustive::fates(arguments.objects).map(Scope::Run),
        planted,
        jobs,
    );
    let what = format!(
        "up to {} of {OBJECTS} objects, each {}; as it is, and with the prefix deleted",
        arguments.objects,
        exhaustive::FATES.join(", ")
    );
    tell(&what, &found);
    all.add(found);
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{}: {} runs with {} crashes in {seconds:.1} s on {jobs} threads",
        if all.failed == 0 {
            "no property was violated"
        } else {
            "VIOLATED"
        },
        all.runs,
        all.crashes
    );
    tell_failures(&all, &arguments.out, planted)?;
    let violations = all.failures.iter().flat_map(|(_, found)| found);
    Ok(worst(violations.map(|found| found.property.exit_status())))
}

fn tell(what: &str, found: &Found) {
    let failed = match found.failed {
        0 => String::new(),
        failed => format!(", {failed} FAILED"),
    };
    println!("{:>8} runs{failed}  {what}", found.runs);
}

/// The kept cases that can be crashed.
fn kept(folder: &Path) -> anyhow::Result<Vec<Scenario>> {
    let files = kept::files(folder)
        .with_context(|| format!("the kept cases are not in {}", folder.display()))?;
    let mut scenarios = Vec::new();
    for file in files {
        let name = file.display();
        let text =
            std::fs::read_to_string(&file).with_context(|| format!("{name} cannot be read"))?;
        let scenario =
            Scenario::from_toml(&text).with_context(|| format!("{name} is no scenario file"))?;
        match (&scenario.table, scenario.amend.dry_run) {
            // Those are for the tests that have them.
            (TableSource::Sample { .. }, _) => {
                println!("skipped {name}: it starts from a real table");
            }
            (_, true) => println!(
                "skipped {name}: a dry run writes nothing that a crash could leave half done"
            ),
            (_, false) => scenarios.push(scenario),
        }
    }
    Ok(scenarios)
}

/// The scenarios with the fewest effects.
fn smallest(scenarios: &[Scenario], count: usize) -> Vec<Scenario> {
    let calm = scenarios
        .iter()
        .flat_map(|scenario| exhaustive::drawn(scenario, 1));
    let mut sized: Vec<(u64, Scenario)> = calm
        .map(|scenario| (exhaustive::effects(&scenario), scenario))
        .collect();
    sized.sort_by_key(|(effects, _)| *effects);
    let first = sized.into_iter().take(count);
    first.map(|(_, scenario)| scenario).collect()
}

/// Writes the scenarios that failed in place of those of the run before, and says how to replay them.
fn tell_failures(found: &Found, out: &Path, planted: Option<&'static str>) -> anyhow::Result<()> {
    let cannot = |path: &Path| format!("{} cannot be written", path.display());
    std::fs::create_dir_all(out).with_context(|| cannot(out))?;
    for old in kept::files(out).with_context(|| cannot(out))? {
        let name = old.file_name().unwrap_or_default();
        if name.to_string_lossy().starts_with(FAILED) {
            std::fs::remove_file(&old).with_context(|| cannot(&old))?;
        }
    }
    for (number, (scenario, violations)) in found.failures.iter().enumerate() {
        let path = out.join(format!("{FAILED}{}.toml", number + 1));
        std::fs::write(&path, scenario.to_toml()?).with_context(|| cannot(&path))?;
        println!("\n{}", report::violations(violations, 2).join("\n"));
        let line = replay_line(&path.to_string_lossy(), planted);
        println!("replay: {line}");
    }
    Ok(())
}
