//! An outcome in the terminal: the most important thing first.
//!
//! ```text
//! how it is, in one sentence
//! what is lost, by kind, and attachments without content
//! records by kind and class · bytes by use
//! what is written · the next step
//! ```
//!
//! A pure function, so that every sentence can be tested.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{Result, Write};

use firedrill_core::salvage::Use;
use firedrill_core::salvage::record::{Class, Kind};
use firedrill_core::salvage::report::{LostRecord, Missing, Report};

use super::words::{USES, counted, of_kind, of_use};
use super::{Outcome, REPORT};
use crate::render::{bytes, printable};

/// Where contents are that no dump has.
const ATTACHMENTS: &str = "attachments/";

/// Entries of a list that are printed.
const LISTED_MAX: usize = 20;

/// The whole text, ending in a newline.
pub(super) fn text(outcome: &Outcome) -> String {
    let mut text = String::new();
    write(outcome, &mut text).expect("writing into a string does not fail");
    text
}

fn write(outcome: &Outcome, out: &mut String) -> Result {
    let report = &outcome.report;
    writeln!(out, "{}", verdict(outcome))?;
    for (kind, lost) in lost_by_kind(report) {
        write_lost(out, kind, &lost)?;
    }
    write_missing(out, report)?;
    if !report.counts.is_empty() {
        write_counts(out, report)?;
    }
    write_uses(out, report)?;
    write_notes(out, report)?;
    write_end(out, outcome)
}

/// How it is, in one sentence.
pub(super) fn verdict(outcome: &Outcome) -> String {
    let report = &outcome.report;
    if outcome.is_nothing() {
        return "Nothing: no page, no header and no transaction of a RavenDB database is whole."
            .into();
    }
    if !report.is_damaged() {
        return "Whole: nothing is damaged.".to_owned();
    }
    let hurt = hurt(report);
    let bytes_hurt = match hurt {
        0 => String::new(),
        some => format!("; {} damaged", bytes(some)),
    };
    if outcome.verdicts_only {
        return format!("Damaged: {}.", bytes(hurt));
    }
    let mut losses: Vec<String> = Vec::new();
    for (kind, lost) in lost_by_kind(report) {
        let count = lost.len() as u64;
        losses.push(format!("{count} {}", of_kind(kind, count)));
    }
    let contents = report.contents.missing.len() as u64;
    if contents > 0 {
        let contents = counted(contents, "attachment's content", "attachments' contents");
        losses.push(contents);
    }
    match losses.as_slice() {
        [] if hurt == 0 => {
            "Repaired: flipped bits were taken back; nothing that a tree names is lost.".into()
        }
        [] => format!("Damaged, but nothing that a tree names is lost{bytes_hurt}."),
        losses => format!("Damaged: {} lost{bytes_hurt}.", losses.join(", ")),
    }
}

/// Bytes that are damaged beyond repair.
pub(super) fn hurt(report: &Report) -> u64 {
    let uses = report.files.iter().flat_map(|file| &file.bytes);
    let hurt = uses.filter(|(what, _)| what.is_damage() && **what != Use::Repaired);
    hurt.map(|(_, bytes)| bytes).sum()
}

/// What is lost of each kind: first those that a person knows by their ids.
pub(super) fn lost_by_kind(report: &Report) -> BTreeMap<Kind, Vec<&LostRecord>> {
    let mut lost: BTreeMap<Kind, Vec<&LostRecord>> = BTreeMap::new();
    for record in &report.lost {
        lost.entry(record.kind).or_default().push(record);
    }
    for records in lost.values_mut() {
        records.sort_by_key(|record| (record.key.is_none(), &record.key, record.etag));
    }
    lost
}

/// Contents that are missing, by who names them, with their hashes.
pub(super) fn missing(report: &Report) -> Vec<(&str, &Missing)> {
    let missing = report.contents.missing.iter();
    let mut missing: Vec<_> = missing
        .map(|(hash, content)| (hash.as_str(), content))
        .collect();
    missing.sort_by_key(|(_, content)| &content.named_by);
    missing
}

/// The classes that there are records of.
pub(super) fn classes(report: &Report) -> BTreeSet<Class> {
    let counts = report.counts.values();
    counts.flat_map(BTreeMap::keys).copied().collect()
}

fn write_lost(out: &mut String, kind: Kind, lost: &[&LostRecord]) -> Result {
    let count = lost.len() as u64;
    writeln!(out, "\nLost {} ({count}):", of_kind(kind, 2))?;
    for record in lost.iter().take(LISTED_MAX) {
        let key = record.key.as_deref().map(printable);
        let etag = record.etag.map(|etag| format!("etag {etag}"));
        let what: Vec<String> = key.into_iter().chain(etag).collect();
        let older = match record.has_older {
            true => "; an older one was found",
            false => "",
        };
        writeln!(out, "  {} (page {}{older})", what.join(", "), record.page)?;
    }
    write_more(out, lost.len())
}

fn write_more(out: &mut String, count: usize) -> Result {
    match count.saturating_sub(LISTED_MAX) {
        0 => Ok(()),
        more => writeln!(out, "  … and {more} more; the report lists all"),
    }
}

fn write_missing(out: &mut String, report: &Report) -> Result {
    let missing = missing(report);
    if missing.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\nAttachments without their content ({}):",
        missing.len()
    )?;
    for (_, content) in missing.iter().take(LISTED_MAX) {
        let names = content.named_by.iter();
        let names: Vec<String> = names
            .take(3)
            .map(|(document, name)| format!("{} of {}", printable(name), printable(document)))
            .collect();
        let there = match content.bytes {
            0 => "nothing of it was found".to_owned(),
            some => format!("{} of it were found", bytes(some)),
        };
        writeln!(out, "  {} ({there})", names.join(", "))?;
    }
    write_more(out, missing.len())
}

fn write_counts(out: &mut String, report: &Report) -> Result {
    let classes = classes(report);
    write!(out, "\n  {:<28}", "records")?;
    for class in &classes {
        write!(out, "{:>18}", class.name())?;
    }
    writeln!(out)?;
    for kind in report.counts.keys() {
        write!(out, "  {:<28}", of_kind(*kind, 2))?;
        for class in &classes {
            write!(out, "{:>18}", report.count(*kind, *class))?;
        }
        writeln!(out)?;
    }
    if report.contents.named > 0 {
        let of = report.contents.named;
        let whole = report.contents.whole;
        writeln!(
            out,
            "  {:<28}{:>18}",
            "attachments' contents",
            format!("{whole} of {of}")
        )?;
    }
    Ok(())
}

fn write_uses(out: &mut String, report: &Report) -> Result {
    writeln!(out, "\n  bytes")?;
    for what in USES {
        let files = report.files.iter();
        let count: u64 = files.filter_map(|file| file.bytes.get(&what)).sum();
        if count > 0 {
            let (name, meaning) = of_use(what);
            writeln!(out, "  {name:<28}{:>18}  {meaning}", bytes(count))?;
        }
    }
    let all: u64 = report.files.iter().map(|file| file.length).sum();
    let files = counted(report.files.len() as u64, "file", "files");
    writeln!(out, "  {:<28}{:>18}  in {files}", "all", bytes(all))
}

fn write_notes(out: &mut String, report: &Report) -> Result {
    if !report.over_budget.is_empty() {
        let places = counted(report.over_budget.len() as u64, "place", "places");
        writeln!(
            out,
            "\nAt {places} a flipped bit was not looked for, because that would have cost more than --repair-budget."
        )?;
    }
    if report.unread > 0 {
        let entries = counted(report.unread, "entry", "entries");
        writeln!(
            out,
            "\n{entries} of whole pages could not be read: of tables that nobody knows, or compressed with a dictionary that is missing."
        )?;
    }
    Ok(())
}

fn write_end(out: &mut String, outcome: &Outcome) -> Result {
    let Some(folder) = &outcome.folder else {
        return writeln!(out, "\nNothing was written.");
    };
    writeln!(out, "\nWritten to {folder}:")?;
    let written = outcome.report.written.iter();
    let (apart, single): (Vec<_>, Vec<_>) =
        written.partition(|(name, _)| name.starts_with(ATTACHMENTS));
    for (name, count) in single {
        writeln!(out, "  {name} ({})", bytes(*count))?;
    }
    if !apart.is_empty() {
        let count = apart.len() as u64;
        let files = counted(
            count,
            "content that is in no dump",
            "contents that are in no dump",
        );
        let all = apart.iter().map(|(_, count)| *count).sum();
        writeln!(out, "  {ATTACHMENTS} ({files}, {})", bytes(all))?;
    }
    writeln!(out, "  report.html, {REPORT}")?;
    match outcome.report.written.contains_key("salvage.ravendbdump") {
        true => writeln!(
            out,
            "\nA server imports salvage.ravendbdump into a new database (Studio: Tasks, Import Data)."
        ),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use firedrill_core::salvage::report::{Contents, FileReport, Missing};

    use super::*;

    /// Of a file of ten pages, so many of them damaged.
    fn outcome(damaged_pages: u64) -> Outcome {
        let (end, damaged) = (81_920, damaged_pages * 8192);
        let mut ranges = vec![(0, end - damaged, Use::Rows)];
        let mut damage = Vec::new();
        if damaged > 0 {
            damage.push((end - damaged, end, Use::Damaged));
        }
        ranges.extend(&damage);
        let uses = ranges.iter().map(|(start, end, what)| (*what, end - start));
        let file = FileReport {
            name: "Raven.voron".to_owned(),
            length: end,
            bytes: uses.collect(),
            damage,
            ranges,
        };
        let documents = BTreeMap::from([(Class::Live, 3), (Class::Suspect, 1)]);
        Outcome {
            changed_inputs: Vec::new(),
            report: Report {
                counts: [(Kind::Document, documents)].into(),
                contents: Contents::default(),
                lost: Vec::new(),
                files: vec![file],
                transactions: 0,
                unread: 0,
                over_budget: Vec::new(),
                written: BTreeMap::new(),
            },
            verdicts_only: false,
            folder: None,
        }
    }

    #[test]
    fn a_whole_database_is_called_so() {
        assert_eq!(
            text(&outcome(0)),
            "\
Whole: nothing is damaged.

  records                                   live           suspect
  documents                                    3                 1

  bytes
  rows                                  80.0 KiB  documents and all other records
  all                                   80.0 KiB  in 1 file

Nothing was written.
"
        );
    }

    #[test]
    fn losses_come_first_and_keys_cannot_command_the_terminal() {
        let mut outcome = outcome(2);
        let lost = |key: Option<&str>, etag, has_older| LostRecord {
            kind: Kind::Document,
            key: key.map(str::to_owned),
            etag,
            page: 8,
            place: None,
            has_older,
        };
        outcome.report.lost = vec![
            lost(None, Some(7), false),
            lost(Some("users/\u{1b}[2J"), Some(6), true),
        ];
        let named_by = [("users/1".to_owned(), "photo.jpg".to_owned())].into();
        let missing = Missing { bytes: 0, named_by };
        outcome.report.contents.missing = [("hash".to_owned(), missing)].into();
        let text = text(&outcome);
        let begin = "\
Damaged: 2 documents, 1 attachment's content lost; 16.0 KiB damaged.

Lost documents (2):
  users/\\u{1b}[2J, etag 6 (page 8; an older one was found)
  etag 7 (page 8)

Attachments without their content (1):
  photo.jpg of users/1 (nothing of it was found)
";
        assert!(text.starts_with(begin), "{text}");
        let page = super::super::page::page(&outcome);
        assert!(
            page.contains("2 documents") && page.contains("photo.jpg"),
            "{page}"
        );
    }

    #[test]
    fn damage_without_losses_is_no_loss() {
        assert_eq!(
            verdict(&outcome(1)),
            "Damaged, but nothing that a tree names is lost; 8.0 KiB damaged."
        );
        let mut only = outcome(1);
        only.verdicts_only = true;
        assert_eq!(verdict(&only), "Damaged: 8.0 KiB.");
        let mut repaired = outcome(1);
        let file = &mut repaired.report.files[0];
        file.bytes = [(Use::Repaired, 81_920)].into();
        file.damage[0].2 = Use::Repaired;
        assert!(verdict(&repaired).starts_with("Repaired: "));
        let mut nothing = outcome(10);
        nothing.report.counts.clear();
        nothing.report.files[0].bytes.remove(&Use::Rows);
        assert!(verdict(&nothing).starts_with("Nothing: "));
        assert_eq!(nothing.status(), 3);
    }
}
