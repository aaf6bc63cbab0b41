//! Addressed randomness: every draw is a pure function of (seed, stream, entity, nth).
//!
//! There is no generator with a state and no `next()`. Taking one fault or one operation out of a case
//! leaves every other draw as it was, which is what shrinking and reading a case need.

/// The root of all draws of one case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seed(pub u64);

/// What a draw is for: one name per use, so that two uses never share their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stream(u64);

impl Stream {
    /// A stream by its name.
    pub const fn new(name: &str) -> Self {
        Self(hash_bytes(name.as_bytes()))
    }
}

/// Whom a draw is about: a key, a node, an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entity(u64);

impl From<u64> for Entity {
    fn from(number: u64) -> Self {
        Self(number)
    }
}

impl From<usize> for Entity {
    fn from(number: usize) -> Self {
        Self(number as u64)
    }
}

impl From<&str> for Entity {
    fn from(name: &str) -> Self {
        Self(hash_bytes(name.as_bytes()))
    }
}

impl Seed {
    /// The number at this address: 64 bits that look independent of those at every other address.
    pub fn draw(self, stream: Stream, entity: impl Into<Entity>, nth: u64) -> u64 {
        let mixed = mix(self.0 ^ 0x9e37_79b9_7f4a_7c15, stream.0);
        mix(mix(mixed, entity.into().0), nth ^ 0xd1b5_4a32_d192_ed03)
    }

    /// A number in `0..bound`; `bound` is at least 1.
    pub fn below(self, bound: u64, stream: Stream, entity: impl Into<Entity>, nth: u64) -> u64 {
        debug_assert!(bound > 0, "a draw needs something to choose from");
        let wide = u128::from(self.draw(stream, entity, nth)) * u128::from(bound);
        (wide >> 64) as u64
    }

    /// A number in `least..=most`.
    pub fn between(
        self,
        least: u64,
        most: u64,
        stream: Stream,
        entity: impl Into<Entity>,
        nth: u64,
    ) -> u64 {
        least + self.below(most - least + 1, stream, entity, nth)
    }

    /// True in `percent` of a hundred addresses.
    pub fn chance(self, percent: u64, stream: Stream, entity: impl Into<Entity>, nth: u64) -> bool {
        self.below(100, stream, entity, nth) < percent
    }

    /// The seed of a part of the world that draws for itself.
    pub fn child(self, stream: Stream, nth: u64) -> Self {
        Self(self.draw(stream, nth, 0))
    }
}

/// Two words folded into one: the halves of their 128-bit product, after each was spread over all bits.
const fn mix(left: u64, right: u64) -> u64 {
    let product = (spread(left) as u128).wrapping_mul((spread(right) | 1) as u128);
    spread((product as u64) ^ ((product >> 64) as u64) ^ right)
}

/// A bijection on 64 bits in which each input bit flips about half of the output bits.
const fn spread(word: u64) -> u64 {
    let mut word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    word = (word ^ (word >> 32)).wrapping_mul(0xe984_6af9_b1a6_15d5);
    word = (word ^ (word >> 32)).wrapping_mul(0xe984_6af9_b1a6_15d5);
    word ^ (word >> 28)
}

/// The hash of some bytes, eight at a time; the last word is filled up with zeros.
pub const fn hash_bytes(bytes: &[u8]) -> u64 {
    let mut hash = spread(bytes.len() as u64);
    let mut rest = bytes;
    while let Some((word, behind)) = rest.split_first_chunk::<8>() {
        hash = fold(hash, u64::from_le_bytes(*word));
        rest = behind;
    }
    if rest.is_empty() {
        return hash;
    }
    fold(hash, short_word(rest))
}

/// One to seven bytes as a little-endian word. Reads that overlap say the same twice, and need no loop.
const fn short_word(bytes: &[u8]) -> u64 {
    let last = bytes.len() - 1;
    if let (Some(low), Some(high)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let (low, high) = (u32::from_le_bytes(*low), u32::from_le_bytes(*high));
        return low as u64 | (high as u64) << (8 * (last - 3));
    }
    let middle = bytes.len() / 2;
    bytes[0] as u64 | (bytes[middle] as u64) << (8 * middle) | (bytes[last] as u64) << (8 * last)
}

/// One more word into a rolling hash.
pub const fn fold(hash: u64, word: u64) -> u64 {
    let product = ((hash ^ word) as u128).wrapping_mul(0x9fb2_1c65_1e98_df25_a076_1d64_78bd_642f);
    ((product as u64) ^ ((product >> 64) as u64)).wrapping_add(word.rotate_left(29))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: Stream = Stream::new("test");

    #[test]
    fn a_short_word_is_its_bytes() {
        let bytes = [0x11, 0x82, 0x33, 0xf4, 0x55, 0xe6, 0x97];
        for count in 1..=bytes.len() {
            let mut word = [0; 8];
            word[..count].copy_from_slice(&bytes[..count]);
            assert_eq!(short_word(&bytes[..count]), u64::from_le_bytes(word));
        }
    }

    #[test]
    fn a_draw_depends_on_each_part_of_its_address_and_on_nothing_else() {
        let seed = Seed(7);
        let base = seed.draw(STREAM, "key", 3);
        assert_eq!(base, Seed(7).draw(Stream::new("test"), "key", 3));
        assert_ne!(base, Seed(8).draw(STREAM, "key", 3));
        assert_ne!(base, seed.draw(Stream::new("other"), "key", 3));
        assert_ne!(base, seed.draw(STREAM, "kez", 3));
        assert_ne!(base, seed.draw(STREAM, "key", 4));
    }

    #[test]
    fn draws_fill_their_range_evenly_along_each_axis() {
        for axis in 0..3u64 {
            let mut counts = [0u32; 16];
            for number in 0..16_000u64 {
                let drawn = match axis {
                    0 => Seed(number).below(16, STREAM, 1u64, 1),
                    1 => Seed(1).below(16, STREAM, number, 1),
                    _ => Seed(1).below(16, STREAM, 1u64, number),
                };
                counts[drawn as usize] += 1;
            }
            for count in counts {
                assert!((850..1150).contains(&count), "axis {axis}: {counts:?}");
            }
        }
    }

    #[test]
    fn bounds_are_kept() {
        for nth in 0..1000 {
            assert!((3..=5).contains(&Seed(1).between(3, 5, STREAM, 0u64, nth)));
        }
        assert!(!Seed(1).chance(0, STREAM, 0u64, 0));
        assert!(Seed(1).chance(100, STREAM, 0u64, 0));
    }
}
