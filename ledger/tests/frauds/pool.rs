//! A small pool that really mines, keeps a ledger by the book, and whose operator holds the
//! signing key: so that it can also lie.

use bitcoin::{ScriptBuf, TxOut};
use ledger::audit::{Auditor, Evidence, Report};
use ledger::payout::{Basis, NamedPlan, Ppm, Rules, Standing};
use ledger::window::Window;
use ledger::*;
use secp256k1::{Keypair, Message, Secp256k1, SignOnly};
use std::collections::BTreeMap;
use std::sync::Arc;
use work::{CoinbaseTemplate, Extranonce, Hash256, HeightPush, Submission, Target};

pub const ANN: &str = "bcrt1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqdku202";
pub const BOB: &str = "2MsFDzHRUAMpjHxKyoEHU3aMCMsVtMqs1PV";
pub const EVE: &str = "mfWxJ45yp2SFn7UciZyNpvDKrzbhyfKrY8";

/// One hash in 2^14 is a block.
const NBITS: u32 = 0x1f03_ffff;

pub struct Key(pub Keypair, Secp256k1<SignOnly>);

impl Key {
    pub fn new(seed: u8) -> Key {
        let secp = Secp256k1::signing_only();
        Key(Keypair::from_seckey_slice(&secp, &[seed; 32]).unwrap(), secp)
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

/// Its ledger, and where it stands.
#[derive(Clone)]
pub struct Pool {
    pub rules: Rules,
    pub evidence: Vec<Evidence>,
    pub now: u32,
    pub tip: u32,
    /// What jobs build on, if it is a block of its own.
    pub parent: Option<Hash256>,
    closed: Vec<Vec<(Arc<str>, Work)>>,
    open: Vec<(Arc<str>, Work)>,
    book: Commitment,
    balances: BTreeMap<Arc<str>, i64>,
    /// The first slice that no block has paid.
    unpaid: u64,
    nonce: u32,
}

pub fn target(bits: u32) -> Target {
    let mut bytes = [0xff; 32];
    (0..bits).for_each(|bit| bytes[31 - bit as usize / 8] ^= 0x80 >> (bit % 8));
    Target::from_le_bytes(bytes)
}

impl Pool {
    pub fn new(rules: Rules) -> Pool {
        Pool {
            rules,
            evidence: Vec::new(),
            now: 1_750_000_000,
            tip: 1,
            parent: None,
            closed: Vec::new(),
            open: Vec::new(),
            book: Commitment::default(),
            balances: BTreeMap::new(),
            unpaid: 1,
            nonce: 0,
        }
    }

    /// What a job pays by now.
    pub fn basis(&self) -> Basis {
        let host =
            if self.rules.host_fee > Ppm(0) { ScriptBuf::from(vec![0x51; 22]) } else { ScriptBuf::new() };
        Basis {
            rules: self.rules.clone(),
            slice: self.closed.len() as u64,
            book: self.book,
            nbits: NBITS,
            room: 200,
            for_finder: self.rules.depends_on_finder() || self.unpaid as usize > self.closed.len(),
            host,
        }
    }

    /// The outputs that a job of `member` must have.
    pub fn plan(&self, member: &str) -> NamedPlan {
        assert_eq!(self.rules.window, Window::SinceLastBlock);
        let mut work: BTreeMap<Arc<str>, Work> = BTreeMap::new();
        for (name, more) in self.closed.iter().skip(self.unpaid as usize - 1).flatten() {
            work.entry(name.clone()).or_default().0 += more.0;
        }
        let balances = self.balances.clone().into_iter().filter(|(_, credit)| *credit != 0).collect();
        let standing = Standing { work: work.into_iter().collect(), balances };
        NamedPlan::new(&self.basis(), VALUE, &standing, Some(member)).unwrap()
    }

    /// A job that pays by the rules.
    pub fn job(&self, member: &str) -> Arc<JobRecord> {
        self.job_that_pays(self.plan(member).plan().tx_outputs())
    }

    pub fn job_that_pays(&self, outputs: Vec<TxOut>) -> Arc<JobRecord> {
        let coinbase = CoinbaseTemplate {
            version: 2,
            sequence: 0,
            script_sig_prefix: HeightPush::new(self.tip + 1).as_bytes().to_vec(),
            witness: None,
            value_remaining: outputs.iter().map(|output| output.value.to_sat()).sum(),
            required_outputs: vec![],
            lock_time: self.tip,
        };
        let split = coinbase.split(&outputs, &[], 16).unwrap();
        let template = TemplateParts {
            version: 0x2000_0000,
            prev_hash: self.parent.unwrap_or(Hash256([self.tip as u8; 32])),
            nbits: NBITS,
            height: self.tip + 1,
            min_ntime: self.now - 3_600,
            value: VALUE,
            fees: 0,
            merkle_path: vec![Hash256([3; 32]); 4],
        };
        let parts = JobParts {
            template: Arc::new(TemplateRecord::new(template).unwrap()),
            version_rolling: true,
            extranonce_size: 16,
            coinbase_prefix: split.prefix,
            coinbase_suffix: split.suffix,
            basis: self.basis().to_bytes(),
        };
        Arc::new(JobRecord::new(parts).unwrap())
    }

    pub fn context(&self, member: &str, job: &Arc<JobRecord>, target: Target) -> Arc<ShareContext> {
        let terms = ShareTerms {
            job: job.clone(),
            member: member.into(),
            worker: "garage".into(),
            target,
            extranonce_prefix: Extranonce::new(&[1, 2, 3, 4]).unwrap(),
        };
        Arc::new(ShareContext::new(terms).unwrap())
    }

    /// Works until a hash is at or below `at`, and a block only if `block`.
    pub fn search(
        &mut self,
        context: &Arc<ShareContext>,
        at: Target,
        block: bool,
    ) -> (RecordedShare, Hash256) {
        let network = Target::from_compact(NBITS);
        loop {
            self.nonce += 1;
            let submission = Submission { version: 0x2000_0000, ntime: self.now, nonce: self.nonce };
            let rolled = Extranonce::new(&[7; 12]).unwrap();
            let share = RecordedShare {
                sequence: 0,
                received: self.now,
                share: Share { submission, rolled },
                context: context.clone(),
            };
            let hash = share.header().unwrap().hash();
            if at.is_met_by(&hash) && network.is_met_by(&hash) == block {
                return (share, hash);
            }
        }
    }

    /// `count` shares of `member`, which the pool takes.
    pub fn mine(&mut self, member: &str, count: usize) -> Vec<(RecordedShare, Hash256)> {
        let job = self.job(member);
        let context = self.context(member, &job, target(4));
        (0..count)
            .map(|_| {
                let (share, hash) = self.search(&context, target(4), false);
                (self.take(share), hash)
            })
            .collect()
    }

    /// Writes a share down.
    pub fn take(&mut self, mut share: RecordedShare) -> RecordedShare {
        self.now += 1;
        share.received = self.now;
        share.sequence =
            1 + self.evidence.iter().filter(|each| matches!(each, Evidence::Share(_))).count() as u64;
        self.open.push((share.context.terms().member.clone(), share.context.work()));
        self.evidence.push(Evidence::Share(share.clone()));
        share
    }

    /// Ends the slice.
    pub fn close(&mut self) {
        self.now += 1;
        self.closed.push(std::mem::take(&mut self.open));
        let head = Head {
            ledger: LedgerId([9; 16]),
            slice: self.closed.len() as u64,
            previous: Commitment::default(),
            opened: 0,
            closed: self.now,
            reason: CloseReason::Time,
            prev_hash: Hash256::default(),
            first_share: 0,
            sum: WorkSum::ZERO,
            shares_root: Commitment::default(),
            members_root: Commitment::default(),
            book: self.book,
        };
        self.evidence.push(Evidence::Slice { head: Box::new(head.sign(&Key::new(1))), members: Vec::new() });
        self.evidence = honest_heads(std::mem::take(&mut self.evidence));
    }

    /// `member` finds a block, which gets into the chain.
    pub fn find_block(&mut self, member: &str) -> Hash256 {
        let (job, payments) = (self.job(member), self.plan(member).payments());
        self.find_block_on(member, &job, Some(payments))
    }

    /// The same on this job, booked like this.
    pub fn find_block_on(
        &mut self,
        member: &str,
        job: &Arc<JobRecord>,
        payments: Option<Vec<Payment>>,
    ) -> Hash256 {
        let context = self.context(member, job, target(4));
        let (share, hash) = self.search(&context, target(4), true);
        self.take(share);
        let paid = self.closed.len() as u64;
        let found = FoundBlock {
            hash,
            height: self.tip + 1,
            found: self.now,
            job: job.hash(),
            member: member.into(),
            worker: "garage".into(),
            value: VALUE,
        };
        self.enter(BookEntry::Found(found));
        self.close();
        if let Some(payments) = payments.clone() {
            self.enter(BookEntry::Booked { hash, payments });
        }
        self.enter(BookEntry::State { hash, state: BlockState::InChain });
        for payment in payments.unwrap_or_default() {
            *self.balances.entry(payment.member).or_default() += payment.due as i64 - payment.paid as i64;
        }
        self.unpaid = paid + 1;
        self.tip += 1;
        hash
    }

    /// From now on it pays as if the blocks that it found had never been booked.
    pub fn pay_by_the_state_before(&mut self, other: &Pool) {
        (self.book, self.balances, self.unpaid) = (other.book, other.balances.clone(), other.unpaid);
        self.closed.truncate(other.closed.len());
    }

    pub fn enter(&mut self, entry: BookEntry) {
        self.book = entry.hash(self.book);
        self.evidence.push(Evidence::Entry(entry));
    }

    pub fn heads(&self) -> Vec<SignedHead> {
        heads(&self.evidence)
    }
}

pub const VALUE: u64 = 5_000_000_000;

/// A pool after an honest day: three slices, a block, two slices.
pub fn honest_day(rules: Rules) -> Pool {
    let mut pool = Pool::new(rules);
    pool.mine(ANN, 20);
    pool.close();
    for _ in 0..2 {
        pool.mine(ANN, 20);
        pool.mine(BOB, 10);
        pool.close();
    }
    pool.find_block(BOB);
    for _ in 0..2 {
        pool.mine(BOB, 10);
        pool.mine(ANN, 5);
        pool.close();
    }
    pool
}

pub fn heads(evidence: &[Evidence]) -> Vec<SignedHead> {
    let head = |each: &Evidence| match each {
        Evidence::Slice { head, .. } => Some(SignedHead::clone(head)),
        _ => None,
    };
    evidence.iter().filter_map(head).collect()
}

/// What the shares of each slice add up to, and a chain of heads that is signed for it.
pub fn honest_heads(evidence: Vec<Evidence>) -> Vec<Evidence> {
    signed_heads(evidence, |_, _| {})
}

/// Heads that are signed for what `lie` makes of the truth.
pub fn signed_heads(
    mut evidence: Vec<Evidence>,
    mut lie: impl FnMut(&mut Head, &mut Vec<(Arc<str>, WorkSum)>),
) -> Vec<Evidence> {
    let (mut previous, mut book) = (Commitment::default(), Commitment::default());
    let mut shares: Vec<RecordedShare> = Vec::new();
    for each in &mut evidence {
        match each {
            Evidence::Share(share) => shares.push(share.clone()),
            Evidence::Job(_) => {}
            Evidence::Entry(entry) => book = entry.hash(book),
            Evidence::Slice { head: signed, members } => {
                let mut sums: BTreeMap<Arc<str>, WorkSum> = BTreeMap::new();
                for share in &shares {
                    let weight = WorkSum::of_shares(1, share.context.work(), 0).unwrap();
                    let sum = sums.entry(share.context.terms().member.clone()).or_default();
                    *sum = sum.checked_add(weight).unwrap();
                }
                *members = sums.into_iter().collect();
                let mut head = Head { previous, book, ..signed.head.clone() };
                if let Some(first) = shares.first() {
                    (head.first_share, head.opened) = (first.sequence, first.received);
                    head.prev_hash = first.context.terms().job.template.prev_hash;
                }
                head.shares_root = merkle::root(shares.iter().map(RecordedShare::leaf));
                lie(&mut head, members);
                head.sum = WorkSum::total(members.iter().map(|(_, sum)| *sum)).unwrap();
                head.members_root = head::members_root(members.iter().map(|(name, sum)| (&**name, *sum)));
                previous = head.hash();
                **signed = head.sign(&Key::new(1));
                shares.clear();
            }
        }
    }
    evidence
}

/// Numbers shares from 1 again.
pub fn renumbered(mut evidence: Vec<Evidence>) -> Vec<Evidence> {
    let mut next = 1;
    for each in &mut evidence {
        if let Evidence::Share(share) = each {
            share.sequence = next;
            next += 1;
        }
    }
    evidence
}

pub fn audit(evidence: &[Evidence]) -> Report {
    audit_knowing(evidence, Vec::new())
}

pub fn audit_knowing(evidence: &[Evidence], known: Vec<SignedHead>) -> Report {
    let mut auditor = Auditor::new(Some(Key::new(1).public_key()), known);
    evidence.iter().for_each(|each| auditor.add(each));
    auditor.finish()
}

/// The names of the frauds found, each once.
pub fn names(report: &Report) -> Vec<&'static str> {
    let mut names: Vec<_> = report.discrepancies.iter().map(|found| found.name()).collect();
    names.sort();
    names.dedup();
    names
}
