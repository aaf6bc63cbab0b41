//! The report of a violation, in at most 40 rows: the record, its pages, the damage that touches them, what was
//! expected and what came.

use firedrill_sim::voron::{Flavour, PageUse, Place, Record};

use super::campaign::Tally;
use super::checkers::Outcome;
use super::disk::{Disk, PAGE, home};
use super::fate::{Fates, kind, name, rendered};
use super::property::Violation;
use super::scenario::{Damage, Scenario};

/// Rows of a report at most.
const ROWS_MAX: usize = 40;

/// Tells a violation of a scenario.
pub fn text(scenario: &Scenario, outcome: &Outcome, violation: &Violation) -> String {
    let mut rows = vec![
        format!("{}: {}", violation.property, violation.property.sentence()),
        format!("  {}", violation.sentence),
        String::new(),
    ];
    rows.extend(describe(scenario, &outcome.disk));
    if let Some(nth) = violation.record {
        rows.push(String::new());
        rows.extend(of_record(scenario, outcome, nth));
    }
    let left = rows.len().saturating_sub(ROWS_MAX);
    if left > 0 {
        rows.truncate(ROWS_MAX - 1);
        rows.push(format!("  … and {} more rows", left + 1));
    }
    rows.join("\n")
}

/// The scenario in words.
pub fn describe(scenario: &Scenario, disk: &Disk) -> Vec<String> {
    let truth = &disk.database.truth;
    let flavour = match scenario.database.flavour {
        Flavour::V5 => "4.2 to 7.1",
        Flavour::V7_2 => "7.2",
    };
    let mut rows = vec![
        format!(
            "database  layout of {flavour}, {} operations, {} pages, {} transactions, synced up to {}",
            scenario.database.operations.len(),
            truth.file_pages.len(),
            truth.transactions.len(),
            truth.synced,
        ),
        format!(
            "run       {} tasks at once{}{}, corrections up to 2^{}",
            scenario.run.window,
            if scenario.run.order == 0 {
                ""
            } else {
                ", in any order"
            },
            scenario
                .run
                .crash_after
                .map_or(String::new(), |after| format!(", killed after {after}")),
            scenario.run.repair_budget,
        ),
    ];
    for (nth, damage) in scenario.damages.iter().enumerate() {
        let title = if nth == 0 { "damages " } else { "        " };
        rows.push(format!("{title}  {}", of_damage(disk, damage)));
    }
    rows
}

fn of_damage(disk: &Disk, damage: &Damage) -> String {
    let class = damage.class();
    let pages: Vec<String> = pages(disk, damage)
        .into_iter()
        .map(|page| format!("page {page} ({})", use_of(disk, page)))
        .collect();
    let detail = match damage {
        Damage::BitFlip { bit, .. } => format!("bit {}", bit % (8 * PAGE as u32)),
        Damage::EndFlip { run, bit } => format!("bit {bit} of the end of run {run}"),
        Damage::ZeroRange { from, bytes, .. } => format!("from byte {from}, {bytes} bytes"),
        Damage::Truncated { bytes } | Damage::Beheaded { bytes } => format!("{bytes} bytes"),
        Damage::Shifted { bytes, .. } => format!("{bytes} bytes"),
        Damage::TornPage { age, .. } | Damage::StaleCopy { age, .. } => {
            format!("{age} operations ago")
        }
        Damage::Journal { nth, harm } => {
            let journals = disk.media.len().saturating_sub(3).max(1);
            let at = 3 + usize::from(*nth) % journals;
            let name = disk.media.get(at).map_or("none", |medium| &medium.name);
            format!("{name}: {harm:?}")
        }
        _ => String::new(),
    };
    format!("{class}  {}  {detail}", pages.join(", "))
        .trim_end()
        .to_owned()
}

/// The pages that a damage names.
fn pages(disk: &Disk, damage: &Damage) -> Vec<u64> {
    let spots = match damage {
        Damage::BitFlip { page, .. }
        | Damage::BitRot { page, .. }
        | Damage::ZeroRange { page, .. }
        | Damage::ScramblePage { page, .. }
        | Damage::TornPage { page, .. }
        | Damage::Unreadable { page, .. }
        | Damage::StaleCopy { page, .. } => vec![*page],
        Damage::Swapped { page, with: other } | Damage::Misdirected { page, over: other } => {
            vec![*page, *other]
        }
        _ => Vec::new(),
    };
    spots
        .into_iter()
        .filter_map(|spot| disk.page(spot))
        .collect()
}

fn use_of(disk: &Disk, page: u64) -> String {
    let of = |page_use: &PageUse| match page_use {
        PageUse::Unwritten => "unwritten".to_owned(),
        PageUse::Empty => "empty".to_owned(),
        PageUse::Free { was } => format!("free, was {was:?}"),
        PageUse::Section { table } => format!("section of {table}"),
        PageUse::Rows { table } => format!("rows of {table}"),
        PageUse::Run { table } => format!("run of {table}"),
        PageUse::Stream { .. } => "stream".to_owned(),
        PageUse::Tree { name } => format!("tree {name}"),
        PageUse::TreeValue { name } => format!("value of tree {name}"),
    };
    let truth = &disk.database.truth;
    truth
        .file_pages
        .get(page as usize)
        .map_or_else(|| "none".to_owned(), of)
}

/// One record: where it lay, what became of that, what was told of it.
pub(super) fn of_record(scenario: &Scenario, outcome: &Outcome, nth: usize) -> Vec<String> {
    let disk = &outcome.disk;
    let fates = Fates::of(disk, scenario.run.repair_budget);
    let record = &disk.database.truth.records[nth];
    let mut rows = vec![
        format!("record    {}", name(record)),
        format!(
            "          {:?} in {}{}; {}",
            record.state,
            record.table,
            record.compressed.map_or(String::new(), |with| format!(
                ", compressed with dictionary {with}"
            )),
            if fates.is_due(nth) {
                "it must be told"
            } else {
                "it may be lost"
            },
        ),
    ];
    for place in &record.places {
        rows.push(format!("place     {}", of_place(&fates, place)));
        let touched = scenario.damages.iter().enumerate();
        let touching = touched.filter(|(_, damage)| {
            let mut pages = pages(disk, damage).into_iter();
            pages.any(|page| (place.page..place.page + place.pages).contains(&page))
        });
        rows.extend(
            touching.map(|(_, damage)| format!("            hurt by {}", of_damage(disk, damage))),
        );
    }
    let lines = outcome.told.iter().flat_map(|told| &told.lines);
    let own = lines.filter(|line| {
        Some(line.kind) == kind(record.kind)
            && line.etag == record.etag as u64
            && line.key == rendered(&record.key)
    });
    let mut came: Vec<String> = own
        .map(|line| {
            let mut words = format!(
                "came      {} from {}, page {}",
                line.class.name(),
                line.place,
                line.page
            );
            words.push_str(if line.repaired { ", repaired" } else { "" });
            words.push_str(if line.unhashed { ", unhashed" } else { "" });
            words
        })
        .collect();
    if came.is_empty() {
        came.push("came      nothing".to_owned());
    }
    rows.append(&mut came);
    rows.extend(others(outcome, record, nth));
    rows
}

fn of_place(fates: &Fates<'_>, place: &Place) -> String {
    let end = place.page + place.pages - 1;
    let pages = match place.pages {
        1 => format!("page {}", place.page),
        _ => format!("pages {} to {end}", place.page),
    };
    let at = home(place.page, fates.disk.shift)
        .map_or_else(|| "cut off".to_owned(), |at| format!("byte {at}"));
    let in_file = match place.in_file {
        true => format!("in the data file ({at}): {:?}", fates.place(place)),
        false => "not in the data file".to_owned(),
    };
    let mut words = format!(
        "{pages}, byte {}, transaction {}; {in_file}",
        place.offset, place.written
    );
    if let Some(released) = place.released {
        words.push_str(&format!("; given up by {released}"));
    }
    if !place.images.is_empty() {
        words.push_str(&format!("; in images of {:?}", place.images));
    }
    words
}

/// Other versions under the same key.
fn others(outcome: &Outcome, record: &Record, nth: usize) -> Vec<String> {
    let records = outcome.disk.database.truth.records.iter().enumerate();
    let others = records
        .filter(|(other, one)| *other != nth && one.kind == record.kind && one.key == record.key);
    let mut rows: Vec<String> = others
        .map(|(_, one)| format!("beside it etag {}: {:?}", one.etag, one.state))
        .collect();
    rows.truncate(6);
    rows
}

/// What a campaign did, in words.
pub fn summary(tally: &Tally, seconds: f64, jobs: usize) -> String {
    let counts = |counts: &super::campaign::Counts| {
        let all: Vec<String> = counts
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        all.join(", ")
    };
    let rate = tally.cases as f64 / seconds.max(0.001) / jobs.max(1) as f64;
    [
        format!(
            "{} cases in {seconds:.1} s ({rate:.0} a second and core): {} pages, {} tasks, {} kills",
            tally.cases, tally.pages, tally.tasks, tally.crashes
        ),
        format!("records   {} due; told: {}; corrected {}", tally.due, counts(&tally.told), tally.repaired),
        format!("damages   {}", counts(&tally.damages)),
        match tally.violated.is_empty() {
            true => "violated  nothing".to_owned(),
            false => format!("violated  {}", counts(&tally.violated)),
        },
    ]
    .join("\n")
}
