#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
use super::*;
use crate::channel::group::Group;
use crate::payout::{Found, FoundBlocks, PayoutSet, Payouts, Standpoint};
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
    let ruling = Ruling::Pool { set: payouts, found: FoundBlocks::default() };
    bench_of(transactions, max_variants, heat, ruling, pool_payout)
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
    let ruling = Ruling::Ledger { standpoint, most_bytes: 10_000, found: FoundBlocks::default() };
    (bench_of(2, 8, None, ruling, nobody), standpoints)
}

fn address(number: u16) -> String {
    let [high, low] = number.to_be_bytes();
    let mut hash = [low; 20];
    hash[0] = high;
    let script = ScriptBuf::new_p2wpkh(&bitcoin::hashes::Hash::from_byte_array(hash));
    bitcoin::Address::from_script(&script, bitcoin::Network::Regtest).unwrap().to_string()
}

fn member(number: u16) -> PayTo {
    PayTo::Member { name: address(number).into(), limit: super::super::limit::CoinbaseLimit::SV2 }
}

/// So many members have worked the same.
fn standpoint(members: u16, rules: Rules) -> Option<Arc<Standpoint>> {
    let work = (0..members).map(|number| (address(number).into(), ledger::Work(1_000))).collect();
    let present = Present {
        slice: 1,
        book: Default::default(),
        standing: Standing { work, balances: Vec::new() },
        fullness: Default::default(),
        paid_by: Vec::new(),
    };
    Some(Arc::new(Standpoint::new(rules, None, present, 0x207f_ffff)))
}

fn payouts_of(job: &Job) -> usize {
    let outputs = job.paid_out().unwrap().outputs;
    let paid: u64 = outputs.iter().map(|output| output.value.to_sat()).sum();
    assert_eq!(paid, job.value, "a job pays what its template has to pay");
    assert!(coinbase(job).output.starts_with(&outputs), "and nobody else than its coinbase does");
    outputs.len()
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
    assert_eq!((payouts_of(&anns.active.job), anns.active.job.paid_out().unwrap().plan.is_some()), (3, true));

    // A bonus makes a coinbase for each of them; so does a window in which nobody has worked.
    for rules in [Rules { finder_bonus: Ppm(10_000), ..Rules::default() }, Rules::default()] {
        let members = if rules.finder_bonus > Ppm(0) { 3 } else { 0 };
        let before = ann.borrow().clone().unwrap().active.job.id;
        standpoints.send_replace(standpoint(members, rules));
        let anns = until(&mut ann, |set| set.active.job.id > before).await;
        let bobs = until(&mut bob, |set| set.active.job.id > before).await;
        assert_ne!(anns.active.job.id, bobs.active.job.id);
        let first = |set: &JobSet| coinbase(&set.active.job).output.first().unwrap().script_pubkey.clone();
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
    let after = until(&mut jobs, |set| set.active.job.paid_out().unwrap().outputs.len() > 3).await;
    assert_eq!(payouts_of(&after.active.job), 20);
}

/// Whether the first job on the present tip pays by a state that has what `block` paid.
fn opens_after(set: &JobSet, block: Hash256) -> bool {
    match &set.opening.job.payouts {
        Payouts::Ruled(ruled) => ruled.standpoint.counts(&block),
        Payouts::Set(_) => false,
    }
}

/// A job maker that is given a template, and then one on a block of the pool's own.
struct OnOurs {
    jobs: Jobs,
    /// That block.
    block: Hash256,
    /// Where the ledger's word is given.
    standpoints: watch::Sender<Option<Arc<Standpoint>>>,
    /// The job maker goes on as long as somebody holds these.
    _source: (Bench, watch::Sender<Option<Arc<Template>>>),
}

async fn on_a_block_of_ours() -> OnOurs {
    let source = bench(2, 8);
    let mut made = source.source.templates.clone();
    let first = made.wait_for(Option::is_some).await.unwrap().clone();
    let (templates, given) = watch::channel(first.clone());
    let (standpoints, standpoint) = watch::channel(standpoint(3, Rules::default()));
    let found = FoundBlocks::default();
    let config = JobMakerConfig {
        templates: given,
        openings: watch::channel(None).1,
        delivered: watch::channel(Hash256([0; 32])).0,
        ruling: Ruling::Ledger { standpoint, most_bytes: 10_000, found: found.clone() },
        script_sig: ScriptSigBytes::tag(Vec::new()),
        extras: watch::channel(Arc::default()).1,
        max_variants: 8,
        heat: None,
    };
    let (board, _) = start(config, source.stop.clone());
    let mut jobs = board.subscribe(member(1)).await.unwrap();
    until(&mut jobs, |set| set.future.is_some()).await;
    source.chain.mine_elsewhere().unwrap();
    let other_tip = |template: &Option<Arc<Template>>| {
        template.as_ref().map(|template| template.prev_hash) != first.as_ref().map(|first| first.prev_hash)
    };
    let second = made.wait_for(other_tip).await.unwrap().clone();
    let block = second.as_ref().unwrap().prev_hash;
    found.add(Found { hash: block, index: None });
    templates.send_replace(second);
    // The clock of these tests goes on when nobody has anything to do.
    tokio::time::sleep(Duration::from_secs(1)).await;
    OnOurs { jobs, block, standpoints, _source: (source, templates) }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_built_on_a_block_of_ours_before_its_payouts_are_booked() {
    let OnOurs { mut jobs, block, standpoints, _source } = on_a_block_of_ours().await;
    assert_ne!(until(&mut jobs, |_| true).await.active.tip.tip.prev_hash, block);
    let mut counting = standpoint(3, Rules::default());
    Arc::get_mut(counting.as_mut().unwrap()).unwrap().present.paid_by.push(block);
    standpoints.send_replace(counting);
    let asked = Instant::now();
    let set = until(&mut jobs, |set| set.active.tip.tip.prev_hash == block).await;
    assert!(opens_after(&set, block));
    assert!(asked.elapsed() < Duration::from_secs(1), "it waits no longer than it must");
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_does_not_book_our_block_is_not_waited_for_for_ever() {
    let OnOurs { mut jobs, block, standpoints: _standpoints, _source } = on_a_block_of_ours().await;
    let asked = Instant::now();
    let set = until(&mut jobs, |set| set.active.tip.tip.prev_hash == block).await;
    assert!(!opens_after(&set, block));
    assert!(asked.elapsed() <= JobMaker::LONGEST_BOOKING);
}

/// A pool with a bonus for the finder and so many members, all of whom have worked and mine.
async fn with_a_bonus(members: u16) -> (Bench, watch::Sender<Option<Arc<Standpoint>>>, Vec<Group>) {
    let (standpoints, standpoint) = watch::channel(None);
    let (nobody, _) = watch::channel(Arc::new(PayoutSet::single(script(1))));
    let ruling = Ruling::Ledger { standpoint, most_bytes: 100_000, found: FoundBlocks::default() };
    let bench = bench_of(2, usize::from(members), None, ruling, nobody);
    bench.source.reserve.send_replace(CoinbaseReserve { output_bytes: 31 * u32::from(members), sigops: 100 });
    let has_room = |template: &Option<Arc<Template>>| {
        template.as_ref().is_some_and(|template| template.reserve.output_bytes >= 31 * u32::from(members))
    };
    bench.source.templates.clone().wait_for(has_room).await.unwrap();
    standpoints.send_replace(bonus(members));
    let mut groups = Vec::new();
    for number in 0..members {
        let mut jobs = bench.board.subscribe(member(number)).await.unwrap();
        until(&mut jobs, |set| set.future.is_some()).await;
        let mut group = Group::new(1 + u32::from(number), member(number), jobs);
        group.update(1);
        groups.push(group);
    }
    (bench, standpoints, groups)
}

fn bonus(members: u16) -> Option<Arc<Standpoint>> {
    standpoint(members, Rules { finder_bonus: Ppm(10_000), min_payout: 0, ..Rules::default() })
}

#[tokio::test]
async fn of_jobs_that_pay_all_and_are_for_one_member_few_are_kept_and_none_when_the_member_is_gone() {
    const MEMBERS: u16 = 250;
    let (bench, standpoints, mut groups) = with_a_bonus(1).await;
    bench.source.reserve.send_replace(CoinbaseReserve { output_bytes: 31 * u32::from(MEMBERS), sigops: 100 });
    let mut jobs = groups[0].jobs.clone();
    let mut ids = Vec::new();
    for round in 2..14 {
        let before = groups[0].active().unwrap().id;
        standpoints.send_replace(bonus(MEMBERS));
        until(&mut jobs, |set| {
            set.active.job.id > before && payouts_of(&set.active.job) == usize::from(MEMBERS)
        })
        .await;
        groups[0].update(round);
        ids.push(groups[0].active().unwrap().id);
    }
    let kept: Vec<&Arc<Job>> = ids.iter().filter_map(|id| Some(&groups[0].job(*id)?.job)).collect();
    let bytes: usize = kept.iter().map(|job| job.coinbase_bytes()).sum();
    assert!((2..=8).contains(&kept.len()) && bytes <= 64 * 1024, "{} jobs of {bytes} bytes", kept.len());

    // One that is left by its last connection makes room for another member's.
    let refused = bench.board.subscribe(member(1)).await;
    assert!(matches!(refused, Err(SubscribeError::TooManyVariants(1))), "{refused:?}");
    drop((groups, jobs));
    assert!(bench.board.subscribe(member(1)).await.is_ok());
}

/// `cargo nextest run --lib --run-ignored only -E 'test(what_a_bonus_takes)' --no-capture`
#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "a measurement, by hand"]
async fn what_a_bonus_takes_of_memory_with_five_hundred_members() {
    const MEMBERS: u16 = 500;
    let resident = || {
        let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
        pages.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096 / (1 << 20)
    };
    let before = resident();
    let (bench, standpoints, mut groups) = with_a_bonus(MEMBERS).await;
    println!("one job and one for the next block for each of {MEMBERS}: {} MiB", resident() - before);
    for round in 2..18 {
        let last = groups.last().unwrap().active().unwrap().id;
        standpoints.send_replace(bonus(MEMBERS));
        let mut generation = bench.board.generation();
        let all_new = |groups: &mut Vec<Group>| {
            groups.iter_mut().for_each(|group| drop(group.update(round)));
            groups.iter().all(|group| group.active().unwrap().id > last)
        };
        while !all_new(&mut groups) {
            generation.changed().await.unwrap();
        }
    }
    println!("after sixteen changes of the payouts: {} MiB", resident() - before);
}
