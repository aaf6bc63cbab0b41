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
use crate::process::playable;
use crate::tier::Tier;

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

/// Runs a scenario on each tier, and compares each with the first.
///
/// Where processes are among them, each runs what those can play of the scenario.
pub fn compare(scenario: &Scenario, tiers: &[Tier]) -> Verdict {
    let played = tiers.contains(&Tier::Process).then(|| playable(scenario));
    let scenario = played.as_ref().unwrap_or(scenario);
    let runs: Vec<(Tier, Result<runner::Outcome, Vec<Violation>>)> = tiers
        .iter()
        .map(|tier| (*tier, tier.run(scenario, &Amend::new, None, false)))
        .collect();
    let mut differences = Vec::new();
    for (tier, run) in &runs {
        let violations = match run {
            Ok(outcome) => &outcome.violations,
            Err(violations) => violations,
        };
        let tell = |found: &Violation| format!("on {}: {}", tier.name(), found.sentence);
        differences.extend(violations.iter().map(tell));
    }
    let ended: Vec<(Tier, &runner::Outcome)> = runs
        .iter()
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
                differences.extend(one.differences(first.name(), &other, tier.name()));
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
