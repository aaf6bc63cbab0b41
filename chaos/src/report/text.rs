//! A story for a terminal: at most forty rows of a hundred columns, what an engineer wants first on top.
//!
//! ```text
//!   the claim
//!   one lane per host: what happened
//!   expected against actual, the keys' histories
//!   without what it passes
//!   how the case was made, what to type
//! ```

use super::model::Stored;
use super::moments::{Lane, Moment, Sort};
use super::rows::{Row, rows};
use super::story::{Story, name_parts};

/// Rows of a report at most.
pub const ROWS_MAX: usize = 40;

/// Columns of a row at most.
pub const COLUMNS_MAX: usize = 100;

/// Columns of one lane.
const LANE: usize = 8;

/// Columns of what is compared.
const WHAT: usize = 23;

/// Columns of each side of a comparison.
const SIDE: usize = 35;

/// Columns of the time and the event in front of the lanes, and of the blank behind them.
const START: usize = 17;

/// Where a lane's line runs in its columns.
const MIDDLE: usize = 3;

/// The text.
pub fn text(story: &Story) -> String {
    let mut head = claim(story);
    let (body, foot) = (contradiction(story), foot(story));
    let used = head.len() + body.len() + foot.len() + exact(story).len();
    let room = ROWS_MAX.saturating_sub(used + 2).max(4);
    if !story.moments.is_empty() {
        head.push(String::new());
        head.extend(witness(story, room));
    }
    let all = head.into_iter().chain(body).chain(foot);
    let mut rows: Vec<String> = all.map(|row| cut(&row, COLUMNS_MAX)).collect();
    // What is to be copied is whole, however long it is.
    rows.extend(exact(story));
    rows.join("\n")
}

fn claim(story: &Story) -> Vec<String> {
    let title = format!("VIOLATED {}: {}", story.property, story.property.sentence());
    let mut rows = wrapped(&title, "  ", 2);
    if let Some(first) = story.claims.first() {
        let more = match story.claims.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        rows.extend(wrapped(&format!("  {first}{more}"), "    ", 3));
    }
    let mut place = story.place.clone();
    if !story.also.is_empty() {
        let also: Vec<&str> = story.also.iter().map(|property| property.id()).collect();
        let semicolon = if place.is_empty() { "" } else { "; " };
        place.push_str(&format!("{semicolon}also violated: {}", also.join(", ")));
    }
    if !place.is_empty() {
        rows.push(format!("  {place}"));
    }
    rows
}

/// The lanes. What is too long for its row goes on in the next one, while there is room.
fn witness(story: &Story, room: usize) -> Vec<String> {
    let mut heading = format!("{:>8} {:>5}  ", "time", "event");
    for lane in &story.lanes {
        heading.push_str(&format!("{:<LANE$}", cut(lane.name(), LANE - 1)));
    }
    let mut text = vec![heading.trim_end().to_owned()];
    let rows = rows(story, room.saturating_sub(1));
    let mut spare = room.saturating_sub(1 + rows.len());
    let width = COLUMNS_MAX - START - story.lanes.len() * LANE;
    for row in rows {
        let (start, drawn, words, flag) = match row {
            Row::Gap(words) => (String::new(), lines(&story.lanes, '┊'), words, None),
            Row::Moment(moment) => {
                let time = match (moment.at, moment.seq) {
                    (Some(at), _) => time(at),
                    (None, None) => "before".into(),
                    (None, Some(_)) => String::new(),
                };
                let seq = moment.seq.map_or(String::new(), |seq| seq.to_string());
                let start = format!("{time:>8} {seq:>5}");
                let flag = moment.violates.then(|| format!(" ◄ {}", story.property));
                (start, arrow(&story.lanes, moment), words(moment), flag)
            }
        };
        let flag = flag.unwrap_or_default();
        let width = width - flag.chars().count();
        let mut told = folded(&words, "  ", width, if spare > 0 { 2 } else { 1 });
        spare -= told.len() - 1;
        told.last_mut()
            .expect("there is always a row")
            .push_str(&flag);
        let mut told = told.into_iter();
        let first = told.next().unwrap_or_default();
        text.push(format!("{start:<16}{drawn} {first}"));
        let below = lines(&story.lanes, '│');
        text.extend(told.map(|rest| format!("{:16}{below} {rest}", "")));
    }
    text
}

/// A moment's words behind its parts.
fn words(moment: &Moment) -> String {
    match moment.parts.is_empty() {
        true => moment.words.clone(),
        false => format!("{} {}", name_parts(&moment.parts), moment.words),
    }
}

/// The lanes' lines.
fn lines(lanes: &[Lane], line: char) -> String {
    let mut row = vec![' '; lanes.len() * LANE];
    for lane in 0..lanes.len() {
        row[lane * LANE + MIDDLE] = line;
    }
    row.into_iter().collect()
}

/// The lanes' lines with one moment on them.
fn arrow(lanes: &[Lane], moment: &Moment) -> String {
    let mut row: Vec<char> = lines(lanes, '│').chars().collect();
    let place = |lane: usize| lane.min(lanes.len() - 1) * LANE + MIDDLE;
    let from = place(moment.lane);
    if let Some(towards) = moment.towards {
        let to = place(towards);
        let (low, high) = (from.min(to), from.max(to));
        row[low + 1..high].fill('─');
        let head = if to > from { '►' } else { '◄' };
        row[if to > from { to - 1 } else { to + 1 }] = head;
        if moment.is_broken {
            row[low.midpoint(high)] = '✗';
        }
    }
    row[from] = match moment.sort {
        Sort::Crash => '✗',
        Sort::Done => '■',
        Sort::Start => '○',
        Sort::Interrupt => '!',
        _ => '●',
    };
    row.into_iter().collect()
}

/// Expected against actual, and the histories.
fn contradiction(story: &Story) -> Vec<String> {
    let mut rows = Vec::new();
    if !story.comparisons.is_empty() {
        rows.push(String::new());
        rows.push(format!("    {:<WHAT$} {:<SIDE$} actual", "", "expected"));
    }
    for row in story.comparisons.iter().take(6) {
        let sign = if row.holds { '✓' } else { '✗' };
        let what = folded(&row.what, "", WHAT, 2);
        let (expected, actual) = (
            folded(&row.expected, "", SIDE, 2),
            folded(&row.actual, "", SIDE, 2),
        );
        let cell = |cells: &[String], nth: usize| cells.get(nth).cloned().unwrap_or_default();
        for nth in 0..what.len().max(expected.len()).max(actual.len()) {
            let sign = if nth == 0 { sign } else { ' ' };
            let (what, expected) = (cell(&what, nth), cell(&expected, nth));
            let actual = cell(&actual, nth);
            let row = format!("  {sign} {what:<WHAT$} {expected:<SIDE$} {actual}");
            rows.push(row.trim_end().to_owned());
        }
    }
    if !story.histories.is_empty() {
        rows.push(format!("    {:<WHAT$} before ⇒ after, newest first", ""));
    }
    for history in &story.histories {
        let name = cut(&history.name, WHAT);
        let (before, after) = (stack(&history.before), stack(&history.after));
        let words = match before == after {
            true => format!("{before}, before and after"),
            false => format!("{before}  ⇒  {after}"),
        };
        rows.extend(wrapped(
            &format!("    {name:<WHAT$} {words}"),
            &" ".repeat(WHAT + 5),
            2,
        ));
    }
    rows
}

/// A history on one line, newest first; many markers in a row are counted.
fn stack(held: &[Stored]) -> String {
    if held.is_empty() {
        return "nothing is left".into();
    }
    let mut words: Vec<String> = Vec::new();
    let mut entries = held.iter().peekable();
    while let Some(entry) = entries.next() {
        let mut alike = 1;
        while entry.what == "marker" && entries.next_if(|next| next.what == "marker").is_some() {
            alike += 1;
        }
        words.push(match alike {
            1 => format!("{} {}", entry.id, entry.what),
            _ => format!("{alike} markers"),
        });
    }
    words.join(" │ ")
}

/// Without what it passes, how the case came about, and what to type.
fn foot(story: &Story) -> Vec<String> {
    let mut rows = vec![String::new()];
    match &story.counterfactuals {
        None => {}
        Some(found) if found.is_empty() => {
            rows.push("no single removal makes it hold".into());
        }
        Some(found) => {
            rows.extend(found.iter().take(5).map(|sentence| format!("  {sentence}")));
            if found.len() > 5 {
                rows.push(format!("  … and {} more", found.len() - 5));
            }
        }
    }
    // A minimal case's parts are in its lanes and counterfactuals.
    let untold = story.parts.iter();
    let untold = untold.filter(|_| story.counterfactuals.is_none());
    let untold: Vec<String> = untold
        .map(|(part, words)| format!("{part} {words}"))
        .collect();
    if !untold.is_empty() {
        rows.extend(wrapped(
            &format!("parts:   {}", untold.join(" · ")),
            "         ",
            3,
        ));
    }
    let setting: Vec<String> = story
        .setting
        .iter()
        .map(|(what, words)| format!("{what}: {words}"))
        .collect();
    rows.extend(wrapped(
        &format!("setting: {}", setting.join("; ")),
        "         ",
        2,
    ));
    if let Some(profile) = &story.profile {
        rows.extend(wrapped(&format!("profile: {profile}"), "         ", 1));
    }
    rows.extend(story.shrunk.iter().cloned());
    rows
}

/// Keys and commands in full.
fn exact(story: &Story) -> Vec<String> {
    let keys = story.legend.iter().take(3);
    let keys = keys.map(|(short, key)| format!("{short} = {key}"));
    let commands = story.commands.iter();
    let commands = commands.map(|(what, line)| format!("{what}: {line}"));
    keys.chain(commands).collect()
}

/// A moment of the world, from its start.
pub(super) fn time(nanos: u64) -> String {
    let milliseconds = nanos / 1_000_000;
    match milliseconds {
        0..10_000 => format!("{milliseconds} ms"),
        _ => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
    }
}

/// A text of at most so many letters, its end left out.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A text on at most so many rows, broken between words; later rows begin with the indent.
fn wrapped(text: &str, indent: &str, most: usize) -> Vec<String> {
    folded(text, indent, COLUMNS_MAX, most)
}

/// The same for any width. What has no room on the last row is cut off.
fn folded(text: &str, indent: &str, width: usize, most: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    let mut row = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let end = rest[first..].find(' ').map_or(rest.len(), |at| at + first);
        let word = &rest[..end];
        let is_full = row.chars().count() + word.chars().count() > width;
        if is_full && !row.trim().is_empty() {
            if rows.len() + 1 == most {
                row.push_str(rest);
                break;
            }
            rows.push(std::mem::replace(&mut row, indent.to_owned()));
            row.push_str(word.trim_start());
        } else {
            row.push_str(word);
        }
        rest = &rest[end..];
    }
    rows.push(cut(&row, width));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_folded_between_words_and_cut_at_its_last_row() {
        let text = "  four score and seven";
        assert_eq!(
            folded(text, "    ", 12, 9),
            ["  four score", "    and", "    seven"]
        );
        assert_eq!(
            folded(text, "    ", 12, 2),
            ["  four score", "    and sev…"]
        );
        assert_eq!(folded("überlang", "", 4, 2), ["übe…"]);
        assert_eq!(folded("… 🔥 two", "", 4, 2), ["… 🔥", "two"]);
        assert_eq!(folded("", "", 4, 2), [""]);
    }
}
