//! The file: a header, and records that are appended and never changed.
//!
//! ```text
//!  file    "fdrill\r\n" 8 │ u32 version │ u32 CRC-32C of the 12 before │ record │ record │ …
//!  record  u64 number │ u64 length │ u32 CRC-32C of the payload │ u32 CRC-32C of the 20 before │ payload
//! ```
//!
//! Little endian; numbers count from 1 without a gap. The first 24 bytes of a record have a checksum of their
//! own, so that a length is trusted before it is followed, and so that a record behind a damaged one is found.
//!
//! What an unsound place means:
//!
//! | found | meaning |
//! |---|---|
//! | fewer than 24 bytes, or a sound head whose payload goes beyond the end | a write that was cut short: cut off |
//! | a sound head, a payload of another checksum, and nothing behind it | the last record, flipped or torn: cut off |
//! | the same with anything behind it | damage in the middle: refused |
//! | no sound head, and none anywhere behind | the last record: cut off |
//! | the same, and a sound head with a higher number behind | damage in the middle: refused |
//! | a sound head with another number than the next | records are missing or strange: refused |

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use s3s::crypto::{Checksum as _, Crc32c};

use super::{DataError, Event, record};

/// The format's version.
pub(super) const VERSION: u32 = 1;

const MAGIC: [u8; 8] = *b"fdrill\r\n";
const FILE_HEAD: usize = 16;
const RECORD_HEAD: usize = 24;

/// The open log.
#[derive(Debug)]
pub(in crate::http) struct Log {
    file: File,
    path: PathBuf,
    records: u64,
    /// A record may stand there in part.
    broken: bool,
    /// Held as long as the log is written.
    _lock: File,
}

/// An end that was no sound record, and is no longer there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    path: PathBuf,
    record: u64,
    offset: u64,
    bytes: u64,
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            path,
            record,
            offset,
            bytes,
        } = self;
        write!(
            f,
            "{} ended in {bytes} bytes that are no sound record ({record}, at byte {offset}) and were cut off: a write that was never answered, unless the disk changed its last one",
            path.display()
        )
    }
}

impl Log {
    /// Reads a log from its beginning, hands each record on, cuts off an unsound end, and goes on behind it.
    pub(super) fn open(
        path: PathBuf,
        mut file: File,
        lock: File,
        mut each: impl FnMut(Vec<Event>),
    ) -> Result<(Self, Option<Cut>), DataError> {
        let unusable = |source| DataError::Unusable {
            path: path.clone(),
            source,
        };
        let mut head = Vec::new();
        let mut start = (&file).take(FILE_HEAD as u64);
        start.read_to_end(&mut head).map_err(unusable)?;
        let known = check_file_head(&head).map_err(|version| match version {
            Some(version) => DataError::Later {
                path: path.clone(),
                version,
            },
            None => DataError::NotALog { path: path.clone() },
        })?;
        if !known {
            file.set_len(0).map_err(unusable)?;
            file.write_all(&file_head()).map_err(unusable)?;
        }
        let ((end, next), cut) = Scan::each(&path, &file, Scan::first(), |payload| {
            record::decode(payload).map(&mut each)
        })?;
        if cut.is_some() {
            file.set_len(end).map_err(unusable)?;
        }
        let log = Self {
            file,
            path,
            records: next - 1,
            broken: false,
            _lock: lock,
        };
        Ok((log, cut))
    }

    /// Adds a record, or none where nothing happened: when this returns the operating system has it.
    ///
    /// # Errors
    /// It has it not, or not wholly. From then on there are only errors: behind a record that is not whole
    /// another one would be lost.
    pub(in crate::http) fn append(&mut self, events: &[Event]) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::other("a record before could not be written"));
        }
        if events.is_empty() {
            return Ok(());
        }
        let mut bytes = vec![0; RECORD_HEAD];
        record::encode(events, &mut bytes);
        let head = record_head(self.records + 1, &bytes[RECORD_HEAD..]);
        bytes[..RECORD_HEAD].copy_from_slice(&head);
        self.broken = true;
        self.file.write_all(&bytes)?;
        self.broken = false;
        self.records += 1;
        Ok(())
    }

    /// A log whose every write fails.
    #[cfg(test)]
    pub(in crate::http) fn read_only(path: PathBuf, lock: File) -> Self {
        Self {
            file: File::open(&path).expect("the log is there"),
            path,
            records: 0,
            broken: false,
            _lock: lock,
        }
    }

    /// How many records it has.
    pub(in crate::http) fn records(&self) -> u64 {
        self.records
    }

    /// Where it is.
    pub(in crate::http) fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads record after record.
pub(super) struct Scan<'f> {
    reader: BufReader<&'f File>,
    /// Where the next record begins.
    offset: u64,
    /// Of the file.
    length: u64,
    /// The next record's number.
    record: u64,
}

enum Found {
    Record(Bytes),
    End,
    UnsoundEnd,
    Damage,
}

/// Where a record begins, in bytes from the file's first, and its number.
type Place = (u64, u64);

impl<'f> Scan<'f> {
    /// Of the first record.
    pub(super) fn first() -> Place {
        (FILE_HEAD as u64, 1)
    }

    /// Hands each sound record's payload on, from a place on, up to the end or to what is no sound record.
    /// Answers where that is, and what is there.
    pub(super) fn each(
        path: &Path,
        file: &'f File,
        (offset, record): Place,
        mut each: impl FnMut(Bytes) -> Result<(), String>,
    ) -> Result<(Place, Option<Cut>), DataError> {
        let unusable = |source| DataError::Unusable {
            path: path.to_owned(),
            source,
        };
        let mut reader = BufReader::new(file);
        let length = reader.seek(SeekFrom::End(0)).map_err(unusable)?;
        reader.seek(SeekFrom::Start(offset)).map_err(unusable)?;
        let mut scan = Self {
            reader,
            offset,
            length: length.max(offset),
            record,
        };
        let cut = loop {
            match scan.next().map_err(unusable)? {
                Found::Record(payload) => {
                    each(payload).map_err(|why| DataError::NotUnderstood {
                        path: path.to_owned(),
                        record: scan.record - 1,
                        why,
                    })?;
                }
                Found::End => break None,
                Found::UnsoundEnd => {
                    break Some(Cut {
                        path: path.to_owned(),
                        record: scan.record,
                        offset: scan.offset,
                        bytes: scan.length - scan.offset,
                    });
                }
                Found::Damage => {
                    return Err(DataError::Damaged {
                        path: path.to_owned(),
                        record: scan.record,
                        offset: scan.offset,
                    });
                }
            }
        };
        Ok(((scan.offset, scan.record), cut))
    }

    fn next(&mut self) -> io::Result<Found> {
        let left = self.length - self.offset;
        if left == 0 {
            return Ok(Found::End);
        }
        if left < RECORD_HEAD as u64 {
            return Ok(Found::UnsoundEnd);
        }
        let mut head = [0; RECORD_HEAD];
        self.reader.read_exact(&mut head)?;
        let Some((number, length, checksum)) = parse(&head) else {
            return self.without_head(&head);
        };
        if number != self.record {
            // Whole, and not the next one: no write of ours that was cut short.
            return Ok(Found::Damage);
        }
        let end = (RECORD_HEAD as u64).saturating_add(length);
        if end > left {
            return Ok(Found::UnsoundEnd);
        }
        let mut payload = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.reader.read_exact(&mut payload)?;
        if Crc32c::checksum(&payload) != checksum {
            return Ok(if end == left {
                Found::UnsoundEnd
            } else {
                Found::Damage
            });
        }
        self.offset += end;
        self.record = number + 1;
        Ok(Found::Record(payload.into()))
    }

    /// The head is not what it should be: whether a later record follows somewhere.
    fn without_head(&mut self, head: &[u8]) -> io::Result<Found> {
        let mut rest = head.to_vec();
        self.reader.read_to_end(&mut rest)?;
        let later = rest
            .windows(RECORD_HEAD)
            .skip(1)
            .any(|window| parse(window).is_some_and(|(number, _, _)| number > self.record));
        Ok(if later {
            Found::Damage
        } else {
            Found::UnsoundEnd
        })
    }
}

/// A record's number, length and checksum, if the head's own checksum is right.
fn parse(head: &[u8]) -> Option<(u64, u64, [u8; 4])> {
    let (fields, checksum) = head.split_at(RECORD_HEAD - 4);
    let number = u64::from_le_bytes(fields[..8].try_into().ok()?);
    let length = u64::from_le_bytes(fields[8..16].try_into().ok()?);
    // Records are fewer than bytes of any disk: most places of a file are told apart without a checksum.
    let plausible = number < 1 << 48 && length < 1 << 48;
    let sound = plausible && Crc32c::checksum(fields) == checksum;
    sound.then(|| {
        (
            number,
            length,
            [fields[16], fields[17], fields[18], fields[19]],
        )
    })
}

fn record_head(number: u64, payload: &[u8]) -> [u8; RECORD_HEAD] {
    let mut head = [0; RECORD_HEAD];
    head[..8].copy_from_slice(&number.to_le_bytes());
    head[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    head[16..20].copy_from_slice(&Crc32c::checksum(payload));
    let checksum = Crc32c::checksum(&head[..20]);
    head[20..].copy_from_slice(&checksum);
    head
}

fn file_head() -> [u8; FILE_HEAD] {
    let mut head = [0; FILE_HEAD];
    head[..8].copy_from_slice(&MAGIC);
    head[8..12].copy_from_slice(&VERSION.to_le_bytes());
    let checksum = Crc32c::checksum(&head[..12]);
    head[12..].copy_from_slice(&checksum);
    head
}

/// Whether the head is there: false for a file whose first write was cut short. Err: the version of a later
/// release, or something else altogether.
fn check_file_head(head: &[u8]) -> Result<bool, Option<u32>> {
    let ours = file_head();
    if head == ours {
        return Ok(true);
    }
    if head.len() < FILE_HEAD && ours.starts_with(head) {
        return Ok(false);
    }
    let sound = head.len() == FILE_HEAD
        && head.starts_with(&MAGIC)
        && Crc32c::checksum(&head[..12]) == head[12..];
    let version = sound.then(|| u32::from_le_bytes([head[8], head[9], head[10], head[11]]));
    Err(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Time;

    #[test]
    fn behind_a_record_that_could_not_be_written_none_is_added() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log");
        let writable = File::create(&path).expect("there is room");
        let lock = File::create(folder.path().join("lock")).expect("there is room");
        let mut log = Log::read_only(path.clone(), lock);
        let created = Event::BucketCreated {
            bucket: "lake".into(),
            created: Time(0),
        };
        let events = std::slice::from_ref(&created);
        log.append(events).expect_err("it is read only");
        // There is room again, say; but a part of the record may stand there.
        log.file = writable;
        log.append(events).expect_err("it stays so");
        log.append(&[])
            .expect_err("even if there is nothing to add");
        assert_eq!(std::fs::read(&path).expect("it is there"), b"");
    }
}
