//! S1: what is told, and is no suspect, is what was written, but for bytes that are marked unhashed.

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::salvage::record::{Class, Kind as Told};
use firedrill_sim::voron::{Content, Kind, Record};

use super::super::fate::name;
use super::super::property::{Property, Violation};
use super::super::told::{Line, Members, Object};
use super::Evidence;

pub(super) fn check(evidence: &Evidence<'_>, out: &mut Vec<Violation>) {
    for line in &evidence.strange {
        if !(line.unhashed && lost_its_name(evidence, line)) {
            let sentence = format!(
                "{:?} {} etag {} was never written",
                line.kind, line.key, line.etag
            );
            out.push(Violation::of_run(Property::S1, sentence));
        }
    }
    let mut told = BTreeSet::new();
    for (nth, lines) in &evidence.lines {
        let record = &evidence.fates.truth().records[*nth];
        for line in lines {
            let object = object(evidence, line, record);
            if let Some(key) = object.as_ref().map(|(key, _)| key.clone()) {
                told.insert(key);
            }
            let is_excused = line.unhashed && is_hurt_at_its_end(evidence, line, record);
            if is_excused {
                continue;
            }
            if let Err(why) = is_as_written(record, line, object.map(|(_, object)| object)) {
                let sentence = format!("{} is told as {:?}, but {why}", name(record), line.class);
                out.push(Violation::at(Property::S1, *nth, sentence));
            }
        }
    }
    let excused = evidence.lines.iter().any(|(nth, lines)| {
        let record = &evidence.fates.truth().records[*nth];
        lines
            .iter()
            .any(|line| line.unhashed && is_hurt_at_its_end(evidence, line, record))
    });
    let extra = evidence
        .told
        .objects
        .keys()
        .filter(|key| !told.contains(*key) && key.0 != Class::Suspect);
    for (class, section, change_vector) in extra {
        if !excused && evidence.strange.is_empty() {
            let sentence =
                format!("the {class:?} dump has {section} {change_vector}, which the list lacks");
            out.push(Violation::of_run(Property::S1, sentence));
        }
    }
    contents(evidence, out);
}

/// Every content, in a dump or beside them, has the bytes that its hash stands for.
fn contents(evidence: &Evidence<'_>, out: &mut Vec<Violation>) {
    let written = evidence.fates.truth().attachments.iter();
    let written: BTreeMap<&str, &[u8]> = written
        .map(|one| (one.hash.as_str(), &one.content[..]))
        .collect();
    for ((class, hash), bytes) in &evidence.told.contents {
        if *class != Class::Suspect && written.get(hash.as_str()) != Some(&&bytes[..]) {
            let sentence =
                format!("the content {hash} in the {class:?} dump is not what was attached");
            out.push(Violation::of_run(Property::S1, sentence));
        }
    }
    for (hash, bytes) in &evidence.told.leftovers {
        if written.get(hash.as_str()) != Some(&&bytes[..]) {
            let sentence = format!("the content {hash} beside the dumps is not what was attached");
            out.push(Violation::of_run(Property::S1, sentence));
        }
    }
}

/// Whether the end of a large row's value, where no checksum looks, holds its name.
fn lost_its_name(evidence: &Evidence<'_>, line: &Line) -> bool {
    let records = evidence.fates.truth().records.iter();
    let mut records =
        records.filter(|record| super::super::fate::kind(record.kind) == Some(line.kind));
    records.any(|record| {
        let mut places = record.places.iter();
        places.any(|place| place.page == line.page && evidence.fates.end_is_hurt(place))
    })
}

/// Whether the bytes at the end of the value that no checksum covers may be wrong: in the data file, or in a page
/// out of a transaction whose own hash is false.
fn is_hurt_at_its_end(evidence: &Evidence<'_>, line: &Line, record: &Record) -> bool {
    let is_of_journal = line.place == "journals" && !evidence.fates.calm_journals;
    let mut places = record.places.iter();
    is_of_journal || places.any(|place| evidence.fates.end_is_hurt(place))
}

type Key = (Class, String, String);

/// The object of a dump that a line stands for, if its kind has any.
fn object<'a>(
    evidence: &Evidence<'a>,
    line: &Line,
    record: &Record,
) -> Option<(Key, Option<&'a Object>)> {
    let section = match line.kind {
        Told::Document => "Docs",
        Told::Revision => "RevisionDocuments",
        Told::Conflict => "Conflicts",
        Told::Counters => "CounterGroups",
        Told::TimeSeries => "TimeSeries",
        Told::DeletedRange => "TimeSeriesDeletedRanges",
        Told::Attachment | Told::Tombstone => return None,
    };
    let key = (line.class, section.to_owned(), change_vector(record));
    let object = evidence.told.objects.get(&key);
    Some((key, object))
}

/// A record's change vector.
fn change_vector(record: &Record) -> String {
    let column = match record.kind {
        Kind::Document => 4,
        Kind::Revision if record.columns.len() > 12 => 12,
        Kind::Revision => 0,
        Kind::Tombstone => 7,
        Kind::Attachment => 6,
        _ => 2,
    };
    String::from_utf8_lossy(&record.columns[column]).into_owned()
}

fn is_as_written(
    record: &Record,
    line: &Line,
    object: Option<Option<&Object>>,
) -> Result<(), String> {
    let written = change_vector(record);
    if line
        .change_vector
        .as_ref()
        .is_some_and(|told| *told != written)
    {
        return Err(format!(
            "its change vector is {written}, not {:?}",
            line.change_vector
        ));
    }
    let Some(object) = object else {
        return Ok(());
    };
    let object = object.ok_or("no dump has it")?;
    match &record.content {
        Content::Json(text) if record.kind == Kind::Conflict => {
            let written = Members::read(text).ok_or("the writer's text is no JSON")?;
            let told = object
                .members
                .inside("Doc")
                .ok_or("its document is not there")?;
            body(&written, &told)?;
            metadata(&written, &told, &[])
        }
        Content::Json(text) => {
            let written = Members::read(text).ok_or("the writer's text is no JSON")?;
            body(&written, &object.members)?;
            let added = ["@id", "@change-vector", "@last-modified", "@flags"];
            metadata(&written, &object.members, &added)?;
            let metadata = object.members.inside("@metadata").unwrap_or_default();
            let column = if record.kind == Kind::Document { 2 } else { 4 };
            same(
                "@id",
                &metadata.text("@id"),
                &lazy_string(&record.columns[column]),
            )
        }
        Content::Counters(written) => counters(written, object),
        Content::Entries(_) => match &object.bytes {
            Some(bytes) if *bytes == record.columns[3] => Ok(()),
            _ => Err("its segment has other bytes".to_owned()),
        },
        Content::Columns => Ok(()),
    }
}

/// All members but the metadata, in their order and with their literals.
fn body(written: &Members, told: &Members) -> Result<(), String> {
    let of = |members: &Members| -> Vec<(String, String)> {
        let all = members.0.iter();
        all.filter(|(name, _)| name != "@metadata")
            .map(|(name, value)| (name.clone(), value.get().to_owned()))
            .collect()
    };
    let (written, told) = (of(written), of(told));
    if written == told {
        return Ok(());
    }
    let differing = written
        .iter()
        .zip(&told)
        .find(|(written, told)| written != told);
    let short = |text: &str| text.chars().take(60).collect::<String>();
    Err(match differing {
        Some(((name, value), (other, told))) => {
            format!("{name} is {}, not {other} {}", short(value), short(told))
        }
        None => format!("it has {} members, not {}", written.len(), told.len()),
    })
}

/// The metadata, but for what an export adds, in any order.
fn metadata(written: &Members, told: &Members, added: &[&str]) -> Result<(), String> {
    let of = |members: &Members| -> BTreeMap<String, String> {
        let metadata = members.inside("@metadata").unwrap_or_default();
        let all = metadata.0.into_iter();
        all.filter(|(name, _)| !added.contains(&name.as_str()))
            .map(|(name, value)| (name, value.get().to_owned()))
            .collect()
    };
    same("@metadata", &of(told), &of(written))
}

/// Names and totals of a group's counters.
fn counters(written: &[(String, Option<i64>)], object: &Object) -> Result<(), String> {
    let values = object.members.inside("Values").unwrap_or_default();
    let values = values.inside("@vals").ok_or("its values are not there")?;
    let told = values.0.iter().map(|(name, value)| {
        let pairs: Option<Vec<i64>> = serde_json::from_str(value.get()).ok();
        let total = pairs.map(|pairs| {
            let parts = pairs.iter().step_by(2);
            parts.fold(0_i64, |sum, part| sum.wrapping_add(*part))
        });
        (name.clone(), total)
    });
    let told: BTreeMap<String, Option<i64>> = told.collect();
    same("its counters", &told, &written.iter().cloned().collect())
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, told: &T, written: &T) -> Result<(), String> {
    match told == written {
        true => Ok(()),
        false => Err(format!("{what}: {written:?} was written, {told:?} is told")),
    }
}

/// Text with its length in front: at most two bytes of it are read, for no id is longer.
fn lazy_string(column: &[u8]) -> Option<String> {
    let (first, rest) = column.split_first()?;
    let (length, rest) = match first & 0x80 {
        0 => (usize::from(*first), rest),
        _ => {
            let (second, rest) = rest.split_first()?;
            (usize::from(first & 0x7f) | usize::from(*second) << 7, rest)
        }
    };
    String::from_utf8(rest.get(..length)?.to_vec()).ok()
}
