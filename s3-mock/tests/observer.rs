//! An observer sees what requests do to a bucket, at the moment they do it, whatever their senders hear.
#![cfg(feature = "http")]

mod client;

use std::sync::{Arc, Mutex};

use firedrill_s3_mock::http::{Applied, Observer, Server};
use firedrill_s3_mock::{Bucket, Effect, Fault, Operation, Position, Versioning};

use client::{ask, batch, delete, get, put};

/// Writes down what it sees, in a few words each.
#[derive(Debug, Clone, Default)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, line: String) {
        self.0.lock().expect("no test panics with it").push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("no test panics with it"))
    }
}

impl Observer for Diary {
    fn struck(&self, fault: &Fault) {
        self.write(format!("struck {:?}", fault.operation));
    }

    fn applied(&self, bucket: &mut Bucket, applied: &Applied<'_>) {
        let current = |key: &str| bucket.current_body(key).map_or(0, |body| body.len());
        self.write(match applied {
            Applied::Listed { asked, page } => {
                format!("listed {:?}: {} entries", asked.prefix, page.entries.len())
            }
            Applied::Put { key, body, result } => {
                let came = result.map_or_else(|error| error.code(), |_| "stored");
                format!(
                    "put {key}, {} bytes, {came}, now {}",
                    body.len(),
                    current(key)
                )
            }
            Applied::Copied {
                key, from, result, ..
            } => {
                let came = result.map_or_else(|error| error.code(), |_| "stored");
                format!("copied {from} to {key}, {came}, now {}", current(key))
            }
            Applied::Deleted {
                key,
                version,
                of_batch,
                ..
            } => {
                let named = version.is_some();
                format!(
                    "deleted {key}, version named: {named}, of a batch: {of_batch}, now {}",
                    current(key)
                )
            }
            Applied::BatchEnded => "the batch ended".to_owned(),
        });
    }
}

async fn watched(faults: Vec<Fault>) -> (Server, Diary) {
    let diary = Diary::default();
    let builder = Server::builder()
        .bucket("drill", Versioning::Enabled)
        .faults(faults)
        .observer(diary.clone());
    let server = builder.start("127.0.0.1:0").await;
    (server.expect("there is a free port"), diary)
}

#[tokio::test]
async fn each_operation_is_seen_once_with_what_it_left() {
    let (server, diary) = watched(Vec::new()).await;
    put(&server, "/drill/a", b"abc").await;
    assert_eq!(diary.take(), ["put a, 3 bytes, stored, now 3"]);
    let copy = ask(
        &server,
        "PUT /drill/b",
        &[("x-amz-copy-source", "/drill/a")],
        b"",
    )
    .await;
    assert_eq!(copy.expect("an answer").status, 200);
    assert_eq!(diary.take(), ["copied a to b, stored, now 3"]);
    delete(&server, "/drill/a").await;
    assert_eq!(
        diary.take(),
        ["deleted a, version named: false, of a batch: false, now 0"]
    );
    get(&server, "/drill?versions&prefix=a").await;
    assert_eq!(diary.take(), ["listed \"a\": 2 entries"]);
    let body = batch(&[("a", None), ("b", None)]);
    ask(&server, "POST /drill?delete", &[], &body).await;
    assert_eq!(
        diary.take(),
        [
            "deleted a, version named: false, of a batch: true, now 0",
            "deleted b, version named: false, of a batch: true, now 0",
            "the batch ended",
        ]
    );
}

#[tokio::test]
async fn what_the_bucket_refuses_is_seen_as_refused() {
    let (server, diary) = watched(Vec::new()).await;
    put(&server, "/drill/a", b"abc").await;
    diary.take();
    let answer = ask(
        &server,
        "PUT /drill/a",
        &[("if-none-match", "*")],
        b"longer",
    )
    .await;
    assert_eq!(answer.expect("an answer").status, 412);
    assert_eq!(diary.take(), ["put a, 6 bytes, PreconditionFailed, now 3"]);
}

/// "Never sent" and "applied, answer lost" are different to the one who keeps the log.
#[tokio::test]
async fn a_lost_answer_is_seen_and_a_request_that_was_never_applied_is_not() {
    let fault = |position, nth| Fault {
        operation: Operation::PutObject,
        key: None,
        nth,
        times: Some(1),
        position,
        effect: Effect::Reset { after_bytes: 0 },
    };
    let (server, diary) =
        watched(vec![fault(Position::Before, 1), fault(Position::After, 2)]).await;
    assert!(ask(&server, "PUT /drill/a", &[], b"abc").await.is_none());
    assert_eq!(diary.take(), ["struck PutObject"]);
    assert!(ask(&server, "PUT /drill/a", &[], b"abc").await.is_none());
    assert_eq!(
        diary.take(),
        ["struck PutObject", "put a, 3 bytes, stored, now 3"]
    );
}
