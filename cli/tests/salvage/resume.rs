//! Stopped anywhere, by anything, and gone on with: the outputs are those of a run that nobody stopped.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use super::{Place, damaged, large, small, status, stderr, stdout};

const CHECKPOINT: &str = "out/salvage.checkpoint";

/// Bytes that the checkpoint has by now.
fn kept(place: &Place) -> u64 {
    let about = std::fs::metadata(place.path(CHECKPOINT));
    about.map_or(0, |about| about.len())
}

/// Starts a run, and waits until its checkpoint has so many bytes, or it has ended.
fn run_until(place: &Place, words: &[&str], bytes: u64) -> Child {
    let mut command = place.command(words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .expect("the command was built with this test");
    while kept(place) < bytes {
        if child.try_wait().expect("it is ours").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("it is ours")
}

#[test]
fn killed_again_and_again_it_comes_to_the_same_end() {
    let place = Place::with(&damaged(large(), 300));
    let undisturbed = place.salvage(&["db", "--out", "undisturbed"]);
    assert_eq!(status(&undisturbed), Some(1), "{}", stderr(&undisturbed));
    let mut kills = 0;
    let mut bytes = 1;
    let last = loop {
        let words = ["db", "--out", "out", "--resume", "--jobs", "2"];
        let mut child = run_until(&place, &words, bytes);
        if child.try_wait().expect("it is ours").is_some() {
            break end(child);
        }
        child.kill().expect("it is ours");
        drop(end(child));
        kills += 1;
        assert!(kills < 500, "it never ends");
        // A little further each time.
        bytes = kept(&place) + 2000;
    };
    assert!(kills > 2, "it was killed {kills} times");
    assert_eq!(status(&last), Some(1), "{}", stderr(&last));
    let said = stderr(&last);
    assert!(said.contains("going on with what"), "{said}");
    assert!(
        place.files("out") == place.files("undisturbed"),
        "the outputs differ"
    );
}

#[test]
fn ctrl_c_ends_it_with_a_word_on_how_to_go_on() {
    let place = Place::with(&large());
    let child = run_until(&place, &["db", "--out", "out", "--jobs", "1"], 200);
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.expect("every system has it").success());
    let output = end(child);
    assert_eq!(status(&output), Some(130), "{}", stdout(&output));
    let said = stderr(&output);
    assert!(said.contains("--resume goes on"), "{said}");
    let refused = place.salvage(&["db", "--out", "out"]);
    assert_eq!(status(&refused), Some(2));
    let said = stderr(&refused);
    assert!(
        said.contains("not finished; go on with it by --resume"),
        "{said}"
    );
    let resumed = place.salvage(&["db", "--out", "out", "--resume"]);
    assert_eq!(status(&resumed), Some(0), "{}", stderr(&resumed));
}

#[test]
fn another_command_is_not_taken_for_the_same() {
    let place = Place::with(&large());
    let words = ["db", "--out", "out"];
    let mut child = run_until(&place, &words, 200);
    child.kill().expect("it is ours");
    drop(end(child));
    let resume = |more: &[&str]| {
        let output = place.salvage(&[&["--out", "out", "--resume"], more].concat());
        assert_eq!(status(&output), Some(2), "{more:?}: {}", stderr(&output));
        stderr(&output)
    };
    let said = resume(&["db", "--repair-budget", "7"]);
    assert!(
        said.contains("--repair-budget was 2147483648, and is 7"),
        "{said}"
    );
    let said = resume(&["db", "--include", "live"]);
    assert!(said.contains("and is live"), "{said}");
    place.add("other", &small());
    let said = resume(&["other"]);
    assert!(said.contains("Raven.voron had "), "{said}");
    let touched = std::fs::File::options()
        .append(true)
        .open(place.path("db/headers.two"));
    let past = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    touched
        .and_then(|file| file.set_modified(past))
        .expect("it is ours");
    let said = resume(&["db"]);
    assert!(said.contains("headers.two was written to since"), "{said}");
}

/// Files may not grow beyond some size: the nearest thing to a full disk that needs no rights.
#[test]
fn a_full_disk_leaves_nothing_half_named_and_can_be_gone_on_with() {
    let place = Place::with(&large());
    let undisturbed = place.salvage(&["db", "--out", "undisturbed"]);
    assert_eq!(status(&undisturbed), Some(0), "{}", stderr(&undisturbed));
    let line = format!(
        "trap '' XFSZ; ulimit -f 10000; exec '{}' salvage db --out out",
        env!("CARGO_BIN_EXE_firedrill")
    );
    let mut shell = Command::new("sh");
    shell.current_dir(place.folder.path()).args(["-c", &line]);
    let full = shell.output().expect("every system has a shell");
    assert_eq!(status(&full), Some(3), "{}{}", stdout(&full), stderr(&full));
    let said = stderr(&full);
    assert!(
        said.contains("salvage.ravendbdump.part cannot be written"),
        "{said}"
    );
    assert!(said.contains("make room"), "{said}");
    assert_eq!(place.names("out"), ["salvage.checkpoint"]);
    let resumed = place.salvage(&["db", "--out", "out", "--resume"]);
    assert_eq!(status(&resumed), Some(0), "{}", stderr(&resumed));
    assert!(
        place.files("out") == place.files("undisturbed"),
        "the outputs differ"
    );
}
