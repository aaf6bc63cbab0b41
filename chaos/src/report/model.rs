//! What the atlas expected of the keys of a violation against what is, and their histories before and after.

use firedrill_core::amend::{Decision, Report};
use firedrill_core::object::Key;

use super::bucket;
use super::moments::Plot;
use super::page::Tone;
use crate::atlas::Must;
use crate::oracle::log::{Author, Held, Log};
use crate::property::Property;

/// One thing that was expected, and what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// Of what.
    pub what: String,
    /// What had to be.
    pub expected: String,
    /// What is.
    pub actual: String,
    /// Whether that is the same.
    pub holds: bool,
}

/// One key's versions and markers, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyHistory {
    /// Its short name.
    pub name: String,
    /// Itself.
    pub key: Key,
    /// What it is to its table, with its size.
    pub what: String,
    /// As the life found it.
    pub before: Vec<Stored>,
    /// As it left it.
    pub after: Vec<Stored>,
}

/// One version or marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its short id.
    pub id: String,
    /// What it holds.
    pub what: String,
    /// How that is.
    pub tone: Tone,
    /// Whether it is only here, and not on the other side.
    pub only_here: bool,
}

impl<'a> Plot<'a> {
    /// Expected against actual, for each key and for the run.
    pub(super) fn comparisons(self) -> Vec<Comparison> {
        let (before, after) = (self.at(self.life.began), self.at(self.life.ended));
        let mut rows = Vec::new();
        rows.extend(self.of_listing());
        rows.extend(self.of_order());
        for key in self.keys {
            rows.push(self.of_bucket(key, before.history(key), after.history(key)));
            rows.extend(self.of_report(key));
        }
        rows.extend(self.of_run());
        rows
    }

    /// The keys' histories.
    pub(super) fn histories(self) -> Vec<KeyHistory> {
        let (before, after) = (self.at(self.life.began), self.at(self.life.ended));
        let facts = &self.outcome.scene.truth.objects;
        self.keys
            .iter()
            .map(|key| {
                let (then, now) = (before.history(key), after.history(key));
                let size = facts.get(key).map(|fact| fact.body.len());
                KeyHistory {
                    name: self.names.key(key),
                    key: key.clone(),
                    what: match size {
                        Some(size) => format!("{size} bytes"),
                        None => "not the table's".into(),
                    },
                    before: self.stored(key, then, now),
                    after: self.stored(key, now, then),
                }
            })
            .collect()
    }

    fn at(self, seq: u64) -> Log {
        bucket::at(&self.outcome.scene, seq)
    }

    /// What one entry of a history holds.
    fn bytes(self, key: &Key, held: &Held) -> (String, Tone) {
        let archived = if held.archived { ", archived" } else { "" };
        match (&held.body, self.right.get(key)) {
            (None, _) => ("marker".into(), Tone::Warn),
            (Some(body), Some(right)) if body == right => {
                (format!("right bytes{archived}"), Tone::Good)
            }
            (Some(body), Some(_)) => (format!("other bytes ({}){archived}", body.len()), Tone::Bad),
            (Some(body), None) => (format!("{} bytes{archived}", body.len()), Tone::Plain),
        }
    }

    fn stored(self, key: &Key, here: &[Held], there: &[Held]) -> Vec<Stored> {
        let is_in = |held: &Held| {
            let mut there = there.iter();
            there.any(|other| other.id == held.id && other.body == held.body)
        };
        here.iter()
            .map(|held| {
                let (what, tone) = self.bytes(key, held);
                Stored {
                    id: self.names.version(&held.id),
                    what,
                    tone,
                    only_here: !is_in(held),
                }
            })
            .collect()
    }

    fn is_right(self, key: &Key, held: &Held) -> bool {
        held.body.is_some() && held.body.as_ref() == self.right.get(key)
    }

    fn of_bucket(self, key: &Key, before: &[Held], after: &[Held]) -> Comparison {
        if self.property == Property::A9 && Some(key) == self.outcome.scene.truth.hint.as_ref() {
            let commits = after.iter().find(|held| self.is_right(key, held));
            let id = commits.map_or(String::new(), |held| {
                format!(" ({})", self.names.version(&held.id))
            });
            return Comparison {
                what: format!("{} in the bucket", self.names.key(key)),
                expected: format!("what the commit meanwhile wrote{id} is current"),
                actual: self.standing(key, after),
                holds: after.first().is_some_and(|held| self.is_right(key, held)),
            };
        }
        let atlas = &self.life.atlas;
        let must = atlas.objects.get(key).map(|expected| expected.must);
        let right = |held: &&Held| self.is_right(key, held);
        let source = match must {
            Some(Must::Stay) => before.iter().find(right),
            _ => before.iter().rfind(right),
        };
        let source = source.map_or(String::new(), |held| {
            format!(" ({})", self.names.version(&held.id))
        });
        let current = after.first().is_some_and(|held| self.is_right(key, held));
        let (expected, holds) = match must {
            Some(Must::Stay) => (format!("the right bytes{source} stay current"), current),
            Some(Must::Recover) => (
                format!("the right bytes{source} are current again"),
                current,
            ),
            Some(Must::Lose) => ("lost: no version has the right bytes".into(), true),
            Some(Must::Refuse) => {
                let words = format!("not to be restored as things stand{source}");
                (words, true)
            }
            Some(Must::Free(why)) => (format!("open: {why}"), true),
            None if atlas.referenced.contains(key) => ("open: out of sight".into(), true),
            None => (
                "untouched: the chosen commit does not reference it".into(),
                before == after,
            ),
        };
        Comparison {
            what: format!("{} in the bucket", self.names.key(key)),
            expected,
            actual: self.standing(key, after),
            holds,
        }
    }

    /// What a GET finds, and what lies below.
    fn standing(self, key: &Key, held: &[Held]) -> String {
        let Some(top) = held.first() else {
            return "gone: no version and no marker is left".into();
        };
        let id = self.names.version(&top.id);
        if top.body.is_some() {
            let (what, _) = self.bytes(key, top);
            return format!("{what} ({id}) current");
        }
        let markers = held.iter().take_while(|held| held.body.is_none()).count();
        let below = match held.iter().find(|held| held.body.is_some()) {
            None => "nothing below".into(),
            Some(held) => format!("{} below", self.bytes(key, held).0),
        };
        let s = if markers == 1 { "" } else { "s" };
        format!("deleted: {markers} marker{s} on top, {below}")
    }

    /// Where a listing was wrong: the order that the log says against the one that was answered.
    fn of_listing(self) -> Option<Comparison> {
        let wrong = self.outcome.violations.iter();
        let mut wrong = wrong.filter(|wrong| wrong.property == self.property);
        let (_, orders) = wrong.next()?.sentence.split_once(": listed ")?;
        let (listed, expected) = orders.split_once(", expected ")?;
        Some(Comparison {
            what: "the listing".into(),
            expected: self.names.shorten(expected),
            actual: self.names.shorten(listed),
            holds: false,
        })
    }

    /// What was published first, where that is the matter.
    fn of_order(self) -> Option<Comparison> {
        let [parent, child, ..] = self.keys else {
            return None;
        };
        let (parent, child) = (self.names.key(parent), self.names.key(child));
        (self.property == Property::A8).then(|| Comparison {
            what: "the order".into(),
            expected: format!("{child}, and then {parent}"),
            actual: format!("{parent}, while {child} was not current"),
            holds: false,
        })
    }

    fn reports(self) -> impl Iterator<Item = &'a Report> {
        self.life.reports.iter().flatten()
    }

    /// Of two machines' reports the one that says what is wrong, if one does.
    fn of_report(self, key: &Key) -> Option<Comparison> {
        // A stranger's report counts no requests, and names no objects.
        let own = |report: &&Report| !report.requests.is_empty();
        let rows = self.reports().filter(own);
        let mut rows = rows.filter_map(|report| self.line_of(report, key));
        let first = rows.next()?;
        let wrong = match first.holds {
            true => rows.find(|row| !row.holds),
            false => None,
        };
        Some(wrong.unwrap_or(first))
    }

    fn line_of(self, report: &Report, key: &Key) -> Option<Comparison> {
        let must = self.life.atlas.objects.get(key)?.must;
        let (expected, allowed): (&str, &[&str]) = match must {
            Must::Stay => ("intact", &["intact"]),
            Must::Recover => (
                "remove-markers or copy-version",
                &["remove-markers", "copy-version"],
            ),
            Must::Lose => ("lost", &["lost"]),
            Must::Refuse => ("unknown", &["unknown"]),
            Must::Free(_) => return None,
        };
        let said = report.objects.iter().find(|object| object.key == *key);
        let name = said.map(|object| object.decision.name());
        let actual = said.map_or("does not name it".into(), |object| {
            let done = match object.decision {
                Decision::RemoveMarkers { .. } | Decision::CopyVersion { .. } if object.done => {
                    ", done"
                }
                _ => "",
            };
            let why = object.reason.as_deref().map_or(String::new(), |why| {
                format!(": {}", self.names.shorten(why))
            });
            format!("{}{done}{why}", object.decision.name())
        });
        Some(Comparison {
            what: format!("{} in the report", self.names.key(key)),
            expected: expected.into(),
            actual,
            holds: name.is_some_and(|name| allowed.contains(&name)),
        })
    }

    /// The run as a whole: how it ends, which commit it chose, and that what is intact is not written to.
    fn of_run(self) -> Vec<Comparison> {
        let mut rows = Vec::new();
        let atlas = &self.life.atlas;
        let own = |author: Author| matches!(author, Author::Machine(host) if self.life.hosts.iter().any(|own| own.0 == host));
        let here = |seq: u64| seq > self.life.began && seq <= self.life.ended;
        let writes = self
            .changes
            .iter()
            .filter(|change| here(change.seq) && own(change.author));
        if self.property == Property::A5 && self.life.second {
            let writes = writes.count();
            rows.push(Comparison {
                what: "the second run".into(),
                expected: "writes nothing".into(),
                actual: format!("writes {writes} times"),
                holds: writes == 0,
            });
        }
        let Some(report) = self.reports().next() else {
            if self.property == Property::Finishes {
                rows.push(Comparison {
                    what: "the run".into(),
                    expected: "ends, and reports".into(),
                    actual: "no report".into(),
                    holds: false,
                });
            }
            return rows;
        };
        let chosen = report.commit.as_ref().map(|commit| &commit.snapshot);
        if atlas.snapshot.is_some() && chosen != atlas.snapshot.as_ref() {
            let name = |key: Option<&Key>| key.map_or("none".into(), |key| self.names.key(key));
            rows.push(Comparison {
                what: "the chosen commit".into(),
                expected: name(atlas.snapshot.as_ref()),
                actual: name(chosen),
                holds: false,
            });
        }
        if self.keys.is_empty() {
            let why = report.refusal.as_deref();
            let why = why.map_or(String::new(), |why| {
                format!(": {}", self.names.shorten(why))
            });
            let refused = report.state == firedrill_core::amend::State::Refused;
            rows.push(Comparison {
                what: "the run".into(),
                expected: match atlas.refuse {
                    Some(why) => format!("refuses: {why}"),
                    None => "goes to its end".into(),
                },
                actual: format!("reports {:?}{why}", report.state).to_lowercase(),
                holds: refused == atlas.refuse.is_some(),
            });
        }
        rows
    }
}
