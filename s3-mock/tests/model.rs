//! Rules of the model that random histories do not reach: copies, conditions, archives, tags, limits, faults.

use bytes::Bytes;
use firedrill_s3_mock::{
    AsIs, Bucket, ByteRange, Condition, CopySource, Effect, Error, Fault, FaultFile, FaultPlan,
    GetOptions, ListObjects, ListVersions, Operation, Position, Preconditions, PutOptions,
    StorageClass, Time, Versioning,
};

const NOW: Time = Time(1_700_000_000_700);

fn put(bucket: &mut Bucket, key: &str, body: &'static str) -> String {
    let written = bucket.put(NOW, key, body.into(), &PutOptions::default());
    written
        .expect("a plain put")
        .version_id
        .expect("versioning is enabled")
        .to_string()
}

fn enabled() -> Bucket {
    Bucket::new(Versioning::Enabled)
}

#[test]
fn of_two_writers_with_one_condition_one_wins() {
    let mut bucket = enabled();
    let absent = PutOptions {
        condition: Some(Condition::IfNoneMatchAny),
        ..Default::default()
    };
    let first = bucket
        .put(NOW, "k", "1".into(), &absent)
        .expect("nothing is there");
    assert_eq!(
        bucket.put(NOW, "k", "2".into(), &absent),
        Err(Error::PreconditionFailed)
    );
    let same = PutOptions {
        condition: Some(Condition::IfMatch(first.etag.to_string())),
        ..Default::default()
    };
    bucket
        .put(NOW, "k", "3".into(), &same)
        .expect("the tag is current");
    assert_eq!(
        bucket.put(NOW, "k", "4".into(), &same),
        Err(Error::PreconditionFailed)
    );
    let marker = bucket.delete(NOW, "k", None).expect("a delete").marker;
    assert_eq!(
        bucket.put(NOW, "k", "5".into(), &same),
        Err(Error::NoSuchKey {
            marker: marker.map(|id| id.to_string())
        })
    );
    bucket
        .put(NOW, "k", "6".into(), &absent)
        .expect("a marker is as good as nothing");
}

#[test]
fn a_copy_checks_its_source_and_its_destination() {
    let mut bucket = enabled();
    let first = put(&mut bucket, "k", "first");
    put(&mut bucket, "k", "second");
    let options = PutOptions::default();
    let whole = CopySource {
        key: "k".into(),
        ..Default::default()
    };
    assert_eq!(
        bucket.copy(NOW, &whole, "k", &options),
        Err(Error::CopyOntoItself)
    );
    bucket
        .copy(NOW, &CopySource::version("k", &first), "k", &options)
        .expect("an older version");
    assert_eq!(bucket.current_body("k"), Some(&Bytes::from("first")));
    let unmatched = Preconditions {
        if_none_match: Some(vec!["*".into()]),
        ..Default::default()
    };
    let unmatched = CopySource {
        preconditions: unmatched,
        ..CopySource::version("k", &first)
    };
    assert_eq!(
        bucket.copy(NOW, &unmatched, "new", &options),
        Err(Error::PreconditionFailed)
    );
    let marker = bucket
        .delete(NOW, "k", None)
        .expect("a delete")
        .marker
        .expect("a marker");
    let of_marker = bucket.copy(NOW, &CopySource::version("k", &marker), "new", &options);
    assert_eq!(of_marker, Err(Error::CopyOfMarker));
    assert_eq!(
        bucket.copy(NOW, &whole, "new", &options),
        Err(Error::NoSuchKey {
            marker: Some(marker.to_string())
        })
    );
    assert_eq!(bucket.history("new"), []);
}

#[test]
fn an_archived_version_is_neither_read_nor_copied_until_restored() {
    let mut bucket = enabled();
    let id = put(&mut bucket, "k", "cold");
    bucket
        .set_storage_class("k", &id, StorageClass::DeepArchive)
        .expect("it is there");
    let refused = Error::InvalidObjectState {
        storage_class: StorageClass::DeepArchive,
    };
    let source = CopySource::version("k", &id);
    assert_eq!(
        bucket.get("k", None, &GetOptions::default()),
        Err(refused.clone())
    );
    assert_eq!(
        bucket.copy(NOW, &source, "new", &PutOptions::default()),
        Err(refused)
    );
    assert_eq!(
        bucket
            .head("k", None, &GetOptions::default())
            .map(|meta| meta.size),
        Ok(4)
    );
    bucket.restore("k", &id).expect("it is archived");
    bucket
        .get("k", None, &GetOptions::default())
        .expect("it is restored");
    let copy = bucket
        .copy(NOW, &source, "new", &PutOptions::default())
        .expect("it is restored");
    let class = bucket.head("new", copy.version_id.as_deref(), &GetOptions::default());
    assert_eq!(
        class.map(|meta| meta.storage_class),
        Ok(StorageClass::Standard)
    );
    assert!(bucket.restore("new", "nothing").is_err());
}

#[test]
fn tags_are_md5_unless_they_are_foreign_and_then_each_is_another() {
    let mut bucket = enabled();
    let tag = |bucket: &mut Bucket| {
        let written = bucket.put(NOW, "k", "hello".into(), &PutOptions::default());
        written.expect("a plain put").etag
    };
    assert_eq!(&*tag(&mut bucket), "\"5d41402abc4b2a76b9719d911017c592\"");
    bucket.foreign_etags = true;
    let (one, other) = (tag(&mut bucket), tag(&mut bucket));
    let id = bucket.history("k")[0].version_id.clone();
    let copied = bucket.copy(
        NOW,
        &CopySource::version("k", &id),
        "k",
        &PutOptions::default(),
    );
    let copied = copied.expect("a copy").etag;
    assert!(
        one != other && copied != other && copied != one,
        "{one} {other} {copied}"
    );
    assert!(!one.contains("5d41402abc4b2a76b9719d911017c592"));
}

#[test]
fn a_listing_goes_on_where_its_marker_was_removed() {
    let mut bucket = enabled();
    let ids: Vec<String> = (0..4).map(|_| put(&mut bucket, "k", "x")).collect();
    let foreign = AsIs {
        version_id: "foreign".into(),
        last_modified: NOW,
        body: None,
        etag: None,
        storage_class: StorageClass::Standard,
    };
    bucket.insert_as_is("k", foreign);
    let behind = |bucket: &Bucket, id: &str| {
        let page = bucket.list_versions(&ListVersions {
            key_marker: Some("k".into()),
            version_id_marker: Some(id.into()),
            ..Default::default()
        });
        page.entries
            .into_iter()
            .map(|entry| entry.version_id.to_string())
            .collect::<Vec<_>>()
    };
    let all: Vec<String> = ids.iter().rev().cloned().collect();
    for id in ["foreign", &ids[3], &ids[1]] {
        let before = behind(&bucket, id);
        bucket.delete(NOW, "k", Some(id)).expect("a delete");
        assert_eq!(behind(&bucket, id), before, "{id}");
    }
    assert_eq!(behind(&bucket, &ids[2]), [all[3].clone()]);
}

#[test]
fn ids_from_another_bucket_are_never_given_again() {
    let mut other = enabled();
    let ids: Vec<String> = (0..5).map(|_| put(&mut other, "k", "x")).collect();
    let mut bucket = enabled();
    for id in &ids[3..] {
        let entry = AsIs {
            version_id: id.clone(),
            last_modified: NOW,
            body: Some("x".into()),
            etag: None,
            storage_class: StorageClass::Standard,
        };
        bucket.insert_as_is("k", entry);
    }
    let new: Vec<String> = (0..5).map(|_| put(&mut bucket, "k", "y")).collect();
    assert!(new.iter().all(|id| !ids.contains(id)), "{new:?} {ids:?}");
    bucket.delete(NOW, "k", Some(&ids[4])).expect("a delete");
    let page = bucket.list_versions(&ListVersions {
        key_marker: Some("k".into()),
        version_id_marker: Some(ids[4].clone()),
        ..Default::default()
    });
    let left: Vec<&str> = page
        .entries
        .iter()
        .map(|entry| &*entry.version_id)
        .collect();
    assert_eq!(left, [ids[3].as_str()]);
}

#[test]
fn limits_are_s3s() {
    let mut bucket = enabled();
    let long = "k".repeat(1025);
    assert_eq!(
        bucket.put(NOW, &long, Bytes::new(), &PutOptions::default()),
        Err(Error::KeyTooLong)
    );
    let many = vec![("k".to_owned(), None); 1001];
    assert_eq!(bucket.delete_many(NOW, &many), Err(Error::MalformedXml));
    assert!(bucket.is_empty());
    assert_eq!(
        bucket.delete_many(NOW, &many[1..]).map(|all| all.len()),
        Ok(1000)
    );
    let none = ListVersions {
        max_keys: 0,
        ..Default::default()
    };
    let page = bucket.list_versions(&none);
    assert_eq!((page.entries.len(), page.truncated), (0, false));
    assert_eq!(
        bucket
            .list_versions(&ListVersions {
                max_keys: 5000,
                ..Default::default()
            })
            .entries
            .len(),
        1000
    );
    bucket.page_size_max = 3;
    assert_eq!(
        bucket.list_versions(&ListVersions::default()).entries.len(),
        3
    );
    put(&mut bucket, "k", "x");
    assert_eq!(
        bucket.list_objects(&ListObjects::default()).entries.len(),
        1
    );
    let range = GetOptions {
        range: Some(ByteRange::From(1)),
        ..Default::default()
    };
    assert_eq!(
        bucket.get("k", None, &range),
        Err(Error::InvalidRange { size: 1 })
    );
}

#[test]
fn the_tag_decides_before_the_time_and_times_are_whole_seconds() {
    let mut bucket = enabled();
    put(&mut bucket, "k", "x");
    let etag = bucket
        .head("k", None, &GetOptions::default())
        .expect("there")
        .etag;
    let read = |preconditions: Preconditions| {
        let options = GetOptions {
            range: None,
            preconditions,
        };
        bucket
            .get("k", None, &options)
            .map(|_| ())
            .map_err(|error| error.status())
    };
    let none = Preconditions::default;
    let (tag, other) = (Some(vec![etag]), Some(vec!["\"0\"".to_owned()]));
    let (earlier, same) = (Some(Time(NOW.0 - 1000)), Some(NOW.truncated()));
    assert_eq!(
        read(Preconditions {
            if_match: tag.clone(),
            if_unmodified_since: earlier,
            ..none()
        }),
        Ok(())
    );
    assert_eq!(
        read(Preconditions {
            if_match: other.clone(),
            ..none()
        }),
        Err(412)
    );
    assert_eq!(
        read(Preconditions {
            if_unmodified_since: earlier,
            ..none()
        }),
        Err(412)
    );
    assert_eq!(
        read(Preconditions {
            if_unmodified_since: same,
            ..none()
        }),
        Ok(())
    );
    assert_eq!(
        read(Preconditions {
            if_none_match: tag,
            if_modified_since: earlier,
            ..none()
        }),
        Err(304)
    );
    assert_eq!(
        read(Preconditions {
            if_none_match: other,
            if_modified_since: same,
            ..none()
        }),
        Ok(())
    );
    assert_eq!(
        read(Preconditions {
            if_modified_since: same,
            ..none()
        }),
        Err(304)
    );
}

#[test]
fn a_file_of_faults_is_read_and_each_fires_at_its_address() {
    let text = r#"
        [[fault]]
        operation = "get-object"
        key = "k"
        nth = 2
        times = 2
        effect = "unavailable"

        [[fault]]
        operation = "list-objects-v2"
        times = "for-ever"
        position = "during"
        effect = { reset = { after-bytes = 10 } }
    "#;
    let file: FaultFile = toml::from_str(text).expect("the file is right");
    let again: FaultFile =
        toml::from_str(&toml::to_string(&file).expect("writable")).expect("what was written");
    assert_eq!(again, file);
    assert_eq!(file.faults[1].effect, Effect::Reset { after_bytes: 10 });
    assert_eq!(file.faults[0].position, Position::Before);
    let mut plan = FaultPlan::new(file.faults);
    let mut strike = |operation, key| plan.strike(operation, Some(key)).is_some();
    let of_k: Vec<bool> = (0..4).map(|_| strike(Operation::GetObject, "k")).collect();
    assert_eq!(of_k, [false, true, true, false]);
    assert!(!strike(Operation::GetObject, "other") && !strike(Operation::PutObject, "k"));
    assert!((0..5).all(|_| strike(Operation::ListObjectsV2, "any")));
    assert_eq!(plan.fired(), [2, 5]);
    let unknown = "[[fault]]\noperation = \"get-object\"\neffect = \"denied\"\nnht = 3";
    assert!(toml::from_str::<FaultFile>(unknown).is_err());
}

#[test]
fn every_fault_counts_every_request_of_its_address() {
    let fault = |nth| Fault {
        operation: Operation::PutObject,
        key: None,
        nth,
        times: Some(1),
        position: Position::After,
        effect: Effect::Timeout,
    };
    let mut plan = FaultPlan::new(vec![fault(2), fault(2), fault(3)]);
    let struck: Vec<bool> = (0..4)
        .map(|_| plan.strike(Operation::PutObject, Some("k")).is_some())
        .collect();
    assert_eq!(struck, [false, true, true, false]);
    assert_eq!(plan.fired(), [1, 0, 1]);
}
