//! The same undelete after the drill: the moment decides, and it is done when a look finds nothing to do.

use std::collections::BTreeMap;
use std::process::ExitCode;

use firedrill_chaos::stranger::{Routine, Task, drill};
use firedrill_core::object::{Answer, Condition, Entry, Key, Reply, Request};

const FAILURES_MAX: u32 = 40;

struct Careful {
    task: Task,
    listed: BTreeMap<Key, Vec<Entry>>,
    copies: usize,
    failures: u32,
}

impl Careful {
    fn new(task: Task) -> Self {
        Self {
            task,
            listed: BTreeMap::new(),
            copies: 0,
            failures: 0,
        }
    }

    /// Copies what was current at the moment, unless it is so again.
    fn undelete(&self, key: &Key, entries: &[Entry]) -> Option<Request> {
        let is_old = |entry: &&Entry| entry.last_modified() <= self.task.as_of;
        let wanted = entries.iter().find(is_old)?.version()?;
        let condition = match entries[0].version() {
            Some(top) if top.etag == wanted.etag => return None,
            Some(top) => Condition::Matches(top.etag.clone()),
            None => Condition::Absent,
        };
        Some(Request::Copy {
            key: key.clone(),
            version: wanted.id.clone(),
            size: wanted.size,
            condition,
        })
    }
}

impl Routine for Careful {
    fn start(&mut self) -> Vec<Request> {
        self.listed.clear();
        vec![self.task.list(None)]
    }

    fn answered(&mut self, request: &Request, reply: Reply) -> Vec<Request> {
        self.failures += u32::from(reply.is_err());
        match (request, reply) {
            _ if self.failures > FAILURES_MAX => Vec::new(),
            (Request::ListVersions { .. }, Ok(Answer::Page { entries, next })) => {
                for (key, entry) in entries {
                    self.listed.entry(key).or_default().push(entry);
                }
                if next.is_some() {
                    return vec![self.task.list(next)];
                }
                let keys = self.listed.iter();
                let copies = keys.filter_map(|(key, entries)| self.undelete(key, entries));
                let copies: Vec<_> = copies.collect();
                self.copies = copies.len();
                copies
            }
            (Request::ListVersions { .. }, _) => vec![request.clone()],
            // A copy, done or not: after the last one the next look tells.
            _ if self.copies > 1 => {
                self.copies -= 1;
                Vec::new()
            }
            _ => self.start(),
        }
    }

    fn verdict(&self) -> Result<(), String> {
        let gave_up = self.failures > FAILURES_MAX;
        (!gave_up).then_some(()).ok_or("too many failures".into())
    }
}

fn main() -> ExitCode {
    let findings = drill(Careful::new).cases(10_000).run();
    println!("{findings}");
    ExitCode::from(u8::from(!findings.is_clean()))
}
