//! `firedrill-chaos doublecheck`: is a case a function of its scenario alone?

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use firedrill_chaos::campaign::{self, case_seed};
use firedrill_chaos::doublecheck::{
    Batch, Difference, Fingerprint, How, Line, PAUSE_MS, different,
};
use firedrill_chaos::property::Property;
use firedrill_core::amend::Amend;

use super::case::{jobs, known_bug, replay_line};

/// How often a pair of kept traces is made to see a difference again that the hashes have shown.
const PAIRS_MAX: u32 = 5;

/// Which cases, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Doublecheck {
    /// So many cases.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    cases: u64,
    #[command(flatten)]
    how: How,
}

/// Runs cases twice.
pub(crate) fn run(arguments: &Doublecheck) -> anyhow::Result<u8> {
    let how = &arguments.how;
    let planted = how.planted.as_deref().map(known_bug).transpose()?;
    let batch = Batch {
        seed: how.seed,
        cases: arguments.cases,
        planted: planted.map(|(id, _)| id),
    };
    let jobs = jobs(how.jobs);
    campaign::silence_panics();
    if how.again {
        print_again(batch, jobs, how.trace_of)?;
        return Ok(0);
    }
    if !how.hostile {
        return Ok(friendly(batch, jobs));
    }
    let first = batch.fingerprints(&Amend::new, jobs, false);
    let elsewhere = Elsewhere::new()?;
    let second = elsewhere.fingerprints(batch, jobs + 1)?;
    let found = different(&first, &second);
    let Some(number) = found.first().copied() else {
        println!(
            "{} cases, on {jobs} threads here and again on {} in another process, folder and environment, \
             at least {PAUSE_MS} ms later: each trace and each verdict is equal",
            batch.cases,
            jobs + 1
        );
        return Ok(0);
    };
    println!(
        "NOT DETERMINISTIC: {} of {} cases differ when run again elsewhere and later",
        found.len(),
        batch.cases
    );
    let at = number as usize;
    tell(batch, number, first.get(at), second.get(at));
    let mut difference = None;
    for _ in 0..PAIRS_MAX {
        let here = batch.trace(&Amend::new, number);
        let there = elsewhere.trace(batch, number)?;
        difference = Difference::between(&here, &there);
        if difference.is_some() {
            break;
        }
    }
    match difference {
        Some(difference) => println!("{}", difference.rows().join("\n")),
        None => println!(
            "  its traces are equal line for line; its reports differ, or only now and then"
        ),
    }
    Ok(Property::Deterministic.exit_status())
}

/// Each case twice in a row.
fn friendly(batch: Batch, jobs: usize) -> u8 {
    let found = batch.differ_at_once(&Amend::new, jobs);
    let Some(number) = found.first() else {
        println!(
            "{} cases, each twice in a row: each trace and each verdict is equal (--hostile looks harder)",
            batch.cases
        );
        return 0;
    };
    println!(
        "NOT DETERMINISTIC: {} of {} cases differ when run twice in a row, the first one is number {number}",
        found.len(),
        batch.cases
    );
    tell(batch, *number, None, None);
    Property::Deterministic.exit_status()
}

fn tell(batch: Batch, number: u64, here: Option<&Fingerprint>, there: Option<&Fingerprint>) {
    let case = format!("{:#018x}", case_seed(batch.seed, number));
    println!("case {number} ({case})");
    if let (Some(here), Some(there)) = (here, there) {
        let pair = |name: &str, here: u64, there: u64| {
            if here != there {
                println!("  {name} here {here:#018x}, there {there:#018x}");
            }
        };
        pair("trace hash  ", here.trace, there.trace);
        pair("verdict hash", here.verdict, there.verdict);
    }
    println!(
        "  replay      {} --trace",
        replay_line(&case, batch.planted)
    );
}

/// What the second process says: one line for each case, or one for each line of a trace.
fn print_again(batch: Batch, jobs: usize, trace_of: Option<u64>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if let Some(number) = trace_of {
        for line in batch.trace(&Amend::new, number) {
            serde_json::to_writer(&mut out, &line)?;
            writeln!(out)?;
        }
        return Ok(());
    }
    for found in batch.fingerprints(&Amend::new, jobs, true) {
        writeln!(out, "{:x} {:x}", found.trace, found.verdict)?;
    }
    Ok(())
}

/// Another process in a folder of its own, which goes when this does.
struct Elsewhere {
    program: PathBuf,
    folder: PathBuf,
}

impl Elsewhere {
    fn new() -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("this program's own file is not known")?;
        let folder = format!("firedrill-doublecheck-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        Ok(Self { program, folder })
    }

    fn fingerprints(&self, batch: Batch, jobs: usize) -> anyhow::Result<Vec<Fingerprint>> {
        let said = self.ask(batch, &["--jobs".into(), jobs.to_string()])?;
        let number = |text: Option<&str>| u64::from_str_radix(text.unwrap_or_default(), 16);
        let lines = said.lines().map(|line| {
            let mut words = line.split(' ');
            let (trace, verdict) = (number(words.next())?, number(words.next())?);
            Ok(Fingerprint { trace, verdict })
        });
        let found: Vec<Fingerprint> = lines.collect::<anyhow::Result<_>>()?;
        ensure!(
            found.len() as u64 == batch.cases,
            "the second process ran {} cases of {}",
            found.len(),
            batch.cases
        );
        Ok(found)
    }

    fn trace(&self, batch: Batch, number: u64) -> anyhow::Result<Vec<Line>> {
        let said = self.ask(batch, &["--trace-of".into(), number.to_string()])?;
        let lines = said.lines().map(|line| Ok(serde_json::from_str(line)?));
        lines.collect()
    }

    /// Waits, then has this very program run the batch again.
    fn ask(&self, batch: Batch, words: &[String]) -> anyhow::Result<String> {
        std::thread::sleep(Duration::from_millis(PAUSE_MS));
        let mut command = std::process::Command::new(&self.program);
        command
            .args(["doublecheck", "--again", "--seed"])
            .args([
                batch.seed.to_string(),
                "--cases".into(),
                batch.cases.to_string(),
            ])
            .args(words)
            .current_dir(&self.folder)
            .env_clear()
            .env("TZ", "Pacific/Kiritimati")
            .env("LANG", "tr_TR.UTF-8")
            .env("HOME", &self.folder)
            .stderr(Stdio::inherit());
        if let Some(bug) = batch.planted {
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

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let folder: &Path = &self.folder;
        if let Err(error) = std::fs::remove_dir_all(folder) {
            eprintln!("firedrill-chaos: {} stays: {error}", folder.display());
        }
    }
}
