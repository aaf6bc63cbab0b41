//! The scoreboard: each planted bug against each root seed, and the controls.
//!
//! Three things are measured of a bug: whether and how soon the property that the catalogue names catches it,
//! how small a scenario the shrinker makes of that, and whether this scenario passes once the bug is switched
//! off. With every bug switched off the same root seeds must give nothing.

use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::catalogue::Entry;
use crate::pool;
use crate::runner::Subject;
use crate::shrink::{self, Size};

use super::hunt::Hunt;
use super::statistics::{median, percentile};
use super::{Clock, Progress, roots};

/// Of twenty root seeds so many must find a bug.
const FOUND_OF_TWENTY: usize = 19;
/// What a person can hold in the head: operations of a minimal scenario.
const OPERATIONS_MAX: usize = 5;
/// Likewise its faults, crashes and other plights of hosts among them.
const FAULTS_MAX: usize = 2;

/// How a scoreboard is to be made.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Terms {
    /// The root of the root seeds.
    pub seed: u64,
    /// So many root seeds.
    pub seeds: u64,
    /// Cases within which a bug must be found.
    pub cases_max: u64,
    /// Cases of each root seed with every bug switched off; more if a bug needed more.
    pub control_cases: u64,
    /// Runs that one shrink may take.
    pub shrink_budget: u64,
    /// Threads.
    #[serde(skip)]
    pub jobs: usize,
}

/// What was measured of one mechanism.
#[derive(Debug, Clone, Serialize)]
pub struct Scoreboard {
    /// Whose bugs these are: `amend` or `salvage`.
    pub mechanism: &'static str,
    /// How it was made.
    pub terms: Terms,
    /// Each bug, in the order of the catalogue.
    pub rows: Vec<Row>,
    /// What was found with every bug switched off.
    pub control: Control,
}

/// One planted bug.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its id.
    pub id: &'static str,
    /// What goes wrong.
    pub what: &'static str,
    /// The properties of which one must catch it, by id.
    pub caught_by: Vec<&'static str>,
    /// Each root seed.
    pub trials: Vec<Trial>,
}

/// One root seed.
#[derive(Debug, Clone, Serialize)]
pub struct Trial {
    /// The seed: `chaos --seed ROOT --planted ID` finds the same.
    pub root: u64,
    /// How the bug was found, if it was.
    pub caught: Option<Caught>,
}

/// How a bug was found.
#[derive(Debug, Clone, Serialize)]
pub struct Caught {
    /// Cases that it took.
    pub cases: u64,
    /// Time that they took, in seconds.
    pub seconds: f64,
    /// The case's seed.
    pub case: u64,
    /// What caught it, by id.
    pub property: &'static str,
    /// The minimal scenario's operations.
    pub operations: usize,
    /// The minimal scenario's faults, plights of hosts among them.
    pub faults: usize,
    /// Runs that shrinking took.
    pub shrink_runs: u64,
    /// Whether the minimal scenario passes with the bug switched off.
    pub passes_without: bool,
}

/// Every bug switched off.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Control {
    /// Cases run.
    pub cases: u64,
    /// Cases that violated something all the same, by seed.
    pub violated: Vec<Stray>,
}

/// A case that violated something though nothing was planted: its seed, and the properties by id.
pub type Stray = (u64, Vec<&'static str>);

/// Makes a scoreboard of these bugs of amend.
pub fn run<S: Subject>(
    terms: Terms,
    bugs: &[&'static Entry],
    subject: &S,
    clock: Clock<'_>,
    progress: &Progress,
) -> Scoreboard {
    let row = |bug: &Entry| Row {
        id: bug.id,
        what: bug.what,
        caught_by: bug.caught_by.iter().map(|property| property.id()).collect(),
        trials: Vec::new(),
    };
    let chase = |bug, root| chase(terms, bug, root, subject, clock, progress);
    let control = |root, cases| control(root, cases, subject, progress);
    let board = Plan {
        mechanism: "amend",
        terms,
        progress,
    };
    board.carry_out(bugs, row, chase, control)
}

/// What all scoreboards have in common.
pub(super) struct Plan<'a> {
    pub(super) mechanism: &'static str,
    pub(super) terms: Terms,
    pub(super) progress: &'a Progress,
}

impl Plan<'_> {
    /// Chases each bug from each root seed, and then runs each root seed's cases without any.
    pub(super) fn carry_out<B: Sync>(
        self,
        bugs: &[&'static B],
        row: impl Fn(&B) -> Row,
        chase: impl Fn(&'static B, u64) -> Option<Caught> + Sync,
        control: impl Fn(u64, u64) -> Vec<Stray> + Sync,
    ) -> Scoreboard {
        let terms = self.terms;
        let count = || self.progress.done.fetch_add(1, Ordering::Relaxed);
        let roots = roots(terms.seed, terms.seeds);
        let bugs_and_roots = || {
            bugs.iter()
                .flat_map(|bug| roots.iter().map(|root| (*bug, *root)))
        };
        let trials = pool::share(terms.jobs, bugs_and_roots(), |(bug, root)| {
            let caught = chase(bug, root);
            count();
            Trial { root, caught }
        });
        let mut trials = trials.into_iter();
        let rows = bugs.iter().map(|bug| Row {
            trials: trials.by_ref().take(roots.len()).collect(),
            ..row(bug)
        });
        let rows: Vec<Row> = rows.collect();
        let slowest = rows.iter().flat_map(Row::cases).max().unwrap_or(0);
        let cases = terms.control_cases.max(slowest);
        let strays = pool::share(terms.jobs, roots.iter(), |root| {
            let strays = control(*root, cases);
            count();
            strays
        });
        Scoreboard {
            mechanism: self.mechanism,
            terms,
            rows,
            control: Control {
                cases: cases * roots.len() as u64,
                violated: strays.into_iter().flatten().collect(),
            },
        }
    }
}

/// Finds a bug, shrinks what found it, and checks that the bug was to blame.
fn chase<S: Subject>(
    terms: Terms,
    bug: &'static Entry,
    root: u64,
    subject: &S,
    clock: Clock<'_>,
    progress: &Progress,
) -> Option<Caught> {
    let hunt = Hunt {
        planted: Some(bug.id),
        wanted: bug.caught_by,
        root,
        cases_max: terms.cases_max,
        without: None,
    };
    let started = clock();
    let find = hunt.first(subject, progress)?;
    let seconds = (clock() - started).as_secs_f64();
    let property = find
        .violated
        .iter()
        .copied()
        .find(|property| bug.caught_by.contains(property))?;
    let scenario = hunt.scenario(find.case);
    let budget = terms.shrink_budget;
    let shrunk = shrink::shrink(
        &scenario,
        property,
        subject,
        Some(bug.id),
        budget,
        &mut |_| {},
    );
    // What cannot be shrunk (it does not fail every time) is as large as it was found.
    let (minimal, shrink_runs) = match shrunk {
        Ok(shrunk) => (shrunk.scenario, shrunk.runs),
        Err(_) => (scenario, 0),
    };
    let size = Size::of(&minimal);
    Some(Caught {
        cases: find.number,
        seconds,
        case: find.case,
        property: property.id(),
        operations: size.operations,
        faults: size.faults + size.plights,
        shrink_runs,
        passes_without: shrink::passes(&minimal, subject, None),
    })
}

fn control<S: Subject>(root: u64, cases: u64, subject: &S, progress: &Progress) -> Vec<Stray> {
    let hunt = Hunt {
        planted: None,
        wanted: &[],
        root,
        cases_max: cases,
        without: None,
    };
    let finds = hunt.all(subject, progress).into_iter();
    finds
        .map(|find| {
            (
                find.case,
                find.violated.iter().map(|one| one.id()).collect(),
            )
        })
        .collect()
}

impl Scoreboard {
    /// What it is of, as a heading.
    pub fn title(&self) -> &'static str {
        match self.mechanism {
            "salvage" => "Salvage",
            _ => "Amend",
        }
    }

    /// What is not as it must be, one sentence each.
    pub fn shortcomings(&self) -> Vec<String> {
        let mut all: Vec<String> = self.rows.iter().flat_map(Row::shortcomings).collect();
        if let Some((case, violated)) = self.control.violated.first() {
            all.push(format!(
                "with every bug of {} switched off {} cases violate something, first case {case:#018x}: {}",
                self.mechanism,
                self.control.violated.len(),
                violated.join(", ")
            ));
        }
        all
    }
}

impl Row {
    /// How many root seeds found it.
    pub fn found(&self) -> usize {
        self.caught().count()
    }

    /// Half of the finds took at most so many cases.
    pub fn cases_median(&self) -> Option<u64> {
        median(&self.cases())
    }

    /// Nine of ten finds took at most so many cases.
    pub fn cases_p90(&self) -> Option<u64> {
        percentile(&self.cases(), 90)
    }

    /// Half of the finds took at most so many seconds.
    pub fn seconds_median(&self) -> Option<f64> {
        median(&self.seconds())
    }

    /// Nine of ten finds took at most so many seconds.
    pub fn seconds_p90(&self) -> Option<f64> {
        percentile(&self.seconds(), 90)
    }

    /// Half of the minimal scenarios have at most so many operations.
    pub fn operations_median(&self) -> Option<usize> {
        let all: Vec<usize> = self.caught().map(|caught| caught.operations).collect();
        median(&all)
    }

    /// Half of the minimal scenarios have at most so many faults.
    pub fn faults_median(&self) -> Option<usize> {
        let all: Vec<usize> = self.caught().map(|caught| caught.faults).collect();
        median(&all)
    }

    /// The properties that caught it, each once, by id.
    pub fn properties(&self) -> Vec<&'static str> {
        let mut all = self.caught_by.clone();
        all.retain(|id| self.caught().any(|caught| caught.property == *id));
        all
    }

    /// Minimal scenarios that pass with the bug switched off.
    pub fn passing_without(&self) -> usize {
        self.caught().filter(|caught| caught.passes_without).count()
    }

    /// Whether so many root seeds found it as must.
    pub fn is_found_enough(&self) -> bool {
        self.found() * 20 >= self.trials.len() * FOUND_OF_TWENTY
    }

    /// Whether half of its minimal scenarios are as small as they must be.
    pub fn is_small(&self) -> bool {
        self.operations_median()
            .is_none_or(|size| size <= OPERATIONS_MAX)
            && self.faults_median().is_none_or(|size| size <= FAULTS_MAX)
    }

    /// What is not as it must be, one sentence each.
    pub fn shortcomings(&self) -> Vec<String> {
        let (id, found, trials) = (self.id, self.found(), self.trials.len());
        let mut all = Vec::new();
        if !self.is_found_enough() {
            all.push(format!(
                "{id} was found from {found} of {trials} root seeds"
            ));
        }
        if let Some(operations) = self
            .operations_median()
            .filter(|size| *size > OPERATIONS_MAX)
        {
            all.push(format!(
                "{id}: half of the minimal scenarios have {operations} operations or more"
            ));
        }
        if let Some(faults) = self.faults_median().filter(|size| *size > FAULTS_MAX) {
            all.push(format!(
                "{id}: half of the minimal scenarios have {faults} faults or more"
            ));
        }
        let failing = found - self.passing_without();
        if failing > 0 {
            all.push(format!(
                "{id}: {failing} minimal scenarios fail with the bug switched off"
            ));
        }
        all
    }

    fn caught(&self) -> impl Iterator<Item = &Caught> {
        self.trials.iter().filter_map(|trial| trial.caught.as_ref())
    }

    fn cases(&self) -> Vec<u64> {
        self.caught().map(|caught| caught.cases).collect()
    }

    fn seconds(&self) -> Vec<f64> {
        self.caught().map(|caught| caught.seconds).collect()
    }
}
