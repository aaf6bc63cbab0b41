//! The names and stamps that object storage gives to things.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl Ord for $name {
            /// By the bytes of the text. One text is often compared with itself: maps are asked with the
            /// keys that other maps hold.
            fn cmp(&self, other: &Self) -> Ordering {
                if Arc::ptr_eq(&self.0, &other.0) {
                    return Ordering::Equal;
                }
                self.0.cmp(&other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl $name {
            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<T: Into<Arc<str>>> From<T> for $name {
            fn from(text: T) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }
    };
}

text! {
    /// An object's full key in its bucket, without a leading slash.
    Key
}
text! {
    /// A version id as the bucket gave it. The id `null` belongs to what was written while versioning was
    /// not enabled ("a null version ID", S3 user guide, "How S3 Versioning works"), and is the only id
    /// that can come to name something else later.
    VersionId
}
text! {
    /// An entity tag as the bucket gave it, quotes included. Equal tags prove equal bytes; unequal ones
    /// prove nothing (multipart uploads, KMS).
    ETag
}

impl VersionId {
    /// Whether this is the id `null`.
    pub fn is_null(&self) -> bool {
        self.as_str() == "null"
    }
}

/// A moment in data, as somebody's clock gave it: **microseconds** since 1970-01-01T00:00:00Z.
///
/// Microseconds, because the snapshots of Databend 1.2.453 are stamped with them and several commits can
/// fall into one millisecond. S3's own stamps have a resolution of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(pub i64);

impl WallTime {
    /// Reads an RFC 3339 date and time. What is finer than a microsecond is cut off.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let moment =
            time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339);
        let nanoseconds = moment.ok()?.unix_timestamp_nanos();
        i64::try_from(nanoseconds.div_euclid(1000)).ok().map(Self)
    }

    /// Writes it as RFC 3339 in UTC.
    pub fn to_rfc3339(self) -> String {
        time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1000)
            .ok()
            .and_then(|moment| {
                moment
                    .format(&time::format_description::well_known::Rfc3339)
                    .ok()
            })
            .unwrap_or_else(|| format!("{} µs since 1970", self.0))
    }
}

impl Serialize for WallTime {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_rfc3339())
    }
}

impl<'de> Deserialize<'de> for WallTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse_rfc3339(&text)
            .ok_or_else(|| serde::de::Error::custom(format!("not an RFC 3339 time: {text}")))
    }
}

/// What a body was, in 32 bytes: SHA-256, so that equal digests may be taken for equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a body that is held in memory.
    pub fn of(body: &[u8]) -> Self {
        let mut digester = Digester::default();
        digester.update(body);
        digester.finish()
    }
}

/// Computes a [`Digest`] of a body that arrives in pieces.
#[derive(Debug, Clone, Default)]
pub struct Digester(sha2::Sha256);

impl Digester {
    /// Takes the next piece of the body.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}
