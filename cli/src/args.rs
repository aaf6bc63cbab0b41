//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use firedrill_core::amend::{Layout, Options, Target};
use firedrill_core::object::WallTime;
use firedrill_s3_mock::Versioning;

use crate::address::Address;
use crate::connect::Bucket;
use crate::moment;

mod salvage;
mod sql;

pub(crate) use salvage::SalvageArgs;
pub(crate) use sql::SqlArgs;

/// Brings lost data back, and says exactly what cannot be brought back.
#[derive(Debug, Parser)]
#[command(name = "firedrill", version, propagate_version = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Amend(AmendArgs),
    Sql(SqlArgs),
    Salvage(SalvageArgs),
    Serve(ServeArgs),
    /// Prints the script that makes a shell complete firedrill's command line
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// Which shell
        shell: Shell,
    },
    /// Prints a page of the manual
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// Whose page; without it the one that names all commands
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
    source <(firedrill completions bash)
    firedrill completions zsh > ~/.zfunc/_firedrill
    firedrill completions fish > ~/.config/fish/completions/firedrill.fish";

const MAN_EXAMPLES: &str = "\
Examples:
    firedrill man amend | man -l -
    firedrill man amend > /usr/local/share/man/man1/firedrill-amend.1";

/// Brings a table's deleted or overwritten objects back, from a bucket with versioning.
///
/// Without --apply it changes nothing, and says what it would do, what is lost, and what it would cost.
/// It never deletes a data version and never touches a key that the table does not reference. It can be
/// stopped anywhere (Ctrl-C) and run again.
#[derive(Debug, clap::Args)]
#[command(after_help = AMEND_EXAMPLES)]
pub(crate) struct AmendArgs {
    /// Where the table is: s3://BUCKET/ROOT/DB_ID/TABLE_ID/
    #[arg(value_name = "S3_URL")]
    pub(crate) address: Address,

    /// Change the bucket; without it only plan
    #[arg(long)]
    pub(crate) apply: bool,

    /// Bring back the newest commit made at or before TIME (RFC 3339; UTC where no offset is given; a date
    /// alone is its first moment)
    #[arg(long, value_name = "TIME", value_parser = moment::parse, conflicts_with = "snapshot")]
    pub(crate) as_of: Option<WallTime>,

    /// Bring back the commit of this snapshot (its location as in the metadata, its key, or its s3:// URL)
    #[arg(long, value_name = "LOCATION")]
    pub(crate) snapshot: Option<String>,

    /// Also bring back what the commit's ancestors reference (time travel)
    #[arg(long)]
    pub(crate) history: bool,

    /// How the objects belong together
    #[arg(long, value_enum, default_value_t = LayoutArg::Fuse)]
    pub(crate) layout: LayoutArg,

    /// Print the report as one JSON document
    #[arg(long)]
    pub(crate) json: bool,

    /// Write the report as JSON to FILE as well
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,

    /// Say why this key was decided as it was, and print the command line of aws that does the same; changes nothing
    #[arg(long, value_name = "KEY", conflicts_with_all = ["apply", "json", "report"])]
    pub(crate) explain: Option<String>,

    /// Requests under way at once, at most
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) concurrency: u16,

    /// Where the object storage is, if not at AWS (also: AWS_ENDPOINT_URL)
    #[arg(long, value_name = "URL", value_parser = endpoint_url)]
    pub(crate) endpoint_url: Option<String>,

    /// The bucket's region (also: AWS_REGION, the profile; us-east-1 if nothing says otherwise)
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,

    /// The profile in ~/.aws that has the credentials (also: AWS_PROFILE)
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
}

const AMEND_EXAMPLES: &str = "\
Examples:
  See what is lost and what can come back; nothing is changed:
    firedrill amend s3://lake/warehouse/9/16/
  Bring it back:
    firedrill amend s3://lake/warehouse/9/16/ --apply
  Bring the state of a moment back, and keep the report:
    firedrill amend s3://lake/warehouse/9/16/ --as-of 2026-11-21T03:26:07 --apply --report report.json
  See why one object is decided as it is, and how to do the same by hand:
    firedrill amend s3://lake/warehouse/9/16/ --explain warehouse/9/16/last_snapshot_location_hint
  Undelete everything under a prefix of a bucket that is not at AWS:
    firedrill amend s3://lake/photos/ --layout prefix --endpoint-url http://127.0.0.1:9000 --apply

Credentials come from where the AWS tools find them: environment, profile, web identity, container or
instance role. For a profile with a sign-in (SSO) or a credential process, first:
    eval \"$(aws configure export-credentials --format env)\"

Exit status:
  0    complete: everything required is in place, or would be after --apply
  1    finished, but something required is lost
  2    wrong usage
  3    refused, or something required could not be judged
  130  interrupted; run the same command again to go on";

/// Serves a versioned S3 bucket, for trying things out.
///
/// It lives in memory; with --data also in a folder, where each change is before it is answered, so that the
/// server can be killed at any moment and goes on where it was.
#[derive(Debug, clap::Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Address and port to listen on; port 0 takes any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9000")]
    pub(crate) listen: SocketAddr,

    /// The bucket's name
    #[arg(long, value_name = "NAME", value_parser = bucket_name)]
    pub(crate) bucket: String,

    /// Whether the bucket keeps versions
    #[arg(long, value_enum, default_value_t = VersioningArg::Enabled)]
    pub(crate) versioning: VersioningArg,

    /// Take only requests signed with this key; without it anybody's
    #[arg(long, value_name = "K", requires = "secret_key")]
    pub(crate) access_key: Option<String>,

    /// The secret of --access-key
    #[arg(long, value_name = "S", requires = "access_key")]
    pub(crate) secret_key: Option<String>,

    /// Begin with what this folder holds: versions.json (a version listing) and objects/ (the bodies)
    #[arg(long, value_name = "DIR")]
    pub(crate) seed_from: Option<PathBuf>,

    /// Keep everything in this folder, and go on with what is in it (--versioning and --seed-from are for an
    /// empty one)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,

    /// Fail as this file says ([[fault]] tables: operation, key, nth, times, position, effect)
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) faults: Option<PathBuf>,
}

const SERVE_EXAMPLES: &str = "\
Examples:
    firedrill serve --bucket lake
    firedrill serve --bucket lake --data lake.data/
    firedrill serve --listen 127.0.0.1:9000 --bucket lake --seed-from a-table/ --faults faults.toml

What --data promises: whatever was answered is there after a kill -9, with its version ids, times and order.
A power cut of the machine can still take the last writes, because none is forced to the disk. A last record
that was cut short is dropped, with a message; damage before the end is refused, with what to do about it.

A fault file; this one loses the answer to the second DeleteObjects, which is carried out all the same:
    [[fault]]
    operation = \"delete-objects\"
    nth = 2
    position = \"after\"
    effect = \"timeout\"";

/// A bucket's versioning by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VersioningArg {
    /// Every write makes a version
    Enabled,
    /// It was on, and is no longer
    Suspended,
    /// It was never on
    Off,
}

impl From<VersioningArg> for Versioning {
    fn from(versioning: VersioningArg) -> Self {
        match versioning {
            VersioningArg::Enabled => Self::Enabled,
            VersioningArg::Suspended => Self::Suspended,
            VersioningArg::Off => Self::Off,
        }
    }
}

/// The table layouts by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LayoutArg {
    /// A Databend fuse table
    Fuse,
    /// No structure: every key under the prefix stands for itself
    Prefix,
}

impl AmendArgs {
    /// What core is to do.
    ///
    /// # Errors
    /// A sentence on arguments that do not go together.
    pub(crate) fn options(&self) -> Result<Options, String> {
        let layout = match self.layout {
            LayoutArg::Fuse => Layout::Fuse,
            LayoutArg::Prefix => Layout::Prefix,
        };
        if layout == Layout::Prefix && (self.history || self.snapshot.is_some()) {
            return Err("--snapshot and --history need a table's metadata, and --layout prefix knows none: use --as-of, or --layout fuse".to_owned());
        }
        if layout == Layout::Fuse {
            self.address.of_table()?;
        }
        let target = match (self.as_of, &self.snapshot) {
            (Some(time), _) => Target::AsOf(time),
            (None, Some(location)) => Target::Snapshot(self.in_bucket(location)?.to_owned()),
            (None, None) => Target::Current,
        };
        Ok(Options {
            layout,
            target,
            history: self.history,
            apply: self.apply,
            window: usize::from(self.concurrency),
            ..Options::new(self.address.prefix.as_str())
        })
    }

    /// The bucket, and how to reach it.
    pub(crate) fn bucket(&self) -> Bucket<'_> {
        Bucket {
            name: &self.address.bucket,
            endpoint_url: self.endpoint_url.as_deref(),
            region: self.region.as_deref(),
            profile: self.profile.as_deref(),
        }
    }

    /// The key that --explain names, if it was given.
    ///
    /// # Errors
    /// A sentence on why it cannot be explained.
    pub(crate) fn key_to_explain(&self) -> Result<Option<&str>, String> {
        let key = self.explain.as_deref();
        key.map(|key| self.in_bucket(key)).transpose()
    }

    /// A key or a location without what only people write in front of it.
    fn in_bucket<'a>(&self, location: &'a str) -> Result<&'a str, String> {
        let Some(rest) = location.strip_prefix("s3://") else {
            return Ok(location);
        };
        match rest.split_once('/') {
            Some((bucket, key)) if bucket == self.address.bucket && !key.is_empty() => Ok(key),
            _ => Err(format!(
                "{location} is not in the bucket {}: a table lies in one bucket",
                self.address.bucket
            )),
        }
    }
}

/// "Bucket names must be between 3 (min) and 63 (max) characters long" (S3 user guide, "Bucket naming rules").
fn bucket_name(text: &str) -> Result<String, String> {
    let sound = (3..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
    if sound {
        Ok(text.to_owned())
    } else {
        Err("a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens".to_owned())
    }
}

/// An endpoint, which is a URL with a host.
pub(crate) fn endpoint_url(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    match host {
        Some(host) if !host.is_empty() && !host.starts_with('/') => Ok(text.to_owned()),
        _ => Err("an endpoint begins with http:// or https://, as in http://127.0.0.1:9000".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amend(words: &[&str]) -> Result<AmendArgs, String> {
        let line = ["firedrill", "amend"].iter().chain(words);
        match Args::try_parse_from(line) {
            Ok(Args {
                command: Command::Amend(amend),
            }) => Ok(amend),
            Ok(_) => Err("another command".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn options(words: &[&str]) -> Result<Options, String> {
        amend(words)?.options()
    }

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }

    #[test]
    fn without_options_it_is_a_dry_run_over_the_newest_commit() {
        let options = options(&["s3://b/fs/9/16/"]).expect("a sound line");
        assert_eq!(options, Options::new("fs/9/16/"));
    }

    #[test]
    fn every_option_reaches_the_machine() {
        let line = "s3://b/fs/9/16 --apply --history --snapshot _ss/x_v4.mpk --concurrency 3";
        let words: Vec<&str> = line.split(' ').collect();
        let options = options(&words).expect("a sound line");
        assert_eq!(
            options,
            Options {
                target: Target::Snapshot("_ss/x_v4.mpk".into()),
                history: true,
                apply: true,
                window: 3,
                ..Options::new("fs/9/16/")
            }
        );
    }

    #[test]
    fn a_snapshot_may_be_given_as_a_url_of_the_same_bucket_only() {
        let same = options(&["s3://b/f/", "--snapshot", "s3://b/f/_ss/x"]).expect("a sound line");
        assert_eq!(same.target, Target::Snapshot("f/_ss/x".into()));
        let other = options(&["s3://b/f/", "--snapshot", "s3://c/f/_ss/x"]);
        assert!(
            other
                .expect_err("another bucket")
                .contains("not in the bucket b")
        );
    }

    #[test]
    fn what_does_not_go_together_is_said() {
        for (words, expected) in [
            (&["s3://b/"][..], "no table"),
            (&["s3://b/p/", "--layout", "prefix", "--history"], "--as-of"),
            (&["s3://b/p/", "--as-of", "now", "--snapshot", "x"], "now"),
            (
                &["s3://b/p/", "--as-of", "2026-01-01", "--snapshot", "x"],
                "cannot be used with",
            ),
            (&["s3://b/p/", "--concurrency", "0"], "1..=1024"),
            (
                &["s3://b/p/", "--endpoint-url", "localhost:9000"],
                "http://",
            ),
            (&["/b/p/"], "s3://"),
        ] {
            let error = options(words).expect_err("an unsound line");
            assert!(error.contains(expected), "{words:?}: {error}");
        }
        assert!(options(&["s3://b/", "--layout", "prefix"]).is_ok());
    }
}
