//! `firedrill-chaos`: runs the drill, replays a case, shrinks one.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a binary's own file: it prints, reads the clock and knows the machine's cores"
)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use firedrill_chaos::campaign::{
    self, Control, Orders, PLANTED, PLANTED_CASES_MAX, PlantedBug, Tally,
};
use firedrill_chaos::property::Property;
use firedrill_chaos::scenario::{Scenario, TableSource};
use firedrill_chaos::shrink::{self, Shrunk};
use firedrill_chaos::{generate, report};
use firedrill_core::amend::Amend;
use indicatif::{ProgressBar, ProgressStyle};

/// Tries amend on thousands of simulated disasters. Without arguments: for one minute, on all cores.
///
/// Exit status: 0 nothing found · 1 a safety property violated · 2 usage · 3 a machine did not finish ·
/// 4 not deterministic · 101 a panic.
#[derive(Debug, Parser)]
#[command(
    name = "firedrill-chaos",
    version,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    drill: Drill,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs one case again and says what happened.
    Replay {
        /// A case's seed (decimal, or hexadecimal behind 0x), or a scenario file.
        case: String,
        /// Make this planted bug active.
        #[arg(long)]
        planted: Option<String>,
        /// Print the scenario as a file instead of running it.
        #[arg(long)]
        scenario: bool,
        /// Print every line of the trace as JSON.
        #[arg(long)]
        trace: bool,
    },
    /// Makes a failing case as small as it gets, and says without what it would pass.
    Shrink(Shrink),
}

#[derive(Debug, clap::Args)]
struct Shrink {
    /// A case's seed (decimal, or hexadecimal behind 0x), or a scenario file.
    case: String,
    /// Make this planted bug active.
    #[arg(long)]
    planted: Option<String>,
    /// The property that must stay violated; without it the first one that is.
    #[arg(long)]
    property: Option<String>,
    /// Write the minimal scenario to this file.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Runs at most.
    #[arg(long, default_value_t = shrink::BUDGET)]
    budget: u64,
}

/// A case makes and drops thousands of small values; the system's allocator took a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, clap::Args)]
struct Drill {
    /// Root of all cases; random without it.
    #[arg(long)]
    seed: Option<u64>,
    /// Run for so many minutes.
    #[arg(long, conflicts_with = "cases")]
    minutes: Option<f64>,
    /// Run so many cases.
    #[arg(long)]
    cases: Option<u64>,
    /// Threads; all cores without it.
    #[arg(long)]
    jobs: Option<usize>,
    /// Print the summary as one JSON document.
    #[arg(long)]
    json: bool,
    /// Make this planted bug active, and stop when the property that the catalogue names has caught it.
    #[arg(long)]
    planted: Option<String>,
    /// Failed cases after which it stops.
    #[arg(long, default_value_t = 5)]
    failures: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Command::Replay {
            case,
            planted,
            scenario,
            trace,
        }) => replay(&case, planted.as_deref(), scenario, trace),
        Some(Command::Shrink(arguments)) => shrink(&arguments),
        None => drill(&arguments.drill),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            eprintln!("firedrill-chaos: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn drill(drill: &Drill) -> anyhow::Result<u8> {
    let bug = drill.planted.as_deref().map(known_bug).transpose()?;
    let planted = bug.map(|(id, _)| id);
    // Without another limit a planted bug has as many cases as the project grants the drill to find it.
    let unlimited = drill.cases.is_none() && drill.minutes.is_none();
    let cases = drill
        .cases
        .or((unlimited && bug.is_some()).then_some(PLANTED_CASES_MAX));
    let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let seed = drill.seed.unwrap_or_else(clock_seed);
    let jobs = drill.jobs.unwrap_or_else(cores);
    let orders = Orders {
        seed,
        cases,
        jobs,
        planted,
        until: bug.map_or(&[], |(_, properties)| properties),
        failures_max: drill.failures.max(1),
    };
    let minutes = drill.minutes.or(cases.is_none().then_some(1.0));
    let limit = minutes.map(|minutes| Duration::from_secs_f64(minutes.max(0.0) * 60.0));
    silence_panics();
    let started = Instant::now();
    let control = Control::default();
    let tally = std::thread::scope(|scope| {
        let work = scope.spawn(|| campaign::run(orders, &Amend::new, &control));
        watch(&control, limit, cases, started, || work.is_finished());
        work.join().expect("a case's panic is caught inside")
    });
    let took = started.elapsed();
    if drill.json {
        let document = serde_json::json!({
            "seed": seed, "seconds": took.as_secs_f64(), "jobs": jobs,
            "cases_per_second_per_core": tally.cases as f64 / took.as_secs_f64() / jobs as f64,
            "tally": tally,
        });
        println!("{document}");
    } else {
        print_failures(&tally, planted);
        println!("{}", report::summary(&tally, took, jobs));
        if let Some((id, properties)) = bug {
            println!("{}", verdict(id, properties, &tally));
        }
        println!("root seed {seed}");
    }
    Ok(status(&tally))
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

fn print_failures(tally: &Tally, planted: Option<&'static str>) {
    for failure in tally.failures.iter().take(3) {
        let scenario = generate::scenario(failure.case);
        let line = replay_line(&format!("{:#018x}", failure.case), planted);
        println!("case {} ({:#018x})", failure.number, failure.case);
        match campaign::run_caught(&scenario, &Amend::new, planted, false) {
            Ok(outcome) => println!("{}\n", report::failure(&scenario, &outcome, &line)),
            Err(violations) => {
                println!(
                    "{}\nreplay: {line}\n",
                    report::violations(&violations, 2).join("\n")
                );
            }
        }
    }
}

fn replay(case: &str, planted: Option<&str>, show: bool, trace: bool) -> anyhow::Result<u8> {
    let planted = planted.map(known_bug).transpose()?.map(|(id, _)| id);
    let scenario = read_case(case)?;
    if show {
        println!("{}", scenario.to_toml()?);
        return Ok(0);
    }
    let outcome = match campaign::run_caught(&scenario, &Amend::new, planted, trace) {
        Ok(outcome) => outcome,
        Err(violations) => {
            println!("{}", report::violations(&violations, 2).join("\n"));
            return Ok(worst(
                violations.iter().map(|found| found.property.exit_status()),
            ));
        }
    };
    if trace {
        outcome.trace.write_jsonl(std::io::stdout().lock())?;
    }
    let statuses = outcome
        .violations
        .iter()
        .map(|found| found.property.exit_status());
    let status = worst(statuses);
    if status == 0 {
        println!("{}", report::describe(&scenario).join("\n"));
        println!("no property was violated");
    } else {
        println!(
            "{}",
            report::failure(&scenario, &outcome, &replay_line(case, planted))
        );
    }
    println!(
        "trace hash {:#018x}, {} lines",
        outcome.trace.hash(),
        outcome.trace.len()
    );
    Ok(status)
}

fn shrink(arguments: &Shrink) -> anyhow::Result<u8> {
    let planted = arguments.planted.as_deref().map(known_bug).transpose()?;
    let planted = planted.map(|(id, _)| id);
    let scenario = read_case(&arguments.case)?;
    silence_panics();
    let property = match &arguments.property {
        Some(id) => known_property(id)?,
        None => {
            let found = shrink::violated(&scenario, &Amend::new, planted)?;
            *found.first().ok_or(shrink::ShrinkError::Passes)?
        }
    };
    let bar = ProgressBar::new(arguments.budget);
    let style = ProgressStyle::with_template("{elapsed_precise} {pos} runs, {per_sec}, {msg}");
    bar.set_style(style.expect("the template is a constant"));
    let mut progress = |progress: shrink::Progress| {
        bar.set_position(progress.runs);
        bar.set_message(progress.size.to_string());
    };
    let budget = arguments.budget.max(1);
    let shrunk = shrink::shrink(
        &scenario,
        property,
        &Amend::new,
        planted,
        budget,
        &mut progress,
    );
    bar.finish_and_clear();
    tell_shrunk(arguments, property, planted, shrunk?)?;
    Ok(property.exit_status())
}

fn tell_shrunk(
    arguments: &Shrink,
    property: Property,
    planted: Option<&'static str>,
    mut shrunk: Shrunk,
) -> anyhow::Result<()> {
    let case = &arguments.case;
    let out = arguments.out.as_deref().map(Path::display);
    let line = match &out {
        Some(out) => replay_line(&out.to_string(), planted),
        None => format!(
            "{} (the whole case; shrink it with --out FILE.toml to keep the minimal one)",
            replay_line(case, planted)
        ),
    };
    let counterfactuals = shrink::counterfactuals(&shrunk.scenario, property, &Amend::new, planted);
    shrunk.scenario.story.clear();
    let violations = match campaign::run_caught(&shrunk.scenario, &Amend::new, planted, false) {
        Ok(outcome) => {
            println!("{}\n", report::failure(&shrunk.scenario, &outcome, &line));
            outcome.violations
        }
        Err(violations) => {
            let rows = report::violations(&violations, 8).join("\n");
            println!("{rows}\n\nreplay: {line}\n");
            violations
        }
    };
    println!("{}\n", shrink::counts(&shrunk).join("\n"));
    if counterfactuals.is_empty() {
        println!("no single removal makes {property} hold");
    }
    for found in counterfactuals {
        println!("{}", found.sentence(property));
    }
    // The file names a sample as the input did; where samples lie is the environment's business.
    if let TableSource::Sample { folder } = &mut shrunk.scenario.table
        && let Some((_, name)) = folder.rsplit_once('/')
    {
        *folder = name.to_owned();
    }
    shrunk.scenario.story = shrink::story(&shrunk.scenario, property, &violations);
    let text = shrunk.scenario.to_toml()?;
    println!("\n{text}");
    if let Some(path) = &arguments.out {
        let name = Path::new(case)
            .file_name()
            .map_or(case.as_str().into(), |name| name.to_string_lossy());
        let comment = shrink::comment(&name, property, planted, &shrunk);
        std::fs::write(path, format!("{comment}\n\n{text}"))
            .with_context(|| format!("{} cannot be written", path.display()))?;
        println!("written to {}", path.display());
    }
    Ok(())
}

fn known_property(id: &str) -> anyhow::Result<Property> {
    Property::of_id(id).with_context(|| {
        let ids: Vec<&str> = Property::ALL.iter().map(|known| known.id()).collect();
        format!("no property is called {id}; they are {}", ids.join(", "))
    })
}

fn read_case(case: &str) -> anyhow::Result<Scenario> {
    let number = case.strip_prefix("0x").map_or_else(
        || case.parse().ok(),
        |digits| u64::from_str_radix(digits, 16).ok(),
    );
    if let Some(seed) = number {
        return Ok(generate::scenario(seed));
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

fn replay_line(case: &str, planted: Option<&str>) -> String {
    let planted = planted.map_or(String::new(), |bug| format!(" --planted {bug}"));
    format!("cargo xtask replay {case}{planted}")
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
                "the planted bug {id} was caught by {property} in case {}",
                number + 1
            )
        }
        None => format!("the planted bug {id} ESCAPED {} cases", tally.cases),
    }
}

fn known_bug(id: &str) -> anyhow::Result<PlantedBug> {
    let known = PLANTED.into_iter().find(|(known, _)| *known == id);
    known.with_context(|| {
        format!("no planted bug is called {id}; they are AM-01 to AM-22 and MK-01 to MK-03")
    })
}

fn status(tally: &Tally) -> u8 {
    let failures = tally.failures.iter();
    worst(failures.flat_map(|failure| {
        let violations = failure.violations.iter();
        violations.map(|violation| violation.property.exit_status())
    }))
}

/// A panic outweighs damage, damage an endless run, and that a difference between two runs.
fn worst(statuses: impl Iterator<Item = u8>) -> u8 {
    let rank = |status: &u8| [0, 4, 3, 1, 101].iter().position(|known| known == status);
    statuses.max_by_key(rank).unwrap_or(0)
}

/// A case's panic is caught and reported with its replay line; the default hook would print it thousands
/// of times.
fn silence_panics() {
    std::panic::set_hook(Box::new(|_| {}));
}

fn clock_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |passed| passed.as_nanos() as u64 % 1_000_000_007)
}
