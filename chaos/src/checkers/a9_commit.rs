//! A9: a commit made during the amend stays current.

use super::Run;
use crate::oracle::log::{Author, What};
use crate::property::{Property, Violation};

pub(super) fn check(run: &Run<'_>, violations: &mut Vec<Violation>) {
    // Of two machines at once, the slower one may have planned after the commit.
    if !run.circumstances.committed || run.circumstances.beyond {
        return;
    }
    let (Some(hint), Some(newest)) = (&run.truth.hint, run.truth.newest()) else {
        return;
    };
    let records = run.log.records().iter().rev();
    let mut of_outsiders =
        records.filter(|record| record.key == *hint && record.author == Author::Outsider);
    let last = of_outsiders.next().map(|record| &record.what);
    let stands = matches!(last, Some(What::Put { body, .. }) if *body == newest.hint);
    if stands && run.log.current(hint) != Some(&newest.hint) {
        let sentence = "a commit was made meanwhile, and its hint is not current any more";
        violations.push(Violation::at(Property::A9, hint, sentence));
    }
}
