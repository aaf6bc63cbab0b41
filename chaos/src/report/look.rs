//! Looks into a kept run: what brought a line of the trace about, and what keys held behind it.

use firedrill_core::object::Key;
use firedrill_sim::trace::TraceEvent;

use super::bucket;
use super::moments::causes_of;
use super::story;
use super::text::time;
use crate::oracle::log::Held;
use crate::property::Property;
use crate::runner::Outcome;

/// A look at something that is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookError {
    /// The trace is shorter.
    #[error("the trace has no line {seq}: it has {lines}")]
    NoSuchLine {
        /// The line asked for.
        seq: u64,
        /// How many there are.
        lines: u64,
    },
    /// Nothing to show.
    #[error("no key is called like {what:?}; `--show all` shows every key")]
    NoSuchKey {
        /// What was asked for.
        what: String,
    },
}

/// A line of the trace and every line that brought it about, first cause first.
///
/// # Errors
/// There is no such line.
pub fn causes(outcome: &Outcome, seq: u64) -> Result<String, LookError> {
    let events = outcome.trace.events();
    if seq == 0 || seq > events.len() as u64 {
        let lines = outcome.trace.len();
        return Err(LookError::NoSuchLine { seq, lines });
    }
    let slice = causes_of(events, seq);
    let chosen = events.iter().filter(|event| slice.contains(&event.seq));
    let rows: Vec<String> = chosen.map(line).collect();
    Ok(rows.join("\n"))
}

/// What keys held behind a line of the trace, newest first.
///
/// # Errors
/// There is no such line, or no key is called so.
pub fn keys_at(
    outcome: &Outcome,
    seq: u64,
    property: Option<Property>,
    what: &str,
) -> Result<String, LookError> {
    let lines = outcome.trace.len();
    if seq > lines {
        return Err(LookError::NoSuchLine { seq, lines });
    }
    let log = bucket::at(&outcome.scene, seq);
    let of_violation = property.map(|property| story::keys(outcome, property));
    let of_violation = of_violation.unwrap_or_default();
    let is_wanted = |key: &Key| match what {
        "all" => true,
        "keys" => of_violation.contains(key),
        part => key.as_str().contains(part),
    };
    let records = outcome.scene.log.records().iter();
    let mut keys: Vec<&Key> = records.map(|record| &record.key).collect();
    keys.retain(|key| !key.as_str().is_empty() && is_wanted(key));
    keys.sort();
    keys.dedup();
    if keys.is_empty() {
        let what = what.to_owned();
        return Err(LookError::NoSuchKey { what });
    }
    let mut rows = vec![match seq.checked_sub(1) {
        None => "as the machine finds it".to_owned(),
        Some(at) => format!("behind {}", line(&outcome.trace.events()[at as usize])),
    }];
    for key in keys {
        rows.push(key.to_string());
        let history = log.history(key);
        let right = outcome.scene.truth.objects.get(key).map(|fact| &fact.body);
        let told = history.iter().map(|held| {
            let bytes = match (&held.body, right) {
                (None, _) => "delete marker".to_owned(),
                (Some(body), Some(right)) if body == right => {
                    format!("{} bytes, right", body.len())
                }
                (Some(body), Some(_)) => format!("{} bytes, other", body.len()),
                (Some(body), None) => format!("{} bytes", body.len()),
            };
            format!("  {}  {bytes}{}", held.id, archived(held))
        });
        rows.extend(told);
        if history.is_empty() {
            rows.push("  nothing: no version and no marker".into());
        }
    }
    Ok(rows.join("\n"))
}

fn archived(held: &Held) -> &'static str {
    if held.archived { ", archived" } else { "" }
}

/// A line of the trace for a person.
fn line(event: &TraceEvent) -> String {
    let host = match event.host {
        0 => "storage".to_owned(),
        host => format!("host {host}"),
    };
    let faults = event.note.faults.iter();
    let faults: String = faults.map(|fault| format!(" f{}", fault + 1)).collect();
    let words = [event.kind, &event.entity, &event.detail, &event.note.words];
    let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
    format!(
        "{:>6} {:>9}  {host:<8} {}{faults}",
        event.seq,
        time(event.at),
        words.join("  ")
    )
}
