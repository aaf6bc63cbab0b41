//! `firedrill serve`, as a process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::{finish, firedrill, status, stderr};

/// A server process and its endpoint, from the announcement.
fn serve(words: &[&str]) -> (Child, String) {
    let mut command = firedrill(&["serve", "--listen", "127.0.0.1:0", "--bucket", "lake"]);
    let mut child = command
        .args(words)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command was built with this test");
    let out = child.stdout.take().expect("it is piped");
    let mut line = String::new();
    BufReader::new(out)
        .read_line(&mut line)
        .expect("it announces itself");
    let endpoint = line
        .split_whitespace()
        .find(|word| word.starts_with("http://"));
    let endpoint = endpoint.expect("the announcement names the endpoint");
    (child, endpoint.to_owned())
}

fn end(mut child: Child) -> Option<i32> {
    let kill = std::process::Command::new("kill")
        .arg(child.id().to_string())
        .status();
    assert!(kill.expect("there is a kill").success());
    child.wait().expect("it ends").code()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_the_bucket_until_a_signal_and_checks_the_key() {
    let keyed = [
        "--access-key",
        "k",
        "--secret-key",
        "s",
        "--versioning",
        "off",
    ];
    let (child, endpoint) = serve(&keyed);
    let amend = |secret: &str| {
        let mut command = firedrill(&["amend", "s3://lake/p/", "--layout", "prefix"]);
        command
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_ACCESS_KEY_ID", "k")
            .env("AWS_SECRET_ACCESS_KEY", secret);
        command
    };
    let output = finish(amend("s")).await;
    assert_eq!(status(&output), Some(3));
    assert!(stderr(&output).contains("versioning was never enabled"));
    let output = finish(amend("other")).await;
    assert_eq!(status(&output), Some(3));
    assert!(stderr(&output).contains("SignatureDoesNotMatch"));
    assert_eq!(end(child), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_serves_a_folder_and_fails_as_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder"))
            .expect("the folder can be written");
        std::fs::write(&path, text).expect("the folder can be written");
        path
    };
    write("objects/noncurrent/v1/p/a", "body");
    write(
        "versions.json",
        r#"[{"key": "p/a", "version_id": "m1", "is_latest": true, "last_modified": "2026-11-21T03:26:07+00:00", "marker": true},
            {"key": "p/a", "version_id": "v1", "size": 4, "is_latest": false, "last_modified": "2026-11-21T03:26:07+00:00", "etag": "\"e\""}]"#,
    );
    let faults = write(
        "faults.toml",
        "[[fault]]\noperation = \"delete-objects\"\nposition = \"after\"\neffect = \"internal-error\"\n",
    );
    let seed = folder.path().to_str().expect("a temporary path is plain");
    let faults = faults.to_str().expect("a temporary path is plain");
    let (child, endpoint) = serve(&["--seed-from", seed, "--faults", faults]);
    let amend = |words: &[&str]| {
        let mut command = firedrill(&["amend", "s3://lake/p/", "--layout", "prefix", "--json"]);
        command
            .args(words)
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_ACCESS_KEY_ID", "any")
            .env("AWS_SECRET_ACCESS_KEY", "any");
        command
    };
    let first = super::json(&finish(amend(&["--apply"])).await);
    assert_eq!(first["state"], "complete");
    assert_eq!(first["objects"][0]["decision"], "remove-markers");
    assert_eq!(first["objects"][0]["markers"][0], "m1");
    let lists = first["requests"]["ListObjectVersions"].as_u64();
    assert!(
        lists > Some(2),
        "it looks again after an answer that leaves doubt: {first}"
    );
    let second = super::json(&finish(amend(&[])).await);
    assert_eq!(second["counts"]["intact"], 1);
    assert_eq!(end(child), Some(0));
}
