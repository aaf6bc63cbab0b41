//! A7: what is intact is not written to.

use super::Run;
use crate::atlas::Must;
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if run.is_open() {
        return;
    }
    for write in run.writes {
        let must = run
            .atlas
            .objects
            .get(&write.key)
            .map(|expected| expected.must);
        if must == Some(Must::Stay) && !run.touched.contains(&write.key) {
            let sentence = format!("it was intact, and was written to ({:?})", write.kind);
            violations.push(Violation::at(Property::A7, &write.key, sentence));
        }
    }
    let changed = |object: &firedrill_core::amend::ObjectReport| {
        super::claims(&object.decision)
            && object.decision != firedrill_core::amend::Decision::Intact
    };
    for (key, expected, object) in run.answers() {
        if expected.must == Must::Stay && changed(object) && !run.touched.contains(key) {
            let sentence = format!(
                "it is intact, and the report says {}",
                object.decision.name()
            );
            violations.push(Violation::at(Property::A7, key, sentence));
        }
    }
}
