//! A1: each referenced object with a surviving matching version is current after. Giving up on what could
//! come back is this property's matter, in a plan as well; saying that it is gone for good is A4's too.

use firedrill_core::amend::{Decision, State};

use super::{Run, claims, is_due};
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    let Some(report) = run.report else { return };
    if run.is_open() || run.is_interrupted() {
        return;
    }
    if report.state == State::Refused {
        if run.atlas.refuse.is_none() && !run.atlas.may_refuse && !run.may_give_up() {
            let why = report.refusal.as_deref().unwrap_or("without a reason");
            let sentence =
                format!("it refused, though the table is there and can be brought back: {why}");
            violations.push(Violation::of_run(Property::A1, sentence));
        }
        return;
    }
    let is_plan = run.circumstances.dry_run;
    for (key, expected, object) in run.answers() {
        if !is_due(expected.must) || run.is_anothers(key) || run.is_right(key, expected) {
            continue;
        }
        let gives_up = match object.decision {
            Decision::Unknown => !run.may_be_unknown(key),
            Decision::Lost => !is_plan,
            _ => false,
        };
        let is_gone = run.log.current(key).is_none();
        let claimed = claims(&object.decision);
        if gives_up || (claimed && is_gone && !is_plan) {
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
