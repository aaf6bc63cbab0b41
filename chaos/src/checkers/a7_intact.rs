//! A7: what is intact is not written to. What an amend itself had put there is A5's matter.

use super::Run;
use super::a5_idempotent::is_to_write;
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if run.is_open() || run.circumstances.second {
        return;
    }
    for write in run.writes.iter().filter(|write| !write.over_a_machines) {
        if run.is_to_stay(&write.key) {
            let sentence = format!("it was intact, and was written to ({:?})", write.kind);
            violations.push(Violation::at(Property::A7, &write.key, sentence));
        }
    }
    for (key, _, object) in run.answers() {
        let by_a_machine = run.log.is_a_machines(key);
        if is_to_write(&object.decision) && !by_a_machine && run.is_to_stay(key) {
            let sentence = format!(
                "it is intact, and the report says {}",
                object.decision.name()
            );
            violations.push(Violation::at(Property::A7, key, sentence));
        }
    }
}
