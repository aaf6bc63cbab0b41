//! `firedrill-wire chaos`: case after case on an outer tier, until the time or the number is used up.

use std::num::NonZero;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use firedrill_chaos::campaign::{PLANTED_CASES_MAX, minutes};
use firedrill_chaos::property::{Property, Violation};
use firedrill_chaos::report;
use firedrill_core::amend::Amend;
use firedrill_wire::campaign::{self, Case, Control, Orders, Tally};
use firedrill_wire::tier::Tier;

use super::case::{
    jobs, known_bug, known_tier, replay_line, scenario, silence_panics, watched, worst,
};

/// One case of so many is run twice, and its two traces compared.
const DOUBLE_EVERY: u64 = 64;

/// Failed cases that are told at length.
const TOLD_MAX: usize = 3;

/// What to run, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Chaos {
    /// On which tier.
    #[arg(long, value_parser = known_tier, default_value = Tier::OUTER.name())]
    tier: Tier,
    /// Root of all cases; random without it.
    #[arg(long)]
    seed: Option<u64>,
    /// Run for so many minutes.
    #[arg(long, conflicts_with = "cases", value_parser = minutes)]
    minutes: Option<Duration>,
    /// Run so many cases.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    cases: Option<u64>,
    /// Threads; all cores without it.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Print the summary as one JSON document.
    #[arg(long)]
    json: bool,
    /// Make this planted bug active, and stop when the property that the catalogue names has caught it.
    #[arg(long)]
    planted: Option<String>,
    /// With faults of the network besides the case's own: refused, hanging and cut connections.
    #[arg(long)]
    network: bool,
    /// Failed cases after which it stops.
    #[arg(long, default_value_t = 5)]
    failures: u64,
}

/// Runs cases.
pub(crate) fn run(arguments: &Chaos) -> anyhow::Result<u8> {
    let bug = arguments.planted.as_deref().map(known_bug).transpose()?;
    let planted = bug.map(|(id, _)| id);
    let unlimited = arguments.cases.is_none() && arguments.minutes.is_none();
    let cases = arguments
        .cases
        .or((unlimited && bug.is_some()).then_some(PLANTED_CASES_MAX));
    let a_minute = cases.is_none().then_some(Duration::from_mins(1));
    let limit = arguments.minutes.or(a_minute);
    let orders = Orders {
        seed: arguments.seed.unwrap_or_else(clock_seed),
        cases,
        jobs: jobs(arguments.jobs),
    };
    silence_panics();
    let started = Instant::now();
    let control = Control::default();
    let work = |case: Case| {
        let scenario = scenario(case.seed, arguments.network);
        let run = arguments.tier.run(&scenario, &Amend::new, planted, false);
        let tally = Tally::of(&scenario, &run);
        let hash = run.as_ref().map(|outcome| outcome.trace.hash()).ok();
        let mut violations = run.map_or_else(|found| found, |outcome| outcome.violations);
        if case.number.is_multiple_of(DOUBLE_EVERY) {
            let again = arguments.tier.run(&scenario, &Amend::new, planted, false);
            if again.map(|outcome| outcome.trace.hash()).ok() != hash {
                let sentence = "a second run of the same scenario has another trace";
                violations.push(Violation::of_run(Property::Deterministic, sentence));
            }
        }
        if !violations.is_empty() {
            let failed = control.failed.fetch_add(1, Ordering::Relaxed) + 1;
            let enough = match bug {
                None => failed >= arguments.failures.max(1),
                Some((_, catchers)) => violations
                    .iter()
                    .any(|found| catchers.contains(&found.property)),
            };
            if enough {
                control.stop.store(true, Ordering::Relaxed);
            }
        }
        (tally, violations)
    };
    let done = watched(&control, limit, cases, || {
        campaign::each(orders, &control, work)
    });
    let took = started.elapsed();
    let mut total = Tally::default();
    let mut failures = Vec::new();
    for (case, (tally, violations)) in done {
        total.add(tally);
        if !violations.is_empty() {
            failures.push((case, violations));
        }
    }
    if arguments.json {
        print_json(arguments, orders, &total, took, &failures);
    } else {
        print_failures(arguments, planted, &failures);
        println!("{}", summary(arguments.tier, &total, took, orders.jobs));
        if let Some((id, catchers)) = bug {
            let caught = failures.iter().find(|(_, violations)| {
                let mut found = violations.iter();
                found.any(|found| catchers.contains(&found.property))
            });
            match caught {
                Some((case, _)) => {
                    println!(
                        "the planted bug {id} was caught after {} cases",
                        case.number + 1
                    );
                }
                None => println!("the planted bug {id} ESCAPED {} cases", total.cases),
            }
        }
        println!("root seed {}", orders.seed);
    }
    Ok(worst(failures.iter().flat_map(|(_, found)| found)))
}

type Failure = (Case, Vec<Violation>);

fn print_failures(arguments: &Chaos, planted: Option<&'static str>, failures: &[Failure]) {
    let Chaos { tier, network, .. } = *arguments;
    for (case, violations) in failures.iter().take(TOLD_MAX) {
        let name = format!("{:#018x}", case.seed);
        let line = replay_line(&name, tier.name(), network, planted);
        let scenario = scenario(case.seed, network);
        match tier.run(&scenario, &Amend::new, planted, false) {
            Ok(outcome) => println!("{}\n", report::failure(&scenario, &outcome, &line)),
            Err(_) => println!(
                "{}\nreplay: {line}\n",
                report::violations(violations, 8).join("\n")
            ),
        }
    }
    if failures.len() > TOLD_MAX {
        println!("and {} failed cases more\n", failures.len() - TOLD_MAX);
    }
}

fn print_json(
    arguments: &Chaos,
    orders: Orders,
    total: &Tally,
    took: Duration,
    failures: &[Failure],
) {
    let failures: Vec<_> = failures
        .iter()
        .map(|(case, violations)| serde_json::json!({"case": case, "violations": violations}))
        .collect();
    let seconds = took.as_secs_f64().max(0.001);
    let document = serde_json::json!({
        "tier": arguments.tier.name(), "seed": orders.seed, "seconds": seconds, "jobs": orders.jobs,
        "cases_per_second_per_core": total.cases as f64 / seconds / orders.jobs as f64,
        "tally": total, "failures": failures,
    });
    println!("{document}");
}

/// What a campaign did, for a person.
fn summary(tier: Tier, tally: &Tally, took: Duration, jobs: usize) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    let per_core = tally.cases as f64 / seconds / jobs.max(1) as f64;
    let counts = |counts: &std::collections::BTreeMap<String, u64>| {
        let parts: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        parts.join(", ")
    };
    let verdict = match tally.violated.is_empty() {
        true => "No property was violated".to_owned(),
        false => format!("VIOLATED, in so many cases: {}", counts(&tally.violated)),
    };
    let rows = [
        format!(
            "{verdict}: {} cases on {} in {seconds:.1} s, {per_core:.0} a second on each of {jobs} cores.",
            tally.cases,
            tier.name(),
        ),
        format!(
            "{} lives of the machine, {} effects, {} crashes.",
            tally.lives, tally.effects, tally.crashes
        ),
        format!("  faults that struck  {}", counts(&tally.faults)),
        format!("  operations          {}", counts(&tally.operations)),
        format!("  decisions           {}", counts(&tally.decisions)),
        format!("  exit statuses       {}", counts(&tally.statuses)),
    ];
    rows.join("\n")
}

fn clock_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.map_or(0, |passed| passed.as_nanos() as u64 % 1_000_000_007)
}
