//! The six bytes in front of every Stratum V2 message (SV2 section 3.2).

/// What a frame header says. On the wire six bytes, little-endian:
/// extension type (16 bits, the highest is the channel_msg bit), message type
/// (8 bits), payload length (24 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Extension that the message belongs to, without the channel_msg bit.
    pub extension_type: u16,
    /// Whether the payload starts with a channel id (U32). The bit takes no part in
    /// looking up the extension (SV2 section 3.2.1).
    pub channel_msg: bool,
    /// Message type within the extension.
    pub msg_type: u8,
    /// Payload length in bytes, before encryption; at most [`FrameHeader::MAX_LENGTH`].
    pub length: u32,
}

/// A received message, decrypted in place in the buffer of its reader.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What kind of message it is.
    pub header: FrameHeader,
    /// The serialised message, `header.length` bytes. Mutable because the borrowing
    /// parsers of `binary_sv2` want it so.
    pub payload: &'a mut [u8],
}

const CHANNEL_MSG: u16 = 0x8000;

impl FrameHeader {
    /// Bytes of a header on the wire, before encryption.
    pub const SIZE: usize = 6;
    /// Largest payload length that 24 bits can say.
    pub const MAX_LENGTH: u32 = 0x00ff_ffff;

    /// To wire bytes. Bits that have no place on the wire (the top bit of
    /// `extension_type`, the top byte of `length`) are left out.
    pub fn to_bytes(self) -> [u8; FrameHeader::SIZE] {
        let channel_msg = if self.channel_msg { CHANNEL_MSG } else { 0 };
        let [ext_low, ext_high] = (self.extension_type & !CHANNEL_MSG | channel_msg).to_le_bytes();
        let [len_low, len_mid, len_high, _] = self.length.to_le_bytes();
        [ext_low, ext_high, self.msg_type, len_low, len_mid, len_high]
    }

    /// From wire bytes. Every six bytes are a header.
    pub fn from_bytes(bytes: [u8; FrameHeader::SIZE]) -> FrameHeader {
        let [ext_low, ext_high, msg_type, len_low, len_mid, len_high] = bytes;
        let extension = u16::from_le_bytes([ext_low, ext_high]);
        FrameHeader {
            extension_type: extension & !CHANNEL_MSG,
            channel_msg: extension & CHANNEL_MSG != 0,
            msg_type,
            length: u32::from_le_bytes([len_low, len_mid, len_high, 0]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn header_fields_stand_where_the_spec_puts_them() {
        let header =
            FrameHeader { extension_type: 0x0abc, channel_msg: true, msg_type: 0x1a, length: 0x030201 };
        assert_eq!(header.to_bytes(), [0xbc, 0x8a, 0x1a, 0x01, 0x02, 0x03]);
    }

    proptest! {
        #[test]
        fn six_bytes_survive_the_round_trip(bytes: [u8; 6]) {
            prop_assert_eq!(FrameHeader::from_bytes(bytes).to_bytes(), bytes);
        }
    }
}
