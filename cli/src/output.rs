//! Standard output and standard error, of which either may be closed by the other side.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes to standard output. That nobody listens any more (`| head`) is no failure of the command.
pub(crate) fn say(text: &str) {
    let mut out = io::stdout().lock();
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        complain(&format!("standard output cannot be written ({error})"));
    }
}

/// Writes one sentence to standard error.
pub(crate) fn complain(sentence: &str) {
    show(&format!("firedrill: {sentence}\n"));
}

/// Writes to standard error. Where that is closed there is nobody left to tell.
pub(crate) fn show(text: &str) {
    let mut out = io::stderr().lock();
    let _nobody_left = out.write_all(text.as_bytes());
}

/// A file that can be written, and is written at the end.
#[derive(Debug)]
pub(crate) struct ReportFile {
    path: PathBuf,
    file: File,
}

impl ReportFile {
    /// Opens the file and leaves what is in it alone until there is something better.
    ///
    /// # Errors
    /// A sentence on why it cannot be written.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(path)
            .map_err(|error| {
                format!(
                    "the report cannot be written to {} ({error}); give --report another file",
                    path.display()
                )
            })?;
        Ok(Self {
            path: path.to_owned(),
            file,
        })
    }

    /// Puts `text` in place of whatever the file held.
    ///
    /// # Errors
    /// A sentence on why that failed.
    pub(crate) fn write(mut self, text: &str) -> Result<(), String> {
        let written = self
            .file
            .set_len(0)
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            format!(
                "the report could not be written to {} ({error}); --json prints it",
                self.path.display()
            )
        })
    }
}
