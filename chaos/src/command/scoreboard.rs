//! `firedrill-chaos scoreboard`: the harness on trial. `--matrix` is in `matrix`.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use firedrill_chaos::campaign;
use firedrill_chaos::catalogue::{self, BUGS, Entry, PLANTED_CASES_MAX};
use firedrill_chaos::salvage::catalogue as of_salvage;
use firedrill_chaos::salvage::catalogue::BUGS as OF_SALVAGE;
use firedrill_chaos::shrink::BUDGET;
use firedrill_chaos::trial::{Progress, html, markdown, salvage, scoreboard};
use firedrill_core::amend::Amend;
use indicatif::{ProgressBar, ProgressStyle};

use super::case::{jobs, writable};
use super::matrix;

/// The root of the root seeds unless another is named: a scoreboard can be made again.
const SEED: u64 = 20_261_121;

/// Which bugs, and how hard to look.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only this planted bug; may be repeated.
    #[arg(long)]
    pub(crate) bug: Vec<String>,
    /// Instead: the detection matrix, in which one checker or one class is switched off at a time.
    #[arg(long)]
    matrix: bool,
    /// The root of the root seeds.
    #[arg(long, default_value_t = SEED)]
    pub(crate) seed: u64,
    /// Root seeds: 20, for bugs of salvage 5, for the matrix 2 unless told otherwise.
    #[arg(long)]
    pub(crate) seeds: Option<u64>,
    /// Cases within which a bug must be found from one root seed.
    #[arg(long, default_value_t = PLANTED_CASES_MAX, conflicts_with = "matrix")]
    cases: u64,
    /// Cases of one root seed in one cell of the matrix.
    #[arg(long, default_value_t = 6000, requires = "matrix")]
    pub(crate) cell_cases: u64,
    /// Cases of one root seed with every bug switched off; more if a bug needed more to be found.
    #[arg(long, default_value_t = 2000, conflicts_with = "matrix")]
    control_cases: u64,
    /// Runs that one shrink may take; for bugs of salvage 500 at most.
    #[arg(long, default_value_t = BUDGET, conflicts_with = "matrix")]
    shrink_budget: u64,
    /// Threads; all cores without it.
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
    /// Print the result as one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write the result to this Markdown file.
    #[arg(long)]
    pub(crate) markdown: Option<PathBuf>,
    /// Write the result to this HTML file.
    #[arg(long)]
    pub(crate) html: Option<PathBuf>,
    /// Instead: write the table of the planted bugs to this Markdown file.
    #[arg(long, conflicts_with_all = ["matrix", "bug"])]
    catalogue: Option<PathBuf>,
}

/// Puts the harness on trial.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    if let Some(path) = &arguments.catalogue {
        write(path, &markdown::catalogue(BUGS, OF_SALVAGE))?;
        return Ok(0);
    }
    for file in arguments.markdown.iter().chain(&arguments.html) {
        writable(file)?;
    }
    campaign::silence_panics();
    if arguments.matrix {
        return matrix::run(arguments);
    }
    let (of_amend, of_salvage) = arguments.bugs_of_both()?;
    let amend = arguments.terms(20, arguments.shrink_budget);
    let budget = arguments.shrink_budget.min(salvage::SHRINK_BUDGET);
    let salvage = arguments.terms(salvage::SEEDS, budget);
    let started = Instant::now();
    let clock = || started.elapsed();
    let progress = Progress::default();
    let hunts = |terms: scoreboard::Terms, bugs: usize| match bugs {
        0 => 0,
        bugs => terms.seeds * (bugs as u64 + 1),
    };
    let total = hunts(amend, of_amend.len()) + hunts(salvage, of_salvage.len());
    let boards = watched(&progress, total, || {
        let mut boards = Vec::new();
        if !of_amend.is_empty() {
            let subject = &Amend::new;
            boards.push(scoreboard::run(
                amend, &of_amend, subject, &clock, &progress,
            ));
        }
        if !of_salvage.is_empty() {
            boards.push(salvage::run(salvage, &of_salvage, &clock, &progress));
        }
        boards
    });
    let command = arguments.command();
    let text = markdown::scoreboard(&boards, &command);
    arguments.hand_out(&boards, &text, &html::scoreboard(&boards, &command))?;
    let shortcomings: Vec<String> = boards
        .iter()
        .flat_map(|board| board.shortcomings())
        .collect();
    tell(started.elapsed(), &shortcomings);
    Ok(u8::from(!shortcomings.is_empty()))
}

impl Arguments {
    pub(crate) fn bugs(&self) -> anyhow::Result<Vec<&'static Entry>> {
        match self.bug.as_slice() {
            [] => Ok(BUGS.iter().collect()),
            ids => ids.iter().map(|id| known(id)).collect(),
        }
    }

    /// Those of amend and those of salvage, of which some are named or all are meant.
    fn bugs_of_both(&self) -> anyhow::Result<Both> {
        if self.bug.is_empty() {
            return Ok((BUGS.iter().collect(), OF_SALVAGE.iter().collect()));
        }
        let (mut amend, mut salvage) = (Vec::new(), Vec::new());
        for id in &self.bug {
            match of_salvage::entry(id) {
                Some(bug) => salvage.push(bug),
                None => amend.push(known(id)?),
            }
        }
        Ok((amend, salvage))
    }

    fn terms(&self, seeds: u64, shrink_budget: u64) -> scoreboard::Terms {
        scoreboard::Terms {
            seed: self.seed,
            seeds: self.seeds.unwrap_or(seeds).max(1),
            cases_max: self.cases.max(1),
            control_cases: self.control_cases,
            shrink_budget: shrink_budget.max(1),
            jobs: self.jobs(),
        }
    }

    pub(crate) fn jobs(&self) -> usize {
        jobs(self.jobs)
    }

    /// What a person types to make it again.
    pub(crate) fn command(&self) -> String {
        let mut command = "cargo xtask scoreboard".to_owned();
        let mut add = |flag: &str, value: &dyn std::fmt::Display| {
            command.push_str(&format!(" --{flag} {value}"));
        };
        for bug in &self.bug {
            add("bug", bug);
        }
        if self.seed != SEED {
            add("seed", &self.seed);
        }
        if let Some(seeds) = &self.seeds {
            add("seeds", seeds);
        }
        if self.matrix {
            add("cell-cases", &self.cell_cases);
            command.push_str(" --matrix");
        } else {
            add("cases", &self.cases);
            add("control-cases", &self.control_cases);
            if self.shrink_budget != BUDGET {
                add("shrink-budget", &self.shrink_budget);
            }
        }
        for (flag, path) in [("markdown", &self.markdown), ("html", &self.html)] {
            if let Some(path) = path {
                command.push_str(&format!(" --{flag} {}", path.display()));
            }
        }
        command
    }

    /// Prints the result and writes it where it is wanted.
    pub(crate) fn hand_out(
        &self,
        result: &impl serde::Serialize,
        markdown: &str,
        html: &str,
    ) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string(result)?);
        } else {
            println!("{markdown}");
        }
        if let Some(path) = &self.markdown {
            write(path, markdown)?;
        }
        if let Some(path) = &self.html {
            write(path, html)?;
        }
        Ok(())
    }
}

/// Bugs of amend, and bugs of salvage.
type Both = (Vec<&'static Entry>, Vec<&'static of_salvage::Entry>);

fn known(id: &str) -> anyhow::Result<&'static Entry> {
    catalogue::entry(id).with_context(|| format!("no planted bug is called {id}"))
}

/// Says on the error channel how it ended, so that `--json` stays one document.
pub(crate) fn tell(took: Duration, shortcomings: &[String]) {
    for sentence in shortcomings {
        eprintln!("{sentence}");
    }
    let seconds = took.as_secs_f64();
    match shortcomings.len() {
        0 => eprintln!("everything is as it must be; {seconds:.1} s"),
        1 => eprintln!("1 thing is not as it must be; {seconds:.1} s"),
        count => eprintln!("{count} things are not as they must be; {seconds:.1} s"),
    }
}

/// Works, and shows how far it is and how long it will take.
pub(crate) fn watched<R: Send>(
    progress: &Progress,
    total: u64,
    work: impl FnOnce() -> R + Send,
) -> R {
    let bar = ProgressBar::new(total);
    let template = "{elapsed_precise} {bar:24} {pos} of {len} hunts, {msg}, {eta} left";
    bar.set_style(ProgressStyle::with_template(template).expect("the template is a constant"));
    std::thread::scope(|scope| {
        let work = scope.spawn(work);
        while !work.is_finished() {
            std::thread::sleep(Duration::from_millis(50));
            bar.set_position(progress.done.load(Ordering::Relaxed));
            let cases = progress.cases.load(Ordering::Relaxed);
            bar.set_message(format!("{cases} cases"));
        }
        bar.finish_and_clear();
        work.join().expect("a case's panic is caught inside")
    })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}
