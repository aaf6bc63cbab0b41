//! S9: one flipped bit under a checksum is taken back and said so, and nothing else is corrected.

use firedrill_core::salvage::Use;

use super::super::disk::{PAGE, home};
use super::super::fate::{Fate, Fates, name};
use super::super::property::{Property, Violation};
use super::Evidence;
use super::s3_ledger::damage_at;

pub(super) fn check(evidence: &Evidence<'_>, out: &mut Vec<Violation>) {
    let fates = evidence.fates;
    let file = &evidence.played.report.files[0];
    for (nth, lines) in &evidence.lines {
        let record = &fates.truth().records[*nth];
        let flipped = record.place().filter(|place| {
            place.in_file
                && fates.place(place) == Fate::Flipped
                && fates.calm_journals
                && !fates.is_redone(place)
        });
        let Some(place) = flipped else { continue };
        if lines
            .iter()
            .any(|line| line.page == place.page && !line.repaired)
        {
            let sentence = format!("{} was corrected, and nobody says so", name(record));
            out.push(Violation::at(Property::S9, *nth, sentence));
        }
        let start = home(place.page, fates.disk.shift).unwrap_or_default();
        if damage_at(file, &(start..start + 1)) != Some(Use::Repaired) {
            let sentence = format!(
                "page {} is corrected, and the ledger does not say so",
                place.page
            );
            out.push(Violation::at(Property::S9, *nth, sentence));
        }
    }
    for line in evidence.told.lines.iter().filter(|line| line.repaired) {
        if !is_honest(fates, line.page) {
            let sentence = format!(
                "{:?} {} is said to be corrected, and no single bit of page {} was wrong",
                line.kind, line.key, line.page
            );
            out.push(Violation::of_run(Property::S9, sentence));
        }
    }
}

/// Whether a page, or the run that begins with it, may have been corrected: here, or where it was moved to.
fn is_honest(fates: &Fates<'_>, page: u64) -> bool {
    let records = fates
        .truth()
        .records
        .iter()
        .flat_map(|record| &record.places);
    let runs = records.filter(|place| place.page == page && place.offset == 64);
    let lengths = runs.map(|place| place.stored.len()).chain([PAGE]);
    let mut homes = fates.disk.displaced.iter().chain([&page]);
    homes.any(|home| {
        lengths
            .clone()
            .any(|bytes| fates.may_be_mended(*home, bytes))
    }) || !fates.disk.stale.is_empty()
}
