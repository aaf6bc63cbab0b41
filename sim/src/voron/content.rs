//! What documents, attachments and series say: all of it drawn by address.

use super::blittable::Json;
use crate::draw::{Seed, Stream, hash_bytes};

const NAMES: Stream = Stream::new("voron.names");
const VALUES: Stream = Stream::new("voron.values");
const WORDS: Stream = Stream::new("voron.words");
const BYTES: Stream = Stream::new("voron.bytes");

const WORD_LIST: [&str; 24] = [
    "amber",
    "lagoon",
    "tundra",
    "willow",
    "ember",
    "glacier",
    "umber",
    "prairie",
    "größe",
    "数据",
    "пример",
    "naïve",
    "🐦",
    "fjord",
    "meadow",
    "xenon",
    "say \"so\"",
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "jungle",
    "twin",
    "0",
    "",
];
const LITERALS: [&str; 10] = [
    "1e-7",
    "230.26",
    "-9223372036854775808",
    "1.0",
    "1E+3",
    "123456789012345678901234567890",
    "-0.0",
    "0.1",
    "4524.0423",
    "5e-324",
];
const PROPERTIES: [&str; 12] = [
    "Name",
    "name",
    "Total",
    "Größe",
    "Lines",
    "a",
    "Zip \"code\"",
    "Flag",
    "Nested",
    "Tags",
    "ShipTo",
    "Nothing",
];

/// A document's body of about this many bytes of text; `version` makes each version another one.
pub(super) fn body(seed: Seed, id: &str, version: u64, size: usize) -> Json {
    let source = Source {
        seed: seed.child(VALUES, version),
        entity: hash_bytes(id.as_bytes()),
    };
    let mut properties = Vec::new();
    let mut room = size as i64;
    let mut nth = 0;
    while room > 0 && nth < PROPERTIES.len() as u64 {
        let start = source
            .seed
            .below(PROPERTIES.len() as u64, NAMES, source.entity, 0);
        let name = PROPERTIES[((start + nth) % PROPERTIES.len() as u64) as usize];
        let value = source.value(nth << 8, room.min(4000), 2);
        room -= name.len() as i64 + super::blittable::text(&value).len() as i64 + 4;
        properties.push((name.to_owned(), value));
        nth += 1;
    }
    if room > 8 {
        let text = source.text(1 << 20, room as usize);
        properties.push(("Text".to_owned(), Json::Text(text)));
    }
    Json::Object(properties)
}

/// So many bytes; every third content is text, which compresses.
pub(super) fn bytes(seed: Seed, number: u64, size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size + 8);
    let mut nth = 0;
    while out.len() < size {
        if number.is_multiple_of(3) {
            let word = seed.below(WORD_LIST.len() as u64, WORDS, number, nth) as usize;
            out.extend_from_slice(WORD_LIST[word].as_bytes());
            out.push(b' ');
        } else {
            out.extend_from_slice(&seed.draw(BYTES, number, nth).to_le_bytes());
        }
        nth += 1;
    }
    out.truncate(size);
    out
}

struct Source {
    seed: Seed,
    entity: u64,
}

impl Source {
    fn below(&self, bound: u64, nth: u64) -> u64 {
        self.seed.below(bound, VALUES, self.entity, nth)
    }

    /// A value that keeps to about `room` bytes and to so many levels.
    fn value(&self, address: u64, room: i64, levels: u64) -> Json {
        match self.below(if levels > 0 { 10 } else { 7 }, address) {
            0 => Json::Null,
            1 => Json::Bool(self.below(2, address + 1) == 0),
            2 => Json::Integer(self.integer(address + 1)),
            3 => Json::Number(LITERALS[self.below(10, address + 1) as usize].to_owned()),
            4 => Json::Text(self.word(address + 1).to_owned()),
            5 => Json::Integer(self.below(100, address + 1) as i64),
            6 => {
                let size = self.below(room.clamp(1, 1500) as u64, address + 1);
                Json::Text(self.text(address + 2, size as usize))
            }
            7 => Json::Array(
                (0..self.below(5, address + 1))
                    .map(|item| self.value((address + 2 + item) << 4, room / 4, levels - 1))
                    .collect(),
            ),
            kind => {
                let count = if kind == 8 {
                    self.below(6, address + 1)
                } else {
                    2
                };
                let nested = |nth: u64| {
                    let name = PROPERTIES[(nth * 5 % 12) as usize].to_owned();
                    (
                        name,
                        self.value((address + 7 + nth) << 4, room / 4, levels - 1),
                    )
                };
                Json::Object((0..count).map(nested).collect())
            }
        }
    }

    /// Small, large and extreme ones.
    fn integer(&self, address: u64) -> i64 {
        match self.below(8, address) {
            0 => i64::MAX,
            1 => i64::MIN + 1,
            2 => -1,
            3 => 1 << 53,
            _ => {
                let drawn = self.seed.draw(BYTES, self.entity, address) as i64;
                drawn >> self.below(63, address + (1 << 40))
            }
        }
    }

    fn word(&self, address: u64) -> &'static str {
        WORD_LIST[self.seed.below(24, WORDS, self.entity, address) as usize]
    }

    /// Words up to so many bytes, every eleventh as hexadecimal digits so that not all compresses.
    fn text(&self, address: u64, size: usize) -> String {
        let mut text = String::with_capacity(size + 32);
        let mut nth = 0;
        while text.len() < size {
            let at = (address << 24) + nth;
            if nth % 11 == 3 {
                let drawn = self.seed.draw(BYTES, self.entity, at);
                text.push_str(&format!("{drawn:016x}"));
            } else {
                text.push_str(self.word(at));
            }
            text.push(' ');
            nth += 1;
        }
        while text.len() > size {
            text.pop();
        }
        text
    }
}
