//! The report, read back from the JSON document that the command printed.

use std::collections::BTreeMap;

use firedrill_core::amend::{
    BelowLost, Chosen, Class, Commit, Cost, Decision, ObjectReport, Report, State, Verified,
};
use firedrill_core::object::{Key, VersionId, WallTime};
use serde_json::Value;

/// Reads the document. Requests and costs are left out: no checker looks at them.
///
/// # Errors
/// What in it is not as it should be.
pub(super) fn report(text: &str) -> Result<Report, String> {
    let document: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let objects = list(&document, "objects")?.iter().map(object);
    let below = list(&document, "below_lost")?.iter().map(below);
    let commit = match &document["commit"] {
        Value::Null => None,
        value => Some(commit(value)?),
    };
    let notes = list(&document, "notes")?.iter();
    Ok(Report {
        state: named(&STATES, &document, "state")?,
        applied: truth(&document, "applied")?,
        prefix: Key::from(text_of(&document, "prefix")?),
        refusal: document["refusal"].as_str().map(str::to_owned),
        commit,
        counts: counts(&document)?,
        requests: BTreeMap::new(),
        cost: Cost::default(),
        objects: objects.collect::<Result<_, String>>()?,
        below_lost: below.collect::<Result<_, String>>()?,
        notes: notes
            .filter_map(|note| note.as_str().map(str::to_owned))
            .collect(),
    })
}

fn object(value: &Value) -> Result<ObjectReport, String> {
    Ok(ObjectReport {
        key: Key::from(text_of(value, "key")?),
        class: named(&CLASSES, value, "class")?,
        required: truth(value, "required")?,
        decision: decision(value)?,
        done: truth(value, "done")?,
        verified: match text_of(value, "verified")? {
            "content" => Verified::Content,
            "unverified" => Verified::Unverified,
            other => return Err(format!("verified: {other}")),
        },
        reason: value["reason"].as_str().map(str::to_owned),
    })
}

fn decision(value: &Value) -> Result<Decision, String> {
    Ok(match text_of(value, "decision")? {
        "intact" => Decision::Intact,
        "lost" => Decision::Lost,
        "unknown" => Decision::Unknown,
        "remove-markers" => {
            let markers = list(value, "markers")?.iter();
            let ids = markers.map(|id| id.as_str().map(VersionId::from));
            let markers = ids.collect::<Option<Vec<VersionId>>>();
            Decision::RemoveMarkers {
                markers: markers.ok_or("markers: not all are texts")?,
            }
        }
        "copy-version" => Decision::CopyVersion {
            version: VersionId::from(text_of(value, "version")?),
            size: value["size"].as_u64().ok_or("size: not a number")?,
        },
        other => return Err(format!("decision: {other}")),
    })
}

fn commit(value: &Value) -> Result<Commit, String> {
    let alternatives = list(value, "alternatives")?.iter();
    let timestamp = value["timestamp"].as_str();
    Ok(Commit {
        snapshot: Key::from(text_of(value, "snapshot")?),
        timestamp: timestamp.and_then(WallTime::parse_rfc3339),
        hint_version: value["hint_version"].as_str().map(VersionId::from),
        chosen_by: named(&CHOSEN, value, "chosen_by")?,
        alternatives: alternatives
            .filter_map(|key| key.as_str().map(Key::from))
            .collect(),
    })
}

fn below(value: &Value) -> Result<BelowLost, String> {
    Ok(BelowLost {
        key: Key::from(text_of(value, "key")?),
        blocks: value["blocks"].as_u64(),
        rows: value["rows"].as_u64(),
    })
}

/// Each decision's name in counts.
const DECISIONS: [&str; 5] = [
    "intact",
    "remove-markers",
    "copy-version",
    "lost",
    "unknown",
];

fn counts(value: &Value) -> Result<BTreeMap<&'static str, u64>, String> {
    let counts = value["counts"].as_object().ok_or("counts is missing")?;
    let count = |(name, count): (&String, &Value)| {
        let known = DECISIONS.into_iter().find(|known| known == name);
        let known = known.ok_or_else(|| format!("counts: {name}"))?;
        let count = count.as_u64().ok_or("counts: not a number")?;
        Ok((known, count))
    };
    counts.iter().map(count).collect()
}

const STATES: [(&str, State); 4] = [
    ("complete", State::Complete),
    ("partial", State::Partial),
    ("refused", State::Refused),
    ("interrupted", State::Interrupted),
];

const CHOSEN: [(&str, Chosen); 4] = [
    ("hint", Chosen::Hint),
    ("as-of", Chosen::AsOf),
    ("snapshot", Chosen::Snapshot),
    ("newest-snapshot", Chosen::NewestSnapshot),
];

const CLASSES: [(&str, Class); 12] = [
    ("block", Class::Block),
    ("bloom-index", Class::BloomIndex),
    ("inverted-index", Class::InvertedIndex),
    ("vector-index", Class::VectorIndex),
    ("spatial-index", Class::SpatialIndex),
    ("virtual-column", Class::VirtualColumn),
    ("segment-statistics", Class::SegmentStatistics),
    ("table-statistics", Class::TableStatistics),
    ("segment", Class::Segment),
    ("snapshot", Class::Snapshot),
    ("hint", Class::Hint),
    ("object", Class::Object),
];

fn named<T: Copy>(table: &[(&str, T)], value: &Value, field: &str) -> Result<T, String> {
    let name = text_of(value, field)?;
    let row = table.iter().find(|(known, _)| *known == name);
    row.map(|(_, meant)| *meant)
        .ok_or_else(|| format!("{field}: {name}"))
}

fn text_of<'v>(value: &'v Value, field: &str) -> Result<&'v str, String> {
    let text = value[field].as_str();
    text.ok_or_else(|| format!("{field} is missing"))
}

fn truth(value: &Value, field: &str) -> Result<bool, String> {
    let truth = value[field].as_bool();
    truth.ok_or_else(|| format!("{field} is missing"))
}

fn list<'v>(value: &'v Value, field: &str) -> Result<&'v Vec<Value>, String> {
    let list = value[field].as_array();
    list.ok_or_else(|| format!("{field} is missing"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use firedrill_chaos::{generate, runner};
    use firedrill_core::amend::{Amend, Options};

    #[test]
    fn what_is_written_is_read_again() {
        let mut read = 0;
        for case in 0..60 {
            let scenario = generate::scenario(case);
            let run = runner::run(&scenario, &|options: Options| Amend::new(options), false);
            for written in run.expect("it can be set up").reports {
                let text = serde_json::to_string(&written).expect("its maps have names as keys");
                let expected = Report {
                    requests: BTreeMap::new(),
                    cost: Cost::default(),
                    ..written
                };
                assert_eq!(report(&text), Ok(expected));
                read += 1;
            }
        }
        assert!(read > 100, "{read} reports");
        assert!(report("{").is_err());
        assert!(report("{}").is_err());
    }
}
