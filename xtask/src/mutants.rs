//! Mutation testing of core: would anybody notice if one of its lines were another?
//!
//! ```text
//!  core, one line changed ──► core's own tests ──► survived, and is not excused ──► the short drill ──► a gap
//!                                   │                  excused: by name, with a reason     │
//!                                   └────────────────────────► killed ◄────────────────────┘
//! ```
//!
//! cargo-mutants makes and tries the mutants (`.cargo/mutants.toml`). Core's own tests come first, because they
//! are built in seconds; only what they miss and `core/mutants-excused.md` does not name is tried by the drill.
//! Each line there must still be needed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::{complain, say};

/// Of a hundred mutants that compile, so many must be killed; an excused one is not killed.
const KILLED_PERCENT_MIN: usize = 95;

/// A mutant can allocate for ever: kibibytes of address space that one process may have.
const ADDRESS_SPACE_KIB: u64 = 8 << 20;

const EXCUSED: &str = "core/mutants-excused.md";

/// Who tries a mutant, where the results go, and what cargo test is told.
/// The tests of salvage and its readers are not asked: none of what they judge is mutated, and they are slow.
const OWN_TESTS: Stage = (
    "firedrill-core",
    "target/mutants-own",
    &[
        "--lib",
        "--test=account",
        "--test=amend",
        "--test=closure",
        "--test=conduct",
        "--test=formats",
        "--test=laws",
        "--test=prefix",
        "--test=reasons",
        "--test=samples",
    ],
);
const DRILL: Stage = (
    "firedrill-chaos",
    "target/mutants-drill",
    &["--test", "short_drill"],
);

/// The unmutated tree is the gate's to try: cargo-mutants would look for the drill among core's own tests.
const OF_DRILL: [&str; 2] = ["--baseline=skip", "--timeout=240"];

/// Unit tests of what is not mutated.
const NOT_ASKED: [&str; 2] = ["--skip=voron::", "--skip=salvage::"];

type Stage = (&'static str, &'static str, &'static [&'static str]);

const USAGE: &str = "usage: cargo xtask mutants [--shard K/N] [--jobs J] [--judge]
--shard tries one part of N (K from 0), --judge tries nothing and judges what the last run left
";

/// Tries every mutant, or one part of them, and judges the outcome.
pub(crate) fn run(root: &Path, arguments: &[String]) -> ExitCode {
    let (mut shared, mut shard, mut only_judge) = (Vec::new(), Vec::new(), false);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match (word.as_str(), word == "--judge") {
            (_, true) => only_judge = true,
            ("--shard", _) => {
                shard.extend([word.clone(), words.next().cloned().unwrap_or_default()]);
            }
            ("--jobs", _) => {
                shared.extend([word.clone(), words.next().cloned().unwrap_or_default()]);
            }
            _ => {
                complain(USAGE);
                return ExitCode::from(2);
            }
        }
    }
    let excused = match fs::read_to_string(root.join(EXCUSED)) {
        Ok(text) => excuses(&text),
        Err(error) => {
            complain(&format!("{EXCUSED}: {error}"));
            return ExitCode::FAILURE;
        }
    };
    if !only_judge && let Err(sentence) = try_all(root, &shared, &shard, &excused) {
        complain(&sentence);
        return ExitCode::FAILURE;
    }
    let (sentences, holds) = Outcome::read(root, shard.is_empty()).judge(&excused);
    say(&sentences);
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn try_all(
    root: &Path,
    shared: &[String],
    shard: &[String],
    excused: &BTreeMap<String, usize>,
) -> Result<(), String> {
    let (_, drill, _) = DRILL;
    let _ = fs::remove_dir_all(root.join(drill));
    stage(root, OWN_TESTS, &[shared, shard].concat())?;
    let mut left = excused.clone();
    let survivors = list(root, OWN_TESTS, "missed.txt").into_iter();
    let unexcused: Vec<String> = survivors
        .filter(|mutant| !is_excused(mutant, &mut left))
        .collect();
    if unexcused.is_empty() {
        return Ok(());
    }
    complain(&format!(
        "\n{} survived core's own tests and are not excused: the drill",
        unexcused.len()
    ));
    let named = unexcused
        .iter()
        .map(|mutant| format!("--re=^{}$", escaped(mutant)));
    let of_drill = OF_DRILL.map(str::to_owned).to_vec();
    stage(
        root,
        DRILL,
        &[shared.to_vec(), of_drill, named.collect()].concat(),
    )
}

/// Whether an excuse is left for it; then there is one less.
fn is_excused(mutant: &str, left: &mut BTreeMap<String, usize>) -> bool {
    let excuses = left.get_mut(&without_place(mutant));
    match excuses.filter(|excuses| **excuses > 0) {
        Some(excuses) => {
            *excuses -= 1;
            true
        }
        None => false,
    }
}

fn stage(root: &Path, (package, out, told): Stage, arguments: &[String]) -> Result<(), String> {
    let made = fs::create_dir_all(root.join(out));
    made.map_err(|error| format!("{out}: {error}"))?;
    let script = format!("ulimit -v {ADDRESS_SPACE_KIB}; exec cargo mutants \"$@\"");
    let mut command = Command::new("sh");
    command.current_dir(root).args(["-c", &script, "mutants"]);
    command.args(["--package=firedrill-core", "--output", out]);
    command.arg(format!("--test-package={package}"));
    command.args(told.iter().map(|word| format!("--cargo-arg={word}")));
    command.args(arguments);
    command.args(["--", "--"].into_iter().chain(NOT_ASKED));
    let status = command.status();
    let code = status.map_err(|error| format!("no shell: {error}"))?.code();
    // "2: some mutants were not caught", "3: some timed out": both are for the judge.
    match code {
        Some(0 | 2 | 3) => Ok(()),
        Some(101) => Err("is cargo-mutants there? cargo install cargo-mutants --locked".into()),
        Some(code) => Err(format!("cargo-mutants ended with status {code}")),
        None => Err("cargo-mutants was interrupted".into()),
    }
}

/// One of the lists that cargo-mutants leaves.
fn list(root: &Path, (_, out, _): Stage, name: &str) -> Vec<String> {
    let text = fs::read_to_string(root.join(out).join("mutants.out").join(name));
    text.unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

/// A text as a regular expression that matches it and nothing else.
fn escaped(text: &str) -> String {
    const SPECIAL: &str = r"\.+*?()|[]{}^$#&-~";
    let mut escaped = String::new();
    for character in text.chars() {
        if SPECIAL.contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// What a run of cargo-mutants found.
struct Outcome {
    killed: usize,
    survived: Vec<String>,
    unviable: usize,
    /// Every mutant was tried, so an excuse that nobody needs is stale.
    is_whole: bool,
}

impl Outcome {
    /// What the two stages left.
    fn read(root: &Path, is_whole: bool) -> Self {
        let killed = |stage| {
            let lists = ["caught.txt", "timeout.txt"].into_iter();
            lists.flat_map(move |name| list(root, stage, name))
        };
        let by_drill: BTreeSet<String> = killed(DRILL).collect();
        let survived = list(root, OWN_TESTS, "missed.txt").into_iter();
        Self {
            killed: killed(OWN_TESTS).count() + by_drill.len(),
            survived: survived
                .filter(|mutant| !by_drill.contains(mutant))
                .collect(),
            unviable: list(root, OWN_TESTS, "unviable.txt").len(),
            is_whole,
        }
    }

    /// What is to be said of it, and whether all holds.
    fn judge(&self, excused: &BTreeMap<String, usize>) -> (String, bool) {
        let mut left = excused.clone();
        let mut said = String::new();
        let mut unexcused = 0;
        for mutant in &self.survived {
            if !is_excused(mutant, &mut left) {
                unexcused += 1;
                said += &format!("survived, and is not excused: {mutant}\n");
            }
        }
        let stale: Vec<_> = left.iter().filter(|(_, left)| **left > 0).collect();
        for (mutant, _) in stale.iter().filter(|_| self.is_whole) {
            said += &format!("excused, and was killed or is gone: {mutant}\n");
        }
        let viable = self.killed + self.survived.len();
        let enough = self.killed * 100 >= viable * KILLED_PERCENT_MIN;
        let tenths = (self.killed * 1000).checked_div(viable).unwrap_or(0);
        said += &format!(
            "{viable} viable mutants of core: {} killed ({}.{} %), {} survived, {} of them excused; {} did not compile\n",
            self.killed,
            tenths / 10,
            tenths % 10,
            self.survived.len(),
            self.survived.len() - unexcused,
            self.unviable,
        );
        let no_stale = stale.is_empty() || !self.is_whole;
        (said, viable > 0 && enough && unexcused == 0 && no_stale)
    }
}

/// A mutant without its line and column, which every edit above it changes.
fn without_place(mutant: &str) -> String {
    let (file, rest) = mutant.split_once(':').unwrap_or((mutant, ""));
    let what = rest.split_once(": ").map_or(rest, |(_, what)| what);
    format!("{file}: {what}")
}

/// The excused mutants, how often each: the lines `- file: mutant` of the file, each followed by its reason.
fn excuses(text: &str) -> BTreeMap<String, usize> {
    let mut excused = BTreeMap::new();
    for mutant in text.lines().filter_map(|line| line.strip_prefix("- `")) {
        let mutant = mutant.trim_end_matches('`').to_owned();
        *excused.entry(mutant).or_default() += 1;
    }
    excused
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(killed: usize, survived: &[&str]) -> Outcome {
        Outcome {
            killed,
            survived: survived.iter().map(|mutant| (*mutant).to_owned()).collect(),
            unviable: 3,
            is_whole: true,
        }
    }

    const SURVIVOR: &str = "core/src/a.rs:12:5: replace > with >= in f";

    #[test]
    fn a_survivor_needs_an_excuse_of_its_own() {
        let excused =
            excuses("# why\n\n- `core/src/a.rs: replace > with >= in f`\n  Equal either way.\n");
        assert!(outcome(99, &[SURVIVOR]).judge(&excused).1);
        let (said, holds) = outcome(99, &[SURVIVOR, SURVIVOR]).judge(&excused);
        assert!(!holds);
        assert!(
            said.starts_with("survived, and is not excused: core/src/a.rs:12:5"),
            "{said}"
        );
        assert!(!outcome(99, &[SURVIVOR]).judge(&BTreeMap::new()).1);
    }

    #[test]
    fn an_excuse_that_nobody_needs_is_named() {
        let excused = excuses("- `core/src/a.rs: replace > with >= in f`\n");
        let (said, holds) = outcome(100, &[]).judge(&excused);
        assert!(!holds);
        assert!(
            said.starts_with("excused, and was killed or is gone: core/src/a.rs"),
            "{said}"
        );
        let shard = Outcome {
            is_whole: false,
            ..outcome(100, &[])
        };
        assert!(shard.judge(&excused).1);
    }

    #[test]
    fn a_mutant_is_named_to_the_letter() {
        let name = escaped("a.rs:1:2: f -> &'a [x]");
        assert_eq!(name, r"a\.rs:1:2: f \-> \&'a \[x\]");
    }

    #[test]
    fn excuses_do_not_make_up_for_too_few_kills() {
        let excused = excuses("- `core/src/a.rs: replace > with >= in f`\n");
        let (said, holds) = outcome(9, &[SURVIVOR]).judge(&excused);
        assert!(!holds);
        assert!(said.contains("9 killed (90.0 %)"), "{said}");
        assert!(!outcome(0, &[]).judge(&BTreeMap::new()).1);
    }
}
