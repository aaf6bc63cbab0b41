//! Two real tables, lost and brought back. Needs the folder that `FIREDRILL_SAMPLES` names.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::PathBuf;

use bytes::Bytes;
use firedrill_s3_mock::http::load;
use firedrill_s3_mock::{PutOptions, Versioning};

use super::{NOW, World, all_current, delete_all, finish, json, status, stderr, stdout};

/// Folder, address, and how many objects the latest state references.
const TABLES: [(&str, &str, usize); 2] = [
    ("v1.2.453", "s3://lake/fs/9/16/", 24),
    ("v1.2.895", "s3://lake/fs/1/6/", 23),
];

#[allow(
    clippy::disallowed_methods,
    reason = "where real tables lie is not part of the project"
)]
fn samples() -> Option<PathBuf> {
    let folder = std::env::var("FIREDRILL_SAMPLES").ok();
    if folder.is_none() {
        let skipped = "skipped: FIREDRILL_SAMPLES names no folder with real sample tables";
        writeln!(std::io::stderr(), "{skipped}").expect("standard error can be written");
    }
    folder.map(|folder| PathBuf::from(folder).join("fuse"))
}

async fn table(folder: PathBuf) -> World {
    let bucket = load(&folder, Versioning::Enabled).expect("the sample is whole");
    World::new(bucket, Vec::new()).await
}

/// Applies, and checks that everything referenced is as in `before`.
async fn bring_back(world: &World, address: &str, before: &[(String, Bytes)], referenced: usize) {
    let output = finish(world.amend(&[address, "--apply", "--json"])).await;
    assert_eq!(status(&output), Some(0), "{}", stderr(&output));
    let document = json(&output);
    assert_eq!(document["state"], "complete");
    let objects = document["objects"].as_array().expect("a list");
    let keys: BTreeSet<&str> = objects.iter().filter_map(|o| o["key"].as_str()).collect();
    assert_eq!(keys.len(), referenced);
    assert_eq!(objects.len(), referenced, "each object once");
    let after = all_current(world);
    for key in &keys {
        let of = |all: &[(String, Bytes)]| all.iter().find(|(k, _)| k == key).cloned();
        assert_eq!(of(&after), of(before), "{key}");
    }
    let writes = world.writes();
    let again = finish(world.amend(&[address, "--apply"])).await;
    assert!(stdout(&again).starts_with("Complete: nothing that the table needs is missing."));
    assert_eq!(world.writes(), writes, "a second run writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn real_tables_come_back_byte_for_byte() {
    let Some(samples) = samples() else { return };
    for (folder, address, referenced) in TABLES {
        let world = table(samples.join(folder)).await;
        let before = all_current(&world);
        delete_all(&world);
        assert_eq!(all_current(&world), []);
        bring_back(&world, address, &before, referenced).await;

        // Deleted again, and once more on top of that.
        delete_all(&world);
        for (key, _) in &before {
            world.look(|bucket| drop(bucket.delete(NOW, key, None).expect("a plain delete")));
        }
        bring_back(&world, address, &before, referenced).await;

        // Half of it overwritten with garbage, of the same length and of another.
        for (index, (key, body)) in before
            .iter()
            .enumerate()
            .filter(|(index, _)| index % 2 == 0)
        {
            let length = if index % 4 == 0 {
                body.len()
            } else {
                body.len() + 3
            };
            let garbage = Bytes::from(vec![b'?'; length]);
            world.look(|bucket| {
                let put = bucket.put(NOW, key, garbage, &PutOptions::default());
                put.map(drop).expect("an unconditional put");
            });
        }
        bring_back(&world, address, &before, referenced).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn purged_blocks_are_named_and_the_rest_comes_back() {
    let Some(samples) = samples() else { return };
    let (folder, address, referenced) = TABLES[0];
    let world = table(samples.join(folder)).await;
    delete_all(&world);
    let plan = json(&finish(world.amend(&[address, "--json"])).await);
    let objects = plan["objects"].as_array().expect("a list");
    let blocks = objects.iter().filter(|object| object["class"] == "block");
    let purged: Vec<String> = blocks
        .filter_map(|object| object["key"].as_str().map(str::to_owned))
        .take(5)
        .collect();
    assert_eq!(purged.len(), 5);
    for key in &purged {
        world.look(|bucket| {
            for entry in bucket.history(key) {
                let gone = bucket.delete(NOW, key, Some(&entry.version_id));
                drop(gone.expect("a plain deletion"));
            }
        });
    }
    let output = finish(world.amend(&[address, "--apply"])).await;
    assert_eq!(status(&output), Some(1));
    let text = stdout(&output);
    assert!(
        text.starts_with("Partial: 5 objects that the table needs are lost; 19 objects restored.")
    );
    for key in &purged {
        assert!(text.contains(&format!("  {key} (block): ")), "{text}");
    }
    assert_eq!(all_current(&world).len(), referenced - 5);
}
