//! How the extranonce below a channel's prefix is divided: what tells a miner from others
//! (extranonce1), and what it rolls (extranonce2).

use super::OWN;
use thiserror::Error;
use work::Extranonce;

/// The sizes of both, in bytes; each 4 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtranonceSizes {
    extranonce1: usize,
    extranonce2: usize,
}

/// Sizes that miners do not take, or a channel has no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ExtranonceSizesError {
    /// Old firmware reserves so much and no more; below, it has searched all in no time.
    #[error("{name} of {bytes} bytes: miners take {LEAST} to {MOST}")]
    Size {
        /// Which of both.
        name: &'static str,
        /// What was asked for.
        bytes: usize,
    },
    /// A channel is smaller than both together.
    #[error("extranonce1 and extranonce2 are {both} bytes together, and a channel has {room}")]
    Room {
        /// What was asked for.
        both: usize,
        /// What there is.
        room: usize,
    },
}

/// The least of each: with fewer, some firmware goes through its search space in no time.
pub const LEAST: usize = 4;
/// The most of each: with more, Whatsminers and old cgminers fail.
pub const MOST: usize = 8;

impl Default for ExtranonceSizes {
    /// 4 and 8: what most firmware has met.
    fn default() -> ExtranonceSizes {
        ExtranonceSizes { extranonce1: OWN, extranonce2: MOST }
    }
}

impl ExtranonceSizes {
    /// These sizes, for channels with `room` bytes below their prefix, where that is known.
    ///
    /// # Errors
    /// When miners do not take them, or they do not fit.
    pub fn new(
        extranonce1: usize,
        extranonce2: usize,
        room: Option<usize>,
    ) -> Result<ExtranonceSizes, ExtranonceSizesError> {
        for (name, bytes) in [("extranonce1", extranonce1), ("extranonce2", extranonce2)] {
            if !(LEAST..=MOST).contains(&bytes) {
                return Err(ExtranonceSizesError::Size { name, bytes });
            }
        }
        let both = extranonce1 + extranonce2;
        match room.filter(|room| both > *room) {
            Some(room) => Err(ExtranonceSizesError::Room { both, room }),
            None => Ok(ExtranonceSizes { extranonce1, extranonce2 }),
        }
    }

    /// Both together.
    pub fn both(self) -> usize {
        self.extranonce1 + self.extranonce2
    }

    /// The extranonce1 of the miner that is told from others by `own`.
    pub(super) fn extranonce1(self, own: [u8; OWN]) -> Extranonce {
        let mut bytes = [0; MOST];
        bytes.iter_mut().zip(own).for_each(|(byte, own)| *byte = own);
        bytes.get(..self.extranonce1).and_then(|own| Extranonce::new(own).ok()).unwrap_or_default()
    }

    pub(super) fn extranonce2(self) -> usize {
        self.extranonce2
    }
}

const _: () = assert!(OWN == LEAST && 2 * MOST <= work::extranonce::MAX_EXTRANONCE_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_to_eight_bytes_of_each_are_taken_where_there_is_room_for_both() {
        let new = |one, two| ExtranonceSizes::new(one, two, Some(12));
        for (one, two) in [(4, 8), (8, 4), (6, 6), (4, 4)] {
            assert_eq!(new(one, two).map(ExtranonceSizes::both), Ok(one + two));
        }
        assert_eq!(new(3, 8), Err(ExtranonceSizesError::Size { name: "extranonce1", bytes: 3 }));
        assert_eq!(new(9, 4), Err(ExtranonceSizesError::Size { name: "extranonce1", bytes: 9 }));
        assert_eq!(new(4, 3), Err(ExtranonceSizesError::Size { name: "extranonce2", bytes: 3 }));
        assert_eq!(new(4, 9), Err(ExtranonceSizesError::Size { name: "extranonce2", bytes: 9 }));
        assert_eq!(new(5, 8), Err(ExtranonceSizesError::Room { both: 13, room: 12 }));
        // Elsewhere there may be more.
        assert_eq!(ExtranonceSizes::new(8, 8, None).map(ExtranonceSizes::both), Ok(16));
    }

    #[test]
    fn what_is_a_miners_own_stands_at_the_front_of_its_extranonce1() {
        let whole = |size| ExtranonceSizes::new(size, 4, None).map(|sizes| sizes.extranonce1([9, 8, 7, 6]));
        assert_eq!(whole(4).map(|own| own.to_string()), Ok("09080706".into()));
        assert_eq!(whole(8).map(|own| own.to_string()), Ok("0908070600000000".into()));
    }
}
