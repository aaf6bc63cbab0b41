//! The command `amend`.

use std::collections::BTreeMap;
use std::time::Duration;

use firedrill_core::amend::{Amend, Cost, Options, Report, State};
use firedrill_core::machine::Instant;
use firedrill_core::object::Key;
use firedrill_driver::run;
use tokio::sync::watch;

use crate::World;
use crate::args::AmendArgs;
use crate::connect::{Bucket, connect};
use crate::explain::explain;
use crate::output::{ReportFile, complain, say};
use crate::progress::Bar;
use crate::render::render;
use crate::signals::StopSignals;

/// Wrong usage.
const USAGE: u8 = 2;

/// Runs the command to its exit status.
pub(crate) async fn amend<N, J>(args: AmendArgs, mut world: World<N, J>) -> u8
where
    N: Fn() -> Instant,
    J: FnMut(Duration) -> Duration,
{
    let asked = args
        .options()
        .and_then(|options| Ok((options, args.key_to_explain()?)));
    let (options, key) = match asked {
        Ok(asked) => asked,
        Err(sentence) => {
            complain(&sentence);
            return USAGE;
        }
    };
    let file = match args.report.as_deref().map(ReportFile::open).transpose() {
        Ok(file) => file,
        Err(sentence) => {
            complain(&sentence);
            return USAGE;
        }
    };
    let report = recover(&options, args.bucket(), &mut world).await;
    match key {
        Some(key) if report.state != State::Refused => {
            explain(key, &report, options.layout, args.bucket()).await
        }
        _ => deliver(&args, &options, &report, file),
    }
}

/// Runs the machine over a bucket, and stops it at the first Ctrl-C; at the second one everything ends at once.
pub(crate) async fn recover<N, J>(
    options: &Options,
    bucket: Bucket<'_>,
    world: &mut World<N, J>,
) -> Report
where
    N: Fn() -> Instant,
    J: FnMut(Duration) -> Duration,
{
    let client = match connect(bucket).await {
        Ok(client) => client,
        Err(sentence) => return refused(options, sentence),
    };
    let (stop, mut stopped) = watch::channel(false);
    let watcher = StopSignals::new().map(|signals| tokio::spawn(watch_signals(signals, stop)));
    if let Err(error) = &watcher {
        complain(&format!("Ctrl-C will end this at once ({error})"));
    }
    let interrupt = async move {
        if stopped.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let mut bar = Bar::new();
    let machine = Amend::new(options.clone());
    let outcome = run(
        machine,
        &client,
        &world.now,
        &mut world.jitter,
        interrupt,
        |progress| bar.show(progress),
    )
    .await;
    bar.clear();
    if let Ok(watcher) = watcher {
        // The next Ctrl-C is for whatever runs then.
        watcher.abort();
    }
    outcome.unwrap_or_else(|error| refused(options, error.to_string()))
}

async fn watch_signals(mut signals: StopSignals, stop: watch::Sender<bool>) {
    signals.next().await;
    complain("stopping when what is under way has ended; Ctrl-C again ends this at once");
    stop.send_replace(true);
    signals.next().await;
    std::process::exit(130);
}

/// Prints the report, writes it to the file, and gives the exit status.
fn deliver(args: &AmendArgs, options: &Options, report: &Report, file: Option<ReportFile>) -> u8 {
    let mut document =
        serde_json::to_string_pretty(report).expect("a report has only names as keys of its maps");
    document.push('\n');
    if args.json {
        say(&document);
    } else if report.state != State::Refused {
        say(&render(report, options.layout));
    }
    if report.state == State::Refused {
        complain(report.refusal.as_deref().unwrap_or("refused"));
    }
    if let Some(file) = file
        && let Err(sentence) = file.write(&document)
    {
        complain(&sentence);
    }
    report.exit_status()
}

/// The report of what failed before the machine could look at the bucket.
fn refused(options: &Options, sentence: String) -> Report {
    Report {
        state: State::Refused,
        applied: options.apply,
        prefix: Key::clone(&options.prefix),
        refusal: Some(sentence),
        commit: None,
        counts: BTreeMap::new(),
        requests: BTreeMap::new(),
        cost: Cost::default(),
        objects: Vec::new(),
        below_lost: Vec::new(),
        notes: Vec::new(),
    }
}
