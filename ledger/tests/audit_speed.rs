//! How quickly a ledger's file is audited.
//!
//! By hand, and for a figure with optimisation:
//! `cargo test --release -p ledger --test audit_speed -- --ignored --nocapture`
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::{Amount, ScriptBuf, TxOut};
use ledger::audit::{Auditor, audit_ledger};
use ledger::*;
use secp256k1::{Keypair, Message, Secp256k1, SignOnly};
use std::sync::Arc;
use std::time::{Duration, Instant};
use work::{CoinbaseTemplate, Extranonce, Hash256, HeightPush, JobWork, SplitCoinbase, Submission, Target};

struct Key(Keypair, Secp256k1<SignOnly>);

impl Signer for Key {
    fn public_key(&self) -> [u8; 32] {
        self.0.x_only_public_key().0.serialize()
    }
    fn sign(&self, digest: &[u8; 32]) -> [u8; 64] {
        *self.1.sign_schnorr_no_aux_rand(&Message::from_digest(*digest), &self.0).as_ref()
    }
}

const NOW: u32 = 1_790_000_000;

/// A job that pays twenty members, in a block of some four thousand transactions.
fn job(height: u32) -> Arc<JobRecord> {
    let pay = |n: u8| TxOut { value: Amount::from_sat(1), script_pubkey: ScriptBuf::from(vec![n; 22]) };
    let coinbase = CoinbaseTemplate {
        version: 2,
        sequence: 0,
        script_sig_prefix: HeightPush::new(height).as_bytes().to_vec(),
        witness: None,
        value_remaining: 20,
        required_outputs: vec![TxOut { value: Amount::ZERO, script_pubkey: ScriptBuf::from(vec![0x6a; 38]) }],
        lock_time: 0,
    };
    let split = coinbase.split(&(1..=20).map(pay).collect::<Vec<_>>(), &[], 16).unwrap();
    let template = TemplateParts {
        version: 0x2000_0000,
        prev_hash: Hash256([height as u8; 32]),
        nbits: 0x1703_4219,
        height,
        min_ntime: NOW - 3_600,
        value: 20,
        fees: 1_000_000,
        merkle_path: vec![Hash256([3; 32]); 12],
    };
    let parts = JobParts {
        template: Arc::new(TemplateRecord::new(template).unwrap()),
        version_rolling: true,
        extranonce_size: 16,
        coinbase_prefix: split.prefix,
        coinbase_suffix: split.suffix,
        basis: Vec::new(),
    };
    Arc::new(JobRecord::new(parts).unwrap())
}

/// Real shares of `member` on `job`, each with an extranonce of its own.
fn mine(context: &Arc<ShareContext>, number: u64, count: u64) -> Vec<Share> {
    let terms = context.terms();
    let record = &terms.job;
    let coinbase = SplitCoinbase {
        prefix: record.coinbase_prefix.clone(),
        suffix: record.coinbase_suffix.clone(),
        extranonce_size: 16,
        witness: None,
    };
    let job = JobWork::new(record.template.version, true, coinbase, record.template.merkle_path.clone());
    (number..number + count)
        .map(|number| {
            let mut rolled = [0; 12];
            rolled[..8].copy_from_slice(&number.to_le_bytes());
            let merkle_root = job.merkle_root(&[terms.extranonce_prefix.as_bytes(), &rolled]);
            let template = &record.template;
            let header = |nonce| work::Header {
                version: template.version,
                prev_hash: template.prev_hash,
                merkle_root,
                ntime: NOW,
                nbits: template.nbits,
                nonce,
            };
            let nonce = (0..).find(|nonce| terms.target.is_met_by(&header(*nonce).hash())).unwrap();
            let submission = Submission { version: template.version, ntime: NOW, nonce };
            Share { submission, rolled: Extranonce::new(&rolled).unwrap() }
        })
        .collect()
}

/// How long this thread has been on a core: others may use the machine too.
fn cpu_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[tokio::test]
#[ignore = "a figure, taken by hand"]
async fn a_ledger_file_is_audited_at_this_speed() {
    let shares: u64 =
        std::env::var("AUDIT_SHARES").ok().and_then(|text| text.parse().ok()).unwrap_or(200_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite");
    let secp = Secp256k1::signing_only();
    let key = Key(Keypair::from_seckey_slice(&secp, &[7; 32]).unwrap(), secp);
    let mut config = LedgerConfig::new("regtest", LedgerId([9; 16]), Box::new(key));
    config.clock = Box::new(|| NOW);
    config.gather = Duration::ZERO;
    config.rules.shares = 20_000;
    let ledger = Ledger::open(&path, config).unwrap();
    let mut sender = ledger.handle().sender();

    let target = Target::from_hashes(8.0);
    let (mut sent, mut height) = (0, 1);
    let mut last = 0;
    while sent < shares {
        let job = job(height);
        for member in 0..20u8 {
            let terms = ShareTerms {
                job: job.clone(),
                member: format!("member {member}").into(),
                worker: "rig".into(),
                target,
                extranonce_prefix: Extranonce::new(&[1, 0, 0, member]).unwrap(),
            };
            let context = Arc::new(ShareContext::new(terms).unwrap());
            let mut batch = Batch::default();
            mine(&context, sent, 500).into_iter().for_each(|share| batch.push(&context, share).unwrap());
            last = sender.send(batch).await.unwrap();
            sent += 500;
        }
        height += 1;
    }
    sender.durable_past(last - 1).await.unwrap();
    ledger.close();

    let mut reader = Reader::open(&path).unwrap();
    let mut auditor = Auditor::new(None, Vec::new());
    let (start, busy) = (Instant::now(), cpu_time());
    audit_ledger(&mut reader, &mut auditor, |_| {}).unwrap();
    let report = auditor.finish();
    let (took, busy) = (start.elapsed(), cpu_time() - busy);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.shares, sent);
    println!(
        "{sent} shares in {took:.2?}, {busy:.2?} of it on a core: {:.0} shares a second of a core; {} slices, {} \
         bytes a share on disk",
        sent as f64 / busy.as_secs_f64(),
        report.slices,
        std::fs::metadata(&path).unwrap().len() / sent
    );
}
