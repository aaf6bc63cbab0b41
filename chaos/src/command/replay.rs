//! `firedrill-chaos replay CASE`: one case again, and what happened in it.

use firedrill_chaos::{campaign, report};
use firedrill_core::amend::Amend;

use super::case::{known_bug, read_case, replay_line, worst};

/// Which case, and what to show of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
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
}

/// Runs it again.
pub(crate) fn run(arguments: &Replay) -> anyhow::Result<u8> {
    let Replay { case, trace, .. } = arguments;
    let trace = *trace;
    let planted = arguments
        .planted
        .as_deref()
        .map(known_bug)
        .transpose()?
        .map(|(id, _)| id);
    let scenario = read_case(case)?;
    if arguments.scenario {
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
