//! A client that is nothing but a socket.

#![allow(dead_code, reason = "each test binary uses its part of it")]

use std::collections::BTreeMap;

use firedrill_s3_mock::Versioning;
use firedrill_s3_mock::http::Server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer: status, headers in lower case, body. A body that broke off is shorter than it was announced.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("these bodies are text")
    }

    /// The texts of all elements of this name, in the order of the document.
    pub(crate) fn all(&self, element: &str) -> Vec<String> {
        let text = self.text();
        let (open, close) = (format!("<{element}>"), format!("</{element}>"));
        let pieces = text.split(&open).skip(1);
        let inner = pieces.filter_map(|piece| piece.split_once(&close));
        inner.map(|(inner, _)| inner.to_owned()).collect()
    }

    pub(crate) fn code(&self) -> String {
        self.all("Code").concat()
    }
}

/// Sends one request. None: the connection ended without an answer.
pub(crate) async fn ask(
    server: &Server,
    request: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let mut stream = TcpStream::connect(server.address())
        .await
        .expect("it listens");
    // Signatures cover the host, so it is the same whatever port the server got.
    let mut head = format!("{request} HTTP/1.1\r\nhost: localhost:9000\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() || request.starts_with("PUT") || request.starts_with("POST") {
        head.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    stream.write_all(&bytes).await.expect("it reads");
    let mut answer = Vec::new();
    // A reset counts like an end: what came before it is looked at.
    let _ended = stream.read_to_end(&mut answer).await;
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8(answer[..end].to_vec()).expect("heads are text");
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let pairs = lines.filter_map(|line| line.split_once(": "));
    Some(Answer {
        status,
        headers: pairs
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect(),
        body: answer[end + 4..].to_vec(),
    })
}

pub(crate) async fn get(server: &Server, path: &str) -> Answer {
    ask(server, &format!("GET {path}"), &[], b"")
        .await
        .expect("an answer")
}

pub(crate) async fn put(server: &Server, path: &str, body: &[u8]) -> Answer {
    ask(server, &format!("PUT {path}"), &[], body)
        .await
        .expect("an answer")
}

pub(crate) async fn delete(server: &Server, path: &str) -> Answer {
    ask(server, &format!("DELETE {path}"), &[], b"")
        .await
        .expect("an answer")
}

pub(crate) async fn start() -> Server {
    let builder = Server::builder().bucket("drill", Versioning::Enabled);
    builder
        .start("127.0.0.1:0")
        .await
        .expect("there is a free port")
}

pub(crate) fn batch(entries: &[(&str, Option<&str>)]) -> Vec<u8> {
    let object = |(key, id): &(&str, Option<&str>)| {
        let id = id.map_or(String::new(), |id| format!("<VersionId>{id}</VersionId>"));
        format!("<Object><Key>{key}</Key>{id}</Object>")
    };
    let objects: String = entries.iter().map(object).collect();
    format!("<Delete>{objects}</Delete>").into_bytes()
}
