//! The words for kinds, classes and uses, the same in the terminal and on the page.

use firedrill_core::salvage::Use;
use firedrill_core::salvage::record::Kind;

/// Records of a kind, as a noun.
pub(super) fn of_kind(kind: Kind, count: u64) -> &'static str {
    let (one, more) = match kind {
        Kind::Document => ("document", "documents"),
        Kind::Revision => ("revision", "revisions"),
        Kind::Conflict => ("conflict", "conflicts"),
        Kind::Counters => ("counter group", "counter groups"),
        Kind::TimeSeries => ("time series segment", "time series segments"),
        Kind::DeletedRange => ("deleted time series range", "deleted time series ranges"),
        Kind::Attachment => ("attachment", "attachments"),
        Kind::Tombstone => ("tombstone", "tombstones"),
    };
    if count == 1 { one } else { more }
}

/// Every use, the damaged ones first.
pub(super) const USES: [Use; 17] = [
    Use::Unreadable,
    Use::Damaged,
    Use::DamagedTransaction,
    Use::Unexplained,
    Use::Repaired,
    Use::Rows,
    Use::Stream,
    Use::Redone,
    Use::History,
    Use::Tree,
    Use::Section,
    Use::Header,
    Use::Other,
    Use::Stray,
    Use::Empty,
    Use::Padding,
    Use::Zero,
];

/// What a use is called, and what it means.
pub(super) fn of_use(what: Use) -> (&'static str, &'static str) {
    match what {
        Use::Unreadable => ("unreadable", "the device refuses to read it"),
        Use::Damaged => ("damaged", "pages whose checksum is false beyond repair"),
        Use::DamagedTransaction => (
            "damaged transactions",
            "of a journal, their hash is false beyond repair",
        ),
        Use::Unexplained => ("unexplained", "not looked at"),
        Use::Repaired => ("repaired", "one flipped bit was taken back"),
        Use::Rows => ("rows", "documents and all other records"),
        Use::Stream => ("streams", "attachments' contents, and indexes"),
        Use::Redone => ("redone", "transactions of journals that were redone"),
        Use::History => (
            "history",
            "transactions of journals that the data file has already",
        ),
        Use::Tree => ("trees", "what the server finds records by"),
        Use::Section => ("sections", "where there is room for rows"),
        Use::Header => ("headers", "where the newest transaction is"),
        Use::Other => ("other pages", "whole, of kinds that hold no records"),
        Use::Stray => ("stray", "belongs to no page and to no transaction"),
        Use::Empty => ("empty pages", "whole, with nothing in them"),
        Use::Padding => ("padding", "between a journal's transactions"),
        Use::Zero => ("zeros", "never written, or wiped"),
    }
}

/// A number and its noun.
pub(super) fn counted(count: u64, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}
