//! Two tables that real Databend releases wrote, served by the mock over HTTP, in one disaster after the
//! other, and the real binary against it.
//!
//! Needs the samples (`FIREDRILL_SAMPLES`); without them each test says that it was skipped.

mod schema;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use firedrill_core::fuse::Snapshot;
use firedrill_s3_mock::http::{Server, SystemClock, load};
use firedrill_s3_mock::{Bucket, PutOptions, Time, Versioning};
use serde_json::Value;

/// A sample table: its release, its prefix, and how many keys its latest state references.
const TABLES: [(&str, &str, usize); 2] =
    [("v1.2.453", "fs/9/16/", 24), ("v1.2.895", "fs/1/6/", 23)];

const NOW: Time = Time(1_800_000_000_000);

struct Sample {
    server: Server,
    prefix: &'static str,
    referenced: usize,
    /// The bytes that each key held in the end.
    latest: BTreeMap<String, Vec<u8>>,
}

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

impl Sample {
    async fn start(
        folder: &Path,
        (release, prefix, referenced): (&str, &'static str, usize),
    ) -> Self {
        let bucket =
            load(&folder.join("fuse").join(release), Versioning::Enabled).expect("a sample");
        let own = bucket.keys().filter(|key| key.starts_with(prefix));
        let latest = own.map(|key| {
            (
                key.to_owned(),
                bucket.current_body(key).expect("there").to_vec(),
            )
        });
        let latest = latest.collect();
        let builder = Server::builder()
            .clock(SystemClock)
            .bucket_with("bucket1", bucket);
        let server = builder.start("127.0.0.1:0").await.expect("a free port");
        Self {
            server,
            prefix,
            referenced,
            latest,
        }
    }

    fn bucket<T>(&self, act: impl FnOnce(&mut Bucket) -> T) -> T {
        self.server
            .bucket("bucket1", act)
            .expect("the bucket is there")
    }

    fn delete_all(&self) {
        self.bucket(|bucket| {
            let keys: Vec<String> = bucket.keys().map(str::to_owned).collect();
            for key in keys.iter().filter(|key| key.starts_with(self.prefix)) {
                bucket.delete(NOW, key, None).expect("a delete succeeds");
            }
        });
    }

    /// Every second object becomes garbage, in turn of the same and of another length.
    fn overwrite_half(&self) {
        self.bucket(|bucket| {
            for (nth, (key, body)) in self.latest.iter().enumerate().step_by(2) {
                let length = body.len() + if nth % 4 == 0 { 0 } else { 7 };
                let garbage = vec![0x5a; length];
                bucket
                    .put(NOW, key, garbage.into(), &PutOptions::default())
                    .expect("a put succeeds");
            }
        });
    }

    /// Runs the binary; answers its exit status and its report.
    async fn amend(&self, arguments: &[&str]) -> (i32, Value) {
        // Not tokio's: its feature would have everything above tokio built a second time for the tests.
        let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
        command
            .args(["amend", &format!("s3://bucket1/{}", self.prefix), "--json"])
            .args([
                "--endpoint-url",
                &self.server.endpoint(),
                "--region",
                "us-east-1",
            ])
            .args(arguments)
            .env("AWS_ACCESS_KEY_ID", "k")
            .env("AWS_SECRET_ACCESS_KEY", "s");
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output
            .expect("waiting does not panic")
            .expect("the binary runs");
        let status = output.status.code().expect("it was not killed");
        let report = serde_json::from_slice(&output.stdout);
        let report =
            report.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        schema::assert_fits("amend", &report);
        (status, report)
    }

    /// Has the binary carry out Databend's statement; answers its exit status and what it printed.
    async fn sql(&self, statement: &'static str) -> (i32, String) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let catalog = folder.path().join("lake.toml");
        let endpoint = self.server.endpoint();
        let table = format!(
            "endpoint-url = \"{endpoint}\"\n[tables.default.t]\nlocation = \"s3://bucket1/{}\"\n",
            self.prefix
        );
        std::fs::write(&catalog, table).expect("the folder can be written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
        command
            .args(["sql", "-e", statement, "--catalog"])
            .arg(&catalog)
            .env("AWS_ACCESS_KEY_ID", "k")
            .env("AWS_SECRET_ACCESS_KEY", "s");
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output
            .expect("waiting does not panic")
            .expect("the binary runs");
        let status = output.status.code().expect("it was not killed");
        (status, String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Brings everything back, checks every byte, and that a second run writes nothing.
    async fn expect_back(&self, disaster: &str) {
        let (status, report) = self.amend(&["--apply"]).await;
        assert_eq!(
            (status, &report["state"]),
            (0, &Value::from("complete")),
            "{disaster}: {report:#}"
        );
        let objects = report["objects"].as_array().expect("objects");
        assert_eq!(objects.len(), self.referenced, "{disaster}");
        for object in objects {
            let key = object["key"].as_str().expect("a key");
            let current = self.bucket(|bucket| bucket.current_body(key).map(|body| body.to_vec()));
            assert_eq!(current.as_ref(), self.latest.get(key), "{disaster}: {key}");
        }
        let (status, again) = self.amend(&["--apply"]).await;
        assert_eq!(status, 0, "{disaster}");
        for write in ["DeleteObjects", "CopyObject", "PutObject"] {
            assert!(
                again["requests"].get(write).is_none(),
                "{disaster}: {again:#}"
            );
        }
    }
}

#[tokio::test]
async fn a_real_table_comes_back_from_each_disaster() {
    let Some(folder) = samples() else { return };
    for table in TABLES {
        let sample = Sample::start(&folder, table).await;
        sample.expect_back("nothing happened").await;
        sample.delete_all();
        sample.expect_back("deleted").await;
        let current = sample.bucket(|bucket| {
            let keys = bucket.keys().filter(|key| key.starts_with(sample.prefix));
            keys.filter(|key| bucket.current_body(key).is_some())
                .count()
        });
        assert_eq!(
            current, sample.referenced,
            "what is not referenced stays deleted"
        );
        sample.delete_all();
        sample.delete_all();
        sample.expect_back("deleted twice").await;
        sample.overwrite_half();
        sample.expect_back("half overwritten").await;
        sample.overwrite_half();
        sample.delete_all();
        sample
            .expect_back("half overwritten, then all deleted")
            .await;
    }
}

#[tokio::test]
async fn databends_own_statement_brings_a_real_table_back() {
    let Some(folder) = samples() else { return };
    for table in TABLES {
        let sample = Sample::start(&folder, table).await;
        sample.overwrite_half();
        sample.delete_all();
        let answer = sample.sql("CALL system$fuse_amend('default', 't')").await;
        assert_eq!(answer, (0, "Ok\n".to_owned()));
        let (_, report) = sample.amend(&[]).await;
        assert_eq!(
            report["counts"],
            serde_json::json!({ "intact": sample.referenced })
        );
        sample.expect_back("brought back by the statement").await;
    }
}

#[tokio::test]
async fn each_commit_of_a_real_table_comes_back_as_of_its_own_time() {
    let Some(folder) = samples() else { return };
    for table in TABLES {
        let sample = Sample::start(&folder, table).await;
        let snapshots = sample
            .latest
            .iter()
            .filter(|(key, _)| key.contains("/_ss/"));
        let commits: Vec<(String, String)> = snapshots
            .map(|(key, body)| {
                let snapshot = Snapshot::read(body).expect("a snapshot");
                (
                    snapshot.timestamp.expect("a time").to_rfc3339(),
                    key.clone(),
                )
            })
            .collect();
        assert_eq!(commits.len(), 8);
        let hint = sample
            .latest
            .keys()
            .find(|key| key.contains("hint"))
            .expect("a hint")
            .clone();
        for (time, snapshot) in commits {
            sample.delete_all();
            let (status, report) = sample.amend(&["--apply", "--as-of", &time]).await;
            assert_eq!(
                (status, &report["state"]),
                (0, &Value::from("complete")),
                "{report:#}"
            );
            assert_eq!(report["commit"]["snapshot"], Value::from(snapshot.as_str()));
            for object in report["objects"].as_array().expect("objects") {
                let key = object["key"].as_str().expect("a key");
                let current = sample.bucket(|bucket| bucket.current_body(key).map(|b| b.to_vec()));
                if key == hint {
                    let text = String::from_utf8(current.expect("a hint")).expect("text");
                    assert!(text.contains(&snapshot), "{text} does not name {snapshot}");
                } else {
                    assert_eq!(current.as_ref(), sample.latest.get(key), "{key}");
                }
            }
        }
    }
}
