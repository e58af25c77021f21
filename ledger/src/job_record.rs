//! What recomputes the proof of work of a job's shares: the template and the coinbase
//! around the extranonce.

use crate::bytes::{BadBytes, Reading, Writing};
use crate::tagged_hash::{Commitment, Tag};
use std::ops::Deref;
use std::sync::Arc;
use thiserror::Error;
use work::{Hash256, Header, Submission, merkle, sha256d};

/// A template: what all jobs on it have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateParts {
    /// Header version before rolling.
    pub version: u32,
    /// Hash of the block it builds on, internal byte order.
    pub prev_hash: Hash256,
    /// Compact network target.
    pub nbits: u32,
    /// Height of the block that it would become.
    pub height: u32,
    /// Smallest header time that consensus accepts, seconds since the epoch.
    pub min_ntime: u32,
    /// What its coinbase may pay: subsidy and fees, in sat.
    pub value: u64,
    /// Fees of its transactions, in sat.
    pub fees: u64,
    /// Siblings of the coinbase, deepest first; at most 255.
    pub merkle_path: Vec<Hash256>,
}

/// A job: a template with somebody's payouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobParts {
    /// The template.
    pub template: Arc<TemplateRecord>,
    /// Whether its miners may change the version's BIP323 bits.
    pub version_rolling: bool,
    /// Bytes of the extranonce between prefix and suffix.
    pub extranonce_size: u8,
    /// The coinbase before the extranonce, BIP141 fields stripped.
    pub coinbase_prefix: Vec<u8>,
    /// The coinbase after the extranonce.
    pub coinbase_suffix: Vec<u8>,
    /// What the payouts in the coinbase were computed from, as the payout rules write it
    /// down; empty where the ledger did not decide them. At most 255 bytes.
    pub basis: Vec<u8>,
}

/// A template with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateRecord {
    parts: TemplateParts,
    hash: Commitment,
}

/// A job with its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    parts: JobParts,
    hash: Commitment,
}

/// Why something is no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// A part is longer than its length field can say.
    #[error("{what} has {length}; the ledger records at most {most}")]
    TooLong {
        /// Which part.
        what: &'static str,
        /// How long it is.
        length: usize,
        /// How long it may be.
        most: usize,
    },
    /// The bytes are not those of a record.
    #[error("these bytes are no {what}: {fault}")]
    Bytes {
        /// What they should be.
        what: &'static str,
        /// What is wrong.
        fault: BadBytes,
    },
    /// Fees times work does not fit 128 bits: no real share comes near.
    #[error("a share of {work} hashes on a template with {fees} sat of fees is beyond what can be counted")]
    Beyond {
        /// The share's work.
        work: u128,
        /// The template's fees.
        fees: u64,
    },
}

impl TemplateRecord {
    /// Takes down a template.
    ///
    /// # Errors
    /// [`RecordError::TooLong`] for a merkle path of more than 255 hashes.
    pub fn new(parts: TemplateParts) -> Result<TemplateRecord, RecordError> {
        at_most("a merkle path", parts.merkle_path.len(), u8::MAX.into())?;
        let hash = Tag::Template.hash(&template_bytes(&parts));
        Ok(TemplateRecord { parts, hash })
    }

    /// What names it in its jobs: `H[template](bytes)`.
    pub fn hash(&self) -> Commitment {
        self.hash
    }

    /// The layout of `docs/ledger.md`.
    pub fn to_bytes(&self) -> Vec<u8> {
        template_bytes(&self.parts)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    ///
    /// # Errors
    /// [`RecordError::Bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Result<TemplateRecord, RecordError> {
        let parts = read_template(bytes).map_err(|fault| RecordError::Bytes { what: "template", fault })?;
        TemplateRecord::new(parts)
    }
}

impl JobRecord {
    /// Takes down a job.
    ///
    /// # Errors
    /// [`RecordError::TooLong`] for a coinbase that no message could carry.
    pub fn new(parts: JobParts) -> Result<JobRecord, RecordError> {
        at_most("a coinbase prefix", parts.coinbase_prefix.len(), u16::MAX.into())?;
        at_most("a coinbase suffix", parts.coinbase_suffix.len(), 4_000_000)?;
        at_most("a payout basis", parts.basis.len(), u8::MAX.into())?;
        let hash = Tag::Job.hash(&job_bytes(&parts));
        Ok(JobRecord { parts, hash })
    }

    /// What names it in its shares: `H[job](bytes)`.
    pub fn hash(&self) -> Commitment {
        self.hash
    }

    /// The layout of `docs/ledger.md`. The template is in it by its hash.
    pub fn to_bytes(&self) -> Vec<u8> {
        job_bytes(&self.parts)
    }

    /// The hash of the template in a job's bytes.
    ///
    /// # Errors
    /// [`RecordError::Bytes`].
    pub fn template_hash(bytes: &[u8]) -> Result<Commitment, RecordError> {
        let hash = Reading(bytes).array().map(Commitment);
        hash.map_err(|fault| RecordError::Bytes { what: "job", fault })
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote, of a job on `template`.
    ///
    /// # Errors
    /// [`RecordError::Bytes`], also when the job is on another template.
    pub fn from_bytes(bytes: &[u8], template: Arc<TemplateRecord>) -> Result<JobRecord, RecordError> {
        let parts = read_job(bytes, template).map_err(|fault| RecordError::Bytes { what: "job", fault })?;
        JobRecord::new(parts)
    }

    /// The whole coinbase, BIP141 fields stripped, with `extranonce` (all of it).
    pub fn coinbase(&self, extranonce: &[u8]) -> Vec<u8> {
        [&self.coinbase_prefix[..], extranonce, &self.coinbase_suffix].concat()
    }

    /// The header of a share with `extranonce` (all of it).
    pub fn header(&self, extranonce: &[u8], submission: &Submission) -> Header {
        let txid = sha256d(&self.coinbase(extranonce));
        Header {
            version: submission.version,
            prev_hash: self.template.prev_hash,
            merkle_root: merkle::fold(txid, &self.template.merkle_path),
            ntime: submission.ntime,
            nbits: self.template.nbits,
            nonce: submission.nonce,
        }
    }
}

impl Deref for TemplateRecord {
    type Target = TemplateParts;
    fn deref(&self) -> &TemplateParts {
        &self.parts
    }
}

impl Deref for JobRecord {
    type Target = JobParts;
    fn deref(&self) -> &JobParts {
        &self.parts
    }
}

fn at_most(what: &'static str, length: usize, most: usize) -> Result<(), RecordError> {
    if length > most { Err(RecordError::TooLong { what, length, most }) } else { Ok(()) }
}

fn template_bytes(parts: &TemplateParts) -> Vec<u8> {
    let mut bytes = Writing::default();
    bytes.u32(parts.version).raw(&parts.prev_hash.0).u32(parts.nbits).u32(parts.height).u32(parts.min_ntime);
    bytes.u64(parts.value).u64(parts.fees);
    bytes.u8(u8::try_from(parts.merkle_path.len()).unwrap_or(u8::MAX));
    parts.merkle_path.iter().for_each(|hash| _ = bytes.raw(&hash.0));
    bytes.0
}

fn read_template(bytes: &[u8]) -> Result<TemplateParts, BadBytes> {
    let mut from = Reading(bytes);
    let mut parts = TemplateParts {
        version: from.u32()?,
        prev_hash: Hash256(from.array()?),
        nbits: from.u32()?,
        height: from.u32()?,
        min_ntime: from.u32()?,
        value: from.u64()?,
        fees: from.u64()?,
        merkle_path: Vec::new(),
    };
    let length = from.u8()?;
    parts.merkle_path = (0..length).map(|_| from.array().map(Hash256)).collect::<Result<_, _>>()?;
    from.end()?;
    Ok(parts)
}

fn job_bytes(parts: &JobParts) -> Vec<u8> {
    let mut bytes = Writing::default();
    bytes.raw(&parts.template.hash.0).u8(u8::from(parts.version_rolling)).u8(parts.extranonce_size);
    for part in [&parts.coinbase_prefix, &parts.coinbase_suffix] {
        bytes.u32(u32::try_from(part.len()).unwrap_or(u32::MAX)).raw(part);
    }
    bytes.short(&parts.basis);
    bytes.0
}

fn read_job(bytes: &[u8], template: Arc<TemplateRecord>) -> Result<JobParts, BadBytes> {
    let mut from = Reading(bytes);
    if from.array()? != template.hash.0 {
        return Err(BadBytes::Meaningless("a job on another template"));
    }
    let version_rolling = match from.u8()? {
        0 => false,
        1 => true,
        _ => return Err(BadBytes::Meaningless("a version rolling flag that is neither 0 nor 1")),
    };
    let extranonce_size = from.u8()?;
    let mut part = || {
        let length = usize::try_from(from.u32()?).map_err(|_| BadBytes::Number)?;
        from.raw(length).map(<[u8]>::to_vec)
    };
    let (coinbase_prefix, coinbase_suffix) = (part()?, part()?);
    let basis = from.short()?.to_vec();
    from.end()?;
    Ok(JobParts { template, version_rolling, extranonce_size, coinbase_prefix, coinbase_suffix, basis })
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn template(tip: u8, fees: u64) -> Arc<TemplateRecord> {
        let parts = TemplateParts {
            version: 0x2000_0000,
            prev_hash: Hash256([tip; 32]),
            nbits: 0x207f_ffff,
            height: u32::from(tip),
            min_ntime: 1_000,
            value: 5_000_000_000 + fees,
            fees,
            merkle_path: vec![Hash256([3; 32]); 12],
        };
        Arc::new(TemplateRecord::new(parts).unwrap())
    }

    pub(crate) fn job(tip: u8, fees: u64) -> Arc<JobRecord> {
        let parts = JobParts {
            template: template(tip, fees),
            version_rolling: true,
            extranonce_size: 16,
            coinbase_prefix: vec![1; 60],
            coinbase_suffix: vec![2; 80],
            basis: b"basis".to_vec(),
        };
        Arc::new(JobRecord::new(parts).unwrap())
    }

    #[test]
    fn a_jobs_share_has_the_header_that_the_pool_judges() {
        let job = job(4, 7);
        let split = work::SplitCoinbase {
            prefix: job.coinbase_prefix.clone(),
            suffix: job.coinbase_suffix.clone(),
            extranonce_size: 16,
            witness: None,
        };
        let judged = work::JobWork::new(job.template.version, true, split, job.template.merkle_path.clone());
        let submission = Submission { version: 0x2000_0040, ntime: 1_001, nonce: 9 };
        let header = job.header(&[5; 16], &submission);
        assert_eq!(header.merkle_root, judged.merkle_root(&[&[5; 16]]));
        assert_eq!((header.prev_hash, header.nbits), (job.template.prev_hash, job.template.nbits));
        assert_eq!((header.version, header.ntime, header.nonce), (0x2000_0040, 1_001, 9));
    }

    #[test]
    fn a_job_on_another_template_is_refused() {
        let bytes = job(4, 7).to_bytes();
        assert_eq!(JobRecord::template_hash(&bytes), Ok(template(4, 7).hash()));
        assert!(JobRecord::from_bytes(&bytes, template(4, 8)).is_err());
        assert!(JobRecord::from_bytes(&bytes[..bytes.len() - 1], template(4, 7)).is_err());
    }

    proptest! {
        #[test]
        fn records_come_back_as_they_were_written(
            version: u32, hash: [u8; 32], numbers: [u32; 3], value: u64, fees: u64,
            path in prop::collection::vec(any::<[u8; 32]>(), 0..20),
            version_rolling: bool, extranonce_size: u8,
            coinbase_prefix in prop::collection::vec(any::<u8>(), 0..200),
            coinbase_suffix in prop::collection::vec(any::<u8>(), 0..2000),
            basis in prop::collection::vec(any::<u8>(), 0..=255),
        ) {
            let [nbits, height, min_ntime] = numbers;
            let merkle_path = path.into_iter().map(Hash256).collect();
            let prev_hash = Hash256(hash);
            let parts = TemplateParts { version, prev_hash, nbits, height, min_ntime, value, fees, merkle_path };
            let template = Arc::new(TemplateRecord::new(parts).unwrap());
            prop_assert_eq!(&TemplateRecord::from_bytes(&template.to_bytes()).unwrap(), &*template);
            let job = JobRecord::new(JobParts {
                template: template.clone(), version_rolling, extranonce_size, coinbase_prefix, coinbase_suffix, basis,
            }).unwrap();
            prop_assert_eq!(JobRecord::from_bytes(&job.to_bytes(), template).unwrap(), job);
        }

        #[test]
        fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = TemplateRecord::from_bytes(&bytes);
            let _ = JobRecord::from_bytes(&bytes, template(1, 1));
        }
    }
}
