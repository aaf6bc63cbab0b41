//! The driver against the mock over real HTTP on loopback: our requests really are S3, and what the server
//! answers, refuses, loses or cuts arrives as what core has to know.

mod faults;
mod listing;
mod requests;
mod run;

use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use bytes::Bytes;
use firedrill_core::object::{Answer, Cursor, ETag, Entry, Key, Request, VersionId};
use firedrill_driver::{Client, Settings};
use firedrill_s3_mock::http::Server;
use firedrill_s3_mock::{Bucket, Effect, Fault, Operation, Position, PutOptions, Time, Versioning};

const BUCKET: &str = "lake";

/// A server with one bucket, and a driver for it.
struct World {
    server: Server,
    client: Client,
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
        let client = client(&server.endpoint(), BUCKET, "secret", Duration::from_mins(1));
        Self { server, client }
    }

    /// One whose driver gives up waiting soon.
    async fn impatient(bucket: Bucket, faults: Vec<Fault>) -> Self {
        let mut world = Self::new(bucket, faults).await;
        let patience = Duration::from_secs(1);
        world.client = client(&world.server.endpoint(), BUCKET, "secret", patience);
        world
    }

    fn look<T>(&self, look: impl FnOnce(&mut Bucket) -> T) -> T {
        self.server
            .bucket(BUCKET, look)
            .expect("the bucket is there")
    }

    /// How many requests of this operation arrived.
    fn arrived(&self, operation: Operation) -> u64 {
        let requests = self.server.service().requests();
        requests.get(&operation).copied().unwrap_or(0)
    }

    /// All pages of a listing, one after the other.
    async fn listing(&self, prefix: &str) -> Vec<(Key, Entry)> {
        let mut all = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let prefix = Key::from(prefix);
            let request = Request::ListVersions { prefix, after };
            match self.client.perform(&request).await {
                Ok(Answer::Page { entries, next }) => {
                    all.extend(entries);
                    match next {
                        Some(cursor) => after = Some(cursor),
                        None => return all,
                    }
                }
                other => panic!("no page: {other:?}"),
            }
        }
    }
}

fn config(endpoint: &str, secret: &str) -> aws_sdk_s3::config::Builder {
    aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .force_path_style(true)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("access", secret, None, None, "test"))
}

fn client(endpoint: &str, bucket: &str, secret: &str, patience: Duration) -> Client {
    Client::new(config(endpoint, secret), bucket, Settings { patience })
}

/// A bucket with versioning; each step is a put of that body, or a delete.
fn bucket(steps: &[(&str, Option<&str>)]) -> Bucket {
    let mut bucket = Bucket::new(Versioning::Enabled);
    for (at, (key, body)) in (0i64..).zip(steps) {
        // All within one second.
        let now = Time(1_767_225_600_000 + at);
        match body {
            Some(body) => {
                let body = Bytes::copy_from_slice(body.as_bytes());
                bucket
                    .put(now, key, body, &PutOptions::default())
                    .map(drop)
                    .expect("an unconditional put");
            }
            None => drop(bucket.delete(now, key, None).expect("a plain delete")),
        }
    }
    bucket
}

fn key(text: &str) -> Key {
    Key::from(text)
}

/// The id of the nth entry of a key, newest first.
fn id(world: &World, key: &str, nth: usize) -> VersionId {
    world.look(|bucket| VersionId::from(bucket.history(key)[nth].version_id.as_ref()))
}

fn etag(world: &World, key: &str, nth: usize) -> ETag {
    use firedrill_s3_mock::ListedKind;
    world.look(|bucket| match &bucket.history(key)[nth].kind {
        ListedKind::Version { etag, .. } => ETag::from(etag.as_ref()),
        ListedKind::Marker => panic!("a marker has no tag"),
    })
}

fn current(world: &World, key: &str) -> Option<Bytes> {
    world.look(|bucket| bucket.current_body(key).cloned())
}

fn fault(operation: Operation, position: Position, effect: Effect) -> Fault {
    Fault {
        operation,
        key: None,
        nth: 1,
        times: Some(1),
        position,
        effect,
    }
}
