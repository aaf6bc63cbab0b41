//! Every kept case is replayed: each is the story of something that went wrong once, and says what came of it.

use std::path::{Path, PathBuf};

use firedrill_chaos::kept::{self, KeptCase};
use firedrill_chaos::scenario::TableSource;

/// Where real tables are, if the environment says so.
#[allow(
    clippy::disallowed_methods,
    reason = "a test's own entry reads the environment"
)]
fn samples() -> Option<String> {
    std::env::var("FIREDRILL_SAMPLES").ok()
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    kept::files(&folder).expect("the folder of cases is part of the crate")
}

/// What is wrong with a kept case, in sentences.
#[allow(clippy::print_stdout, reason = "a test says what it skips")]
fn judge(name: &str, text: &str) -> Vec<String> {
    let mut kept = match KeptCase::from_toml(text) {
        Ok(kept) => kept,
        Err(error) => return vec![error.to_string()],
    };
    let mut wrong = Vec::new();
    if kept.scenario.story.is_empty() {
        wrong.push("it tells no story".into());
    }
    if let TableSource::Sample { folder } = &mut kept.scenario.table {
        match samples() {
            Some(samples) => *folder = format!("{samples}/fuse/{folder}"),
            None => {
                println!("skipped a real table: FIREDRILL_SAMPLES is not set");
                return wrong;
            }
        }
    }
    let checked = kept.check();
    for violation in &checked.violations {
        wrong.push(format!("{}: {}", violation.property, violation.sentence));
    }
    for bug in &checked.escaped {
        wrong.push(format!("it does not catch the planted bug {bug}"));
    }
    let Some(actual) = checked.actual else {
        return wrong;
    };
    if actual.struck.contains(&0) {
        wrong.push(format!(
            "not each of its faults strikes: {:?}",
            actual.struck
        ));
    }
    if actual.crashes != kept.scenario.hosts.crash_after.len() as u64 {
        wrong.push("not each of its crashes happens".into());
    }
    let differences = kept::differences(kept.expect.as_ref(), &actual);
    if !differences.is_empty() {
        let lines = differences.join("\n    ");
        wrong.push(format!(
            "it comes out otherwise than expected:\n    {lines}\n  if that is intended: cargo xtask bless chaos/cases/{name}"
        ));
    }
    wrong
}

#[test]
fn each_kept_case_comes_out_as_it_did() {
    let files = files();
    assert!(files.len() >= 8, "{} files", files.len());
    let mut complaints = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file).expect("it can be read");
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        for wrong in judge(&name, &text) {
            complaints.push(format!("chaos/cases/{name}: {wrong}"));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn a_changed_outcome_is_noticed() {
    let case = files().into_iter().find(|file| {
        let name = file.to_string_lossy();
        name.ends_with("A3-lost-answer-peels-a-version.toml")
    });
    let name = "A3-lost-answer-peels-a-version.toml".to_owned();
    let case = case.expect("the case is kept");
    let text = std::fs::read_to_string(case).expect("it can be read");
    assert_eq!(judge(&name, &text), Vec::<String>::new());
    // One operation less: everything is still right, and it is not the same outcome.
    let changed = text.replacen("again = true\n", "", 1);
    assert_ne!(changed, text);
    let wrong = judge(&name, &changed).join("\n");
    assert!(wrong.contains("otherwise than expected"), "{wrong}");
    assert!(wrong.contains("- ") && wrong.contains("+ "), "{wrong}");
    let careless = text.replacen("catches = [\"AM-09\"]", "catches = [\"AM-22\"]", 1);
    assert_ne!(careless, text);
    let wrong = judge(&name, &careless).join("\n");
    assert!(
        wrong.contains("does not catch the planted bug AM-22"),
        "{wrong}"
    );
}
