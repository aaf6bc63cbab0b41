//! All that a salvage knows: what each step asks for, and what its findings add.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::drill::planted;
use crate::voron::page::Header;

use super::carve::{Pass, Step as RedoStep, Whole};
use super::classify::{Classified, classify};
use super::content::{Chunks, Content, Hashed};
use super::extract::{Context, Extracted, Extraction, Inline, Source};
use super::file::{File, FileId, Role};
use super::ledger::Use;
use super::machine::{Effect, Step};
use super::map::{PageMap, Placed};
use super::mend::chunk;
use super::options::Options;
use super::record::{Image, Trust};
use super::render::Output;
use super::report::{Leftover, Report};
use super::scan::Scan;
use super::shelf::Shelf;
use super::survey::PAGE;
use super::task::{Findings, Task};
use super::witness::Leaf;

/// Bytes of pages that one task reads rows from, about.
const BATCH: u64 = 4 << 20;

/// Where the bytes of a run are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Run {
    /// In a file.
    Filed {
        file: FileId,
        ranges: Vec<Range<u64>>,
        fix: Option<u64>,
    },
    /// A journal made it.
    Redone(Arc<[u8]>),
}

/// What is known so far.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) options: Options,
    pub(super) files: Vec<File>,
    pub(super) scan: Scan,
    /// Revision and last synced transaction of the newest whole header.
    pub(super) header: Option<(u64, u64)>,
    pub(super) whole: Vec<(FileId, Whole)>,
    /// Transactions beyond repair that may hold whole pages.
    pub(super) torn: Vec<(FileId, Whole)>,
    pub(super) live: Arc<Vec<RedoStep>>,
    pub(super) history: Arc<Vec<RedoStep>>,
    /// Of both: which pages they change.
    pub(super) touched: Vec<Vec<Pass>>,
    /// Passes over what is redone on the data file that are not done yet.
    pub(super) redoing: usize,
    pub(super) map: PageMap,
    pub(super) context: Arc<Context>,
    /// Runs as journals left them, and whether a later change may be missing.
    pub(super) redone: BTreeMap<u64, (Arc<[u8]>, bool)>,
    /// Pages that a journal changed and that are not whole now.
    pub(super) broken: BTreeSet<u64>,
    pub(super) shelf: Arc<Shelf>,
    pub(super) leaves: Vec<Leaf>,
    pub(super) inline: Vec<Inline>,
    pub(super) collections: BTreeSet<String>,
    pub(super) unread: u64,
    /// Chunks of streams that only earlier states of the pages have.
    pub(super) old_chunks: BTreeMap<u64, Arc<[u8]>>,
    /// Runs of streams, in each state that may be theirs.
    pub(super) chunks: Arc<Chunks>,
    pub(super) hashed: Vec<Hashed>,
    pub(super) classified: Classified,
    /// Contents that are in no dump, by the file that they are written to.
    pub(super) leftovers: BTreeMap<String, Leftover>,
    pub(super) output: Output,
}

impl Library {
    pub(super) fn new(files: Vec<File>, options: Options) -> Self {
        Self {
            scan: Scan::new(files.clone()),
            shelf: Arc::new(Shelf::new(&files)),
            options,
            files,
            header: None,
            whole: Vec::new(),
            torn: Vec::new(),
            live: Arc::default(),
            history: Arc::default(),
            touched: Vec::new(),
            redoing: 0,
            map: PageMap::default(),
            context: Arc::default(),
            redone: BTreeMap::new(),
            broken: BTreeSet::new(),
            leaves: Vec::new(),
            inline: Vec::new(),
            collections: BTreeSet::new(),
            unread: 0,
            old_chunks: BTreeMap::new(),
            chunks: Arc::default(),
            hashed: Vec::new(),
            classified: Classified::default(),
            leftovers: BTreeMap::new(),
            output: Output::default(),
        }
    }

    /// Records found so far.
    pub(super) fn records(&self) -> u64 {
        self.shelf.rows.len() as u64
    }

    /// What a step asks for.
    pub(super) fn tasks_of(&mut self, step: Step) -> Vec<Task> {
        match step {
            Step::Headers => self
                .of_role(|role| role == Role::Header)
                .map(Task::Header)
                .collect(),
            Step::Survey => self.scan.surveys().into_iter().map(Task::Survey).collect(),
            Step::Assemble | Step::AssembleAgain => self
                .scan
                .assemblies()
                .into_iter()
                .map(Task::Assembly)
                .collect(),
            Step::Search => self.scan.searches().into_iter().map(Task::Search).collect(),
            Step::Mend => {
                let mendings = self.scan.mendings(self.options.repair_budget);
                mendings.into_iter().map(Task::Mending).collect()
            }
            Step::Gather => {
                let gatherings = self.scan.gatherings();
                gatherings.into_iter().map(Task::Assembly).collect()
            }
            Step::Carve => {
                self.scan.finish();
                if !self.options.verdicts_only {
                    self.map = self.scan.page_map();
                }
                self.carvings()
            }
            Step::Touch => self.touchings(),
            Step::Replay => self.replays(),
            Step::Extract => self.extractions(),
            Step::Hash => self.contents(),
            Step::Render => {
                self.classify();
                self.render()
            }
            Step::Finished => Vec::new(),
        }
    }

    /// Takes findings; says what else is to be done in the same step.
    pub(super) fn take(
        &mut self,
        task: Task,
        findings: Findings,
        out: &mut Vec<Effect>,
    ) -> Vec<Task> {
        match (task, findings) {
            (Task::Header(file), Findings::Header(header)) => {
                let length = self.files[file.0 as usize].length;
                let what = match header.is_some() {
                    true => Use::Header,
                    false => Use::Damaged,
                };
                self.scan.mark(file, 0..length, what);
                self.header = self.header.max(header);
            }
            (Task::Survey(survey), Findings::Surveyed(found)) => {
                self.scan.take_survey(survey.file, found);
            }
            (Task::Search(search), Findings::Surveyed(found)) => {
                self.scan.take_search(search.file, found);
            }
            (Task::Assembly(asked), Findings::Assembled(found)) => {
                self.scan.take_assembly(&asked, found);
            }
            (Task::Mending(mending), Findings::Mended(found)) => {
                self.scan.take_mended(mending.file, found);
            }
            (Task::Carve(carve), Findings::Carved(found)) => {
                return self.take_carved(&carve, found);
            }
            (Task::Touch(_), Findings::Touched(passes)) => self.touched.push(passes),
            (Task::Replay(replay), Findings::Replayed(found)) => {
                if planted("SA-20") && self.grows(&found) {
                    let path = "../Raven.voron".to_owned();
                    out.push(Effect::Write {
                        path,
                        bytes: vec![0],
                    });
                }
                return self.take_replayed(&replay, found);
            }
            (Task::Extraction(extraction), Findings::Extracted(found)) => {
                let runs = extraction.sources.into_iter().map(|source| Run::Filed {
                    file: extraction.file,
                    ranges: source.ranges,
                    fix: source.fix,
                });
                self.take_extracted(runs.collect(), found);
            }
            (Task::Content(_), Findings::Hashed(hashed)) => self.hashed.extend(hashed),
            (Task::Render(render), Findings::Rendered(rendered)) => {
                self.output.take(&render, rendered, out);
            }
            // Findings of another kind than the task's: a checkpoint of another command. Nothing is taken.
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn of_role(&self, wanted: impl Fn(Role) -> bool) -> impl Iterator<Item = FileId> {
        let files = (0..).map(FileId).zip(&self.files);
        files
            .filter(move |(_, file)| wanted(file.role))
            .map(|(file, _)| file)
    }

    /// Where page 0 of each data file lies, or would.
    pub(super) fn homes(&self) -> Vec<(FileId, i64)> {
        let files = self.of_role(|role| role == Role::Data);
        files
            .filter_map(|file| Some((file, self.map.home(file)?)))
            .collect()
    }

    /// Batches of runs, by where they lie. What a journal made is read at once.
    fn extractions(&mut self) -> Vec<Task> {
        self.read_redone();
        let mut sources: BTreeMap<(FileId, u64), Source> = BTreeMap::new();
        let current = self
            .map
            .iter()
            .map(|placed| (placed, !self.is_superseded(placed)));
        let astray = self.map.others.iter().map(|placed| (placed, false));
        for (placed, is_current) in current.chain(astray) {
            if !matches!(placed.head.what, Use::Rows | Use::Tree) {
                continue;
            }
            let source = Source {
                ranges: placed.ranges(),
                fix: placed.fix,
                trust: match placed.fix {
                    Some(_) => Trust::Repaired,
                    None => Trust::Whole,
                },
                image: match is_current {
                    true => Image::Current,
                    false => Image::Old,
                },
            };
            sources.insert((placed.file, placed.head.offset), source);
        }
        for (file, offset) in self.scan.damaged_pages() {
            let page = offset..offset + PAGE;
            let source = Source {
                ranges: vec![page],
                fix: None,
                trust: Trust::Suspect,
                image: Image::Current,
            };
            sources.insert((file, offset), source);
        }
        self.batches(sources)
    }

    /// Whether a journal made the page anew.
    pub(super) fn is_superseded(&self, placed: &Placed) -> bool {
        let first = placed.head.number;
        let end = first.saturating_add(u64::from(placed.head.pages));
        let by = self.redone.range(..end).next_back();
        // Of what may be stale the data file's page may be the newer state: both count, and etags decide.
        by.is_some_and(|(number, (bytes, stale))| {
            !stale && number + (bytes.len() as u64).div_ceil(PAGE) > first
        })
    }

    fn batches(&self, sources: BTreeMap<(FileId, u64), Source>) -> Vec<Task> {
        let mut tasks: Vec<Extraction> = Vec::new();
        let mut bytes = 0;
        for ((file, _), source) in sources {
            let own: u64 = source
                .ranges
                .iter()
                .map(|range| range.end - range.start)
                .sum();
            match tasks.last_mut() {
                Some(last) if last.file == file && bytes + own <= BATCH => {
                    bytes += own;
                    last.sources.push(source);
                }
                _ => {
                    bytes = own;
                    tasks.push(Extraction {
                        file,
                        sources: vec![source],
                        context: self.context.clone(),
                    });
                }
            }
        }
        tasks.into_iter().map(Task::Extraction).collect()
    }

    fn read_redone(&mut self) {
        let mut runs = Vec::new();
        let mut found = Extracted::default();
        for (nth, (bytes, _)) in (0..).zip(self.redone.values()) {
            self.context
                .read(nth, bytes, Image::Current, Trust::Whole, &mut found);
            runs.push(Run::Redone(bytes.clone()));
        }
        self.take_extracted(runs, found);
    }

    pub(super) fn take_extracted(&mut self, runs: Vec<Run>, found: Extracted) {
        // Nobody else holds it yet.
        let shelf = Arc::make_mut(&mut self.shelf);
        let first = u32::try_from(shelf.runs.len()).unwrap_or(u32::MAX);
        shelf.runs.extend(runs);
        shelf.rows.extend(found.rows.into_iter().map(|mut row| {
            row.run += first;
            row
        }));
        shelf.series.extend(found.series);
        let inline = found.inline.into_iter();
        self.inline.extend(inline.map(|inline| Inline {
            run: inline.run + first,
            ..inline
        }));
        self.leaves.extend(found.leaves);
        self.collections.extend(found.collections);
        self.unread += found.unread.len() as u64;
    }

    /// The streams: each begins with a chunk that says so.
    fn contents(&mut self) -> Vec<Task> {
        // Whether any of its states begins a stream.
        let mut numbers: BTreeMap<u64, bool> = BTreeMap::new();
        for chunk in &self.scan.chunks {
            *numbers.entry(chunk.number).or_default() |= chunk.first;
        }
        // A journal is compressed: what it makes can be more than the files have.
        let files = self.files.iter().map(|file| file.length);
        let redone = self.redone.values().map(|(bytes, _)| bytes.len() as u64);
        let old = self.old_chunks.values().map(|bytes| bytes.len() as u64);
        let bytes: u64 = files.chain(redone).chain(old).sum();
        let mut chunks = Chunks::new();
        for number in numbers.keys() {
            // Where the last journals are lost, the data file may have the newer state.
            let redone = self.redone.get(number);
            let redone = redone.map(|(bytes, _)| Run::Redone(bytes.clone()));
            let filed = self.filed_run_of(*number);
            chunks.insert(*number, redone.into_iter().chain(filed).collect());
        }
        // What is not whole may be right all the same, and so may an older image: the content's hash tells.
        for (number, bytes) in std::mem::take(&mut self.old_chunks) {
            let first = Header::read(&bytes)
                .and_then(|header| chunk(&header))
                .map(|chunk| chunk.first);
            *numbers.entry(number).or_default() |= first == Some(true);
            chunks.entry(number).or_default().push(Run::Redone(bytes));
        }
        for (number, first, file, range) in self.scan.torn_chunks() {
            let ranges = vec![range];
            *numbers.entry(number).or_default() |= first;
            chunks.entry(number).or_default().push(Run::Filed {
                file,
                ranges,
                fix: None,
            });
        }
        self.chunks = Arc::new(chunks);
        let firsts = numbers.into_iter().filter(|(_, first)| *first);
        let contents = firsts.map(|(first, _)| {
            Task::Content(Content {
                first,
                chunks: self.chunks.clone(),
                pages_max: bytes / PAGE + 1,
            })
        });
        contents.collect()
    }

    pub(super) fn context(&self) -> Arc<Context> {
        self.context.clone()
    }

    /// Where the data file has it.
    fn filed_run_of(&self, number: u64) -> Option<Run> {
        let at_its_offset = |placed: &&Placed| placed.head.offset == number * PAGE;
        let placed = match planted("SA-24") {
            true => self.map.iter().find(at_its_offset)?,
            false => self.map.get(number)?,
        };
        Some(Run::Filed {
            file: placed.file,
            ranges: placed.ranges(),
            fix: placed.fix,
        })
    }

    fn is_whole(&self, storage: u64) -> bool {
        let number = storage / PAGE;
        let redone = self.redone.range(..=number).next_back();
        let in_redone = redone.is_some_and(|(first, (bytes, _))| {
            number < first + (bytes.len() as u64).div_ceil(PAGE)
        });
        in_redone || (!self.broken.contains(&number) && self.map.holding(number).is_some())
    }

    fn classify(&mut self) {
        let records: Vec<_> = self.shelf.rows.iter().map(|row| &row.record).collect();
        let leaves = std::mem::take(&mut self.leaves);
        let classified = classify(&records, leaves, &|storage| self.is_whole(storage));
        self.classified = classified;
    }

    pub(super) fn report(&self) -> Report {
        Report::of(self)
    }
}
