//! Finding a share, good or bad, by trying nonces.

use super::{Channel, ChannelKind, Job, PrevHash, arithmetic, message};
use anyhow::{Context, Result, bail};
use mining_sv2::{
    MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, SubmitSharesExtended,
    SubmitSharesStandard,
};

/// What the hash should be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Meets the share target; may be a block.
    Share,
    /// Meets the share target but is no block.
    ShareButNoBlock,
    /// Meets the share target and is a block.
    Block,
    /// Misses the share target.
    Miss,
}

/// A share to submit. Fields may be changed to make a bad one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// Channel to submit it on.
    pub channel_id: u32,
    /// Job it is for.
    pub job_id: u32,
    /// Header nonce.
    pub nonce: u32,
    /// Header time.
    pub ntime: u32,
    /// Header version.
    pub version: u32,
    /// The rolled part of the extranonce; `None` on standard channels.
    pub extranonce: Option<Vec<u8>>,
    /// The block hash, internal byte order.
    pub hash: [u8; 32],
}

/// How to look for a share. Starts from what an honest miner does; change what the test
/// is about.
#[derive(Clone, Debug)]
pub struct Search {
    channel_id: u32,
    job: Job,
    tip: PrevHash,
    ntime: u32,
    version: u32,
    extranonce: Option<Vec<u8>>,
    wanted: Wanted,
    first_nonce: u32,
}

impl Search {
    /// On the current job of `channel`, starting after the last nonce found there.
    ///
    /// # Errors
    /// When the channel has no work.
    pub fn new(channel: &Channel) -> Result<Search> {
        let (job, tip) = channel.work()?;
        Ok(Search::on(channel, job, tip))
    }

    /// On another job of the channel: an older one, or one that is still future.
    ///
    /// # Errors
    /// When the channel has no such job.
    pub fn on_job(channel: &Channel, job_id: u32) -> Result<Search> {
        let job = channel.jobs.get(&job_id).with_context(|| format!("no job {job_id}"))?;
        Ok(Search::on(channel, job, channel.prev_hash.context("the channel has no prev-hash yet")?))
    }

    fn on(channel: &Channel, job: &Job, tip: PrevHash) -> Search {
        Search {
            channel_id: channel.id,
            ntime: channel.min_ntime(job),
            version: job.version,
            extranonce: match channel.kind {
                ChannelKind::Standard => None,
                ChannelKind::Extended => Some(vec![0; channel.rolled_size]),
            },
            job: job.clone(),
            tip,
            wanted: Wanted::Share,
            first_nonce: channel.next_nonce,
        }
    }

    /// What the hash should be like; [`Wanted::Share`] unless set.
    #[must_use]
    pub fn wanted(mut self, wanted: Wanted) -> Search {
        self.wanted = wanted;
        self
    }

    /// Header time; the smallest allowed one unless set.
    #[must_use]
    pub fn ntime(mut self, ntime: u32) -> Search {
        self.ntime = ntime;
        self
    }

    /// Header version; the job's unless set.
    #[must_use]
    pub fn version(mut self, version: u32) -> Search {
        self.version = version;
        self
    }

    /// The rolled part of the extranonce; zeros unless set.
    #[must_use]
    pub fn extranonce(mut self, rolled: Vec<u8>) -> Search {
        self.extranonce = Some(rolled);
        self
    }

    /// The parent block (internal byte order) to put into the header; the current one
    /// unless set.
    #[must_use]
    pub fn prev_hash(mut self, hash: [u8; 32]) -> Search {
        self.tip.hash = hash;
        self
    }

    /// The share target, little-endian; the job's unless set.
    #[must_use]
    pub fn target(mut self, target: [u8; 32]) -> Search {
        self.job.target = target;
        self
    }

    /// The nonce to start from.
    #[must_use]
    pub fn first_nonce(mut self, nonce: u32) -> Search {
        self.first_nonce = nonce;
        self
    }

    /// Tries nonces until one fits.
    ///
    /// # Errors
    /// When none is found in some seconds' worth of hashes.
    pub fn find(self) -> Result<Share> {
        const MOST_HASHES: u32 = 100_000_000;
        let network_target = arithmetic::network_target(self.tip.nbits);
        let root = self.job.merkle_root(self.extranonce.as_deref().unwrap_or_default());
        let mut header = arithmetic::header(self.version, &self.tip.hash, &root, self.ntime, self.tip.nbits);
        for tried in 0..MOST_HASHES {
            let nonce = self.first_nonce.wrapping_add(tried);
            let hash = arithmetic::hash_with_nonce(&mut header, nonce);
            let share = arithmetic::meets(&hash, &self.job.target);
            let block = arithmetic::meets(&hash, &network_target);
            let fits = match self.wanted {
                Wanted::Share => share,
                Wanted::ShareButNoBlock => share && !block,
                Wanted::Block => share && block,
                Wanted::Miss => !share,
            };
            if fits {
                return Ok(Share {
                    channel_id: self.channel_id,
                    job_id: self.job.id,
                    nonce,
                    ntime: self.ntime,
                    version: self.version,
                    extranonce: self.extranonce,
                    hash,
                });
            }
        }
        bail!("no {:?} in {MOST_HASHES} hashes; is the difficulty what the test expects?", self.wanted)
    }
}

impl Share {
    /// Its hash as block explorers and Bitcoin Core show it.
    pub fn display_hash(&self) -> String {
        arithmetic::display(&self.hash)
    }

    /// The type and the payload of the message that submits it.
    ///
    /// # Errors
    /// When its extranonce is longer than the protocol allows.
    pub fn message(&self, sequence_number: u32) -> Result<(u8, Vec<u8>)> {
        let Share { channel_id, job_id, nonce, ntime, version, .. } = *self;
        match &self.extranonce {
            None => {
                let submit =
                    SubmitSharesStandard { channel_id, sequence_number, job_id, nonce, ntime, version };
                Ok((MESSAGE_TYPE_SUBMIT_SHARES_STANDARD, message::bytes(submit)?))
            }
            Some(rolled) => {
                let extranonce = rolled.as_slice().try_into().map_err(message::codec_error)?;
                let submit = SubmitSharesExtended {
                    channel_id,
                    sequence_number,
                    job_id,
                    nonce,
                    ntime,
                    version,
                    extranonce,
                };
                Ok((MESSAGE_TYPE_SUBMIT_SHARES_EXTENDED, message::bytes(submit)?))
            }
        }
    }
}
