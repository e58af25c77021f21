//! What the ledger costs: `cargo bench -p ledger [-- FOLDER]` prints one line for each figure.
//!
//! `FOLDER` is where the ledgers are made (default: the system's temporary folder); put it on
//! the disk that is to be measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use ledger::{
    Batch, JobParts, JobRecord, Ledger, LedgerConfig, LedgerId, Reader, Share, ShareContext, ShareSender,
    ShareTerms, Signer, TemplateParts, TemplateRecord,
};
use secp256k1::{All, Keypair, Message, Secp256k1};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use work::{Difficulty, Extranonce, Hash256, Submission, Target};

const MEMBERS: u32 = 20;

fn main() {
    let folder = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let parent = folder.map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = parent.join(format!("punchbowl-ledger-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        steady(&folder.join("steady.sqlite"), 2_000, Duration::from_secs(10)).await;
        full_speed(&folder.join("full.sqlite"), 2_000_000).await;
        meetup(&folder.join("meetup.sqlite")).await;
        cold_start(&folder.join("large.sqlite"), 10_000_000).await;
    });
    std::fs::remove_dir_all(&folder).unwrap();
}

/// `rate` shares a second of one connection for each member, each share acknowledged by itself.
async fn steady(path: &Path, rate: u32, time: Duration) {
    let ledger = open(path);
    let mut members = JoinSet::new();
    for member in 0..MEMBERS {
        let mut sender = ledger.handle().sender();
        members.spawn(async move {
            let context = context(member, 0);
            let mut tick = tokio::time::interval(Duration::from_secs(1) * MEMBERS / rate);
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let (began, mut latencies, mut waiting) = (Instant::now(), Vec::new(), Vec::new());
            let (mut number, mut durable) = (0, 0);
            while began.elapsed() < time || !waiting.is_empty() {
                tokio::select! {
                    _ = tick.tick(), if began.elapsed() < time => {
                        number += 1;
                        let sent = sender.send(batch(&context, number..number + 1)).await.unwrap();
                        waiting.push((sent, Instant::now()));
                    }
                    now = sender.durable_past(durable), if !waiting.is_empty() => {
                        durable = now.unwrap();
                        let done = waiting.partition_point(|(sent, _)| *sent <= durable);
                        latencies.extend(waiting.drain(..done).map(|(_, at): (u64, Instant)| at.elapsed()));
                    }
                }
            }
            latencies
        });
    }
    let mut latencies: Vec<Duration> = members.join_all().await.into_iter().flatten().collect();
    latencies.sort();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    let stats = ledger.handle().stats();
    let (shares, commits) = (stats.shares(), stats.commits());
    println!(
        "at {rate} shares/s: {shares} shares in {commits} commits, {} commits/s",
        commits / time.as_secs()
    );
    println!(
        "  acknowledged after p50 {:?}, p99 {:?}, most {:?}; a commit {:?} on average, {:?} at most",
        at(0.5),
        at(0.99),
        at(1.0),
        stats.total_commit() / u32::try_from(commits).unwrap(),
        stats.slowest_commit()
    );
    ledger.close();
    println!("  {:.1} bytes a share on disk", size(path) as f64 / shares as f64);
}

/// As fast as it goes.
async fn full_speed(path: &Path, shares: u32) {
    let ledger = open(path);
    let (began, cpu) = (Instant::now(), cpu_time());
    fill(&ledger, shares, 500, 1).await;
    let (took, cpu) = (began.elapsed(), cpu_time() - cpu);
    println!(
        "at full speed: {:.0} shares/s, {:.2} us of CPU a share, {} commits",
        f64::from(shares) / took.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / f64::from(shares),
        ledger.handle().stats().commits()
    );
    ledger.close();
    println!("  {:.1} bytes a share on disk", size(path) as f64 / f64::from(shares));
}

/// An hour of a meetup: every member six shares a minute, a job each 30 s, each share a commit.
async fn meetup(path: &Path) {
    let ledger = open(path);
    let mut sender = ledger.handle().sender();
    let mut shares = 0u32;
    for job in 0..120u64 {
        let members: Vec<_> = (0..MEMBERS).map(|member| context(member, job * 1_000)).collect();
        for _ in 0..3 {
            for context in &members {
                shares += 1;
                let number = sender.send(batch(context, shares..shares + 1)).await.unwrap();
                sender.durable_past(number - 1).await.unwrap();
            }
        }
    }
    ledger.close();
    println!(
        "an hour of a meetup: {:.1} bytes a share on disk, jobs included",
        size(path) as f64 / f64::from(shares)
    );
}

/// How long it takes to open a ledger.
async fn cold_start(path: &Path, shares: u32) {
    let ledger = open(path);
    fill(&ledger, shares, 1_000, 40).await;
    drop(ledger);
    let began = Instant::now();
    let ledger = open(path);
    println!("a ledger of {shares} shares is open after {:?}", began.elapsed());
    let began = Instant::now();
    let mut reader = Reader::open(path).unwrap();
    let read = reader.shares(1, u64::MAX).take(1_000_000).filter(Result::is_ok).count();
    println!("  reading: {:.0} shares/s", read as f64 / began.elapsed().as_secs_f64());
    let began = Instant::now();
    let rounds = reader.rounds().unwrap();
    let members = reader.round_work(rounds[0].first).unwrap().len();
    println!("  what {members} members did since the last block: {:?}", began.elapsed());
    drop(ledger);
}

async fn fill(ledger: &Ledger, shares: u32, burst: u32, jobs: u32) {
    let mut members = JoinSet::new();
    for member in 0..MEMBERS {
        let mut sender: ShareSender = ledger.handle().sender();
        members.spawn(async move {
            let each = shares / MEMBERS;
            for job in 0..jobs {
                let context = context(member, job.into());
                let mut next = job * (each / jobs);
                while next < (job + 1) * (each / jobs) {
                    let number = sender.send(batch(&context, next..next + burst)).await.unwrap();
                    next += burst;
                    // A few bursts under way, as a connection has.
                    if number > 4 && sender.durable().unwrap() < number - 4 {
                        sender.durable_past(number - 5).await.unwrap();
                    }
                }
            }
            let sent = sender.sent();
            while sender.durable().unwrap() < sent {
                sender.durable_past(sender.durable().unwrap()).await.unwrap();
            }
        });
    }
    members.join_all().await;
}

fn open(path: &Path) -> Ledger {
    Ledger::open(path, LedgerConfig::new("regtest", LedgerId([1; 16]), Box::new(Key::new()))).unwrap()
}

fn context(member: u32, fees: u64) -> Arc<ShareContext> {
    let template = TemplateParts {
        version: 0x2000_0000,
        prev_hash: Hash256([1; 32]),
        nbits: 0x1702_3a04,
        height: 900_000,
        min_ntime: 0,
        value: 312_500_000 + fees,
        fees,
        merkle_path: vec![Hash256([3; 32]); 12],
    };
    let job = JobParts {
        template: Arc::new(TemplateRecord::new(template).unwrap()),
        version_rolling: true,
        extranonce_size: 16,
        coinbase_prefix: vec![1; 60],
        coinbase_suffix: vec![2; 40 + 31 * MEMBERS as usize],
        basis: vec![0; 16],
    };
    let terms = ShareTerms {
        job: Arc::new(JobRecord::new(job).unwrap()),
        member: format!("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3{member:03}").into(),
        worker: "rig".into(),
        target: Target::from_difficulty(Difficulty(16_384.7)),
        extranonce_prefix: Extranonce::new(&member.to_be_bytes()).unwrap(),
    };
    Arc::new(ShareContext::new(terms).unwrap())
}

fn batch(context: &Arc<ShareContext>, numbers: std::ops::Range<u32>) -> Batch {
    let mut batch = Batch::with_capacity(numbers.len());
    for number in numbers {
        let noise = number.wrapping_mul(2_654_435_761);
        let version = 0x2000_0000 | noise & 0x1fff_e000;
        let submission = Submission { version, ntime: now(), nonce: noise };
        let mut rolled = [0; 12];
        rolled[..4].copy_from_slice(&number.to_be_bytes());
        batch.push(context, Share { submission, rolled: Extranonce::new(&rolled).unwrap() }).unwrap();
    }
    batch
}

fn now() -> u32 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as u32
}

fn size(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

/// User and system time of this process.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

struct Key(Keypair, Secp256k1<All>);

impl Key {
    fn new() -> Key {
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
