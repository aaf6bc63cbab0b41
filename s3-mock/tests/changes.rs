//! Random histories: the changes that a bucket tells, applied elsewhere, give an equal bucket, at any moment
//! and with the same future.

use bytes::Bytes;
use firedrill_s3_mock::{
    AsIs, Bucket, CopySource, ListVersions, PutOptions, StorageClass, Time, Versioning,
};
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Put { key: usize, body: u8 },
    Copy { from: usize, pick: usize, to: usize },
    Delete { key: usize },
    RemoveVersion { key: usize, pick: usize },
    Archive { key: usize, pick: usize },
    Restore { key: usize, pick: usize },
    AsIs { key: usize, id: usize },
    Version(Versioning),
    Knobs { page: u32, foreign: bool },
}

const KEYS: [&str; 3] = ["a", "a/b", "\u{10ffff}"];
const IDS: [&str; 3] = ["null", "elsewhere", "v0000000000000001"];

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..KEYS.len();
    let pick = || 0..4_usize;
    prop_oneof![
        6 => (key(), any::<u8>()).prop_map(|(key, body)| Step::Put { key, body }),
        2 => (key(), pick(), key()).prop_map(|(from, pick, to)| Step::Copy { from, pick, to }),
        4 => key().prop_map(|key| Step::Delete { key }),
        3 => (key(), pick()).prop_map(|(key, pick)| Step::RemoveVersion { key, pick }),
        1 => (key(), pick()).prop_map(|(key, pick)| Step::Archive { key, pick }),
        1 => (key(), pick()).prop_map(|(key, pick)| Step::Restore { key, pick }),
        1 => (key(), 0..IDS.len()).prop_map(|(key, id)| Step::AsIs { key, id }),
        2 => prop_oneof![Just(Versioning::Enabled), Just(Versioning::Suspended)].prop_map(Step::Version),
        1 => (1..5_u32, any::<bool>()).prop_map(|(page, foreign)| Step::Knobs { page, foreign }),
    ]
}

/// The id of one entry of a key, or one that is not there.
fn id(bucket: &Bucket, key: &str, pick: usize) -> String {
    let history = bucket.history(key);
    let picked = history.get(pick % history.len().max(1));
    picked.map_or_else(
        || "not there".to_owned(),
        |entry| entry.version_id.to_string(),
    )
}

fn take(bucket: &mut Bucket, now: Time, step: &Step) {
    // What is refused changes nothing, and that is judged by the comparison.
    match step {
        Step::Put { key, body } => {
            let options = PutOptions {
                content_type: (*body < 9).then(|| "text/plain".to_owned()),
                ..PutOptions::default()
            };
            let put = bucket.put(now, KEYS[*key], Bytes::from(vec![*body; 3]), &options);
            put.map(drop).expect("an unconditional put");
        }
        Step::Copy { from, pick, to } => {
            let source = CopySource::version(KEYS[*from], &id(bucket, KEYS[*from], *pick));
            let _maybe_refused = bucket.copy(now, &source, KEYS[*to], &PutOptions::default());
        }
        Step::Delete { key } => {
            drop(bucket.delete(now, KEYS[*key], None).expect("a deletion"));
        }
        Step::RemoveVersion { key, pick } => {
            let id = id(bucket, KEYS[*key], *pick);
            drop(
                bucket
                    .delete(now, KEYS[*key], Some(&id))
                    .expect("a deletion"),
            );
        }
        Step::Archive { key, pick } => {
            let id = id(bucket, KEYS[*key], *pick);
            let _maybe_refused = bucket.set_storage_class(KEYS[*key], &id, StorageClass::Glacier);
        }
        Step::Restore { key, pick } => {
            let id = id(bucket, KEYS[*key], *pick);
            let _maybe_refused = bucket.restore(KEYS[*key], &id);
        }
        Step::AsIs { key, id } => bucket.insert_as_is(
            KEYS[*key],
            AsIs {
                version_id: IDS[*id].to_owned(),
                last_modified: now,
                body: (*id != 1).then(|| Bytes::from_static(b"as is")),
                etag: None,
                storage_class: StorageClass::Standard,
            },
        ),
        Step::Version(versioning) => drop(bucket.set_versioning(*versioning)),
        Step::Knobs { page, foreign } => {
            bucket.page_size_max = *page;
            bucket.foreign_etags = *foreign;
        }
    }
}

fn recording(versioning: Versioning) -> Bucket {
    let mut bucket = Bucket::new(versioning);
    bucket.record_changes();
    bucket
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(8),
        ..ProptestConfig::default()
    })]

    #[test]
    fn changes_make_an_equal_bucket_after_each_step(
        steps in prop::collection::vec(step(), 1..40)
    ) {
        let mut bucket = recording(Versioning::Off);
        let mut copy = recording(Versioning::Off);
        for (index, step) in steps.iter().enumerate() {
            take(&mut bucket, Time(1000 * index as i64 + 7), step);
            for change in bucket.take_changes() {
                copy.apply(change);
            }
            // The knobs' last told state is the recorder's own business.
            copy.take_changes();
            prop_assert_eq!(&copy, &bucket, "after {:?}", step);
        }
    }

    #[test]
    fn a_whole_bucket_as_changes_makes_an_equal_one_with_the_same_future(
        steps in prop::collection::vec(step(), 1..40),
        future in prop::collection::vec(step(), 1..6),
    ) {
        let mut bucket = Bucket::new(Versioning::Off);
        for (index, step) in steps.iter().enumerate() {
            take(&mut bucket, Time(1000 * index as i64 + 7), step);
        }
        let mut copy = Bucket::new(Versioning::Enabled);
        for change in bucket.as_changes() {
            copy.apply(change);
        }
        prop_assert_eq!(&copy, &bucket);
        for step in &future {
            take(&mut bucket, Time(90_000), step);
            take(&mut copy, Time(90_000), step);
        }
        let all = ListVersions::default();
        prop_assert_eq!(copy.list_versions(&all), bucket.list_versions(&all));
        prop_assert_eq!(&copy, &bucket);
    }
}
