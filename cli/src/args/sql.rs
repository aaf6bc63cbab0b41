//! The command line of `sql`.

use std::path::PathBuf;

/// Carries out Databend's statement that brings a table back.
///
/// CALL system$fuse_amend('DATABASE', 'TABLE') changes the bucket at once, as it does in Databend, and answers Ok,
/// or names what is lost. It is `firedrill amend --apply` on the newest commit of a table that the catalog knows
/// by name.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct SqlArgs {
    /// Statements, separated by semicolons; without FILE and -e they are read from the standard input, on a
    /// terminal at a prompt
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,

    /// Carry out these statements
    #[arg(short = 'e', long, value_name = "SQL", conflicts_with = "file")]
    pub(crate) execute: Option<String>,

    /// Which table lies where
    #[arg(long, value_name = "FILE.toml")]
    pub(crate) catalog: PathBuf,

    /// Change nothing, and answer what would come of it
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Answer each statement with one JSON document on a line of its own
    #[arg(long)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
Examples:
    firedrill sql --catalog lake.toml -e 'CALL system$fuse_amend(default, orders)' --dry-run
    firedrill sql --catalog lake.toml recover.sql
    firedrill sql --catalog lake.toml

Names may stand between quotes of any kind, or without. Between double quotes, a shell takes $fuse_amend for a
variable.

The catalog; endpoint-url, region and profile may also be those of a single table:
    endpoint-url = \"http://127.0.0.1:9000\"

    [tables.default.orders]
    location = \"s3://lake/warehouse/9/16/\"

Nothing is carried out unless all statements can be understood and all tables are in the catalog. Then each is,
whatever became of those before it.

Exit status:
  0    every answer is Ok
  1    finished, but something required is lost
  2    wrong usage: a statement, a table or the catalog among it
  3    a table was refused, or something required of it could not be judged
  130  interrupted; run the same command again to go on";
