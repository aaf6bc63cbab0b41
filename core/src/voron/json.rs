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

use std::cmp::Reverse;
use std::io::Write;
use std::ops::Range;

use super::blittable::{Blittable, Container, Member, Node, Value};
use super::text::LazyString;
use super::unreadable::{Unreadable, damaged};

/// Appends a whole document.
pub fn write(document: &Blittable<'_>, out: &mut Vec<u8>) -> Result<(), Unreadable> {
    Writer::new(document).node(document.root(), Order::Written, out)
}

/// In which order members are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As they were written: a document.
    Written,
    /// By their names: a counter group's values, whose raw bytes become flat lists of the integers in them.
    Names,
}

/// Writes values of one document, one after the other. Its room, and the names that it made, serve them all.
pub(super) struct Writer<'a> {
    document: Blittable<'a>,
    members: Vec<Member<'a>>,
    containers: Vec<Open>,
    names: Names,
}

/// Names as JSON has them, each made once: the objects of a list repeat them.
#[derive(Default)]
struct Names {
    made: Vec<u8>,
    /// By the name's number; empty where it was not made yet.
    places: Vec<Range<usize>>,
}

/// A container that is being written: its members lie on the stack from `base` on, the next one last.
struct Open {
    base: usize,
    /// None for what holds the value that was asked for.
    bracket: Option<u8>,
    is_object: bool,
    is_first: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(document: &Blittable<'a>) -> Self {
        Self {
            document: *document,
            members: Vec::new(),
            containers: Vec::new(),
            names: Names::default(),
        }
    }

    /// Appends a member: its name and its value.
    pub(super) fn member(
        &mut self,
        member: &Member<'a>,
        order: Order,
        out: &mut Vec<u8>,
    ) -> Result<(), Unreadable> {
        self.name(member, out)?;
        self.node(member.node, order, out)
    }

    /// Appends one value, with at most as many values in it as the document has bytes.
    fn node(&mut self, node: Node<'a>, order: Order, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        let mut budget = self.document.bytes().len();
        self.members.clear();
        self.members.push(Member::unnamed(node));
        self.containers.clear();
        self.containers.push(Open::new(0, None, false));
        while let Some(open) = self.containers.last_mut() {
            if self.members.len() <= open.base {
                out.extend(open.bracket);
                self.containers.pop();
                continue;
            }
            let Some(member) = self.members.pop() else {
                break;
            };
            if !open.is_first {
                out.push(b',');
            }
            open.is_first = false;
            if open.is_object {
                self.name(&member, out)?;
            }
            let base = self.members.len();
            match member.node.value()? {
                Value::Object(container) => {
                    spend(&mut budget, container)?;
                    out.push(b'{');
                    push_members(container, &mut self.members)?;
                    let pushed = self.members.get_mut(base..).unwrap_or_default();
                    match order {
                        Order::Written => {
                            pushed.sort_unstable_by_key(|member| Reverse(member.node.position()));
                        }
                        Order::Names => pushed.reverse(),
                    }
                    self.containers.push(Open::new(base, Some(b'}'), true));
                }
                Value::Array(container) => {
                    spend(&mut budget, container)?;
                    out.push(b'[');
                    push_members(container, &mut self.members)?;
                    let pushed = self.members.get_mut(base..).unwrap_or_default();
                    pushed.reverse();
                    self.containers.push(Open::new(base, Some(b']'), false));
                }
                Value::Embedded(root) => {
                    self.members.push(Member::unnamed(root));
                    self.containers.push(Open::new(base, None, false));
                }
                Value::Raw(bytes) if order == Order::Names => write_integers(bytes, out),
                simple => write_simple(simple, out)?,
            }
        }
        Ok(())
    }

    /// Appends what stands before a member's value.
    fn name(&mut self, member: &Member<'a>, out: &mut Vec<u8>) -> Result<(), Unreadable> {
        if !member.node.is_of(&self.document) {
            // A document within the document has names of its own.
            write_string(member.name()?, out);
            out.push(b':');
            return Ok(());
        }
        let Names { made, places } = &mut self.names;
        if places.len() <= member.id() {
            places.resize(member.id() + 1, 0..0);
        }
        if let Some(place) = places.get_mut(member.id()) {
            if place.end == 0 {
                let start = made.len();
                write_string(member.name()?, made);
                made.push(b':');
                *place = start..made.len();
            }
            out.extend_from_slice(made.get(place.clone()).unwrap_or_default());
        }
        Ok(())
    }
}

impl Open {
    fn new(base: usize, bracket: Option<u8>, is_object: bool) -> Self {
        Self {
            base,
            bracket,
            is_object,
            is_first: true,
        }
    }
}

fn push_members<'a>(
    container: Container<'a>,
    members: &mut Vec<Member<'a>>,
) -> Result<(), Unreadable> {
    members.reserve(container.count());
    for member in container.members() {
        members.push(member?);
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
    if string.escape_count() == 0 && !has_special(text) {
        out.reserve(text.len() + 2);
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
        return;
    }
    let mut listed = string.escape_positions();
    let mut next = listed.next();
    write_escaped(text, out, |at| {
        while next.is_some_and(|place| place < at) {
            next = listed.next();
        }
        next == Some(at)
    });
}

/// Whether anything in the text is to be escaped. Written so that it is done many bytes at a time.
fn has_special(text: &[u8]) -> bool {
    const AT_A_TIME: usize = 32;
    let special = |byte: &u8| (*byte < 0x20) | (*byte == b'"') | (*byte == b'\\');
    let any = |chunk: &[u8]| chunk.iter().fold(false, |any, byte| any | special(byte));
    text.chunks(AT_A_TIME).any(any)
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
