//! S3: every byte of every file is accounted for once, as what it is.

use std::collections::BTreeMap;
use std::ops::Range;

use firedrill_core::salvage::Use;
use firedrill_core::salvage::report::FileReport;
use firedrill_sim::voron::PageUse;

use super::super::disk::{Medium, PAGE, home};
use super::super::fate::{Fate, Fates};
use super::super::property::{Property, Violation};
use super::Evidence;

pub(super) fn check(evidence: &Evidence<'_>, out: &mut Vec<Violation>) {
    let media = evidence
        .fates
        .disk
        .media
        .iter()
        .filter(|medium| !medium.lost);
    let files = &evidence.played.report.files;
    if media.clone().count() != files.len() {
        let sentence = "the report leaves a file out";
        return out.push(Violation::of_run(Property::S3, sentence));
    }
    for (medium, file) in media.zip(files) {
        if let Err(sentence) = closes(medium, file) {
            let sentence = format!("{}: {sentence}", file.name);
            out.push(Violation::of_run(Property::S3, sentence));
        }
    }
    let mut wrong = Vec::new();
    pages(evidence.fates, &files[0], &mut wrong);
    lines(evidence, &files[0], &mut wrong);
    let wrong = wrong.into_iter().take(3);
    out.extend(wrong.map(|sentence| Violation::of_run(Property::S3, sentence)));
}

/// The ledger's ranges are a partition, and its sums theirs.
fn closes(medium: &Medium, file: &FileReport) -> Result<(), String> {
    let length = medium.bytes.len() as u64;
    let sum: u64 = file.bytes.values().sum();
    if file.length != length || sum != length {
        return Err(format!("of {length} bytes {sum} are accounted for"));
    }
    if let Some(bytes) = file.bytes.get(&Use::Unexplained) {
        return Err(format!("{bytes} bytes are unexplained"));
    }
    let mut at = 0;
    let mut sums: BTreeMap<Use, u64> = BTreeMap::new();
    for (start, end, what) in &file.damage {
        if *start < at || end <= start || *end > length {
            return Err(format!(
                "the damage {start}..{end} does not lie behind {at}"
            ));
        }
        at = *end;
        *sums.entry(*what).or_default() += end - start;
    }
    for (what, sum) in sums {
        if file.bytes.get(&what) != Some(&sum) {
            return Err(format!("the ranges of {what:?} are not its sum"));
        }
    }
    Ok(())
}

/// What the writer wrote, and is whole, is no damage; what is neither is.
fn pages(fates: &Fates<'_>, file: &FileReport, out: &mut Vec<String>) {
    let disk = fates.disk;
    let uses = &disk.database.truth.file_pages;
    for (page, page_use) in (0..).zip(uses) {
        let is_single = matches!(
            page_use,
            PageUse::Section { .. } | PageUse::Rows { .. } | PageUse::Tree { .. } | PageUse::Empty
        );
        let Some(start) = home(page, disk.shift).filter(|_| is_single) else {
            continue;
        };
        let here = start..start + PAGE;
        let fate = fates.page(page);
        if fate == Fate::Whole && damage_at(file, &here).is_some() {
            out.push(format!(
                "page {page} is as it was written, and called damaged"
            ));
        }
        let is_replaced = disk.displaced.contains(&page) || disk.stale.contains(&page);
        let Some(now) = disk.data().bytes.get(here.clone()).filter(|_| !is_replaced) else {
            continue;
        };
        let is_hurt = fate == Fate::Hurt && now.iter().any(|byte| *byte != 0);
        if is_hurt && damage_at(file, &here).is_none() && disk.shift == 0 {
            out.push(format!(
                "page {page} is not as it was written, and called whole"
            ));
        }
        let mut named = file.damage.iter();
        let is_named = named.any(|(from, to, what)| {
            *what == Use::Unreadable && *from < here.end as u64 && (here.start as u64) < *to
        });
        if disk.data().refuses(&here) && !is_named {
            out.push(format!("page {page} cannot be read, and is not called so"));
        }
    }
}

/// Records lie in what is called data.
fn lines(evidence: &Evidence<'_>, file: &FileReport, out: &mut Vec<String>) {
    for line in evidence.lines.values().flatten() {
        let place = line.place.strip_prefix("Raven.voron:");
        let Some(at) = place.and_then(|place| place.parse::<usize>().ok()) else {
            continue;
        };
        let what = damage_at(file, &(at..at + 1));
        if what.is_some_and(|what| what != Use::Repaired) {
            out.push(format!(
                "{:?} {} lies in what is called damaged",
                line.kind, line.key
            ));
        }
    }
}

/// What a range is called, if any of it is called damaged.
pub(super) fn damage_at(file: &FileReport, range: &Range<usize>) -> Option<Use> {
    let (start, end) = (range.start as u64, range.end as u64);
    let mut damage = file.damage.iter();
    damage
        .find(|(from, to, _)| *from < end && start < *to)
        .map(|(_, _, what)| *what)
}
