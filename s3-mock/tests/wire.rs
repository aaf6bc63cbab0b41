//! Listings, markers and batches over real HTTP, by a client that is nothing but a socket.

#![cfg(feature = "http")]

mod client;

use client::{Answer, ask, batch, delete, get, put, start};
use firedrill_s3_mock::http::Server;
use firedrill_s3_mock::{PutOptions, Time, Versioning};

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
