//! ListObjectVersions, ListObjects and ListObjectsV2, with XML of our own.
//!
//! s3s would write all delete markers and then all versions, and a reader could not tell which of a marker
//! and a version of one second came first. S3 writes them "in the order in which they were stored".

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::Extensions;
use hyper::{HeaderMap, Method, Uri};
use s3s::route::S3Route;
use s3s::{Body, S3Request, S3Response, S3Result};

use super::address::{is_object_listing, is_version_listing};
use super::answer::{iso_date, refuse};
use super::observer::Applied;
use super::query::{self, Query, split_path};
use super::state::Shared;
use super::xml::Xml;
use crate::{
    ListObjects, ListVersions, ListedEntry, ListedKind, ListedObject, ObjectPage, PAGE_SIZE_MAX,
    StorageClass, Time, VersionPage,
};

/// The route that takes listings away from s3s.
pub(super) struct Listings(pub(super) Arc<Shared>);

#[async_trait::async_trait]
impl S3Route for Listings {
    fn is_match(&self, method: &Method, uri: &Uri, _: &HeaderMap, _: &mut Extensions) -> bool {
        let of_bucket = split_path(uri.path())
            .is_some_and(|(bucket, key)| !bucket.is_empty() && key.is_empty());
        let query = Query::parse(uri.query());
        let listing = is_version_listing(&query) || is_object_listing(&query);
        *method == Method::GET && of_bucket && listing
    }

    async fn check_access(&self, request: &mut S3Request<Body>) -> S3Result<()> {
        if self.0.open || request.credentials.is_some() {
            return Ok(());
        }
        Err(refuse("AccessDenied", "Signature is required"))
    }

    async fn call(&self, request: S3Request<Body>) -> S3Result<S3Response<Body>> {
        let (bucket, _) = split_path(request.uri.path())
            .ok_or_else(|| refuse("InvalidURI", "Couldn't parse the specified URI."))?;
        let query = Query::parse(request.uri.query());
        let now = self.0.now();
        let shown = Shown::of(bucket, &query, &request.headers, now)?;
        let mut state = self.0.change();
        let bucket = state.bucket(&shown.bucket)?;
        let xml = if is_version_listing(&query) {
            let asked = version_request(&query, shown.max_keys)?;
            let page = bucket.list_versions(&asked);
            let applied = Applied::Listed {
                asked: &asked,
                page: &page,
            };
            state.tell(&shown.bucket, &applied);
            versions_xml(&shown, &asked, &page)
        } else if query.get("list-type") == Some("2") {
            let asked = object_request_v2(&query, shown.max_keys)?;
            objects_v2_xml(&shown, &asked, &query, &bucket.list_objects(&asked))
        } else {
            let asked = object_request_v1(&query, shown.max_keys);
            objects_v1_xml(&shown, &asked, &bucket.list_objects(&asked))
        };
        let mut response = S3Response::new(Body::from(xml));
        let xml_type = HeaderValue::from_static("application/xml");
        response.headers.insert(CONTENT_TYPE, xml_type);
        Ok(response)
    }
}

/// How a listing is to be shown.
struct Shown {
    bucket: String,
    max_keys: u32,
    url_encoded: bool,
    /// "Specifies the optional fields that you want returned in the response. Fields that you do not specify
    /// are not returned" (API reference, ListObjectVersions): when a restored copy expires.
    restore_expiry: Option<Time>,
    owner: bool,
}

/// A restored copy is said to last for so long.
const RESTORED_FOR_MS: i64 = 24 * 3600 * 1000;

impl Shown {
    fn of(bucket: String, query: &Query, headers: &HeaderMap, now: Time) -> S3Result<Self> {
        let argument = |message: &str| refuse("InvalidArgument", message);
        let max_keys = match query.get("max-keys").filter(|text| !text.is_empty()) {
            None => PAGE_SIZE_MAX,
            Some(text) => {
                let message = "Argument maxKeys must be an integer between 0 and 2147483647";
                let number = text
                    .parse::<i32>()
                    .ok()
                    .and_then(|number| u32::try_from(number).ok());
                number.ok_or_else(|| argument(message))?.min(PAGE_SIZE_MAX)
            }
        };
        let url_encoded = match query.get("encoding-type") {
            None | Some("") => false,
            Some("url") => true,
            Some(_) => return Err(argument("Invalid Encoding Method specified in Request")),
        };
        let attributes = headers.get("x-amz-optional-object-attributes");
        let attributes = attributes
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let restore = attributes
            .split(',')
            .any(|name| name.trim() == "RestoreStatus");
        let second_version = query.get("list-type") == Some("2");
        Ok(Self {
            bucket,
            max_keys,
            url_encoded,
            restore_expiry: restore.then_some(Time(now.0 + RESTORED_FOR_MS)),
            owner: !second_version || query.get("fetch-owner") == Some("true"),
        })
    }

    /// Writes a key or anything else that `encoding-type` speaks of: "Delimiter, KeyMarker, Prefix,
    /// NextKeyMarker, Key" (API reference, ListObjectVersions).
    fn key(&self, xml: &mut Xml, name: &str, key: &str) {
        match self.url_encoded {
            true => xml.element(name, &query::encode(key)),
            false => xml.element(name, key),
        }
    }

    fn optional_key(&self, xml: &mut Xml, name: &str, key: Option<&str>) {
        if let Some(key) = key {
            self.key(xml, name, key);
        }
    }

    fn tail(&self, xml: &mut Xml, delimiter: Option<&str>, truncated: bool) {
        xml.element("MaxKeys", &self.max_keys.to_string());
        self.optional_key(xml, "Delimiter", delimiter);
        if self.url_encoded {
            xml.element("EncodingType", "url");
        }
        // Always there: a client was seen to ask for the same page for ever without it.
        xml.element("IsTruncated", if truncated { "true" } else { "false" });
    }

    fn groups(&self, xml: &mut Xml, groups: &[String]) {
        for group in groups {
            xml.open("CommonPrefixes");
            self.key(xml, "Prefix", group);
            xml.close("CommonPrefixes");
        }
    }

    fn restore_status(&self, xml: &mut Xml, class: StorageClass, restored: bool) {
        if let Some(expiry) = self
            .restore_expiry
            .filter(|_| class.is_archive() && restored)
        {
            xml.open("RestoreStatus");
            xml.element("IsRestoreInProgress", "false");
            xml.element("RestoreExpiryDate", &iso_date(expiry));
            xml.close("RestoreStatus");
        }
    }

    fn owner(&self, xml: &mut Xml) {
        if self.owner {
            xml.open("Owner");
            xml.element("ID", super::operations::OWNER);
            xml.close("Owner");
        }
    }
}

fn version_request(query: &Query, max_keys: u32) -> S3Result<ListVersions> {
    let argument = |message: &str| refuse("InvalidArgument", message);
    let given = |name| query.get(name).filter(|value| !value.is_empty());
    let key_marker = given("key-marker");
    if query.get("version-id-marker") == Some("") {
        return Err(argument("A version-id marker cannot be empty."));
    }
    let version_id_marker = given("version-id-marker");
    if version_id_marker.is_some() && key_marker.is_none() {
        return Err(argument(
            "A version-id marker cannot be specified without a key marker.",
        ));
    }
    Ok(ListVersions {
        prefix: query.get("prefix").unwrap_or_default().to_owned(),
        delimiter: given("delimiter").map(str::to_owned),
        key_marker: key_marker.map(str::to_owned),
        version_id_marker: version_id_marker.map(str::to_owned),
        max_keys,
    })
}

fn versions_xml(shown: &Shown, asked: &ListVersions, page: &VersionPage) -> String {
    const ROOT: &str = "ListVersionsResult";
    let mut xml = Xml::document(ROOT);
    xml.element("Name", &shown.bucket);
    shown.key(&mut xml, "Prefix", &asked.prefix);
    shown.key(
        &mut xml,
        "KeyMarker",
        asked.key_marker.as_deref().unwrap_or_default(),
    );
    xml.element(
        "VersionIdMarker",
        asked.version_id_marker.as_deref().unwrap_or_default(),
    );
    shown.optional_key(&mut xml, "NextKeyMarker", page.next_key_marker.as_deref());
    if let Some(id) = &page.next_version_id_marker {
        xml.element("NextVersionIdMarker", id);
    }
    shown.tail(&mut xml, asked.delimiter.as_deref(), page.truncated);
    for entry in &page.entries {
        entry_xml(shown, &mut xml, entry);
    }
    shown.groups(&mut xml, &page.common_prefixes);
    xml.finish(ROOT)
}

fn entry_xml(shown: &Shown, xml: &mut Xml, entry: &ListedEntry) {
    let name = match entry.kind {
        ListedKind::Version { .. } => "Version",
        ListedKind::Marker => "DeleteMarker",
    };
    xml.open(name);
    shown.key(xml, "Key", &entry.key);
    xml.element("VersionId", &entry.version_id);
    xml.element("IsLatest", if entry.is_latest { "true" } else { "false" });
    xml.element("LastModified", &iso_date(entry.last_modified));
    if let ListedKind::Version {
        size,
        etag,
        storage_class,
        restored,
    } = &entry.kind
    {
        xml.element("ETag", etag);
        xml.element("Size", &size.to_string());
        xml.element("StorageClass", storage_class.as_str());
        shown.restore_status(xml, *storage_class, *restored);
    }
    shown.owner(xml);
    xml.close(name);
}

fn object_request_v1(query: &Query, max_keys: u32) -> ListObjects {
    let given = |name| query.get(name).filter(|value| !value.is_empty());
    ListObjects {
        prefix: query.get("prefix").unwrap_or_default().to_owned(),
        delimiter: given("delimiter").map(str::to_owned),
        after: given("marker").map(str::to_owned),
        max_keys,
    }
}

fn objects_v1_xml(shown: &Shown, asked: &ListObjects, page: &ObjectPage) -> String {
    const ROOT: &str = "ListBucketResult";
    let mut xml = Xml::document(ROOT);
    xml.element("Name", &shown.bucket);
    shown.key(&mut xml, "Prefix", &asked.prefix);
    shown.key(
        &mut xml,
        "Marker",
        asked.after.as_deref().unwrap_or_default(),
    );
    // "This element is returned only if you have the delimiter request parameter specified" (API reference,
    // ListObjects).
    let next = page.next.as_deref().filter(|_| asked.delimiter.is_some());
    shown.optional_key(&mut xml, "NextMarker", next);
    shown.tail(&mut xml, asked.delimiter.as_deref(), page.truncated);
    objects_xml(shown, &mut xml, page);
    xml.finish(ROOT)
}

/// "ContinuationToken is obfuscated and is not a real key" (API reference, ListObjectsV2): the key in hex.
fn object_request_v2(query: &Query, max_keys: u32) -> S3Result<ListObjects> {
    let mut asked = object_request_v1(query, max_keys);
    let given = |name| query.get(name).filter(|value| !value.is_empty());
    asked.after = given("start-after").map(str::to_owned);
    if let Some(token) = query.get("continuation-token") {
        let message = "The continuation token provided is incorrect";
        let key = token_key(token).ok_or_else(|| refuse("InvalidArgument", message))?;
        asked.after = Some(key);
    }
    Ok(asked)
}

fn token_key(token: &str) -> Option<String> {
    if token.is_empty() || !token.is_ascii() || !token.len().is_multiple_of(2) {
        return None;
    }
    let digits = |at: usize| u8::from_str_radix(&token[at..at + 2], 16).ok();
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(digits).collect();
    String::from_utf8(bytes?).ok()
}

fn objects_v2_xml(shown: &Shown, asked: &ListObjects, query: &Query, page: &ObjectPage) -> String {
    const ROOT: &str = "ListBucketResult";
    let mut xml = Xml::document(ROOT);
    xml.element("Name", &shown.bucket);
    shown.key(&mut xml, "Prefix", &asked.prefix);
    shown.optional_key(&mut xml, "StartAfter", query.get("start-after"));
    if let Some(token) = query.get("continuation-token") {
        xml.element("ContinuationToken", token);
    }
    if let Some(next) = &page.next {
        xml.element(
            "NextContinuationToken",
            &crate::bucket::hex(next.as_bytes()),
        );
    }
    let count = page.entries.len() + page.common_prefixes.len();
    xml.element("KeyCount", &count.to_string());
    shown.tail(&mut xml, asked.delimiter.as_deref(), page.truncated);
    objects_xml(shown, &mut xml, page);
    xml.finish(ROOT)
}

fn objects_xml(shown: &Shown, xml: &mut Xml, page: &ObjectPage) {
    for object in &page.entries {
        object_xml(shown, xml, object);
    }
    shown.groups(xml, &page.common_prefixes);
}

fn object_xml(shown: &Shown, xml: &mut Xml, object: &ListedObject) {
    xml.open("Contents");
    shown.key(xml, "Key", &object.key);
    xml.element("LastModified", &iso_date(object.last_modified));
    xml.element("ETag", &object.etag);
    xml.element("Size", &object.size.to_string());
    xml.element("StorageClass", object.storage_class.as_str());
    shown.restore_status(xml, object.storage_class, object.restored);
    shown.owner(xml);
    xml.close("Contents");
}
