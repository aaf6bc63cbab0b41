//! A1: each referenced object with a surviving matching version is current after.

use firedrill_core::amend::State;

use super::{Run, claims, is_due};
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if run.is_open() || run.report.is_none() || !run.goes_to_its_end() {
        return;
    }
    if run
        .report
        .is_some_and(|report| report.state == State::Refused)
    {
        if run.atlas.refuse.is_none() && !run.atlas.may_refuse && !run.may_give_up() {
            let sentence = "it refused, though the table is there and can be brought back";
            violations.push(Violation::of_run(Property::A1, sentence));
        }
        return;
    }
    for (key, expected, object) in run.answers() {
        if !is_due(expected.must) || run.touched.contains(key) || run.is_right(key, expected) {
            continue;
        }
        let honest_excuse = !claims(&object.decision) && run.may_be_unknown(key);
        let is_gone = run.log.current(key).is_none();
        if !honest_excuse && (is_gone || !claims(&object.decision)) {
            let sentence = format!(
                "{:?} has a version with the right bytes; afterwards {}, and the report says {}",
                expected.class,
                if is_gone {
                    "the key is gone"
                } else {
                    "other bytes are current"
                },
                object.decision.name()
            );
            violations.push(Violation::at(Property::A1, key, sentence));
        }
    }
}
