//! A3: unreferenced keys stay untouched, no data version is ever deleted; a dry run and a refusal write
//! nothing at all.

use firedrill_core::amend::State;

use super::Run;
use crate::judge::WriteKind;
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    for write in run.writes {
        let mut violated = |sentence: &str| {
            violations.push(Violation::at(Property::A3, &write.key, sentence));
        };
        if write.kind == WriteKind::VersionRemoved {
            violated("a data version was deleted for good");
        }
        if !run.atlas.referenced.contains(&write.key) && !run.may_be_of_another_commit(&write.key) {
            violated(match run.circumstances.silent {
                true => "this key was not there at the moment asked for, and it was written to",
                false => "the chosen commit does not reference this key, and it was written to",
            });
        }
        if run.circumstances.dry_run {
            violated("a dry run wrote");
        }
    }
    let refused = run
        .report
        .is_some_and(|report| report.state == State::Refused);
    if refused && let Some(write) = run.writes.first() {
        let sentence = "it refused, and wrote all the same";
        violations.push(Violation::at(Property::A3, &write.key, sentence));
    }
}

impl Run<'_> {
    /// Where it is open which commit a machine saw, each one's objects are its to write.
    fn may_be_of_another_commit(&self, key: &firedrill_core::object::Key) -> bool {
        self.circumstances.beyond && self.truth.objects.contains_key(key)
    }
}
