//! Which operation and key a request is for, as a fault addresses it.

use hyper::{HeaderMap, Method, Uri};

use super::query::{Query, split_path};
use crate::Operation;

/// A request's place among the operations that a fault can strike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// What it asks for.
    pub operation: Operation,
    /// Of a listing its prefix; none for DeleteObjects and GetBucketVersioning.
    pub key: Option<String>,
    /// It removes one version by its id, and is met by faults of DeleteObjectVersion too.
    pub removes_version: bool,
}

impl Address {
    /// Of a request by its head; none: an operation that no fault strikes. For whoever lets something happen
    /// to a request before it reaches the server, too.
    pub fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        of(method, uri, headers)
    }
}

fn of(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<Address> {
    let (bucket, key) = split_path(uri.path())?;
    let query = Query::parse(uri.query());
    if bucket.is_empty() {
        return None;
    }
    if key.is_empty() {
        return of_bucket(method, &query);
    }
    let of_upload = query.has("uploadId") || query.has("uploads");
    let operation = match *method {
        Method::GET if !of_upload && !of_subresource(&query) => Operation::GetObject,
        Method::HEAD => Operation::HeadObject,
        Method::PUT if !of_upload && !of_subresource(&query) => {
            match headers.contains_key("x-amz-copy-source") {
                true => Operation::CopyObject,
                false => Operation::PutObject,
            }
        }
        Method::DELETE if !of_upload && !of_subresource(&query) => Operation::DeleteObject,
        _ => return None,
    };
    Some(Address {
        operation,
        key: Some(key),
        removes_version: operation == Operation::DeleteObject && query.has("versionId"),
    })
}

fn of_bucket(method: &Method, query: &Query) -> Option<Address> {
    let (operation, key) = match *method {
        Method::GET if query.has("versioning") => (Operation::GetBucketVersioning, None),
        Method::GET if is_version_listing(query) => (Operation::ListObjectVersions, Some("prefix")),
        Method::GET if is_object_listing(query) => (Operation::ListObjectsV2, Some("prefix")),
        Method::POST if query.has("delete") => (Operation::DeleteObjects, None),
        _ => return None,
    };
    let prefix = |name| query.get(name).unwrap_or_default().to_owned();
    Some(Address {
        operation,
        key: key.map(prefix),
        removes_version: false,
    })
}

/// `GET /bucket?versions`.
pub(super) fn is_version_listing(query: &Query) -> bool {
    query.has("versions")
}

/// `GET /bucket` without a subresource.
pub(super) fn is_object_listing(query: &Query) -> bool {
    const OURS: [&str; 10] = [
        "continuation-token",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "list-type",
        "marker",
        "max-keys",
        "prefix",
        "start-after",
        "x-id",
    ];
    query
        .names()
        .all(|name| OURS.contains(&name) || name.starts_with("X-Amz-"))
}

fn of_subresource(query: &Query) -> bool {
    const OTHERS: [&str; 6] = [
        "acl",
        "tagging",
        "retention",
        "legal-hold",
        "attributes",
        "torrent",
    ];
    OTHERS.iter().any(|name| query.has(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(method: &Method, uri: &str) -> Option<(Operation, Option<String>, bool)> {
        let uri: Uri = uri.parse().expect("a uri");
        let address = of(method, &uri, &HeaderMap::new())?;
        Some((address.operation, address.key, address.removes_version))
    }

    #[test]
    fn requests_have_the_addresses_that_faults_name() {
        let key = |key: &str| Some(key.to_owned());
        let cases = [
            (
                Method::GET,
                "/b/k%20k",
                Some((Operation::GetObject, key("k k"), false)),
            ),
            (
                Method::DELETE,
                "/b/k",
                Some((Operation::DeleteObject, key("k"), false)),
            ),
            (
                Method::DELETE,
                "/b/k?versionId=1",
                Some((Operation::DeleteObject, key("k"), true)),
            ),
            (
                Method::POST,
                "/b?delete",
                Some((Operation::DeleteObjects, None, false)),
            ),
            (
                Method::POST,
                "/b/?delete",
                Some((Operation::DeleteObjects, None, false)),
            ),
            (
                Method::GET,
                "/b?versions&prefix=a/",
                Some((Operation::ListObjectVersions, key("a/"), false)),
            ),
            (
                Method::GET,
                "/b/?list-type=2",
                Some((Operation::ListObjectsV2, key(""), false)),
            ),
            (
                Method::GET,
                "/b?versioning",
                Some((Operation::GetBucketVersioning, None, false)),
            ),
            (Method::GET, "/b?policy", None),
            (Method::PUT, "/b/k?partNumber=1&uploadId=u", None),
            (Method::PUT, "/b", None),
            (Method::GET, "/", None),
        ];
        for (method, uri, expected) in cases {
            assert_eq!(address(&method, uri), expected, "{uri}");
        }
    }
}
