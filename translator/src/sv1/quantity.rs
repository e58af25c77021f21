//! The quantities of the wire, each its own type with its own byte order.

pub mod difficulty;
pub mod extranonce;
pub mod job_id;
pub mod prev_hash;
pub mod word;

pub use difficulty::Told;
pub use extranonce::Extranonce2;
pub use job_id::JobId;
pub use prev_hash::PrevHash;
pub use word::{Nbits, Nonce, Ntime, Version, VersionBits, VersionMask};

use thiserror::Error;

/// Why text is not the quantity that it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not hexadecimal digits.
    #[error("not hexadecimal")]
    NotHex,
    /// More or fewer digits than it may have.
    #[error("of {0} hexadecimal digits")]
    Length(usize),
}

/// Appends `bytes` in hexadecimal, first byte first.
pub fn write_hex(out: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.reserve(2 * bytes.len());
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            out.push(char::from(DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0')));
        }
    }
}

/// `text` without the `0x` and the spaces that some firmware puts around its numbers.
fn digits(text: &str) -> Result<&str, QuantityError> {
    let text = text.trim();
    let text = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    if text.bytes().all(|byte| byte.is_ascii_hexdigit()) { Ok(text) } else { Err(QuantityError::NotHex) }
}

/// The bytes of 64 hexadecimal digits, first byte first.
///
/// # Errors
/// When it is something else.
pub fn bytes32(text: &str) -> Result<[u8; 32], QuantityError> {
    let digits = digits(text)?;
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return Err(QuantityError::Length(digits.len()));
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| QuantityError::NotHex)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| QuantityError::NotHex)?;
    }
    Ok(bytes)
}
