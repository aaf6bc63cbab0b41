//! Looks on while a machine runs: logs what its requests change, notes each write for the checkers,
//! compares every listing with the log, and lets outsiders act when their phase comes.

use std::collections::BTreeSet;

use firedrill_core::amend::Effect;
use firedrill_core::object::{Answer, Key, Request};
use firedrill_sim::object_store::Change;
use firedrill_sim::world::{Applied, HostId, Stage, Watcher};

use crate::atlas::{Atlas, Must};
use crate::oracle::listing::{self, Page};
use crate::property::{Property, Violation};
use crate::scenario::{Act, Operation, When};
use crate::scene::{Scene, SceneError};
use crate::theatre;

/// One change that a machine made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// By which host.
    pub host: HostId,
    /// Where.
    pub key: Key,
    /// What.
    pub kind: WriteKind,
    /// Whether the right bytes were current before.
    pub right_before: bool,
    /// Whether a machine had put there what was current before.
    pub over_a_machines: bool,
    /// Whether they are now.
    pub right_after: bool,
    /// What the object names and was to come back, and was not current when this became current.
    pub missing_children: Vec<Key>,
}

/// A change's sort.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteKind {
    /// A marker was removed, or an id that is not there any more was named.
    MarkerRemoved,
    /// A data version was removed.
    VersionRemoved,
    /// A version was copied on top.
    Copied,
    /// Bytes were put on top.
    Put,
}

/// The one who looks on.
#[derive(Debug)]
pub struct Judge {
    /// The table and the log.
    pub scene: Scene,
    /// What must become of the present run.
    pub atlas: Atlas,
    /// Hosts of the present run; others are ghosts of earlier lives.
    pub hosts: Vec<HostId>,
    /// What its hosts changed in the present run, until it was judged.
    pub writes: Vec<Write>,
    /// What the last requests of crashed hosts changed, when they landed after their run was judged.
    pub late: Vec<Write>,
    /// Keys that outsiders and ghosts changed during the present run.
    pub touched: BTreeSet<Key>,
    /// Of two machines at once: keys that either changed.
    pub shared: BTreeSet<Key>,
    /// Whether the present run was judged.
    is_judged: bool,
    /// Whether somebody committed during the present run.
    pub committed: bool,
    /// Whether somebody did anything during the present run.
    pub acted: bool,
    /// Listings that were wrong.
    pub wrong_pages: Vec<Violation>,
    /// The line of the trace in which each of them was answered.
    pub wrong_at: Vec<u64>,
    /// What came between that must not happen to a scenario.
    pub error: Option<SceneError>,
    /// Acts that wait for their phase, with their place in the scenario.
    pending: Vec<(usize, Operation)>,
    /// Acts that were done, in order.
    pub acts_done: Vec<Act>,
    planned: bool,
    applied: u64,
    /// Reads of metadata that were asked for in the present run.
    reads: u64,
}

impl Judge {
    /// Looks at a scene whose machine has not started.
    pub fn new(scene: Scene, atlas: Atlas, operations: &[Operation]) -> Self {
        let later = |(_, operation): &(usize, Operation)| operation.when != When::Before;
        let pending = operations.iter().cloned().enumerate().filter(later);
        Self {
            scene,
            atlas,
            hosts: Vec::new(),
            writes: Vec::new(),
            late: Vec::new(),
            touched: BTreeSet::new(),
            shared: BTreeSet::new(),
            is_judged: false,
            committed: false,
            acted: false,
            wrong_pages: Vec::new(),
            wrong_at: Vec::new(),
            error: None,
            pending: pending.collect(),
            acts_done: Vec::new(),
            planned: false,
            applied: 0,
            reads: 0,
        }
    }

    /// The next run begins.
    pub fn begin(&mut self, atlas: Atlas, hosts: Vec<HostId>) {
        self.atlas = atlas;
        self.hosts = hosts;
        self.writes.clear();
        self.touched.clear();
        self.shared.clear();
        self.is_judged = false;
        self.committed = false;
        self.acted = false;
        self.planned = false;
        self.applied = 0;
        self.reads = 0;
    }

    /// The present run is judged: what its hosts still have in flight lands too late for that.
    pub fn rest(&mut self) {
        self.is_judged = true;
    }

    /// Nobody acts any more.
    pub fn forget_pending(&mut self) {
        self.pending.clear();
    }

    /// Lets everybody act whose moment has come.
    pub fn act(&mut self, due: impl Fn(When) -> bool, stage: &mut Stage<'_>) {
        if self.pending.is_empty() {
            return;
        }
        let (now, later) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|(_, operation)| due(operation.when));
        self.pending = later;
        for (number, operation) in now {
            let before = self.scene.log.records().len();
            self.scene.place(stage.trace.len() + 1, Some(number));
            let wall = stage.store.wall(stage.now);
            let done = self.scene.act(&operation.act, stage.store, wall);
            if let Err(error) = done {
                self.error.get_or_insert(error);
            }
            let act = operation.act.name();
            stage.trace.push(stage.now, 0, "act", act, "", 0);
            let keys = self.scene.log.records()[before..].iter();
            self.touched.extend(keys.map(|record| record.key.clone()));
            self.acted = true;
            self.committed |= matches!(operation.act, Act::Commit(_));
            self.acts_done.push(operation.act);
        }
    }

    fn is_right(&self, key: &Key) -> bool {
        let expected = self.atlas.objects.get(key);
        expected.is_some_and(|expected| self.scene.log.is_current(key, &expected.right))
    }

    /// A request of this host changed the bucket.
    pub fn changed(&mut self, host: HostId, changes: &[Change], stage: &mut Stage<'_>) {
        let own = self.hosts.contains(&host);
        let wall = stage.store.wall(stage.now);
        if !changes.is_empty() {
            // The line says that it was applied; one more for each removal stands behind it.
            let removed = |change: &&Change| matches!(change, Change::Removed { .. });
            let removals = changes.iter().filter(removed).count() as u64;
            self.scene
                .place(stage.trace.len().saturating_sub(removals), None);
        }
        for change in changes {
            let (key, kind) = match change {
                Change::Put { key, .. } => (key, WriteKind::Put),
                Change::Copied { key, .. } => (key, WriteKind::Copied),
                Change::Removed { key, version } => {
                    let held = self.scene.log.history(key);
                    let named = held.iter().find(|held| held.id == *version);
                    match named {
                        None => continue,
                        Some(held) if held.body.is_some() => (key, WriteKind::VersionRemoved),
                        Some(_) => (key, WriteKind::MarkerRemoved),
                    }
                }
            };
            let right_before = self.is_right(key);
            let over_a_machines = self.scene.log.is_a_machines(key);
            self.scene
                .log_changes(host.0, wall, std::slice::from_ref(change));
            let right_after = self.is_right(key);
            let appears = right_after && !right_before;
            if !own {
                self.touched.insert(key.clone());
            } else if self.hosts.len() > 1 {
                self.shared.insert(key.clone());
            }
            let write = Write {
                host,
                key: key.clone(),
                kind,
                right_before,
                over_a_machines,
                right_after,
                missing_children: if appears && own {
                    self.missing(key)
                } else {
                    Vec::new()
                },
            };
            match own && !self.is_judged {
                true => self.writes.push(write),
                false => self.late.push(write),
            }
        }
    }

    /// What an object names and must be there, and is not.
    fn missing(&self, key: &Key) -> Vec<Key> {
        let children = self
            .atlas
            .objects
            .get(key)
            .map(|expected| &expected.children);
        let children = children.into_iter().flatten();
        let due = |child: &&Key| {
            let expected = self.atlas.objects.get(*child);
            expected.is_some_and(|child| matches!(child.must, Must::Stay | Must::Recover))
        };
        children
            .filter(due)
            .filter(|child| !self.is_right(child))
            .cloned()
            .collect()
    }

    /// The bucket answered this to a request for a listing.
    pub fn listed(&mut self, page: Page<'_>, stage: &Stage<'_>) {
        let whole = || theatre::under(&mut stage.store.bucket.clone(), page.prefix);
        if let Err(wrong) = listing::judge(&self.scene.log, page, whole) {
            self.wrong_at.push(stage.trace.len());
            self.wrong_pages.push(Violation {
                property: Property::of_mock(wrong.property),
                key: Some(wrong.key),
                sentence: wrong.sentence,
            });
        }
    }
}

impl Judge {
    /// A host's write was applied, whatever came of it.
    pub fn written(&mut self, host: HostId, stage: &mut Stage<'_>) {
        if self.hosts.contains(&host) {
            self.applied += 1;
            let count = self.applied;
            self.act(
                |when| matches!(when, When::AfterWrites(after) if after <= count),
                stage,
            );
        }
    }
}

impl Watcher for Judge {
    fn effect(&mut self, host: HostId, _nth: u64, effect: &Effect, stage: &mut Stage<'_>) {
        let writes = matches!(effect, Effect::Request { request, .. } if request.is_write());
        if writes && !self.planned && self.hosts.contains(&host) {
            self.planned = true;
            self.act(|when| when == When::AfterPlan, stage);
        }
        if let Effect::Request {
            request: Request::Read { .. },
            ..
        } = effect
            && self.hosts.contains(&host)
        {
            self.reads += 1;
            let count = self.reads;
            self.act(
                |when| matches!(when, When::AfterReads(after) if after <= count),
                stage,
            );
        }
    }

    fn applied(&mut self, applied: &Applied<'_>, stage: &mut Stage<'_>) {
        self.changed(applied.host, applied.changes, stage);
        if let (Request::ListVersions { prefix, after }, Ok(Answer::Page { entries, next })) =
            (applied.request, applied.reply)
        {
            let page = Page {
                prefix: prefix.as_str(),
                after: after.as_ref(),
                entries,
                next: next.as_ref(),
            };
            self.listed(page, stage);
        }
        if applied.request.is_write() {
            self.written(applied.host, stage);
        }
    }
}
