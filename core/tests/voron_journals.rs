//! Carves and redoes the journals of real databases.

mod voron_samples;

use std::borrow::Cow;
use std::collections::BTreeSet;

use firedrill_core::voron::headers::{FileHeader, newer};
use firedrill_core::voron::journal::broken::mend_pages;
use firedrill_core::voron::journal::index::{IndexBuilder, PageIndex};
use firedrill_core::voron::journal::redo::{Redo, Standing};
use firedrill_core::voron::journal::replay::{Candidate, JournalName, Place, Plan, plan};
use firedrill_core::voron::journal::{
    Found, HEADER_BYTES, Limits, SECTOR_BYTES, Transaction, pages, payload, transaction_at,
    transactions,
};
use firedrill_core::voron::page::{PAGE_BYTES, Verdict, verdict};
use voron_samples::Sample;

struct Database {
    sample: Sample,
    journals: Vec<usize>,
    found: Vec<(Candidate, Transaction)>,
    broken: usize,
}

impl Database {
    fn open(name: &str) -> Option<Self> {
        let sample = Sample::open(name)?;
        let journals: Vec<usize> = (0..sample.files.len())
            .filter(|at| name_of(&sample.files[*at].0).is_some())
            .collect();
        let (mut found, mut broken) = (Vec::new(), 0);
        for (journal, at) in (0_u32..).zip(&journals) {
            for (offset, what) in transactions(&sample.files[*at].1, Limits::default()) {
                match what {
                    Found::Whole(transaction) => found.push((
                        Candidate {
                            id: transaction.id,
                            place: Place { journal, offset },
                        },
                        transaction,
                    )),
                    _ => broken += 1,
                }
            }
        }
        Some(Self {
            sample,
            journals,
            found,
            broken,
        })
    }

    fn header(&self) -> Option<FileHeader> {
        newer(
            FileHeader::read(self.sample.file("headers.one")).ok(),
            FileHeader::read(self.sample.file("headers.two")).ok(),
        )
    }

    fn names(&self) -> Vec<Option<JournalName>> {
        self.journals
            .iter()
            .map(|at| name_of(&self.sample.files[*at].0))
            .collect()
    }

    fn plan(&self, last_synced: Option<u64>, missing: &[u64]) -> Plan {
        let candidates: Vec<Candidate> = self
            .found
            .iter()
            .map(|(candidate, _)| *candidate)
            .filter(|candidate| !missing.contains(&candidate.id))
            .collect();
        plan(&self.names(), &candidates, last_synced)
    }

    fn payload(&self, place: Place) -> (Cow<'_, [u8]>, u32) {
        let journal = &self.sample.files[self.journals[place.journal as usize]].1;
        let bytes = &journal[usize::try_from(place.offset).expect("it is in memory")..];
        let transaction = Transaction::read(bytes).expect("it was found there");
        let range = transaction.payload_range().expect("it is in memory");
        let payload = payload::decode(&transaction, &bytes[range], Limits::default());
        (
            payload.expect("its hash holds, so it decodes"),
            transaction.page_count,
        )
    }

    fn index(&self, plan: &Plan) -> PageIndex {
        let mut builder = IndexBuilder::new(1 << 20);
        for (at, step) in (0..).zip(&plan.redo) {
            let (payload, page_count) = self.payload(step.place);
            builder.add(
                at,
                pages::read(&payload, page_count).expect("its hash holds"),
            );
        }
        assert_eq!(builder.refused(), 0);
        builder.finish()
    }

    /// The data file with the plan's transactions on top, in passes of so many bytes, and the pages that are not as the
    /// last transaction left them.
    fn redone(&self, plan: &Plan, bytes_max: u64) -> (Vec<u8>, Vec<(u64, Standing)>) {
        let mut file = self.sample.file("Raven.voron").to_vec();
        let base = file.clone();
        let mut odd = Vec::new();
        for clusters in self.index(plan).passes(bytes_max) {
            let mut redo = Redo::new(&clusters);
            for cluster in clusters {
                let start = cluster.page as usize * PAGE_BYTES;
                let end = start + cluster.pages as usize * PAGE_BYTES;
                redo.load(
                    cluster.page,
                    &base[start.min(base.len())..end.min(base.len())],
                );
            }
            for step in &plan.redo {
                let (payload, page_count) = self.payload(step.place);
                let changes = pages::read(&payload, page_count).expect("its hash holds");
                redo.apply(step.after_gap, changes, &mut holds);
            }
            redo.finish(&mut holds);
            for (page, bytes, standing) in redo.pages() {
                let start = page as usize * PAGE_BYTES;
                if file.len() < start + PAGE_BYTES {
                    file.resize(start + PAGE_BYTES, 0);
                }
                file[start..start + PAGE_BYTES].copy_from_slice(bytes);
                if standing != Standing::Redone {
                    odd.push((page, standing));
                }
            }
        }
        (file, odd)
    }
}

fn name_of(path: &str) -> Option<JournalName> {
    JournalName::read(path.rsplit('/').next().expect("a path has an end"))
}

fn holds(page: u64, run: &[u8]) -> bool {
    match verdict(run) {
        Verdict::Whole { header, .. } => header.number == page,
        Verdict::Zero => true,
        _ => false,
    }
}

/// Pages whose head does not hold, walked by position.
fn failing(file: &[u8]) -> Vec<u64> {
    let mut failing = Vec::new();
    let mut page = 0;
    while let Some(rest) = file
        .get(page * PAGE_BYTES..)
        .filter(|rest| !rest.is_empty())
    {
        page += match verdict(rest) {
            Verdict::Whole { pages, .. } => pages as usize,
            Verdict::Zero => 1,
            _ => {
                failing.push(page as u64);
                1
            }
        };
    }
    failing
}

/// Name, whole transactions, those behind the last synced one, images of pages and runs in the history and how many of
/// them the data file does not have, pages that fail after all.
type Expected = (&'static str, usize, usize, (usize, usize), &'static [u64]);

const SAMPLES: [Expected; 9] = [
    ("compressed-revisions-5.x", 36, 0, (192, 151), &[]),
    ("counters-4.2.103", 1, 0, (158, 0), &[]),
    ("northwind-4.2.103", 3, 0, (487, 85), &[]),
    // A stale run: two heads, and two pages of its value.
    ("reused-journal-1", 2, 0, (5, 2), &[548, 549, 550, 551]),
    ("reused-journal-2", 2, 0, (8, 2), &[]),
    ("ravendb-6.2.4-killed", 490, 49, (11055, 7305), &[]),
    // The stale tail of an older run.
    ("ravendb-7.1.5-killed", 384, 31, (10475, 5310), &[4986]),
    ("ravendb-7.2.7-killed", 492, 46, (11487, 7201), &[]),
    (
        "ravendb-7.2.7-upgraded-killed",
        308,
        167,
        (10278, 4632),
        &[],
    ),
];

/// Every distinct image of a page or run whose checksum holds, step by step, without a base, and how many of them the data
/// file does not have.
fn history(database: &Database) -> (usize, usize) {
    let mut in_file = BTreeSet::new();
    let file = database.sample.file("Raven.voron");
    let mut page = 0;
    while let Some(rest) = file
        .get(page * PAGE_BYTES..)
        .filter(|rest| !rest.is_empty())
    {
        page += match verdict(rest) {
            Verdict::Whole { pages, header } => {
                in_file.insert((header.number, header.checksum));
                pages as usize
            }
            _ => 1,
        };
    }
    let mut images = BTreeSet::new();
    let mut builder = IndexBuilder::new(1 << 20);
    for (at, (candidate, _)) in (0..).zip(&database.found) {
        let (payload, page_count) = database.payload(candidate.place);
        builder.add(
            at,
            pages::read(&payload, page_count).expect("its hash holds"),
        );
    }
    let mut order: Vec<Candidate> = database.found.iter().map(|(found, _)| *found).collect();
    order.sort_unstable_by_key(|found| found.id);
    for clusters in builder.finish().passes(64 << 20) {
        let mut redo = Redo::new(&clusters);
        let mut before = None;
        for candidate in &order {
            let (payload, page_count) = database.payload(candidate.place);
            let changes = pages::read(&payload, page_count).expect("its hash holds");
            let after_gap = before.is_some_and(|before| candidate.id > before + 1);
            before = Some(candidate.id);
            for applied in redo.apply(after_gap, changes, &mut holds) {
                let run = redo.run(applied.page, applied.pages);
                if let Some(Verdict::Whole { header, .. }) = run.map(verdict) {
                    images.insert((header.number, header.checksum));
                }
            }
        }
    }
    let beyond = images.difference(&in_file).count();
    (images.len(), beyond)
}

#[test]
fn every_transaction_of_the_real_journals_is_found_and_redone() {
    for (name, count, behind, images, failing_pages) in SAMPLES {
        let Some(database) = Database::open(name) else {
            return;
        };
        assert_eq!(
            (database.found.len(), database.broken),
            (count, 0),
            "{name}"
        );
        for at in &database.journals {
            let journal = &database.sample.files[*at].1;
            let everywhere = (0..journal.len())
                .step_by(SECTOR_BYTES as usize)
                .map(|at| &journal[at..])
                .filter(|rest| {
                    let found = transaction_at(rest, rest.len() as u64, Limits::default());
                    matches!(found, Found::Whole(_))
                })
                .count();
            assert_eq!(
                everywhere,
                transactions(journal, Limits::default()).count(),
                "{name}"
            );
        }
        let header = database.header().expect("a whole header");
        let with_header = database.plan(Some(header.last_synced_transaction), &[]);
        assert_eq!(
            (with_header.redo.len(), with_header.gaps.len()),
            (behind, 0),
            "{name}"
        );
        let (redone, odd) = database.redone(&with_header, 1 << 30);
        assert_eq!(odd, [], "{name}");
        assert_eq!(failing(&redone), failing_pages, "{name}");
        // Without a header it is the same, byte by byte, and so in passes of 16 MiB.
        let (without_header, odd) = database.redone(&database.plan(None, &[]), 16 << 20);
        assert_eq!(odd, [], "{name}");
        assert!(redone == without_header, "{name}");
        assert_eq!(history(&database), images, "{name}");
    }
}

#[test]
fn a_missing_transaction_costs_no_page_that_holds() {
    for name in ["ravendb-7.1.5-killed", "ravendb-7.2.7-upgraded-killed"] {
        let Some(database) = Database::open(name) else {
            return;
        };
        let last_synced = database
            .header()
            .map(|header| header.last_synced_transaction);
        let whole = database.plan(last_synced, &[]);
        let (truth, _) = database.redone(&whole, 1 << 30);
        for nth in [0, whole.redo.len() / 3, whole.redo.len() - 2] {
            let missing = whole.redo[nth].id;
            let plan = database.plan(last_synced, &[missing]);
            assert_eq!(plan.gaps, [missing..=missing]);
            let (redone, odd) = database.redone(&plan, 1 << 30);
            let odd: BTreeSet<u64> = odd.into_iter().map(|(page, _)| page).collect();
            let index = database.index(&plan);
            let mut different = 0;
            for (page, (is, should)) in
                (0..).zip(redone.chunks(PAGE_BYTES).zip(truth.chunks(PAGE_BYTES)))
            {
                if is != should {
                    different += 1;
                    // What the missing one alone changed is in no other.
                    assert!(
                        odd.contains(&page) || index.changes_of(page).is_empty(),
                        "{name} {missing} {page}"
                    );
                }
            }
            assert!(different <= 20, "{name} {missing}: {different}");
            assert_eq!(failing(&redone), failing(&truth), "{name} {missing}");
        }
    }
}

/// One bit flipped in every tenth 4 KB block of a journal: most of its transactions hold several pages with one.
#[test]
fn flipped_bits_are_taken_back_page_by_page_and_none_wrongly() {
    let Some(database) = Database::open("ravendb-7.1.5-killed") else {
        return;
    };
    let name = "recyclable-journal.0000000000000000009";
    let journal = database.sample.file(name);
    let used = (0..journal.len())
        .step_by(4096)
        .filter(|at| journal[*at..*at + 4096] != [0; 4096]);
    let mut flipped = journal.to_vec();
    let mut draw = 12345_u64;
    for block in used.step_by(10) {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        flipped[block + (draw >> 40) as usize % 4096] ^= 1 << (draw >> 61);
    }
    let (mut untouched, mut taken_back) = (0, 0);
    for (candidate, transaction) in &database.found {
        let (Some(at), true) = (
            usize::try_from(candidate.place.offset).ok(),
            database.sample.files[database.journals[candidate.place.journal as usize]]
                .0
                .ends_with(name),
        ) else {
            continue;
        };
        let end = at + transaction.payload_range().expect("it is in memory").end;
        let bytes = &mut flipped[at..end];
        let found = transaction_at(bytes, bytes.len() as u64, Limits::default());
        if matches!(found, Found::Whole(_)) {
            untouched += 1;
            continue;
        }
        mend_pages(bytes, 20_000_000);
        let found = transaction_at(bytes, bytes.len() as u64, Limits::default());
        if matches!(found, Found::Whole(_)) {
            taken_back += 1;
            assert!(bytes[HEADER_BYTES..] == journal[at + HEADER_BYTES..end]);
        }
    }
    // Of 169; the others have bits in what no page covers, or two in one page.
    assert_eq!((untouched, taken_back), (0, 161));
}
