//! The small parts that all values are made of: varints, lazy strings, ids, ticks.
//!
//! ```text
//! varint            7 bits a byte, low ones first, high bit set on all but the last
//! reversed varint   the same, read from its last byte towards the front
//! lazy string       varint length | utf-8 | varint n | n varints: distance to the next character that JSON escapes
//! ticks             i64, units of 100 ns since 0001-01-01T00:00:00 UTC
//! ```
//!
//! An escaped character's distance counts the characters between it and the one before. 7.2 stores control
//! characters raw and lists them. They may also be stored as the six characters `\u00XX` (known of ids, not
//! seen in the samples); that backslash is no escape and is missing in the list, which tells it from one that
//! the writer of the document typed.
//!
//! Checked on files of 4.2 to 7.2.

use std::borrow::Cow;

use super::unreadable::{Unreadable, array_at, damaged, slice_at};

/// The last tick of the year 9999.
pub const TICKS_MAX: i64 = 3_155_378_975_999_999_999;

/// Ticks in a millisecond.
pub const TICKS_PER_MILLISECOND: i64 = 10_000;

/// Reads a varint of at most 64 bits; also the position behind it.
#[inline]
pub fn varint(bytes: &[u8], at: usize) -> Result<(u64, usize), Unreadable> {
    let mut value = 0_u64;
    let mut position = at;
    for shift in (0..70).step_by(7) {
        let byte = array_at::<1>(bytes, position)?[0];
        position += 1;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return damaged("a varint of more than 64 bits", at);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok((value, position));
        }
    }
    damaged("a varint of more than ten bytes", at)
}

/// Reads a varint that counts or measures something inside `bytes`: it is at most their length.
#[inline]
pub fn varint_length(bytes: &[u8], at: usize) -> Result<(usize, usize), Unreadable> {
    let (value, next) = varint(bytes, at)?;
    match usize::try_from(value) {
        Ok(length) if length <= bytes.len() => Ok((length, next)),
        _ => damaged("a length beyond the end of the value", at),
    }
}

/// Reads a varint backwards from its last byte, the one before `end`; also the position of its first byte.
/// At most 32 bits: nothing larger is stored so.
pub fn reversed_varint(bytes: &[u8], end: usize) -> Result<(u32, usize), Unreadable> {
    let mut value = 0_u64;
    let mut position = end;
    for shift in (0..35).step_by(7) {
        let Some(before) = position.checked_sub(1) else {
            return damaged("a reversed varint begins before the value", end);
        };
        position = before;
        let byte = array_at::<1>(bytes, position)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return match u32::try_from(value) {
                Ok(value) => Ok((value, position)),
                Err(_) => damaged("a reversed varint of more than 32 bits", end),
            };
        }
    }
    damaged("a reversed varint of more than five bytes", end)
}

/// Text with the list of what JSON escapes in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LazyString<'a> {
    /// The text as it is stored, control characters as `\u00XX`.
    pub text: &'a str,
    /// The list: varints, checked to lie on characters inside the text.
    escapes: &'a [u8],
    count: usize,
}

impl<'a> LazyString<'a> {
    /// Reads the lazy string at `at`; also the position behind it.
    pub fn read(bytes: &'a [u8], at: usize) -> Result<(Self, usize), Unreadable> {
        let (length, start) = varint_length(bytes, at)?;
        let text = utf8(slice_at(bytes, start, length)?, start)?;
        Self::with_escapes(text, bytes, start + length)
    }

    /// Reads a lazy string that takes up all of `bytes`, as in a column.
    pub fn whole(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let (string, end) = Self::read(bytes, 0)?;
        if end != bytes.len() {
            return damaged("bytes behind a string", end);
        }
        Ok(string)
    }

    /// Reads the list of escapes of `text`, at `at`; also the position behind it.
    pub(super) fn with_escapes(
        text: &'a str,
        bytes: &'a [u8],
        at: usize,
    ) -> Result<(Self, usize), Unreadable> {
        let (count, list) = varint_length(bytes, at)?;
        let mut next = list;
        let mut place = 0_usize;
        for _ in 0..count {
            let (distance, behind) = varint_length(bytes, next)?;
            place += distance;
            match text.as_bytes().get(place) {
                Some(byte) if is_escaped(*byte) => place += 1,
                _ => return damaged("a list of escapes that does not fit its text", next),
            }
            next = behind;
        }
        let escapes = slice_at(bytes, list, next - list)?;
        let string = Self {
            text,
            escapes,
            count,
        };
        Ok((string, next))
    }

    /// Positions in the text of the characters that JSON escapes.
    pub fn escape_positions(&self) -> impl Iterator<Item = usize> + use<'a> {
        let escapes = self.escapes;
        let mut at = 0;
        let mut place = 0;
        (0..self.count).map_while(move |_| {
            let (distance, behind) = varint_length_unbounded(escapes, at)?;
            at = behind;
            let position = place + distance;
            place = position + 1;
            Some(position)
        })
    }

    /// How many characters JSON escapes.
    pub fn escape_count(&self) -> usize {
        self.count
    }
}

fn varint_length_unbounded(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let (value, behind) = varint(bytes, at).ok()?;
    Some((usize::try_from(value).ok()?, behind))
}

/// What the writer lists as to be escaped: the characters that have an escape of two characters, and the
/// control characters, wherever one is stored raw.
fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The text of `bytes`, which is utf-8.
pub(super) fn utf8(bytes: &[u8], at: usize) -> Result<&str, Unreadable> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => damaged("text that is not utf-8", at + error.valid_up_to()),
    }
}

/// Text in which control characters stand for themselves again, not as `\u00XX`.
pub fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u00") {
        return Cow::Borrowed(text);
    }
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\u00") {
        let (before, from) = rest.split_at(at);
        whole.push_str(before);
        let control = from
            .get(4..6)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let (shown, taken) = match control {
            Some(control) if control < 0x20 => (char::from(control), 6),
            _ => ('\\', 1),
        };
        whole.push(shown);
        rest = from.get(taken..).unwrap_or_default();
    }
    whole.push_str(rest);
    Cow::Owned(whole)
}

/// Whether `lower` is `original` in lower case, as far as ASCII goes: other letters follow the tables of the
/// server's runtime, and for them any character that is not ASCII upper case will do.
pub fn is_lower_of(lower: &str, original: &str) -> bool {
    if lower.is_ascii() && original.is_ascii() {
        return lower.len() == original.len()
            && lower
                .bytes()
                .zip(original.bytes())
                .all(|(lower, original)| lower == original.to_ascii_lowercase());
    }
    let mut lower = lower.chars();
    for character in original.chars() {
        let Some(found) = lower.next() else {
            return false;
        };
        let fits = if character.is_ascii() {
            found == character.to_ascii_lowercase()
        } else {
            !found.is_ascii() || character.to_lowercase().eq([found])
        };
        if !fits {
            return false;
        }
    }
    lower.next().is_none()
}

/// Text in lower case, character by character, as the server names its tables.
pub fn lower_case(text: &str) -> String {
    let lower = |character: char| {
        let mut all = character.to_lowercase();
        match (all.next(), all.next()) {
            (Some(lower), None) => lower,
            _ => character,
        }
    };
    text.chars().map(lower).collect()
}

/// A moment as the server stores it: units of 100 ns since the year 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticks(i64);

impl Ticks {
    /// A moment within the years 1 to 9999.
    pub fn new(ticks: i64) -> Option<Self> {
        (0..=TICKS_MAX).contains(&ticks).then_some(Self(ticks))
    }

    /// Units of 100 ns since 0001-01-01T00:00:00 UTC.
    pub fn get(self) -> i64 {
        self.0
    }

    /// Appends `2018-07-27T12:11:53.0145929`, without the `Z` that some places of a dump have behind it.
    pub fn write_iso(self, out: &mut Vec<u8>) {
        const TICKS_PER_SECOND: i64 = 10_000_000;
        const SECONDS_PER_DAY: i64 = 86_400;
        let (seconds, fraction) = (self.0 / TICKS_PER_SECOND, self.0 % TICKS_PER_SECOND);
        let (days, second) = (seconds / SECONDS_PER_DAY, seconds % SECONDS_PER_DAY);
        let (year, month, day) = civil(days);
        write_digits(out, year, 4);
        out.push(b'-');
        write_digits(out, month, 2);
        out.push(b'-');
        write_digits(out, day, 2);
        out.push(b'T');
        write_digits(out, second / 3600, 2);
        out.push(b':');
        write_digits(out, second / 60 % 60, 2);
        out.push(b':');
        write_digits(out, second % 60, 2);
        out.push(b'.');
        write_digits(out, fraction, 7);
    }

    /// The same with a `Z`, as text.
    pub fn iso(self) -> String {
        let mut text = Vec::with_capacity(28);
        self.write_iso(&mut text);
        text.push(b'Z');
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn write_digits(out: &mut Vec<u8>, number: i64, digits: u32) {
    for digit in (0..digits).rev() {
        let value = number / 10_i64.pow(digit) % 10;
        out.push(b'0' + u8::try_from(value).unwrap_or_default());
    }
}

/// Year, month and day of a day counted from 0001-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    const JULIAN_DAY_OF_YEAR_ONE: i64 = 1_721_426;
    let julian = i32::try_from(days + JULIAN_DAY_OF_YEAR_ONE).unwrap_or_default();
    let date = time::Date::from_julian_day(julian).unwrap_or(time::Date::MIN);
    (
        i64::from(date.year()),
        i64::from(u8::from(date.month())),
        i64::from(date.day()),
    )
}
