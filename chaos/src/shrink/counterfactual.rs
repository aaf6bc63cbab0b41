//! What would have had to be otherwise: every single thing whose removal makes the property hold.
//!
//! A cause is not proven by what happened but by what would not have happened without it. In a minimal
//! scenario each fault and each operation is such a thing; which of the settings are is worth knowing too.

use crate::campaign::PLANTED;
use crate::part::Part;
use crate::property::Property;
use crate::runner::Subject;
use crate::scenario::{Act, CommitPlan, Fault, Operation, Scenario, TableSource, When};

use super::values::KNOBS;
use super::{plans, segments, violated};

/// One thing whose removal makes the property hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counterfactual {
    /// What was taken away, as a noun phrase.
    pub without: String,
    /// Its name, where it has one: then `replay --without` takes it away.
    pub part: Option<Part>,
    /// What is violated all the same; nothing if the scenario passes.
    pub others: Vec<Property>,
}

impl Counterfactual {
    /// Itself, in one sentence.
    pub fn sentence(&self, property: Property) -> String {
        if self.others.is_empty() {
            return format!("without {} it passes", self.without);
        }
        let others = super::ids(&self.others);
        format!(
            "without {} {property} holds, though not {others}",
            self.without
        )
    }
}

/// Tries each single removal. The planted bug, if one is active, is one of them.
pub fn counterfactuals<S: Subject>(
    scenario: &Scenario,
    property: Property,
    subject: &S,
    planted: Option<&'static str>,
) -> Vec<Counterfactual> {
    let mut found = Vec::new();
    let mut note = |without: String, part, scenario: &Scenario, planted| {
        if let Ok(others) = violated(scenario, subject, planted)
            && !others.contains(&property)
        {
            found.push(Counterfactual {
                without,
                part,
                others,
            });
        }
    };
    if let Some((bug, _)) = PLANTED.iter().find(|(bug, _)| planted == Some(*bug)) {
        note(format!("the planted bug {bug}"), None, scenario, None);
    }
    for (part, without) in Part::all(scenario) {
        if let Some(smaller) = part.taken_from(scenario) {
            note(without, Some(part), &smaller, planted);
        }
    }
    for (without, smaller) in removals(scenario) {
        note(without, None, &smaller, planted);
    }
    found
}

/// Every scenario in which the table or a setting is simpler, and what is gone.
fn removals(scenario: &Scenario) -> Vec<(String, Scenario)> {
    let mut all = Vec::new();
    let mut add = |without: String, edit: &dyn Fn(&mut Scenario)| {
        let mut smaller = scenario.clone();
        edit(&mut smaller);
        if smaller != *scenario {
            all.push((without, smaller));
        }
    };
    remove_from_the_table(scenario, &mut add);
    for (without, simplest) in KNOBS {
        add(without.into(), &simplest);
    }
    all
}

/// Takes a thing's name, and what takes it away.
type Add<'a> = dyn FnMut(String, &dyn Fn(&mut Scenario)) + 'a;

fn remove_from_the_table(scenario: &Scenario, add: &mut Add<'_>) {
    let TableSource::Generated(table) = &scenario.table else {
        return;
    };
    for (nth, plan) in table.commits.iter().enumerate() {
        // A table without any commit is none.
        if table.commits.len() > 1 {
            add(
                format!("the table's commit {} ({})", nth + 1, name_commit(plan)),
                &|smaller| {
                    if let TableSource::Generated(table) = &mut smaller.table {
                        table.commits.remove(nth);
                    }
                },
            );
        }
    }
    let mut counted = scenario.clone();
    for plan in 0..plans(&mut counted).len() {
        let Some(written) = segments(&mut counted, plan) else {
            continue;
        };
        let blocks: Vec<usize> = written.iter().map(|segment| segment.blocks.len()).collect();
        for (nth, blocks) in blocks.into_iter().enumerate() {
            let segment = format!("segment {} of commit {}", nth + 1, plan + 1);
            add(segment.clone(), &|smaller| {
                if let Some(segments) = segments(smaller, plan) {
                    segments.remove(nth);
                }
            });
            for block in (0..blocks).filter(|_| blocks > 1) {
                add(format!("block {} of {segment}", block + 1), &|smaller| {
                    if let Some(segments) = segments(smaller, plan) {
                        segments[nth].blocks.remove(block);
                    }
                });
            }
        }
    }
}

/// A fault as a noun phrase.
pub(crate) fn name_fault(fault: &Fault) -> String {
    let on = fault.key.map_or(String::new(), |key| format!(" on {key}"));
    let times = match fault.times {
        0 => ", from then on every one".into(),
        1 => String::new(),
        times => format!(", {times} in a row"),
    };
    format!(
        "the fault {} (request {} of {:?}{on}{times})",
        fault.class(),
        fault.nth.max(1),
        fault.operation
    )
}

/// An operation as a noun phrase.
pub(crate) fn name_operation(operation: &Operation) -> String {
    let what = operation.act.name();
    let on = match &operation.act {
        Act::Delete { key }
        | Act::Overwrite { key, .. }
        | Act::Purge { key, .. }
        | Act::CopyBack { key }
        | Act::PutBack { key }
        | Act::Archive { key, .. } => format!(" of {key}"),
        Act::Sibling { key, .. } => format!(" beside {key}"),
        Act::Commit(plan) => format!(" ({})", name_commit(plan)),
        _ => String::new(),
    };
    let when = match operation.when {
        When::Before => String::new(),
        When::AfterPlan => " after the plan".into(),
        When::AfterWrites(count) => format!(" after write {count}"),
        When::AfterReads(count) => format!(" after read {count}"),
        When::WhileDown => " while the host is down".into(),
    };
    format!("the operation {what}{on}{when}")
}

fn name_commit(plan: &CommitPlan) -> &'static str {
    match plan {
        CommitPlan::Insert { .. } => "insert",
        CommitPlan::RewriteBlock { .. } => "rewrite of a block",
        CommitPlan::Analyze => "analyze",
        CommitPlan::Compact { .. } => "compact",
        CommitPlan::Overwrite { .. } => "overwrite",
    }
}
