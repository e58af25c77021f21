//! Extension 0x5043, the ledger for members: its messages as they stand on the wire.
//!
//! `docs/extensions.md` says what they are for. All integers are little-endian; no message
//! has the channel_msg bit.

use crate::wire::keep_alive::take_u32;
use ledger::evidence::Cursor;

/// The extension's number, in the range that SV2 section 3.4 leaves to experiments.
pub const EXTENSION: u16 = 0x5043;

/// Message types.
pub mod message {
    /// [`Open`](super::Open), client to server.
    pub const OPEN: u8 = 0x00;
    /// Server to client: nothing in it.
    pub const OPEN_SUCCESS: u8 = 0x01;
    /// Server to client: an error code (STR0_255), then words for people (STR0_255).
    pub const OPEN_ERROR: u8 = 0x02;
    /// [`Next`](super::Next), client to server.
    pub const NEXT: u8 = 0x03;
    /// Server to client: bytes of the stream.
    pub const DATA: u8 = 0x04;
    /// Server to client: the answer to `Next` is complete; one byte, 1 if nothing was newer.
    pub const DONE: u8 = 0x05;
}

/// Error codes of `Open.Error`.
pub mod error_code {
    /// Too many listen already: try again later.
    pub const BUSY: &str = "busy";
    /// There are channels on this connection.
    pub const CHANNELS_OPEN: &str = "channels-open";
    /// The ledger cannot be read.
    pub const UNREADABLE: &str = "ledger-unreadable";
}

/// Bytes of the stream in one message at most.
pub const DATA_BYTES: usize = 32 * 1024;

/// Where to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// What comes first.
    pub cursor: Cursor,
    /// Slices before this one are told without their shares.
    pub whole_from: u64,
}

/// What may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Some so many bytes.
    pub bytes: u32,
    /// How long the pool may wait for news when there are none, in milliseconds.
    pub wait: u32,
}

impl Open {
    /// The payload.
    pub fn to_bytes(self) -> Vec<u8> {
        let Cursor { share, slice, entry } = self.cursor;
        [share, slice, entry, self.whole_from].map(u64::to_le_bytes).as_flattened().to_vec()
    }

    /// Reads a payload; `None` when it is too short or begins before the beginning.
    pub fn parse(payload: &[u8]) -> Option<Open> {
        let numbers: Vec<u64> =
            payload.as_chunks::<8>().0.iter().take(4).map(|bytes| u64::from_le_bytes(*bytes)).collect();
        let [share, slice, entry, whole_from] = *numbers.first_chunk::<4>()?;
        let cursor = Cursor { share, slice, entry };
        [share, slice, entry].iter().all(|number| *number > 0).then_some(Open { cursor, whole_from })
    }
}

impl Next {
    /// The payload.
    pub fn to_bytes(self) -> Vec<u8> {
        [self.bytes, self.wait].map(u32::to_le_bytes).as_flattened().to_vec()
    }

    /// Reads a payload; `None` when it is too short.
    pub fn parse(mut payload: &[u8]) -> Option<Next> {
        let from = &mut payload;
        Some(Next { bytes: take_u32(from)?, wait: take_u32(from)? })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn messages_come_back_as_they_were_written_and_cut_ones_do_not() {
        let open = Open { cursor: Cursor { share: 5, slice: 2, entry: 1 }, whole_from: u64::MAX };
        assert_eq!(Open::parse(&open.to_bytes()), Some(open));
        assert_eq!(Open::parse(&open.to_bytes()[..31]), None);
        assert_eq!(Open::parse(&[0; 32]), None);
        let next = Next { bytes: 1 << 18, wait: 5_000 };
        assert_eq!(Next::parse(&next.to_bytes()), Some(next));
        assert_eq!(Next::parse(&next.to_bytes()[..7]), None);
    }
}
