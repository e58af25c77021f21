#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
use super::*;
use crate::notify::event::BlockNews;
use crate::notify::view::{BestView, BlockView, WorkerView};

const MINUTE: Duration = Duration::from_secs(60);

fn rules() -> Rules {
    Rules {
        workers: Some(RosterRules {
            offline_after: 10 * MINUTE,
            steady: 2 * MINUTE,
            gather: 5 * MINUTE,
            repeat: 60 * MINUTE,
        }),
        rejects: Some(RejectRules { rate: 0.1, window: 10 * MINUTE, least: 30 }),
        node_down: 2 * MINUTE,
        template_stale: Some(60 * MINUTE),
        ledger_stalled: MINUTE / 2,
        steady: MINUTE,
        best_share_gap: 10 * MINUTE,
    }
}

/// A pool whose workers all do as they are told, a minute at a time.
struct Meetup {
    now: Instant,
    watcher: Watcher,
    view: View,
}

impl Meetup {
    fn new() -> Meetup {
        let now = Instant::now();
        Meetup { now, watcher: Watcher::new(rules(), 0.0, now), view: View::default() }
    }

    /// Minutes in which `miners` find shares and nobody else does.
    fn mine(&mut self, minutes: u32, miners: &[&str]) -> Vec<Event> {
        let mut news = Vec::new();
        for _ in 0..minutes {
            for name in miners {
                let worker = self.view.workers.entry((*name).to_owned()).or_default();
                worker.accepted += 6;
                self.view.shares.0 += 6;
            }
            self.now += MINUTE;
            news.extend(self.watcher.look(self.now, &self.view));
        }
        news
    }

    fn disconnect(&mut self, name: &str) {
        self.view.workers.remove(name);
    }
}

fn offline(workers: &[&str]) -> Event {
    Event::WorkersOffline {
        workers: workers.iter().map(|name| (*name).to_owned()).collect(),
        silent: 10 * MINUTE,
    }
}

#[test]
fn a_worker_that_stops_is_told_of_after_ten_minutes_and_again_when_it_is_back() {
    let mut meetup = Meetup::new();
    assert_eq!(meetup.mine(30, &["ann.a", "ben.b"]), []);
    meetup.disconnect("ben.b");
    assert_eq!(meetup.mine(9, &["ann.a"]), []);
    assert_eq!(meetup.mine(1, &["ann.a"]), [offline(&["ben.b"])]);
    assert_eq!(meetup.mine(60, &["ann.a"]), [], "once is enough");
    assert_eq!(meetup.mine(2, &["ann.a", "ben.b"]), [], "it must be steady first");
    assert_eq!(meetup.mine(1, &["ann.a", "ben.b"]), [Event::WorkersBack(vec!["ben.b".into()])]);
}

#[test]
fn a_worker_that_is_connected_and_finds_nothing_is_offline_too() {
    let mut meetup = Meetup::new();
    meetup.mine(30, &["ann.a"]);
    assert_eq!(meetup.mine(20, &[]), [offline(&["ann.a"])]);
}

#[test]
fn who_only_had_a_try_is_not_missed() {
    let mut meetup = Meetup::new();
    meetup.mine(5, &["guest"]);
    meetup.disconnect("guest");
    assert_eq!(meetup.mine(100, &["ann.a"]), []);
}

#[test]
fn workers_that_stop_together_are_told_of_together() {
    let mut meetup = Meetup::new();
    let all: Vec<String> = (0..30).map(|number| format!("rig{number:02}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    meetup.mine(30, &all);
    meetup.view.workers.clear();
    assert_eq!(meetup.mine(60, &[]), [offline(&all)]);
}

#[test]
fn those_that_stop_a_minute_later_wait_for_the_next_telling() {
    let mut meetup = Meetup::new();
    meetup.mine(30, &["a", "b", "c"]);
    meetup.disconnect("a");
    meetup.mine(1, &["b", "c"]);
    meetup.disconnect("b");
    meetup.mine(1, &["c"]);
    meetup.disconnect("c");
    assert_eq!(meetup.mine(60, &[]), [offline(&["a"]), offline(&["b", "c"])]);
}

#[test]
fn a_worker_that_comes_and_goes_is_told_of_once_an_hour() {
    let mut meetup = Meetup::new();
    meetup.mine(30, &["ann.a"]);
    let mut told = 0;
    for _ in 0..12 {
        let news = [meetup.mine(12, &[]), meetup.mine(8, &["ann.a"])].concat();
        told += news.iter().filter(|event| matches!(event, Event::WorkersOffline { .. })).count();
    }
    assert!((3..=4).contains(&told), "told {told} times in four hours");
}

#[test]
fn while_the_pool_takes_no_shares_no_worker_is_blamed() {
    let mut meetup = Meetup::new();
    meetup.mine(30, &["ann.a"]);
    meetup.view.source_trouble = Some("no node".into());
    assert_eq!(meetup.mine(60, &[]), [Event::NodeDown { reason: "no node".into() }]);
    meetup.view.source_trouble = None;
    assert_eq!(meetup.mine(30, &["ann.a"]), [Event::NodeBack { after: 60 * MINUTE }]);
}

#[test]
fn a_restart_of_the_node_is_no_news_and_one_that_flaps_is_one_trouble() {
    let mut meetup = Meetup::new();
    let mut news = Vec::new();
    for _ in 0..20 {
        meetup.view.source_trouble = Some("restarting".into());
        news.extend(meetup.mine(1, &["ann.a"]));
        meetup.view.source_trouble = None;
        news.extend(meetup.mine(1, &["ann.a"]));
    }
    assert_eq!(news, []);
    for _ in 0..20 {
        meetup.view.source_trouble = Some("gone".into());
        news.extend(meetup.mine(3, &["ann.a"]));
        meetup.view.source_trouble = None;
        news.extend(meetup.mine(1, &["ann.a"]));
    }
    assert_eq!(news, [Event::NodeDown { reason: "gone".into() }]);
}

#[test]
fn a_template_that_grows_old_is_told_of_and_a_new_one_too() {
    let mut meetup = Meetup::new();
    meetup.view.template = Some((900_000, 61 * MINUTE));
    let stale = Event::TemplateStale { age: 61 * MINUTE, height: 900_000 };
    assert_eq!(meetup.mine(5, &["a"]), [stale]);
    meetup.view.template = Some((900_001, MINUTE));
    assert_eq!(meetup.mine(5, &["a"]), [Event::TemplateFresh { height: 900_001 }]);
}

#[test]
fn a_check_of_the_ledger_that_fails_is_told_of_once_until_one_does_not() {
    let mut meetup = Meetup::new();
    let mut look = |wrong: Option<&str>| {
        meetup.view.ledger_wrong = wrong.map(str::to_owned);
        meetup.now += MINUTE;
        meetup.watcher.look(meetup.now, &meetup.view)
    };
    let told = |reason: &str| [Event::LedgerCheckFailed { reason: reason.into() }];
    assert_eq!(look(None), []);
    assert_eq!(look(Some("slice 3")), told("slice 3"));
    assert_eq!(look(Some("slice 3")), []);
    assert_eq!(look(None), []);
    assert_eq!(look(Some("slice 7")), told("slice 7"));
}

#[test]
fn a_disk_that_hangs_for_a_moment_is_no_news() {
    let mut meetup = Meetup::new();
    let mut look = |seconds: u64, ledger: LedgerView| {
        meetup.view.ledger = ledger;
        meetup.now += Duration::from_secs(seconds);
        meetup.watcher.look(meetup.now, &meetup.view)
    };
    let stalled = || LedgerView::Stalled("the disk is full".into());
    assert_eq!(look(1, stalled()), []);
    assert_eq!(look(20, stalled()), []);
    assert_eq!(look(1, LedgerView::Working), []);
    assert_eq!(look(100, stalled()), []);
    let told = Event::LedgerStalled { reason: "the disk is full".into(), failed: false };
    assert_eq!(look(31, stalled()), [told]);
    assert_eq!(look(1, LedgerView::Working), []);
    assert_eq!(look(61, LedgerView::Working), [Event::LedgerWorking]);
    let failed = Event::LedgerStalled { reason: "gone".into(), failed: true };
    assert_eq!(look(1, LedgerView::Failed("gone".into())), [failed]);
    assert_eq!(look(1, LedgerView::Failed("gone".into())), []);
}

#[test]
fn refused_shares_of_a_worker_are_told_once_until_they_are_few() {
    let mut meetup = Meetup::new();
    let reject = |meetup: &mut Meetup, minutes: u32, each: u64| {
        let mut news = Vec::new();
        for _ in 0..minutes {
            meetup.view.workers.entry("ann.a".into()).or_default().rejected += each;
            // Many others, all well: the pool as a whole is.
            meetup.view.shares.0 += 1_000;
            meetup.view.shares.1 += each;
            news.extend(meetup.mine(1, &["ann.a"]));
        }
        news
    };
    assert_eq!(reject(&mut meetup, 30, 0), []);
    let news = reject(&mut meetup, 60, 2);
    let [Event::Rejects { worker, rate, .. }] = news.as_slice() else { panic!("{news:?}") };
    assert_eq!(worker.as_deref(), Some("ann.a"));
    assert!((0.2..0.3).contains(rate), "{rate}");
    assert_eq!(reject(&mut meetup, 30, 0), [Event::RejectsCalm { worker: Some("ann.a".into()) }]);
}

#[test]
fn a_pool_that_refuses_everybodys_shares_says_so_once() {
    let mut meetup = Meetup::new();
    let names = ["a", "b", "c", "d"];
    let mut news = Vec::new();
    for _ in 0..40 {
        for name in names {
            meetup.view.workers.entry(name.into()).or_default().rejected += 6;
            meetup.view.shares.1 += 6;
        }
        news.extend(meetup.mine(1, &names));
    }
    assert!(matches!(news.as_slice(), [Event::Rejects { worker: None, .. }]), "{news:?}");
}

#[test]
fn best_shares_are_told_when_they_mean_something() {
    let mut meetup = Meetup::new();
    let mut look = |minutes: u32, difficulty: f64| {
        let best = BestView { difficulty, worker: "ann.a".into(), network_difficulty: Some(100.0) };
        meetup.view.best = Some(best);
        meetup.now += minutes * MINUTE;
        meetup.watcher.look(meetup.now, &meetup.view).len()
    };
    assert_eq!(look(1, 1.0), 0, "a new pool finds a best share with every other one");
    assert_eq!(look(5, 2.0), 0);
    assert_eq!(look(5, 3.0), 1);
    assert_eq!(look(1, 4.0), 0, "not so soon after the last");
    assert_eq!(look(9, 4.0), 1, "but in the end");
    assert_eq!(look(60, 4.0), 0);
}

#[test]
fn a_best_share_that_was_told_before_a_restart_is_not_told_again() {
    let now = Instant::now();
    let mut watcher = Watcher::new(rules(), 7.0, now);
    let best = |difficulty| BestView { difficulty, worker: "a".into(), network_difficulty: None };
    let mut look =
        |difficulty| watcher.look(now, &View { best: Some(best(difficulty)), ..View::default() }).len();
    assert_eq!(look(7.0), 0);
    assert_eq!(look(8.0), 1);
}

#[test]
fn a_worker_seen_for_the_first_time_has_all_its_counters_ahead() {
    let mut meetup = Meetup::new();
    meetup.view.workers.insert("a".into(), WorkerView { accepted: 0, rejected: 0, difficulty: 0.0 });
    assert_eq!(meetup.mine(60, &[]), [], "it has never found a share, and so is not missed");
}

#[test]
fn a_block_is_told_of_once_in_each_state_and_an_old_one_not_at_all() {
    let block = |number: u32, state: &'static str, minutes: u32| BlockView {
        ago: minutes * MINUTE,
        news: BlockNews {
            height: number,
            hash: format!("{number:064x}"),
            worker: "ann.a".into(),
            value: 1,
            state,
            detail: String::new(),
        },
    };
    let mut meetup = Meetup::new();
    meetup.view.blocks = vec![block(1, "settled", 5_000), block(2, "in-chain", 2)];
    let told = |news: Vec<Event>| -> Vec<(u32, &'static str)> {
        news.into_iter()
            .filter_map(
                |event| if let Event::Block(news) = event { Some((news.height, news.state)) } else { None },
            )
            .collect()
    };
    assert_eq!(told(meetup.mine(3, &[])), [(2, "in-chain")], "found just before a restart");
    meetup.view.blocks.push(block(3, "submitted", 0));
    assert_eq!(told(meetup.mine(3, &[])), [(3, "submitted")]);
    meetup.view.blocks[1] = block(2, "orphaned", 9);
    meetup.view.blocks[2] = block(3, "in-chain", 9);
    assert_eq!(told(meetup.mine(3, &[])), [(2, "orphaned"), (3, "in-chain")]);
}
