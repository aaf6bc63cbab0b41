//! The text of a kept case: how an expectation is written, and how a new one takes the old one's place.
//!
//! The file is edited as text, so that what a person wrote above the expectation stays as it is.

use crate::scenario::{AmendOptions, BucketOptions, Hosts, Scenario};

use super::Expect;

/// Letters of a line of prose at most.
const WIDTH: usize = 110;

const HEAD: &str = "[expect]";
const COMMENT: &str = "# What came of it. After an intended change: cargo xtask bless";

/// A file that cannot be blessed as text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlessError {
    /// Something follows the expectation.
    #[error("`{0}` follows [expect], which has to be the last part of the file")]
    NotLast(String),
}

/// The file's text with this expectation instead of the old one.
///
/// # Errors
/// Something that is not part of the expectation follows it.
pub fn blessed(text: &str, expect: &Expect) -> Result<String, BlessError> {
    let mut kept: Vec<&str> = Vec::new();
    let mut lines = text.lines();
    for line in lines.by_ref() {
        if line.trim() == HEAD {
            break;
        }
        kept.push(line);
    }
    let foreign = |line: &&str| line.starts_with('[') && !line.starts_with("[[expect.");
    if let Some(line) = lines.find(foreign) {
        return Err(BlessError::NotLast(line.to_owned()));
    }
    while kept
        .last()
        .is_some_and(|line| line.trim().is_empty() || *line == COMMENT)
    {
        kept.pop();
    }
    let expectation = rows(expect).join("\n");
    Ok(format!("{}\n\n{COMMENT}\n{expectation}\n", kept.join("\n")))
}

/// Where two expectations differ, line by line: `-` was expected, `+` is.
pub fn differences(expected: Option<&Expect>, actual: &Expect) -> Vec<String> {
    let old = expected.map(rows).unwrap_or_default();
    let new = rows(actual);
    if old == new {
        return Vec::new();
    }
    let mut shown = Vec::new();
    let (mut left, mut right) = (0, 0);
    for (old_at, new_at) in common(&old, &new) {
        shown.extend(old[left..old_at].iter().map(|row| format!("- {row}")));
        shown.extend(new[right..new_at].iter().map(|row| format!("+ {row}")));
        shown.push(format!("  {}", old[old_at]));
        (left, right) = (old_at + 1, new_at + 1);
    }
    shown.extend(old[left..].iter().map(|row| format!("- {row}")));
    shown.extend(new[right..].iter().map(|row| format!("+ {row}")));
    shown
}

/// A new file: where it comes from as a comment, the story, what it catches, and of the scenario what is not
/// as usual.
pub(super) fn written(
    scenario: &Scenario,
    catches: &[String],
    provenance: &str,
) -> Result<String, toml::ser::Error> {
    let mut text = format!("{}\n", wrapped(provenance, "# "));
    let story = wrapped(&scenario.story, "");
    let plain = !story.contains(['\\', '"']);
    text.push_str(&match plain {
        true => format!("story = \"\"\"\n{story}\n\"\"\"\n"),
        false => format!("story = {}\n", toml::Value::from(story.as_str())),
    });
    if !catches.is_empty() {
        let ids: Vec<String> = catches.iter().map(|id| format!("{id:?}")).collect();
        text.push_str(&format!("catches = [{}]\n", ids.join(", ")));
    }
    let mut body = scenario.clone();
    body.story.clear();
    text.push_str(&unusual(&body.to_toml()?)?);
    Ok(text)
}

/// A scenario's text without the settings that are as usual.
fn unusual(body: &str) -> Result<String, toml::ser::Error> {
    let usual = [
        ("[bucket]", toml::to_string(&BucketOptions::default())?),
        ("[amend]", toml::to_string(&AmendOptions::default())?),
        ("[hosts]", toml::to_string(&Hosts::default())?),
    ];
    let mut kept: Vec<&str> = Vec::new();
    let mut settings = "seed = 0";
    for line in body.lines() {
        if line.starts_with('[') {
            let of = usual.iter().find(|(name, _)| *name == line);
            settings = of.map_or("", |(_, settings)| settings.as_str());
        }
        if line.is_empty() || !settings.lines().any(|usual| usual == line) {
            kept.push(line);
        }
    }
    let is_usual = |name: &str| usual.iter().any(|(usual, _)| *usual == name);
    let mut text = String::new();
    let parts = kept.join("\n");
    for part in parts.split("\n\n").filter(|part| !part.trim().is_empty()) {
        if !is_usual(part.trim()) {
            text.push_str(&format!("\n{}\n", part.trim()));
        }
    }
    Ok(text)
}

/// Prose in lines, each behind this.
fn wrapped(prose: &str, behind: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in prose.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("{behind}{word}")),
        }
    }
    lines.join("\n")
}

fn rows(expect: &Expect) -> Vec<String> {
    let mut rows = vec![HEAD.to_owned()];
    let struck: Vec<String> = expect.struck.iter().map(u64::to_string).collect();
    rows.push(format!("crashes = {}", expect.crashes));
    rows.push(format!("struck = [{}]", struck.join(", ")));
    for (name, count) in [
        ("right", expect.right),
        ("other", expect.other),
        ("gone", expect.gone),
        ("versions", expect.versions),
        ("markers", expect.markers),
    ] {
        rows.push(format!("{name} = {count}"));
    }
    for life in &expect.lives {
        let decisions = life.decisions.iter();
        let decisions: Vec<String> = decisions
            .map(|(name, count)| format!("{name} = {count}"))
            .collect();
        let decisions = match decisions.is_empty() {
            true => "{}".to_owned(),
            false => format!("{{ {} }}", decisions.join(", ")),
        };
        rows.push(String::new());
        rows.push("[[expect.life]]".to_owned());
        rows.push(format!("status = {}", life.status));
        rows.push(format!("decisions = {decisions}"));
    }
    rows
}

/// The longest common subsequence of two short texts, as pairs of positions.
fn common(old: &[String], new: &[String]) -> Vec<(usize, usize)> {
    let mut longest = vec![vec![0usize; new.len() + 1]; old.len() + 1];
    for left in (0..old.len()).rev() {
        for right in (0..new.len()).rev() {
            longest[left][right] = match old[left] == new[right] {
                true => longest[left + 1][right + 1] + 1,
                false => longest[left + 1][right].max(longest[left][right + 1]),
            };
        }
    }
    let (mut left, mut right) = (0, 0);
    let mut pairs = Vec::new();
    while left < old.len() && right < new.len() {
        if old[left] == new[right] {
            pairs.push((left, right));
            (left, right) = (left + 1, right + 1);
        } else if longest[left + 1][right] >= longest[left][right + 1] {
            left += 1;
        } else {
            right += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::super::ExpectedLife;
    use super::*;

    fn expect() -> Expect {
        let decisions = [("intact", 3), ("remove-markers", 2)];
        let decisions = decisions.map(|(name, count)| (name.to_owned(), count));
        Expect {
            struck: vec![2, 1],
            right: 5,
            lives: vec![ExpectedLife {
                status: 0,
                decisions: decisions.into_iter().collect(),
            }],
            ..Expect::default()
        }
    }

    #[test]
    fn a_blessed_text_reads_back_and_is_blessed_already() {
        let text = "# Why.\nstory = \"x\"\n\n[table]\nsource = \"sample\"\nfolder = \"y\"\n";
        let once = blessed(text, &expect()).expect("nothing follows");
        let kept = super::super::KeptCase::from_toml(&once).expect("it is a kept case");
        assert_eq!(kept.expect, Some(expect()));
        assert!(once.starts_with(text.trim_end()), "{once}");
        assert_eq!(blessed(&once, &expect()).as_ref(), Ok(&once));
    }

    #[test]
    fn what_follows_the_expectation_is_not_thrown_away() {
        let text = "[expect]\ncrashes = 0\n\n[table]\nsource = \"sample\"\n";
        let refused = BlessError::NotLast("[table]".into());
        assert_eq!(blessed(text, &expect()), Err(refused));
    }

    #[test]
    fn only_what_differs_is_marked() {
        assert!(differences(Some(&expect()), &expect()).is_empty());
        let mut other = expect();
        other.lives[0].status = 3;
        let shown = differences(Some(&expect()), &other);
        let marked: Vec<&String> = shown.iter().filter(|row| !row.starts_with("  ")).collect();
        assert_eq!(marked, ["- status = 0", "+ status = 3"]);
    }
}
