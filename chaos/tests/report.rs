//! Reports: a person gets the causes of a failure, in the room there is, and what was written cannot break out.

mod common;

use std::path::Path;

use firedrill_chaos::campaign::{self, Attempt, PLANTED};
use firedrill_chaos::kept::KeptCase;
use firedrill_chaos::part::Part;
use firedrill_chaos::property::Property;
use firedrill_chaos::report::moments::causes_of;
use firedrill_chaos::report::rows::{Row, rows};
use firedrill_chaos::report::story::{Story, Telling};
use firedrill_chaos::report::{html, look, text};
use firedrill_chaos::runner::Outcome;
use firedrill_chaos::scenario::{Act, Operation, Scenario, Selector, TableSource, When};
use firedrill_chaos::selector::Kind;
use firedrill_chaos::shrink;
use firedrill_chaos::{generate, runner};
use firedrill_core::amend::Amend;

/// The kept case of this name, without what it expects.
fn kept(name: &str) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("cases")
        .join(name);
    let text = std::fs::read_to_string(path).expect("the case is kept");
    KeptCase::from_toml(&text).expect("it is a case").scenario
}

fn ended(scenario: &Scenario, planted: Option<&'static str>) -> Outcome {
    match campaign::attempt(scenario, &Amend::new, planted, true) {
        Attempt::Ended(outcome) => outcome,
        other => panic!("it does not run: {other:?}"),
    }
}

/// The story of a failing scenario as `shrink` tells it.
fn story(scenario: &Scenario, planted: &'static str, property: Property) -> Story {
    let outcome = ended(scenario, Some(planted));
    let found = shrink::counterfactuals(scenario, property, &Amend::new, Some(planted));
    let commands = [(
        "replay".to_owned(),
        format!("replay FILE --planted {planted}"),
    )];
    Story::of(&Telling {
        scenario,
        ended: Ok(&outcome),
        property,
        planted: Some(planted),
        shrunk: None,
        counterfactuals: Some(&found),
        profile: None,
        commands: &commands,
    })
}

/// Which of the properties that are to catch a planted bug a scenario violates with it.
fn caught(scenario: &Scenario, bug: &str) -> Option<(&'static str, Property)> {
    let known = PLANTED.into_iter().find(|(known, _)| *known == bug);
    let (bug, wanted) = known.expect("the catalogue has it");
    let found = shrink::violated(scenario, &Amend::new, Some(bug)).ok()?;
    let property = found.into_iter().find(|found| wanted.contains(found))?;
    Some((bug, property))
}

/// Failing scenarios: what is kept, and what a seed makes of everything at once.
fn failing() -> Vec<(Scenario, &'static str, Property)> {
    let kept_ones = [
        ("A1-delete-delete-twice.toml", "AM-05"),
        ("A2-reset-body.toml", "AM-18"),
        ("A3-lost-answer-peels-a-version.toml", "AM-09"),
        ("A4-archive.toml", "AM-22"),
        ("A5-foreign-tags-are-copied-once.toml", "AM-15"),
        ("A9-commit-during-the-amend.toml", "AM-14"),
        ("M3-mock-workload.toml", "MK-03"),
    ];
    let kept_ones = kept_ones.into_iter().map(|(file, bug)| {
        let scenario = kept(file);
        let (bug, property) = caught(&scenario, bug).expect("the kept case catches it");
        (scenario, bug, property)
    });
    let found = ["AM-03", "AM-08", "MK-01", "MK-02"].into_iter().map(|bug| {
        let mut cases = (0..5000).map(|number| generate::scenario(campaign::case_seed(11, number)));
        let found = cases.find_map(|case| Some((caught(&case, bug)?, case)));
        let ((bug, property), scenario) = found.expect("the drill finds it");
        (scenario, bug, property)
    });
    kept_ones.chain(found).collect()
}

#[test]
fn a_report_fits_a_terminal_and_names_the_moment_that_violates() {
    for (scenario, bug, property) in failing() {
        let story = story(&scenario, bug, property);
        let told = text::text(&story);
        assert!(
            told.lines().count() <= text::ROWS_MAX,
            "{bug}: too long\n{told}"
        );
        for row in told.lines().filter(|row| !is_exact(row)) {
            assert!(
                row.chars().count() <= text::COLUMNS_MAX,
                "{bug}: too wide\n{row}"
            );
        }
        assert!(
            told.starts_with(&format!("VIOLATED {property}: ")),
            "{bug}:\n{told}"
        );
        assert!(
            told.contains(&format!("without the planted bug {bug}")),
            "{bug}:\n{told}"
        );
        assert!(
            told.contains(&format!("◄ {property}")),
            "{bug}: no moment shows it\n{told}"
        );
        assert!(told.contains("replay: "), "{bug}:\n{told}");
        assert!(!story.claims.is_empty(), "{bug}: nothing is claimed");
        for history in &story.histories {
            let named = told.contains(history.key.as_str());
            assert!(named, "{bug}: {} is nowhere in full\n{told}", history.key);
        }
        let shows = story
            .moments
            .iter()
            .filter(|moment| moment.violates)
            .count();
        assert!(shows >= 1, "{bug}: {told}");
        let lives = story.lanes.len() > 2;
        assert_eq!(
            lives,
            !story.place.is_empty(),
            "{bug}: a run has a place\n{told}"
        );
    }
}

/// Whether a row is there to be copied.
fn is_exact(row: &str) -> bool {
    row.contains(" = ") || row.starts_with("replay: ")
}

#[test]
fn what_is_left_out_is_counted() {
    let (scenario, bug, property) = (kept("A1-delete-delete-twice.toml"), "AM-05", Property::A1);
    let story = story(&scenario, bug, property);
    let all = rows(&story, usize::MAX);
    for most in 4..all.len() {
        let fewer = rows(&story, most);
        assert!(
            fewer.len() <= most,
            "{} rows instead of {most}",
            fewer.len()
        );
        let shows = |row: &&Row<'_>| matches!(row, Row::Moment(moment) if moment.violates);
        assert!(
            fewer.iter().any(|row| shows(&row)),
            "the violation is left out at {most}"
        );
        let told = fewer
            .iter()
            .filter(|row| matches!(row, Row::Moment(_)))
            .count();
        let gaps = fewer
            .iter()
            .filter(|row| matches!(row, Row::Gap(_)))
            .count();
        assert!(
            gaps > 0 && told < story.moments.len(),
            "nothing is said of what is left out"
        );
    }
}

#[test]
fn the_causes_of_a_line_lead_back_to_what_nobody_did() {
    let outcome = ended(&kept("A3-lost-answer-peels-a-version.toml"), Some("AM-09"));
    let events = outcome.trace.events();
    for seq in 1..=events.len() as u64 {
        let slice = causes_of(events, seq);
        assert_eq!(slice.last(), Some(&seq), "a line belongs to its own causes");
        let of = |seq: u64| &events[seq as usize - 1];
        for cause in &slice {
            let before = of(*cause).cause;
            assert!(before < *cause, "line {cause} is caused by a later one");
            assert!(
                before == 0 || slice.contains(&before),
                "line {before} is missing"
            );
        }
        let first = slice.first().expect("it is not empty");
        assert_eq!(of(*first).cause, 0, "the first cause has a cause");
    }
    // The second removal was sent because of an answer that was lost, and that request because of the plan.
    let story = story(
        &kept("A3-lost-answer-peels-a-version.toml"),
        "AM-09",
        Property::A3,
    );
    let shown = story.moments.iter().find(|moment| moment.violates);
    let seq = shown
        .and_then(|moment| moment.seq)
        .expect("a line shows it");
    let causes = look::causes(&outcome, seq).expect("there is such a line");
    assert!(
        causes.contains("indeterminate") && causes.contains("struck"),
        "{causes}"
    );
    assert!(look::causes(&outcome, 0).is_err() && look::causes(&outcome, u64::MAX).is_err());
}

#[test]
fn keys_are_shown_as_they_were_behind_each_line() {
    let outcome = ended(&kept("A3-lost-answer-peels-a-version.toml"), Some("AM-09"));
    let at = |seq| look::keys_at(&outcome, seq, Some(Property::A3), "keys").expect("a line");
    let last = outcome.trace.len();
    let (first, end) = (at(0), at(last));
    assert!(
        first.contains("delete marker") && first.contains("bytes, right"),
        "{first}"
    );
    assert_ne!(first, end, "the machine changed nothing");
    let gone = outcome
        .violations
        .iter()
        .find(|found| found.property == Property::A3);
    let key = gone
        .and_then(|found| found.key.clone())
        .expect("a key shows it");
    let held = outcome.scene.log.history(&key);
    assert_eq!(
        end.matches("right").count(),
        usize::from(!held.is_empty()),
        "{end}"
    );
    let all = look::keys_at(&outcome, last, None, "all").expect("there are keys");
    for (key, held) in outcome.scene.log.under("") {
        for held in held {
            let id = held.id.as_str();
            assert!(
                all.contains(key.as_str()) && all.contains(id),
                "{key} {id} is missing"
            );
        }
    }
    assert!(look::keys_at(&outcome, last + 1, None, "all").is_err());
    assert!(look::keys_at(&outcome, 0, None, "no such key").is_err());
}

#[test]
fn what_somebody_wrote_cannot_break_out_of_the_page() {
    let evil = "</code><script>alert(1)</script>&\"'";
    let mut scenario = kept("A1-delete-delete-twice.toml");
    scenario.operations = vec![
        Operation {
            when: When::Before,
            act: Act::Sibling {
                key: Selector::new(Kind::Snapshot, 0),
                cut: 0,
                suffix: evil.into(),
                deleted: 1,
            },
        },
        Operation {
            when: When::Before,
            act: Act::DeletePrefix { again: false },
        },
    ];
    let story = story(&scenario, "AM-03", Property::A3);
    assert!(
        story
            .legend
            .iter()
            .any(|(_, key)| key.as_str().ends_with(evil))
    );
    let page = html::page(&story);
    assert!(!page.contains("<script>alert"), "a key became a script");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "the key is not shown"
    );
    for outside in ["http://", "https://", " src=", "@import", "url("] {
        assert!(!page.contains(outside), "the page needs {outside}");
    }
}

#[test]
fn a_page_holds_everything_that_the_terminal_says() {
    for (scenario, bug, property) in failing() {
        let story = story(&scenario, bug, property);
        let page = html::page(&story);
        let escaped = |words: &str| {
            words
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;")
        };
        let mut said: Vec<&str> = vec![property.id(), &story.place];
        said.extend(story.claims.iter().map(String::as_str));
        said.extend(
            story
                .comparisons
                .iter()
                .flat_map(|row| [row.expected.as_str(), &row.actual]),
        );
        said.extend(story.legend.iter().map(|(_, key)| key.as_str()));
        said.extend(story.commands.iter().map(|(_, line)| line.as_str()));
        let shown = rows(&story, 60);
        said.extend(shown.iter().map(|row| match row {
            Row::Moment(moment) => moment.words.as_str(),
            Row::Gap(words) => words.as_str(),
        }));
        for words in said {
            assert!(
                page.contains(&escaped(words)),
                "{bug}: the page lacks {words:?}"
            );
        }
        for event in &story.trace {
            let row = format!("id=\"e{}\"", event.seq);
            assert!(page.contains(&row), "{bug}: event {} is missing", event.seq);
        }
    }
}

#[test]
fn equal_runs_are_told_equally_and_keeping_a_trace_changes_nothing() {
    let (scenario, bug, property) = (kept("A2-reset-body.toml"), "AM-18", Property::A2);
    let told = || text::text(&story(&scenario, bug, property));
    assert_eq!(told(), told());
    for number in 0..40 {
        let scenario = generate::scenario(campaign::case_seed(5, number));
        let hash = |keep| {
            let outcome = runner::run(&scenario, &Amend::new, keep);
            outcome.expect("a generated scenario runs").trace.hash()
        };
        assert_eq!(hash(false), hash(true), "case {number}");
    }
}

#[test]
fn a_part_is_taken_away_by_its_name_and_nothing_else_is() {
    for number in 0..60 {
        let scenario = generate::scenario(campaign::case_seed(6, number));
        let parts = Part::all(&scenario);
        for (part, words) in &parts {
            assert_eq!(part.to_string().parse(), Ok(*part));
            let smaller = part.taken_from(&scenario).expect("it has this part");
            let left: Vec<String> = Part::all(&smaller)
                .into_iter()
                .map(|(_, words)| words)
                .collect();
            let mut expected: Vec<String> = parts.iter().map(|(_, words)| words.clone()).collect();
            let place = parts
                .iter()
                .position(|(other, _)| other == part)
                .expect("it is one");
            expected.remove(place);
            assert_eq!(left, expected, "without {part}, {words}");
            let table = |scenario: &Scenario| -> TableSource { scenario.table.clone() };
            assert_eq!(table(&smaller), table(&scenario));
        }
    }
    let scenario = kept("A2-reset-body.toml");
    assert_eq!(Part::Fault(99).taken_from(&scenario), None);
    assert_eq!(Part::Host(0).taken_from(&scenario), None);
    for wrong in ["", "f", "f0", "x1", "1", "f1x", "ö1"] {
        assert!(wrong.parse::<Part>().is_err(), "{wrong}");
    }
}

#[test]
fn a_panic_and_a_stuck_machine_are_told_too() {
    let scenario = generate::scenario(campaign::case_seed(1, 1));
    let telling = |ended, property| {
        Story::of(&Telling {
            scenario: &scenario,
            ended,
            property,
            planted: None,
            shrunk: None,
            counterfactuals: None,
            profile: None,
            commands: &[],
        })
    };
    let told = text::text(&telling(Err("index out of bounds"), Property::NoPanic));
    assert!(
        told.contains("VIOLATED panic") && told.contains("index out of bounds"),
        "{told}"
    );
    let outcome = runner::run(&scenario, &|_| common::Idle, true).expect("it runs");
    let told = text::text(&telling(Ok(&outcome), Property::Finishes));
    assert!(
        told.contains("waits for nothing and has not ended"),
        "{told}"
    );
    assert!(
        told.contains("◄ liveness") && told.contains("no report"),
        "{told}"
    );
}
