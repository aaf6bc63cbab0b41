//! `firedrill-chaos shrink CASE`: a failing case as small as it gets, and without what it would pass.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use firedrill_chaos::campaign;
use firedrill_chaos::kept;
use firedrill_chaos::property::Property;
use firedrill_chaos::report::{html, text};
use firedrill_chaos::scenario::Scenario;
use firedrill_chaos::shrink::{self, Shrunk};
use firedrill_core::amend::Amend;
use indicatif::{ProgressBar, ProgressStyle};

use super::case::{known_bug, known_property, read_case, replay_line};
use super::salvage::{self, Mechanism};
use super::tell::{Failing, write_page};

/// Which case, and how far.
#[derive(Debug, clap::Args)]
pub(crate) struct Shrink {
    /// Of what the case is; a file says it itself.
    #[arg(long, value_enum, default_value_t, value_name = "MECHANISM")]
    only: Mechanism,
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
    /// Write the story of the minimal scenario as a page to this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Keep the minimal scenario among the cases that are replayed with every test, or in this folder.
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = super::keep::CASES)]
    keep: Option<PathBuf>,
    /// Runs at most.
    #[arg(long, default_value_t = shrink::BUDGET)]
    budget: u64,
}

/// Shrinks it.
pub(crate) fn run(arguments: &Shrink) -> anyhow::Result<u8> {
    if arguments.only == Mechanism::Salvage || salvage::is_of_salvage(&arguments.case) {
        let (planted, property) = (arguments.planted.as_deref(), arguments.property.as_deref());
        let budget = arguments
            .budget
            .min(firedrill_chaos::salvage::shrink::BUDGET);
        let out = arguments.out.as_deref();
        let html = arguments.html.as_deref();
        return salvage::shrink(&arguments.case, planted, property, budget, out, html);
    }
    let planted = arguments.planted.as_deref().map(known_bug).transpose()?;
    let planted = planted.map(|(id, _)| id);
    let scenario = read_case(&arguments.case)?;
    campaign::silence_panics();
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
    tell_shrunk(arguments, &scenario, property, planted, shrunk.clone())?;
    if let Some(folder) = &arguments.keep {
        super::keep::keep(folder, &arguments.case, property, planted, &shrunk)?;
    }
    Ok(property.exit_status())
}

fn tell_shrunk(
    arguments: &Shrink,
    scenario: &Scenario,
    property: Property,
    planted: Option<&'static str>,
    mut shrunk: Shrunk,
) -> anyhow::Result<()> {
    let case = &arguments.case;
    let failing = Failing {
        case,
        scenario,
        property,
        planted,
    };
    let counterfactuals = shrink::counterfactuals(&shrunk.scenario, property, &Amend::new, planted);
    shrunk.scenario.story.clear();
    let minimal = arguments.out.as_deref().map(|out| {
        let line = replay_line(&out.display().to_string(), planted);
        ("replay".to_owned(), line)
    });
    let commands: Vec<(String, String)> = match minimal {
        Some(minimal) => vec![minimal],
        None => vec![failing.replay(), failing.shrink()],
    };
    let story = failing.tell_shrunk(&shrunk, &counterfactuals, &commands)?;
    println!("{}", text::text(&story));
    if let Some(path) = &arguments.html {
        write_page(path, &html::page(&story))?;
    }
    let violations = match campaign::run_caught(&shrunk.scenario, &Amend::new, planted, false) {
        Ok(outcome) => outcome.violations,
        Err(violations) => violations,
    };
    kept::without_place(&mut shrunk.scenario);
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
