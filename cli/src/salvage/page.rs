//! An outcome as a page: one file, readable in light and dark, at phone width and on paper.
//!
//! ```text
//!   how it is · what was lost, by kind · attachments without content
//!   what was found: kinds by classes
//!   the files as maps, one cell a page or some · what each colour is, and how much of it
//!   ranges that are damaged
//! ```
//!
//! Invariants: nothing is loaded from anywhere, there is no script, and every value is escaped by the template;
//! [`PreEscaped`] is for this module's own style alone.

use firedrill_core::salvage::Use;
use firedrill_core::salvage::record::Kind;
use firedrill_core::salvage::report::{FileReport, LostRecord, Report};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::map::{cell_bytes, cells, lost_places};
use super::text::{classes, hurt, lost_by_kind, verdict};
use super::words::{USES, counted, of_kind, of_use};
use super::{Outcome, REPORT};
use crate::render::bytes;

const STYLE: &str = include_str!("page.css");

/// Rows of a list; the report for programs has all.
const LISTED_MAX: usize = 500;

/// Lists up to this length are open from the beginning, and the first one always.
const OPEN_MAX: usize = 12;

/// The document.
pub(super) fn page(outcome: &Outcome) -> String {
    let report = &outcome.report;
    let title = format!("Salvage: {}", verdict(outcome));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    (head(outcome))
                    (lost(report))
                    (missing(report))
                    (found(report))
                    (maps(report))
                    (damage(report))
                    footer { "firedrill " (env!("CARGO_PKG_VERSION")) " · the same for programs: " code { (REPORT) } }
                }
            }
        }
    };
    page.into_string()
}

fn head(outcome: &Outcome) -> Markup {
    let report = &outcome.report;
    let (tone, word) = match () {
        () if outcome.is_nothing() => ("bad", "nothing found"),
        () if !report.lost.is_empty() || !report.contents.missing.is_empty() => ("bad", "losses"),
        () if hurt(report) > 0 => ("warn", "damaged"),
        () if report.is_damaged() => ("warn", "repaired"),
        () => ("good", "whole"),
    };
    let files = data_first(report);
    let of = match files.as_slice() {
        [] => String::new(),
        [only] => only.name.clone(),
        [first, others @ ..] => {
            let others = counted(others.len() as u64, "more file", "more files");
            format!("{} and {others}", first.name)
        }
    };
    html! {
        p.overline {
            span class={ "badge " (tone) } { (word) }
            span { "Salvage of " (of) }
        }
        h1 { (verdict(outcome)) }
        @for change in &outcome.changed_inputs {
            p.alarm { strong { "The input changed while it was read: " } (change) ". Stop whatever writes there, and salvage it again." }
        }
        @if report.written.contains_key("salvage.ravendbdump") {
            p.lede {
                "What is live is in " code { "salvage.ravendbdump" }
                ", which a server imports into a new database. Other classes have dumps of their own; "
                code { "records.ndjson.zst" } " says of every record where it lay."
            }
        }
    }
}

fn lost(report: &Report) -> Markup {
    let lost = lost_by_kind(report);
    html! {
        h2 { "What was lost" }
        @if lost.is_empty() {
            p { "No surviving tree names a record that was not found." }
        } @else {
            p.hint { "Records that surviving trees name at places that are not whole any more. Where a tree has only a record's etag, its id is unknown." }
        }
        @for (nth, (kind, records)) in lost.iter().enumerate() { (lost_of(*kind, records, nth == 0)) }
    }
}

fn lost_of(kind: Kind, records: &[&LostRecord], is_first: bool) -> Markup {
    let count = records.len() as u64;
    let older = records.iter().filter(|record| record.has_older).count();
    let caption = format!("{count} {}", of_kind(kind, count));
    html! {
        details open[is_first || records.len() <= OPEN_MAX] {
            summary {
                span.bad { (caption) }
                @if older > 0 { span.hint { " · an older copy was found of " (older) } }
            }
            (table(&["Id", "#Etag", "#Page", "Older copy"], &caption, &html! {
                @for record in records.iter().take(LISTED_MAX) {
                    tr {
                        th scope="row" { @match &record.key { Some(key) => { code { (key) } }, None => { span.muted { "unknown" } } } }
                        td.number { @if let Some(etag) = record.etag { (etag) } }
                        td.number { (record.page) }
                        td { @if record.has_older { "found" } @else { span.muted { "none" } } }
                    }
                }
            }))
            (more(records.len()))
        }
    }
}

fn more(count: usize) -> Markup {
    html! {
        @if count > LISTED_MAX {
            p.hint.inside { "… and " (count - LISTED_MAX) " more; " code { (REPORT) } " lists all." }
        }
    }
}

fn missing(report: &Report) -> Markup {
    let missing = super::text::missing(report);
    let caption = counted(missing.len() as u64, "attachment", "attachments");
    html! {
        @if !missing.is_empty() {
            details open[missing.len() <= OPEN_MAX] {
                summary { span.bad { (caption) " without content" } }
                (table(&["Attachment", "Of document", "#Found of it", "Hash"], &caption, &html! {
                    @for (hash, content) in missing.iter().take(LISTED_MAX) {
                        @for (document, name) in content.named_by.iter().take(3) {
                            tr {
                                th scope="row" { (name) }
                                td { code { (document) } }
                                td.number { (bytes(content.bytes)) }
                                td { code.whole { (hash) } }
                            }
                        }
                    }
                }))
                (more(missing.len()))
            }
        }
    }
}

/// Columns of numbers have a `#` in front of their name.
fn table(columns: &[&str], caption: &str, rows: &Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                thead { tr {
                    @for column in columns {
                        @match column.strip_prefix('#') {
                            Some(number) => { th.number scope="col" { (number) } }
                            None => { th scope="col" { (column) } }
                        }
                    }
                } }
                tbody { (rows) }
            }
        }
    }
}

fn found(report: &Report) -> Markup {
    let classes = classes(report);
    let contents = &report.contents;
    html! {
        @if !report.counts.is_empty() {
            h2 { "What was found" }
            div.scroll.counts tabindex="0" role="region" aria-label="Records by kind and class" {
                table {
                    thead { tr {
                        th scope="col" { "Records" }
                        @for class in &classes { th.number scope="col" { (class.name()) } }
                    } }
                    tbody {
                        @for kind in report.counts.keys() {
                            tr {
                                th scope="row" { (of_kind(*kind, 2)) }
                                @for class in &classes {
                                    @let count = report.count(*kind, *class);
                                    td.number { @if count == 0 { span.muted { "–" } } @else { (count) } }
                                }
                            }
                        }
                    }
                }
            }
            @if contents.named > 0 {
                p { "Of " (counted(contents.named, "content", "contents")) " that live attachments name, " (contents.whole) " are whole." }
            }
            @if !contents.leftovers.is_empty() {
                p {
                    "Contents that no dump has: " (contents.leftovers.len()) ", in " code { "attachments" } "; "
                    code { (REPORT) } " says who names them."
                }
            }
            p.hint {
                "live: the server would show it · older: a newer one was there · deleted: a tombstone says so · "
                "possibly-deleted: only in bytes that nothing refers to any more · suspect: it decodes, but its checksum is false."
            }
            @if report.unread > 0 {
                p.hint { (counted(report.unread, "entry", "entries")) " of whole pages could not be read: of tables that nobody knows, or compressed with a dictionary that is missing." }
            }
        }
    }
}

fn maps(report: &Report) -> Markup {
    let cell_bytes = cell_bytes(&report.files);
    let pages = cell_bytes / 8192;
    html! {
        h2 { "Every byte, and what it is" }
        p.hint {
            "One cell is " (counted(pages, "page", "pages")) " (" (bytes(cell_bytes)) "), in the order of the file. "
            "A cell with any damage in it is drawn as damaged."
        }
        (legend(report))
        @for file in data_first(report) { (map(report, file, cell_bytes)) }
    }
}

fn legend(report: &Report) -> Markup {
    let total: u64 = report.files.iter().map(|file| file.length).sum();
    html! {
        dl.legend {
            @if report.lost.iter().any(|lost| lost.place.is_some()) {
                div {
                    dt { i.lo {} "lost" }
                    dd { "a tree names records here, and they are not here any more" }
                }
            }
            @for what in USES {
                @let files = report.files.iter();
                @let sum: u64 = files.filter_map(|file| file.bytes.get(&what)).sum();
                @if sum > 0 {
                    @let (name, meaning) = of_use(what);
                    div {
                        dt { i class=(class(what)) {} (name) " " span.share { (bytes(sum)) ", " (share(sum, total)) } }
                        dd { (meaning) }
                    }
                }
            }
        }
    }
}

/// The files, the largest one first: that is where the data are.
fn data_first(report: &Report) -> Vec<&FileReport> {
    let mut files: Vec<&FileReport> = report.files.iter().collect();
    files.sort_by_key(|file| {
        (
            !file.name.ends_with("Raven.voron"),
            std::cmp::Reverse(file.length),
        )
    });
    files
}

fn map(report: &Report, file: &FileReport, cell_bytes: u64) -> Markup {
    let lost = lost_places(report, file);
    let hurt: u64 = file
        .bytes
        .iter()
        .filter(|(what, _)| what.is_damage())
        .map(|(_, bytes)| bytes)
        .sum();
    let told = match hurt {
        0 => "nothing damaged".to_owned(),
        some => format!("{} damaged or repaired", bytes(some)),
    };
    let told = match lost.len() as u64 {
        0 => told,
        pages => format!(
            "records lost from {}, {told}",
            counted(pages, "page", "pages")
        ),
    };
    html! {
        h3 { (file.name) " " span.hint { (bytes(file.length)) ", " (told) } }
        div.map role="img" aria-label={ "Map of " (file.name) ": " (told) } {
            @for cell in cells(file, cell_bytes, &lost) {
                @if cell.is_lost {
                    i.lo title={ (cell.start) " to " (cell.end) ": records were here; " (of_use(cell.what).0) } {}
                } @else if cell.what.is_damage() {
                    i class=(class(cell.what)) title={ (cell.start) " to " (cell.end) ": " (of_use(cell.what).0) } {}
                } @else {
                    i class=(class(cell.what)) {}
                }
            }
        }
    }
}

fn damage(report: &Report) -> Markup {
    let count: usize = report.files.iter().map(|file| file.damage.len()).sum();
    html! {
        @if count > 0 {
            h2 { "Where it is damaged" }
            @for file in report.files.iter().filter(|file| !file.damage.is_empty()) {
                details {
                    summary { (file.name) ": " (counted(file.damage.len() as u64, "range", "ranges")) }
                    (table(&["What", "#From byte", "#To byte", "#Bytes"], &file.name, &html! {
                        @for (start, end, what) in file.damage.iter().take(LISTED_MAX) {
                            tr {
                                th scope="row" { i class=(class(*what)) {} (of_use(*what).0) }
                                td.number { (start) }
                                td.number { (end) }
                                td.number { (end - start) }
                            }
                        }
                    }))
                    (more(file.damage.len()))
                }
            }
            @if !report.over_budget.is_empty() {
                p.hint { "At " (counted(report.over_budget.len() as u64, "place", "places")) " a flipped bit was not looked for, because that would have cost more than " code { "--repair-budget" } "." }
            }
        }
    }
}

/// A use's class in the style: few letters, for there are thousands of cells.
fn class(what: Use) -> &'static str {
    match what {
        Use::Unreadable => "un",
        Use::Damaged => "da",
        Use::DamagedTransaction => "dt",
        Use::Unexplained => "ux",
        Use::Repaired => "re",
        Use::Rows => "ro",
        Use::Stream => "st",
        Use::Redone => "jr",
        Use::History => "jh",
        Use::Tree => "tr",
        Use::Section => "se",
        Use::Header => "he",
        Use::Other => "ot",
        Use::Stray => "sy",
        Use::Empty => "em",
        Use::Padding => "pa",
        Use::Zero => "ze",
    }
}

/// A part of a whole in percent.
fn share(part: u64, whole: u64) -> String {
    let tenths = u128::from(part) * 1000 / u128::from(whole.max(1));
    match tenths {
        0 => "< 0.1 %".to_owned(),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}
