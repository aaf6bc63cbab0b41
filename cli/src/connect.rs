//! From the user's settings to a client for one bucket.

use aws_config::BehaviorVersion;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_s3::config::{ProvideCredentials, Region, SharedCredentialsProvider};
use aws_types::service_config::ServiceConfigKey;
use firedrill_driver::{Client, Settings, https_client};

/// A bucket, and what the user says of how to reach it; for the rest, the environment and `~/.aws` count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bucket<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Where the object storage is.
    pub(crate) endpoint_url: Option<&'a str>,
    /// Its region.
    pub(crate) region: Option<&'a str>,
    /// The profile that has the credentials.
    pub(crate) profile: Option<&'a str>,
}

/// A client for a bucket, with credentials that were there a moment ago.
///
/// # Errors
/// A sentence on what is missing, and what to do about it.
pub(crate) async fn connect(bucket: Bucket<'_>) -> Result<Client, String> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https_client());
    if let Some(profile) = bucket.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = bucket.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    if let Some(region) = bucket.region {
        loader = loader.region(Region::new(region.to_owned()));
    }
    let shared = loader.load().await;
    let region = shared.region().cloned();
    let region = region.unwrap_or_else(|| Region::from_static("us-east-1"));
    let credentials = match bucket.profile {
        Some(profile) => Some(of_profile(profile, &region)),
        None => shared.credentials_provider(),
    };
    let credentials = check_credentials(credentials, bucket.profile).await?;

    let mut config = aws_sdk_s3::config::Builder::from(&shared)
        .region(region)
        .credentials_provider(credentials);
    if has_endpoint(&shared) || bucket.name.contains('.') {
        // The bucket in the host's name needs DNS and a certificate for it.
        config = config.force_path_style(true);
    }
    Ok(Client::new(config, bucket.name, Settings::default()))
}

/// Whether an endpoint is named, for all services or for S3 alone.
fn has_endpoint(shared: &aws_config::SdkConfig) -> bool {
    let of_s3 = ServiceConfigKey::builder()
        .service_id("s3")
        .env("AWS_ENDPOINT_URL")
        .profile("endpoint_url")
        .build()
        .expect("all parts of the key are set");
    let named = shared.service_config();
    shared.endpoint_url().is_some()
        || named.is_some_and(|config| config.load_config(of_s3).is_some())
}

/// A profile that is asked for by name comes before credentials in the environment.
fn of_profile(profile: &str, region: &Region) -> SharedCredentialsProvider {
    let surroundings = ProviderConfig::without_region()
        .with_region(Some(region.clone()))
        .with_http_client(https_client());
    let provider = ProfileFileCredentialsProvider::builder()
        .profile_name(profile)
        .configure(&surroundings)
        .build();
    SharedCredentialsProvider::new(provider)
}

/// Looks for credentials before the first request, because nothing else can say so clearly that there are none.
async fn check_credentials(
    provider: Option<SharedCredentialsProvider>,
    profile: Option<&str>,
) -> Result<SharedCredentialsProvider, String> {
    let Some(provider) = provider else {
        return Err(format!("no credentials were found; {ADVICE}"));
    };
    let found = provider.provide_credentials().await.map(drop);
    match found {
        Ok(()) => Ok(provider),
        Err(error) => Err(advise(&error, profile)),
    }
}

/// What is wrong with the credentials, and what to do about it.
fn advise(error: &CredentialsError, profile: Option<&str>) -> String {
    let words = match profile {
        Some(profile) => format!("the profile {profile:?} gives no credentials"),
        None => "no credentials were found".to_owned(),
    };
    let why = innermost(error);
    if why.contains("cargo feature") {
        // The library's own words are for the people who build it.
        return format!(
            "{words}: the profile names a sign-in (SSO) or a program, which this build does not use; {EXPORT}"
        );
    }
    match error {
        CredentialsError::CredentialsNotLoaded(_) => format!("{words}; {ADVICE}"),
        _ => format!("{words} ({why}); {ADVICE}"),
    }
}

const ADVICE: &str = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of ~/.aws/credentials with --profile";

const EXPORT: &str = "let the AWS command line make keys of it: eval \"$(aws configure export-credentials --format env)\"";

fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
