//! A8: an object is published after everything restorable that it references.
//!
//! A child that the machine could not bring back in this run does not hold its parent up: it is then
//! unknown in the report, or, where a crash left none, something had struck.

use firedrill_core::amend::Decision;

use super::Run;
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if run.is_open() {
        return;
    }
    for write in run.writes {
        for child in &write.missing_children {
            let given_up = match (run.report, run.said(child)) {
                (None, _) => run.may_be_unknown(child),
                (Some(_), None) => true,
                (Some(_), Some(said)) => said.decision == Decision::Unknown,
            };
            if !given_up && !run.touched.contains(child) && !run.touched.contains(&write.key) {
                let sentence = format!("it was published before {child}, which it references");
                violations.push(Violation::at(Property::A8, &write.key, sentence));
            }
        }
    }
}
