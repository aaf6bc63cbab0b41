//! Plays the machine on files in memory.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use firedrill_core::machine::{Instant, Machine as _};
use firedrill_core::salvage::file::{File, Piece, Read, Reader, Role};
use firedrill_core::salvage::options::Options;
use firedrill_core::salvage::report::Report;
use firedrill_core::salvage::{Effect, Event, Salvage};

/// What came of it.
pub(crate) struct Played {
    pub(crate) report: Report,
    pub(crate) written: BTreeMap<String, Vec<u8>>,
}

struct Memory(Vec<Vec<u8>>);

impl Reader for Memory {
    fn read(&mut self, read: &Read) -> Piece {
        let file = &self.0[read.file.0 as usize];
        let end = read.range.end.min(file.len() as u64) as usize;
        let start = (read.range.start as usize).min(end);
        Piece {
            bytes: file[start..end].to_vec(),
            unreadable: Vec::new(),
        }
    }
}

/// Salvages a folder.
pub(crate) fn play_folder(folder: &Path) -> Played {
    let paths = [folder.to_path_buf(), folder.join("Journals")];
    let entries = paths
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("a folder can be listed").path());
    let files = entries.filter(|path| path.is_file()).map(|path| {
        #[allow(
            clippy::disallowed_methods,
            reason = "a test reads its samples from disk"
        )]
        let bytes = std::fs::read(&path).expect("a file can be read");
        (path.display().to_string(), bytes)
    });
    play(files.collect())
}

/// Salvages files, by their paths.
pub(crate) fn play(mut given: Vec<(String, Vec<u8>)>) -> Played {
    given.sort();
    let mut files = Vec::new();
    let mut bytes = Vec::new();
    for (path, content) in given {
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let Some(role) = Role::of_name(&name) else {
            continue;
        };
        files.push(File {
            input: 0,
            name,
            role,
            length: content.len() as u64,
        });
        bytes.push(content);
    }
    let mut memory = Memory(bytes);
    let mut machine = Salvage::new(Options::default());
    let mut events = VecDeque::from([Event::Start {
        files,
        kept: BTreeMap::new(),
    }]);
    let mut written: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    while let Some(event) = events.pop_front() {
        let mut out = Vec::new();
        machine.step(Instant::START, event, &mut out);
        for effect in out {
            match effect {
                Effect::Run { id, task, .. } => {
                    let findings = task.run(&mut memory);
                    events.push_back(Event::Done { id, findings });
                }
                Effect::Write { path, bytes } => written.entry(path).or_default().extend(bytes),
                Effect::Progress(_) => {}
                Effect::Finished(report) => {
                    return Played {
                        report: *report,
                        written,
                    };
                }
            }
        }
    }
    panic!("the machine came to no end");
}
