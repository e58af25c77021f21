//! Heat mode: while the node is gone, miners that heat a room may be given work for warmth.
//!
//! Such a job is on the last known tip, creates no coins and says so in its coinbase, which
//! lacks the block's height besides: a block made of it would be invalid. Its shares are
//! acknowledged and go nowhere: not into the ledger, not to the node, not into any sum.

use super::Job;
use crate::payout::{Payouts, Spread};
use crate::status::Heat;
use bitcoin::ScriptBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use template_provider::SourceStatus;
use tokio::sync::watch;
use tokio::time::Instant;
use translator::heat;
use work::extranonce::EXTRANONCE_SIZE;
use work::{JobWork, SplitCoinbase};

/// Tells when it is time for work that pays nobody.
pub struct HeatWatch {
    /// What the node's connection is like.
    pub source: watch::Receiver<SourceStatus>,
    /// How long the node may be gone before.
    pub after: Duration,
    /// Where it is shown.
    pub status: Arc<Heat>,
    gone_since: Option<Instant>,
}

impl HeatWatch {
    /// A watch over `source`.
    pub fn new(source: watch::Receiver<SourceStatus>, after: Duration, status: Arc<Heat>) -> HeatWatch {
        HeatWatch { source, after, status, gone_since: None }
    }

    /// There was no job yet that work for warmth could follow.
    pub fn postpone(&mut self) {
        self.gone_since = None;
    }

    /// Comes when the node has been gone for long enough; never, while miners already work
    /// for warmth. Cancel-safe.
    pub async fn due(&mut self) {
        loop {
            let is_there = *self.source.borrow_and_update() == SourceStatus::Serving;
            if is_there {
                self.gone_since = None;
            }
            let waits = !is_there && !self.status.is_on();
            let due = waits.then(|| *self.gone_since.get_or_insert_with(Instant::now) + self.after);
            tokio::select! {
                changed = self.source.changed() => {
                    if changed.is_err() {
                        // The pool stops.
                        return std::future::pending().await;
                    }
                }
                () = sleep_until(due), if due.is_some() => return,
            }
        }
    }
}

impl Job {
    /// A job like those of `height` that pays nobody.
    pub fn for_warmth(id: u32, height: u32, version: u32) -> Job {
        let (prefix, suffix) = heat::coinbase(EXTRANONCE_SIZE);
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes(); // some 60
        let (version_rolling_allowed, path_length) = (1, 0);
        let head = [&version.to_le_bytes()[..], &[version_rolling_allowed, path_length], &length(&prefix)];
        let (wire_head, suffix_length) = (head.concat().into_boxed_slice(), length(&suffix));
        let split = SplitCoinbase { prefix, suffix, extranonce_size: EXTRANONCE_SIZE, witness: None };
        Job {
            id,
            height,
            is_heat: true,
            work: JobWork::new(version, true, split, []),
            payouts: Payouts::single(ScriptBuf::new()),
            spread: Spread::default(),
            value: 0,
            fees: 0,
            record: OnceLock::new(),
            wire_head,
            suffix_length,
            sv1_text: OnceLock::new(),
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use bitcoin::Transaction;
    use bitcoin::consensus::deserialize;

    #[test]
    fn a_job_for_warmth_creates_no_coins_and_could_be_no_block() {
        let job = Job::for_warmth(1, 900_000, 0x2000_0000);
        let coinbase: Transaction =
            deserialize(&job.work.coinbase().to_block_bytes(&[7; EXTRANONCE_SIZE])).unwrap();
        assert!(job.is_heat && coinbase.is_coinbase());
        assert_eq!(coinbase.output.iter().map(|output| output.value.to_sat()).sum::<u64>(), 0);
        assert!(coinbase.output.iter().all(|output| output.script_pubkey.is_op_return()));
        // BIP34 wants the height first.
        assert!(coinbase.input.first().unwrap().script_sig.as_bytes().starts_with(heat::MARK));
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_due_once_the_node_was_gone_for_long_enough_at_a_stretch() {
        let gone = || SourceStatus::Connecting { reason: "gone".into() };
        let (source, seen) = watch::channel(SourceStatus::Serving);
        let status = Arc::new(Heat::default());
        let after = Duration::from_secs(60);
        let mut watch = HeatWatch::new(seen, after, status.clone());
        let start = Instant::now();
        let nothing = tokio::time::timeout(Duration::from_secs(900), watch.due()).await;
        assert!(nothing.is_err(), "the node was there");
        source.send_replace(gone());
        assert!(tokio::time::timeout(Duration::from_secs(50), watch.due()).await.is_err());
        source.send_replace(SourceStatus::Serving);
        assert!(tokio::time::timeout(Duration::from_secs(1), watch.due()).await.is_err());
        source.send_replace(gone());
        let again = Instant::now();
        watch.due().await;
        assert!(again.elapsed() >= after && start.elapsed() > after);
        status.start(std::time::Instant::now());
        assert!(tokio::time::timeout(Duration::from_secs(900), watch.due()).await.is_err(), "it is on");
    }
}
