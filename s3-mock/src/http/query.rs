//! Query strings and percent encoding.

/// Decodes `%41` and, in queries, `+`. None: not UTF-8.
pub(super) fn decode(text: &str, plus_is_space: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        let escaped = (first == b'%')
            .then(|| {
                behind
                    .get(..2)
                    .and_then(|digits| std::str::from_utf8(digits).ok())
            })
            .flatten()
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None if first == b'+' && plus_is_space => bytes.push(b' '),
            None => bytes.push(first),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Encodes as S3 does for `encoding-type=url`: all but unreserved characters and the slash.
pub(super) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("a String takes everything"),
        }
    }
    encoded
}

/// The parameters of a query, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Parameters that are not UTF-8 are left to s3s, which refuses them.
    pub(super) fn parse(query: Option<&str>) -> Self {
        let pairs = query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty());
        let decoded = pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name, true)?, decode(value, true)?))
        });
        Self(decoded.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// Bucket and key of a path-style path; the key is empty for the bucket itself.
pub(super) fn split_path(path: &str) -> Option<(String, String)> {
    let path = decode(path, false)?;
    let path = path.strip_prefix('/').unwrap_or(&path);
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    Some((bucket.to_owned(), key.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Query, decode, encode, split_path};

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for text in ["a b/c+d%", "\u{1}\u{7f}é\u{10ffff}", "", "%4", "%zz"] {
            assert_eq!(decode(&encode(text), true).as_deref(), Some(text));
            assert!(encode(text).is_ascii());
        }
        assert_eq!(decode("%4+%zz%", true).as_deref(), Some("%4 %zz%"));
        assert_eq!(decode("%ff", true), None);
    }

    #[test]
    fn a_query_and_a_path_are_taken_apart() {
        let query = Query::parse(Some("versions&prefix=a%2Fb+c&x=1=2"));
        assert_eq!(
            (query.get("versions"), query.get("prefix")),
            (Some(""), Some("a/b c"))
        );
        assert_eq!((query.get("x"), query.has("y")), (Some("1=2"), false));
        let split = split_path("/bucket/a%20b//c+");
        assert_eq!(split, Some(("bucket".to_owned(), "a b//c+".to_owned())));
        assert_eq!(
            split_path("/bucket"),
            Some(("bucket".to_owned(), String::new()))
        );
    }
}
