//! A temporary folder for a server, requests to it within the process, and its log seen from outside.

use std::path::Path;

use firedrill_s3_mock::Versioning;
use firedrill_s3_mock::http::{Body, Data, Server, Service};
use hyper::Request;

pub(crate) const BUCKET: &str = "lake";

pub(crate) struct Folder {
    folder: tempfile::TempDir,
    runtime: tokio::runtime::Runtime,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            runtime: runtime.expect("a runtime"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A server of this folder, with a versioned bucket in it.
pub(crate) fn served(folder: &Folder) -> Service {
    let data = Data::open(folder.path()).expect("the folder can be used");
    Server::builder()
        .bucket(BUCKET, Versioning::Enabled)
        .data(data)
        .build()
}

/// One request: status and body.
pub(crate) fn ask(
    folder: &Folder,
    server: &Service,
    method: &str,
    target: &str,
    headers: &[(&'static str, String)],
    body: &str,
) -> (u16, String) {
    let mut request = Request::builder()
        .method(method)
        .uri(target)
        .header("host", "localhost");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Body::from(body.to_owned()));
    let request = request.expect("a request");
    folder.runtime.block_on(async {
        let response = server.call(request).await.expect("no fault breaks it");
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let bytes = body.store_all_limited(usize::MAX).await.expect("a body");
        (status, String::from_utf8_lossy(&bytes).into_owned())
    })
}

pub(crate) fn log_of(folder: &Folder) -> Vec<u8> {
    std::fs::read(folder.path().join("log")).expect("there is a log")
}

/// Where each record of a sound log begins, by the drawing in the module `log`.
pub(crate) fn records(log: &[u8]) -> Vec<usize> {
    let mut starts = Vec::new();
    let mut at = 16;
    while at < log.len() {
        starts.push(at);
        let length = log[at + 8..at + 16].try_into().expect("eight bytes");
        at += 24 + u64::from_le_bytes(length) as usize;
    }
    starts
}

/// An empty log of some version: its head, with the checksum computed bit by bit.
pub(crate) fn of_version(version: u32) -> Vec<u8> {
    let mut head = b"fdrill\r\n".to_vec();
    head.extend_from_slice(&version.to_le_bytes());
    let checksum = crc32c(&head);
    // S3's order of a checksum's bytes: the highest first.
    head.extend_from_slice(&checksum.to_be_bytes());
    head
}

/// CRC-32C (RFC 3720, appendix B.4), reflected, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let mut register = !0_u32;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = register & 1 == 1;
            register >>= 1;
            if carry {
                register ^= 0x82f6_3b78;
            }
        }
    }
    !register
}
