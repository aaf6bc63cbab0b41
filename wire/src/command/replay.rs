//! `firedrill-wire replay CASE --tier TIER`: one case again, and what happened in it.

use firedrill_chaos::report;
use firedrill_core::amend::Amend;
use firedrill_wire::tier::Tier;

use super::case::{known_bug, known_tier, read_case, replay_line, silence_panics, worst};

/// Which case, and what to show of it.
#[derive(Debug, clap::Args)]
pub(crate) struct Replay {
    /// A case's seed (decimal, or hexadecimal behind 0x), or a scenario file.
    case: String,
    /// On which tier.
    #[arg(long, value_parser = known_tier, default_value = Tier::OUTER.name())]
    tier: Tier,
    /// Make this planted bug active.
    #[arg(long)]
    planted: Option<String>,
    /// With faults of the network besides the case's own: refused, hanging and cut connections.
    #[arg(long)]
    network: bool,
    /// Print every line of the trace as JSON.
    #[arg(long)]
    trace: bool,
}

/// Runs it again.
pub(crate) fn run(arguments: &Replay) -> anyhow::Result<u8> {
    let Replay { case, tier, .. } = arguments;
    let planted = arguments.planted.as_deref().map(known_bug).transpose()?;
    let planted = planted.map(|(id, _)| id);
    let scenario = read_case(case, arguments.network)?;
    silence_panics();
    let outcome = match tier.run(&scenario, &Amend::new, planted, arguments.trace) {
        Ok(outcome) => outcome,
        Err(violations) => {
            println!("{}", report::violations(&violations, 2).join("\n"));
            return Ok(worst(&violations));
        }
    };
    if arguments.trace {
        outcome.trace.write_jsonl(std::io::stdout().lock())?;
    }
    let status = worst(&outcome.violations);
    if status == 0 {
        println!("{}", report::describe(&scenario).join("\n"));
        println!("no property was violated on {}", tier.name());
    } else {
        let line = replay_line(case, tier.name(), arguments.network, planted);
        println!("{}", report::failure(&scenario, &outcome, &line));
    }
    println!(
        "trace hash {:#018x}, {} lines",
        outcome.trace.hash(),
        outcome.trace.len()
    );
    Ok(status)
}
