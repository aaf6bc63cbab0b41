//! Pages as a bucket writes them, and as it must never write them.

use super::*;

fn page(inner: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListVersionsResult \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>{inner}</ListVersionsResult>"
    )
}

const LAST: &str = "<IsTruncated>false</IsTruncated>";

fn version(key: &str, id: &str, more: &str) -> String {
    format!(
        "<Version><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>false</IsLatest>\
         <LastModified>2026-11-21T03:26:07.000Z</LastModified><ETag>&quot;e{id}&quot;</ETag>\
         <Size>7</Size><Owner><ID>o</ID></Owner>{more}</Version>"
    )
}

fn marker(key: &str, id: &str) -> String {
    format!(
        "<DeleteMarker><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>true</IsLatest>\
         <LastModified>2026-11-21T03:26:07.000Z</LastModified></DeleteMarker>"
    )
}

fn ids(listing: &VersionListing) -> Vec<&str> {
    let ids = listing.entries.iter();
    ids.map(|(_, entry)| entry.id().as_str()).collect()
}

#[test]
fn versions_and_markers_of_one_second_keep_their_order() {
    let body = page(&format!(
        "{LAST}{}{}{}{}",
        version("k", "1", ""),
        marker("k", "2"),
        version("k", "3", ""),
        marker("k", "4"),
    ));
    let listing = parse_version_listing(&body).expect("a whole page");
    assert_eq!(ids(&listing), ["1", "2", "3", "4"]);
    assert!(listing.next.is_none());
    let (key, entry) = &listing.entries[0];
    assert_eq!(key.as_str(), "k");
    let first = entry.version().expect("a version");
    assert_eq!(first.etag.as_str(), "\"e1\"");
    assert_eq!(first.size, 7);
    assert_eq!(
        first.last_modified.to_rfc3339(),
        "2026-11-21T03:26:07Z".to_owned()
    );
}

#[test]
fn url_encoded_keys_are_decoded_and_others_are_not() {
    let encoded = page(&format!(
        "<EncodingType>url</EncodingType>{LAST}{}",
        version("a%01+b%2Bc%C3%A9", "1", "")
    ));
    let listing = parse_version_listing(&encoded).expect("a whole page");
    assert_eq!(listing.entries[0].0.as_str(), "a\u{1} b+c\u{e9}");

    let plain = page(&format!("{LAST}{}", version("a+b%2B&amp;", "1", "")));
    let listing = parse_version_listing(&plain).expect("a whole page");
    assert_eq!(listing.entries[0].0.as_str(), "a+b%2B&");
}

#[test]
fn the_next_page_starts_where_the_page_says_or_behind_its_last_entry() {
    let said = page(&format!(
        "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
         <NextKeyMarker>k+1</NextKeyMarker><NextVersionIdMarker>v</NextVersionIdMarker>{}",
        marker("k+1", "v")
    ));
    let next = parse_version_listing(&said).expect("a whole page").next;
    let next = next.expect("another page");
    assert_eq!(next.key.as_str(), "k 1");
    assert_eq!(next.version.expect("a version marker").as_str(), "v");

    let unsaid = page(&format!(
        "<IsTruncated>true</IsTruncated>{}",
        marker("k", "v")
    ));
    let next = parse_version_listing(&unsaid).expect("a whole page").next;
    assert_eq!(
        next,
        Some(Cursor {
            key: Key::from("k"),
            version: Some(VersionId::from("v"))
        })
    );
}

#[test]
fn archived_is_what_lies_in_an_archive_and_was_not_restored() {
    let class = |class: &str, restore: &str| {
        let body = page(&format!(
            "{LAST}{}",
            version(
                "k",
                "1",
                &format!("<StorageClass>{class}</StorageClass>{restore}")
            )
        ));
        let listing = parse_version_listing(&body).expect("a whole page");
        listing.entries[0].1.version().expect("a version").archived
    };
    let restored = "<RestoreStatus><IsRestoreInProgress>false</IsRestoreInProgress>\
                    <RestoreExpiryDate>2027-01-01T00:00:00.000Z</RestoreExpiryDate></RestoreStatus>";
    let restoring =
        "<RestoreStatus><IsRestoreInProgress>true</IsRestoreInProgress></RestoreStatus>";
    assert!(!class("STANDARD", ""));
    assert!(!class("GLACIER_IR", ""));
    assert!(class("GLACIER", ""));
    assert!(class("DEEP_ARCHIVE", restoring));
    assert!(!class("GLACIER", restored));
}

#[test]
fn what_is_not_a_whole_listing_is_an_error() {
    let whole = page(&format!("{LAST}{}", version("k", "1", "")));
    for length in 0..whole.len() {
        assert!(
            parse_version_listing(&whole[..length]).is_err(),
            "the first {length} bytes of a page were taken for a page"
        );
    }
    for (body, expected) in [
        (
            "<html></html>".to_owned(),
            ListingError::NotAListing("html".into()),
        ),
        (page(""), ListingError::Missing("IsTruncated")),
        (
            page("<IsTruncated>true</IsTruncated>"),
            ListingError::Missing("NextKeyMarker"),
        ),
        (
            page(&format!(
                "{LAST}{}",
                version("k", "1", "").replace(">7<", ">-7<")
            )),
            ListingError::Invalid {
                field: "Size",
                value: "-7".into(),
            },
        ),
        (
            page(&format!(
                "<EncodingType>url</EncodingType>{LAST}{}",
                marker("k%4", "1")
            )),
            ListingError::Invalid {
                field: "Key",
                value: "k%4".into(),
            },
        ),
    ] {
        assert_eq!(parse_version_listing(&body), Err(expected), "{body}");
    }
}
