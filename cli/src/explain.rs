//! `amend --explain KEY`: why one key was decided as it was, and the same done by hand.
//!
//! ```text
//! the key, what it is, and the decision
//! why, in one sentence
//! its versions, newest first, down to the one that counts
//! the command lines of aws that do what --apply would do to it; where that is nothing, the one that looks
//! ```
//!
//! The report holds the decision, not the versions that it was made from: they are listed once more.

mod aws;

use std::fmt::{self, Write as _};

use firedrill_core::amend::{Decision, Layout, ObjectReport, Report, Verified};
use firedrill_core::object::{Answer, Entry, History, Key, Request, Version, VersionId};
use firedrill_driver::Client;

use crate::connect::{Bucket, connect};
use crate::output::{complain, say};
use crate::render::{bytes, class_name, printable};
use aws::commands;

/// Wrong usage.
const USAGE: u8 = 2;
/// The key's versions could not be listed.
const FAILED: u8 = 3;

/// Versions that are shown where none counts.
const SHOWN_MAX: usize = 20;

/// Explains what a dry run decided about one key, and gives the exit status.
pub(crate) async fn explain(key: &str, report: &Report, layout: Layout, bucket: Bucket<'_>) -> u8 {
    let found = report
        .objects
        .iter()
        .find(|object| object.key.as_str() == key);
    let Some(object) = found else {
        complain(&unknown(key, report));
        return USAGE;
    };
    let history = match connect(bucket).await {
        Ok(client) => history(&client, &object.key).await,
        Err(sentence) => Err(sentence),
    };
    match history {
        Ok(history) => {
            let explanation = Explanation {
                object,
                history: &history,
                layout,
            };
            say(&format!(
                "{explanation}\n{}",
                commands(object, &history, bucket)
            ));
            report.exit_status()
        }
        Err(sentence) => {
            complain(&sentence);
            FAILED
        }
    }
}

/// What is said of a key that the report does not have.
fn unknown(key: &str, report: &Report) -> String {
    let similar = report
        .objects
        .iter()
        .find(|object| object.key.as_str().ends_with(key));
    let advice = match similar {
        Some(object) => format!("; the whole key is {}", printable(object.key.as_str())),
        None => "; --json lists every key that is".to_owned(),
    };
    format!("{} is not referenced{advice}", printable(key))
}

/// The versions of a key as they are now.
async fn history(client: &Client, key: &Key) -> Result<History, String> {
    let mut history = History::new();
    let mut after = None;
    loop {
        let prefix = key.clone();
        let answer = client
            .perform(&Request::ListVersions { prefix, after })
            .await;
        let (entries, next) = match answer {
            Ok(Answer::Page { entries, next }) => (entries, next),
            Ok(_) => return Err("a listing was asked for, and something else came".to_owned()),
            Err(failure) => {
                let key = printable(key.as_str());
                return Err(format!(
                    "the versions of {key} could not be listed: {}",
                    failure.cause()
                ));
            }
        };
        let own = entries.into_iter().filter(|(listed, _)| listed == key);
        own.for_each(|(_, entry)| history.push_older(entry));
        // The key itself comes before all that begin with it.
        match next {
            Some(cursor) if cursor.key == *key => after = Some(cursor),
            _ => return Ok(history),
        }
    }
}

struct Explanation<'a> {
    object: &'a ObjectReport,
    history: &'a History,
    layout: Layout,
}

impl fmt::Display for Explanation<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let object = self.object;
        let required = if object.required { ", required" } else { "" };
        let key = printable(object.key.as_str());
        writeln!(
            out,
            "{key} ({}{required}): {}",
            class_name(object.class),
            object.decision.name()
        )?;
        writeln!(out, "\nWhy: {}.", self.why().trim_end_matches('.'))?;
        self.write_history(out)
    }
}

impl Explanation<'_> {
    fn why(&self) -> String {
        let markers = markers_on_top(self.history);
        match &self.object.decision {
            Decision::Intact => format!("{} is current already", self.right()),
            Decision::RemoveMarkers { markers } => {
                let (them, are) = match markers.len() {
                    1 => ("1 delete marker".to_owned(), "it is"),
                    more => (format!("{more} delete markers"), "they are"),
                };
                format!(
                    "{} lies under {them}, and is current again when {are} removed",
                    self.right()
                )
            }
            Decision::CopyVersion { version, .. } => {
                let above = self.history.versions().next();
                match above.filter(|above| above.id != *version) {
                    Some(above) => {
                        let why = match above.archived {
                            true => "is archived and cannot be uncovered",
                            false => "holds something else",
                        };
                        let (right, above) = (self.right(), told(above));
                        format!(
                            "{right} is older than {above}, which {why}, so a copy of it goes on top"
                        )
                    }
                    None if markers.iter().any(|id| id.is_null()) => format!(
                        "{} lies under a delete marker with the id null, and to remove that id could destroy a version that took it meanwhile, so a copy goes on top",
                        self.right()
                    ),
                    None => format!(
                        "{} cannot be uncovered, so a copy of it goes on top",
                        self.right()
                    ),
                }
            }
            Decision::Lost | Decision::Unknown => {
                let reason = self.object.reason.as_deref();
                reason.unwrap_or("no reason was given").to_owned()
            }
        }
    }

    /// The version that counts, and how it is known.
    fn right(&self) -> &'static str {
        match (self.object.verified, self.layout) {
            (Verified::Content, _) => {
                "the version that was read and is what the table's metadata names"
            }
            (_, Layout::Prefix) => "the version that is asked for",
            (_, Layout::Fuse) => {
                "what the writer stored, judged by the sizes and tags that the listing shows,"
            }
        }
    }

    fn write_history(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.history.entries();
        if entries.is_empty() {
            return Ok(());
        }
        let counts = |entry: &Entry| match &self.object.decision {
            Decision::Intact => true,
            Decision::RemoveMarkers { .. } => entry.version().is_some(),
            Decision::CopyVersion { version, .. } => entry.id() == version,
            Decision::Lost | Decision::Unknown => false,
        };
        let last = entries.iter().position(counts);
        let shown = last.map_or(SHOWN_MAX, |last| last + 1).min(entries.len());
        writeln!(out)?;
        for (nth, entry) in entries[..shown].iter().enumerate() {
            let mark = if Some(nth) == last {
                "  ◄ the right one"
            } else {
                ""
            };
            writeln!(out, "  {}{mark}", line(entry))?;
        }
        match entries.len() - shown {
            0 => Ok(()),
            older => writeln!(out, "  … and {older} older"),
        }
    }
}

/// The ids of the markers that lie on top of all versions, newest first.
fn markers_on_top(history: &History) -> Vec<&VersionId> {
    let entries = history.entries().iter();
    let markers = entries.take_while(|entry| matches!(entry, Entry::Marker(_)));
    markers.map(Entry::id).collect()
}

fn line(entry: &Entry) -> String {
    let time = entry.last_modified().to_rfc3339();
    let id = printable(entry.id().as_str());
    let mut line = match entry {
        Entry::Marker(_) => format!("marker   {time}  {id}"),
        Entry::Version(version) => format!("version  {time}  {id}  {}", bytes(version.size)),
    };
    if entry.version().is_some_and(|version| version.archived) {
        write!(line, ", archived").expect("writing into a string does not fail");
    }
    line
}

fn told(version: &Version) -> String {
    format!(
        "version {} of {}",
        printable(version.id.as_str()),
        bytes(version.size)
    )
}
