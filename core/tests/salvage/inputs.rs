//! What the environment names, and a word on what was skipped.

use std::io::Write as _;

#[allow(
    clippy::disallowed_methods,
    reason = "a test's entry point names its inputs"
)]
pub(crate) fn named(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

pub(crate) fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("standard error can be written");
}
