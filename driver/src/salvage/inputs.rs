//! The inputs: files of databases, found by their names, opened read-only, and looked at again at the end.
//!
//! | given | read |
//! |---|---|
//! | a folder | `Raven.voron`, `headers.one`, `headers.two`, `*.journal`, `recyclable-journal.*`, in it and in `Journals/` |
//! | a file | it: as a journal or a header if its name says so, otherwise as a data file |
//! | several | one input each, in their order |
//!
//! Block devices are read like files.
//!
//! Invariants: nothing is ever opened for writing; the order of files depends on names alone.

use std::fs::{self, File as Handle};
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use firedrill_core::salvage::file::{File, Role};
use firedrill_core::voron::encryption::MasterKey;

use super::checkpoint::Described;
use super::encrypted::Encrypted;
use super::reader::Source;

/// Folders that are looked into when a folder holds no database, to say where one is.
const NEARBY_MAX: usize = 1000;

/// Why there is nothing to salvage.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A path names nothing.
    #[error("there is nothing at {}", path.display())]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// A folder holds no file of a database.
    #[error(
        "{} holds no database: a RavenDB database's folder has a file Raven.voron in it{}",
        folder.display(),
        hint(nearby)
    )]
    NoDatabase {
        /// The folder.
        folder: PathBuf,
        /// Folders below it that hold one.
        nearby: Vec<PathBuf>,
    },
    /// A path is neither a folder, a file nor a block device.
    #[error("{} is neither a folder nor a file", path.display())]
    Special {
        /// The path.
        path: PathBuf,
    },
    /// All files are empty.
    #[error("{} is empty: there is nothing in it to salvage", path.display())]
    Empty {
        /// The path.
        path: PathBuf,
    },
    /// A key is not that of a data file.
    #[error(
        "the key opens no page of {}: it is another database's key, or the file is not encrypted",
        path.display()
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// A file cannot be opened.
    #[error("{} cannot be read ({source}); a salvage needs nothing but the right to read it", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn hint(nearby: &[PathBuf]) -> String {
    match nearby.first() {
        Some(first) => {
            let more = match nearby.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("; {} has one{more}", first.display())
        }
        None => "; a single data file can be given by its own path".to_owned(),
    }
}

impl InputError {
    /// Whether another command line would help, rather than other files or rights.
    pub fn is_usage(&self) -> bool {
        matches!(
            self,
            Self::Missing { .. }
                | Self::NoDatabase { .. }
                | Self::Special { .. }
                | Self::WrongKey { .. }
        )
    }
}

/// What the file system says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    length: u64,
    modified: (i64, i64),
    identity: (u64, u64),
}

/// An open file, with its length.
#[derive(Debug)]
pub(super) enum Opened {
    /// Read as it is.
    Plain((Handle, u64)),
    /// Read through its key.
    Encrypted(Encrypted),
}

impl Source for Opened {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read_at(buffer, offset),
            Self::Encrypted(file) => file.read_at(buffer, offset),
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Plain(file) => file.length(),
            Self::Encrypted(file) => file.length(),
        }
    }
}

/// All input files, open.
#[derive(Debug)]
pub struct Inputs {
    files: Vec<File>,
    paths: Vec<PathBuf>,
    looks: Vec<Look>,
    sources: Vec<Opened>,
    /// Data files are read through a key.
    is_encrypted: bool,
    /// What was left out or is missing, a sentence each.
    notes: Vec<String>,
}

impl Inputs {
    /// Finds and opens the files of the given paths.
    ///
    /// # Errors
    /// When a path holds nothing that can be read.
    pub fn open(paths: &[PathBuf]) -> Result<Self, InputError> {
        let mut inputs = Self {
            files: Vec::new(),
            paths: Vec::new(),
            looks: Vec::new(),
            sources: Vec::new(),
            is_encrypted: false,
            notes: Vec::new(),
        };
        for (nth, path) in (0..).zip(paths) {
            let kind = fs::metadata(path).map_err(|source| match source.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                    InputError::Missing { path: path.clone() }
                }
                _ => unreadable(path, source),
            })?;
            let before = inputs.files.len();
            if kind.is_dir() {
                inputs.folder(nth, path, paths.len() > 1)?;
            } else if kind.is_file() || kind.file_type().is_block_device() {
                let name = match paths.len() {
                    1 => path.file_name().map(Path::new).unwrap_or(path),
                    _ => path,
                };
                let role = path.file_name().and_then(|name| name.to_str());
                let role = role.and_then(Role::of_name).unwrap_or(Role::Data);
                inputs.add(nth, path, name.display().to_string(), role)?;
            } else {
                return Err(InputError::Special { path: path.clone() });
            }
            if inputs.files[before..].iter().all(|file| file.length == 0) {
                return Err(InputError::Empty { path: path.clone() });
            }
        }
        Ok(inputs)
    }

    fn folder(&mut self, nth: u32, folder: &Path, is_one_of_many: bool) -> Result<(), InputError> {
        let found = database_files(folder)?;
        if found.is_empty() {
            return Err(InputError::NoDatabase {
                folder: folder.to_owned(),
                nearby: databases_below(folder),
            });
        }
        if !found.iter().any(|(_, role)| *role == Role::Data) {
            self.notes.push(format!(
                "{} has no Raven.voron: only what its journals hold can come back",
                folder.display()
            ));
        }
        for (path, role) in found {
            let below = path.strip_prefix(folder).unwrap_or(&path);
            let name = match is_one_of_many {
                true => path.display().to_string(),
                false => below.display().to_string(),
            };
            self.add(nth, &path, name, role)?;
        }
        Ok(())
    }

    fn add(&mut self, input: u32, path: &Path, name: String, role: Role) -> Result<(), InputError> {
        let mut handle = Handle::open(path).map_err(|source| unreadable(path, source))?;
        let look = look(&mut handle).map_err(|source| unreadable(path, source))?;
        self.files.push(File {
            input,
            name,
            role,
            length: look.length,
        });
        self.paths.push(path.to_owned());
        self.looks.push(look);
        self.sources.push(Opened::Plain((handle, look.length)));
        Ok(())
    }

    /// Reads data files through the master key of their database.
    ///
    /// # Errors
    /// The key opens no page of a data file.
    pub fn with_key(mut self, key: &MasterKey) -> Result<Self, InputError> {
        self.is_encrypted = true;
        let mut sources = Vec::with_capacity(self.sources.len());
        let files = self.files.iter().zip(&self.paths);
        for ((file, path), source) in files.zip(self.sources) {
            sources.push(match source {
                Opened::Plain(plain) if file.role == Role::Data => {
                    let encrypted = Encrypted::new(plain, key.clone());
                    if !encrypted.is_opened() {
                        return Err(InputError::WrongKey { path: path.clone() });
                    }
                    Opened::Encrypted(encrypted)
                }
                other => other,
            });
        }
        self.sources = sources;
        Ok(self)
    }

    /// Leaves out what has no pages.
    #[must_use]
    pub fn without_journals(mut self) -> Self {
        let roles: Vec<Role> = self.files.iter().map(|file| file.role).collect();
        let mut of = roles.iter();
        let mut wanted = || matches!(of.next(), Some(Role::Data | Role::Header));
        let keep: Vec<bool> = roles.iter().map(|_| wanted()).collect();
        retain(&mut self.files, &keep);
        retain(&mut self.paths, &keep);
        retain(&mut self.looks, &keep);
        retain(&mut self.sources, &keep);
        self
    }

    /// The files as the machine knows them.
    pub fn files(&self) -> Vec<File> {
        self.files.clone()
    }

    /// What was left out or is missing, a sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// As a checkpoint describes them.
    pub(super) fn described(&self) -> Vec<Described> {
        let files = self.files.iter().zip(&self.looks);
        files
            .map(|(file, look)| Described {
                name: match self.is_encrypted {
                    true => format!("{}, read through a key", file.name),
                    false => file.name.clone(),
                },
                input: file.input,
                length: file.length,
                modified: look.modified,
            })
            .collect()
    }

    pub(super) fn sources(&self) -> &[Opened] {
        &self.sources
    }

    /// What is not as it was when the files were opened, a sentence each.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        for (path, before) in self.paths.iter().zip(&self.looks) {
            let now = Handle::open(path).and_then(|mut handle| look(&mut handle));
            let path = path.display();
            match now {
                Ok(now) if now == *before => {}
                Ok(now) if now.identity != before.identity => {
                    changes.push(format!("{path} was replaced by another file"));
                }
                Ok(now) if now.length != before.length => changes.push(format!(
                    "{path} had {} bytes, and has {}",
                    before.length, now.length
                )),
                Ok(_) => changes.push(format!("{path} was written to")),
                Err(error) => changes.push(format!("{path} cannot be opened any more ({error})")),
            }
        }
        changes
    }
}

fn retain<T>(list: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    list.retain(|_| keep.next().is_some_and(|keep| *keep));
}

fn unreadable(path: &Path, source: io::Error) -> InputError {
    InputError::Unreadable {
        path: path.to_owned(),
        source,
    }
}

fn look(handle: &mut Handle) -> io::Result<Look> {
    let about = handle.metadata()?;
    Ok(Look {
        // A device's metadata knows no length.
        length: handle.seek(SeekFrom::End(0))?,
        modified: (about.mtime(), about.mtime_nsec()),
        identity: (about.dev(), about.ino()),
    })
}

/// The files of a database in a folder and in its `Journals`, by their paths.
fn database_files(folder: &Path) -> Result<Vec<(PathBuf, Role)>, InputError> {
    let mut found = Vec::new();
    let journals = folder.join("Journals");
    let mut folders = vec![folder];
    if journals.is_dir() {
        folders.push(&journals);
    }
    for folder in folders {
        let entries = fs::read_dir(folder).map_err(|source| unreadable(folder, source))?;
        for entry in entries {
            let path = entry.map_err(|source| unreadable(folder, source))?.path();
            let name = path.file_name().and_then(|name| name.to_str());
            if let Some(role) = name.and_then(Role::of_name)
                && path.is_file()
            {
                found.push((path, role));
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Folders up to two levels below that have a data file: a server keeps its databases in `Databases/NAME`.
fn databases_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut looked = 0;
    let mut level = vec![folder.to_owned()];
    for _ in 0..2 {
        let mut next = Vec::new();
        for folder in level {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            for path in entries.map(|entry| entry.path()) {
                looked += 1;
                if looked > NEARBY_MAX {
                    return found;
                }
                if path.join("Raven.voron").is_file() {
                    found.push(path);
                } else if path.is_dir() {
                    next.push(path);
                }
            }
        }
        level = next;
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder for the test");
        for name in names {
            let path = folder.path().join(name);
            let parent = path.parent().expect("it lies in a folder");
            fs::create_dir_all(parent).expect("it can be made");
            fs::write(path, name).expect("it can be written");
        }
        folder
    }

    fn names(inputs: &Inputs) -> Vec<(u32, String, Role)> {
        let files = inputs.files().into_iter();
        files
            .map(|file| (file.input, file.name, file.role))
            .collect()
    }

    #[test]
    fn a_folders_files_are_found_by_their_names() {
        let folder = folder(&[
            "Raven.voron",
            "headers.one",
            "0000000000000000007.journal",
            "Journals/recyclable-journal.0000000000000000003",
            "Journals/0000000000000000008.journal",
            "Indexes/Raven.voron",
            "Temp/scratch.0000000000.buffers",
            "readme.txt",
        ]);
        let inputs = Inputs::open(&[folder.path().to_owned()]).expect("there is a database");
        let expected = [
            ("0000000000000000007.journal", Role::Journal(7)),
            ("Journals/0000000000000000008.journal", Role::Journal(8)),
            (
                "Journals/recyclable-journal.0000000000000000003",
                Role::RecyclableJournal(3),
            ),
            ("Raven.voron", Role::Data),
            ("headers.one", Role::Header),
        ];
        let expected: Vec<_> = expected
            .map(|(name, role)| (0, name.to_owned(), role))
            .into();
        assert_eq!(names(&inputs), expected);
        assert_eq!(inputs.notes(), Vec::<String>::new());
        let pages = inputs.without_journals();
        assert_eq!(names(&pages), expected[3..]);
        assert_eq!(pages.sources.len(), 2);
    }

    #[test]
    fn a_lone_file_is_data_whatever_its_name_unless_the_name_says_otherwise() {
        let folder = folder(&["backup.img", "1.journal"]);
        let paths = ["backup.img", "1.journal"].map(|name| folder.path().join(name));
        let data = Inputs::open(&paths[..1]).expect("a file");
        assert_eq!(names(&data), [(0, "backup.img".to_owned(), Role::Data)]);
        let both = Inputs::open(&paths).expect("two files");
        let told = paths.map(|path| path.display().to_string());
        let [data, journal] = told;
        assert_eq!(
            names(&both),
            [(0, data, Role::Data), (1, journal, Role::Journal(1))]
        );
    }

    #[test]
    fn what_cannot_be_salvaged_is_said() {
        let folder = folder(&["empty", "db/Databases/Shop/Raven.voron"]);
        fs::write(folder.path().join("empty"), "").expect("it can be written");
        let open = |name: &str| Inputs::open(&[folder.path().join(name)]).map(drop);
        let missing = open("nowhere").expect_err("it is not there");
        assert!(missing.is_usage() && missing.to_string().contains("nowhere"));
        let missing = open("empty/below").expect_err("it is not there");
        assert!(missing.is_usage(), "{missing}");
        let empty = open("empty").expect_err("it is empty");
        assert!(!empty.is_usage() && empty.to_string().contains("is empty"));
        let none = open("db").expect_err("the database is below");
        assert!(none.is_usage(), "{none}");
        assert!(
            none.to_string().contains("Databases/Shop has one"),
            "{none}"
        );
        let special = Inputs::open(&["/dev/null".into()]).expect_err("a character device");
        assert!(matches!(special, InputError::Special { .. }), "{special}");
    }

    #[test]
    fn changes_are_seen() {
        let folder = folder(&["Raven.voron", "headers.one", "headers.two"]);
        let path = |name: &str| folder.path().join(name);
        let inputs = Inputs::open(&[folder.path().to_owned()]).expect("there is a database");
        assert_eq!(inputs.changes(), Vec::<String>::new());
        fs::write(path("Raven.voron"), "longer than it was").expect("it can be written");
        fs::remove_file(path("headers.one")).expect("it can be removed");
        fs::write(path("new"), "headers.two").expect("it can be written");
        fs::rename(path("new"), path("headers.two")).expect("it can be renamed");
        let changes = inputs.changes();
        assert_eq!(changes.len(), 3, "{changes:?}");
        assert!(
            changes[0].ends_with("had 11 bytes, and has 18"),
            "{changes:?}"
        );
        assert!(changes[1].contains("cannot be opened"), "{changes:?}");
        assert!(changes[2].contains("replaced"), "{changes:?}");
    }
}
