//! The commands of runs that are spread, kept and blessed, as people type them.

use std::path::Path;
use std::process::Command;

/// Runs the program; answers its exit status and all that it said.
fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let program = env!("CARGO_BIN_EXE_firedrill-chaos");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program was built");
    let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    (output.status.code(), format!("{out}{err}"))
}

/// Without what differs from run to run: the first line tells the time.
fn timeless(said: &str) -> Vec<&str> {
    said.lines()
        .filter(|line| !line.contains(" a second on each"))
        .collect()
}

#[test]
fn shards_are_merged_into_what_one_run_says() {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let folder = home.path();
    let of = ["--seed", "5", "--cases", "300"];
    for (shard, file) in [("1/3", "a.json"), ("2/3", "b.json"), ("3/3", "c.json")] {
        let shard = [&of[..], &["--shard", shard, "--out", file]].concat();
        assert_eq!(run(folder, &shard).0, Some(0));
    }
    let (status, merged) = run(folder, &["merge", "c.json", "a.json", "b.json"]);
    let (single_status, single) = run(folder, &of);
    assert_eq!((status, single_status), (Some(0), Some(0)), "{merged}");
    assert_eq!(timeless(&merged), timeless(&single));
    assert!(merged.contains("root seed 5"), "{merged}");

    let (status, said) = run(folder, &["merge", "a.json", "c.json"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(
        said.contains("no result of these shards was given: 2/3"),
        "{said}"
    );
    assert_eq!(
        run(folder, &["merge", "--partial", "a.json", "c.json"]).0,
        Some(0)
    );
    // That a part reaches too little says nothing of the whole.
    let parts = ["merge", "--require-coverage", "a.json", "c.json"];
    assert_eq!(run(folder, &parts).0, Some(2));
    assert_eq!(
        run(folder, &[&parts[..], &["--partial"]].concat()).0,
        Some(5)
    );
    let text = std::fs::read_to_string(folder.join("a.json")).expect("it was written");
    let timed = text.replacen("\"seconds\":", "\"seconds\":-", 1);
    assert_ne!(timed, text);
    std::fs::write(folder.join("e.json"), timed).expect("it can be written");
    let (status, said) = run(folder, &["merge", "--partial", "e.json"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("are no time"), "{said}");
    let (status, said) = run(folder, &["merge", "a.json", "a.json"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("shard 1/3 is there more than once"), "{said}");
    std::fs::write(folder.join("d.json"), "{\"version\": 99}").expect("it can be written");
    let (status, said) = run(folder, &["merge", "d.json"]);
    assert_eq!(status, Some(2), "{said}");
    assert!(said.contains("d.json is no result of version"), "{said}");
}

#[test]
fn a_violation_found_by_one_shard_is_the_mergers_exit_status_and_report() {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let folder = home.path();
    let of = ["--seed", "5", "--cases", "300", "--planted", "AM-06"];
    let mut statuses = Vec::new();
    for (shard, file) in [("1/2", "a.json"), ("2/2", "b.json")] {
        let shard = [&of[..], &["--shard", shard, "--out", file, "--json"]].concat();
        let (status, said) = run(folder, &shard);
        let document: serde_json::Value = serde_json::from_str(&said).expect("it is one document");
        assert_eq!(document["seed"], 5);
        statuses.push(status);
    }
    assert!(statuses.contains(&Some(1)), "{statuses:?}");
    let (status, said) = run(folder, &["merge", "a.json", "b.json"]);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("VIOLATED"), "{said}");
    assert!(said.contains("AM-06 was caught by A3"), "{said}");
}

#[test]
fn what_is_kept_is_blessed_and_an_unintended_change_is_shown() {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let folder = home.path();
    let keep = [
        "--seed",
        "2",
        "--planted",
        "AM-07",
        "--failures",
        "1",
        "--keep=kept",
    ];
    let (status, said) = run(folder, &keep);
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("kept as kept/A2-"), "{said}");
    let (_, again) = run(folder, &keep);
    assert!(again.contains("kept already, as kept/A2-"), "{again}");

    let files = std::fs::read_dir(folder.join("kept")).expect("it was made");
    let files: Vec<_> = files
        .map(|file| file.expect("it can be listed").path())
        .collect();
    let [file] = files.as_slice() else {
        panic!("{files:?}");
    };
    let name = file.to_string_lossy();
    assert_eq!(run(folder, &["replay", &name]).0, Some(0));
    assert_eq!(
        run(folder, &["replay", &name, "--planted", "AM-07"]).0,
        Some(1)
    );
    assert_eq!(run(folder, &["bless", "--check", &name]).0, Some(0));

    let text = std::fs::read_to_string(file).expect("it was written");
    let changed = text.replacen("gone = 0", "gone = 3", 1);
    assert_ne!(changed, text);
    std::fs::write(file, &changed).expect("it can be written");
    let (status, said) = run(folder, &["bless", "--check", &name]);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("- gone = 3") && said.contains("+ gone = 0"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(file).ok(), Some(changed));
    assert_eq!(run(folder, &["bless", &name]).0, Some(0));
    assert_eq!(std::fs::read_to_string(file).ok().as_ref(), Some(&text));

    // What it claims to catch and does not is no change that could be blessed.
    let boast = text.replacen("catches = [\"AM-07\"]", "catches = [\"AM-22\"]", 1);
    std::fs::write(file, &boast).expect("it can be written");
    let (status, said) = run(folder, &["bless", &name]);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("does not catch the planted bug AM-22"),
        "{said}"
    );
    assert_eq!(std::fs::read_to_string(file).ok(), Some(boast));
}

#[test]
fn a_corpus_is_run_first() {
    let home = tempfile::tempdir().expect("there is room for a folder");
    let folder = home.path();
    let drill = [
        "--seed",
        "5",
        "--cases",
        "100",
        "--corpus",
        "corpus",
        "--corpus-max",
        "12",
    ];
    let (status, said) = run(folder, &drill);
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("0 cases ran first, 0 of them failed; 12 were added"),
        "{said}"
    );
    let (_, again) = run(folder, &drill);
    assert!(
        again.contains("12 cases ran first, 0 of them failed; 0 were added"),
        "{again}"
    );
}
