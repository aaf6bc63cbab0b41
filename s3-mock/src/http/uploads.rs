//! Multipart uploads: parts in memory until they are completed into one object.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::answer::{refusal, refuse, tag};
use super::data::Event;
use super::object::{class, collect, condition, metadata};
use super::observer::Applied;
use super::state::{Shared, State};
use crate::PutOptions;
use crate::bucket::{hex, md5_etag};

/// "Each part must be at least 5 MB in size, except the last part" (API reference, CompleteMultipartUpload).
const PART_SIZE_MIN: usize = 5 * 1024 * 1024;

pub(super) struct Upload {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) options: PutOptions,
    pub(super) parts: BTreeMap<i32, Bytes>,
}

pub(super) fn create(
    shared: &Shared,
    input: CreateMultipartUploadInput,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    let mut state = shared.change();
    state.bucket(&input.bucket)?;
    let id = state.next_upload();
    state.happen(Event::UploadBegun {
        upload: id.clone(),
        bucket: input.bucket.clone(),
        key: input.key.clone(),
        options: PutOptions {
            condition: None,
            etag: None,
            storage_class: class(input.storage_class.as_ref())?,
            content_type: input.content_type,
            metadata: Some(metadata(input.metadata)),
        },
    });
    Ok(S3Response::new(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        ..Default::default()
    }))
}

pub(super) async fn part(
    shared: &Shared,
    request: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    let input = request.input;
    let body = collect(input.body, request.trailing_headers.as_ref()).await?;
    if !(1..=10_000).contains(&input.part_number) {
        let message = "Part number must be an integer between 1 and 10000, inclusive";
        return Err(refuse("InvalidArgument", message));
    }
    let etag = tag(&md5_etag(&body));
    let mut state = shared.change();
    find(&state, &input.bucket, &input.key, &input.upload_id)?;
    state.happen(Event::PartStored {
        upload: input.upload_id,
        number: input.part_number,
        body,
    });
    Ok(S3Response::new(UploadPartOutput {
        e_tag: Some(etag),
        ..Default::default()
    }))
}

/// Joins the parts. The tag is the MD5 of the parts' MD5s and their number, as S3's is.
pub(super) fn complete(
    shared: &Shared,
    input: CompleteMultipartUploadInput,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    let now = shared.now();
    let mut state = shared.change();
    let listed = input.multipart_upload.and_then(|upload| upload.parts);
    let listed = listed.filter(|parts| !parts.is_empty());
    let listed = listed.ok_or_else(|| refusal(&crate::Error::MalformedXml))?;
    let upload = find(&state, &input.bucket, &input.key, &input.upload_id)?;
    let (body, etag) = join(upload, &listed)?;
    let options = PutOptions {
        condition: condition(input.if_match.as_ref(), input.if_none_match.as_ref())?,
        etag: Some(etag),
        ..upload.options.clone()
    };
    let bucket = state.bucket_mut(&input.bucket)?;
    let result = bucket.put(now, &input.key, body.clone(), &options);
    let applied = Applied::Put {
        key: &input.key,
        body: &body,
        result: result.as_ref(),
    };
    state.tell(&input.bucket, &applied);
    let written = result.map_err(|error| refusal(&error))?;
    state.happen(Event::UploadEnded {
        upload: input.upload_id,
    });
    Ok(S3Response::new(CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(tag(&written.etag)),
        version_id: written.version_id.as_deref().map(str::to_owned),
        ..Default::default()
    }))
}

fn join(upload: &Upload, listed: &[CompletedPart]) -> S3Result<(Bytes, String)> {
    let mut body = BytesMut::new();
    let mut digests = Md5::new();
    let mut before = 0;
    for (index, part) in listed.iter().enumerate() {
        let number = part.part_number.unwrap_or_default();
        if number <= before {
            let message = "The list of parts was not in ascending order.";
            return Err(refuse("InvalidPartOrder", message));
        }
        before = number;
        let message = "One or more of the specified parts could not be found.";
        let bytes = upload
            .parts
            .get(&number)
            .ok_or_else(|| refuse("InvalidPart", message))?;
        let etag = tag(&md5_etag(bytes));
        if part
            .e_tag
            .as_ref()
            .is_some_and(|stated| stated.value() != etag.value())
        {
            return Err(refuse("InvalidPart", message));
        }
        if index + 1 < listed.len() && bytes.len() < PART_SIZE_MIN {
            let message = "Your proposed upload is smaller than the minimum allowed size";
            return Err(refuse("EntityTooSmall", message));
        }
        digests.update(Md5::digest(bytes));
        body.extend_from_slice(bytes);
    }
    let etag = format!("\"{}-{}\"", hex(&digests.finalize()), listed.len());
    Ok((body.freeze(), etag))
}

pub(super) fn abort(
    shared: &Shared,
    input: &AbortMultipartUploadInput,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    let mut state = shared.change();
    find(&state, &input.bucket, &input.key, &input.upload_id)?;
    state.happen(Event::UploadEnded {
        upload: input.upload_id.clone(),
    });
    Ok(S3Response::new(AbortMultipartUploadOutput::default()))
}

fn find<'s>(state: &'s State, bucket: &str, key: &str, id: &str) -> S3Result<&'s Upload> {
    state.bucket(bucket)?;
    let upload = state.uploads.get(id);
    let upload = upload.filter(|upload| upload.bucket == bucket && upload.key == key);
    let message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.";
    upload.ok_or_else(|| refuse("NoSuchUpload", message))
}
