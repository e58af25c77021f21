//! Who has which part of the search space.
//!
//! One allocator for the whole pool, so that no two channels of any two connections
//! ever overlap (SV2 section 5.2). Touched when a channel opens or moves, never for a
//! share.

use channels_sv2::extranonce_manager::{AllocatedExtranoncePrefix, ExtranonceAllocator};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use thiserror::Error;
use work::extranonce::EXTRANONCE_SIZE;

/// The pool's search space. Cheap to clone.
#[derive(Clone)]
pub struct Extranonces {
    allocator: Arc<Mutex<ExtranonceAllocator>>,
    rolled: usize,
}

/// Why no search space can be handed out.
#[derive(Debug, Error)]
pub enum ExtranonceFault {
    /// The client asks for more rolled bytes than every extended channel gets.
    #[error("the client asks for {asked} bytes of extranonce; channels of this pool have {granted}")]
    TooLarge {
        /// Bytes asked for.
        asked: usize,
        /// Bytes that a channel gets.
        granted: usize,
    },
    /// The layout is impossible.
    #[error("the extranonce cannot be laid out: {0}")]
    Layout(String),
    /// All channel numbers are in use.
    #[error("every part of the search space is in use")]
    Exhausted,
}

/// 2^24 - 1 channels need three bytes of index; the bitmap for them is 2 MiB, so the
/// number is kept to what one pool can serve.
const MAX_CHANNELS: u32 = 1 << 20;

impl Extranonces {
    /// The search space of the server `server_id`.
    ///
    /// # Errors
    /// When the layout does not fit, which only a wrong constant can cause.
    pub fn new(server_id: u8) -> Result<Extranonces, ExtranonceFault> {
        let total = EXTRANONCE_SIZE as u8;
        let allocator = ExtranonceAllocator::new(vec![server_id], total, MAX_CHANNELS)
            .map_err(|fault| ExtranonceFault::Layout(format!("{fault:?}")))?;
        let rolled = usize::from(allocator.rollable_extranonce_size());
        Ok(Extranonces { allocator: Arc::new(Mutex::new(allocator)), rolled })
    }

    /// Bytes that the client of an extended channel rolls.
    pub fn rolled(&self) -> usize {
        self.rolled
    }

    /// A prefix for an extended channel whose client needs `min_rolled` bytes.
    ///
    /// # Errors
    /// [`ExtranonceFault`].
    pub fn extended(&self, min_rolled: usize) -> Result<AllocatedExtranoncePrefix, ExtranonceFault> {
        if min_rolled > self.rolled {
            return Err(ExtranonceFault::TooLarge { asked: min_rolled, granted: self.rolled });
        }
        self.lock().allocate_extended(min_rolled).map_err(|_| ExtranonceFault::Exhausted)
    }

    /// The whole extranonce of a standard channel.
    ///
    /// # Errors
    /// [`ExtranonceFault::Exhausted`].
    pub fn standard(&self) -> Result<AllocatedExtranoncePrefix, ExtranonceFault> {
        self.lock().allocate_standard().map_err(|_| ExtranonceFault::Exhausted)
    }

    fn lock(&self) -> MutexGuard<'_, ExtranonceAllocator> {
        // A panic while the lock was held cannot have left the bitmap half-changed.
        self.allocator.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_two_channels_of_any_kind_share_search_space() {
        let space = Extranonces::new(7).unwrap();
        let held: Vec<_> = (0..500)
            .map(|n| if n % 2 == 0 { space.extended(8).unwrap() } else { space.standard().unwrap() })
            .collect();
        let starts: HashSet<_> = held.iter().map(|prefix| prefix.as_bytes()[..4].to_vec()).collect();
        assert_eq!(starts.len(), held.len());
        assert!(held.iter().all(|prefix| prefix.as_bytes()[0] == 7));
        assert!(held.iter().all(|prefix| [4, EXTRANONCE_SIZE].contains(&prefix.as_bytes().len())));
    }

    #[test]
    fn a_closed_channel_gives_its_space_back() {
        let space = Extranonces::new(0).unwrap();
        let before = space.lock().allocated_count();
        drop(space.standard().unwrap());
        assert_eq!(space.lock().allocated_count(), before);
    }

    /// The header of a share that was credited must not be new again in another channel
    /// while its job lives.
    #[test]
    fn space_that_was_given_back_is_the_last_to_be_handed_out_again() {
        let space = Extranonces::new(0).unwrap();
        let given_back = space.extended(8).unwrap().as_bytes().to_vec();
        for _ in 0..10_000 {
            assert_ne!(space.extended(8).unwrap().as_bytes(), given_back);
        }
    }

    #[test]
    fn more_extranonce_than_there_is_is_refused() {
        let space = Extranonces::new(0).unwrap();
        assert!(matches!(space.extended(13), Err(ExtranonceFault::TooLarge { asked: 13, granted: 12 })));
    }
}
