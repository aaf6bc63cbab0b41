//! What a statement answers: one row, or an error that names what is lost.

use firedrill_core::amend::{Chosen, Commit, Layout, Report, State};
use serde::Serialize;

use crate::output::{complain, say};
use crate::render::{chosen, losses, printable, verdict};

/// Databend's row.
const OK: &str = "Ok";

/// One line of `--json`.
#[derive(Serialize)]
struct Line<'a> {
    database: &'a str,
    table: &'a str,
    /// The row; none where the answer is an error.
    answer: Option<&'a str>,
    report: &'a Report,
}

/// Answers a statement on the standard output, or with an error.
pub(super) fn deliver(database: &str, table: &str, report: &Report, is_json: bool) {
    let row = row(report);
    if is_json {
        let line = Line {
            database,
            table,
            answer: row.as_deref(),
            report,
        };
        let line = serde_json::to_string(&line);
        let line = line.expect("a report has only names as keys of its maps");
        say(&format!("{line}\n"));
    } else if let Some(row) = &row {
        say(&format!("{row}\n"));
    }
    if let Some(error) = error(report) {
        let name = format!("{database}.{table}");
        complain(&format!("{}: {error}", printable(&name)));
    }
}

/// `Ok`; in a dry run, what would come of it.
fn row(report: &Report) -> Option<String> {
    match report.state {
        State::Complete if report.applied => Some(OK.to_owned()),
        State::Complete => Some(verdict(report, Layout::Fuse)),
        _ => None,
    }
}

/// What is lost or could not be judged, also where the table can do without it; and which commit that is said of,
/// where no hint told.
fn error(report: &Report) -> Option<String> {
    if report.state == State::Refused {
        let refusal = report.refusal.as_deref();
        return Some(refusal.unwrap_or("refused").to_owned());
    }
    let losses = losses(report);
    if report.state == State::Complete && losses.is_empty() {
        return None;
    }
    let is_guess = |commit: &Commit| commit.chosen_by == Chosen::NewestSnapshot;
    let commit = match report.commit.as_ref().is_some_and(is_guess) {
        true => chosen(report),
        false => String::new(),
    };
    let verdict = verdict(report, Layout::Fuse);
    Some(format!("{verdict}\n{commit}{losses}").trim_end().to_owned())
}
