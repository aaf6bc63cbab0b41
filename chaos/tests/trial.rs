//! The scoreboard and the matrix are on trial themselves: they find what is planted, say so when nothing is,
//! and tell a sole catcher from one of several.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use firedrill_chaos::catalogue::{self, BUGS, Entry, Origin};
use firedrill_chaos::property::Property;
use firedrill_chaos::trial::matrix::{self, Matrix};
use firedrill_chaos::trial::scoreboard::{self, Scoreboard};
use firedrill_chaos::trial::{Progress, html, markdown};
use firedrill_chaos::{doublecheck, swarm};
use firedrill_core::amend::Amend;

fn named(ids: &[&str]) -> Vec<&'static Entry> {
    let entry = |id: &&str| catalogue::entry(id).expect("it is in the catalogue");
    ids.iter().map(entry).collect()
}

fn board(bugs: &[&'static Entry], cases_max: u64) -> Scoreboard {
    let terms = scoreboard::Terms {
        seed: 3,
        seeds: 2,
        cases_max,
        control_cases: 60,
        shrink_budget: 2000,
        jobs: 2,
    };
    let clock = || Duration::ZERO;
    scoreboard::run(terms, bugs, &Amend::new, &clock, &Progress::default())
}

#[test]
fn a_scoreboard_finds_what_is_planted_and_blames_it_alone() {
    let board = board(&named(&["AM-05", "MK-02"]), 2000);
    assert_eq!(board.shortcomings(), Vec::<String>::new());
    assert_eq!(board.control.violated, []);
    assert!(board.control.cases >= 120);
    for row in &board.rows {
        assert_eq!((row.found(), row.passing_without()), (2, 2), "{row:?}");
        assert_eq!(row.properties(), row.caught_by, "{row:?}");
    }
    let text = markdown::scoreboard(std::slice::from_ref(&board), "the command");
    assert!(text.contains("$ the command\n"), "{text}");
    assert!(
        text.contains("| AM-05 | one marker is removed of a stack | 2/2 | A1 |"),
        "{text}"
    );
    let page = html::scoreboard(std::slice::from_ref(&board), "the command");
    assert!(page.contains("2 of 2 planted bugs are found"), "{page}");
}

#[test]
fn a_scoreboard_says_so_when_nothing_is_planted() {
    static NOTHING: Entry = Entry {
        id: "AM-00",
        what: "nothing at all",
        origin: Origin::Designed,
        caught_by: &[Property::A1],
        needs: &[],
    };
    let board = board(&[&NOTHING], 200);
    assert_eq!(board.rows[0].found(), 0);
    let shortcomings = board.shortcomings();
    assert_eq!(shortcomings, ["AM-00 was found from 0 of 2 root seeds"]);
    assert!(
        markdown::scoreboard(std::slice::from_ref(&board), "")
            .contains("| AM-00 | nothing at all | 0/2 |")
    );
    assert!(
        html::scoreboard(std::slice::from_ref(&board), "")
            .contains("0 of 1 planted bugs are found")
    );
}

#[test]
fn a_scoreboard_notices_a_bug_that_another_property_shows() {
    const MISNAMED: Entry = Entry {
        id: "AM-05",
        what: "one marker is removed of a stack, thought to be caught by the mock's oracle",
        origin: Origin::Designed,
        caught_by: &[Property::M1],
        needs: &[],
    };
    static NAMED: Entry = Entry {
        caught_by: &[Property::A1],
        ..MISNAMED
    };
    assert_eq!(board(&[&NAMED], 100).rows[0].found(), 2);
    let misnamed = board(&[&MISNAMED], 100);
    assert_eq!(misnamed.rows[0].found(), 0);
    assert_eq!(
        misnamed.shortcomings(),
        ["AM-05 was found from 0 of 2 root seeds"]
    );
}

fn small_matrix(bugs: &[&'static Entry], classes: &[&'static str]) -> Matrix {
    let terms = matrix::Terms {
        seed: 3,
        seeds: 1,
        cell_cases: 400,
        jobs: 2,
    };
    let progress = Progress::default();
    matrix::run(terms, bugs, classes, &Amend::new, &progress)
}

#[test]
fn a_matrix_tells_the_only_catcher_and_the_needed_class() {
    let classes = ["s3.page-boundary", "op.siblings"];
    let matrix = small_matrix(&named(&["AM-04", "AM-10", "AM-09"]), &classes);
    assert_eq!(matrix.caught_only_by(Property::A4), ["AM-10"]);
    assert_eq!(
        matrix.caught_only_by(Property::A3),
        Vec::<&str>::new(),
        "AM-09 shows in many"
    );
    assert_eq!(matrix.needing("s3.page-boundary"), ["AM-04"]);
    assert_eq!(matrix.needing("op.siblings"), Vec::<&str>::new());
    assert_eq!(matrix.needing("no such class"), Vec::<&str>::new());
    // With its only checker off nothing shows it; with any other one off, all that did does.
    let row = &matrix.rows[1];
    for (property, without) in Property::ALL.iter().zip(&row.without_checker) {
        let expected = if *property == Property::A4 {
            0
        } else {
            row.finds
        };
        assert_eq!(*without, expected, "{property}");
    }
    assert_eq!(
        matrix.shortcomings(),
        Vec::<String>::new(),
        "they are some of many"
    );
    let page = html::matrix(&matrix, "the command");
    assert!(page.contains("What some of the planted bugs hang on"));
    let whole = Matrix {
        is_whole: true,
        ..matrix
    };
    let shortcomings = whole.shortcomings();
    assert!(shortcomings.contains(&"op.siblings is needed to find no bug".to_owned()));
    assert!(
        !shortcomings
            .iter()
            .any(|sentence| sentence.contains("s3.page-boundary"))
    );
    let text = markdown::matrix(&whole, "the command");
    assert!(text.contains("| s3.page-boundary | AM-04 |"), "{text}");
    assert!(html::matrix(&whole, "the command").contains("Not every checker or fault class"));
}

#[test]
fn a_matrix_refutes_what_the_catalogue_says_of_a_class() {
    static BOASTING: Entry = Entry {
        id: "AM-05",
        what: "one marker is removed of a stack, thought to need siblings",
        origin: Origin::Designed,
        caught_by: &[Property::A1],
        needs: &["op.siblings"],
    };
    let matrix = small_matrix(&[&BOASTING], &["op.siblings", "s3.slow"]);
    let sentence = "AM-05 is said to need op.siblings, and is found without it";
    assert_eq!(matrix.shortcomings(), [sentence]);
}

#[test]
fn what_shows_too_rarely_proves_no_class_needed() {
    let matrix = small_matrix(&named(&["AM-02"]), &["op.siblings"]);
    // Found, and not often enough to conclude anything from a class without it.
    assert!(
        (1..matrix::FINDS_MIN).contains(&matrix.rows[0].finds),
        "{:?}",
        matrix.rows
    );
    assert_eq!(matrix.needing("op.siblings"), Vec::<&str>::new());
}

#[test]
fn the_catalogue_and_the_sources_name_the_same_bugs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut planted = BTreeSet::new();
    for folder in ["core/src", "s3-mock/src", "sim/src"] {
        collect(&root.join(folder), &mut planted);
    }
    let known = BUGS.iter().map(|entry| entry.id.to_owned());
    let of_salvage = firedrill_chaos::salvage::catalogue::BUGS;
    let of_salvage = of_salvage.iter().map(|entry| entry.id.to_owned());
    let known = known
        .chain(of_salvage)
        .chain([doublecheck::PLANTED.0.to_owned()]);
    let all: Vec<String> = known.collect();
    let known: BTreeSet<String> = all.iter().cloned().collect();
    assert_eq!(planted, known);
    assert_eq!(known.len(), all.len(), "no id twice");
}

/// Adds every id that some file below `folder` asks for.
fn collect(folder: &Path, planted: &mut BTreeSet<String>) {
    let entries = std::fs::read_dir(folder).expect("the sources are there");
    for path in entries.map(|entry| entry.expect("it can be read").path()) {
        if path.is_dir() {
            collect(&path, planted);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("sources are text");
        let asked = text.split("planted(\"").skip(1);
        let ids = asked.filter_map(|rest| rest.split('"').next());
        planted.extend(ids.map(str::to_owned));
    }
}

#[test]
fn what_a_bug_needs_is_a_class_of_the_swarm() {
    let classes = swarm::OPERATIONS.iter().chain(swarm::FAULTS.iter());
    let classes: BTreeSet<&str> = classes.map(|(name, _)| *name).collect();
    for entry in BUGS {
        let unknown: Vec<_> = entry
            .needs
            .iter()
            .filter(|class| !classes.contains(*class))
            .collect();
        assert!(unknown.is_empty(), "{}: {unknown:?}", entry.id);
    }
}

#[test]
fn the_table_of_planted_bugs_is_the_catalogues() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/planted-bugs.md");
    let written = std::fs::read_to_string(path).expect("the table is in the repository");
    let wanted = markdown::catalogue(BUGS, firedrill_chaos::salvage::catalogue::BUGS);
    assert_eq!(
        written, wanted,
        "cargo xtask scoreboard --catalogue docs/planted-bugs.md"
    );
}
