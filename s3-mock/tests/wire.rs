//! The server over real HTTP, by a client that is nothing but a socket.

#![cfg(feature = "http")]

use std::collections::BTreeMap;

use firedrill_s3_mock::http::Server;
use firedrill_s3_mock::{
    Effect, Fault, Operation, Position, PutOptions, StorageClass, Time, Versioning,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer: status, headers in lower case, body. A body that broke off is shorter than it was announced.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("these bodies are text")
    }

    /// The texts of all elements of this name, in the order of the document.
    fn all(&self, element: &str) -> Vec<String> {
        let text = self.text();
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let pieces = text.split(&open).skip(1);
        let inner = pieces.filter_map(|piece| piece.split_once(&close));
        inner.map(|(inner, _)| inner.to_owned()).collect()
    }

    fn code(&self) -> String {
        self.all("Code").concat()
    }
}

/// Sends one request. None: the connection ended without an answer.
async fn ask(
    server: &Server,
    request: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("it listens");
    // Signatures cover the host, so it is the same whatever port the server got.
    let mut head = format!("{request} HTTP/1.1\r\nhost: localhost:9000\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || request.starts_with("PUT") || request.starts_with("POST") {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).await.expect("it reads");
    let mut answer = Vec::new();
    // A reset counts like an end: what came before it is looked at.
    let _ended = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).expect("heads are text");
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let pairs = lines.filter_map(|line| line.split_once(": "));
    Some(Answer {
        status,
        headers: pairs
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: answer[end + 4..].to_vec(),
    })
}

async fn get(server: &Server, path: &str) -> Answer {
    ask(server, &format!("GET {path}"), &[], b"")
        .await
        .expect("an answer")
}

async fn put(server: &Server, path: &str, body: &[u8]) -> Answer {
    ask(server, &format!("PUT {path}"), &[], body)
        .await
        .expect("an answer")
}

async fn delete(server: &Server, path: &str) -> Answer {
    ask(server, &format!("DELETE {path}"), &[], b"")
        .await
        .expect("an answer")
}

async fn start() -> Server {
    let builder = Server::builder().bucket("drill", Versioning::Enabled);
    builder
        .start("127.0.0.1:0")
        .await
        .expect("there is a free port")
}

/// Version ids of a page in document order, with `-` before those of markers.
fn in_document_order(answer: &Answer) -> Vec<String> {
    let text = answer.text();
    let mut found = Vec::new();
    for piece in text.split("<VersionId>").skip(1) {
        let (id, _) = piece.split_once("</VersionId>").expect("closed");
        let before = &text[..piece.as_ptr() as usize - text.as_ptr() as usize];
        let marker = before.rfind("<DeleteMarker>") > before.rfind("<Version>");
        found.push(format!("{}{id}", if marker { "-" } else { "" }));
    }
    found
}

#[tokio::test]
async fn markers_and_versions_of_one_second_are_listed_in_listing_order() {
    let builder = Server::builder().bucket("drill", Versioning::Enabled);
    let one_second = builder.clock(|| Time(1_700_000_000_000));
    let server = one_second.start("127.0.0.1:0").await.expect("a free port");
    let mut expected = Vec::new();
    for round in 0..3 {
        let written = put(&server, "/drill/k", &[round]).await;
        expected.push(written.header("x-amz-version-id").to_owned());
        let deleted = delete(&server, "/drill/k").await;
        assert_eq!(
            (deleted.status, deleted.header("x-amz-delete-marker")),
            (204, "true")
        );
        expected.push(format!("-{}", deleted.header("x-amz-version-id")));
    }
    expected.reverse();
    let whole = get(&server, "/drill?versions").await;
    assert_eq!(in_document_order(&whole), expected);
    assert_eq!(
        whole.all("IsLatest"),
        ["true", "false", "false", "false", "false", "false"]
    );
    assert_eq!(whole.all("IsTruncated"), ["false"]);
    assert_eq!(whole.all("LastModified")[0], "2023-11-14T22:13:20.000Z");
    assert_eq!(whole.header("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
    for size in 1..=4 {
        let mut seen = Vec::new();
        let mut query = format!("max-keys={size}");
        loop {
            let page = get(&server, &format!("/drill?versions&{query}")).await;
            seen.extend(in_document_order(&page));
            if page.all("IsTruncated") == ["false"] {
                break;
            }
            let (key, id) = (page.all("NextKeyMarker"), page.all("NextVersionIdMarker"));
            query = format!(
                "max-keys={size}&key-marker={}&version-id-marker={}",
                key[0], id[0]
            );
        }
        assert_eq!(seen, expected, "pages of {size}");
    }
}

#[tokio::test]
async fn keys_that_xml_cannot_hold_are_listed_encoded() {
    let server = start().await;
    let key = "a b/\u{1}<&>+%/é";
    server.bucket("drill", |bucket| {
        let put = bucket.put(Time(0), key, "x".into(), &PutOptions::default());
        put.expect("a plain put");
    });
    for query in ["versions", "list-type=2", ""] {
        let plain = get(&server, &format!("/drill?{query}")).await;
        assert_eq!(plain.all("Key"), ["a b/&#x1;&lt;&amp;&gt;+%/é"], "{query}");
        let encoded = get(&server, &format!("/drill?{query}&encoding-type=url")).await;
        assert_eq!(encoded.all("Key"), ["a%20b/%01%3C%26%3E%2B%25/%C3%A9"]);
        assert_eq!(encoded.all("EncodingType"), ["url"]);
    }
    let read = get(&server, "/drill/a%20b/%01%3C%26%3E%2B%25/%C3%A9").await;
    assert_eq!((read.status, read.text().as_str()), (200, "x"));
}

#[tokio::test]
async fn what_a_delete_marker_answers() {
    let server = start().await;
    put(&server, "/drill/k", b"bytes").await;
    let marker = delete(&server, "/drill/k")
        .await
        .header("x-amz-version-id")
        .to_owned();
    let hidden = get(&server, "/drill/k").await;
    assert_eq!((hidden.status, hidden.code().as_str()), (404, "NoSuchKey"));
    assert_eq!(hidden.header("x-amz-delete-marker"), "true");
    assert_eq!(hidden.header("x-amz-version-id"), marker);
    let by_id = get(&server, &format!("/drill/k?versionId={marker}")).await;
    assert_eq!(
        (by_id.status, by_id.code().as_str()),
        (405, "MethodNotAllowed")
    );
    assert_eq!(by_id.header("x-amz-delete-marker"), "true");
    assert!(by_id.header("last-modified").ends_with("GMT"), "{by_id:?}");
    let never = get(&server, "/drill/never").await;
    assert_eq!(
        (never.status, never.header("x-amz-delete-marker")),
        (404, "")
    );
    let no_version = get(&server, "/drill/k?versionId=v0123456789abcdef").await;
    assert_eq!(
        (no_version.status, no_version.code().as_str()),
        (404, "NoSuchVersion")
    );
    let removed = delete(&server, &format!("/drill/k?versionId={marker}")).await;
    assert_eq!(
        (removed.status, removed.header("x-amz-delete-marker")),
        (204, "true")
    );
    assert_eq!(get(&server, "/drill/k").await.text(), "bytes");
}

fn batch(entries: &[(&str, Option<&str>)]) -> Vec<u8> {
    let object = |(key, id): &(&str, Option<&str>)| {
        let id = id.map_or(String::new(), |id| format!("<VersionId>{id}</VersionId>"));
        format!("<Object><Key>{key}</Key>{id}</Object>")
    };
    let objects: String = entries.iter().map(object).collect();
    format!("<Delete>{objects}</Delete>").into_bytes()
}

#[tokio::test]
async fn a_batch_of_deletes_tells_of_its_markers() {
    let server = start().await;
    let version = put(&server, "/drill/a", b"1")
        .await
        .header("x-amz-version-id")
        .to_owned();
    let made = ask(
        &server,
        "POST /drill?delete",
        &[],
        &batch(&[("a", None), ("b", None)]),
    )
    .await;
    let made = made.expect("an answer");
    assert_eq!(made.all("DeleteMarker"), ["true", "true"]);
    let ids = made.all("DeleteMarkerVersionId");
    assert_eq!((made.status, ids.len()), (200, 2));
    assert_eq!(made.all("VersionId"), [] as [&str; 0]);
    let entries = [
        ("a", Some(ids[0].as_str())),
        ("a", Some(&version)),
        ("a", Some("gone")),
    ];
    let removed = ask(&server, "POST /drill?delete", &[], &batch(&entries))
        .await
        .expect("an answer");
    assert_eq!(removed.all("DeleteMarkerVersionId"), [ids[0].clone()]);
    assert_eq!(removed.all("VersionId").len(), 3);
    assert_eq!(
        server.bucket("drill", |bucket| bucket.history("a").len()),
        Some(0)
    );
    let many = vec![("k", None); 1001];
    let refused = ask(&server, "POST /drill?delete", &[], &batch(&many))
        .await
        .expect("an answer");
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "MalformedXML")
    );
}

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
    let crc32_of_other = ask(
        &server,
        "PUT /drill/k",
        &[("x-amz-checksum-crc32", "0000")],
        b"other",
    )
    .await;
    assert_eq!(crc32_of_other.expect("an answer").status, 400);
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
    let patience = Duration::from_millis(300);
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
    let late = timeout(patience, ask(&server, "GET /drill/k", &[], b"")).await;
    assert_eq!(late.expect("in time").expect("an answer").text(), "new");
    assert_eq!(server.service().faults_fired(), [1; 4]);
}

#[tokio::test]
async fn listings_refuse_what_s3_refuses() {
    let server = start().await;
    for query in [
        "version-id-marker=x",
        "key-marker=k&version-id-marker=",
        "max-keys=-1",
        "max-keys=x",
        "encoding-type=x",
    ] {
        let refused = get(&server, &format!("/drill?versions&{query}")).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (400, "InvalidArgument"),
            "{query}"
        );
    }
    let refused = get(&server, "/drill?list-type=2&continuation-token=x").await;
    assert_eq!(refused.code(), "InvalidArgument");
    for key in ["a", "b/1", "b/2", "c"] {
        put(&server, &format!("/drill/{key}"), b"").await;
    }
    let first = get(&server, "/drill?list-type=2&delimiter=/&max-keys=2").await;
    assert_eq!(
        (first.all("Key"), first.all("KeyCount")),
        (vec!["a".to_owned()], vec!["2".to_owned()])
    );
    let token = first.all("NextContinuationToken").concat();
    let second = get(
        &server,
        &format!("/drill?list-type=2&delimiter=/&continuation-token={token}"),
    )
    .await;
    assert_eq!(
        (second.all("Key"), second.all("CommonPrefixes").len()),
        (vec!["c".to_owned()], 0)
    );
}
