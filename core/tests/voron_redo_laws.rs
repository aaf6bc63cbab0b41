//! Laws of redoing transactions, on transactions that the tests make.

mod voron_made;

use std::collections::BTreeMap;

use firedrill_core::voron::journal::index::IndexBuilder;
use firedrill_core::voron::journal::pages;
use firedrill_core::voron::journal::redo::{Outcome, Redo, Standing};
use firedrill_core::voron::journal::replay::{Candidate, JournalName, Place, plan};
use firedrill_core::voron::page::{Verdict, verdict};
use proptest::prelude::*;
use voron_made::{Made, diff, page, seal};

fn holds(number: u64, run: &[u8]) -> bool {
    matches!(verdict(run), Verdict::Whole { header, .. } if header.number == number)
}

fn candidates(list: &[(u64, u32, u64)]) -> Vec<Candidate> {
    list.iter()
        .map(|(id, journal, offset)| Candidate {
            id: *id,
            place: Place {
                journal: *journal,
                offset: *offset,
            },
        })
        .collect()
}

#[test]
fn names_of_journals_are_read() {
    let read = JournalName::read;
    assert_eq!(
        read("0000000000000000009.journal"),
        Some(JournalName::Live(9))
    );
    let recyclable = "recyclable-journal.0000000000000000012";
    assert_eq!(read(recyclable), Some(JournalName::Recyclable(12)));
    for other in [
        "Raven.voron",
        ".journal",
        "+9.journal",
        "9.journal.bak",
        "recyclable-journal.",
    ] {
        assert_eq!(read(other), None, "{other}");
    }
}

/// What is redone, as (number, journal, after a gap), and what is old.
fn planned(
    names: &[&str],
    list: &[(u64, u32, u64)],
    last_synced: Option<u64>,
) -> (Vec<(u64, u32, bool)>, Vec<u64>) {
    let names: Vec<_> = names.iter().map(|name| JournalName::read(name)).collect();
    let plan = plan(&names, &candidates(list), last_synced);
    let redo = plan.redo.iter();
    (
        redo.map(|step| (step.id, step.place.journal, step.after_gap))
            .collect(),
        plan.old.iter().map(|candidate| candidate.id).collect(),
    )
}

#[test]
fn live_transactions_are_redone_and_older_lives_are_history() {
    let names = [
        "10.journal",
        "9.journal",
        "recyclable-journal.9",
        "something",
    ];
    let found = [
        (12, 0, 0),
        (10, 1, 0),
        (11, 1, 4096),
        (4, 1, 8192),
        (5, 1, 12288),
        (6, 2, 0),
        (99, 3, 0),
    ];
    let (redo, old) = planned(&names, &found, Some(10));
    assert_eq!(redo, [(11, 1, false), (12, 0, false)]);
    assert_eq!(old, [10, 4, 5, 6, 99]);
    let (redo, old) = planned(&names, &found, None);
    assert_eq!(redo, [(10, 1, true), (11, 1, false), (12, 0, false)]);
    assert_eq!(old, [4, 5, 6, 99]);
    let (redo, _) = planned(&names, &found, Some(8));
    assert_eq!(redo[0], (10, 1, true));
}

#[test]
fn what_is_missing_is_named_and_two_folders_make_one() {
    let names = ["9.journal", "9.journal"];
    // The first folder has lost 21, the second 23, both 25.
    let found = [
        (20, 0, 0),
        (22, 0, 8192),
        (23, 0, 12288),
        (24, 0, 16384),
        (26, 0, 24576),
        (20, 1, 0),
        (21, 1, 4096),
        (22, 1, 8192),
        (24, 1, 16384),
        (26, 1, 24576),
    ];
    let (redo, old) = planned(&names, &found, Some(19));
    let expected = [
        (20, 0, false),
        (21, 1, false),
        (22, 0, false),
        (23, 0, false),
        (24, 0, false),
        (26, 0, true),
    ];
    assert_eq!(redo, expected);
    assert!(old.is_empty());
    let names: Vec<_> = names.iter().map(|name| JournalName::read(name)).collect();
    assert_eq!(
        plan(&names, &candidates(&found), Some(17)).gaps,
        [18..=19, 25..=25]
    );
}

/// Each known page as it ended.
type Redone = BTreeMap<u64, (Vec<u8>, Standing)>;

/// Redoes transactions, each a list of changes with whether one is missing before it, on these pages; answers the outcomes.
fn redo(
    base: &[(u64, Vec<u8>)],
    steps: &[(bool, Vec<(u64, Made)>)],
    budget_pages: u64,
) -> (Redone, Vec<Outcome>) {
    let payloads: Vec<_> = steps
        .iter()
        .map(|(gap, changes)| (*gap, voron_made::payload(changes), changes.len() as u32))
        .collect();
    let read = |at: usize| pages::read(&payloads[at].1, payloads[at].2).expect("a list");
    let mut builder = IndexBuilder::new(1000);
    for at in 0..payloads.len() {
        builder.add(at as u32, read(at));
    }
    let (mut result, mut outcomes) = (BTreeMap::new(), Vec::new());
    for clusters in builder.finish().passes(budget_pages * 8192) {
        let mut redo = Redo::new(&clusters);
        for (page, bytes) in base {
            redo.load(*page, bytes);
        }
        for (at, payload) in payloads.iter().enumerate() {
            let applied = redo.apply(payload.0, read(at), &mut holds);
            outcomes.extend(applied.iter().map(|applied| applied.outcome));
        }
        redo.finish(&mut holds);
        for (page, bytes, standing) in redo.pages() {
            result.insert(page, (bytes.to_vec(), standing));
        }
    }
    (result, outcomes)
}

fn changed(from: &[u8], at: usize, value: u8) -> Vec<u8> {
    let mut page = from.to_vec();
    page[at] = value;
    seal(&mut page);
    page
}

#[test]
fn a_diff_behind_a_gap_stays_only_if_the_checksum_holds() {
    let first = page(10, 1);
    let second = changed(&first, 100, 2);
    let third = changed(&second, 5000, 3);
    let base = [(10, first.clone())];
    // The missing transaction did not touch the page.
    let (pages, outcomes) = redo(&base, &[(true, vec![(10, diff(&first, &second))])], 9);
    assert_eq!(outcomes, [Outcome::Proven]);
    assert_eq!(pages[&10], (second.clone(), Standing::Redone));
    // It did.
    let (pages, outcomes) = redo(&base, &[(true, vec![(10, diff(&second, &third))])], 9);
    assert_eq!(outcomes, [Outcome::Unproven]);
    assert_eq!(pages[&10], (first.clone(), Standing::TakenBack));
    // It did, but a later one writes the same bytes again.
    let again = changed(&third, 100, 4);
    let steps = [
        (true, vec![(10, diff(&second, &third))]),
        (false, vec![(10, diff(&third, &again))]),
    ];
    let (pages, outcomes) = redo(&base, &steps, 9);
    assert_eq!(outcomes, [Outcome::Unproven, Outcome::Proven]);
    assert_eq!(pages[&10], (again.clone(), Standing::Redone));
    // It did, but a later one has the whole page.
    let steps = [
        (true, vec![(10, diff(&second, &third))]),
        (false, vec![(10, Made::Full(again.clone()))]),
    ];
    let (pages, _) = redo(&base, &steps, 9);
    assert_eq!(pages[&10], (again, Standing::Redone));
    // A page that nothing behind the gap touches may be stale.
    let steps = [
        (false, vec![(10, diff(&first, &second))]),
        (true, vec![(11, Made::Full(page(11, 1)))]),
    ];
    let (pages, _) = redo(&base, &steps, 9);
    assert_eq!(pages[&10], (second, Standing::PerhapsStale));
    assert_eq!(pages[&11].1, Standing::Redone);
}

#[test]
fn without_a_base_only_what_is_whole_somewhere_comes_about() {
    let first = page(10, 1);
    let second = changed(&first, 100, 2);
    let steps = [
        (true, vec![(10, diff(&second, &first))]),
        (false, vec![(10, Made::Full(first.clone()))]),
        (false, vec![(10, diff(&first, &second))]),
    ];
    let (pages, outcomes) = redo(&[], &steps, 9);
    let expected = [Outcome::NoBase, Outcome::Whole, Outcome::Changed];
    assert_eq!(outcomes, expected);
    assert_eq!(pages[&10], (second, Standing::Redone));
}

#[test]
fn runs_that_overlap_form_one_cluster_and_a_cut_one_is_redone_all_the_same() {
    let payload = voron_made::payload(&[
        (10, Made::Full(vec![1; 3 * 8192])),
        (
            12,
            Made::Diff(false, 2 * 8192, vec![(8190, Ok(vec![2; 4]))]),
        ),
        (14, Made::Diff(true, 8192, vec![(0, Ok(vec![3; 4]))])),
        (900, Made::Diff(true, 101 * 8192, vec![(0, Err(1))])),
    ]);
    let mut builder = IndexBuilder::new(1000);
    builder.add(0, pages::read(&payload, 4).expect("a list"));
    assert_eq!(builder.refused(), 1);
    let index = builder.finish();
    let clusters: Vec<_> = index
        .clusters()
        .iter()
        .map(|cluster| (cluster.page, cluster.pages))
        .collect();
    assert_eq!(clusters, [(10, 4), (14, 1)]);
    let changes: Vec<_> = index
        .changes_of(12)
        .iter()
        .map(|entry| entry.page)
        .collect();
    assert_eq!(changes, [10, 12]);
    assert!(index.changes_of(9).is_empty() && index.changes_of(15).is_empty());
    let base = [(10, vec![9; 5 * 8192])];
    let steps = [(
        false,
        vec![
            (10, Made::Full(vec![1; 3 * 8192])),
            (
                12,
                Made::Diff(false, 2 * 8192, vec![(8190, Ok(vec![2; 4]))]),
            ),
            (14, Made::Diff(true, 8192, vec![(0, Ok(vec![3; 4]))])),
        ],
    )];
    let (one, _) = redo(&base, &steps, 9);
    for budget in 1..5 {
        assert_eq!(redo(&base, &steps, budget).0, one, "{budget}");
    }
    assert_eq!(
        (
            one[&12].0[8189],
            one[&12].0[8190],
            one[&13].0[1],
            one[&13].0[2]
        ),
        (1, 2, 2, 9)
    );
    assert_eq!((one[&14].0[3], one[&14].0[4]), (3, 0));
}

/// States of three pages, each step changing some of them: (page, offset, value, whole image?).
fn histories() -> impl Strategy<Value = Vec<Vec<(u64, usize, u8, bool)>>> {
    let change = (
        0_u64..3,
        64_usize..80,
        any::<u8>(),
        prop::bool::weighted(0.2),
    );
    prop::collection::vec(prop::collection::vec(change, 0..4), 1..12)
}

proptest! {
    /// Redone from any point on, onto a base of which each page is of any later point: as the last one left it. With
    /// one missing, what is called redone is so too.
    #[test]
    fn redone_is_as_the_last_one_left_it(
        history in histories(),
        from in any::<prop::sample::Index>(),
        bases in prop::array::uniform3(any::<prop::sample::Index>()),
        missing in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut states = vec![vec![page(0, 1), page(1, 1), page(2, 1)]];
        let mut steps = Vec::new();
        for changes in &history {
            let before = states.last().expect("there is a first").clone();
            let mut after = before.clone();
            let mut made = Vec::new();
            for (number, offset, value, whole) in changes {
                let old = &after[*number as usize];
                let new = changed(old, *offset, *value);
                made.push((*number, if *whole { Made::Full(new.clone()) } else { diff(old, &new) }));
                after[*number as usize] = new;
            }
            // A page twice in one transaction, and diffs that change nothing, are as good as any.
            made.retain(|(_, made)| !matches!(made, Made::Diff(_, _, pieces) if pieces.is_empty()));
            steps.push(made);
            states.push(after);
        }
        let from = from.index(steps.len());
        let base: Vec<_> = (0..3_u64)
            .map(|number| {
                let state = from + bases[number as usize].index(states.len() - from);
                (number, states[state][number as usize].clone())
            })
            .collect();
        let missing = missing.map(|missing| missing.index(steps.len()));
        let chosen: Vec<_> = (from..steps.len())
            .filter(|step| Some(*step) != missing)
            .map(|step| (step > from && missing == Some(step - 1) || missing == Some(from) && step == from + 1, steps[step].clone()))
            .collect();
        let (redone, _) = redo(&base, &chosen, 9);
        let last = states.last().expect("there is a first");
        for (number, (bytes, standing)) in redone {
            // That the very last one is missing, nobody can know.
            if missing == Some(steps.len() - 1) {
                break;
            }
            if standing == Standing::Redone || missing.is_none_or(|missing| missing < from) {
                prop_assert_eq!(standing, Standing::Redone);
                prop_assert!(bytes == last[number as usize], "page {}", number);
            }
        }
    }
}
