//! Plans for the real sample tables, and their listings.
//!
//! Needs the samples (`FIREDRILL_SAMPLES`); without them each test says that it was skipped.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use firedrill_core::amend::{Options, Report};
use firedrill_s3_mock::http::load;
use firedrill_s3_mock::{Bucket, ListedKind, Time, Versioning};
use firedrill_sim::fixture;

fn samples() -> Option<PathBuf> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test's entry point names its samples"
    )]
    let folder = std::env::var("FIREDRILL_SAMPLES").ok();
    if folder.is_none() {
        let skipped = "skipped: FIREDRILL_SAMPLES names no folder with real sample tables";
        writeln!(std::io::stderr(), "{skipped}").expect("standard error can be written");
    }
    folder.map(PathBuf::from)
}

fn deleted(bucket: &mut Bucket, prefix: &str) {
    let keys: Vec<String> = bucket.keys().map(str::to_owned).collect();
    for key in keys.iter().filter(|key| key.starts_with(prefix)) {
        bucket
            .delete(Time(1_800_000_000_000), key, None)
            .expect("a delete succeeds");
    }
}

/// The plan in a few rows: what a person compares.
fn summary(report: &Report) -> String {
    let mut rows: BTreeMap<(String, &str), u64> = BTreeMap::new();
    for object in &report.objects {
        let class = format!("{:?}", object.class);
        *rows.entry((class, object.decision.name())).or_default() += 1;
    }
    let commit = report.commit.as_ref().expect("a commit was chosen");
    let mut text = format!(
        "{:?}, {} objects\n{} of {}\n",
        report.state,
        report.objects.len(),
        commit.snapshot,
        commit
            .timestamp
            .expect("the snapshot was read")
            .to_rfc3339()
    );
    for ((class, decision), count) in rows {
        writeln!(text, "{class:<20} {decision:<16} {count}").expect("a string takes it");
    }
    writeln!(text, "{:?}", report.requests).expect("a string takes it");
    for note in &report.notes {
        writeln!(text, "note: {note}").expect("a string takes it");
    }
    text
}

#[test]
fn the_plans_for_two_real_tables() {
    let Some(folder) = samples() else { return };
    for (release, prefix) in [("v1.2.453", "fs/9/16/"), ("v1.2.895", "fs/1/6/")] {
        for history in [false, true] {
            let path = folder.join("fuse").join(release);
            let mut bucket = load(&path, Versioning::Enabled).expect("a sample");
            deleted(&mut bucket, prefix);
            let options = Options {
                history,
                ..Options::new(prefix)
            };
            let report = fixture::amend(bucket, options);
            let name = format!("sample_{release}{}", if history { "_history" } else { "" });
            insta::assert_snapshot!(name, summary(&report));
        }
    }
}

#[test]
fn the_commit_log_of_a_real_table_as_listed() {
    let Some(folder) = samples() else { return };
    let path = folder.join("fuse/v1.2.453");
    let mut bucket = load(&path, Versioning::Enabled).expect("a sample");
    deleted(&mut bucket, "fs/9/16/last");
    let mut listing = String::new();
    for entry in bucket.history("fs/9/16/last_snapshot_location_hint") {
        let latest = if entry.is_latest { "  latest" } else { "" };
        // A marker's id is the mock's own, and new in each version of it.
        let (id, kind) = match &entry.kind {
            ListedKind::Marker => ("(new)", "marker".to_owned()),
            ListedKind::Version { size, etag, .. } => {
                (&*entry.version_id, format!("{size} bytes, {etag}"))
            }
        };
        writeln!(listing, "{id:<36}  {kind}{latest}").expect("a string takes it");
    }
    insta::assert_snapshot!("sample_hint_listing", listing);
}
