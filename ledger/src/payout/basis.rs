//! What a job's payouts were computed from, as the job's record says it.
//!
//! Everything else is in the ledger, so that whoever has the ledger and a job can compute
//! the outputs that the job must have.

use super::rules::{Mode, Ppm, Rules};
use crate::bytes::{BadBytes, Reading, Writing};
use crate::tagged_hash::Commitment;
use crate::window::Window;
use bitcoin::ScriptBuf;

/// The basis of a job's payouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The rules in force.
    pub rules: Rules,
    /// The last slice that counts; 0 before the first is closed.
    pub slice: u64,
    /// The last entry of the book that counts; zeros for none.
    pub book: Commitment,
    /// Compact network target by which the window's limit in work is computed.
    pub nbits: u32,
    /// Bytes that payout outputs might take in this job.
    pub room: u32,
    /// Whether the job was made for the one member who mines on it, as its finder.
    pub for_finder: bool,
    /// Where the host is paid; empty where the rules do not pay the host.
    pub host: ScriptBuf,
}

/// The layout's version, its first byte.
const VERSION: u8 = 1;

impl Basis {
    /// The layout of `docs/payouts.md`; integers little-endian. Fits the 255 bytes that a
    /// job's record has for it: a host's script is at most 34 bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Writing::default();
        let Rules { mode, host_fee, finder_bonus, min_payout, repay_cap, window } = &self.rules;
        bytes.u8(VERSION).u8(mode.code()).u32(host_fee.0).u32(finder_bonus.0).u64(*min_payout);
        bytes.u32(repay_cap.0);
        match *window {
            Window::SinceLastBlock => _ = bytes.u8(0),
            Window::Recent { difficulties_milli, seconds } => {
                // No limit is zero, so that zero can say "none".
                _ = bytes.u8(1).u32(difficulties_milli.unwrap_or(0)).u64(seconds.unwrap_or(0));
            }
            Window::Event { from, to } => _ = bytes.u8(2).u64(from).u64(to),
        }
        bytes.u64(self.slice).raw(&self.book.0).u32(self.nbits).u32(self.room);
        bytes.u8(u8::from(self.for_finder)).short(self.host.as_bytes());
        bytes.0
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`BadBytes`] when these are no basis, or its rules cannot be paid by.
    pub fn from_bytes(bytes: &[u8]) -> Result<Basis, BadBytes> {
        let mut from = Reading(bytes);
        if from.u8()? != VERSION {
            return Err(BadBytes::Meaningless("a payout basis of this version"));
        }
        let mode = Mode::from_code(from.u8()?).ok_or(BadBytes::Meaningless("a payout mode"))?;
        let (host_fee, finder_bonus) = (Ppm(from.u32()?), Ppm(from.u32()?));
        let (min_payout, repay_cap) = (from.u64()?, Ppm(from.u32()?));
        let window = match from.u8()? {
            0 => Window::SinceLastBlock,
            1 => Window::Recent {
                difficulties_milli: Some(from.u32()?).filter(|limit| *limit > 0),
                seconds: Some(from.u64()?).filter(|limit| *limit > 0),
            },
            2 => Window::Event { from: from.u64()?, to: from.u64()? },
            _ => return Err(BadBytes::Meaningless("a window of this kind")),
        };
        let rules = Rules { mode, host_fee, finder_bonus, min_payout, repay_cap, window };
        rules.check().map_err(|_| BadBytes::Meaningless("a rule that cannot be paid by"))?;
        let (slice, book) = (from.u64()?, Commitment(from.array()?));
        let (nbits, room) = (from.u32()?, from.u32()?);
        let for_finder = match from.u8()? {
            0 => false,
            1 => true,
            _ => return Err(BadBytes::Meaningless("a flag that is neither 0 nor 1")),
        };
        let host = ScriptBuf::from(from.short()?.to_vec());
        from.end()?;
        Ok(Basis { rules, slice, book, nbits, room, for_finder, host })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn basis()(
            numbers: [u32; 3], parts in [0u32..=1_000_000, 0u32..=1_000_000, 0u32..=1_000_000],
            large: [u64; 2], mode in 0u8..3, kind in 0u8..3, book: [u8; 32], for_finder: bool,
            host in prop::collection::vec(any::<u8>(), 0..=34),
        ) -> Basis {
            let window = match kind {
                0 => Window::SinceLastBlock,
                1 => Window::Recent { difficulties_milli: Some(numbers[0].max(1)), seconds: Some(large[0]).filter(|s| *s > 0) },
                _ => Window::Event { from: large[0] / 2, to: large[0] / 2 + 1 },
            };
            let rules = Rules {
                mode: Mode::from_code(mode).unwrap(),
                host_fee: Ppm(parts[0]), finder_bonus: Ppm(parts[1]), repay_cap: Ppm(parts[2]),
                min_payout: large[1],
                window,
            };
            Basis { rules, slice: large[0], book: Commitment(book), nbits: numbers[1], room: numbers[2], for_finder, host: host.into() }
        }
    }

    proptest! {
        #[test]
        fn a_basis_is_read_as_it_was_written_and_fits_a_job(basis in basis()) {
            let bytes = basis.to_bytes();
            prop_assert!(bytes.len() <= 255);
            prop_assert_eq!(Basis::from_bytes(&bytes), Ok(basis));
            prop_assert!(Basis::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Basis::from_bytes(&bytes);
        }
    }
}
