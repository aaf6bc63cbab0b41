//! Writes a blittable as JSON, as the server's export has it.
//!
//! Properties in the order in which they were written, no white space, number literals as they are stored
//! (`NaN` and the infinities as text), text in utf-8 with the escapes `\" \\ \b \t \n \f \r`, and `\u00XX` with
//! capital digits for other control characters.
//!
//! Checked against exports of 4.2 to 7.2, byte by byte.
//!
//! Invariant: one walk with a stack of its own, so that depth costs memory and never the thread's stack; at
//! most as many values as the document has bytes.

use std::io::Write;

use super::blittable::{Blittable, Container, Member, Node, Value};
use super::text::LazyString;
use super::unreadable::{Unreadable, damaged};

/// Appends a whole document.
pub fn write(document: &Blittable<'_>, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    write_node(document.root(), document.bytes().len(), Order::Written, out)
}

/// In which order members are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As they were written: a document.
    Written,
    /// By their names: a counter group's values, whose raw bytes become flat lists of the integers in them.
    Names,
}

/// What is left to do.
enum Work<'a> {
    Open { node: Node<'a>, comma: bool },
    OpenMember { member: Member<'a>, comma: bool },
    Close(u8),
}

/// Appends one value with at most `values_max` values in it.
pub(super) fn write_node(
    node: Node<'_>,
    values_max: usize,
    order: Order,
    out: &mut Vec<u8>,
) -> Result<(), Unreadable> {
    let mut budget = values_max;
    let mut work = vec![Work::Open { node, comma: false }];
    while let Some(next) = work.pop() {
        let (node, comma, name) = match next {
            Work::Close(bracket) => {
                out.push(bracket);
                continue;
            }
            Work::Open { node, comma } => (node, comma, None),
            Work::OpenMember { member, comma } => (member.node, comma, Some(member.name()?)),
        };
        if comma {
            out.push(b',');
        }
        if let Some(name) = name {
            write_string(name, out);
            out.push(b':');
        }
        match node.value()? {
            Value::Object(container) => {
                spend(&mut budget, container)?;
                out.push(b'{');
                work.push(Work::Close(b'}'));
                let members = match order {
                    Order::Written => container.written_order()?,
                    Order::Names => container.members().collect::<Result<_, _>>()?,
                };
                let numbered = members.into_iter().enumerate().rev();
                work.extend(numbered.map(|(index, member)| Work::OpenMember {
                    member,
                    comma: index > 0,
                }));
            }
            Value::Array(container) => {
                spend(&mut budget, container)?;
                out.push(b'[');
                work.push(Work::Close(b']'));
                let first = work.len();
                for (index, member) in container.members().enumerate() {
                    let comma = index > 0;
                    work.push(Work::Open {
                        node: member?.node,
                        comma,
                    });
                }
                if let Some(items) = work.get_mut(first..) {
                    items.reverse();
                }
            }
            Value::Embedded(root) => work.push(Work::Open {
                node: root,
                comma: false,
            }),
            Value::Raw(bytes) if order == Order::Names => write_integers(bytes, out),
            simple => write_simple(simple, out)?,
        }
    }
    Ok(())
}

fn spend(budget: &mut usize, container: Container<'_>) -> Result<(), Unreadable> {
    match budget.checked_sub(container.count()) {
        Some(rest) => {
            *budget = rest;
            Ok(())
        }
        None => damaged("more values than bytes", 0),
    }
}

fn write_simple(value: Value<'_>, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    match value {
        Value::Integer(number) => write_integer(number, out),
        Value::Number(literal) => write_number(literal, out),
        Value::String(string) => write_string(string, out),
        Value::Compressed(text) => text.with_text(|string| write_string(string, out))?,
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Null => out.extend_from_slice(b"null"),
        _ => return Err(Unreadable::Unsupported("raw bytes, which no JSON has")),
    }
    Ok(())
}

fn write_integers(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'[');
    for (index, integer) in bytes.as_chunks().0.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_integer(i64::from_le_bytes(*integer), out);
    }
    out.push(b']');
}

/// Appends a literal as it is, but for the three that JSON does not have: the server writes them as text.
fn write_number(literal: &str, out: &mut Vec<u8>) {
    let is_text = literal.ends_with(['N', 'y']);
    if is_text {
        out.push(b'"');
    }
    out.extend_from_slice(literal.as_bytes());
    if is_text {
        out.push(b'"');
    }
}

pub(super) fn write_integer(number: i64, out: &mut Vec<u8>) {
    write!(out, "{number}").expect("a vector takes all that is written to it");
}

/// Appends stored text in quotes.
pub fn write_string(string: LazyString<'_>, out: &mut Vec<u8>) {
    let text = string.text.as_bytes();
    let mut listed = string.escape_positions();
    let mut next = listed.next();
    write_escaped(text, out, |at| {
        while next.is_some_and(|place| place < at) {
            next = listed.next();
        }
        next == Some(at)
    });
}

/// Appends text that is no lazy string in quotes: here `\u00XX` is a control character too.
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    write_escaped(text.as_bytes(), out, |_| false);
}

/// A backslash that is not listed and begins `\u00` is a control character that was escaped when it was
/// stored. It is copied as it is; any other is escaped.
fn write_escaped(text: &[u8], out: &mut Vec<u8>, mut is_listed: impl FnMut(usize) -> bool) {
    out.reserve(text.len() + 2);
    out.push(b'"');
    let mut written = 0;
    for (at, byte) in text.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        let behind = text.get(at + 1..).unwrap_or_default();
        if *byte == b'\\' && is_stored_control(behind) && !is_listed(at) {
            continue;
        }
        out.extend_from_slice(text.get(written..at).unwrap_or_default());
        written = at + 1;
        write_escape(*byte, out);
    }
    out.extend_from_slice(text.get(written..).unwrap_or_default());
    out.push(b'"');
}

fn is_stored_control(behind: &[u8]) -> bool {
    matches!(behind, [b'u', b'0', b'0', b'0' | b'1', digit, ..] if digit.is_ascii_hexdigit())
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            write!(out, "\\u{byte:04X}").expect("a vector takes all that is written to it");
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}
