//! One bucket behind an S3 client whose retries are off.

use std::time::Duration;

use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    RequestChecksumCalculation, ResponseChecksumValidation, StalledStreamProtectionConfig,
};

/// What can be chosen about a [`Client`] beyond the library's own configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long a request may go unanswered, and how long the next piece of a body may take.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(60),
        }
    }
}

/// One bucket. Cheap to clone; clones share their connections.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) s3: aws_sdk_s3::Client,
    pub(crate) bucket: String,
    pub(crate) settings: Settings,
}

impl Client {
    /// A client for `bucket` with the caller's endpoint, region, credentials, HTTP client, time source and
    /// sleeper.
    ///
    /// Overridden whatever the caller set: retries off, the patience as the limit of each attempt, checksums
    /// of requests only where S3 demands them (other servers refuse the rest), checksums of answers wherever
    /// there are any, no stalled-stream protection (the patience covers it, and it would need a clock).
    pub fn new(
        config: aws_sdk_s3::config::Builder,
        bucket: impl Into<String>,
        settings: Settings,
    ) -> Self {
        let config = config
            .retry_config(RetryConfig::disabled())
            .timeout_config(attempt_timeout(settings.patience))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            .response_checksum_validation(ResponseChecksumValidation::WhenSupported)
            .build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(config),
            bucket: bucket.into(),
            settings,
        }
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }
}

/// The limits of one attempt that may take `patience` altogether.
pub(crate) fn attempt_timeout(patience: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(patience.min(Duration::from_secs(10)))
        .operation_attempt_timeout(patience)
        .build()
}

/// An HTTP client that speaks TLS by rustls on ring, and trusts what the operating system trusts.
#[cfg(feature = "tls")]
pub fn https_client() -> aws_sdk_s3::config::SharedHttpClient {
    use aws_smithy_http_client::tls;
    aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(
            tls::rustls_provider::CryptoMode::Ring,
        ))
        .build_https()
}
