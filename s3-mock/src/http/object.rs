//! Objects over HTTP: put, get, head, copy, delete, restore.

use std::collections::BTreeMap;

use bytes::Bytes;
use hyper::HeaderMap;
use s3s::dto::*;
use s3s::{Body, S3Request, S3Response, S3Result, TrailingHeaders};

use super::answer::{refusal, refuse, tag, time, timestamp};
use super::observer::Applied;
use super::state::Shared;
use super::{checksum, faults};
use crate::{
    ByteRange, Condition, Error, GetOptions, ObjectMeta, Operation, Position, Preconditions,
    PutOptions, StorageClass as Class, Written,
};

const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

pub(super) async fn put(
    shared: &Shared,
    request: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    let input = request.input;
    let body = collect(input.body, request.trailing_headers.as_ref()).await?;
    let options = PutOptions {
        condition: condition(input.if_match.as_ref(), input.if_none_match.as_ref())?,
        etag: None,
        storage_class: class(input.storage_class.as_ref())?,
        content_type: input.content_type,
        metadata: Some(metadata(input.metadata)),
    };
    let now = shared.now();
    let mut state = shared.change();
    let bucket = state.bucket_mut(&input.bucket)?;
    let result = bucket.put(now, &input.key, body.clone(), &options);
    let applied = Applied::Put {
        key: &input.key,
        body: &body,
        result: result.as_ref(),
    };
    state.tell(&input.bucket, &applied);
    let written = result.map_err(|error| refusal(&error))?;
    Ok(S3Response::new(PutObjectOutput {
        e_tag: Some(tag(&written.etag)),
        version_id: written.version_id.as_deref().map(str::to_owned),
        ..Default::default()
    }))
}

/// Reads a body, and compares it with the checksums in its trailers.
pub(super) async fn collect(
    body: Option<StreamingBlob>,
    trailers: Option<&TrailingHeaders>,
) -> S3Result<Bytes> {
    let Some(blob) = body else {
        return Ok(Bytes::new());
    };
    let mut body = Body::from(blob);
    let read = body.store_all_limited(usize::MAX).await;
    let message =
        "You did not provide the number of bytes specified by the Content-Length HTTP header";
    let bytes = read.map_err(|_| refuse("IncompleteBody", message))?;
    if let Some(headers) = trailers.and_then(TrailingHeaders::take) {
        checksum::verify(&headers, &bytes)?;
    }
    Ok(bytes)
}

pub(super) fn get(shared: &Shared, input: GetObjectInput) -> S3Result<S3Response<GetObjectOutput>> {
    let options = read_options(
        input.range,
        (input.if_match.as_ref(), input.if_none_match.as_ref()),
        (input.if_modified_since, input.if_unmodified_since),
    );
    let state = shared.look();
    let bucket = state.bucket(&input.bucket)?;
    let object = bucket
        .get(&input.key, input.version_id.as_deref(), &options)
        .map_err(|error| refusal(&error))?;
    let meta = object.meta;
    Ok(S3Response::new(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: i64::try_from(object.body.len()).ok(),
        content_range: content_range(&meta),
        body: Some(StreamingBlob::from(Body::from(object.body))),
        content_type: Some(content_type(&meta)),
        e_tag: Some(tag(&meta.etag)),
        last_modified: Some(timestamp(meta.last_modified)),
        restore: restored(&meta),
        storage_class: shown_class(&meta),
        version_id: meta.version_id,
        metadata: Some(meta.metadata.into_iter().collect()),
        ..Default::default()
    }))
}

pub(super) fn head(
    shared: &Shared,
    input: HeadObjectInput,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let options = read_options(
        input.range,
        (input.if_match.as_ref(), input.if_none_match.as_ref()),
        (input.if_modified_since, input.if_unmodified_since),
    );
    let state = shared.look();
    let bucket = state.bucket(&input.bucket)?;
    let meta = bucket
        .head(&input.key, input.version_id.as_deref(), &options)
        .map_err(|error| refusal(&error))?;
    let length = meta.range.map_or(meta.size, |(start, end)| end - start);
    Ok(S3Response::new(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: i64::try_from(length).ok(),
        content_range: content_range(&meta),
        content_type: Some(content_type(&meta)),
        e_tag: Some(tag(&meta.etag)),
        last_modified: Some(timestamp(meta.last_modified)),
        restore: restored(&meta),
        storage_class: shown_class(&meta),
        version_id: meta.version_id,
        metadata: Some(meta.metadata.into_iter().collect()),
        ..Default::default()
    }))
}

pub(super) fn copy(
    shared: &Shared,
    request: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let input = request.input;
    let CopySource::Bucket {
        bucket: from_bucket,
        key: from_key,
        version_id,
    } = &input.copy_source
    else {
        return Err(refuse(
            "NotImplemented",
            "Access points are not served here.",
        ));
    };
    let mut source = crate::CopySource {
        key: from_key.to_string(),
        version: version_id.as_deref().map(str::to_owned),
        preconditions: Preconditions {
            if_match: tags(input.copy_source_if_match.as_ref()),
            if_none_match: tags(input.copy_source_if_none_match.as_ref()),
            if_modified_since: input.copy_source_if_modified_since.clone().map(time),
            if_unmodified_since: input.copy_source_if_unmodified_since.clone().map(time),
        },
    };
    let directive = input
        .metadata_directive
        .as_ref()
        .map(MetadataDirective::as_str);
    let replace = directive == Some(MetadataDirective::REPLACE);
    let options = PutOptions {
        condition: conditions_of_copy(&request.headers)?,
        etag: None,
        storage_class: class(input.storage_class.as_ref())?,
        content_type: input.content_type.clone().filter(|_| replace),
        metadata: replace.then(|| metadata(input.metadata.clone())),
    };
    let now = shared.now();
    let mut state = shared.change();
    let from_id = {
        let from = state.bucket(from_bucket)?;
        let meta = from.head(from_key, version_id.as_deref(), &GetOptions::default());
        meta.ok().and_then(|meta| meta.version_id)
    };
    let result = if **from_bucket == *input.bucket {
        let bucket = state.bucket_mut(&input.bucket)?;
        bucket.copy(now, &source, &input.key, &options)
    } else {
        let read = GetOptions {
            range: None,
            preconditions: std::mem::take(&mut source.preconditions),
        };
        let from = state.bucket(from_bucket)?;
        let object = from
            .get(from_key, version_id.as_deref(), &read)
            .map_err(|error| {
                refusal(&match error {
                    Error::MarkerNotReadable { .. } => Error::CopyOfMarker,
                    Error::NotModified { .. } => Error::PreconditionFailed,
                    other => other,
                })
            })?;
        let options = match replace {
            true => options,
            false => PutOptions {
                content_type: object.meta.content_type,
                metadata: Some(object.meta.metadata),
                ..options
            },
        };
        let bucket = state.bucket_mut(&input.bucket)?;
        bucket.put(now, &input.key, object.body, &options)
    };
    let applied = Applied::Copied {
        key: &input.key,
        from: from_key,
        version: version_id.as_deref(),
        result: result.as_ref(),
    };
    state.tell(&input.bucket, &applied);
    let written = result.map_err(|error| refusal(&error))?;
    Ok(S3Response::new(copied(&written, from_id)))
}

fn copied(written: &Written, from_id: Option<String>) -> CopyObjectOutput {
    CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(tag(&written.etag)),
            last_modified: Some(timestamp(written.last_modified)),
            ..Default::default()
        }),
        copy_source_version_id: from_id,
        version_id: written.version_id.as_deref().map(str::to_owned),
        ..Default::default()
    }
}

pub(super) fn delete(
    shared: &Shared,
    input: &DeleteObjectInput,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    let now = shared.now();
    let mut state = shared.change();
    let bucket = state.bucket_mut(&input.bucket)?;
    let result = bucket.delete(now, &input.key, input.version_id.as_deref());
    let applied = Applied::Deleted {
        key: &input.key,
        version: input.version_id.as_deref(),
        of_batch: false,
        result: result.as_ref(),
    };
    state.tell(&input.bucket, &applied);
    let deleted = result.map_err(|error| refusal(&error))?;
    Ok(S3Response::new(DeleteObjectOutput {
        delete_marker: deleted.marker.is_some().then_some(true),
        version_id: deleted
            .marker
            .as_deref()
            .map(str::to_owned)
            .or(deleted.version_id),
        ..Default::default()
    }))
}

pub(super) async fn delete_many(
    shared: &Shared,
    input: DeleteObjectsInput,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    let objects = input.delete.objects;
    if objects.is_empty() || objects.len() > crate::DELETE_MANY_MAX {
        return Err(refusal(&Error::MalformedXml));
    }
    shared.look().bucket(&input.bucket)?;
    let quiet = input.delete.quiet.unwrap_or(false);
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in objects {
        match delete_one(shared, &input.bucket, &object).await? {
            Ok(done) if !quiet => deleted.push(done),
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
    }
    shared.change().tell(&input.bucket, &Applied::BatchEnded);
    Ok(S3Response::new(DeleteObjectsOutput {
        deleted: Some(deleted),
        errors: Some(errors),
        ..Default::default()
    }))
}

/// One entry of a batch, which has a fault's address of its own when it names a version. An entry cannot break
/// the connection: a reset or a timeout is an InternalError of that entry.
async fn delete_one(
    shared: &Shared,
    bucket_name: &str,
    object: &ObjectIdentifier,
) -> S3Result<Result<DeletedObject, s3s::dto::Error>> {
    let id = object.version_id.as_deref();
    let fault = match id {
        Some(_) => {
            let fault = shared.strike(Operation::DeleteObjectVersion, Some(&object.key));
            shared.tell_struck(fault.as_ref());
            fault
        }
        None => None,
    };
    let mut struck = None;
    if let Some(fault) = &fault {
        match fault.effect {
            crate::Effect::Slow { delay_ms } => shared.wait(delay_ms).await,
            effect => {
                let other = faults::status_of(crate::Effect::InternalError);
                struck = faults::status_of(effect)
                    .or(other)
                    .map(|refusal| s3s::dto::Error {
                        code: Some(refusal.0.to_owned()),
                        message: Some(refusal.2.to_owned()),
                        key: Some(object.key.clone()),
                        version_id: object.version_id.clone(),
                    });
            }
        }
    }
    let never_applied = fault.is_some_and(|fault| fault.position == Position::Before);
    if let Some(error) = struck.take_if(|_| never_applied) {
        return Ok(Err(error));
    }
    let now = shared.now();
    let mut state = shared.change();
    let bucket = state.bucket_mut(bucket_name)?;
    let result = bucket.delete(now, &object.key, id);
    let applied = Applied::Deleted {
        key: &object.key,
        version: id,
        of_batch: true,
        result: result.as_ref(),
    };
    state.tell(bucket_name, &applied);
    let deleted = result.map_err(|error| refusal(&error))?;
    Ok(match struck {
        Some(error) => Err(error),
        None => Ok(DeletedObject {
            delete_marker: deleted.marker.is_some().then_some(true),
            delete_marker_version_id: deleted.marker.as_deref().map(str::to_owned),
            key: Some(deleted.key),
            version_id: deleted.version_id,
        }),
    })
}

pub(super) fn restore(
    shared: &Shared,
    input: &RestoreObjectInput,
) -> S3Result<S3Response<RestoreObjectOutput>> {
    let mut state = shared.change();
    let bucket = state.bucket_mut(&input.bucket)?;
    let refused = |error: Error| refusal(&error);
    let meta = bucket.head(
        &input.key,
        input.version_id.as_deref(),
        &GetOptions::default(),
    );
    let id = meta.map_err(refused)?.version_id;
    let id = id.unwrap_or_else(|| "null".to_owned());
    bucket.restore(&input.key, &id).map_err(refused)?;
    Ok(S3Response::new(RestoreObjectOutput::default()))
}

/// `If-Match` and `If-None-Match` of a write. "Amazon S3 expects the * character" of the latter (API
/// reference, PutObject).
pub(super) fn condition(
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<Option<Condition>> {
    match (if_match, if_none_match) {
        (None, None) => Ok(None),
        (None, Some(ETagCondition::Any)) => Ok(Some(Condition::IfNoneMatchAny)),
        (Some(ETagCondition::ETag(etag)), None) => {
            Ok(Some(Condition::IfMatch(etag.value().to_owned())))
        }
        _ => {
            let message = "A header you provided implies functionality that is not implemented";
            Err(refuse("NotImplemented", message))
        }
    }
}

/// CopyObject takes the same two headers, which s3s does not hand on.
fn conditions_of_copy(headers: &HeaderMap) -> S3Result<Option<Condition>> {
    let parse = |name: &str| match headers.get(name) {
        None => Ok(None),
        Some(value) => ETagCondition::parse_http_header(value.as_bytes())
            .map(Some)
            .map_err(|_| refuse("InvalidArgument", &format!("Invalid {name}"))),
    };
    condition(
        parse("if-match")?.as_ref(),
        parse("if-none-match")?.as_ref(),
    )
}

/// What GET and HEAD ask for alike.
fn read_options(
    within: Option<Range>,
    (if_match, if_none_match): (Option<&ETagCondition>, Option<&ETagCondition>),
    (if_modified_since, if_unmodified_since): (Option<Timestamp>, Option<Timestamp>),
) -> GetOptions {
    GetOptions {
        range: within.map(range),
        preconditions: Preconditions {
            if_match: tags(if_match),
            if_none_match: tags(if_none_match),
            if_modified_since: if_modified_since.map(time),
            if_unmodified_since: if_unmodified_since.map(time),
        },
    }
}

fn tags(condition: Option<&ETagCondition>) -> Option<Vec<String>> {
    condition.map(|condition| match condition {
        ETagCondition::Any => vec!["*".to_owned()],
        ETagCondition::ETag(etag) => vec![etag.value().to_owned()],
    })
}

fn range(range: Range) -> ByteRange {
    match range {
        Range::Int {
            first,
            last: Some(last),
        } => ByteRange::FromTo(first, last),
        Range::Int { first, last: None } => ByteRange::From(first),
        Range::Suffix { length } => ByteRange::Last(length),
    }
}

pub(super) fn metadata(metadata: Option<Metadata>) -> BTreeMap<String, String> {
    metadata.into_iter().flatten().collect()
}

pub(super) fn class(class: Option<&StorageClass>) -> S3Result<Class> {
    let Some(class) = class else {
        return Ok(Class::Standard);
    };
    let message = "The storage class you specified is not valid";
    Class::parse(class.as_str()).ok_or_else(|| refuse("InvalidStorageClass", message))
}

/// "Amazon S3 returns this header for all objects except for S3 Standard storage class objects" (API
/// reference, HeadObject).
fn shown_class(meta: &ObjectMeta) -> Option<StorageClass> {
    let other = meta.storage_class != Class::Standard;
    other.then(|| StorageClass::from_static(meta.storage_class.as_str()))
}

fn content_range(meta: &ObjectMeta) -> Option<String> {
    let (start, end) = meta.range?;
    Some(format!("bytes {start}-{}/{}", end - 1, meta.size))
}

fn content_type(meta: &ObjectMeta) -> String {
    let content_type = meta.content_type.as_deref();
    content_type.unwrap_or(CONTENT_TYPE_DEFAULT).to_owned()
}

fn restored(meta: &ObjectMeta) -> Option<String> {
    let restored = meta.restored && meta.storage_class.is_archive();
    restored.then(|| "ongoing-request=\"false\"".to_owned())
}
