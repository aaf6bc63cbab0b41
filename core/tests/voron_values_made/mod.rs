//! Makes values by hand from `core/FORMATS.md`, knowing nothing of the readers.

use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Number(String),
    Text(String),
    Compressed(String),
    Raw(Vec<u8>),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// An object in which no name stands twice.
    pub(crate) fn object(members: Vec<(String, Json)>) -> Self {
        let mut once: Vec<(String, Json)> = Vec::new();
        for (name, value) in members {
            if once.iter().all(|(known, _)| *known != name) {
                once.push((name, value));
            }
        }
        Self::Object(once)
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Number(literal) => literal.clone(),
            Self::Text(text) | Self::Compressed(text) => quoted(text),
            Self::Raw(_) => panic!("no JSON has raw bytes"),
            Self::Array(items) => {
                let items: Vec<String> = items.iter().map(Self::text).collect();
                format!("[{}]", items.join(","))
            }
            Self::Object(members) => {
                let member =
                    |(name, value): &(String, Json)| format!("{}:{}", quoted(name), value.text());
                let members: Vec<String> = members.iter().map(member).collect();
                format!("{{{}}}", members.join(","))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\0'..='\u{1f}' => out.push_str(&format!("\\u{:04X}", character as u32)),
            _ => out.push(character),
        }
    }
    out + "\""
}

pub(crate) fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push(value as u8 | 128);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

pub(crate) fn reversed(value: u64) -> Vec<u8> {
    let mut bytes = varint(value);
    bytes.reverse();
    bytes
}

/// A lazy string: everything raw, what JSON escapes listed.
pub(crate) fn lazy(text: &str) -> Vec<u8> {
    let mut distances = Vec::new();
    let mut behind_last = 0;
    for (at, byte) in text.bytes().enumerate() {
        if matches!(byte, 0..0x20 | b'"' | b'\\') {
            distances.push(at - behind_last);
            behind_last = at + 1;
        }
    }
    let mut bytes = varint(text.len() as u64);
    bytes.extend(text.bytes());
    bytes.extend(varint(distances.len() as u64));
    for distance in distances {
        bytes.extend(varint(distance as u64));
    }
    bytes
}

pub(crate) fn blittable(root: &Json) -> Vec<u8> {
    let mut names = BTreeMap::new();
    collect_names(root, &mut names);
    for (id, name) in names.values_mut().enumerate() {
        *name = id;
    }
    let mut bytes = Vec::new();
    let (at, token) = write(root, &names, &mut bytes);
    let mut places = Vec::new();
    for name in names.keys() {
        places.push(bytes.len());
        bytes.extend(lazy(name));
    }
    let table = bytes.len();
    let (width, bits) = width(places.first().map_or(0, |first| table - first));
    bytes.push(bits << 4);
    places
        .iter()
        .for_each(|place| bytes.extend(&(table - place).to_le_bytes()[..width]));
    trailer(at, table, token, bytes)
}

fn trailer(root: usize, table: usize, token: u8, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.extend(reversed(root as u64));
    bytes.extend(reversed(table as u64));
    bytes.push(token);
    bytes
}

fn collect_names(value: &Json, names: &mut BTreeMap<String, usize>) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| collect_names(item, names)),
        Json::Object(members) => {
            for (name, value) in members {
                names.insert(name.clone(), 0);
                collect_names(value, names);
            }
        }
        _ => {}
    }
}

fn width(largest: usize) -> (usize, u8) {
    match largest {
        0..=0xff => (1, 1),
        0x100..=0xffff => (2, 2),
        _ => (4, 3),
    }
}

fn write(value: &Json, names: &BTreeMap<String, usize>, bytes: &mut Vec<u8>) -> (usize, u8) {
    let children: Vec<(usize, (usize, u8))> = match value {
        Json::Array(items) => items
            .iter()
            .map(|item| (0, write(item, names, bytes)))
            .collect(),
        Json::Object(members) => {
            let write = |(name, value): &(String, Json)| (names[name], write(value, names, bytes));
            members.iter().map(write).collect()
        }
        _ => Vec::new(),
    };
    let at = bytes.len();
    match value {
        Json::Null => bytes.push(0),
        Json::Bool(value) => bytes.push(u8::from(*value)),
        Json::Integer(value) => bytes.extend(varint(((value << 1) ^ (value >> 63)) as u64)),
        Json::Number(text) | Json::Text(text) => bytes.extend(lazy(text)),
        Json::Compressed(text) => {
            let block = lz4_flex::block::compress(text.as_bytes());
            bytes.extend(varint(text.len() as u64));
            bytes.extend(varint(block.len() as u64));
            bytes.extend(block);
            bytes.push(0);
        }
        Json::Raw(raw) => {
            bytes.extend(varint(raw.len() as u64));
            bytes.extend(raw);
        }
        Json::Array(_) | Json::Object(_) => {
            return (at, container(value, children, at, names.len(), bytes));
        }
    }
    let token = match value {
        Json::Integer(_) => 3,
        Json::Number(_) => 4,
        Json::Text(_) => 5,
        Json::Compressed(_) => 6,
        Json::Bool(_) => 7,
        Json::Null => 8,
        _ => 10,
    };
    (at, token)
}

/// Appends an object or an array, and returns its token.
fn container(
    value: &Json,
    mut children: Vec<(usize, (usize, u8))>,
    at: usize,
    names: usize,
    bytes: &mut Vec<u8>,
) -> u8 {
    let farthest = children.iter().map(|(_, (place, _))| at - place).max();
    let (offset_width, offset_bits) = width(farthest.unwrap_or_default());
    let (id_width, id_bits) = width(names);
    let is_object = matches!(value, Json::Object(_));
    if is_object {
        children.sort_by_key(|(name, _)| *name);
    }
    bytes.extend(varint(children.len() as u64));
    for (name, (place, token)) in children {
        bytes.extend(&(at - place).to_le_bytes()[..offset_width]);
        if is_object {
            bytes.extend(&name.to_le_bytes()[..id_width]);
        }
        bytes.push(token);
    }
    match is_object {
        true => 1 | offset_bits << 4 | id_bits << 6,
        false => 2 | offset_bits << 4,
    }
}

/// Arrays in arrays, so many deep.
pub(crate) fn deep_array(depth: usize) -> Vec<u8> {
    let mut bytes = vec![0];
    let mut before = 0;
    for _ in 1..depth {
        let at = bytes.len();
        bytes.extend([1, u8::try_from(at - before).expect("it lies close"), 0x12]);
        before = at;
    }
    let table = bytes.len();
    bytes.push(0x10);
    trailer(before, table, 0x12, bytes)
}

/// Arrays each of which names the one before `width` times.
pub(crate) fn shared_children(levels: usize, width: usize) -> Vec<u8> {
    let mut bytes = vec![0];
    let mut before = 0;
    for _ in 0..levels {
        let at = bytes.len();
        bytes.push(u8::try_from(width).expect("it is small"));
        for _ in 0..width {
            bytes.extend([u8::try_from(at - before).expect("it lies close"), 0x12]);
        }
        before = at;
    }
    let table = bytes.len();
    bytes.push(0x10);
    trailer(before, table, 0x12, bytes)
}

/// A table value of these columns.
pub(crate) fn row(columns: &[Vec<u8>]) -> Vec<u8> {
    let data: usize = columns.iter().map(Vec::len).sum();
    for (width, largest) in [(1, 0xff), (2, 0xffff), (4, usize::MAX)] {
        let count = varint(columns.len() as u64);
        let offsets = columns.len() * width;
        if count.len() + offsets + data > largest {
            continue;
        }
        let mut bytes = count;
        let mut offset = offsets;
        for column in columns {
            bytes.extend(&offset.to_le_bytes()[..width]);
            offset += column.len();
        }
        columns.iter().for_each(|column| bytes.extend(column));
        return bytes;
    }
    unreachable!("four bytes are enough")
}
