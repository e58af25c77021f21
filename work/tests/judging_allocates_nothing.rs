//! The hot path under an allocator that counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
#![allow(unsafe_code)] // an allocator cannot be written without

#[allow(dead_code)] // of it only the job is needed
#[path = "fixture/sri.rs"]
mod sri;

use sri::Job;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};
use work::{
    BIP323_MASK, Extranonce, HashRate, SeenShares, Submission, Target, Vardiff, VardiffConfig, judge,
    judge_extended,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations of this thread in `work`.
fn allocations_in(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations_in(|| drop(std::hint::black_box(vec![1u8]))), 1);
}

#[test]
fn judging_a_share_allocates_nothing_whatever_the_size_of_the_job() {
    for payouts in [1, 100, 500] {
        let job = Job::new(12, payouts, Target::MAX, 0x1d00_ffff);
        let share = Submission { version: 0x2000_2000, ntime: job.tip.min_ntime, nonce: 7 };
        let root = job.work.merkle_root(&[&[0; 16]]);
        let (work, tip, target, latest) = (&job.work, &job.tip, &job.target, job.ntime_max);

        let standard = || judge(work, tip, &root, &share, target, latest, BIP323_MASK);
        let extended =
            || judge_extended(work, tip, &[&[0; 4], &[0; 12]], &share, target, latest, BIP323_MASK);
        assert_eq!(allocations_in(|| assert!(standard().is_ok())), 0);
        assert_eq!(allocations_in(|| assert!(extended().is_ok())), 0);
        // Nor with an extranonce of the wrong size, which takes the other way.
        let other_size = || assert_ne!(work.merkle_root(&[&[0; 3]]), root);
        assert_eq!(allocations_in(other_size), 0);
    }
}

#[test]
fn vardiff_and_extranonces_allocate_nothing() {
    let start = Instant::now();
    let allocations = allocations_in(|| {
        let prefix = Extranonce::new(&[1; 4]).unwrap();
        assert_eq!(prefix.join(&[2; 12]).unwrap().len(), 16);

        let mut vardiff = Vardiff::new(&VardiffConfig::default(), HashRate(1e9), start);
        for share in 1..1000 {
            let now = start + Duration::from_millis(share);
            vardiff.record(now, vardiff.difficulty());
            vardiff.adjust(now);
        }
    });
    assert_eq!(allocations, 0);
}

#[test]
fn the_duplicate_filter_allocates_only_to_grow() {
    let mut seen = SeenShares::new();
    let hash = |number: u32| work::sha256d(&number.to_le_bytes());
    assert_eq!(allocations_in(|| seen = SeenShares::new()), 0);
    let growing = allocations_in(|| {
        for number in 0..10_000 {
            seen.insert(&hash(number));
        }
    });
    assert!((1..20).contains(&growing), "{growing}");
}
