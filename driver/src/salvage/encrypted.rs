//! Encrypted data files, read as if they were not.
//!
//! ```text
//!  in the file     | head | nonce, code | ciphertext of the whole run …            |
//!                                              │ master key
//!  what is read    | head | checksum    | the run as an unencrypted database has it |
//! ```
//!
//! A run is encrypted as a whole, so that reading from its middle means reading all of it: which pages belong
//! together is found out in one pass at the beginning, by what the key opens.
//!
//! Invariant: what the key does not open is handed on as it is, and is damaged to whoever reads it.
//!
//! Deliberately not here: journals. Those of an encrypted database that was not stopped cleanly are not read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;

use firedrill_core::voron::encryption::MasterKey;
use firedrill_core::voron::page::Header;

use super::reader::{Source, fill};

const PAGE: u64 = 8192;

/// More pages than any run has: a head that says more is damaged.
const RUN_PAGES_MAX: u64 = 1 << 18;

/// A data file and its key.
#[derive(Debug)]
pub(super) struct Encrypted {
    file: (File, u64),
    key: MasterKey,
    /// Runs of several pages: where each begins, and its length, both in bytes.
    runs: BTreeMap<u64, u64>,
    /// Runs that the key opens.
    opened: u64,
}

impl Encrypted {
    /// Goes through the file once.
    pub(super) fn new(file: (File, u64), key: MasterKey) -> Self {
        let mut encrypted = Self {
            file,
            key,
            runs: BTreeMap::new(),
            opened: 0,
        };
        let mut at = 0;
        while at < encrypted.file.length() {
            at += encrypted.examine(at);
        }
        encrypted
    }

    /// Whether the key opens anything at all.
    pub(super) fn is_opened(&self) -> bool {
        self.opened > 0
    }

    /// Looks at the run that may begin here; says how many bytes further the next one may.
    fn examine(&mut self, at: u64) -> u64 {
        let Some(mut run) = self.raw(at, PAGE) else {
            return PAGE;
        };
        let header = Header::read(&run).filter(Header::is_plausible);
        let pages = header.and_then(|header| header.pages());
        let Some(pages) = pages.filter(|pages| *pages <= RUN_PAGES_MAX) else {
            return PAGE;
        };
        let bytes = pages * PAGE;
        if pages > 1 {
            match self.raw(at, bytes) {
                Some(whole) => run = whole,
                None => return PAGE,
            }
        }
        if self.key.open_run(&mut run).is_err() {
            return PAGE;
        }
        self.opened += 1;
        if pages > 1 {
            self.runs.insert(at, bytes);
        }
        bytes
    }

    /// Bytes as they are in the file; none where not all of them can be read.
    fn raw(&self, at: u64, bytes: u64) -> Option<Vec<u8>> {
        let end = at.checked_add(bytes)?;
        if end > self.file.length() {
            return None;
        }
        let mut raw = vec![0; usize::try_from(bytes).ok()?];
        let read = fill(&self.file, &mut raw, at).ok()?;
        (read == raw.len()).then_some(raw)
    }

    /// Where the run that holds this byte begins, and how long it is.
    fn run_of(&self, at: u64) -> (u64, u64) {
        let before = self.runs.range(..=at).next_back();
        match before.filter(|(start, bytes)| at < **start + **bytes) {
            Some((start, bytes)) => (*start, *bytes),
            None => (at - at % PAGE, PAGE),
        }
    }
}

impl Source for Encrypted {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let length = self.file.length();
        let end = length.min(offset.saturating_add(buffer.len() as u64));
        if offset >= end {
            return Ok(0);
        }
        let (first, _) = self.run_of(offset);
        let (last, bytes) = self.run_of(end - 1);
        let Some(mut whole) = self.raw(first, (last + bytes).min(length) - first) else {
            // Of a run that cannot be read as a whole what can be read is handed on as it is.
            return self.file.read_at(buffer, offset);
        };
        let mut at = first;
        while at < end {
            let (_, bytes) = self.run_of(at);
            let start = (at - first) as usize;
            if let Some(run) = whole.get_mut(start..start + bytes as usize) {
                // What it does not open stays as it is, and is damaged to whoever reads it.
                let _is_opened = self.key.open_run(run);
            }
            at += bytes;
        }
        let wanted = &whole[(offset - first) as usize..(end - first) as usize];
        buffer[..wanted.len()].copy_from_slice(wanted);
        Ok(wanted.len())
    }

    fn length(&self) -> u64 {
        self.file.length()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use firedrill_sim::voron::{Database, DatabaseSpec, Flavour, Operation};

    use super::*;

    const KEY: [u8; 32] = [7; 32];

    fn data(key: Option<[u8; 32]>) -> Vec<u8> {
        let mut spec = DatabaseSpec::new(Flavour::V7_2, 7);
        spec.master_key = key;
        spec.operations = (0..30)
            .map(|document| Operation::Put {
                document,
                size: if document % 5 == 0 { 30_000 } else { 900 },
                revision: false,
                replicas: 0,
            })
            .collect();
        spec.operations.push(Operation::Checkpoint { sync: true });
        Database::write(&spec).data
    }

    fn opened(bytes: &[u8], key: [u8; 32]) -> Encrypted {
        let mut file = tempfile::tempfile().expect("a file for the test");
        file.write_all(bytes).expect("it can be written");
        Encrypted::new((file, bytes.len() as u64), MasterKey::new(key))
    }

    fn read(source: &Encrypted, offset: u64, bytes: usize) -> Vec<u8> {
        let mut buffer = vec![0; bytes];
        let read = source.read_at(&mut buffer, offset);
        buffer.truncate(read.expect("the file can be read"));
        buffer
    }

    #[test]
    fn every_range_reads_as_if_nothing_were_encrypted() {
        let (plain, cipher) = (data(None), data(Some(KEY)));
        assert_ne!(plain, cipher);
        let source = opened(&cipher, KEY);
        assert!(source.is_opened() && !source.runs.is_empty());
        let whole = read(&source, 0, cipher.len());
        let differing = plain
            .chunks(PAGE as usize)
            .zip(whole.chunks(PAGE as usize))
            .filter(|(plain, read)| plain != read);
        assert_eq!(differing.count(), 0);
        for (offset, bytes) in [(100, 50), (8191, 2), (70_000, 40_000), (16_384, 8192)] {
            let range = offset as usize..offset as usize + bytes;
            assert_eq!(read(&source, offset, bytes), plain[range]);
        }
        let end = cipher.len() as u64;
        assert_eq!(read(&source, end - 10, 100), plain[plain.len() - 10..]);
        assert_eq!(read(&source, end + 1, 100), Vec::<u8>::new());
    }

    #[test]
    fn what_the_key_does_not_open_stays_as_it_is() {
        let cipher = data(Some(KEY));
        let wrong = opened(&cipher, [8; 32]);
        assert!(!wrong.is_opened());
        assert_eq!(read(&wrong, 0, cipher.len()), cipher);
        let mut hurt = cipher.clone();
        hurt[5 * PAGE as usize + 300] ^= 1;
        let (before, after) = (opened(&cipher, KEY), opened(&hurt, KEY));
        let page = |source: &Encrypted, nth: u64| read(source, nth * PAGE, PAGE as usize);
        assert_eq!(page(&after, 4), page(&before, 4));
        assert_ne!(page(&after, 5), page(&before, 5));
        assert_eq!(page(&after, 5), hurt[5 * PAGE as usize..6 * PAGE as usize]);
    }
}
