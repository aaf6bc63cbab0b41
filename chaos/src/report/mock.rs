//! What a listing of a bucket of its own showed: no machine has part in it, so its story is the bucket's.
//!
//! The operations are a function of the seed, so they are simply done again, with the same planted bug.

use firedrill_core::object::Key;
use firedrill_sim::draw::Seed;

use super::bucket::{self, Change, Right};
use super::model::{Comparison, KeyHistory, Stored};
use super::moments::{Lane, Moment, Sort, act};
use super::names::Names;
use super::page::Tone;
use super::story::{Story, claim};
use crate::campaign;
use crate::chronicle::Place;
use crate::mock_workload;
use crate::oracle::log::Log;
use crate::scenario::Scenario;

/// Changes that are told, at most: the last ones.
const CHANGES_MAX: usize = 24;

/// Tells it, if that is what happened.
pub(super) fn tell(story: &mut Story, scenario: &Scenario, planted: Option<&'static str>) {
    campaign::activate(planted);
    let (violations, log) = mock_workload::told(Seed(scenario.seed), scenario.mock_operations);
    campaign::activate(None);
    let Some(violation) = violations.first() else {
        return;
    };
    let records = log.records();
    let place = |record| Place {
        record,
        seq: 0,
        operation: None,
    };
    let places: Vec<Place> = (0..records.len()).map(place).collect();
    let names = Names::of("", records, std::iter::empty());
    let changes = bucket::changes(records, &places, &Right::new(), &names);
    let named = names.named_in(&violation.sentence).cloned();
    let mut keys: Vec<Key> = violation.key.iter().cloned().chain(named).collect();
    keys.dedup();
    story.claims = vec![names.shorten(&claim(violation))];
    story.lanes = vec![Lane::Storage, Lane::Others];
    let ours = |change: &Change| keys.contains(&change.key) || change.key.as_str().is_empty();
    // One record for each operation that took effect.
    let told: Vec<(u64, &Change)> = (1..)
        .zip(&changes)
        .filter(|(_, change)| ours(change))
        .collect();
    let late = told.len().saturating_sub(CHANGES_MAX);
    let late = told[late..].iter();
    story.moments = late
        .map(|(number, change)| moment(*number, change))
        .collect();
    // The trace is of another bucket.
    story.trace.clear();
    story.moments.push(Moment {
        sort: Sort::Done,
        lane: 0,
        towards: None,
        seq: Some(records.len() as u64),
        violates: true,
        weight: 0,
        ..act(1, "is listed, page by page".into(), Tone::Bad)
    });
    let (_, orders) = violation
        .sentence
        .split_once(": listed ")
        .unwrap_or_default();
    if let Some((listed, expected)) = orders.split_once(", expected ") {
        story.comparisons.push(Comparison {
            what: "the listing".into(),
            expected: names.shorten(expected),
            actual: names.shorten(listed),
            holds: false,
        });
    }
    story.histories = keys.iter().map(|key| history(key, &log, &names)).collect();
}

fn moment(number: u64, change: &Change) -> Moment {
    let words = match change.key.as_str() {
        "" => change.words.clone(),
        key => format!("{key}: {}", change.words),
    };
    Moment {
        seq: Some(number),
        ..act(1, words, change.tone)
    }
}

fn history(key: &Key, log: &Log, names: &Names) -> KeyHistory {
    let held = log.history(key).iter().map(|held| Stored {
        id: names.version(&held.id),
        what: held
            .body
            .as_ref()
            .map_or("marker".into(), |body| format!("{} bytes", body.len())),
        tone: if held.body.is_some() {
            Tone::Plain
        } else {
            Tone::Warn
        },
        only_here: false,
    });
    let held: Vec<Stored> = held.collect();
    KeyHistory {
        name: key.to_string(),
        key: key.clone(),
        what: "in a bucket of its own".into(),
        before: held.clone(),
        after: held,
    }
}
