//! Reading and writing the ledger's byte layouts.

use thiserror::Error;

/// Bytes that are being written.
#[derive(Default)]
pub(crate) struct Writing(pub(crate) Vec<u8>);

/// Bytes that are being read, from the front.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'a>(pub(crate) &'a [u8]);

/// Why bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadBytes {
    /// They end in the middle.
    #[error("the bytes end too early")]
    Cut,
    /// They go on where they should end.
    #[error("{0} bytes are left over")]
    LeftOver(usize),
    /// A number is longer than any that is written.
    #[error("a number does not fit")]
    Number,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// A value that has no meaning.
    #[error("{0} has no meaning here")]
    Meaningless(&'static str),
    /// The checksum does not fit the bytes.
    #[error("the checksum does not fit")]
    Checksum,
}

impl Writing {
    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    pub(crate) fn u128(&mut self, value: u128) -> &mut Self {
        self.raw(&value.to_le_bytes())
    }

    /// At most 255 bytes, their number in front. What is longer is cut: callers check.
    pub(crate) fn short(&mut self, bytes: &[u8]) -> &mut Self {
        let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
        self.u8(length).raw(bytes.get(..usize::from(length)).unwrap_or_default())
    }

    /// LEB128: seven bits a byte, the least significant first.
    pub(crate) fn varint(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }
}

impl<'a> Reading<'a> {
    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], BadBytes> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(BadBytes::Cut)?;
        self.0 = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], BadBytes> {
        let (head, tail) = self.0.split_first_chunk().ok_or(BadBytes::Cut)?;
        self.0 = tail;
        Ok(*head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, BadBytes> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BadBytes> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, BadBytes> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u128(&mut self) -> Result<u128, BadBytes> {
        self.array().map(u128::from_le_bytes)
    }

    pub(crate) fn short(&mut self) -> Result<&'a [u8], BadBytes> {
        let length = self.u8()?;
        self.raw(usize::from(length))
    }

    pub(crate) fn short_text(&mut self) -> Result<&'a str, BadBytes> {
        std::str::from_utf8(self.short()?).map_err(|_| BadBytes::Text)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, BadBytes> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits.leading_zeros() < shift {
                return Err(BadBytes::Number);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(BadBytes::Number)
    }

    /// A number of things of at least `each` bytes; refused when so many cannot follow.
    pub(crate) fn count(&mut self, each: usize) -> Result<usize, BadBytes> {
        let count = usize::try_from(self.varint()?).map_err(|_| BadBytes::Number)?;
        if count > self.0.len() / each.max(1) { Err(BadBytes::Cut) } else { Ok(count) }
    }

    pub(crate) fn end(self) -> Result<(), BadBytes> {
        if self.0.is_empty() { Ok(()) } else { Err(BadBytes::LeftOver(self.0.len())) }
    }
}

/// A signed difference as a number that is small when the difference is.
pub(crate) fn zigzag(difference: i64) -> u64 {
    ((difference << 1) ^ (difference >> 63)) as u64
}

/// The difference that [`zigzag`] was given.
pub(crate) fn unzigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_of_too_many_bits_is_refused() {
        assert_eq!(Reading(&[0xff; 12]).varint(), Err(BadBytes::Number));
        let past = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02];
        assert_eq!(Reading(&past).varint(), Err(BadBytes::Number));
        assert_eq!(Reading(&[0x80]).varint(), Err(BadBytes::Cut));
    }

    proptest! {
        #[test]
        fn numbers_come_back_as_they_were_written(number: u64, difference: i64) {
            let mut bytes = Writing::default();
            bytes.varint(number).varint(zigzag(difference));
            let mut reading = Reading(&bytes.0);
            prop_assert_eq!(reading.varint(), Ok(number));
            prop_assert_eq!(reading.varint().map(unzigzag), Ok(difference));
            prop_assert_eq!(reading.end(), Ok(()));
        }
    }
}
