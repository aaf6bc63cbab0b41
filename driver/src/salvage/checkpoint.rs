//! The checkpoint: what a run found, so that the next one need not look for it again.
//!
//! ```text
//!  "firedrill salvage checkpoint 1\n"
//!  u64 length │ u64 XXH64 │ MessagePack: Description        which files, which options
//!  u64 length │ u64 XXH64 │ MessagePack: (task, Findings)   little-endian, the hash's seed is the record's place
//!  …
//!  u64 length │ u64 XX                                      torn: the tail from here on is cut off
//! ```
//!
//! Invariants: a record counts if it is whole, and with every record before it; a checkpoint of other files,
//! other options or another release of the program is never taken over.
//!
//! It outlives the process (kill -9), not a power cut: records are not forced to the disk one by one. What a
//! power cut tears is found by the hashes, and done again.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh64::xxh64;

use super::Kept;

const MAGIC: &[u8] = b"firedrill salvage checkpoint 1\n";

/// A record's length and hash.
const HEAD_BYTES: usize = 16;

/// What a checkpoint is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The program's release.
    pub release: String,
    /// Options that decide what is found or written, by their names.
    pub options: BTreeMap<String, String>,
    /// In their order.
    pub files: Vec<Described>,
}

/// One input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// As the report has it.
    pub name: String,
    /// Which of the given paths it belongs to.
    pub input: u32,
    /// Bytes.
    pub length: u64,
    /// Seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
}

impl Description {
    /// How `now` differs, a sentence each.
    pub(super) fn differences(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.release != now.release {
            found.push(format!(
                "it was begun by release {}, and this is {}",
                self.release, now.release
            ));
        }
        for (name, then) in &self.options {
            let value = now.options.get(name);
            if value != Some(then) {
                let value = value.map_or("nothing", String::as_str);
                found.push(format!("{name} was {then}, and is {value}"));
            }
        }
        let by_name = |files: &[Described]| -> BTreeMap<(u32, String), Described> {
            let files = files.iter().cloned();
            files
                .map(|file| ((file.input, file.name.clone()), file))
                .collect()
        };
        let (before, after) = (by_name(&self.files), by_name(&now.files));
        for (place, then) in &before {
            match after.get(place) {
                None => found.push(format!("{} is not there any more", then.name)),
                Some(file) if file.length != then.length => found.push(format!(
                    "{} had {} bytes, and has {}",
                    then.name, then.length, file.length
                )),
                Some(file) if file.modified != then.modified => {
                    found.push(format!("{} was written to since", then.name));
                }
                Some(_) => {}
            }
        }
        let new = after
            .iter()
            .filter(|(place, _)| !before.contains_key(place));
        found.extend(new.map(|(_, file)| format!("{} was not there", file.name)));
        if found.is_empty() && self != now {
            found.push("the files were given in another order".to_owned());
        }
        found
    }
}

/// Why a checkpoint cannot be gone on with.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Somebody else writes it.
    InUse,
    /// It is no checkpoint.
    Foreign,
    /// Of another command.
    Differs(Vec<String>),
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A checkpoint that is written to.
#[derive(Debug)]
pub(super) struct Checkpoint {
    file: File,
    /// Where the next record goes.
    end: u64,
}

impl Checkpoint {
    /// Begins a new one.
    pub(super) fn create(path: &Path, description: &Description) -> Result<Self, Refusal> {
        let file = OpenOptions::new().create_new(true).write(true).open(path)?;
        lock(&file)?;
        let mut new = Self { file, end: 0 };
        new.begin(description)?;
        Ok(new)
    }

    /// Goes on with one, and gives the findings in it.
    pub(super) fn resume(path: &Path, description: &Description) -> Result<(Self, Kept), Refusal> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        lock(&file)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let begins = bytes.len().min(MAGIC.len());
        if bytes[..begins] != MAGIC[..begins] {
            return Err(Refusal::Foreign);
        }
        let mut at = MAGIC.len();
        let Some(first) = record(&bytes, &mut at) else {
            // Killed before it had said what it was for.
            let mut new = Self { file, end: 0 };
            new.begin(description)?;
            return Ok((new, Kept::new()));
        };
        let then: Description = rmp_serde::from_slice(first).map_err(|_| Refusal::Foreign)?;
        let differences = then.differences(description);
        if !differences.is_empty() {
            return Err(Refusal::Differs(differences));
        }
        let mut kept = Kept::new();
        let mut end = at;
        while let Some(payload) = record(&bytes, &mut at) {
            let Ok((id, findings)) = rmp_serde::from_slice(payload) else {
                break;
            };
            kept.insert(id, findings);
            end = at;
        }
        let mut resumed = Self {
            file,
            end: end as u64,
        };
        resumed.cut()?;
        Ok((resumed, kept))
    }

    fn begin(&mut self, description: &Description) -> io::Result<()> {
        self.cut()?;
        self.file.write_all(MAGIC)?;
        self.end = MAGIC.len() as u64;
        self.append(&pack(description))
    }

    /// Cuts off what is behind the last whole record.
    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.end)?;
        self.file.seek(SeekFrom::Start(self.end)).map(drop)
    }

    /// Adds a record.
    pub(super) fn append(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + payload.len());
        bytes.extend((payload.len() as u64).to_le_bytes());
        bytes.extend(xxh64(payload, self.end).to_le_bytes());
        bytes.extend(payload);
        self.file.write_all(&bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

/// One process at a time.
fn lock(file: &File) -> Result<(), Refusal> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Refusal::InUse),
        // A file system without locks: then nobody can hold one.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        Err(TryLockError::Error(error)) => Err(Refusal::Io(error)),
    }
}

/// A value as a record has it.
pub(super) fn pack(value: &impl Serialize) -> Vec<u8> {
    rmp_serde::to_vec(value).expect("a vector takes every byte, and all lengths are known")
}

/// The record at a place, if it is whole; then `at` is behind it.
fn record<'a>(bytes: &'a [u8], at: &mut usize) -> Option<&'a [u8]> {
    let start = *at;
    let head = bytes.get(start..start.checked_add(HEAD_BYTES)?)?;
    let length = u64::from_le_bytes(head[..8].try_into().ok()?);
    let hash = u64::from_le_bytes(head[8..].try_into().ok()?);
    let from = start + HEAD_BYTES;
    let end = from.checked_add(usize::try_from(length).ok()?)?;
    let payload = bytes.get(from..end)?;
    (xxh64(payload, start as u64) == hash).then(|| {
        *at = end;
        payload
    })
}

#[cfg(test)]
mod tests {
    use firedrill_core::salvage::task::Findings;

    use super::*;

    fn description() -> Description {
        let options = [("--repair-budget".to_owned(), "7".to_owned())];
        let file = |name: &str| Described {
            name: name.to_owned(),
            input: 0,
            length: 8192,
            modified: (1, 2),
        };
        Description {
            release: "0.1.0".to_owned(),
            options: options.into(),
            files: vec![file("Raven.voron"), file("headers.one")],
        }
    }

    fn findings(nth: u64) -> Findings {
        Findings::Header(Some((nth, 2 * nth)))
    }

    fn shown(kept: &Kept) -> String {
        format!("{kept:?}")
    }

    #[test]
    fn every_torn_tail_is_cut_off_and_what_is_before_it_counts() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("checkpoint");
        let mut ends = vec![0];
        {
            let mut written = Checkpoint::create(&path, &description()).expect("it can be written");
            ends.push(written.end);
            for nth in 0..4_u64 {
                let record = pack(&(nth, &findings(nth)));
                written.append(&record).expect("it can be written");
                ends.push(written.end);
            }
        }
        let whole = std::fs::read(&path).expect("it is there");
        for length in 0..=whole.len() {
            std::fs::write(&path, &whole[..length]).expect("it can be written");
            let (mut resumed, kept) = Checkpoint::resume(&path, &description())
                .unwrap_or_else(|refusal| panic!("cut at {length}: {refusal:?}"));
            let through = ends.iter().filter(|end| **end <= length as u64).count();
            let expected: Kept = (0..through.saturating_sub(2) as u64)
                .map(|nth| (nth, findings(nth)))
                .collect();
            assert_eq!(shown(&kept), shown(&expected), "cut at {length}");
            let more = pack(&(9_u64, &findings(9)));
            resumed.append(&more).expect("it can be written");
            drop(resumed);
            let (_, kept) = Checkpoint::resume(&path, &description()).expect("it is whole");
            assert_eq!(kept.len(), expected.len() + 1, "cut at {length}");
        }
    }

    #[test]
    fn a_changed_byte_ends_what_counts() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("checkpoint");
        let mut written = Checkpoint::create(&path, &description()).expect("it can be written");
        let first_end = written.end;
        for nth in 0..3_u64 {
            let record = pack(&(nth, &findings(nth)));
            written.append(&record).expect("it can be written");
        }
        drop(written);
        let whole = std::fs::read(&path).expect("it is there");
        for at in first_end as usize..whole.len() {
            let mut hurt = whole.clone();
            hurt[at] ^= 0x10;
            std::fs::write(&path, &hurt).expect("it can be written");
            let (_, kept) = Checkpoint::resume(&path, &description()).expect("its head is whole");
            assert!(kept.len() < 3, "changed at {at}");
            for (nth, found) in kept {
                assert_eq!(format!("{found:?}"), format!("{:?}", findings(nth)));
            }
        }
    }

    #[test]
    fn what_differs_is_named() {
        let then = description();
        let mut now = then.clone();
        now.options
            .insert("--repair-budget".to_owned(), "8".to_owned());
        now.files[0].length = 9;
        now.files[1].modified = (5, 5);
        assert_eq!(
            then.differences(&now),
            [
                "--repair-budget was 7, and is 8",
                "Raven.voron had 8192 bytes, and has 9",
                "headers.one was written to since",
            ]
        );
        now = then.clone();
        now.files[1].name = "headers.two".to_owned();
        assert_eq!(
            then.differences(&now),
            [
                "headers.one is not there any more",
                "headers.two was not there"
            ]
        );
        now = then.clone();
        now.files.reverse();
        assert_eq!(then.differences(&now).len(), 1);
        assert_eq!(then.differences(&then), Vec::<String>::new());
    }

    #[test]
    fn two_at_a_time_and_foreign_files_are_refused() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("checkpoint");
        let written = Checkpoint::create(&path, &description()).expect("it can be written");
        let second = Checkpoint::resume(&path, &description());
        assert!(matches!(second, Err(Refusal::InUse)), "{second:?}");
        drop(written);
        std::fs::write(&path, "something else").expect("it can be written");
        let foreign = Checkpoint::resume(&path, &description());
        assert!(matches!(foreign, Err(Refusal::Foreign)), "{foreign:?}");
    }
}
