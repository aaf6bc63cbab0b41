//! Each kind of request, where nothing goes wrong with the network.

use std::time::Duration;

use bytes::Bytes;
use firedrill_core::object::{
    Answer, Cause, Condition, Digest, Failure, Request, VersionId, Versioning,
};
use firedrill_s3_mock as mock;
use firedrill_s3_mock::{Operation, StorageClass};

use super::{World, bucket, client, current, etag, id, key};

#[tokio::test]
async fn the_versioning_state() {
    for (state, expected) in [
        (mock::Versioning::Off, Versioning::Off),
        (mock::Versioning::Enabled, Versioning::Enabled),
        (mock::Versioning::Suspended, Versioning::Suspended),
    ] {
        let world = World::new(mock::Bucket::new(state), Vec::new()).await;
        assert_eq!(
            world.client.perform(&Request::GetVersioning).await,
            Ok(Answer::Versioning(expected))
        );
    }
}

#[tokio::test]
async fn a_bucket_that_is_not_there() {
    let world = World::new(bucket(&[]), Vec::new()).await;
    let patience = Duration::from_mins(1);
    let client = client(&world.server.endpoint(), "swamp", "secret", patience);
    for request in [
        Request::GetVersioning,
        Request::ListVersions {
            prefix: key("t/"),
            after: None,
        },
    ] {
        assert_eq!(
            client.perform(&request).await,
            Err(Failure::Determinate(Cause::NoSuchBucket))
        );
    }
}

#[tokio::test]
async fn a_version_under_a_marker_is_read_by_its_id() {
    let steps = [("t/a", Some("old")), ("t/a", Some("newer")), ("t/a", None)];
    let world = World::new(bucket(&steps), Vec::new()).await;
    let read = Request::Read {
        key: key("t/a"),
        version: id(&world, "t/a", 2),
    };
    assert_eq!(
        world.client.perform(&read).await,
        Ok(Answer::Body(Bytes::from_static(b"old")))
    );
    let missing = Request::Read {
        key: key("t/b"),
        version: id(&world, "t/a", 2),
    };
    let marker = Request::Read {
        key: key("t/a"),
        version: id(&world, "t/a", 0),
    };
    for request in [missing, marker] {
        assert_eq!(
            world.client.perform(&request).await,
            Err(Failure::Determinate(Cause::NotFound)),
            "{request:?}"
        );
    }
}

#[tokio::test]
async fn a_digest_is_that_of_the_whole_body() {
    let body = "0123456789abcdef".repeat(400_000);
    let steps = [("t/a", Some(body.as_str())), ("t/empty", Some(""))];
    let world = World::new(bucket(&steps), Vec::new()).await;
    for (name, body) in steps {
        let body = body.expect("every step is a put").as_bytes();
        let request = Request::Digest {
            key: key(name),
            version: id(&world, name, 0),
        };
        assert_eq!(
            world.client.perform(&request).await,
            Ok(Answer::Digest {
                size: body.len() as u64,
                digest: Digest::of(body)
            })
        );
    }
}

#[tokio::test]
async fn markers_are_removed_each_with_a_result_in_the_order_asked() {
    let odd = "t/\u{1}\r odd";
    let steps = [
        ("t/a", Some("a")),
        ("t/a", None),
        ("t/a", None),
        (odd, Some("o")),
        (odd, None),
        ("t/b&<", Some("b")),
        ("t/b&<", None),
    ];
    let world = World::new(bucket(&steps), Vec::new()).await;
    let markers = vec![
        (key(odd), id(&world, odd, 0)),
        (key("t/a"), id(&world, "t/a", 1)),
        (key("t/a"), id(&world, "t/a", 0)),
        (key("t/b&<"), id(&world, "t/b&<", 0)),
    ];
    let request = Request::RemoveMarkers { markers };
    let removed = Ok(Answer::Removed(vec![Ok(()); 4]));
    assert_eq!(world.client.perform(&request).await, removed);
    for (name, body) in [("t/a", "a"), (odd, "o"), ("t/b&<", "b")] {
        assert_eq!(current(&world, name), Some(Bytes::from(body)), "{name:?}");
    }
    assert_eq!(world.arrived(Operation::DeleteObjects), 1);
    // Once more does no harm.
    assert_eq!(world.client.perform(&request).await, removed);
    assert_eq!(current(&world, "t/a"), Some(Bytes::from("a")));
}

#[tokio::test]
async fn a_thousand_markers_go_in_one_request() {
    let names: Vec<String> = (0..1000).map(|i| format!("t/{i:04}")).collect();
    let puts = names.iter().map(|name| (name.as_str(), Some("x")));
    let deletes = names.iter().map(|name| (name.as_str(), None));
    let steps: Vec<_> = puts.chain(deletes).collect();
    let world = World::new(bucket(&steps), Vec::new()).await;
    let markers = names.iter().map(|name| (key(name), id(&world, name, 0)));
    let request = Request::RemoveMarkers {
        markers: markers.collect(),
    };
    assert_eq!(
        world.client.perform(&request).await,
        Ok(Answer::Removed(vec![Ok(()); 1000]))
    );
    assert_eq!(world.arrived(Operation::DeleteObjects), 1);
    assert!(names.iter().all(|name| current(&world, name).is_some()));
}

#[tokio::test]
async fn a_copy_makes_an_older_version_current_under_its_condition() {
    let odd = "t/a b+c?&é%41\u{1}";
    let steps = [
        ("t/a", Some("right")),
        ("t/a", Some("wrong")),
        (odd, Some("odd")),
        (odd, None),
    ];
    let world = World::new(bucket(&steps), Vec::new()).await;
    let copy = |name: &str, version: VersionId, condition| Request::Copy {
        key: key(name),
        version,
        size: 5,
        condition,
    };
    let oldest = id(&world, "t/a", 1);
    let refused = Err(Failure::Determinate(Cause::PreconditionFailed));
    for condition in [Condition::Absent, Condition::Matches("\"other\"".into())] {
        let request = copy("t/a", oldest.clone(), condition);
        assert_eq!(world.client.perform(&request).await, refused, "{request:?}");
    }
    assert_eq!(current(&world, "t/a"), Some(Bytes::from("wrong")));

    let tag = etag(&world, "t/a", 0);
    let request = copy("t/a", oldest, Condition::Matches(tag));
    let written = world.client.perform(&request).await;
    assert_eq!(
        written,
        Ok(Answer::Written {
            version: Some(id(&world, "t/a", 0))
        })
    );
    assert_eq!(current(&world, "t/a"), Some(Bytes::from("right")));

    let request = copy(odd, id(&world, odd, 1), Condition::Absent);
    let written = world.client.perform(&request).await;
    assert!(matches!(written, Ok(Answer::Written { .. })), "{written:?}");
    assert_eq!(current(&world, odd), Some(Bytes::from("odd")));
}

#[tokio::test]
async fn a_condition_on_something_that_was_deleted_does_not_hold() {
    let steps = [("t/a", Some("one")), ("t/a", Some("two")), ("t/a", None)];
    let world = World::new(bucket(&steps), Vec::new()).await;
    let condition = Condition::Matches(etag(&world, "t/a", 1));
    let copy = Request::Copy {
        key: key("t/a"),
        version: id(&world, "t/a", 2),
        size: 3,
        condition: condition.clone(),
    };
    let put = Request::Put {
        key: key("t/a"),
        body: Bytes::from("three"),
        condition,
    };
    for request in [copy, put] {
        assert_eq!(
            world.client.perform(&request).await,
            Err(Failure::Determinate(Cause::PreconditionFailed)),
            "{request:?}"
        );
    }
    assert_eq!(current(&world, "t/a"), None);
}

#[tokio::test]
async fn a_copy_of_a_version_that_is_gone_is_not_found() {
    let world = World::new(bucket(&[("t/a", Some("one"))]), Vec::new()).await;
    let version = id(&world, "t/a", 0);
    world.look(|bucket| {
        let now = mock::Time(1_767_225_600_000);
        bucket
            .delete(now, "t/a", Some(version.as_str()))
            .map(drop)
            .expect("a plain deletion");
    });
    let request = Request::Copy {
        key: key("t/a"),
        version,
        size: 3,
        condition: Condition::Absent,
    };
    assert_eq!(
        world.client.perform(&request).await,
        Err(Failure::Determinate(Cause::NotFound))
    );
}

#[tokio::test]
async fn of_two_conditional_writes_that_meet_one_wins() {
    let world = World::new(bucket(&[]), Vec::new()).await;
    let put = |body: &'static str| Request::Put {
        key: key("t/hint"),
        body: Bytes::from(body),
        condition: Condition::Absent,
    };
    let (one, two) = (put("one"), put("two"));
    let (first, second) = tokio::join!(world.client.perform(&one), world.client.perform(&two));
    let lost = Err(Failure::Determinate(Cause::PreconditionFailed));
    let winner = match (&first, &second) {
        (Ok(Answer::Written { .. }), refused) if *refused == lost => "one",
        (refused, Ok(Answer::Written { .. })) if *refused == lost => "two",
        both => panic!("not one winner: {both:?}"),
    };
    assert_eq!(current(&world, "t/hint"), Some(Bytes::from(winner)));
    assert_eq!(world.look(|bucket| bucket.history("t/hint").len()), 1);
}

#[tokio::test]
async fn what_is_too_large_for_one_copy_is_refused_without_a_request() {
    let world = World::new(bucket(&[("t/a", Some("x"))]), Vec::new()).await;
    let request = Request::Copy {
        key: key("t/a"),
        version: id(&world, "t/a", 0),
        size: 5 * 1024 * 1024 * 1024 + 1,
        condition: Condition::Absent,
    };
    let reply = world.client.perform(&request).await;
    assert!(
        matches!(&reply, Err(Failure::Determinate(Cause::Other(words))) if words.contains("in parts")),
        "{reply:?}"
    );
    assert_eq!(world.arrived(Operation::CopyObject), 0);
}

#[tokio::test]
async fn what_lies_in_an_archive_is_neither_read_nor_copied() {
    let steps = [("t/a", Some("cold")), ("t/a", None)];
    let world = World::new(bucket(&steps), Vec::new()).await;
    let version = id(&world, "t/a", 1);
    world.look(|bucket| {
        bucket
            .set_storage_class("t/a", version.as_str(), StorageClass::DeepArchive)
            .expect("the version is there");
    });
    let read = Request::Read {
        key: key("t/a"),
        version: version.clone(),
    };
    let copy = Request::Copy {
        key: key("t/a"),
        version,
        size: 4,
        condition: Condition::Absent,
    };
    for request in [read, copy] {
        assert_eq!(
            world.client.perform(&request).await,
            Err(Failure::Determinate(Cause::Archived)),
            "{request:?}"
        );
    }
}
