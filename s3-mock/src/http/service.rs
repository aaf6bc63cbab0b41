//! The server without a socket: requests in, answers out, faults on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, DATE, HeaderValue, RANGE};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Uri};
use s3s::service::S3Service;
use s3s::{Body, S3Error};

use super::address::Address;
use super::answer::{http_date, refuse};
use super::state::Shared;
use super::{checksum, chunked, faults};
use crate::{Bucket, ByteRange, Fault, FaultPlan, Operation};

/// A fault broke the connection: there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a fault broke the connection")]
pub struct Broken;

/// The server without a socket. Cloning it gives another handle on the same buckets.
#[derive(Clone)]
pub struct Service {
    pub(super) shared: Arc<Shared>,
    pub(super) s3: S3Service,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl Service {
    /// Serves one connection until its client is done, over anything that carries bytes.
    ///
    /// # Errors
    /// The connection broke, by itself or by a fault.
    pub async fn serve_connection<I>(&self, io: I) -> Result<(), hyper::Error>
    where
        I: hyper::rt::Read + hyper::rt::Write + Unpin,
    {
        let service = service_fn(|request: Request<Incoming>| self.call(request.map(Body::from)));
        // hyper's own Date is the machine's clock.
        hyper::server::conn::http1::Builder::new()
            .auto_date_header(false)
            .serve_connection(io, service)
            .await
    }

    /// Answers one request.
    ///
    /// # Errors
    /// [`Broken`], where a fault says so: the caller is to drop the connection.
    pub async fn call(&self, request: Request<Body>) -> Result<Response<Body>, Broken> {
        let (head, body) = request.into_parts();
        let fault = self.strike(&head);
        if let Some(fault) = &fault
            && let Some(answer) = faults::before(&self.shared, fault).await
        {
            return answer.map(|response| self.stamped(response));
        }
        let performed = self.perform(head, body).await?;
        // Whatever this request saw or did may be nowhere but in memory.
        let performed = match self.shared.failure() {
            Some(why) => error_response(refuse("InternalError", why)),
            None => performed,
        };
        let response = self.stamped(performed);
        match &fault {
            Some(fault) => faults::after(&self.shared, fault, response).await,
            None => Ok(response),
        }
    }

    /// Looks at a bucket, or does to it what the API cannot; none: no such bucket.
    pub fn bucket<T>(&self, name: &str, look: impl FnOnce(&mut Bucket) -> T) -> Option<T> {
        let mut state = self.shared.change();
        let held = state.buckets.get_mut(name)?;
        Some(look(&mut held.bucket))
    }

    /// The names of all buckets.
    pub fn bucket_names(&self) -> Vec<String> {
        self.shared.look().buckets.keys().cloned().collect()
    }

    /// Takes these faults from now on, instead of those before.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.shared.tally().faults = FaultPlan::new(faults);
    }

    /// How many requests each fault has struck.
    pub fn faults_fired(&self) -> Vec<u64> {
        self.shared.tally().faults.fired()
    }

    /// How many requests came for each operation that a fault could strike; entries of DeleteObjects that
    /// name a version count as DeleteObjectVersion too.
    pub fn requests(&self) -> BTreeMap<Operation, u64> {
        self.shared.tally().requests.clone()
    }

    /// Counts the request, and finds the fault that strikes it.
    fn strike(&self, head: &Parts) -> Option<Fault> {
        let Address {
            operation,
            key,
            removes_version,
        } = Address::of(&head.method, &head.uri, &head.headers)?;
        let more = removes_version.then_some(Operation::DeleteObjectVersion);
        let mut struck = None;
        for operation in [Some(operation), more].into_iter().flatten() {
            let fault = self.shared.strike(operation, key.as_deref());
            struck = struck.or(fault);
        }
        self.shared.tell_struck(struck.as_ref());
        struck
    }

    /// Reads and checks the body, and hands the request to s3s.
    async fn perform(&self, mut head: Parts, mut body: Body) -> Result<Response<Body>, Broken> {
        // A body that breaks off means that the connection did.
        let bytes = body
            .store_all_limited(usize::MAX)
            .await
            .map_err(|_| Broken)?;
        let unreadable = head.headers.get(RANGE).is_some_and(|range| {
            let range = range.to_str().ok();
            range.and_then(ByteRange::parse).is_none()
        });
        if unreadable {
            head.headers.remove(RANGE);
        }
        let mut bytes = bytes;
        if self.shared.open {
            forget_signature(&mut head);
            if chunked::is_chunked(&head.headers) {
                match chunked::decode(&mut head.headers, &bytes) {
                    Some(decoded) => bytes = decoded,
                    None => {
                        let message = "The request body terminated unexpectedly";
                        return Ok(error_response(refuse("IncompleteBody", message)));
                    }
                }
            }
        }
        let carries_data = head.method == Method::PUT || is_batch_delete(&head);
        if carries_data
            && !chunked::is_chunked(&head.headers)
            && let Err(error) = checksum::verify(&head.headers, &bytes)
        {
            return Ok(error_response(error));
        }
        let request = Request::from_parts(head, Body::from(bytes));
        let answer = self.s3.call(request).await;
        Ok(answer
            .unwrap_or_else(|error| error_response(refuse("InternalError", &format!("{error:?}")))))
    }

    /// The headers that every answer has.
    fn stamped(&self, mut response: Response<Body>) -> Response<Body> {
        let now = self.shared.now();
        let request_id = {
            let mut tally = self.shared.tally();
            tally.requests_made += 1;
            format!("{:016X}", tally.requests_made)
        };
        let headers = response.headers_mut();
        if let Ok(date) = HeaderValue::from_str(&http_date(now)) {
            headers.insert(DATE, date);
        }
        if let Ok(id) = HeaderValue::from_str(&request_id) {
            headers.insert("x-amz-request-id", id);
        }
        headers.insert("server", HeaderValue::from_static("firedrill"));
        response
    }
}

fn is_batch_delete(head: &Parts) -> bool {
    let query = super::query::Query::parse(head.uri.query());
    head.method == Method::POST && query.has("delete")
}

/// Without a configured key any signature is taken: s3s refuses what it cannot check, so it does not see it.
fn forget_signature(head: &mut Parts) {
    head.headers.remove(AUTHORIZATION);
    let Some(query) = head.uri.query() else {
        return;
    };
    let of_signature = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        name.starts_with("X-Amz-") || ["AWSAccessKeyId", "Signature", "Expires"].contains(&name)
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !of_signature(pair))
        .collect();
    let path = head.uri.path();
    let stripped = match kept.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", kept.join("&")),
    };
    let mut parts = head.uri.clone().into_parts();
    if let Ok(path_and_query) = stripped.parse() {
        parts.path_and_query = Some(path_and_query);
    }
    if let Ok(uri) = Uri::from_parts(parts) {
        head.uri = uri;
    }
}

fn error_response(error: S3Error) -> Response<Body> {
    error.to_http_response().unwrap_or_else(|_| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
