//! `firedrill-wire process`: the binaries themselves, killed until enough were killed.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use firedrill_chaos::campaign::minutes;
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::report;
use firedrill_chaos::scenario::Scenario;
use firedrill_wire::campaign::{self, Case, Control, Orders};
use firedrill_wire::outcome::Outcome;
use firedrill_wire::process::{self, Ended, Ledger, Settings, find_binary, playable};
use serde_json::json;

use super::case::{read_case, silence_panics, watched, worst};

/// Failed cases that are told at length.
const TOLD_MAX: usize = 3;

/// Which cases, and until when.
#[derive(Debug, clap::Args)]
pub(crate) struct Process {
    /// Only this case: its seed or scenario file.
    case: Option<String>,
    /// Root of all cases.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Run so many cases at most.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    cases: Option<u64>,
    /// Stop when so many clients and servers were killed; 50 without it and without --cases.
    #[arg(long)]
    kills: Option<u64>,
    /// Run for so many minutes at most.
    #[arg(long, value_parser = minutes)]
    minutes: Option<Duration>,
    /// Cases at once: processes wait more than they work.
    #[arg(long, default_value = "4")]
    jobs: NonZero<usize>,
    /// Print the summary as one JSON document.
    #[arg(long)]
    json: bool,
    /// The binary firedrill; the one that cargo built near this program without it.
    #[arg(long)]
    binary: Option<PathBuf>,
}

/// One case on this tier.
struct Ran {
    ledger: Ledger,
    exit_status: Option<u8>,
    violations: Vec<Violation>,
    told: Option<String>,
}

/// Runs cases.
pub(crate) fn run(arguments: &Process) -> anyhow::Result<u8> {
    let settings = Settings {
        binary: binary(arguments)?,
    };
    silence_panics();
    if let Some(name) = &arguments.case {
        return one(name, &settings);
    }
    let kills = arguments.kills;
    let kills = kills.or((arguments.cases.is_none() && arguments.minutes.is_none()).then_some(50));
    let orders = Orders {
        seed: arguments.seed,
        cases: arguments.cases,
        jobs: arguments.jobs.get(),
    };
    let started = Instant::now();
    let (control, killed) = (Control::default(), AtomicU64::new(0));
    let work = |case: Case| {
        let scenario = firedrill_chaos::generate::scenario(case.seed);
        let ran = judged(&scenario, &name_of(case), &settings);
        if !ran.violations.is_empty() {
            control.failed.fetch_add(1, Ordering::Relaxed);
        }
        let now = killed.fetch_add(kills_of(&ran.ledger), Ordering::Relaxed);
        if kills.is_some_and(|enough| now + kills_of(&ran.ledger) >= enough) {
            control.stop.store(true, Ordering::Relaxed);
        }
        ran
    };
    let done = watched(&control, arguments.minutes, orders.cases, || {
        campaign::each(orders, &control, work)
    });
    let took = started.elapsed();
    let failures = || done.iter().filter(|(_, ran)| !ran.violations.is_empty());
    let sum = sum(done.iter().map(|(_, ran)| ran));
    if arguments.json {
        println!("{}", document(arguments, &done, &sum, took));
    } else {
        for (_, ran) in failures().take(TOLD_MAX) {
            println!("{}\n", ran.told.as_deref().unwrap_or_default());
        }
        println!("{}", summary(&done, &sum, took));
        println!("root seed {}", arguments.seed);
    }
    Ok(worst(done.iter().flat_map(|(_, ran)| &ran.violations)))
}

fn binary(arguments: &Process) -> anyhow::Result<PathBuf> {
    if let Some(binary) = &arguments.binary {
        ensure!(binary.is_file(), "{} is no file", binary.display());
        return Ok(binary.clone());
    }
    let this = std::env::current_exe()?;
    find_binary(&this).with_context(|| {
        format!(
            "there is no firedrill near {}: build it (cargo build -p firedrill), or name it with --binary",
            this.display()
        )
    })
}

/// One case, at length.
fn one(name: &str, settings: &Settings) -> anyhow::Result<u8> {
    let scenario = read_case(name, false)?;
    let ran = judged(&scenario, name, settings);
    match &ran.told {
        Some(told) => println!("{told}"),
        None => println!("No property was violated, and the outcome is that of the pure drill."),
    }
    for kill in &ran.ledger.kills {
        println!("  killed  {kill}");
    }
    Ok(worst(&ran.violations))
}

fn name_of(case: Case) -> String {
    format!("{:#018x}", case.seed)
}

fn kills_of(ledger: &Ledger) -> u64 {
    ledger.client_kills + ledger.server_kills
}

/// Runs a case, and compares what it came to with the pure drill.
fn judged(scenario: &Scenario, name: &str, settings: &Settings) -> Ran {
    let ended = process::run(scenario, scenario.seed, settings);
    let differences = match process::differences(scenario, &ended) {
        Ok(differences) => differences,
        Err(error) => vec![error.to_string()],
    };
    let mut violations = match &ended.run {
        Ok(run) => run.violations.clone(),
        Err(violations) => violations.clone(),
    };
    let differences = differences.into_iter();
    violations.extend(differences.map(|sentence| Violation::of_run(Property::A6, sentence)));
    let outcome = ended.run.as_ref().ok().and_then(Outcome::of);
    let told = (!violations.is_empty()).then(|| tell(scenario, name, &ended, &violations));
    Ran {
        exit_status: outcome.map(|outcome| outcome.exit_status),
        ledger: ended.ledger,
        violations,
        told,
    }
}

fn tell(scenario: &Scenario, name: &str, ended: &Ended, violations: &[Violation]) -> String {
    let replay = format!("cargo xtask replay {name} --tier process");
    let mut text = match &ended.run {
        Ok(run) if !run.violations.is_empty() => report::failure(&playable(scenario), run, &replay),
        _ => format!(
            "{}\nreplay: {replay}",
            report::violations(violations, 8).join("\n")
        ),
    };
    for kill in &ended.ledger.kills {
        text.push_str(&format!("\n  killed  {kill}"));
    }
    text
}

fn sum<'r>(all: impl Iterator<Item = &'r Ran>) -> Ledger {
    let mut sum = Ledger::default();
    for ran in all {
        let ledger = &ran.ledger;
        sum.client_kills += ledger.client_kills;
        sum.server_kills += ledger.server_kills;
        sum.outlived += ledger.outlived;
        sum.clients += ledger.clients;
        sum.requests += ledger.requests;
        sum.answers += ledger.answers;
        sum.torn += ledger.torn;
    }
    sum
}

fn statuses(done: &[(Case, Ran)]) -> BTreeMap<u8, u64> {
    let mut statuses = BTreeMap::new();
    for status in done.iter().filter_map(|(_, ran)| ran.exit_status) {
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

fn summary(done: &[(Case, Ran)], sum: &Ledger, took: Duration) -> String {
    let failed = done.iter().filter(|(_, ran)| !ran.violations.is_empty());
    let verdict = match failed.count() {
        0 => "Nothing was lost, and every case ended as in the pure drill".to_owned(),
        failed => format!("VIOLATED in {failed} cases"),
    };
    let statuses: Vec<String> = statuses(done)
        .iter()
        .map(|(status, count)| format!("{status}: {count}"))
        .collect();
    [
        format!(
            "{verdict}: {} cases, {} kills in {:.1} s.",
            done.len(),
            kills_of(sum),
            took.as_secs_f64()
        ),
        format!(
            "  killed         {} clients, {} servers, of which {} were outlived by their client",
            sum.client_kills, sum.server_kills, sum.outlived
        ),
        format!(
            "  clients        {} runs of firedrill amend, {} requests",
            sum.clients, sum.requests
        ),
        format!(
            "  answers        {} to writes, each looked for in the log after the kills",
            sum.answers
        ),
        format!("  torn records   {}", sum.torn),
        format!("  exit statuses  {}", statuses.join(", ")),
    ]
    .join("\n")
}

fn document(
    arguments: &Process,
    done: &[(Case, Ran)],
    sum: &Ledger,
    took: Duration,
) -> serde_json::Value {
    let failures: Vec<_> = done
        .iter()
        .filter(|(_, ran)| !ran.violations.is_empty())
        .map(|(case, ran)| {
            json!({"case": case, "violations": ran.violations, "kills": ran.ledger.kills})
        })
        .collect();
    json!({
        "tier": "process", "seed": arguments.seed, "seconds": took.as_secs_f64(), "cases": done.len(),
        "client_kills": sum.client_kills, "server_kills": sum.server_kills, "outlived": sum.outlived,
        "clients": sum.clients, "requests": sum.requests, "answers": sum.answers, "torn": sum.torn,
        "exit_statuses": statuses(done), "failures": failures,
    })
}
