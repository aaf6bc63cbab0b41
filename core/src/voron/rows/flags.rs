//! What a document's flags say.

/// The flags of a document, a revision or a tombstone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u32);

const NAMES: [(u32, &str); 14] = [
    (0x1, "Artificial"),
    (0x2, "HasRevisions"),
    (0x4, "DeleteRevision"),
    (0x8, "FromOldDocumentRevision"),
    (0x10, "FromIndex"),
    (0x20, "Revision"),
    (0x40, "FromReplication"),
    (0x100, "HasAttachments"),
    (0x200, "Resolved"),
    (0x400, "Conflicted"),
    (0x800, "HasCounters"),
    (0x1000, "FromClusterTransaction"),
    (0x2000, "Reverted"),
    (0x4000, "HasTimeSeries"),
];

impl Flags {
    /// The document has attachments.
    pub const HAS_ATTACHMENTS: Self = Self(0x100);
    /// The document has counters.
    pub const HAS_COUNTERS: Self = Self(0x800);
    /// The document has time series.
    pub const HAS_TIME_SERIES: Self = Self(0x4000);
    /// The revision says that the document was deleted.
    pub const DELETE_REVISION: Self = Self(0x4);

    /// Whether any of `others` is set.
    pub fn any(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }

    /// These flags without `others`.
    #[must_use]
    pub fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Bits that have no name here: of a later release, or damage.
    pub fn unknown(self) -> u32 {
        NAMES.iter().fold(self.0, |rest, (bit, _)| rest & !bit)
    }

    /// The names of the flags that are set, in the order of their bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES
            .iter()
            .filter(move |(bit, _)| self.0 & bit != 0)
            .map(|(_, name)| *name)
    }
}
