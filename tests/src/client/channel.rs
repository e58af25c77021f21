//! The books of one channel.

use super::{Message, arithmetic};
use anyhow::{Context, Result, bail, ensure};
use bitcoin::{Transaction, consensus};
use mining_sv2::{OpenExtendedMiningChannelSuccessOwned, OpenStandardMiningChannelSuccessOwned};
use std::collections::BTreeMap;

/// A channel as a miner sees it.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Its id on this connection.
    pub id: u32,
    /// Standard or extended.
    pub kind: ChannelKind,
    /// The group it belongs to.
    pub group_id: u32,
    /// Target of jobs that come from now on, little-endian.
    pub target: [u8; 32],
    /// Part of the extranonce that the pool sets, for jobs that come from now on.
    pub extranonce_prefix: Vec<u8>,
    /// Bytes of the extranonce that the miner sets; 0 on standard channels.
    pub rolled_size: usize,
    /// Every job since the last prev-hash, and the future ones.
    pub jobs: BTreeMap<u32, Job>,
    /// The job to work on.
    pub current_job: Option<u32>,
    /// What it builds on.
    pub prev_hash: Option<PrevHash>,
    pub(crate) next_nonce: u32,
}

/// What a channel may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// Header-only mining.
    Standard,
    /// The miner rolls part of the extranonce.
    Extended,
}

/// A job as it came.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its id on the channel.
    pub id: u32,
    /// Header version.
    pub version: u32,
    /// Smallest header time; `None` for a job of a future block.
    pub min_ntime: Option<u32>,
    /// The channel's target when the job came, little-endian.
    pub target: [u8; 32],
    /// The channel's extranonce prefix when the job came.
    pub extranonce_prefix: Vec<u8>,
    /// How to get at the merkle root.
    pub body: JobBody,
}

/// What the merkle root is made of.
#[derive(Clone, Debug)]
pub enum JobBody {
    /// NewMiningJob holds it.
    Root([u8; 32]),
    /// NewExtendedMiningJob holds the coinbase around the extranonce.
    Coinbase {
        /// Before the extranonce.
        prefix: Vec<u8>,
        /// After the extranonce.
        suffix: Vec<u8>,
        /// Siblings, deepest first.
        path: Vec<[u8; 32]>,
        /// Whether BIP323 bits may be rolled.
        version_rolling_allowed: bool,
    },
}

/// What SetNewPrevHash said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrevHash {
    /// The parent block, internal byte order.
    pub hash: [u8; 32],
    /// Smallest header time.
    pub min_ntime: u32,
    /// Network target.
    pub nbits: u32,
}

impl Channel {
    pub(crate) fn standard(open: &OpenStandardMiningChannelSuccessOwned) -> Result<Channel> {
        ensure!(open.channel_id != open.group_channel_id, "channel and group have the same id");
        Ok(Channel {
            id: open.channel_id,
            kind: ChannelKind::Standard,
            group_id: open.group_channel_id,
            target: open.target.to_array(),
            extranonce_prefix: open.extranonce_prefix.as_bytes().to_vec(),
            rolled_size: 0,
            jobs: BTreeMap::new(),
            current_job: None,
            prev_hash: None,
            next_nonce: 0,
        })
    }

    pub(crate) fn extended(open: &OpenExtendedMiningChannelSuccessOwned) -> Result<Channel> {
        ensure!(open.channel_id != open.group_channel_id, "channel and group have the same id");
        Ok(Channel {
            id: open.channel_id,
            kind: ChannelKind::Extended,
            group_id: open.group_channel_id,
            target: open.target.to_array(),
            extranonce_prefix: open.extranonce_prefix.as_bytes().to_vec(),
            rolled_size: open.extranonce_size.into(),
            jobs: BTreeMap::new(),
            current_job: None,
            prev_hash: None,
            next_nonce: 0,
        })
    }

    /// The current job and what it builds on.
    ///
    /// # Errors
    /// When the channel has no work yet.
    pub fn work(&self) -> Result<(&Job, PrevHash)> {
        let job = self.current_job.and_then(|id| self.jobs.get(&id)).context("the channel has no job yet")?;
        Ok((job, self.prev_hash.context("the channel has no prev-hash yet")?))
    }

    /// Whether it works on top of `parent` (display order).
    pub fn mines_on(&self, parent: &str) -> bool {
        self.work().is_ok_and(|(_, tip)| arithmetic::display(&tip.hash) == parent)
    }

    /// Whether its current job holds transactions besides the coinbase; false where the
    /// miner sees only a merkle root.
    pub fn pays_fees(&self) -> bool {
        let path = |job: &Job| matches!(&job.body, JobBody::Coinbase { path, .. } if !path.is_empty());
        self.work().is_ok_and(|(job, _)| path(job))
    }

    /// The newest job that is still for the next block.
    pub fn future_job(&self) -> Option<&Job> {
        self.jobs.values().rev().find(|job| job.min_ntime.is_none() && Some(job.id) != self.current_job)
    }

    /// The smallest header time for `job` now.
    pub fn min_ntime(&self, job: &Job) -> u32 {
        job.min_ntime.or(self.prev_hash.map(|tip| tip.min_ntime)).unwrap_or(0)
    }

    /// Enters a message for this channel into the books.
    pub(crate) fn take(&mut self, message: &Message) -> Result<()> {
        match message {
            Message::NewMiningJob(job) => {
                let min_ntime = job.min_ntime.as_ref().copied();
                self.add_job(job.job_id, job.version, min_ntime, JobBody::Root(job.merkle_root.to_array()))
            }
            Message::NewExtendedMiningJob(job) => {
                let body = JobBody::Coinbase {
                    prefix: job.coinbase_tx_prefix.as_bytes().to_vec(),
                    suffix: job.coinbase_tx_suffix.as_bytes().to_vec(),
                    path: job.merkle_path.iter().map(|leaf| leaf.to_array()).collect(),
                    version_rolling_allowed: job.version_rolling_allowed,
                };
                self.add_job(job.job_id, job.version, job.min_ntime.as_ref().copied(), body)
            }
            Message::SetNewPrevHash(tip) => {
                let future = self.jobs.get(&tip.job_id).is_some_and(|job| job.min_ntime.is_none());
                ensure!(future, "SetNewPrevHash names job {}, which was not sent as future", tip.job_id);
                self.jobs.retain(|id, _| *id == tip.job_id);
                self.current_job = Some(tip.job_id);
                self.prev_hash = Some(PrevHash {
                    hash: tip.prev_hash.to_array(),
                    min_ntime: tip.min_ntime,
                    nbits: tip.nbits,
                });
                Ok(())
            }
            Message::SetTarget(target) => {
                self.target = target.maximum_target.to_array();
                // Applies to jobs that are not active yet (SV2 section 5.3.21).
                for (_, job) in self.jobs.iter_mut().filter(|(id, _)| Some(**id) != self.current_job) {
                    if job.min_ntime.is_none() {
                        job.target = self.target;
                    }
                }
                Ok(())
            }
            Message::SetExtranoncePrefix(set) => {
                self.extranonce_prefix = set.extranonce_prefix.as_bytes().to_vec();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn add_job(&mut self, id: u32, version: u32, min_ntime: Option<u32>, body: JobBody) -> Result<()> {
        let (target, extranonce_prefix) = (self.target, self.extranonce_prefix.clone());
        let job = Job { id, version, min_ntime, target, extranonce_prefix, body };
        ensure!(self.jobs.insert(id, job).is_none(), "job id {id} came twice on channel {}", self.id);
        if min_ntime.is_some() {
            self.current_job = Some(id);
        }
        Ok(())
    }
}

impl Job {
    /// The coinbase transaction with `rolled` as the miner's part of the extranonce;
    /// without its witness, as miners see it.
    ///
    /// # Errors
    /// When the job has only a merkle root, or the pieces are no transaction.
    pub fn coinbase(&self, rolled: &[u8]) -> Result<Transaction> {
        let JobBody::Coinbase { prefix, suffix, .. } = &self.body else {
            bail!("job {} has no coinbase but a merkle root", self.id);
        };
        let bytes = [prefix, self.extranonce_prefix.as_slice(), rolled, suffix].concat();
        Ok(consensus::encode::deserialize(&bytes)?)
    }

    /// The merkle root with `rolled` as the miner's part of the extranonce.
    pub fn merkle_root(&self, rolled: &[u8]) -> [u8; 32] {
        match &self.body {
            JobBody::Root(root) => *root,
            JobBody::Coinbase { prefix, suffix, path, .. } => {
                let txid = arithmetic::double_sha256(&[prefix, &self.extranonce_prefix, rolled, suffix]);
                arithmetic::merkle_root(txid, path.iter().map(|leaf| leaf.as_slice()))
            }
        }
    }
}
