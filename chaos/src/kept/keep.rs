//! Writes a minimal failing scenario into the folder of kept cases, once.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::property::Property;
use crate::scenario::{Act, Fault, Kind, Operation, Scenario, Selector};

use super::{KeptCase, blessed, file, files, without_place};

/// Words of a file's name at most.
const WORDS: usize = 4;

/// A shrunk scenario that is worth keeping.
#[derive(Debug, Clone)]
pub struct Minimal<'a> {
    /// Itself, with its story.
    pub scenario: Scenario,
    /// What it violates.
    pub property: Property,
    /// The planted bug that was active.
    pub planted: Option<&'static str>,
    /// Where it comes from, in a sentence or two.
    pub provenance: &'a str,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is in this file now.
    Written(PathBuf),
    /// This file holds the same scenario.
    AlreadyThere(PathBuf),
}

/// A case that could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// A file or the folder.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        error: io::Error,
    },
    /// One of the kept cases is none.
    #[error("{}: {error}", path.display())]
    NotACase {
        /// Which.
        path: PathBuf,
        /// Why.
        error: toml::de::Error,
    },
    /// The scenario cannot be written as a file.
    #[error("the scenario cannot be written as TOML: {0}")]
    Unwritable(#[from] toml::ser::Error),
}

/// Writes it, unless a file of the folder holds the same scenario apart from names.
///
/// With a planted bug the file says that it must catch it, and what comes of it without; a failure of the
/// real code has no expectation until it is mended and blessed.
///
/// # Errors
/// The folder cannot be read or written, or one of its files is no kept case.
pub fn keep(folder: &Path, minimal: &Minimal<'_>) -> Result<Kept, KeptError> {
    let mut scenario = minimal.scenario.clone();
    without_place(&mut scenario);
    let at = |path: &Path| {
        let path = path.to_owned();
        |error| KeptError::File { path, error }
    };
    fs::create_dir_all(folder).map_err(at(folder))?;
    let form = normal_form(&scenario);
    for (path, kept) in cases(folder)? {
        if normal_form(&kept.scenario) == form {
            return Ok(Kept::AlreadyThere(path));
        }
    }
    let path = free_name(folder, &file_name(&scenario, minimal.property));
    let text = text(minimal, &scenario)?;
    // Nobody else's file is overwritten, not even one that appeared meanwhile.
    let mut file = fs::File::create_new(&path).map_err(at(&path))?;
    io::Write::write_all(&mut file, text.as_bytes()).map_err(at(&path))?;
    Ok(Kept::Written(path))
}

/// The kept cases of a folder, by name.
fn cases(folder: &Path) -> Result<Vec<(PathBuf, KeptCase)>, KeptError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        |error| KeptError::File { path, error }
    };
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(at(&path))?;
        match KeptCase::from_toml(&text) {
            Ok(kept) => Ok((path, kept)),
            Err(error) => Err(KeptError::NotACase { path, error }),
        }
    };
    let paths = files(folder).map_err(at(folder))?;
    paths.into_iter().map(read).collect()
}

/// The scenario without what only names something: its story, its seed, and which of several alike keys
/// is meant.
fn normal_form(scenario: &Scenario) -> Scenario {
    let mut form = scenario.clone();
    form.story.clear();
    form.seed = 0;
    let mut known: Vec<Selector> = Vec::new();
    let mut rename = |selector: &mut Selector| {
        // Of these the number decides which sort of object is meant.
        if matches!(selector.kind, Kind::Any | Kind::Old) {
            return;
        }
        let nth = known.iter().position(|known| known == selector);
        let nth = nth.unwrap_or_else(|| {
            known.push(*selector);
            known.len() - 1
        });
        selector.number = nth as u32;
    };
    for Operation { act, .. } in &mut form.operations {
        match act {
            Act::Delete { key }
            | Act::Overwrite { key, .. }
            | Act::Purge { key, .. }
            | Act::CopyBack { key }
            | Act::PutBack { key }
            | Act::Archive { key, .. }
            | Act::Sibling { key, .. } => rename(key),
            _ => {}
        }
    }
    for Fault { key, .. } in &mut form.faults {
        key.iter_mut().for_each(&mut rename);
    }
    form
}

/// `A3-delete-prefix-ack-lost`: the property, and what it takes.
fn file_name(scenario: &Scenario, property: Property) -> String {
    let hosts = &scenario.hosts;
    let acts = scenario.operations.iter().map(|what| what.act.name());
    let faults = scenario.faults.iter().map(Fault::class);
    let faults = faults.map(|class| class.rsplit('.').next().unwrap_or(class));
    let plights = [
        (scenario.mock_operations > 0, "mock-workload"),
        (!hosts.crash_after.is_empty(), "crash"),
        (hosts.interrupt_after.is_some(), "interrupt"),
        (hosts.twin, "twin"),
    ];
    let plights = plights.into_iter().filter(|(is, _)| *is);
    let mut words: Vec<&str> = Vec::new();
    for word in acts.chain(faults).chain(plights.map(|(_, word)| word)) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words.truncate(WORDS);
    if words.is_empty() {
        words.push("nothing-happened");
    }
    format!("{property}-{}", words.join("-"))
}

fn free_name(folder: &Path, name: &str) -> PathBuf {
    let numbered = (2..).map(|number| format!("{name}-{number}.toml"));
    let names = std::iter::once(format!("{name}.toml")).chain(numbered);
    let mut free = names
        .map(|name| folder.join(name))
        .filter(|path| !path.exists());
    free.next().expect("the numbers do not end")
}

fn text(minimal: &Minimal<'_>, scenario: &Scenario) -> Result<String, KeptError> {
    let catches: Vec<String> = minimal.planted.map(str::to_owned).into_iter().collect();
    let text = file::written(scenario, &catches, minimal.provenance)?;
    let kept = KeptCase {
        catches: Vec::new(),
        expect: None,
        scenario: minimal.scenario.clone(),
    };
    let checked = kept.check();
    match checked.actual {
        Some(actual) if checked.violations.is_empty() => {
            Ok(blessed(&text, &actual).expect("a fresh file has no expectation yet"))
        }
        _ => Ok(text),
    }
}
