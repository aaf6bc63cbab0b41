//! A blittable: a JSON document whose properties can be reached without parsing it.
//!
//! ```text
//! values of the document, children before their parent │ root │ names │ name table │ root offset │ names offset │ token
//!                                                      ▲              ▲              reversed varints             root's
//! object   varint n | n × (offset, name id, token)     │              └─ u8 width | offset of each name, backwards
//! array    varint n | n × (offset, token)              └─ a value lies at its container's position minus its offset
//!
//! token    0x0f type, 0x30 width of offsets (0x10 1, 0x20 2, 0x30 4), 0xc0 width of name ids (0x40 1, 0x80 2, 0xc0 4)
//! type     1 object, 2 array, 3 integer (zigzag varint), 4 number (lazy string with the literal), 5 string (lazy),
//!          6 compressed string, 7 bool, 8 null, 9 blittable (varint size, bytes), 10 raw bytes (varint size, bytes)
//! ```
//!
//! Properties stand in the order of their names; the order in which they were written is that of their
//! values' positions.
//!
//! Invariants: offsets only point backwards, so nothing is cyclic; a document has fewer values than bytes, so
//! a forged one whose containers share children ends in an error and not in a walk without end; depth is
//! bounded by memory that is a multiple of the document's size, not by the thread's stack.
//!
//! Deliberately not here: compressed strings of up to 128 bytes. Their table is not known; no sample has one,
//! nor one of the longer kind, which are LZ4 blocks.
//!
//! Checked on files of 4.2 to 7.2.

use super::text::{LazyString, reversed_varint, varint, varint_length};
use super::unreadable::{Unreadable, array_at, damaged, sized_at, slice_at};

/// A whole document, checked to its last value.
#[derive(Debug, Clone, Copy)]
pub struct Blittable<'a> {
    root: Node<'a>,
    bytes: &'a [u8],
}

/// A value inside a document: where it lies and of what type it is.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    document: Document<'a>,
    at: usize,
    token: u8,
}

/// The values of one document and its names.
#[derive(Debug, Clone, Copy)]
struct Document<'a> {
    bytes: &'a [u8],
    /// Where the table of names lies.
    names: usize,
    name_width: usize,
    name_count: usize,
}

/// What a node holds.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Names and values.
    Object(Container<'a>),
    /// Values.
    Array(Container<'a>),
    /// A whole number.
    Integer(i64),
    /// Any other number, as its literal.
    Number(&'a str),
    /// Text.
    String(LazyString<'a>),
    /// Text that is stored compressed.
    Compressed(CompressedString<'a>),
    /// True or false.
    Bool(bool),
    /// Nothing.
    Null,
    /// A document within the document.
    Embedded(Node<'a>),
    /// Bytes, which no JSON has: counters hold them.
    Raw(&'a [u8]),
}

/// An object or an array.
#[derive(Debug, Clone, Copy)]
pub struct Container<'a> {
    document: Document<'a>,
    at: usize,
    items: usize,
    count: usize,
    offset_width: usize,
    /// 0 in an array.
    id_width: usize,
}

/// A member of an object, or an item of an array.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// The name's number; 0 in an array.
    id: usize,
    /// The value.
    pub node: Node<'a>,
}

/// Text stored as an LZ4 block.
#[derive(Debug, Clone, Copy)]
pub struct CompressedString<'a> {
    document: Document<'a>,
    at: usize,
    length: usize,
    block: &'a [u8],
    escapes_at: usize,
}

impl<'a> Blittable<'a> {
    /// Checks everything in a document: bounds, names, text, literals.
    pub fn validate(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let document = Self::open(bytes)?;
        document.check()?;
        Ok(document)
    }

    /// Reads the trailer only.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        let Some(last) = bytes.len().checked_sub(1) else {
            return damaged("an empty document", 0);
        };
        let [token] = array_at(bytes, last)?;
        let (names, before) = reversed_varint(bytes, last)?;
        let (root, trailer) = reversed_varint(bytes, before)?;
        let (names, root) = (names as usize, root as usize);
        if root >= names || names >= trailer {
            return damaged("a root that does not lie before the names", trailer);
        }
        let name_width = match array_at(bytes, names)? {
            [0x10] => 1,
            [0x20] => 2,
            [0x30] => 4,
            _ => return damaged("a table of names of no known width", names),
        };
        let table = trailer - names - 1;
        if !table.is_multiple_of(name_width) {
            return damaged("a table of names that is no whole number of names", names);
        }
        let document = Document {
            bytes,
            names,
            name_width,
            name_count: table / name_width,
        };
        if !matches!(token & 0x0f, 1 | 2) {
            return damaged("a document that is neither object nor array", last);
        }
        let root = Node {
            document,
            at: root,
            token,
        };
        Ok(Self { root, bytes })
    }

    fn check(&self) -> Result<(), Unreadable> {
        self.root.document.check_names()?;
        let mut budget = self.bytes.len();
        let mut open = vec![self.root];
        while let Some(node) = open.pop() {
            match node.value()? {
                Value::Object(container) | Value::Array(container) => {
                    let Some(rest) = budget.checked_sub(container.count) else {
                        return damaged("more values than bytes", node.at);
                    };
                    budget = rest;
                    for member in container.members() {
                        open.push(member?.node);
                    }
                }
                Value::Embedded(root) => {
                    root.document.check_names()?;
                    open.push(root);
                }
                Value::Compressed(text) => {
                    text.decompress()?;
                }
                Value::Number(literal) if !is_number(literal) => {
                    return damaged("a number that is none", node.at);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The root: an object or an array.
    pub fn root(&self) -> Node<'a> {
        self.root
    }

    /// The root's members, where it is an object.
    pub fn object(&self) -> Option<Container<'a>> {
        match self.root.value() {
            Ok(Value::Object(container)) => Some(container),
            _ => None,
        }
    }

    /// The document's own bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl<'a> Document<'a> {
    fn check_names(&self) -> Result<(), Unreadable> {
        (0..self.name_count).try_for_each(|id| self.name(id).map(drop))
    }

    fn name(&self, id: usize) -> Result<LazyString<'a>, Unreadable> {
        if id >= self.name_count {
            return damaged("a name that is not in the table", self.names);
        }
        let entry = self.names + 1 + id * self.name_width;
        let offset = sized_at(self.bytes, entry, self.name_width)?;
        match self.names.checked_sub(offset) {
            Some(at) if offset > 0 => Ok(LazyString::read(self.bytes, at)?.0),
            _ => damaged("a name outside the document", entry),
        }
    }
}

impl<'a> Node<'a> {
    /// Where the value lies in its document. Siblings were written in this order.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether it lies in this document, and not in one within it.
    pub(super) fn is_of(&self, document: &Blittable<'_>) -> bool {
        std::ptr::eq(self.document.bytes, document.bytes)
    }

    /// Reads the value.
    pub fn value(&self) -> Result<Value<'a>, Unreadable> {
        let bytes = self.document.bytes;
        let kind = self.token & 0x0f;
        if kind > 2 && self.token & 0xf0 != 0 {
            return damaged("a token of no known type", self.at);
        }
        Ok(match kind {
            1 => Value::Object(self.container(true)?),
            2 => Value::Array(self.container(false)?),
            3 => Value::Integer(zigzag(varint(bytes, self.at)?.0)),
            4 => Value::Number(LazyString::read(bytes, self.at)?.0.text),
            5 => Value::String(LazyString::read(bytes, self.at)?.0),
            6 => Value::Compressed(self.compressed()?),
            7 => match array_at(bytes, self.at)? {
                [0] => Value::Bool(false),
                [1] => Value::Bool(true),
                _ => return damaged("a bool that is neither", self.at),
            },
            8 => {
                array_at::<1>(bytes, self.at)?;
                Value::Null
            }
            9 => {
                let (length, start) = varint_length(bytes, self.at)?;
                Value::Embedded(Blittable::open(slice_at(bytes, start, length)?)?.root)
            }
            10 => {
                let (length, start) = varint_length(bytes, self.at)?;
                Value::Raw(slice_at(bytes, start, length)?)
            }
            _ => return damaged("a token of no known type", self.at),
        })
    }

    fn container(&self, object: bool) -> Result<Container<'a>, Unreadable> {
        let (count, items) = varint_length(self.document.bytes, self.at)?;
        let width = |bits: u8| match bits {
            1 => Some(1),
            2 => Some(2),
            3 => Some(4),
            _ => None,
        };
        let offset_width = width(self.token >> 4 & 3);
        let id_width = if object {
            width(self.token >> 6)
        } else {
            Some(0)
        };
        // An empty container needs no widths.
        let (Some(offset_width), Some(id_width)) = (
            offset_width.or((count == 0).then_some(1)),
            id_width.or((count == 0).then_some(1)),
        ) else {
            return damaged("a container of no known width", self.at);
        };
        let container = Container {
            document: self.document,
            at: self.at,
            items,
            count,
            offset_width,
            id_width,
        };
        match count.checked_mul(container.item_size()) {
            Some(size) => slice_at(self.document.bytes, items, size)?,
            None => return damaged("a container larger than its document", self.at),
        };
        Ok(container)
    }

    fn compressed(&self) -> Result<CompressedString<'a>, Unreadable> {
        /// LZ4 makes at most this many bytes of one.
        const EXPANSION_MAX: usize = 255;
        let bytes = self.document.bytes;
        let (length, next) = varint(bytes, self.at)?;
        let (size, start) = varint_length(bytes, next)?;
        let block = slice_at(bytes, start, size)?;
        let length = match usize::try_from(length) {
            Ok(length) if length <= size.saturating_mul(EXPANSION_MAX) => length,
            _ => return damaged("a compressed string of an impossible length", self.at),
        };
        Ok(CompressedString {
            document: self.document,
            at: self.at,
            length,
            block,
            escapes_at: start + size,
        })
    }
}

impl<'a> Container<'a> {
    /// How many members or items.
    pub fn count(&self) -> usize {
        self.count
    }

    fn item_size(&self) -> usize {
        self.offset_width + self.id_width + 1
    }

    /// Members in the order of their names, items in their own order.
    pub fn members(&self) -> impl Iterator<Item = Result<Member<'a>, Unreadable>> + use<'a> {
        let container = *self;
        (0..self.count).map(move |index| container.member(index))
    }

    fn member(&self, index: usize) -> Result<Member<'a>, Unreadable> {
        let bytes = self.document.bytes;
        let entry = self.items + index * self.item_size();
        let offset = sized_at(bytes, entry, self.offset_width)?;
        let behind = entry + self.offset_width;
        let id = match self.id_width {
            0 => 0,
            width => sized_at(bytes, behind, width)?,
        };
        if self.id_width > 0 && id >= self.document.name_count {
            return damaged("a name that is not in the table", behind);
        }
        let [token] = array_at(bytes, behind + self.id_width)?;
        match self.at.checked_sub(offset) {
            Some(at) if offset > 0 => Ok(Member {
                id,
                node: Node {
                    document: self.document,
                    at,
                    token,
                },
            }),
            _ => damaged("a value outside its document", entry),
        }
    }

    /// Members as they were written: in the order of their positions.
    pub fn written_order(&self) -> Result<Vec<Member<'a>>, Unreadable> {
        let mut members = self.members().collect::<Result<Vec<_>, _>>()?;
        members.sort_by_key(|member| member.node.at);
        Ok(members)
    }

    /// The value of a member.
    pub fn get(&self, name: &str) -> Option<Value<'a>> {
        let member = self
            .members()
            .filter_map(Result::ok)
            .find(|member| member.name().is_ok_and(|found| found.text == name))?;
        member.node.value().ok()
    }

    /// The text of a member that is a string.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        match self.get(name)? {
            Value::String(string) => Some(string.text),
            _ => None,
        }
    }

    /// The members of a member that is an object.
    pub fn object(&self, name: &str) -> Option<Container<'a>> {
        match self.get(name)? {
            Value::Object(container) => Some(container),
            _ => None,
        }
    }
}

impl<'a> Member<'a> {
    /// A value that is in no container.
    pub(super) fn unnamed(node: Node<'a>) -> Self {
        Self { id: 0, node }
    }

    /// The name's number in the document: less than its table has names. An item of an array has 0.
    pub(super) fn id(&self) -> usize {
        self.id
    }

    /// The member's name. An item of an array has none.
    pub fn name(&self) -> Result<LazyString<'a>, Unreadable> {
        self.node.document.name(self.id)
    }
}

impl CompressedString<'_> {
    /// The text, decompressed and checked.
    pub fn decompress(&self) -> Result<String, Unreadable> {
        /// Shorter ones are stored by a table that is not known here.
        const TABLE_LENGTH_MAX: usize = 128;
        if self.length <= TABLE_LENGTH_MAX {
            return Err(Unreadable::Unsupported("a short compressed string"));
        }
        let mut text = vec![0; self.length];
        match lz4_flex::block::decompress_into(self.block, &mut text) {
            Ok(length) if length == self.length => {}
            _ => return damaged("a compressed string that is no LZ4 block", self.at),
        }
        let text =
            String::from_utf8(text).or_else(|_| damaged("text that is not utf-8", self.at))?;
        LazyString::with_escapes(&text, self.document.bytes, self.escapes_at)?;
        Ok(text)
    }

    /// Runs `with` on the text and its escapes.
    pub fn with_text<T>(&self, with: impl FnOnce(LazyString<'_>) -> T) -> Result<T, Unreadable> {
        let text = self.decompress()?;
        let (string, _) = LazyString::with_escapes(&text, self.document.bytes, self.escapes_at)?;
        Ok(with(string))
    }
}

fn zigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Whether text is a number as JSON has it, without zeros in front, or one of the three that the server takes
/// besides (7.2).
fn is_number(literal: &str) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if matches!(literal, "NaN" | "Infinity" | "-Infinity") {
        return true;
    }
    let rest = literal.strip_prefix('-').unwrap_or(literal).as_bytes();
    let whole = digits(rest);
    let mut rest = rest.get(whole..).unwrap_or_default();
    if whole == 0 || (whole > 1 && literal.trim_start_matches('-').starts_with('0')) {
        return false;
    }
    if let [b'.', fraction @ ..] = rest {
        let count = digits(fraction);
        rest = fraction.get(count..).unwrap_or_default();
        if count == 0 {
            return false;
        }
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = match exponent {
            [b'+' | b'-', digits @ ..] => digits,
            _ => exponent,
        };
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}
