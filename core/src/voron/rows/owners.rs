//! Which table a page belongs to, told by the hash in its header.
//!
//! The hash is XXH64 of the table's name, seed 0. Names of tables hold names of collections in lower case, so
//! a set of collections (from the rows of `Collections`, from documents' metadata, from tombstones) gives all
//! hashes of a database.

use std::collections::BTreeMap;

use crate::voron::checksum::xxh64;
use crate::voron::text::lower_case;

use super::Table;

/// Whose rows a page holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Their table.
    pub table: Table,
    /// Their collection in lower case, where the table belongs to one.
    pub collection: Option<String>,
}

/// Owners by their hashes.
#[derive(Debug, Clone)]
pub struct Owners(BTreeMap<u64, Owner>);

/// Tables of each collection, by what their names begin with.
const OF_COLLECTIONS: [(&str, Table); 8] = [
    ("Collection.Documents.", Table::Documents),
    ("Collection.Tombstones.", Table::Tombstones),
    ("Collection.Revisions.", Table::Revisions),
    ("Collection.CounterGroups.", Table::CounterGroups),
    ("Collection.Counters.", Table::LegacyCounters),
    ("Collection.TimeSeries.", Table::TimeSeries),
    ("Collection.TimeSeriesStats.", Table::TimeSeriesStats),
    ("Collection.TimeSeriesDeletedRanges.", Table::DeletedRanges),
];

/// Tables that a database has once.
const OF_THE_DATABASE: [(&str, Table); 5] = [
    ("AttachmentsMetadata", Table::Attachments),
    ("Collections", Table::Collections),
    ("Conflicts", Table::Conflicts),
    ("Revisions.Tombstones", Table::Tombstones),
    ("Attachments.Tombstones", Table::Tombstones),
];

impl Default for Owners {
    fn default() -> Self {
        let named = OF_THE_DATABASE.into_iter().map(|(name, table)| {
            let owner = Owner {
                table,
                collection: None,
            };
            (xxh64(0, name.as_bytes()), owner)
        });
        Self(named.collect())
    }
}

impl Owners {
    /// The owners in a database of these collections, and the tables that every database has.
    pub fn of_collections<'a>(collections: impl IntoIterator<Item = &'a str>) -> Self {
        let mut owners = Self::default();
        for collection in collections {
            owners.add_collection(collection);
        }
        owners
    }

    /// Adds a collection, whatever its case.
    pub fn add_collection(&mut self, collection: &str) {
        let lower = lower_case(collection);
        for (prefix, table) in OF_COLLECTIONS {
            let name = format!("{prefix}{lower}");
            let owner = Owner {
                table,
                collection: Some(lower.clone()),
            };
            self.0.insert(xxh64(0, name.as_bytes()), owner);
        }
    }

    /// Whose hash it is.
    pub fn resolve(&self, hash: u64) -> Option<&Owner> {
        self.0.get(&hash)
    }
}
