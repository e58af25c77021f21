//! What judging a share costs, beside SRI's `channels_sv2` in the same run.
//!
//! `cargo bench -p work`. Every share is another one and is accepted: header checks,
//! hashing, target and duplicate filter. See `docs/performance.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

#[path = "../tests/fixture/sri.rs"]
mod sri;

use bitcoin::hashes::{Hash, sha256d as bitcoin_sha256d};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sri::{Job, submit_extended, submit_standard};
use std::hint::black_box;
use std::time::{Duration, Instant};
use work::extranonce::ROLLED_SIZE;
use work::{BIP323_MASK, Hash256, Header, SeenShares, Submission, Target, judge, judge_extended, merkle};

const DEPTH: u8 = 12;
/// Shares accepted before the prev-hash "changes" and duplicates are forgotten.
const SHARES_PER_TIP: u64 = 20_000;

fn jobs() -> impl Iterator<Item = (u16, Job)> {
    [1, 100, 500].into_iter().map(|payouts| (payouts, Job::new(DEPTH, payouts, Target::MAX, 0x1d00_ffff)))
}

fn share(job: &Job, number: u64) -> Submission {
    Submission { version: 0x2000_0000, ntime: job.tip.min_ntime, nonce: number as u32 }
}

/// Times `shares` shares, `judge_all` of which gets at most [`SHARES_PER_TIP`] at once;
/// what it returns is the time without its preparations.
fn in_tips(shares: u64, mut judge_all: impl FnMut(u64) -> Duration) -> Duration {
    let mut total = Duration::ZERO;
    let mut left = shares;
    while left > 0 {
        let now = left.min(SHARES_PER_TIP);
        total += judge_all(now);
        left -= now;
    }
    total
}

fn standard(c: &mut Criterion) {
    let mut group = c.benchmark_group("standard share");
    for (payouts, job) in jobs() {
        let root = job.work.merkle_root(&[&[0; 16]]);
        group.bench_function(BenchmarkId::new("work", payouts), |b| {
            b.iter_custom(|shares| {
                in_tips(shares, |shares| {
                    let mut seen = SeenShares::new();
                    let start = Instant::now();
                    for number in 0..shares {
                        let share = share(&job, number);
                        let judged = judge(
                            &job.work,
                            &job.tip,
                            &root,
                            &share,
                            &job.target,
                            job.ntime_max,
                            BIP323_MASK,
                        );
                        assert!(seen.insert(&judged.unwrap().hash));
                    }
                    start.elapsed()
                })
            });
        });
        group.bench_function(BenchmarkId::new("channels_sv2", payouts), |b| {
            b.iter_custom(|shares| {
                in_tips(shares, |shares| {
                    let (mut channel, _) = job.standard();
                    let messages: Vec<_> =
                        (0..shares).map(|number| submit_standard(&share(&job, number))).collect();
                    let start = Instant::now();
                    for message in messages {
                        assert!(channel.validate_share(message).is_ok());
                    }
                    start.elapsed()
                })
            });
        });
    }
}

fn extended(c: &mut Criterion) {
    let mut group = c.benchmark_group("extended share");
    for (payouts, job) in jobs() {
        let (_, prefix) = job.extended();
        let rolled = |number: u64| -> [u8; ROLLED_SIZE] {
            let mut bytes = [0; ROLLED_SIZE];
            bytes[..8].copy_from_slice(&number.to_le_bytes());
            bytes
        };
        group.bench_function(BenchmarkId::new("work", payouts), |b| {
            b.iter_custom(|shares| {
                in_tips(shares, |shares| {
                    let mut seen = SeenShares::new();
                    let start = Instant::now();
                    for number in 0..shares {
                        let share = share(&job, number);
                        let extranonce: [&[u8]; 2] = [&prefix, &rolled(number)];
                        let judged = judge_extended(
                            &job.work,
                            &job.tip,
                            &extranonce,
                            &share,
                            &job.target,
                            job.ntime_max,
                            BIP323_MASK,
                        );
                        assert!(seen.insert(&judged.unwrap().hash));
                    }
                    start.elapsed()
                })
            });
        });
        group.bench_function(BenchmarkId::new("channels_sv2", payouts), |b| {
            b.iter_custom(|shares| {
                in_tips(shares, |shares| {
                    let (mut channel, _) = job.extended();
                    let messages: Vec<_> = (0..shares)
                        .map(|number| submit_extended(&share(&job, number), &rolled(number)))
                        .collect();
                    let start = Instant::now();
                    for message in messages {
                        assert!(channel.validate_share(message).is_ok());
                    }
                    start.elapsed()
                })
            });
        });
    }
}

/// The two shapes that everything is made of, and the fold of twelve of them.
fn hashing(c: &mut Criterion) {
    let mut group = c.benchmark_group("SHA-256d");
    let header = Header {
        version: 1,
        prev_hash: Hash256([1; 32]),
        merkle_root: Hash256([2; 32]),
        ntime: 3,
        nbits: 4,
        nonce: 5,
    };
    let path = [Hash256([6; 32]); DEPTH as usize];
    let oracle = |message: &[u8]| Hash256(bitcoin_sha256d::Hash::hash(message).to_byte_array());

    group.bench_function("header/work", |b| b.iter(|| black_box(&header).hash()));
    group.bench_function("header/bitcoin_hashes", |b| b.iter(|| oracle(&black_box(&header).to_bytes())));
    group.bench_function("merkle path of 12/work", |b| {
        b.iter(|| merkle::fold(black_box(Hash256([7; 32])), &path))
    });
    group.bench_function("merkle path of 12/bitcoin_hashes", |b| {
        b.iter(|| {
            path.iter().fold(black_box(Hash256([7; 32])), |left, right| {
                let mut both = [0; 64];
                both[..32].copy_from_slice(&left.0);
                both[32..].copy_from_slice(&right.0);
                oracle(&both)
            })
        })
    });
}

criterion_group! {
    name = shares;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500));
    targets = hashing, standard, extended
}
criterion_main!(shares);
