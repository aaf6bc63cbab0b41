//! Whether a body arrived as it was sent: Content-MD5 and the x-amz-checksum headers. s3s looks at none.

use hyper::HeaderMap;
use md5::{Digest as _, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::{S3Error, S3Result};

use super::answer::refuse;

/// Compares the body with every checksum that the headers (or trailers) state.
pub(super) fn verify(headers: &HeaderMap, body: &[u8]) -> S3Result<()> {
    if let Some(stated) = text(headers, "content-md5") {
        verify_md5(stated, body)?;
    }
    let stated = |name: &str| text(headers, &format!("x-amz-checksum-{name}"));
    let mut hasher = ChecksumHasher {
        crc32: stated("crc32").map(|_| Crc32::new()),
        crc32c: stated("crc32c").map(|_| Crc32c::new()),
        sha1: stated("sha1").map(|_| Sha1::new()),
        sha256: stated("sha256").map(|_| Sha256::new()),
        crc64nvme: stated("crc64nvme").map(|_| Crc64Nvme::new()),
    };
    hasher.update(body);
    let computed = hasher.finalize();
    for (name, computed) in [
        ("crc32", computed.checksum_crc32),
        ("crc32c", computed.checksum_crc32c),
        ("sha1", computed.checksum_sha1),
        ("sha256", computed.checksum_sha256),
        ("crc64nvme", computed.checksum_crc64nvme),
    ] {
        if let (Some(stated), Some(computed)) = (stated(name), computed)
            && stated != computed
        {
            return Err(bad_checksum(name));
        }
    }
    Ok(())
}

/// "If the Content-MD5 … you specified did not match what we received": BadDigest; InvalidDigest where it is
/// not an MD5 at all (API reference, list of error codes).
fn verify_md5(stated: &str, body: &[u8]) -> S3Result<()> {
    let decoded = base64_simd::STANDARD.decode_to_vec(stated.as_bytes());
    let decoded = decoded.ok().filter(|digest| digest.len() == 16);
    let Some(decoded) = decoded else {
        return Err(refuse(
            "InvalidDigest",
            "The Content-MD5 you specified is not valid.",
        ));
    };
    if decoded != Md5::digest(body).as_slice() {
        let message = "The Content-MD5 you specified did not match what we received.";
        return Err(refuse("BadDigest", message));
    }
    Ok(())
}

fn bad_checksum(name: &str) -> S3Error {
    let name = name.to_uppercase();
    let message = format!("The {name} you specified did not match the calculated checksum.");
    refuse("BadDigest", &message)
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}
