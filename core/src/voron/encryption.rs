//! Decrypts pages and transactions of an encrypted database with its master key.
//!
//! ```text
//! subkey       BLAKE2b, 32 bytes; key = master key, salt = number as 8 bytes and 8 zeros,
//!              personalisation = context and 8 zeros           (libsodium's crypto_kdf)
//! cipher       XChaCha20-Poly1305, the code kept apart from the ciphertext
//!
//!              page run                     transaction
//! number       page number                  transaction number
//! context      "RavenDB!"                   "Txn-Acid"
//! additional   bytes 0..32 of the head      bytes 0..40 of the header, so not the hash
//! nonce        24 bytes at 24               24 bytes at 152
//! code         16 bytes at 48               16 bytes at 176
//! ciphertext   64 to the end of the run     the payload, compressed as it is
//! ```
//!
//! The nonce of a page overlaps the last 8 bytes of what is authenticated. Encrypted pages have no checksum: the code is
//! the proof, and a page whose number is damaged cannot be decrypted. A transaction's hash covers the payload before
//! encryption and is checked afterwards.
//!
//! **No real encrypted file was ever seen.** The layout comes from the source and from public descriptions of it;
//! the derivation of subkeys is checked against libsodium's published test vectors.
//!
//! Deliberately not here: where the master key comes from. What is decrypted is the caller's to wipe.

use blake2::Blake2bMac;
use blake2::digest::FixedOutput;
use blake2::digest::consts::U32;
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Key, KeyInit, Tag, XChaCha20Poly1305, XNonce};

use super::journal::{HEADER_BYTES, Transaction};
use super::number::{array_at, u64_at};
use super::page::{CHECKSUM_AT, Header};

/// Bytes of a page's head, which stay as they are.
const HEAD_BYTES: usize = 64;

/// Where nonce and code end what is no head any more, and where a checksum stands otherwise.
const PROOF: std::ops::Range<usize> = 32..HEAD_BYTES;

/// What a page's authentication covers besides the ciphertext, in bytes from its start.
const PAGE_ADDITIONAL_BYTES: usize = 32;

/// The same of a transaction.
const TRANSACTION_ADDITIONAL_BYTES: usize = 40;

const PAGE_CONTEXT: [u8; 8] = *b"RavenDB!";

const TRANSACTION_CONTEXT: [u8; 8] = *b"Txn-Acid";

/// Why something was not decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotDecrypted {
    /// There are fewer bytes than it has.
    #[error("it ends too soon")]
    Short,
    /// The code does not hold: another key, or damage to any of its bytes.
    #[error("the authentication code does not hold")]
    Code,
}

/// The master key of a database. It never shows itself in debug output.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("MasterKey")
    }
}

impl MasterKey {
    /// Takes the key's bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Decrypts a run of whole pages in place, but for the 64 bytes of its head. How many pages a run has says its head,
    /// which is not encrypted. On an error the run is as it was.
    ///
    /// # Errors
    ///
    /// [`NotDecrypted`], a wrong key and damage being one and the same.
    pub fn decrypt_run(&self, run: &mut [u8]) -> Result<(), NotDecrypted> {
        let number = u64_at(run, 0).ok_or(NotDecrypted::Short)?;
        let nonce = array_at::<24>(run, 24).ok_or(NotDecrypted::Short)?;
        let code = array_at::<16>(run, 48).ok_or(NotDecrypted::Short)?;
        let (head, ciphertext) = run
            .split_at_mut_checked(HEAD_BYTES)
            .ok_or(NotDecrypted::Short)?;
        let additional = head
            .get(..PAGE_ADDITIONAL_BYTES)
            .ok_or(NotDecrypted::Short)?;
        let subkey = self.subkey(number, PAGE_CONTEXT);
        open(subkey, nonce, code, additional, ciphertext)
    }

    /// Makes of a run of whole pages what it would be in a database that is not encrypted: it is decrypted, and a
    /// checksum stands in place of nonce and code. On an error the run is as it was.
    ///
    /// # Errors
    ///
    /// [`NotDecrypted`], a wrong key and damage being one and the same.
    pub fn open_run(&self, run: &mut [u8]) -> Result<(), NotDecrypted> {
        let header = Header::read(run).filter(|header| header.pages().is_some());
        let header = header.ok_or(NotDecrypted::Short)?;
        self.decrypt_run(run)?;
        if let Some(proof) = run.get_mut(PROOF) {
            proof.fill(0);
        }
        let checksum = header.expected_checksum(run);
        let place = run.get_mut(CHECKSUM_AT..CHECKSUM_AT + size_of::<u64>());
        if let (Some(checksum), Some(place)) = (checksum, place) {
            place.copy_from_slice(&checksum.to_le_bytes());
        }
        Ok(())
    }

    /// The decrypted payload of a transaction, to be checked against its hash. `bytes` begins at its header.
    ///
    /// # Errors
    ///
    /// [`NotDecrypted`], a wrong key and damage being one and the same.
    pub fn decrypt_transaction(
        &self,
        transaction: &Transaction,
        bytes: &[u8],
    ) -> Result<Vec<u8>, NotDecrypted> {
        let range = transaction.payload_range().ok_or(NotDecrypted::Short)?;
        let mut payload = bytes.get(range).ok_or(NotDecrypted::Short)?.to_vec();
        let additional = bytes
            .get(..TRANSACTION_ADDITIONAL_BYTES.min(HEADER_BYTES))
            .ok_or(NotDecrypted::Short)?;
        let subkey = self.subkey(transaction.id, TRANSACTION_CONTEXT);
        open(
            subkey,
            transaction.nonce,
            transaction.code,
            additional,
            &mut payload,
        )?;
        Ok(payload)
    }

    fn subkey(&self, number: u64, context: [u8; 8]) -> [u8; 32] {
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&number.to_le_bytes());
        let mut personalisation = [0; 16];
        personalisation[..8].copy_from_slice(&context);
        Blake2bMac::<U32>::new_with_salt_and_personal(Some(&self.0), &salt, &personalisation)
            .expect("a key of 32 bytes, a salt and a personalisation of 16 are what BLAKE2b takes")
            .finalize_fixed()
            .into()
    }
}

fn open(
    subkey: [u8; 32],
    nonce: [u8; 24],
    code: [u8; 16],
    additional: &[u8],
    ciphertext: &mut [u8],
) -> Result<(), NotDecrypted> {
    XChaCha20Poly1305::new(&Key::from(subkey))
        .decrypt_inout_detached(
            &XNonce::from(nonce),
            additional,
            ciphertext.into(),
            &Tag::from(code),
        )
        .map_err(|_| NotDecrypted::Code)
}

#[cfg(test)]
mod tests {
    use super::super::journal::{Found, Limits, MARKER, transaction_at};
    use super::*;

    /// Bytes 0 to 31, as libsodium's own test vectors have it.
    fn key() -> MasterKey {
        MasterKey::new(std::array::from_fn(|at| at as u8))
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("two digits"))
            .collect()
    }

    fn plaintext() -> Vec<u8> {
        (0..40_u32).map(|at| (at * 7) as u8).collect()
    }

    /// A page of 40 bytes besides its head. The ciphertext was computed once with another implementation of the
    /// primitives, itself checked against the published vectors of XChaCha20-Poly1305 and of crypto_kdf.
    fn page() -> Vec<u8> {
        let mut page = vec![0; 48];
        page[..8].copy_from_slice(&4711_u64.to_le_bytes());
        page[12] = 33;
        page[24..48].copy_from_slice(&std::array::from_fn::<u8, 24, _>(|at| 100 + at as u8));
        page.extend(hex(
            "4b85bbef819b218c8c8b59141f06cca42e674acff21dbdf754325a193bfab7b7bb4ff5caebd852a6e8e790ea70bd0e024f639a0db9b518e4",
        ));
        page
    }

    fn transaction() -> Vec<u8> {
        let mut bytes = vec![0; 176];
        bytes[..8].copy_from_slice(&MARKER.to_le_bytes());
        bytes[8..16].copy_from_slice(&815_u64.to_le_bytes());
        bytes[36] = 1;
        bytes[112..120].copy_from_slice(&(-1_i64).to_le_bytes());
        bytes[120..128].copy_from_slice(&40_u64.to_le_bytes());
        bytes[152..176].copy_from_slice(&std::array::from_fn::<u8, 24, _>(|at| 200 + at as u8));
        bytes.extend(hex("788670fa0bc8d6bff8835a081edc0359"));
        bytes.extend(hex(
            "f46643b43227ae15ebdde3cc00ac965d319b21352c24e435cf6e6b44e10faebec48ea35ab92eed08",
        ));
        bytes
    }

    #[test]
    fn subkeys_are_those_of_libsodium() {
        let subkey = key().subkey(32, *b"KDF test");
        let published = "154b291f11196737f8b7f491e4ca11764e0227d34f94295408a869f007aa8618";
        assert_eq!(subkey.to_vec(), hex(published));
    }

    #[test]
    fn a_page_is_decrypted_in_place_and_its_head_stays() {
        let mut run = page();
        assert_eq!(key().decrypt_run(&mut run), Ok(()));
        assert_eq!(run[64..], plaintext());
        assert_eq!(run[..64], page()[..64]);
    }

    #[test]
    fn every_flipped_bit_of_a_page_is_refused_and_nothing_is_changed() {
        for bit in 0..page().len() * 8 {
            let mut run = page();
            run[bit / 8] ^= 1 << (bit % 8);
            let before = run.clone();
            assert_eq!(key().decrypt_run(&mut run), Err(NotDecrypted::Code));
            assert_eq!(run, before);
        }
        assert_eq!(key().decrypt_run(&mut [0; 63]), Err(NotDecrypted::Short));
    }

    #[test]
    fn a_transaction_is_decrypted_and_its_hash_is_no_part_of_it() {
        let mut bytes = transaction();
        let hash = xxhash_rust::xxh64::xxh64(&plaintext(), 815);
        bytes[40..48].copy_from_slice(&hash.to_le_bytes());
        let Found::Encrypted(header) = transaction_at(&bytes, 232, Limits::default()) else {
            panic!("it says that it is encrypted");
        };
        assert!(header.proves(&plaintext()));
        assert_eq!(key().decrypt_transaction(&header, &bytes), Ok(plaintext()));
        bytes[39] ^= 1;
        assert_eq!(
            key().decrypt_transaction(&header, &bytes),
            Err(NotDecrypted::Code)
        );
        let other = MasterKey::new([7; 32]);
        assert_eq!(
            other.decrypt_transaction(&header, &transaction()),
            Err(NotDecrypted::Code)
        );
        assert_eq!(
            key().decrypt_transaction(&header, &transaction()[..231]),
            Err(NotDecrypted::Short)
        );
    }

    #[test]
    fn a_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", key()), "MasterKey");
    }
}
