//! The report of a violation as a page: the data file as a map, the damage where it struck, and the record.
//!
//! ```text
//!  what must hold ── what is wrong ── what happened: operations on the record's document, then the damage
//!  map: a cell a page, coloured by what it holds; a cross where it is hurt, a ring where the record lay
//!  the record: where it lay, what became of that, what was told
//! ```
//!
//! The words are [`super::report`]'s.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::checkers::Outcome;
use super::disk::{PAGE, class, home};
use super::fate::{Fate, Fates};
use super::property::Violation;
use super::report::{describe, of_record};
use super::scenario::{PageClass, Scenario};
use crate::report::page::{Cell, Tone, badge, command, shell_with, table};

const STYLE: &str = include_str!("page.css");

/// The page of one violation. `commands` run the case again.
pub fn page(
    scenario: &Scenario,
    outcome: &Outcome,
    violation: &Violation,
    commands: &[String],
) -> String {
    let property = violation.property;
    let title = format!("{property}: {}", property.sentence());
    let body = html! {
        p.overline { (badge(Tone::Bad, property.id())) " violated in a salvage" }
        h1 { (property.sentence()) }
        p.claim { (violation.sentence) }
        @for line in commands { (command(line)) }
        h2 { "What was salvaged, and what had happened to it" }
        pre { (describe(scenario, &outcome.disk).join("\n")) }
        (map(scenario, outcome, violation.record))
        @if let Some(nth) = violation.record {
            h2 { "The record" }
            pre { (of_record(scenario, outcome, nth).join("\n")) }
        }
        (others(outcome, violation))
        h2 { "The database's life" }
        details {
            summary { (scenario.database.operations.len()) " operations" }
            pre {
                @for (nth, operation) in scenario.database.operations.iter().enumerate() {
                    (nth + 1) "  " (format!("{operation:?}")) "\n"
                }
            }
        }
    };
    shell_with(&title, STYLE, "", &body)
}

/// What else is wrong.
fn others(outcome: &Outcome, violation: &Violation) -> Markup {
    let others = outcome
        .violations
        .iter()
        .filter(|other| *other != violation);
    let rows: Vec<Vec<Cell>> = others
        .take(20)
        .map(|other| {
            vec![
                Cell::plain(html! { (other.property) }),
                Cell::plain(html! { (other.sentence) }),
            ]
        })
        .collect();
    html! {
        @if !rows.is_empty() {
            h2 { "Also" }
            (table("What else is violated", &["property", "what"], &rows))
        }
    }
}

/// The data file, a cell a page.
fn map(scenario: &Scenario, outcome: &Outcome, record: Option<usize>) -> Markup {
    let disk = &outcome.disk;
    let fates = Fates::of(disk, scenario.run.repair_budget);
    let truth = &disk.database.truth;
    let records = record.map(|nth| &truth.records[nth]).into_iter();
    let own: BTreeSet<u64> = records
        .flat_map(|record| &record.places)
        .flat_map(|place| place.page..place.page + place.pages)
        .collect();
    let pages = (disk.data().pristine.len() / PAGE) as u64;
    let cells = (0..pages).map(|page| {
        let held = truth.file_pages.get(page as usize).and_then(class);
        let fate = fates.page(page);
        let is_cut = home(page, disk.shift).is_none_or(|at| at >= disk.data().bytes.len());
        let mut words = format!("page {page}: {}", name(held));
        let mut marks = vec!["cell", name(held)];
        if is_cut {
            words.push_str(", cut off");
            marks.push("cut");
        } else if fate != Fate::Whole {
            words.push_str(&format!(", {}", format!("{fate:?}").to_lowercase()));
            marks.push("hurt");
        }
        if own.contains(&page) {
            words.push_str(", here lay the record");
            marks.push("own");
        }
        (words, marks.join(" "))
    });
    let legend = [
        PageClass::Rows,
        PageClass::Run,
        PageClass::Stream,
        PageClass::Tree,
        PageClass::Dictionary,
        PageClass::Section,
        PageClass::Free,
    ];
    html! {
        h2 { "The data file, a cell a page" }
        div.map role="img" aria-label=(format!("{pages} pages of the data file")) {
            @for (words, marks) in cells { span class=(marks) title=(words) {} }
        }
        p.legend {
            @for held in legend {
                span.entry { span class={ "cell " (name(Some(held))) } {} (name(Some(held))) }
            }
            span.entry { span class="cell hurt" {} "hurt" }
            span.entry { span class="cell cut" {} "cut off" }
            span.entry { span class="cell own" {} "the record" }
        }
    }
}

fn name(held: Option<PageClass>) -> &'static str {
    match held {
        Some(PageClass::Rows) => "rows",
        Some(PageClass::Run) => "run",
        Some(PageClass::Stream) => "stream",
        Some(PageClass::Tree) => "tree",
        Some(PageClass::Dictionary) => "dictionary",
        Some(PageClass::Section) => "section",
        Some(PageClass::Free) => "free",
        Some(PageClass::Any) | None => "empty",
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkers::judge;
    use super::super::generate;
    use super::super::property::Property;
    use super::*;

    #[test]
    fn a_page_shows_every_page_of_the_file_and_stands_alone() {
        let scenario = generate::scenario(3);
        let outcome = judge(&scenario, None);
        let violation = Violation::at(Property::S2, 0, "a <record> is missing");
        let commands = ["cargo xtask replay --only salvage 3".to_owned()];
        let page = page(&scenario, &outcome, &violation, &commands);
        let pages = outcome.disk.data().pristine.len() / PAGE;
        let cells = page.matches("title=\"page ").count();
        assert_eq!(cells, pages);
        assert!(page.contains("a &lt;record&gt; is missing") && page.contains(&commands[0]));
        assert!(page.contains("here lay the record"));
        for outside in ["http://", "https://", "src=", "@import", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }
}
