//! The undelete that one writes at 3 a.m.: for each deleted key, copy its newest version on top.

use std::collections::BTreeMap;
use std::process::ExitCode;

use firedrill_chaos::stranger::{Routine, Task, drill};
use firedrill_core::object::{Answer, Condition, Entry, Key, Reply, Request};

struct Naive {
    task: Task,
    listed: BTreeMap<Key, Vec<Entry>>,
}

impl Naive {
    fn new(task: Task) -> Self {
        let listed = BTreeMap::new();
        Self { task, listed }
    }

    fn undelete((key, entries): (&Key, &Vec<Entry>)) -> Option<Request> {
        let is_deleted = entries[0].version().is_none();
        let newest = entries.iter().find_map(Entry::version)?;
        is_deleted.then(|| Request::Copy {
            key: key.clone(),
            version: newest.id.clone(),
            size: newest.size,
            condition: Condition::Absent,
        })
    }
}

impl Routine for Naive {
    fn start(&mut self) -> Vec<Request> {
        vec![self.task.list(None)]
    }

    fn answered(&mut self, _: &Request, reply: Reply) -> Vec<Request> {
        let Ok(Answer::Page { entries, next }) = reply else {
            return Vec::new();
        };
        for (key, entry) in entries {
            self.listed.entry(key).or_default().push(entry);
        }
        match next {
            next @ Some(_) => vec![self.task.list(next)],
            None => self.listed.iter().filter_map(Self::undelete).collect(),
        }
    }
}

fn main() -> ExitCode {
    let findings = drill(Naive::new).cases(10_000).run();
    println!("{findings}");
    ExitCode::from(u8::from(!findings.is_clean()))
}
