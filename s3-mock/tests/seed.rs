//! A folder becomes a bucket: ids, times, markers and order as they were.

#![cfg(feature = "http")]

use std::fs;
use std::path::Path;

use firedrill_s3_mock::http::{SeedError, load};
use firedrill_s3_mock::{GetOptions, ListVersions, ListedKind, Time, Versioning};

const LISTING: &str = r#"[
  {"key": "a/k", "version_id": "m2", "is_latest": true, "last_modified": "2026-01-01T00:00:00+00:00", "marker": true},
  {"key": "a/k", "version_id": "v1", "size": 3, "is_latest": false, "last_modified": "2026-01-01T00:00:00+00:00", "etag": "\"foreign-2\""},
  {"key": "a/k", "version_id": "m1", "is_latest": false, "last_modified": "2025-12-31T23:59:59+00:00", "marker": true},
  {"key": "b", "version_id": "null", "size": 0, "is_latest": true, "last_modified": "2026-01-01T01:00:00+01:00"}
]"#;

fn folder(listing: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a file has a folder")).expect("writable");
        fs::write(path, bytes).expect("writable");
    };
    write("versions.json", listing.as_bytes());
    write("objects/noncurrent/v1/a/k", b"old");
    write("objects/latest/b", b"");
    folder
}

#[test]
fn ids_times_tags_and_markers_are_kept_in_listing_order() {
    let folder = folder(LISTING);
    let bucket = load(folder.path(), Versioning::Enabled).expect("the folder is whole");
    let page = bucket.list_versions(&ListVersions::default());
    let seen: Vec<_> = page
        .entries
        .iter()
        .map(|entry| {
            (
                &*entry.version_id,
                entry.is_latest,
                entry.kind == ListedKind::Marker,
            )
        })
        .collect();
    let expected = [
        ("m2", true, true),
        ("v1", false, false),
        ("m1", false, true),
        ("null", true, false),
    ];
    assert_eq!(seen, expected);
    assert_eq!(page.entries[2].last_modified, Time(1_767_225_599_000));
    assert_eq!(page.entries[3].last_modified, Time(1_767_225_600_000));
    let old = bucket
        .get("a/k", Some("v1"), &GetOptions::default())
        .expect("it is there");
    assert_eq!(
        (&old.body[..], old.meta.etag.as_str()),
        (&b"old"[..], "\"foreign-2\"")
    );
    let empty = bucket
        .get("b", None, &GetOptions::default())
        .expect("it is there");
    assert_eq!(empty.meta.etag, "\"d41d8cd98f00b204e9800998ecf8427e\"");
}

fn complaint(listing: &str) -> String {
    let folder = folder(listing);
    let error = load(folder.path(), Versioning::Enabled).expect_err("it is not whole");
    let name = folder.path().display().to_string();
    error.to_string().replace(&name, "FOLDER")
}

#[test]
fn what_is_wrong_is_named_with_its_file() {
    let wrong_size = LISTING.replace("\"size\": 3", "\"size\": 4");
    assert_eq!(
        complaint(&wrong_size),
        "FOLDER/versions.json: entry 2 (a/k): its file has 3 bytes and not 4"
    );
    let wrong_time = LISTING.replace("2026-01-01T01:00:00+01:00", "yesterday");
    assert_eq!(
        complaint(&wrong_time),
        "FOLDER/versions.json: entry 4 (b): last_modified is not an RFC 3339 time"
    );
    let two_latest = LISTING.replace("\"is_latest\": false", "\"is_latest\": true");
    assert!(
        complaint(&two_latest).contains("entry 2 (a/k): the first entry of a key"),
        "{}",
        complaint(&two_latest)
    );
    let missing = LISTING.replace("\"v1\"", "\"v9\"");
    assert!(complaint(&missing).starts_with("cannot read FOLDER/objects/noncurrent/v9/a/k: "));
    assert!(complaint("{").starts_with("FOLDER/versions.json is not a list of versions: "));
    let nowhere = load(Path::new("/nowhere"), Versioning::Off).expect_err("no such folder");
    assert!(matches!(nowhere, SeedError::Unreadable { .. }));
}

#[test]
fn the_real_tables_are_loaded_whole() {
    #[allow(
        clippy::disallowed_methods,
        reason = "tests look for real samples where they are told"
    )]
    let Ok(samples) = std::env::var("FIREDRILL_SAMPLES") else {
        println!("skipped: FIREDRILL_SAMPLES is not set");
        return;
    };
    for (release, hints) in [("v1.2.453", 8), ("v1.2.895", 8)] {
        let folder = Path::new(&samples).join("fuse").join(release);
        let bucket = load(&folder, Versioning::Enabled).expect("the samples are whole");
        let text = fs::read_to_string(folder.join("versions.json")).expect("readable");
        let listed: Vec<&str> = text
            .split("\"version_id\": \"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let page = bucket.list_versions(&ListVersions::default());
        let found: Vec<&str> = page
            .entries
            .iter()
            .map(|entry| &*entry.version_id)
            .collect();
        assert_eq!(found, listed, "{release}");
        let of_hint = page
            .entries
            .iter()
            .filter(|entry| entry.key.contains("last_snapshot_location_hint"));
        assert_eq!(of_hint.count(), hints);
        for entry in &page.entries {
            let read = bucket.get(&entry.key, Some(&entry.version_id), &GetOptions::default());
            read.expect("every version of the samples can be read");
        }
    }
}
