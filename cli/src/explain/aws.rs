//! Decisions as command lines of `aws`, for people who want to see them or to carry them out themselves.
//!
//! | decision | command line |
//! |---|---|
//! | remove-markers | `delete-object` of each marker's version id, the oldest first |
//! | copy-version | `copy-object` of that version onto its own key, if what is current has not changed |
//! | intact, lost, unknown | `list-object-versions`: there is nothing to do, or nothing that one could do |

use std::fmt::Write as _;

use firedrill_core::amend::{Decision, ObjectReport};
use firedrill_core::object::History;

use crate::connect::Bucket;

/// "You can copy objects up to 5 GB in size in a single atomic action" (S3 API reference, CopyObject).
const COPY_SIZE_MAX: u64 = 5 * 1024 * 1024 * 1024;

/// The command lines, each ending in a newline.
pub(super) fn commands(object: &ObjectReport, history: &History, bucket: Bucket<'_>) -> String {
    let key = object.key.as_str();
    match &object.decision {
        Decision::RemoveMarkers { markers } => {
            let lines = markers.iter().map(|marker| {
                let mut line = Line::new("delete-object", bucket);
                line.option("--key", key);
                line.option("--version-id", marker.as_str());
                line.end(bucket)
            });
            lines.collect()
        }
        Decision::CopyVersion { version, size } => {
            let mut line = Line::new("copy-object", bucket);
            line.option("--key", key);
            // The tool encodes it by itself, all but the version id.
            let source = format!("{}/{key}?versionId={}", bucket.name, version.as_str());
            line.option("--copy-source", &source);
            match history.current_version() {
                Some(current) => line.option("--if-match", current.etag.as_str()),
                None => line.option("--if-none-match", "*"),
            }
            let line = line.end(bucket);
            match *size > COPY_SIZE_MAX {
                true => format!(
                    "{line}# It has {size} bytes, and copy-object takes at most {COPY_SIZE_MAX}: upload-part-copy copies it by parts.\n"
                ),
                false => line,
            }
        }
        Decision::Intact | Decision::Lost | Decision::Unknown => {
            let mut line = Line::new("list-object-versions", bucket);
            line.option("--prefix", key);
            line.end(bucket)
        }
    }
}

struct Line(String);

impl Line {
    fn new(operation: &str, bucket: Bucket<'_>) -> Self {
        let mut line = Self(format!("aws s3api {operation}"));
        line.option("--bucket", bucket.name);
        line
    }

    fn option(&mut self, name: &str, value: &str) {
        // What begins with a hyphen would be taken for an option.
        let between = if value.starts_with('-') { '=' } else { ' ' };
        let value = quoted(value);
        write!(self.0, " {name}{between}{value}").expect("writing into a string does not fail");
    }

    /// With what was said of how to reach the bucket.
    fn end(mut self, bucket: Bucket<'_>) -> String {
        for (name, value) in [
            ("--endpoint-url", bucket.endpoint_url),
            ("--region", bucket.region),
            ("--profile", bucket.profile),
        ] {
            if let Some(value) = value {
                self.option(name, value);
            }
        }
        self.0.push('\n');
        self.0
    }
}

/// A word that a shell hands on as it is. Control characters are written out, because a terminal would obey them;
/// bash, zsh, ksh and POSIX's shell of 2024 read that form.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_-./:@%+,".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    if !word.chars().any(char::is_control) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut quoted = String::from("$'");
    for letter in word.chars() {
        match letter {
            '\'' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let mut bytes = [0; 4];
                for byte in letter.encode_utf8(&mut bytes).bytes() {
                    write!(quoted, "\\{byte:03o}").expect("writing into a string does not fail");
                }
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use firedrill_core::amend::{Class, Verified};
    use firedrill_core::object::{Key, VersionId};

    use super::*;

    #[test]
    fn what_one_copy_cannot_hold_is_said_behind_the_line() {
        let bucket = Bucket {
            name: "lake",
            endpoint_url: None,
            region: None,
            profile: Some("my ops"),
        };
        let copied = |size| {
            let object = ObjectReport {
                key: Key::from("k"),
                class: Class::Object,
                required: true,
                decision: Decision::CopyVersion {
                    version: VersionId::from("v"),
                    size,
                },
                done: false,
                verified: Verified::Unverified,
                reason: None,
            };
            commands(&object, &History::new(), bucket)
        };
        let line = "aws s3api copy-object --bucket lake --key k --copy-source 'lake/k?versionId=v' \
                    --if-none-match '*' --profile 'my ops'\n";
        assert_eq!(copied(5_368_709_120), line);
        assert_eq!(
            copied(5_368_709_121),
            format!(
                "{line}# It has 5368709121 bytes, and copy-object takes at most 5368709120: upload-part-copy copies it by parts.\n"
            )
        );
    }

    #[test]
    fn words_are_quoted_only_where_they_must_be() {
        for (word, expected) in [
            ("fs/9/16/_b/a-b_v2.parquet", "fs/9/16/_b/a-b_v2.parquet"),
            ("", "''"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME `x` \\ \"y\" *", "'$HOME `x` \\ \"y\" *'"),
            ("~", "'~'"),
            ("a=b", "'a=b'"),
            ("é", "'é'"),
            ("a\n'\\", r"$'a\012\'\\'"),
            ("\u{1b}[2J", r"$'\033[2J'"),
            ("\u{85}1", r"$'\302\2051'"),
        ] {
            assert_eq!(quoted(word), expected);
        }
    }

    #[test]
    fn a_shell_reads_what_was_meant() {
        for word in [
            "",
            "a b",
            "it's",
            "$HOME",
            "a\nb'c\\d",
            "\u{1b}[2J\u{7f}7",
            "é\u{85}1",
            "-x",
            "!!",
        ] {
            let script = format!("printf %s {}", quoted(word));
            let read = Command::new("bash").args(["-c", &script]).output();
            let read = read.expect("there is a bash").stdout;
            assert_eq!(String::from_utf8_lossy(&read), word, "{script}");
        }
    }
}
