//! `firedrill-chaos bless [CASE…]`: what came of a kept case today becomes what is expected of it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use firedrill_chaos::campaign;
use firedrill_chaos::kept::{self, KeptCase};
use firedrill_chaos::report;

use super::case::place_sample;
use super::keep::{CASES, shown};

/// Which cases.
#[derive(Debug, clap::Args)]
pub(crate) struct Bless {
    /// Scenario files; without any, all kept cases.
    files: Vec<PathBuf>,
    /// Only show what would change, and end with status 1 if anything would.
    #[arg(long)]
    check: bool,
}

/// Rewrites what they expect. A violated property is no change that could be blessed.
pub(crate) fn run(arguments: &Bless) -> anyhow::Result<u8> {
    campaign::silence_panics();
    let files = match arguments.files.is_empty() {
        true => kept::files(Path::new(CASES))
            .with_context(|| format!("the folder of kept cases, {CASES}, cannot be read"))?,
        false => arguments.files.clone(),
    };
    let (mut changed, mut refused) = (0, 0);
    for file in &files {
        match bless(file, arguments.check)? {
            Blessing::Same | Blessing::Skipped => {}
            Blessing::Changed => changed += 1,
            Blessing::Refused => refused += 1,
        }
    }
    let verb = if arguments.check {
        "would change"
    } else {
        "changed"
    };
    println!("{} cases: {changed} {verb}, {refused} refused", files.len());
    Ok(u8::from(refused > 0 || (arguments.check && changed > 0)))
}

enum Blessing {
    Same,
    Changed,
    Refused,
    Skipped,
}

fn bless(file: &Path, check: bool) -> anyhow::Result<Blessing> {
    let name = shown(file);
    let text = std::fs::read_to_string(file).with_context(|| format!("{name} cannot be read"))?;
    let mut kept =
        KeptCase::from_toml(&text).with_context(|| format!("{name} is no scenario file"))?;
    if let Err(why) = place_sample(&mut kept.scenario) {
        println!("{name}: skipped, {why}");
        return Ok(Blessing::Skipped);
    }
    let checked = kept.check();
    let actual = match checked.actual {
        Some(actual) if checked.violations.is_empty() && checked.escaped.is_empty() => actual,
        _ => {
            println!("{name}: not blessed");
            println!("{}", report::violations(&checked.violations, 2).join("\n"));
            for bug in &checked.escaped {
                println!("  it does not catch the planted bug {bug}");
            }
            return Ok(Blessing::Refused);
        }
    };
    let differences = kept::differences(kept.expect.as_ref(), &actual);
    if differences.is_empty() {
        return Ok(Blessing::Same);
    }
    println!("{name}:\n  {}", differences.join("\n  ").trim_end());
    if !check {
        let blessed = kept::blessed(&text, &actual).with_context(|| name.clone())?;
        std::fs::write(file, blessed).with_context(|| format!("{name} cannot be written"))?;
    }
    Ok(Blessing::Changed)
}
