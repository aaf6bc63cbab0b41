//! JSON as the database stores it, and its text as a reader is to give it back.
//!
//! ```text
//!  values, each behind what it consists of … │ root │ names │ name offsets │ root offset │ names offset │ token
//!                                                            ▲ names offset   └── reversed varints ──┘
//! ```
//!
//! Invariants: the properties of an object are sorted by name, their values lie in the order in which they
//! were written; an offset is a distance back from the object, the array or the name offsets.

use super::bytes::{escapes, reversed_varint, varint, zigzag};

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number, as its literal.
    Number(String),
    /// A string.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, its properties in their order.
    Object(Vec<(String, Json)>),
    /// Raw bytes; counters have them.
    Blob(Vec<u8>),
}

/// The value as a reader is to write it: no white space, the order and the literals kept. A blob has no text
/// and is shown as an array of its bytes.
pub fn text(value: &Json) -> String {
    let mut out = String::new();
    write_text(value, &mut out);
    out
}

/// The value as it is stored; `value` is an object.
pub(super) fn blittable(value: &Json) -> Vec<u8> {
    let mut writer = Writer::default();
    let (root, token) = writer.value(value);
    let names = writer.name_offsets();
    let mut out = writer.out;
    reversed_varint(&mut out, root as u64);
    reversed_varint(&mut out, names as u64);
    out.push(token);
    out
}

#[derive(Default)]
struct Writer {
    out: Vec<u8>,
    names: Vec<String>,
}

const OBJECT: u8 = 1;
const ARRAY: u8 = 2;
const INTEGER: u8 = 3;
const NUMBER: u8 = 4;
const TEXT: u8 = 5;
const COMPRESSED_TEXT: u8 = 6;
const BOOL: u8 = 7;
const NULL: u8 = 8;
const BLOB: u8 = 10;
const COMPRESS_ABOVE: usize = 128;

impl Writer {
    /// Writes a value and says where it begins and what its token is.
    fn value(&mut self, value: &Json) -> (usize, u8) {
        match value {
            Json::Array(items) => return self.array(items),
            Json::Object(properties) => return self.object(properties),
            _ => {}
        }
        let at = self.out.len();
        let token = match value {
            Json::Null => {
                self.out.push(0);
                NULL
            }
            Json::Bool(truth) => {
                self.out.push(u8::from(*truth));
                BOOL
            }
            Json::Integer(number) => {
                varint(&mut self.out, zigzag(*number));
                INTEGER
            }
            Json::Number(literal) => {
                self.string(literal);
                NUMBER
            }
            Json::Text(text) => self.text(text),
            Json::Blob(bytes) => {
                varint(&mut self.out, bytes.len() as u64);
                self.out.extend_from_slice(bytes);
                BLOB
            }
            Json::Array(_) | Json::Object(_) => unreachable!("taken above"),
        };
        (at, token)
    }

    fn text(&mut self, text: &str) -> u8 {
        if text.len() > COMPRESS_ABOVE {
            let compressed = lz4_flex::block::compress(text.as_bytes());
            if compressed.len() < text.len() {
                varint(&mut self.out, text.len() as u64);
                varint(&mut self.out, compressed.len() as u64);
                self.out.extend_from_slice(&compressed);
                escapes(&mut self.out, text);
                return COMPRESSED_TEXT;
            }
        }
        self.string(text);
        TEXT
    }

    fn string(&mut self, text: &str) {
        varint(&mut self.out, text.len() as u64);
        self.out.extend_from_slice(text.as_bytes());
        escapes(&mut self.out, text);
    }

    fn array(&mut self, items: &[Json]) -> (usize, u8) {
        let places: Vec<(usize, u8)> = items.iter().map(|item| self.value(item)).collect();
        let at = self.out.len();
        let width = width_of(farthest(at, &places));
        varint(&mut self.out, items.len() as u64);
        for (place, token) in places {
            self.number(at - place, width);
            self.out.push(token);
        }
        (at, ARRAY | offset_bits(width))
    }

    fn object(&mut self, properties: &[(String, Json)]) -> (usize, u8) {
        let mut places = Vec::with_capacity(properties.len());
        let mut order = Vec::with_capacity(properties.len());
        for (name, value) in properties {
            let id = self.name(name);
            places.push(self.value(value));
            order.push((name.as_str(), id, places.len() - 1));
        }
        order.sort_unstable();
        let at = self.out.len();
        let width = width_of(farthest(at, &places));
        let id_width = width_of(order.iter().map(|(_, id, _)| *id).max().unwrap_or(0));
        varint(&mut self.out, order.len() as u64);
        for (_, id, nth) in order {
            let (place, token) = places[nth];
            self.number(at - place, width);
            self.number(id, id_width);
            self.out.push(token);
        }
        (at, OBJECT | offset_bits(width) | id_bits(id_width))
    }

    fn name(&mut self, name: &str) -> usize {
        if let Some(id) = self.names.iter().position(|known| known == name) {
            return id;
        }
        self.names.push(name.to_owned());
        self.names.len() - 1
    }

    /// The names, then where each is.
    fn name_offsets(&mut self) -> usize {
        let mut places = Vec::with_capacity(self.names.len());
        for name in std::mem::take(&mut self.names) {
            places.push(self.out.len());
            self.string(&name);
        }
        let at = self.out.len();
        let width = width_of(places.first().map_or(0, |first| at - first));
        self.out.push(offset_bits(width));
        for place in places {
            self.number(at - place, width);
        }
        at
    }

    fn number(&mut self, number: usize, width: usize) {
        self.out
            .extend_from_slice(&(number as u64).to_le_bytes()[..width]);
    }
}

fn farthest(at: usize, places: &[(usize, u8)]) -> usize {
    places.first().map_or(0, |(first, _)| at - first)
}

fn width_of(largest: usize) -> usize {
    match largest {
        0..=0xFF => 1,
        0x100..=0xFFFF => 2,
        _ => 4,
    }
}

fn offset_bits(width: usize) -> u8 {
    match width {
        1 => 0x10,
        2 => 0x20,
        _ => 0x30,
    }
}

fn id_bits(width: usize) -> u8 {
    match width {
        1 => 0x40,
        2 => 0x80,
        _ => 0xC0,
    }
}

fn write_text(value: &Json, out: &mut String) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(truth) => out.push_str(if *truth { "true" } else { "false" }),
        Json::Integer(number) => out.push_str(&number.to_string()),
        Json::Number(literal) => out.push_str(literal),
        Json::Text(text) => write_string(text, out),
        Json::Array(items) => {
            out.push('[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                write_text(item, out);
            }
            out.push(']');
        }
        Json::Object(properties) => {
            out.push('{');
            for (nth, (name, value)) in properties.iter().enumerate() {
                if nth > 0 {
                    out.push(',');
                }
                write_string(name, out);
                out.push(':');
                write_text(value, out);
            }
            out.push('}');
        }
        Json::Blob(bytes) => out.push_str(&format!("{bytes:?}")),
    }
}

fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", control as u32)),
            other => out.push(other),
        }
    }
    out.push('"');
}
