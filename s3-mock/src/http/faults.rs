//! What a fault does to a request over HTTP.
//!
//! ```text
//!  effect \ position   Before (never applied)    During (applied)              After (applied)
//!  status 503 500 403  answered at once          a copy: 200 with the error    answered instead of the truth
//!                                                inside, not applied; else
//!                                                as After
//!  timeout             never answers             headers, then nothing         never answers
//!  reset               connection drops          body cut after n bytes        connection drops
//!  slow                waits, then applies       applies, waits, answers       as During
//! ```

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use s3s::Body;

use super::Broken;
use super::state::Shared;
use crate::{Effect, Fault, Operation, Position};

/// Before the operation. Some: the answer, and the operation never happens.
pub(super) async fn before(
    shared: &Shared,
    fault: &Fault,
) -> Option<Result<Response<Body>, Broken>> {
    let embedded = fault.position == Position::During && fault.operation == Operation::CopyObject;
    if fault.position != Position::Before {
        let status = status_of(fault.effect).filter(|_| embedded);
        return status.map(|status| {
            // "If the error occurs during the copy operation, the error response is embedded in the 200 OK
            // response" (API reference, CopyObject).
            let mut response = error(status);
            *response.status_mut() = StatusCode::OK;
            Ok(response)
        });
    }
    match fault.effect {
        Effect::Slow { delay_ms } => {
            shared.wait(delay_ms).await;
            None
        }
        Effect::Timeout => std::future::pending().await,
        Effect::Reset { .. } => Some(Err(Broken)),
        Effect::Unavailable | Effect::InternalError | Effect::Denied => {
            status_of(fault.effect).map(|status| Ok(error(status)))
        }
    }
}

/// After the operation: what becomes of its answer.
pub(super) async fn after(
    shared: &Shared,
    fault: &Fault,
    response: Response<Body>,
) -> Result<Response<Body>, Broken> {
    match (fault.position, fault.effect) {
        (Position::Before, _) => Ok(response),
        (_, Effect::Slow { delay_ms }) => {
            shared.wait(delay_ms).await;
            Ok(response)
        }
        (Position::During, Effect::Reset { after_bytes }) => {
            cut(response, after_bytes, End::Break).await
        }
        (Position::During, Effect::Timeout) => cut(response, 0, End::Stall).await,
        (Position::After, Effect::Reset { .. }) => Err(Broken),
        (Position::After, Effect::Timeout) => std::future::pending().await,
        (_, Effect::Unavailable | Effect::InternalError | Effect::Denied) => {
            Ok(status_of(fault.effect).map_or(response, error))
        }
    }
}

/// S3's code, status and words.
pub(super) type Refusal = (&'static str, StatusCode, &'static str);

/// Of an effect that is an answer.
pub(super) fn status_of(effect: Effect) -> Option<Refusal> {
    match effect {
        Effect::Unavailable => Some((
            "SlowDown",
            StatusCode::SERVICE_UNAVAILABLE,
            "Please reduce your request rate.",
        )),
        Effect::InternalError => Some((
            "InternalError",
            StatusCode::INTERNAL_SERVER_ERROR,
            "We encountered an internal error. Please try again.",
        )),
        Effect::Denied => Some(("AccessDenied", StatusCode::FORBIDDEN, "Access Denied")),
        Effect::Timeout | Effect::Reset { .. } | Effect::Slow { .. } => None,
    }
}

fn error((code, status, message): Refusal) -> Response<Body> {
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut response = Response::new(Body::from(xml));
    *response.status_mut() = status;
    let xml_type = HeaderValue::from_static("application/xml");
    response.headers_mut().insert(CONTENT_TYPE, xml_type);
    response
}

/// Announces the whole body and sends a part of it. Where the body is no longer than that part, the
/// connection drops before the answer, so that the fault is always felt.
async fn cut(
    response: Response<Body>,
    after_bytes: u64,
    end: End,
) -> Result<Response<Body>, Broken> {
    let (mut head, mut body) = response.into_parts();
    let whole = body
        .store_all_limited(usize::MAX)
        .await
        .map_err(|_| Broken)?;
    let kept = usize::try_from(after_bytes).unwrap_or(usize::MAX);
    if kept >= whole.len() && matches!(end, End::Break) {
        return Err(Broken);
    }
    head.headers
        .insert(CONTENT_LENGTH, HeaderValue::from(whole.len()));
    let part = Some(whole.slice(..kept.min(whole.len()))).filter(|part| !part.is_empty());
    Ok(Response::from_parts(
        head,
        Body::http_body(Cut {
            part,
            flushed: false,
            end,
        }),
    ))
}

enum End {
    Break,
    Stall,
}

/// A body that ends too early.
struct Cut {
    part: Option<Bytes>,
    /// hyper drops what it has not flushed when a body breaks, and flushes when a body is not ready: so this
    /// one is not ready once before it breaks.
    flushed: bool,
    end: End,
}

impl hyper::body::Body for Cut {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match (self.part.take(), &self.end) {
            (Some(part), _) => Poll::Ready(Some(Ok(Frame::data(part)))),
            (None, End::Break) if self.flushed => Poll::Ready(Some(Err(Broken))),
            (None, End::Break) => {
                self.flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            (None, End::Stall) => Poll::Pending,
        }
    }
}
