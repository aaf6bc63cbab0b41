//! The scoreboard and the matrix as pages, each for a person who has one question: is everything found, and
//! what hangs on what?

use maud::{Markup, html};

use crate::property::Property;
use crate::report::page::{self, Cell, Tone};

use super::markdown::{control_sentence, list, terms_sentence, thousands, time};
use super::matrix::{self, FINDS_MIN, Matrix};
use super::scoreboard::{Row, Scoreboard};

/// Ids in one piece; narrow columns under upright names; the first column stays in sight.
const STYLE: &str = include_str!("trial.css");

/// The scoreboards, one for each mechanism. `command` made them.
pub fn scoreboard(boards: &[Scoreboard], command: &str) -> String {
    let rows = || boards.iter().flat_map(|board| &board.rows);
    let enough = rows().filter(|row| row.is_found_enough()).count();
    let title = format!("{enough} of {} planted bugs are found", rows().count());
    let missing: Vec<String> = boards.iter().flat_map(Scoreboard::shortcomings).collect();
    let body = html! {
        p.overline { "firedrill · scoreboard" (verdict(&missing)) }
        h1 { (title) }
        p.lede {
            "Each planted bug was hunted from some root seeds. It counts as found when the property that the "
            "catalogue names for it is violated, from 19 of 20 root seeds at least."
        }
        (page::command(command))
        (shortcomings(&missing))
        @for board in boards {
            h2 { (board.title()) }
            p { (terms_sentence(board)) " " (control_sentence(board)) }
            (page::table(
                "Cases and times are medians over the root seeds, behind the stroke what nine of ten stay below. \
                 The minimal case is what the shrinker leaves, in operations and faults (a crash is one), as medians.",
                &["bug", "what goes wrong", "found", "caught by", "cases", "time", "minimal case", "passes without"],
                &board.rows.iter().map(score).collect::<Vec<_>>(),
            ))
        }
        p { "“Passes without” counts the minimal cases that violate nothing once the bug is switched off: it was "
            "the bug that was found, and nothing else." }
    };
    page::shell_with(&title, STYLE, "", &body)
}

fn score(row: &Row) -> Vec<Cell> {
    let tone = |is_good| if is_good { Tone::Good } else { Tone::Bad };
    let pair = |one: Option<String>, other: Option<String>| match (one, other) {
        (Some(one), Some(other)) => format!("{one} / {other}"),
        _ => "–".into(),
    };
    let right = |text: String| Cell {
        content: html! { (text) },
        tone: Tone::Plain,
        is_number: true,
    };
    let cases = pair(
        row.cases_median().map(thousands),
        row.cases_p90().map(thousands),
    );
    let times = pair(row.seconds_median().map(time), row.seconds_p90().map(time));
    let size = |count: Option<usize>, what: &str| {
        count.map_or("–".into(), |count| match count {
            1 => format!("1 {what}"),
            _ => format!("{count} {what}s"),
        })
    };
    let minimal = html! {
        (size(row.operations_median(), "operation")) ", " (size(row.faults_median(), "fault"))
    };
    let minimal_tone = match row.is_small() {
        true => Tone::Plain,
        false => Tone::Bad,
    };
    let (found, trials, passing) = (row.found(), row.trials.len(), row.passing_without());
    let share = |count, of, tone| Cell {
        content: html! { (count) " of " (of) },
        tone,
        is_number: true,
    };
    vec![
        Cell::plain(html! { (row.id) }),
        Cell::plain(html! { (row.what) }),
        share(found, trials, tone(row.is_found_enough())),
        Cell::plain(html! { (list(&row.properties())) }),
        right(cases),
        right(times),
        Cell::toned(minimal_tone, minimal),
        share(passing, found, tone(passing == found)),
    ]
}

/// The matrix. `command` made it.
pub fn matrix(matrix: &Matrix, command: &str) -> String {
    let terms = matrix.terms;
    let title = match (matrix.is_whole, matrix.idle().is_empty()) {
        (false, _) => "What some of the planted bugs hang on",
        (true, true) => "Every checker and every fault class is needed",
        (true, false) => "Not every checker or fault class is needed",
    };
    let body = html! {
        p.overline { "firedrill · detection matrix" (verdict(&matrix.shortcomings())) }
        h1 { (title) }
        p.lede {
            "What does it take to find each of the " (matrix.rows.len()) " planted bugs? One checker, or one class of "
            "operations or faults, is switched off at a time, in " (thousands(terms.cell_cases)) " cases of each of "
            (terms.seeds) " root seeds."
        }
        (page::command(command))
        (shortcomings(&matrix.shortcomings()))
        h2 { "What each checker alone catches" }
        (page::table(
            "A checker is the only catcher of a bug if no case shows the bug to any other checker.",
            &["property", "in one sentence", "the only catcher of"],
            &Property::ALL.iter().map(|property| needed(
                property.id(),
                Some(property.sentence()),
                &matrix.caught_only_by(*property),
            )).collect::<Vec<_>>(),
        ))
        h2 { "What each class alone brings to light" }
        (page::table(
            &format!("A class is needed for a bug if no case without it shows the bug to any checker, while with \
                      everything on at least {FINDS_MIN} cases do."),
            &["class", "needed for"],
            &matrix.classes.iter().map(|class| needed(class, None, &matrix.needing(class))).collect::<Vec<_>>(),
        ))
        h2 { "Bugs × checkers" }
        (checkers(matrix))
        h2 { "Bugs × classes" }
        (classes(matrix))
    };
    page::shell_with(title, STYLE, "", &body)
}

fn needed(name: &str, sentence: Option<&str>, bugs: &[&'static str]) -> Vec<Cell> {
    let tone = match bugs {
        [] => Tone::Bad,
        _ => Tone::Plain,
    };
    let mut cells = vec![Cell::plain(html! { (name) })];
    cells.extend(sentence.map(|sentence| Cell::plain(html! { (sentence) })));
    cells.push(Cell::toned(tone, html! { (list(bugs)) }));
    cells
}

fn checkers(matrix: &Matrix) -> Markup {
    let caption = "How many cases show the bug to each checker; marked where no other one sees it.";
    let ids: Vec<&str> = Property::ALL.iter().map(|property| property.id()).collect();
    let cell = |row: &matrix::Row, property: &Property| {
        let found = row.by.iter().find(|by| by.property == *property);
        let only = row.only_catcher() == Some(*property);
        html! {
            @match found {
                None => td.number {},
                Some(by) if only => td.number.only { (by.cases) },
                Some(by) => td.number { (by.cases) },
            }
        }
    };
    grid(caption, &ids, matrix, &|row| {
        html! { @for property in &Property::ALL { (cell(row, property)) } }
    })
}

fn classes(matrix: &Matrix) -> Markup {
    let caption = "With the class switched off: the first case that shows the bug all the same; marked where none \
                   does.";
    let cell = |found: &Option<u64>, frequent: bool| {
        html! {
            @match found {
                Some(number) => td.number { (number) },
                None if frequent => td.number.only { "none" },
                None => td.number { "none" },
            }
        }
    };
    grid(caption, &matrix.classes, matrix, &|row| {
        html! { @for found in &row.without_class { (cell(found, row.is_frequent())) } }
    })
}

/// A row for each bug, a narrow column for each thing that is switched off.
fn grid(
    caption: &str,
    columns: &[&str],
    matrix: &Matrix,
    cells: &dyn Fn(&matrix::Row) -> Markup,
) -> Markup {
    html! {
        div.scroll.grid tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr {
                    th scope="col" { "bug" }
                    @for column in columns { th.upright scope="col" { span { (column) } } }
                } }
                tbody {
                    @for row in &matrix.rows {
                        tr { th scope="row" title=(row.what) { (row.id) } (cells(row)) }
                    }
                }
            }
        }
    }
}

fn verdict(shortcomings: &[String]) -> Markup {
    match shortcomings.len() {
        0 => page::badge(Tone::Good, "as it must be"),
        1 => page::badge(Tone::Bad, "1 shortcoming"),
        count => page::badge(Tone::Bad, &format!("{count} shortcomings")),
    }
}

fn shortcomings(sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            h2 { "What is not as it must be" }
            ul { @for sentence in sentences { li { (sentence) } } }
        }
    }
}
