//! A share as the ledger knows it: the little that is its own, and the context that it
//! has in common with the other shares of its channel on its job.

use crate::bytes::Writing;
use crate::job_record::{JobRecord, RecordError};
use crate::member::MAX_IDENTITY_BYTES;
use crate::registry::Filed;
use crate::share_work::Work;
use crate::tagged_hash::{Commitment, Tag};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};
use work::{Extranonce, Submission, Target};

/// What a share was mined under: by whom, on which job, at which target.
///
/// Made once for a channel and a job, and shared by all their shares: a share costs no
/// look-up and no allocation.
#[derive(Clone, Debug)]
pub struct ShareContext {
    terms: ShareTerms,
    work: Work,
    /// A hasher that has taken in the share tag and this context: one block of SHA-256, so
    /// that a share costs just one more.
    leaf: Sha256,
    /// Its numbers in the ledger, once it has been written down.
    pub(crate) filed: OnceLock<Filed>,
}

/// The parts of a [`ShareContext`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareTerms {
    /// The job.
    pub job: Arc<JobRecord>,
    /// The member's identity.
    pub member: Arc<str>,
    /// The worker's name; may be empty.
    pub worker: Arc<str>,
    /// The target at which its shares are credited.
    pub target: Target,
    /// The channel's part of the extranonce.
    pub extranonce_prefix: Extranonce,
}

/// What a miner sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The header's fields.
    pub submission: Submission,
    /// The part of the extranonce that the miner rolled; empty on a standard channel.
    pub rolled: Extranonce,
}

/// A share in the ledger.
#[derive(Clone, Debug)]
pub struct RecordedShare {
    /// Its place in the ledger, from 1, without gaps.
    pub sequence: u64,
    /// When the pool took it, seconds since the Unix epoch by its own clock; never before
    /// that of the share before it.
    pub received: u32,
    /// What was sent.
    pub share: Share,
    /// What it was mined under.
    pub context: Arc<ShareContext>,
}

impl ShareContext {
    /// Takes down what shares are mined under.
    ///
    /// # Errors
    /// [`RecordError`] when an identity is too long, or a share would weigh more than can
    /// be counted.
    pub fn new(terms: ShareTerms) -> Result<ShareContext, RecordError> {
        for (what, text) in [("a member's identity", &terms.member), ("a worker's name", &terms.worker)] {
            if text.len() > MAX_IDENTITY_BYTES {
                return Err(RecordError::TooLong { what, length: text.len(), most: MAX_IDENTITY_BYTES });
            }
        }
        let work = Work::of_target(terms.target);
        let fees = terms.job.template.fees;
        // A share as hard as a block of 2026 with 100 BTC of fees comes to 2^112; and sums of a
        // thousand such shares still fit, whatever else is in their slice.
        if work.times_fees(fees.max(1)).is_none_or(|product| product >> 116 != 0) {
            return Err(RecordError::Beyond { work: work.0, fees });
        }
        let leaf = Tag::Share.hasher().chain_update(terms.hash().0);
        Ok(ShareContext { terms, work, leaf, filed: OnceLock::new() })
    }

    /// What one share of it weighs.
    pub fn work(&self) -> Work {
        self.work
    }

    /// What it is made of.
    pub fn terms(&self) -> &ShareTerms {
        &self.terms
    }

    /// Bytes of extranonce that the miner rolls.
    pub fn rolled_size(&self) -> usize {
        usize::from(self.terms.job.extranonce_size).saturating_sub(self.terms.extranonce_prefix.len())
    }

    /// A share's leaf in its slice's tree: `H[share](context hash || version || ntime || nonce
    /// || received || rolled)`.
    pub fn leaf(&self, share: &Share, received: u32) -> Commitment {
        let Submission { version, ntime, nonce } = share.submission;
        let fields = [version, ntime, nonce, received].map(u32::to_le_bytes);
        let leaf =
            self.leaf.clone().chain_update(fields.as_flattened()).chain_update(share.rolled.as_bytes());
        Commitment(leaf.finalize().into())
    }
}

impl ShareTerms {
    /// `H[context]` of job hash, target, extranonce prefix, member and worker.
    pub fn hash(&self) -> Commitment {
        let mut bytes = Writing::default();
        bytes
            .raw(&self.job.hash().0)
            .raw(&self.target.to_le_bytes())
            .short(self.extranonce_prefix.as_bytes());
        bytes.short(self.member.as_bytes()).short(self.worker.as_bytes());
        Tag::Context.hash(&bytes.0)
    }
}

impl RecordedShare {
    /// Its leaf in its slice's tree.
    pub fn leaf(&self) -> Commitment {
        self.context.leaf(&self.share, self.received)
    }

    /// The whole extranonce; none when prefix and rolled part are more than 32 bytes.
    pub fn extranonce(&self) -> Option<Extranonce> {
        self.context.terms.extranonce_prefix.join(self.share.rolled.as_bytes()).ok()
    }

    /// Its header; none when its extranonce has not the size that the job has room for.
    pub fn header(&self) -> Option<work::Header> {
        let job = &self.context.terms.job;
        let extranonce = self.extranonce().filter(|whole| whole.len() == usize::from(job.extranonce_size))?;
        Some(job.header(extranonce.as_bytes(), &self.share.submission))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::job_record::tests::job;
    use work::Difficulty;

    pub(crate) fn terms(member: &str) -> ShareTerms {
        ShareTerms {
            job: job(4, 7),
            member: member.into(),
            worker: "garage".into(),
            target: Target::from_difficulty(Difficulty(16.0)),
            extranonce_prefix: Extranonce::new(&[1, 2, 3, 4]).unwrap(),
        }
    }

    pub(crate) fn share(nonce: u32) -> Share {
        Share {
            submission: Submission { version: 0x2000_0000, ntime: 1_700_000_000, nonce },
            rolled: Extranonce::new(&[7; 12]).unwrap(),
        }
    }

    #[test]
    fn a_leaf_changes_with_everything_that_it_commits_to() {
        let honest = ShareContext::new(terms("ann")).unwrap();
        let leaf = honest.leaf(&share(1), 100);
        let other = |change: fn(&mut ShareTerms)| {
            let mut terms = terms("ann");
            change(&mut terms);
            ShareContext::new(terms).unwrap().leaf(&share(1), 100)
        };
        let changed = [
            other(|terms| terms.member = "bob".into()),
            other(|terms| terms.worker = "cellar".into()),
            other(|terms| terms.job = job(4, 8)),
            other(|terms| terms.target = Target::DIFFICULTY_1),
            other(|terms| terms.extranonce_prefix = Extranonce::EMPTY),
            // Bytes that move from one text to the other.
            other(|terms| (terms.member, terms.worker) = ("anng".into(), "arage".into())),
            honest.leaf(&share(2), 100),
            honest.leaf(&share(1), 101),
            honest.leaf(&Share { rolled: Extranonce::EMPTY, ..share(1) }, 100),
        ];
        assert!(changed.iter().all(|changed| *changed != leaf));
    }

    #[test]
    fn the_leaf_is_the_documented_hash() {
        let context = ShareContext::new(terms("ann")).unwrap();
        let mut message = Writing::default();
        message.raw(&terms("ann").hash().0).u32(0x2000_0000).u32(1_700_000_000).u32(1).u32(100).raw(&[7; 12]);
        assert_eq!(context.leaf(&share(1), 100), Tag::Share.hash(&message.0));
    }

    #[test]
    fn what_cannot_be_counted_is_refused_before_it_is_a_share() {
        let too_hard = ShareTerms { target: Target::ZERO, ..terms("ann") };
        assert!(matches!(ShareContext::new(too_hard), Err(RecordError::Beyond { .. })));
        let long = ShareTerms { member: "x".repeat(256).into(), ..terms("ann") };
        assert!(matches!(ShareContext::new(long), Err(RecordError::TooLong { length: 256, .. })));
    }
}
