//! The desk: tasks that are under way, and their findings in the order of the tasks.
//!
//! Tasks of one step are independent of one another, so they may end in any order; findings are handed on in
//! the order in which the tasks were given out, so that nothing depends on who was faster.

use std::collections::{BTreeMap, VecDeque};

use super::task::{Findings, Task};
use crate::drill::planted;

/// Tasks and findings.
#[derive(Debug, Default)]
pub(super) struct Desk {
    waiting: VecDeque<(u64, Task)>,
    flying: BTreeMap<u64, Task>,
    arrived: BTreeMap<u64, (Task, Findings)>,
    /// The number that the next task gets.
    next: u64,
    /// The task whose findings are handed on next.
    due: u64,
}

impl Desk {
    /// Gives out tasks.
    pub(super) fn put(&mut self, tasks: impl IntoIterator<Item = Task>) {
        for task in tasks {
            self.waiting.push_back((self.next, task));
            self.next += 1;
        }
    }

    /// The next task to begin, while fewer than `window` are under way. What arrived and is not handed on yet
    /// counts, for it takes memory.
    pub(super) fn begin(&mut self, window: usize) -> Option<(u64, Task)> {
        if self.flying.len() + self.arrived.len() >= window {
            return None;
        }
        let (id, task) = self.waiting.pop_front()?;
        self.flying.insert(id, task.clone());
        Some((id, task))
    }

    /// A task is done. An answer to a question that was not asked is dropped.
    pub(super) fn arrive(&mut self, id: u64, findings: Findings) {
        if let Some(task) = self.flying.remove(&id) {
            self.arrived.insert(id, (task, findings));
        }
    }

    /// The next findings in order, if they are there.
    pub(super) fn take(&mut self) -> Option<(Task, Findings)> {
        let next = match planted("SA-19") {
            true => self.arrived.pop_last()?.1,
            false => self.arrived.remove(&self.due)?,
        };
        self.due += 1;
        Some(next)
    }

    /// Whether nothing waits and nothing is under way.
    pub(super) fn is_clear(&self) -> bool {
        self.waiting.is_empty() && self.flying.is_empty() && self.arrived.is_empty()
    }

    /// How many tasks were handed on, and how many were given out.
    pub(super) fn progress(&self) -> (u64, u64) {
        (self.due, self.next)
    }
}
