//! A moment as the caller gives it. The crate reads no clock.

use serde::{Deserialize, Serialize};

/// A moment in **milliseconds** since 1970-01-01T00:00:00Z.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The whole second that S3 shows: LastModified has a resolution of one second, everywhere.
    pub fn truncated(self) -> Self {
        Self(self.seconds() * 1000)
    }

    /// Whole seconds since 1970.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}
