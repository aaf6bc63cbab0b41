//! Reports that argue: the property in one sentence, the scenario, what was expected against what is, the
//! histories of the keys concerned, and the line that replays it. At most some forty rows.

pub mod html;
pub mod story;
pub mod text;

pub mod look;

mod bucket;
mod mock;
pub mod model;
pub mod moments;
pub mod names;
pub mod rows;
mod timeline;

pub mod page;

use story::class_name;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use firedrill_core::object::Key;

use crate::campaign::Tally;
use crate::oracle::log::{Author, Held, What};
use crate::property::Violation;
use crate::runner::Outcome;
use crate::scenario::{Scenario, TableSource};
use crate::scene::Scene;

/// Rows of a report at most.
const ROWS_MAX: usize = 40;

/// One failed case, for a person.
pub fn failure(scenario: &Scenario, outcome: &Outcome, replay: &str) -> String {
    let mut rows = violations(&outcome.violations, 2);
    rows.push(String::new());
    rows.extend(describe(scenario));
    let mut keys: Vec<&Key> = Vec::new();
    for violation in &outcome.violations {
        if let Some(key) = &violation.key
            && !keys.contains(&key)
        {
            keys.push(key);
        }
    }
    for key in keys.into_iter().take(3) {
        rows.push(String::new());
        rows.extend(history(&outcome.scene, key));
    }
    if let Some(report) = outcome.reports.last() {
        rows.push(String::new());
        rows.push(format!(
            "last report: {:?}, {:?}{}",
            report.state,
            report.counts,
            report
                .refusal
                .as_deref()
                .map_or(String::new(), |why| format!(", {why}")),
        ));
        rows.extend(
            report
                .notes
                .iter()
                .take(3)
                .map(|note| format!("  note: {note}")),
        );
    }
    rows.truncate(ROWS_MAX - 2);
    rows.push(String::new());
    rows.push(format!("replay: {replay}"));
    rows.join("\n")
}

/// What was violated, each property with its sentence once and at most so many keys.
pub fn violations(violations: &[Violation], most: usize) -> Vec<String> {
    let mut properties: Vec<_> = violations
        .iter()
        .map(|violation| violation.property)
        .collect();
    properties.sort();
    properties.dedup();
    let mut rows = Vec::new();
    for property in properties {
        rows.push(format!("VIOLATED {property}: {}", property.sentence()));
        let mut sentences: Vec<String> = Vec::new();
        for violation in violations
            .iter()
            .filter(|violation| violation.property == property)
        {
            let key = violation.key.as_ref().map_or("", Key::as_str);
            let colon = if key.is_empty() { "" } else { ": " };
            let sentence = format!("  {key}{colon}{}", violation.sentence);
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        let left = sentences.len().saturating_sub(most);
        rows.extend(sentences.into_iter().take(most));
        if left > 0 {
            rows.push(format!("  … and {left} more"));
        }
    }
    rows
}

/// A scenario in a few rows.
pub fn describe(scenario: &Scenario) -> Vec<String> {
    let mut rows = Vec::new();
    if !scenario.story.is_empty() {
        rows.push(format!("story:  {}", scenario.story.trim()));
    }
    let table = match &scenario.table {
        TableSource::Generated(table) => {
            format!("{:?}, {} commits", table.flavour, table.commits.len())
        }
        TableSource::Sample { folder } => format!("sample {folder}"),
    };
    rows.push(format!(
        "table:  {table}; bucket: {}",
        compact(&scenario.bucket)
    ));
    rows.push(format!("amend:  {}", compact(&scenario.amend)));
    rows.push(format!("hosts:  {}", compact(&scenario.hosts)));
    for operation in scenario.operations.iter().take(14) {
        rows.push(format!("  act   {}", compact(operation)));
    }
    for fault in scenario.faults.iter().take(6) {
        rows.push(format!("  fault {}", compact(fault)));
    }
    rows
}

/// Data on one line.
fn compact(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

/// What happened to a key, and what it holds.
pub(crate) fn history(scene: &Scene, key: &Key) -> Vec<String> {
    let mut rows = vec![format!("{key}")];
    if let Some(fact) = scene.truth.objects.get(key) {
        let size = fact.body.len();
        rows.push(format!("  {:?} of {size} bytes", fact.class));
    }
    let mut log = String::new();
    for record in scene
        .log
        .records()
        .iter()
        .filter(|record| record.key == *key)
    {
        let author = match record.author {
            Author::Outsider => String::new(),
            Author::Machine(host) => format!("machine {host} "),
        };
        let what = match &record.what {
            What::Put { id, body, .. } => format!("put {id} ({} bytes)", body.len()),
            What::Copied { from, id, .. } => format!("copy of {from} as {id}"),
            What::Marked { id } => format!("deleted, marker {id}"),
            What::Gone => "deleted".into(),
            What::Removed { id } => format!("{id} removed"),
            What::Archived { id } => format!("{id} archived"),
            What::Versioning(_) => continue,
        };
        let _ = write!(
            log,
            "{}{author}{what}",
            if log.is_empty() { "" } else { " → " }
        );
    }
    rows.push(format!("  log:  {log}"));
    let right = scene.truth.objects.get(key).map(|fact| &fact.body);
    let held = |held: &Held| {
        let what = match &held.body {
            None => "marker".to_owned(),
            Some(body) if Some(body) == right => format!("right, {} bytes", body.len()),
            Some(body) => format!("other, {} bytes", body.len()),
        };
        format!("{} ({what})", held.id)
    };
    let now: Vec<String> = scene.log.history(key).iter().map(held).collect();
    rows.push(format!("  now, newest first:  {}", now.join(", ")));
    rows
}

/// What a campaign did, for a person.
pub fn summary(tally: &Tally, took: Duration, jobs: usize) -> String {
    let seconds = took.as_secs_f64().max(0.001);
    let per_core = tally.cases as f64 / seconds / jobs.max(1) as f64;
    let verdict = if tally.violated.is_empty() {
        "No property was violated".to_owned()
    } else {
        format!("VIOLATED, in so many cases: {}", counts(&tally.violated))
    };
    let mut rows = vec![
        format!(
            "{verdict}: {} cases in {seconds:.1} s, {per_core:.0} a second on each of {jobs} cores.",
            tally.cases
        ),
        format!(
            "{} lives of the machine, {} effects, {} crashes; {} cases ran twice, trace for trace.",
            tally.lives, tally.effects, tally.crashes, tally.doubled
        ),
        format!("  faults that struck  {}", counts(&tally.faults)),
        format!("  operations          {}", counts(&tally.operations)),
        format!("  decisions           {}", counts(&tally.decisions)),
        format!("  exit statuses       {}", counts(&tally.statuses)),
    ];
    rows.extend(tally.coverage.rows());
    rows.join("\n")
}

fn counts<K: std::fmt::Display>(counts: &BTreeMap<K, u64>) -> String {
    let parts: Vec<String> = counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    parts.join(", ")
}
