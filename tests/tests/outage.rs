//! Outages between the built miner and the built pool: noticed soon, survived, and no
//! share judged twice or lost in silence.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use serde_json::Value;
use tests::{
    PoolConfig, Process, Proxy, Punchbowl, Weather,
    client::{Wanted, flags},
    process::Signal,
};

/// Shares come quickly, and none of them is a block.
fn config() -> PoolConfig {
    PoolConfig::embedded("1d00ffff").every_hash_a_share()
}

/// A pool, and a miner that has the proxy between itself and it.
struct Bench {
    pool: Punchbowl,
    proxy: Proxy,
    miner: Process,
}

impl Bench {
    async fn start(config: PoolConfig, channel: &str) -> Bench {
        let pool = Punchbowl::pool(config).await.unwrap();
        let proxy = Proxy::before(pool.address()).await.unwrap();
        let uri = format!("stratum2+tcp://{}/{}", proxy.address(), pool.authority());
        Bench::mining(pool, proxy, &uri, channel).await
    }

    async fn mining(pool: Punchbowl, proxy: Proxy, uri: &str, channel: &str) -> Bench {
        let miner = Punchbowl::spawn(&["miner", uri, "--channel", channel, "--max-hash-rate", "50"]).unwrap();
        let bench = Bench { pool, proxy, miner };
        bench.mines().await;
        bench
    }

    /// Waits for the next shares to be accepted.
    async fn mines(&self) {
        let mark = self.miner.log().mark();
        self.says_after(mark, "shares accepted").await;
    }

    async fn says_after(&self, mark: usize, words: &str) -> String {
        self.miner.line_after(mark, |line| line.contains(words)).await.unwrap()
    }

    /// Bad weather until the miner has noticed, and what it said.
    async fn outage(&self, weather: Weather) -> String {
        let mark = self.miner.log().mark();
        self.proxy.set(weather);
        self.says_after(mark, "; trying again in ").await
    }

    /// Fair weather: what the miner says when it goes on with its channel.
    async fn resumes(&self) -> String {
        let mark = self.miner.log().mark();
        self.proxy.set(Weather::Fair);
        let said = self.says_after(mark, "resumed: channel ").await;
        self.mines().await;
        said
    }

    /// Stops the miner and holds its account of its shares against the pool's.
    async fn settle(mut self) -> (Account, Value) {
        let account = self.stop_miner().await;
        let status = self.pool.status().await.unwrap();
        let refusals = status["shares"]["rejected"].as_object().unwrap();
        // What the pool has judged is what the miner was told, no more and no less.
        assert_eq!(status["shares"]["accepted"], account.accepted, "{account:?} {status:#}");
        assert_eq!(refusals.values().filter_map(Value::as_u64).sum::<u64>(), account.refused, "{status:#}");
        assert_eq!(refusals["duplicate-share"], 0, "{status:#}");
        (account, status)
    }

    async fn stop_miner(&mut self) -> Account {
        assert_eq!(self.miner.terminate().await.unwrap().code(), Some(0));
        let lines = self.miner.log().all();
        let last = lines.iter().rfind(|line| line.starts_with("found ")).expect("an account");
        let numbers = last.split([' ', ',']).filter_map(|word| word.parse().ok()).collect::<Vec<u64>>();
        let [found, accepted, refused, lost, unanswered] = numbers[..] else { panic!("{last}") };
        let account = Account { accepted, refused, lost };
        assert_eq!((found, unanswered), (accepted + refused + lost, 0), "{last}");
        account
    }
}

/// What became of a miner's shares, by its own account.
#[derive(Debug)]
struct Account {
    accepted: u64,
    refused: u64,
    lost: u64,
}

#[tokio::test]
async fn a_stream_that_is_cut_again_and_again_is_resumed_and_every_share_is_judged_once() {
    for channel in ["standard", "extended"] {
        let bench = Bench::start(config(), channel).await;
        for _ in 0..3 {
            bench.outage(Weather::Cut).await;
            bench.resumes().await;
        }
        let (account, status) = bench.settle().await;
        assert_eq!((account.refused, account.lost), (0, 0), "{account:?}");
        assert!(status["outages"]["resumed"].as_u64() >= Some(3), "{status:#}");
    }
}

#[tokio::test]
async fn a_stream_that_falls_silent_is_left_for_another_that_takes_the_session_over() {
    let bench = Bench::start(config(), "standard").await;
    let said = bench.outage(Weather::BlackHole).await;
    assert!(said.contains("nothing has come from the pool for"), "{said}");
    bench.resumes().await;
    let (account, status) = bench.settle().await;
    assert_eq!((account.refused, account.lost), (0, 0), "{account:?}");
    // The pool had not noticed: nothing told it that the old connection was dead.
    assert!(status["outages"]["taken_over"].as_u64() >= Some(1), "{status:#}");
}

#[tokio::test]
async fn over_iroh_a_pool_that_stands_still_is_left_and_its_session_taken_up_again() {
    let pool = Punchbowl::pool(config()).await.unwrap();
    let (proxy, invite) = (Proxy::before(pool.address()).await.unwrap(), pool.invite().to_string());
    let bench = Bench::mining(pool, proxy, &invite, "standard").await;
    let mark = bench.miner.log().mark();
    bench.pool.process().signal(Signal::STOP).unwrap();
    let said = bench.says_after(mark, "; trying again in ").await;
    assert!(said.contains("nothing has come from the pool for"), "{said}");
    bench.pool.process().signal(Signal::CONT).unwrap();
    bench.says_after(mark, "resumed: channel ").await;
    bench.mines().await;
    let (account, _) = bench.settle().await;
    assert_eq!((account.refused, account.lost), (0, 0), "{account:?}");
}

#[tokio::test]
async fn shares_whose_answers_were_lost_are_not_sent_again() {
    let bench = Bench::start(config(), "extended").await;
    bench.outage(Weather::Deaf).await;
    let said = bench.resumes().await;
    let judged = said.split([' ', ',']).filter_map(|word| word.parse().ok()).collect::<Vec<u64>>()[1];
    assert!(judged > 0, "{said}");
    let (account, _) = bench.settle().await;
    assert_eq!((account.refused, account.lost), (0, 0), "{account:?}");
}

#[tokio::test]
async fn a_new_tip_during_the_outage_is_what_the_miner_goes_on_with() {
    let config = PoolConfig::embedded("1f00ffff").every_hash_a_share();
    let bench = Bench::start(config, "standard").await;
    bench.outage(Weather::Cut).await;

    let mut other = bench.pool.miner(flags::REQUIRES_STANDARD_JOBS).await.unwrap();
    let channel = other.open_standard("bob", tests::client::SLOW).await.unwrap();
    let block = other.find(channel, Wanted::Block).unwrap();
    assert!(other.submit_and_wait(&block).await.unwrap().is_accepted());
    let tip = block.display_hash();
    bench.pool.until_status(|status| status["template"]["prev_hash"] == tip).await.unwrap();

    let mark = bench.miner.log().mark();
    bench.resumes().await;
    bench.says_after(mark, &format!(" on {tip}")).await;
    let Bench { pool, mut miner, .. } = bench;
    assert_eq!(miner.terminate().await.unwrap().code(), Some(0));
    let status = pool.status().await.unwrap();
    assert_eq!(status["shares"]["rejected"]["duplicate-share"], 0, "{status:#}");
    assert!(status["outages"]["resumed"].as_u64() >= Some(1), "{status:#}");
}

#[tokio::test]
async fn a_pool_that_was_restarted_is_mined_on_again_and_what_was_lost_is_said() {
    let mut bench = Bench::start(config(), "standard").await;
    bench.outage(Weather::BlackHole).await;
    bench.pool.kill().await.unwrap();
    bench.pool.restart().await.unwrap();
    let mark = bench.miner.log().mark();
    bench.proxy.set(Weather::Fair);
    bench.says_after(mark, "shares lost: the pool does not have the channel any more (unknown-token)").await;
    bench.says_after(mark, "connected: channel").await;
    bench.mines().await;
    let account = bench.stop_miner().await;
    assert!(account.lost > 0, "{account:?}");
    let status = bench.pool.status().await.unwrap();
    assert!(status["outages"]["unknown_tokens"].as_u64() >= Some(1), "{status:#}");
}

#[tokio::test]
async fn a_pool_that_keeps_no_channels_is_mined_on_again_all_the_same() {
    let config = config().section("[limits]\nresume_timeout = 0");
    let bench = Bench::start(config, "standard").await;
    let mark = bench.miner.log().mark();
    bench.outage(Weather::Cut).await;
    bench.proxy.set(Weather::Fair);
    bench.says_after(mark, "connected: channel").await;
    bench.mines().await;
    let status = bench.pool.status().await.unwrap();
    assert_eq!((&status["outages"]["parked"], &status["outages"]["resumed"]), (&0.into(), &0.into()));
}
