//! Encrypted pages: XChaCha20-Poly1305, each run under a key of its own.
//!
//! ```text
//!  0 ── associated data ── 32 ── 16 random bytes ── 48 ── authentication code ── 64 ── ciphertext ── end of the run
//!          24 ───────── nonce ─────────────────── 48
//!  key of a run = BLAKE2b-256, keyed with the master key, salt = page number, personalisation = "RavenDB!"
//! ```
//!
//! Invariants: no checksum is left, for its place holds the nonce; pages that were never written stay zero.
//!
//! Deliberately not here: journals of encrypted databases. How their keys are derived is not known, so an
//! encrypted database is written as one that was stopped cleanly, with no journal.

use blake2::Blake2bMac;
use blake2::digest::FixedOutput;
use blake2::digest::consts::U32;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};

use super::bytes::{array, u64_at};

const CONTEXT: &[u8; 8] = b"RavenDB!";

/// Encrypts a page or a run; `noise` makes its nonce.
pub(super) fn encrypt(run: &mut [u8], master: &[u8; 32], noise: [u64; 2]) {
    let number = u64_at(run, 0);
    run[32..40].copy_from_slice(&noise[0].to_le_bytes());
    run[40..48].copy_from_slice(&noise[1].to_le_bytes());
    let nonce = XNonce::from(array::<24>(&run[24..48]));
    let (header, body) = run.split_at_mut(64);
    let cipher = XChaCha20Poly1305::new(&run_key(master, number).into());
    let code = cipher
        .encrypt_inout_detached(&nonce, &header[..32], body.into())
        .expect("a run is far below what the cipher takes");
    header[48..64].copy_from_slice(&code);
}

fn run_key(master: &[u8; 32], number: u64) -> [u8; 32] {
    let mut salt = [0; 16];
    salt[..8].copy_from_slice(&number.to_le_bytes());
    let mut personalisation = [0; 16];
    personalisation[..8].copy_from_slice(CONTEXT);
    Blake2bMac::<U32>::new_with_salt_and_personal(Some(master), &salt, &personalisation)
        .expect("all three have the lengths that they may have")
        .finalize_fixed()
        .into()
}
