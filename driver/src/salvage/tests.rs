//! A salvage of a disk that refuses: files in memory, some of whose bytes cannot be read.

use std::io;
use std::ops::Range;

use firedrill_core::salvage::Use;
use firedrill_core::salvage::file::{File, Role};
use firedrill_core::salvage::record::{Class, Kind};
use firedrill_sim::voron::{Database, DatabaseSpec, Flavour, Operation};

use super::*;

/// A file in memory and where it cannot be read.
struct Disk {
    bytes: Vec<u8>,
    refuses: Vec<Range<u64>>,
}

impl Source for Disk {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let length = self.length();
        let end = (offset + buffer.len() as u64).min(length);
        assert!(length != 13, "a disk that takes the program down");
        let is_bad = |bad: &Range<u64>| bad.start < end && offset < bad.end;
        if self.refuses.iter().any(is_bad) {
            return Err(io::Error::from_raw_os_error(5));
        }
        let bytes = &self.bytes[offset as usize..end as usize];
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(bytes.len())
    }

    fn length(&self) -> u64 {
        self.bytes.len() as u64
    }
}

/// A data file of forty documents.
fn data_file() -> Vec<u8> {
    let mut spec = DatabaseSpec::new(Flavour::V7_2, 7);
    spec.operations = (0..40)
        .map(|document| Operation::Put {
            document,
            size: 1500,
            revision: false,
            replicas: 0,
        })
        .collect();
    spec.operations.push(Operation::Checkpoint { sync: true });
    Database::write(&spec).data
}

fn played(disk: Disk, workers: usize) -> Report {
    let files = vec![File {
        input: 0,
        name: "Raven.voron".to_owned(),
        role: Role::Data,
        length: disk.length(),
    }];
    let start = Event::Start {
        files,
        kept: Kept::new(),
    };
    let options = Options {
        dry_run: true,
        ..Options::default()
    };
    let workers = NonZeroUsize::new(workers).expect("there are some");
    run(&[disk], start, None, options, workers, |_, _| {}).expect("it comes to its end")
}

#[test]
fn a_page_that_cannot_be_read_costs_its_own_records_and_is_named() {
    let bytes = data_file();
    let refuses = Vec::new();
    let whole = played(
        Disk {
            bytes: bytes.clone(),
            refuses,
        },
        2,
    );
    assert_eq!(whole.count(Kind::Document, Class::Live), 40);
    let rows = whole.files[0].ranges.iter();
    let rows: Vec<u64> = rows
        .filter(|(_, _, what)| *what == Use::Rows)
        .flat_map(|(start, end, _)| (*start..*end).step_by(8192))
        .collect();
    assert!(rows.len() > 3, "{rows:?}");
    for page in rows {
        let refused = page + 100..page + 612;
        let disk = || Disk {
            bytes: bytes.clone(),
            refuses: Vec::from([refused.clone()]),
        };
        let hurt = played(disk(), 2);
        assert_eq!(hurt, played(disk(), 1));
        assert_eq!(hurt.files[0].damage, [(page, page + 8192, Use::Unreadable)]);
        let found = hurt.count(Kind::Document, Class::Live);
        let lost = hurt.lost.iter().filter(|lost| lost.kind == Kind::Document);
        assert_eq!(found + lost.count() as u64, 40, "page at {page}");
        assert!(found >= 30, "page at {page}: {found}");
    }
}

#[test]
fn a_disk_that_refuses_everything_comes_to_an_end() {
    let bytes = data_file();
    let length = bytes.len() as u64;
    let refuses = std::iter::once(0..length).collect();
    let report = played(Disk { bytes, refuses }, 3);
    assert_eq!(report.files[0].ranges, [(0, length, Use::Unreadable)]);
    assert_eq!(report.counts.len(), 0);
}

#[test]
#[should_panic(expected = "takes the program down")]
fn a_panic_of_a_worker_is_everybodys_and_no_hang() {
    let bytes = vec![1; 13];
    let refuses = Vec::new();
    played(Disk { bytes, refuses }, 3);
}
