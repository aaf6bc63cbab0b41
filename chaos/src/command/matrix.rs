//! `firedrill-chaos scoreboard --matrix`: which checker and which class does each planted bug hang on?

use std::time::Instant;

use firedrill_chaos::coverage;
use firedrill_chaos::trial::{Progress, html, markdown, matrix};
use firedrill_core::amend::Amend;

use super::scoreboard::{Arguments, tell, watched};

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<u8> {
    let bugs = arguments.bugs()?;
    let classes: Vec<&'static str> = coverage::classes().collect();
    let terms = matrix::Terms {
        seed: arguments.seed,
        seeds: arguments.seeds.unwrap_or(2).max(1),
        cell_cases: arguments.cell_cases.max(1),
        jobs: arguments.jobs(),
    };
    let started = Instant::now();
    let progress = Progress::default();
    let total = matrix::hunts(bugs.len(), classes.len());
    let result = watched(&progress, total, || {
        matrix::run(terms, &bugs, &classes, &Amend::new, &progress)
    });
    let command = arguments.command();
    let text = markdown::matrix(&result, &command);
    arguments.hand_out(&result, &text, &html::matrix(&result, &command))?;
    let shortcomings = result.shortcomings();
    tell(started.elapsed(), &shortcomings);
    Ok(u8::from(!shortcomings.is_empty()))
}
