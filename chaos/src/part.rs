//! The parts of a scenario by the names that reports give them: `f1` the first fault, `o2` the second
//! operation, `h1` the first thing that its hosts suffer (crashes in their order, the interrupt, the second
//! machine).

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::scenario::Scenario;
use crate::shrink::{name_fault, name_operation};

/// One part of a scenario; the index counts from 0, the name from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// What somebody does.
    Operation(usize),
    /// What goes wrong with requests.
    Fault(usize),
    /// What hosts suffer.
    Host(usize),
}

/// A text that names no part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} names no part of a scenario; f1, o2 and h1 are such names: the first fault, the second operation, the first plight of a host"
)]
pub struct NotAPart(String);

impl Part {
    /// Every part of a scenario, with what it is as a noun phrase.
    pub fn all(scenario: &Scenario) -> Vec<(Self, String)> {
        let operations = scenario.operations.iter().enumerate();
        let operations = operations.map(|(nth, one)| (Self::Operation(nth), name_operation(one)));
        let faults = scenario.faults.iter().enumerate();
        let faults = faults.map(|(nth, fault)| (Self::Fault(nth), name_fault(fault)));
        let hosts = plights(scenario).into_iter().enumerate();
        let hosts = hosts.map(|(nth, plight)| (Self::Host(nth), plight.to_string()));
        operations.chain(faults).chain(hosts).collect()
    }

    /// The scenario without this part; none if it has no such part.
    pub fn taken_from(self, scenario: &Scenario) -> Option<Scenario> {
        let mut smaller = scenario.clone();
        match self {
            Self::Operation(nth) => {
                scenario.operations.get(nth)?;
                smaller.operations.remove(nth);
            }
            Self::Fault(nth) => {
                scenario.faults.get(nth)?;
                smaller.faults.remove(nth);
            }
            Self::Host(nth) => match *plights(scenario).get(nth)? {
                Plight::Crash { place, .. } => {
                    smaller.hosts.crash_after.remove(place);
                }
                Plight::Interrupt(_) => smaller.hosts.interrupt_after = None,
                Plight::Twin => smaller.hosts.twin = false,
            },
        }
        Some(smaller)
    }
}

/// The scenario without these parts, each as the whole scenario names it; or the first that it does not have.
pub fn without(scenario: &Scenario, parts: &[Part]) -> Result<Scenario, Part> {
    if let Some(unknown) = parts
        .iter()
        .find(|part| part.taken_from(scenario).is_none())
    {
        return Err(*unknown);
    }
    let parts: BTreeSet<Part> = parts.iter().copied().collect();
    // Whatever stands behind a part moves up when it goes: so the last one goes first.
    let mut smaller = scenario.clone();
    for part in parts.into_iter().rev() {
        smaller = part.taken_from(&smaller).ok_or(part)?;
    }
    Ok(smaller)
}

/// One thing that hosts suffer.
#[derive(Debug, Clone, Copy)]
enum Plight {
    Crash { place: usize, after: u64 },
    Interrupt(u64),
    Twin,
}

fn plights(scenario: &Scenario) -> Vec<Plight> {
    let hosts = &scenario.hosts;
    let crashes = hosts.crash_after.iter().enumerate();
    let crashes = crashes.map(|(place, after)| Plight::Crash {
        place,
        after: *after,
    });
    let interrupt = hosts.interrupt_after.map(Plight::Interrupt);
    let twin = hosts.twin.then_some(Plight::Twin);
    crashes.chain(interrupt).chain(twin).collect()
}

impl fmt::Display for Plight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { after, .. } => write!(f, "the crash after effect {after}"),
            Self::Interrupt(after) => write!(f, "the interrupt after effect {after}"),
            Self::Twin => write!(f, "the second machine"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(nth) => write!(f, "o{}", nth + 1),
            Self::Fault(nth) => write!(f, "f{}", nth + 1),
            Self::Host(nth) => write!(f, "h{}", nth + 1),
        }
    }
}

impl FromStr for Part {
    type Err = NotAPart;

    fn from_str(text: &str) -> Result<Self, NotAPart> {
        let wrong = || NotAPart(text.to_owned());
        let (kind, number) = text.split_at_checked(1).ok_or_else(wrong)?;
        let number: usize = number.parse().map_err(|_| wrong())?;
        let nth = number.checked_sub(1).ok_or_else(wrong)?;
        match kind {
            "o" => Ok(Self::Operation(nth)),
            "f" => Ok(Self::Fault(nth)),
            "h" => Ok(Self::Host(nth)),
            _ => Err(wrong()),
        }
    }
}

impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::case_seed;
    use crate::generate;

    #[test]
    fn parts_are_taken_by_the_names_that_the_whole_gives_them() {
        let mut scenarios = (0..).map(|number| generate::scenario(case_seed(1, number)));
        let scenario = scenarios
            .find(|scenario| scenario.faults.len() >= 3 && scenario.operations.len() >= 2)
            .expect("such scenarios are drawn all the time");
        let named = |names: &[&str]| -> Vec<Part> {
            let part = |name: &&str| name.parse().expect("it names a part");
            names.iter().map(part).collect()
        };
        let mut wanted = scenario.clone();
        wanted.faults.drain(..2);
        wanted.operations.remove(0);
        let smaller = without(&scenario, &named(&["f1", "o1", "f2", "f1"]));
        assert_eq!(smaller, Ok(wanted));
        let beyond = format!("f{}", scenario.faults.len() + 1);
        let refused = named(&["f1", &beyond]);
        assert_eq!(without(&scenario, &refused), Err(refused[1]));
    }
}
