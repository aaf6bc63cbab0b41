//! Compressed values, and the dictionaries that they are compressed with.
//!
//! ```text
//!  value        zstd frame │ number of the dictionary, reversed varint; 0 for none
//!  dictionary   number, big-endian i32 ──► ratio u8 │ zstd dictionary
//! ```
//!
//! Invariants: a value that would not become smaller is stored as it is; a dictionary is trained on the values
//! since the one before, and is used from the next value on.

use super::specification::CompressionSpec;

/// Compresses a table's values.
pub(super) struct Compressor {
    spec: CompressionSpec,
    samples: Vec<Vec<u8>>,
    dictionaries: Vec<Vec<u8>>,
    encoder: zstd::bulk::Compressor<'static>,
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor")
            .field("spec", &self.spec)
            .field("dictionaries", &self.dictionaries.len())
            .finish_non_exhaustive()
    }
}

const LEVEL: i32 = 3;
const TRAIN_AFTER_MIN: u16 = 8;
const DICTIONARY_SIZE: std::ops::RangeInclusive<u16> = 256..=16_384;

impl Compressor {
    pub(super) fn new(spec: CompressionSpec) -> Self {
        Self {
            spec,
            samples: Vec::new(),
            dictionaries: Vec::new(),
            encoder: encoder(&[]),
        }
    }

    /// The value as it is stored, and the number of its dictionary; nothing if it stays as it is.
    pub(super) fn compress(&mut self, value: &[u8]) -> Option<(Vec<u8>, u32)> {
        if self.spec.train_after > 0 {
            self.samples.push(value.to_vec());
        }
        let mut out = self
            .encoder
            .compress(value)
            .expect("there is memory for what was just in memory");
        let number = self.dictionaries.len() as u32;
        super::bytes::reversed_varint(&mut out, u64::from(number));
        (out.len() < value.len()).then_some((out, number))
    }

    /// A new dictionary, if there is enough to train one on: its number and bytes.
    pub(super) fn train(&mut self) -> Option<(u32, Vec<u8>)> {
        let after = self.spec.train_after.max(TRAIN_AFTER_MIN);
        if self.spec.train_after == 0 || self.samples.len() < usize::from(after) {
            return None;
        }
        let samples = std::mem::take(&mut self.samples);
        let size = self
            .spec
            .dictionary_size
            .clamp(*DICTIONARY_SIZE.start(), *DICTIONARY_SIZE.end());
        // Too few or too equal samples make no dictionary; then there is none.
        let Ok(bytes) = zstd::dict::from_samples(&samples, usize::from(size)) else {
            return None;
        };
        self.encoder = encoder(&bytes);
        self.dictionaries.push(bytes.clone());
        Some((self.dictionaries.len() as u32, bytes))
    }
}

fn encoder(dictionary: &[u8]) -> zstd::bulk::Compressor<'static> {
    zstd::bulk::Compressor::with_dictionary(LEVEL, dictionary)
        .expect("a dictionary that was trained can be used")
}
