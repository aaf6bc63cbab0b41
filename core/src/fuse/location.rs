//! Where a table's objects are: locations in the metadata, and keys in the bucket.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

use crate::object::Key;

/// The prefix of one table in its bucket: `<root>/<db_id>/<table_id>/`, with any root or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePrefix {
    prefix: String,
    /// Byte offset of `<db_id>/<table_id>/` in the prefix.
    tail: usize,
}

impl TablePrefix {
    /// Splits a prefix that ends in a slash.
    pub fn new(prefix: &str) -> Self {
        let without_slash = prefix.strip_suffix('/').unwrap_or(prefix);
        let tail = without_slash
            .rmatch_indices('/')
            .nth(1)
            .map_or(0, |(slash, _)| slash + 1);
        Self {
            prefix: prefix.to_string(),
            tail,
        }
    }

    /// The prefix itself.
    pub fn as_str(&self) -> &str {
        &self.prefix
    }

    /// The key of something in this table, by its name below the prefix.
    pub fn key(&self, name: &str) -> Key {
        Key::from([self.prefix.as_str(), name].concat())
    }

    /// The key of a location as the metadata writes it: relative to the operator root, hence beginning
    /// with `<db_id>/<table_id>/`. None: it lies in another table.
    pub fn resolve(&self, location: &str) -> Option<Key> {
        let name = location.strip_prefix(&self.prefix[self.tail..])?;
        (!name.is_empty()).then(|| self.key(name))
    }

    /// The key of a path as the hint writes it: from the bucket's root, with or without a leading slash.
    pub fn resolve_full_path(&self, path: &str) -> Option<Key> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let name = path.strip_prefix(&self.prefix)?;
        name.starts_with("_ss/").then(|| Key::from(path))
    }

    /// The key of a predecessor: `_ss/[h if uuid v7]<hex>_v<version>.mpk`.
    pub fn snapshot_key(&self, id: Uuid, version: u64) -> Key {
        let mark = if id.version() == 7 { "h" } else { "" };
        self.key(&format!("_ss/{mark}{id}_v{version}.mpk"))
    }
}

/// A uuid: in MessagePack 16 bytes, in JSON text with dashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// The version field (RFC 9562): 4 random, 7 time-ordered.
    pub fn version(self) -> u8 {
        self.0[6] >> 4
    }

    fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        let mut digits = text.bytes().filter(|byte| *byte != b'-');
        for byte in &mut bytes {
            let high = char::from(digits.next()?).to_digit(16)?;
            let low = char::from(digits.next()?).to_digit(16)?;
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        digits.next().is_none().then_some(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    /// 32 hex digits without dashes, as in names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The uuid that an object's name carries: behind the last slash, without a prefix character above `f`
/// (format fact: "a first character above `f` is a prefix to strip").
pub fn uuid_in_name(key: &str) -> Option<Uuid> {
    let name = key.rsplit('/').next()?;
    let name = match name.chars().next()? {
        first if first > 'f' => &name[first.len_utf8()..],
        _ => name,
    };
    Uuid::parse(name.get(..32)?)
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UuidVisitor;

        impl<'de> Visitor<'de> for UuidVisitor {
            type Value = Uuid;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a uuid, as 16 bytes or as text")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Uuid, E> {
                let bytes = bytes
                    .try_into()
                    .map_err(|_| E::invalid_length(bytes.len(), &self))?;
                Ok(Uuid(bytes))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Uuid, E> {
                Uuid::parse(text).ok_or_else(|| E::custom("not a uuid"))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Uuid, A::Error> {
                let mut bytes = [0; 16];
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = sequence
                        .next_element()?
                        .ok_or_else(|| A::Error::invalid_length(index, &"16 bytes"))?;
                }
                Ok(Uuid(bytes))
            }
        }

        deserializer.deserialize_any(UuidVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_resolve_below_their_own_table_only() {
        let prefix = TablePrefix::new("fs/9/16/");
        assert_eq!(
            prefix.resolve("9/16/_b/x").expect("own").as_str(),
            "fs/9/16/_b/x"
        );
        assert_eq!(prefix.resolve("9/17/_b/x"), None);
        assert_eq!(prefix.resolve("9/16/"), None);
        let bare = TablePrefix::new("9/16/");
        assert_eq!(
            bare.resolve("9/16/_b/x").expect("own").as_str(),
            "9/16/_b/x"
        );
    }

    #[test]
    fn a_hint_names_a_snapshot_of_its_own_table_only() {
        let prefix = TablePrefix::new("fs/9/16/");
        let key = prefix
            .resolve_full_path("/fs/9/16/_ss/a_v4.mpk")
            .expect("own");
        assert_eq!(key.as_str(), "fs/9/16/_ss/a_v4.mpk");
        assert_eq!(prefix.resolve_full_path("/fs/9/17/_ss/a_v4.mpk"), None);
        assert_eq!(prefix.resolve_full_path("/fs/9/16/_b/a_v2.parquet"), None);
    }

    #[test]
    fn a_mark_before_the_uuid_is_stripped() {
        let plain = uuid_in_name("fs/1/6/_i_b_v2/01a2014a39ea7468a975856b6bf9d504_v4.parquet");
        let marked = uuid_in_name("fs/1/6/_b/h01a2014a39ea7468a975856b6bf9d504_v2.parquet");
        assert!(plain.is_some());
        assert_eq!(plain, marked);
        assert_eq!(plain.expect("read").version(), 7);
        assert_eq!(uuid_in_name("fs/1/6/_b/short"), None);
    }
}
