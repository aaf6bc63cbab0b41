//! What a salvage tells, read out of the files that it wrote: the list of records, and the dumps.
//!
//! ```text
//!  records.ndjson.zst   {"kind":…,"class":…,"key":…,"etag":…,"place":…}      a line for each record
//!  CLASS.ravendbdump    {"BuildVersion":…,"Docs":[{…},{attachment}‹bytes›,{…}],…}
//!  attachments/HASH     ‹bytes›                                                a content that no dump has
//! ```
//!
//! A dump is no JSON: behind an attachment's object, and behind a segment's, stand its bytes. So it is cut up by
//! hand, and each object is read by itself, its members in their order and its values as they were written.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read as _;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use firedrill_core::salvage::record::{Class, Kind};

/// A record of the list.
#[derive(Debug, Clone, Deserialize)]
pub struct Line {
    /// Its table.
    pub kind: Kind,
    /// What it is worth.
    pub class: Class,
    /// Its key, separators as `|`.
    pub key: String,
    /// Its etag.
    pub etag: u64,
    /// Its change vector.
    #[serde(default)]
    pub change_vector: Option<String>,
    /// Where it was found.
    pub place: String,
    /// On which page.
    pub page: u64,
    /// A bit was flipped back.
    #[serde(default)]
    pub repaired: bool,
    /// No checksum covers all of it.
    #[serde(default)]
    pub unhashed: bool,
}

/// An object of a dump.
#[derive(Debug, Clone)]
pub struct Object {
    /// The section that it stands in.
    pub section: String,
    /// Its members, in order.
    pub members: Members,
    /// The bytes behind it.
    pub bytes: Option<Vec<u8>>,
}

/// Members of an object, in order, their values as they were written.
#[derive(Debug, Clone, Default)]
pub struct Members(pub Vec<(String, Box<RawValue>)>);

/// All of it.
#[derive(Debug, Default)]
pub struct Told {
    /// The list.
    pub lines: Vec<Line>,
    /// The objects of each class's dump, by section and change vector.
    pub objects: BTreeMap<(Class, String, String), Object>,
    /// Contents of attachments in each class's dump, by hash.
    pub contents: BTreeMap<(Class, String), Vec<u8>>,
    /// Whole contents that no dump has, by hash.
    pub leftovers: BTreeMap<String, Vec<u8>>,
}

/// An output that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path} cannot be read: {why}")]
pub struct Unreadable {
    path: String,
    why: String,
}

impl Told {
    /// Reads what was written.
    ///
    /// # Errors
    /// It is not what a salvage writes.
    pub fn read(written: &BTreeMap<String, Vec<u8>>) -> Result<Self, Unreadable> {
        let mut told = Self::default();
        for (path, bytes) in written {
            if let Some(name) = path.strip_prefix("attachments/") {
                told.leftover(name, bytes);
                continue;
            }
            let read = match path.strip_suffix(".ravendbdump") {
                Some(stem) => told.dump(stem, bytes),
                None => told.list(bytes),
            };
            read.map_err(|why| Unreadable {
                path: path.clone(),
                why,
            })?;
        }
        Ok(told)
    }

    /// A content's name is its hash in base64, as files are called; what is partial is named by no hash of its own.
    fn leftover(&mut self, name: &str, bytes: &[u8]) {
        if !name.starts_with("partial/") {
            let hash = name.replace('-', "+").replace('_', "/") + "=";
            self.leftovers.insert(hash, bytes.to_vec());
        }
    }

    fn list(&mut self, bytes: &[u8]) -> Result<(), String> {
        let plain = zstd::stream::decode_all(bytes).map_err(|error| error.to_string())?;
        for line in plain.split(|byte| *byte == b'\n') {
            if !line.is_empty() {
                let line = serde_json::from_slice(line).map_err(|error| error.to_string())?;
                self.lines.push(line);
            }
        }
        Ok(())
    }

    fn dump(&mut self, stem: &str, bytes: &[u8]) -> Result<(), String> {
        let class = match stem {
            "salvage" => Class::Live,
            _ => Class::ALL
                .into_iter()
                .find(|class| class.name() == stem)
                .ok_or("no class is called so")?,
        };
        let mut plain = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes)
            .read_to_end(&mut plain)
            .map_err(|error| error.to_string())?;
        for object in objects(&plain)? {
            if let Some(hash) = object.members.text("Hash") {
                let bytes = object.bytes.unwrap_or_default();
                if self.contents.insert((class, hash), bytes).is_some() {
                    return Err("one content stands there twice".to_owned());
                }
                continue;
            }
            let name = object.members.change_vector();
            let name = name.ok_or("an object has no change vector")?;
            let at = (class, object.section.clone(), name);
            if self.objects.insert(at.clone(), object).is_some() && class != Class::Suspect {
                return Err(format!("{} {} stands there twice", at.1, at.2));
            }
        }
        Ok(())
    }
}

impl Members {
    /// The value of a member as it was written.
    pub fn raw(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.get())
    }

    /// The value of a member that is text.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?).ok()
    }

    /// The members of a member.
    pub fn inside(&self, name: &str) -> Option<Self> {
        Self::read(self.raw(name)?)
    }

    /// Out of an object's text.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// What every record in a dump has, in one of three places.
    fn change_vector(&self) -> Option<String> {
        let metadata = self.inside("@metadata").unwrap_or_default();
        let data = self.inside("@raven-data").unwrap_or_default();
        let found = metadata.text("@change-vector");
        let found = found.or_else(|| data.text("ChangeVector"));
        found.or_else(|| self.text("ChangeVector"))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The objects in a dump's sections.
fn objects(dump: &[u8]) -> Result<Vec<Object>, String> {
    let mut objects = Vec::new();
    let mut at = dump
        .iter()
        .position(|byte| *byte == b'{')
        .ok_or("it is empty")?
        + 1;
    loop {
        let (name, behind) = name_at(dump, at)?;
        at = behind;
        if dump.get(at) != Some(&b'[') {
            at = end_of_value(dump, at)?;
        } else {
            at += 1;
            while dump.get(at) == Some(&b'{') {
                let end = end_of_value(dump, at)?;
                let text =
                    std::str::from_utf8(&dump[at..end]).map_err(|error| error.to_string())?;
                let members = Members::read(text).ok_or("an object is no JSON")?;
                let follows = members.raw("@raven-blob-size").or_else(|| {
                    let is_content = members.raw("Hash").is_some();
                    is_content.then(|| members.raw("Size")).flatten()
                });
                let length = follows.map(str::parse::<usize>).transpose();
                let length = length.map_err(|error| error.to_string())?;
                at = end;
                let mut bytes = None;
                if let Some(length) = length {
                    bytes = Some(
                        dump.get(at..at + length)
                            .ok_or("bytes are missing")?
                            .to_vec(),
                    );
                    at += length;
                }
                objects.push(Object {
                    section: name.clone(),
                    members,
                    bytes,
                });
                if dump.get(at) == Some(&b',') {
                    at += 1;
                    if dump.get(at) != Some(&b'{') {
                        return Err("nothing follows a comma".to_owned());
                    }
                }
            }
            if dump.get(at) != Some(&b']') {
                return Err(format!("section {name} does not end at byte {at}"));
            }
            at += 1;
        }
        match dump.get(at) {
            Some(b',') => at += 1,
            Some(b'}') if at + 1 == dump.len() => return Ok(objects),
            _ => return Err(format!("it does not go on behind byte {at}")),
        }
    }
}

/// A member's name, and where its value begins.
fn name_at(dump: &[u8], at: usize) -> Result<(String, usize), String> {
    let end = end_of_value(dump, at)?;
    let name: String = serde_json::from_slice(&dump[at..end]).map_err(|error| error.to_string())?;
    match dump.get(end) {
        Some(b':') => Ok((name, end + 1)),
        _ => Err("a name has no value".to_owned()),
    }
}

/// Where the value that begins here ends.
fn end_of_value(dump: &[u8], start: usize) -> Result<usize, String> {
    let (mut depth, mut in_text, mut at) = (0_usize, false, start);
    while let Some(byte) = dump.get(at) {
        match byte {
            b'\\' if in_text => at += 1,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' | b':' if depth == 0 => return Ok(at),
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 && !in_text && matches!(byte, b'}' | b']' | b'"') {
            return Ok(at);
        }
    }
    Err("a value has no end".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_cut_up_at_its_bytes() {
        let dump = br#"{"BuildVersion":71000,"Docs":[{"a":"}\"{","@metadata":{"@change-vector":"A:1"}},{"Hash":"h","Size":3}],{,{"b":[{}],"@metadata":{"@change-vector":"A:2"}}],"TimeSeries":[{"@raven-data":{"ChangeVector":"A:3"},"@raven-blob-size":2}xy]}"#;
        let objects = objects(dump).expect("it is whole");
        let seen: Vec<_> = objects
            .iter()
            .map(|object| {
                (
                    object.section.as_str(),
                    object.members.change_vector(),
                    object.bytes.clone(),
                )
            })
            .collect();
        let cv = |text: &str| Some(text.to_owned());
        assert_eq!(
            seen,
            [
                ("Docs", cv("A:1"), None),
                ("Docs", None, Some(b"],{".to_vec())),
                ("Docs", cv("A:2"), None),
                ("TimeSeries", cv("A:3"), Some(b"xy".to_vec())),
            ]
        );
        assert!(super::objects(&dump[..dump.len() - 1]).is_err());
    }
}
