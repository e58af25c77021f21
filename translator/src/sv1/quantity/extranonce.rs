//! The part of the extranonce that the miner rolls.

use super::{QuantityError, digits};
use work::Extranonce;

/// `extranonce2` of a share: hexadecimal, in the order of the coinbase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extranonce2(pub Extranonce);

impl Extranonce2 {
    /// Reads exactly `size` bytes.
    ///
    /// # Errors
    /// When it is something else.
    pub fn parse(text: &str, size: usize) -> Result<Extranonce2, QuantityError> {
        let digits = digits(text)?;
        if digits.len() != 2 * size {
            return Err(QuantityError::Length(digits.len()));
        }
        let mut whole = Extranonce::EMPTY;
        for pair in digits.as_bytes().chunks(2) {
            let pair = std::str::from_utf8(pair).map_err(|_| QuantityError::NotHex)?;
            let byte = u8::from_str_radix(pair, 16).map_err(|_| QuantityError::NotHex)?;
            whole = whole.join(&[byte]).map_err(|_| QuantityError::Length(digits.len()))?;
        }
        Ok(Extranonce2(whole))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn exactly_as_many_bytes_as_were_agreed_are_taken() {
        assert_eq!(Extranonce2::parse("00aaFF01", 4).unwrap().0.as_bytes(), [0, 0xaa, 0xff, 1]);
        assert_eq!(Extranonce2::parse("00aaff", 4), Err(QuantityError::Length(6)));
        assert_eq!(Extranonce2::parse("00aaff010", 4), Err(QuantityError::Length(9)));
        assert_eq!(Extranonce2::parse("00aaff0g", 4), Err(QuantityError::NotHex));
        assert_eq!(Extranonce2::parse(&"00".repeat(40), 40), Err(QuantityError::Length(80)));
    }
}
