//! A real table of which a part is gone for good, and what a person is told. Needs the folder that
//! `FIREDRILL_SAMPLES` names.

use std::io::Write as _;
use std::path::PathBuf;

use firedrill_s3_mock::Versioning;
use firedrill_s3_mock::http::load;

use super::{NOW, World, all_current, delete_all, finish, json, status, stdout};

/// The table's address, and how many objects its latest state references.
const TABLE: (&str, usize) = ("s3://lake/fs/9/16/", 24);

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

#[tokio::test(flavor = "multi_thread")]
async fn purged_blocks_are_named_and_the_rest_comes_back() {
    let Some(samples) = samples() else { return };
    let (address, referenced) = TABLE;
    let bucket = load(&samples.join("v1.2.453"), Versioning::Enabled).expect("the sample is whole");
    let world = World::new(bucket, Vec::new()).await;
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
