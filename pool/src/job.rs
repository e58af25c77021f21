//! A job: a template with somebody's payouts in its coinbase, built once and shared
//! by every connection that mines for the same payouts.

pub mod board;
pub mod heat;
pub mod limit;
pub mod maker;
pub mod news;
pub mod ruling;
pub mod script_sig;
pub mod wave;

use crate::payout::{PaidOut, PayoutError, Payouts, Spread};
use ledger::{FoundBlock, JobRecord, RecordError, ShareContext, TemplateParts, TemplateRecord};
use limit::CoinbaseLimit;
use std::sync::{Arc, OnceLock};
use thiserror::Error;
use translator::sv1::notice::JobText;
use work::extranonce::EXTRANONCE_SIZE;
use work::share::Tip;
use work::{CoinbaseError, CoinbaseTemplate, Hash256, JobWork};

/// Everything that a channel needs to be sent a job and to have its shares judged.
#[derive(Debug)]
pub struct Job {
    /// Unique in this process and increasing, so that no two jobs of a connection,
    /// of whatever channel or group, share an id (SV2 section 5.3.15).
    pub id: u32,
    /// Height of the block that it would become.
    pub height: u32,
    /// It is for warmth alone: it pays nobody, and its shares count for nothing.
    pub is_heat: bool,
    /// What recomputes the header.
    pub work: JobWork,
    /// Whom its coinbase pays.
    pub payouts: Payouts,
    /// What that comes to, in short: a job may be kept for each of many members, and pays them all.
    pub spread: Spread,
    /// What its coinbase may pay, in satoshi.
    pub value: u64,
    /// Fees of its transactions, in satoshi.
    pub fees: u64,
    /// For the ledger, from the first share on.
    record: OnceLock<Arc<JobRecord>>,
    /// `NewExtendedMiningJob` after `min_ntime` up to the coinbase, as it stands on the wire.
    wire_head: Box<[u8]>,
    /// The same between the coinbase's two parts.
    suffix_length: [u8; 2],
    /// The shared part of SV1's `mining.notify`, once somebody has asked for it.
    sv1_text: OnceLock<(Hash256, Arc<JobText>)>,
}

/// What a job is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobParts {
    /// Height of the block that it would become.
    pub height: u32,
    /// Header version before rolling.
    pub version: u32,
    /// What the coinbase must look like; what it commits to is among its required outputs.
    pub coinbase: CoinbaseTemplate,
    /// Siblings of the coinbase, deepest first.
    pub merkle_path: Vec<Hash256>,
    /// Fees of its transactions, in satoshi.
    pub fees: u64,
}

/// Why a job cannot be built.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum JobError {
    /// The payouts cannot be made of the template's value.
    #[error(transparent)]
    Payout(#[from] PayoutError),
    /// The coinbase cannot be built.
    #[error(transparent)]
    Coinbase(#[from] CoinbaseError),
    /// SV2's `B0_64K` and `SEQ0_255` bound what a job message can carry.
    #[error(
        "the job does not fit an SV2 message: coinbase of {coinbase} bytes, merkle path of {path} hashes"
    )]
    TooLarge {
        /// Bytes of the coinbase.
        coinbase: usize,
        /// Hashes in the merkle path.
        path: usize,
    },
}

impl Job {
    /// Builds the job that pays `payouts`, with `tag` in its scriptSig, for miners that take a
    /// coinbase within `limit`, for which payouts by the ledger have been given their room.
    ///
    /// # Errors
    /// [`JobError`] when the payouts do not add up to the template's value or the job
    /// fits no message.
    pub fn build(
        id: u32,
        parts: &JobParts,
        payouts: Payouts,
        tag: &[u8],
        limit: CoinbaseLimit,
    ) -> Result<Job, JobError> {
        let paid = payouts.pay(parts.coinbase.value_remaining)?;
        let outputs = &paid.outputs;
        let split = if limit.wants_short_form(outputs.len()) {
            parts.coinbase.split_short(outputs, tag, EXTRANONCE_SIZE, CoinbaseLimit::SHORT_HEAD)?
        } else {
            parts.coinbase.split(outputs, tag, EXTRANONCE_SIZE)?
        };
        let too_large = || JobError::TooLarge {
            coinbase: split.prefix.len() + split.suffix.len(),
            path: parts.merkle_path.len(),
        };
        let path_length = u8::try_from(parts.merkle_path.len()).map_err(|_| too_large())?;
        let prefix_length = u16::try_from(split.prefix.len()).map_err(|_| too_large())?;
        let suffix_length = u16::try_from(split.suffix.len()).map_err(|_| too_large())?;

        let version_rolling_allowed = true;
        let mut head = Vec::with_capacity(8 + 32 * parts.merkle_path.len());
        head.extend_from_slice(&parts.version.to_le_bytes());
        head.push(u8::from(version_rolling_allowed));
        head.push(path_length);
        parts.merkle_path.iter().for_each(|hash| head.extend_from_slice(&hash.0));
        head.extend_from_slice(&prefix_length.to_le_bytes());

        let work = JobWork::new(parts.version, version_rolling_allowed, split, parts.merkle_path.clone());
        Ok(Job {
            id,
            height: parts.height,
            is_heat: false,
            work,
            payouts,
            spread: Spread::of(paid),
            value: parts.coinbase.value_remaining,
            fees: parts.fees,
            record: OnceLock::new(),
            wire_head: head.into_boxed_slice(),
            suffix_length: suffix_length.to_le_bytes(),
            sv1_text: OnceLock::new(),
        })
    }

    /// The job as the ledger keeps it, mined on `tip`. Made once, when its first share comes:
    /// most jobs never have one.
    ///
    /// # Errors
    /// [`RecordError`] when it does not fit the ledger, which no job that fits a message does.
    pub fn record(&self, tip: &JobTip) -> Result<Arc<JobRecord>, RecordError> {
        if let Some(record) = self.record.get() {
            return Ok(record.clone());
        }
        let record = Arc::new(self.make_record(tip)?);
        Ok(self.record.get_or_init(|| record).clone())
    }

    /// Whether it may be given to those who are to be paid `wanted` of the same parts.
    pub fn serves(&self, wanted: &Payouts) -> bool {
        self.spread.serves(&self.payouts, wanted)
    }

    /// Whether no better job could be made of the same parts for those who are to be paid
    /// `wanted`.
    pub fn is_best_for(&self, wanted: &Payouts) -> bool {
        self.spread.is_best(&self.payouts, wanted)
    }

    /// The block `hash`, found on this job at `found` (seconds since the Unix epoch), as the
    /// ledger keeps it.
    pub fn found_block(&self, hash: Hash256, context: &ShareContext, found: u32) -> FoundBlock {
        let terms = context.terms();
        FoundBlock {
            hash,
            height: self.height,
            found,
            job: terms.job.hash(),
            member: terms.member.clone(),
            worker: terms.worker.clone(),
            value: self.value,
        }
    }

    fn make_record(&self, tip: &JobTip) -> Result<JobRecord, RecordError> {
        let template = TemplateRecord::new(TemplateParts {
            version: self.work.version(),
            prev_hash: tip.tip.prev_hash,
            nbits: tip.tip.nbits,
            height: self.height,
            min_ntime: tip.tip.min_ntime,
            value: self.value,
            fees: self.fees,
            merkle_path: self.work.merkle_path().to_vec(),
        })?;
        let coinbase = self.work.coinbase();
        JobRecord::new(ledger::JobParts {
            template: Arc::new(template),
            version_rolling: self.work.version_rolling(),
            extranonce_size: u8::try_from(coinbase.extranonce_size).unwrap_or(u8::MAX),
            coinbase_prefix: coinbase.prefix.clone(),
            coinbase_suffix: coinbase.suffix.clone(),
            basis: self.spread.basis.clone(),
        })
    }

    /// Whether it pays many and is yet for one miner alone, who would be paid more as the finder.
    pub fn is_for_one(&self) -> bool {
        matches!(&self.payouts, Payouts::Ruled(ruled) if ruled.finder.is_some())
    }

    /// Size of its coinbase without the extranonce.
    pub fn coinbase_bytes(&self) -> usize {
        self.work.coinbase().prefix.len() + self.work.coinbase().suffix.len()
    }

    /// Who is paid what if it becomes a block, worked out anew.
    ///
    /// # Errors
    /// [`PayoutError`], though there was none when it was built.
    pub fn paid_out(&self) -> Result<PaidOut, PayoutError> {
        if self.is_heat {
            return Ok(PaidOut::default());
        }
        self.payouts.pay(self.value)
    }

    /// The payload of `NewExtendedMiningJob` after `head`, one part behind the other.
    pub fn extended<'a>(&'a self, head: &'a [u8]) -> [&'a [u8]; 5] {
        let coinbase = self.work.coinbase();
        [head, &self.wire_head, &coinbase.prefix, &self.suffix_length, &coinbase.suffix]
    }

    /// The part of SV1's `mining.notify` that is the same for every miner of this job on
    /// the tip `prev_hash`. Written once: a job is for one tip.
    pub fn sv1_text(&self, prev_hash: &Hash256) -> Arc<JobText> {
        let write = || {
            let coinbase = self.work.coinbase();
            JobText::new(prev_hash, (&coinbase.prefix, &coinbase.suffix), self.work.merkle_path())
        };
        let (tip, text) = self.sv1_text.get_or_init(|| (*prev_hash, write()));
        if tip == prev_hash { text.clone() } else { write() }
    }

    /// The payload of `NewMiningJob` after `min_ntime`.
    pub fn standard_tail(&self, merkle_root: &Hash256) -> [u8; 36] {
        let mut tail = [0; 36];
        let (version, root) = tail.split_at_mut(4);
        version.copy_from_slice(&self.work.version().to_le_bytes());
        root.copy_from_slice(&merkle_root.0);
        tail
    }
}

/// The tip that jobs build on, with what is sent along with it.
#[derive(Clone, Debug)]
pub struct JobTip {
    /// Counts the tips that this process has seen.
    pub sequence: u64,
    /// What shares are judged against.
    pub tip: Tip,
    /// Header time that the template proposed; the start of a job's `nTime`.
    pub ntime: u32,
}

/// A job with what is told along with it. Built once for all who are given it: thousands of
/// connections that each count their references to it are slowed down by one another.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// The job.
    pub job: Arc<Job>,
    /// The tip that it builds on.
    pub tip: Arc<JobTip>,
    /// The template that a solution of it names.
    pub template_id: u64,
    /// Header time to start from, at least the tip's `min_ntime`.
    pub ntime: u32,
}

/// What everybody with the same payouts should be mining, as one value: a reader
/// never sees a job with another job's tip.
#[derive(Clone, Debug)]
pub struct JobSet {
    /// The first job on this tip. Who holds it in advance is given the tip with it, even
    /// if there is a better job by then: `SetNewPrevHash` is what must not wait.
    pub opening: Arc<Assigned>,
    /// The job to mine now.
    pub active: Arc<Assigned>,
    /// An empty job for the block after this one, handed out ahead of time so that a
    /// new tip costs one `SetNewPrevHash` (SV2 section 5.1.3).
    pub future: Option<Arc<Job>>,
}
