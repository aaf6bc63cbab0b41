//! `firedrill salvage` as a process, on real files: what it prints, what it ends with, what it writes, and that
//! it leaves alone what it reads.
//!
//! The databases are made by the drill's writer; [`samples`] has real ones.

mod ends;
mod resume;
mod samples;
#[path = "../schema/mod.rs"]
mod schema_file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::SystemTime;

use firedrill_sim::voron::{Database, DatabaseSpec, Flavour, Operation};
use serde_json::Value;
use tempfile::TempDir;

const PAGE: usize = 8192;

/// A folder for one test, with a database in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        Self { folder }
    }

    /// With a database in `db`.
    fn with(database: &Database) -> Self {
        let place = Self::new();
        place.add("db", database);
        place
    }

    fn add(&self, name: &str, database: &Database) {
        let db = self.path(name);
        std::fs::create_dir_all(db.join("Journals")).expect("it can be made");
        write(&db.join("Raven.voron"), &database.data);
        for (name, bytes) in ["headers.one", "headers.two"].iter().zip(&database.headers) {
            write(&db.join(name), bytes);
        }
        for (name, bytes) in &database.journals {
            write(&db.join("Journals").join(name), bytes);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// `firedrill salvage` with these words, which name files below this folder.
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
        command
            .current_dir(self.folder.path())
            .arg("salvage")
            .args(words)
            .env_clear();
        command
    }

    fn salvage(&self, words: &[&str]) -> Output {
        let output = self.command(words).output();
        output.expect("the command was built with this test")
    }

    /// What a folder holds, by the names.
    fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.path(folder)).expect("the folder is there");
        let paths = entries.map(|entry| entry.expect("it can be listed").path());
        let named = paths.filter(|path| path.is_file()).map(|path| {
            let name = path.file_name().expect("it has a name");
            (
                name.display().to_string(),
                std::fs::read(&path).expect("it can be read"),
            )
        });
        named.collect()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        self.files(folder).into_keys().collect()
    }

    /// The report in a folder, which is as the schema says.
    fn report(&self, folder: &str) -> Value {
        let files = self.files(folder);
        report(&files["report.json"])
    }
}

fn report(document: &[u8]) -> Value {
    let report = serde_json::from_slice(document).expect("it is one JSON document");
    schema_file::assert_fits("salvage", &report);
    report
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).expect("it can be written");
}

fn status(output: &Output) -> Option<i32> {
    output.status.code()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("it prints UTF-8")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("it prints UTF-8")
}

/// Forty documents with revisions and attachments, some of them deleted, the last ones in journals alone.
fn small() -> Database {
    let mut spec = DatabaseSpec::new(Flavour::V7_2, 11);
    for document in 0..40 {
        spec.operations.push(Operation::Put {
            document,
            size: 1200,
            revision: document % 2 == 0,
            replicas: 0,
        });
        if document % 4 == 0 {
            spec.operations.push(Operation::Attach {
                document,
                name: 0,
                size: 20_000,
                content: document,
            });
        }
    }
    spec.operations.push(Operation::Checkpoint { sync: true });
    for document in [3, 5, 7] {
        spec.operations.push(Operation::Delete { document });
    }
    spec.operations.push(Operation::Commit);
    Database::write(&spec)
}

/// The same, a page of documents overwritten, and where that is.
fn without_some_documents() -> (Database, usize) {
    let mut database = small();
    let rows = database.data.chunks(PAGE).position(|page| {
        // The documents' table (1), and some entries.
        is_rows(page) && page[30] == 1 && page[8] > 2
    });
    let start = rows.expect("there are documents") * PAGE;
    database.data[start + 100..start + 5000].fill(0x5a);
    // They hold everything that was written, and would bring it back.
    database.journals.clear();
    (database, start)
}

/// So much content that a salvage takes a while: about 24 MB of attachments.
fn large() -> Database {
    let mut spec = DatabaseSpec::new(Flavour::V5, 12);
    for document in 0..60 {
        spec.operations.push(Operation::Put {
            document,
            size: 3000,
            revision: true,
            replicas: 0,
        });
        spec.operations.push(Operation::Attach {
            document,
            name: 0,
            size: 400_000,
            content: document,
        });
        if document % 10 == 9 {
            spec.operations.push(Operation::Checkpoint { sync: true });
        }
    }
    spec.operations.push(Operation::Checkpoint { sync: true });
    Database::write(&spec)
}

/// Hurts every so many pages: a bit in those of rows, which comes back, more in others.
fn damaged(mut database: Database, every: usize) -> Database {
    for page in (1..database.data.len() / PAGE).step_by(every) {
        let page = &mut database.data[page * PAGE..][..PAGE];
        match is_rows(page) {
            true => page[777] ^= 4,
            false => page[..600].fill(0xa5),
        }
    }
    database
}

/// A small page (2) of raw data (flags 33).
fn is_rows(page: &[u8]) -> bool {
    page[12] == 33 && page[13] == 2
}

#[test]
fn a_whole_database_comes_back_and_is_left_alone() {
    let place = Place::with(&small());
    let look = |name: &str| -> (Vec<u8>, SystemTime) {
        let path = place.path("db").join(name);
        let about = std::fs::metadata(&path).expect("it is there");
        let modified = about.modified().expect("the file system knows it");
        (std::fs::read(path).expect("it can be read"), modified)
    };
    let before = ["Raven.voron", "headers.one", "headers.two"].map(look);
    let output = place.salvage(&["db", "--out", "out"]);
    assert_eq!(stderr(&output), "");
    assert_eq!(status(&output), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).starts_with("Whole: nothing is damaged.\n"));
    assert_eq!(
        before,
        ["Raven.voron", "headers.one", "headers.two"].map(look)
    );
    assert_eq!(
        place.names("db"),
        ["Raven.voron", "headers.one", "headers.two"]
    );
    let report = place.report("out");
    assert_eq!(report["counts"]["document"]["live"], 37);
    assert_eq!(report["contents"]["named"], report["contents"]["whole"]);
    assert_eq!(report["changed_inputs"], Value::Array(Vec::new()));
    let names = place.names("out");
    for name in [
        "salvage.ravendbdump",
        "records.ndjson.zst",
        "report.html",
        "report.json",
    ] {
        assert!(
            names.iter().any(|other| other == name),
            "{name} in {names:?}"
        );
    }
    assert!(
        !names
            .iter()
            .any(|name| name.contains("part") || name.contains("check"))
    );
    let page = place.files("out")["report.html"].clone();
    let page = String::from_utf8(page).expect("it is text");
    for outside in ["http://", "https://", "src=", "@import", "url(", "<script"] {
        assert!(!page.contains(outside), "{outside} in the page");
    }
}

#[test]
fn as_many_workers_as_one_likes_write_the_same() {
    let place = Place::with(&damaged(large(), 400));
    let one = place.salvage(&["db", "--out", "one", "--jobs", "1"]);
    assert_eq!(status(&one), Some(1), "{}", stderr(&one));
    let four = place.salvage(&["db", "--out", "four", "--jobs", "4"]);
    assert_eq!(status(&four), Some(1), "{}", stderr(&four));
    assert_eq!(
        stdout(&one).replace("one", "four"),
        stdout(&four).replace("one", "four")
    );
    assert!(
        place.files("one") == place.files("four"),
        "the outputs differ"
    );
}

#[test]
fn damage_is_told_and_the_rest_comes_back() {
    let (database, start) = without_some_documents();
    let place = Place::with(&database);
    let output = place.salvage(&["db", "--out", "out"]);
    assert_eq!(status(&output), Some(1), "{}", stderr(&output));
    let report = place.report("out");
    let lost = report["lost"].as_array().expect("a list");
    assert!(!lost.is_empty(), "{}", stdout(&output));
    assert_eq!(lost[0]["place"], serde_json::json!(["Raven.voron", start]));
    assert!(
        stdout(&output).starts_with("Damaged: "),
        "{}",
        stdout(&output)
    );
    let mut files = report["files"].as_array().expect("a list").iter();
    let data = files.find(|file| file["name"] == "Raven.voron");
    let damage = data.map(|file| file["damage"].clone());
    let expected = serde_json::json!([[start, start + PAGE, "damaged"]]);
    assert_eq!(damage, Some(expected));
}

#[test]
fn the_schema_sees_each_field_of_a_report() {
    let place = Place::with(&without_some_documents().0);
    let output = place.salvage(&["db", "--dry-run", "--json"]);
    let report = report(&output.stdout);
    let maps = ["counts", "missing", "leftovers", "bytes", "written"];
    let optional = ["key", "etag", "place"];
    let seen = schema_file::assert_strict("salvage", &report, &maps, &optional);
    for field in [
        "/lost/0/has_older",
        "/lost/0/place",
        "/files/0/ranges",
        "/contents/missing",
    ] {
        assert!(seen.iter().any(|path| path == field), "{seen:?}");
    }
}

#[test]
fn a_dry_run_and_verdicts_write_nothing() {
    let place = Place::with(&damaged(small(), 5));
    let dry = place.salvage(&["db", "--dry-run", "--json"]);
    assert_eq!(status(&dry), Some(1), "{}", stderr(&dry));
    let report = report(&dry.stdout);
    assert!(report["counts"]["document"]["live"].as_u64() > Some(0));
    let verdicts = place.salvage(&["db", "--verdicts-only"]);
    assert_eq!(status(&verdicts), Some(1), "{}", stderr(&verdicts));
    assert!(stdout(&verdicts).contains("Nothing was written."));
    let names: Vec<_> = std::fs::read_dir(place.folder.path())
        .expect("it is there")
        .collect();
    assert_eq!(names.len(), 1);
}

#[test]
fn only_the_classes_that_are_asked_for_are_written() {
    let place = Place::with(&small());
    let output = place.salvage(&["db", "--out", "out", "--include", "deleted"]);
    assert_eq!(status(&output), Some(0), "{}", stderr(&output));
    let names = place.names("out");
    let expected = [
        "deleted.ravendbdump",
        "records.ndjson.zst",
        "report.html",
        "report.json",
    ];
    assert_eq!(names, expected);
}

#[test]
fn contents_that_no_dump_has_are_files_of_their_own() {
    let database = small();
    let place = Place::with(&database);
    let output = place.salvage(&["db", "--out", "out", "--include", "older"]);
    assert_eq!(status(&output), Some(0), "{}", stderr(&output));
    let files = place.files("out/attachments");
    let contents = database.truth.attachments.iter();
    let live: BTreeMap<String, &[u8]> = contents
        .filter(|one| one.live)
        .map(|one| {
            let name = one.hash.trim_end_matches('=').replace('+', "-");
            (name.replace('/', "_"), &one.content[..])
        })
        .collect();
    assert_eq!(live.len(), 10);
    for (name, content) in &live {
        assert_eq!(files.get(name).map(Vec::as_slice), Some(*content), "{name}");
    }
    let told = &place.report("out")["contents"]["leftovers"];
    assert_eq!(
        told.as_object().map(serde_json::Map::len),
        Some(files.len())
    );
    for name in live.keys() {
        let one = &told[format!("attachments/{name}")];
        assert_eq!(one["is_whole"], true);
        assert_eq!(one["named_by"].as_array().map(Vec::len), Some(1), "{one}");
    }
    assert!(stdout(&output).contains("attachments/ (10 contents that are in no dump"));
    // All of them are in the dump, where there is one.
    place.salvage(&["db", "--out", "whole"]);
    assert!(!place.path("whole/attachments").exists());
}

#[test]
fn a_content_with_a_hole_is_written_as_far_as_it_goes() {
    let mut database = small();
    let truth = &database.truth.attachments[0];
    let (content, second) = (truth.content.clone(), truth.chunks[1].page);
    let start = usize::try_from(second).expect("it is small") * PAGE;
    database.data[start..start + PAGE].fill(0x5a);
    database.journals.clear();
    let place = Place::with(&database);
    let output = place.salvage(&["db", "--out", "out"]);
    assert_eq!(status(&output), Some(1), "{}", stderr(&output));
    let files = place.files("out/attachments/partial");
    let [(name, partial)] = Vec::from_iter(files).try_into().expect("there is one");
    assert!(!partial.is_empty() && content.starts_with(&partial));
    let told = &place.report("out")["contents"]["leftovers"];
    let one = &told[format!("attachments/partial/{name}")];
    assert_eq!(one["is_whole"], false);
    assert_eq!(one["bytes"].as_u64(), Some(partial.len() as u64));
}

#[test]
fn two_damaged_copies_complete_each_other() {
    let place = Place::new();
    let (mut left, mut right) = (small(), small());
    let half = left.data.len() / 2 / PAGE * PAGE;
    left.data[..half].fill(0x11);
    right.data[half..].fill(0x22);
    place.add("left", &left);
    place.add("right", &right);
    let output = place.salvage(&["left", "right", "--out", "out"]);
    assert_eq!(status(&output), Some(1), "{}", stderr(&output));
    let report = place.report("out");
    assert_eq!(report["counts"]["document"]["live"], 37);
    assert_eq!(report["lost"], Value::Array(Vec::new()));
}
