//! HTTP/1.1 as far as the relay needs it: heads, bodies of a stated length, and S3's batch deletions.

use std::io::{self, BufRead, Read as _};

use firedrill_s3_mock::http::Address;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Uri};

/// One request or answer, as its bytes.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Everything up to the empty line, that included.
    pub(super) head: Vec<u8>,
    /// What came of its body.
    pub(super) body: Vec<u8>,
    /// Whether all of it came.
    pub(super) whole: bool,
}

impl Message {
    /// Reads the next one; none at the end of the stream.
    pub(super) fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut message = Self::default();
        loop {
            let before = message.head.len();
            if from.read_until(b'\n', &mut message.head)? == 0 {
                return Ok((before > 0).then_some(message));
            }
            if &message.head[before..] == b"\r\n" {
                break;
            }
        }
        let length = message.header("content-length");
        let length = length
            .and_then(|text| text.parse::<u64>().ok())
            .unwrap_or(0);
        from.take(length).read_to_end(&mut message.body)?;
        message.whole = message.body.len() as u64 == length;
        Ok(Some(message))
    }

    /// One header's value.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(&self.head).ok()?;
        head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Of an answer: whether it is a 200.
    pub(super) fn is_success(&self) -> bool {
        self.head.starts_with(b"HTTP/1.1 200")
    }

    /// Of a request: its place among the operations; none for what no fault and no kill strikes.
    pub(super) fn address(&self) -> Option<Address> {
        let head = std::str::from_utf8(&self.head).ok()?;
        let mut lines = head.lines();
        let mut words = lines.next()?.split(' ');
        let method = Method::from_bytes(words.next()?.as_bytes()).ok()?;
        let uri: Uri = words.next()?.parse().ok()?;
        let mut headers = HeaderMap::new();
        for line in lines {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            headers.append(name, HeaderValue::from_str(value.trim()).ok()?);
        }
        Address::of(&method, &uri, &headers)
    }

    /// Of a DeleteObjects or its answer: key and version id of each element of this name that has one.
    pub(super) fn versions(&self, element: &str) -> Vec<(String, String)> {
        let xml = String::from_utf8_lossy(&self.body);
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let pair = |text: &str| {
            let text = text.split(&close).next()?;
            Some((inside(text, "Key")?, inside(text, "VersionId")?))
        };
        xml.split(&open).skip(1).filter_map(pair).collect()
    }
}

/// The text of the first element of this name.
fn inside(xml: &str, element: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{element}>"))?;
    let (text, _) = rest.split_once(&format!("</{element}>"))?;
    let unescaped = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&amp;", "&");
    Some(unescaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firedrill_s3_mock::Operation;

    fn read(text: &str) -> Message {
        let read = Message::read(&mut text.as_bytes());
        read.expect("it is in memory").expect("it has a head")
    }

    #[test]
    fn a_request_is_read_to_its_stated_end_and_tells_its_address() {
        let text = "PUT /lake/t/a%20b HTTP/1.1\r\nHost: x\r\nX-Amz-Copy-Source: /lake/t/c\r\nContent-Length: 3\r\n\r\nabcGET";
        let message = read(text);
        assert!(message.whole);
        assert_eq!(message.body, b"abc");
        let address = message.address().expect("faults strike it");
        assert_eq!(address.operation, Operation::CopyObject);
        assert_eq!(address.key.as_deref(), Some("t/a b"));
        let cut = read("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc");
        assert!(cut.is_success() && !cut.whole);
        let torn = read("HTTP/1.1 200 OK\r\ncontent-le");
        assert!(!torn.whole);
        let end = Message::read(&mut "".as_bytes());
        assert!(end.expect("it is in memory").is_none());
    }

    #[test]
    fn a_batch_tells_its_keys_and_versions() {
        let body = "<DeleteResult><Deleted><Key>a&amp;b</Key><VersionId>v1</VersionId></Deleted><Error><Key>c</Key><VersionId>v2</VersionId></Error><Deleted><Key>d</Key></Deleted></DeleteResult>";
        let length = body.len();
        let message = read(&format!(
            "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}"
        ));
        let deleted = message.versions("Deleted");
        assert_eq!(deleted, [("a&b".to_owned(), "v1".to_owned())]);
    }
}
