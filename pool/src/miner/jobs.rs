//! A client's view of its channel: which jobs it holds and which one counts.
//!
//! The rules are SV2 sections 5.3.15 to 5.3.17 and 5.3.21: a job with `min_ntime` is
//! mined at once; one without waits for the `SetNewPrevHash` that names it; that
//! message makes all others invalid; a target holds for jobs activated after it.

use std::collections::BTreeMap;
use work::{Extranonce, Hash256, Header, JobWork, Target, Tip};

/// What a job fixes about the merkle root.
#[derive(Clone, Debug)]
pub enum Root {
    /// A standard job: the root itself.
    Fixed(Hash256),
    /// An extended job: the coinbase around the extranonce.
    Rolled(Box<JobWork>),
}

/// A job as it was sent.
#[derive(Clone, Debug)]
pub struct HeldJob {
    /// Its id.
    pub id: u32,
    /// Header version before rolling.
    pub version: u32,
    /// What fixes the merkle root.
    pub root: Root,
    /// The extranonce prefix when it was sent.
    pub prefix: Extranonce,
}

/// A job to be hashed now.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// The job.
    pub job: HeldJob,
    /// What it builds on.
    pub tip: Tip,
    /// Smallest `nTime`.
    pub ntime: u32,
    /// What a share has to meet.
    pub target: Target,
    /// Bytes of extranonce to roll; none in a standard channel.
    pub rolled: usize,
    /// Which of the miner's channels it is for.
    pub channel: u64,
}

/// The state of one channel.
#[derive(Debug)]
pub struct ChannelJobs {
    /// Which of the miner's channels this is.
    channel: u64,
    target: Target,
    prefix: Extranonce,
    rolled: usize,
    tip: Option<Tip>,
    future: BTreeMap<u32, HeldJob>,
}

/// Future jobs kept; a pool that sends more has its oldest forgotten.
const MAX_FUTURE: usize = 8;

impl ChannelJobs {
    /// A channel as it was opened, the miner's `channel`-th.
    pub fn new(channel: u64, target: Target, prefix: Extranonce, rolled: usize) -> ChannelJobs {
        ChannelJobs { channel, target, prefix, rolled, tip: None, future: BTreeMap::new() }
    }

    /// After an outage: the terms of the job that follows. What was held in advance is sent
    /// again.
    pub fn resume(&mut self, target: Target, prefix: Extranonce) {
        self.target = target;
        self.prefix = prefix;
        self.future.clear();
    }

    /// The target of the next job.
    pub fn target(&self) -> Target {
        self.target
    }

    /// Bytes of the whole extranonce.
    pub fn extranonce_size(&self) -> usize {
        self.prefix.len() + self.rolled
    }

    /// The target for the next job.
    pub fn set_target(&mut self, target: Target) {
        self.target = target;
    }

    /// The extranonce prefix for the next job.
    pub fn set_prefix(&mut self, prefix: Extranonce) {
        self.prefix = prefix;
    }

    /// Takes a job. With `min_ntime` it is to be mined at once, if there is a tip.
    pub fn new_job(
        &mut self,
        id: u32,
        version: u32,
        root: Root,
        min_ntime: Option<u32>,
    ) -> Option<Assignment> {
        let job = HeldJob { id, version, root, prefix: self.prefix };
        match min_ntime {
            Some(ntime) => self.tip.map(|tip| self.assignment(job, tip, ntime)),
            None => {
                self.future.insert(id, job);
                if self.future.len() > MAX_FUTURE {
                    self.future.pop_first();
                }
                None
            }
        }
    }

    /// Takes a new tip; the future job that it names is to be mined at once.
    pub fn new_prev_hash(
        &mut self,
        job_id: u32,
        prev_hash: Hash256,
        ntime: u32,
        nbits: u32,
    ) -> Option<Assignment> {
        let tip = Tip { prev_hash, nbits, network_target: Target::from_compact(nbits), min_ntime: ntime };
        self.tip = Some(tip);
        let job = self.future.remove(&job_id);
        self.future.clear();
        job.map(|job| self.assignment(job, tip, ntime))
    }

    fn assignment(&self, job: HeldJob, tip: Tip, ntime: u32) -> Assignment {
        Assignment { job, tip, ntime, target: self.target, rolled: self.rolled, channel: self.channel }
    }
}

impl Assignment {
    /// The header with `extranonce` rolled, nonce zero.
    pub fn header(&self, extranonce: &[u8]) -> Header {
        let merkle_root = match &self.job.root {
            Root::Fixed(root) => *root,
            Root::Rolled(work) => work.merkle_root(&[self.job.prefix.as_bytes(), extranonce]),
        };
        Header {
            version: self.job.version,
            prev_hash: self.tip.prev_hash,
            merkle_root,
            ntime: self.ntime,
            nbits: self.tip.nbits,
            nonce: 0,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn channel() -> ChannelJobs {
        ChannelJobs::new(1, Target::MAX, Extranonce::new(&[1; 16]).unwrap(), 0)
    }

    fn root(byte: u8) -> Root {
        Root::Fixed(Hash256([byte; 32]))
    }

    #[test]
    fn a_future_job_waits_for_its_prev_hash() {
        let mut jobs = channel();
        assert!(jobs.new_job(1, 0, root(1), None).is_none());
        let assignment = jobs.new_prev_hash(1, Hash256([9; 32]), 50, 0x207f_ffff).unwrap();
        assert_eq!((assignment.job.id, assignment.ntime), (1, 50));
    }

    #[test]
    fn a_new_prev_hash_makes_other_jobs_invalid() {
        let mut jobs = channel();
        jobs.new_job(1, 0, root(1), None);
        jobs.new_job(2, 0, root(2), None);
        assert!(jobs.new_prev_hash(2, Hash256([9; 32]), 50, 0x207f_ffff).is_some());
        assert!(jobs.new_prev_hash(1, Hash256([8; 32]), 60, 0x207f_ffff).is_none());
    }

    #[test]
    fn a_target_holds_for_jobs_activated_after_it() {
        let mut jobs = channel();
        jobs.new_job(1, 0, root(1), None);
        let first = jobs.new_prev_hash(1, Hash256([9; 32]), 50, 0x207f_ffff).unwrap();
        jobs.new_job(2, 0, root(2), None);
        jobs.set_target(Target::DIFFICULTY_1);
        let future = jobs.new_prev_hash(2, Hash256([8; 32]), 60, 0x207f_ffff).unwrap();
        assert_eq!((first.target, future.target), (Target::MAX, Target::DIFFICULTY_1));
    }
}
