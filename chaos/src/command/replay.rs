//! `firedrill-chaos replay CASE`: one case again, and what happened in it: told as a story, or line by line.

use std::path::PathBuf;

use firedrill_chaos::campaign::{self, Attempt};
use firedrill_chaos::part::{self, Part};
use firedrill_chaos::property::Property;
use firedrill_chaos::report::{self, html, look, text};
use firedrill_chaos::runner::Outcome;
use firedrill_chaos::scenario::Scenario;
use firedrill_core::amend::Amend;

use super::case::{known_bug, known_property, read_case, worst};
use super::salvage::{self, Mechanism};
use super::tell::{Failing, write_page};

/// Which case, and what to show of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// Of what the case is; a file says it itself.
    #[arg(long, value_enum, default_value_t, value_name = "MECHANISM")]
    only: Mechanism,
    /// A case's seed (decimal, or hexadecimal behind 0x), or a scenario file.
    case: String,
    /// Make this planted bug active.
    #[arg(long)]
    planted: Option<String>,
    /// Tell of this property; without it of the first one that is violated.
    #[arg(long)]
    property: Option<String>,
    /// Take this part of the scenario away before it runs, as a report names it: f1, o2, h1. Repeatable.
    #[arg(long, value_name = "PART")]
    without: Vec<Part>,
    /// Show what keys hold behind this line of the trace (0: as the machine finds them).
    #[arg(long, value_name = "N")]
    at: Option<u64>,
    /// With --at: which keys. `keys` are those of the violation, `all` is every key, anything else a part of
    /// their names.
    #[arg(long, value_name = "WHAT", default_value = "keys", requires = "at")]
    show: String,
    /// Print the lines of the trace that brought this one about, back to what nobody did.
    #[arg(long, value_name = "N")]
    only_causes_of: Option<u64>,
    /// Write the story as a page to this file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["at", "only_causes_of", "scenario", "trace"])]
    html: Option<PathBuf>,
    /// Print the scenario as a file instead of running it.
    #[arg(long)]
    scenario: bool,
    /// Print every line of the trace as JSON.
    #[arg(long)]
    trace: bool,
}

/// Runs it again.
pub(crate) fn run(arguments: &Replay) -> anyhow::Result<u8> {
    if arguments.only == Mechanism::Salvage || salvage::is_of_salvage(&arguments.case) {
        let (planted, property) = (arguments.planted.as_deref(), arguments.property.as_deref());
        let html = arguments.html.as_deref();
        return salvage::replay(&arguments.case, planted, property, arguments.scenario, html);
    }
    let planted = arguments.planted.as_deref().map(known_bug).transpose()?;
    let planted = planted.map(|(id, _)| id);
    let scenario = read_case(&arguments.case)?;
    let scenario = part::without(&scenario, &arguments.without)
        .map_err(|part| anyhow::anyhow!("the scenario has no part {part}"))?;
    if arguments.scenario {
        println!("{}", scenario.to_toml()?);
        return Ok(0);
    }
    campaign::silence_panics();
    let attempt = campaign::attempt(&scenario, &Amend::new, planted, true);
    let found = match &attempt {
        Attempt::Ended(outcome) => {
            let found = outcome.violations.iter();
            found.map(|violation| violation.property).collect()
        }
        Attempt::Panicked(_) => vec![Property::NoPanic],
        Attempt::NotSetUp(why) => anyhow::bail!("the scenario cannot be set up: {why}"),
    };
    let property = match &arguments.property {
        Some(id) => Some(known_property(id)?),
        None => found.first().copied(),
    };
    let status = worst(found.iter().map(|found| found.exit_status()));
    if let Attempt::Ended(outcome) = &attempt
        && looks(arguments, outcome, property)?
    {
        return Ok(status);
    }
    tell(
        arguments,
        &scenario,
        planted,
        property.filter(|property| found.contains(property)),
    )?;
    if let Attempt::Ended(outcome) = &attempt {
        let (hash, lines) = (outcome.trace.hash(), outcome.trace.len());
        println!("trace hash {hash:#018x}, {lines} lines");
    }
    Ok(status)
}

/// Shows what was asked for of the trace. Answers whether anything was.
fn looks(
    arguments: &Replay,
    outcome: &Outcome,
    property: Option<Property>,
) -> anyhow::Result<bool> {
    if let Some(seq) = arguments.only_causes_of {
        println!("{}", look::causes(outcome, seq)?);
    }
    if let Some(seq) = arguments.at {
        println!(
            "{}",
            look::keys_at(outcome, seq, property, &arguments.show)?
        );
    }
    if arguments.trace {
        outcome.trace.write_jsonl(std::io::stdout().lock())?;
    }
    Ok(arguments.only_causes_of.is_some() || arguments.at.is_some() || arguments.trace)
}

fn tell(
    arguments: &Replay,
    scenario: &Scenario,
    planted: Option<&'static str>,
    property: Option<Property>,
) -> anyhow::Result<()> {
    let Some(property) = property else {
        println!("{}", report::describe(scenario).join("\n"));
        match &arguments.property {
            Some(id) => println!("{id} holds"),
            None => println!("no property was violated"),
        }
        if arguments.html.is_some() {
            println!("so there is no page to write");
        }
        return Ok(());
    };
    let failing = Failing {
        case: &arguments.case,
        scenario,
        property,
        planted,
    };
    let story = failing.tell_whole()?;
    println!("{}", text::text(&story));
    if let Some(path) = &arguments.html {
        write_page(path, &html::page(&story))?;
    }
    Ok(())
}
