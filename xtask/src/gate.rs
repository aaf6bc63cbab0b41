//! What must hold before something goes on: the steps of `test`, `ci` and `nightly`, in order.
//!
//! A gate ends at the first step that fails, says which one that was, and how long each took.

use std::process::ExitCode;
use std::time::Instant;

use crate::{cargo, complain};

/// One step: the words behind `cargo`, and the exit status that it must end with.
pub(crate) struct Step(&'static str, u8);

const FORMAT: Step = Step("fmt --all --check", 0);
const LINTS: Step = Step("clippy --workspace --all-targets --quiet -- -D warnings", 0);
const TESTS: Step = Step("test --workspace", 0);

/// What must hold at any time.
pub(crate) const TEST: [Step; 3] = [FORMAT, LINTS, TESTS];

/// What a pull request needs: of everything as much as fits into 40 minutes on two cores.
pub(crate) const CI: [Step; 13] = [
    FORMAT,
    LINTS,
    TESTS,
    Step("xtask chaos --cases 300000 --require-coverage", 0),
    // Cases that must fail: a drill that no longer looks finds nothing either.
    Step("xtask canary", 1),
    Step("xtask doublecheck --hostile --cases 1000", 0),
    Step("xtask scoreboard --seeds 2 --cases 100000", 0),
    Step("xtask exhaustive", 0),
    Step("xtask chaos --only salvage --cases 5000", 0),
    Step("xtask exhaustive --only salvage", 0),
    Step("xtask chaos --tier turmoil --cases 500", 0),
    Step("xtask doublecheck --tier turmoil --hostile --cases 50", 0),
    Step("xtask compare --tiers des,turmoil --cases 200", 0),
];

/// The rest: what takes hours.
pub(crate) const NIGHTLY: [Step; 14] = [
    Step("xtask chaos --minutes 60 --require-coverage", 0),
    Step("xtask chaos --only salvage --minutes 30", 0),
    Step("xtask exhaustive --only salvage --every 1", 0),
    Step("xtask chaos --tier turmoil --minutes 20", 0),
    Step("xtask chaos --tier process --kills 300", 0),
    Step("xtask chaos --tier madsim --cases 300", 0),
    Step("xtask doublecheck --tier turmoil --hostile --cases 200", 0),
    Step("xtask compare --tiers des,turmoil --cases 500", 0),
    Step("xtask compare --tiers des,process --cases 100", 0),
    Step("xtask scoreboard", 0),
    Step("xtask scoreboard --matrix", 0),
    Step("xtask fuzz", 0),
    Step("xtask mutants", 0),
    Step("xtask bench", 0),
];

/// Runs the steps.
#[allow(
    clippy::disallowed_methods,
    reason = "a person waits for these steps and wants to know how long each took"
)]
pub(crate) fn run(gate: &[Step]) -> ExitCode {
    let mut told = Vec::new();
    for Step(words, status) in gate {
        complain(&format!("cargo {words}"));
        let started = Instant::now();
        let words_apart: Vec<&str> = words.split(' ').collect();
        let code = cargo(&words_apart, &[]);
        let seconds = started.elapsed().as_secs();
        if code != ExitCode::from(*status) {
            complain(&format!(
                "after {seconds} s this did not end with status {status}: cargo {words}"
            ));
            return match code == ExitCode::SUCCESS {
                true => ExitCode::FAILURE,
                false => code,
            };
        }
        told.push(format!("{seconds:>6} s  cargo {words}"));
    }
    complain(&format!("\neach step passed\n{}", told.join("\n")));
    ExitCode::SUCCESS
}
