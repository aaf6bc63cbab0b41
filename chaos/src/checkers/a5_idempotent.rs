//! A5: a second run writes nothing and finds everything intact that the first one brought back.

use firedrill_core::amend::Decision;

use super::{Run, claims};
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if !run.circumstances.second {
        return;
    }
    if let Some(write) = run.writes.first() {
        let sentence = format!(
            "the second run wrote {} times, first here ({:?})",
            run.writes.len(),
            write.kind
        );
        violations.push(Violation::at(Property::A5, &write.key, sentence));
    }
    let objects = run.report.map(|report| report.objects.as_slice());
    let changed = |decision: &Decision| claims(decision) && *decision != Decision::Intact;
    let again = objects
        .unwrap_or_default()
        .iter()
        .find(|object| changed(&object.decision));
    if let Some(object) = again {
        let sentence = format!("the second run says {}", object.decision.name());
        violations.push(Violation::at(Property::A5, &object.key, sentence));
    }
}
