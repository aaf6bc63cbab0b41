//! S3's operations on the state, one short function each. Objects and uploads are in modules of their own.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::answer::{refusal, refuse, timestamp};
use super::data::Event;
use super::state::Shared;
use super::{object, uploads};
use crate::Versioning;

/// The id of the one account that owns everything.
pub(super) const OWNER: &str = "firedrill";

/// The server's side of the `s3s` trait.
pub(super) struct Operations(pub(super) Arc<Shared>);

fn done<T>(output: T) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(output))
}

#[async_trait::async_trait]
impl S3 for Operations {
    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let name = request.input.bucket;
        let created = self.0.now();
        let mut state = self.0.change();
        if state.buckets.contains_key(&name) {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(refuse("BucketAlreadyOwnedByYou", message));
        }
        let location = format!("/{name}");
        state.happen(Event::BucketCreated {
            bucket: name,
            created,
        });
        done(CreateBucketOutput {
            location: Some(location),
        })
    }

    async fn delete_bucket(
        &self,
        request: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let name = request.input.bucket;
        let mut state = self.0.change();
        if !state.bucket(&name)?.is_empty() {
            let message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket.";
            return Err(refuse("BucketNotEmpty", message));
        }
        state.happen(Event::BucketDeleted { bucket: name });
        done(DeleteBucketOutput::default())
    }

    async fn head_bucket(
        &self,
        request: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.0.look().bucket(&request.input.bucket)?;
        done(HeadBucketOutput::default())
    }

    async fn list_buckets(
        &self,
        _request: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let state = self.0.look();
        let buckets = state.buckets.iter().map(|(name, held)| s3s::dto::Bucket {
            name: Some(name.clone()),
            creation_date: Some(timestamp(held.created)),
            ..Default::default()
        });
        done(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            owner: Some(Owner {
                id: Some(OWNER.to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        })
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.0.look().bucket(&request.input.bucket)?;
        // "Buckets in Region us-east-1 have a LocationConstraint of null" (API reference).
        done(GetBucketLocationOutput::default())
    }

    async fn get_bucket_versioning(
        &self,
        request: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        let state = self.0.look();
        let status = match state.bucket(&request.input.bucket)?.versioning() {
            Versioning::Off => None,
            Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        };
        done(GetBucketVersioningOutput {
            status: status.map(BucketVersioningStatus::from_static),
            ..Default::default()
        })
    }

    async fn put_bucket_versioning(
        &self,
        request: S3Request<PutBucketVersioningInput>,
    ) -> S3Result<S3Response<PutBucketVersioningOutput>> {
        let status = request.input.versioning_configuration.status;
        let versioning = match status.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
            Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            _ => {
                let message = "The Versioning element must be specified";
                return Err(refuse("IllegalVersioningConfigurationException", message));
            }
        };
        let mut state = self.0.change();
        let bucket = state.bucket_mut(&request.input.bucket)?;
        bucket
            .set_versioning(versioning)
            .map_err(|error| refusal(&error))?;
        done(PutBucketVersioningOutput::default())
    }

    async fn put_object(
        &self,
        request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        object::put(&self.0, request).await
    }

    async fn get_object(
        &self,
        request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        object::get(&self.0, request.input)
    }

    async fn head_object(
        &self,
        request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        object::head(&self.0, request.input)
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        object::copy(&self.0, request)
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        object::delete(&self.0, &request.input)
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        object::delete_many(&self.0, request.input).await
    }

    async fn restore_object(
        &self,
        request: S3Request<RestoreObjectInput>,
    ) -> S3Result<S3Response<RestoreObjectOutput>> {
        object::restore(&self.0, &request.input)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        uploads::create(&self.0, request.input)
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        uploads::part(&self.0, request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        uploads::complete(&self.0, request.input)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        uploads::abort(&self.0, &request.input)
    }
}
