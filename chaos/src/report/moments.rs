//! The moments of a run that matter to one violation: the causal slice of what shows it, and what struck,
//! crashed or interfered on the way. All the rest is a number between two moments.
//!
//! ```text
//!   what shows it ──cause──► … ──cause──► the machine's start        and every earlier change of its keys
//! ```

mod requests;

use std::collections::BTreeSet;

use firedrill_core::object::Key;
use firedrill_sim::queue::Nanos;
use firedrill_sim::trace::TraceEvent;

use super::bucket::{Change, Right};
use super::names::Names;
use super::page::Tone;
use crate::chronicle::Life;
use crate::oracle::log::Author;
use crate::part::Part;
use crate::property::Property;
use crate::runner::Outcome;
use crate::scenario::Scenario;

/// What sort of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Somebody outside of all machines did it.
    Act,
    /// A machine began.
    Start,
    /// A machine's request, with what it did.
    Request,
    /// What a machine heard.
    Answer,
    /// A host crashed.
    Crash,
    /// A machine was told to stop.
    Interrupt,
    /// A machine ended and reported.
    Done,
}

/// One moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// The line of the trace that it is called by; none for what was before the first line. Without any trace,
    /// its place among the operations.
    pub seq: Option<u64>,
    /// When, in nanoseconds since the world's start; none for what was before.
    pub at: Option<Nanos>,
    /// What sort.
    pub sort: Sort,
    /// In which lane.
    pub lane: usize,
    /// Towards which lane, if it goes somewhere.
    pub towards: Option<usize>,
    /// Whether it never arrives there.
    pub is_broken: bool,
    /// What, in short names.
    pub words: String,
    /// Which parts of the scenario struck or acted here.
    pub parts: Vec<Part>,
    /// How that is.
    pub tone: Tone,
    /// Whether this shows the violation.
    pub violates: bool,
    /// Lines of the trace that it stands for.
    pub covers: Vec<u64>,
    /// What may be left out first: the greater.
    pub weight: u8,
}

/// Who has a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// A machine, over all its lives.
    Machine(u32),
    /// The bucket.
    Storage,
    /// Everybody else.
    Others,
}

impl Lane {
    /// Its heading.
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine(0) => "machine",
            Self::Machine(_) => "twin",
            Self::Storage => "storage",
            Self::Others => "others",
        }
    }
}

/// What the moments are told from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plot<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) outcome: &'a Outcome,
    pub(super) property: Property,
    /// The life that violated it.
    pub(super) life: &'a Life,
    pub(super) keys: &'a [Key],
    pub(super) names: &'a Names,
    pub(super) changes: &'a [Change],
    pub(super) right: &'a Right,
}

/// A line and every line that brought it about, back to what nobody did.
pub fn causes_of(events: &[TraceEvent], seq: u64) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    let mut next = seq;
    // Lines are numbered from 1, in order.
    while let Some(event) = next.checked_sub(1).and_then(|at| events.get(at as usize)) {
        if !found.insert(next) {
            break;
        }
        next = event.cause;
    }
    found
}

impl<'a> Plot<'a> {
    /// The lanes.
    pub(super) fn lanes(self) -> Vec<Lane> {
        let most = self.lives().map(|life| life.hosts.len()).max();
        let machines = (0..most.unwrap_or(1) as u32).map(Lane::Machine);
        machines.chain([Lane::Storage, Lane::Others]).collect()
    }

    /// The moments, in order.
    pub(super) fn moments(self) -> Vec<Moment> {
        let shown = self.shown_at();
        let mut all = self.before();
        let mut slice = BTreeSet::new();
        let of_keys = self.changes.iter().filter(|change| self.is_ours(change));
        for seq in of_keys
            .map(|change| change.seq)
            .chain(shown.iter().copied())
        {
            slice.extend(causes_of(self.events(), seq));
        }
        let mut later = self.acts();
        later.extend(self.hosts());
        later.extend(self.requests(&slice, &shown));
        later.sort_by_key(|moment| moment.seq);
        all.extend(later);
        for moment in &mut all {
            if moment.covers.iter().any(|seq| shown.contains(seq)) {
                moment.violates = true;
                moment.tone = Tone::Bad;
                moment.weight = 0;
            }
        }
        all
    }

    fn events(self) -> &'a [TraceEvent] {
        let events = self.outcome.trace.events();
        &events[..events.len().min(self.life.ended as usize)]
    }

    /// The lives up to the one that violated the property.
    fn lives(self) -> impl Iterator<Item = &'a Life> {
        let ended = self.life.ended;
        let lives = self.outcome.chronicle.lives.iter();
        lives.filter(move |life| life.ended <= ended)
    }

    fn is_ours(self, change: &Change) -> bool {
        change.seq > 0 && change.seq <= self.life.ended && self.keys.contains(&change.key)
    }

    /// The lines that show the violation: a machine's change, a wrong listing, or else its report.
    fn shown_at(self) -> BTreeSet<u64> {
        use Property::{A2, A3, A5, A7, A8, A9, Finishes, M1, M2, M3};
        let of_life = |change: &&Change| match change.author {
            Author::Machine(host) => self.life.hosts.iter().any(|own| own.0 == host),
            Author::Outsider => false,
        };
        let ours = self.changes.iter().filter(|change| self.is_ours(change));
        let mut ours = ours.filter(of_life);
        let wrong = self.outcome.chronicle.wrong_pages.iter();
        let wrong = wrong.filter(|(_, wrong)| wrong.property == self.property);
        let lines: BTreeSet<u64> = match self.property {
            A2 => ours
                .filter(|change| change.publishes && change.tone == Tone::Bad)
                .map(|change| change.seq)
                .collect(),
            A3 => {
                let worst = ours.clone().any(|change| change.tone == Tone::Bad);
                ours.filter(|change| !worst || change.tone == Tone::Bad)
                    .map(|change| change.seq)
                    .collect()
            }
            A5 | A7 | A8 => ours.next().map(|change| change.seq).into_iter().collect(),
            A9 => ours
                .next_back()
                .map(|change| change.seq)
                .into_iter()
                .collect(),
            M1 | M2 | M3 => wrong.map(|(seq, _)| *seq).take(1).collect(),
            Finishes => BTreeSet::from([self.life.ended]),
            _ => BTreeSet::new(),
        };
        if !lines.is_empty() {
            return lines;
        }
        let done = self.events().iter().filter(|event| {
            event.kind == "done" && self.life.hosts.iter().any(|own| own.0 == event.host)
        });
        let done: BTreeSet<u64> = done.map(|event| event.seq).collect();
        match done.is_empty() {
            true => BTreeSet::from([self.life.ended]),
            false => done,
        }
    }

    /// What became of the keys that are told of, on one line.
    fn effects<'c>(self, changes: impl Iterator<Item = &'c Change>) -> (String, Tone) {
        let mut parts: Vec<String> = Vec::new();
        let mut tone = Tone::Plain;
        let mut others = BTreeSet::new();
        for change in changes {
            if !self.keys.contains(&change.key) && !change.key.as_str().is_empty() {
                others.insert(&change.key);
                continue;
            }
            if change.tone == Tone::Bad || tone == Tone::Plain {
                tone = change.tone;
            }
            parts.push(if self.keys.len() > 1 && !change.key.as_str().is_empty() {
                format!("{}: {}", self.names.key(&change.key), change.words)
            } else {
                change.words.clone()
            });
        }
        if parts.len() > 3 {
            let last = parts.pop().unwrap_or_default();
            parts.truncate(1);
            parts.push(format!("… {last}"));
        }
        if !others.is_empty() {
            let and = if parts.is_empty() { "" } else { "and " };
            let s = if others.len() == 1 { "" } else { "s" };
            parts.push(format!("{and}{} other key{s}", others.len()));
        }
        (parts.join("; "), tone)
    }

    /// The table's writer, and what was done before any machine started; equal acts in a row are told once.
    fn before(self) -> Vec<Moment> {
        let early = || self.changes.iter().filter(|change| change.seq == 0);
        let mut told: Vec<Moment> = Vec::new();
        let written =
            early().filter(|change| change.operation.is_none() && self.keys.contains(&change.key));
        let (words, tone) = self.effects(written);
        if !words.is_empty() {
            told.push(act(
                self.others(),
                format!("the table is written; {words}"),
                tone,
            ));
        }
        let mut last = (String::new(), 0);
        for (number, operation) in self.scenario.operations.iter().enumerate() {
            let own = || early().filter(|change| change.operation == Some(number));
            let (words, tone) = self.effects(own());
            let name = crate::shrink::name_operation(operation);
            let name = name.trim_start_matches("the operation ").to_owned();
            if !own().any(|change| self.concerns(change)) {
                continue;
            }
            let times = if last.0 == name { last.1 + 1 } else { 1 };
            let mut moment = if times > 1 { told.pop() } else { None }
                .unwrap_or_else(|| act(self.others(), String::new(), tone));
            moment.parts.push(Part::Operation(number));
            moment.words = match times {
                1 => format!("{name}; {words}"),
                _ => format!("{name}, {times} times; last: {words}"),
            };
            moment.weight = 1;
            last = (name, times);
            told.push(moment);
        }
        told
    }

    /// Whether a change is one of the keys that are told of, or of the whole bucket.
    fn concerns(self, change: &Change) -> bool {
        self.keys.is_empty() || change.key.as_str().is_empty() || self.keys.contains(&change.key)
    }

    fn others(self) -> usize {
        self.lanes().len() - 1
    }

    fn storage(self) -> usize {
        self.lanes().len() - 2
    }

    /// What outsiders did while machines ran or were down.
    fn acts(self) -> Vec<Moment> {
        let acts = self.events().iter().filter(|event| event.kind == "act");
        acts.map(|event| {
            let own = self.changes.iter().filter(|change| change.seq == event.seq);
            let operation = own.clone().find_map(|change| change.operation);
            let places = self.outcome.scene.places.iter();
            let mut places = places.filter(|place| place.seq == event.seq);
            let operation = operation.or_else(|| places.find_map(|place| place.operation));
            let (words, tone) = self.effects(own.clone());
            let ours = own.clone().any(|change| self.concerns(change));
            let words = match words.is_empty() {
                true => format!("{}, without effect", event.entity),
                false => format!("{}; {words}", event.entity),
            };
            Moment {
                seq: Some(event.seq),
                at: Some(event.at),
                parts: operation.map(Part::Operation).into_iter().collect(),
                covers: vec![event.seq],
                weight: if ours { 1 } else { 4 },
                ..act(self.others(), words, tone)
            }
        })
        .collect()
    }

    /// Starts, crashes, interrupts and ends.
    fn hosts(self) -> Vec<Moment> {
        let mut found = Vec::new();
        let mut crashes = 0;
        for event in self.events() {
            let (sort, words, tone) = match event.kind {
                "start" => (Sort::Start, self.start(event.host), Tone::Plain),
                "crash" => (
                    Sort::Crash,
                    format!("crashes {}", event.note.words),
                    Tone::Warn,
                ),
                "interrupt" => (Sort::Interrupt, "is told to stop".into(), Tone::Warn),
                "done" => (Sort::Done, self.said(event), Tone::Plain),
                _ => continue,
            };
            let mut parts = Vec::new();
            let planned = self.scenario.hosts.crash_after.len();
            match sort {
                Sort::Crash => {
                    parts.push(Part::Host(crashes));
                    crashes += 1;
                }
                Sort::Interrupt => parts.push(Part::Host(planned)),
                _ => {}
            }
            let mut covers = vec![event.seq];
            if sort == Sort::Start {
                covers.push(event.seq + 1);
            }
            found.push(Moment {
                seq: Some(event.seq),
                at: Some(event.at),
                sort,
                lane: self.lane(event.host),
                towards: None,
                is_broken: false,
                words,
                parts,
                tone,
                violates: false,
                covers,
                weight: 1,
            });
        }
        found
    }

    fn life_of(self, host: u32) -> Option<(usize, usize, &'a Life)> {
        self.lives().enumerate().find_map(|(number, life)| {
            let place = life.hosts.iter().position(|own| own.0 == host)?;
            Some((number, place, life))
        })
    }

    fn lane(self, host: u32) -> usize {
        self.life_of(host).map_or(0, |(_, place, _)| place)
    }

    fn start(self, host: u32) -> String {
        match self.life_of(host) {
            Some((_, place, _)) if place > 0 => "a second machine starts".into(),
            Some((_, _, life)) if life.second => "runs once more: nothing is left to do".into(),
            Some((number, _, life)) if life.healed => {
                format!(
                    "runs again (life {}), faults and outsiders are over",
                    number + 1
                )
            }
            Some((number, _, _)) if number > 0 => format!("restarts (life {})", number + 1),
            _ => "starts".into(),
        }
    }

    fn said(self, event: &TraceEvent) -> String {
        let report = self
            .life_of(event.host)
            .and_then(|(_, place, life)| life.reports.get(place)?.as_ref());
        let Some(report) = report else {
            return format!("ends: {}", event.entity);
        };
        let counts = report.counts.iter();
        let counts: Vec<String> = counts
            .map(|(name, count)| format!("{count} {name}"))
            .collect();
        let why = report
            .refusal
            .as_deref()
            .map_or(String::new(), |why| format!(": {why}"));
        let state = format!("{:?}", report.state).to_lowercase();
        let plan = if report.applied {
            ""
        } else {
            "plans only, and "
        };
        self.names.shorten(&format!(
            "{plan}reports {state}{why} ({})",
            counts.join(", ")
        ))
    }
}

pub(super) fn act(lane: usize, words: String, tone: Tone) -> Moment {
    Moment {
        seq: None,
        at: None,
        sort: Sort::Act,
        lane,
        towards: Some(lane - 1),
        is_broken: false,
        words,
        parts: Vec::new(),
        tone,
        violates: false,
        covers: Vec::new(),
        weight: 2,
    }
}

/// Whether a line of the trace is a machine's request.
pub(super) fn is_request(kind: &str) -> bool {
    matches!(
        kind,
        "get-versioning" | "list-versions" | "read" | "digest" | "remove-markers" | "copy" | "put"
    )
}
