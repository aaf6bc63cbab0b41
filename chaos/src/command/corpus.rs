//! `--corpus DIR`: what reached something new is run first the next time.

use std::path::{Path, PathBuf};

use firedrill_chaos::campaign::Tally;
use firedrill_chaos::corpus::{self, FILES_MAX, Replayed};
use firedrill_chaos::report;

use super::case::{replay_line, worst};

/// Which corpus.
#[derive(Debug, clap::Args)]
pub(crate) struct CorpusArguments {
    /// Run the cases of this folder first, and add those that reach what no other one did.
    #[arg(long, value_name = "DIR", conflicts_with = "planted")]
    corpus: Option<PathBuf>,
    /// Files that it may hold.
    #[arg(long, value_name = "FILES", default_value_t = FILES_MAX, requires = "corpus")]
    corpus_max: usize,
}

/// A corpus whose cases were run.
pub(crate) struct Corpus<'a> {
    folder: &'a Path,
    files_max: usize,
    replayed: Replayed,
}

impl CorpusArguments {
    /// Runs the cases that are there.
    pub(crate) fn replay(&self, jobs: usize) -> anyhow::Result<Option<Corpus<'_>>> {
        let Some(folder) = &self.corpus else {
            return Ok(None);
        };
        let replayed = corpus::replay(folder, jobs)?;
        for (path, violations) in replayed.failures.iter().take(3) {
            eprintln!("{}", report::violations(violations, 2).join("\n"));
            eprintln!(
                "replay: {}\n",
                replay_line(&path.display().to_string(), None)
            );
        }
        Ok(Some(Corpus {
            folder,
            files_max: self.corpus_max,
            replayed,
        }))
    }
}

impl Corpus<'_> {
    /// Keeps what is new, says so, and answers the exit status that the cases deserve.
    pub(crate) fn conclude(&self, root: u64, tally: &Tally) -> anyhow::Result<u8> {
        let Replayed {
            files, failures, ..
        } = &self.replayed;
        let reached = &tally.reached;
        let added = corpus::grow(self.folder, &self.replayed, root, reached, self.files_max)?;
        eprintln!(
            "corpus {}: {files} cases ran first, {} of them failed; {added} were added, for {} signatures met",
            self.folder.display(),
            failures.len(),
            reached.len()
        );
        let violations = failures.iter().flat_map(|(_, violations)| violations);
        Ok(worst(violations.map(|found| found.property.exit_status())))
    }
}
