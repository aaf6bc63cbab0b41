//! The command `salvage`.

mod map;
mod page;
mod progress;
mod text;
mod words;

use std::num::NonZeroUsize;

use firedrill_core::machine::Instant;
use firedrill_core::salvage::Use;
use firedrill_core::salvage::report::Report;
use firedrill_driver::salvage::{
    Description, InputError, Inputs, Output, OutputError, SalvageError,
};
use serde::Serialize;

use crate::args::SalvageArgs;
use crate::output::{complain, say};
use crate::signals::StopSignals;
use progress::Bar;

/// Nothing is damaged.
const WHOLE: u8 = 0;
/// Something is, and what could be salvaged is written.
const DAMAGED: u8 = 1;
/// Wrong usage.
const USAGE: u8 = 2;
/// Something could not be read or written.
const FAILED: u8 = 3;

/// The machine's report for programs, and a finished salvage's last word: it gets its name after all others.
const REPORT: &str = "report.json";

/// The report for people.
const PAGE: &str = "report.html";

/// Why there is no report: a sentence and an exit status.
struct Failure {
    status: u8,
    sentence: String,
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        Self {
            status: if error.is_usage() { USAGE } else { FAILED },
            sentence: error.to_string(),
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        Self {
            status: if error.is_usage() { USAGE } else { FAILED },
            sentence: error.to_string(),
        }
    }
}

impl From<SalvageError> for Failure {
    fn from(error: SalvageError) -> Self {
        match error {
            SalvageError::Output(error) => error.into(),
            stalled @ SalvageError::Stalled => Self {
                status: FAILED,
                sentence: stalled.to_string(),
            },
        }
    }
}

/// What came of it all.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    /// What happened to the inputs meanwhile, a sentence each.
    changed_inputs: Vec<String>,
    /// The machine's.
    #[serde(flatten)]
    report: Report,
    /// Whether only pages were looked at.
    #[serde(skip)]
    verdicts_only: bool,
    /// Where everything is; none where nothing was written.
    #[serde(skip)]
    folder: Option<String>,
}

/// Runs the command to its exit status.
pub(crate) async fn salvage(args: SalvageArgs, now: impl Fn() -> Instant) -> u8 {
    match StopSignals::new() {
        Ok(signals) => drop(tokio::spawn(stop(signals, !args.writes_nothing()))),
        Err(error) => complain(&format!("signals cannot be listened to ({error})")),
    }
    // Nothing else runs here, and the threads that work are the driver's own.
    let ended = tokio::task::block_in_place(|| run(&args, &now));
    ended.unwrap_or_else(|failure| {
        complain(&failure.sentence);
        failure.status
    })
}

/// Ends everything at the first signal: what was found until then is in the checkpoint.
async fn stop(mut signals: StopSignals, is_resumable: bool) {
    signals.next().await;
    complain(match is_resumable {
        true => "stopped; the same command with --resume goes on",
        false => "stopped",
    });
    std::process::exit(130);
}

fn run(args: &SalvageArgs, now: &impl Fn() -> Instant) -> Result<u8, Failure> {
    let options = args.options();
    let key = args.master_key().map_err(|sentence| Failure {
        status: USAGE,
        sentence,
    })?;
    let mut inputs = Inputs::open(&args.paths)?;
    if args.verdicts_only {
        inputs = inputs.without_journals();
    }
    if let Some(key) = key {
        inputs = inputs.with_key(&key)?;
    }
    for note in inputs.notes() {
        complain(note);
    }
    let folder = args.out.as_deref().filter(|_| !args.writes_nothing());
    let (mut output, kept) = match folder {
        Some(folder) => {
            let description = Description::new(env!("CARGO_PKG_VERSION"), &inputs, &options);
            let (output, kept) = Output::open(folder, &args.paths, &description, args.resume)?;
            (Some(output), kept)
        }
        None => Default::default(),
    };
    if !kept.is_empty() {
        let steps = kept.len();
        complain(&format!(
            "going on with what {steps} steps of an earlier run found"
        ));
    }
    let workers = args
        .jobs
        .or_else(|| std::thread::available_parallelism().ok())
        .unwrap_or(NonZeroUsize::MIN);
    let mut bar = Bar::new();
    let report = firedrill_driver::salvage::salvage(
        &inputs,
        output.as_mut(),
        kept,
        options,
        workers,
        |progress, bytes_read| bar.show(progress, bytes_read, now()),
    );
    bar.clear();
    let outcome = Outcome {
        changed_inputs: inputs.changes(),
        report: report?,
        verdicts_only: args.verdicts_only,
        folder: folder.map(|folder| folder.display().to_string()),
    };
    deliver(args, &outcome, output)
}

/// Writes the reports, gives all outputs their names, and prints.
fn deliver(args: &SalvageArgs, outcome: &Outcome, output: Option<Output>) -> Result<u8, Failure> {
    let mut document =
        serde_json::to_string(outcome).expect("a report has only names as keys of its maps");
    document.push('\n');
    if let Some(mut output) = output {
        output.append(REPORT, document.as_bytes())?;
        output.append(PAGE, page::page(outcome).as_bytes())?;
        output.publish(REPORT)?;
    }
    say(&match args.json {
        true => document,
        false => text::text(outcome),
    });
    for change in &outcome.changed_inputs {
        complain(&format!(
            "the input changed while it was read: {change}; stop whatever writes there, and salvage it again"
        ));
    }
    if outcome.is_nothing() {
        complain(
            "nothing in the input looks like a RavenDB database: no page, no header and no transaction is whole, and there are no records; an encrypted one needs --master-key-file",
        );
    }
    Ok(outcome.status())
}

impl Outcome {
    /// Not one structure of the format was found.
    fn is_nothing(&self) -> bool {
        let uses = self.report.files.iter().flat_map(|file| file.bytes.keys());
        let mut known = uses.filter(|what| {
            !matches!(
                what,
                Use::Unexplained
                    | Use::Zero
                    | Use::Damaged
                    | Use::Unreadable
                    | Use::Stray
                    | Use::DamagedTransaction
                    | Use::Padding
            )
        });
        known.next().is_none() && self.report.counts.is_empty()
    }

    fn status(&self) -> u8 {
        match () {
            () if !self.changed_inputs.is_empty() || self.is_nothing() => FAILED,
            () if self.report.is_damaged() => DAMAGED,
            () => WHOLE,
        }
    }
}
