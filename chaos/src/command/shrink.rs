//! `firedrill-chaos shrink CASE`: a failing case as small as it gets, and without what it would pass.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use firedrill_chaos::property::Property;
use firedrill_chaos::scenario::TableSource;
use firedrill_chaos::shrink::{self, Shrunk};
use firedrill_chaos::{campaign, report};
use firedrill_core::amend::Amend;
use indicatif::{ProgressBar, ProgressStyle};

use super::case::{known_bug, known_property, read_case, replay_line, silence_panics};

/// Which case, and how far.
#[derive(Debug, clap::Args)]
pub(crate) struct Shrink {
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
    /// Keep the minimal scenario among the cases that are replayed with every test, or in this folder.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = super::keep::CASES)]
    keep: Option<PathBuf>,
    /// Runs at most.
    #[arg(long, default_value_t = shrink::BUDGET)]
    budget: u64,
}

/// Shrinks it.
pub(crate) fn run(arguments: &Shrink) -> anyhow::Result<u8> {
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
    let shrunk = shrunk?;
    tell_shrunk(arguments, property, planted, shrunk.clone())?;
    if let Some(folder) = &arguments.keep {
        super::keep::keep(folder, &arguments.case, property, planted, &shrunk)?;
    }
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
