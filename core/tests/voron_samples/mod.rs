//! The real storage files, unpacked into memory.

use std::io::{Read, Write};
use std::path::PathBuf;

/// The files of one sample.
pub(crate) struct Sample {
    /// Path inside of the archive and bytes.
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Sample {
    /// Unpacks the sample of this name; none, with a word on it, where no folder with samples is named.
    pub(crate) fn open(name: &str) -> Option<Self> {
        #[allow(
            clippy::disallowed_methods,
            reason = "a test's entry point names its samples"
        )]
        let folder = std::env::var("FIREDRILL_SAMPLES").ok();
        let Some(folder) = folder else {
            let skipped = "skipped: FIREDRILL_SAMPLES names no folder with real storage files";
            writeln!(std::io::stderr(), "{skipped}").expect("standard error can be written");
            return None;
        };
        let folder = PathBuf::from(folder).join("voron");
        let files = if folder.join(format!("{name}.zip")).exists() {
            unzip(&read(folder.join(format!("{name}.zip"))))
        } else {
            untar(&read(folder.join(format!("{name}.tar.zst"))))
        };
        Some(Self { files })
    }

    /// The file whose path ends so.
    pub(crate) fn file(&self, name: &str) -> &[u8] {
        let found = self.files.iter().find(|(path, _)| path.ends_with(name));
        &found.expect("the sample has that file").1
    }
}

#[allow(
    clippy::disallowed_methods,
    reason = "a test reads its samples from disk"
)]
fn read(path: PathBuf) -> Vec<u8> {
    std::fs::read(path).expect("a sample can be read")
}

fn unzip(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let cursor = std::io::Cursor::new(archive);
    let mut archive = zip::ZipArchive::new(cursor).expect("a sample is a zip archive");
    let mut files = Vec::new();
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).expect("an entry can be read");
        if file.is_file() {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)
                .expect("an entry can be unpacked");
            files.push((file.name().to_string(), bytes));
        }
    }
    files
}

fn untar(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let decoder = zstd::stream::read::Decoder::new(archive).expect("a sample is zstd");
    let mut archive = tar::Archive::new(decoder);
    let mut files = Vec::new();
    for entry in archive.entries().expect("a sample is a tar archive") {
        let mut entry = entry.expect("an entry can be read");
        if entry.header().entry_type().is_dir() {
            continue;
        }
        let path = entry.path().expect("a path is text").display().to_string();
        let mut bytes = Vec::new();
        entry
            .read_to_end(&mut bytes)
            .expect("an entry can be unpacked");
        files.push((path, bytes));
    }
    files
}
