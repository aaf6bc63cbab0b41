//! Takes a server's export apart, as text: number literals and the order of properties count.

use std::io::Read;
use std::path::PathBuf;

/// One object of a dump, with the raw bytes behind it.
pub(crate) struct Item {
    /// `Docs`, `RevisionDocuments`, …
    pub(crate) section: String,
    /// The object's own text.
    pub(crate) text: String,
    /// What follows an attachment or a segment.
    pub(crate) blob: Vec<u8>,
}

impl Item {
    /// Whether it is an attachment among documents.
    pub(crate) fn is_attachment(&self) -> bool {
        self.text
            .starts_with("{\"@metadata\":{\"@export-type\":\"Attachment\"}")
    }

    /// The text of a member without its quotes, looked for in the object and in the objects in it.
    pub(crate) fn text_of(&self, path: &[&str]) -> Option<String> {
        let mut text = self.text.clone();
        for name in path {
            text = member(&text, name)?;
        }
        Some(text.trim_matches('"').to_string())
    }
}

/// The text of one member of an object.
pub(crate) fn member(text: &str, name: &str) -> Option<String> {
    let found = members(text).into_iter().find(|(found, _)| found == name);
    found.map(|(_, value)| value)
}

/// Reads the export that belongs to a sample.
pub(crate) fn read(sample: &str) -> Vec<Item> {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test's entry point names its samples"
    )]
    let folder = std::env::var("FIREDRILL_SAMPLES").expect("the sample was found there");
    let path = PathBuf::from(folder).join(format!("voron/{sample}.expected.ravendbdump"));
    #[allow(
        clippy::disallowed_methods,
        reason = "a test reads its samples from disk"
    )]
    let packed = std::fs::read(path).expect("a sample has its export");
    of_bytes(&packed)
}

/// Reads a dump that is in memory: one gzip member, or several.
pub(crate) fn of_bytes(packed: &[u8]) -> Vec<Item> {
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(packed)
        .read_to_end(&mut bytes)
        .expect("an export is gzip");
    items(&bytes)
}

fn items(bytes: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut at = 1;
    while bytes[at] != b'}' {
        at += usize::from(bytes[at] == b',');
        let end = value_end(bytes, at);
        let section = text(&bytes[at + 1..end - 1]);
        at = end + 1;
        if bytes[at] != b'[' {
            at = value_end(bytes, at);
            continue;
        }
        at += 1;
        while bytes[at] != b']' {
            at += usize::from(bytes[at] == b',');
            let end = value_end(bytes, at);
            let mut item = Item {
                section: section.clone(),
                text: text(&bytes[at..end]),
                blob: Vec::new(),
            };
            let size = match item.is_attachment() {
                true => member(&item.text, "Size"),
                false if section == "TimeSeries" => member(&item.text, "@raven-blob-size"),
                false => None,
            };
            let size: usize = size.map_or(0, |size| size.parse().expect("a size is a number"));
            item.blob = bytes[end..end + size].to_vec();
            items.push(item);
            at = end + size;
        }
        at += 1;
    }
    items
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("JSON is text")
}

/// Where the value that begins at `at` ends.
fn value_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at;
    let mut depth = 0;
    loop {
        match bytes[end] {
            b'"' => {
                end += 1;
                while bytes[end] != b'"' {
                    end += 1 + usize::from(bytes[end] == b'\\');
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        end += 1;
        if depth == 0 && (end == bytes.len() || matches!(bytes[end], b',' | b'}' | b']' | b':')) {
            return end;
        }
        // Raw bytes or a comma may follow an object at once.
        if depth == 0 && matches!(bytes[at], b'{' | b'[') {
            return end;
        }
    }
}

/// The members of an object, in their order, values as text.
pub(crate) fn members(text: &str) -> Vec<(String, String)> {
    let bytes = text.as_bytes();
    let mut members = Vec::new();
    let mut at = 1;
    while bytes[at] != b'}' {
        at += usize::from(bytes[at] == b',');
        let colon = value_end(bytes, at);
        let end = value_end(bytes, colon + 1);
        members.push((
            text[at + 1..colon - 1].to_string(),
            text[colon + 1..end].to_string(),
        ));
        at = end;
    }
    members
}
