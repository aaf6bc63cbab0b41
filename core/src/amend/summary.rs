//! The report at the end.

use std::collections::BTreeMap;
use std::mem::discriminant;

use crate::object::{Key, Operation};

use super::machine::Amend;
use super::report::{Class, Cost, Decision, ObjectReport, Report, State, Verified};

/// What is said at the end.
pub(super) fn report(amend: &Amend, state: State, refusal: Option<String>) -> Report {
    let refused = state == State::Refused;
    let objects: Vec<ObjectReport> = if refused {
        Vec::new()
    } else {
        amend
            .objects
            .by_key
            .iter()
            .map(|(key, object)| object_report(key, object))
            .collect()
    };
    let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
    // Neighbours share their fate as a rule.
    for alike in
        objects.chunk_by(|one, next| discriminant(&one.decision) == discriminant(&next.decision))
    {
        *counts.entry(alike[0].decision.name()).or_default() += alike.len() as u64;
    }
    let mut requests = amend.courier.sent.clone();
    if !amend.options.apply && state != State::Refused {
        add_planned(amend, &objects, &mut requests);
    }
    Report {
        state,
        applied: amend.options.apply,
        prefix: amend.options.prefix.clone(),
        refusal,
        commit: amend.closure.commit.clone(),
        counts,
        requests,
        cost: Cost {
            bytes_read: amend.courier.bytes_read,
            bytes_copied: objects.iter().map(bytes_copied).sum(),
        },
        below_lost: amend.closure.below_lost.clone(),
        notes: amend.closure.notes.clone(),
        objects,
    }
}

fn object_report(key: &Key, object: &super::objects::Object) -> ObjectReport {
    ObjectReport {
        key: key.clone(),
        class: object.class,
        required: object.class.is_required(),
        decision: object.decision.clone(),
        done: object.done,
        verified: match object.decision {
            Decision::Lost | Decision::Unknown => Verified::Unverified,
            _ => object.verified,
        },
        reason: object.reason.clone(),
    }
}

fn bytes_copied(object: &ObjectReport) -> u64 {
    match object.decision {
        Decision::CopyVersion { size, .. } => size,
        _ => 0,
    }
}

/// What an apply would add to the requests of a dry run: batches of markers for each level, a copy for
/// each version, a write for the hint, and the verification's listing.
fn add_planned(amend: &Amend, objects: &[ObjectReport], requests: &mut BTreeMap<Operation, u64>) {
    let mut markers: BTreeMap<usize, u64> = BTreeMap::new();
    let mut add = |operation, count: u64| {
        if count > 0 {
            *requests.entry(operation).or_default() += count;
        }
    };
    for object in objects {
        match &object.decision {
            Decision::RemoveMarkers { markers: own } => {
                let level = amend.level_of(&object.key, object.class);
                *markers.entry(level).or_default() += own.len() as u64;
            }
            Decision::CopyVersion { .. } if object.class == Class::Hint => {
                add(Operation::PutObject, 1);
            }
            Decision::CopyVersion { .. } => add(Operation::CopyObject, 1),
            _ => {}
        }
    }
    let removed: u64 = markers.values().sum();
    let copied = objects.iter().filter(|object| bytes_copied(object) > 0);
    let copies = copied.count() as u64;
    add(
        Operation::DeleteObjects,
        markers.values().map(|count| count.div_ceil(1000)).sum(),
    );
    if amend.objects.any_to_write() {
        let (entries, pages) = amend.planned_from;
        let page_size = entries.div_ceil(pages.max(1)).max(1);
        let entries_then = entries.saturating_sub(removed) + copies;
        add(
            Operation::ListObjectVersions,
            entries_then.div_ceil(page_size).max(1),
        );
    }
}
