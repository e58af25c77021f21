//! A ledger in a folder of its own, and shares for it.

use ledger::{
    Batch, Commitment, JobParts, JobRecord, Ledger, LedgerConfig, LedgerId, Share, ShareContext, ShareSender,
    ShareTerms, Signer, SliceRules, TemplateParts, TemplateRecord,
};
use secp256k1::{All, Keypair, Message, Secp256k1};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use work::{Difficulty, Extranonce, Hash256, Submission, Target};

/// When a test begins, seconds since the Unix epoch.
pub const START: u32 = 1_790_000_000;

/// A folder for a ledger, its clock and its key.
pub struct Home {
    folder: TempDir,
    pub clock: Arc<AtomicU32>,
    pub rules: SliceRules,
}

pub struct Key(Keypair, Secp256k1<All>);

impl Key {
    pub fn new() -> Key {
        let secp = Secp256k1::new();
        Key(Keypair::from_seckey_slice(&secp, &[7; 32]).unwrap(), secp)
    }
}

impl Signer for Key {
    fn public_key(&self) -> [u8; 32] {
        self.0.x_only_public_key().0.serialize()
    }
    fn sign(&self, digest: &[u8; 32]) -> [u8; 64] {
        *self.1.sign_schnorr_no_aux_rand(&Message::from_digest(*digest), &self.0).as_ref()
    }
}

impl Home {
    pub fn new() -> Home {
        let clock = Arc::new(AtomicU32::new(START));
        Home { folder: tempfile::tempdir().unwrap(), clock, rules: SliceRules::default() }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite")
    }

    pub fn config(&self) -> LedgerConfig {
        let clock = self.clock.clone();
        let mut config = LedgerConfig::new("regtest", LedgerId([9; 16]), Box::new(Key::new()));
        config.clock = Box::new(move || clock.load(Ordering::Relaxed));
        config.rules = self.rules;
        config.gather = Duration::ZERO;
        config
    }

    pub fn open(&self) -> Ledger {
        Ledger::open(&self.path(), self.config()).unwrap()
    }

    pub fn set_clock(&self, seconds: u32) {
        self.clock.store(seconds, Ordering::Relaxed);
    }
}

/// A copy of the ledger at `path` as a loss of power would leave it, with its log.
pub fn copy_to(path: &Path, home: &Home) {
    std::fs::copy(path, home.path()).unwrap();
    std::fs::copy(log_of(path), log_of(&home.path())).unwrap();
}

/// SQLite's write-ahead log of the file at `path`.
pub fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

pub fn job(tip: u8, fees: u64) -> Arc<JobRecord> {
    let template = TemplateParts {
        version: 0x2000_0000,
        prev_hash: Hash256([tip; 32]),
        nbits: 0x207f_ffff,
        height: u32::from(tip),
        min_ntime: START - 10,
        value: 5_000_000_000 + fees,
        fees,
        merkle_path: vec![Hash256([3; 32]); 12],
    };
    let job = JobParts {
        template: Arc::new(TemplateRecord::new(template).unwrap()),
        version_rolling: true,
        extranonce_size: 16,
        coinbase_prefix: vec![1; 60],
        coinbase_suffix: vec![2; 80],
        basis: Vec::new(),
    };
    Arc::new(JobRecord::new(job).unwrap())
}

/// What `member` mines under on the job of `tip` and `fees`.
pub fn context(member: &str, tip: u8, fees: u64) -> Arc<ShareContext> {
    let terms = ShareTerms {
        job: job(tip, fees),
        member: member.into(),
        worker: "rig".into(),
        target: Target::from_difficulty(Difficulty(16.0)),
        extranonce_prefix: Extranonce::new(&[1, 0, 0, 1]).unwrap(),
    };
    Arc::new(ShareContext::new(terms).unwrap())
}

/// The share that `number` tells from others.
pub fn share(number: u32) -> Share {
    Share {
        submission: Submission { version: 0x2000_0000, ntime: START, nonce: number },
        rolled: Extranonce::new(&[5; 12]).unwrap(),
    }
}

pub fn batch(context: &Arc<ShareContext>, numbers: impl IntoIterator<Item = u32>) -> Batch {
    let mut batch = Batch::default();
    numbers.into_iter().for_each(|number| batch.push(context, share(number)).unwrap());
    batch
}

/// Sends shares and waits until they are on disk.
pub async fn store(sender: &mut ShareSender, batch: Batch) {
    let number = sender.send(batch).await.unwrap();
    assert!(sender.durable_past(number - 1).await.unwrap() >= number);
}

/// A hash that is nothing's.
pub fn commitment(byte: u8) -> Commitment {
    Commitment([byte; 32])
}
