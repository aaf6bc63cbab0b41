//! The command itself, as a process, against the mock over real HTTP: what it prints, what it ends with, and
//! what it leaves in the bucket.

mod ends;
mod explain;
mod kept;
mod man;
mod samples;
mod schema;
#[path = "../schema/mod.rs"]
mod schema_file;
mod serve;
mod sql;

use std::path::Path;
use std::process::{Command, Output};

use bytes::Bytes;
use firedrill_s3_mock::http::Server;
use firedrill_s3_mock::{Bucket, Fault, Operation, PutOptions, Time, Versioning};

const BUCKET: &str = "lake";
const NOW: Time = Time(1_767_225_600_000);

/// A server with one bucket.
struct World {
    server: Server,
}

impl World {
    async fn new(bucket: Bucket, faults: Vec<Fault>) -> Self {
        let server = Server::builder()
            .bucket_with(BUCKET, bucket)
            .key("access", "secret")
            .faults(faults)
            .start("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        Self { server }
    }

    fn look<T>(&self, look: impl FnOnce(&mut Bucket) -> T) -> T {
        self.server
            .bucket(BUCKET, look)
            .expect("the bucket is there")
    }

    /// Requests that change a bucket, so far.
    fn writes(&self) -> u64 {
        let requests = self.server.service().requests();
        let writes = [
            Operation::PutObject,
            Operation::CopyObject,
            Operation::DeleteObject,
            Operation::DeleteObjects,
        ];
        writes
            .iter()
            .map(|operation| requests.get(operation).copied().unwrap_or(0))
            .sum()
    }

    /// `firedrill amend` with these words, and with the key of this server.
    fn amend(&self, words: &[&str]) -> Command {
        let mut command = firedrill(&["amend"]);
        command
            .args(words)
            .env("AWS_ENDPOINT_URL", self.server.endpoint())
            .env("AWS_ACCESS_KEY_ID", "access")
            .env("AWS_SECRET_ACCESS_KEY", "secret");
        command
    }
}

/// The command in an environment where nothing is configured.
fn firedrill(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_firedrill"));
    command
        .args(words)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Waits for the end without holding up the server.
async fn finish(mut command: Command) -> Output {
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.expect("waiting does not panic");
    output.expect("the command was built with this test")
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

/// The report that amend printed, which is as the schema says.
fn json(output: &Output) -> serde_json::Value {
    let report = serde_json::from_slice(&output.stdout).expect("it prints one JSON document");
    schema_file::assert_fits("amend", &report);
    report
}

/// Three objects under `p/`, one of them deleted, and a fourth elsewhere that is deleted too.
fn bucket() -> Bucket {
    let mut bucket = Bucket::new(Versioning::Enabled);
    for key in ["p/a", "p/b", "p/c", "q/d"] {
        let body = Bytes::copy_from_slice(key.as_bytes());
        let put = bucket.put(NOW, key, body, &PutOptions::default());
        put.map(drop).expect("an unconditional put");
    }
    for key in ["p/a", "q/d"] {
        drop(bucket.delete(NOW, key, None).expect("a plain delete"));
    }
    bucket
}

fn current(world: &World, key: &str) -> Option<Bytes> {
    world.look(|bucket| bucket.current_body(key).cloned())
}

/// Every current body, by key.
fn all_current(world: &World) -> Vec<(String, Bytes)> {
    world.look(|bucket| {
        let keys = bucket.keys().map(str::to_owned).collect::<Vec<_>>();
        let bodies = keys.into_iter().filter_map(|key| {
            let body = bucket.current_body(&key)?.clone();
            Some((key, body))
        });
        bodies.collect()
    })
}

fn delete_all(world: &World) {
    for (key, _) in all_current(world) {
        world.look(|bucket| drop(bucket.delete(NOW, &key, None).expect("a plain delete")));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a temporary path is plain")
}
