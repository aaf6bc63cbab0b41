//! Each way to end, with its words and its exit status.

use std::process::Stdio;
use std::time::Duration;

use firedrill_s3_mock::{Bucket, Effect, Fault, Operation, Position, Versioning};

use super::{World, bucket, current, finish, firedrill, json, status, stderr, stdout, text};

const PREFIX: [&str; 3] = ["s3://lake/p/", "--layout", "prefix"];

fn with(words: &[&'static str]) -> Vec<&'static str> {
    [&PREFIX[..], words].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_it_and_an_apply_does_it_once() {
    let world = World::new(bucket(), Vec::new()).await;
    let dry = finish(world.amend(&PREFIX)).await;
    assert_eq!(status(&dry), Some(0), "{}", stderr(&dry));
    let said = stdout(&dry);
    assert!(said.starts_with("Restorable: the prefix can come back, 1 object can be restored.\n"));
    assert!(
        said.ends_with("Run again with --apply to restore.\n"),
        "{said}"
    );
    assert_eq!(world.writes(), 0);
    assert_eq!(current(&world, "p/a"), None);

    let apply = finish(world.amend(&with(&["--apply"]))).await;
    assert_eq!(status(&apply), Some(0), "{}", stderr(&apply));
    assert!(stdout(&apply).starts_with("Complete: the prefix is back, 1 object restored.\n"));
    assert_eq!(current(&world, "p/a").as_deref(), Some(&b"p/a"[..]));
    assert_eq!(current(&world, "q/d"), None, "it lies outside the prefix");
    assert_eq!(stderr(&apply), "", "no bar where there is no terminal");

    let writes = world.writes();
    let again = finish(world.amend(&with(&["--apply", "--json"]))).await;
    assert_eq!(status(&again), Some(0));
    assert_eq!(json(&again)["counts"]["intact"], 3);
    assert_eq!(world.writes(), writes, "a second run has nothing to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_what_it_promises_on_the_screen_and_in_the_file() {
    let world = World::new(bucket(), Vec::new()).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("report.json");
    std::fs::write(&path, "x".repeat(100_000)).expect("the folder can be written");
    let mut command = world.amend(&with(&["--json", "--report"]));
    command.arg(&path);
    let output = finish(command).await;
    let document = json(&output);
    for field in [
        "state",
        "commit",
        "counts",
        "requests",
        "objects",
        "below_lost",
    ] {
        assert!(document.get(field).is_some(), "{field} is missing");
    }
    let first = &document["objects"][0];
    assert_eq!(first["key"], "p/a");
    assert_eq!(first["class"], "object");
    assert_eq!(first["required"], true);
    assert_eq!(first["decision"], "remove-markers");
    assert_eq!(first["verified"], "unverified");
    let file = std::fs::read_to_string(&path).expect("the report was written");
    assert_eq!(file, stdout(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_cannot_be_written_stops_it_before_the_first_request() {
    let world = World::new(bucket(), Vec::new()).await;
    let output = finish(world.amend(&with(&["--apply", "--report", "/nonexistent/r.json"]))).await;
    assert_eq!(status(&output), Some(2));
    assert!(stderr(&output).contains("/nonexistent/r.json"));
    assert_eq!(world.server.service().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_it_says_where_to_put_them() {
    let world = World::new(bucket(), Vec::new()).await;
    let mut command = world.amend(&with(&["--json"]));
    command.env_remove("AWS_SECRET_ACCESS_KEY");
    let output = finish(command).await;
    assert_eq!(status(&output), Some(3));
    let sentence = stderr(&output);
    assert!(sentence.starts_with("firedrill: no credentials were found; set AWS_ACCESS_KEY_ID"));
    assert_eq!(sentence.lines().count(), 1);
    assert_eq!(json(&output)["state"], "refused");
    assert_eq!(world.server.service().requests().len(), 0);
}

/// Runs an amend that must be refused, and gives its one sentence.
async fn refusal(world: &World, words: &[&str]) -> String {
    let output = finish(world.amend(words)).await;
    assert_eq!(status(&output), Some(3), "{}", stdout(&output));
    assert_eq!(stdout(&output), "");
    assert_eq!(world.writes(), 0);
    let sentence = stderr(&output);
    assert_eq!(sentence.lines().count(), 1, "{sentence}");
    sentence
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_one_sentence_and_status_3() {
    let world = World::new(bucket(), Vec::new()).await;
    let sentence = refusal(&world, &["s3://swamp/p/"]).await;
    assert!(sentence.contains("no such bucket"), "{sentence}");
    let sentence = refusal(&world, &["s3://lake/p/", "--apply"]).await;
    assert!(sentence.contains("--layout prefix"), "{sentence}");

    let world = World::new(Bucket::new(Versioning::Off), Vec::new()).await;
    let sentence = refusal(&world, &with(&["--apply"])).await;
    assert!(
        sentence.contains("versioning was never enabled"),
        "{sentence}"
    );

    let denied = Fault {
        operation: Operation::ListObjectVersions,
        key: None,
        nth: 1,
        times: None,
        position: Position::Before,
        effect: Effect::Denied,
    };
    let world = World::new(bucket(), vec![denied]).await;
    let sentence = refusal(&world, &with(&["--apply"])).await;
    assert!(sentence.contains("s3:ListBucketVersions"), "{sentence}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_usage_is_status_2() {
    for words in [
        &["amend"][..],
        &["amend", "lake/p/"],
        &["amend", "s3://lake/"],
        &["amend", "s3://lake/p/", "--as-of", "yesterday"],
        &["amend", "s3://lake/p/", "--layout", "prefix", "--history"],
        &["serve", "--bucket", "lake", "--access-key", "k"],
        &["serve", "--bucket", "lake", "--seed-from", "/nonexistent"],
        &["undo"],
    ] {
        let output = finish(firedrill(words)).await;
        assert_eq!(status(&output), Some(2), "{words:?}");
        assert_ne!(stderr(&output), "", "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_in_the_environment_or_on_the_line() {
    let world = World::new(bucket(), Vec::new()).await;
    let mut command = world.amend(&with(&["--endpoint-url"]));
    command
        .arg(world.server.endpoint())
        .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    assert_eq!(status(&finish(command).await), Some(0));

    let mut command = world.amend(&PREFIX);
    command
        .env_remove("AWS_ENDPOINT_URL")
        .env("AWS_ENDPOINT_URL_S3", world.server.endpoint());
    assert_eq!(status(&finish(command).await), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_on_the_line_comes_before_keys_in_the_environment() {
    let world = World::new(bucket(), Vec::new()).await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("credentials");
    let keys = "[drill]\naws_access_key_id = access\naws_secret_access_key = secret\n";
    std::fs::write(&path, keys).expect("the folder can be written");
    let mut command = world.amend(&with(&["--profile", "drill"]));
    command
        .env("AWS_SHARED_CREDENTIALS_FILE", text(&path))
        .env("AWS_SECRET_ACCESS_KEY", "wrong");
    let output = finish(command).await;
    assert_eq!(status(&output), Some(0), "{}", stderr(&output));

    let program = "[drill]\ncredential_process = /bin/true\n";
    std::fs::write(&path, program).expect("the folder can be written");
    let mut command = world.amend(&with(&["--profile", "drill"]));
    command.env("AWS_SHARED_CREDENTIALS_FILE", text(&path));
    let output = finish(command).await;
    assert_eq!(status(&output), Some(3));
    let sentence = stderr(&output);
    assert!(
        sentence.contains("aws configure export-credentials"),
        "{sentence}"
    );
    assert!(!sentence.contains("cargo"), "{sentence}");

    let output = finish(world.amend(&with(&["--profile", "nobody"]))).await;
    assert_eq!(status(&output), Some(3));
    assert!(stderr(&output).contains("the profile \"nobody\" gives no credentials"));
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_the_middle_reports_and_the_next_run_finishes() {
    let slow = Fault {
        operation: Operation::DeleteObjects,
        key: None,
        nth: 1,
        times: Some(1),
        position: Position::After,
        effect: Effect::Slow { delay_ms: 3000 },
    };
    let world = World::new(bucket(), vec![slow]).await;
    let mut command = world.amend(&with(&["--apply", "--json"]));
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command was built with this test");
    while world.writes() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let kill = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(kill.expect("there is a kill").success());
    let output = tokio::task::spawn_blocking(|| child.wait_with_output())
        .await
        .expect("waiting does not panic")
        .expect("the command ends");
    assert_eq!(status(&output), Some(130), "{}", stderr(&output));
    assert_eq!(json(&output)["state"], "interrupted");

    let output = finish(world.amend(&with(&["--apply"]))).await;
    assert_eq!(status(&output), Some(0));
    assert_eq!(current(&world, "p/a").as_deref(), Some(&b"p/a"[..]));
}
