//! Faults over real HTTP: what the client sees, and what was applied all the same.

#![cfg(feature = "http")]

mod client;

use client::{ask, batch, delete, get, put, start};
use firedrill_s3_mock::{Effect, Fault, Operation, Position};

fn fault(operation: Operation, position: Position, effect: Effect) -> Fault {
    Fault {
        operation,
        key: Some("k".to_owned()),
        nth: 1,
        times: Some(1),
        position,
        effect,
    }
}

#[tokio::test]
async fn faults_before_during_and_after() {
    let server = start().await;
    put(&server, "/drill/k", b"0123456789").await;
    server.service().set_faults(vec![
        fault(Operation::GetObject, Position::Before, Effect::Unavailable),
        Fault {
            nth: 2,
            ..fault(
                Operation::GetObject,
                Position::During,
                Effect::Reset { after_bytes: 4 },
            )
        },
        Fault {
            nth: 3,
            ..fault(
                Operation::GetObject,
                Position::After,
                Effect::Reset { after_bytes: 0 },
            )
        },
        fault(
            Operation::PutObject,
            Position::Before,
            Effect::Reset { after_bytes: 0 },
        ),
        Fault {
            nth: 2,
            ..fault(
                Operation::PutObject,
                Position::After,
                Effect::Reset { after_bytes: 0 },
            )
        },
        Fault {
            nth: 3,
            ..fault(Operation::PutObject, Position::After, Effect::InternalError)
        },
        fault(
            Operation::DeleteObjectVersion,
            Position::Before,
            Effect::Denied,
        ),
    ]);
    let versions = || server.bucket("drill", |bucket| bucket.history("k").len());
    let slow_down = get(&server, "/drill/k").await;
    assert_eq!(
        (slow_down.status, slow_down.code().as_str()),
        (503, "SlowDown")
    );
    let cut = get(&server, "/drill/k").await;
    assert_eq!(
        (cut.header("content-length"), cut.text().as_str()),
        ("10", "0123")
    );
    assert!(ask(&server, "GET /drill/k", &[], b"").await.is_none());
    assert_eq!(get(&server, "/drill/k").await.status, 200);
    assert!(ask(&server, "PUT /drill/k", &[], b"lost").await.is_none());
    assert_eq!(versions(), Some(1));
    assert!(
        ask(&server, "PUT /drill/k", &[], b"applied")
            .await
            .is_none()
    );
    assert_eq!(versions(), Some(2));
    assert_eq!(put(&server, "/drill/k", b"applied too").await.status, 500);
    assert_eq!(versions(), Some(3));
    let marker = delete(&server, "/drill/k")
        .await
        .header("x-amz-version-id")
        .to_owned();
    let entries = [("k", Some(marker.as_str())), ("other", Some("none"))];
    let denied = ask(&server, "POST /drill?delete", &[], &batch(&entries))
        .await
        .expect("an answer");
    assert_eq!(
        (denied.status, denied.code().as_str()),
        (200, "AccessDenied")
    );
    assert_eq!(denied.all("Deleted").len(), 1);
    assert_eq!(server.service().faults_fired(), [1; 7]);
    assert_eq!(server.service().requests()[&Operation::GetObject], 4);
}

#[tokio::test]
async fn a_copy_may_fail_inside_an_ok_and_removing_a_version_may_be_denied() {
    let server = start().await;
    let id = put(&server, "/drill/k", b"x")
        .await
        .header("x-amz-version-id")
        .to_owned();
    server.service().set_faults(vec![
        fault(
            Operation::CopyObject,
            Position::During,
            Effect::InternalError,
        ),
        fault(
            Operation::DeleteObjectVersion,
            Position::Before,
            Effect::Denied,
        ),
    ]);
    let source = format!("drill/k?versionId={id}");
    let copy = [("x-amz-copy-source", source.as_str())];
    let failed = ask(&server, "PUT /drill/k", &copy, b"")
        .await
        .expect("an answer");
    assert_eq!(
        (failed.status, failed.code().as_str()),
        (200, "InternalError")
    );
    let denied = delete(&server, &format!("/drill/k?versionId={id}")).await;
    assert_eq!(
        (denied.status, denied.code().as_str()),
        (403, "AccessDenied")
    );
    assert_eq!(delete(&server, "/drill/k").await.status, 204);
    let left = server.bucket("drill", |bucket| bucket.history("k").len());
    assert_eq!(
        (left, server.service().faults_fired()),
        (Some(2), vec![1, 1])
    );
}

#[tokio::test]
async fn requests_that_never_end_and_slow_ones() {
    use tokio::time::{Duration, timeout};
    let server = start().await;
    put(&server, "/drill/k", b"0123456789").await;
    server.service().set_faults(vec![
        fault(Operation::GetObject, Position::Before, Effect::Timeout),
        fault(Operation::PutObject, Position::After, Effect::Timeout),
        Fault {
            nth: 2,
            ..fault(Operation::GetObject, Position::During, Effect::Timeout)
        },
        Fault {
            nth: 3,
            ..fault(
                Operation::GetObject,
                Position::Before,
                Effect::Slow { delay_ms: 50 },
            )
        },
    ]);
    let patience = Duration::from_secs(1);
    assert!(
        timeout(patience, ask(&server, "GET /drill/k", &[], b""))
            .await
            .is_err()
    );
    assert!(
        timeout(patience, ask(&server, "PUT /drill/k", &[], b"new"))
            .await
            .is_err()
    );
    assert_eq!(
        server.bucket("drill", |bucket| bucket.history("k").len()),
        Some(2)
    );
    assert!(
        timeout(patience, ask(&server, "GET /drill/k", &[], b""))
            .await
            .is_err()
    );
    let late = ask(&server, "GET /drill/k", &[], b"").await;
    assert_eq!(late.expect("an answer").text(), "new");
    assert_eq!(server.service().faults_fired(), [1; 4]);
}
