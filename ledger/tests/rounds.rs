//! Rounds from the first share to the block's credits and through a reorganisation, in a real
//! ledger file: what jobs are told to pay from its sums is what the audit computes from its
//! shares.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use bitcoin::ScriptBuf;
use ledger::audit::{Auditor, Report, audit_ledger, unbooked};
use ledger::payout::{Basis, NamedPlan, Ppm, Rules};
use ledger::window::Window;
use ledger::*;
use secp256k1::{All, Keypair, Message, Secp256k1};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use work::{CoinbaseTemplate, Extranonce, Hash256, HeightPush, Submission, Target};

const START: u32 = 1_790_000_000;
/// One hash in 2^14 is a block.
const NBITS: u32 = 0x1f03_ffff;
const MEMBERS: [&str; 3] = [
    "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202",
    "2MsFDzHRUAMpjHxKyoEHU3aMCMsVtMqs1PV",
    "mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8:30,bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202:70",
];

struct Key(Keypair, Secp256k1<All>);

impl Signer for Key {
    fn public_key(&self) -> [u8; 32] {
        self.0.x_only_public_key().0.serialize()
    }
    fn sign(&self, digest: &[u8; 32]) -> [u8; 64] {
        *self.1.sign_schnorr_no_aux_rand(&Message::from_digest(*digest), &self.0).as_ref()
    }
}

struct Pool {
    ledger: Ledger,
    sender: ShareSender,
    path: PathBuf,
    clock: Arc<AtomicU32>,
    rules: Rules,
    room: u32,
    /// Coinbases have their extranonce in an output.
    short_form: bool,
    tip: u8,
    nonce: u32,
    _folder: tempfile::TempDir,
}

/// A job and what is to be booked if it is a block.
struct Work {
    context: Arc<ShareContext>,
    payments: Vec<Payment>,
    value: u64,
}

impl Pool {
    fn new(rules: Rules) -> Pool {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.sqlite");
        let clock = Arc::new(AtomicU32::new(START));
        let secp = Secp256k1::new();
        let key = Key(Keypair::from_seckey_slice(&secp, &[7; 32]).unwrap(), secp);
        let mut config = LedgerConfig::new("regtest", LedgerId([9; 16]), Box::new(key));
        let time = clock.clone();
        config.clock = Box::new(move || time.load(Ordering::Relaxed));
        config.gather = Duration::ZERO;
        config.rules.shares = 10;
        let ledger = Ledger::open(&path, config).unwrap();
        let sender = ledger.handle().sender();
        Pool {
            ledger,
            sender,
            path,
            clock,
            rules,
            room: 1_000,
            short_form: false,
            tip: 1,
            nonce: 0,
            _folder: folder,
        }
    }

    /// A job of `member` by what the ledger says now.
    fn job(&self, member: &str) -> Work {
        let reader = Reader::open(&self.path).unwrap();
        let present = reader.present(&self.rules, NBITS).unwrap();
        let paid_host = self.rules.host_fee > Ppm(0);
        let basis = Basis {
            rules: self.rules.clone(),
            slice: present.slice,
            book: present.book,
            nbits: NBITS,
            room: self.room,
            for_finder: self.rules.depends_on_finder() || present.standing.work.is_empty(),
            host: if paid_host { ScriptBuf::from(vec![0x51; 22]) } else { ScriptBuf::new() },
        };
        let value = 5_000_000_000 + u64::from(self.tip) * 777;
        let plan = NamedPlan::new(&basis, value, &present.standing, Some(member)).unwrap();
        let outputs = plan.plan().tx_outputs();
        let coinbase = CoinbaseTemplate {
            version: 2,
            sequence: 0,
            script_sig_prefix: HeightPush::new(u32::from(self.tip)).as_bytes().to_vec(),
            witness: None,
            value_remaining: value,
            required_outputs: vec![],
            lock_time: 0,
        };
        let split = match self.short_form {
            true => coinbase.split_short(&outputs, &[0], 16, 150),
            false => coinbase.split(&outputs, &[], 16),
        };
        let split = split.unwrap();
        let template = TemplateParts {
            version: 0x2000_0000,
            prev_hash: Hash256([self.tip; 32]),
            nbits: NBITS,
            height: u32::from(self.tip),
            min_ntime: START - 3_600,
            value,
            fees: u64::from(self.tip) * 777,
            merkle_path: vec![Hash256([3; 32]); 4],
        };
        let job = JobParts {
            template: Arc::new(TemplateRecord::new(template).unwrap()),
            version_rolling: true,
            extranonce_size: 16,
            coinbase_prefix: split.prefix,
            coinbase_suffix: split.suffix,
            basis: basis.to_bytes(),
        };
        let terms = ShareTerms {
            job: Arc::new(JobRecord::new(job).unwrap()),
            member: member.into(),
            worker: "rig".into(),
            target: Target::from_hashes(16.0),
            extranonce_prefix: Extranonce::new(&[1; 16]).unwrap(),
        };
        Work { context: Arc::new(ShareContext::new(terms).unwrap()), payments: plan.payments(), value }
    }

    fn search(&mut self, work: &Work, block: bool) -> (Share, Hash256) {
        let (network, target) = (Target::from_compact(NBITS), work.context.terms().target);
        let ntime = self.clock.load(Ordering::Relaxed);
        loop {
            self.nonce += 1;
            let submission = Submission { version: 0x2000_0000, ntime, nonce: self.nonce };
            let hash = work.context.terms().job.header(&[1; 16], &submission).hash();
            if target.is_met_by(&hash) && network.is_met_by(&hash) == block {
                return (Share { submission, rolled: Extranonce::EMPTY }, hash);
            }
        }
    }

    async fn send(&mut self, batch: Batch) {
        let number = self.sender.send(batch).await.unwrap();
        while self.sender.durable_past(number - 1).await.unwrap() < number {}
    }

    /// `shares` of `member`, and some time passes.
    async fn mine(&mut self, member: usize, shares: usize) {
        let work = self.job(MEMBERS[member]);
        let mut batch = Batch::default();
        for _ in 0..shares {
            let (share, _) = self.search(&work, false);
            batch.push(&work.context, share).unwrap();
        }
        self.clock.fetch_add(60, Ordering::Relaxed);
        self.send(batch).await;
    }

    /// `member` finds a block, which is booked and in the chain.
    async fn find_block(&mut self, member: usize) -> Hash256 {
        let (hash, payments) = self.find(member).await;
        let ledger = self.ledger.handle().clone();
        assert!(ledger.book(hash, payments.clone()).await.unwrap());
        assert!(!ledger.book(hash, payments).await.unwrap(), "a block is booked once");
        assert!(ledger.block_state(hash, BlockState::InChain).await.unwrap());
        self.tip += 1;
        hash
    }

    /// `member` finds a block, and nothing else happens; with what is to be booked.
    async fn find(&mut self, member: usize) -> (Hash256, Vec<Payment>) {
        let work = self.job(MEMBERS[member]);
        let (share, hash) = self.search(&work, true);
        let mut batch = Batch::default();
        batch.push(&work.context, share).unwrap();
        let terms = work.context.terms();
        batch.push_block(FoundBlock {
            hash,
            height: u32::from(self.tip),
            found: self.clock.load(Ordering::Relaxed),
            job: terms.job.hash(),
            member: terms.member.clone(),
            worker: terms.worker.clone(),
            value: work.value,
        });
        self.send(batch).await;
        (hash, work.payments)
    }

    fn unbooked(&self) -> Vec<(Hash256, Vec<Payment>)> {
        unbooked(&Reader::open(&self.path).unwrap()).unwrap()
    }

    fn audit(&self) -> Report {
        let mut auditor = Auditor::new(None, Vec::new());
        audit_ledger(&mut Reader::open(&self.path).unwrap(), &mut auditor, |_| {}).unwrap();
        auditor.finish()
    }

    /// Every balance by identity.
    fn balances(&self) -> Vec<(Arc<str>, i64)> {
        Reader::open(&self.path).unwrap().present(&self.rules, NBITS).unwrap().standing.balances
    }
}

async fn live(rules: Rules) -> Pool {
    let mut pool = Pool::new(rules);
    // Room for one output only, now and then: so that there are credits.
    for round in 0..6u32 {
        for member in 0..3 {
            pool.mine(member, 4 + (round as usize * 5 + member * 7) % 11).await;
        }
        pool.room = if round % 3 == 1 { 40 } else { 1_000 };
        pool.short_form = round % 3 == 2;
        pool.mine(round as usize % 3, 3).await;
        pool.find_block(round as usize % 3).await;
    }
    pool.mine(0, 12).await;
    pool
}

fn rules(window: Window) -> Rules {
    Rules { window, finder_bonus: Ppm(10_000), host_fee: Ppm(5_000), ..Rules::default() }
}

#[tokio::test]
async fn jobs_pay_by_the_sums_what_the_audit_computes_from_the_shares() {
    for window in [
        Window::SinceLastBlock,
        Window::Recent { difficulties_milli: Some(30), seconds: None },
        Window::Recent { difficulties_milli: Some(90), seconds: Some(500) },
        Window::Event { from: START.into(), to: u64::from(START) + 600 },
    ] {
        for rules in [rules(window), Rules { window, ..Rules::default() }] {
            let pool = live(rules).await;
            let report = pool.audit();
            assert!(report.is_clean(), "{window:?}: {report}");
            assert_eq!(report.blocks.len(), 6);
            assert!(report.jobs_without_room > 0 && report.jobs_without_rule == 0, "{report}");
            assert!(report.blocks.iter().all(|block| block.proven && block.booked));
            assert_eq!(report.members.iter().map(|member| member.balance).sum::<i64>(), 0);
            let audited = report.members.iter().filter(|member| member.balance != 0).count();
            assert_eq!(audited, pool.balances().len(), "{report}");
        }
    }
}

#[tokio::test]
async fn a_reorganisation_reopens_the_round_and_takes_the_credits_back() {
    let mut pool = Pool::new(Rules::default());
    for member in 0..3 {
        pool.mine(member, 20).await;
    }
    pool.room = 40;
    let work_of = |pool: &Pool| {
        let reader = Reader::open(&pool.path).unwrap();
        reader.present(&pool.rules, NBITS).unwrap().standing.work
    };
    let before = work_of(&pool);
    let block = pool.find_block(0).await;
    let credits = pool.balances();
    assert!(!credits.is_empty());
    assert_ne!(work_of(&pool), before);

    let ledger = pool.ledger.handle().clone();
    assert!(ledger.block_state(block, BlockState::Orphaned).await.unwrap());
    assert_eq!(pool.balances(), []);
    // Its own slice counts too now.
    let total = |work: &[(Arc<str>, ledger::Work)]| work.iter().map(|(_, work)| work.0).sum::<u128>();
    assert!(total(&work_of(&pool)) > total(&before));
    pool.room = 1_000;
    pool.mine(1, 12).await;

    assert!(ledger.block_state(block, BlockState::InChain).await.unwrap());
    assert_eq!(pool.balances(), credits);
    pool.mine(2, 12).await;
    let report = pool.audit();
    assert!(report.is_clean(), "{report}");
}

#[tokio::test]
async fn the_first_block_of_a_pool_without_a_closed_slice_is_its_finders() {
    let mut pool = Pool::new(Rules::default());
    pool.mine(0, 2).await;
    pool.find_block(1).await;
    let report = pool.audit();
    assert!(report.is_clean(), "{report}");
    let reader = Reader::open(&pool.path).unwrap();
    let paid: Vec<u64> = reader.bookings(1).unwrap().iter().map(|booking| booking.paid).collect();
    assert_eq!(paid, [5_000_000_777]);
    // What was worked before is not lost to the next.
    let next = reader.present(&pool.rules, NBITS).unwrap().standing.work;
    assert!(next.iter().any(|(member, _)| &**member == MEMBERS[0]));
}

#[tokio::test]
async fn what_a_pool_had_no_time_to_book_is_found_out_later_to_the_satoshi() {
    let mut pool = live(rules(Window::SinceLastBlock)).await;
    assert_eq!(pool.unbooked(), []);
    pool.room = 40;
    let (hash, payments) = pool.find(1).await;
    assert!(payments.len() > 2, "{payments:?}");
    // The pool was killed; at its next start more has happened.
    pool.tip += 1;
    pool.mine(2, 25).await;
    assert_eq!(pool.unbooked(), [(hash, payments.clone())]);
    let ledger = pool.ledger.handle().clone();
    assert!(ledger.book(hash, payments).await.unwrap());
    assert!(ledger.block_state(hash, BlockState::InChain).await.unwrap());
    assert_eq!(pool.unbooked(), []);
    let report = pool.audit();
    assert!(report.is_clean(), "{report}");
}
