//! What the uplink sends: payloads of SV2's mining protocol.

use crate::wire::{short_string, tlv};
use translator::upstream::{Share, Terms};
use work::{HashRate, Target};

/// Shares a minute that pools usually aim at: what a wished difficulty is as a hash rate.
const SHARES_PER_MINUTE: f64 = 6.0;

/// `OpenExtendedMiningChannel` (SV2 section 5.3.3).
pub(super) fn open(request_id: u32, user: &str, terms: &Terms, min_rolled: usize) -> Vec<u8> {
    let mut payload = request_id.to_le_bytes().to_vec();
    payload.extend_from_slice(&short_string(user));
    payload.extend_from_slice(&hash_rate(terms).to_le_bytes());
    payload.extend_from_slice(&easiest(terms).to_le_bytes());
    payload.extend_from_slice(&u16::try_from(min_rolled).unwrap_or(u16::MAX).to_le_bytes());
    payload
}

/// `UpdateChannel` (SV2 section 5.3.7).
pub(super) fn update(channel: u32, terms: &Terms) -> Vec<u8> {
    let mut payload = channel.to_le_bytes().to_vec();
    payload.extend_from_slice(&hash_rate(terms).to_le_bytes());
    payload.extend_from_slice(&easiest(terms).to_le_bytes());
    payload
}

/// `CloseChannel` (SV2 section 5.3.9).
pub(super) fn close(channel: u32) -> Vec<u8> {
    let mut payload = channel.to_le_bytes().to_vec();
    payload.extend_from_slice(&short_string("miner-gone"));
    payload
}

/// `SubmitSharesExtended` (SV2 section 5.3.12), with the worker's name where the pool takes it
/// (extension 0x0002).
pub(super) fn submit(channel: u32, sequence: u32, share: &Share, worker: Option<&str>) -> Vec<u8> {
    let fields = &share.submission;
    let words = [channel, sequence, share.job, fields.nonce, fields.ntime, fields.version];
    let mut payload: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    payload.push(u8::try_from(share.rolled.len()).unwrap_or(u8::MAX)); // at most 32
    payload.extend_from_slice(share.rolled.as_bytes());
    if let Some(worker) = worker {
        payload.extend_from_slice(&tlv::write_worker_name(worker));
    }
    payload
}

fn easiest(terms: &Terms) -> Target {
    Target::from_difficulty(terms.min_difficulty)
}

fn hash_rate(terms: &Terms) -> f32 {
    let HashRate(rate) =
        terms.start.map_or(terms.hash_rate, |start| HashRate(start.hashes() * SHARES_PER_MINUTE / 60.0));
    rate as f32
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::wire::SubmitShares;
    use mining_sv2::{CloseChannel, OpenExtendedMiningChannel, UpdateChannel};
    use work::{Difficulty, Extranonce, Submission};

    fn terms(start: Option<f64>) -> Terms {
        Terms { min_difficulty: Difficulty(1.0), start: start.map(Difficulty), hash_rate: HashRate(1e12) }
    }

    #[test]
    fn the_reference_crate_reads_what_is_written() {
        let mut payload = open(7, "alice.rig", &terms(None), 12);
        let message: OpenExtendedMiningChannel<'_> = binary_sv2::from_bytes(&mut payload).unwrap();
        assert_eq!((message.request_id, message.user_identity.as_bytes()), (7, &b"alice.rig"[..]));
        assert_eq!((message.nominal_hash_rate, message.min_extranonce_size), (1e12, 12));
        assert_eq!(message.max_target.as_bytes(), Target::DIFFICULTY_1.to_le_bytes());

        let mut payload = update(9, &terms(Some(6.0)));
        let message: UpdateChannel<'_> = binary_sv2::from_bytes(&mut payload).unwrap();
        // Six of difficulty 6 a minute.
        assert!((f64::from(message.nominal_hash_rate) / (0.6 * 4_295_032_833.0) - 1.0).abs() < 1e-6);
        assert_eq!(message.channel_id, 9);

        let mut payload = close(9);
        let message: CloseChannel<'_> = binary_sv2::from_bytes(&mut payload).unwrap();
        assert_eq!(message.channel_id, 9);

        let submission = Submission { version: 1, ntime: 2, nonce: 3 };
        let rolled = Extranonce::new(&[5; 12]).unwrap();
        let payload = submit(9, 4, &Share { sequence: 77, job: 6, rolled, submission }, Some("garage"));
        let share = SubmitShares::extended(&payload).unwrap();
        assert_eq!((share.channel_id, share.sequence_number, share.job_id), (9, 4, 6));
        assert_eq!((share.version, share.ntime, share.nonce), (1, 2, 3));
        assert_eq!(share.extranonce, Some(&[5; 12][..]));
        assert_eq!(tlv::worker_name(share.tlvs), Ok(Some("garage")));
    }
}
