//! What nobody may say, and nobody may publish, even where it is open what must come back (A4, A2).
//!
//! These sentences need no expectation; each is refuted by the log and by what the writer wrote:
//!
//! | said | refuted by |
//! |---|---|
//! | it is there now | nothing is current |
//! | it is lost | a version holds the very bytes that were written once under this key |
//! | it was read, and is what its reference names | current are bytes that no such object ever had |

use bytes::Bytes;
use firedrill_core::amend::{Class, Decision, ObjectReport, State, Verified};
use firedrill_core::object::Key;

use super::{Run, claims};
use crate::judge::WriteKind;
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    if run.is_open() {
        no_invented_hint(run, violations);
    }
    let Some(report) = run.report else { return };
    // Of whoever was told to stop, the other checkers ask little.
    let is_to_check = run.is_open() || run.is_interrupted();
    if !is_to_check || report.state == State::Refused {
        return;
    }
    let objects = report.objects.iter();
    for object in objects.filter(|object| !run.is_anothers(&object.key)) {
        let key = &object.key;
        if claims(&object.decision) && object.done && run.log.current(key).is_none() {
            let sentence = "the report says that it is there, and nothing is current";
            violations.push(Violation::at(Property::A4, key, sentence));
        }
        if object.decision == Decision::Lost && run.survives(object) {
            let sentence =
                "the report says lost, and a version holds what was written under this key";
            violations.push(Violation::at(Property::A4, key, sentence));
        }
        if claims(&object.decision) && object.done && run.is_misread(object) {
            let sentence =
                "the report says that it was read, and what is current was never such an object";
            violations.push(Violation::at(Property::A2, key, sentence));
        }
    }
}

/// A hint that a machine wrote is one that the writer wrote, whether it reports of it or not.
fn no_invented_hint(run: &Run<'_>, violations: &mut Vec<Violation>) {
    let mut puts = run.writes.iter().filter(|write| {
        write.kind == WriteKind::Put && run.truth.hint.as_ref() == Some(&write.key)
    });
    if let Some(put) = puts.next()
        && !run.touched.contains(&put.key)
        && !run.is_hint(run.log.current(&put.key))
    {
        let sentence = "a hint was published that no commit ever had";
        violations.push(Violation::at(Property::A2, &put.key, sentence));
    }
}

impl Run<'_> {
    /// Whether these bytes are a commit's hint.
    fn is_hint(&self, bytes: Option<&Bytes>) -> bool {
        let mut commits = self.truth.commits.iter();
        bytes.is_some_and(|bytes| commits.any(|commit| commit.hint == bytes))
    }

    /// Whether a version holds the bytes of an object that is written once.
    fn survives(&self, object: &ObjectReport) -> bool {
        let written_once = !matches!(object.class, Class::Hint | Class::Object);
        let fact = self.truth.objects.get(&object.key);
        let mut history = self.log.history(&object.key).iter();
        written_once && fact.is_some_and(|fact| history.any(|held| held.holds(&fact.body)))
    }

    /// Whether current are bytes that cannot have been read as what the reference names. A segment does not
    /// say whose it is, so any other one passes.
    fn is_misread(&self, object: &ObjectReport) -> bool {
        if object.verified != Verified::Content {
            return false;
        }
        let Some(current) = self.log.current(&object.key) else {
            return false;
        };
        let bodies_of = |wanted: fn(&Key, &ObjectReport, Class) -> bool| {
            let facts = self.truth.objects.iter();
            let mut bodies = facts
                .filter(move |(key, fact)| wanted(key, object, fact.class))
                .map(|(_, fact)| &fact.body);
            bodies.any(|body| body == current)
        };
        match object.class {
            Class::Hint => !self.is_hint(Some(current)),
            Class::Snapshot => !bodies_of(|key, object, _| *key == object.key),
            Class::Segment => !bodies_of(|_, _, class| class == Class::Segment),
            _ => false,
        }
    }
}
