//! The files of a scenario: as the writer left them, and as the salvage finds them.
//!
//! ```text
//!  pristine ──contents──► ──shifts, cuts──► base ──flipped bits──► bytes          unreadable: where reading fails
//!  what was written                          what the media hold     what is read
//! ```
//!
//! Invariants: damages take effect in the order of their stage and then of the scenario; flipped bits come last,
//! so that a bit is the only difference to what the media hold.

use std::ops::Range;

use firedrill_core::salvage::file::{File, Piece, Read, Reader, Role};
use firedrill_sim::draw::{Seed, Stream};
use firedrill_sim::voron::{Database, DatabaseSpec, PageUse, Transaction, seal};

use super::scenario::{Damage, JournalHarm, PageClass, Scenario, Spot};

/// Bytes of a page.
pub const PAGE: usize = 8192;
const SECTOR: usize = 512;
const BLOCK: usize = 4096;
const NOISE: Stream = Stream::new("salvage.noise");

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    /// As people know it.
    pub name: String,
    /// What the writer wrote.
    pub pristine: Vec<u8>,
    /// What the media hold before bits flip.
    pub base: Vec<u8>,
    /// What is read.
    pub bytes: Vec<u8>,
    /// Where reading fails.
    pub unreadable: Vec<Range<usize>>,
    /// It is not there at all.
    pub lost: bool,
}

/// All files of a scenario.
#[derive(Debug, Clone)]
pub struct Disk {
    /// What was written, and the truth about it.
    pub database: Database,
    /// The data file, two headers, the journals.
    pub media: Vec<Medium>,
    /// Where page 0 of the data file lies now.
    pub shift: i64,
    /// Pages that another page was written over.
    pub displaced: Vec<u64>,
    /// Pages that are, in part or as a whole, as they were earlier.
    pub stale: Vec<u64>,
    /// Classes of the damages that changed something.
    pub struck: Vec<&'static str>,
}

impl Disk {
    /// Writes the database, and hurts it.
    pub fn of(scenario: &Scenario) -> Self {
        let database = Database::write(&scenario.database);
        let mut media = vec![Medium::new("Raven.voron", &database.data)];
        for (name, bytes) in ["headers.one", "headers.two"].iter().zip(&database.headers) {
            media.push(Medium::new(name, bytes));
        }
        let journals = database.journals.iter();
        media.extend(journals.map(|(name, bytes)| Medium::new(name, bytes)));
        let mut disk = Self {
            database,
            media,
            shift: 0,
            displaced: Vec::new(),
            stale: Vec::new(),
            struck: Vec::new(),
        };
        disk.strike(scenario, &|damage| !damage.is_flip() && stage(damage) == 0);
        disk.strike(scenario, &|damage| stage(damage) == 1);
        disk.strike(scenario, &|damage| stage(damage) == 2);
        for medium in &mut disk.media {
            medium.base = medium.bytes.clone();
        }
        disk.strike(scenario, &Damage::is_flip);
        disk
    }

    /// The files that are there, as a salvage is told of them.
    pub fn files(&self) -> Vec<File> {
        let there = self.media.iter().filter(|medium| !medium.lost);
        there
            .map(|medium| File {
                input: 0,
                name: medium.name.clone(),
                role: Role::of_name(&medium.name)
                    .expect("the writer names its files as servers do"),
                length: medium.bytes.len() as u64,
            })
            .collect()
    }

    /// The data file.
    pub fn data(&self) -> &Medium {
        &self.media[0]
    }

    /// The journal of this name.
    pub fn journal(&self, name: &str) -> Option<&Medium> {
        self.media[3..].iter().find(|medium| medium.name == name)
    }

    /// The page of the data file that this spot names; none where there is none of its class.
    pub fn page(&self, spot: Spot) -> Option<u64> {
        let uses = &self.database.truth.file_pages;
        let numbers = 0..(self.data().pristine.len() / PAGE) as u64;
        let of_class = numbers.filter(|number| {
            spot.of == PageClass::Any
                || uses.get(*number as usize).map(class) == Some(Some(spot.of))
        });
        let pages: Vec<u64> = of_class.collect();
        let nth = usize::from(spot.nth).checked_rem(pages.len())?;
        Some(pages[nth])
    }

    fn strike(&mut self, scenario: &Scenario, wanted: &dyn Fn(&Damage) -> bool) {
        for damage in scenario.damages.iter().filter(|damage| wanted(damage)) {
            let before = (self.shift, self.stamp());
            let _nothing_to_hurt: Option<()> = self.hurt(damage, &scenario.database);
            if (self.shift, self.stamp()) != before {
                self.struck.push(damage.class());
            }
        }
    }

    /// What changes when anything does.
    fn stamp(&self) -> Vec<(u64, usize, usize, bool)> {
        let media = self.media.iter();
        let hash = |bytes: &[u8]| firedrill_sim::draw::hash_bytes(bytes);
        media
            .map(|one| {
                (
                    hash(&one.bytes),
                    one.bytes.len(),
                    one.unreadable.len(),
                    one.lost,
                )
            })
            .collect()
    }

    fn hurt(&mut self, damage: &Damage, spec: &DatabaseSpec) -> Option<()> {
        match damage {
            Damage::BitFlip { page, bit } => {
                let start = self.home(self.page(*page)?)?;
                flip(
                    &mut self.media[0].bytes,
                    start,
                    u64::from(*bit) % (8 * PAGE as u64),
                );
            }
            Damage::EndFlip { run, bit } => {
                let runs = self.runs();
                let (page, size) = runs[usize::from(*run).checked_rem(runs.len())?];
                let end = size.min(64);
                let start = self.home(page)? + 64 + size - end;
                let bit = u64::from(*bit).checked_rem(8 * end as u64)?;
                flip(&mut self.media[0].bytes, start, bit);
            }
            Damage::BitRot { page, seed, bits } => {
                let start = self.home(self.page(*page)?)?;
                for nth in 0..u64::from((*bits).max(2)) {
                    let bit = Seed(*seed).below(8 * PAGE as u64, NOISE, 0_u64, nth);
                    flip(&mut self.media[0].bytes, start, bit);
                }
            }
            Damage::ZeroRange { page, from, bytes } => {
                let start = self.page(*page)? as usize * PAGE + usize::from(*from) % PAGE;
                fill(&mut self.media[0].bytes, start, *bytes as usize, |_| 0);
            }
            Damage::ScramblePage { page, seed } => {
                let start = self.page(*page)? as usize * PAGE;
                fill(&mut self.media[0].bytes, start, PAGE, noise(*seed));
            }
            Damage::TornPage { page, sectors, age } => {
                let page = self.page(*page)?;
                self.tear(page, *sectors, &older(spec, *age));
            }
            Damage::StaleCopy { page, age } => {
                let page = self.page(*page)?;
                let old = older(spec, *age);
                old.get(page as usize * PAGE..)?.first()?;
                self.tear(page, u16::MAX, &old);
            }
            Damage::Swapped { page, with } => {
                let (one, other) = (self.page(*page)?, self.page(*with)?);
                let bytes = &mut self.media[0].bytes;
                for at in 0..PAGE {
                    bytes.swap(one as usize * PAGE + at, other as usize * PAGE + at);
                }
                self.displaced.extend([one, other]);
            }
            Damage::Misdirected { page, over } => {
                let (page, over) = (self.page(*page)?, self.page(*over)?);
                let start = page as usize * PAGE;
                let bytes = &mut self.media[0].bytes;
                bytes.copy_within(start..start + PAGE, over as usize * PAGE);
                self.displaced.push(over);
            }
            Damage::Cycle { chunk, next } => self.cycle(*chunk, *next)?,
            Damage::HeaderZeroed { second } => self.media[1 + usize::from(*second)].bytes.fill(0),
            Damage::Shifted { bytes, seed } => {
                let noise = noise(*seed);
                let front =
                    (0..usize::from(*bytes)).map(|at| if *seed == 0 { 0 } else { noise(at) });
                self.media[0].bytes.splice(0..0, front);
                self.shift += i64::from(*bytes);
            }
            Damage::Beheaded { bytes } => {
                let data = &mut self.media[0].bytes;
                let bytes = (*bytes as usize).min(data.len());
                data.drain(..bytes);
                self.shift -= bytes as i64;
            }
            Damage::Truncated { bytes } => {
                let data = &mut self.media[0].bytes;
                let length = data.len().saturating_sub(*bytes as usize);
                data.truncate(length);
            }
            Damage::Unreadable { page, pages } => {
                let start = self.home(self.page(*page)?)?;
                let end = start + usize::from((*pages).max(1)) * PAGE;
                self.media[0].refuse(start..end);
            }
            Damage::JournalsLost => self.media[3..].iter_mut().for_each(|one| one.lost = true),
            Damage::Journal { nth, harm } => self.hurt_journal(*nth, harm)?,
        }
        Some(())
    }

    /// Where a page lies in the data file as it is now.
    fn home(&self, page: u64) -> Option<usize> {
        home(page, self.shift)
    }

    /// Puts sectors back as they were; what was not there yet was zeros.
    fn tear(&mut self, page: u64, sectors: u16, old: &[u8]) {
        let bytes = &mut self.media[0].bytes;
        for sector in (0..16).filter(|sector| sectors >> sector & 1 == 1) {
            let start = page as usize * PAGE + sector * SECTOR;
            for (at, byte) in (start..).zip(&mut bytes[start..start + SECTOR]) {
                *byte = old.get(at).copied().unwrap_or_default();
            }
        }
        self.stale.push(page);
    }

    /// Rows and chunks that have a run in the data file: page, and bytes of the value.
    fn runs(&self) -> Vec<(u64, usize)> {
        let truth = &self.database.truth;
        let rows = truth.records.iter().flat_map(|record| &record.places);
        let contents = truth.attachments.iter().chain(&truth.files);
        let chunks = contents.flat_map(|content| &content.chunks);
        let runs = rows
            .filter(|place| place.offset == 64)
            .chain(chunks)
            .filter(|place| place.in_file);
        runs.map(|place| (place.page, place.stored.len())).collect()
    }

    fn cycle(&mut self, chunk: u16, next: u16) -> Option<()> {
        let truth = &self.database.truth;
        let contents = truth.attachments.iter().chain(&truth.files);
        let chunks: Vec<(u64, usize)> = contents
            .flat_map(|content| &content.chunks)
            .filter(|place| place.in_file)
            .map(|place| (place.page, place.stored.len()))
            .collect();
        let of = |nth: u16| Some(chunks[usize::from(nth).checked_rem(chunks.len())?]);
        let ((page, size), (next, _)) = (of(chunk)?, of(next)?);
        let start = page as usize * PAGE;
        let run = self.media[0]
            .bytes
            .get_mut(start..start + 64 + size.max(PAGE - 64))?;
        run[14..22].copy_from_slice(&next.to_le_bytes());
        seal(run, i32::try_from(size).ok());
        Some(())
    }

    fn hurt_journal(&mut self, nth: u8, harm: &JournalHarm) -> Option<()> {
        let journals = self.media.len() - 3;
        let at = 3 + usize::from(nth).checked_rem(journals)?;
        let transactions = self.database.truth.transactions.iter();
        let name = self.media[at].name.clone();
        let inside: Vec<&Transaction> = transactions
            .filter(|one| one.file.as_ref() == Some(&name))
            .collect();
        let of = |nth: u16| {
            let nth = usize::from(nth).checked_rem(inside.len())?;
            Some((inside[nth].offset, inside[nth].length))
        };
        let medium = &mut self.media[at];
        match harm {
            JournalHarm::BitFlip { transaction, bit } => {
                let (start, length) = of(*transaction)?;
                flip(
                    &mut medium.bytes,
                    start,
                    u64::from(*bit) % (8 * length as u64),
                );
            }
            JournalHarm::ZeroRange { transaction, bytes } => {
                fill(
                    &mut medium.bytes,
                    of(*transaction)?.0,
                    *bytes as usize,
                    |_| 0,
                );
            }
            JournalHarm::ScrambleBlock { transaction, seed } => {
                let (start, length) = of(*transaction)?;
                let blocks = (length / BLOCK).max(1) as u64;
                let block = Seed(*seed).below(blocks, NOISE, 1_u64, 0) as usize;
                fill(
                    &mut medium.bytes,
                    start + block * BLOCK,
                    BLOCK,
                    noise(*seed),
                );
            }
            JournalHarm::Unreadable { transaction } => {
                let (start, _) = of(*transaction)?;
                medium.refuse(start..start + BLOCK);
            }
            JournalHarm::Truncated { transaction } => {
                let (start, length) = of(*transaction)?;
                medium.bytes.truncate(start + length / 2);
            }
            JournalHarm::Lost => medium.lost = true,
        }
        Some(())
    }
}

/// Contents first, then the ends of the files, then what reading makes of them.
fn stage(damage: &Damage) -> u8 {
    match damage {
        Damage::Shifted { .. } | Damage::Beheaded { .. } => 1,
        Damage::Truncated { .. } | Damage::Unreadable { .. } => 2,
        Damage::BitRot { .. } => 2,
        flip if flip.is_flip() => 3,
        _ => 0,
    }
}

/// Where a page lies in a data file that was shifted; none in front of its beginning.
pub(super) fn home(page: u64, shift: i64) -> Option<usize> {
    let at = i64::try_from(page as usize * PAGE).ok()? + shift;
    usize::try_from(at).ok()
}

/// What lies on a page, as damages name it.
pub fn class(page_use: &PageUse) -> Option<PageClass> {
    match page_use {
        PageUse::Rows { .. } => Some(PageClass::Rows),
        PageUse::Run { .. } => Some(PageClass::Run),
        PageUse::Stream { .. } => Some(PageClass::Stream),
        PageUse::Tree { name } | PageUse::TreeValue { name } => Some(match name.as_str() {
            "CompressionDictionaries" => PageClass::Dictionary,
            _ => PageClass::Tree,
        }),
        PageUse::Section { .. } => Some(PageClass::Section),
        PageUse::Free { .. } => Some(PageClass::Free),
        PageUse::Empty | PageUse::Unwritten => None,
    }
}

/// The data file so many operations earlier.
fn older(spec: &DatabaseSpec, age: u16) -> Vec<u8> {
    let mut earlier = spec.clone();
    let there = earlier.operations.len();
    earlier
        .operations
        .truncate(there - usize::from(age).min(there));
    Database::write(&earlier).data
}

fn flip(bytes: &mut [u8], start: usize, bit: u64) {
    if let Some(byte) = bytes.get_mut(start + bit as usize / 8) {
        *byte ^= 1 << (bit % 8);
    }
}

fn fill(bytes: &mut [u8], start: usize, length: usize, with: impl Fn(usize) -> u8) {
    let there = bytes.iter_mut().skip(start).take(length);
    for (at, byte) in there.enumerate() {
        *byte = with(at);
    }
}

fn noise(seed: u64) -> impl Fn(usize) -> u8 {
    move |at| Seed(seed).draw(NOISE, 2_u64, at as u64) as u8
}

impl Medium {
    fn new(name: &str, bytes: &[u8]) -> Self {
        Self {
            name: name.to_owned(),
            pristine: bytes.to_vec(),
            base: bytes.to_vec(),
            bytes: bytes.to_vec(),
            unreadable: Vec::new(),
            lost: false,
        }
    }

    fn refuse(&mut self, range: Range<usize>) {
        let range = range.start..range.end.min(self.bytes.len());
        if !range.is_empty() {
            self.unreadable.push(range);
        }
    }

    /// Whether reading a range fails in part.
    pub(super) fn refuses(&self, range: &Range<usize>) -> bool {
        let mut refused = self.unreadable.iter();
        refused.any(|refused| refused.start < range.end && range.start < refused.end)
    }

    /// Whether nothing at all happened to it.
    pub(super) fn is_as_written(&self) -> bool {
        !self.lost && self.unreadable.is_empty() && self.bytes == self.pristine
    }
}

/// The files that are there, as a runtime reads them; it counts.
pub(super) struct Media<'a> {
    media: Vec<&'a Medium>,
    /// Bytes that may still be read, before a salvage counts as endless.
    left: u64,
    longest: u64,
}

/// Panics with it: the salvage reads for ever, or asks for more memory than it says.
pub(super) struct Excess(pub(super) String);

/// Each page is read a constant number of times, and once or twice for each row that is written out.
const TIMES_MAX: u64 = 64;
const SLACK: u64 = 64 << 20;

impl<'a> Media<'a> {
    pub(super) fn new(disk: &'a Disk) -> Self {
        let media: Vec<&Medium> = disk.media.iter().filter(|medium| !medium.lost).collect();
        let bytes: u64 = media.iter().map(|medium| medium.bytes.len() as u64).sum();
        Self {
            media,
            left: bytes * TIMES_MAX + SLACK,
            longest: bytes * 4 + (16 << 20),
        }
    }
}

impl Reader for Media<'_> {
    fn read(&mut self, read: &Read) -> Piece {
        let medium = self.media[read.file.0 as usize];
        let asked = read.range.end.saturating_sub(read.range.start);
        if asked > self.longest {
            let all: usize = self.media.iter().map(|medium| medium.bytes.len()).sum();
            let words = format!("one read asks for {asked} bytes, and the files have {all}");
            std::panic::panic_any(Excess(words));
        }
        let end = read.range.end.min(medium.bytes.len() as u64) as usize;
        let start = (read.range.start as usize).min(end);
        // An empty answer costs something, too: otherwise whoever asks behind the end could ask for ever.
        self.left = match self.left.checked_sub((end - start) as u64 + 64) {
            Some(left) => left,
            None => std::panic::panic_any(Excess("it reads on and on".to_owned())),
        };
        let mut bytes = medium.bytes[start..end].to_vec();
        let mut unreadable = Vec::new();
        for refused in &medium.unreadable {
            let range = refused.start.max(start)..refused.end.min(end);
            if !range.is_empty() {
                bytes[range.start - start..range.end - start].fill(0);
                unreadable.push((range.start - start) as u64..(range.end - start) as u64);
            }
        }
        unreadable.sort_by_key(|range| range.start);
        Piece { bytes, unreadable }
    }
}
