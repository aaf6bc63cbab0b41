//! Contents of attachments that no dump has: each is a file of its own.
//!
//! ```text
//!  attachments/HASH            all of it, and nothing that is written in a dump names it
//!  attachments/partial/PAGE    what there is of a stream that begins at this page: it ends too early, or it
//!                              hashes to something else than its tag says
//! ```
//!
//! A hash in a file's name is base64 with `-` and `_` for `+` and `/`, without its `=`. Who names it says the report.
//! What a tag says is no file's name: in a damaged stream it may be anything, and two streams may say the same.

use std::collections::{BTreeMap, BTreeSet};

use super::content::{Hashed, Standing};
use super::library::Library;
use super::record::Kind;
use super::render::{Part, attachment_key};
use super::report::Leftover;

/// A file, what it is, and what it is made of.
pub(super) type File = (String, Leftover, Vec<Part>);

impl Library {
    /// All of them; `dumped` are the hashes of those that a dump has.
    pub(super) fn leftovers(&self, dumped: &BTreeSet<String>) -> Vec<File> {
        let named_by = self.named_by();
        let mut files = Vec::new();
        let mut told = BTreeSet::new();
        let streams = self.hashed.iter().filter(|hashed| hashed.whole);
        let hashes = streams.map(|hashed| hashed.hash.as_str());
        let inline = self.inline.iter().filter(|inline| inline.is_true);
        let hashes = hashes.chain(inline.map(|inline| inline.hash.as_str()));
        // Where the tag is lost, a row may name it.
        for hash in hashes.chain(named_by.keys().copied()) {
            if dumped.contains(hash) || !told.insert(hash) {
                continue;
            }
            let standing = self.content_of(hash);
            if let Some(Standing::Whole { pieces, bytes }) = standing
                && bytes > 0
            {
                let parts = pieces.into_iter();
                let parts = parts.map(|piece| Part::Bytes(Box::new(piece))).collect();
                let leftover = Leftover {
                    hash: Some(hash.to_owned()),
                    bytes,
                    is_whole: true,
                    named_by: named_by.get(hash).cloned().unwrap_or_default(),
                };
                files.push((format!("attachments/{}", file_name(hash)), leftover, parts));
            }
        }
        for hashed in &self.hashed {
            files.extend(self.partial(hashed, &named_by));
        }
        files
    }

    /// What there is of a stream that is not whole.
    fn partial(
        &self,
        hashed: &Hashed,
        named_by: &BTreeMap<&str, BTreeSet<(String, String)>>,
    ) -> Option<File> {
        let of = hashed.named.as_deref();
        let is_known = |hash| matches!(self.content_of(hash), Some(Standing::Whole { .. }));
        let bytes: u64 = hashed.data.iter().map(|(.., bytes)| bytes).sum();
        if hashed.whole || (hashed.ended && of.is_none()) || bytes == 0 || of.is_some_and(is_known)
        {
            return None;
        }
        let leftover = Leftover {
            hash: of.map(str::to_owned),
            bytes,
            is_whole: false,
            named_by: of
                .and_then(|hash| named_by.get(hash))
                .cloned()
                .unwrap_or_default(),
        };
        let pieces = self.pieces_of(hashed).into_iter();
        let parts = pieces.map(|piece| Part::Bytes(Box::new(piece))).collect();
        Some((
            format!("attachments/partial/{}", hashed.first),
            leftover,
            parts,
        ))
    }

    /// Which documents and revisions name a content, whatever class their rows are of.
    fn named_by(&self) -> BTreeMap<&str, BTreeSet<(String, String)>> {
        let mut named: BTreeMap<&str, BTreeSet<(String, String)>> = BTreeMap::new();
        let rows = self
            .shelf
            .rows
            .iter()
            .filter(|row| row.record.kind == Kind::Attachment);
        for key in rows.filter_map(|row| attachment_key(&row.record.key)) {
            let name = (key.document_id.to_owned(), key.lower_name.to_owned());
            named.entry(key.hash).or_default().insert(name);
        }
        named
    }
}

fn file_name(hash: &str) -> String {
    let hash = hash.trim_end_matches('=');
    hash.replace('+', "-").replace('/', "_")
}
