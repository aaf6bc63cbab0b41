//! A report for people: the most important thing first.
//!
//! ```text
//! how it ended, in one sentence            the commit that was chosen
//! how many objects got which decision      what is lost, what is unknown, each with its reason
//! what is out of sight below those         notes · requests and bytes · the next step
//! ```
//!
//! A pure function, so that every sentence can be tested.

use std::fmt::{Result, Write};

use firedrill_core::amend::{
    BelowLost, Chosen, Class, Commit, Decision, Layout, ObjectReport, Report, State,
};

/// Objects of a list that are printed, unless all of them matter.
const LISTED_MAX: usize = 20;

/// The whole text, ending in a newline.
pub(crate) fn render(report: &Report, layout: Layout) -> String {
    let mut text = String::new();
    Page::of(report, layout)
        .write(&mut text)
        .expect("writing into a string does not fail");
    text
}

/// How it ended, in one sentence.
pub(crate) fn verdict(report: &Report, layout: Layout) -> String {
    Page::of(report, layout).verdict()
}

/// Which commit was chosen and how, and what would have been as good a choice; empty where none was.
pub(crate) fn chosen(report: &Report) -> String {
    let mut text = String::new();
    if let Some(commit) = &report.commit {
        write_commit(&mut text, commit).expect("writing into a string does not fail");
    }
    text
}

/// What is lost, what is unknown, and what is out of sight below those; empty where nothing is.
pub(crate) fn losses(report: &Report) -> String {
    let mut text = String::new();
    write_losses(&mut text, report).expect("writing into a string does not fail");
    text
}

/// What the sentences are made from.
#[derive(Debug, Default)]
struct Counts {
    lost: usize,
    required_lost: usize,
    unknown: usize,
    required_unknown: usize,
    /// To be restored, or restored.
    restorable: usize,
    /// Of these, what is in force now.
    restored: usize,
}

impl Counts {
    fn of(report: &Report) -> Self {
        let mut counts = Self::default();
        for object in &report.objects {
            let required = usize::from(object.required);
            match object.decision {
                Decision::Intact => {}
                Decision::RemoveMarkers { .. } | Decision::CopyVersion { .. } => {
                    counts.restorable += 1;
                    counts.restored += usize::from(object.done);
                }
                Decision::Lost => {
                    counts.lost += 1;
                    counts.required_lost += required;
                }
                Decision::Unknown => {
                    counts.unknown += 1;
                    counts.required_unknown += required;
                }
            }
        }
        counts
    }
}

struct Page<'a> {
    report: &'a Report,
    counts: Counts,
    layout: Layout,
}

impl<'a> Page<'a> {
    fn of(report: &'a Report, layout: Layout) -> Self {
        Self {
            report,
            counts: Counts::of(report),
            layout,
        }
    }

    fn write(&self, out: &mut String) -> Result {
        if self.report.state == State::Refused {
            let refusal = self.report.refusal.as_deref();
            return writeln!(out, "Refused: {}", refusal.unwrap_or("no reason given"));
        }
        writeln!(out, "{}", self.verdict())?;
        if let Some(commit) = &self.report.commit {
            write_commit(out, commit)?;
        }
        self.write_counts(out)?;
        write_losses(out, self.report)?;
        if !self.report.notes.is_empty() {
            writeln!(out, "\nNotes:")?;
            for note in &self.report.notes {
                writeln!(out, "  {note}")?;
            }
        }
        self.write_cost(out)?;
        writeln!(out, "\n{}", self.next_step())
    }

    /// What is examined, as a noun.
    fn subject(&self) -> &'static str {
        match self.layout {
            Layout::Fuse => "table",
            Layout::Prefix => "prefix",
        }
    }

    fn verdict(&self) -> String {
        let Counts {
            lost,
            required_lost,
            required_unknown,
            restorable,
            restored,
            ..
        } = self.counts;
        let subject = self.subject();
        let what_else = match (self.report.applied, restorable) {
            (true, 0) => "nothing else had to be restored".to_owned(),
            (true, _) => format!("{} restored", objects(restored)),
            (false, 0) => "nothing else has to be restored".to_owned(),
            (false, _) => format!("{} can be restored", objects(restorable)),
        };
        match self.report.state {
            State::Complete if restorable == 0 => {
                format!("Complete: nothing that the {subject} needs is missing.")
            }
            State::Complete if self.report.applied => {
                let and = if lost > 0 {
                    format!(" ({} that it can do without lost)", objects(lost))
                } else {
                    String::new()
                };
                format!("Complete: the {subject} is back, {what_else}{and}.")
            }
            State::Complete => format!("Restorable: the {subject} can come back, {what_else}."),
            State::Partial if required_lost > 0 => {
                let besides = if required_unknown > 0 {
                    format!(", {required_unknown} could not be judged")
                } else {
                    String::new()
                };
                format!(
                    "Partial: {} that the {subject} needs {} lost{besides}; {what_else}.",
                    objects(required_lost),
                    is_or_are(required_lost)
                )
            }
            State::Partial => format!(
                "Partial: {} that the {subject} needs could not be judged; {what_else}.",
                objects(required_unknown)
            ),
            // Batches whose answers came are done, and are seen to be so only by the next listing.
            State::Interrupted if self.report.applied && restorable > 0 => format!(
                "Interrupted while restoring {}: what was done stays, and {} to be in place.",
                objects(restorable),
                match restored {
                    0 => "none was seen yet".to_owned(),
                    1 => "1 was seen".to_owned(),
                    more => format!("{more} were seen"),
                }
            ),
            State::Interrupted => "Interrupted before anything was changed.".to_owned(),
            State::Refused => "Refused.".to_owned(),
        }
    }

    fn write_counts(&self, out: &mut String) -> Result {
        writeln!(
            out,
            "\n  {:<16}{:>9}{:>10}{:>12}",
            "decision", "objects", "required", "in place"
        )?;
        let names = [
            "intact",
            "remove-markers",
            "copy-version",
            "lost",
            "unknown",
        ];
        for name in names {
            let same: Vec<&ObjectReport> = self
                .report
                .objects
                .iter()
                .filter(|object| object.decision.name() == name)
                .collect();
            if same.is_empty() {
                continue;
            }
            let required = same.iter().filter(|object| object.required).count();
            let done = same.iter().filter(|object| object.done).count();
            writeln!(out, "  {name:<16}{:>9}{required:>10}{done:>12}", same.len())?;
        }
        writeln!(out, "  {:<16}{:>9}", "all", self.report.objects.len())
    }

    fn write_cost(&self, out: &mut String) -> Result {
        let report = self.report;
        let requests = report.requests.iter();
        let requests: Vec<String> = requests
            .map(|(operation, count)| format!("{operation:?} {count}"))
            .collect();
        let (title, copied) = if report.applied || report.state == State::Interrupted {
            ("Requests", "copied inside the bucket")
        } else {
            (
                "Requests, with those of --apply",
                "to copy inside the bucket",
            )
        };
        writeln!(
            out,
            "\n{title}: {}. {} read, {} {copied}.",
            if requests.is_empty() {
                "none".to_owned()
            } else {
                requests.join(", ")
            },
            bytes(report.cost.bytes_read),
            bytes(report.cost.bytes_copied),
        )
    }

    fn next_step(&self) -> &'static str {
        let report = self.report;
        let fuse = self.layout == Layout::Fuse;
        match (report.state, report.applied) {
            (State::Interrupted, _) => "Run the same command again to go on.",
            (State::Refused, _) => "Nothing was changed.",
            (_, false) if self.counts.restorable > 0 => {
                "Nothing was changed. Run again with --apply to restore."
            }
            (_, false) if self.counts.required_lost + self.counts.required_unknown == 0 => {
                "Nothing was changed, and nothing has to be."
            }
            (State::Partial, applied) if self.counts.required_lost > 0 && fuse => {
                if applied {
                    "What could be restored is restored. --as-of or --snapshot bring an earlier commit back, if that one is whole."
                } else {
                    "Nothing was changed. --as-of or --snapshot look at an earlier commit, which may be whole."
                }
            }
            (State::Partial, true) if self.counts.required_lost == 0 => {
                "Mend what keeps the unknown objects from being judged, and run the same command again."
            }
            (_, true) => "Nothing is left to do.",
            (_, false) => "Nothing was changed.",
        }
    }
}

fn write_commit(out: &mut String, commit: &Commit) -> Result {
    let time = commit.timestamp.map_or_else(
        || "of unknown time".to_owned(),
        |time| format!("of {}", time.to_rfc3339()),
    );
    let chosen = match commit.chosen_by {
        Chosen::Hint => "the newest that the hint names",
        Chosen::AsOf => "the newest at the moment asked for",
        Chosen::Snapshot => "the snapshot asked for",
        Chosen::NewestSnapshot => "no hint survives: the newest snapshot that no other one follows",
    };
    writeln!(
        out,
        "Commit {time}: {} ({chosen})",
        printable(commit.snapshot.as_str())
    )?;
    if commit.alternatives.is_empty() {
        return Ok(());
    }
    writeln!(out, "As good a choice, by --snapshot:")?;
    for alternative in commit.alternatives.iter().take(LISTED_MAX) {
        writeln!(out, "  {}", printable(alternative.as_str()))?;
    }
    if commit.alternatives.len() > LISTED_MAX {
        let more = commit.alternatives.len() - LISTED_MAX;
        writeln!(out, "  … and {more} more; --json or --report lists all")?;
    }
    Ok(())
}

fn write_losses(out: &mut String, report: &Report) -> Result {
    let lost = |object: &ObjectReport| matches!(object.decision, Decision::Lost);
    let unknown = |object: &ObjectReport| matches!(object.decision, Decision::Unknown);
    write_objects(out, report, "Lost, and required", usize::MAX, |object| {
        lost(object) && object.required
    })?;
    write_objects(out, report, "Lost, not required", LISTED_MAX, |object| {
        lost(object) && !object.required
    })?;
    write_objects(out, report, "Unknown", LISTED_MAX, unknown)?;
    write_below(out, &report.below_lost)
}

fn write_objects(
    out: &mut String,
    report: &Report,
    title: &str,
    limit: usize,
    filter: impl Fn(&ObjectReport) -> bool,
) -> Result {
    let chosen: Vec<&ObjectReport> = report
        .objects
        .iter()
        .filter(|object| filter(object))
        .collect();
    if chosen.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title} ({}):", chosen.len())?;
    for object in chosen.iter().take(limit) {
        let reason = object.reason.as_deref().unwrap_or("no reason given");
        writeln!(
            out,
            "  {} ({}): {reason}",
            printable(object.key.as_str()),
            class_name(object.class)
        )?;
    }
    if chosen.len() > limit {
        writeln!(
            out,
            "  … and {} more; --json or --report lists all",
            chosen.len() - limit
        )?;
    }
    Ok(())
}

fn write_below(out: &mut String, below: &[BelowLost]) -> Result {
    if below.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nOut of sight below lost or unknown metadata:")?;
    for lost in below.iter().take(LISTED_MAX) {
        let count = |count: Option<u64>, noun: &str| match count {
            Some(1) => format!("1 {noun}"),
            Some(count) => format!("{count} {noun}s"),
            None => format!("an unknown number of {noun}s"),
        };
        writeln!(
            out,
            "  {}: {}, {}",
            printable(lost.key.as_str()),
            count(lost.blocks, "block"),
            count(lost.rows, "row")
        )?;
    }
    if below.len() > LISTED_MAX {
        let more = below.len() - LISTED_MAX;
        writeln!(out, "  … and {more} more; --json or --report lists all")?;
    }
    Ok(())
}

/// A key on one line, without anything that a terminal obeys.
pub(crate) fn printable(key: &str) -> String {
    if key.chars().any(char::is_control) {
        key.escape_debug().to_string()
    } else {
        key.to_owned()
    }
}

pub(crate) fn class_name(class: Class) -> &'static str {
    match class {
        Class::Block => "block",
        Class::BloomIndex => "bloom index",
        Class::InvertedIndex => "inverted index",
        Class::VectorIndex => "vector index",
        Class::SpatialIndex => "spatial index",
        Class::VirtualColumn => "virtual column",
        Class::SegmentStatistics => "segment statistics",
        Class::TableStatistics => "table statistics",
        Class::Segment => "segment",
        Class::Snapshot => "snapshot",
        Class::Hint => "hint",
        Class::Object => "object",
    }
}

fn objects(count: usize) -> String {
    match count {
        0 => "no objects".to_owned(),
        1 => "1 object".to_owned(),
        more => format!("{more} objects"),
    }
}

fn is_or_are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// Bytes in the largest unit that leaves at least one before the point.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut unit = 0;
    let mut tenths = u128::from(count) * 10 / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests;
