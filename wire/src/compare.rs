//! One scenario on several tiers: do they come to the same outcome?
//!
//! The design asks for equal outcomes where the atlas is exact. What is not compared is named here, with its
//! reason, and counted in the open:
//!
//! | not compared | because |
//! |---|---|
//! | an act that one tier did and another did not | it was tied to the nth write, and how many writes there are depends on which requests failed when; so from then on the buckets differ |

use firedrill_chaos::property::Violation;
use firedrill_chaos::runner;
use firedrill_chaos::scenario::Scenario;
use firedrill_core::amend::Amend;

use crate::outcome::Outcome;
#[cfg(not(madsim))]
use crate::process;
use crate::tier::Tier;

/// Whoever can run a scenario to its end.
#[derive(Debug, Clone)]
pub enum Player {
    /// A tier within this process.
    Within(Tier),
    /// Processes that are killed.
    #[cfg(not(madsim))]
    Processes(process::Settings),
}

impl Player {
    /// Its tier's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Within(tier) => tier.name(),
            #[cfg(not(madsim))]
            Self::Processes(_) => "process",
        }
    }

    fn run(&self, scenario: &Scenario) -> Result<runner::Outcome, Vec<Violation>> {
        match self {
            Self::Within(tier) => tier.run(scenario, &Amend::new, None, false),
            #[cfg(not(madsim))]
            Self::Processes(settings) => process::run(scenario, scenario.seed, settings).run,
        }
    }
}

/// What all of them can play of a scenario.
#[cfg(madsim)]
pub fn playable(scenario: &Scenario, _: &[Player]) -> Scenario {
    scenario.clone()
}

/// What all of them can play of a scenario.
#[cfg(not(madsim))]
pub fn playable(scenario: &Scenario, players: &[Player]) -> Scenario {
    let processes = |player: &Player| matches!(player, Player::Processes(_));
    match players.iter().any(processes) {
        true => process::playable(scenario),
        false => scenario.clone(),
    }
}

/// What the comparison of one scenario says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same on each tier.
    Equal,
    /// It is not to be compared, for this reason.
    Excluded(&'static str),
    /// What differs, one sentence each.
    Differs(Vec<String>),
}

/// Lets each of them run what all can play of a scenario, and compares each with the first.
pub fn compare(scenario: &Scenario, players: &[Player]) -> Verdict {
    let scenario = playable(scenario, players);
    let runs: Vec<(&str, Result<runner::Outcome, Vec<Violation>>)> = players
        .iter()
        .map(|player| (player.name(), player.run(&scenario)))
        .collect();
    let mut differences = Vec::new();
    for (tier, run) in &runs {
        let violations = match run {
            Ok(outcome) => &outcome.violations,
            Err(violations) => violations,
        };
        let tell = |found: &Violation| format!("on {tier}: {}", found.sentence);
        differences.extend(violations.iter().map(tell));
    }
    let ended = runs.iter();
    let ended: Vec<(&str, &runner::Outcome)> = ended
        .filter_map(|(tier, run)| Some((*tier, run.as_ref().ok()?)))
        .collect();
    let Some(((first, one), others)) = ended.split_first() else {
        return Verdict::Differs(differences);
    };
    if differences.is_empty() && others.iter().any(|(_, other)| other.acts != one.acts) {
        return Verdict::Excluded("an act that one tier did and another did not");
    }
    for (tier, other) in others {
        match (Outcome::of(one), Outcome::of(other)) {
            (Some(one), Some(other)) => {
                differences.extend(one.differences(first, &other, tier));
            }
            (None, None) => {}
            _ => differences.push("a machine came to its end on one tier only".into()),
        }
    }
    match differences.is_empty() {
        true => Verdict::Equal,
        false => Verdict::Differs(differences),
    }
}
