//! What goes wrong on the way, and what core is told about it: above all whether a write may have happened.

use std::time::Duration;

use aws_sdk_s3::config::{BehaviorVersion, Region};
use bytes::Bytes;
use firedrill_core::object::{Answer, Cause, Condition, Failure, Reply, Request};
use firedrill_driver::{Client, Settings};
use firedrill_s3_mock::{Effect, Fault, Operation, Position};

use super::{BUCKET, World, bucket, client, current, fault, id, key};

fn put() -> Request {
    Request::Put {
        key: key("t/a"),
        body: Bytes::from("new"),
        condition: Condition::Absent,
    }
}

/// Sends a put to a server with this fault. Gives the reply and whether the put was applied.
async fn put_under(position: Position, effect: Effect) -> (Reply, bool) {
    let faults = vec![fault(Operation::PutObject, position, effect)];
    let world = match effect {
        Effect::Timeout | Effect::Slow { .. } => World::impatient(bucket(&[]), faults).await,
        _ => World::new(bucket(&[]), faults).await,
    };
    let reply = world.client.perform(&put()).await;
    assert_eq!(world.server.service().faults_fired(), [1], "{effect:?}");
    assert_eq!(
        world.arrived(Operation::PutObject),
        1,
        "the client tried again by itself after {effect:?}"
    );
    (reply, current(&world, "t/a").is_some())
}

#[tokio::test]
async fn throttling_did_nothing_and_an_internal_error_leaves_doubt() {
    let (reply, applied) = put_under(Position::Before, Effect::Unavailable).await;
    assert!(
        matches!(&reply, Err(Failure::Determinate(Cause::Unavailable(words))) if words.starts_with("SlowDown")),
        "{reply:?}"
    );
    assert!(!applied);
    for (position, expected) in [(Position::Before, false), (Position::After, true)] {
        let (reply, applied) = put_under(position, Effect::InternalError).await;
        assert!(
            matches!(&reply, Err(Failure::Indeterminate(Cause::Unavailable(_)))),
            "{reply:?}"
        );
        assert_eq!(applied, expected);
    }
}

#[tokio::test]
async fn a_lost_request_and_a_lost_answer_look_alike() {
    for (position, expected) in [(Position::Before, false), (Position::After, true)] {
        let (reply, applied) = put_under(position, Effect::Timeout).await;
        assert_eq!(reply, Err(Failure::Indeterminate(Cause::Timeout)));
        assert_eq!(applied, expected);

        let (reply, applied) = put_under(position, Effect::Reset { after_bytes: 0 }).await;
        assert!(
            matches!(&reply, Err(Failure::Indeterminate(Cause::Connection(_)))),
            "{reply:?}"
        );
        assert_eq!(applied, expected);
    }
}

#[tokio::test]
async fn a_late_answer_is_a_lost_one() {
    let (reply, applied) = put_under(Position::After, Effect::Slow { delay_ms: 3000 }).await;
    assert_eq!(reply, Err(Failure::Indeterminate(Cause::Timeout)));
    assert!(applied);
}

#[tokio::test]
async fn a_refusal_is_a_refusal() {
    let (reply, applied) = put_under(Position::Before, Effect::Denied).await;
    assert!(
        matches!(&reply, Err(Failure::Determinate(Cause::Denied(words))) if words.starts_with("AccessDenied")),
        "{reply:?}"
    );
    assert!(!applied);
}

/// "If the error occurs during the copy operation, the error response is embedded in the 200 OK response"
/// (S3 API reference, CopyObject).
#[tokio::test]
async fn an_error_inside_a_200_is_an_error() {
    for (effect, doubt) in [(Effect::InternalError, true), (Effect::Denied, false)] {
        let faults = vec![fault(Operation::CopyObject, Position::During, effect)];
        let steps = [("t/a", Some("x")), ("t/a", None)];
        let world = World::new(bucket(&steps), faults).await;
        let request = Request::Copy {
            key: key("t/a"),
            version: id(&world, "t/a", 1),
            size: 1,
            condition: Condition::Absent,
        };
        let failure = match world.client.perform(&request).await {
            Err(failure) => failure,
            Ok(answer) => panic!("{effect:?} was taken for {answer:?}"),
        };
        assert_eq!(matches!(failure, Failure::Indeterminate(_)), doubt);
        assert_eq!(current(&world, "t/a"), None);
    }
}

#[tokio::test]
async fn a_cut_body_is_never_taken_for_the_whole() {
    let body = "0123456789".repeat(50_000);
    for after_bytes in [0, 1, 4096, 300_000, 499_999] {
        for digest in [false, true] {
            let effect = Effect::Reset { after_bytes };
            let faults = vec![fault(Operation::GetObject, Position::During, effect)];
            let world = World::new(bucket(&[("t/a", Some(&body))]), faults).await;
            let (key, version) = (key("t/a"), id(&world, "t/a", 0));
            let request = if digest {
                Request::Digest { key, version }
            } else {
                Request::Read { key, version }
            };
            let reply = world.client.perform(&request).await;
            assert!(
                matches!(
                    &reply,
                    Err(Failure::Indeterminate(
                        Cause::BodyCut | Cause::Connection(_)
                    ))
                ),
                "cut after {after_bytes} bytes: {reply:?}"
            );
            // And the next attempt is whole.
            let reply = world.client.perform(&request).await;
            match reply {
                Ok(Answer::Body(whole)) => assert_eq!(whole, body),
                Ok(Answer::Digest { size, .. }) => assert_eq!(size, 500_000),
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_body_that_stalls_is_a_timeout() {
    let faults = vec![fault(
        Operation::GetObject,
        Position::During,
        Effect::Timeout,
    )];
    let world = World::impatient(bucket(&[("t/a", Some("body"))]), faults).await;
    let request = Request::Read {
        key: key("t/a"),
        version: id(&world, "t/a", 0),
    };
    assert_eq!(
        world.client.perform(&request).await,
        Err(Failure::Indeterminate(Cause::Timeout))
    );
}

#[tokio::test]
async fn a_cut_listing_is_never_taken_for_the_whole() {
    let steps = [("t/a", Some("x")), ("t/a", None), ("t/b", Some("y"))];
    for after_bytes in [0, 40, 400] {
        let effect = Effect::Reset { after_bytes };
        let operation = Operation::ListObjectVersions;
        let world = World::new(
            bucket(&steps),
            vec![fault(operation, Position::During, effect)],
        )
        .await;
        let request = Request::ListVersions {
            prefix: key("t/"),
            after: None,
        };
        let reply = world.client.perform(&request).await;
        let transient = matches!(&reply, Err(failure) if failure.cause().is_transient());
        assert!(transient, "cut after {after_bytes} bytes: {reply:?}");
        assert_eq!(world.listing("t/").await.len(), 3);
    }
}

#[tokio::test]
async fn one_marker_that_is_denied_does_not_hide_the_others() {
    let steps = [
        ("t/a", Some("a")),
        ("t/a", None),
        ("t/b", Some("b")),
        ("t/b", None),
        ("t/c", Some("c")),
        ("t/c", None),
    ];
    let denied = Fault {
        key: Some("t/b".to_owned()),
        ..fault(
            Operation::DeleteObjectVersion,
            Position::Before,
            Effect::Denied,
        )
    };
    let world = World::new(bucket(&steps), vec![denied]).await;
    let markers = ["t/a", "t/b", "t/c"].map(|name| (key(name), id(&world, name, 0)));
    let request = Request::RemoveMarkers {
        markers: markers.to_vec(),
    };
    match world.client.perform(&request).await {
        Ok(Answer::Removed(results)) => {
            assert_eq!(results[0], Ok(()));
            assert!(matches!(results[1], Err(Cause::Denied(_))), "{results:?}");
            assert_eq!(results[2], Ok(()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(current(&world, "t/b"), None);
    assert_eq!(current(&world, "t/c"), Some(Bytes::from("c")));
}

#[tokio::test]
async fn a_lost_answer_to_a_batch_leaves_all_of_it_in_doubt() {
    let steps = [("t/a", Some("a")), ("t/a", None)];
    let faults = vec![fault(
        Operation::DeleteObjects,
        Position::After,
        Effect::Timeout,
    )];
    let world = World::impatient(bucket(&steps), faults).await;
    let request = Request::RemoveMarkers {
        markers: vec![(key("t/a"), id(&world, "t/a", 0))],
    };
    assert_eq!(
        world.client.perform(&request).await,
        Err(Failure::Indeterminate(Cause::Timeout))
    );
    assert_eq!(current(&world, "t/a"), Some(Bytes::from("a")));
}

#[tokio::test]
async fn the_wrong_secret_is_a_denial_with_the_servers_words() {
    let world = World::new(bucket(&[]), Vec::new()).await;
    let patience = Duration::from_mins(1);
    let client = client(&world.server.endpoint(), BUCKET, "guessed", patience);
    for request in [Request::GetVersioning, put()] {
        let reply = client.perform(&request).await;
        assert!(
            matches!(&reply, Err(Failure::Determinate(Cause::Denied(words))) if words.contains("SignatureDoesNotMatch")),
            "{reply:?}"
        );
    }
}

#[tokio::test]
async fn without_credentials_nothing_is_sent() {
    let world = World::new(bucket(&[]), Vec::new()).await;
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(world.server.endpoint())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(NoCredentials);
    let client = Client::new(config, BUCKET, Settings::default());
    for request in [Request::GetVersioning, put()] {
        assert_eq!(
            client.perform(&request).await,
            Err(Failure::Determinate(Cause::Denied(
                "no credentials were found".to_owned()
            )))
        );
    }
    assert_eq!(world.server.service().requests().len(), 0);
}

#[derive(Debug)]
struct NoCredentials;

impl aws_sdk_s3::config::ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(
        &'a self,
    ) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        use aws_credential_types::provider::error::CredentialsError;
        let none = CredentialsError::not_loaded("there are none");
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(none))
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_happened() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = socket.local_addr().expect("it is bound");
    drop(socket);
    let no_such_host = "http://no-such-host.invalid:9000".to_owned();
    for endpoint in [format!("http://{address}"), no_such_host] {
        let client = client(&endpoint, BUCKET, "secret", Duration::from_mins(1));
        let reply = client.perform(&put()).await;
        assert!(
            matches!(&reply, Err(Failure::Determinate(Cause::Connection(_)))),
            "{endpoint}: {reply:?}"
        );
    }
}

/// An endpoint that is some other web server.
#[tokio::test]
async fn what_is_not_s3_is_not_believed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    for (status, body) in [
        ("404 Not Found", "<html>nothing here</html>"),
        ("200 OK", "<html>welcome</html>"),
    ] {
        let socket = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let socket = socket.expect("loopback has a free port");
        let endpoint = format!("http://{}", socket.local_addr().expect("it is bound"));
        let server = tokio::spawn(async move {
            let (mut stream, _) = socket.accept().await.expect("the client comes");
            let mut request = [0; 4096];
            let _some = stream.read(&mut request).await.expect("the client asks");
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let sent = stream.write_all(answer.as_bytes()).await;
            sent.expect("the client listens");
        });
        let client = client(&endpoint, BUCKET, "secret", Duration::from_mins(1));
        let request = Request::ListVersions {
            prefix: key("t/"),
            after: None,
        };
        let reply = client.perform(&request).await;
        let cause = reply.as_ref().map_err(Failure::cause);
        assert!(matches!(cause, Err(Cause::Other(_))), "{status}: {reply:?}");
        server.await.expect("the server served");
    }
}
