//! The detection matrix: which checker, and which class of operations or faults, does a bug hang on?
//!
//! ```text
//!   a bug's row:   all on ──► every case of the budget, with all that each violates
//!                    ├─ checker C off:  is there a case that violates another property?    (the same runs)
//!                    └─ class K off:    does the drill without K violate anything?         (runs of its own)
//! ```
//!
//! A checker looks on and changes nothing, so switching one off needs no run of its own. A class that is
//! switched off changes the cases, and all other draws stay as they are.
//!
//! **The only catcher.** With C switched off no case of the budget shows the bug, with C on some do.
//! **Needed.** With K switched off no case of the budget shows the bug, while with all on so many do
//! ([`FINDS_MIN`]) that this is no chance: of a bug that shows itself in h cases, none would show in as many
//! new cases with a probability of e⁻ʰ.

use std::sync::atomic::Ordering;

use serde::Serialize;

use crate::catalogue::{BUGS, Entry};
use crate::pool;
use crate::property::Property;
use crate::runner::Subject;

use super::hunt::{Find, Hunt};
use super::{Progress, roots};

/// Fewer finds than this with everything on, and a class whose absence hides the bug may do so by chance
/// (e⁻⁵ < 1 %).
pub const FINDS_MIN: usize = 5;

/// How a matrix is to be made.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Terms {
    /// The root of the root seeds.
    pub seed: u64,
    /// So many root seeds for each cell.
    pub seeds: u64,
    /// Cases of each root seed.
    pub cell_cases: u64,
    /// Threads.
    #[serde(skip)]
    pub jobs: usize,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Matrix {
    /// How it was made.
    pub terms: Terms,
    /// Whether every planted bug has a row. Of some alone it says nothing about the checkers and classes that
    /// others need.
    pub is_whole: bool,
    /// The classes that were switched off, each a column.
    pub classes: Vec<&'static str>,
    /// Each bug.
    pub rows: Vec<Row>,
}

/// One planted bug.
#[derive(Debug, Clone, Serialize)]
pub struct Row {
    /// Its id.
    pub id: &'static str,
    /// What goes wrong.
    pub what: &'static str,
    /// The classes that it needs, as the catalogue says.
    pub needs: &'static [&'static str],
    /// Cases of the budget that show it, with everything on.
    pub finds: usize,
    /// What they violate.
    pub by: Vec<Sighting>,
    /// How many of them show it with this checker switched off, in the order of [`Property::ALL`].
    pub without_checker: Vec<usize>,
    /// The first case that shows it with this class switched off, counted over the root seeds; in the order
    /// of the classes.
    pub without_class: Vec<Option<u64>>,
}

/// A property that shows a bug.
#[derive(Debug, Clone, Serialize)]
pub struct Sighting {
    /// The property.
    pub property: Property,
    /// Cases that violate it.
    pub cases: usize,
    /// The first of them, by its seed: `replay CASE --planted ID` shows it.
    pub first: u64,
}

/// Makes a matrix of these bugs, switching off one of these classes at a time.
pub fn run<S: Subject>(
    terms: Terms,
    bugs: &[&'static Entry],
    classes: &[&'static str],
    subject: &S,
    progress: &Progress,
) -> Matrix {
    let roots = roots(terms.seed, terms.seeds);
    let hunt = |bug: &Entry, root, without| Hunt {
        planted: Some(bug.id),
        wanted: &[],
        root,
        cases_max: terms.cell_cases,
        without,
    };
    let finds = pool::share(terms.jobs, bugs.iter(), |bug| {
        let all = roots.iter();
        let all = all.flat_map(|root| hunt(bug, *root, None).all(subject, progress));
        let all: Vec<Find> = all.collect();
        progress.done.fetch_add(1, Ordering::Relaxed);
        all
    });
    let cells: Vec<(&'static Entry, &'static str)> = bugs
        .iter()
        .flat_map(|bug| classes.iter().map(|class| (*bug, *class)))
        .collect();
    let mut firsts = pool::share(terms.jobs, cells.iter(), |(bug, class)| {
        let found = roots.iter().zip(0..).find_map(|(root, nth)| {
            let find = hunt(bug, *root, Some(*class)).first(subject, progress)?;
            Some(nth * terms.cell_cases + find.number)
        });
        progress.done.fetch_add(1, Ordering::Relaxed);
        found
    })
    .into_iter();
    let rows = bugs.iter().zip(finds).map(|(bug, finds)| {
        let without_class = firsts.by_ref().take(classes.len()).collect();
        Row::of(bug, &finds, without_class)
    });
    Matrix {
        terms,
        is_whole: bugs.len() == BUGS.len(),
        classes: classes.to_vec(),
        rows: rows.collect(),
    }
}

/// Hunts that a matrix takes, for whoever shows how far it is.
pub fn hunts(bugs: usize, classes: usize) -> u64 {
    (bugs * (1 + classes)) as u64
}

impl Row {
    fn of(bug: &Entry, finds: &[Find], without_class: Vec<Option<u64>>) -> Self {
        let sighting = |property: &Property| {
            let mut violating = finds.iter().filter(|find| find.violated.contains(property));
            let first = violating.next()?.case;
            Some(Sighting {
                property: *property,
                cases: 1 + violating.count(),
                first,
            })
        };
        let without = |property: &Property| {
            let others = |find: &&Find| find.violated.iter().any(|other| other != property);
            finds.iter().filter(others).count()
        };
        let properties = Property::ALL.iter();
        let by = properties.clone().filter_map(sighting);
        Self {
            id: bug.id,
            what: bug.what,
            needs: bug.needs,
            finds: finds.len(),
            by: by.collect(),
            without_checker: properties.map(without).collect(),
            without_class,
        }
    }

    /// The checker without which it is not found, if there is one.
    pub fn only_catcher(&self) -> Option<Property> {
        match self.by.as_slice() {
            [only] => Some(only.property),
            _ => None,
        }
    }

    /// Whether so many cases show it that a class can be said to be needed.
    pub fn is_frequent(&self) -> bool {
        self.finds >= FINDS_MIN
    }
}

impl Matrix {
    /// The bugs of which this checker is the only catcher.
    pub fn caught_only_by(&self, property: Property) -> Vec<&'static str> {
        let rows = self.rows.iter();
        rows.filter(|row| row.only_catcher() == Some(property))
            .map(|row| row.id)
            .collect()
    }

    /// The bugs that are not found without this class.
    pub fn needing(&self, class: &str) -> Vec<&'static str> {
        let Some(nth) = self.classes.iter().position(|known| *known == class) else {
            return Vec::new();
        };
        let rows = self.rows.iter();
        rows.filter(|row| row.is_frequent() && row.without_class[nth].is_none())
            .map(|row| row.id)
            .collect()
    }

    /// What is not as it must be, one sentence each.
    pub fn shortcomings(&self) -> Vec<String> {
        let mut all = Vec::new();
        for row in &self.rows {
            if row.finds == 0 {
                all.push(format!("{} is not found within the budget", row.id));
            }
            for (class, found) in self.classes.iter().zip(&row.without_class) {
                if found.is_some() && row.needs.contains(class) {
                    let id = row.id;
                    all.push(format!(
                        "{id} is said to need {class}, and is found without it"
                    ));
                }
            }
        }
        all.extend(self.idle());
        all
    }

    /// The checkers and classes that nothing hangs on, one sentence each, where every bug has a row.
    pub fn idle(&self) -> Vec<String> {
        let mut all = Vec::new();
        if !self.is_whole {
            return all;
        }
        for property in Property::ALL {
            if self.caught_only_by(property).is_empty() {
                all.push(format!("{property} is the only catcher of no bug"));
            }
        }
        for class in &self.classes {
            if self.needing(class).is_empty() {
                all.push(format!("{class} is needed to find no bug"));
            }
        }
        all
    }
}
