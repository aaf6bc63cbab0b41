//! Byte ranges of a GET.

/// One range of bytes. "Amazon S3 doesn't support retrieving multiple ranges of data per GET request" (API
/// reference, GetObject).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// `bytes=first-last`, both included.
    FromTo(u64, u64),
    /// `bytes=first-`.
    From(u64),
    /// `bytes=-count`: that many at the end.
    Last(u64),
}

impl ByteRange {
    /// Reads the value of a Range header. None: not one valid range, and then the header is ignored and the
    /// whole object is answered ("An origin server MUST ignore a Range header field that contains a range
    /// unit it does not understand", RFC 9110, 14.2).
    pub fn parse(header: &str) -> Option<Self> {
        let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
        let number = |digits: &str| {
            let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
        };
        match (first, last) {
            ("", count) => number(count).map(Self::Last),
            (first, "") => number(first).map(Self::From),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                (first <= last).then_some(Self::FromTo(first, last))
            }
        }
    }

    /// The bytes `start..end` that this range means in an object of `size` bytes. None: not satisfiable
    /// (416): it begins at or behind the end, or asks for the last 0 bytes.
    pub fn within(self, size: u64) -> Option<(u64, u64)> {
        let (start, end) = match self {
            Self::FromTo(first, last) => (first, last.saturating_add(1).min(size)),
            Self::From(first) => (first, size),
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        (start < end).then_some((start, end))
    }
}

#[cfg(test)]
mod tests {
    use super::ByteRange;

    #[test]
    fn the_forms_of_a_range() {
        let cases = [
            ("bytes=0-0", Some((0, 1))),
            ("bytes=2-4", Some((2, 5))),
            ("bytes=2-400", Some((2, 10))),
            ("bytes=9-", Some((9, 10))),
            ("bytes=10-", None),
            ("bytes=10-12", None),
            ("bytes=-3", Some((7, 10))),
            ("bytes=-30", Some((0, 10))),
            ("bytes=-0", None),
        ];
        for (header, expected) in cases {
            let range = ByteRange::parse(header).expect(header);
            assert_eq!(range.within(10), expected, "{header}");
        }
        assert_eq!(ByteRange::Last(1).within(0), None);
    }

    #[test]
    fn what_is_not_one_valid_range_is_ignored() {
        for header in [
            "bytes=",
            "bytes=-",
            "bytes=4-2",
            "bytes=0-1,3-4",
            "lines=0-1",
            "bytes=+1-2",
        ] {
            assert_eq!(ByteRange::parse(header), None, "{header}");
        }
    }
}
