//! From what a request met to what its sender may conclude: did it happen, may it have, what can be done.
//!
//! Two steps, so that the judgement is a table that can be tested without a server: [`symptom`] takes the
//! library's error apart, [`judge`] is a pure function of the symptom.
//!
//! The rule for writes: `Determinate` only where the server said in so many words that it did nothing, or
//! where nothing was sent. Everything else may have happened.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::dns::ResolveDnsError;
use firedrill_core::object::{Cause, Failure};

/// What a request met, in terms of HTTP and S3 alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Symptom {
    /// The request could not be built: nothing was sent.
    Unbuildable(String),
    /// There are no credentials to sign it with: nothing was sent.
    Unsigned(String),
    /// No connection came about: nothing was sent.
    Unconnected(String),
    /// The connection broke after something may have been sent.
    Broken(String),
    /// No answer came in time.
    TimedOut,
    /// An answer began and its body ended too early.
    Cut,
    /// An answer came that is not S3's.
    Unreadable(String),
    /// The server answered with an error.
    Answered(ErrorAnswer),
}

/// An error as S3 words it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct ErrorAnswer {
    /// HTTP status. 200 for a CopyObject or DeleteObjects that failed after its headers were sent.
    pub(crate) status: u16,
    /// S3's error code, where the answer has one.
    pub(crate) code: Option<String>,
    /// S3's words for people.
    pub(crate) message: Option<String>,
    /// `x-amz-bucket-region`: where the bucket is, on an answer that the request went to the wrong region.
    pub(crate) region: Option<String>,
    /// `x-amz-delete-marker: true`.
    pub(crate) marker: bool,
}

impl ErrorAnswer {
    /// Code and message as one text.
    fn words(&self) -> String {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) if !message.is_empty() => format!("{code}: {message}"),
            (Some(code), _) => code.clone(),
            (None, Some(message)) if !message.is_empty() => {
                format!("HTTP status {}: {message}", self.status)
            }
            (None, _) => format!("HTTP status {}, and no S3 error code", self.status),
        }
    }
}

/// What the sender of a request (`write`: one that changes the bucket) may conclude from `symptom`.
pub(crate) fn judge(write: bool, symptom: Symptom) -> Failure {
    match symptom {
        Symptom::Unbuildable(words) => Failure::Determinate(Cause::Other(words)),
        Symptom::Unsigned(words) => Failure::Determinate(Cause::Denied(words)),
        Symptom::Unconnected(words) => Failure::Determinate(Cause::Connection(words)),
        Symptom::Broken(words) => Failure::Indeterminate(Cause::Connection(words)),
        Symptom::TimedOut => Failure::Indeterminate(Cause::Timeout),
        Symptom::Cut => Failure::Indeterminate(Cause::BodyCut),
        Symptom::Unreadable(words) => Failure::Indeterminate(Cause::Other(words)),
        Symptom::Answered(answer) => {
            let doubtful = write && leaves_doubt(&answer);
            let cause = cause_of(&answer);
            if doubtful {
                Failure::Indeterminate(cause)
            } else {
                Failure::Determinate(cause)
            }
        }
    }
}

/// Whether a write that got this answer may have happened all the same. A server that throttles did
/// nothing; one that failed inside, or a proxy that lost its server, may have done it.
fn leaves_doubt(answer: &ErrorAnswer) -> bool {
    match answer.code.as_deref() {
        Some(code) if is_throttling(code) => false,
        Some("InternalError" | "ServiceUnavailable" | "OperationAborted") => true,
        _ => answer.status >= 500 && answer.status != 501,
    }
}

fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "SlowDown" | "Throttling" | "ThrottlingException" | "TooManyRequests" | "RequestTimeout"
    )
}

/// The cause, by S3's code first (S3 API reference, "Error responses"), then by status.
fn cause_of(answer: &ErrorAnswer) -> Cause {
    match answer.code.as_deref() {
        Some("NoSuchKey" | "NoSuchVersion") => return Cause::NotFound,
        Some("NoSuchBucket") => return Cause::NoSuchBucket,
        Some("InvalidObjectState" | "ObjectNotInActiveTierError") => return Cause::Archived,
        Some("PreconditionFailed" | "ConditionalRequestConflict") => {
            return Cause::PreconditionFailed;
        }
        Some("InternalError" | "ServiceUnavailable" | "OperationAborted") => {
            return Cause::Unavailable(answer.words());
        }
        Some(code) if is_throttling(code) => return Cause::Unavailable(answer.words()),
        // These come with status 400.
        Some("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired") => {
            return Cause::Denied(answer.words());
        }
        Some("PermanentRedirect" | "TemporaryRedirect" | "AuthorizationHeaderMalformed") => {
            return Cause::Other(with_region(answer));
        }
        _ => {}
    }
    match answer.status {
        // "If the specified version is a delete marker, the response returns a 405 … and the header
        // x-amz-delete-marker: true" (S3 API reference, GetObject).
        404 | 405 if answer.marker => Cause::NotFound,
        301 | 307 => Cause::Other(with_region(answer)),
        401 | 403 => Cause::Denied(answer.words()),
        412 => Cause::PreconditionFailed,
        429 | 500 | 502..=599 => Cause::Unavailable(answer.words()),
        // A 404 without S3's code is no statement about an object: a proxy or another service says so.
        _ => Cause::Other(answer.words()),
    }
}

fn with_region(answer: &ErrorAnswer) -> String {
    match &answer.region {
        Some(region) => format!("the bucket is in the region {region}: ask for that region"),
        None => answer.words(),
    }
}

/// Takes the library's error apart.
pub(crate) fn symptom<E>(error: &SdkError<E, HttpResponse>) -> Symptom
where
    E: ProvideErrorMetadata + Error + 'static,
{
    if let Some(words) = credentials_missing(error) {
        return Symptom::Unsigned(words);
    }
    match error {
        SdkError::ConstructionFailure(_) => Symptom::Unbuildable(words_of(error)),
        SdkError::TimeoutError(_) => Symptom::TimedOut,
        SdkError::DispatchFailure(failure) => {
            if is_never_connected(error) {
                Symptom::Unconnected(words_of(error))
            } else if failure.is_timeout() {
                Symptom::TimedOut
            } else if failure.is_user() {
                Symptom::Unbuildable(words_of(error))
            } else {
                Symptom::Broken(words_of(error))
            }
        }
        SdkError::ResponseError(_) => {
            if comes_from_below(error) {
                Symptom::Cut
            } else {
                Symptom::Unreadable(words_of(error))
            }
        }
        SdkError::ServiceError(service) => {
            let headers = service.raw().headers();
            Symptom::Answered(ErrorAnswer {
                status: service.raw().status().as_u16(),
                code: service.err().code().map(str::to_owned),
                message: service.err().message().map(str::to_owned),
                region: headers.get("x-amz-bucket-region").map(str::to_owned),
                marker: headers.get("x-amz-delete-marker") == Some("true"),
            })
        }
        _ => Symptom::Broken(words_of(error)),
    }
}

/// What a body met that stopped arriving.
pub(crate) fn body_symptom(error: &(dyn Error + 'static)) -> Symptom {
    if comes_from_below(error) {
        Symptom::Cut
    } else {
        Symptom::Unreadable(words_of(error))
    }
}

/// Why there are no credentials, if that is what is wrong.
fn credentials_missing(error: &(dyn Error + 'static)) -> Option<String> {
    use aws_credential_types::provider::error::CredentialsError;
    let found = chain(error).find_map(|cause| cause.downcast_ref::<CredentialsError>())?;
    Some(match found {
        CredentialsError::CredentialsNotLoaded(_) => "no credentials were found".to_owned(),
        other => format!("no credentials could be had: {}", words_of(other)),
    })
}

/// Whether the connection was never there, so that nothing can have been sent.
fn is_never_connected(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| {
        cause.is::<ResolveDnsError>()
            || cause
                .downcast_ref::<hyper_util::client::legacy::Error>()
                .is_some_and(hyper_util::client::legacy::Error::is_connect)
            || cause.downcast_ref::<std::io::Error>().is_some_and(|io| {
                use std::io::ErrorKind as Kind;
                matches!(
                    io.kind(),
                    Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable
                )
            })
    })
}

/// Whether a body failed in the transport, not in its meaning.
fn comes_from_below(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.is::<hyper::Error>() || cause.is::<std::io::Error>())
}

/// The error's innermost words: the outer ones only say "dispatch failure".
fn words_of(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = chain(error).map(ToString::to_string).collect();
    let mut words = String::new();
    for text in texts.iter().rev().take(2).rev() {
        if !words.contains(text.as_str()) {
            if !words.is_empty() {
                words.push_str(": ");
            }
            words.push_str(text);
        }
    }
    words
}

/// An error and what it came from.
fn chain<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> + 'a {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let cause = next?;
        next = cause.source();
        Some(cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, code: &str) -> Symptom {
        Symptom::Answered(ErrorAnswer {
            status,
            code: (!code.is_empty()).then(|| code.to_owned()),
            ..ErrorAnswer::default()
        })
    }

    /// What is expected of a row: the cause, and whether a write stays in doubt.
    fn check(status: u16, code: &str, expected: fn(&Cause) -> bool, write_in_doubt: bool) {
        for write in [false, true] {
            let failure = judge(write, answered(status, code));
            assert!(
                expected(failure.cause()),
                "{status} {code:?} gave {failure:?}"
            );
            let doubt = matches!(failure, Failure::Indeterminate(_));
            assert_eq!(
                doubt,
                write && write_in_doubt,
                "{status} {code:?}, write {write}: {failure:?}"
            );
        }
    }

    #[test]
    fn each_error_answer_leads_to_what_can_be_done_about_it() {
        let denied: fn(&Cause) -> bool = |cause| matches!(cause, Cause::Denied(_));
        let unavailable: fn(&Cause) -> bool = |cause| matches!(cause, Cause::Unavailable(_));
        let other: fn(&Cause) -> bool = |cause| matches!(cause, Cause::Other(_));
        let not_found: fn(&Cause) -> bool = |cause| *cause == Cause::NotFound;
        let precondition: fn(&Cause) -> bool = |cause| *cause == Cause::PreconditionFailed;

        check(404, "NoSuchKey", not_found, false);
        check(404, "NoSuchVersion", not_found, false);
        check(
            404,
            "NoSuchBucket",
            |cause| *cause == Cause::NoSuchBucket,
            false,
        );
        check(404, "NotFound", other, false);
        check(404, "", other, false);
        check(403, "AccessDenied", denied, false);
        check(403, "SignatureDoesNotMatch", denied, false);
        check(403, "InvalidAccessKeyId", denied, false);
        check(403, "RequestTimeTooSkewed", denied, false);
        check(401, "", denied, false);
        check(403, "", denied, false);
        check(400, "ExpiredToken", denied, false);
        check(
            403,
            "InvalidObjectState",
            |cause| *cause == Cause::Archived,
            false,
        );
        check(412, "PreconditionFailed", precondition, false);
        check(412, "", precondition, false);
        check(409, "ConditionalRequestConflict", precondition, false);
        check(409, "BucketNotEmpty", other, false);
        check(409, "OperationAborted", unavailable, true);
        check(503, "SlowDown", unavailable, false);
        check(200, "SlowDown", unavailable, false);
        check(429, "TooManyRequests", unavailable, false);
        check(400, "RequestTimeout", unavailable, false);
        check(500, "InternalError", unavailable, true);
        check(200, "InternalError", unavailable, true);
        check(503, "ServiceUnavailable", unavailable, true);
        check(502, "", unavailable, true);
        check(504, "", unavailable, true);
        check(501, "NotImplemented", other, false);
        check(400, "MalformedXML", other, false);
    }

    #[test]
    fn a_405_is_not_found_only_where_a_delete_marker_is_named() {
        let bare = ErrorAnswer {
            status: 405,
            code: Some("MethodNotAllowed".to_owned()),
            ..ErrorAnswer::default()
        };
        let marker = ErrorAnswer {
            marker: true,
            ..bare.clone()
        };
        assert!(matches!(cause_of(&bare), Cause::Other(_)));
        assert_eq!(cause_of(&marker), Cause::NotFound);
    }

    #[test]
    fn only_what_was_never_sent_is_sure_not_to_have_happened() {
        for write in [false, true] {
            for (symptom, determinate) in [
                (Symptom::Unbuildable("x".into()), true),
                (Symptom::Unsigned("x".into()), true),
                (Symptom::Unconnected("x".into()), true),
                (Symptom::Broken("x".into()), false),
                (Symptom::TimedOut, false),
                (Symptom::Cut, false),
                (Symptom::Unreadable("x".into()), false),
            ] {
                let failure = judge(write, symptom.clone());
                assert_eq!(
                    matches!(failure, Failure::Determinate(_)),
                    determinate,
                    "{symptom:?}: {failure:?}"
                );
            }
        }
    }

    #[test]
    fn the_wrong_region_is_answered_with_the_right_one() {
        let answer = ErrorAnswer {
            status: 301,
            code: Some("PermanentRedirect".to_owned()),
            region: Some("eu-west-1".to_owned()),
            ..ErrorAnswer::default()
        };
        assert_eq!(
            cause_of(&answer),
            Cause::Other("the bucket is in the region eu-west-1: ask for that region".to_owned())
        );
    }

    #[test]
    fn the_words_of_an_answer_are_the_servers() {
        let answer = ErrorAnswer {
            status: 403,
            code: Some("AccessDenied".to_owned()),
            message: Some("not you".to_owned()),
            ..ErrorAnswer::default()
        };
        assert_eq!(
            cause_of(&answer),
            Cause::Denied("AccessDenied: not you".to_owned())
        );
    }
}
