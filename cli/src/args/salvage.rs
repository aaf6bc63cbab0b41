//! The command line of `salvage`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::ValueEnum;
use firedrill_core::salvage::options::{Options, REPAIR_BUDGET};
use firedrill_core::salvage::record::Class;
use firedrill_core::voron::encryption::MasterKey;

/// Brings everything that still makes sense out of a broken RavenDB database.
///
/// It reads page by page, trusts no tree, takes flipped bits back, redoes journals, and says of every byte what
/// it is. It never writes to what it reads. It can be stopped anywhere (Ctrl-C, kill -9) and gone on with by
/// --resume.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SalvageArgs {
    /// A database's folder, or a lone data file; several copies of one database complete each other
    #[arg(value_name = "PATH", required = true)]
    pub(crate) paths: Vec<PathBuf>,

    /// Where to write: a folder that is new or empty
    #[arg(long, value_name = "DIR", required_unless_present_any = ["dry_run", "verdicts_only"])]
    pub(crate) out: Option<PathBuf>,

    /// Threads that read and decode [default: one for each core]
    #[arg(long, value_name = "N")]
    pub(crate) jobs: Option<NonZeroUsize>,

    /// Go on with what is in DIR, from a run of the same command that was stopped
    #[arg(long, conflicts_with_all = ["dry_run", "verdicts_only"])]
    pub(crate) resume: bool,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,

    /// Write records of these classes only, separated by commas; the list of records and the report name all
    #[arg(long, value_name = "CLASSES", value_delimiter = ',', value_enum)]
    pub(crate) include: Vec<ClassArg>,

    /// What taking one flipped bit back may cost, in steps of the checksum; the default is about a second, and
    /// enough for runs of 128 KiB
    #[arg(long, value_name = "N", default_value_t = REPAIR_BUDGET)]
    pub(crate) repair_budget: u64,

    /// Look at everything, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Only say of each page what it is; reads each page once, and no journals, and writes nothing
    #[arg(long)]
    pub(crate) verdicts_only: bool,

    /// The master key of an encrypted database: 32 bytes, or those in base64. Journals of one that was not
    /// stopped cleanly are not read
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  See what can come back; nothing is written:
    firedrill salvage /var/lib/ravendb/Databases/Shop --dry-run
  Bring it back:
    firedrill salvage /var/lib/ravendb/Databases/Shop --out shop-salvaged
  Go on after Ctrl-C, a kill or a full disk:
    firedrill salvage /var/lib/ravendb/Databases/Shop --out shop-salvaged --resume
  A lone file, whatever it is called and wherever its pages begin:
    firedrill salvage disk-image.bin --out shop-salvaged
  An encrypted database that was stopped cleanly:
    firedrill salvage /var/lib/ravendb/Databases/Shop --master-key-file shop.key --out shop-salvaged
  Two damaged copies of one database:
    firedrill salvage old-disk/Shop new-disk/Shop --out shop-salvaged

What DIR gets:
  salvage.ravendbdump   live records with their attachments; a server imports it
  CLASS.ravendbdump     the same for older, deleted, possibly-deleted and suspect ones
  attachments/          contents that are in none of them; in partial/ what there is of broken ones
  records.ndjson.zst    every record: its class and where it lay, and the bodies of those that are not live
  report.html           what was lost, what was found, and a map of the pages
  report.json           the same for a program

Exit status:
  0    nothing is damaged
  1    something is damaged; whatever could be salvaged is written
  2    wrong usage
  3    something could not be read or written, or the input changed meanwhile
  130  interrupted; the same command with --resume goes on";

/// A class by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClassArg {
    /// The server would show it
    Live,
    /// There was a newer one, or the newer one is lost
    Older,
    /// A tombstone says that it was deleted
    Deleted,
    /// Only in bytes that nothing refers to any more
    PossiblyDeleted,
    /// It decodes, but its checksum is false
    Suspect,
}

impl From<ClassArg> for Class {
    fn from(class: ClassArg) -> Self {
        match class {
            ClassArg::Live => Self::Live,
            ClassArg::Older => Self::Older,
            ClassArg::Deleted => Self::Deleted,
            ClassArg::PossiblyDeleted => Self::PossiblyDeleted,
            ClassArg::Suspect => Self::Suspect,
        }
    }
}

impl SalvageArgs {
    /// What core is to do.
    pub(crate) fn options(&self) -> Options {
        let classes = self.include.iter().map(|class| Class::from(*class));
        Options {
            repair_budget: self.repair_budget,
            classes: match self.include.is_empty() {
                true => Class::ALL.into(),
                false => classes.collect(),
            },
            dry_run: self.writes_nothing(),
            verdicts_only: self.verdicts_only,
            ..Options::default()
        }
    }

    /// The key that is to be read through, if there is one.
    ///
    /// # Errors
    /// A sentence on why the file holds no key.
    pub(crate) fn master_key(&self) -> Result<Option<MasterKey>, String> {
        let Some(path) = &self.master_key_file else {
            return Ok(None);
        };
        let name = path.display();
        let bytes =
            std::fs::read(path).map_err(|error| format!("{name} cannot be read ({error})"))?;
        let key = match <[u8; 32]>::try_from(&*bytes) {
            Ok(key) => Some(key),
            Err(_) => {
                let text = base64_simd::STANDARD.decode_to_vec(bytes.trim_ascii());
                text.ok().and_then(|key| key.try_into().ok())
            }
        };
        let key = key.ok_or_else(|| {
            format!("{name} holds no key: a master key is 32 bytes, as they are or in base64")
        })?;
        Ok(Some(MasterKey::new(key)))
    }

    pub(crate) fn writes_nothing(&self) -> bool {
        self.dry_run || self.verdicts_only
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    fn salvage(words: &[&str]) -> Result<SalvageArgs, String> {
        let line = ["firedrill", "salvage"].iter().chain(words);
        match Args::try_parse_from(line) {
            Ok(Args {
                command: Command::Salvage(salvage),
            }) => Ok(salvage),
            Ok(_) => Err("another command".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn every_option_reaches_the_machine() {
        let line = "db --out o --include live,possibly-deleted --repair-budget 7 --jobs 3";
        let words: Vec<&str> = line.split(' ').collect();
        let args = salvage(&words).expect("a sound line");
        let options = args.options();
        assert_eq!(
            options,
            Options {
                repair_budget: 7,
                classes: [Class::Live, Class::PossiblyDeleted].into(),
                ..Options::default()
            }
        );
        let dry = salvage(&["db", "--dry-run"]).expect("it needs no folder");
        assert!(dry.options().dry_run);
        let verdicts = salvage(&["db", "--verdicts-only"]).expect("it needs no folder");
        let verdicts = verdicts.options();
        assert!(verdicts.dry_run && verdicts.verdicts_only);
        assert_eq!(verdicts.classes.len(), 5);
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        for (words, expected) in [
            (&["db"][..], "--out"),
            (&["--out", "o"], "PATH"),
            (
                &["db", "--out", "o", "--include", "dead"],
                "possibly-deleted",
            ),
            (&["db", "--dry-run", "--resume"], "cannot be used with"),
            (&["db", "--out", "o", "--jobs", "0"], "--jobs"),
        ] {
            let error = salvage(words).map(drop).expect_err("an unsound line");
            assert!(error.contains(expected), "{words:?}: {error}");
        }
    }

    #[test]
    fn a_key_is_32_bytes_or_their_base64() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("key");
        let name = path.display().to_string();
        let words = ["db", "--dry-run", "--master-key-file", &name];
        let args = salvage(&words).expect("a sound line");
        let key = || args.master_key();
        assert!(
            key()
                .expect_err("there is no file")
                .contains("cannot be read")
        );
        std::fs::write(&path, [9; 32]).expect("it can be written");
        assert!(key().expect("32 bytes").is_some());
        std::fs::write(&path, "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n").expect("likewise");
        assert!(key().expect("their base64").is_some());
        std::fs::write(&path, "CQkJ").expect("likewise");
        assert!(key().expect_err("three bytes").contains("32 bytes"));
        let none = salvage(&["db", "--dry-run"]).expect("a sound line");
        assert!(none.master_key().expect("no key").is_none());
    }
}
