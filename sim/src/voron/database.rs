//! From a specification to the files of a database, and the truth about them.

use std::collections::{BTreeMap, BTreeSet};

use super::bytes::joined;
use super::life::Life;
use super::specification::{DatabaseSpec, bounds};
use super::store::Store;
use super::truth::{Kind, State, Truth};

/// The files of a database that was killed, and what is in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// `Raven.voron`.
    pub data: Vec<u8>,
    /// `headers.one` and `headers.two`.
    pub headers: [Vec<u8>; 2],
    /// The files of the folder `Journals` by name.
    pub journals: Vec<(String, Vec<u8>)>,
    /// What the writer knows.
    pub truth: Truth,
}

impl Database {
    /// The database that this specification describes.
    pub fn write(spec: &DatabaseSpec) -> Self {
        let mut life = Life::new(spec);
        for operation in spec.operations.iter().take(bounds::OPERATIONS_MAX) {
            life.perform(operation);
        }
        life.finish()
    }
}

impl Store {
    /// What is left when the process is killed.
    pub(super) fn finish(mut self) -> Database {
        let states = self.states();
        let encrypted = self.spec.master_key.is_some();
        if encrypted {
            self.checkpoint(true);
        }
        let Self {
            places,
            streams,
            files,
            journals,
            file,
            records,
            dictionaries,
            pages,
            ..
        } = self;
        let (journals, transactions) = if encrypted {
            (Vec::new(), Vec::new())
        } else {
            journals.finish()
        };
        let whole: BTreeSet<u64> = transactions
            .iter()
            .filter(|transaction| transaction.file.is_some())
            .map(|transaction| transaction.number)
            .collect();
        let in_journal = |number: u64| whole.contains(&number);
        let place = |number: usize| {
            let mut place = places.finish(number, &file.data, &in_journal)?;
            if encrypted {
                place.unhashed = 0..0;
            }
            Some(place)
        };
        let records = records
            .into_iter()
            .zip(states)
            .filter_map(|(written, state)| {
                let mut record = written.record;
                record.state = state;
                record.places = written.places.into_iter().filter_map(&place).collect();
                (!record.places.is_empty()).then_some(record)
            })
            .collect();
        let dictionaries = dictionaries
            .into_iter()
            .map(|one| {
                let mut dictionary = one.dictionary;
                dictionary.run = one.place.and_then(&place);
                dictionary
            })
            .collect();
        let truth = Truth {
            records,
            attachments: streams.finish(&place),
            files: files.finish(&place),
            dictionaries,
            transactions,
            file_pages: file.uses,
            pages: pages.uses().to_vec(),
            applied: file.applied,
            synced: file.synced,
        };
        Database {
            data: if encrypted { file.encrypted } else { file.data },
            headers: file.headers,
            journals,
            truth,
        }
    }

    /// What became of each record: a row, replaced by one, or gone with or without a tombstone.
    fn states(&mut self) -> Vec<State> {
        let live = self.live();
        let mut rows = BTreeSet::new();
        let mut buried: BTreeMap<u8, BTreeSet<Vec<u8>>> = BTreeMap::new();
        for number in &live {
            let record = &self.records[*number].record;
            rows.insert((record.kind, record.key.clone()));
            if record.kind == Kind::Tombstone {
                let what = record.columns[4][0];
                buried
                    .entry(what)
                    .or_default()
                    .insert(record.columns[0].clone());
            }
        }
        let is_buried =
            |what: u8, key: &[u8]| buried.get(&what).is_some_and(|keys| keys.contains(key));
        let state = |(number, written): (usize, &super::store::Written)| {
            let record = &written.record;
            if live.contains(&number) {
                return State::Live;
            }
            if rows.contains(&(record.kind, record.key.clone())) {
                return State::Older;
            }
            let deleted = match record.kind {
                Kind::Document => is_buried(1, &record.key),
                Kind::Attachment => is_buried(2, &record.key),
                Kind::Revision => {
                    let id = record.document.as_deref().unwrap_or_default();
                    is_buried(3, &joined(&[id.as_bytes(), &record.key]))
                }
                _ => false,
            };
            if deleted { State::Deleted } else { State::Gone }
        };
        self.records.iter().enumerate().map(state).collect()
    }
}
