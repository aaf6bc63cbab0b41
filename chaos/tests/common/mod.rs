//! Machines of strangers, to try the harness on: they share nothing with core's own; and a table for them.
#![allow(dead_code, reason = "each test file uses some of them")]

use std::collections::BTreeMap;

use firedrill_chaos::scenario::{
    BlockPlan, CommitPlan, Flavour, GeneratedTable, Scenario, SegmentPlan,
};
use firedrill_core::amend::{
    Amend, Class, Decision, Effect, Event, ObjectReport, Options, Report, State, Verified,
};
use firedrill_core::machine::{Instant, Machine, RequestId};
use firedrill_core::object::{Answer, Cursor, Entry, Key, Request, VersionId};

/// A table of one commit with so many blocks, to which nothing has happened.
pub(crate) fn small_table(blocks: usize) -> Scenario {
    let block = BlockPlan {
        size: 16,
        bloom: Some(8),
        inverted: None,
        vector: None,
    };
    let segments = vec![SegmentPlan {
        statistics: false,
        blocks: vec![block; blocks],
    }];
    Scenario::quiet(GeneratedTable {
        flavour: Flavour::V1_2_453,
        compressed: false,
        commits: vec![CommitPlan::Insert { segments }],
    })
}

/// Removes the markers on top of every key of a prefix, in one request, and trusts that it worked.
#[derive(Debug)]
pub(crate) struct Undelete {
    options: Options,
    entries: BTreeMap<Key, Vec<Entry>>,
    asked: u64,
    /// It says that it did, and does nothing.
    lies: bool,
}

impl Undelete {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            options,
            entries: BTreeMap::new(),
            asked: 0,
            lies: false,
        }
    }

    pub(crate) fn liar(options: Options) -> Self {
        Self {
            lies: true,
            ..Self::new(options)
        }
    }

    fn ask(&mut self, request: Request, out: &mut Vec<Effect>) {
        self.asked += 1;
        out.push(Effect::Request {
            id: RequestId(self.asked),
            request,
        });
    }

    fn list(&mut self, after: Option<Cursor>, out: &mut Vec<Effect>) {
        let prefix = self.options.prefix.clone();
        self.ask(Request::ListVersions { prefix, after }, out);
    }

    fn markers(entries: &[Entry]) -> Vec<VersionId> {
        let on_top = entries.iter().take_while(|entry| entry.version().is_none());
        let mut markers: Vec<VersionId> = on_top.map(|entry| entry.id().clone()).collect();
        markers.reverse();
        markers
    }

    fn remove(&mut self, out: &mut Vec<Effect>) {
        let keys = self.entries.iter();
        let markers: Vec<(Key, VersionId)> = keys
            .flat_map(|(key, entries)| {
                let ids = Self::markers(entries).into_iter();
                ids.map(move |id| (key.clone(), id))
            })
            .collect();
        if markers.is_empty() || self.lies {
            self.report(out);
        } else {
            self.ask(Request::RemoveMarkers { markers }, out);
        }
    }

    fn report(&self, out: &mut Vec<Effect>) {
        let object = |(key, entries): (&Key, &Vec<Entry>)| {
            let markers = Self::markers(entries);
            let decision = match markers.is_empty() {
                true => Decision::Intact,
                false => Decision::RemoveMarkers { markers },
            };
            ObjectReport {
                key: key.clone(),
                class: Class::Object,
                required: true,
                decision,
                done: true,
                verified: Verified::Unverified,
                reason: None,
            }
        };
        let objects: Vec<ObjectReport> = self.entries.iter().map(object).collect();
        let mut counts = BTreeMap::new();
        for object in &objects {
            *counts.entry(object.decision.name()).or_default() += 1;
        }
        out.push(Effect::Done(Box::new(Report {
            state: State::Complete,
            applied: self.options.apply,
            prefix: self.options.prefix.clone(),
            refusal: None,
            commit: None,
            counts,
            requests: BTreeMap::new(),
            cost: firedrill_core::amend::Cost::default(),
            objects,
            below_lost: Vec::new(),
            notes: Vec::new(),
        })));
    }
}

impl Machine for Undelete {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, _now: Instant, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Start => self.list(None, out),
            Event::Reply { reply, .. } => match reply {
                Ok(Answer::Page { entries, next }) => {
                    for (key, entry) in entries {
                        self.entries.entry(key).or_default().push(entry);
                    }
                    match next {
                        Some(next) => self.list(Some(next), out),
                        None => self.remove(out),
                    }
                }
                _ => self.report(out),
            },
            _ => {}
        }
    }
}

/// Waits for ever.
#[derive(Debug)]
pub(crate) struct Idle;

impl Machine for Idle {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, _now: Instant, _event: Event, _out: &mut Vec<Effect>) {}
}

/// Amend itself, until it has seen both a ghost's marker and a backup beside an object: then it waits for
/// ever, or panics.
#[derive(Debug)]
pub(crate) struct Spoilt {
    honest: Amend,
    panics: bool,
    ghost: bool,
    backup: bool,
}

impl Spoilt {
    pub(crate) fn new(options: Options, panics: bool) -> Self {
        Self {
            honest: Amend::new(options),
            panics,
            ghost: false,
            backup: false,
        }
    }
}

impl Machine for Spoilt {
    type Event = Event;
    type Effect = Effect;

    fn step(&mut self, now: Instant, event: Event, out: &mut Vec<Effect>) {
        if let Event::Reply {
            reply: Ok(Answer::Page { entries, .. }),
            ..
        } = &event
        {
            let sees = |what: &str| entries.iter().any(|(key, _)| key.as_str().contains(what));
            self.ghost |= sees("never_was");
            self.backup |= sees(".bak");
        }
        match self.ghost && self.backup {
            true if self.panics => panic!("a ghost and a backup"),
            true => {}
            false => self.honest.step(now, event, out),
        }
    }
}
