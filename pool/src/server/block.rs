//! From a share that is a block to Bitcoin Core.

use crate::channel::group::LiveJob;
use crate::job::Job;
use std::sync::Arc;
use template_provider::Solution;
use work::{Extranonce, Hash256, Submission};

/// A share that meets the network's target.
#[derive(Clone, Debug)]
pub struct FoundBlock {
    /// What the template source needs to put the block together.
    pub solution: Solution,
    /// The job that it was found on: its height, and whom its coinbase pays.
    pub job: Arc<Job>,
    /// Who found it.
    pub member: String,
    /// On which of their workers.
    pub worker: String,
}

impl FoundBlock {
    /// The block made from `live` with `extranonce` (the whole of it) and the rest of
    /// the share.
    pub fn new(
        live: &LiveJob,
        extranonce: &Extranonce,
        submission: &Submission,
        hash: Hash256,
        member: String,
        worker: String,
    ) -> FoundBlock {
        let solution = Solution {
            template_id: live.template_id,
            version: submission.version,
            ntime: submission.ntime,
            nonce: submission.nonce,
            coinbase: live.job.work.coinbase().to_block_bytes(extranonce.as_bytes()),
            hash,
        };
        FoundBlock { solution, job: live.job.clone(), member, worker }
    }
}
