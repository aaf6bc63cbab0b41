//! `--only salvage`: the drill of salvage, a replay, a shrink.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use firedrill_chaos::salvage::campaign::{self, Control, Failure, Orders};
use firedrill_chaos::salvage::catalogue::{self, Entry};
use firedrill_chaos::salvage::checkers::{Outcome, judge};
use firedrill_chaos::salvage::property::{Property, Violation};
use firedrill_chaos::salvage::scenario::Scenario;
use firedrill_chaos::salvage::{exhaustive, generate, page, report, shrink};
use indicatif::{ProgressBar, ProgressStyle};

use firedrill_chaos::campaign::silence_panics;

use super::tell::write_page;

/// What is drilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(crate) enum Mechanism {
    /// Tables in versioned buckets.
    #[default]
    Amend,
    /// Files of databases.
    Salvage,
}

/// What a drill of salvage is asked for.
pub(crate) struct Wanted<'a> {
    pub(crate) seed: u64,
    pub(crate) cases: Option<u64>,
    pub(crate) minutes: Option<Duration>,
    pub(crate) jobs: usize,
    pub(crate) planted: Option<&'a str>,
    pub(crate) failures: usize,
    pub(crate) json: bool,
    /// A folder for a page of each failure that is told.
    pub(crate) html: Option<&'a Path>,
}

/// Failures that are told.
const FAILURES_TOLD: usize = 3;

/// Runs cases.
pub(crate) fn drill(wanted: &Wanted<'_>) -> anyhow::Result<u8> {
    let bug = wanted.planted.map(known_bug).transpose()?;
    let unlimited = wanted.cases.is_none() && wanted.minutes.is_none();
    let cases = wanted
        .cases
        .or((unlimited && bug.is_some()).then_some(catalogue::CASES_MAX));
    let orders = Orders {
        seed: wanted.seed,
        cases,
        jobs: wanted.jobs,
        planted: bug.map(|bug| bug.id),
        until: bug.map_or(&[], |bug| bug.caught_by),
        failures_max: wanted.failures.max(1),
    };
    let limit = wanted
        .minutes
        .or(cases.is_none().then_some(Duration::from_secs(60)));
    silence_panics();
    let control = Control::default();
    let started = Instant::now();
    let tally = std::thread::scope(|scope| {
        let work = scope.spawn(|| campaign::run(orders, &control));
        let bar = cases.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
        let style = ProgressStyle::with_template("{elapsed_precise} {pos} cases, {per_sec}, {msg}");
        bar.set_style(style.expect("the template is a constant"));
        while !work.is_finished() {
            std::thread::sleep(Duration::from_millis(20));
            bar.set_position(control.done.load(Ordering::Relaxed));
            let failed = control.failed.load(Ordering::Relaxed);
            bar.set_message(format!("{failed} failed"));
            if limit.is_some_and(|limit| started.elapsed() >= limit) {
                control.stop.store(true, Ordering::Relaxed);
            }
        }
        bar.finish_and_clear();
        work.join().expect("a case's panic is caught inside")
    });
    let seconds = started.elapsed().as_secs_f64();
    if wanted.json {
        println!("{}", serde_json::to_string(&tally)?);
    } else {
        for failure in tally.failures.iter().take(FAILURES_TOLD) {
            tell_failure(failure, orders, wanted.html)?;
        }
        println!("{}", report::summary(&tally, seconds, wanted.jobs));
        if let Some(bug) = bug {
            println!("{}", verdict(bug, &tally));
        }
        println!("root seed {}", wanted.seed);
    }
    let found = tally
        .failures
        .iter()
        .flat_map(|failure| &failure.violations);
    Ok(status(found))
}

/// Tells a case that failed by the property that was looked for, and writes its page into a folder.
fn tell_failure(failure: &Failure, orders: Orders, html: Option<&Path>) -> anyhow::Result<()> {
    let case = format!("{:#018x}", failure.case);
    let commands = ["replay", "shrink"].map(|what| line(what, &case, orders.planted));
    println!("case {} ({case})", failure.number);
    let scenario = generate::scenario(failure.case);
    let outcome = judge(&scenario, orders.planted);
    let found = outcome.violations.iter();
    let shown = found.max_by_key(|found| orders.until.contains(&found.property));
    match shown {
        Some(violation) => {
            println!("{}", report::text(&scenario, &outcome, violation));
            if let Some(folder) = html {
                let path = folder.join(format!("{}-{case}.html", violation.property));
                write_page(
                    &path,
                    &page::page(&scenario, &outcome, violation, &commands),
                )?;
            }
        }
        None => println!("{:?}", failure.violations),
    }
    let [replay, shrink] = commands;
    println!("\nreplay    {replay}\nshrink    {shrink}\n");
    Ok(())
}

/// One case again.
pub(crate) fn replay(
    case: &str,
    planted: Option<&str>,
    property: Option<&str>,
    as_file: bool,
    html: Option<&Path>,
) -> anyhow::Result<u8> {
    let bug = planted.map(known_bug).transpose()?.map(|bug| bug.id);
    let property = property.map(known_property).transpose()?;
    let scenario = read_case(case)?;
    if as_file {
        println!("{}", scenario.to_toml()?);
        return Ok(0);
    }
    let outcome = judge(&scenario, bug);
    let told: Vec<&Violation> = outcome
        .violations
        .iter()
        .filter(|found| property.is_none_or(|property| found.property == property))
        .collect();
    let Some(first) = told.first() else {
        println!("{}", report::describe(&scenario, &outcome.disk).join("\n"));
        println!("no property was violated");
        if html.is_some() {
            println!("so there is no page to write");
        }
        return Ok(0);
    };
    println!("{}", report::text(&scenario, &outcome, first));
    if let Some(path) = html {
        let commands = [line("replay", case, bug), line("shrink", case, bug)];
        write_page(path, &page::page(&scenario, &outcome, first, &commands))?;
    }
    for other in told.iter().skip(1).take(5) {
        println!("also {}: {}", other.property, other.sentence);
    }
    Ok(status(told.into_iter()))
}

/// A failing case as small as it gets.
pub(crate) fn shrink(
    case: &str,
    planted: Option<&str>,
    property: Option<&str>,
    budget: u64,
    out: Option<&Path>,
    html: Option<&Path>,
) -> anyhow::Result<u8> {
    let bug = planted.map(known_bug).transpose()?.map(|bug| bug.id);
    let scenario = read_case(case)?;
    silence_panics();
    let property = match property {
        Some(id) => known_property(id)?,
        None => {
            let outcome = judge(&scenario, bug);
            let first = outcome.violations.first().map(|found| found.property);
            first.context("the scenario passes: there is nothing to shrink")?
        }
    };
    let bar = ProgressBar::new(budget);
    let style = ProgressStyle::with_template("{elapsed_precise} {pos} runs, {per_sec}, {msg}");
    bar.set_style(style.expect("the template is a constant"));
    let mut progress = |runs: u64, smallest: &Scenario| {
        bar.set_position(runs);
        bar.set_message(size(smallest));
    };
    let shrunk = shrink::shrink(&scenario, property, bug, budget.max(1), &mut progress);
    bar.finish_and_clear();
    let mut shrunk = shrunk.with_context(|| format!("the scenario does not violate {property}"))?;
    let outcome: Outcome = judge(&shrunk.scenario, bug);
    let violation = outcome
        .violations
        .iter()
        .find(|found| found.property == property);
    let violation = violation.context("the minimal scenario passes when it runs again")?;
    println!("{}", report::text(&shrunk.scenario, &outcome, violation));
    println!(
        "\n{} runs: from {} to {}",
        shrunk.runs,
        size(&scenario),
        size(&shrunk.scenario)
    );
    if let Some(path) = html {
        let out = out.map_or_else(|| case.to_owned(), |out| out.display().to_string());
        let commands = [line("replay", &out, bug)];
        write_page(
            path,
            &page::page(&shrunk.scenario, &outcome, violation, &commands),
        )?;
    }
    shrunk.scenario.story = format!("{property}: {}", violation.sentence);
    let text = shrunk.scenario.to_toml()?;
    match out {
        Some(path) => {
            std::fs::write(path, text)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            println!("written to {}", path.display());
        }
        None => println!("\n{text}"),
    }
    Ok(exit_status(property))
}

/// Small scopes to their end.
pub(crate) fn exhaust(
    every: usize,
    planted: Option<&str>,
    jobs: usize,
    out: &Path,
) -> anyhow::Result<u8> {
    let bug = planted.map(known_bug).transpose()?.map(|bug| bug.id);
    silence_panics();
    let started = Instant::now();
    let (mut runs, mut failed, mut status) = (0, 0, 0);
    for scope in exhaustive::scopes(every) {
        let found = exhaustive::exhaust(&scope, bug, jobs);
        let word = match found.failed {
            0 => String::new(),
            failed => format!(", {failed} FAILED"),
        };
        println!("{:>8} runs{word}  {}", found.runs, scope.name);
        for (scenario, violations) in &found.failures {
            std::fs::create_dir_all(out)
                .with_context(|| format!("{} cannot be made", out.display()))?;
            let path = out.join(format!("salvage-{failed}.toml"));
            std::fs::write(&path, scenario.to_toml()?)
                .with_context(|| format!("{} cannot be written", path.display()))?;
            let case = path.display().to_string();
            println!("          {}", violations[0].sentence);
            println!("          {}", line("replay", &case, bug));
            failed += 1;
        }
        runs += found.runs;
        status = status.max(self::status(
            found.failures.iter().flat_map(|(_, found)| found),
        ));
    }
    let seconds = started.elapsed().as_secs_f64();
    let verdict = match status {
        0 => "no property was violated",
        _ => "VIOLATED",
    };
    println!("{verdict}: {runs} runs in {seconds:.1} s on {jobs} threads");
    Ok(status)
}

fn size(scenario: &Scenario) -> String {
    let (operations, damages) = (scenario.database.operations.len(), scenario.damages.len());
    format!("{operations} operations, {damages} damages")
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
    Scenario::from_toml(&text).with_context(|| format!("{case} is no scenario of salvage"))
}

/// Whether this is a file with a scenario of salvage.
pub(crate) fn is_of_salvage(case: &str) -> bool {
    let text = std::fs::read_to_string(case);
    text.is_ok_and(|text| Scenario::from_toml(&text).is_ok())
}

fn known_bug(id: &str) -> anyhow::Result<&'static Entry> {
    catalogue::entry(id).with_context(|| format!("no planted bug of salvage is called {id}"))
}

fn known_property(id: &str) -> anyhow::Result<Property> {
    Property::of_id(id).with_context(|| format!("no property of salvage is called {id}"))
}

fn line(what: &str, case: &str, planted: Option<&str>) -> String {
    let planted = planted.map_or(String::new(), |bug| format!(" --planted {bug}"));
    format!("cargo xtask {what} --only salvage {case}{planted}")
}

/// Whether the drill found what was planted.
fn verdict(bug: &Entry, tally: &campaign::Tally) -> String {
    let found = tally.failures.iter().flat_map(|failure| {
        let violations = failure.violations.iter();
        violations.map(|violation| (failure.number, violation.property))
    });
    let wanted = found
        .filter(|(_, property)| bug.caught_by.contains(property))
        .min();
    match wanted {
        Some((number, property)) => format!(
            "the planted bug {} was caught by {property} in case {}",
            bug.id,
            number + 1
        ),
        None => format!("the planted bug {} ESCAPED {} cases", bug.id, tally.cases),
    }
}

fn status<'a>(found: impl Iterator<Item = &'a Violation>) -> u8 {
    let statuses = found.map(|violation| exit_status(violation.property));
    statuses.max().unwrap_or(0)
}

fn exit_status(property: Property) -> u8 {
    match property {
        Property::S4 => 101,
        _ => 1,
    }
}
