//! What a bucket lists reaches core as it was listed.

use firedrill_core::object::{Answer, Entry, Request};
use firedrill_s3_mock::{ListedKind, StorageClass};

use super::{BUCKET, World, bucket, config, id, key};

/// The truth: every entry of the bucket, in listing order.
fn truth(world: &World) -> Vec<(String, String, bool)> {
    world.look(|bucket| {
        let keys: Vec<String> = bucket.keys().map(str::to_owned).collect();
        let mut all = Vec::new();
        for key in keys {
            for entry in bucket.history(&key) {
                let marker = matches!(entry.kind, ListedKind::Marker);
                all.push((key.clone(), entry.version_id.to_string(), marker));
            }
        }
        all
    })
}

fn seen(entries: &[(firedrill_core::object::Key, Entry)]) -> Vec<(String, String, bool)> {
    let seen = entries.iter().map(|(key, entry)| {
        let marker = matches!(entry, Entry::Marker(_));
        (key.to_string(), entry.id().to_string(), marker)
    });
    seen.collect()
}

/// Versions and markers of one second, in turn.
const IN_TURN: [(&str, Option<&str>); 9] = [
    ("t/a", Some("one")),
    ("t/a", None),
    ("t/a", Some("two")),
    ("t/a", None),
    ("t/a", None),
    ("t/b", Some("only")),
    ("t/c", None),
    ("t/c", Some("late")),
    ("t/c/d", Some("deeper")),
];

#[tokio::test]
async fn markers_and_versions_of_one_second_arrive_in_listing_order() {
    let world = World::new(bucket(&IN_TURN), Vec::new()).await;
    let listed = world.listing("t/").await;
    assert_eq!(seen(&listed), truth(&world));
    assert_eq!(listed.len(), IN_TURN.len());
    let moments: Vec<_> = listed.iter().map(|(_, e)| e.last_modified()).collect();
    assert!(
        moments.iter().all(|moment| *moment == moments[0]),
        "the test needs ties, and has none: {moments:?}"
    );
}

/// Why the driver reads the body itself. The library's two lists leave two ways to put one key's entries
/// of one second together without knowing more, and both are wrong.
#[tokio::test]
async fn the_librarys_own_reading_loses_the_order() {
    let world = World::new(bucket(&IN_TURN), Vec::new()).await;
    let library = aws_sdk_s3::Client::from_conf(config(&world.server.endpoint(), "secret").build());
    let request = library.list_object_versions().bucket(BUCKET).prefix("t/a");
    let output = request.send().await.expect("a listing");
    let versions = output.versions().iter();
    let versions: Vec<_> = versions
        .map(|v| (v.last_modified, v.version_id.clone()))
        .collect();
    let markers = output.delete_markers().iter();
    let markers: Vec<_> = markers
        .map(|m| (m.last_modified, m.version_id.clone()))
        .collect();
    let truth: Vec<Option<String>> = truth(&world)
        .into_iter()
        .filter(|(key, ..)| key == "t/a")
        .map(|(_, id, _)| Some(id))
        .collect();
    for (first, second) in [(&versions, &markers), (&markers, &versions)] {
        let mut merged = [first.as_slice(), second.as_slice()].concat();
        // Newest first; what is equal keeps its order.
        merged.sort_by_key(|(moment, _)| std::cmp::Reverse(moment.map(|m| m.secs())));
        let merged: Vec<Option<String>> = merged.into_iter().map(|(_, id)| id).collect();
        assert_ne!(merged, truth);
    }
}

#[tokio::test]
async fn pages_of_one_to_three_entries_hold_each_entry_once() {
    for size in 1..=3 {
        let mut bucket = bucket(&IN_TURN);
        bucket.page_size_max = size;
        let world = World::new(bucket, Vec::new()).await;
        let listed = world.listing("t/").await;
        assert_eq!(seen(&listed), truth(&world), "pages of {size}");
        let pages = world.arrived(firedrill_s3_mock::Operation::ListObjectVersions);
        assert_eq!(pages, (IN_TURN.len() as u64).div_ceil(u64::from(size)));
    }
}

#[tokio::test]
async fn odd_keys_survive_the_trip() {
    let odd = [
        "t/ plus + percent %2B",
        "t/control \u{1}\u{1f}\u{7f}",
        "t/lines \r\n\t",
        "t/<&>\"'",
        "t/umlaut ä, kanji 漢, emoji 🦀",
        "t/noncharacter \u{ffff}",
    ];
    let steps: Vec<(&str, Option<&str>)> = odd.iter().map(|key| (*key, Some("x"))).collect();
    let mut bucket = bucket(&steps);
    bucket.page_size_max = 2;
    let world = World::new(bucket, Vec::new()).await;
    let listed = world.listing("t/").await;
    assert_eq!(seen(&listed), truth(&world));
    assert_eq!(listed.len(), odd.len());
}

#[tokio::test]
async fn sizes_tags_and_archive_classes_arrive() {
    let world = World::new(
        bucket(&[
            ("t/a", Some("four")),
            ("t/b", Some("x")),
            ("t/c", Some("y")),
        ]),
        Vec::new(),
    )
    .await;
    let archived = |name: &str| {
        let version = id(&world, name, 0);
        world.look(|bucket| {
            bucket
                .set_storage_class(name, version.as_str(), StorageClass::Glacier)
                .expect("the version is there");
        });
        version
    };
    archived("t/b");
    let restored = archived("t/c");
    world.look(|bucket| {
        bucket
            .restore("t/c", restored.as_str())
            .expect("it is archived");
    });
    let listed = world.listing("t/").await;
    let versions: Vec<_> = listed.iter().filter_map(|(_, e)| e.version()).collect();
    assert_eq!(versions[0].size, 4);
    assert_eq!(versions[0].etag, super::etag(&world, "t/a", 0));
    let archived: Vec<bool> = versions.iter().map(|version| version.archived).collect();
    assert_eq!(archived, [false, true, false]);
}

#[tokio::test]
async fn only_keys_with_the_prefix_are_listed() {
    let steps = [("t", Some("x")), ("t/a", Some("x")), ("tt/a", Some("x"))];
    let world = World::new(bucket(&steps), Vec::new()).await;
    let listed = world.listing("t/").await;
    assert_eq!(listed.len(), 1);
    let none = Request::ListVersions {
        prefix: key("u/"),
        after: None,
    };
    assert_eq!(
        world.client.perform(&none).await,
        Ok(Answer::Page {
            entries: Vec::new(),
            next: None
        })
    );
}
