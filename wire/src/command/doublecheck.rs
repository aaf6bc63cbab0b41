//! `firedrill-wire doublecheck`: is a case on an outer tier a function of its scenario alone?
//!
//! The hostile second run is another process: other threads, hash keys and addresses, another folder and
//! environment, the cases in the other order, and later than any clock that is read in whole seconds.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use firedrill_chaos::campaign::case_seed;
use firedrill_chaos::doublecheck::{How, PAUSE_MS};
use firedrill_chaos::property::Property;
use firedrill_chaos::scenario::Scenario;
use firedrill_core::amend::Amend;
use firedrill_sim::draw::{fold, hash_bytes};
use firedrill_wire::campaign::{self, Case, Control, Orders};
use firedrill_wire::tier::Tier;

use super::case::{jobs, known_bug, known_tier, replay_line, scenario, silence_panics, watched};

/// Which cases, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Doublecheck {
    /// On which tier.
    #[arg(long, value_parser = known_tier, default_value = Tier::OUTER.name())]
    tier: Tier,
    /// So many cases.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    cases: u64,
    /// With faults of the network besides the case's own: refused, hanging and cut connections.
    #[arg(long)]
    network: bool,
    #[command(flatten)]
    how: How,
}

/// Runs cases twice.
pub(crate) fn run(arguments: &Doublecheck) -> anyhow::Result<u8> {
    let how = &arguments.how;
    let planted = how.planted.as_deref().map(known_bug).transpose()?;
    let batch = Batch {
        arguments,
        planted: planted.map(|(id, _)| id),
        jobs: jobs(how.jobs),
    };
    silence_panics();
    if how.again {
        batch.print_again()?;
        return Ok(0);
    }
    let first = batch.hashes(false);
    let elsewhere = match how.hostile {
        true => Some(tempfile::tempdir().context("no temporary folder can be made")?),
        false => None,
    };
    let second = match &elsewhere {
        Some(folder) => batch.hashes_elsewhere(folder.path())?,
        None => batch.hashes(true),
    };
    let differ: Vec<usize> = (0..first.len())
        .filter(|number| first[*number] != second[*number])
        .collect();
    let done = match how.hostile {
        true => "again in another process, folder and environment, and later",
        false => "again at once (--hostile looks harder)",
    };
    let tier = arguments.tier.name();
    let Some(number) = differ.first() else {
        println!(
            "{} cases on {tier}, and {done}: each trace is equal",
            arguments.cases
        );
        return Ok(0);
    };
    println!(
        "NOT DETERMINISTIC: {} of {} cases differ on {tier} when they are run {done}",
        differ.len(),
        arguments.cases
    );
    let number = *number as u64;
    println!(
        "case {number}: {}",
        replay_line(&batch.name(number), tier, arguments.network, batch.planted)
    );
    let here = batch.trace(number);
    let there = match &elsewhere {
        Some(folder) => batch.trace_elsewhere(folder.path(), number)?,
        None => batch.trace(number),
    };
    let same = here.iter().zip(&there).take_while(|(one, two)| one == two);
    let at = same.count();
    match (here.get(at), there.get(at)) {
        (None, None) => println!("  its traces are equal this time, line for line"),
        (one, two) => {
            let line = |line: Option<&String>| {
                line.map_or("the trace has ended", String::as_str)
                    .to_owned()
            };
            println!("  first difference in line {}", at + 1);
            println!("  here   {}", line(one));
            println!("  there  {}", line(two));
        }
    }
    Ok(Property::Deterministic.exit_status())
}

struct Batch<'a> {
    arguments: &'a Doublecheck,
    planted: Option<&'static str>,
    jobs: usize,
}

impl Batch<'_> {
    fn name(&self, number: u64) -> String {
        format!("{:#018x}", case_seed(self.arguments.how.seed, number))
    }

    fn scenario(&self, number: u64) -> Scenario {
        scenario(
            case_seed(self.arguments.how.seed, number),
            self.arguments.network,
        )
    }

    /// Each case's hash, by number: of its trace, and of what it came to. `backwards` begins with the last.
    fn hashes(&self, backwards: bool) -> Vec<u64> {
        let cases = self.arguments.cases;
        let orders = Orders {
            seed: self.arguments.how.seed,
            cases: Some(cases),
            jobs: self.jobs,
        };
        let control = Control::default();
        let work = |case: Case| {
            let number = match backwards {
                true => cases - 1 - case.number,
                false => case.number,
            };
            (number, self.hash(number))
        };
        let done = watched(&control, None, Some(cases), || {
            campaign::each(orders, &control, work)
        });
        let mut hashes: Vec<(u64, u64)> = done.into_iter().map(|(_, found)| found).collect();
        hashes.sort_unstable();
        hashes.into_iter().map(|(_, hash)| hash).collect()
    }

    fn hash(&self, number: u64) -> u64 {
        let scenario = self.scenario(number);
        let run = self
            .arguments
            .tier
            .run(&scenario, &Amend::new, self.planted, false);
        match run {
            Ok(outcome) => {
                let said = (&outcome.reports, &outcome.violations, &outcome.fired);
                let said = serde_json::to_vec(&said).expect("reports can be written as JSON");
                fold(outcome.trace.hash(), hash_bytes(&said))
            }
            Err(violations) => hash_bytes(violations[0].sentence.as_bytes()),
        }
    }

    fn trace(&self, number: u64) -> Vec<String> {
        let scenario = self.scenario(number);
        let run = self
            .arguments
            .tier
            .run(&scenario, &Amend::new, self.planted, true);
        let mut lines = Vec::new();
        if let Ok(outcome) = run {
            let written = outcome.trace.write_jsonl(&mut lines);
            written.expect("a Vec takes everything");
        }
        let text = String::from_utf8(lines).expect("JSON is UTF-8");
        text.lines().map(str::to_owned).collect()
    }

    /// What the second process says: one line for each case, or one for each line of a trace.
    fn print_again(&self) -> anyhow::Result<()> {
        let mut out = std::io::stdout().lock();
        match self.arguments.how.trace_of {
            Some(number) => {
                for line in self.trace(number) {
                    writeln!(out, "{line}")?;
                }
            }
            None => {
                for hash in self.hashes(true) {
                    writeln!(out, "{hash:x}")?;
                }
            }
        }
        Ok(())
    }

    fn hashes_elsewhere(&self, folder: &Path) -> anyhow::Result<Vec<u64>> {
        let jobs = (self.jobs + 1).to_string();
        let said = self.ask(folder, &["--jobs", &jobs])?;
        let hashes: Vec<u64> = said
            .lines()
            .map(|line| u64::from_str_radix(line, 16))
            .collect::<Result<_, _>>()?;
        ensure!(
            hashes.len() as u64 == self.arguments.cases,
            "the second process ran {} cases of {}",
            hashes.len(),
            self.arguments.cases
        );
        Ok(hashes)
    }

    fn trace_elsewhere(&self, folder: &Path, number: u64) -> anyhow::Result<Vec<String>> {
        let said = self.ask(folder, &["--trace-of", &number.to_string()])?;
        Ok(said.lines().map(str::to_owned).collect())
    }

    /// Waits, then has this very program run the batch again.
    fn ask(&self, folder: &Path, words: &[&str]) -> anyhow::Result<String> {
        std::thread::sleep(Duration::from_millis(PAUSE_MS));
        let program = std::env::current_exe().context("this program's own file is not known")?;
        let mut command = Command::new(program);
        command
            .args([
                "doublecheck",
                "--again",
                "--tier",
                self.arguments.tier.name(),
            ])
            .args(["--seed", &self.arguments.how.seed.to_string()])
            .args(["--cases", &self.arguments.cases.to_string()])
            .args(words)
            .current_dir(folder)
            .env_clear()
            .env("TZ", "Pacific/Kiritimati")
            .env("LANG", "tr_TR.UTF-8")
            .env("HOME", folder)
            .stderr(Stdio::inherit());
        if self.arguments.network {
            command.arg("--network");
        }
        if let Some(bug) = self.planted {
            command.args(["--planted", bug]);
        }
        let output = command
            .output()
            .context("the second process cannot be started")?;
        ensure!(
            output.status.success(),
            "the second process ended with {}",
            output.status
        );
        String::from_utf8(output.stdout).context("the second process spoke something else")
    }
}
