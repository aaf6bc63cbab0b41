//! Real databases, whole and damaged.
//!
//! `FIREDRILL_SAMPLES` names the folder of the samples; without it these tests say that they were skipped.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::{PAGE, Place, is_rows, status, stderr, stdout, write};

/// Unpacks a sample into `db` of a new folder.
fn sample(name: &str) -> Option<Place> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test's entry point names its samples"
    )]
    let folder = std::env::var("FIREDRILL_SAMPLES").ok();
    let Some(folder) = folder else {
        let skipped = "skipped: FIREDRILL_SAMPLES names no folder with real storage files";
        writeln!(std::io::stderr(), "{skipped}").expect("standard error can be written");
        return None;
    };
    let folder = PathBuf::from(folder).join("voron");
    let place = Place::new();
    let archive = folder.join(format!("{name}.zip"));
    if archive.exists() {
        unzip(&archive, &place.path("db"));
    } else {
        untar(&folder.join(format!("{name}.tar.zst")), &place.path("db"));
    }
    Some(place)
}

fn unzip(archive: &Path, to: &Path) {
    let file = std::fs::File::open(archive).expect("a sample can be read");
    let mut archive = zip::ZipArchive::new(file).expect("a sample is a zip archive");
    for at in 0..archive.len() {
        let mut file = archive.by_index(at).expect("an entry can be read");
        if file.is_file() {
            let name = file.name().to_owned();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).expect("an entry can be read");
            put(to, Path::new(&name), &bytes);
        }
    }
}

fn untar(archive: &Path, to: &Path) {
    let file = std::fs::File::open(archive).expect("a sample can be read");
    let decoder = zstd::stream::read::Decoder::new(file).expect("a sample is zstd");
    let mut archive = tar::Archive::new(decoder);
    for entry in archive.entries().expect("a sample is a tar archive") {
        let mut entry = entry.expect("an entry can be read");
        if entry.header().entry_type().is_file() {
            let name = entry.path().expect("a path is text").into_owned();
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("an entry can be read");
            put(to, &name, &bytes);
        }
    }
}

/// What lies in `Journals` stays there; whatever folder is around it all goes.
fn put(to: &Path, name: &Path, bytes: &[u8]) {
    let is_journal = name.iter().any(|part| part == "Journals");
    let file = name.file_name().expect("an entry has a name");
    let folder = if is_journal {
        to.join("Journals")
    } else {
        to.to_owned()
    };
    std::fs::create_dir_all(&folder).expect("it can be made");
    write(&folder.join(file), bytes);
}

/// Hurts every so many pages of the data file.
fn hurt(place: &Place, every: usize) {
    let path = place.path("db/Raven.voron");
    let mut data = std::fs::read(&path).expect("it is there");
    for page in (1..data.len() / PAGE).step_by(every) {
        let page_bytes = &mut data[page * PAGE..][..PAGE];
        match page / every % 3 {
            0 if is_rows(page_bytes) => page_bytes[100] ^= 1,
            1 => page_bytes.fill(0),
            _ => page_bytes[..40].fill(0x77),
        }
    }
    write(&path, &data);
}

#[test]
fn a_whole_one_is_whole() {
    let Some(place) = sample("northwind-4.2.103") else {
        return;
    };
    let output = place.salvage(&["db", "--out", "out"]);
    assert_eq!(status(&output), Some(0), "{}", stderr(&output));
    let counts = &place.report("out")["counts"];
    assert_eq!(counts["document"]["live"], 1059);
    assert_eq!(counts["revision"]["live"], 3815);
    assert_eq!(counts["attachment"]["live"], 17);
}

#[test]
fn workers_write_the_same() {
    for name in [
        "northwind-4.2.103",
        "ravendb-7.1.5-killed",
        "ravendb-7.2.7-killed",
    ] {
        let Some(place) = sample(name) else { return };
        hurt(&place, 37);
        let one = place.salvage(&["db", "--out", "one", "--jobs", "1"]);
        let four = place.salvage(&["db", "--out", "four", "--jobs", "4"]);
        assert_eq!(status(&one), Some(1), "{name}: {}", stderr(&one));
        assert_eq!(status(&four), Some(1), "{name}: {}", stderr(&four));
        assert!(
            place.files("one") == place.files("four"),
            "{name}: the outputs differ"
        );
    }
}

#[test]
fn killed_and_resumed_it_writes_the_same() {
    for name in ["northwind-4.2.103", "ravendb-7.1.5-killed"] {
        let Some(place) = sample(name) else { return };
        hurt(&place, 37);
        let undisturbed = place.salvage(&["db", "--out", "undisturbed"]);
        assert_eq!(status(&undisturbed), Some(1), "{}", stderr(&undisturbed));
        let mut kills = 0;
        for pause_milliseconds in (50_u64..).step_by(150) {
            let mut command = place.command(&["db", "--out", "out", "--resume"]);
            command.stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = command
                .spawn()
                .expect("the command was built with this test");
            std::thread::sleep(Duration::from_millis(pause_milliseconds));
            if let Some(ended) = child.try_wait().expect("it is ours") {
                assert_eq!(ended.code(), Some(1));
                break;
            }
            child.kill().expect("it is ours");
            child.wait().expect("it is ours");
            kills += 1;
            // Killed in its last breath it had finished, and there is nothing to resume.
            if place.path("out/report.json").exists() {
                break;
            }
        }
        assert!(kills > 0, "{name}: it was too fast to be killed");
        assert!(
            place.files("out") == place.files("undisturbed"),
            "{name}: the outputs differ"
        );
    }
}

#[test]
fn a_lone_file_without_its_first_pages_is_read() {
    let Some(place) = sample("northwind-4.2.103") else {
        return;
    };
    let data = std::fs::read(place.path("db/Raven.voron")).expect("it is there");
    write(&place.path("image.bin"), &data[3 * PAGE..]);
    let output = place.salvage(&["image.bin", "--out", "out"]);
    let report = place.report("out");
    assert_eq!(
        report["counts"]["document"]["live"],
        1059,
        "{}",
        stdout(&output)
    );
    assert_eq!(report["contents"]["whole"], 17);
}
