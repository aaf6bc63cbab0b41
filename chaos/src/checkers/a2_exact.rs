//! A2: what is reported intact or restored is what the writer wrote, and nothing else is ever published.
//!
//! Exempt is garbage of the right length in the place of an original that is gone: no listing shows it.

use firedrill_core::amend::Decision;

use super::{Run, claims};
use crate::judge::WriteKind;
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if run.is_open() {
        return;
    }
    for write in run.writes {
        let publishes = matches!(write.kind, WriteKind::Copied | WriteKind::Put);
        let Some(expected) = run.atlas.objects.get(&write.key) else {
            continue;
        };
        if publishes
            && !write.right_after
            && !expected.must.is_free()
            && !run.touched.contains(&write.key)
        {
            let sentence = format!(
                "other bytes than the {:?}'s own were published",
                expected.class
            );
            violations.push(Violation::at(Property::A2, &write.key, sentence));
        }
    }
    if run.is_interrupted() {
        return;
    }
    // A plan claims of nothing that it is in place, but of what it calls intact.
    let is_plan = run.circumstances.dry_run;
    for (key, expected, object) in run.answers() {
        let current = run.log.current(key);
        let is_other = current.is_some_and(|current| *current != expected.right);
        let claimed = match is_plan {
            true => object.decision == Decision::Intact,
            false => claims(&object.decision),
        };
        if claimed && is_other && !expected.must.is_free() && !run.touched.contains(key) {
            let sentence = format!(
                "the report says {}, and other bytes are current: {} instead of {}",
                object.decision.name(),
                current.map_or(0, bytes::Bytes::len),
                expected.right.len()
            );
            violations.push(Violation::at(Property::A2, key, sentence));
        }
    }
}
