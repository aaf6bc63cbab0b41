//! Appends MessagePack values to a buffer: the part of it that fuse metadata uses.

/// A buffer of values. Arrays and maps announce how many follow; keeping count is the caller's part.
#[derive(Debug, Default)]
pub(super) struct Encoder(Vec<u8>);

impl Encoder {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }

    pub(super) fn nil(&mut self) {
        self.0.push(0xc0);
    }

    /// The shortest form that holds it.
    pub(super) fn unsigned(&mut self, number: u64) {
        if let Ok(small) = u8::try_from(number) {
            if small >= 0x80 {
                self.0.push(0xcc);
            }
            self.0.push(small);
        } else if let Ok(medium) = u16::try_from(number) {
            self.0.push(0xcd);
            self.0.extend_from_slice(&medium.to_be_bytes());
        } else if let Ok(large) = u32::try_from(number) {
            self.0.push(0xce);
            self.0.extend_from_slice(&large.to_be_bytes());
        } else {
            self.0.push(0xcf);
            self.0.extend_from_slice(&number.to_be_bytes());
        }
    }

    pub(super) fn float(&mut self, number: f64) {
        self.0.push(0xcb);
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    pub(super) fn text(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(length @ 0..=31) => self.0.push(0xa0 | length),
            Ok(length) => self.0.extend_from_slice(&[0xd9, length]),
            Err(_) => self.long(0xda, text.len()),
        }
        self.0.extend_from_slice(text.as_bytes());
    }

    /// At most 255 bytes: fuse metadata holds nothing binary but uuids.
    pub(super) fn binary(&mut self, bytes: &[u8; 16]) {
        self.0.extend_from_slice(&[0xc4, 16]);
        self.0.extend_from_slice(bytes);
    }

    /// Bytes in fuse's way: an array of integers.
    pub(super) fn byte_array(&mut self, bytes: &[u8]) {
        self.array(bytes.len());
        for &byte in bytes {
            self.unsigned(u64::from(byte));
        }
    }

    /// Announces that many values.
    pub(super) fn array(&mut self, length: usize) {
        match u8::try_from(length) {
            Ok(short @ 0..=15) => self.0.push(0x90 | short),
            _ => self.long(0xdc, length),
        }
    }

    /// Announces that many pairs of key and value.
    pub(super) fn map(&mut self, length: usize) {
        match u8::try_from(length) {
            Ok(short @ 0..=15) => self.0.push(0x80 | short),
            _ => self.long(0xde, length),
        }
    }

    /// A length of 16 bits, or of 32 under the tag that follows.
    fn long(&mut self, tag: u8, length: usize) {
        if let Ok(medium) = u16::try_from(length) {
            self.0.push(tag);
            self.0.extend_from_slice(&medium.to_be_bytes());
        } else {
            let large = u32::try_from(length).expect("metadata stays far below 4 GiB");
            self.0.push(tag + 1);
            self.0.extend_from_slice(&large.to_be_bytes());
        }
    }
}
