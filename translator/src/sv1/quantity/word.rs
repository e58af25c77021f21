//! The 32-bit fields of a header: eight hexadecimal digits, most significant first.
//!
//! (In the header they stand least significant byte first.) Fewer digits are taken too:
//! NerdMiner writes its nonces without leading zeros.

use super::{QuantityError, digits};
use std::fmt;

macro_rules! word {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name(pub u32);

        impl $name {
            /// Reads up to eight hexadecimal digits, most significant first.
            ///
            /// # Errors
            /// When it is something else.
            pub fn parse(text: &str) -> Result<$name, QuantityError> {
                number(text).map($name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:08x}", self.0)
            }
        }
    };
}

word!(
    /// Seconds since the Unix epoch.
    Ntime
);
word!(
    /// The nonce.
    Nonce
);
word!(
    /// The network's target in compact form.
    Nbits
);
word!(
    /// A block version.
    Version
);
word!(
    /// The bits of a version that a miner has rolled (BIP310).
    VersionBits
);
word!(
    /// The bits of a version that a miner may roll (BIP310).
    VersionMask
);

impl VersionMask {
    /// What SV1 firmware may roll: BIP320's bits 13 to 28.
    pub const BIP320: VersionMask = VersionMask(0x1fff_e000);

    /// What both this mask and `asked` have.
    pub fn and(self, asked: VersionMask) -> VersionMask {
        VersionMask(self.0 & asked.0)
    }

    /// How many bits it leaves to the miner.
    pub fn bits(self) -> u32 {
        self.0.count_ones()
    }

    /// The version of a share: `job` with the masked bits replaced by `rolled`.
    /// `None` when `rolled` has bits outside the mask: they are refused, not dropped, or
    /// the miner would wonder for ever why its shares miss the target.
    pub fn apply(self, job: Version, rolled: VersionBits) -> Option<Version> {
        (rolled.0 & !self.0 == 0).then_some(Version(job.0 & !self.0 | rolled.0))
    }
}

fn number(text: &str) -> Result<u32, QuantityError> {
    let digits = digits(text)?;
    if digits.is_empty() || digits.len() > 8 {
        return Err(QuantityError::Length(digits.len()));
    }
    u32::from_str_radix(digits, 16).map_err(|_| QuantityError::NotHex)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_are_read_as_firmware_writes_them() {
        for (text, number) in
            [("deadbeef", 0xdead_beef), ("0xDEADBEEF", 0xdead_beef), ("1a", 0x1a), (" 0 ", 0)]
        {
            assert_eq!(Nonce::parse(text), Ok(Nonce(number)), "{text}");
        }
        assert_eq!(Nonce::parse(""), Err(QuantityError::Length(0)));
        assert_eq!(Nonce::parse("123456789"), Err(QuantityError::Length(9)));
        assert_eq!(Nonce::parse("12x4"), Err(QuantityError::NotHex));
        assert_eq!(Nonce::parse("+1"), Err(QuantityError::NotHex));
    }

    proptest! {
        #[test]
        fn words_survive(number: u32) {
            prop_assert_eq!(Ntime::parse(&Ntime(number).to_string()), Ok(Ntime(number)));
            prop_assert_eq!(Ntime(number).to_string().len(), 8);
        }

        #[test]
        fn a_rolled_version_keeps_every_bit_outside_the_mask(job: u32, mask: u32, rolled: u32) {
            let mask = VersionMask(mask);
            let version = mask.apply(Version(job), VersionBits(rolled & mask.0)).unwrap();
            prop_assert_eq!(version.0 & !mask.0, job & !mask.0);
            prop_assert_eq!(version.0 & mask.0, rolled & mask.0);
            let outside = rolled & !mask.0 != 0;
            prop_assert_eq!(mask.apply(Version(job), VersionBits(rolled)).is_none(), outside);
        }
    }
}
