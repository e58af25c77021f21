#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
use super::*;
use crate::payout::PayoutSet;
use crate::payout::Standpoint;
use crate::status::Heat;
use bitcoin::ScriptBuf;
use bitcoin::Transaction;
use bitcoin::consensus::deserialize;
use ledger::payout::{Ppm, Rules, Standing};
use ledger::reader::Present;
use template_provider::embedded::{self, EmbeddedChain, EmbeddedConfig};
use template_provider::{CoinbaseReserve, SourceHandle, SourceStatus};
use work::extranonce::EXTRANONCE_SIZE;

struct Bench {
    board: JobBoard,
    chain: EmbeddedChain,
    /// The chain serves as long as somebody holds this.
    source: SourceHandle,
    pool_payout: watch::Sender<Arc<PayoutSet>>,
    extras: watch::Sender<Arc<Extras>>,
    stop: CancellationToken,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn bench(transactions: usize, max_variants: usize) -> Bench {
    bench_with(transactions, max_variants, None)
}

fn bench_with(transactions: usize, max_variants: usize, heat: Option<HeatWatch>) -> Bench {
    let (pool_payout, payouts) = watch::channel(Arc::new(PayoutSet::single(script(1))));
    bench_of(transactions, max_variants, heat, Ruling::Pool(payouts), pool_payout)
}

fn bench_of(
    transactions: usize,
    max_variants: usize,
    heat: Option<HeatWatch>,
    ruling: Ruling,
    pool_payout: watch::Sender<Arc<PayoutSet>>,
) -> Bench {
    let stop = CancellationToken::new();
    let reserve = CoinbaseReserve { output_bytes: 100, sigops: 3 };
    let config = EmbeddedConfig { transactions, reserve, ..EmbeddedConfig::default() };
    let (source, chain) = embedded::start_with_chain(config, stop.clone()).unwrap();
    let (sent_extras, extras) = watch::channel(Arc::default());
    let config = JobMakerConfig {
        templates: source.templates.clone(),
        openings: source.openings.clone(),
        delivered: source.delivered.clone(),
        ruling,
        script_sig: ScriptSigBytes::tag(b"tag".to_vec()),
        extras,
        max_variants,
        heat,
    };
    let (board, _) = start(config, stop.clone());
    Bench { board, chain, source, pool_payout, extras: sent_extras, stop }
}

fn script(number: u8) -> ScriptBuf {
    ScriptBuf::from_bytes(vec![number; 22])
}

async fn until(jobs: &mut Jobs, wanted: impl Fn(&JobSet) -> bool) -> Arc<JobSet> {
    let seen = jobs.wait_for(|set| set.as_ref().is_some_and(|set| wanted(set))).await.unwrap();
    seen.clone().unwrap()
}

fn coinbase(job: &Job) -> Transaction {
    deserialize(&job.work.coinbase().to_block_bytes(&[7; EXTRANONCE_SIZE])).unwrap()
}

#[tokio::test]
async fn a_new_tip_promotes_the_empty_job_that_miners_already_hold() {
    let bench = bench(3, 8);
    let mut jobs = bench.board.subscribe(PayTo::Pool).await.unwrap();
    let before = until(&mut jobs, |set| set.future.is_some()).await;
    let future = before.future.clone().unwrap();

    bench.chain.mine_elsewhere().unwrap();
    // However soon the full template follows, the tip opens with the job that is held.
    let after = until(&mut jobs, |set| {
        set.active.tip.sequence > before.active.tip.sequence && !set.active.job.work.merkle_path().is_empty()
    })
    .await;
    assert!(Arc::ptr_eq(&after.opening.job, &future));
    assert!(after.opening.template_id < after.active.template_id);
    assert_eq!(after.active.tip.tip.prev_hash, bench.chain.tip());
}

#[tokio::test]
async fn a_full_template_waits_for_a_connection_that_does_not_have_the_tip_but_not_for_ever() {
    let bench = bench(3, 8);
    let mut jobs = bench.board.subscribe(PayTo::Pool).await.unwrap();
    let before = until(&mut jobs, |set| set.future.is_some()).await;
    let _listener = bench.board.wave().listen();
    let asked = Instant::now();
    bench.chain.mine_elsewhere().unwrap();
    // The listener never reports.
    until(&mut jobs, |set| {
        set.active.tip.sequence > before.active.tip.sequence && !set.active.job.work.merkle_path().is_empty()
    })
    .await;
    assert!(asked.elapsed() >= JobMaker::LONGEST_WAVE);
}

#[tokio::test]
async fn a_full_template_follows_when_the_tip_has_reached_everyone() {
    let bench = bench(3, 8);
    let mut jobs = bench.board.subscribe(PayTo::Pool).await.unwrap();
    let mut listener = bench.board.wave().listen();
    let mut before = until(&mut jobs, |set| set.future.is_some()).await;
    for _ in 0..3 {
        bench.chain.mine_elsewhere().unwrap();
        let opened = until(&mut jobs, |set| set.active.tip.sequence > before.active.tip.sequence).await;
        listener.reached(listener.newest());
        let full = |set: &JobSet| !set.active.job.work.merkle_path().is_empty() && set.future.is_some();
        before = until(&mut jobs, full).await;
        assert_eq!(before.active.tip.sequence, opened.active.tip.sequence);
    }
}

#[tokio::test]
async fn without_transactions_the_promoted_job_stays() {
    let bench = bench(0, 8);
    let mut jobs = bench.board.subscribe(PayTo::Pool).await.unwrap();
    for _ in 0..3 {
        let before = until(&mut jobs, |set| set.future.is_some()).await;
        let future = before.future.clone().unwrap();
        bench.chain.mine_elsewhere().unwrap();
        let after = until(&mut jobs, |set| set.active.tip.sequence > before.active.tip.sequence).await;
        assert!(Arc::ptr_eq(&after.active.job, &future));
        assert!(after.active.template_id > before.active.template_id);
        until(&mut jobs, |set| set.future.as_ref().is_some_and(|next| next.id != future.id)).await;
    }
}

#[tokio::test]
async fn every_job_pays_the_whole_value_to_its_own_payout() {
    let bench = bench(2, 8);
    let mut pool = bench.board.subscribe(PayTo::Pool).await.unwrap();
    let mut solo = bench.board.subscribe(PayTo::Script(script(9))).await.unwrap();
    for (jobs, to) in [(&mut pool, script(1)), (&mut solo, script(9))] {
        let set = until(jobs, |set| set.future.is_some()).await;
        for job in [&set.active.job, set.future.as_ref().unwrap()] {
            let coinbase = coinbase(job);
            assert_eq!(coinbase.output.first().unwrap().script_pubkey, to);
            let paid: u64 = coinbase.output.iter().map(|output| output.value.to_sat()).sum();
            assert!(paid >= 50 * 100_000_000, "{paid}");
        }
        assert!(set.active.job.id != set.future.as_ref().unwrap().id);
    }
}

#[tokio::test]
async fn payouts_that_change_give_a_new_job_on_the_same_tip() {
    let bench = bench(0, 8);
    let mut jobs = bench.board.subscribe(PayTo::Pool).await.unwrap();
    let before = until(&mut jobs, |set| set.future.is_some()).await;
    bench.pool_payout.send_replace(Arc::new(PayoutSet::single(script(2))));
    let after = until(&mut jobs, |set| set.active.job.id != before.active.job.id).await;
    assert_eq!(after.active.tip.sequence, before.active.tip.sequence);
    assert_eq!(coinbase(&after.active.job).output.first().unwrap().script_pubkey, script(2));
    let future_too = until(&mut jobs, |set| {
        set.future.as_ref().is_some_and(|job| job.payouts == after.active.job.payouts)
    });
    future_too.await;
}

#[tokio::test]
async fn commitments_that_change_give_new_jobs_for_this_block_and_the_next() {
    let bench = bench(0, 8);
    let mut jobs = bench.board.subscribe(PayTo::Pool).await.unwrap();
    let before = until(&mut jobs, |set| set.future.is_some()).await;
    let payload = "0102".parse().unwrap();
    bench.extras.send_replace(Arc::new(Extras::new([&payload].into_iter(), None)));
    let commits = |job: &Job| coinbase(job).output[1].script_pubkey == payload.script();
    let after = until(&mut jobs, |set| {
        commits(&set.active.job) && set.future.as_ref().is_some_and(|future| commits(future))
    })
    .await;
    assert_eq!(after.active.tip.sequence, before.active.tip.sequence);
    // Nothing is taken from whom the block pays, and the template's own output stays last.
    let (old, new) = (coinbase(&before.active.job), coinbase(&after.active.job));
    assert_eq!((&old.output[0], old.output.last()), (&new.output[0], new.output.last()));
    assert_eq!(new.output.len(), old.output.len() + 1);

    // The future job is promoted with what it commits to.
    bench.chain.mine_elsewhere().unwrap();
    let next = until(&mut jobs, |set| set.active.tip.sequence > after.active.tip.sequence).await;
    assert!(Arc::ptr_eq(&next.opening.job, after.future.as_ref().unwrap()));
}

#[tokio::test]
async fn payouts_that_nobody_mines_for_make_room_for_others() {
    let bench = bench(0, 2);
    let first = bench.board.subscribe(PayTo::Script(script(1))).await.unwrap();
    let _second = bench.board.subscribe(PayTo::Script(script(2))).await.unwrap();
    let third = bench.board.subscribe(PayTo::Script(script(3))).await;
    assert!(matches!(third, Err(SubscribeError::TooManyVariants(2))));
    drop(first);
    assert!(bench.board.subscribe(PayTo::Script(script(3))).await.is_ok());
}

#[tokio::test]
async fn work_for_warmth_takes_the_place_of_every_job_and_a_template_ends_it() {
    let heat = Arc::new(Heat::default());
    let (source, seen) = watch::channel(SourceStatus::Serving);
    let watch = HeatWatch::new(seen, Duration::from_millis(1), heat.clone());
    let bench = bench_with(2, 8, Some(watch));
    let mut jobs = bench.board.subscribe(PayTo::Pool).await.unwrap();
    let real = until(&mut jobs, |set| set.future.is_some() && !set.active.job.is_heat).await;

    source.send_replace(SourceStatus::Connecting { reason: "gone".into() });
    let warm = until(&mut jobs, |set| set.active.job.is_heat).await;
    assert_eq!(warm.active.tip.sequence, real.active.tip.sequence);
    assert!(heat.is_on());
    assert_eq!(coinbase(&warm.active.job).output.iter().map(|output| output.value.to_sat()).sum::<u64>(), 0);
    // Who comes now, or is paid otherwise now, has no other work either.
    let mut late = bench.board.subscribe(PayTo::Script(script(9))).await.unwrap();
    assert!(until(&mut late, |_| true).await.active.job.is_heat);
    bench.pool_payout.send_replace(Arc::new(PayoutSet::single(script(2))));
    until(&mut jobs, |set| {
        set.future
            .as_ref()
            .is_some_and(|job| coinbase(job).output.first().unwrap().script_pubkey == script(2))
    })
    .await;
    assert!(until(&mut jobs, |_| true).await.active.job.is_heat);

    source.send_replace(SourceStatus::Serving);
    bench.chain.mine_elsewhere().unwrap();
    for jobs in [&mut jobs, &mut late] {
        let back = until(jobs, |set| !set.active.job.is_heat).await;
        assert!(back.active.tip.sequence > warm.active.tip.sequence);
    }
    assert!(!heat.is_on());
    assert_eq!(heat.snapshot(std::time::Instant::now()).times, 1);
}

/// The bench of a pool that pays by its ledger, and where the ledger's word is given.
fn by_the_ledger() -> (Bench, watch::Sender<Option<Arc<Standpoint>>>) {
    let (standpoints, standpoint) = watch::channel(None);
    let (nobody, _) = watch::channel(Arc::new(PayoutSet::single(script(1))));
    (bench_of(2, 8, None, Ruling::Ledger { standpoint, most_bytes: 10_000 }, nobody), standpoints)
}

fn address(number: u8) -> String {
    let script = ScriptBuf::new_p2wpkh(&bitcoin::hashes::Hash::from_byte_array([number; 20]));
    bitcoin::Address::from_script(&script, bitcoin::Network::Regtest).unwrap().to_string()
}

fn member(number: u8) -> PayTo {
    PayTo::Member { name: address(number).into(), limit: super::super::limit::CoinbaseLimit::SV2 }
}

/// So many members have worked the same.
fn standpoint(members: u8, rules: Rules) -> Option<Arc<Standpoint>> {
    let work = (0..members).map(|number| (address(number).into(), ledger::Work(1_000))).collect();
    let present = Present {
        slice: 1,
        book: Default::default(),
        standing: Standing { work, balances: Vec::new() },
        fullness: Default::default(),
    };
    Some(Arc::new(Standpoint::new(rules, None, present, 0x207f_ffff)))
}

fn payouts_of(job: &Job) -> usize {
    let paid: u64 = job.paid.outputs.iter().map(|output| output.value.to_sat()).sum();
    assert_eq!(paid, job.value, "a job pays what its template has to pay");
    job.paid.outputs.len()
}

#[tokio::test]
async fn members_have_one_job_in_common_unless_it_matters_who_finds_the_block() {
    let (bench, standpoints) = by_the_ledger();
    let mut ann = bench.board.subscribe(member(1)).await.unwrap();
    let mut bob = bench.board.subscribe(member(2)).await.unwrap();
    assert!(ann.borrow().is_none(), "nobody knows yet whom to pay");
    standpoints.send_replace(standpoint(3, Rules::default()));
    let (anns, bobs) = (until(&mut ann, |_| true).await, until(&mut bob, |_| true).await);
    assert!(Arc::ptr_eq(&anns.active.job, &bobs.active.job));
    assert_eq!((payouts_of(&anns.active.job), anns.active.job.paid.plan.is_some()), (3, true));

    // A bonus makes a coinbase for each of them; so does a window in which nobody has worked.
    for rules in [Rules { finder_bonus: Ppm(10_000), ..Rules::default() }, Rules::default()] {
        let members = if rules.finder_bonus > Ppm(0) { 3 } else { 0 };
        let before = ann.borrow().clone().unwrap().active.job.id;
        standpoints.send_replace(standpoint(members, rules));
        let anns = until(&mut ann, |set| set.active.job.id > before).await;
        let bobs = until(&mut bob, |set| set.active.job.id > before).await;
        assert_ne!(anns.active.job.id, bobs.active.job.id);
        let first = |set: &JobSet| set.active.job.paid.outputs.first().unwrap().script_pubkey.clone();
        assert_ne!(first(&anns), first(&bobs), "the finder is paid most");
        assert_eq!(payouts_of(&anns.active.job), usize::from(members).max(1));
    }
}

#[tokio::test]
async fn no_job_pays_more_outputs_than_its_template_was_asked_to_leave_room_for() {
    let (bench, standpoints) = by_the_ledger();
    standpoints.send_replace(standpoint(20, Rules::default()));
    let mut jobs = bench.board.subscribe(member(1)).await.unwrap();
    // A hundred bytes are three outputs of 31.
    let before = until(&mut jobs, |set| set.future.is_some()).await;
    assert_eq!((payouts_of(&before.active.job), payouts_of(before.future.as_ref().unwrap())), (3, 3));
    bench.source.reserve.send_replace(CoinbaseReserve { output_bytes: 1_000, sigops: 30 });
    let after = until(&mut jobs, |set| set.active.job.paid.outputs.len() > 3).await;
    assert_eq!(payouts_of(&after.active.job), 20);
}
