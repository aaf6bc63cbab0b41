//! `firedrill-chaos merge FILE…`: the results of many shards as one.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use firedrill_chaos::shard::{self, Merged, ResultDocument, Shard};

use super::case::known_bug;
use super::drill::{conclude, status, with_coverage};

/// Which results.
#[derive(Debug, clap::Args)]
pub(crate) struct Merge {
    /// Files that `--out` wrote, one for each shard, in any order.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Print the result as one JSON document.
    #[arg(long)]
    json: bool,
    /// End with status 5 if a probe was never reached, or a class of operation or fault never happened.
    #[arg(long)]
    require_coverage: bool,
    /// Write a page for each failure that is told into this folder.
    #[arg(long, value_name = "DIR", conflicts_with = "json")]
    html: Option<PathBuf>,
    /// Take what is there for the whole although shards are missing.
    #[arg(long)]
    partial: bool,
}

/// Merges them.
pub(crate) fn run(arguments: &Merge) -> anyhow::Result<u8> {
    let results = arguments.files.iter().map(|path| read(path));
    let Merged {
        result,
        missing,
        unfinished,
    } = shard::merge(results.collect::<anyhow::Result<_>>()?)?;
    let bug = result.planted.as_deref().map(known_bug).transpose()?;
    if arguments.json {
        println!("{}", serde_json::to_string(&result)?);
    } else {
        let took = Duration::try_from_secs_f64(result.seconds).with_context(|| {
            format!(
                "{} seconds, as the results say, are no time",
                result.seconds
            )
        })?;
        let pages = arguments.html.as_deref();
        conclude(&result.tally, took, result.jobs, result.seed, bug, pages)?;
    }
    if !unfinished.is_empty() {
        eprintln!(
            "ended before all of their cases were done: {}",
            list(&unfinished)
        );
    }
    let status = status(&result.tally);
    if !missing.is_empty() {
        eprintln!("no result of these shards was given: {}", list(&missing));
        // What a part violates is violated; that it holds, or reaches too little, says nothing.
        anyhow::ensure!(
            arguments.partial || status != 0,
            "a part is no whole (--partial takes it for one)"
        );
    }
    Ok(with_coverage(
        status,
        &result.tally,
        arguments.require_coverage,
    ))
}

fn list(shards: &[Shard]) -> String {
    let names: Vec<String> = shards.iter().map(Shard::to_string).collect();
    names.join(", ")
}

fn read(path: &Path) -> anyhow::Result<ResultDocument> {
    let name = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    let document: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{name} is no JSON document"))?;
    let version = document.get("version").and_then(serde_json::Value::as_u64);
    anyhow::ensure!(
        version == Some(u64::from(shard::VERSION)),
        "{name} is no result of version {}: it was written by another program or another version",
        shard::VERSION
    );
    serde_json::from_value(document).with_context(|| format!("{name} is no result of a drill"))
}
