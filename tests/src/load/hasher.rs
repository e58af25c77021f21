//! Shares at about one hash each.
//!
//! The pool is what is measured, so it must not be spared: on extended channels every
//! share has another extranonce, and the pool has to hash a whole coinbase for it.

use crate::client::{Channel, Job, PrevHash, arithmetic};
use anyhow::Result;
use mining_sv2::{MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, MESSAGE_TYPE_SUBMIT_SHARES_STANDARD};

/// Makes shares on one channel.
pub struct Hasher {
    channel_id: u32,
    job: Job,
    tip: PrevHash,
    ntime: u32,
    header: [u8; 80],
    nonce: u32,
    /// The rolled part of the extranonce; empty on standard channels.
    rolled: Vec<u8>,
    rolls: u64,
}

/// A share as it is submitted, without a heap allocation.
pub struct Submission {
    bytes: [u8; 24 + 1 + 32],
    length: usize,
}

impl Hasher {
    /// On the current work of `channel`.
    ///
    /// # Errors
    /// When it has none.
    pub fn new(channel: &Channel) -> Result<Hasher> {
        let (job, tip) = channel.work()?;
        let mut hasher = Hasher {
            channel_id: channel.id,
            ntime: channel.min_ntime(job),
            job: job.clone(),
            tip,
            header: [0; 80],
            nonce: 0,
            rolled: vec![0; channel.rolled_size],
            rolls: 0,
        };
        hasher.renew_header();
        Ok(hasher)
    }

    /// Takes over the channel's current work after it has changed.
    ///
    /// # Errors
    /// When it has none.
    pub fn follow(&mut self, channel: &Channel) -> Result<()> {
        let (job, tip) = channel.work()?;
        if job.id != self.job.id || tip != self.tip {
            *self = Hasher { nonce: self.nonce, rolls: self.rolls, ..Hasher::new(channel)? };
            self.renew_header();
        }
        Ok(())
    }

    /// Message type of its shares.
    pub fn msg_type(&self) -> u8 {
        if self.rolled.is_empty() {
            MESSAGE_TYPE_SUBMIT_SHARES_STANDARD
        } else {
            MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED
        }
    }

    /// The next share; never the same twice.
    pub fn share(&mut self, sequence_number: u32) -> Submission {
        if !self.rolled.is_empty() {
            self.rolls += 1;
            let counter = self.rolls.to_le_bytes();
            let length = self.rolled.len().min(counter.len());
            self.rolled[..length].copy_from_slice(&counter[..length]);
            self.renew_header();
        }
        loop {
            self.nonce = self.nonce.wrapping_add(1);
            let hash = arithmetic::hash_with_nonce(&mut self.header, self.nonce);
            if arithmetic::meets(&hash, &self.job.target) {
                return self.submission(sequence_number);
            }
        }
    }

    fn renew_header(&mut self) {
        let root = self.job.merkle_root(&self.rolled);
        self.header = arithmetic::header(self.job.version, &self.tip.hash, &root, self.ntime, self.tip.nbits);
    }

    fn submission(&self, sequence_number: u32) -> Submission {
        let mut bytes = [0; 24 + 1 + 32];
        let fields =
            [self.channel_id, sequence_number, self.job.id, self.nonce, self.ntime, self.job.version];
        for (place, field) in bytes.chunks_exact_mut(4).zip(fields) {
            place.copy_from_slice(&field.to_le_bytes());
        }
        if self.rolled.is_empty() {
            return Submission { bytes, length: 24 };
        }
        let end = 25 + self.rolled.len();
        bytes[24] = self.rolled.len() as u8;
        bytes[25..end].copy_from_slice(&self.rolled);
        Submission { bytes, length: end }
    }
}

impl Submission {
    /// The message's payload.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}
