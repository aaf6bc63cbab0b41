//! Small scopes, exhausted: where everything can be tried, nothing is drawn.
//!
//! ```text
//!   crash sweep    a crash after effect 1, 2, … of a scenario's first life, until it ends by itself
//!   pair sweep     for each of those, a crash after effect 1, 2, … of the second life
//!   fates          one small table; every choice of up to three of its objects, and of a fate for each
//! ```
//!
//! Each run is judged by the same checkers as any case. Random cases find what is frequent somewhere; a
//! sweep proves that nothing is left in its scope, and says how large that was.
//!
//! Deliberately not here: what in-flight requests do when a host crashes. That is drawn from the scenario's
//! seed, so a sweep is repeated with several of them.

use std::collections::BTreeSet;

use firedrill_core::amend::Amend;

use crate::campaign::{self, Attempt, case_seed};
use crate::generate;
use crate::pool;
use crate::property::{Property, Violation};
use crate::scenario::{
    Act, BlockPlan, CommitPlan, Flavour, Garbage, GeneratedTable, Hosts, Kind, Operation, Scenario,
    SegmentPlan, Selector, Versions, When,
};

/// A life may be this long; a sweep over a longer one is cut off with a violation.
const EFFECTS_MAX: u64 = 20_000;

/// A scenario whose undisturbed life is at most so long counts as small.
const SMALL_EFFECTS_MAX: u64 = 120;

/// Failed runs that are kept with their scenario, of each kind: of those that violate the same properties.
const KEPT_MAX: usize = 2;

/// What was tried and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Runs.
    pub runs: u64,
    /// Crashes in them.
    pub crashes: u64,
    /// Runs in which something was violated.
    pub failed: u64,
    /// Some of those of each kind, with their scenarios.
    pub failures: Vec<(Scenario, Vec<Violation>)>,
}

/// One thing to exhaust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// A crash after every effect of the scenario's first life.
    Crash(Scenario),
    /// Two crashes: after every effect of the first life, and of the second.
    CrashTwice(Scenario),
    /// The scenario as it is.
    Run(Scenario),
}

/// Exhausts each scope, on so many threads.
pub fn exhaust(
    scopes: impl Iterator<Item = Scope> + Send,
    planted: Option<&'static str>,
    jobs: usize,
) -> Found {
    let parts = pool::share(jobs, scopes, |scope| {
        let mut found = Found::default();
        found.exhaust(scope, planted, EFFECTS_MAX);
        found
    });
    // In the order of the scopes, so that no thread decides which failures are kept.
    let mut all = Found::default();
    for part in parts {
        all.add(part);
    }
    all
}

impl Found {
    /// Takes another one in.
    pub fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.failed += other.failed;
        for (scenario, violations) in other.failures {
            self.keep(scenario, violations);
        }
    }

    /// Whether one of these properties was violated.
    pub fn violates(&self, property: Property) -> bool {
        let mut violations = self.failures.iter().flat_map(|(_, found)| found);
        violations.any(|violation| violation.property == property)
    }

    fn exhaust(&mut self, scope: Scope, planted: Option<&'static str>, effects_max: u64) {
        let (scenario, ended) = match scope {
            Scope::Run(scenario) => {
                self.run(scenario, planted);
                return;
            }
            Scope::Crash(mut scenario) => {
                let ended = (1..=effects_max).any(|first| {
                    scenario.hosts.crash_after = vec![first];
                    self.run(scenario.clone(), planted) < 1
                });
                (scenario, ended)
            }
            Scope::CrashTwice(mut scenario) => {
                let mut pairs = |first| {
                    let crashes = (1..=effects_max).map(|second| {
                        scenario.hosts.crash_after = vec![first, second];
                        self.run(scenario.clone(), planted)
                    });
                    crashes.into_iter().find(|crashes| *crashes < 2)
                };
                let mut lives = (1..=effects_max).map(&mut pairs);
                let ended = lives.find(|crashes| *crashes != Some(1)) == Some(Some(0));
                (scenario, ended)
            }
        };
        if !ended {
            let sentence =
                format!("the sweep was cut off: a life has {effects_max} effects and more");
            let violation = Violation::of_run(Property::Finishes, sentence);
            self.failed += 1;
            self.keep(scenario, vec![violation]);
        }
    }

    /// Runs one scenario. Answers how many crashes came about; none if it could not even be judged, which
    /// ends a sweep.
    fn run(&mut self, scenario: Scenario, planted: Option<&'static str>) -> u64 {
        self.runs += 1;
        let (violations, crashes) = match campaign::attempt(&scenario, &Amend::new, planted, false)
        {
            Attempt::Ended(outcome) => (outcome.violations, outcome.crashes),
            Attempt::Panicked(message) | Attempt::NotSetUp(message) => {
                (vec![Violation::of_run(Property::NoPanic, message)], 0)
            }
        };
        self.crashes += crashes;
        if !violations.is_empty() {
            self.failed += 1;
            self.keep(scenario, violations);
        }
        crashes
    }

    /// Keeps a failed run, unless enough of its kind are kept: those that violate the same properties.
    fn keep(&mut self, scenario: Scenario, violations: Vec<Violation>) {
        let kind = |found: &[Violation]| {
            let properties = found.iter().map(|violation| violation.property);
            properties.collect::<BTreeSet<_>>()
        };
        let own = kind(&violations);
        let alike = self.failures.iter().filter(|(_, found)| kind(found) == own);
        if alike.count() < KEPT_MAX {
            self.failures.push((scenario, violations));
        }
    }
}

/// The scenario with so many different draws of what lands, and without any plight of its own.
pub fn drawn(scenario: &Scenario, draws: u64) -> impl Iterator<Item = Scenario> + use<> {
    let mut calm = scenario.clone();
    calm.hosts = Hosts::default();
    (0..draws).map(move |draw| Scenario {
        seed: calm.seed ^ draw,
        ..calm.clone()
    })
}

/// The first generated scenarios from this root whose lives are small and may crash.
pub fn small(root: u64, count: usize) -> Vec<Scenario> {
    let scenarios = (0..).map(|number| generate::scenario(case_seed(root, number)));
    let mut small = Vec::new();
    for mut scenario in scenarios {
        if small.len() == count {
            break;
        }
        scenario.hosts = Hosts::default();
        scenario.mock_operations = 0;
        if is_small(&scenario) {
            small.push(scenario);
        }
    }
    small
}

/// Effects of all machines of a scenario; of one that cannot be run, more than any has.
pub fn effects(scenario: &Scenario) -> u64 {
    match campaign::attempt(scenario, &Amend::new, None, false) {
        Attempt::Ended(outcome) => outcome.effects,
        Attempt::Panicked(_) | Attempt::NotSetUp(_) => u64::MAX,
    }
}

/// Whether a crash could fall between the writes of a short life.
fn is_small(scenario: &Scenario) -> bool {
    if scenario.amend.dry_run || scenario.beyond {
        return false;
    }
    match campaign::attempt(scenario, &Amend::new, None, false) {
        Attempt::Ended(outcome) => {
            let wrote = outcome.reports.first().is_some_and(|report| {
                report.counts.contains_key("remove-markers")
                    || report.counts.contains_key("copy-version")
            });
            wrote && outcome.effects <= SMALL_EFFECTS_MAX
        }
        Attempt::Panicked(_) | Attempt::NotSetUp(_) => false,
    }
}

/// The small table, deleted; and while the host is down somebody does something to one of its objects.
pub fn while_down() -> Vec<Scenario> {
    let kinds = [
        Kind::Block,
        Kind::Index,
        Kind::Segment,
        Kind::Snapshot,
        Kind::Hint,
    ];
    let acts = |key| {
        [
            Act::Delete { key },
            Act::Overwrite {
                key,
                with: Garbage::Longer(3),
            },
            Act::Purge {
                key,
                versions: Versions::Right,
            },
            Act::CopyBack { key },
        ]
    };
    let acts = kinds
        .into_iter()
        .flat_map(|kind| acts(Selector::new(kind, 0)));
    acts.map(|act| {
        let mut scenario = two_commits();
        let when = When::WhileDown;
        let deleted = before(Act::DeletePrefix { again: false });
        scenario.operations = vec![deleted, Operation { when, act }];
        scenario
    })
    .collect()
}

/// What can become of one object.
pub const FATES: [&str; 5] = ["purged", "deleted", "same-length", "longer", "replaced"];

/// A fate, as what people do.
fn fate(which: usize, key: Selector) -> Vec<Act> {
    let overwrite = |with| Act::Overwrite { key, with };
    match FATES[which] {
        "purged" => vec![Act::Purge {
            key,
            versions: Versions::All,
        }],
        "deleted" => vec![Act::Delete { key }],
        "same-length" => vec![overwrite(Garbage::SameLength)],
        "longer" => vec![overwrite(Garbage::Longer(3))],
        // Garbage is there, and the original is not.
        _ => vec![
            overwrite(Garbage::Longer(2)),
            Act::Purge {
                key,
                versions: Versions::Right,
            },
        ],
    }
}

/// Objects of the table of [`fates`]: eleven of its newest commit and one of the older one.
pub const OBJECTS: usize = 12;

/// Every choice of up to `most` objects of a table of two commits, with every fate for each; each once as it
/// is and once with the whole prefix deleted afterwards.
pub fn fates(most: usize) -> impl Iterator<Item = Scenario> {
    let base = two_commits();
    choices(OBJECTS, most).into_iter().flat_map(move |objects| {
        let base = base.clone();
        let combinations = FATES.len().pow(objects.len() as u32);
        (0..combinations * 2).map(move |number| {
            let mut scenario = base.clone();
            let mut rest = number / 2;
            for object in &objects {
                let acts = fate(rest % FATES.len(), selector(*object));
                scenario.operations.extend(acts.into_iter().map(before));
                rest /= FATES.len();
            }
            if number % 2 == 1 {
                let act = Act::DeletePrefix { again: false };
                scenario.operations.push(before(act));
            }
            scenario
        })
    })
}

/// Every choice of 0 to `most` of so many objects.
fn choices(objects: usize, most: usize) -> Vec<Vec<usize>> {
    let mut all = vec![Vec::new()];
    let mut last = all.clone();
    for _ in 0..most {
        let grown = last.iter().flat_map(|chosen: &Vec<usize>| {
            let from = chosen.last().map_or(0, |last| last + 1);
            (from..objects).map(move |object| [&chosen[..], &[object]].concat())
        });
        last = grown.collect();
        all.extend(last.iter().cloned());
    }
    all
}

fn selector(object: usize) -> Selector {
    match object {
        0 => Selector::new(Kind::Old, 0),
        object => Selector::new(Kind::Any, object as u32 - 1),
    }
}

fn before(act: Act) -> Operation {
    let when = When::Before;
    Operation { when, act }
}

/// Two commits: two segments with statistics, three blocks, two bloom indexes, and the hint.
fn two_commits() -> Scenario {
    let block = |size, bloom| BlockPlan {
        size,
        bloom,
        inverted: None,
        vector: None,
    };
    let insert = |blocks| CommitPlan::Insert {
        segments: vec![SegmentPlan {
            statistics: true,
            blocks,
        }],
    };
    Scenario::quiet(GeneratedTable {
        flavour: Flavour::V1_2_895,
        compressed: false,
        commits: vec![
            insert(vec![block(16, Some(8)), block(16, None)]),
            insert(vec![block(17, Some(8))]),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner;

    #[test]
    fn each_choice_comes_once() {
        let all = choices(5, 3);
        assert_eq!(all.len(), 1 + 5 + 10 + 10);
        let mut distinct = all.clone();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), all.len());
        let ascends = |chosen: &Vec<usize>| chosen.is_sorted_by(|one, other| one < other);
        assert!(all.iter().all(ascends));
    }

    #[test]
    fn a_sweep_that_is_cut_off_is_a_violation() {
        let [once, twice]: [fn(Scenario) -> Scope; 2] = [Scope::Crash, Scope::CrashTwice];
        for (scope, effects_max, is_cut_off) in [
            (once, 3, true),
            (twice, 3, true),
            (once, EFFECTS_MAX, false),
        ] {
            let mut found = Found::default();
            found.exhaust(scope(while_down().remove(0)), None, effects_max);
            assert_eq!(found.violates(Property::Finishes), is_cut_off, "{found:?}");
        }
    }

    #[test]
    fn the_small_table_has_the_objects_that_are_chosen_from() {
        let outcome = runner::run(&two_commits(), &Amend::new, false).expect("it can be set up");
        let truth = outcome.scene.truth;
        let newest = truth.newest().expect("it has commits").references.len();
        assert_eq!(truth.old_keys().len() + newest, OBJECTS);
        let mut keys: Vec<_> = (0..OBJECTS)
            .map(|object| truth.select(selector(object)))
            .collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), OBJECTS, "each selector means another object");
    }
}
