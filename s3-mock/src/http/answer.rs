//! From the model's answers and refusals to s3s's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hyper::header::{
    CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED,
};
use s3s::dto::{ETag, Timestamp, TimestampFormat};
use s3s::{S3Error, S3ErrorCode};

use crate::{Error, Time};

/// The model's refusal with S3's code, status and headers.
pub(super) fn refusal(error: &Error) -> S3Error {
    let mut headers = vec![(CONTENT_TYPE, "application/xml".to_owned())];
    match error {
        Error::NoSuchKey { marker: Some(id) } => headers.extend(marker_headers(id)),
        Error::MarkerNotReadable {
            version_id,
            last_modified,
        } => {
            headers.extend(marker_headers(version_id));
            headers.push((LAST_MODIFIED, http_date(*last_modified)));
            headers.push((HeaderName::from_static("allow"), "DELETE".to_owned()));
        }
        Error::InvalidRange { size } => headers.push((CONTENT_RANGE, format!("bytes */{size}"))),
        Error::NotModified {
            etag,
            last_modified,
        } => {
            headers.push((ETAG, etag.clone()));
            headers.push((LAST_MODIFIED, http_date(*last_modified)));
        }
        _ => {}
    }
    let mut refusal = refuse(error.code(), &error.to_string());
    if let Ok(status) = hyper::StatusCode::from_u16(error.status()) {
        refusal.set_status_code(status);
    }
    let valid =
        |(name, value): (HeaderName, String)| Some((name, HeaderValue::from_str(&value).ok()?));
    refusal.set_headers(headers.into_iter().filter_map(valid).collect::<HeaderMap>());
    refusal
}

/// A refusal by its code.
pub(super) fn refuse(code: &str, message: &str) -> S3Error {
    let code = S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InternalError);
    S3Error::with_message(code, message.to_owned())
}

fn marker_headers(id: &str) -> [(HeaderName, String); 2] {
    [
        (
            HeaderName::from_static("x-amz-delete-marker"),
            "true".to_owned(),
        ),
        (HeaderName::from_static("x-amz-version-id"), id.to_owned()),
    ]
}

/// A tag, which s3s wants without its quotes.
pub(super) fn tag(etag: &str) -> ETag {
    ETag::Strong(etag.trim_matches('"').to_owned())
}

/// A moment as s3s takes it.
pub(super) fn timestamp(time: Time) -> Timestamp {
    let distance = Duration::from_millis(time.0.unsigned_abs());
    let moment = match time.0 {
        0.. => UNIX_EPOCH.checked_add(distance),
        _ => UNIX_EPOCH.checked_sub(distance),
    };
    Timestamp::from(moment.unwrap_or(SystemTime::UNIX_EPOCH))
}

/// The other way round.
pub(super) fn time(timestamp: Timestamp) -> Time {
    let moment = time::OffsetDateTime::from(timestamp);
    let milliseconds = moment.unix_timestamp_nanos().div_euclid(1_000_000);
    Time(i64::try_from(milliseconds).unwrap_or(i64::MAX))
}

/// `Wed, 01 Mar 2006 12:00:00 GMT`.
pub(super) fn http_date(time: Time) -> String {
    format(time, TimestampFormat::HttpDate)
}

/// `2006-03-01T12:00:00.000Z`, of the whole second.
pub(super) fn iso_date(time: Time) -> String {
    format(time.truncated(), TimestampFormat::DateTime)
}

fn format(time: Time, format: TimestampFormat) -> String {
    let mut text = Vec::new();
    let written = timestamp(time).format(format, &mut text);
    written.expect("years from 1970 to 9999 can be written, and a Vec takes everything");
    String::from_utf8(text).expect("dates are ASCII")
}
