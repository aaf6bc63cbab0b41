//! Plans and reports of amends over generated tables.

use firedrill_core::amend::{Class, Options, Report, Target};
use firedrill_core::object::{Key, WallTime};
use firedrill_s3_mock::{ListedKind, Versioning};
use firedrill_sim::fixture::{FIRST, Table, segment};
use firedrill_sim::fuse::{Change, Flavour, TableSpec};

/// A table with one block in its first segment and one in its second, committed twice.
fn table(flavour: Flavour) -> Table {
    let mut table = Table::new(flavour, Versioning::Enabled);
    table.commit(&Change::Insert {
        segments: vec![segment(1)],
    });
    table.commit(&Change::Insert {
        segments: vec![segment(1)],
    });
    table
}

/// The report as `--json` prints it.
fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("a report is plain data")
}

/// Every key with its entries, newest first.
fn histories(table: &Table) -> String {
    let mut lines = String::new();
    let mut last = String::new();
    for (key, version, kind) in table.listing() {
        if key != last {
            lines.push_str(&format!("{key}\n"));
            last = key;
        }
        let kind = match kind {
            ListedKind::Marker => "marker".to_string(),
            ListedKind::Version { size, .. } => format!("{size} bytes"),
        };
        lines.push_str(&format!("    {version}  {kind}\n"));
    }
    lines
}

fn dry(table: &Table) -> Options {
    Options {
        apply: false,
        ..table.options()
    }
}

#[test]
fn the_plan_for_a_deleted_folder() {
    let mut table = table(Flavour::V1_2_895);
    table.delete_all();
    let (report, _) = table.run(dry(&table));
    insta::assert_snapshot!("plan_deleted_folder", json(&report));
}

#[test]
fn the_report_of_a_mixed_disaster() {
    let mut table = table(Flavour::V1_2_453);
    let blocks = table.keys_of(Class::Block);
    let bloom = table.keys_of(Class::BloomIndex).remove(0);
    table.put(&blocks[0], "garbage of another length");
    table.delete_all();
    table.purge(&blocks[1]);
    table.purge(&bloom);
    insta::assert_snapshot!("histories_before", histories(&table));
    let report = table.amend();
    insta::assert_snapshot!("report_mixed_disaster", json(&report));
    insta::assert_snapshot!("histories_after", histories(&table));
}

#[test]
fn the_plan_as_of_the_first_commit() {
    let mut table = table(Flavour::V1_2_453);
    table.delete_all();
    let target = Target::AsOf(WallTime(FIRST + 11_000_000));
    let (report, _) = table.run(Options {
        target,
        ..dry(&table)
    });
    insta::assert_snapshot!("plan_as_of", json(&report));
}

#[test]
fn refusals_say_what_to_do_next() {
    let mut refusals = String::new();
    let mut note = |what: &str, (report, _): (Report, Vec<_>)| {
        let refusal = report.refusal.expect("it is refused");
        refusals.push_str(&format!("{what} (exit status {}):\n    {refusal}\n", {
            let state = report.state;
            assert_eq!(state, firedrill_core::amend::State::Refused);
            3
        }));
    };
    let mut off = Table::new(Flavour::V1_2_453, Versioning::Off);
    off.commit(&Change::Insert {
        segments: vec![segment(1)],
    });
    note("never versioned", off.run(dry(&off)));
    let mut usual = table(Flavour::V1_2_895);
    note("one level too high", usual.run(Options::new("fs/9/")));
    note("nothing there", usual.run(Options::new("fs/1/1/")));
    let early = Target::AsOf(WallTime(0));
    note(
        "before the first commit",
        usual.run(Options {
            target: early,
            ..dry(&usual)
        }),
    );
    let wrong = Target::Snapshot("fs/9/17/_ss/x".into());
    note(
        "another table's snapshot",
        usual.run(Options {
            target: wrong,
            ..dry(&usual)
        }),
    );
    let mut gone = table(Flavour::V1_2_895);
    for key in gone.keys() {
        gone.purge(&key);
    }
    note("everything purged", gone.run(dry(&gone)));
    let mut hurt = table(Flavour::V1_2_453);
    for commit in hurt.commits.clone() {
        hurt.purge(commit.snapshot.as_str());
        hurt.put(commit.snapshot.as_str(), "cut");
    }
    let hint: Key = hurt.commits[0].hint.clone();
    hurt.purge(hint.as_str());
    note(
        "no hint, and every snapshot is garbage",
        hurt.run(dry(&hurt)),
    );
    insta::assert_snapshot!("refusals", refusals);
}

#[test]
fn the_cost_of_ten_thousand_objects() {
    let mut table = Table::of(TableSpec::new(Flavour::V1_2_453, 1, 2), Versioning::Enabled);
    table.commit(&Change::Insert {
        segments: (0..10).map(|_| segment(500)).collect(),
    });
    table.delete_all();
    let (report, _) = table.run(dry(&table));
    let cost = serde_json::json!({
        "objects": report.objects.len(), "requests": report.requests, "cost": report.cost,
    });
    insta::assert_snapshot!(
        "cost",
        serde_json::to_string_pretty(&cost).expect("plain data")
    );
}
