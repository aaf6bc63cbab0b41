//! Each of core's requests as one S3 operation, and its answer as core's reply.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::config::ConfigBag;
use aws_sdk_s3::config::RuntimeComponents;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::AfterDeserializationInterceptorContextRef;
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, Delete, EncodingType, ObjectIdentifier, OptionalObjectAttributes,
};
use aws_smithy_runtime_api::client::interceptors::Intercept;
use bytes::{Bytes, BytesMut};
use firedrill_core::object::{
    Answer, Cause, Condition, Cursor, Digester, Failure, Key, Reply, Request, VersionId, Versioning,
};

use crate::classify::{ErrorAnswer, Symptom, body_symptom, judge, symptom};
use crate::client::{Client, attempt_timeout};
use crate::listing::parse_version_listing;

/// "You can copy objects up to 5 GB in size in a single atomic action" (S3 API reference, CopyObject).
const COPY_SIZE_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// A copy inside the bucket answers when it is finished: it gets a second more for each of these bytes.
const COPY_BYTES_PER_SECOND_MIN: u64 = 10 * 1024 * 1024;

impl Client {
    /// Sends one request and waits for what comes of it. Never tries again by itself.
    pub async fn perform(&self, request: &Request) -> Reply {
        match request {
            Request::GetVersioning => self.get_versioning().await,
            Request::ListVersions { prefix, after } => {
                self.list_versions(prefix, after.as_ref()).await
            }
            Request::Read { key, version } => self.read(key, version).await,
            Request::Digest { key, version } => self.digest(key, version).await,
            Request::RemoveMarkers { markers } => self.remove_markers(markers).await,
            Request::Copy {
                key,
                version,
                size,
                condition,
            } => self.copy(key, version, *size, condition).await,
            Request::Put {
                key,
                body,
                condition,
            } => self.put(key, body.clone(), condition).await,
        }
    }

    async fn get_versioning(&self) -> Reply {
        let request = self.s3.get_bucket_versioning().bucket(&self.bucket);
        let output = request.send().await.map_err(|error| read_failed(&error))?;
        let versioning = match output.status() {
            None => Versioning::Off,
            Some(BucketVersioningStatus::Enabled) => Versioning::Enabled,
            Some(BucketVersioningStatus::Suspended) => Versioning::Suspended,
            Some(other) => {
                let words = format!("the bucket's versioning is in the unknown state {other}");
                return Err(Failure::Determinate(Cause::Other(words)));
            }
        };
        Ok(Answer::Versioning(versioning))
    }

    async fn list_versions(&self, prefix: &Key, after: Option<&Cursor>) -> Reply {
        let tee = Tee::default();
        let request = self
            .s3
            .list_object_versions()
            .bucket(&self.bucket)
            .prefix(prefix.as_str())
            // Without it a key with a control character makes the answer something that is not XML.
            .encoding_type(EncodingType::Url)
            .optional_object_attributes(OptionalObjectAttributes::RestoreStatus)
            .set_key_marker(after.map(|cursor| cursor.key.as_str().to_owned()))
            .set_version_id_marker(
                after
                    .and_then(|cursor| cursor.version.as_ref())
                    .map(|id| id.as_str().to_owned()),
            );
        let request = request.customize().interceptor(tee.clone());
        let counted = request.send().await.map_err(|error| read_failed(&error))?;
        let unreadable = |words: String| judge(false, Symptom::Unreadable(words));
        let body = tee.take();
        let body = std::str::from_utf8(&body).map_err(|error| unreadable(error.to_string()))?;
        let page = parse_version_listing(body).map_err(|error| unreadable(error.to_string()))?;
        let counted = counted.versions().len() + counted.delete_markers().len();
        if counted != page.entries.len() {
            return Err(unreadable(format!(
                "the version listing has {counted} entries, of which {} were read",
                page.entries.len()
            )));
        }
        if page.next.is_some() && page.next.as_ref() == after {
            return Err(unreadable(
                "the version listing does not advance: its next page is this page".to_owned(),
            ));
        }
        Ok(Answer::Page {
            entries: page.entries,
            next: page.next,
        })
    }

    async fn read(&self, key: &Key, version: &VersionId) -> Reply {
        let mut whole = BytesMut::new();
        self.stream(key, version, |piece| whole.extend_from_slice(&piece))
            .await?;
        Ok(Answer::Body(whole.freeze()))
    }

    async fn digest(&self, key: &Key, version: &VersionId) -> Reply {
        let mut digester = Digester::default();
        let size = self
            .stream(key, version, |piece| digester.update(&piece))
            .await?;
        Ok(Answer::Digest {
            size,
            digest: digester.finish(),
        })
    }

    /// Hands a version's body on piece by piece, and says how many bytes it had. Holds one piece at a time.
    async fn stream(
        &self,
        key: &Key,
        version: &VersionId,
        mut take: impl FnMut(Bytes),
    ) -> Result<u64, Failure> {
        let request = self
            .s3
            .get_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .version_id(version.as_str());
        let output: GetObjectOutput = request.send().await.map_err(|error| read_failed(&error))?;
        let announced = output
            .content_length()
            .and_then(|length| u64::try_from(length).ok());
        let mut body = output.body;
        let mut size = 0u64;
        loop {
            // The library's own limit ends with the answer's headers.
            let piece = tokio::time::timeout(self.settings.patience, body.next()).await;
            match piece {
                Err(_) => return Err(judge(false, Symptom::TimedOut)),
                Ok(Some(Err(error))) => return Err(judge(false, body_symptom(&error))),
                Ok(Some(Ok(piece))) => {
                    size += piece.len() as u64;
                    take(piece);
                }
                Ok(None) => break,
            }
        }
        match announced {
            Some(announced) if announced != size => Err(judge(false, Symptom::Cut)),
            _ => Ok(size),
        }
    }

    async fn remove_markers(&self, markers: &[(Key, VersionId)]) -> Reply {
        let (plain, odd): (Vec<_>, Vec<_>) =
            markers.iter().partition(|(key, _)| fits_xml(key.as_str()));
        let mut results = self.delete_batch(&plain).await?;
        for (key, version) in odd {
            let result = self.delete_alone(key, version).await;
            results.insert((key, version), result);
        }
        let in_order = markers.iter().map(|(key, version)| {
            let result = results.remove(&(key, version));
            result.unwrap_or_else(|| Err(unnamed()))
        });
        Ok(Answer::Removed(in_order.collect()))
    }

    /// DeleteObjects. What the answer does not name is not among the results.
    async fn delete_batch<'a>(
        &self,
        markers: &[&'a (Key, VersionId)],
    ) -> Result<BTreeMap<(&'a Key, &'a VersionId), Result<(), Cause>>, Failure> {
        if markers.is_empty() {
            return Ok(BTreeMap::new());
        }
        let objects = markers.iter().map(|(key, version)| {
            ObjectIdentifier::builder()
                .key(key.as_str())
                .version_id(version.as_str())
                .build()
                .expect("its key is set")
        });
        let delete = Delete::builder()
            .set_objects(Some(objects.collect()))
            // Quiet answers name only the failures, and silence about a key could mean anything.
            .quiet(false)
            .build()
            .expect("its objects are set");
        let request = self.s3.delete_objects().bucket(&self.bucket).delete(delete);
        let output = request.send().await.map_err(|error| write_failed(&error))?;

        let mut answered = BTreeMap::new();
        for deleted in output.deleted() {
            answered.insert((deleted.key(), deleted.version_id()), Ok(()));
        }
        for error in output.errors() {
            let address = (error.key(), error.version_id());
            answered.insert(address, Err(entry_error(error)));
        }
        let results = markers.iter().filter_map(|(key, version)| {
            let exact = answered.get(&(Some(key.as_str()), Some(version.as_str())));
            // Without a version id it speaks of the null version; an error, of whatever was asked.
            let vague = answered
                .get(&(Some(key.as_str()), None))
                .filter(|result| result.is_err() || version.is_null());
            Some(((key, version), exact.or(vague)?.clone()))
        });
        Ok(results.collect())
    }

    /// DeleteObject, for a key that no XML document can name.
    async fn delete_alone(&self, key: &Key, version: &VersionId) -> Result<(), Cause> {
        let request = self
            .s3
            .delete_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .version_id(version.as_str());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(write_failed(&error).cause().clone()),
        }
    }

    async fn copy(
        &self,
        key: &Key,
        version: &VersionId,
        size: u64,
        condition: &Condition,
    ) -> Reply {
        if size > COPY_SIZE_MAX {
            return Err(Failure::Determinate(Cause::Other(format!(
                "it has {size} bytes, and S3 copies at most {COPY_SIZE_MAX} in one request: copy this version by hand, in parts"
            ))));
        }
        let source = format!(
            "{}/{}?versionId={}",
            percent_encoded(&self.bucket),
            percent_encoded(key.as_str()),
            percent_encoded(version.as_str())
        );
        let (if_match, if_none_match) = headers_of(condition);
        let patience =
            self.settings.patience + Duration::from_secs(size / COPY_BYTES_PER_SECOND_MIN);
        let request = self
            .s3
            .copy_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .copy_source(source)
            .set_if_match(if_match)
            .set_if_none_match(if_none_match)
            .customize()
            .config_override(
                aws_sdk_s3::Config::builder().timeout_config(attempt_timeout(patience)),
            );
        let output = request
            .send()
            .await
            .map_err(|error| conditional_write_failed(&error, condition))?;
        Ok(Answer::Written {
            version: output.version_id().map(VersionId::from),
        })
    }

    async fn put(&self, key: &Key, body: Bytes, condition: &Condition) -> Reply {
        let (if_match, if_none_match) = headers_of(condition);
        let request = self
            .s3
            .put_object()
            .bucket(&self.bucket)
            .key(key.as_str())
            .body(ByteStream::from(body))
            .set_if_match(if_match)
            .set_if_none_match(if_none_match);
        let output = request
            .send()
            .await
            .map_err(|error| conditional_write_failed(&error, condition))?;
        Ok(Answer::Written {
            version: output.version_id().map(VersionId::from),
        })
    }
}

/// `If-Match` and `If-None-Match`.
fn headers_of(condition: &Condition) -> (Option<String>, Option<String>) {
    match condition {
        Condition::Absent => (None, Some("*".to_owned())),
        Condition::Matches(etag) => (Some(etag.as_str().to_owned()), None),
    }
}

fn read_failed<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    judge(false, symptom(error))
}

fn write_failed<E>(error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    judge(true, symptom(error))
}

/// "If there's no current object version with the same name, or if the current object version is a delete
/// marker, the operation fails with a 404 Not Found error" (S3 user guide, "Conditional writes", of
/// If-Match): it says that the condition does not hold. A source version that is gone is `NoSuchVersion`.
fn conditional_write_failed<E>(error: &SdkError<E, HttpResponse>, condition: &Condition) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let symptom = symptom(error);
    let current_gone = matches!(
        &symptom,
        Symptom::Answered(answer) if answer.code.as_deref() == Some("NoSuchKey")
    );
    if current_gone && matches!(condition, Condition::Matches(_)) {
        return Failure::Determinate(Cause::PreconditionFailed);
    }
    judge(true, symptom)
}

/// One `<Error>` of an answer to DeleteObjects. It has no status of its own.
fn entry_error(error: &aws_sdk_s3::types::Error) -> Cause {
    let status = match error.code() {
        Some("AccessDenied" | "MFARequired") => 403,
        _ => 200,
    };
    let answer = ErrorAnswer {
        status,
        code: error.code().map(str::to_owned),
        message: error.message().map(str::to_owned),
        ..ErrorAnswer::default()
    };
    judge(true, Symptom::Answered(answer)).cause().clone()
}

/// Removing a marker twice does no harm, so what the answer is silent about may be tried again.
fn unnamed() -> Cause {
    Cause::Unavailable("the answer to DeleteObjects does not name it".to_owned())
}

/// Whether a key survives a trip through an XML 1.0 document: no control characters (they are not XML, and
/// line ends are normalised), no noncharacters.
fn fits_xml(key: &str) -> bool {
    !key.chars()
        .any(|c| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}'))
}

/// Percent-encodes everything but unreserved characters and slashes: "The value must be URL-encoded" (S3
/// API reference, x-amz-copy-source).
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                encoded.push('%');
                encoded.push(char::from(DIGITS[usize::from(byte >> 4)]));
                encoded.push(char::from(DIGITS[usize::from(byte & 15)]));
            }
        }
    }
    encoded
}

/// Keeps the body of an answer beside what the library makes of it.
#[derive(Debug, Clone, Default)]
struct Tee(Arc<Mutex<Bytes>>);

impl Tee {
    /// The body of the last answer; empty if there was none.
    fn take(&self) -> Bytes {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Tee {
    fn name(&self) -> &'static str {
        "Tee"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        // An answer without streaming has been read into memory by now.
        if let Some(body) = context.response().body().bytes() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Bytes::copy_from_slice(body);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_source_is_encoded_byte_by_byte() {
        assert_eq!(percent_encoded("a/b-c_d.e~f"), "a/b-c_d.e~f");
        assert_eq!(percent_encoded("a b+c?é\u{1}"), "a%20b%2Bc%3F%C3%A9%01");
    }

    #[test]
    fn keys_that_xml_cannot_carry_are_told_apart() {
        assert!(fits_xml("a/b <&> é"));
        assert!(!fits_xml("a\u{1}"));
        assert!(!fits_xml("a\rb"));
        assert!(!fits_xml("a\u{ffff}"));
    }

    #[test]
    fn a_refused_entry_of_a_batch_keeps_its_reason() {
        let refused = |code: &str| {
            let error = aws_sdk_s3::types::Error::builder().key("k").code(code);
            entry_error(&error.build())
        };
        assert!(matches!(refused("AccessDenied"), Cause::Denied(_)));
        assert!(matches!(refused("InternalError"), Cause::Unavailable(_)));
        assert!(matches!(refused("SlowDown"), Cause::Unavailable(_)));
        assert_eq!(refused("NoSuchVersion"), Cause::NotFound);
        assert!(matches!(refused("InvalidRequest"), Cause::Other(_)));
    }
}
