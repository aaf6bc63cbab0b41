//! That the schema describes the reports: every report that a test reads is held against it; here, that it would see a
//! difference, and that it has all names.

use firedrill_core::amend::{Chosen, Class, State, Verified};
use firedrill_core::object::Operation;
use firedrill_core::salvage::Use;
use firedrill_core::salvage::record::{self, Kind};
use firedrill_sim::fixture::Table;
use firedrill_sim::fuse::Flavour;
use serde::Serialize;
use serde_json::{Value, json};

use super::schema_file::{assert_fits, assert_strict};
use super::{World, finish, json as document};

/// The report of a table of which some objects are intact, deleted, overwritten and lost.
async fn report() -> Value {
    let mut table = Table::usual(Flavour::V1_2_895);
    let [segments, blocks] = [Class::Segment, Class::Block].map(|class| table.keys_of(class));
    table.delete(&blocks[blocks.len() - 1]);
    table.put(&blocks[1], "garbage");
    table.delete(&segments[0]);
    table.purge(&segments[0]);
    let address = format!("s3://lake/{}", table.prefix);
    let world = World::new(table.store.bucket, Vec::new()).await;
    let report = document(&finish(world.amend(&[&address, "--json"])).await);
    for decision in ["intact", "remove-markers", "copy-version", "lost"] {
        assert!(report["counts"][decision].as_u64() > Some(0), "{report}");
    }
    report
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_missing_or_new_or_of_another_kind_is_seen() {
    let report = report().await;
    assert_fits("amend", &report);
    let seen = assert_strict("amend", &report, &["counts", "requests"], &[]);
    assert!(
        seen.iter().any(|path| path == "/below_lost/0/rows"),
        "{seen:?}"
    );
}

/// The names at a place of the schema.
fn listed(path: &str) -> Vec<String> {
    let schema = include_str!("../../../docs/report.schema.json");
    let schema: Value = serde_json::from_str(schema).expect("the schema is JSON");
    let names = schema
        .pointer(&format!("/$defs/{path}/enum"))
        .and_then(Value::as_array);
    let names = names.unwrap_or_else(|| panic!("{path} lists names"));
    names
        .iter()
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect()
}

fn names<T: Serialize>(values: &[T]) -> Vec<String> {
    let names = values.iter().map(|value| json!(value));
    names
        .map(|name| name.as_str().expect("a name").to_owned())
        .collect()
}

#[test]
fn the_names_are_those_of_the_reports() {
    assert_eq!(
        listed("amend/properties/state"),
        names(&[
            State::Complete,
            State::Partial,
            State::Refused,
            State::Interrupted
        ])
    );
    assert_eq!(
        listed("commit/properties/chosen_by"),
        names(&[
            Chosen::Hint,
            Chosen::AsOf,
            Chosen::Snapshot,
            Chosen::NewestSnapshot
        ])
    );
    assert_eq!(
        listed("object/properties/class"),
        names(&[
            Class::Block,
            Class::BloomIndex,
            Class::InvertedIndex,
            Class::VectorIndex,
            Class::SpatialIndex,
            Class::VirtualColumn,
            Class::SegmentStatistics,
            Class::TableStatistics,
            Class::Segment,
            Class::Snapshot,
            Class::Hint,
            Class::Object,
        ])
    );
    assert_eq!(
        listed("object/properties/verified"),
        names(&[Verified::Content, Verified::Unverified])
    );
    assert_eq!(
        listed("amend/properties/requests/propertyNames"),
        names(&[
            Operation::GetBucketVersioning,
            Operation::ListObjectVersions,
            Operation::GetObject,
            Operation::DeleteObjects,
            Operation::CopyObject,
            Operation::PutObject,
        ])
    );
    assert_eq!(
        listed("salvage/properties/counts/additionalProperties/propertyNames"),
        names(&record::Class::ALL)
    );
    assert_eq!(
        listed("kind"),
        names(&[
            Kind::Document,
            Kind::Revision,
            Kind::Conflict,
            Kind::Counters,
            Kind::TimeSeries,
            Kind::DeletedRange,
            Kind::Attachment,
            Kind::Tombstone,
        ])
    );
    assert_eq!(
        listed("use"),
        names(&[
            Use::Unexplained,
            Use::Zero,
            Use::Empty,
            Use::Rows,
            Use::Section,
            Use::Tree,
            Use::Stream,
            Use::Other,
            Use::Repaired,
            Use::Damaged,
            Use::Unreadable,
            Use::Stray,
            Use::Header,
            Use::Redone,
            Use::History,
            Use::DamagedTransaction,
            Use::Padding,
        ])
    );
}
