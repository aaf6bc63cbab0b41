//! What a person reads of a failure: the reports of planted bugs on small scenarios, and one page as text.

use firedrill_chaos::campaign::{self, Attempt};
use firedrill_chaos::property::Property;
use firedrill_chaos::report::story::{Story, Telling};
use firedrill_chaos::report::{html, text};
use firedrill_chaos::scenario::Scenario;
use firedrill_chaos::shrink;
use firedrill_core::amend::Amend;

/// The story of a planted bug on its scenario.
fn story(bug: &'static str, property: Property, file: &str) -> Story {
    let scenario = Scenario::from_toml(file).expect("it is a scenario file");
    let attempt = campaign::attempt(&scenario, &Amend::new, Some(bug), true);
    let Attempt::Ended(outcome) = &attempt else {
        panic!("it does not run: {attempt:?}");
    };
    let found = shrink::counterfactuals(&scenario, property, &Amend::new, Some(bug));
    let line = format!("cargo xtask replay {bug}.toml --planted {bug}");
    Story::of(&Telling {
        scenario: &scenario,
        ended: Ok(outcome),
        property,
        planted: Some(bug),
        shrunk: None,
        counterfactuals: Some(&found),
        profile: None,
        commands: &[("replay".into(), line)],
    })
}

#[test]
fn a_marker_too_few_is_removed() {
    let story = story("AM-05", Property::A1, include_str!("failures/AM-05.toml"));
    insta::assert_snapshot!("AM-05", text::text(&story));
}

#[test]
fn a_lost_answer_peels_a_version() {
    let story = story("AM-09", Property::A3, include_str!("failures/AM-09.toml"));
    insta::assert_snapshot!("AM-09", text::text(&story));
    insta::assert_snapshot!("AM-09-page", words(&html::page(&story)));
}

#[test]
fn a_body_cut_short_is_taken_for_the_whole() {
    let story = story("AM-18", Property::A2, include_str!("failures/AM-18.toml"));
    insta::assert_snapshot!("AM-18", text::text(&story));
}

#[test]
fn a_listing_in_another_order() {
    let story = story("MK-01", Property::M1, include_str!("failures/MK-01.toml"));
    insta::assert_snapshot!("MK-01", text::text(&story));
}

/// What a page says, without its style, its script and how it is marked up: a row for each block.
fn words(page: &str) -> String {
    let mut rows = vec![String::new()];
    let mut rest = page;
    while let Some(open) = rest.find('<') {
        let row = rows.last_mut().expect("there is always a row");
        row.push_str(&rest[..open]);
        rest = &rest[open..];
        for whole in ["style", "script"] {
            let end = format!("</{whole}>");
            if rest.starts_with(&format!("<{whole}>")) {
                rest = &rest[rest.find(&end).expect("it is closed")..];
            }
        }
        let close = rest.find('>').expect("every tag is closed") + 1;
        let name = rest[1..close].trim_start_matches('/');
        let name = &name[..name.find([' ', '>', '/']).unwrap_or(name.len())];
        let blocks = [
            "p", "h1", "h2", "h3", "li", "tr", "dt", "summary", "pre", "footer", "title", "div",
        ];
        if blocks.contains(&name) && !row.is_empty() {
            rows.push(String::new());
        } else if matches!(name, "td" | "th" | "dd") && !row.is_empty() && !row.ends_with("  ") {
            row.push_str("  ");
        }
        rest = &rest[close..];
    }
    let rows = rows.iter().map(|row| row.trim_end());
    let rows = rows.filter(|row| !row.trim().is_empty());
    // The trace itself changes with every change of the machine.
    let rows: Vec<&str> = rows
        .take_while(|row| !row.starts_with("The whole trace"))
        .collect();
    rows.join("\n")
}
