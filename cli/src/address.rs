//! `s3://bucket/prefix/`: where a table is.

use std::str::FromStr;

/// A bucket, and a prefix in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The bucket's name.
    pub(crate) bucket: String,
    /// Key prefix, ending in a slash; empty for the whole bucket. Taken literally: nothing is decoded.
    pub(crate) prefix: String,
}

impl Address {
    /// The same, which may be a table's.
    ///
    /// # Errors
    /// A sentence on what it is instead.
    pub(crate) fn of_table(&self) -> Result<&Self, String> {
        if self.prefix.is_empty() {
            let bucket = &self.bucket;
            return Err(format!(
                "s3://{bucket} names a bucket and no table: a table is at s3://{bucket}/ROOT/DB_ID/TABLE_ID/"
            ));
        }
        Ok(self)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "write s3://BUCKET/ROOT/DB_ID/TABLE_ID/";
        let rest = text
            .strip_prefix("s3://")
            .ok_or_else(|| format!("it does not begin with s3://; {FORM}"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(format!("the bucket is missing; {FORM}"));
        }
        if !bucket.bytes().all(is_bucket_byte) {
            return Err(format!("{bucket:?} is not a bucket's name; {FORM}"));
        }
        if prefix.starts_with('/') || prefix.contains("//") {
            return Err(format!(
                "there is an empty part between two slashes; {FORM}"
            ));
        }
        let mut prefix = prefix.to_owned();
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix,
        })
    }
}

/// What a bucket's name consists of, old ones and those of other servers included.
fn is_bucket_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_and_a_prefix_that_ends_in_a_slash() {
        for (text, bucket, prefix) in [
            ("s3://b/fs/9/16/", "b", "fs/9/16/"),
            ("s3://b/fs/9/16", "b", "fs/9/16/"),
            ("s3://my.old_Bucket-1/x", "my.old_Bucket-1", "x/"),
            ("s3://b/a b%2F+é/", "b", "a b%2F+é/"),
            ("s3://b/", "b", ""),
            ("s3://b", "b", ""),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!((&*address.bucket, &*address.prefix), (bucket, prefix));
        }
    }

    #[test]
    fn what_is_not_an_address_is_told_what_one_looks_like() {
        for text in [
            "",
            "b/x/",
            "S3://b/x",
            "https://b/x",
            "s3://",
            "s3:///x/",
            "s3://b//x",
            "s3://b/x//",
            "s3://a b/x",
        ] {
            let error = text.parse::<Address>().expect_err(text);
            assert!(error.contains("s3://BUCKET/"), "{text}: {error}");
        }
    }
}
