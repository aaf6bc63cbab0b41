//! A story as a page: the same as in the terminal, for people who would rather look than read.
//!
//! ```text
//!   the sentence, the claim, what to type
//!   lanes: each moment a row, requests as arrows between them (`timeline`)
//!   expected against actual · without what it passes · keys before and after
//!   the case · its file · the whole trace
//! ```

use maud::{Markup, html};

use super::model::{KeyHistory, Stored};
use super::page::{self, Cell, Tone};
use super::story::Story;
use super::text::time;
use super::timeline;

/// What only a story's page needs.
const STYLE: &str = include_str!("story.css");

/// Filters the trace.
const SCRIPT: &str = include_str!("story.js");

/// The page.
pub fn page(story: &Story) -> String {
    let title = format!("{} violated: {}", story.property, story.property.sentence());
    let body = html! {
        (head(story))
        (timeline::timeline(story))
        (contradiction(story))
        (counterfactuals(story))
        (histories(story))
        (case(story))
        (trace(story))
        footer { "firedrill · trace hash " code { (format!("{:#018x}", story.hash)) } }
    };
    page::shell_with(&title, STYLE, SCRIPT, &body)
}

fn head(story: &Story) -> Markup {
    let sentence = capitalised(story.property.sentence());
    html! {
        p.overline {
            (page::badge(Tone::Bad, &format!("{} violated", story.property)))
            @if !story.place.is_empty() { span { (story.place) } }
            @if !story.also.is_empty() {
                @let also: Vec<&str> = story.also.iter().map(|other| other.id()).collect();
                span { "also violated: " (also.join(", ")) }
            }
        }
        h1 { (sentence) }
        @if let Some(claim) = story.claims.first() { p.claim { (claim) } }
        @if story.claims.len() > 1 {
            details {
                summary { "And " (story.claims.len() - 1) " more" }
                ul { @for claim in &story.claims[1..] { li { (claim) } } }
            }
        }
        @if !story.legend.is_empty() {
            dl.legend {
                @for (short, key) in &story.legend { dt { (short) } dd { code { (key) } } }
            }
        }
        @if let Some((what, line)) = story.commands.first() { (command(what, line)) }
    }
}

/// What to type, and what for.
fn command(what: &str, line: &str) -> Markup {
    let hint = match what {
        "replay" => "See it again:",
        "shrink" => "Keep the minimal case as a file:",
        other => other,
    };
    html! { p.hint.to-type { (hint) } (page::command(line)) }
}

fn contradiction(story: &Story) -> Markup {
    let row = |row: &super::model::Comparison| {
        let actual = match row.holds {
            true => Cell::plain(html! { span.good aria-hidden="true" { "✓ " } (row.actual) }),
            false => Cell::toned(
                Tone::Bad,
                html! {
                    span.bad aria-hidden="true" { "✗ " }
                    span.hidden { "Not as expected: " }
                    (row.actual)
                },
            ),
        };
        vec![
            Cell::plain(html! { (row.what) }),
            Cell::plain(html! { (row.expected) }),
            actual,
        ]
    };
    let rows: Vec<Vec<Cell>> = story.comparisons.iter().map(row).collect();
    html! {
        @if !rows.is_empty() {
            h2 { "Expected and actual" }
            (page::table(
                "What the atlas, which knows every operation on the bucket, expected of this life, and what became of it",
                &["Of what", "Expected", "Actual"],
                &rows,
            ))
        }
    }
}

fn counterfactuals(story: &Story) -> Markup {
    html! {
        @if let Some(found) = &story.counterfactuals {
            h2 { "What it takes" }
            @if found.is_empty() {
                p { "No single removal makes the property hold." }
            } @else {
                p.hint { "Each of these single changes to the minimal case was tried." }
                ul.why { @for sentence in found { li { (capitalised(sentence)) } } }
            }
        }
    }
}

fn histories(story: &Story) -> Markup {
    html! {
        @if !story.histories.is_empty() {
            h2 { "The keys, before and after" }
            p.hint { "Versions and delete markers, newest on top: what a plain GET finds is the topmost." }
            @for history in &story.histories { (one_history(history)) }
        }
    }
}

fn one_history(history: &KeyHistory) -> Markup {
    html! {
        h3 { (history.name) " " span.key.hint { (history.what) ", " code { (history.key) } } }
        div.sides {
            div { span.hint { "Before" } (stack(&history.before, "gone after")) }
            div.to aria-hidden="true" { "→" }
            div { span.hint { "After" } (stack(&history.after, "new")) }
        }
    }
}

fn stack(held: &[Stored], only_here: &str) -> Markup {
    html! {
        ol.stack {
            @if held.is_empty() { li.none { span { "Nothing: no version and no marker" } } }
            @for entry in held {
                li class=(entry.tone.class()) {
                    code { (entry.id) }
                    span { (entry.what) }
                    @if entry.only_here { span.only { (only_here) } }
                }
            }
        }
    }
}

fn case(story: &Story) -> Markup {
    html! {
        h2 { "The case" }
        @if !story.parts.is_empty() {
            p.hint { "Its parts; " code { "replay --without" } " takes one away by its name." }
            dl.legend.parts { @for (part, words) in &story.parts { dt { code { (part) } } dd { (words) } } }
        }
        dl.legend {
            @for (what, words) in &story.setting { dt { (capitalised(what)) } dd { (words) } }
            @if !story.shrunk.is_empty() { dt { "Shrunk" } dd { (shrunk(&story.shrunk)) } }
            @if let Some(profile) = &story.profile { dt { "Swarm profile" } dd { (profile) } }
        }
        @for (what, line) in story.commands.iter().skip(1) { (command(what, line)) }
        details {
            summary { "The scenario as a file (" (story.toml.lines().count()) " lines)" }
            pre { code { (story.toml) } }
        }
    }
}

fn shrunk(rows: &[String]) -> String {
    let rows: Vec<&str> = rows.iter().map(|row| row.trim()).collect();
    rows.join(" ").trim_start_matches("shrunk ").to_owned()
}

fn trace(story: &Story) -> Markup {
    let told: std::collections::BTreeSet<u64> = story
        .moments
        .iter()
        .filter_map(|moment| moment.seq)
        .collect();
    html! {
        @if !story.trace.is_empty() {
            details.trace {
                summary { "The whole trace (" (story.trace.len()) " events)" }
                label.filter hidden {
                    span { "Filter" }
                    input type="search" data-filter placeholder="words, or <23 for what caused event 23";
                }
                div.scroll tabindex="0" role="region" aria-label="The whole trace" {
                    table {
                        thead { tr {
                            @for column in ["Event", "Time", "Host", "What", "About", "Outcome", "Note", "Caused by"] {
                                th scope="col" { (column) }
                            }
                        } }
                        tbody {
                            @for event in &story.trace {
                                tr id={ "e" (event.seq) } data-cause=(event.cause) class=[told.contains(&event.seq).then_some("ours")] {
                                    th scope="row" { (event.seq) }
                                    td.number { (time(event.at)) }
                                    td { @if event.host == 0 { "storage" } @else { (event.host) } }
                                    td { (event.kind) }
                                    td { (event.entity) }
                                    td { (event.detail) }
                                    td {
                                        @for fault in &event.note.faults { span.warn { "f" (fault + 1) " " } }
                                        (event.note.words)
                                    }
                                    td { @if event.cause > 0 { a href={ "#e" (event.cause) } { (event.cause) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// With its first letter large.
fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}", first.unwrap_or_default(), letters.as_str())
}
