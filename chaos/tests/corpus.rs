//! A corpus: what it keeps, that it runs it, and that it stays within its bound.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use firedrill_chaos::campaign::{self, Control, Orders, Source};
use firedrill_chaos::corpus::{self, CorpusError};
use firedrill_chaos::scenario::Scenario;
use firedrill_chaos::{kept, runner};
use firedrill_core::amend::Amend;

const ROOT: u64 = 17;
const CASES: u64 = 400;

fn reached(jobs: usize) -> BTreeMap<u64, u64> {
    let orders = Orders {
        seed: ROOT,
        cases: Some(CASES),
        jobs,
        planted: None,
        until: &[],
        failures_max: 1,
    };
    let source = Source {
        signatures: true,
        ..Source::default()
    };
    let tally = campaign::run_of(source, orders, &Amend::new, &Control::default());
    assert_eq!(tally.cases, CASES);
    tally.reached
}

fn names(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).expect("it is there");
    let names = files.map(|file| file.expect("it can be listed").file_name());
    let mut names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Files that reach what their names say.
fn true_names(folder: &Path) -> usize {
    let is_true = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).expect("it can be read");
        let scenario = Scenario::from_toml(&text).expect("it is a scenario");
        let outcome = runner::run(&scenario, &Amend::new, false).expect("it can be set up");
        let name = path.file_stem().and_then(|name| name.to_str());
        let mut reached = corpus::signatures(&scenario, &outcome);
        reached.any(|signature| name == Some(&format!("{signature:016x}")))
    };
    let files = kept::files(folder).expect("it can be listed");
    files.into_iter().filter(is_true).count()
}

#[test]
fn a_corpus_holds_one_case_for_each_signature_and_runs_them() {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let folder = home.path().join("corpus");
    let empty = corpus::replay(&folder, 2).expect("a folder that is not there is empty");
    assert_eq!(empty.files, 0);
    let reached = reached(1);
    assert_eq!(reached, self::reached(3), "no thread decides who was first");
    assert!(reached.len() > 20, "{}", reached.len());
    assert!((reached.len() as u64) < CASES, "some cases are alike");
    let written = corpus::grow(&folder, &empty, ROOT, &reached, 1000).expect("it can be written");
    let cases: BTreeSet<u64> = reached.values().copied().collect();
    assert_eq!(
        written,
        cases.len(),
        "one file for each case that was first"
    );

    let again = corpus::replay(&folder, 2).expect("it reads back");
    assert_eq!(again.files, written);
    assert!(again.failures.is_empty(), "{:?}", again.failures);
    assert_eq!(true_names(&folder), written, "names say what is inside");
    assert_eq!(again.signatures, reached.keys().copied().collect());
    let more = corpus::grow(&folder, &again, ROOT, &reached, 1000).expect("it can be written");
    assert_eq!(more, 0, "nothing is new");
}

#[test]
fn a_corpus_stays_within_its_bound_and_mends_itself() {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let folder = home.path();
    let reached = reached(2);
    let empty = corpus::replay(folder, 1).expect("it is empty");
    corpus::grow(folder, &empty, ROOT, &reached, 7).expect("it can be written");
    let kept = names(folder);
    assert_eq!(kept.len(), 7);

    // The code changed, and a case reaches something else than it was kept for.
    let [first, second] = [&kept[0], &kept[1]].map(|name| folder.join(name));
    std::fs::copy(&second, &first).expect("both are there");
    let changed = corpus::replay(folder, 1).expect("it reads");
    assert_eq!((changed.files, true_names(folder)), (7, 6));
    let written = corpus::grow(folder, &changed, ROOT, &reached, 7).expect("it can be written");
    assert_eq!((written, names(folder)), (1, kept));
    let mended = corpus::replay(folder, 1).expect("it reads");
    assert_eq!(true_names(folder), 7);
    let idle = corpus::grow(folder, &mended, ROOT, &reached, 7).expect("it can be written");
    assert_eq!(idle, 0, "it is full");
}

#[test]
fn what_fails_is_named_and_what_is_no_scenario_refused() {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let broken = home.path().join("0000000000000001.toml");
    // A real table that is nowhere: it cannot even be set up.
    let text = "[table]\nsource = \"sample\"\nfolder = \"nowhere\"\n";
    std::fs::write(&broken, text).expect("it can be written");
    let replayed = corpus::replay(home.path(), 2).expect("it reads");
    assert_eq!(replayed.failures.len(), 1);
    assert_eq!(replayed.failures[0].0, broken);
    std::fs::write(&broken, "no = scenario").expect("it can be written");
    let refused = corpus::replay(home.path(), 2);
    assert!(matches!(refused, Err(CorpusError::NotAScenario { path, .. }) if path == broken));
}
