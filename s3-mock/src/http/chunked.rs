//! The `aws-chunked` encoding, for servers that take any signature: s3s decodes it only while checking one.
//!
//! ```text
//!  5;chunk-signature=…\r\n  hello\r\n  0;chunk-signature=…\r\n  x-amz-checksum-crc32:…\r\n  \r\n
//! ```

use bytes::{Bytes, BytesMut};
use hyper::HeaderMap;
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue};

/// Whether the body is encoded so.
pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let streaming =
        value("x-amz-content-sha256").is_some_and(|hash| hash.starts_with("STREAMING-"));
    streaming || value("content-encoding").is_some_and(|encoding| encoding.contains("aws-chunked"))
}

/// The decoded body; its trailers become headers. None: malformed, or cut short.
pub(super) fn decode(headers: &mut HeaderMap, mut body: &[u8]) -> Option<Bytes> {
    let mut decoded = BytesMut::new();
    loop {
        let line = take_line(&mut body)?;
        let size = line.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            break;
        }
        decoded.extend_from_slice(body.get(..size)?);
        body = body.get(size..)?.strip_prefix(b"\r\n")?;
    }
    while let Some(line) = take_line(&mut body).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    let stated = headers.remove("x-amz-decoded-content-length");
    let stated = stated.and_then(|stated| stated.to_str().ok()?.parse::<usize>().ok());
    if stated.is_some_and(|stated| stated != decoded.len()) {
        return None;
    }
    headers.remove("x-amz-content-sha256");
    headers.remove("x-amz-trailer");
    let inner = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let inner = inner.and_then(|value| HeaderValue::from_str(&without_ours(value)).ok());
    match inner.filter(|inner| !inner.is_empty()) {
        Some(inner) => headers.insert(CONTENT_ENCODING, inner),
        None => headers.remove(CONTENT_ENCODING),
    };
    headers.insert(CONTENT_LENGTH, HeaderValue::from(decoded.len()));
    Some(decoded.freeze())
}

fn without_ours(encodings: &str) -> String {
    let others = encodings.split(',').map(str::trim);
    others
        .filter(|name| *name != "aws-chunked")
        .collect::<Vec<_>>()
        .join(",")
}

fn take_line<'b>(body: &mut &'b [u8]) -> Option<&'b str> {
    let end = body.windows(2).position(|pair| pair == b"\r\n")?;
    let (line, rest) = body.split_at(end);
    *body = &rest[2..];
    std::str::from_utf8(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_and_trailers_are_decoded_and_a_cut_body_is_not() {
        let mut headers = HeaderMap::new();
        headers.insert(
            "x-amz-content-sha256",
            HeaderValue::from_static("STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        );
        headers.insert(
            "content-encoding",
            HeaderValue::from_static("aws-chunked, gzip"),
        );
        headers.insert(
            "x-amz-decoded-content-length",
            HeaderValue::from_static("7"),
        );
        assert!(is_chunked(&headers));
        let body =
            b"5;chunk-signature=0\r\nhe\r\no\r\n2\r\n!!\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n";
        assert_eq!(decode(&mut headers.clone(), &body[..20]), None);
        assert_eq!(
            decode(&mut headers, body).as_deref(),
            Some(&b"he\r\no!!"[..])
        );
        assert_eq!(headers["x-amz-checksum-crc32"], "AAAA");
        assert_eq!(headers["content-encoding"], "gzip");
        assert!(!is_chunked(&headers));
    }
}
