//! A job of the pool's on its tip, as one value that all miners of it share.

use std::sync::{Arc, OnceLock};
use translator::sv1::notice::JobText;
use translator::upstream::Job;
use work::{Extranonce, JobWork, SplitCoinbase, Target, Tip};

/// A job that can be mined.
#[derive(Debug)]
pub(super) struct TipJob {
    /// The pool's id of it.
    pub(super) id: u32,
    /// What recomputes the header.
    pub(super) work: JobWork,
    /// What it builds on.
    pub(super) tip: Tip,
    /// Where the time starts.
    pub(super) ntime: u32,
    /// The shared part of SV1's `mining.notify`, once an SV1 miner has it.
    text: OnceLock<Arc<JobText>>,
}

/// A job as one miner is told it: with the terms that hold for it.
#[derive(Clone, Debug)]
pub(super) struct JobNews {
    /// The job.
    pub(super) job: Arc<TipJob>,
    /// The id that shares of it name.
    pub(super) id: u32,
    /// Extranonce bytes that are the pool's.
    pub(super) prefix: Extranonce,
    /// What its shares have to meet.
    pub(super) target: Target,
}

/// A job as it came, not on a tip yet.
#[derive(Debug)]
pub(super) struct RawJob {
    pub(super) id: u32,
    pub(super) version: u32,
    pub(super) version_rolling: bool,
    /// Before and after the extranonce.
    pub(super) coinbase: (Vec<u8>, Vec<u8>),
    pub(super) path: Vec<work::Hash256>,
}

impl RawJob {
    /// The job on `tip`, for channels whose whole extranonce has `extranonce_size` bytes.
    pub(super) fn on(&self, tip: Tip, ntime: u32, extranonce_size: usize) -> Arc<TipJob> {
        let (prefix, suffix) = self.coinbase.clone();
        let coinbase = SplitCoinbase { prefix, suffix, extranonce_size, witness: None };
        let work = JobWork::new(self.version, self.version_rolling, coinbase, self.path.clone());
        Arc::new(TipJob::new(self.id, work, tip, ntime))
    }
}

impl TipJob {
    /// A job of these parts.
    pub(super) fn new(id: u32, work: JobWork, tip: Tip, ntime: u32) -> TipJob {
        TipJob { id, work, tip, ntime, text: OnceLock::new() }
    }

    /// Bytes of the whole extranonce.
    pub(super) fn extranonce_size(&self) -> usize {
        self.work.coinbase().extranonce_size
    }

    fn text(&self) -> Arc<JobText> {
        let write = || {
            let coinbase = self.work.coinbase();
            JobText::new(&self.tip.prev_hash, (&coinbase.prefix, &coinbase.suffix), self.work.merkle_path())
        };
        self.text.get_or_init(write).clone()
    }
}

impl JobNews {
    /// As an SV1 session takes it.
    pub(super) fn for_sv1(&self) -> Job {
        let job = &self.job;
        Job {
            id: self.id,
            text: job.text(),
            prev_hash: job.tip.prev_hash,
            version: job.work.version(),
            version_rolling: job.work.version_rolling(),
            nbits: job.tip.nbits,
            ntime: job.ntime,
        }
    }
}
