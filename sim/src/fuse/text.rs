//! What a fuse table writes as text: times, the hint, table statistics.

use std::fmt::Write as _;

use bytes::Bytes;
use firedrill_core::object::Key;

use super::identity::{Uuid, mix};
use super::specification::{Flavour, TableSpec};

/// RFC 3339 in UTC of microseconds since 1970, with 0, 3 or 6 digits of a second's fraction: as few as do.
pub(super) fn time(microseconds: i64) -> String {
    let fraction = microseconds.rem_euclid(1_000_000);
    let mut text = seconds(microseconds.div_euclid(1_000_000));
    match fraction {
        0 => {}
        _ if fraction % 1000 == 0 => push(&mut text, format_args!(".{:03}", fraction / 1000)),
        _ => push(&mut text, format_args!(".{fraction:06}")),
    }
    text.push('Z');
    text
}

/// The same with nanoseconds, of which the last three digits are given.
pub(super) fn time_in_nanoseconds(microseconds: i64, nanoseconds: u64) -> String {
    let fraction = microseconds.rem_euclid(1_000_000);
    let mut text = seconds(microseconds.div_euclid(1_000_000));
    text.push('.');
    push_digits(&mut text, fraction, 6);
    push_digits(&mut text, (nanoseconds % 1000) as i64, 3);
    text.push('Z');
    text
}

/// The hint's body, for a snapshot.
pub(super) fn hint(spec: &TableSpec, snapshot: &Key, index_versions: &[Uuid]) -> Bytes {
    if spec.flavour == Flavour::V1_2_453 {
        return Bytes::from(format!("/{snapshot}"));
    }
    let comments = vec!["\"\""; spec.columns.clamp(1, 5).into()].join(",");
    let mut indexes = String::new();
    for (name, version) in spec.inverted_indexes.iter().zip(index_versions) {
        if !indexes.is_empty() {
            indexes.push(',');
        }
        let name = quoted(name);
        push(
            &mut indexes,
            format_args!(
                "{name}:{{\"index_type\":\"Inverted\",\"name\":{name},\"column_ids\":[1],\
                 \"sync_creation\":true,\"version\":\"{}\",\"options\":{{}}}}",
                version.hex()
            ),
        );
    }
    Bytes::from(format!(
        "{{\"snapshot_full_path\":{},\"entity_comments\":{{\"table_comment\":\"\",\
         \"field_comments\":[{comments}]}},\"indexes\":{{{indexes}}}}}",
        quoted(&format!("/{snapshot}"))
    ))
}

/// Table statistics (`_ts`, version 2) that describe a snapshot.
pub(super) fn table_statistics(snapshot: Uuid, columns: u8, registers: u64, seed: u64) -> Bytes {
    let length_of_column = 2 * registers as usize + 100;
    let mut text = String::with_capacity(100 + length_of_column * usize::from(columns));
    push(
        &mut text,
        format_args!(
            "{{\"format_version\":2,\"snapshot_id\":\"{}\",\"hll\":{{",
            snapshot.dashed()
        ),
    );
    for column in 0..columns {
        let comma = if column == 0 { "" } else { "," };
        push(&mut text, format_args!("{comma}\"{column}\":{{\"Full\":["));
        for sixteen in 0..registers / 16 {
            let digits = mix(seed, u64::from(column) * registers + sixteen);
            let mut registers = [b','; 32];
            for (nth, register) in registers.iter_mut().step_by(2).enumerate() {
                *register = b'0' + ((digits >> (4 * nth)) & 7) as u8;
            }
            text.push_str(std::str::from_utf8(&registers).expect("digits are ASCII"));
        }
        if text.ends_with(',') {
            text.pop();
        }
        text.push_str("]}");
    }
    text.push_str("}}");
    Bytes::from(text)
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\0'..='\x1f' => push(&mut quoted, format_args!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    quoted
}

/// Date and time of day without a fraction, of seconds since 1970.
///
/// Years are counted from March, so that the leap day is the last of its year; an era is the 400 years
/// after which the calendar repeats.
fn seconds(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468; // 1970-01-01 since 0000-03-01
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let leap_days = day_of_era / 1460 - day_of_era / 36_524 + day_of_era / 146_096;
    let year_of_era = (day_of_era - leap_days) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let second = seconds.rem_euclid(86_400);
    let mut text = String::with_capacity(30);
    let fields = [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (second / 3600, 2, ':'),
        (second / 60 % 60, 2, ':'),
        (second % 60, 2, ' '),
    ];
    for (number, digits, behind) in fields {
        push_digits(&mut text, number, digits);
        text.push(behind);
    }
    text.pop();
    text
}

/// The last so many decimal digits of a number. Each block's record has a time, so this is worth its lines.
fn push_digits(text: &mut String, number: i64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = (number / 10_i64.pow(place)).rem_euclid(10);
        text.push(char::from(b'0' + digit as u8));
    }
}

fn push(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("a String takes any text");
}
