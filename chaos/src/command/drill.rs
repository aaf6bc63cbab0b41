//! `firedrill-chaos`, without a subcommand: case after case, until the time or the number is used up.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use firedrill_chaos::campaign::{
    self, Control, Orders, PLANTED_CASES_MAX, PlantedBug, Source, Tally,
};
use firedrill_chaos::property::Property;
use firedrill_chaos::shard::{self, ResultDocument, Shard};
use firedrill_chaos::{generate, report, shrink};
use firedrill_core::amend::Amend;
use indicatif::{ProgressBar, ProgressStyle};

use super::case::{jobs, known_bug, worst, writable};
use super::corpus::CorpusArguments;
use super::salvage::{self, Mechanism};
use super::{keep, tell};

/// Failures that are told: whoever wants all of them asks for --json.
const FAILURES_TOLD: usize = 3;

/// How long it runs unless it is told otherwise.
const MINUTE: Duration = Duration::from_secs(60);

/// The exit status of a drill that found nothing and did not reach all that it is to reach.
const COVERAGE_GAP: u8 = 5;

/// What `--help` ends with.
pub(crate) const EXAMPLES: &str = "\
Many machines, one run (here as the jobs 1 to 64 of a batch scheduler's array):
  firedrill-chaos --seed 7 --cases 10000000 --shard $SLURM_ARRAY_TASK_ID/64 --out $SLURM_ARRAY_TASK_ID.json
  firedrill-chaos merge *.json";

/// What to run, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Drill {
    /// What is drilled.
    #[arg(long, value_enum, default_value_t, value_name = "MECHANISM")]
    only: Mechanism,
    /// Root of all cases; random without it.
    #[arg(long)]
    seed: Option<u64>,
    /// Run for so many minutes.
    #[arg(long, conflicts_with = "cases", value_parser = campaign::minutes)]
    minutes: Option<Duration>,
    /// Run so many cases.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    cases: Option<u64>,
    /// Threads; all cores without it.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Run only part K of N of all cases; give every part the same root seed and number of cases.
    #[arg(long, value_name = "K/N", default_value_t = Shard::WHOLE, requires = "seed")]
    shard: Shard,
    /// Print the result as one JSON document.
    #[arg(long)]
    json: bool,
    /// Write the same document to this file, for `merge`.
    #[arg(long, value_name = "FILE.json")]
    out: Option<PathBuf>,
    /// Shrink what fails, and keep it among the cases that are replayed with every test, or in this folder.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = keep::CASES)]
    keep: Option<PathBuf>,
    #[command(flatten)]
    corpus: CorpusArguments,
    /// Make this planted bug active, and stop when the property that the catalogue names has caught it.
    #[arg(long)]
    planted: Option<String>,
    /// End with status 5 if a probe was never reached, or a class of operation or fault never happened.
    #[arg(long)]
    require_coverage: bool,
    /// Failed cases after which it stops.
    #[arg(long, default_value_t = 5)]
    failures: usize,
    /// Write a page for each failure that is told into this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "json")]
    html: Option<PathBuf>,
}

/// Runs cases.
pub(crate) fn run(drill: &Drill) -> anyhow::Result<u8> {
    match drill.only {
        Mechanism::Amend => amend(drill),
        Mechanism::Salvage => salvage::drill(&salvage::Wanted {
            seed: drill.seed.unwrap_or_else(clock_seed),
            cases: drill.cases,
            minutes: drill.minutes,
            jobs: jobs(drill.jobs),
            planted: drill.planted.as_deref(),
            failures: drill.failures,
            json: drill.json,
            html: drill.html.as_deref(),
        }),
    }
}

fn amend(drill: &Drill) -> anyhow::Result<u8> {
    let bug = drill.planted.as_deref().map(known_bug).transpose()?;
    let planted = bug.map(|(id, _)| id);
    // Without another limit a planted bug has as many cases as the project grants the drill to find it.
    let unlimited = drill.cases.is_none() && drill.minutes.is_none();
    let cases = drill
        .cases
        .or((unlimited && bug.is_some()).then_some(PLANTED_CASES_MAX));
    let seed = drill.seed.unwrap_or_else(clock_seed);
    let jobs = jobs(drill.jobs);
    let orders = Orders {
        seed,
        cases,
        jobs,
        planted,
        until: bug.map_or(&[], |(_, properties)| properties),
        failures_max: drill.failures.max(1),
    };
    // Hours of work must not end at a name that nobody can write to.
    if let Some(path) = &drill.out {
        writable(path)?;
    }
    if let Some(folder) = &drill.html {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
    }
    let limit = drill.minutes.or(cases.is_none().then_some(MINUTE));
    campaign::silence_panics();
    let corpus = drill.corpus.replay(jobs)?;
    let source = Source {
        shard: drill.shard,
        signatures: corpus.is_some(),
        ..Source::default()
    };
    let started = Instant::now();
    let control = Control::default();
    let tally = std::thread::scope(|scope| {
        let work = scope.spawn(|| campaign::run_of(source, orders, &Amend::new, &control));
        let cases = cases.map(|cases| drill.shard.share(cases));
        watch(&control, limit, cases, started, || work.is_finished());
        work.join().expect("a case's panic is caught inside")
    });
    let took = started.elapsed();
    let seconds = took.as_secs_f64();
    let result = ResultDocument {
        version: shard::VERSION,
        commit: option_env!("FIREDRILL_COMMIT").map(str::to_owned),
        fingerprint: shard::fingerprint(seed, planted),
        seed,
        shard: drill.shard,
        cases,
        planted: planted.map(str::to_owned),
        seconds,
        jobs,
        cases_per_second_per_core: tally.cases as f64 / seconds / jobs as f64,
        tally,
    };
    let document = serde_json::to_string(&result)?;
    if let Some(path) = &drill.out {
        std::fs::write(path, &document)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    if drill.json {
        println!("{document}");
    } else {
        conclude(&result.tally, took, jobs, seed, bug, drill.html.as_deref())?;
    }
    if let Some(folder) = &drill.keep {
        keep_failures(folder, &result.tally, bug)?;
    }
    let mut found = status(&result.tally);
    if let Some(corpus) = corpus {
        found = worst([found, corpus.conclude(seed, &result.tally)?].into_iter());
    }
    Ok(with_coverage(found, &result.tally, drill.require_coverage))
}

/// What a run, or all shards of one, found: the failures, the summary, the verdict.
pub(crate) fn conclude(
    tally: &Tally,
    took: Duration,
    jobs: usize,
    seed: u64,
    bug: Option<PlantedBug>,
    pages: Option<&Path>,
) -> anyhow::Result<()> {
    print_failures(tally, bug, pages)?;
    println!("{}", report::summary(tally, took, jobs));
    if let Some((id, properties)) = bug {
        println!("{}", verdict(id, properties, tally));
    }
    println!("root seed {seed}");
    Ok(())
}

/// Shrinks each failed case and keeps what is left of it.
fn keep_failures(folder: &Path, tally: &Tally, bug: Option<PlantedBug>) -> anyhow::Result<()> {
    let planted = bug.map(|(id, _)| id);
    for failure in &tally.failures {
        let mut found = failure.violations.iter().map(|found| found.property);
        let wanted = |property: &Property| bug.is_none_or(|(_, wanted)| wanted.contains(property));
        let Some(property) = found.find(wanted) else {
            continue;
        };
        let case = format!("{:#018x}", failure.case);
        let bar = ProgressBar::new(shrink::BUDGET);
        let style = ProgressStyle::with_template("shrinking {msg}: {pos} runs, {elapsed}");
        bar.set_style(style.expect("the template is a constant"));
        let mut progress = |progress: shrink::Progress| {
            bar.set_position(progress.runs);
            bar.set_message(format!("{case} to {}", progress.size));
        };
        let shrunk = shrink::shrink(
            &generate::scenario(failure.case),
            property,
            &Amend::new,
            planted,
            shrink::BUDGET,
            &mut progress,
        );
        bar.finish_and_clear();
        keep::keep(folder, &case, property, planted, &shrunk?)?;
    }
    Ok(())
}

/// Shows how far it is until the time is up or the work is done.
fn watch(
    control: &Control,
    limit: Option<Duration>,
    cases: Option<u64>,
    started: Instant,
    is_finished: impl Fn() -> bool,
) {
    let bar = cases.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    let style = ProgressStyle::with_template("{elapsed_precise} {pos} cases, {per_sec}, {msg}");
    bar.set_style(style.expect("the template is a constant"));
    while !is_finished() {
        std::thread::sleep(Duration::from_millis(20));
        bar.set_position(control.done.load(Ordering::Relaxed));
        let failed = control.failed.load(Ordering::Relaxed);
        bar.set_message(format!("{failed} failed"));
        if limit.is_some_and(|limit| started.elapsed() >= limit) {
            control.stop.store(true, Ordering::Relaxed);
        }
    }
    bar.finish_and_clear();
}

/// Tells the first failures, each of its minimal case, and writes their pages.
fn print_failures(
    tally: &Tally,
    bug: Option<PlantedBug>,
    pages: Option<&Path>,
) -> anyhow::Result<()> {
    for failure in tally.failures.iter().take(FAILURES_TOLD) {
        let case = format!("{:#018x}", failure.case);
        println!("case {} ({case})", failure.number);
        tell::failure(&case, &failure.violations, bug, pages)?;
        println!();
    }
    Ok(())
}

/// Whether the drill found what was planted.
fn verdict(id: &str, properties: &[Property], tally: &Tally) -> String {
    let found = tally.failures.iter().flat_map(|failure| {
        let violations = failure
            .violations
            .iter()
            .map(|violation| violation.property);
        violations.map(|property| (failure.number, property))
    });
    match found
        .filter(|(_, property)| properties.contains(property))
        .min()
    {
        Some((number, property)) => {
            format!(
                "the planted bug {id} was caught by {property} after {} cases",
                number + 1
            )
        }
        None => format!("the planted bug {id} ESCAPED {} cases", tally.cases),
    }
}

/// The exit status of a drill that is to reach everything, if that is required of it.
pub(crate) fn with_coverage(status: u8, tally: &Tally, is_required: bool) -> u8 {
    match status {
        0 if is_required && !tally.coverage.is_complete() => COVERAGE_GAP,
        status => status,
    }
}

/// The exit status that a tally deserves: of everything that was violated, for its failures are a sample.
pub(crate) fn status(tally: &Tally) -> u8 {
    let violated = tally.violated.keys();
    let properties = violated.filter_map(|id| Property::of_id(id));
    worst(properties.map(Property::exit_status))
}

fn clock_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |passed| passed.as_nanos() as u64 % 1_000_000_007)
}
