//! A shrunk scenario in words: what became of it, its story, and the first line of its file.

use crate::property::{Property, Violation};
use crate::scenario::Scenario;

use super::Shrunk;
use super::counterfactual::{name_fault, name_operation};

/// From what to what, and in how many runs.
pub fn counts(shrunk: &Shrunk) -> Vec<String> {
    let mut rows = vec![
        format!("shrunk from {}", shrunk.from),
        format!("         to {}, in {} runs", shrunk.to, shrunk.runs),
    ];
    if shrunk.exhausted {
        rows.push("the budget is used up: something might still be taken away (--budget)".into());
    }
    rows
}

/// What happens in a minimal scenario, for its `story`: what is done, and what it violates.
pub fn story(scenario: &Scenario, property: Property, violations: &[Violation]) -> String {
    let hosts = &scenario.hosts;
    let mut parts: Vec<String> = scenario.operations.iter().map(name_operation).collect();
    parts.extend(scenario.faults.iter().map(name_fault));
    let crashes = hosts.crash_after.iter();
    parts.extend(crashes.map(|after| format!("a crash after effect {after}")));
    parts.extend(hosts.interrupt_after.map(|_| "an interrupt".to_owned()));
    parts.extend(hosts.twin.then(|| "a second machine".to_owned()));
    let what = match parts.is_empty() {
        true => "the table as it is".into(),
        false => joined(&parts),
    };
    let shown = violations.iter().find(|shown| shown.property == property);
    let why = shown.map_or(property.sentence(), |shown| shown.sentence.as_str());
    let key = shown.and_then(|shown| shown.key.as_ref());
    let at = key.map_or(String::new(), |key| format!("{key}: "));
    format!("Enough to violate {property}: {what}. {at}{why}")
}

/// The comment on top of a scenario file: whose failure it is, of what, and how far it was shrunk.
pub fn comment(case: &str, property: Property, planted: Option<&str>, shrunk: &Shrunk) -> String {
    let with = planted.map_or(String::new(), |bug| format!(" with the planted bug {bug}"));
    format!(
        "# {property} ({}), violated by case {case}{with}; shrunk from {} to {}.",
        property.sentence(),
        shrunk.from,
        shrunk.to,
    )
}

/// A list in which what repeats at once is counted.
fn joined(parts: &[String]) -> String {
    let runs = parts.chunk_by(|one, next| one == next);
    let runs = runs.map(|run| match run.len() {
        1 => run[0].clone(),
        times => format!("{} ({times} times)", run[0]),
    });
    runs.collect::<Vec<String>>().join(", ")
}
