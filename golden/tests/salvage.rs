//! What a salvage tells of small databases that the writer made: each record with its class and where it came from,
//! what is lost, and what became of every byte.

use std::fmt::Write as _;

use firedrill_chaos::salvage::disk::Disk;
use firedrill_chaos::salvage::play::{Played, play};
use firedrill_chaos::salvage::scenario::{Damage, JournalHarm, PageClass, Run, Scenario, Spot};
use firedrill_sim::voron::{DatabaseSpec, Flavour};
use serde_json::Value;

fn scenario(flavour: Flavour, damages: Vec<Damage>) -> Scenario {
    Scenario {
        story: String::new(),
        run: Run::default(),
        damages,
        database: DatabaseSpec::of_everything(flavour, 1),
    }
}

/// The whole story of a salvage.
fn told(scenario: &Scenario) -> String {
    let played = play(&Disk::of(scenario), &scenario.run, None).expect("it comes to its end");
    let mut text = String::new();
    records(&played, &mut text);
    losses(&played, &mut text);
    ledger(&played, &mut text);
    text
}

fn records(played: &Played, text: &mut String) {
    let frames = &played.written["records.ndjson.zst"];
    let lines = zstd::stream::decode_all(&frames[..]).expect("it is zstd");
    let lines = String::from_utf8(lines).expect("it is JSON");
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).expect("it is JSON");
        let word = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let marks = ["repaired", "unhashed"].map(|mark| match line[mark] == true {
            true => format!("  {mark}"),
            false => String::new(),
        });
        let [repaired, unhashed] = marks;
        writeln!(
            text,
            "{:<13} {:<16} {:>3}  {:<18} page {:>3}{repaired}{unhashed}  {}",
            word("kind"),
            word("class"),
            line["etag"],
            word("place"),
            line["page"],
            word("key").escape_debug(),
        )
        .expect("a string takes it");
    }
}

fn losses(played: &Played, text: &mut String) {
    let report = &played.report;
    for lost in &report.lost {
        writeln!(text, "lost: {}", json(lost)).expect("a string takes it");
    }
    let contents = &report.contents;
    writeln!(
        text,
        "contents: {} named, {} whole, missing {}\ntransactions: {}, unread entries: {}",
        contents.named,
        contents.whole,
        json(&contents.missing),
        report.transactions,
        report.unread,
    )
    .expect("a string takes it");
}

fn ledger(played: &Played, text: &mut String) {
    for file in &played.report.files {
        writeln!(text, "{}, {} bytes", file.name, file.length).expect("a string takes it");
        for (start, end, what) in &file.ranges {
            let bytes = end - start;
            writeln!(
                text,
                "{start:>8} {bytes:>8}  {}",
                json(what).trim_matches('"')
            )
            .expect("a string takes it");
        }
    }
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("it is plain data")
}

#[test]
fn a_database_of_4_2_to_7_1() {
    insta::assert_snapshot!("salvage_5", told(&scenario(Flavour::V5, Vec::new())));
}

#[test]
fn a_database_of_7_2() {
    insta::assert_snapshot!("salvage_7.2", told(&scenario(Flavour::V7_2, Vec::new())));
}

/// A bit in one page of rows, noise over another and over a leaf, and a transaction that is gone.
#[test]
fn a_database_that_was_hurt() {
    let page = |of, nth| Spot { of, nth };
    let damages = vec![
        Damage::BitFlip {
            page: page(PageClass::Rows, 0),
            bit: 3000,
        },
        Damage::ScramblePage {
            page: page(PageClass::Rows, 2),
            seed: 1,
        },
        Damage::ScramblePage {
            page: page(PageClass::Stream, 1),
            seed: 2,
        },
        Damage::Journal {
            nth: 0,
            harm: JournalHarm::ZeroRange {
                transaction: 3,
                bytes: 4096,
            },
        },
    ];
    insta::assert_snapshot!("salvage_hurt", told(&scenario(Flavour::V5, damages)));
}
