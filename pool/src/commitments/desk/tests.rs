#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use ledger::{Ledger, LedgerConfig, LedgerId, Signer};

struct Nobody;

impl Signer for Nobody {
    fn public_key(&self) -> [u8; 32] {
        [0; 32]
    }
    fn sign(&self, _: &[u8; 32]) -> [u8; 64] {
        [0; 64]
    }
}

struct Bench {
    commitments: Commitments,
    _ledger: Ledger,
    _folder: tempfile::TempDir,
    stop: CancellationToken,
}

async fn bench(output_bytes: u32, fixed: &[&str]) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let config = LedgerConfig::new("regtest", LedgerId([0; 16]), Box::new(Nobody));
    let ledger = Ledger::open(&folder.path().join("ledger.sqlite"), config).unwrap();
    let desk = CommitmentDesk {
        budget: Budget { output_bytes, ledger_root: false },
        fixed: fixed.iter().map(|hex| hex.parse().unwrap()).collect(),
        ledger: ledger.handle().clone(),
    };
    let stop = CancellationToken::new();
    Bench { commitments: desk.start(stop.clone()).await, _ledger: ledger, _folder: folder, stop }
}

fn payload(hex: &str) -> Payload {
    hex.parse().unwrap()
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_commitment_is_in_the_coinbase_until_its_time_is_over() {
    let bench = bench(100, &["0102"]).await;
    let mut extras = bench.commitments.extras();
    assert_eq!(extras.borrow_and_update().outputs().len(), 1);
    let standing = bench.commitments.set("side", payload("a1a2a3"), MINUTE).await.unwrap();
    assert_eq!((standing.used_bytes, standing.commitments.len()), (13 + 14, 2));
    let set = extras.borrow_and_update().clone();
    assert_eq!(set.outputs()[1].script_pubkey, payload("a1a2a3").script());
    assert!(set.outputs().iter().all(|output| output.value == bitcoin::Amount::ZERO));

    let since = Instant::now();
    extras.changed().await.unwrap();
    assert!(Instant::now() - since >= MINUTE);
    assert_eq!(extras.borrow().outputs().len(), 1);
    assert_eq!(bench.commitments.standing().commitments.len(), 1);
    bench.stop.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_name_is_taken_by_its_newest_commitment_and_is_free_when_it_is_removed() {
    let bench = bench(12, &[]).await;
    bench.commitments.set("side", payload("01"), MINUTE).await.unwrap();
    // Its own room counts as free.
    bench.commitments.set("side", payload("02"), MINUTE).await.unwrap();
    assert_eq!(bench.commitments.standing().commitments[0].data, "02");
    let refused = bench.commitments.set("other", payload("03"), MINUTE).await;
    assert_eq!(refused, Err(SetError::NoRoom { wanted: 12, free: 0, allowed: 12 }));
    assert!(bench.commitments.remove("side").await);
    assert!(!bench.commitments.remove("side").await);
    bench.commitments.set("other", payload("03"), MINUTE).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn names_and_times_out_of_bounds_are_refused() {
    let bench = bench(100, &[]).await;
    for name in ["", "A", "a b", "../x", &"x".repeat(33)] {
        assert_eq!(bench.commitments.set(name, payload("01"), MINUTE).await, Err(SetError::Name), "{name}");
    }
    for lifetime in [Duration::ZERO, Duration::from_secs(86_401)] {
        assert_eq!(bench.commitments.set("a", payload("01"), lifetime).await, Err(SetError::Lifetime));
    }
    bench.stop.cancel();
    let stopped = async {
        while bench.commitments.set("a", payload("01"), MINUTE).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    stopped.await;
}
