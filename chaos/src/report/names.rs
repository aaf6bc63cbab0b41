//! Short names for long keys and version ids: the same one everywhere in a report, and told apart by it.
//!
//! ```text
//!   fs/9/16/_ss/h019b76daaddc7117a1ccd9705ceebf23_v4.mpk   _ss/h019…bf23_v4.mpk
//!   va2f82bf51192428f                                      va2f82
//! ```

use std::collections::{BTreeMap, BTreeSet};

use firedrill_core::object::{Key, VersionId};

use crate::oracle::log::{Record, What};
use crate::scene::Scene;

/// A run of hexadecimal digits as long as this is an id, and is shortened in its middle.
const ID_LENGTH_MIN: usize = 12;

/// Digits of an id that stay in front of the gap.
const HEAD: usize = 3;

/// The names of one run.
#[derive(Debug, Clone)]
pub struct Names {
    prefix: String,
    tail: usize,
    version: usize,
    keys: BTreeMap<String, Key>,
    called: BTreeMap<Key, String>,
}

impl Names {
    /// Names for everything that a scene's table and log hold.
    pub fn of_scene(scene: &Scene) -> Self {
        let truth = &scene.truth;
        Self::of(&truth.prefix, scene.log.records(), truth.objects.keys())
    }

    /// Names for all keys and version ids of some records, and for these keys under this prefix, as short as
    /// they can be told apart.
    pub fn of<'a>(
        prefix: &str,
        records: &'a [Record],
        keys: impl Iterator<Item = &'a Key>,
    ) -> Self {
        let records = records.iter();
        let logged = records.clone().map(|record| &record.key);
        let keys: BTreeSet<&Key> = logged.chain(keys).collect();
        let versions: BTreeSet<&VersionId> =
            records.filter_map(|record| id(&record.what)).collect();
        let mut names = Self {
            prefix: prefix.to_owned(),
            tail: 4,
            version: 6,
            keys: BTreeMap::new(),
            called: BTreeMap::new(),
        };
        let distinct = |names: &Self, name: &dyn Fn(&Self, &Key) -> String| {
            let short: BTreeSet<String> = keys.iter().map(|key| name(names, key)).collect();
            short.len() == keys.len()
        };
        while names.tail < 32 && !distinct(&names, &|names, key| names.key(key)) {
            names.tail += 2;
        }
        let cut = |length: usize| -> BTreeSet<&str> {
            let ids = versions.iter().map(|id| id.as_str());
            ids.map(|id| id.get(..length).unwrap_or(id)).collect()
        };
        while names.version < 32 && cut(names.version).len() < versions.len() {
            names.version += 1;
        }
        let short = keys.into_iter().map(|key| (names.key(key), key.clone()));
        names.keys = short.collect();
        names
    }

    /// Calls a key so from now on.
    pub fn call(&mut self, key: &Key, name: String) {
        self.called.insert(key.clone(), name);
    }

    /// A key without the table's prefix, its ids shortened in the middle.
    pub fn key(&self, key: &Key) -> String {
        self.shorten_key(key.as_str())
    }

    /// The first letters of a version id, as many as it takes to tell them apart.
    pub fn version(&self, id: &VersionId) -> String {
        self.shorten_version(id.as_str())
    }

    /// A text in which every key and version id has its short name.
    pub fn shorten(&self, text: &str) -> String {
        let ends = |letter: char| letter.is_whitespace() || "\"',()[]".contains(letter);
        let mut short = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let word = &rest[..rest.find(ends).unwrap_or(rest.len())];
            let bare = word.trim_end_matches([':', ';', '.']);
            short.push_str(&self.shorten_word(bare));
            short.push_str(&word[bare.len()..]);
            rest = &rest[word.len()..];
            if let Some(end) = rest.chars().next() {
                short.push(end);
                rest = &rest[end.len_utf8()..];
            }
        }
        short
    }

    /// The keys whose short names a text holds, with them.
    pub fn used_in(&self, text: &str) -> Vec<(String, Key)> {
        let used = self.keys.iter();
        let used = used.filter(|(short, key)| !short.is_empty() && **short != key.as_str());
        let used = used.filter(|(short, _)| text.contains(short.as_str()));
        used.map(|(short, key)| (short.clone(), key.clone()))
            .collect()
    }

    /// The keys that a text names in full.
    pub fn named_in<'a>(&'a self, text: &'a str) -> impl Iterator<Item = &'a Key> {
        let keys = self.keys.values();
        keys.filter(|key| {
            let name = key.as_str();
            let found = text.find(name).map(|at| &text[at + name.len()..]);
            // A sibling's key may begin with another one.
            !name.is_empty()
                && found.is_some_and(|behind| {
                    !behind.starts_with(|letter: char| letter.is_alphanumeric() || letter == '/')
                })
        })
    }

    fn shorten_word(&self, word: &str) -> String {
        let is_id = word.strip_prefix('v').is_some_and(|digits| {
            digits.len() == 16 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        });
        if is_id {
            self.shorten_version(word)
        } else if !self.prefix.is_empty() && word.len() > self.prefix.len() {
            match word.starts_with(&self.prefix) {
                true => self.shorten_key(word),
                false => word.to_owned(),
            }
        } else {
            word.to_owned()
        }
    }

    fn shorten_version(&self, id: &str) -> String {
        match id {
            "null" => id.to_owned(),
            _ => id.get(..self.version).unwrap_or(id).to_owned(),
        }
    }

    fn shorten_key(&self, key: &str) -> String {
        if let Some(called) = self.called.get(&Key::from(key)) {
            return called.clone();
        }
        let own = key.strip_prefix(&self.prefix).unwrap_or(key);
        let mut short = String::new();
        let mut digits = String::new();
        for letter in own.chars().chain(['\0']) {
            if letter.is_ascii_hexdigit() {
                digits.push(letter);
                continue;
            }
            if digits.len() >= ID_LENGTH_MIN.max(HEAD + self.tail + 1) {
                short.push_str(&digits[..HEAD]);
                short.push('…');
                short.push_str(&digits[digits.len() - self.tail..]);
            } else {
                short.push_str(&digits);
            }
            digits.clear();
            if letter != '\0' {
                short.push(letter);
            }
        }
        short
    }
}

fn id(what: &What) -> Option<&VersionId> {
    match what {
        What::Put { id, .. }
        | What::Copied { id, .. }
        | What::Marked { id }
        | What::Removed { id }
        | What::Archived { id } => Some(id),
        What::Gone | What::Versioning(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            prefix: "fs/9/16/".into(),
            tail: 4,
            version: 6,
            keys: ["fs/9/16/_b/a", "fs/9/16/_b/a/x"]
                .map(|key| (key.to_owned(), Key::from(key)))
                .into(),
            called: BTreeMap::new(),
        }
    }

    #[test]
    fn keys_and_ids_are_shortened_inside_sentences() {
        let text =
            "fs/9/16/_ss/h019b76daaddc7117a1ccd9705ceebf23_v4.mpk: listed va2f82bf51192428f, null";
        let short = "_ss/h019…bf23_v4.mpk: listed va2f82, null";
        assert_eq!(names().shorten(text), short);
        let quoted = r#"Some("fs/9/16/_b/443fefe91d8d42428eb1b933c693d213_v2.parquet")"#;
        assert_eq!(names().shorten(quoted), r#"Some("_b/443…d213_v2.parquet")"#);
        assert_eq!(
            names().shorten("fs/9/16/ alone, deadbeef"),
            "fs/9/16/ alone, deadbeef"
        );
    }

    #[test]
    fn a_key_that_begins_with_another_one_is_not_taken_for_it() {
        let names = names();
        let found: Vec<&str> = names
            .named_in("published before fs/9/16/_b/a/x, which it references")
            .map(Key::as_str)
            .collect();
        assert_eq!(found, ["fs/9/16/_b/a/x"]);
    }
}
