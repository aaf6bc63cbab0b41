//! The S3 client's way out: HTTP/1.1 over connections that a simulated network opens.
//!
//! A connection that has answered is used again, as a real client's pool does it. Nothing here waits longer
//! than it is told to: the limits are the S3 client's.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep};
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use firedrill_core::drill::planted;
use firedrill_driver::{Client, Settings};
use firedrill_s3_mock::Time;
use firedrill_s3_mock::http::Address;
use firedrill_sim::queue::Nanos;
use hyper::Uri;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderValue};
use hyper::http::Request;

use crate::BUCKET;
use crate::backstage::Handle;

/// A request on its way out.
pub(crate) type Outgoing = Request<SdkBody>;

/// How a connection comes about.
pub(crate) trait Dial: fmt::Debug + Send + Sync + 'static {
    /// The connection's bytes.
    type Io: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static;

    /// Opens one for this request; `refused` opens it where nobody listens.
    fn dial(&self, refused: bool) -> impl Future<Output = io::Result<Self::Io>> + Send;

    /// What this host and the server share.
    fn backstage(&self) -> &Handle;

    /// Time since the world's start.
    fn elapsed(&self) -> Nanos;
}

/// A driver's client over such connections.
pub(crate) fn client<D: Dial>(dial: D, patience: Duration) -> Client {
    let connector = Connector {
        dial: Arc::new(dial),
        idle: Idle::default(),
    };
    let clock = Clock(Arc::clone(&connector.dial));
    let connector = SharedHttpConnector::new(connector);
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client_fn(move |_, _| connector.clone()))
        .time_source(clock)
        .sleep_impl(SharedAsyncSleep::new(Timer))
        .endpoint_url("http://s3.test")
        .force_path_style(true)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("access", "secret", None, None, "drill"));
    Client::new(config, BUCKET, Settings { patience })
}

/// Simulated time for signatures.
#[derive(Debug)]
struct Clock<D>(Arc<D>);

impl<D: Dial> TimeSource for Clock<D> {
    fn now(&self) -> SystemTime {
        if planted("H1-01") {
            return machine_time();
        }
        let dial = &self.0;
        let Time(milliseconds) = dial.backstage().lock().wall(dial.elapsed());
        UNIX_EPOCH + Duration::from_millis(milliseconds.unsigned_abs())
    }
}

/// What the planted bug H1-01 reads: the double check must find it by the signatures.
#[allow(
    clippy::disallowed_methods,
    reason = "planted: a clock of the machine's, for the double check to find"
)]
fn machine_time() -> SystemTime {
    SystemTime::now()
}

/// Waits on the runtime that the client's own tasks are on.
#[derive(Debug)]
struct Timer;

impl AsyncSleep for Timer {
    fn sleep(&self, duration: Duration) -> Sleep {
        Sleep::new(tokio::time::sleep(duration))
    }
}

#[derive(Debug)]
struct Connector<D> {
    dial: Arc<D>,
    idle: Idle,
}

/// Connections that may be free.
#[derive(Debug, Clone, Default)]
struct Idle(Arc<Mutex<Vec<SendRequest<SdkBody>>>>);

impl Idle {
    /// One that is free. Those that are closed are forgotten.
    fn take(&self) -> Option<SendRequest<SdkBody>> {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        let free = idle.iter().position(SendRequest::is_ready)?;
        Some(idle.swap_remove(free))
    }

    fn put(&self, sender: SendRequest<SdkBody>) {
        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(sender);
    }
}

impl<D: Dial> HttpConnector for Connector<D> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(send(Arc::clone(&self.dial), self.idle.clone(), request))
    }
}

async fn send<D: Dial>(
    dial: Arc<D>,
    idle: Idle,
    request: HttpRequest,
) -> Result<HttpResponse, ConnectorError> {
    let user = |error: Box<dyn std::error::Error + Send + Sync>| ConnectorError::user(error);
    let request = request
        .try_into_http1x()
        .map_err(|error| user(error.into()))?;
    let request = origin_form(request).map_err(user)?;
    let refused = is_refused(&*dial, &request);
    let free = if refused { None } else { idle.take() };
    let mut sender = match free {
        Some(sender) => sender,
        None => {
            let opened = dial.dial(refused).await;
            let io = opened.map_err(|error| ConnectorError::io(error.into()))?;
            let shaken = handshake(io).await;
            let (sender, connection) = shaken.map_err(|error| ConnectorError::io(error.into()))?;
            tokio::spawn(async move {
                // Whoever waits for an answer hears of a broken connection.
                let _broken = connection.await;
            });
            sender
        }
    };
    let answer = sender.send_request(request).await;
    let answer = answer.map_err(|error| ConnectorError::io(error.into()))?;
    idle.put(sender);
    HttpResponse::try_from(answer.map(SdkBody::from_body_1_x))
        .map_err(|error| ConnectorError::other(error.into(), None))
}

/// Whether a fault refuses the connection of this request.
fn is_refused(dial: &impl Dial, request: &Outgoing) -> bool {
    let address = Address::of(request.method(), request.uri(), request.headers());
    address.is_some_and(|address| {
        let refusals = &mut dial.backstage().lock().refusals;
        let struck = refusals.strike(address.operation, address.key.as_deref());
        struck.is_some()
    })
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// As a request stands on an HTTP/1.1 connection: the host in a header, the target without it.
fn origin_form(mut request: Outgoing) -> Result<Outgoing, BoxError> {
    let authority = request.uri().authority().map(ToString::to_string);
    let host = HeaderValue::from_str(&authority.unwrap_or_default())?;
    request.headers_mut().insert(HOST, host);
    let target = request.uri().path_and_query().cloned();
    let mut parts = hyper::http::uri::Parts::default();
    parts.path_and_query = target;
    *request.uri_mut() = Uri::from_parts(parts)?;
    Ok(request)
}
