//! Takes a fuse table's objects apart with a general MessagePack library and the drawing in
//! `core/FORMATS.md`: shares no code with the writer and none with core's reader.

#![allow(dead_code, reason = "each test uses its own part of it")]

use std::collections::{BTreeMap, BTreeSet};

use rmpv::Value;

/// The table's bucket: key to body.
pub(crate) type Objects = BTreeMap<String, Vec<u8>>;

/// A frame with one payload, of `_ss` or `_hs`. Panics where the bytes are not as drawn.
pub(crate) fn single(body: &[u8], version: u64) -> Value {
    assert_eq!(number(body, 0), version);
    assert_eq!(body[8], 2, "MessagePack");
    let length = usize::try_from(number(body, 10)).expect("a length");
    assert_eq!(18 + length, body.len(), "the payload fills the object");
    payload(&body[18..], body[9])
}

/// A segment's two payloads: block metas and summary.
pub(crate) fn segment(body: &[u8]) -> (Vec<Value>, Value) {
    assert_eq!(number(body, 0), 4);
    assert_eq!(body[8], 2, "MessagePack");
    let blocks = usize::try_from(number(body, 10)).expect("a length");
    let summary = usize::try_from(number(body, 18)).expect("a length");
    assert_eq!(
        26 + blocks + summary,
        body.len(),
        "the payloads fill the object"
    );
    let metas = payload(&body[26..26 + blocks], body[9]);
    let Value::Array(metas) = metas else {
        panic!("block metas are an array: {metas}");
    };
    (metas, payload(&body[26 + blocks..], body[9]))
}

fn payload(bytes: &[u8], compression: u8) -> Value {
    match compression {
        0 => message_pack(bytes),
        1 => message_pack(&zstd::decode_all(bytes).expect("a zstd frame")),
        other => panic!("compression {other}"),
    }
}

/// One value that fills the bytes.
pub(crate) fn message_pack(mut bytes: &[u8]) -> Value {
    let value = rmpv::decode::read_value(&mut bytes).expect("MessagePack");
    assert!(bytes.is_empty(), "{} bytes left over", bytes.len());
    value
}

fn number(body: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(body[at..at + 8].try_into().expect("eight bytes"))
}

/// A field of a map; panics where it is missing.
pub(crate) fn field<'a>(map: &'a Value, name: &str) -> &'a Value {
    let pairs = map.as_map().unwrap_or_else(|| panic!("not a map: {map}"));
    pairs
        .iter()
        .find(|(key, _)| key.as_str() == Some(name))
        .map(|(_, value)| value)
        .unwrap_or_else(|| panic!("no field {name}"))
}

/// A field of a map that may be nil or missing.
pub(crate) fn optional<'a>(map: &'a Value, name: &str) -> Option<&'a Value> {
    let pairs = map.as_map().unwrap_or_else(|| panic!("not a map: {map}"));
    pairs
        .iter()
        .find(|(key, _)| key.as_str() == Some(name))
        .map(|(_, value)| value)
        .filter(|value| !value.is_nil())
}

/// An unsigned field.
pub(crate) fn unsigned(map: &Value, name: &str) -> u64 {
    field(map, name)
        .as_u64()
        .unwrap_or_else(|| panic!("{name} is not unsigned"))
}

/// The path of a location `[path, version]`.
pub(crate) fn path(location: &Value) -> &str {
    location[0].as_str().expect("a location begins with a path")
}

/// Bytes that are written as an array of integers.
pub(crate) fn byte_array(value: &Value) -> Vec<u8> {
    let items = value.as_array().expect("an array");
    items
        .iter()
        .map(|item| u8::try_from(item.as_u64().expect("an integer")).expect("a byte"))
        .collect()
}

/// A map's field names in their order.
pub(crate) fn fields(map: &Value) -> Vec<String> {
    let pairs = map.as_map().expect("a map");
    pairs
        .iter()
        .map(|(key, _)| key.as_str().expect("a name").to_owned())
        .collect()
}

/// Everything that a value consists of: the path to each part, with its type. Arrays lose their indices.
pub(crate) fn shape(value: &Value) -> BTreeSet<(String, &'static str)> {
    let mut parts = BTreeSet::new();
    collect(value, "", &mut parts);
    parts
}

fn collect(value: &Value, at: &str, parts: &mut BTreeSet<(String, &'static str)>) {
    let kind = match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) => "integer",
        Value::F32(_) => "float of 32 bits",
        Value::F64(_) => "float",
        Value::String(_) => "string",
        Value::Binary(_) => "binary",
        Value::Array(_) => "array",
        Value::Map(_) => "map",
        Value::Ext(..) => "extension",
    };
    parts.insert((at.to_owned(), kind));
    match value {
        Value::Array(items) => {
            for item in items {
                collect(item, &format!("{at}[]"), parts);
            }
        }
        Value::Map(pairs) => {
            for (key, value) in pairs {
                let name = match key {
                    Value::String(name) => format!(".{}", name.as_str().expect("UTF-8")),
                    Value::Integer(number) => format!("#{number}"),
                    other => panic!("a key that is neither name nor number: {other}"),
                };
                collect(value, &format!("{at}{name}"), parts);
            }
        }
        _ => {}
    }
}
