//! The scoreboard and the matrix as Markdown.

use std::fmt::Write as _;

use crate::catalogue::{Entry, Origin};
use crate::property::Property;
use crate::salvage::catalogue as salvage;

use super::matrix::{FINDS_MIN, Matrix};
use super::scoreboard::{Row, Scoreboard};

/// The tables of the planted bugs.
pub fn catalogue(amend: &[Entry], salvage: &[salvage::Entry]) -> String {
    let mut text = "# Planted bugs\n\nOne line each in `core` (AM, SA) or `s3-mock` (MK), behind a feature that no \
                    production build has. `cargo xtask chaos --planted ID` switches one on, for SA with \
                    `--only salvage`, and the drill must find it. Made by\n\n\
                    ```console\n$ cargo xtask scoreboard --catalogue docs/planted-bugs.md\n```\n\n\
                    Origin: R reported in the wild and read in its thread, C a guard that is visible in \
                    somebody's source and was taken away, V what the vendor's own recovery tool does, as its \
                    source or a run of it shows, D thought of.\n"
        .to_owned();
    text.push_str("\n## Amend\n\n");
    text.push_str(CATALOGUE_HEAD);
    for bug in amend {
        let caught_by: Vec<&str> = bug.caught_by.iter().map(|one| one.id()).collect();
        text.push_str(&entry(bug.id, bug.what, bug.origin, &caught_by, bug.needs));
    }
    text.push_str("\n## Salvage\n\n");
    text.push_str(CATALOGUE_HEAD);
    for bug in salvage {
        let caught_by: Vec<&str> = bug.caught_by.iter().map(|one| one.id()).collect();
        text.push_str(&entry(bug.id, bug.what, bug.origin, &caught_by, bug.needs));
    }
    text
}

const CATALOGUE_HEAD: &str =
    "| bug | what goes wrong | origin | caught by | needs |\n|---|---|---|---|---|\n";

fn entry(id: &str, what: &str, origin: Origin, caught_by: &[&str], needs: &[&str]) -> String {
    let (origin, caught_by, needs) = (origin.letter(), caught_by.join(" or "), list(needs));
    format!("| {id} | {what} | {origin} | {caught_by} | {needs} |\n")
}

/// The scoreboards, one for each mechanism. `command` made them.
pub fn scoreboard(boards: &[Scoreboard], command: &str) -> String {
    let mut text = format!(
        "# Scoreboard\n\nEach planted bug ([what they are](planted-bugs.md)) against some root seeds: how many of \
         them find it, by a property that the catalogue names for it; how many cases and how much time of one \
         thread that takes; how small the shrinker makes the case; and whether the minimal case passes once the \
         bug is switched off.\n\nMade by\n\n```console\n$ {command}\n```\n\n",
    );
    let shortcomings: Vec<String> = boards.iter().flat_map(Scoreboard::shortcomings).collect();
    text.push_str(&verdict(&shortcomings));
    for board in boards {
        let _ = write!(
            text,
            "## {}\n\n{} {}\n\n",
            board.title(),
            terms_sentence(board),
            control_sentence(board)
        );
        text.push_str(
            "| bug | what goes wrong | found | caught by | cases: median | 90 % | time: median | 90 % \
             | minimal: operations | faults | passes without |\n\
             |---|---|--:|---|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        for row in &board.rows {
            let cells = cells(row).join(" | ");
            let _ = writeln!(text, "| {cells} |");
        }
        text.push('\n');
    }
    text.push_str(
        "Cases, times and sizes are medians, and the value that nine of ten stay below, over the root seeds \
         that found the bug. A crash, an interrupt and a second machine count among the faults.\n",
    );
    text
}

/// How it was looked for, in one sentence.
pub(super) fn terms_sentence(board: &Scoreboard) -> String {
    format!(
        "Hunted from {} root seeds, with at most {} cases each.",
        board.terms.seeds,
        thousands(board.terms.cases_max)
    )
}

/// A row's cells, in the order of the columns.
pub(super) fn cells(row: &Row) -> [String; 11] {
    let number = |value: Option<u64>| value.map_or("–".into(), thousands);
    let small = |value: Option<usize>| value.map_or("–".into(), |value| value.to_string());
    [
        row.id.into(),
        row.what.into(),
        format!("{}/{}", row.found(), row.trials.len()),
        row.properties().join(", "),
        number(row.cases_median()),
        number(row.cases_p90()),
        row.seconds_median().map_or("–".into(), time),
        row.seconds_p90().map_or("–".into(), time),
        small(row.operations_median()),
        small(row.faults_median()),
        format!("{}/{}", row.passing_without(), row.found()),
    ]
}

/// What was found with every bug switched off, in one sentence.
pub(super) fn control_sentence(board: &Scoreboard) -> String {
    let control = &board.control;
    format!(
        "With every bug switched off the same root seeds ran {} cases: {}.",
        thousands(control.cases),
        match control.violated.len() {
            0 => "nothing was violated".to_owned(),
            count => format!("{count} of them violated something"),
        }
    )
}

/// The matrix. `command` made it.
pub fn matrix(matrix: &Matrix, command: &str) -> String {
    let terms = matrix.terms;
    let mut text = format!(
        "# Detection matrix\n\nWhat does it take to find each planted bug ([what they are](planted-bugs.md))? \
         Each cell switches one checker, or one class of operations or faults, off, and runs {} cases of each of \
         {} root seeds.\n\n\
         - A checker is **the only catcher** of a bug if no case shows the bug to any other checker.\n\
         - A class is **needed** for a bug if no case without it shows the bug to any checker, while with \
         everything on at least {FINDS_MIN} cases do.\n\nMade by\n\n```console\n$ {command}\n```\n\n",
        thousands(terms.cell_cases),
        terms.seeds,
    );
    text.push_str(&verdict(&matrix.shortcomings()));
    text.push_str(
        "## What each checker alone catches\n\n| property | sentence | the only catcher of |\n|---|---|---|\n",
    );
    for property in Property::ALL {
        let bugs = list(&matrix.caught_only_by(property));
        let _ = writeln!(text, "| {property} | {} | {bugs} |", property.sentence());
    }
    text.push_str(
        "\n## What each class alone brings to light\n\n| class | needed for |\n|---|---|\n",
    );
    for class in &matrix.classes {
        let _ = writeln!(text, "| {class} | {} |", list(&matrix.needing(class)));
    }
    checkers_table(matrix, &mut text);
    classes_table(matrix, &mut text);
    text
}

fn checkers_table(matrix: &Matrix, text: &mut String) {
    let ids: Vec<&str> = Property::ALL.iter().map(|property| property.id()).collect();
    let _ = write!(
        text,
        "\n## Bugs × checkers\n\nHow many of the cases show the bug to each checker; **in bold** its only \
         catcher, without which it is not found.\n\n| bug | cases | {} |\n|---|--:|{}\n",
        ids.join(" | "),
        "--:|".repeat(ids.len())
    );
    for row in &matrix.rows {
        let only = row.only_catcher();
        let cell = |property: &Property| {
            let found = row.by.iter().find(|by| by.property == *property);
            match found {
                None => String::new(),
                Some(by) if only == Some(*property) => format!("**{}**", by.cases),
                Some(by) => by.cases.to_string(),
            }
        };
        let cells: Vec<String> = Property::ALL.iter().map(cell).collect();
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            row.id,
            row.finds,
            cells.join(" | ")
        );
    }
}

fn classes_table(matrix: &Matrix, text: &mut String) {
    let _ = write!(
        text,
        "\n## Bugs × classes\n\nThe first case that shows the bug with the class switched off; **escaped** where \
         none does.\n\n| bug | {} |\n|---|{}\n",
        matrix.classes.join(" | "),
        "--:|".repeat(matrix.classes.len())
    );
    for row in &matrix.rows {
        let cell = |found: &Option<u64>| match found {
            Some(number) => number.to_string(),
            None if row.is_frequent() => "**escaped**".into(),
            None => "escaped".into(),
        };
        let cells: Vec<String> = row.without_class.iter().map(cell).collect();
        let _ = writeln!(text, "| {} | {} |", row.id, cells.join(" | "));
    }
}

fn verdict(shortcomings: &[String]) -> String {
    if shortcomings.is_empty() {
        return "Everything is as it must be.\n\n".into();
    }
    let mut text = "Not as it must be:\n\n".to_owned();
    for sentence in shortcomings {
        let _ = writeln!(text, "- {sentence}");
    }
    text.push('\n');
    text
}

pub(super) fn list(ids: &[&str]) -> String {
    match ids {
        [] => "–".into(),
        ids => ids.join(", "),
    }
}

/// A number with its thousands apart.
pub(super) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).expect("digits are ASCII"))
        .collect();
    groups.join(",")
}

/// Seconds as a person writes them.
pub(super) fn time(seconds: f64) -> String {
    match seconds {
        under if under < 0.001 => "< 1 ms".into(),
        under if under < 1.0 => format!("{:.0} ms", under * 1000.0),
        _ => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::{thousands, time};

    #[test]
    fn numbers_and_times_read_well() {
        let numbers = [0, 7, 999, 1000, 12_345, 1_000_000].map(thousands);
        assert_eq!(numbers, ["0", "7", "999", "1,000", "12,345", "1,000,000"]);
        let times = [0.0002, 0.0123, 0.5, 2.25].map(time);
        assert_eq!(times, ["< 1 ms", "12 ms", "500 ms", "2.2 s"]);
    }
}
