//! Plays the machine on files in memory.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use firedrill_core::machine::{Instant, Machine as _};
use firedrill_core::salvage::file::{File, Piece, Read, Reader, Role};
use firedrill_core::salvage::options::Options;
use firedrill_core::salvage::report::Report;
use firedrill_core::salvage::{Effect, Event, Salvage};

/// What came of it.
pub struct Played {
    pub report: Report,
    pub written: BTreeMap<String, Vec<u8>>,
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
pub fn play(folder: &Path) -> Played {
    let mut paths: Vec<_> = [folder.to_path_buf(), folder.join("Journals")]
        .iter()
        .filter_map(|folder| std::fs::read_dir(folder).ok())
        .flatten()
        .map(|entry| entry.expect("a folder can be listed").path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    let mut files = Vec::new();
    let mut bytes = Vec::new();
    for path in paths {
        let name = path
            .file_name()
            .expect("it is a file")
            .to_string_lossy()
            .into_owned();
        let Some(role) = Role::of_name(&name) else {
            continue;
        };
        let content = std::fs::read(&path).expect("it can be read");
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
    let mut step = None;
    let began = std::time::Instant::now();
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
                Effect::Progress(progress) => {
                    if step != Some(progress.step) {
                        println!("{:?} {:?}", began.elapsed(), progress);
                    }
                    step = Some(progress.step);
                }
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
