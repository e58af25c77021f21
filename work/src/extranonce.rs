//! How the extranonce is divided, and a small value to hold one.
//!
//! Every coinbase carries 16 bytes that make its search space unique:
//!
//! ```text
//! extended channel:  server id (1) | index (3) | rolled by the miner (12)
//! standard channel:  server id (1) | index (3) | fixed by the pool (12)
//! ```
//!
//! All channels of a group share one size (SV2 section 5.2.3), so the size is the
//! same for every channel of the pool. 12 rolled bytes let a proxy divide its space
//! again and still leave 8 to each of its own miners. Who gets which index is
//! decided by the pool's allocator, not here.

use std::fmt;
use thiserror::Error;

/// Bytes of the whole extranonce in every coinbase.
pub const EXTRANONCE_SIZE: usize = 16;

/// Bytes of an extended channel's prefix: which server, which channel.
pub const EXTENDED_PREFIX_SIZE: usize = SERVER_ID_SIZE + INDEX_SIZE;

/// Bytes that name the server among those of one pool.
pub const SERVER_ID_SIZE: usize = 1;

/// Bytes that name the channel within a server: room for 16 million.
pub const INDEX_SIZE: usize = 3;

/// Bytes that an extended channel's miner rolls.
pub const ROLLED_SIZE: usize = EXTRANONCE_SIZE - EXTENDED_PREFIX_SIZE;

/// The most that SV2 lets a prefix or a rolled part have (`B0_32`).
pub const MAX_EXTRANONCE_SIZE: usize = 32;

/// An extranonce, or a part of one: at most 32 bytes, held in place.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Extranonce {
    bytes: [u8; MAX_EXTRANONCE_SIZE],
    length: u8,
}

/// Why bytes are not an extranonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtranonceError {
    /// More than SV2's 32 bytes.
    #[error("an extranonce of {0} bytes; SV2 allows at most 32")]
    TooLong(usize),
    /// Not the length that was negotiated when the channel was opened.
    #[error("the rolled extranonce has {got} bytes but the channel was opened with {expected}")]
    WrongSize {
        /// Bytes received.
        got: usize,
        /// Bytes negotiated.
        expected: usize,
    },
}

impl Extranonce {
    /// No bytes.
    pub const EMPTY: Extranonce = Extranonce { bytes: [0; MAX_EXTRANONCE_SIZE], length: 0 };

    /// A copy of `bytes`.
    ///
    /// # Errors
    /// When there are more than 32.
    pub fn new(bytes: &[u8]) -> Result<Extranonce, ExtranonceError> {
        Extranonce::EMPTY.join(bytes)
    }

    /// This one with `rest` behind it: a prefix and its rolled part.
    ///
    /// # Errors
    /// When together they are more than 32 bytes.
    pub fn join(self, rest: &[u8]) -> Result<Extranonce, ExtranonceError> {
        let mut joined = self;
        let length = self.len() + rest.len();
        let room = joined.bytes.get_mut(self.len()..length).ok_or(ExtranonceError::TooLong(length))?;
        room.copy_from_slice(rest);
        joined.length = length as u8; // at most 32
        Ok(joined)
    }

    /// The bytes, in the order in which they stand in the coinbase.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len()).unwrap_or_default()
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        usize::from(self.length)
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }
}

/// Checks the rolled part of a share against the size that the channel was opened
/// with (SV2 section 5.3.12: it must be equal).
///
/// # Errors
/// When it is not.
pub fn check_rolled_size(rolled: &[u8], expected: usize) -> Result<(), ExtranonceError> {
    if rolled.len() == expected {
        Ok(())
    } else {
        Err(ExtranonceError::WrongSize { got: rolled.len(), expected })
    }
}

impl AsRef<[u8]> for Extranonce {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl TryFrom<&[u8]> for Extranonce {
    type Error = ExtranonceError;
    fn try_from(bytes: &[u8]) -> Result<Extranonce, ExtranonceError> {
        Extranonce::new(bytes)
    }
}

impl fmt::Display for Extranonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Extranonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_parts_of_an_extranonce_make_up_the_whole() {
        assert_eq!(EXTENDED_PREFIX_SIZE + ROLLED_SIZE, EXTRANONCE_SIZE);
        assert_eq!(EXTENDED_PREFIX_SIZE, 4);
        // The height (5), a tag, and this are to fit in a scriptSig of 100.
        const { assert!(EXTRANONCE_SIZE <= MAX_EXTRANONCE_SIZE) }
    }

    #[test]
    fn a_rolled_part_of_another_size_is_refused() {
        assert_eq!(check_rolled_size(&[0; 12], 12), Ok(()));
        for got in [0, 11, 13, 32] {
            let refused = ExtranonceError::WrongSize { got, expected: 12 };
            assert_eq!(check_rolled_size(&[0; 32][..got], 12), Err(refused));
        }
    }

    proptest! {
        #[test]
        fn joining_is_concatenation_up_to_32_bytes(
            prefix in prop::collection::vec(any::<u8>(), 0..40),
            rolled in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let whole = [&prefix[..], &rolled].concat();
            let joined = Extranonce::new(&prefix).and_then(|prefix| prefix.join(&rolled));
            if whole.len() <= MAX_EXTRANONCE_SIZE {
                let joined = joined.unwrap();
                prop_assert_eq!(joined.as_bytes(), &whole[..]);
                prop_assert_eq!(joined.len(), whole.len());
                prop_assert_eq!(joined, Extranonce::new(&whole).unwrap());
                prop_assert_eq!(joined.to_string().len(), whole.len() * 2);
            } else {
                prop_assert!(matches!(joined, Err(ExtranonceError::TooLong(length)) if length <= whole.len()));
            }
        }
    }
}
