//! The command `sql`: statements, answered as Databend answers them.
//!
//! ```text
//! -e SQL │ FILE │ prompt ──► statements ──catalog──► tables ──amend──► Ok, or what is lost
//!                              └── all of them understood, before the first is carried out
//! ```

mod answer;
mod catalog;
mod misfit;
mod prompt;

use std::io::{IsTerminal, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use firedrill_core::amend::{Options, State};
use firedrill_core::machine::Instant;
use firedrill_core::sql::{Statement, parse};

use crate::World;
use crate::amend::recover;
use crate::args::SqlArgs;
use crate::output::{complain, show};
use answer::deliver;
use catalog::{Catalog, Table};
use misfit::Misfit;
use prompt::Prompt;

/// Wrong usage.
const USAGE: u8 = 2;

/// What a statement's place is told of where it is not a file's.
const ORIGIN: &str = "SQL";

/// Runs the command to its exit status. What is typed at a prompt is remembered in the folder `state`.
pub(crate) async fn sql<N, J>(args: SqlArgs, world: World<N, J>, state: Option<PathBuf>) -> u8
where
    N: Fn() -> Instant,
    J: FnMut(Duration) -> Duration,
{
    let catalog = match Catalog::read(&args.catalog) {
        Ok(catalog) => catalog,
        Err(sentence) => {
            complain(&sentence);
            return USAGE;
        }
    };
    let mut session = Session {
        catalog,
        is_dry_run: args.dry_run,
        is_json: args.json,
        world,
    };
    if args.execute.is_none() && args.file.is_none() && std::io::stdin().is_terminal() {
        return session.converse(state).await;
    }
    match read(&args) {
        Ok((origin, text)) => session.carry_out(&origin, &text).await,
        Err(sentence) => {
            complain(&sentence);
            USAGE
        }
    }
}

/// The statements, and where they come from.
fn read(args: &SqlArgs) -> Result<(String, String), String> {
    if let Some(text) = &args.execute {
        return Ok((ORIGIN.to_owned(), text.clone()));
    }
    let (origin, text) = match &args.file {
        Some(path) => (path.display().to_string(), std::fs::read_to_string(path)),
        None => {
            let mut text = String::new();
            let read = std::io::stdin().read_to_string(&mut text);
            ("the standard input".to_owned(), read.map(|_| text))
        }
    };
    match text {
        Ok(text) => Ok((origin, text)),
        Err(error) => Err(format!("{origin} cannot be read ({error})")),
    }
}

struct Session<N, J> {
    catalog: Catalog,
    is_dry_run: bool,
    is_json: bool,
    world: World<N, J>,
}

/// A statement whose table is known.
struct Call<'a> {
    database: String,
    name: String,
    table: &'a Table,
}

impl<N, J> Session<N, J>
where
    N: Fn() -> Instant,
    J: FnMut(Duration) -> Duration,
{
    /// Carries out what is typed, until that ends.
    async fn converse(&mut self, state: Option<PathBuf>) -> u8 {
        let mut prompt = match Prompt::new(state, self.is_dry_run) {
            Ok(prompt) => prompt,
            Err(sentence) => {
                complain(&sentence);
                return USAGE;
            }
        };
        // Typing holds up a thread on which nothing else has to run meanwhile.
        while let Some(text) = tokio::task::block_in_place(|| prompt.next()) {
            self.carry_out(ORIGIN, &text).await;
        }
        0
    }

    /// Carries out all statements of a text, and gives the exit status.
    async fn carry_out(&mut self, origin: &str, text: &str) -> u8 {
        let calls = match understand(&self.catalog, text) {
            Ok(calls) => calls,
            Err(misfit) => {
                show(&misfit.render(origin, text));
                return USAGE;
            }
        };
        let mut worst = 0;
        for call in calls {
            let options = Options {
                apply: !self.is_dry_run,
                ..Options::new(call.table.location.prefix.as_str())
            };
            let bucket = self.catalog.bucket_of(call.table);
            let report = recover(&options, bucket, &mut self.world).await;
            deliver(&call.database, &call.name, &report, self.is_json);
            worst = worst.max(report.exit_status());
            if report.state == State::Interrupted {
                break;
            }
        }
        worst
    }
}

/// The tables that the statements of a text name, in order.
fn understand<'a>(catalog: &'a Catalog, text: &str) -> Result<Vec<Call<'a>>, Misfit> {
    let find = |statement| {
        let Statement::FuseAmend { database, table } = statement;
        match catalog.find(&database.text, &table.text) {
            Some(found) => Ok(Call {
                database: database.text,
                name: table.text,
                table: found,
            }),
            None => Err(Misfit::unknown(catalog, &database, &table)),
        }
    };
    let statements = parse(text).map_err(|error| Misfit::wrong(text, error))?;
    statements.into_iter().map(find).collect()
}
