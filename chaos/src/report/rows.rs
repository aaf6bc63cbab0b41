//! A story's moments as rows, as many as there is room for: what is left out is counted where it was.

use std::collections::{BTreeMap, BTreeSet};

use super::moments::{Moment, is_request};
use super::story::Story;

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row<'a> {
    /// A moment.
    Moment(&'a Moment),
    /// Lines of the trace that are left out, counted and in words.
    Gap(String),
}

/// At most so many rows, the moments of the least weight left out first.
pub fn rows(story: &Story, most: usize) -> Vec<Row<'_>> {
    let mut shown: BTreeSet<usize> = (0..story.moments.len()).collect();
    loop {
        let rows = with_gaps(story, &shown);
        let weight = |nth: &&usize| (story.moments[**nth].weight, **nth);
        let lightest = shown.iter().max_by_key(weight).copied();
        match lightest {
            Some(nth) if rows.len() > most && shown.len() > 1 => shown.remove(&nth),
            _ => return rows,
        };
    }
}

fn with_gaps<'a>(story: &'a Story, shown: &BTreeSet<usize>) -> Vec<Row<'a>> {
    let moments: Vec<&Moment> = shown.iter().map(|nth| &story.moments[*nth]).collect();
    let covered: BTreeSet<u64> = moments
        .iter()
        .flat_map(|moment| &moment.covers)
        .copied()
        .collect();
    let last = story.moments.iter().flat_map(|moment| &moment.covers).max();
    let hidden = story.trace.iter().filter(|event| {
        Some(&event.seq) <= last
            && !covered.contains(&event.seq)
            // A machine's own steps without anything that is seen outside of it.
            && !matches!(event.kind, "progress" | "begin" | "arm" | "timer")
    });
    let mut hidden = hidden.peekable();
    let mut rows = Vec::new();
    let early = story
        .moments
        .iter()
        .filter(|moment| moment.seq.is_none())
        .count();
    let shown_early = moments.iter().filter(|moment| moment.seq.is_none()).count();
    for moment in moments {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        let mut count = 0;
        while let Some(event) =
            hidden.next_if(|event| moment.seq.is_some_and(|seq| event.seq < seq))
        {
            count += 1;
            if is_request(event.kind) || matches!(event.kind, "act" | "crash" | "done" | "start") {
                *kinds.entry(event.kind).or_default() += 1;
            }
        }
        if count > 0 {
            rows.push(Row::Gap(gap(count, &kinds)));
        }
        rows.push(Row::Moment(moment));
    }
    if shown_early < early {
        let left = early - shown_early;
        rows.insert(0, Row::Gap(format!("… {left} acts before")));
    }
    rows
}

fn gap(count: usize, kinds: &BTreeMap<&str, usize>) -> String {
    let told = kinds.iter().map(|(kind, times)| match times {
        1 => (*kind).to_owned(),
        _ => format!("{kind} ×{times}"),
    });
    let told: Vec<String> = told.collect();
    let colon = if told.is_empty() { "" } else { ": " };
    let s = if count == 1 { "" } else { "s" };
    format!("… {count} event{s}{colon}{}", told.join(", "))
}
