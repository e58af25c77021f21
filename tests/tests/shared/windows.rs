//! Windows other than since the last block, through a whole pool on a real Bitcoin Core.

use super::replay::{self, Work, all, divided, recent, slices};
use super::{SUBSIDY, address, pays, verified, work_on};
use bitcoin::{Address, Network, ScriptBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use tests::{
    BitcoinNode, Client, PoolConfig, Punchbowl,
    client::{SLOW, Wanted},
};

/// Two members at a pool where every hash is a share, and every second one a block.
struct Meetup {
    node: BitcoinNode,
    pool: Punchbowl,
    miner: Client,
    ann: u32,
    bob: u32,
}

impl Meetup {
    async fn start(payout: &str) -> Option<Meetup> {
        let node = BitcoinNode::regtest().await.unwrap()?;
        let config = PoolConfig::on_core(&node).shared(payout).every_hash_a_share();
        let pool = Punchbowl::pool(config).await.unwrap();
        let mut miner = pool.miner(0).await.unwrap();
        let ann = miner.open_extended(&format!("{}.rig", anns()), SLOW).await.unwrap();
        let bob = miner.open_extended(&format!("{}.rig", bobs()), SLOW).await.unwrap();
        Some(Meetup { node, pool, miner, ann, bob })
    }

    async fn work(&mut self, channel: u32, shares: usize) {
        work_on(&mut self.miner, channel, shares).await;
    }

    /// Somebody else finds a block: the slice ends with the next share.
    async fn next_tip(&mut self) {
        let (_, before) = self.node.tip().await.unwrap();
        self.node.generate(1).await.unwrap();
        let (_, tip) = self.node.wait_for_tip_after(&before).await.unwrap();
        self.mine_on(&tip).await;
    }

    async fn mine_on(&mut self, tip: &str) {
        for channel in [self.ann, self.bob] {
            self.miner.until_channel(channel, |channel| channel.mines_on(tip)).await.unwrap();
        }
    }

    /// Waits until `slices` are closed and shown, finds a block that pays for the work in `window`
    /// of these, and nobody else; what it pays.
    async fn block(
        &mut self,
        finder: u32,
        closed: usize,
        window: impl Fn(&[replay::Slice]) -> Work,
    ) -> Vec<(ScriptBuf, u64)> {
        self.pool.until_status(|status| status["window"]["last_slice"] == closed).await.unwrap();
        let slices = slices(&self.pool);
        assert_eq!(slices.len(), closed);
        let (height, before) = self.node.tip().await.unwrap();
        // Halved every 150 blocks.
        assert!(height < 149);
        let right = divided(SUBSIDY, &window(&slices));
        self.miner
            .until_channel(finder, |channel| channel.mines_on(&before) && pays(channel) == right)
            .await
            .unwrap();
        let block = self.miner.find(finder, Wanted::Block).unwrap();
        assert!(self.miner.submit_and_wait(&block).await.unwrap().is_accepted());
        let (_, tip) = self.node.wait_for_tip_after(&before).await.unwrap();
        assert_eq!(tip, block.display_hash());
        let seen = self.node.block(&tip).await.unwrap()["tx"][0]["vout"].clone();
        let paid: Vec<_> =
            seen.as_array().unwrap().iter().filter_map(super::output).filter(|(_, sat)| *sat > 0).collect();
        assert_eq!(paid, right);
        self.mine_on(&tip).await;
        paid
    }

    /// The pool has ended, and nothing is wrong with its ledger.
    async fn end(mut self, kind: &str, blocks: usize) {
        self.pool.terminate().await.unwrap();
        let report = verified(&self.pool).await;
        assert_eq!(report["rules"][0]["rules"]["window"]["kind"], kind, "{report:#}");
        let told = report["blocks"].as_array().unwrap();
        assert!(told.len() == blocks && told.iter().all(|block| block["booked"] == true), "{report:#}");
    }
}

fn anns() -> Address {
    address(1, Network::Regtest)
}

fn bobs() -> Address {
    address(2, Network::Regtest)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn a_recent_window_pays_the_newest_work_up_to_its_limit_and_the_oldest_slice_in_part() {
    // A block takes two hashes here, so that the window holds ten.
    let Some(mut meetup) = Meetup::start("window = \"recent\"\nwindow_difficulties = 5").await else {
        return;
    };
    let (ann, bob) = (meetup.ann, meetup.bob);
    meetup.work(ann, 8).await;
    meetup.work(bob, 2).await;
    meetup.next_tip().await;
    meetup.work(bob, 6).await;
    meetup.next_tip().await;
    meetup.work(ann, 1).await;
    let window = |slices: &[replay::Slice]| recent(slices, 10, u64::from(u32::MAX));
    let paid = meetup.block(ann, 2, window).await;
    // Bob's six, and of the first slice four tenths: three of Ann's, none of Bob's.
    let right =
        [(bobs().script_pubkey(), SUBSIDY / 9 * 6 + SUBSIDY % 9), (anns().script_pubkey(), SUBSIDY / 9 * 3)];
    assert_eq!(paid.iter().map(|(_, sat)| sat).sum::<u64>(), SUBSIDY);
    assert!(
        paid.iter().zip(&right).all(|(paid, right)| paid.0 == right.0 && paid.1.abs_diff(right.1) < 9),
        "{paid:?}"
    );
    let shown =
        meetup.pool.until_status(|status| status["window"]["last_slice"] == 3).await.unwrap()["window"]
            .clone();
    assert_eq!(
        (&shown["rule"]["kind"], &shown["rule"]["difficulties_milli"]),
        (&"recent".into(), &5_000.into())
    );
    assert_eq!(
        (&shown["fullness_ppm"], &shown["members"], &shown["first_slice"]),
        (&900_000.into(), &2.into(), &1.into()),
        "{shown}"
    );
    assert_eq!(shown["work"], "9", "what is cut off a slice counts for nobody");
    // A block changes nothing about what is recent: the same work is paid again.
    meetup.block(bob, 3, window).await;
    meetup.end("recent", 2).await;
}

#[tokio::test]
async fn a_recent_window_forgets_work_that_is_older_than_its_time() {
    let payout = "window = \"recent\"\nwindow_difficulties = 1000\nwindow_time = 2";
    let Some(mut meetup) = Meetup::start(payout).await else { return };
    let (ann, bob) = (meetup.ann, meetup.bob);
    meetup.work(ann, 3).await;
    let began = now();
    // Nothing else tells of time.
    meetup.pool.until_status(|_| now() > began + 3).await.unwrap();
    meetup.next_tip().await;
    meetup.work(bob, 2).await;
    meetup.next_tip().await;
    meetup.work(ann, 1).await;
    let paid = meetup.block(bob, 2, |slices| recent(slices, 2_000, 2)).await;
    assert_eq!(paid, [(bobs().script_pubkey(), SUBSIDY)]);
    let shown = meetup.pool.status().await.unwrap()["window"].clone();
    assert_eq!(shown["rule"]["seconds"], 2, "{shown}");
    assert!(
        shown["warning"].as_str().is_some_and(|words| words.contains("divided by little work")),
        "{shown}"
    );
    meetup.end("recent", 1).await;
}

#[tokio::test]
async fn an_event_pays_what_was_worked_from_its_start_to_its_end_by_every_block() {
    let (start, end) = (now() + 10, now() + 16);
    let payout = format!("window = \"event\"\nevent_start = {:?}\nevent_end = {:?}", utc(start), utc(end));
    let Some(mut meetup) = Meetup::start(&payout).await else { return };
    let (ann, bob) = (meetup.ann, meetup.bob);
    meetup.work(ann, 3).await;
    meetup.pool.until_status(|_| now() >= start).await.unwrap();
    // The start ends the slice; nothing else does.
    meetup.work(bob, 4).await;
    meetup.work(ann, 1).await;
    assert_eq!(slices(&meetup.pool).len(), 1);
    assert!(slices(&meetup.pool)[0].opened < start, "the machine is too slow for this test");
    meetup.next_tip().await;
    meetup.work(bob, 1).await;
    let within =
        |slices: &[replay::Slice]| all(slices.iter().filter(|slice| (start..end).contains(&slice.opened)));
    let paid = meetup.block(bob, 2, within).await;
    assert_eq!(paid, [(bobs().script_pubkey(), SUBSIDY / 5 * 4), (anns().script_pubkey(), SUBSIDY / 5)]);
    let shown =
        meetup.pool.until_status(|status| status["window"]["last_slice"] == 3).await.unwrap()["window"]
            .clone();
    assert_eq!(
        (&shown["rule"]["kind"], &shown["rule"]["from"], &shown["rule"]["to"]),
        (&"event".into(), &start.into(), &end.into())
    );
    assert_eq!(shown["first_slice"], 2, "{shown}");
    // Against what a block takes, which are two hashes.
    let work: u64 = shown["work"].as_str().unwrap().parse().unwrap();
    assert_eq!(shown["fullness_ppm"], work * 500_000, "{shown}");
    // Every block of the event, or after it, pays all of it, and nothing else.
    meetup.block(ann, 3, within).await;
    meetup.pool.until_status(|_| now() >= end).await.unwrap();
    meetup.work(ann, 5).await;
    meetup.next_tip().await;
    meetup.work(ann, 1).await;
    let closed = slices(&meetup.pool).len();
    let last = slices(&meetup.pool).pop().unwrap();
    assert!(last.opened >= end && last.work[&anns().script_pubkey()] == 5);
    meetup.block(ann, closed, within).await;
    meetup.end("event", 3).await;
}

/// A time as the configuration has it.
fn utc(seconds: u64) -> String {
    let output = Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
