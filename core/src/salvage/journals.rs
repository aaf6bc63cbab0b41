//! Journals: what is asked of them, and what redoing them adds to the library.
//!
//! ```text
//!  carve ► transactions ► plan ┬► live: redone on the pages of the data file   ► pages as they are now
//!                              └► history: all of them, from nothing           ► rows of earlier states
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::drill::planted;
use crate::voron::journal::replay::{Candidate, JournalName, Place, Step as PlanStep, plan};
use crate::voron::page::Header;
use crate::voron::rows::Owners;

use super::carve::{Carve, Carved, Pass, Replay, Replayed, Step, Touch, Whole};
use super::extract::Context;
use super::file::{FileId, Read, Role};
use super::ledger::Use;
use super::library::{Library, Run};
use super::mend::{chunk, dictionaries};
use super::survey::PAGE;
use super::task::Task;

impl Library {
    pub(super) fn carvings(&self) -> Vec<Task> {
        let journals =
            self.of_role(|role| matches!(role, Role::Journal(_) | Role::RecyclableJournal(_)));
        journals
            .map(|file| {
                let length = self.files[file.0 as usize].length;
                Task::Carve(Carve::first(file, length, self.options.repair_budget))
            })
            .collect()
    }

    pub(super) fn take_carved(&mut self, carve: &Carve, found: Carved) -> Vec<Task> {
        let file = carve.file;
        for range in found.zeros {
            self.scan.mark(file, range, Use::Zero);
        }
        for range in found.unreadable {
            self.scan.mark(file, range, Use::Unreadable);
        }
        for range in found.broken {
            self.scan.mark(file, range, Use::DamagedTransaction);
        }
        self.torn
            .extend(found.torn.into_iter().map(|torn| (file, torn)));
        for whole in found.whole {
            let end = whole.offset + whole.bytes;
            self.scan.mark(file, whole.offset..end, Use::History);
            self.scan
                .mark(file, end..end.next_multiple_of(4096), Use::Padding);
            self.whole.push((file, whole));
        }
        let next = found.next.map(|next| Task::Carve(carve.behind(next)));
        next.into_iter().collect()
    }

    /// What is redone on the data file, and what is gone through for history.
    pub(super) fn touchings(&mut self) -> Vec<Task> {
        let names: Vec<Option<JournalName>> = self
            .files
            .iter()
            .map(|file| match file.role {
                Role::Journal(number) => Some(JournalName::Live(number)),
                Role::RecyclableJournal(number) => Some(JournalName::Recyclable(number)),
                _ => None,
            })
            .collect();
        let candidates: Vec<Candidate> = self
            .whole
            .iter()
            .map(|(file, whole)| Candidate {
                id: whole.id,
                place: Place {
                    journal: file.0,
                    offset: whole.offset,
                },
            })
            .collect();
        let by_place: BTreeMap<(u32, u64), &(FileId, Whole)> = self
            .whole
            .iter()
            .map(|found| ((found.0.0, found.1.offset), found))
            .collect();
        let step = |place: Place, after_gap: bool, is_synced: bool| {
            let found = by_place.get(&(place.journal, place.offset))?;
            Some(Step {
                file: found.0,
                whole: found.1.clone(),
                after_gap,
                is_synced,
            })
        };
        let plan = plan(&names, &candidates, self.header.map(|(_, synced)| synced));
        let mut all = candidates;
        all.sort_by_key(|candidate| (candidate.id, candidate.place));
        all.dedup_by_key(|candidate| candidate.id);
        let synced = self.header.map(|(_, synced)| synced);
        let held = row_before(&all, plan.redo.first(), synced);
        let held = held.iter().filter_map(|held| step(held.place, false, true));
        let redo = plan.redo.iter();
        let redo =
            redo.filter_map(|redo| step(redo.place, redo.after_gap && !planted("SA-17"), false));
        let redo = self.with_torn(redo.collect());
        let live: Vec<Step> = held.chain(redo).collect();
        let mut before = None;
        let mut history = Vec::new();
        for candidate in all {
            let follows = before.is_some_and(|before| candidate.id == before + 1);
            history.extend(step(candidate.place, !follows, false));
            before = Some(candidate.id);
        }
        history.extend(self.torn.iter().map(|(file, whole)| Step {
            file: *file,
            whole: whole.clone(),
            after_gap: true,
            is_synced: false,
        }));
        history.sort_by_key(|step| step.whole.id);
        let redone = live.iter().filter(|redo| !redo.is_synced);
        for redo in redone.filter(|redo| redo.whole.images.is_none()) {
            let end = redo.whole.offset + redo.whole.bytes;
            self.scan
                .mark(redo.file, redo.whole.offset..end, Use::Redone);
        }
        let journals: Vec<FileId> = self.of_role(|role| role != Role::Data).collect();
        for file in journals {
            self.scan.mark_left(file, Use::Stray);
        }
        self.live = Arc::new(live);
        self.history = Arc::new(history);
        let both = [self.live.clone(), self.history.clone()];
        let files_bytes = self.files.iter().map(|file| file.length).sum();
        both.map(|steps| Task::Touch(Touch { steps, files_bytes }))
            .into()
    }

    /// Whole pages of transactions beyond repair stand in for those that are missing among what is redone.
    fn with_torn(&self, mut live: Vec<Step>) -> Vec<Step> {
        let known: BTreeSet<u64> = live.iter().map(|step| step.whole.id).collect();
        let synced = self.header.map(|(_, synced)| synced);
        let Some(from) = synced.or_else(|| known.first().copied()) else {
            return live;
        };
        let missing = self.torn.iter().filter(|(file, torn)| {
            let is_live = matches!(self.files[file.0 as usize].role, Role::Journal(_));
            is_live && torn.id > from && !known.contains(&torn.id)
        });
        live.extend(missing.map(|(file, whole)| Step {
            file: *file,
            whole: whole.clone(),
            after_gap: true,
            is_synced: false,
        }));
        live.sort_by_key(|step| step.whole.id);
        live
    }

    pub(super) fn replays(&mut self) -> Vec<Task> {
        let mut context = Context {
            owners: Owners::default(),
            ..Context::default()
        };
        for dictionary in std::mem::take(&mut self.scan.dictionaries) {
            context.dictionaries.add(dictionary);
        }
        self.context = Arc::new(context);
        let live = self.touched.first().cloned().unwrap_or_default();
        let live: Vec<Task> = live
            .into_iter()
            .filter_map(|pass| self.redoing_of(pass))
            .collect();
        self.redoing = live.len();
        match live.is_empty() {
            true => self.histories(),
            false => live,
        }
    }

    /// One pass over what is redone on the data file; none where the data file has all of it, whole.
    fn redoing_of(&self, pass: Pass) -> Option<Task> {
        let clusters = pass.clusters.iter();
        let numbers = clusters.flat_map(|(first, pages)| *first..first + pages);
        let holes = numbers.filter(|number| self.map.holding(*number).is_none());
        let holes: BTreeSet<u64> = holes.collect();
        let mut steps = pass.steps.iter().map(|step| &self.live[*step as usize]);
        let is_new = steps.any(|step| !step.is_synced);
        (is_new || !holes.is_empty()).then(|| {
            Task::Replay(Replay {
                steps: steps_of(&self.live, &pass),
                base: self.base_of(&pass.clusters),
                clusters: pass.clusters,
                holes,
                known: Vec::new(),
                context: self.context.clone(),
                streams: self.streams(),
                is_current: true,
            })
        })
    }

    /// The passes over history, when it is known what is current.
    fn histories(&self) -> Vec<Task> {
        let streams = self.streams();
        let passes = self.touched.get(1).into_iter().flatten();
        passes
            .map(|pass| {
                Task::Replay(Replay {
                    steps: steps_of(&self.history, pass),
                    known: self.known_of(&pass.clusters),
                    clusters: pass.clusters.clone(),
                    base: Vec::new(),
                    holes: BTreeSet::new(),
                    context: self.context.clone(),
                    streams: streams.clone(),
                    is_current: false,
                })
            })
            .collect()
    }

    /// Where whole chunks of streams begin.
    fn streams(&self) -> Arc<BTreeSet<u64>> {
        let streams = self
            .map
            .iter()
            .filter(|placed| placed.head.what == Use::Stream);
        Arc::new(streams.map(|placed| placed.head.number).collect())
    }

    /// Runs of rows on these pages as they are now.
    fn known_of(&self, clusters: &[(u64, u64)]) -> Vec<Run> {
        let mut known = Vec::new();
        for (first, pages) in clusters {
            let rows = self.map.within(*first, *pages);
            let rows = rows.filter(|placed| placed.head.what == Use::Rows);
            let current = rows.filter(|placed| !self.is_superseded(placed));
            known.extend(current.map(|placed| Run::Filed {
                file: placed.file,
                ranges: placed.ranges(),
                fix: placed.fix,
            }));
            let redone = self.redone.range(first..&(first + pages));
            known.extend(redone.map(|(_, (bytes, _))| Run::Redone(bytes.clone())));
        }
        known
    }

    /// Where the data file has pages: whole ones where the map says, others where they would lie.
    fn base_of(&self, clusters: &[(u64, u64)]) -> Vec<(u64, Read, Option<u64>)> {
        let homes = self.of_role(|role| role == Role::Data);
        let home = homes
            .filter_map(|file| Some((file, self.map.home(file)?)))
            .next();
        let mut base = Vec::new();
        for (first, pages) in clusters {
            let mut number = *first;
            while number < first + pages {
                match self.map.get(number) {
                    Some(placed) if placed.apart.is_empty() => {
                        let range = placed.head.range();
                        let file = placed.file;
                        base.push((number, Read { file, range }, placed.fix));
                        number += u64::from(placed.head.pages);
                    }
                    _ => {
                        let at = home.and_then(|(file, origin)| {
                            let start = u64::try_from(origin)
                                .ok()?
                                .checked_add(number.checked_mul(PAGE)?)?;
                            let length = self.files[file.0 as usize].length;
                            (start + PAGE <= length).then(|| Read {
                                file,
                                range: start..start + PAGE,
                            })
                        });
                        base.extend(at.map(|read| (number, read, None)));
                        number += 1;
                    }
                }
            }
        }
        base
    }

    /// Whether a page came about that lies behind the data file's end: what a server makes its file longer for.
    pub(super) fn grows(&self, found: &Replayed) -> bool {
        let longest = self.files.iter().filter(|file| file.role == Role::Data);
        let longest = longest.map(|file| file.length).max().unwrap_or_default();
        let mut runs = found.runs.iter();
        runs.any(|(number, ..)| number * PAGE >= longest)
    }

    /// Says what else is to be redone: history comes behind what is current.
    pub(super) fn take_replayed(&mut self, replay: &Replay, found: Replayed) -> Vec<Task> {
        for (number, bytes, stale) in found.runs {
            if let Some(header) = Header::read(&bytes) {
                self.scan.chunks.extend(chunk(&header));
                for dictionary in dictionaries(&header, &bytes) {
                    Arc::make_mut(&mut self.context)
                        .dictionaries
                        .add(dictionary);
                }
            }
            self.redone.insert(number, (bytes.into(), stale));
        }
        for dictionary in found.dictionaries {
            Arc::make_mut(&mut self.context)
                .dictionaries
                .add(dictionary);
        }
        self.broken.extend(found.broken);
        let chunks = found.chunks.into_iter();
        self.old_chunks
            .extend(chunks.map(|(number, bytes)| (number, bytes.into())));
        let run = Run::Redone(Arc::default());
        self.take_extracted(vec![run], found.old);
        if !replay.is_current {
            return Vec::new();
        }
        self.redoing -= 1;
        match self.redoing {
            0 => self.histories(),
            _ => Vec::new(),
        }
    }
}

/// The transactions of a pass. Those behind a gap belong to each: how many gaps were passed decides what is certain.
fn steps_of(all: &[Step], pass: &Pass) -> Vec<Step> {
    let all = (0_u32..).zip(all);
    let wanted = all.filter(|(nth, step)| step.after_gap || pass.steps.contains(nth));
    wanted.map(|(_, step)| step.clone()).collect()
}

/// The transactions that the data file holds, as far back as none is missing: what its damaged pages were can be
/// redone from them, and for its whole pages nothing changes. `all` ascend; each number is there once. Without a
/// header nobody knows what the data file holds, and the plan has all.
fn row_before<'a>(
    all: &'a [Candidate],
    first: Option<&PlanStep>,
    synced: Option<u64>,
) -> &'a [Candidate] {
    let Some(synced) = synced else {
        return &[];
    };
    if first.is_some_and(|first| first.after_gap) {
        return &[];
    }
    let end = all.partition_point(|candidate| candidate.id <= synced);
    let (row, _) = all.split_at(end);
    if row.last().is_none_or(|last| last.id != synced) {
        return &[];
    }
    let ids = row.windows(2).rev();
    let unbroken = ids.take_while(|pair| pair[0].id + 1 == pair[1].id);
    let (_, unbroken) = row.split_at(row.len() - 1 - unbroken.count());
    unbroken
}
