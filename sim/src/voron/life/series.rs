//! Time series: segments, statistics, deleted ranges.

use super::{LOOKS, Life};
use crate::voron::bytes::lower;
use crate::voron::checksum::xxh64;
use crate::voron::rows::{self, SeriesStatistics};
use crate::voron::segment::segment;
use crate::voron::specification::bounds;
use crate::voron::store::NewRow;
use crate::voron::truth::{Content, Entry, Kind};

/// A series of a document.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) name: String,
    values: usize,
    /// Its segments in order, each the entries that its row holds.
    segments: Vec<Vec<Entry>>,
}

const TICKS_PER_MS: i64 = 10_000;
const START_MS: i64 = 63_842_000_000_000;
const TAGS: [&str; 4] = ["watches/fitbit", "", "größe \"x\"", "a\nb"];

impl Life {
    pub(super) fn append(&mut self, number: u16, series: u8, entries: u16, values: u8) {
        if !self.is_live(number) || entries == 0 {
            return;
        }
        let seed = self.seed;
        let document = self.documents.get_mut(&number).expect("it is live");
        let one = document.series.entry(series).or_insert_with(|| Series {
            name: series_name(series),
            values: usize::from(values.clamp(1, bounds::VALUES_MAX)),
            segments: Vec::new(),
        });
        let entity = u64::from(number) << 8 | u64::from(series);
        let mut open = one.segments.pop().unwrap_or_default();
        let mut last = open
            .last()
            .map(|entry| (entry.time_ms, entry.value_bits.clone()));
        let before: usize = one.segments.iter().map(Vec::len).sum::<usize>() + open.len();
        for nth in 0..usize::from(entries.min(bounds::ENTRIES_MAX)) {
            let address = (before + nth) as u64;
            let draw = |what: u64| seed.draw(LOOKS, entity, address << 8 | what);
            let entry = drawn_entry(&draw, last.as_ref(), one.values);
            last = Some((entry.time_ms, entry.value_bits.clone()));
            open.push(entry);
        }
        let from = one.segments.len();
        one.segments.push(open);
        self.write_segments(number, series, from);
        self.write_statistics(number, series);
        self.rewrite_document(number);
    }

    pub(super) fn delete_range(&mut self, number: u16, series: u8) {
        if !self.is_live(number) {
            return;
        }
        let document = self.documents.get_mut(&number).expect("it is live");
        let Some(one) = document.series.get_mut(&series) else {
            return;
        };
        let live: Vec<i64> = one.live().map(|entry| entry.time_ms).collect();
        let Some(first) = live.first().copied() else {
            return;
        };
        let last = live[(live.len() - 1) / 2];
        let (values, mut touched) = (one.values, one.segments.len());
        for (nth, segment) in one.segments.iter_mut().enumerate() {
            for entry in segment
                .iter_mut()
                .filter(|entry| entry.live && entry.time_ms <= last)
            {
                entry.live = false;
                entry.value_bits = vec![0; values];
                entry.tag = None;
                touched = touched.min(nth);
            }
        }
        let name = one.name.clone();
        self.write_segments(number, series, touched);
        self.write_statistics(number, series);
        self.write_range(number, &name, first * TICKS_PER_MS, last * TICKS_PER_MS);
    }

    /// A document's series go with it; the range that says so is all of time.
    pub(super) fn drop_series(&mut self, number: u16) {
        let document = self.documents.get_mut(&number).expect("who calls has it");
        let id = document.id.clone();
        let collection = document.collection;
        for series in std::mem::take(&mut document.series).into_values() {
            let segments = self.table(Kind::TimeSeries, collection);
            for entries in &series.segments {
                let key = segment_key(&id, &series.name, entries);
                self.store.remove(Kind::TimeSeries, &segments, &key);
            }
            let statistics = self.table(Kind::TimeSeriesStatistics, collection);
            let key = rows::series_key(&id, &series.name, None);
            self.store
                .remove(Kind::TimeSeriesStatistics, &statistics, &key);
            self.write_range(number, &series.name, 0, 3_155_378_975_999_999_999);
        }
    }

    /// Writes the segments from this one on, cut anew where one does not hold its entries.
    fn write_segments(&mut self, number: u16, series: u8, from: usize) {
        let document = &self.documents[&number];
        let (id, collection) = (document.id.clone(), document.collection);
        let one = &document.series[&series];
        let (name, values) = (one.name.clone(), one.values);
        let table = self.table(Kind::TimeSeries, collection);
        let collection_name = self.collections[collection].clone();
        let mut written = one.segments[..from].to_vec();
        let pending = one.segments[from..].to_vec();
        for entries in pending {
            let mut rest = &entries[..];
            while !rest.is_empty() {
                let (bytes, taken) = segment(rest, values);
                let (these, behind) = rest.split_at(taken);
                let key = segment_key(&id, &name, these);
                let stamp = self.stamp(0);
                let columns = rows::time_series(key.clone(), bytes, &collection_name, &stamp);
                self.store.put(NewRow {
                    kind: Kind::TimeSeries,
                    table: table.clone(),
                    key,
                    document: Some(lower(&id)),
                    etag: stamp.etag,
                    columns,
                    content: Content::Entries(these.to_vec()),
                });
                written.push(these.to_vec());
                rest = behind;
            }
        }
        let document = self.documents.get_mut(&number).expect("it was there");
        let one = document.series.get_mut(&series).expect("it was there");
        one.segments = written;
    }

    fn write_statistics(&mut self, number: u16, series: u8) {
        let stamp = self.stamp(0);
        let document = &self.documents[&number];
        let one = &document.series[&series];
        let ticks = |entry: Option<&Entry>| entry.map_or(0, |one| one.time_ms * TICKS_PER_MS);
        let statistics = SeriesStatistics {
            name: &one.name,
            start: ticks(one.live().next()),
            end: ticks(one.live().last()),
            live: one.live().count() as i64,
        };
        let key = rows::series_key(&document.id, &one.name, None);
        let flavour = self.store.spec.flavour;
        let columns = rows::time_series_statistics(flavour, key.clone(), statistics, &stamp);
        let row = NewRow {
            kind: Kind::TimeSeriesStatistics,
            table: self.table(Kind::TimeSeriesStatistics, document.collection),
            key,
            document: Some(lower(&document.id)),
            etag: 0,
            columns,
            content: Content::Columns,
        };
        self.store.put(row);
    }

    fn write_range(&mut self, number: u16, name: &str, from: i64, to: i64) {
        let stamp = self.stamp(0);
        let document = &self.documents[&number];
        let tail = xxh64(stamp.change_vector.as_bytes(), 0).to_be_bytes();
        let key = rows::series_key(&document.id, name, Some(tail));
        let collection = &self.collections[document.collection];
        let columns = rows::deleted_range(key.clone(), collection, from, to, &stamp);
        let row = NewRow {
            kind: Kind::DeletedRange,
            table: self.table(Kind::DeletedRange, document.collection),
            key,
            document: Some(lower(&document.id)),
            etag: stamp.etag,
            columns,
            content: Content::Columns,
        };
        self.store.put(row);
    }
}

impl Series {
    fn live(&self) -> impl Iterator<Item = &Entry> {
        self.segments.iter().flatten().filter(|entry| entry.live)
    }
}

fn series_name(number: u8) -> String {
    match number % 3 {
        0 => format!("Heartrate{number}"),
        1 => format!("größe {number}"),
        _ => format!("stock prices/{number}"),
    }
}

fn segment_key(id: &str, name: &str, entries: &[Entry]) -> Vec<u8> {
    let baseline = entries.first().map_or(0, |entry| entry.time_ms);
    rows::series_key(id, name, Some(baseline.to_be_bytes()))
}

/// The entry behind the last one: regular or not, its values near the last ones or anything.
fn drawn_entry(draw: &dyn Fn(u64) -> u64, last: Option<&(i64, Vec<u64>)>, values: usize) -> Entry {
    let step = match draw(0) % 9 {
        0 => 1 + draw(1) % 3_000_000,
        1 => 1 + draw(1) % 5_000,
        2 => 61_000,
        3 if draw(1).is_multiple_of(50) => 3_000_000_000,
        _ => 60_000,
    };
    let time_ms = last.map_or(START_MS + (draw(1) % (1 << 36)) as i64, |(time, _)| {
        time + step as i64
    });
    let value = |nth: usize| {
        let drawn = draw(2 + nth as u64);
        let before = last.and_then(|(_, values)| values.get(nth).copied());
        match (draw(60 + nth as u64) % 8, before) {
            (0, _) => f64::from_bits(drawn & !(0x7FF << 52) | (1023 << 52)).to_bits(),
            (1, _) => (drawn as u32 as f64).to_bits(),
            (2, _) => f64::INFINITY.to_bits(),
            (3, _) if values > 1 => 0xFFF8_0000_0000_0000,
            (4, Some(before)) if !f64::from_bits(before).is_nan() => {
                (f64::from_bits(before) + 0.5).to_bits()
            }
            (_, Some(before)) => before,
            (_, None) => 72.5f64.to_bits(),
        }
    };
    Entry {
        time_ms,
        value_bits: (0..values).map(value).collect(),
        tag: match draw(100) % 12 {
            nth @ 0..4 => Some(TAGS[nth as usize].to_owned()),
            4..10 => None,
            _ => Some(TAGS[0].to_owned()),
        },
        live: true,
    }
}
