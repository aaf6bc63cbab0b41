//! The output folder: outputs grow as `NAME.part`, and get their names when all of them are whole.
//!
//! | the folder | without `resume` | with it |
//! |---|---|---|
//! | is not there, or empty | begins | begins |
//! | holds a checkpoint | refused: it can be resumed | goes on, if files and options are the same |
//! | holds anything else | refused | refused: there is nothing to resume |
//!
//! Invariants: nothing that was there is overwritten, but for the parts of the run that is resumed; where
//! writing fails, the parts are removed, and the checkpoint stays.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};

use firedrill_core::salvage::options::Options;

use super::Kept;
use super::checkpoint::{Checkpoint, Description, Refusal};
use super::inputs::Inputs;

/// The checkpoint's name.
const CHECKPOINT: &str = "salvage.checkpoint";

/// What an output is called while it grows.
const GROWING: &str = ".part";

/// Why outputs cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The folder holds something else.
    #[error("{} is not empty; give --out a new folder", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder holds a run that was not finished.
    #[error(
        "{} holds a salvage that was not finished; go on with it by --resume, or give --out a new folder",
        folder.display()
    )]
    Unfinished {
        /// The folder.
        folder: PathBuf,
    },
    /// There is no checkpoint.
    #[error(
        "{} holds nothing to resume: {}; give --out a new folder",
        folder.display(),
        if *is_finished { "the salvage in it is finished" } else { "it has no checkpoint of a salvage" }
    )]
    NothingToResume {
        /// The folder.
        folder: PathBuf,
        /// It holds a report.
        is_finished: bool,
    },
    /// The checkpoint is of another command.
    #[error(
        "the salvage in {} cannot be resumed by this command: {}; give the same files and options as before, or --out a new folder",
        folder.display(),
        differences.join("; ")
    )]
    Differs {
        /// The folder.
        folder: PathBuf,
        /// Each as a sentence.
        differences: Vec<String>,
    },
    /// Another process writes there.
    #[error("another salvage is writing to {}", folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
    },
    /// The folder lies in an input.
    #[error(
        "{} lies inside of {}, and nothing is ever written to an input; give --out a folder elsewhere",
        folder.display(),
        input.display()
    )]
    Inside {
        /// The folder.
        folder: PathBuf,
        /// The input.
        input: PathBuf,
    },
    /// It is no folder.
    #[error("{} is not a folder; give --out a new one", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// The file system refuses.
    #[error("{} cannot be written ({source}); {}", path.display(), advice(source))]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A new file, and the folders that it needs.
fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)
}

/// What was written to a file or a folder is on the disk when this returns.
fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// The folders that files with these names lie in, below the output folder.
fn names_of_folders(names: &BTreeSet<String>) -> BTreeSet<&str> {
    let parted = names.iter().filter_map(|name| name.rsplit_once('/'));
    parted.map(|(folder, _)| folder).collect()
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room there, and run the same command again with --resume"
        }
        _ => "give --out a folder that can be written to",
    }
}

impl OutputError {
    /// Whether another command line would help.
    pub fn is_usage(&self) -> bool {
        !matches!(self, Self::Write { .. } | Self::InUse { .. })
    }
}

/// An output folder that is being written to.
#[derive(Debug)]
pub struct Output {
    folder: PathBuf,
    parts: BTreeSet<String>,
    checkpoint: Checkpoint,
}

impl Output {
    /// Opens the folder for a salvage of these inputs with these options, and gives what an earlier run of
    /// it found.
    ///
    /// # Errors
    /// When the folder cannot be used, or not for this.
    pub fn open(
        folder: &Path,
        paths: &[PathBuf],
        description: &Description,
        resume: bool,
    ) -> Result<(Self, Kept), OutputError> {
        let folder = folder.to_owned();
        is_outside(&folder, paths)?;
        let entries = entries(&folder)?;
        let (checkpoint, kept) = match entries {
            names if names.is_empty() => {
                fs::create_dir_all(&folder).map_err(|source| write_error(&folder, source))?;
                let path = folder.join(CHECKPOINT);
                let created = Checkpoint::create(&path, description);
                (created.map_err(|why| refused(&folder, why))?, Kept::new())
            }
            names if names.iter().any(|name| name == CHECKPOINT) => {
                if !resume {
                    return Err(OutputError::Unfinished { folder });
                }
                let path = folder.join(CHECKPOINT);
                Checkpoint::resume(&path, description).map_err(|why| refused(&folder, why))?
            }
            names if resume => {
                let is_finished = names.iter().any(|name| name == "report.json");
                return Err(OutputError::NothingToResume {
                    folder,
                    is_finished,
                });
            }
            _ => return Err(OutputError::NotEmpty { folder }),
        };
        let output = Self {
            folder,
            parts: BTreeSet::new(),
            checkpoint,
        };
        Ok((output, kept))
    }

    /// Appends to an output.
    ///
    /// # Errors
    /// When it cannot be written; then there are no parts any more.
    pub fn append(&mut self, name: &str, bytes: &[u8]) -> Result<(), OutputError> {
        let path = self.growing(name);
        // Not kept open: there may be as many as a database has attachments.
        let opened = match self.parts.insert(name.to_owned()) {
            true => create(&path),
            false => OpenOptions::new().append(true).open(&path),
        };
        let written = opened.and_then(|mut file| file.write_all(bytes));
        written.map_err(|source| self.give_up(path, source))
    }

    /// Adds a record to the checkpoint.
    pub(super) fn keep(&mut self, record: &[u8]) -> Result<(), OutputError> {
        let kept = self.checkpoint.append(record);
        kept.map_err(|source| self.give_up(self.folder.join(CHECKPOINT), source))
    }

    /// Gives everything its name, the last one last; then there is nothing to resume any more.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn publish(mut self, last: &str) -> Result<(), OutputError> {
        for name in &self.parts {
            let path = self.growing(name);
            if let Err(source) = sync(&path) {
                return Err(self.give_up(path, source));
            }
        }
        let names: Vec<String> = self.parts.iter().cloned().collect();
        let (end, begin): (Vec<String>, Vec<String>) =
            names.into_iter().partition(|name| name == last);
        for name in begin.iter().chain(&end) {
            let path = self.folder.join(name);
            let renamed = fs::rename(self.growing(name), &path);
            renamed.map_err(|source| write_error(&path, source))?;
        }
        let below = names_of_folders(&self.parts).into_iter();
        let below = below.map(|below| self.folder.join(below));
        for folder in below.chain([self.folder.clone()]) {
            sync(&folder).map_err(|source| write_error(&folder, source))?;
        }
        self.parts.clear();
        let path = self.folder.join(CHECKPOINT);
        fs::remove_file(&path).map_err(|source| write_error(&path, source))
    }

    fn growing(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}{GROWING}"))
    }

    /// Takes the parts away: they would be written anew, and the room that they take is wanted.
    fn give_up(&mut self, path: PathBuf, source: io::Error) -> OutputError {
        for name in std::mem::take(&mut self.parts) {
            // What cannot be removed now is written over by the next run.
            let _left = fs::remove_file(self.growing(&name));
        }
        OutputError::Write { path, source }
    }
}

impl Description {
    /// What a checkpoint says of a salvage of these files with these options.
    pub fn new(release: &str, inputs: &Inputs, options: &Options) -> Self {
        let classes: Vec<&str> = options.classes.iter().map(|class| class.name()).collect();
        let told = [
            ("--include", classes.join(",")),
            ("--repair-budget", options.repair_budget.to_string()),
        ];
        Self {
            release: release.to_owned(),
            options: told.map(|(name, value)| (name.to_owned(), value)).into(),
            files: inputs.described(),
        }
    }
}

/// The names in a folder; none where it is not there.
fn entries(folder: &Path) -> Result<Vec<std::ffi::OsString>, OutputError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            let path = folder.to_owned();
            return Err(OutputError::NotAFolder { path });
        }
        Err(error) => return Err(write_error(folder, error)),
    };
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let names: io::Result<Vec<_>> = names.collect();
    let mut names = names.map_err(|source| write_error(folder, source))?;
    // What a fresh file system has of its own.
    names.retain(|name| name != OsStr::new("lost+found"));
    Ok(names)
}

/// An input folder is never written to, neither in it nor below.
fn is_outside(folder: &Path, paths: &[PathBuf]) -> Result<(), OutputError> {
    let real = resolved(folder);
    for input in paths {
        let (Some(real), Ok(known)) = (&real, fs::canonicalize(input)) else {
            continue;
        };
        if known.is_dir() && real.starts_with(&known) {
            return Err(OutputError::Inside {
                folder: folder.to_owned(),
                input: input.clone(),
            });
        }
    }
    Ok(())
}

/// A path without links and dots, though its end may not be there yet.
fn resolved(path: &Path) -> Option<PathBuf> {
    let path = std::path::absolute(path).ok()?;
    let known = |known: &Path| Some((fs::canonicalize(known).ok()?, known.to_owned()));
    let (mut real, known) = path.ancestors().find_map(known)?;
    for part in path.strip_prefix(known).ok()?.components() {
        match part {
            Component::ParentDir => drop(real.pop()),
            part => real.push(part),
        }
    }
    Some(real)
}

fn write_error(path: &Path, source: io::Error) -> OutputError {
    OutputError::Write {
        path: path.to_owned(),
        source,
    }
}

fn refused(folder: &Path, why: Refusal) -> OutputError {
    let folder = folder.to_owned();
    match why {
        Refusal::InUse => OutputError::InUse { folder },
        Refusal::Foreign => OutputError::NothingToResume {
            folder,
            is_finished: false,
        },
        Refusal::Differs(differences) => OutputError::Differs {
            folder,
            differences,
        },
        Refusal::Io(source) => write_error(&folder.join(CHECKPOINT), source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description {
            release: "1".to_owned(),
            options: std::collections::BTreeMap::new(),
            files: Vec::new(),
        }
    }

    fn open(folder: &Path, resume: bool) -> Result<Output, OutputError> {
        Output::open(folder, &[], &description(), resume).map(|(output, _)| output)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("it is there");
        let names = entries.map(|entry| entry.expect("it is there").file_name());
        let mut names: Vec<String> = names.map(|name| name.display().to_string()).collect();
        names.sort();
        names
    }

    #[test]
    fn outputs_get_their_names_at_the_end_and_the_checkpoint_goes() {
        let place = tempfile::tempdir().expect("a folder for the test");
        let folder = place.path().join("deep/out");
        let mut output = open(&folder, false).expect("it is not there yet");
        output.append("a", b"1").expect("it can be written");
        output.append("b", b"2").expect("it can be written");
        output.append("a", b"3").expect("it can be written");
        assert_eq!(names(&folder), ["a.part", "b.part", "salvage.checkpoint"]);
        output.publish("a").expect("it can be renamed");
        assert_eq!(names(&folder), ["a", "b"]);
        assert_eq!(fs::read(folder.join("a")).expect("it is there"), b"13");
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_refused() {
        let place = tempfile::tempdir().expect("a folder for the test");
        fs::write(place.path().join("mine"), "").expect("it can be written");
        let refused = open(place.path(), false).expect_err("it is not empty");
        assert!(matches!(refused, OutputError::NotEmpty { .. }));
        let refused = open(place.path(), true).expect_err("there is no checkpoint");
        assert!(matches!(refused, OutputError::NothingToResume { .. }));
        let file = open(&place.path().join("mine"), false).expect_err("it is a file");
        assert!(matches!(file, OutputError::NotAFolder { .. }));
        assert_eq!(names(place.path()), ["mine"]);
    }

    #[test]
    fn an_unfinished_run_is_resumed_only_where_that_is_asked_for() {
        let place = tempfile::tempdir().expect("a folder for the test");
        let mut output = open(place.path(), true).expect("an empty folder can be resumed");
        output.append("a", b"half").expect("it can be written");
        let busy = open(place.path(), true).expect_err("somebody writes");
        assert!(matches!(busy, OutputError::InUse { .. }));
        drop(output);
        let refused = open(place.path(), false).expect_err("it is unfinished");
        assert!(matches!(refused, OutputError::Unfinished { .. }));
        let mut output = open(place.path(), true).expect("it can be resumed");
        output.append("a", b"whole").expect("it can be written");
        output.publish("a").expect("it can be renamed");
        assert_eq!(fs::read(place.path().join("a")).expect("there"), b"whole");
    }

    #[test]
    fn an_input_is_never_written_to() {
        let place = tempfile::tempdir().expect("a folder for the test");
        let input = place.path().join("db");
        fs::create_dir(&input).expect("it can be made");
        for out in ["db", "db/out", "db/deep/er", "other/../db/out"] {
            let out = place.path().join(out);
            let refused = Output::open(&out, std::slice::from_ref(&input), &description(), false);
            let refused = refused.map(drop).expect_err("it lies inside");
            assert!(matches!(refused, OutputError::Inside { .. }), "{refused}");
        }
        let beside = place.path().join("db-out");
        assert!(Output::open(&beside, &[input], &description(), false).is_ok());
    }
}
