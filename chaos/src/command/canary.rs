//! `firedrill-chaos canary`: cases that must fail, each with the line that replays it.

use firedrill_chaos::campaign;
use firedrill_chaos::canary::{self, Death, FILE, FILE_BUG, SEED_BUG};
use firedrill_chaos::property::Property;
use firedrill_chaos::report;

use super::case::{read_case, replay_line};

/// The exit status of a canary that passes: the harness is broken.
const SILENT: u8 = 101;

/// Which cases.
#[derive(Debug, clap::Args)]
pub(crate) struct Canary {
    /// Root of the cases among which one is found by its seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs them. Both fail, so it ends with status 1; a canary that passes is status 101.
pub(crate) fn run(arguments: &Canary) -> anyhow::Result<u8> {
    campaign::silence_panics();
    let kept = canary::expect_death(read_case(FILE)?, FILE_BUG);
    let kept = tell("kept in a file", FILE, FILE_BUG, kept);
    let drawn = match canary::first_death(arguments.seed, SEED_BUG) {
        Ok((case, death)) => tell(
            "found by its seed",
            &format!("{case:#018x}"),
            SEED_BUG,
            Ok(death),
        ),
        Err(why) => tell("found by its seed", "", SEED_BUG, Err(why)),
    };
    Ok(if kept && drawn { 1 } else { SILENT })
}

/// Answers whether it died.
fn tell(
    what: &str,
    case: &str,
    (bug, property): (&'static str, Property),
    death: Result<Death, String>,
) -> bool {
    match death {
        Ok(Death { scenario, outcome }) => {
            let line = replay_line(case, Some(bug));
            println!("the canary {what} dies of {bug}, as it must\n");
            println!("{}\n", report::failure(&scenario, &outcome, &line));
            println!(
                "canary: {line} gives trace hash {:#018x}\n",
                outcome.trace.hash()
            );
            true
        }
        Err(why) => {
            println!("THE CANARY {what} LIVES: {why}");
            println!(
                "{property} is not checked, or {bug} is not planted: mend the harness first\n"
            );
            false
        }
    }
}
