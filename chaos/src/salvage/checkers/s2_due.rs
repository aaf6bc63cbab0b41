//! S2: every record whose bytes are whole, or can be corrected, is told; S5: damage costs no record that it does
//! not touch, which is what an S2 is called that the same files without their damage do not show.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::salvage::record::{Class, Kind as Told};
use firedrill_sim::voron::{AttachmentContent, Kind, State};

use super::super::disk::Disk;
use super::super::fate::{Fates, is_due, kind, name, rendered};
use super::super::play::play;
use super::super::property::{Property, Violation};
use super::super::scenario::{Run, Scenario};
use super::super::told::Told as Output;
use super::Evidence;

pub(super) fn check(
    evidence: &Evidence<'_>,
    scenario: &Scenario,
    planted: Option<&'static str>,
    out: &mut Vec<Violation>,
) {
    let fates = evidence.fates;
    let records = fates.truth().records.iter().enumerate();
    let missing: Vec<usize> = records
        .filter(|(nth, record)| {
            kind(record.kind).is_some() && fates.is_due(*nth) && !evidence.lines.contains_key(nth)
        })
        .map(|(nth, _)| nth)
        .collect();
    let unhurt = match missing.is_empty() || scenario.damages.is_empty() {
        true => None,
        false => unhurt(scenario, planted),
    };
    for nth in missing {
        let record = &fates.truth().records[nth];
        let key = (kind(record.kind), record.etag as u64, rendered(&record.key));
        let is_untouched = record
            .places
            .iter()
            .any(|place| place.in_file && fates.place(place) == super::super::fate::Fate::Whole);
        let is_told_unhurt = unhurt.as_ref().is_some_and(|told| told.contains_key(&key));
        let property = match is_untouched && is_told_unhurt {
            true => Property::S5,
            false => Property::S2,
        };
        let sentence = format!(
            "{} is whole, or can be corrected, and is not told",
            name(record)
        );
        out.push(Violation::at(property, nth, sentence));
    }
    contents(evidence, out);
    contents_anywhere(evidence, out);
}

type Keys = BTreeMap<(Option<Told>, u64, String), Class>;

/// What is told of the same files without damage.
fn unhurt(scenario: &Scenario, planted: Option<&'static str>) -> Option<Keys> {
    let scenario = Scenario {
        damages: Vec::new(),
        run: Run::default(),
        ..scenario.clone()
    };
    let played = play(&Disk::of(&scenario), &scenario.run, planted);
    let told = Output::read(&played.ok()?.written).ok()?;
    let lines = told.lines.into_iter();
    Some(
        lines
            .map(|line| ((Some(line.kind), line.etag, line.key), line.class))
            .collect(),
    )
}

/// The content of each live attachment whose document is told, too, is in the dump.
fn contents(evidence: &Evidence<'_>, out: &mut Vec<Violation>) {
    let fates = evidence.fates;
    let live = |nth: usize| {
        let lines = evidence.lines.get(&nth);
        lines.is_some_and(|lines| lines.iter().any(|line| line.class == Class::Live))
    };
    let records = || fates.truth().records.iter().enumerate();
    for (nth, record) in records() {
        if record.kind != Kind::Attachment || record.state != State::Live || !live(nth) {
            continue;
        }
        let hash = String::from_utf8_lossy(&record.columns[4]).into_owned();
        let mut contents = fates.truth().attachments.iter();
        let is_due = contents.any(|one| one.hash == hash && one.live && content_is_due(fates, one));
        let is_of_revision = record.key.split(|byte| *byte == 0x1e).nth(1) == Some(b"r");
        let owner = |(nth, owner): (usize, &firedrill_sim::voron::Record)| {
            owner.kind == Kind::Document && owner.document == record.document && live(nth)
        };
        let has_owner = !is_of_revision && records().any(owner);
        if is_due
            && has_owner
            && !evidence
                .told
                .contents
                .contains_key(&(Class::Live, hash.clone()))
        {
            let sentence = format!(
                "{} has its content {hash}, and the dump does not",
                name(record)
            );
            out.push(Violation::at(Property::S2, nth, sentence));
        }
    }
}

/// Each content that an attachment has is in some dump, or beside them: whoever names it may be lost.
fn contents_anywhere(evidence: &Evidence<'_>, out: &mut Vec<Violation>) {
    let told = evidence.told;
    let dumped = told.contents.keys().map(|(_, hash)| hash);
    let there: BTreeSet<&String> = dumped.chain(told.leftovers.keys()).collect();
    for one in &evidence.fates.truth().attachments {
        let is_wanted = one.live && !one.content.is_empty() && content_is_due(evidence.fates, one);
        if is_wanted && !there.contains(&one.hash) {
            let sentence = format!("the content {} is there, and written nowhere", one.hash);
            out.push(Violation::of_run(Property::S2, sentence));
        }
    }
}

fn content_is_due(fates: &Fates<'_>, content: &AttachmentContent) -> bool {
    if content.chunks.is_empty() {
        let in_file = content.inline_page_in_file;
        let in_file = in_file.is_some_and(|page| is_due(fates.page(page)));
        return in_file || content.inline_page.is_some_and(|page| fates.ends(page, 1));
    }
    content.chunks.iter().all(|chunk| {
        let in_file = chunk.in_file && is_due(fates.run(chunk.page, chunk.stored.len()));
        in_file || fates.ends(chunk.page, chunk.pages)
    })
}
