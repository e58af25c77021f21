//! Which shares the check of the pool's ledger is to look for: the header hashes of those that
//! the pool has accepted, from the jobs that they were mined on.

use super::job::JobNews;
use crate::check::Checker;
use std::collections::VecDeque;
use translator::upstream::Share;
use work::Header;

/// The jobs of one channel at the pool, newest last.
#[derive(Debug, Default)]
pub(super) struct Jobs(VecDeque<JobNews>);

/// A share of an older job is not watched.
const KEPT: usize = 32;

impl Jobs {
    /// The channel was told this job.
    pub(super) fn push(&mut self, news: JobNews) {
        if self.0.len() >= KEPT {
            self.0.pop_front();
        }
        self.0.push_back(news);
    }

    /// The pool has accepted a share of it, sent by `user`.
    pub(super) fn accepted(&self, checker: &Checker, user: &str, share: &Share) {
        let Some(news) = self.0.iter().rev().find(|news| news.id == share.job) else { return };
        let (job, fields) = (&news.job, &share.submission);
        let header = Header {
            version: fields.version,
            prev_hash: job.tip.prev_hash,
            merkle_root: job.work.merkle_root(&[news.prefix.as_bytes(), share.rolled.as_bytes()]),
            ntime: fields.ntime,
            nbits: job.tip.nbits,
            nonce: fields.nonce,
        };
        checker.accepted(user, header.hash(), news.target);
    }
}
