//! The trees over a store's rows and streams, laid out anew for what a transaction has changed.

use std::collections::{BTreeMap, BTreeSet};

use super::{Store, StoredDictionary, Table};
use crate::voron::pages::Pages;
use crate::voron::stream::Streams;
use crate::voron::tree::{Tree, Value};
use crate::voron::truth::Kind;

/// Entries up to which a tree of numbers stays embedded.
const EMBEDDED_MAX: usize = 24;

impl Store {
    pub(super) fn write_trees(&mut self) {
        let dirty = std::mem::take(&mut self.dirty);
        let kinds: BTreeSet<Kind> = dirty.iter().map(|(kind, _)| *kind).collect();
        for kind in kinds {
            self.write_kind(kind);
        }
        for name in dirty {
            let table = self.tables.get_mut(&name).expect("it was made dirty");
            write_table_tree(&mut self.pages, table);
        }
        let pages = &mut self.pages;
        write_streams(pages, &mut self.attachments, &mut self.streams);
        write_streams(pages, &mut self.file_tree, &mut self.files);
        if !self.dictionaries.is_empty() {
            let entry = |one: &StoredDictionary| {
                let key = one.dictionary.number.to_be_bytes().to_vec();
                (key, one.value.clone())
            };
            let entries: Vec<_> = self.dictionaries.iter().map(entry).collect();
            let leaves = self.dictionary_tree.write(&mut self.pages, &entries);
            for (one, leaf) in self.dictionaries.iter_mut().zip(leaves) {
                one.dictionary.leaf = leaf;
            }
        }
        self.write_root();
    }

    fn write_kind(&mut self, kind: Kind) {
        let mut keys = Vec::new();
        let mut etags = Vec::new();
        for ((one, _), table) in &self.tables {
            if *one != kind {
                continue;
            }
            for (key, row) in &table.rows {
                let id = row.id.to_le_bytes();
                keys.push((key.clone(), Value::Inline(id.to_vec())));
                etags.push((row.etag, id));
            }
        }
        keys.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        etags.sort_unstable();
        let (key_name, etag_name) = tree_names(kind);
        let tree = self
            .key_trees
            .entry(kind)
            .or_insert_with(|| Tree::new(key_name));
        tree.write(&mut self.pages, &keys);
        if let Some(name) = etag_name {
            let (tree, named) = self
                .etag_trees
                .entry(kind)
                .or_insert_with(|| (Tree::new(name), Vec::new()));
            *named = tree.write_numbers(&mut self.pages, &etags, EMBEDDED_MAX);
        }
    }

    fn write_root(&mut self) {
        let mut entries: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for (kind, tree) in &self.key_trees {
            entries.insert(tree_names(*kind).0.into(), tree.header(1, 0).to_vec());
        }
        for (kind, (_, named)) in &self.etag_trees {
            let name = tree_names(*kind).1.unwrap_or_default();
            entries.insert(name.into(), named.clone());
        }
        for ((_, name), table) in &self.tables {
            let header = table.tree.header(5, 2);
            entries.insert(name.clone().into_bytes(), header.to_vec());
        }
        if self.file_tree.is_written() {
            let header = self.file_tree.header(1, 0x10);
            entries.insert(b"Files".to_vec(), header.to_vec());
        }
        if self.attachments.is_written() {
            let header = self.attachments.header(1, 0x10);
            entries.insert(b"Attachments".to_vec(), header.to_vec());
        }
        if self.dictionary_tree.is_written() {
            let header = self.dictionary_tree.header(1, 0);
            entries.insert(b"CompressionDictionaries".to_vec(), header.to_vec());
        }
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(key, value)| (key, Value::Inline(value)))
            .collect();
        self.root.write(&mut self.pages, &entries);
    }
}

fn write_streams(pages: &mut Pages, tree: &mut Tree, streams: &mut Streams) {
    let entries = streams.entries();
    if !entries.is_empty() || tree.is_written() {
        let leaves = tree.write(pages, &entries);
        streams.laid_out(&leaves);
    }
}

fn write_table_tree(pages: &mut Pages, table: &mut Table) {
    let mut etags: Vec<(i64, [u8; 8])> = table
        .rows
        .values()
        .map(|row| (row.etag, row.id.to_le_bytes()))
        .collect();
    etags.sort_unstable();
    let named = table.etags.write_numbers(pages, &etags, EMBEDDED_MAX);
    let mut statistics = (table.rows.len() as i64).to_le_bytes().to_vec();
    statistics.extend_from_slice(&[0; 8]);
    let active = table.storage.active_section().to_le_bytes().to_vec();
    let entries = [
        (b"Active-Section".to_vec(), Value::Inline(active)),
        (b"CollectionEtags".to_vec(), Value::Inline(named)),
        (b"Stats".to_vec(), Value::Inline(statistics)),
    ];
    table.tree.write(pages, &entries);
}

/// Names of the trees that hold all rows of a kind by key and by etag.
fn tree_names(kind: Kind) -> (&'static str, Option<&'static str>) {
    match kind {
        Kind::Document => ("Docs", Some("AllDocsEtags")),
        Kind::Revision => ("RevisionsChangeVector", Some("AllRevisionsEtags")),
        Kind::Conflict => ("ConflictsChangeVector", Some("AllConflictedDocsEtags")),
        Kind::CounterGroup => ("CounterGroupKeys", Some("AllCounterGroupsEtags")),
        Kind::TimeSeries => ("TimeSeriesKeys", Some("AllTimeSeriesEtag")),
        Kind::TimeSeriesStatistics => ("TimeSeriesStatsKey", None),
        Kind::DeletedRange => ("DeletedRangesKey", Some("AllDeletedRangesEtag")),
        Kind::Tombstone => ("Tombstones", Some("AllTombstonesEtags")),
        Kind::Attachment => ("AttachmentsMetadataKeys", Some("AttachmentsEtag")),
        Kind::Collection => ("CollectionNames", None),
    }
}
