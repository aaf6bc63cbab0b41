//! What a fault means for one request: when it arrives, whether it is applied, what its sender hears.
//!
//! ```text
//!  position   503            500             403      timeout       reset                slow
//!  Before     not applied    not applied     denied   request lost  refused, no effect   arrives late
//!  During     as After       as After        denied   as After      body cut (reads)     as After
//!  After      applied, 500   applied, 500    denied   answer lost   applied, broken off  answered late
//! ```
//!
//! A 503 says that nothing happened. A 500, a broken connection and silence say nothing, so the sender of
//! a write hears `Indeterminate`.

use firedrill_core::object::{Cause, Failure, Operation, Request};
use firedrill_s3_mock as mock;
use firedrill_s3_mock::{Effect, Fault, Position};

use crate::queue::Nanos;

/// A request's way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// Longer on the way to the bucket, nanoseconds.
    pub late_there: Nanos,
    /// Longer on the way back, nanoseconds.
    pub late_back: Nanos,
    /// Whether the bucket performs it.
    pub applied: bool,
    /// What its sender hears.
    pub answer: AnswerFate,
}

/// What a sender hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerFate {
    /// What the bucket answered.
    Honest,
    /// Nothing, until its patience ends.
    Silence,
    /// This, whatever the bucket answered.
    Instead(Failure),
    /// The body's first bytes only.
    Cut(u64),
}

impl Fate {
    /// Nothing strikes.
    pub fn good() -> Self {
        Self {
            late_there: 0,
            late_back: 0,
            applied: true,
            answer: AnswerFate::Honest,
        }
    }

    /// What this fault does to this request.
    pub fn of(fault: &Fault, request: &Request) -> Self {
        let before = fault.position == Position::Before;
        let (applied, answer) = match fault.effect {
            Effect::Slow { delay_ms } => return Self::slow(before, delay_ms),
            Effect::Denied => {
                let denied = Cause::Denied("AccessDenied".into());
                (false, AnswerFate::Instead(Failure::Determinate(denied)))
            }
            Effect::Timeout => (!before, AnswerFate::Silence),
            Effect::Unavailable if before => {
                let busy = Cause::Unavailable("503 SlowDown".into());
                (false, AnswerFate::Instead(Failure::Determinate(busy)))
            }
            Effect::Unavailable | Effect::InternalError => {
                let broken = Cause::Unavailable("500 InternalError".into());
                (!before, AnswerFate::Instead(unsure(request, broken)))
            }
            Effect::Reset { after_bytes } => match (fault.position, request) {
                (Position::Before, _) => {
                    let refused = Cause::Connection("refused".into());
                    (false, AnswerFate::Instead(Failure::Determinate(refused)))
                }
                (Position::During, Request::Read { .. } | Request::Digest { .. }) => {
                    (true, AnswerFate::Cut(after_bytes))
                }
                (position, _) => {
                    let reset = Cause::Connection("reset by peer".into());
                    let applied = position == Position::After;
                    (applied, AnswerFate::Instead(unsure(request, reset)))
                }
            },
        };
        Self {
            late_there: 0,
            late_back: 0,
            applied,
            answer,
        }
    }

    fn slow(there: bool, delay_ms: u64) -> Self {
        let delay = delay_ms * 1_000_000;
        Self {
            late_there: if there { delay } else { 0 },
            late_back: if there { 0 } else { delay },
            ..Self::good()
        }
    }
}

/// A failure that says nothing about the effect of a write; a read has none.
fn unsure(request: &Request, cause: Cause) -> Failure {
    if request.is_write() {
        Failure::Indeterminate(cause)
    } else {
        Failure::Determinate(cause)
    }
}

/// A fault's address for a request: S3's operation, and the key or listed prefix.
pub fn address(request: &Request) -> (mock::Operation, Option<&str>) {
    let operation = match request.operation() {
        Operation::GetBucketVersioning => mock::Operation::GetBucketVersioning,
        Operation::ListObjectVersions => mock::Operation::ListObjectVersions,
        Operation::GetObject => mock::Operation::GetObject,
        Operation::DeleteObjects => mock::Operation::DeleteObjects,
        Operation::CopyObject => mock::Operation::CopyObject,
        Operation::PutObject => mock::Operation::PutObject,
    };
    let key = match request {
        Request::GetVersioning | Request::RemoveMarkers { .. } => None,
        Request::ListVersions { prefix, .. } => Some(prefix.as_str()),
        Request::Read { key, .. }
        | Request::Digest { key, .. }
        | Request::Copy { key, .. }
        | Request::Put { key, .. } => Some(key.as_str()),
    };
    (operation, key)
}
