//! The messages of the hot path, read in place and written from the stack.
//!
//! Everything else goes through the `*_sv2` message crates; a share comes too often
//! for that, so its two messages are read here as borrowed views. All integers are
//! little-endian (SV2 section 3.1).

pub mod audit;
pub mod keep_alive;
pub mod tlv;

/// One share as it came over the wire (SV2 sections 5.3.11 and 5.3.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubmitShares<'a> {
    /// Channel that submits.
    pub channel_id: u32,
    /// The client's own counter, echoed in the answer.
    pub sequence_number: u32,
    /// Job that was worked on.
    pub job_id: u32,
    /// Header nonce.
    pub nonce: u32,
    /// Header time, seconds since the epoch.
    pub ntime: u32,
    /// Header version.
    pub version: u32,
    /// The rolled part of the extranonce; `None` in `SubmitSharesStandard`.
    pub extranonce: Option<&'a [u8]>,
    /// What follows the message proper: the TLV fields of extensions.
    pub tlvs: &'a [u8],
}

impl<'a> SubmitShares<'a> {
    /// Reads the payload of `SubmitSharesStandard`; `None` when it is too short.
    pub fn standard(payload: &'a [u8]) -> Option<Self> {
        let (fields, tlvs) = payload.split_first_chunk::<24>()?;
        let word = |index: usize| {
            fields.chunks_exact(4).nth(index).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes)
        };
        Some(SubmitShares {
            channel_id: word(0)?,
            sequence_number: word(1)?,
            job_id: word(2)?,
            nonce: word(3)?,
            ntime: word(4)?,
            version: word(5)?,
            extranonce: None,
            tlvs,
        })
    }

    /// Reads the payload of `SubmitSharesExtended`; `None` when it is too short or
    /// its extranonce is longer than 32 bytes.
    pub fn extended(payload: &'a [u8]) -> Option<Self> {
        let share = SubmitShares::standard(payload)?;
        let (length, rest) = share.tlvs.split_first()?;
        let (extranonce, tlvs) = rest.split_at_checked(usize::from(*length))?;
        (extranonce.len() <= 32).then_some(SubmitShares { extranonce: Some(extranonce), tlvs, ..share })
    }
}

/// The payload of `SubmitShares.Success` (SV2 section 5.3.13).
pub fn submit_shares_success(
    channel_id: u32,
    last_sequence_number: u32,
    accepted: u32,
    sum: u64,
) -> [u8; 20] {
    let mut payload = [0; 20];
    fill(
        &mut payload,
        &[
            &channel_id.to_le_bytes(),
            &last_sequence_number.to_le_bytes(),
            &accepted.to_le_bytes(),
            &sum.to_le_bytes(),
        ],
    );
    payload
}

/// The fields of a job message that differ between receivers: channel, job and the
/// optional `min_ntime` (absent for a future job). 9 or 13 bytes.
#[derive(Clone, Copy, Debug)]
pub struct JobHead {
    bytes: [u8; 13],
    length: usize,
}

impl JobHead {
    /// The head for `channel_id`; `min_ntime` absent makes it a future job.
    pub fn new(channel_id: u32, job_id: u32, min_ntime: Option<u32>) -> JobHead {
        let mut bytes = [0; 13];
        let occupied = u8::from(min_ntime.is_some());
        fill(
            &mut bytes,
            &[
                &channel_id.to_le_bytes(),
                &job_id.to_le_bytes(),
                &[occupied],
                &min_ntime.unwrap_or_default().to_le_bytes(),
            ],
        );
        JobHead { bytes, length: if min_ntime.is_some() { 13 } else { 9 } }
    }

    /// The bytes as they stand on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

/// The payload of `SetNewPrevHash` (SV2 section 5.3.17).
pub fn set_new_prev_hash(
    channel_id: u32,
    job_id: u32,
    prev_hash: &[u8; 32],
    min_ntime: u32,
    nbits: u32,
) -> [u8; 48] {
    let mut payload = [0; 48];
    fill(
        &mut payload,
        &[
            &channel_id.to_le_bytes(),
            &job_id.to_le_bytes(),
            prev_hash,
            &min_ntime.to_le_bytes(),
            &nbits.to_le_bytes(),
        ],
    );
    payload
}

/// The payload of `SetTarget` (SV2 section 5.3.21).
pub fn set_target(channel_id: u32, target_le: &[u8; 32]) -> [u8; 36] {
    let mut payload = [0; 36];
    fill(&mut payload, &[&channel_id.to_le_bytes(), target_le]);
    payload
}

/// A `STR0_255`: its length byte and its bytes, cut at 255.
pub fn short_string(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let bytes = bytes.get(..255).unwrap_or(bytes);
    let length = u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    [&[length], bytes].concat()
}

/// Writes `fields` one after the other into `payload`, which must hold them all.
fn fill(payload: &mut [u8], fields: &[&[u8]]) {
    let mut rest = payload;
    for field in fields {
        let (head, tail) = rest.split_at_mut(field.len());
        head.copy_from_slice(field);
        rest = tail;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
    use super::*;
    use binary_sv2::{from_bytes, to_bytes};
    use mining_sv2::{
        NewMiningJob, SetNewPrevHash, SetTarget, SubmitSharesExtended, SubmitSharesStandard,
        SubmitSharesSuccess,
    };
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn standard_shares_read_as_the_reference_crate_writes_them(words: [u32; 6]) {
            let [channel_id, sequence_number, job_id, nonce, ntime, version] = words;
            let message = SubmitSharesStandard { channel_id, sequence_number, job_id, nonce, ntime, version };
            let bytes = to_bytes(message).unwrap();
            let share = SubmitShares::standard(&bytes).unwrap();
            prop_assert_eq!(
                [share.channel_id, share.sequence_number, share.job_id, share.nonce, share.ntime, share.version],
                words
            );
            prop_assert!(share.tlvs.is_empty());
        }

        #[test]
        fn extended_shares_read_as_the_reference_crate_writes_them(
            words: [u32; 6],
            extranonce in prop::collection::vec(any::<u8>(), 0..=32),
        ) {
            let [channel_id, sequence_number, job_id, nonce, ntime, version] = words;
            let message = SubmitSharesExtended {
                channel_id, sequence_number, job_id, nonce, ntime, version,
                extranonce: extranonce.as_slice().try_into().unwrap(),
            };
            let bytes = to_bytes(message).unwrap();
            let share = SubmitShares::extended(&bytes).unwrap();
            prop_assert_eq!(share.extranonce.unwrap(), extranonce.as_slice());
            prop_assert_eq!(share.version, version);
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = SubmitShares::standard(&bytes);
            let _ = SubmitShares::extended(&bytes);
        }
    }

    #[test]
    fn written_messages_read_back_with_the_reference_crate() {
        let mut bytes = submit_shares_success(1, 2, 3, 4);
        let success: SubmitSharesSuccess = from_bytes(&mut bytes).unwrap();
        assert_eq!(
            (
                success.channel_id,
                success.last_sequence_number,
                success.new_submits_accepted_count,
                success.new_shares_sum
            ),
            (1, 2, 3, 4)
        );

        let mut bytes = set_new_prev_hash(7, 8, &[9; 32], 10, 11);
        let message: SetNewPrevHash = from_bytes(&mut bytes).unwrap();
        assert_eq!((message.channel_id, message.job_id, message.min_ntime, message.nbits), (7, 8, 10, 11));

        let mut bytes = set_target(5, &[6; 32]);
        let message: SetTarget = from_bytes(&mut bytes).unwrap();
        assert_eq!(message.channel_id, 5);

        for min_ntime in [None, Some(77)] {
            let tail = [&1u32.to_le_bytes()[..], &[2; 32]].concat();
            let mut bytes = [JobHead::new(3, 4, min_ntime).as_bytes(), &tail].concat();
            let job: NewMiningJob = from_bytes(&mut bytes).unwrap();
            assert_eq!((job.channel_id, job.job_id, job.is_future()), (3, 4, min_ntime.is_none()));
        }
    }
}
