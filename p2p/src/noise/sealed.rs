//! Sizes and in-place sealing of what is on the wire (SV2 section 4.6).
//!
//! ```text
//!  | header 6 | MAC 16 | chunk 65519 | MAC 16 | chunk 65519 | MAC 16 | rest | MAC 16 |
//! ```
//!
//! An empty payload has no block after the header.

use aead::Buffer;
use noise_sv2::{AEAD_MAC_LEN, NoiseDecryptor, NoiseEncryptor};

use crate::frame::FrameHeader;

/// A header on the wire.
pub(crate) const SEALED_HEADER: usize = FrameHeader::SIZE + AEAD_MAC_LEN;
/// Most plaintext in one block.
pub(crate) const CHUNK: usize = SEALED_CHUNK - AEAD_MAC_LEN;
/// A full block on the wire: the most that Noise allows.
pub(crate) const SEALED_CHUNK: usize = 65535;

/// The cipher refused: a block that does not authenticate, or a key that is used up.
#[derive(Debug)]
pub(crate) struct Refused;

/// Bytes that a payload of `length` bytes takes on the wire.
pub(crate) fn sealed_length(length: usize) -> usize {
    length + length.div_ceil(CHUNK) * AEAD_MAC_LEN
}

/// Opens the blocks of a payload in place and moves the plaintext together at the
/// front of `sealed`.
pub(crate) fn open(cipher: &mut NoiseDecryptor, sealed: &mut [u8]) -> Result<(), Refused> {
    for block in sealed.chunks_mut(SEALED_CHUNK) {
        cipher.decrypt(&mut Block(block)).map_err(|_| Refused)?;
    }
    let mut from = SEALED_CHUNK;
    let mut to = CHUNK;
    while from < sealed.len() {
        let end = (from + CHUNK).min(sealed.len() - AEAD_MAC_LEN);
        sealed.copy_within(from..end, to);
        from += SEALED_CHUNK;
        to += CHUNK;
    }
    Ok(())
}

/// Seals what stands in `out` from `start` on, and appends the MAC.
pub(crate) fn seal_tail(cipher: &mut NoiseEncryptor, out: &mut Vec<u8>, start: usize) -> Result<(), Refused> {
    cipher.encrypt(&mut Tail { out, start }).map_err(|_| Refused)
}

/// A block that is opened where it lies.
struct Block<'a>(&'a mut [u8]);

impl AsRef<[u8]> for Block<'_> {
    fn as_ref(&self) -> &[u8] {
        self.0
    }
}

impl AsMut<[u8]> for Block<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.0
    }
}

impl Buffer for Block<'_> {
    fn extend_from_slice(&mut self, _: &[u8]) -> aead::Result<()> {
        Err(aead::Error) // only sealing extends
    }

    fn truncate(&mut self, len: usize) {
        let block = std::mem::take(&mut self.0);
        let end = len.min(block.len());
        self.0 = block.split_at_mut(end).0;
    }
}

/// The end of a vector, to which the MAC is appended.
struct Tail<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
}

impl AsRef<[u8]> for Tail<'_> {
    fn as_ref(&self) -> &[u8] {
        self.out.get(self.start..).unwrap_or_default()
    }
}

impl AsMut<[u8]> for Tail<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.out.get_mut(self.start..).unwrap_or_default()
    }
}

impl Buffer for Tail<'_> {
    fn extend_from_slice(&mut self, other: &[u8]) -> aead::Result<()> {
        self.out.extend_from_slice(other);
        Ok(())
    }

    fn truncate(&mut self, len: usize) {
        self.out.truncate(self.start + len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sealed_length_is_the_formula_of_the_spec() {
        let spec = |length: usize| {
            let rest = length % CHUNK;
            length / CHUNK * SEALED_CHUNK + if rest > 0 { rest + AEAD_MAC_LEN } else { 0 }
        };
        for length in [0, 1, 65518, 65519, 65520, 131038, 131039, 0xff_ffff] {
            assert_eq!(sealed_length(length), spec(length), "{length}");
        }
    }
}
