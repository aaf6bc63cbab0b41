//! Ids of objects: uuids of version 4 (random) and 7 (time-ordered), each from one drawn number.

/// A uuid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Uuid(pub(super) [u8; 16]);

impl Uuid {
    /// Version 4: all bits from the seed but for version and variant.
    pub(super) fn random(seed: u64) -> Self {
        let mut bytes = noise(seed);
        bytes[6] = 0x40 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(bytes)
    }

    /// Version 7: the first 48 bits are milliseconds since 1970.
    pub(super) fn at(milliseconds: i64, seed: u64) -> Self {
        let mut bytes = noise(seed);
        bytes[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(bytes)
    }

    /// 32 lower-case hex digits.
    pub(super) fn hex(self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut hex = String::with_capacity(32);
        for byte in self.0 {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        hex
    }

    /// As [`Self::hex`], in five groups with dashes between them.
    pub(super) fn dashed(self) -> String {
        let hex = self.hex();
        let groups = [
            &hex[..8],
            &hex[8..12],
            &hex[12..16],
            &hex[16..20],
            &hex[20..],
        ];
        groups.join("-")
    }
}

fn noise(seed: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&mix(seed, 1).to_be_bytes());
    bytes[8..].copy_from_slice(&mix(seed, 2).to_be_bytes());
    bytes
}

/// The `nth` number that follows from `seed`: the finalizer of SplitMix64, a bijection of `seed` for each
/// `nth`, so that different seeds never give equal numbers.
pub(super) fn mix(seed: u64, nth: u64) -> u64 {
    let mut number = seed.wrapping_add(nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
