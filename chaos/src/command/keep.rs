//! `--keep`: what was found becomes a file that is replayed with every test.

use std::path::{Path, PathBuf};

use firedrill_chaos::campaign;
use firedrill_chaos::kept::{self, Kept, Minimal};
use firedrill_chaos::property::Property;
use firedrill_chaos::shrink::{self, Shrunk};
use firedrill_core::amend::Amend;

/// The folder of the cases that are replayed with every test, in the checkout that this program was built in.
pub(crate) const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

/// Keeps a shrunk case, and says where.
pub(crate) fn keep(
    folder: &Path,
    case: &str,
    property: Property,
    planted: Option<&'static str>,
    shrunk: &Shrunk,
) -> anyhow::Result<()> {
    let mut scenario = shrunk.scenario.clone();
    let violations = match campaign::run_caught(&scenario, &Amend::new, planted, false) {
        Ok(outcome) => outcome.violations,
        Err(violations) => violations,
    };
    scenario.story = shrink::story(&scenario, property, &violations);
    let provenance = shrink::comment(case, property, planted, shrunk);
    let minimal = Minimal {
        scenario,
        property,
        planted,
        provenance: provenance.trim_start_matches("# "),
    };
    match kept::keep(folder, &minimal)? {
        Kept::Written(path) => eprintln!("kept as {}", shown(&path)),
        Kept::AlreadyThere(path) => eprintln!("kept already, as {}", shown(&path)),
    }
    Ok(())
}

/// A path as short as it can be from here.
pub(crate) fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::new());
    path.strip_prefix(here)
        .unwrap_or(path)
        .display()
        .to_string()
}
