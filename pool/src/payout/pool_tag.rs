//! The pool's mark in the coinbase.

use thiserror::Error;

/// The scriptSig holds at most 100 bytes (consensus): 8 for height, up to 32 of
/// extranonce, and room for what comes later.
pub const MAX_BYTES: usize = 40;

/// Why a tag cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PoolTagError {
    /// It does not fit.
    #[error("the pool tag is {0} bytes; at most {MAX_BYTES} fit into the coinbase")]
    TooLong(usize),
    /// It would garble the display of block explorers.
    #[error("the pool tag contains control characters")]
    ControlCharacter,
}

/// Whether `tag` can be written into the coinbase.
///
/// # Errors
/// When it is too long or has control characters.
pub fn check(tag: &str) -> Result<(), PoolTagError> {
    if tag.len() > MAX_BYTES {
        Err(PoolTagError::TooLong(tag.len()))
    } else if tag.chars().any(char::is_control) {
        Err(PoolTagError::ControlCharacter)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_counted_in_bytes_and_has_no_control_characters() {
        assert_eq!(check(""), Ok(()));
        assert_eq!(check(&"x".repeat(MAX_BYTES)), Ok(()));
        assert_eq!(check(&"ü".repeat(MAX_BYTES)), Err(PoolTagError::TooLong(2 * MAX_BYTES)));
        assert_eq!(check("a\nb"), Err(PoolTagError::ControlCharacter));
    }
}
