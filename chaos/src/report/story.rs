//! A failure as an argument, before it is a text or a page: the claim, the witness, the contradiction, and
//! what would have had to be otherwise.
//!
//! Invariants:
//! - A story is a function of plain data: the scenario, what came of it, how it was shrunk. Terminal and page
//!   show one and the same.
//! - Nothing in it is drawn or timed, so stories can be compared as texts.

use std::fmt::Write as _;

use firedrill_core::amend::Class;
use firedrill_core::object::Key;
use firedrill_sim::trace::TraceEvent;

use super::bucket::{self, Right};
use super::mock;
use super::model::{Comparison, KeyHistory};
use super::moments::{Lane, Moment, Plot};
use super::names::Names;
use crate::chronicle::Life;
use crate::part::Part;
use crate::property::{Property, Violation};
use crate::runner::Outcome;
use crate::scenario::{Scenario, TableSource};
use crate::shrink::{self, Counterfactual, Shrunk};
use crate::swarm::Profile;

/// Keys that one story is told of, at most.
const KEYS_MAX: usize = 3;

/// What is to be told.
#[derive(Debug, Clone, Copy)]
pub struct Telling<'a> {
    /// The scenario that ran.
    pub scenario: &'a Scenario,
    /// What came of it, with its trace kept; or the panic's words.
    pub ended: Result<&'a Outcome, &'a str>,
    /// The property to tell of.
    pub property: Property,
    /// The planted bug that was active.
    pub planted: Option<&'static str>,
    /// How the scenario was shrunk, if it was.
    pub shrunk: Option<&'a Shrunk>,
    /// Without what it passes, if that was tried.
    pub counterfactuals: Option<&'a [Counterfactual]>,
    /// What the case could consist of, if a seed made it.
    pub profile: Option<&'a Profile>,
    /// What to type, and what for.
    pub commands: &'a [(String, String)],
}

/// A failure, told.
#[derive(Debug, Clone)]
pub struct Story {
    /// What was violated.
    pub property: Property,
    /// What shows it, in short names; the first is told of below.
    pub claims: Vec<String>,
    /// In which life, and where in the trace.
    pub place: String,
    /// What was violated besides.
    pub also: Vec<Property>,
    /// Who acts.
    pub lanes: Vec<Lane>,
    /// What happened, as far as it matters.
    pub moments: Vec<Moment>,
    /// What the atlas expected against what is.
    pub comparisons: Vec<Comparison>,
    /// The keys' histories.
    pub histories: Vec<KeyHistory>,
    /// Sentences that each begin with "without"; none if nobody tried.
    pub counterfactuals: Option<Vec<String>>,
    /// The scenario's parts by name; equal ones in a row are one.
    pub parts: Vec<(String, String)>,
    /// The table, the bucket and what was asked for, as far as they are not the usual ones.
    pub setting: Vec<(String, String)>,
    /// How the scenario was shrunk.
    pub shrunk: Vec<String>,
    /// What the case could consist of.
    pub profile: Option<String>,
    /// Short names, and what they stand for.
    pub legend: Vec<(String, Key)>,
    /// What to type, and what for.
    pub commands: Vec<(String, String)>,
    /// The scenario as a file.
    pub toml: String,
    /// The whole trace.
    pub trace: Vec<TraceEvent>,
    /// The trace's hash.
    pub hash: u64,
}

impl Story {
    /// Tells a failure.
    pub fn of(telling: &Telling<'_>) -> Self {
        let Telling {
            scenario, property, ..
        } = *telling;
        let mut story = Self {
            property,
            claims: Vec::new(),
            place: String::new(),
            also: Vec::new(),
            lanes: Vec::new(),
            moments: Vec::new(),
            comparisons: Vec::new(),
            histories: Vec::new(),
            counterfactuals: None,
            parts: parts(scenario),
            setting: setting(scenario),
            shrunk: telling.shrunk.map(shrink::counts).unwrap_or_default(),
            profile: telling.profile.map(profile),
            legend: Vec::new(),
            commands: telling.commands.to_vec(),
            toml: toml(scenario),
            trace: Vec::new(),
            hash: 0,
        };
        let counterfactuals = telling.counterfactuals;
        story.counterfactuals = counterfactuals.map(|found| grouped(found, property));
        match telling.ended {
            Ok(outcome) => story.tell(scenario, outcome, telling.planted),
            Err(panic) => story.claims.push(panic.to_owned()),
        }
        story
    }

    /// Every text of it that a person reads first, for the names that it uses.
    fn words(&self) -> String {
        let mut all = self.claims.join("\n");
        for moment in &self.moments {
            let _ = write!(all, "\n{}", moment.words);
        }
        for row in &self.comparisons {
            let _ = write!(all, "\n{}\n{}\n{}", row.what, row.expected, row.actual);
        }
        all
    }

    fn tell(&mut self, scenario: &Scenario, outcome: &Outcome, planted: Option<&'static str>) {
        self.trace = outcome.trace.events().to_vec();
        self.hash = outcome.trace.hash();
        let found = outcome
            .violations
            .iter()
            .map(|violation| violation.property);
        self.also = found.filter(|found| *found != self.property).collect();
        self.also.dedup();
        let mut names = Names::of_scene(&outcome.scene);
        let witness = witness(outcome, self.property);
        let keys = subjects(&witness, &names, outcome);
        label(&keys, &mut names, outcome);
        for violation in &witness.violations {
            let claim = names.shorten(&claim(violation));
            if !self.claims.contains(&claim) {
                self.claims.push(claim);
            }
        }
        let Some(life) = witness.life else {
            return mock::tell(self, scenario, planted);
        };
        let right = right(outcome, life, self.property);
        let scene = &outcome.scene;
        let changes = bucket::changes(scene.log.records(), &scene.places, &right, &names);
        let plot = Plot {
            scenario,
            outcome,
            property: self.property,
            life,
            keys: &keys,
            names: &names,
            changes: &changes,
            right: &right,
        };
        self.lanes = plot.lanes();
        self.moments = plot.moments();
        self.comparisons = plot.comparisons();
        self.histories = plot.histories();
        self.place = place(outcome, life);
        let subjects = keys.iter().map(|key| (names.key(key), key.clone()));
        let mut legend: Vec<(String, Key)> = subjects.collect();
        legend.extend(names.used_in(&self.words()));
        legend.dedup_by(|second, first| second.1 == first.1);
        self.legend = legend;
    }
}

/// The keys that the story of a violation is told of.
pub(super) fn keys(outcome: &Outcome, property: Property) -> Vec<Key> {
    let names = Names::of_scene(&outcome.scene);
    subjects(&witness(outcome, property), &names, outcome)
}

/// What shows a violation, and in which life.
struct Witness<'a> {
    violations: Vec<&'a Violation>,
    life: Option<&'a Life>,
}

fn witness(outcome: &Outcome, property: Property) -> Witness<'_> {
    let of = |violations: &'_ [Violation]| -> bool {
        violations
            .iter()
            .any(|violation| violation.property == property)
    };
    let lives = &outcome.chronicle.lives;
    let chosen = |found: &[Violation]| of(found);
    if let Some(life) = lives.iter().find(|life| chosen(&life.violations)) {
        let violations = life.violations.iter();
        return Witness {
            violations: violations
                .filter(|found| found.property == property)
                .collect(),
            life: Some(life),
        };
    }
    let mut pages = outcome.chronicle.wrong_pages.iter();
    if let Some((seq, page)) = pages.find(|(_, page)| page.property == property) {
        return Witness {
            violations: vec![page],
            life: lives.iter().find(|life| life.ended >= *seq),
        };
    }
    let violations = outcome.violations.iter();
    let violations: Vec<_> = violations
        .filter(|found| found.property == property)
        .collect();
    // What a bucket of its own showed has no line in this trace.
    let keys = violations
        .iter()
        .filter_map(|violation| violation.key.as_ref());
    let is_here = keys.clone().next().is_none()
        || keys
            .clone()
            .any(|key| !outcome.scene.log.history(key).is_empty());
    Witness {
        violations,
        life: lives.last().filter(|_| is_here),
    }
}

/// The keys to tell of: those that show the violation, then those that it mentions.
fn subjects(witness: &Witness<'_>, names: &Names, outcome: &Outcome) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let first = witness.violations.first().copied();
    let shown = witness
        .violations
        .iter()
        .filter_map(|found| found.key.clone());
    let mentioned = first.map(|found| names.named_in(&found.sentence).cloned().collect());
    let mentioned: Vec<Key> = mentioned.unwrap_or_default();
    let first = first.and_then(|found| found.key.clone());
    for key in first.into_iter().chain(mentioned).chain(shown) {
        let known = outcome.scene.truth.objects.contains_key(&key)
            || !outcome.scene.log.history(&key).is_empty()
            || outcome
                .scene
                .log
                .records()
                .iter()
                .any(|record| record.key == key);
        if known && !keys.contains(&key) && keys.len() < KEYS_MAX {
            keys.push(key);
        }
    }
    keys
}

/// Calls each key that is told of by what it is.
fn label(keys: &[Key], names: &mut Names, outcome: &Outcome) {
    let class = |key: &Key| {
        let fact = outcome.scene.truth.objects.get(key);
        fact.map_or("key".to_owned(), |fact| super::class_name(fact.class))
    };
    for (number, key) in keys.iter().enumerate() {
        let own = class(key);
        let before = keys[..number]
            .iter()
            .filter(|other| class(other) == own)
            .count();
        let alike = keys.iter().filter(|other| class(other) == own).count();
        let label = if alike > 1 {
            format!("{own} {}", before + 1)
        } else {
            own
        };
        names.call(key, label);
    }
}

/// The bytes that belong under each key, as a life was judged.
fn right(outcome: &Outcome, life: &Life, property: Property) -> Right {
    let facts = outcome.scene.truth.objects.iter();
    let mut right: Right = facts
        .map(|(key, fact)| (key.clone(), fact.body.clone()))
        .collect();
    let expected = life.atlas.objects.iter();
    right.extend(expected.map(|(key, expected)| (key.clone(), expected.right.clone())));
    // A commit made meanwhile changes what its hint has to say.
    let truth = &outcome.scene.truth;
    if property == Property::A9
        && let (Some(hint), Some(newest)) = (&truth.hint, truth.newest())
    {
        right.insert(hint.clone(), newest.hint.clone());
    }
    right
}

/// What a violation says, with the key that shows it.
pub(super) fn claim(violation: &Violation) -> String {
    match &violation.key {
        Some(key) if !key.as_str().is_empty() => format!("{key}: {}", violation.sentence),
        _ => violation.sentence.clone(),
    }
}

fn place(outcome: &Outcome, life: &Life) -> String {
    let lives = &outcome.chronicle.lives;
    let number = lives.iter().position(|other| other.began == life.began);
    let number = number.map_or(1, |number| number + 1);
    let when = match life {
        Life { second: true, .. } => ", with nothing left to do",
        Life { healed: true, .. } => ", after the faults",
        _ => "",
    };
    let (began, ended) = (life.began + 1, life.ended);
    format!(
        "life {number} of {}{when}: events {began} to {ended} of {}",
        lives.len(),
        outcome.trace.len()
    )
}

/// The parts of a scenario with what they are; equal ones in a row are one.
fn parts(scenario: &Scenario) -> Vec<(String, String)> {
    let mut groups: Vec<(Vec<Part>, String)> = Vec::new();
    for (part, words) in Part::all(scenario) {
        match groups.last_mut() {
            Some((parts, known)) if *known == words => parts.push(part),
            _ => groups.push((vec![part], words)),
        }
    }
    let told = groups.into_iter();
    told.map(|(parts, words)| (name_parts(&parts), bare(&words).to_owned()))
        .collect()
}

/// Names of parts; of three and more in a row the first and the last.
pub(super) fn name_parts(parts: &[Part]) -> String {
    let follows = |pair: &[Part]| match (pair[0], pair[1]) {
        (Part::Operation(one), Part::Operation(next))
        | (Part::Fault(one), Part::Fault(next))
        | (Part::Host(one), Part::Host(next)) => next == one + 1,
        _ => false,
    };
    match parts {
        [first, _, .., last] if parts.windows(2).all(follows) => format!("{first}…{last}"),
        _ => {
            let names: Vec<String> = parts.iter().map(ToString::to_string).collect();
            names.join(" ")
        }
    }
}

/// A part's noun phrase without what its name says already.
fn bare(words: &str) -> &str {
    let bare = words.trim_start_matches("the ");
    bare.trim_start_matches("operation ")
        .trim_start_matches("fault ")
}

/// Equal removals are told once, with all their names.
fn grouped(found: &[Counterfactual], property: Property) -> Vec<String> {
    let mut groups: Vec<(Vec<Part>, &Counterfactual)> = Vec::new();
    for one in found {
        let same = |known: &&Counterfactual| {
            known.part.is_some() && known.without == one.without && known.others == one.others
        };
        match groups.iter_mut().find(|(_, known)| same(known)) {
            Some((parts, _)) => parts.extend(one.part),
            None => groups.push((one.part.into_iter().collect(), one)),
        }
    }
    let tell = |(parts, one): (Vec<Part>, &Counterfactual)| {
        let what = match parts.as_slice() {
            [] => one.without.clone(),
            [part] => format!("{part} {}", bare(&one.without)),
            parts => format!("any one of {} {}", name_parts(parts), bare(&one.without)),
        };
        let named = Counterfactual {
            without: what,
            ..one.clone()
        };
        named.sentence(property)
    };
    groups.into_iter().map(tell).collect()
}

/// What is not as usual about the table, the bucket and the question.
fn setting(scenario: &Scenario) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let size = shrink::Size::of(scenario);
    let table = match &scenario.table {
        TableSource::Generated(table) => format!(
            "{} of {}, as Databend {} writes",
            plural(size.commits, "commit"),
            plural(size.blocks, "block"),
            match table.flavour {
                crate::scenario::Flavour::V1_2_453 => "1.2.453",
                crate::scenario::Flavour::V1_2_895 => "1.2.895",
            }
        ),
        TableSource::Sample { folder } => format!("the real one {folder}"),
    };
    rows.push(("table".into(), table));
    let usual = Scenario::quiet(crate::scenario::GeneratedTable {
        flavour: crate::scenario::Flavour::V1_2_895,
        compressed: false,
        commits: Vec::new(),
    });
    rows.push((
        "bucket".into(),
        differences(&scenario.bucket, &usual.bucket),
    ));
    rows.push(("amend".into(), differences(&scenario.amend, &usual.amend)));
    rows.retain(|(_, words)| !words.is_empty());
    rows
}

/// The fields of some data that are not as usual.
fn differences<T: serde::Serialize>(own: &T, usual: &T) -> String {
    let data = |value: &T| serde_json::to_value(value).unwrap_or_default();
    let (own, usual) = (data(own), data(usual));
    let fields = own.as_object().into_iter().flatten();
    let other = fields.filter(|(name, value)| usual.get(name.as_str()) != Some(*value));
    let words: Vec<String> = other
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    words.join(", ").replace('"', "")
}

fn profile(profile: &Profile) -> String {
    let all: Vec<&str> = profile
        .operations
        .iter()
        .chain(&profile.faults)
        .copied()
        .collect();
    match all.is_empty() {
        true => "nothing at all".into(),
        false => all.join(" "),
    }
}

/// The scenario as a file, a sample by its name alone: where samples lie is the environment's business.
fn toml(scenario: &Scenario) -> String {
    let mut scenario = scenario.clone();
    if let TableSource::Sample { folder } = &mut scenario.table
        && let Some((_, name)) = folder.rsplit_once('/')
    {
        *folder = name.to_owned();
    }
    scenario.to_toml().unwrap_or_else(|error| error.to_string())
}

fn plural(count: usize, one: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        _ => format!("{count} {one}s"),
    }
}

/// What an object is to its table, in words.
pub(super) fn class_name(class: Class) -> String {
    let name = serde_json::to_value(class).unwrap_or_default();
    name.as_str().unwrap_or("object").replace('-', " ")
}
