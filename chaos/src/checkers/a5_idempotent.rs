//! A5: a second run writes nothing and finds everything intact that the first one brought back; and what
//! some run has put in place, no later one puts there again.

use firedrill_core::amend::Decision;

use super::{Run, claims};
use crate::atlas::Must;
use crate::judge::{Write, WriteKind};
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if !run.circumstances.second {
        again(run, violations);
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
    let mut objects = objects.unwrap_or_default().iter();
    if let Some(object) = objects.find(|object| is_to_write(&object.decision)) {
        let sentence = format!("the second run says {}", object.decision.name());
        violations.push(Violation::at(Property::A5, &object.key, sentence));
    }
}

/// Of a run after one that was disturbed: what stands there by a machine's hand is not written again.
fn again(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if run.is_open() {
        return;
    }
    for write in run.writes.iter().filter(|write| write.over_a_machines) {
        // Where two machines write at once, the one that wrote first may have had no business there either.
        let stood_there = run.is_to_stay(&write.key) && !run.shared.contains(&write.key);
        if stood_there || run.is_repeated(write) {
            let sentence = format!(
                "an amend had put it there, and it was written to again ({:?})",
                write.kind
            );
            violations.push(Violation::at(Property::A5, &write.key, sentence));
        }
    }
    for (key, _, object) in run.answers() {
        let rewritten = is_to_write(&object.decision) && run.log.is_a_machines(key);
        let written_now = run.writes.iter().any(|write| write.key == *key);
        if rewritten && !written_now && run.is_to_stay(key) {
            let sentence = format!(
                "an amend had put it there, and the report says {}",
                object.decision.name()
            );
            violations.push(Violation::at(Property::A5, key, sentence));
        }
    }
}

/// Whether a decision says that the object was not in place.
pub(super) fn is_to_write(decision: &Decision) -> bool {
    claims(decision) && *decision != Decision::Intact
}

impl Run<'_> {
    /// Whether the right bytes stood there already when they were published: put there in this very run, for what
    /// stood there before it is A7's matter. A
    /// removal that lands when its sender has given it up, and copied, only takes a marker from below the copy.
    fn is_repeated(&self, write: &Write) -> bool {
        let expected = self.atlas.objects.get(&write.key);
        matches!(write.kind, WriteKind::Copied | WriteKind::Put)
            && write.right_before
            && expected.is_some_and(|expected| expected.must == Must::Recover)
            && !self.touched.contains(&write.key)
    }

    /// Whether a key was in place at the start, and nobody else changed it.
    pub(super) fn is_to_stay(&self, key: &firedrill_core::object::Key) -> bool {
        let expected = self.atlas.objects.get(key);
        expected.is_some_and(|expected| expected.must == Must::Stay) && !self.touched.contains(key)
    }
}
