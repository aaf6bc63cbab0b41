//! `amend --explain`: what is said of one key, and that the lines of `aws` do what `--apply` does.

use std::process::Command;

use bytes::Bytes;
use firedrill_core::amend::Class;
use firedrill_s3_mock::{Bucket, Condition, CopySource, PutOptions, Versioning};
use firedrill_sim::fixture::Table;
use firedrill_sim::fuse::Flavour;

use super::{NOW, World, current, finish, json, status, stderr, stdout};

/// The words of each line of `aws`, as a shell hands them on.
async fn words(explanation: &str) -> Vec<Vec<String>> {
    let lines: Vec<&str> = explanation
        .lines()
        .filter(|line| line.starts_with("aws "))
        .collect();
    let mut bash = Command::new("bash");
    let shown = "aws() { printf '%s\\0' \"$@\"; printf '\\n\\0'; }\n";
    bash.args(["-c", &format!("{shown}{}", lines.join("\n"))]);
    let output = finish(bash).await;
    assert_eq!(stderr(&output), "");
    let output = stdout(&output);
    let calls = output.split_terminator("\n\0");
    calls
        .map(|call| call.split_terminator('\0').map(str::to_owned).collect())
        .collect()
}

/// Does to the bucket what the words ask for.
fn carry_out(bucket: &mut Bucket, words: &[String]) {
    let option = |name: &str| {
        let at = words.iter().position(|word| word.starts_with(name))?;
        match words[at].strip_prefix(name)?.strip_prefix('=') {
            Some(value) => Some(value),
            None => words.get(at + 1).map(String::as_str),
        }
    };
    let key = option("--key").expect("a write names its key");
    match words[1].as_str() {
        "delete-object" => {
            let id = option("--version-id").expect("no version is deleted but a named one");
            let deleted = bucket.delete(NOW, key, Some(id)).expect("it is there");
            assert!(
                deleted.marker.is_some(),
                "{key}: a data version was deleted"
            );
        }
        "copy-object" => {
            let source = option("--copy-source").expect("a copy has a source");
            let (path, id) = source
                .split_once("?versionId=")
                .expect("it names a version");
            let path = path.strip_prefix("lake/").expect("its bucket is named");
            let source = CopySource::version(path, id);
            let condition = match option("--if-match") {
                Some(etag) => Condition::IfMatch(etag.into()),
                None => {
                    assert_eq!(option("--if-none-match"), Some("*"));
                    Condition::IfNoneMatchAny
                }
            };
            let options = PutOptions {
                condition: Some(condition),
                ..PutOptions::default()
            };
            bucket
                .copy(NOW, &source, key, &options)
                .expect("it can be copied");
        }
        other => panic!("{other} changes nothing"),
    }
}

/// Explains a key, and gives what was said.
async fn explained(world: &World, words: &[&str], key: &str) -> String {
    let mut command = world.amend(words);
    command.arg(format!("--explain={key}"));
    let output = finish(command).await;
    assert_eq!(stderr(&output), "");
    stdout(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lines_of_all_keys_together_bring_the_table_back() {
    let mut table = Table::usual(Flavour::V1_2_895);
    let overwritten = [
        table.keys_of(Class::Block).remove(1),
        table.keys_of(Class::Hint).remove(0),
    ];
    table.delete_all();
    let deleted_twice = table.keys_of(Class::Segment).remove(0);
    table.delete(&deleted_twice);
    for key in &overwritten {
        table.put(key, "garbage");
    }
    let written = table.written.clone();
    let address = format!("s3://lake/{}", table.prefix);
    let world = World::new(table.store.bucket, Vec::new()).await;

    let plan = json(&finish(world.amend(&[&address, "--json"])).await);
    let objects = plan["objects"].as_array().expect("a list");
    assert!(objects.len() > 10);
    let mut lines = 0;
    for key in objects.iter().filter_map(|object| object["key"].as_str()) {
        let said = explained(&world, &[&address], key).await;
        assert!(said.contains("  ◄ the right one\n"), "{said}");
        for words in words(&said).await {
            world.look(|bucket| carry_out(bucket, &words));
            lines += 1;
        }
    }
    assert_eq!(
        lines,
        objects.len() + 1,
        "a write each, and two where there are two markers"
    );
    let after = json(&finish(world.amend(&[&address, "--json"])).await);
    assert_eq!(after["counts"]["intact"], objects.len());
    for key in objects.iter().filter_map(|object| object["key"].as_str()) {
        assert_eq!(
            current(&world, key).as_ref(),
            written.get(&key.into()),
            "{key}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_key_is_called_its_line_is_about_it() {
    let mut bucket = Bucket::new(Versioning::Enabled);
    let keys = [
        "-p/-x",
        "-p/a b+é'ü%20&y",
        "-p/$HOME `x` \"y\" \\ !! #",
        "-p/\u{1b}[2J\n'",
        "-p/~",
    ];
    for key in keys {
        let body = Bytes::copy_from_slice(key.as_bytes());
        let put = bucket.put(NOW, key, body, &PutOptions::default());
        put.map(drop).expect("an unconditional put");
        drop(bucket.delete(NOW, key, None).expect("a plain delete"));
    }
    let world = World::new(bucket, Vec::new()).await;
    for key in keys {
        let said = explained(&world, &["s3://lake/-p/", "--layout", "prefix"], key).await;
        assert!(!said.contains('\u{1b}'), "{said:?}");
        for words in words(&said).await {
            world.look(|bucket| carry_out(bucket, &words));
        }
        assert_eq!(current(&world, key).as_deref(), Some(key.as_bytes()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_has_its_sentence() {
    let put = |bucket: &mut Bucket, key: &str, body: &'static str| {
        let body = Bytes::from_static(body.as_bytes());
        let put = bucket.put(NOW, key, body, &PutOptions::default());
        put.map(drop).expect("an unconditional put");
    };
    let mut bucket = Bucket::new(Versioning::Enabled);
    for key in ["p/here", "p/marked", "p/null"] {
        put(&mut bucket, key, "right");
    }
    drop(
        bucket
            .delete(NOW, "p/marked", None)
            .expect("a plain delete"),
    );
    let suspended = bucket.set_versioning(Versioning::Suspended);
    suspended.expect("versioning can be suspended");
    drop(bucket.delete(NOW, "p/null", None).expect("a plain delete"));
    let world = World::new(bucket, Vec::new()).await;
    for (key, first, why, line) in [
        (
            "p/here",
            "intact",
            "is current already",
            "list-object-versions",
        ),
        (
            "p/marked",
            "remove-markers",
            "lies under 1 delete marker",
            "delete-object",
        ),
        (
            "p/null",
            "copy-version",
            "under a delete marker with the id null",
            "copy-object",
        ),
    ] {
        let said = explained(&world, &["s3://lake/p/", "--layout", "prefix"], key).await;
        assert!(
            said.starts_with(&format!("{key} (object, required): {first}\n")),
            "{said}"
        );
        let sentence = said.lines().find(|line| line.starts_with("Why: "));
        assert!(
            sentence.is_some_and(|sentence| sentence.contains(why)),
            "{said}"
        );
        let last = said.lines().last().expect("a line");
        assert!(
            last.starts_with(&format!("aws s3api {line} --bucket lake ")),
            "{said}"
        );
    }
    let said = explained(&world, &["s3://lake/p/", "--layout", "prefix"], "p/null").await;
    for words in words(&said).await {
        world.look(|bucket| carry_out(bucket, &words));
    }
    assert_eq!(current(&world, "p/null").as_deref(), Some(&b"right"[..]));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_what_is_lost_the_reason_is_given_and_a_line_that_shows_it() {
    let mut table = Table::usual(Flavour::V1_2_895);
    let block = table.keys_of(Class::Block).remove(0);
    table.delete_all();
    table.purge(&block);
    let address = format!("s3://lake/{}", table.prefix);
    let world = World::new(table.store.bucket, Vec::new()).await;
    let mut command = world.amend(&[&address]);
    command.args(["--explain", &block]);
    let output = finish(command).await;
    assert_eq!(status(&output), Some(1), "as without --explain");
    let said = stdout(&output);
    assert!(
        said.starts_with(&format!("{block} (block, required): lost\n")),
        "{said}"
    );
    assert!(
        said.contains("\nWhy: only delete markers are left of it: "),
        "{said}"
    );
    let line = format!("\naws s3api list-object-versions --bucket lake --prefix {block}\n");
    assert!(said.ends_with(&line), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_line_says_how_to_reach_the_bucket_where_that_was_said() {
    let world = World::new(super::bucket(), Vec::new()).await;
    let endpoint = world.server.endpoint();
    let words = [
        "s3://lake/p/",
        "--layout",
        "prefix",
        "--endpoint-url",
        &endpoint,
        "--region",
        "eu-west-1",
    ];
    let said = explained(&world, &words, "s3://lake/p/a").await;
    let end = format!(" --endpoint-url {endpoint} --region eu-west-1\n");
    assert!(said.ends_with(&end), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_of_the_tables_is_refused() {
    let world = World::new(super::bucket(), Vec::new()).await;
    for (key, part) in [
        ("a", "a is not referenced; the whole key is p/a"),
        (
            "q/d",
            "q/d is not referenced; --json lists every key that is",
        ),
        ("s3://swamp/p/a", "s3://swamp/p/a is not in the bucket lake"),
    ] {
        let output =
            finish(world.amend(&["s3://lake/p/", "--layout", "prefix", "--explain", key])).await;
        assert_eq!(status(&output), Some(2));
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
    let output = finish(world.amend(&["s3://lake/p/", "--explain", "p/a", "--apply"])).await;
    assert_eq!(status(&output), Some(2));
    assert_eq!(world.writes(), 0);
}
