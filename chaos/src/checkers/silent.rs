//! A1 of a machine whose report names no objects: whoever says that it is done has brought back everything
//! that can come back, and whoever gives up was hindered.

use firedrill_core::amend::{Report, State};

use super::{Run, is_due};
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    let Some(report) = run.report else { return };
    if run.is_open() || run.atlas.refuse.is_some() || !run.goes_to_its_end() {
        return;
    }
    if report.state != State::Complete {
        gave_up(run, report, violations);
        return;
    }
    for (key, expected) in &run.atlas.objects {
        if !is_due(expected.must) || run.is_anothers(key) || run.is_right(key, expected) {
            continue;
        }
        let sentence = match run.log.current(key) {
            None => "it said that it was done, and the key is gone: a version has its bytes",
            Some(_) => {
                "it said that it was done, and other bytes are current: a version has the right ones"
            }
        };
        violations.push(Violation::at(Property::A1, key, sentence));
    }
}

fn gave_up(run: &Run<'_>, report: &Report, violations: &mut Vec<Violation>) {
    let mut objects = run.atlas.objects.values();
    let was_hindered = run.circumstances.strikes > 0
        || run.circumstances.denied_root
        || run.circumstances.removal_denied
        || !run.denied.is_empty()
        || !run.touched.is_empty()
        || !run.shared.is_empty()
        || run.atlas.may_refuse
        || objects.any(|expected| !is_due(expected.must));
    if !was_hindered {
        let why = report.refusal.as_deref().unwrap_or("without a reason");
        let sentence = format!("it gave up, and nothing kept it from working: {why}");
        violations.push(Violation::of_run(Property::A1, sentence));
    }
}
