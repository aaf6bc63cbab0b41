//! How it ends where it cannot begin, or not go on: the status, and a sentence that says what to do.

use firedrill_sim::voron::{Database, DatabaseSpec, Flavour, Operation};

use super::{Place, small, status, stderr, stdout, write};

#[test]
fn what_is_no_database_is_said() {
    let place = Place::with(&small());
    std::fs::create_dir(place.path("none")).expect("it can be made");
    std::fs::create_dir_all(place.path("server/Databases")).expect("it can be made");
    std::fs::rename(place.path("db"), place.path("server/Databases/Shop")).expect("it moves");
    write(&place.path("empty"), b"");
    write(
        &place.path("poem.txt"),
        &b"Not a page in sight.\n".repeat(2000),
    );
    write(&place.path("zeros"), &[0; 100_000]);
    for (path, expected_status, expected) in [
        ("nowhere", 2, "there is nothing at nowhere"),
        (
            "none",
            2,
            "a RavenDB database's folder has a file Raven.voron",
        ),
        ("server", 2, "server/Databases/Shop has one"),
        ("empty", 3, "empty is empty"),
        (
            "poem.txt",
            3,
            "nothing in the input looks like a RavenDB database",
        ),
        (
            "zeros",
            3,
            "nothing in the input looks like a RavenDB database",
        ),
        ("/dev/null", 2, "neither a folder nor a file"),
    ] {
        let output = place.salvage(&[path, "--dry-run"]);
        let said = stderr(&output);
        assert_eq!(status(&output), Some(expected_status), "{path}: {said}");
        assert!(said.starts_with("firedrill: "), "{path}: {said}");
        assert!(said.contains(expected), "{path}: {said}");
    }
    let output = place.salvage(&["nowhere", "--out", "out"]);
    assert_eq!(status(&output), Some(2));
    assert!(!place.path("out").exists(), "nothing is made for nothing");
}

#[test]
fn an_encrypted_database_tells_the_same_with_its_key_and_nothing_without() {
    let spec = |master_key| {
        let mut spec = DatabaseSpec::new(Flavour::V7_2, 5);
        spec.master_key = master_key;
        spec.operations = (0..30)
            .map(|document| Operation::Put {
                document,
                size: if document % 4 == 0 { 20_000 } else { 1200 },
                revision: document % 2 == 0,
                replicas: 0,
            })
            .collect();
        spec.operations.push(Operation::Attach {
            document: 3,
            name: 0,
            size: 50_000,
            content: 1,
        });
        spec.operations.push(Operation::Checkpoint { sync: true });
        Database::write(&spec)
    };
    let place = Place::with(&spec(None));
    place.add("secret", &spec(Some([7; 32])));
    write(&place.path("key"), &[7; 32]);
    write(&place.path("wrong"), &[8; 32]);
    let plain = place.salvage(&["db", "--out", "plain"]);
    assert_eq!(status(&plain), Some(0), "{}", stderr(&plain));
    let opened = place.salvage(&["secret", "--out", "opened", "--master-key-file", "key"]);
    assert_eq!(status(&opened), Some(0), "{}", stderr(&opened));
    let dump = |folder: &str| place.files(folder)["salvage.ravendbdump"].clone();
    assert!(!dump("plain").is_empty() && dump("plain") == dump("opened"));
    let closed = place.salvage(&["secret", "--dry-run"]);
    let said = stderr(&closed) + &stdout(&closed);
    assert_ne!(status(&closed), Some(0), "{said}");
    assert!(!said.contains("30 documents"), "{said}");
    let wrong = place.salvage(&["secret", "--dry-run", "--master-key-file", "wrong"]);
    assert_eq!(status(&wrong), Some(2));
    assert!(
        stderr(&wrong).contains("opens no page of secret"),
        "{}",
        stderr(&wrong)
    );
}

#[test]
fn a_folder_with_journals_alone_is_salvaged_with_a_word_on_it() {
    let place = Place::with(&small());
    std::fs::remove_file(place.path("db/Raven.voron")).expect("it was there");
    let output = place.salvage(&["db", "--out", "out"]);
    let said = stderr(&output);
    assert!(said.contains("db has no Raven.voron"), "{said}");
    assert!(
        status(&output) == Some(0) || status(&output) == Some(1),
        "{said}"
    );
    let report = place.report("out");
    assert!(
        report["counts"]["document"].is_object(),
        "{}",
        stdout(&output)
    );
}

#[test]
fn an_output_folder_must_be_new_and_elsewhere() {
    let place = Place::with(&small());
    std::fs::create_dir(place.path("mine")).expect("it can be made");
    write(&place.path("mine/letter"), b"dear");
    write(&place.path("file"), b"dear");
    for (words, expected) in [
        (
            &["db", "--out", "mine"][..],
            "mine is not empty; give --out a new folder",
        ),
        (&["db", "--out", "mine", "--resume"], "it has no checkpoint"),
        (&["db", "--out", "file"], "file is not a folder"),
        (
            &["db", "--out", "db/salvaged"],
            "nothing is ever written to an input",
        ),
        (
            &["db", "--out", "db"],
            "nothing is ever written to an input",
        ),
        (&["db"], "--out <DIR>"),
        (
            &["db", "--dry-run", "--master-key-file", "k"],
            "k cannot be read",
        ),
    ] {
        let output = place.salvage(words);
        let said = stderr(&output);
        assert_eq!(status(&output), Some(2), "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
    assert_eq!(place.names("mine"), ["letter"]);
    let first = place.salvage(&["db", "--out", "out"]);
    assert_eq!(status(&first), Some(0), "{}", stderr(&first));
    let before = place.files("out");
    let again = place.salvage(&["db", "--out", "out"]);
    assert_eq!(status(&again), Some(2));
    assert!(
        stderr(&again).contains("out is not empty"),
        "{}",
        stderr(&again)
    );
    let resumed = place.salvage(&["db", "--out", "out", "--resume"]);
    assert_eq!(status(&resumed), Some(2));
    let said = stderr(&resumed);
    assert!(said.contains("the salvage in it is finished"), "{said}");
    assert!(
        before == place.files("out"),
        "a finished salvage was changed"
    );
}

#[test]
fn an_input_that_may_not_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::with(&small());
    let path = place.path("db/headers.one");
    let none = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(&path, none).expect("it is ours");
    if std::fs::File::open(&path).is_ok() {
        // Root may read everything.
        return;
    }
    let output = place.salvage(&["db", "--dry-run"]);
    assert_eq!(status(&output), Some(3));
    let said = stderr(&output);
    assert!(said.contains("headers.one cannot be read"), "{said}");
}
