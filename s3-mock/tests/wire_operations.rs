//! Bodies, ranges, conditions, copies, buckets, archives, uploads and signatures over real HTTP.

#![cfg(feature = "http")]

mod client;

use client::{ask, batch, delete, get, put, start};
use firedrill_s3_mock::http::Server;
use firedrill_s3_mock::{StorageClass, Versioning};

#[tokio::test]
async fn bodies_that_arrive_wrong_are_refused() {
    let server = start().await;
    let md5_of_hello = "XUFAKrxLKna5cZ2REBfFkg==";
    let right = ask(
        &server,
        "PUT /drill/k",
        &[("content-md5", md5_of_hello)],
        b"hello",
    )
    .await
    .expect("an answer");
    assert_eq!(
        (right.status, right.header("etag")),
        (200, "\"5d41402abc4b2a76b9719d911017c592\"")
    );
    for (header, value, code) in [
        ("content-md5", md5_of_hello, "BadDigest"),
        ("content-md5", "zzz", "InvalidDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-sha256", "AAAA", "BadDigest"),
    ] {
        let wrong = ask(&server, "PUT /drill/k", &[(header, value)], b"other")
            .await
            .expect("an answer");
        assert_eq!(
            (wrong.status, wrong.code().as_str()),
            (400, code),
            "{header}"
        );
    }
    let right = [
        ("x-amz-checksum-crc32", "2Vg1IA=="),
        (
            "x-amz-checksum-sha256",
            "2SmKENGwc1g33EvYXaxkGw887yekfl1TpU8vP1svz/o=",
        ),
    ];
    let right = ask(&server, "PUT /drill/other", &right, b"other").await;
    assert_eq!(right.expect("an answer").status, 200);
    let batch = ask(
        &server,
        "POST /drill?delete",
        &[("content-md5", md5_of_hello)],
        &batch(&[("k", None)]),
    )
    .await;
    assert_eq!(batch.expect("an answer").code(), "BadDigest");
    assert_eq!(get(&server, "/drill/k").await.text(), "hello");
}

#[tokio::test]
async fn ranges_and_conditions() {
    let server = start().await;
    let etag = put(&server, "/drill/k", b"0123456789")
        .await
        .header("etag")
        .to_owned();
    let with = async |request: &str, name: &str, value: &str| {
        ask(&server, request, &[(name, value)], b"")
            .await
            .expect("an answer")
    };
    let part = with("GET /drill/k", "range", "bytes=2-4").await;
    assert_eq!((part.status, part.text().as_str()), (206, "234"));
    assert_eq!(
        (part.header("content-range"), part.header("content-length")),
        ("bytes 2-4/10", "3")
    );
    assert_eq!(with("GET /drill/k", "range", "bytes=-2").await.text(), "89");
    let behind = with("GET /drill/k", "range", "bytes=10-").await;
    assert_eq!(
        (behind.status, behind.header("content-range")),
        (416, "bytes */10")
    );
    assert_eq!(
        with("GET /drill/k", "range", "bytes=0-1,3-4").await.status,
        200
    );
    assert_eq!(
        with("GET /drill/k", "if-none-match", &etag).await.status,
        304
    );
    assert_eq!(with("GET /drill/k", "if-match", "\"0\"").await.status, 412);
    assert_eq!(
        with("HEAD /drill/k", "if-match", &etag)
            .await
            .header("content-length"),
        "10"
    );
    assert_eq!(with("PUT /drill/k", "if-none-match", "*").await.status, 412);
    assert_eq!(
        with("PUT /drill/new", "if-none-match", "*").await.status,
        200
    );
    assert_eq!(with("PUT /drill/k", "if-match", "\"0\"").await.status, 412);
    assert_eq!(
        with("PUT /drill/never", "if-match", &etag).await.status,
        404
    );
    assert_eq!(with("PUT /drill/k", "if-match", &etag).await.status, 200);
}

#[tokio::test]
async fn copies_by_version_under_conditions() {
    let server = start().await;
    let first = put(&server, "/drill/k", b"first").await;
    put(&server, "/drill/k", b"second").await;
    let source = format!("/drill/k?versionId={}", first.header("x-amz-version-id"));
    let copy = async |to: &str, more: &[(&str, &str)]| {
        let mut headers = vec![("x-amz-copy-source", source.as_str())];
        headers.extend_from_slice(more);
        ask(&server, &format!("PUT {to}"), &headers, b"")
            .await
            .expect("an answer")
    };
    assert_eq!(
        copy("/drill/k", &[("if-none-match", "*")]).await.status,
        412
    );
    assert_eq!(
        copy("/drill/k", &[("if-match", first.header("etag"))])
            .await
            .status,
        412
    );
    assert_eq!(
        copy(
            "/drill/k",
            &[("x-amz-copy-source-if-none-match", first.header("etag"))]
        )
        .await
        .status,
        412
    );
    let second_tag = get(&server, "/drill/k").await.header("etag").to_owned();
    let copied = copy("/drill/k", &[("if-match", &second_tag)]).await;
    assert_eq!(copied.status, 200, "{copied:?}");
    assert_eq!(
        copied.header("x-amz-copy-source-version-id"),
        first.header("x-amz-version-id")
    );
    assert_ne!(
        copied.header("x-amz-version-id"),
        first.header("x-amz-version-id")
    );
    assert_eq!(copied.all("ETag").len(), 1);
    assert_eq!(get(&server, "/drill/k").await.text(), "first");
    assert_eq!(
        ask(&server, "PUT /other", &[], b"")
            .await
            .expect("an answer")
            .status,
        200
    );
    assert_eq!(copy("/other/k", &[]).await.status, 200);
    assert_eq!(get(&server, "/other/k").await.text(), "first");
}

#[tokio::test]
async fn buckets_are_made_versioned_listed_and_deleted() {
    let server = start().await;
    assert_eq!(put(&server, "/second", b"").await.status, 200);
    assert_eq!(
        put(&server, "/second", b"").await.code(),
        "BucketAlreadyOwnedByYou"
    );
    assert_eq!(get(&server, "/").await.all("Name"), ["drill", "second"]);
    assert_eq!(
        get(&server, "/second?versioning").await.all("Status"),
        [] as [&str; 0]
    );
    let config = |status: &str| {
        format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
    };
    for status in ["Enabled", "Suspended"] {
        assert_eq!(
            put(&server, "/second?versioning", config(status).as_bytes())
                .await
                .status,
            200
        );
        assert_eq!(
            get(&server, "/second?versioning").await.all("Status"),
            [status]
        );
    }
    let null = put(&server, "/second/k", b"x").await;
    assert_eq!(null.header("x-amz-version-id"), "null");
    assert_eq!(delete(&server, "/second").await.code(), "BucketNotEmpty");
    delete(&server, "/second/k?versionId=null").await;
    assert_eq!(delete(&server, "/second").await.status, 204);
    assert_eq!(
        get(&server, "/second?versions").await.code(),
        "NoSuchBucket"
    );
    let head = ask(&server, "HEAD /second", &[], b"")
        .await
        .expect("an answer");
    assert_eq!(head.status, 404);
    assert_eq!(get(&server, "/drill?location").await.status, 200);
}

#[tokio::test]
async fn an_archived_version_is_listed_and_not_read() {
    let server = start().await;
    let id = put(&server, "/drill/k", b"cold")
        .await
        .header("x-amz-version-id")
        .to_owned();
    server.bucket("drill", |bucket| {
        let archived = bucket.set_storage_class("k", &id, StorageClass::Glacier);
        archived.expect("the version is there");
    });
    let refused = get(&server, "/drill/k").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "InvalidObjectState")
    );
    let head = ask(&server, "HEAD /drill/k", &[], b"")
        .await
        .expect("an answer");
    assert_eq!(
        (head.status, head.header("x-amz-storage-class")),
        (200, "GLACIER")
    );
    let asked = [("x-amz-optional-object-attributes", "RestoreStatus")];
    let list = async || {
        ask(&server, "GET /drill?versions", &asked, b"")
            .await
            .expect("an answer")
    };
    assert_eq!(list().await.all("StorageClass"), ["GLACIER"]);
    assert_eq!(list().await.all("RestoreStatus").len(), 0);
    let restore = b"<RestoreRequest><Days>1</Days></RestoreRequest>";
    let restored = ask(&server, "POST /drill/k?restore", &[], restore)
        .await
        .expect("an answer");
    assert!((200..=202).contains(&restored.status), "{restored:?}");
    assert_eq!(list().await.all("IsRestoreInProgress"), ["false"]);
    assert_eq!(
        get(&server, "/drill?versions")
            .await
            .all("IsRestoreInProgress")
            .len(),
        0
    );
    assert_eq!(get(&server, "/drill/k").await.text(), "cold");
}

#[tokio::test]
async fn uploads_in_parts() {
    let server = start().await;
    let made = ask(&server, "POST /drill/big?uploads", &[], b"")
        .await
        .expect("an answer");
    let id = made.all("UploadId").concat();
    let (first, last) = (vec![1_u8; 5 * 1024 * 1024], b"end");
    let mut parts = String::new();
    for (number, bytes) in [(1, &first[..]), (2, &last[..])] {
        let part = put(
            &server,
            &format!("/drill/big?partNumber={number}&uploadId={id}"),
            bytes,
        )
        .await;
        let etag = part.header("etag");
        parts.push_str(&format!(
            "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
        ));
    }
    let body = format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>");
    let path = format!("POST /drill/big?uploadId={id}");
    let done = ask(&server, &path, &[], body.as_bytes())
        .await
        .expect("an answer");
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(!done.header("x-amz-version-id").is_empty(), "{done:?}");
    let read = get(&server, "/drill/big").await;
    assert_eq!(
        (read.body.len(), &read.body[first.len()..]),
        (first.len() + 3, &last[..])
    );
    assert!(read.header("etag").ends_with("-2\""));
    assert_eq!(
        ask(&server, &path, &[], body.as_bytes())
            .await
            .expect("an answer")
            .code(),
        "NoSuchUpload"
    );
}

#[tokio::test]
async fn a_configured_key_must_sign_and_else_any_signature_does() {
    let builder = Server::builder()
        .bucket("drill", Versioning::Enabled)
        .key("me", "secret");
    let strict = builder.start("127.0.0.1:0").await.expect("a free port");
    for path in ["/drill/k", "/drill?versions", "/"] {
        assert_eq!(get(&strict, path).await.code(), "AccessDenied", "{path}");
    }
    let signature = "AWS4-HMAC-SHA256 Credential=me/20260101/us-east-1/s3/aws4_request, SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=0000000000000000000000000000000000000000000000000000000000000000";
    let signed = [
        ("authorization", signature),
        ("x-amz-date", "20260101T000000Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ];
    let refused = ask(&strict, "GET /drill?versions", &signed, b"")
        .await
        .expect("an answer");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "SignatureDoesNotMatch")
    );
    // Computed by another implementation of Signature Version 4 than the server's.
    let right = signature.replace(
        "0000000000000000000000000000000000000000000000000000000000000000",
        "2b639ad0f8a7e27aa7500cadf9aae7d96c56109e7b7ecc16b13b2d21f1627d91",
    );
    let rightly = [("authorization", right.as_str()), signed[1], signed[2]];
    let taken = ask(&strict, "GET /drill?versions", &rightly, b"")
        .await
        .expect("an answer");
    assert_eq!(taken.status, 200, "{}", taken.text());
    let moved = ask(&strict, "GET /drill?versions&prefix=x", &rightly, b"")
        .await
        .expect("an answer");
    assert_eq!(moved.code(), "SignatureDoesNotMatch");
    let open = start().await;
    assert_eq!(
        ask(&open, "GET /drill?versions", &signed, b"")
            .await
            .expect("an answer")
            .status,
        200
    );
    let chunked = [
        signed[0],
        signed[1],
        ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
    ];
    let body = b"5;chunk-signature=0\r\nhello\r\n0;chunk-signature=0\r\n\r\n";
    assert_eq!(
        ask(&open, "PUT /drill/k", &chunked, body)
            .await
            .expect("an answer")
            .status,
        200
    );
    assert_eq!(get(&open, "/drill/k").await.text(), "hello");
}
