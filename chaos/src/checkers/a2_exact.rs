//! A2: what is reported intact or restored is what the writer wrote, and nothing else is ever published, nor
//! planned to be.
//!
//! Exempt is garbage of the right length in the place of an original that is gone: no listing shows it.

use firedrill_core::amend::{Decision, ObjectReport};
use firedrill_core::object::{Key, VersionId};

use super::{Run, claims, is_due};
use crate::atlas::Expected;
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
    for (key, expected, object) in run.answers() {
        let is_open = expected.must.is_free() || run.is_anothers(key);
        if !is_open && run.plans_other(key, expected, &object.decision) {
            let sentence = format!(
                "the plan says {}, and that would not publish the {:?}'s own bytes",
                object.decision.name(),
                expected.class
            );
            violations.push(Violation::at(Property::A2, key, sentence));
        }
        if !is_open && run.claims_other(key, expected, object) {
            let current = run.log.current(key);
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

impl Run<'_> {
    /// Whether a plan for a key that can come back would put other bytes there: it names another version, or
    /// takes away something else than markers, or markers above other bytes.
    fn plans_other(&self, key: &Key, expected: &Expected, decision: &Decision) -> bool {
        if !self.circumstances.dry_run || !is_due(expected.must) {
            return false;
        }
        let history = self.log.history(key);
        let named = |id: &VersionId| history.iter().find(|held| held.id == *id);
        match decision {
            Decision::CopyVersion { version, .. } => {
                !named(version).is_some_and(|held| held.holds(&expected.right))
            }
            Decision::RemoveMarkers { markers } => {
                let is_marker = |id| named(id).is_some_and(|held| held.body.is_none());
                let newest = history.iter().find(|held| held.body.is_some());
                !markers.iter().all(is_marker)
                    || !newest.is_some_and(|held| held.holds(&expected.right))
            }
            _ => false,
        }
    }

    /// Whether the report says that the key is in place, and other bytes are there. A plan says so only of
    /// what it calls intact.
    pub(super) fn claims_other(
        &self,
        key: &Key,
        expected: &Expected,
        object: &ObjectReport,
    ) -> bool {
        let claimed = match self.circumstances.dry_run {
            true => object.decision == Decision::Intact,
            false => claims(&object.decision),
        };
        claimed && self.log.current(key).is_some() && !self.is_right(key, expected)
    }
}
